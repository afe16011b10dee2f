//! A phase made for the files of version 0.1.0 as they were released, by nothing but their bindings: what was built then has to run for as long as that version is served.
#![cfg_attr(
    target_family = "wasm",
    expect(unsafe_code, reason = "the exports that wit-bindgen makes")
)]

mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit/released/0.1.0",
        world: "phase-plugin",
    });
}

use bindings::chora::bootstrap::services;
use bindings::chora::bootstrap::types::{Change, GrantRequest, Metadata};
use bindings::exports::chora::bootstrap::phase::{Context, Error, Guest, Outcome, Step};

struct Vintage;

impl Guest for Vintage {
    fn describe() -> Metadata {
        Metadata {
            name: "vintage".to_owned(),
            version: "1.0.0".to_owned(),
            summary: "was made for 0.1.0".to_owned(),
            grants: vec![GrantRequest {
                grant: "services=db:inspect".to_owned(),
                reason: "to see whether db runs".to_owned(),
            }],
        }
    }

    fn plan(_context: Context) -> Result<Vec<Step>, Error> {
        Ok(vec![Step {
            id: "look".to_owned(),
            title: "Look after db".to_owned(),
            needs: Vec::new(),
            service: Some("db".to_owned()),
            timeout: None,
            disturbs: false,
        }])
    }

    fn apply(_context: Context, step: String) -> Result<Outcome, Error> {
        let failed = |error| Err(Error::Other(format!("{error:?}")));
        match step.as_str() {
            "look" => services::inspect("db").map(drop).or_else(failed)?,
            "stop" => services::stop("db").map(drop).or_else(failed)?,
            _ => return Err(Error::UnknownStep(step)),
        }
        Ok(Outcome {
            change: Change::Unchanged,
            summary: "as it always was".to_owned(),
            warnings: Vec::new(),
        })
    }

    fn revert(_context: Context, _step: String) -> Result<Outcome, Error> {
        Ok(Outcome {
            change: Change::Unchanged,
            summary: "nothing to undo".to_owned(),
            warnings: Vec::new(),
        })
    }
}

// Only a component has exports with such names; other linkers refuse them.
#[cfg(target_family = "wasm")]
bindings::export!(Vintage with_types_in bindings);
#[cfg(not(target_family = "wasm"))]
const _: fn() -> Metadata = <Vintage as Guest>::describe;
