//! What the user agrees to: in advance on the command line, or at the question.

use chora_bootstrap::Given;
use chora_model::grant::parse_list;

use crate::app::App;
use crate::args::ConsentArgs;
use crate::failure::{Ended, usage};
use crate::prompt;

/// What was given on the command line; nothing where it is to be asked for.
pub(super) fn in_advance(args: &ConsentArgs) -> Result<Option<Given>, Ended> {
    if args.yes {
        return Ok(Some(Given::All));
    }
    if args.grant.is_empty() {
        return Ok(None);
    }
    let mut grants = Vec::new();
    for list in &args.grant {
        let parsed = parse_list(list).map_err(|error| {
            usage(error.to_string()).next(
                "write grants as `plugins:` in the configuration has them, one or several with commas between them",
            )
        })?;
        grants.extend(parsed);
    }
    Ok(Some(Given::These(grants)))
}

/// Fails at once where a question would be needed and nobody can answer it.
pub(super) fn must_be_possible(command: &str, given: Option<&Given>) -> Result<(), Ended> {
    match given {
        Some(_) => Ok(()),
        None => prompt::must_be_able_to_ask_unless(command, "--yes"),
    }
}

/// Whether to go on; asks where nothing was given in advance.
pub(super) async fn asked(
    app: &App,
    command: &str,
    question: &str,
    given: Option<Given>,
) -> Result<Option<Given>, Ended> {
    if given.is_some() {
        return Ok(given);
    }
    if prompt::confirms(&app.output, command, question).await? {
        return Ok(Some(Given::All));
    }
    app.output.error("cancelled; nothing was changed");
    Ok(None)
}
