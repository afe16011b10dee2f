//! Finds what a Markdown document names: links, quoted paths and commands. Pure text; whether things exist is `documents`' business.

/// Something that a document says exists.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mention {
    /// The target of a link, relative to the document.
    Link(String),
    /// A test: the target of a link to a file of Rust, and the function that its fragment names.
    Test(String, String),
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

/// Relative targets of `[text](target)`. The fragment counts only in a file of Rust, where it names a test.
fn links(line: &str) -> impl Iterator<Item = Mention> {
    line.split("](").skip(1).filter_map(|rest| {
        let whole = rest.split([')', ' ']).next().unwrap_or_default();
        let (target, fragment) = whole.split_once('#').unwrap_or((whole, ""));
        let elsewhere = target.is_empty() || target.contains(':');
        (!elsewhere).then(|| match fragment {
            "" => Mention::Link(target.to_owned()),
            name if target.ends_with(".rs") => Mention::Test(target.to_owned(), name.to_owned()),
            _ => Mention::Link(target.to_owned()),
        })
    })
}

/// The lines of list items without a test, up to the heading behind which none is asked for. For documents whose rules are each shown by one.
pub(super) fn unbacked(text: &str, until: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut item: Option<(usize, bool)> = None;
    let lines = text.lines().take_while(|line| *line != until);
    for (index, line) in lines.chain(std::iter::once("")).enumerate() {
        let begins = line.starts_with("* ");
        let goes_on = line.starts_with("  ");
        if !goes_on && let Some((at, false)) = item.take() {
            found.push(at);
        }
        let has_test = links(line).any(|link| matches!(link, Mention::Test(..)));
        if begins {
            item = Some((index + 1, has_test));
        } else if let Some((_, backed)) = &mut item {
            *backed |= has_test;
        }
    }
    found
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
    use super::{Mention, mentions, unbacked};

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
    fn a_fragment_in_a_file_of_rust_names_a_test() {
        let text = "It holds ([test](../a/b.rs#it_holds), [file](b.rs)).";
        let test = Mention::Test("../a/b.rs".to_owned(), "it_holds".to_owned());
        let file = Mention::Link("b.rs".to_owned());
        assert_eq!(mentions(text), [(1, test), (1, file)]);
    }

    #[test]
    fn rules_without_a_test_are_found_up_to_the_last_heading() {
        let text = "* one [test](a.rs#one)\n* two,\n  on two lines [test](a.rs#two)\n* three,\n  [file](a.rs)\n\ntext\n* four\n## Over\n* five\n";
        assert_eq!(unbacked(text, "## Over"), [4, 8]);
        assert_eq!(unbacked("* last", "## Over"), [1]);
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
