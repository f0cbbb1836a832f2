//! The check that released migrations never change, tried on copies in which somebody changed one.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::skipped;

/// A repository with the check and the migrations; none where there is no git.
fn repository() -> Option<TempDir> {
    let (root, folder) = (Path::new(env!("CARGO_MANIFEST_DIR")), tempfile::tempdir().unwrap());
    for part in [".ci", "migrations"] {
        fs::create_dir(folder.path().join(part)).unwrap();
        for entry in fs::read_dir(root.join(part)).unwrap().map(Result::unwrap) {
            fs::copy(entry.path(), folder.path().join(part).join(entry.file_name())).unwrap();
        }
    }
    if Command::new("git").arg("--version").output().is_err() {
        skipped("there is no git");
        return None;
    }
    git(&folder, &["init", "-q"]);
    commit(&folder);
    Some(folder)
}

fn git(folder: &TempDir, args: &[&str]) {
    let who = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
    let ran = Command::new("git").args(who).args(args).current_dir(folder.path()).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
}

fn commit(folder: &TempDir) {
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "-m", "change"]);
}

fn check(folder: &TempDir) -> Output {
    Command::new("bash").arg(folder.path().join(".ci/frozen")).output().unwrap()
}

fn refused(folder: &TempDir, words: &str) {
    let ran = check(folder);
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(!ran.status.success() && said.contains(words), "{ran:?}");
}

fn edit(folder: &TempDir, file: &str, change: impl Fn(String) -> String) {
    let file = folder.path().join("migrations").join(file);
    fs::write(&file, change(fs::read_to_string(&file).unwrap())).unwrap();
}

#[test]
fn a_released_migration_that_changes_is_found_even_with_its_line() {
    let Some(folder) = repository() else { return };
    assert!(check(&folder).status.success(), "{:?}", check(&folder));
    let file = "V4__write_requests.sql";
    edit(&folder, file, |sql| sql + "\n-- a word\n");
    refused(&folder, "a released migration has changed");
    // Nor does it help to change the list along with it.
    let sums = Command::new("sha256sum").arg(file).current_dir(folder.path().join("migrations")).output().unwrap();
    let sum = String::from_utf8(sums.stdout).unwrap();
    edit(&folder, "frozen.sha256", |list| {
        list.lines().map(|line| if line.ends_with(file) { sum.clone() } else { format!("{line}\n") }).collect()
    });
    refused(&folder, "are gone");
    commit(&folder);
    refused(&folder, file);
}

#[test]
fn what_is_added_to_the_list_stays_in_it() {
    let Some(folder) = repository() else { return };
    fs::write(folder.path().join("migrations/V999__next.sql"), "SELECT 1;\n").unwrap();
    assert!(check(&folder).status.success());
    let sum = Command::new("sha256sum").arg("V999__next.sql").current_dir(folder.path().join("migrations")).output();
    let line = String::from_utf8(sum.unwrap().stdout).unwrap();
    edit(&folder, "frozen.sha256", |list| list + &line);
    commit(&folder);
    assert!(check(&folder).status.success());
    edit(&folder, "frozen.sha256", |list| list.replace(&line, ""));
    commit(&folder);
    refused(&folder, "V999__next.sql");
}
