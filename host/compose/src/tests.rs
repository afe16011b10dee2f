//! What Compose files are read as, and what is told of those that are wrong.

mod document;
mod errors;
mod hash;
mod library;
mod merging;
mod reading;
mod variables;

use std::path::{Path, PathBuf};

use crate::{ComposeError, Loaded, Options, Service, Source, load};

/// Where the projects of these tests are said to be; nothing is there.
const DIRECTORY: &str = "/srv/demo";

fn source(name: &str, text: &str) -> Source {
    Source {
        path: PathBuf::from(name),
        text: text.to_owned(),
    }
}

/// Loads texts as the files `a.yml`, `b.yml` and so on, with a few variables.
fn load_all(texts: &[&str]) -> Result<Loaded, ComposeError> {
    load_in(Path::new(DIRECTORY), texts)
}

fn load_in(directory: &Path, texts: &[&str]) -> Result<Loaded, ComposeError> {
    let names = ["a.yml", "b.yml", "c.yml"];
    let sources: Vec<Source> = names
        .iter()
        .zip(texts)
        .map(|(name, text)| source(name, text))
        .collect();
    let options = Options {
        directory,
        name: None,
        default_name: "Demo.1",
        variables: &variable,
    };
    load(&sources, options)
}

fn variable(name: &str) -> Option<String> {
    let value = match name {
        "SET" => "set",
        "EMPTY" => "",
        "TAG" => "1.2",
        "HOME" => "/home/me",
        "YES" => "true",
        "PORT" => "8081",
        _ => return None,
    };
    Some(value.to_owned())
}

/// The service `web` of one file in which only its keys are given, at four blanks.
fn web(keys: &str) -> Service {
    web_of(&[&with(keys)])
}

fn with(keys: &str) -> String {
    format!("services:\n  web:\n    image: web\n{keys}")
}

fn web_of(texts: &[&str]) -> Service {
    match load_all(texts) {
        Ok(loaded) => loaded.project.services["web"].clone(),
        Err(error) => panic!("{error}"),
    }
}

/// All that is told of files that are wrong.
fn told(texts: &[&str]) -> String {
    match load_all(texts) {
        Ok(loaded) => panic!("this is no error: {:#?}", loaded.project),
        Err(error) => error.to_string(),
    }
}

fn warnings(texts: &[&str]) -> Vec<String> {
    let loaded = load_all(texts).unwrap_or_else(|error| panic!("{error}"));
    loaded.warnings.iter().map(ToString::to_string).collect()
}
