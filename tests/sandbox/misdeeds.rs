//! Every way for a step to be stopped or to fail: told by name, with what it was doing, and the next call of the same host is none the worse.

use std::sync::Arc;
use std::time::Duration;

use chora_model::plan::Change;
use chora_plugin_host::{Limits, PluginError};

use crate::scene::{Guest, Sandbox};
use chora_selftest::Server;

pub(crate) const COMPONENT: &[u8] = chora_hostile_plugins::MISDEEDS;

/// Short for a test, and long for a call that ends by itself.
const SHORT: Duration = Duration::from_millis(300);

/// What a misdeed ends with. The same host makes a good call after it.
async fn ended(guest: Guest<'_>, step: &str) -> PluginError {
    let error = guest.apply(step).await.expect_err(step);
    assert_eq!(error.plugin(), "guest");
    let good = guest.within(crate::scene::PATIENCE).apply("good").await;
    assert_eq!(good.expect("a host that works").change, Change::Changed);
    error
}

/// The limit, the ceiling and the outstanding host call of a step that went past one.
async fn limited(limits: Limits, step: &str) -> (String, String, Option<String>) {
    let sandbox = Sandbox::limited(limits);
    let error = ended(sandbox.guest(COMPONENT).await, step).await;
    match error {
        PluginError::Limit {
            call,
            what,
            limit,
            outstanding,
            ..
        } => {
            assert_eq!(call, format!("apply({step})"));
            (what, limit, outstanding)
        }
        other => panic!("{step}: {other:?}"),
    }
}

fn told(what: &str, limit: &str) -> (String, String, Option<String>) {
    (what.to_owned(), limit.to_owned(), None)
}

#[tokio::test]
async fn memory_is_limited() {
    let limits = Limits {
        memory: 16 << 20,
        ..Limits::default()
    };
    assert_eq!(limited(limits, "memory").await, told("memory", "16 MiB"));
}

#[tokio::test]
async fn recursion_is_limited_by_the_stack() {
    let limits = Limits::default();
    assert_eq!(
        limited(limits, "recursion").await,
        told("the call stack", "512 KiB")
    );
}

#[tokio::test]
async fn a_guest_that_overflows_its_own_stack_is_told_with_where() {
    let sandbox = Sandbox::new();
    let error = ended(sandbox.guest(COMPONENT).await, "wide-recursion").await;
    let PluginError::Trapped { backtrace, .. } = error else {
        panic!("{error:?}");
    };
    assert!(backtrace[0].ends_with("::wider"), "{backtrace:?}");
    assert!(backtrace.len() <= 100, "{} frames", backtrace.len());
}

#[tokio::test]
async fn output_is_limited_on_both_streams() {
    for stream in ["stdout", "stderr"] {
        let limits = Limits {
            output: 64 << 10,
            ..Limits::default()
        };
        assert_eq!(limited(limits, stream).await, told("output", "64 KiB"));
    }
}

#[tokio::test]
async fn cheap_host_calls_are_limited() {
    let limits = Limits {
        host_calls: 1_000,
        ..Limits::default()
    };
    assert_eq!(
        limited(limits, "host-calls").await,
        told("the number of host calls", "1000")
    );
}

#[tokio::test]
async fn bytes_of_one_host_call_are_limited() {
    assert_eq!(
        limited(Limits::default(), "argument").await,
        told("the bytes of one host call", "4096 KiB")
    );
}

#[tokio::test]
async fn open_resources_are_limited() {
    let sandbox = Sandbox::limited(Limits {
        resources: 100,
        ..Limits::default()
    });
    sandbox.make_credentials();
    let guest = sandbox.guest(COMPONENT).await;
    let guest = guest.granted(&["credentials=jwt_secret:use"]);
    let error = ended(guest, "resources").await;
    assert_eq!(
        error.to_string(),
        "plugin `guest` was stopped in `apply(resources)`: the number of open resources is limited to 100 (it was in `credentials.bearer-of(jwt_secret:use)`)"
    );
}

#[tokio::test]
async fn log_lines_past_the_limit_are_dropped_and_endless_ones_end_the_call() {
    let sandbox = Sandbox::limited(Limits {
        log_lines: 10,
        host_calls: 1_000,
        ..Limits::default()
    });
    let error = ended(sandbox.guest(COMPONENT).await, "log").await;
    assert!(
        matches!(&error, PluginError::Limit { what, .. } if what == "the number of host calls"),
        "{error:?}"
    );
    assert_eq!(sandbox.events().len(), 10);
}

#[tokio::test]
async fn a_busy_guest_is_ended_by_its_deadline() {
    let sandbox = Sandbox::new();
    let guest = sandbox.guest(COMPONENT).await.within(SHORT);
    let error = ended(guest, "loop").await;
    assert_eq!(
        error.to_string(),
        "plugin `guest` did not end `apply(loop)` within 300ms"
    );
}

#[tokio::test]
async fn a_guest_that_sleeps_is_ended_by_its_deadline() {
    let sandbox = Sandbox::new();
    let guest = sandbox.guest(COMPONENT).await.within(SHORT);
    let error = ended(guest, "wait").await;
    assert!(
        matches!(error, PluginError::TimedOut { limit: SHORT, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_host_call_that_never_ends_is_ended_named_and_in_the_ledger() {
    let sandbox = Sandbox::new();
    let server = Server::start().await.expect("a server");
    let url = server.url("/silent");
    let guest = sandbox.guest(COMPONENT).await;
    let guest = guest.granted(&[format!("http=GET {url}")]);
    // Long enough for the request to be sent, on a machine that has much to do.
    let guest = guest.set("url", url.clone()).within(Duration::from_secs(1));
    let error = ended(guest, "get").await;
    let PluginError::TimedOut { outstanding, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(
        outstanding.as_deref(),
        Some(&*format!("http.send(GET {url})"))
    );
    assert!(
        error
            .to_string()
            .contains(&format!("(it was in `http.send(GET {url})`)")),
        "{error}"
    );
    let [line] = sandbox.ledger().try_into().expect("one line");
    assert_eq!(
        (line.decision.as_str(), line.target),
        ("allowed", format!("GET {url}"))
    );
    assert!(line.duration_us > 100_000, "{}", line.duration_us);
}

#[tokio::test]
async fn a_busy_guest_does_not_keep_others_from_their_work() {
    let sandbox = Sandbox::new();
    let busy = sandbox.guest(COMPONENT).await;
    let good = sandbox.guest(COMPONENT).await;
    // One thread, and the busy guest first: the good one gets its turn only because the busy one yields.
    tokio::select! {
        biased;
        busy = busy.apply("loop") => panic!("{busy:?}"),
        good = good.apply("good") => assert_eq!(good.expect("a good call").summary, "done"),
    }
}

#[tokio::test]
async fn a_panic_is_told_with_its_text_and_the_names_of_functions() {
    let sandbox = Sandbox::new();
    let error = ended(sandbox.guest(COMPONENT).await, "panic").await;
    let PluginError::Trapped {
        call,
        message,
        stderr,
        backtrace,
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(call, "apply(panic)");
    assert!(message.starts_with("panicked at "), "{message}");
    assert!(message.ends_with(": the boiler burst"), "{message}");
    assert!(stderr.contains("the boiler burst"), "{stderr}");
    let named = |part: &str| backtrace.iter().any(|name| name.contains(part));
    assert!(named("chora_hostile_misdeeds"), "{backtrace:?}");
    assert!(named("panic"), "{backtrace:?}");
}

#[tokio::test]
async fn a_trap_is_told_with_its_kind_and_the_names_of_functions() {
    let sandbox = Sandbox::new();
    let error = ended(sandbox.guest(COMPONENT).await, "unreachable").await;
    let PluginError::Trapped {
        message, backtrace, ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert!(message.contains("unreachable"), "{message}");
    let named = backtrace
        .iter()
        .any(|name| name.contains("chora_hostile_misdeeds"));
    assert!(named, "{backtrace:?}");
}

#[tokio::test]
async fn a_guest_that_exits_has_crashed_even_with_code_0() {
    let sandbox = Sandbox::new();
    let error = ended(sandbox.guest(COMPONENT).await, "exit").await;
    assert!(
        matches!(&error, PluginError::Trapped { message, .. } if message.contains("exit")),
        "{error:?}"
    );
}

/// What the guest says of a request of its own that was not answered.
async fn unanswered(step: &str, path: &str, method: &str) -> (String, usize) {
    let sandbox = Sandbox::new();
    let server = Server::start().await.expect("a server");
    let url = server.url(path);
    let guest = sandbox.guest(COMPONENT).await;
    let guest = guest.granted(&[format!("http={method} {url}")]);
    let error = ended(guest.set("url", url), step).await;
    let PluginError::Guest { failure, .. } = error else {
        panic!("{error:?}");
    };
    (failure.message, server.heads().len())
}

#[tokio::test]
async fn a_request_body_past_the_limit_is_not_sent() {
    let (said, requests) = unanswered("request-body", "/a", "POST").await;
    assert!(said.contains("more than 1048576 bytes"), "{said}");
    assert_eq!(requests, 0);
}

#[tokio::test]
async fn more_headers_than_allowed_are_refused_and_not_dropped() {
    let (said, requests) = unanswered("headers", "/a", "GET").await;
    assert!(said.contains("more than 100 headers"), "{said}");
    assert_eq!(requests, 0);
}

#[tokio::test]
async fn a_response_body_past_the_limit_is_too_large() {
    let (said, requests) = unanswered("get", "/large", "GET").await;
    assert!(said.contains("larger than allowed"), "{said}");
    assert_eq!(requests, 1);
}

#[tokio::test]
async fn an_explained_failure_keeps_everything_that_was_said() {
    let sandbox = Sandbox::new();
    let error = ended(sandbox.guest(COMPONENT).await, "failure").await;
    assert_eq!(error.code(), None);
    assert_eq!(error.to_string(), "service `db` has no disk");
    let PluginError::Guest { failure, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(failure.service.as_deref(), Some("db"));
    assert_eq!(failure.causes, ["the disk is full"]);
    assert_eq!(failure.next_actions, ["Empty the disk."]);
}

#[tokio::test]
async fn an_unknown_step_is_named() {
    let sandbox = Sandbox::new();
    let error = ended(sandbox.guest(COMPONENT).await, "no-such-step").await;
    assert_eq!(
        error.to_string(),
        "the plugin does not know its step `no-such-step` any more"
    );
}

#[tokio::test]
async fn a_phase_plugin_is_no_health_plugin() {
    let sandbox = Sandbox::new();
    let error = sandbox.guest(COMPONENT).await.probe().await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("it is a phase plugin, and a health plugin is needed here"),
        "{error}"
    );
}

#[tokio::test]
async fn ten_thousand_calls_at_once_are_each_refused_and_each_on_record() {
    let sandbox = Sandbox::new();
    // A guest makes one call at a time, so there have to be many guests.
    let mut guests = Vec::new();
    for _ in 0..100 {
        guests.push(sandbox.guest(COMPONENT).await.set("calls", 100));
    }
    let calls = guests.iter().map(|guest| guest.apply("many-calls"));
    for outcome in futures_util::future::join_all(calls).await {
        assert_eq!(outcome.expect("an outcome").summary, "100 refused");
    }
    let ledger = sandbox.ledger();
    assert_eq!(ledger.len(), 10_000);
    assert!(ledger.iter().all(|line| line.decision == "denied"));
}

#[tokio::test]
async fn a_change_that_waits_when_the_call_is_ended_is_never_made() {
    let sandbox = Sandbox::new();
    sandbox.make_credentials();
    let before = sandbox.snapshot();
    let (durable, waiting) = tokio::sync::watch::channel(0);
    let guest = sandbox.guest(COMPONENT).await;
    let guest = guest.granted(&["services=db:start"]).within(SHORT);
    let guest = guest.intending(chora_plugin_host::Intent::new(waiting, 1, Arc::default()));
    let error = guest.apply("start").await.unwrap_err();
    let PluginError::TimedOut { outstanding, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(outstanding.as_deref(), Some("services.start(db:start)"));
    // What it waited for comes, and nobody is left to go on. All that a call leaves behind has ended.
    durable.send_replace(1);
    assert!(sandbox.scene.settled(crate::scene::PATIENCE).await);
    assert!(sandbox.snapshot() == before);
}

/// What becomes of a response that has no end or is not what it says.
async fn answered(path: &str) -> (String, usize) {
    unanswered("get", path, "GET").await
}

#[tokio::test]
async fn a_response_without_an_end_is_cut_at_the_limit() {
    let (said, requests) = answered("/endless").await;
    assert!(said.contains("larger than allowed"), "{said}");
    assert_eq!(requests, 1);
}

#[tokio::test]
async fn headers_of_a_response_without_an_end_are_an_error() {
    let (said, requests) = answered("/endless-headers").await;
    assert!(said.contains("error"), "{said}");
    assert_eq!(requests, 1);
}
