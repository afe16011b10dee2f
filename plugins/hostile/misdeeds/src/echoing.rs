//! A secret that the guest was granted to read, told in every way that a plugin has of telling something.

use std::io::Write as _;

use chora_plugin::http::Request;
use chora_plugin::{Error, Failure, Outcome, credentials, progress, services, settings};

use crate::steps;

pub(crate) fn echo(way: &str) -> Result<Outcome, Error> {
    let secret = credentials::reveal("jwt_secret")?;
    match way {
        "log" => {
            progress::debug(format!("<{secret}>"));
            progress::info(format!("<{secret}>"));
            progress::warning(format!("<{secret}>"));
            Ok(Outcome::unchanged("logged"))
        }
        "doing" => {
            progress::doing(&secret);
            Ok(Outcome::unchanged("did"))
        }
        "outcome" => Ok(Outcome::changed(&secret).warning(format!("<{secret}>"))),
        "failure" => Err(Failure::new(format!("<{secret}>"))
            .service(&secret)
            .cause(&secret)
            .next(&secret)
            .into()),
        "step" => Err(Error::UnknownStep(secret)),
        "other" => Err(Error::Other(secret)),
        "panic" => steps::panics(&secret),
        "output" => {
            let _ = writeln!(std::io::stdout(), "{secret}");
            let _ = writeln!(std::io::stderr(), "{secret}");
            steps::panics("told")
        }
        "target" => {
            // Denied, and so in the ledger and in the report as what it needed.
            services::inspect(&secret)?;
            Ok(Outcome::unchanged("looked"))
        }
        "url" => {
            // Granted, and so in the ledger as where it went; the server's answer does not matter.
            let url: String = settings::read("url")?.unwrap_or_default();
            let _ = Request::get(format!("{url}{secret}")).send();
            Ok(Outcome::unchanged("asked"))
        }
        "hanging" => {
            // Cut off while it is in the call, which is told with its target.
            let url: String = settings::read("silent")?.unwrap_or_default();
            Request::get(format!("{url}{secret}"))
                .timeout(60_000)
                .send()?;
            Ok(Outcome::unchanged("answered"))
        }
        "cut" => {
            // Longer than what is kept of each, so that only the secret's beginning is left.
            for line in padded(&secret, 500) {
                progress::info(&line);
                progress::doing(&line);
            }
            for target in padded(&secret, 200) {
                // Denied, and so in the ledger and in the report.
                let _ = services::inspect(&target);
            }
            Ok(Outcome::unchanged("told much"))
        }
        "cut-output" => {
            let [_, most] = padded(&secret, 64 << 10);
            let _ = write!(std::io::stderr(), "{most}");
            steps::panics("told")
        }
        other => Err(Error::UnknownStep(other.to_owned())),
    }
}

/// The secret, of which so many characters hold only a beginning.
fn padded(secret: &str, most: usize) -> [String; 2] {
    [10, 30].map(|left| format!("{}{secret}", "x".repeat(most - left)))
}
