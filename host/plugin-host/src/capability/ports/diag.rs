//! Who listens on a port, from the kernel itself: sock_diag(7) over netlink goes through the sockets that listen and no others. `/proc/net/tcp` goes through the table of all
//! connections, which on a machine with much memory takes longer than all the rest of a run that changes nothing.

use std::io;
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

/// `SOCK_DIAG_BY_FAMILY`: what is asked, and the kind of each message of the answer.
const BY_FAMILY: u16 = 20;
/// `NLMSG_DONE`: the answer is complete.
const DONE: u16 = 3;
/// `NLM_F_REQUEST | NLM_F_DUMP`: everything that fits.
const FLAGS: u16 = 0x301;
/// `IPPROTO_TCP`.
const TCP: u8 = 6;
/// Sockets in the state `TCP_LISTEN`.
const LISTENING: u32 = 1 << 10;
/// The bytes of `struct nlmsghdr`.
const HEADER: usize = 16;
/// The bytes of `struct inet_diag_req_v2`.
const REQUEST: usize = 56;
/// Where the inode is in a message: the last field of `struct inet_diag_msg`.
const INODE: usize = HEADER + 68;
/// The kernel puts at most this much into one part of an answer.
const PART: usize = 32 << 10;
/// The kernel answers at once, or there is something between it and us.
const PATIENCE: Duration = Duration::from_secs(1);

/// The inodes of the sockets that listen on the port, of both address families.
///
/// # Errors
/// Where the kernel was built without sock_diag, or a sandbox refuses it.
pub(super) fn listening_inodes(port: u16) -> io::Result<Vec<u64>> {
    let mut inodes = Vec::new();
    let mut part = vec![0; PART];
    for family in [AddressFamily::INET, AddressFamily::INET6] {
        let socket = socket_with(
            AddressFamily::NETLINK,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            Some(netlink::SOCK_DIAG),
        )?;
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        send(&socket, &request(family, port), SendFlags::empty())?;
        loop {
            let (_, length) = recv(&socket, part.as_mut_slice(), RecvFlags::empty())?;
            if take(part.get(..length).unwrap_or_default(), &mut inodes)? {
                break;
            }
        }
    }
    Ok(inodes)
}

fn request(family: AddressFamily, port: u16) -> Vec<u8> {
    let length = u32::try_from(HEADER + REQUEST).unwrap_or_default();
    let mut bytes = Vec::with_capacity(HEADER + REQUEST);
    bytes.extend(length.to_ne_bytes());
    bytes.extend(BY_FAMILY.to_ne_bytes());
    bytes.extend(FLAGS.to_ne_bytes());
    // The number of the request, and the address of the kernel.
    bytes.extend([0; 8]);
    bytes.extend([u8::try_from(family.as_raw()).unwrap_or_default(), TCP, 0, 0]);
    bytes.extend(LISTENING.to_ne_bytes());
    // Of the socket's addresses only the port is given; the kernel skips sockets with another.
    bytes.extend(port.to_be_bytes());
    bytes.resize(HEADER + REQUEST, 0);
    bytes
}

/// Takes the inodes from one part of an answer. Answers whether it was the last.
fn take(mut part: &[u8], inodes: &mut Vec<u64>) -> io::Result<bool> {
    while let Some([l0, l1, l2, l3, k0, k1, ..]) = part.first_chunk::<HEADER>() {
        let length = u32::from_ne_bytes([*l0, *l1, *l2, *l3]);
        let message = usize::try_from(length)
            .ok()
            .filter(|length| *length >= HEADER)
            .and_then(|length| part.get(..length))
            .ok_or(io::ErrorKind::InvalidData)?;
        match u16::from_ne_bytes([*k0, *k1]) {
            DONE => return Ok(true),
            BY_FAMILY => {
                let inode = message.get(INODE..).and_then(<[u8]>::first_chunk);
                let inode = inode.ok_or(io::ErrorKind::InvalidData)?;
                inodes.push(u64::from(u32::from_ne_bytes(*inode)));
            }
            // An error, or something that was not asked for.
            _ => return Err(io::ErrorKind::Unsupported.into()),
        }
        part = part
            .get(message.len().next_multiple_of(4)..)
            .unwrap_or_default();
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(HEADER + body.len()).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.resize(HEADER, 0);
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn socket(inode: u32) -> Vec<u8> {
        let mut body = vec![0; INODE - HEADER];
        body.extend(inode.to_ne_bytes());
        // An attribute of three bytes after it.
        body.extend([1, 2, 3]);
        message(BY_FAMILY, &body)
    }

    #[test]
    fn every_socket_of_an_answer_is_taken_until_its_end() {
        let mut inodes = Vec::new();
        let part = [socket(7), socket(4_000_000_000)].concat();
        assert!(!take(&part, &mut inodes).unwrap());
        assert!(take(&[socket(9), message(DONE, &[0; 4])].concat(), &mut inodes).unwrap());
        assert_eq!(inodes, [7, 4_000_000_000, 9]);
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_an_error() {
        let mut cut = socket(7);
        cut.truncate(40);
        let empty = vec![0; HEADER];
        let refused = message(2, &[0; 20]);
        let short = message(BY_FAMILY, &[0; 8]);
        for part in [cut, empty, refused, short] {
            assert!(take(&part, &mut Vec::new()).is_err(), "{part:?}");
        }
    }
}
