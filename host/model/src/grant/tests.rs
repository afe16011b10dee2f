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
        "docker=engine:version",
        "docker=container/chora-*:inspect+logs+exec(g++)+run(postgres:16)+start(localhost:5000/*)+stop+remove",
        "docker=container/a.B_c:bind(/a:b/c+d)+bind-read-only(/)+socket+privileged+capability(NET_ADMIN)",
        "docker=container/*:host-network+host-pid+host-ipc+host-uts+host-user+host-cgroup",
        "docker=image/localhost:5000/a/*:inspect+pull+remove",
        "docker=image/postgres:16:pull",
        "docker=network/bridge:join",
        "docker=network/chora-*:inspect+create+remove+join",
        "docker=volume/chora-*:inspect+create+remove+mount+mount-read-only",
    ] {
        assert_eq!(Grant::parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn a_path_that_a_server_may_take_for_another_is_not_below_a_prefix() {
    for (path, fits) in [
        ("seed", true),
        ("a;b/c..d/..e", true),
        ("50%25", true),
        ("%2e%2e/admin", false),
        ("..%2fadmin", false),
        ("..%5cadmin", false),
        ("%252e%252e%252fadmin", false),
        ("..;/admin", false),
        ("a/..;x=1/..;/admin", false),
    ] {
        let url = Url::parse(&format!("http://localhost:8800/v1/{path}")).unwrap();
        let access = Access::Http("GET", &url);
        let allowed = allows("http=GET http://localhost:8800/v1/*", &access, None);
        assert_eq!(allowed, fits, "{url}");
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
        ("services=x:exec(a)b)", "is nothing"),
        ("services=x:exec(a(b)", "is nothing"),
        ("http=GET localhost", "not valid"),
        ("http=GET http://localhost:80*", "a path such as"),
        ("http=GET http://u:p@localhost/*", "no user information"),
        ("http=GET file:///etc/passwd", "absolute `http`"),
        ("http=FETCH http://localhost/", "methods are"),
        ("http=GET http://*/", "only at the end"),
        ("tcp=localhost", "HOST:PORT"),
        ("tcp=localhost:99999", "up to 65535"),
        ("tcp=local host:1", "the host is an address"),
        ("tcp=löcalhost:1", "xn--"),
        ("tcp=user@localhost:1", "the host is an address"),
        ("health=d\u{202e}b", "nobody would see"),
        ("health=@role:reg\u{0}istry", "nobody would see"),
        ("health=@role:a,http=b", "roles have lower-case"),
        ("machine=", "nothing stands"),
        ("machine=roof", "`roof` is nothing"),
        ("credentials=jwt_secret:read", "`read` is nothing"),
        ("docker=", "nothing stands"),
        ("docker=engine:stop", "it is `engine:version`"),
        ("docker=containers/a:stop", "it is `engine:version`"),
        ("docker=container/a", "it is `engine:version`"),
        ("docker=container/:stop", "a name has"),
        ("docker=container/a b:stop", "a name has"),
        ("docker=container/../a:stop", "a name has"),
        ("docker=container/a:", "`` is nothing"),
        ("docker=container/a:stop+", "`` is nothing"),
        ("docker=container/a:exec", "`exec` is nothing"),
        ("docker=container/a:exec()", "`exec()` is nothing"),
        ("docker=container/a:exec(a)remove)", "is nothing"),
        ("docker=container/a:exec(a(b)+remove", "is nothing"),
        ("docker=container/a:run(a b)", "is nothing"),
        ("docker=container/a:bind(a)", "is nothing"),
        ("docker=container/a:bind(/a/../b)", "is nothing"),
        ("docker=container/a:bind(/a/)", "is nothing"),
        ("docker=container/a:bind(//a)", "is nothing"),
        ("docker=container/a:capability(CAP_NET_ADMIN)", "is nothing"),
        ("docker=container/a:device(/dev/kvm)", "is nothing"),
        ("docker=image/a:1:run(b)", "for an image"),
        ("docker=image/a:1", "`1` is nothing"),
        ("docker=image/:pull", "an image is named"),
        ("docker=network/a:mount", "for a network"),
        ("docker=volume/a:join", "for a volume"),
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
        Access::Docker(DockerAccess::Engine),
        container("chora-a", ContainerVerb::Exec("/a:b/g++".into())),
        container("chora-a", ContainerVerb::Run("localhost:5000/a:1".into())),
        container("chora-a", ContainerVerb::Bind("/a b/c".into())),
        container("chora-a", ContainerVerb::BindReadOnly("/".into())),
        container("chora-a", ContainerVerb::Socket),
        container("chora-a", ContainerVerb::Host(Namespace::Pid)),
        Access::Docker(DockerAccess::Image("a:1", ImageVerb::Pull)),
        Access::Docker(DockerAccess::Network("bridge", NetworkVerb::Join)),
        Access::Docker(DockerAccess::Volume("a", VolumeVerb::MountReadOnly)),
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

fn container(name: &str, verb: ContainerVerb) -> Access<'_> {
    Access::Docker(DockerAccess::Container(name, verb))
}

#[test]
fn containers_are_granted_by_name_verb_and_image() {
    let run = |image: &str| ContainerVerb::Run(image.to_owned());
    for (grant, name, verb, allowed) in [
        (
            "container/chora-*:stop",
            "chora-a",
            ContainerVerb::Stop,
            true,
        ),
        (
            "container/chora-*:stop",
            "other",
            ContainerVerb::Stop,
            false,
        ),
        (
            "container/chora-*:stop",
            "chora-a",
            ContainerVerb::Remove,
            false,
        ),
        (
            "container/a:run(postgres:16)",
            "a",
            run("postgres:16"),
            true,
        ),
        (
            "container/a:run(postgres:16)",
            "a",
            run("postgres:17"),
            false,
        ),
        (
            "container/a:run(postgres*)",
            "a",
            run("postgres.example.org/x"),
            false,
        ),
        (
            "container/a:start(postgres:16)",
            "a",
            run("postgres:16"),
            false,
        ),
        (
            "container/a:exec(psql)",
            "a",
            ContainerVerb::Exec("psql".into()),
            true,
        ),
        (
            "container/a:exec(psql)",
            "a",
            ContainerVerb::Exec("sh".into()),
            false,
        ),
        ("network/a:join+create", "a", ContainerVerb::Stop, false),
    ] {
        let access = container(name, verb);
        assert_eq!(
            allows(&format!("docker={grant}"), &access, None),
            allowed,
            "{grant} {access}"
        );
    }
}

#[test]
fn what_opens_a_containers_bounds_is_not_implied() {
    let everything = "docker=container/*:inspect+logs+exec(a)+run(*)+start(*)+stop+remove";
    for (verb, grant) in [
        (ContainerVerb::Privileged, "privileged"),
        (ContainerVerb::Socket, "socket"),
        (ContainerVerb::Bind("/etc".into()), "bind(/etc)"),
        (
            ContainerVerb::BindReadOnly("/etc".into()),
            "bind-read-only(/etc)",
        ),
        (
            ContainerVerb::Capability("SYS_ADMIN".into()),
            "capability(SYS_ADMIN)",
        ),
        (ContainerVerb::Host(Namespace::Network), "host-network"),
        (ContainerVerb::Host(Namespace::Pid), "host-pid"),
        (ContainerVerb::Host(Namespace::Ipc), "host-ipc"),
        (ContainerVerb::Host(Namespace::Uts), "host-uts"),
        (ContainerVerb::Host(Namespace::User), "host-user"),
        (ContainerVerb::Host(Namespace::Cgroup), "host-cgroup"),
    ] {
        let access = container("a", verb);
        assert!(!allows(everything, &access, None), "{access}");
        assert!(
            allows(&format!("docker=container/a:{grant}"), &access, None),
            "{access}"
        );
        // Nor by another of them.
        for other in [
            "privileged",
            "socket",
            "bind(/)",
            "capability(ALL)",
            "host-network",
        ] {
            let reads = other == "bind(/)" && grant.starts_with("bind");
            if other != grant && !reads {
                let other = format!("docker=container/a:{other}");
                assert!(!allows(&other, &access, None), "{other} {access}");
            }
        }
    }
}

#[test]
fn a_path_covers_what_is_below_it_and_nothing_beside() {
    let bind = |path: &str| container("a", ContainerVerb::Bind(path.to_owned()));
    let read = |path: &str| container("a", ContainerVerb::BindReadOnly(path.to_owned()));
    for (grant, access, allowed) in [
        ("bind(/srv/a)", bind("/srv/a"), true),
        ("bind(/srv/a)", bind("/srv/a/b"), true),
        ("bind(/srv/a)", read("/srv/a/b"), true),
        ("bind(/srv/a)", bind("/srv/ab"), false),
        ("bind(/srv/a)", bind("/srv"), false),
        ("bind(/)", bind("/srv"), true),
        ("bind-read-only(/srv/a)", read("/srv/a/b"), true),
        ("bind-read-only(/srv/a)", bind("/srv/a"), false),
    ] {
        let grant = format!("docker=container/a:{grant}");
        assert_eq!(allows(&grant, &access, None), allowed, "{grant} {access}");
    }
}

#[test]
fn the_engines_own_network_is_meant_only_where_it_is_named() {
    let bridge = Access::Docker(DockerAccess::Network("bridge", NetworkVerb::Join));
    assert!(allows("docker=network/bridge:join", &bridge, None));
    assert!(!allows("docker=network/*:join", &bridge, None));
    assert!(!allows("docker=network/b*:join", &bridge, None));
}

#[test]
fn a_volume_that_may_be_written_may_be_read() {
    let read = Access::Docker(DockerAccess::Volume("a", VolumeVerb::MountReadOnly));
    let write = Access::Docker(DockerAccess::Volume("a", VolumeVerb::Mount));
    assert!(allows("docker=volume/a:mount", &read, None));
    assert!(!allows("docker=volume/a:mount-read-only", &write, None));
}
