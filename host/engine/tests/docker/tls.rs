//! An engine that is spoken to over TLS, and every reason for which it is not: a daemon of the tests' own.

mod authority;
mod daemon;
mod files;

use std::time::Duration;

use chora_engine::docker::{DockerError, TlsError};
use chora_engine::{Engine as _, RunState, SecretEnv, Started};

use crate::restarts::alone;
use crate::world::{NO_GRACE, World, chain};
use authority::{Authority, Of, Valid, directory};
use daemon::{Daemon, Plain, endpoint, refusal, secured};

/// No limit on speed: a command that takes this long does not end at all.
const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_container_lives_on_an_engine_behind_tls() {
    let daemon = Daemon::shared().await;
    let world = World::at(daemon.endpoint()).await;
    let version = world.engine.version().await.unwrap();
    assert!(version.is_some_and(|version| version.contains('.')));
    let spec = world.service_with("web", &["sleep"], alone);
    assert_eq!(world.start(&spec).await, Started::Started);
    assert_eq!(world.state("web").await, RunState::Running);
    // This connection is taken over: from then on it is not HTTP that is spoken.
    let command = ["/container", "print", "hello"].map(str::to_owned);
    let said = world
        .engine
        .exec(&spec, &SecretEnv::default(), &command, LIMIT)
        .await
        .unwrap();
    assert_eq!(said.exit.code, Some(0), "{said:?}");
    assert_eq!(said.stdout, b"hello\n");
    assert!(world.engine.stop("web", NO_GRACE).await.unwrap());
    assert!(matches!(world.state("web").await, RunState::Exited(_)));
    drop(world);
}

#[tokio::test]
async fn a_client_that_the_engine_does_not_know_is_told_that_its_certificate_is_refused() {
    let daemon = Daemon::shared().await;
    let strangers = Authority::named("strangers");
    let stranger = strangers.sign(Of::Client, Valid::Now);
    let expired = daemon.authority.sign(Of::Client, Valid::LongAgo);
    let server = daemon.authority.sign(Of::Server, Valid::Now);
    for identity in [&stranger, &expired, &server] {
        let error = daemon.refusal(&daemon.authority, Some(identity)).await;
        let TlsError::Refused { certificate, .. } = &error else {
            panic!("{error:?}");
        };
        assert!(certificate.ends_with("cert.pem"), "{error}");
        assert!(error.to_string().contains("--tlscacert"), "{error}");
    }
}

#[tokio::test]
async fn a_client_without_a_certificate_is_told_that_the_engine_wants_one() {
    let daemon = Daemon::shared().await;
    let error = daemon.refusal(&daemon.authority, None).await;
    assert!(matches!(error, TlsError::Wanted { .. }), "{error:?}");
    let told = error.to_string();
    for part in ["cert.pem", "key.pem", "DOCKER_CERT_PATH"] {
        assert!(told.contains(part), "{told}");
    }
}

#[tokio::test]
async fn an_engine_of_another_authority_is_not_trusted_not_even_of_the_same_name() {
    let daemon = Daemon::shared().await;
    let client = daemon.authority.sign(Of::Client, Valid::Now);
    for name in ["another", "authority"] {
        let another = Authority::named(name);
        let error = daemon.refusal(&another, Some(&client)).await;
        let TlsError::Authority { authority, .. } = &error else {
            panic!("{error:?}");
        };
        assert!(authority.ends_with("ca.pem"), "{error}");
        assert!(error.to_string().contains("DOCKER_HOST"), "{error}");
    }
}

#[tokio::test]
async fn an_engine_under_another_name_than_its_certificate_has_is_told_with_both() {
    let daemon = Daemon::shared().await;
    let client = daemon.authority.sign(Of::Client, Valid::Now);
    let certificates = directory(&daemon.authority, Some(&client));
    let host = format!("tcp://localhost:{}", daemon.port());
    let error = refusal(&secured(&host, certificates.path())).await;
    assert!(matches!(error, TlsError::Name { .. }), "{error:?}");
    let told = chain(&error);
    for part in [&host, "another host", "127.0.0.1"] {
        assert!(told.contains(part), "{told}");
    }
}

#[tokio::test]
async fn an_engine_whose_certificate_is_not_valid_now_is_told_by_when_it_is() {
    let (past, future) = tokio::join!(
        Daemon::invalid(Valid::LongAgo),
        Daemon::invalid(Valid::FarAhead)
    );
    let error = refusal(&past.endpoint()).await;
    assert!(matches!(error, TlsError::Expired { .. }), "{error:?}");
    assert!(error.to_string().contains("has expired"), "{error}");
    let error = refusal(&future.endpoint()).await;
    assert!(matches!(error, TlsError::Early { .. }), "{error:?}");
    assert!(error.to_string().contains("clock"), "{error}");
}

#[tokio::test]
async fn tls_asked_of_an_engine_without_it_says_what_to_unset() {
    let plain = Plain::new().await;
    let authority = Authority::named("authority");
    let client = authority.sign(Of::Client, Valid::Now);
    let certificates = directory(&authority, Some(&client));
    let directory = certificates.path().to_str().unwrap();
    let host = format!("tcp://{}", plain.address);
    let error = refusal(&secured(&host, certificates.path())).await;
    assert!(matches!(error, TlsError::Plain { .. }), "{error:?}");
    assert!(
        error.to_string().contains("unset DOCKER_TLS_VERIFY"),
        "{error}"
    );
    let host = format!("https://{}", plain.address);
    let asked = endpoint(&[("DOCKER_HOST", &host), ("DOCKER_CERT_PATH", directory)]);
    let error = refusal(&asked).await;
    assert!(matches!(error, TlsError::Plain { .. }), "{error:?}");
    assert!(error.to_string().contains("write `tcp://`"), "{error}");
    // So it answers indeed.
    let host = format!("tcp://{}", plain.address);
    endpoint(&[("DOCKER_HOST", &host)]).connect().await.unwrap();
}

#[tokio::test]
async fn an_engine_that_speaks_only_tls_says_what_to_set() {
    let daemon = Daemon::shared().await;
    let host = format!("tcp://127.0.0.1:{}", daemon.port());
    let error = refusal(&endpoint(&[("DOCKER_HOST", &host)])).await;
    assert!(matches!(error, TlsError::Needed { .. }), "{error:?}");
    let told = error.to_string();
    for part in [&host, "DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH"] {
        assert!(told.contains(part), "{told}");
    }
}

#[tokio::test]
async fn nobody_at_an_address_is_an_engine_that_does_not_run_over_tls_too() {
    let authority = Authority::named("authority");
    let certificates = directory(&authority, None);
    let error = secured("tcp://127.0.0.1:1", certificates.path())
        .connect()
        .await;
    let error = error.unwrap_err();
    assert!(matches!(error, DockerError::NotRunning { .. }), "{error:?}");
}
