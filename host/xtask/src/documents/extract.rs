//! Finds what a Markdown document names: links, quoted paths and commands. Pure text; whether things exist is `documents`' business.

/// Something that a document says exists.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mention {
    /// The target of a link, relative to the document.
    Link(String),
    /// A quoted path, relative to the repository.
    Path(String),
    /// The words after `cargo xtask`.
    Xtask(Vec<String>),
    /// The words after `chora`.
    Chora(Vec<String>),
}

/// The folders of the repository; a quoted word below one of them is a path.
const FOLDERS: [&str; 8] = [
    "host/", "plugins/", "wit/", "tests/", "compose/", "docs/", ".ci/", ".github/",
];

/// Fenced blocks in which a line is a command.
const SHELLS: [&str; 5] = ["", "sh", "bash", "console", "shell"];

/// Every mention in `text` with its line, counted from one.
pub(super) fn mentions(text: &str) -> Vec<(usize, Mention)> {
    let mut found = Vec::new();
    let mut fence: Option<&str> = None;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        if let Some(language) = trimmed.strip_prefix("```") {
            fence = if fence.is_some() {
                None
            } else {
                Some(language.trim())
            };
            continue;
        }
        let here: Vec<Mention> = match fence {
            Some(language) if SHELLS.contains(&language) => command(trimmed).into_iter().collect(),
            Some(_) => Vec::new(),
            None => links(line).chain(quotes(line)).collect(),
        };
        found.extend(here.into_iter().map(|mention| (index + 1, mention)));
    }
    found
}

/// Relative targets of `[text](target)`, without their fragment.
fn links(line: &str) -> impl Iterator<Item = Mention> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split([')', '#', ' ']).next().unwrap_or_default();
        let elsewhere = target.is_empty() || target.contains(':');
        (!elsewhere).then(|| Mention::Link(target.to_owned()))
    })
}

/// Commands and paths between backticks.
fn quotes(line: &str) -> impl Iterator<Item = Mention> {
    line.split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|quote| command(quote).or_else(|| path(quote)))
}

fn path(quote: &str) -> Option<Mention> {
    let plain = quote
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    let in_repository = FOLDERS.iter().any(|folder| quote.starts_with(folder));
    (plain && in_repository).then(|| Mention::Path(quote.to_owned()))
}

/// A command line that begins with `cargo xtask` or `chora`, up to whatever the shell makes of it next.
fn command(line: &str) -> Option<Mention> {
    let mut words = line.trim_start_matches("$ ").split_whitespace();
    let program = words.next()?;
    let mention = match program.rsplit('/').next()? {
        "cargo" if words.next() == Some("xtask") => Mention::Xtask,
        "chora" => Mention::Chora,
        _ => return None,
    };
    Some(mention(plain_words(words)))
}

/// Subcommands and options: no values, placeholders or arguments for another program.
fn plain_words<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut plain = Vec::new();
    let mut in_options = false;
    for word in words {
        let word = word.trim_matches(['[', ']']);
        let ends = word == "--" || word.starts_with(['|', '&', '#', '>', '<', ';', '\\', '…', '(']);
        if ends {
            break;
        }
        if word.starts_with('-') {
            in_options = true;
            plain.push(word.to_owned());
        } else if !in_options && word.chars().all(|c| c.is_ascii_lowercase() || c == '-') {
            plain.push(word.to_owned());
        } else {
            // The value of an option or a placeholder; a subcommand does not follow it.
            in_options = true;
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::{Mention, mentions};

    fn chora(words: &[&str]) -> Mention {
        Mention::Chora(words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn commands_are_found_in_shell_blocks_and_quotes() {
        let text = "Run `chora status --watch` or `chorale`.\n\n```console\n$ chora logs NAME --tail 5 | less\n\
                    target/debug/chora bootstrap --timeout 5 --dry-run\ncargo xtask test -- --nocapture\n```\n\
                    ```yaml\nchora nothing\n```\n";
        let xtask = Mention::Xtask(vec!["test".to_owned()]);
        assert_eq!(
            mentions(text),
            [
                (1, chora(&["status", "--watch"])),
                (4, chora(&["logs", "--tail"])),
                (5, chora(&["bootstrap", "--timeout", "--dry-run"])),
                (6, xtask),
            ]
        );
    }

    #[test]
    fn links_elsewhere_are_left_alone() {
        let text =
            "[a](https://example.org/x) [b](#part) [c](docs/x.md#part) ![d](pic.png \"title\")";
        let links = [
            Mention::Link("docs/x.md".to_owned()),
            Mention::Link("pic.png".to_owned()),
        ];
        assert!(
            mentions(text)
                .into_iter()
                .map(|(_, mention)| mention)
                .eq(links)
        );
    }

    #[test]
    fn quoted_words_below_a_folder_are_paths() {
        let text = "`host/model` `plugins/<name>` `.chora/logs` `wit/*.wit` `host`";
        assert_eq!(
            mentions(text),
            [(1, Mention::Path("host/model".to_owned()))]
        );
    }
}
