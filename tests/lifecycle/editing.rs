//! `config edit`, with editors that are scripts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::support::{Ecosystem, Output, Terminal, plain};

/// Where copies of the configuration go while they are edited.
const COPIES: &str = "copies";

/// An ecosystem with an editor: a shell script that gets the file as its last argument, `$file`.
struct Desk(Ecosystem);

impl Desk {
    fn with(script: &str) -> Self {
        let desk = Self(Ecosystem::with_config(plain));
        let editor = format!("#!/bin/sh\nfor file; do :; done\n{script}\n");
        let path = desk.editor();
        fs::write(&path, editor).expect("an editor");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
        fs::create_dir(desk.0.path().join(COPIES)).expect("a directory");
        desk
    }

    fn editor(&self) -> PathBuf {
        self.0.path().join("vi")
    }

    fn edit(&self, variables: &[(&str, &str)]) -> Output {
        Output::of(&self.command(variables).output().expect("a `chora`"))
    }

    fn command(&self, variables: &[(&str, &str)]) -> std::process::Command {
        let mut command = self.0.command(&["config", "edit"]);
        command
            .env_remove("VISUAL")
            .env_remove("EDITOR")
            .env("TMPDIR", self.0.path().join(COPIES))
            .envs(variables.iter().copied());
        command
    }

    fn path(&self) -> PathBuf {
        self.0.home().join("bootstrap-config.yml")
    }

    fn config(&self) -> String {
        fs::read_to_string(self.path()).expect("a configuration")
    }

    /// The edited copies that are still there.
    fn copies(&self) -> Vec<PathBuf> {
        fs::read_dir(self.0.path().join(COPIES))
            .expect("a directory")
            .map(|entry| entry.expect("an entry").path())
            .collect()
    }
}

#[test]
fn a_valid_edit_replaces_the_file_and_its_mode_stays() {
    let desk = Desk::with("echo '# mine' >> \"$file\"");
    fs::set_permissions(desk.path(), fs::Permissions::from_mode(0o640)).expect("a mode");
    let before = desk.config();
    let editor = desk.editor().display().to_string();

    let edited = desk.edit(&[("EDITOR", &editor)]).exits(0);

    assert_eq!(desk.config(), format!("{before}# mine\n"));
    let mode = fs::metadata(desk.path()).expect("a file").permissions();
    assert_eq!(mode.mode() & 0o7777, 0o640);
    assert!(edited.stdout.contains("was replaced"), "{}", edited.stdout);
    assert!(desk.copies().is_empty(), "{:?}", desk.copies());
}

#[test]
fn an_invalid_edit_is_told_with_its_place_and_kept_beside_the_old_file() {
    let desk = Desk::with("echo 'servises: []' > \"$file\"");
    let before = desk.config();
    let editor = desk.editor().display().to_string();

    let refused = desk.edit(&[("EDITOR", &editor)]).exits(7);

    assert_eq!(desk.config(), before);
    let [copy] = &desk.copies()[..] else {
        panic!("{:?}", desk.copies());
    };
    assert_eq!(fs::read_to_string(copy).expect("a copy"), "servises: []\n");
    let place = format!("{}:1:1:", copy.display());
    for part in ["error[CONFIG_ERROR]", &place, "did you mean `services`"] {
        assert!(
            refused.stderr.contains(part),
            "{part} in {}",
            refused.stderr
        );
    }
    let put = format!("`cp {} {}`", copy.display(), desk.path().display());
    assert!(refused.stderr.contains(&put), "{}", refused.stderr);
}

#[test]
fn an_editor_that_fails_changes_nothing_and_what_was_typed_is_kept() {
    let desk = Desk::with("echo '# mine' >> \"$file\"; exit 3");
    let before = desk.config();
    let editor = desk.editor().display().to_string();

    let refused = desk.edit(&[("EDITOR", &editor)]).exits(7);

    assert_eq!(desk.config(), before);
    assert!(
        refused.stderr.contains("exit status: 3"),
        "{}",
        refused.stderr
    );
    let [copy] = &desk.copies()[..] else {
        panic!("{:?}", desk.copies());
    };
    let copy = copy.display().to_string();
    assert!(refused.stderr.contains(&copy), "{}", refused.stderr);

    let desk = Desk::with("exit 3");
    let editor = desk.editor().display().to_string();
    desk.edit(&[("EDITOR", &editor)]).exits(7);
    assert!(desk.copies().is_empty(), "{:?}", desk.copies());
    let missing = desk.edit(&[("EDITOR", "no-such-editor")]).exits(7);
    assert!(
        missing.stderr.contains("no-such-editor"),
        "{}",
        missing.stderr
    );
}

#[test]
fn the_variable_may_hold_arguments_and_visual_goes_first() {
    let desk = Desk::with("echo \"# $1 $#\" >> \"$file\"");
    let before = desk.config();
    let editor = format!("'{}' --wait", desk.editor().display());

    desk.edit(&[("VISUAL", &editor), ("EDITOR", "false")])
        .exits(0);

    assert_eq!(desk.config(), format!("{before}# --wait 2\n"));
}

#[test]
fn an_edit_that_changes_nothing_says_so() {
    let desk = Desk::with(":");
    let before = desk.config();
    let editor = desk.editor().display().to_string();

    let edited = desk.edit(&[("EDITOR", &editor)]).exits(0);

    assert_eq!(edited.stdout, "nothing was changed\n");
    assert_eq!(desk.config(), before);
}

#[test]
fn a_change_made_by_somebody_else_meanwhile_is_not_written_over() {
    let desk =
        Desk::with("echo '# mine' >> \"$file\"; echo '# other' >> .chora/bootstrap-config.yml");
    let before = desk.config();
    let editor = desk.editor().display().to_string();

    let refused = desk.edit(&[("EDITOR", &editor)]).exits(7);

    assert_eq!(desk.config(), format!("{before}# other\n"));
    assert!(
        refused.stderr.contains("in the meantime"),
        "{}",
        refused.stderr
    );
    assert_eq!(desk.copies().len(), 1);
}

#[test]
fn without_an_editor_and_a_terminal_it_says_how_to_name_one() {
    let desk = Desk::with(":");

    let refused = desk.edit(&[]).exits(7);

    assert!(
        refused.stderr.contains("`EDITOR=nano"),
        "{}",
        refused.stderr
    );
    assert!(desk.copies().is_empty(), "{:?}", desk.copies());
}

#[test]
fn without_an_editor_on_a_terminal_it_is_vi() {
    let desk = Desk::with("echo '# vi was here' >> \"$file\"");
    let before = desk.config();
    let path = std::env::var("PATH").expect("a path");
    let path = format!("{}:{path}", desk.0.path().display());

    let mut terminal = Terminal::start(desk.command(&[("PATH", &path)]));

    assert_eq!(terminal.end(), 0, "{}", terminal.screen());
    assert_eq!(desk.config(), format!("{before}# vi was here\n"));
}
