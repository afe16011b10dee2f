//! Ports that belong to one test: below the range from which the system takes ports for connections, and locked against test processes beside
//! this one for as long as they are needed.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};

const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

/// Where this process goes on looking.
static NEXT: AtomicU16 = AtomicU16::new(0);

/// One port for each reference service.
#[derive(Debug)]
pub(crate) struct Ports {
    by_service: BTreeMap<&'static str, (u16, File)>,
}

impl Ports {
    /// Takes a free port for each reference service.
    pub(crate) fn reserve() -> Self {
        let services = ["manifest", "orchestrator", "gateway", "analyzer"];
        Self {
            by_service: services
                .into_iter()
                .map(|service| (service, free()))
                .collect(),
        }
    }

    /// The port of a reference service.
    pub(crate) fn of(&self, service: &str) -> u16 {
        self.by_service[service].0
    }
}

fn free() -> (u16, File) {
    let locks = std::env::temp_dir().join("chora-test-ports");
    std::fs::create_dir_all(&locks).expect("a directory for the locks");
    // Processes begin at different places, so that they seldom meet.
    let offset = (std::process::id() % 100) * 97;
    for _ in 0..COUNT {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let within = u16::try_from((offset + step) % u32::from(COUNT)).expect("less than COUNT");
        let port = FIRST + within;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(locks.join(port.to_string()))
            .expect("a lock file");
        if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return (port, lock);
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}

/// An address of this machine at which nobody answers, and nobody else can while this is kept: bound and not listening.
pub(crate) struct Unheard(OwnedFd);

impl Unheard {
    /// Takes one.
    pub(crate) fn take() -> Self {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        bind(&socket, &anywhere).expect("a port");
        Self(socket)
    }

    /// Which it is.
    pub(crate) fn address(&self) -> SocketAddr {
        let address = getsockname(&self.0).expect("an address");
        address.try_into().expect("an address of the internet")
    }
}
