//! Whether a service of this machine is healthy, asked from beside it: `chora serve ROLE --check`, which an image runs as its `HEALTHCHECK`.
//!
//! It runs every few seconds in every container, so it starts no runtime and no client: one connection, one request, one line of the answer.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::ServiceSettings;

/// Why the service is not healthy.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// Its host is no address, and names are not looked up for this.
    #[error(
        "`HOST` is `{0}`, which is no IP address; set it to the address that the service binds"
    )]
    Host(String),
    /// It does not answer.
    #[error("{address} does not answer")]
    NoAnswer {
        /// Where it was asked.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It answers that it is not healthy.
    #[error("{address} answers `{answer}`")]
    Unhealthy {
        /// Where it was asked.
        address: SocketAddr,
        /// The first line of the answer.
        answer: String,
    },
}

/// Asks the service that has these settings; waits for its answer no longer than `limit`.
pub fn check(settings: &ServiceSettings, limit: Duration) -> Result<(), CheckError> {
    check_at(address(settings)?, limit)
}

/// Asks the service at this address.
pub fn check_at(address: SocketAddr, limit: Duration) -> Result<(), CheckError> {
    let answer = ask(address, limit).map_err(|source| CheckError::NoAnswer { address, source })?;
    // `HTTP/1.1 200 OK`
    if answer.split(' ').nth(1) == Some("200") {
        return Ok(());
    }
    Err(CheckError::Unhealthy { address, answer })
}

/// Where a service that binds every address is reached from its own machine.
fn address(settings: &ServiceSettings) -> Result<SocketAddr, CheckError> {
    let host = match settings.host.trim_matches(['[', ']']) {
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        host => host
            .parse()
            .map_err(|_| CheckError::Host(settings.host.clone()))?,
    };
    let host = match host {
        IpAddr::V4(host) if host.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(host) if host.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        host => host,
    };
    Ok(SocketAddr::new(host, settings.port))
}

fn ask(address: SocketAddr, limit: Duration) -> io::Result<String> {
    let began = Instant::now();
    let left = || match limit.saturating_sub(began.elapsed()) {
        Duration::ZERO => Err(io::Error::from(io::ErrorKind::TimedOut)),
        left => Ok(Some(left)),
    };
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_write_timeout(left()?)?;
    write!(
        stream,
        "GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    stream.set_read_timeout(left()?)?;
    let mut line = String::new();
    // A first line longer than this is no answer of a service.
    BufReader::new(io::Read::take(stream, 1024)).read_line(&mut line)?;
    if line.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::TcpListener;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn answered(answer: &'static str) -> Result<(), CheckError> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            assert!(request.starts_with(b"GET /health HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let checked = check_at(address, LIMIT);
        server.join().unwrap();
        checked
    }

    #[test]
    fn only_200_is_healthy() {
        answered("HTTP/1.1 200 OK\r\n\r\n{}").unwrap();
        let error = answered("HTTP/1.1 503 Service Unavailable\r\n\r\n{}").unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("answers `HTTP/1.1 503 Service Unavailable`")
        );
        assert!(matches!(answered(""), Err(CheckError::NoAnswer { .. })));
    }

    #[test]
    fn nobody_there_is_no_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert!(matches!(
            check_at(address, LIMIT),
            Err(CheckError::NoAnswer { .. })
        ));
    }

    #[test]
    fn one_that_accepts_and_says_nothing_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let checked = check_at(address, Duration::from_millis(20));
        assert!(matches!(checked, Err(CheckError::NoAnswer { .. })));
    }

    #[test]
    fn one_that_binds_every_address_is_asked_on_the_loopback() {
        let asked = |host: &str| {
            let variables = [("HOST", host), ("PORT", "9500")];
            let settings = ServiceSettings::from_variables("gateway", 8700, variables).unwrap();
            address(&settings).map(|address| address.to_string())
        };
        assert_eq!(asked("0.0.0.0").unwrap(), "127.0.0.1:9500");
        assert_eq!(asked("[::]").unwrap(), "[::1]:9500");
        assert_eq!(asked("10.0.0.7").unwrap(), "10.0.0.7:9500");
        assert!(asked("example.com").is_err());
    }
}
