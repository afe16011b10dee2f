//! The program in the tests' containers: alone in its image, so it does everything that a test needs by itself.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    for word in arguments.split(|word| word == "then") {
        let words: Vec<&str> = word.iter().map(String::as_str).collect();
        act(&words);
    }
}

fn act(words: &[&str]) {
    match words {
        [] => {}
        ["serve", port] => serve(port),
        ["sleep"] => loop {
            std::thread::sleep(Duration::from_secs(3600));
        },
        ["wait", milliseconds] => std::thread::sleep(Duration::from_millis(number(milliseconds))),
        ["exit", code] => std::process::exit(number(code) as i32),
        ["print", lines @ ..] => lines.iter().for_each(|line| println!("{line}")),
        ["complain", lines @ ..] => lines.iter().for_each(|line| eprintln!("{line}")),
        ["fill", bytes] => {
            let line = "x".repeat(number(bytes) as usize);
            println!("{line}");
        }
        ["echo"] => {
            std::io::copy(&mut std::io::stdin(), &mut std::io::stdout()).unwrap();
        }
        ["show", path] => print!("{}", std::fs::read_to_string(path).unwrap_or_default()),
        ["list", path] => {
            let mut names: Vec<String> = std::fs::read_dir(path)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
                .collect();
            names.sort();
            names.iter().for_each(|name| println!("{name}"));
        }
        ["links", path] => {
            for entry in std::fs::read_dir(path).unwrap() {
                println!("{}", std::fs::read_link(entry.unwrap().path()).unwrap().display());
            }
        }
        ["write", path, text] => match std::fs::write(path, text) {
            Ok(()) => println!("written"),
            Err(error) => println!("{error}"),
        },
        ["bytes"] => std::io::stdout().write_all(b"a\xffb\n").unwrap(),
        ["variable", name] => println!("{}", std::env::var(name).unwrap_or_default()),
        ["eat"] => {
            let mut eaten: Vec<Vec<u8>> = Vec::new();
            loop {
                eaten.push(vec![1; 1 << 20]);
            }
        }
        ["file", path] => std::process::exit(if std::fs::exists(path).unwrap() { 0 } else { 1 }),
        ["count", path] => {
            // Starts of this container, for a test that waits for the next one.
            let mut file = std::fs::File::options().append(true).create(true).open(path).unwrap();
            file.write_all(b".").unwrap();
        }
        ["connect", address] => {
            std::net::TcpStream::connect(address).unwrap();
        }
        other => panic!("unknown: {other:?}"),
    }
}

fn number(text: &str) -> u64 {
    text.parse().unwrap()
}

fn serve(port: &str) {
    let listener = TcpListener::bind(format!("0.0.0.0:{port}")).unwrap();
    println!("serving");
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let mut request = [0; 1024];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    }
}
