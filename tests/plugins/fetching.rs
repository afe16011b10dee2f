//! Components from URLs.

use chora_test_guests::{COURIER, COURIER_NEXT};
use rustix::process::Signal;

use crate::scene::{bootstrap, copy, files, project, record, sha256};
use crate::server::Server;
use crate::support::{Ecosystem, Output, Unheard};

fn add(ecosystem: &Ecosystem, url: &str) -> Output {
    let variables = [("NO_PROXY", "127.0.0.1".to_owned())];
    let arguments = ["plugin", "add", url, "--yes", "--phase", "2"];
    ecosystem.chora_with(&variables, &arguments)
}

#[track_caller]
fn refused(url: &str, code: i32, parts: &[&str]) {
    let ecosystem = project();
    let before = files(&ecosystem);
    let output = add(&ecosystem, url).exits(code);
    output
        .complains(&["error[", "next actions"])
        .complains(parts);
    assert_eq!(files(&ecosystem), before);
}

#[test]
fn a_component_is_fetched_through_redirects_shown_and_added() {
    let server = Server::with(COURIER);
    let ecosystem = project();
    let url = server.url("/redirect/4");
    let added = add(&ecosystem, &url).exits(0);
    assert!(added.stdout.contains(&sha256(COURIER)), "{}", added.stdout);
    assert!(added.stderr.contains("fetching"), "{}", added.stderr);
    assert!(record(&ecosystem).contains(&format!("source: \"{url}\"")));
    assert!(
        bootstrap(&ecosystem)
            .iter()
            .any(|(step, _)| step == "courier/look")
    );
}

#[test]
fn an_update_fetches_from_the_same_place_again() {
    let server = Server::with(COURIER);
    let ecosystem = project();
    add(&ecosystem, &server.url("/component.wasm")).exits(0);
    server.changes_to(COURIER_NEXT);
    let variables = [("NO_PROXY", "127.0.0.1".to_owned())];
    let update = ["plugin", "update", "courier", "--yes"];
    let updated = ecosystem.chora_with(&variables, &update).exits(0);
    assert!(
        updated.stdout.contains("version: 1.0.0 → 2.0.0"),
        "{}",
        updated.stdout
    );
    assert!(copy(&ecosystem, COURIER_NEXT).exists());
    assert!(!copy(&ecosystem, COURIER).exists());
}

#[test]
fn a_server_that_gives_no_component_is_named() {
    let server = Server::with(COURIER);
    let fetch = "error[FETCH_FAILED]";
    refused(&server.url("/none.wasm"), 1, &[fetch, "404 Not Found"]);
    refused(
        &server.url("/cut-off.wasm"),
        1,
        &[fetch, "cannot be fetched"],
    );
    refused(&server.url("/redirect/5"), 1, &[fetch, "more than 5 times"]);
    let unheard = Unheard::take();
    let address = unheard.address();
    refused(&format!("http://{address}/x.wasm"), 1, &[fetch, "refused"]);
}

#[test]
fn a_body_without_end_is_cut_off_and_a_huge_one_not_even_begun() {
    let server = Server::with(COURIER);
    let parts = ["error[PLUGIN_INVALID]", "more than 67108864 bytes"];
    refused(&server.url("/endless.wasm"), 7, &parts);
    refused(&server.url("/huge.wasm"), 7, &parts);
}

#[test]
fn a_url_with_user_information_is_refused_and_never_shown() {
    let url = "http://me:hunter2@127.0.0.1/x.wasm";
    let ecosystem = project();
    let output = add(&ecosystem, url).exits(7);
    assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
    output.complains(&["error[CONFIG_ERROR]", "user information"]);
}

#[test]
fn a_query_is_recorded_and_that_is_said() {
    let server = Server::with(COURIER);
    let ecosystem = project();
    let url = server.url("/component.wasm?version=1");
    let added = add(&ecosystem, &url).exits(0);
    assert!(
        added.stdout.contains("which is recorded"),
        "{}",
        added.stdout
    );
    assert!(record(&ecosystem).contains(&url));
}

#[test]
fn a_query_does_not_get_into_what_is_printed_of_a_failure() {
    let server = Server::with(COURIER);
    let ecosystem = project();
    let output = add(&ecosystem, &server.url("/none.wasm?token=hunter2")).exits(1);
    assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
}

#[test]
fn a_signal_ends_a_fetch_that_hangs() {
    let server = Server::with(COURIER);
    let ecosystem = project();
    let before = files(&ecosystem);
    let url = server.url("/silent.wasm");
    let mut command = ecosystem.command(&["plugin", "add", &url, "--yes", "--phase", "2"]);
    command.env("NO_PROXY", "127.0.0.1");
    let mut told = crate::support::Told::by(command);
    told.until_error("fetching");
    told.signal(Signal::TERM);
    let output = told.end().exits(6);
    output.complains(&["error[USER_INTERRUPTED]", "nothing was changed"]);
    assert_eq!(files(&ecosystem), before);
}
