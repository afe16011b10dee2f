//! From the words of the command line to an exit code: parsing, colours, directory, log, and the command itself.

use std::ffi::OsString;
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use crate::args::{Cli, GlobalArgs};
use crate::commands;
use crate::exit::Exit;
use crate::failure::{Ended, usage};
use crate::output::Output;
use crate::render::report;

/// Says what to log, as `RUST_LOG` does elsewhere.
const LOG_VARIABLE: &str = "CHORA_LOG";

/// What every command may use.
pub(crate) struct App {
    /// The options of every command.
    pub(crate) global: GlobalArgs,
    /// Where to print.
    pub(crate) output: Arc<Output>,
    /// Whether the program's own log goes to standard error.
    pub(crate) logs: bool,
}

/// Runs the command line.
pub(crate) fn run(words: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match parse(words) {
        Ok(cli) => cli,
        Err(error) => return explain(&error),
    };
    let output = Arc::new(Output::new(cli.global.color));
    let app = App {
        logs: cli.global.verbose || std::env::var_os(LOG_VARIABLE).is_some(),
        global: cli.global,
        output,
    };
    match enter(&app).and_then(|()| commands::run(&app, cli.command)) {
        Ok(exit) => exit,
        Err(Ended { exit, failure }) => {
            app.output.error(&report(&failure, None));
            exit
        }
    }
}

/// Goes to the directory that was asked for.
fn enter(app: &App) -> Result<(), Ended> {
    let Some(directory) = &app.global.directory else {
        return Ok(());
    };
    std::env::set_current_dir(directory).map_err(|error| {
        let failure = usage(format!(
            "failed to work in `{}`: {error}",
            directory.display()
        ));
        failure.next("correct the path given with `-C`").into()
    })
}

/// Parses, and refuses options of `bootstrap` that one of its subcommands would silently not obey.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut command = Cli::command();
    let matches = command.try_get_matches_from_mut(words)?;
    if let Some((subcommand, stray)) = stray(&matches) {
        let tip = if knows(&command, &subcommand, &stray) {
            format!("put it behind the subcommand: `chora bootstrap {subcommand} --{stray}`")
        } else {
            "leave it out".to_owned()
        };
        let message = format!(
            "the option '--{stray}' is one of `chora bootstrap` itself and does not apply to `{subcommand}`\n\n  tip: {tip}"
        );
        return Err(command.error(ErrorKind::ArgumentConflict, message));
    }
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// An option that was given to `bootstrap` although one of its subcommands is meant.
fn stray(matches: &ArgMatches) -> Option<(String, String)> {
    let bootstrap = matches.subcommand_matches("bootstrap")?;
    let subcommand = bootstrap.subcommand_name()?;
    let command = Cli::command();
    let own = command.find_subcommand("bootstrap")?.get_arguments();
    own.filter(|option| {
        let source = bootstrap.value_source(option.get_id().as_str());
        source == Some(ValueSource::CommandLine)
    })
    .find_map(|option| option.get_long())
    .map(|option| (subcommand.to_owned(), option.to_owned()))
}

/// Whether the subcommand of `bootstrap` has this option.
fn knows(command: &clap::Command, subcommand: &str, option: &str) -> bool {
    let found = command
        .find_subcommand("bootstrap")
        .and_then(|bootstrap| bootstrap.find_subcommand(subcommand));
    found.is_some_and(|found| {
        found
            .get_arguments()
            .any(|known| known.get_long() == Some(option))
    })
}

/// Prints what clap has to say: help and version are no errors.
fn explain(error: &clap::Error) -> Exit {
    // A reader who has gone away is no reason to fail.
    let _gone = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::DONE,
        _ => Exit::CONFIG,
    }
}

impl App {
    /// Logs the program's own doings to standard error, where that is wanted. Secrets are covered there as everywhere.
    pub(crate) fn log(&self) {
        if !self.logs {
            return;
        }
        let filter =
            tracing_subscriber::EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| {
                tracing_subscriber::EnvFilter::new("warn,chora=info,chora_bootstrap=info")
            });
        let filter = without_secrets(filter);
        let output = Arc::clone(&self.output);
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(false)
            .with_writer(move || LogLine(Arc::clone(&output)));
        // Whoever was there first keeps the log.
        let _taken = subscriber.try_init();
    }
}

/// At their finer levels, the client of the Docker Engine logs whole requests, with the secrets of containers in them, and that of registries the tokens that it gets.
fn without_secrets(filter: tracing_subscriber::EnvFilter) -> tracing_subscriber::EnvFilter {
    ["bollard=info", "oci_client=info"]
        .iter()
        .filter_map(|directive| directive.parse().ok())
        .fold(filter, tracing_subscriber::EnvFilter::add_directive)
}

/// One line of the log on its way to standard error; the subscriber writes whole lines.
struct LogLine(Arc<Output>);

impl std::io::Write for LogLine {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.0
            .error(&crate::output::escape(text.trim_end_matches('\n')));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::ColorArg;

    fn parsed(line: &str) -> Result<Cli, String> {
        parse(line.split(' ').map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_may_stand_anywhere() {
        for line in [
            "chora --environment staging status",
            "chora status --environment staging",
            "chora bootstrap --environment staging status",
            "chora bootstrap status --environment staging",
        ] {
            let cli = parsed(line).unwrap();
            assert_eq!(cli.global.environment.as_deref(), Some("staging"), "{line}");
        }
    }

    #[test]
    fn an_option_of_bootstrap_is_not_lost_on_its_subcommands() {
        let error = parsed("chora bootstrap --dry-run rollback").unwrap_err();
        assert!(error.contains("--dry-run"), "{error}");
        assert!(
            error.contains("chora bootstrap rollback --dry-run"),
            "{error}"
        );
        let error = parsed("chora bootstrap --dry-run status").unwrap_err();
        assert!(error.contains("leave it out"), "{error}");
        assert!(parsed("chora bootstrap rollback --dry-run").is_ok());
        assert!(parsed("chora bootstrap --dry-run").is_ok());
    }

    #[test]
    fn colours_are_automatic_unless_asked_for() {
        assert_eq!(parsed("chora status").unwrap().global.color, ColorArg::Auto);
    }

    #[test]
    fn the_help_of_every_command() {
        let mut command = Cli::command().term_width(100);
        command.build();
        insta::assert_snapshot!("chora", command.render_long_help());
        for name in [
            "bootstrap",
            "status",
            "rollback",
            "reset",
            "validate",
            "logs",
            "config",
            "runs",
            "serve",
            "image",
            "plugin",
        ] {
            let help = command
                .find_subcommand_mut(name)
                .unwrap()
                .render_long_help();
            insta::assert_snapshot!(name, help);
        }
        let plugin = command.find_subcommand_mut("plugin").unwrap();
        for name in ["add", "update", "remove", "inspect", "verify", "selftest"] {
            let help = plugin.find_subcommand_mut(name).unwrap().render_long_help();
            insta::assert_snapshot!(format!("plugin-{name}"), help);
        }
    }

    #[test]
    fn wrong_usage_is_a_configuration_error_and_help_is_none() {
        let exit = |line: &str| explain(&parse(line.split(' ').map(OsString::from)).unwrap_err());
        assert_eq!(exit("chora bootstrap --nonsense"), Exit::CONFIG);
        assert_eq!(exit("chora bootstrap --timeout 0"), Exit::CONFIG);
        assert_eq!(exit("chora bootstrap --help"), Exit::DONE);
        assert_eq!(exit("chora --version"), Exit::DONE);
    }
}
