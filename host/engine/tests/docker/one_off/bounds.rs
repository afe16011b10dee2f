//! What a one-off container may do, and what each privilege adds.

use chora_engine::docker::one_off::{Bind, HostNamespaces, OneOff, Privileges};

use super::{PATIENCE, one, one_offs, printed, run};
use crate::world::World;

/// A line of `/proc/self/status`.
fn line<'a>(status: &'a str, name: &str) -> &'a str {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap().trim()
}

async fn told(world: &World, words: &[&str], change: impl FnOnce(&mut OneOff)) -> String {
    let mut job = one(world, "-job", words);
    change(&mut job);
    printed(&run(&one_offs(world), job).await).to_owned()
}

fn own(namespace: &str) -> String {
    let link = std::fs::read_link(format!("/proc/self/ns/{namespace}")).unwrap();
    link.display().to_string()
}

#[tokio::test]
async fn it_has_no_capabilities_no_network_and_gains_no_privileges() {
    let world = World::new().await;
    let status = told(&world, &["show", "/proc/self/status"], |_| {}).await;
    for set in ["CapEff:", "CapPrm:", "CapBnd:", "CapInh:"] {
        assert_eq!(line(&status, set), "0000000000000000", "{status}");
    }
    assert_eq!(line(&status, "NoNewPrivs:"), "1");
    let devices = told(&world, &["list", "/sys/class/net"], |_| {}).await;
    assert_eq!(devices, "lo\n");
}

#[tokio::test]
async fn a_capability_is_that_one() {
    let world = World::new().await;
    let words = ["show", "/proc/self/status"];
    let status = told(&world, &words, |one| {
        one.privileges.capabilities = vec!["NET_ADMIN".to_owned()];
    });
    // Bit 12.
    assert_eq!(line(&status.await, "CapEff:"), "0000000000001000");
}

#[tokio::test]
async fn privileged_is_everything() {
    let world = World::new().await;
    let own = std::fs::read_to_string("/proc/self/status").unwrap();
    let own = line(&own, "CapBnd:").to_owned();
    let last = std::fs::read_to_string("/proc/sys/kernel/cap_last_cap").unwrap();
    let all = format!(
        "{:016x}",
        (1_u64 << (last.trim().parse::<u32>().unwrap() + 1)) - 1
    );
    let mut job = one(&world, "-job", &["show", "/proc/self/status"]);
    job.privileges.privileged = true;
    match one_offs(&world).run(job, None, PATIENCE).await {
        Ok(ran) => assert_eq!(line(printed(&ran), "CapEff:"), all),
        // A machine that has not got everything itself cannot give it: it was asked for, then.
        Err(error) => {
            assert_ne!(own, all, "{error}");
            assert!(
                error.to_string().contains("unable to apply caps"),
                "{error}"
            );
        }
    }
}

/// A namespace of the kernel, and what shares it.
type Shared = (&'static str, fn(&mut HostNamespaces));

#[tokio::test]
async fn each_namespace_of_the_machine_is_shared_by_itself() {
    let world = World::new().await;
    let set: [Shared; 5] = [
        ("net", |host| host.network = true),
        ("pid", |host| host.pid = true),
        ("ipc", |host| host.ipc = true),
        ("uts", |host| host.uts = true),
        ("cgroup", |host| host.cgroup = true),
    ];
    for (shared, change) in set {
        let mut host = HostNamespaces::default();
        change(&mut host);
        let mut job = one(&world, "-job", &[]);
        job.privileges = Privileges {
            host,
            ..Privileges::default()
        };
        job.command = vec!["links".to_owned(), "/proc/self/ns".to_owned()];
        let shown = run(&one_offs(&world), job).await;
        let shown = printed(&shown);
        for (namespace, _) in set {
            let has = shown.contains(&own(namespace));
            assert_eq!(has, namespace == shared, "{shared}: {namespace} in {shown}");
        }
    }
}

#[tokio::test]
async fn a_root_that_may_only_be_read_is_not_written() {
    let world = World::new().await;
    let words = ["write", "/here", "text"];
    assert_eq!(told(&world, &words, |_| {}).await, "written\n");
    let said = told(&world, &words, |one| one.read_only = true).await;
    assert!(said.contains("Read-only"), "{said}");
}

#[tokio::test]
async fn a_path_of_the_machine_is_seen_and_written_as_asked_for() {
    let world = World::new().await;
    let path = world.folder.path().join("shared");
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("file"), "hello").unwrap();
    let bind = |read_only| {
        let source = path.display().to_string();
        move |one: &mut OneOff| {
            one.binds = vec![Bind {
                source,
                target: "/shared".to_owned(),
                read_only,
            }];
        }
    };
    let shown = told(&world, &["show", "/shared/file"], bind(true)).await;
    assert_eq!(shown, "hello");
    let words = ["write", "/shared/file", "changed"];
    let said = told(&world, &words, bind(true)).await;
    assert!(said.contains("Read-only"), "{said}");
    assert_eq!(told(&world, &words, bind(false)).await, "written\n");
    let text = std::fs::read_to_string(path.join("file")).unwrap();
    assert_eq!(text, "changed");
}
