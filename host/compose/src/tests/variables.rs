//! Variables in values, and files of variables.

use std::collections::BTreeMap;

use crate::{Fault, dotenv, interpolate};
use proptest::prelude::*;

use super::{load_in, told, variable, warnings, web, with};

fn replaced(text: &str) -> Result<String, Fault> {
    interpolate(text, &variable, &mut Vec::new())
}

#[test]
fn the_whole_grammar_is_understood() {
    for (text, expected) in [
        ("plain", "plain"),
        ("$SET", "set"),
        ("${SET}", "set"),
        ("a${SET}b$SET.c", "asetbset.c"),
        ("$SETX", ""),
        ("${UNSET}", ""),
        ("${SET:-d}", "set"),
        ("${EMPTY:-d}", "d"),
        ("${UNSET:-d}", "d"),
        ("${SET-d}", "set"),
        ("${EMPTY-d}", ""),
        ("${UNSET-d}", "d"),
        ("${UNSET:-}", ""),
        ("${SET:?e}", "set"),
        ("${EMPTY?e}", ""),
        ("${SET:+r}", "r"),
        ("${EMPTY:+r}", ""),
        ("${UNSET:+r}", ""),
        ("${SET+r}", "r"),
        ("${EMPTY+r}", "r"),
        ("${UNSET+r}", ""),
        ("${UNSET:-${EMPTY:-${SET}}}", "set"),
        ("${UNSET:-a$SET-${TAG}}b", "aset-1.2b"),
        ("${UNSET:-{\"a\": {}}}", "{\"a\": {}}"),
        ("${UNSET:-a:-b?c}", "a:-b?c"),
        ("$$SET $${SET} $$$SET", "$SET ${SET} $set"),
        ("5$ and $5 and $", "5$ and $5 and $"),
        ("${UNSET:-ü}ü$SET", "üüset"),
    ] {
        assert_eq!(replaced(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_no_variable_is_told() {
    for text in [
        "${",
        "${}",
        "${SET",
        "${-x}",
        "${SET!}",
        "${SET:x}",
        "${A B}",
        "${UNSET:-${}}",
    ] {
        assert!(matches!(replaced(text), Err(Fault::Invalid(_))), "{text}");
    }
    let deep = format!("{}x{}", "${A:-".repeat(40), "}".repeat(40));
    assert_eq!(replaced(&deep), Err(Fault::TooDeep));
}

#[test]
fn a_variable_that_has_to_be_set_is_named_with_the_reason() {
    for (text, expected) in [
        ("${UNSET?}", "the variable `UNSET` has to be set"),
        (
            "${EMPTY:?why $SET}",
            "the variable `EMPTY` has to be set: why set",
        ),
    ] {
        assert_eq!(replaced(text).unwrap_err().to_string(), expected);
    }
}

#[test]
fn defaults_that_are_not_used_are_not_looked_at() {
    let mut unset = Vec::new();
    interpolate("${SET:-$NOPE} ${NOPE:+$NO}", &variable, &mut unset).unwrap();
    assert_eq!(unset, Vec::<String>::new());
}

#[test]
fn an_unset_variable_is_empty_and_warned_of_with_its_place() {
    let text = with("    user: ${NOBODY}\n    hostname: a$NOBODY\n");
    assert_eq!(
        warnings(&[&text]),
        [
            "a.yml:4:11: the variable `NOBODY` is not set, and empty here",
            "a.yml:5:15: the variable `NOBODY` is not set, and empty here",
        ]
    );
}

#[test]
fn variables_take_any_type_and_keys_stay_as_they_are() {
    let web = web(
        "    read_only: ${YES}\n    ports: ['${PORT}:80']\n    labels: {$SET: $SET}\n    mem_limit: ${UNSET:-64}m\n",
    );
    assert!(web.read_only);
    assert_eq!(web.ports[0].published.unwrap().first, 8081);
    assert_eq!(web.labels["$SET"], "set");
    assert_eq!(web.resources.limits.memory, Some(64 << 20));
}

#[test]
fn files_know_the_name_of_their_project() {
    let web = web("    hostname: ${COMPOSE_PROJECT_NAME}\n");
    assert_eq!(web.hostname.as_deref(), Some("demo1"));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC*|[${}:?+A-Z-]*") {
        let _ = replaced(&text);
        let _ = dotenv::parse(&text, &variable);
        let _ = dotenv::parse_raw(&text, &variable);
    }

    #[test]
    fn doubled_dollars_come_back_as_one(text in "[ -~]*") {
        prop_assert_eq!(replaced(&text.replace('$', "$$")), Ok(text));
    }

    #[test]
    fn any_value_in_single_quotes_is_read_as_it_is(value in "[ -&(-\\[\\]-~\n]*") {
        let read = dotenv::parse(&format!("A='{value}'\nB=1"), &variable).unwrap();
        prop_assert_eq!(&read.set[0].value, &value);
        prop_assert_eq!(read.set[1].line, 2 + value.matches('\n').count());
    }
}

#[test]
fn files_of_variables_are_read_as_compose_reads_them() {
    let text = r#"# a comment
A=1
export B=two words   # and a comment
C = blanks
D: yaml
E="quo\"ted $SET\nline" # comment
F='single $SET \n'
G="two
lines"
H=
I=a#b
J=${A}${NOPE:-x}
SET
NOPE
K="\$SET $$SET"
L=last
L=really
"#;
    let read = dotenv::parse(text, &variable);
    // What follows a closing quote on its line has to be a comment or nothing.
    let read = read.unwrap();
    let set: BTreeMap<&str, &str> = read
        .set
        .iter()
        .map(|set| (set.name.as_str(), set.value.as_str()))
        .collect();
    let expected = BTreeMap::from([
        ("A", "1"),
        ("B", "two words"),
        ("C", "blanks"),
        ("D", "yaml"),
        ("E", "quo\"ted set\nline"),
        ("F", "single $SET \\n"),
        ("G", "two\nlines"),
        ("H", ""),
        ("I", "a#b"),
        ("J", "1x"),
        ("SET", "set"),
        ("K", "$SET $SET"),
        ("L", "really"),
    ]);
    assert_eq!(set, expected);
}

#[test]
fn a_file_of_variables_that_is_wrong_is_told_with_its_line() {
    for (text, line, message) in [
        ("A=1\nB C=2", 2, "`B C` is no name of a variable"),
        ("A=1\n\n=2", 3, "`` is no name of a variable"),
        (
            "A='1\nB=2",
            1,
            "the `'` that opens this value is not closed",
        ),
        ("A=1\nB=${C:?why}", 2, "the variable `C` has to be set: why"),
        ("A=\"x\ny\"\n!", 3, "`!` is no name of a variable"),
    ] {
        let fault = dotenv::parse(text, &variable).unwrap_err();
        assert_eq!(
            (fault.line, fault.message.as_str()),
            (line, message),
            "{text}"
        );
    }
}

#[test]
fn the_file_of_a_directory_may_be_missing_and_must_not_be_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let read = || crate::env_file(directory.path(), &variable);
    assert_eq!(read().unwrap().get("A"), None);
    let file = directory.path().join(".env");
    std::fs::write(&file, "A=1\nA=$SET\n").unwrap();
    assert_eq!(read().unwrap().get("A"), Some("set"));
    std::fs::write(&file, "A=1\n\n?\n").unwrap();
    let expected = format!("{}:3:1: `?` is no name of a variable", file.display());
    assert_eq!(read().unwrap_err().to_string(), expected);
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let expected = format!("the file `{}` cannot be read", file.display());
    assert_eq!(read().unwrap_err().to_string(), expected);
}

#[test]
fn raw_files_are_not_interpreted() {
    let read = dotenv::parse_raw("# no\nA='$SET' # x\n  B= c \nSET\nNOPE\n", &variable).unwrap();
    let set: Vec<(&str, &str)> = read
        .set
        .iter()
        .map(|set| (set.name.as_str(), set.value.as_str()))
        .collect();
    assert_eq!(set, [("A", "'$SET' # x"), ("B", " c "), ("SET", "set")]);
}

#[test]
fn a_service_gets_its_files_and_over_them_its_own_variables() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    write("one.env", "A=one\nB=one\nC=one\n");
    write("two.env", "B=$SET\nQ='q'\n");
    write("raw.env", "R='$SET'\n");
    write("labels", "l=file\nm=file\n");
    let keys = "    env_file:\n    - one.env\n    - path: two.env\n    - {path: none.env, required: false}\n    - {path: raw.env, format: raw}\n    label_file: labels\n    labels: {m: own}\n    environment:\n      C: own\n      SET:\n      NOPE:\n";
    let loaded = load_in(directory.path(), &[&with(keys)]).unwrap();
    let web = &loaded.project.services["web"];
    let some = |text: &str| Some(text.to_owned());
    let expected = [
        ("A", some("one")),
        ("B", some("set")),
        ("C", some("own")),
        ("NOPE", None),
        ("Q", some("q")),
        ("R", some("'$SET'")),
        ("SET", some("set")),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(web.environment, BTreeMap::from(expected));
    assert_eq!(web.labels["l"], "file");
    assert_eq!(web.labels["m"], "own");
}

#[test]
fn what_is_wrong_in_a_file_of_variables_is_told_at_its_line_there() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("web.env");
    std::fs::write(&file, "A=1\nB=$NOPE\n%\n").unwrap();
    let text = with("    env_file: web.env\n");
    let error = load_in(directory.path(), &[&text]).unwrap_err();
    let expected = format!("{}:3:1: `%` is no name of a variable", file.display());
    assert_eq!(error.to_string(), expected);
    std::fs::write(&file, "A=1\nB=$NOPE\n").unwrap();
    let loaded = load_in(directory.path(), &[&text]).unwrap();
    let expected = format!(
        "{}:2:1: the variable `NOPE` is not set, and empty here",
        file.display()
    );
    assert_eq!(loaded.warnings[0].to_string(), expected);
}

#[test]
fn a_required_variable_is_told_wherever_its_value_is_used() {
    let text = with("    user: &u ${WHO:?name somebody}\n    hostname: *u\n");
    assert_eq!(
        told(&[&text]),
        "a.yml:4:14: the variable `WHO` has to be set: name somebody\na.yml:5:15: the variable `WHO` has to be set: name somebody"
    );
}

#[test]
fn words_for_yes_and_no_are_texts_to_variables_and_flags_to_flags() {
    let web = web("    environment: {A: yes, B: n, C: true, D: 0644, E: 1.10}\n    init: no\n");
    let value = |name: &str| web.environment[name].as_deref().unwrap();
    assert_eq!(
        ["A", "B", "C", "D", "E"].map(value),
        ["yes", "n", "true", "420", "1.1"]
    );
    assert_eq!(web.init, Some(false));
}
