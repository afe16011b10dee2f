//! Grants, from their text to their decision.

use url::Url;

use super::*;

fn allows(grant: &str, access: &Access<'_>, target: Option<&str>) -> bool {
    let config = crate::config::tests::default_config();
    let scene = Scene {
        config: &config,
        target,
    };
    Grant::parse(grant).unwrap().allows(access, scene)
}

#[test]
fn every_grant_is_written_as_it_is_read() {
    for text in [
        "services=analyzer:start+stop",
        "services=@phase:1:inspect+start+remove",
        "services=chora-*:exec(psql)",
        "services=@phase:1:stop+exec(/usr/bin/c++)+start+exec(C:/psql)",
        "health=@deployed",
        "http=GET+HEAD http://localhost:8800/health",
        "http=* https://example.org/v1/*",
        "http=GET @role:registry/v1/services/*",
        "tcp=localhost:5432",
        "tcp=@target",
        "credentials=@role:registry:use",
        "credentials=api_key_*:ensure+use+reveal",
        "machine=resources+ports+directories+engine",
    ] {
        assert_eq!(Grant::parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn malformed_grants_say_what_is_wrong() {
    for (text, part) in [
        ("services", "CAPABILITY=SCOPE"),
        ("servces=x:start", "did you mean `services`"),
        ("services=x", "SERVICE:VERB"),
        ("services=x:strat", "`strat` is nothing"),
        ("services=@phase:9:start", "numbered 0 to 4"),
        ("services=../x:start", "lower-case"),
        ("http=GET localhost", "not valid"),
        ("http=GET http://localhost:80*", "a path such as"),
        ("http=GET http://u:p@localhost/*", "no user information"),
        ("http=GET file:///etc/passwd", "absolute `http`"),
        ("http=FETCH http://localhost/", "methods are"),
        ("http=GET http://*/", "only at the end"),
        ("tcp=localhost", "HOST:PORT"),
        ("tcp=localhost:99999", "up to 65535"),
        ("machine=", "nothing stands"),
        ("machine=roof", "`roof` is nothing"),
        ("credentials=jwt_secret:read", "`read` is nothing"),
    ] {
        let error = Grant::parse(text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn services_are_granted_by_name_place_and_verb() {
    let start = Access::Service("manifest", ServiceVerb::Start);
    for grant in [
        "services=manifest:start",
        "services=*:stop+start",
        "services=man*st:start",
        "services=@phase:1:start",
        "services=@role:registry:start",
    ] {
        assert!(allows(grant, &start, None), "{grant}");
    }
    for grant in [
        "services=manifest:stop",
        "services=gateway:start",
        "services=@phase:2:start",
        "services=@deployed:start",
        "services=@target:start",
        "health=manifest",
    ] {
        assert!(!allows(grant, &start, None), "{grant}");
    }
    let stranger = Access::Service("stranger", ServiceVerb::Start);
    assert!(!allows("services=*:start", &stranger, None));
}

#[test]
fn http_is_granted_by_method_origin_and_path() {
    let grant = "http=GET http://localhost:8500/v1/services/*";
    for (method, url, allowed) in [
        ("GET", "http://localhost:8500/v1/services/manifest", true),
        ("GET", "http://LOCALHOST:8500/v1/services/a?b=c", true),
        ("POST", "http://localhost:8500/v1/services/manifest", false),
        ("GET", "http://localhost:8501/v1/services/manifest", false),
        ("GET", "https://localhost:8500/v1/services/manifest", false),
        (
            "GET",
            "http://localhost:8500/v1/services/../../admin",
            false,
        ),
        (
            "GET",
            "http://localhost:8500/v1/services/%2e%2e/%2E%2E/admin",
            false,
        ),
        ("GET", "http://localhost.evil.org:8500/v1/services/x", false),
        ("GET", "http://localhost:8500@evil.org/v1/services/x", false),
        ("GET", "http://me@localhost:8500/v1/services/x", false),
    ] {
        let url = Url::parse(url).unwrap();
        let access = Access::Http(method, &url);
        assert_eq!(allows(grant, &access, None), allowed, "{method} {url}");
    }
}

#[test]
fn target_means_the_probed_service_only() {
    let url = Url::parse("http://localhost:8600/health").unwrap();
    let access = Access::Http("GET", &url);
    assert!(allows("http=GET @target/*", &access, Some("orchestrator")));
    assert!(!allows("http=GET @target/*", &access, Some("gateway")));
    assert!(allows(
        "tcp=@target",
        &Access::Tcp("127.0.0.1", 8600),
        Some("orchestrator")
    ));
    assert!(!allows(
        "tcp=@target",
        &Access::Tcp("10.0.0.1", 8600),
        Some("orchestrator")
    ));
}

#[test]
fn credentials_are_granted_by_name_or_owner() {
    let key = Access::Credential("api_key_manifest", CredentialVerb::Use);
    assert!(allows("credentials=@role:registry:use", &key, None));
    assert!(allows("credentials=api_key_*:use", &key, None));
    assert!(!allows("credentials=@role:gateway:use", &key, None));
    assert!(!allows("credentials=api_key_*:reveal", &key, None));
    assert!(!allows("credentials=jwt_secret:use", &key, None));
}

#[test]
fn a_denial_names_the_grant_that_would_allow_it() {
    let url = Url::parse("http://localhost:8500/v1/services?limit=3").unwrap();
    for access in [
        Access::Service("manifest", ServiceVerb::Exec("psql".into())),
        Access::Service("manifest", ServiceVerb::Exec("/opt/a:b/g++".into())),
        Access::Health("gateway"),
        Access::Http("POST", &url),
        Access::Tcp("localhost", 5432),
        Access::Credential("jwt_secret", CredentialVerb::Reveal),
        Access::Machine(MachinePart::Ports),
    ] {
        assert!(allows(&access.grant_needed(), &access, None), "{access}");
    }
}

#[test]
fn a_list_is_split_where_a_grant_begins() {
    let texts = |list: &str| -> Vec<String> {
        let grants = parse_list(list).unwrap();
        grants.iter().map(ToString::to_string).collect()
    };
    assert_eq!(texts("health=db"), ["health=db"]);
    assert_eq!(
        texts("http=GET http://h/a,b/*, health=db,machine=ports"),
        ["http=GET http://h/a,b/*", "health=db", "machine=ports"]
    );
    for wrong in [
        "",
        "health=db,",
        "health=db,helth=x",
        "health",
        ",health=db",
    ] {
        assert!(parse_list(wrong).is_err(), "{wrong:?}");
    }
}
