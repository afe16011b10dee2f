//! A phase plugin that connects by itself, through the sockets of the standard library, and asks nobody.

use std::net::TcpStream;

use chora_plugin::{Context, Error, Metadata, Outcome, Phase, Step};

struct Sockets;

impl Phase for Sockets {
    fn describe() -> Metadata {
        Metadata::new(
            "sockets",
            env!("CARGO_PKG_VERSION"),
            "connects without asking",
        )
    }

    fn plan(_context: &Context) -> Result<Vec<Step>, Error> {
        Ok(vec![Step::new("connect", "Connect")])
    }

    fn apply(_context: &Context, _step: &str) -> Result<Outcome, Error> {
        match TcpStream::connect("127.0.0.1:1") {
            Ok(_) => Ok(Outcome::changed("connected")),
            Err(error) => Ok(Outcome::unchanged(error.to_string())),
        }
    }
}

chora_plugin::export_phase!(Sockets);
