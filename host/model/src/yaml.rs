//! YAML as a tree in which every value knows where it stands, and what is told of a file that has something wrong.
//!
//! The configuration and the reader of Compose files are both built on it: what is wrong is told with file, line and column, and all of it at once.

use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::budget::BudgetBreach;
use serde_yaml::{Spanned, Tagged};

/// The deepest nesting that is read: what fits on the stack of any thread, also where nothing is optimised.
const DEPTH: usize = 32;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file it stands in.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let file = self.file.display();
        write!(f, "{file}:{}:{}: {}", self.line, self.column, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Where something stands: the number of the file, line and column from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The number of the file.
    pub file: usize,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
}

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub at: Place,
    /// The tag of its own that it carries, `!reset`; those of YAML itself are not kept.
    pub tag: Option<String>,
    /// What it is.
    pub value: Value,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// A text, quoted or not.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the file.
    // Invariant: no key is there twice.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub at: Place,
    /// The value.
    pub value: Node,
}

impl Value {
    /// What it is, as a person would call it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

impl Node {
    /// The value of a key of a map.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries
                .iter()
                .find(|entry| entry.key == key)
                .map(|entry| &entry.value),
            Value::Null
            | Value::Bool(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::List(_) => None,
        }
    }

    /// The same as JSON, for settings that are handed on as they are.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Integer(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::Text(value) => value.clone().into(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.to_json()))
                .collect(),
        }
    }
}

/// What `yes`, `no`, `on`, `off`, `y` and `n` are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// True and false, as in YAML 1.1.
    Booleans,
    /// Texts, while `0644` is octal: YAML the way Compose reads it.
    Texts,
}

/// Reads a document. `file` is the number that all its places carry, `name` the path that a problem names.
///
/// # Errors
/// The place at which the text stops being YAML.
pub fn read(
    text: &str,
    file: usize,
    name: &std::path::Path,
    words: Words,
) -> Result<Node, Problem> {
    let options = serde_yaml::options! {
        // Files that share a lot have many aliases for few anchors; how much they come to in all is bounded besides.
        budget: serde_yaml::budget! { max_depth: DEPTH, alias_anchor_min_aliases: 1_000 },
        strict_booleans: words == Words::Texts,
        legacy_octal_numbers: words == Words::Texts,
    };
    match serde_yaml::from_str_with_options::<Option<Spanned<Tagged<Raw>>>>(text, options) {
        Ok(Some(raw)) => Ok(node(raw, file)),
        Ok(None) => Ok(Node {
            at: Place {
                file,
                line: 1,
                column: 1,
            },
            tag: None,
            value: Value::Map(Vec::new()),
        }),
        Err(error) => {
            let at = error
                .location()
                .map(|at| place(&at, file))
                .unwrap_or_default();
            let error = error.without_snippet();
            let message = match error {
                serde_yaml::Error::Budget {
                    breach: BudgetBreach::Depth { .. },
                    ..
                } => format!("this is nested more than {DEPTH} levels deep"),
                serde_yaml::Error::DuplicateMappingKey { key: Some(key), .. } => {
                    format!("the key `{key}` is there twice")
                }
                _ => {
                    let text = error.to_string();
                    // The place is told in front of the sentence already.
                    let message = text.split(" at line ").next().unwrap_or(&text);
                    format!("this is not valid YAML: {message}")
                }
            };
            Err(Problem {
                file: name.to_owned(),
                line: at.line.max(1),
                column: at.column.max(1),
                message,
                hint: None,
            })
        }
    }
}

fn place(at: &serde_yaml::Location, file: usize) -> Place {
    Place {
        file,
        line: usize::try_from(at.line()).unwrap_or(0),
        column: usize::try_from(at.column()).unwrap_or(0),
    }
}

/// A value as the parser hands it over.
enum Raw {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Tagged<Raw>>>),
    Map(Vec<(Spanned<String>, Spanned<Tagged<Raw>>)>),
}

fn node(raw: Spanned<Tagged<Raw>>, file: usize) -> Node {
    let at = place(&raw.referenced, file);
    let Tagged(value, tag) = raw.value;
    let value = match value {
        Raw::Null => Value::Null,
        Raw::Bool(value) => Value::Bool(value),
        Raw::Integer(value) => Value::Integer(value),
        Raw::Float(value) => Value::Float(value),
        Raw::Text(value) => Value::Text(value),
        Raw::List(items) => Value::List(items.into_iter().map(|item| node(item, file)).collect()),
        Raw::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| Entry {
                    at: place(&key.referenced, file),
                    key: key.value,
                    value: node(value, file),
                })
                .collect(),
        ),
    };
    Node {
        at,
        tag: tag.filter(|tag| tag.starts_with('!')),
        value,
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Integer(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Raw, E> {
        i64::try_from(value)
            .map(Raw::Integer)
            .map_err(|_| E::custom("the number is too large"))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

/// The known word that was most likely meant.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (strsim::damerau_levenshtein(word, name), name))
        .min()
        .filter(|(distance, name)| *distance <= 2.max(name.len() / 3) && *distance < word.len())
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{DEPTH, Value, Words, read};

    #[test]
    fn tags_of_the_file_are_kept_and_those_of_yaml_are_not() {
        let tree = read(
            "a: !reset null\nb: !!str 5\nc: !over [1]\n",
            0,
            Path::new("x"),
            Words::Booleans,
        )
        .unwrap();
        let tag = |key: &str| tree.get(key).unwrap().tag.as_deref();
        assert_eq!(
            [tag("a"), tag("b"), tag("c")],
            [Some("!reset"), None, Some("!over")]
        );
        assert_eq!(tree.get("a").unwrap().value, Value::Null);
        assert_eq!(tree.get("b").unwrap().value, Value::Text("5".to_owned()));
    }

    #[test]
    fn merge_keys_are_laid_under_what_is_written_beside_them() {
        let text = "x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\n";
        let tree = read(text, 0, Path::new("x"), Words::Booleans).unwrap();
        let y = tree.get("y").unwrap();
        assert_eq!(y.get("a").unwrap().value, Value::Integer(1));
        assert_eq!(y.get("b").unwrap().value, Value::Integer(3));
    }

    #[test]
    fn words_for_yes_and_no_are_what_the_format_says() {
        let value = |key: &str, words| {
            let tree = read("a: no\nb: 0644\n", 0, Path::new("x"), words).unwrap();
            tree.get(key).unwrap().value.clone()
        };
        assert_eq!(value("a", Words::Booleans), Value::Bool(false));
        assert_eq!(value("a", Words::Texts), Value::Text("no".to_owned()));
        assert_eq!(value("b", Words::Texts), Value::Integer(0o644));
    }

    #[test]
    fn what_is_nested_too_deep_is_told_and_not_cut_off() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&nested(DEPTH), 0, Path::new("x"), Words::Booleans).is_ok());
        let problem = read(&nested(DEPTH + 1), 0, Path::new("x"), Words::Booleans).unwrap_err();
        assert_eq!(
            problem.to_string(),
            "x:1:33: this is nested more than 32 levels deep"
        );
    }
}
