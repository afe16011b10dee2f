//! All that the measured containers run: it listens, and asked with `check` it says whether it does. Compiled by itself, and put into an image alone.

use std::net::{TcpListener, TcpStream};

const ADDRESS: &str = "127.0.0.1:8080";

fn main() -> std::io::Result<()> {
    if std::env::args().any(|word| word == "check") {
        return TcpStream::connect(ADDRESS).map(drop);
    }
    for connection in TcpListener::bind(ADDRESS)?.incoming() {
        drop(connection?);
    }
    Ok(())
}
