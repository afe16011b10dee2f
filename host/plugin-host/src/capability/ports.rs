//! Who listens on a TCP port, as far as the system tells.

#[cfg(target_os = "linux")]
mod diag;

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

/// A process that listens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Listener {
    /// Its id, where the system tells.
    pub(super) pid: Option<u32>,
    /// Its program's name, where the system tells.
    pub(super) command: Option<String>,
}

/// The programs with which engines hold ports for containers.
const HELPERS: [&str; 5] = [
    "docker-proxy",
    "rootlessport",
    "conmon",
    "slirp4netns",
    "pasta",
];

impl Listener {
    /// Whether it may hold the port for a container: one of another user's processes may be anything.
    pub(super) fn may_be_an_engines(&self) -> bool {
        let command = self.command.as_deref();
        command.is_none_or(|command| HELPERS.iter().any(|helper| command.starts_with(helper)))
    }
}

/// Who listens on the port of this machine's loopback addresses; absent when nobody does.
///
/// Only binding proves that a port is free. Both loopback addresses are tried, because `localhost` means either. The `likely` processes are looked at before all others: there are few
/// of them, and walking through every process of a machine takes longer than the rest of a run that changes nothing.
pub(super) fn listener(port: u16, likely: &[u32]) -> std::io::Result<Option<Listener>> {
    for address in [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ] {
        match TcpListener::bind((address, port)) {
            Ok(_free) => {}
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                return Ok(Some(holder(port, likely).unwrap_or_default()));
            }
            // A machine without IPv6.
            Err(error) if error.kind() == ErrorKind::AddrNotAvailable || address.is_ipv6() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

#[cfg(target_os = "linux")]
fn holder(port: u16, likely: &[u32]) -> Option<Listener> {
    let inodes = diag::listening_inodes(port).unwrap_or_else(|_| inodes_in_tables(port));
    let all = std::fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some(pid)
        });
    let pid = likely
        .iter()
        .copied()
        .chain(all)
        .find(|pid| holds(*pid, &inodes))?;
    Some(Listener {
        pid: Some(pid),
        command: std::fs::read_to_string(format!("/proc/{pid}/comm"))
            .ok()
            .map(|name| name.trim_end().to_owned()),
    })
}

/// Whether a process has one of these sockets open.
#[cfg(target_os = "linux")]
fn holds(pid: u32, inodes: &[u64]) -> bool {
    let Ok(open) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
        // Gone, or somebody else's.
        return false;
    };
    open.flatten()
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .filter_map(|link| socket_inode(link.to_str()?))
        .any(|inode| inodes.contains(&inode))
}

#[cfg(not(target_os = "linux"))]
fn holder(_port: u16, _likely: &[u32]) -> Option<Listener> {
    None
}

#[cfg(target_os = "linux")]
fn socket_inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?
        .strip_suffix(']')?
        .parse()
        .ok()
}

/// The same from the kernel's tables, which are there where nothing else is (proc(5)): local address in column 1, state in column 3 (`0A` is LISTEN), inode in column 9.
#[cfg(target_os = "linux")]
fn inodes_in_tables(port: u16) -> Vec<u64> {
    let wanted = format!(":{port:04X}");
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .flat_map(|table| {
            table
                .lines()
                .filter_map(|line| {
                    let columns: Vec<&str> = line.split_whitespace().collect();
                    let local = columns.get(1)?;
                    let state = columns.get(3)?;
                    let inode = columns.get(9)?;
                    (local.ends_with(&wanted) && *state == "0A").then(|| inode.parse().ok())?
                })
                .collect::<Vec<u64>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_found_with_its_process() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let found = listener(port, &[]).unwrap().unwrap();
        assert_eq!(found.pid, Some(std::process::id()));
        assert!(found.command.is_some());
        drop(socket);
        assert_eq!(listener(port, &[]).unwrap(), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernel_and_its_tables_say_the_same_of_a_port() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let connection = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let found = diag::listening_inodes(port).unwrap();
        assert_eq!(found.len(), 1, "the connection does not listen");
        assert_eq!(found, inodes_in_tables(port));
        drop(connection);
        drop(socket);
        assert!(diag::listening_inodes(port).unwrap().is_empty());
    }

    #[test]
    fn a_listener_on_ipv6_loopback_alone_counts() {
        let Ok(socket) = TcpListener::bind("[::1]:0") else {
            return;
        };
        let port = socket.local_addr().unwrap().port();
        assert!(listener(port, &[]).unwrap().is_some());
    }
}
