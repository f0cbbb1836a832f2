//! The folder of migrations in a checkout: which there are, and what the next one is called.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use lekalo_migrate::{Migrations, Step};

use crate::cli::output::UserError;

/// File names stay readable.
const LONGEST_NAME: usize = 60;

/// The folder, in which every version has both its files and none is left out.
pub struct Folder {
    path: PathBuf,
    /// Names without endings, by version.
    names: BTreeMap<i32, String>,
}

/// What the next migration's files are called and begin with.
#[derive(Debug)]
pub struct Next {
    path: PathBuf,
    version: i32,
    name: String,
    message: String,
}

impl Folder {
    /// Reads what there is.
    ///
    /// # Errors
    /// When there is no such folder, a version is there twice or left out, or a file lacks its other half.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let entries = fs::read_dir(path).map_err(|_| {
            UserError::error(
                format!("there is no folder `{}` here", path.display()),
                "run it in the folder of Lekalo's sources",
            )
        })?;
        let mut names: BTreeMap<i32, String> = BTreeMap::new();
        let mut downs = Vec::new();
        for entry in entries {
            let file = entry?.file_name().to_string_lossy().into_owned();
            let Some(stem) = file.strip_suffix(".sql") else { continue };
            let (stem, is_down) = stem.strip_suffix(".down").map_or((stem, false), |stem| (stem, true));
            let Some(version) = version_of(stem) else { continue };
            if is_down {
                downs.push(stem.to_owned());
            } else if let Some(other) = names.insert(version, stem.to_owned()) {
                return Err(wrong(format!("version {version} is there twice: {other}.sql and {stem}.sql")));
            }
        }
        for (expected, version) in (1..).zip(names.keys()) {
            if expected != *version {
                return Err(wrong(format!("version {expected} is left out: {version} comes after {}", expected - 1)));
            }
        }
        if let Some(name) = names.values().find(|name| !downs.contains(name)) {
            return Err(wrong(format!("{name}.sql has no {name}.down.sql")));
        }
        if let Some(name) = downs.iter().find(|name| !names.values().any(|known| known == *name)) {
            return Err(wrong(format!("{name}.down.sql has no {name}.sql")));
        }
        Ok(Self { path: path.to_owned(), names })
    }

    /// What the next one is called.
    ///
    /// # Errors
    /// When nothing of the message can be a file's name.
    pub fn next(&self, message: &str) -> anyhow::Result<Next> {
        let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(letter) = message.chars().find(|ch| !ch.is_ascii() && ch.is_alphanumeric()) {
            return Err(UserError::error(
                format!("`{letter}` cannot be in a migration's name"),
                "say in Latin letters what it changes",
            ));
        }
        let words = message.split(|ch: char| !ch.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let name = words.collect::<Vec<_>>().join("_").to_lowercase();
        if !name.contains(|ch: char| ch.is_ascii_alphabetic()) || name.len() > LONGEST_NAME {
            return Err(UserError::error(
                format!("`{message}` cannot be a migration's name"),
                format!("say in a few words what it changes, {LONGEST_NAME} characters at most"),
            ));
        }
        let version = self.names.keys().next_back().map_or(1, |last| last + 1);
        Ok(Next { path: self.path.clone(), version, name, message })
    }

    /// Whether the program carries just these migrations.
    ///
    /// # Errors
    /// Names the first that differs.
    pub fn check_carried(&self, carried: &Migrations) -> anyhow::Result<()> {
        let stale = |name: &str| {
            UserError::error(
                format!("this program was built from other migrations: {}/{name}.sql differs", self.path.display()),
                "build it anew: cargo build",
            )
        };
        if let Some(step) = carried.steps().iter().find(|step| !self.names.contains_key(&step.version())) {
            return Err(stale(&step.file_name()));
        }
        for (version, name) in &self.names {
            let sql = read(&self.path.join(format!("{name}.sql")))?;
            let is_same = |step: &Step| step.file_name() == *name && step.sql() == sql;
            if !carried.step(*version).is_some_and(is_same) {
                return Err(stale(name));
            }
        }
        Ok(())
    }

    /// The schema that is wanted.
    ///
    /// # Errors
    /// When there is none.
    pub fn schema(&self) -> anyhow::Result<String> {
        read(&self.path.join("schema.sql"))
    }
}

impl Next {
    /// Writes both files, with their headers, and tells their paths.
    ///
    /// # Errors
    /// When a file is there already or cannot be written; then neither is.
    pub fn write(&self, up: &str, down: &str) -> anyhow::Result<[PathBuf; 2]> {
        let stem = format!("V{}__{}", self.version, self.name);
        let files = [self.path.join(format!("{stem}.sql")), self.path.join(format!("{stem}.down.sql"))];
        let headers = [self.message.clone(), format!("Undoes V{}: {}", self.version, self.message)];
        for ((file, header), sql) in files.iter().zip(headers).zip([up, down]) {
            let text = format!("-- {header}\n\n{}", sql.trim_end());
            let written = OpenOptions::new().write(true).create_new(true).open(file);
            let written = written.and_then(|mut file| writeln!(file, "{}", text.trim_end()));
            if let Err(error) = written {
                files.iter().take_while(|other| *other != file).for_each(|other| drop(fs::remove_file(other)));
                return Err(error).with_context(|| format!("cannot write {}", file.display()));
            }
        }
        Ok(files)
    }
}

/// The version of a name like `V12__words`.
fn version_of(stem: &str) -> Option<i32> {
    let (version, name) = stem.strip_prefix('V')?.split_once("__")?;
    if name.is_empty() { None } else { version.parse().ok() }
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn wrong(problem: String) -> anyhow::Error {
    UserError::error(problem, "mend that first; nothing was written")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::migrations::PROGRAM;

    /// A folder with these files in it.
    fn folder(files: &[&str]) -> (tempfile::TempDir, anyhow::Result<Folder>) {
        let home = tempfile::tempdir().unwrap();
        files.iter().for_each(|file| fs::write(home.path().join(file), "").unwrap());
        let folder = Folder::open(home.path());
        (home, folder)
    }

    #[test]
    fn the_next_pair_has_the_next_number_and_a_header() {
        let (home, folder) = folder(&["V1__one.sql", "V1__one.down.sql", "schema.sql", "frozen.sha256"]);
        let folder = folder.unwrap();
        let next = folder.next("  Colours of patterns (and prices) ").unwrap();
        let [up, down] = next.write("SELECT 1;\n\n", "").unwrap();
        assert_eq!(up, home.path().join("V2__colours_of_patterns_and_prices.sql"));
        assert_eq!(fs::read_to_string(up).unwrap(), "-- Colours of patterns (and prices)\n\nSELECT 1;\n");
        assert_eq!(fs::read_to_string(&down).unwrap(), "-- Undoes V2: Colours of patterns (and prices)\n");
        assert!(next.write("", "").is_err(), "nothing is overwritten");
        assert!(down.exists());
        // Where one of the two cannot be, neither is.
        fs::remove_file(home.path().join("V2__colours_of_patterns_and_prices.sql")).unwrap();
        assert!(next.write("SELECT 1;", "").is_err());
        assert!(down.exists() && !home.path().join("V2__colours_of_patterns_and_prices.sql").exists());
    }

    #[test]
    fn what_is_amiss_is_named() {
        let cases: [(&[&str], &str); 4] = [
            (&["V1__a.sql", "V1__a.down.sql", "V1__b.sql", "V1__b.down.sql"], "version 1 is there twice"),
            (&["V1__a.sql", "V1__a.down.sql", "V3__b.sql", "V3__b.down.sql"], "version 2 is left out"),
            (&["V1__a.sql"], "V1__a.sql has no V1__a.down.sql"),
            (&["V1__a.down.sql"], "V1__a.down.sql has no V1__a.sql"),
        ];
        for (files, expected) in cases {
            let error = folder(files).1.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(expected), "{files:?}: {error}");
        }
        assert!(Folder::open(Path::new("/nonexistent")).err().unwrap().to_string().contains("there is no folder"));
    }

    #[test]
    fn only_what_the_program_was_built_from_is_drafted_upon() {
        let (home, folder) = folder(&["V1__a.sql", "V1__a.down.sql", "V2__b.sql", "V2__b.down.sql"]);
        fs::write(home.path().join("V2__b.sql"), "SELECT 2;").unwrap();
        let folder = folder.unwrap();
        let differs = |carried: &[(&str, &str)]| -> String {
            let none = Migrations::from_files(PROGRAM, []);
            let carried = carried.iter().fold(none, |list, (name, sql)| list.and(name, sql, "").unwrap());
            folder.check_carried(&carried).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(differs(&[("V1__a", ""), ("V2__b", "SELECT 2;")]), "");
        for (carried, file) in [
            (&[("V1__a", ""), ("V2__b", "SELECT 3;")][..], "V2__b.sql"),
            (&[("V1__a", ""), ("V2__other", "SELECT 2;")], "V2__b.sql"),
            (&[("V1__a", "")], "V2__b.sql"),
            (&[("V1__a", ""), ("V2__b", "SELECT 2;"), ("V3__c", "")], "V3__c.sql"),
        ] {
            assert!(differs(carried).contains(&format!("/{file} differs")), "{file}: {}", differs(carried));
        }
    }

    #[test]
    fn a_message_needs_latin_letters() {
        let (_home, folder) = folder(&[]);
        let folder = folder.unwrap();
        for message in ["", "  ", "12 34", "!?", "цвета", "colours, цвета", &"long ".repeat(20)] {
            assert!(folder.next(message).is_err(), "{message}");
        }
    }
}
