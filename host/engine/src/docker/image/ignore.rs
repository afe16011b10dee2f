//! `.dockerignore`: which files of a build's context stay where they are. The rules are Docker's, which differ from git's: patterns begin at the context's root, and the last one
//! that fits a file or a directory above it decides.

use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use super::error::ImageError;

/// The patterns of one file.
#[derive(Debug, Default)]
pub(super) struct Ignored(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    matcher: GlobMatcher,
    keeps: bool,
}

impl Ignored {
    /// Reads the file of a Dockerfile's own where there is one (`NAME.dockerignore`), else the context's; without either nothing is ignored.
    pub(super) fn read(context: &Path, dockerfile: Option<&Path>) -> Result<Self, ImageError> {
        let own = dockerfile.map(|path| {
            let mut name = path.as_os_str().to_owned();
            name.push(".dockerignore");
            PathBuf::from(name)
        });
        for path in own.into_iter().chain([context.join(".dockerignore")]) {
            match std::fs::read_to_string(&path) {
                Ok(text) => return Self::parse(&text, &path),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(source) => return Err(ImageError::Context { path, source }),
            }
        }
        Ok(Self::default())
    }

    fn parse(text: &str, path: &Path) -> Result<Self, ImageError> {
        let mut rules = Vec::new();
        for line in text.trim_start_matches('\u{feff}').lines() {
            if line.starts_with('#') {
                continue;
            }
            let line = line.trim();
            let (keeps, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            let pattern = clean(pattern);
            if pattern.is_empty() {
                continue;
            }
            let glob = GlobBuilder::new(&pattern)
                .literal_separator(true)
                .backslash_escape(true)
                .build()
                .map_err(|source| ImageError::Pattern {
                    path: path.to_owned(),
                    pattern: line.to_owned(),
                    source,
                })?;
            rules.push(Rule {
                matcher: glob.compile_matcher(),
                keeps,
            });
        }
        Ok(Self(rules))
    }

    /// Whether this path, relative to the context, stays behind.
    pub(super) fn is_ignored(&self, path: &Path) -> bool {
        let mut ignored = false;
        for rule in &self.0 {
            if ignored == rule.keeps && rule.fits(path) {
                ignored = !rule.keeps;
            }
        }
        ignored
    }

    /// Whether nothing below this directory can be wanted.
    pub(super) fn can_be_skipped(&self, directory: &Path) -> bool {
        self.is_ignored(directory) && !self.0.iter().any(|rule| rule.keeps)
    }
}

impl Rule {
    fn fits(&self, path: &Path) -> bool {
        path.ancestors()
            .filter(|part| !part.as_os_str().is_empty())
            .any(|part| self.matcher.is_match(part))
    }
}

/// The pattern without what makes no difference: `.`, doubled and outer slashes. `..` goes up, and not above the root.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored(text: &str) -> impl Fn(&str) -> bool {
        let ignored = Ignored::parse(text, Path::new(".dockerignore")).unwrap();
        move |path| ignored.is_ignored(Path::new(path))
    }

    #[test]
    fn patterns_begin_at_the_root_and_cover_what_is_below() {
        let is = ignored("# what is built\n/target/\n*.log\ndocs/*.md\n");
        for path in ["target", "target/debug/chora", "a.log", "docs/a.md"] {
            assert!(is(path), "{path}");
        }
        for path in ["src/target", "src/a.log", "docs/sub/a.md", "targets"] {
            assert!(!is(path), "{path}");
        }
    }

    #[test]
    fn two_stars_are_any_number_of_directories() {
        let is = ignored("**/*.log\n**/node_modules\n");
        for path in ["a.log", "x/y/a.log", "node_modules/a", "x/node_modules/a/b"] {
            assert!(is(path), "{path}");
        }
    }

    #[test]
    fn the_last_pattern_that_fits_decides() {
        let is = ignored("*\n!src\nsrc/secret\n! src/secret/public \n");
        assert!(is("README.md") && is("src/secret/key"));
        assert!(!is("src/main.rs") && !is("src/secret/public"));
    }

    #[test]
    fn a_directory_is_gone_through_while_something_in_it_may_be_wanted() {
        let skipped = |text| {
            let ignored = Ignored::parse(text, Path::new(".dockerignore")).unwrap();
            ignored.can_be_skipped(Path::new("target"))
        };
        assert!(skipped("target"));
        assert!(!skipped("target\n!target/keep"));
        assert!(!skipped("other"));
    }

    #[test]
    fn a_line_that_is_no_pattern_is_named() {
        let error = Ignored::parse("ok\n[a", Path::new("x/.dockerignore")).unwrap_err();
        assert!(
            error.to_string().contains("`[a` in `x/.dockerignore`"),
            "{error}"
        );
    }
}
