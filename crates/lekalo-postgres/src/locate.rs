//! Finding PostgreSQL's programs on this machine.
//!
//! To look in one more place, add it to [`candidates`]: the order there is the order of preference.

use std::{
    fmt,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use crate::environment;
use crate::release::MAJOR;

/// The oldest PostgreSQL that the migrations run on.
const MINIMUM_MAJOR: u32 = 15;

/// Folders with one PostgreSQL per version in them: parent, what stands before the version, what comes after it.
const VERSIONED: [(&str, &str, &str); 6] = [
    ("/usr/lib/postgresql", "", "bin"),          // Debian, Ubuntu
    ("/usr", "pgsql-", "bin"),                   // Red Hat, from postgresql.org
    ("/opt/homebrew/opt", "postgresql@", "bin"), // Homebrew, Apple silicon
    ("/usr/local/opt", "postgresql@", "bin"),    // Homebrew, Intel
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// A usable pair of `postgres` and `initdb`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binaries {
    /// The folder that both lie in, symlinks resolved.
    pub dir: PathBuf,
    /// As the programs say it: `15.18`.
    pub version: String,
    /// The number that a data directory is bound to: 15.
    pub major: u32,
}

/// No usable PostgreSQL was found. Its text lists every place that was looked at and what to do.
#[derive(Debug)]
pub struct LocateError {
    wanted: Option<u32>,
    tried: Vec<(String, String)>,
}

impl std::error::Error for LocateError {}

impl fmt::Display for LocateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.wanted {
            Some(major) => writeln!(
                f,
                "found no PostgreSQL {major} on this machine, and the data directory was made by that version"
            )?,
            None => writeln!(f, "found no PostgreSQL {MINIMUM_MAJOR} or newer on this machine")?,
        }
        writeln!(f, "tried:")?;
        for (place, outcome) in &self.tried {
            writeln!(f, "  {place}: {outcome}")?;
        }
        let suffix = self.wanted.map(|major| format!("-{major}"));
        let suffix = suffix.unwrap_or_default();
        let major = self.wanted.unwrap_or(MAJOR);
        writeln!(f, "any one of these mends it:")?;
        writeln!(
            f,
            "  install PostgreSQL: `apt-get install postgresql{suffix}` (Debian, Ubuntu) or `brew install postgresql@{major}` (macOS)"
        )?;
        write!(f, "  set LEKALO_PG_BIN to the folder that holds `postgres` and `initdb`")?;
        if major == MAJOR {
            write!(f, "\n  download one for Lekalo alone: `lekalo db fetch`")?;
        }
        if self.wanted.is_some() {
            write!(f, "\n  start with another data directory: `--data-dir`")?;
        }
        Ok(())
    }
}

/// Finds `postgres` and `initdb`: in `explicit` and nowhere else when it is given, else in the first of the usual places
/// (see [`candidates`]) that has version 15 or newer. `wanted` is the major version that an existing data directory needs.
pub(crate) fn locate(
    explicit: Option<&Path>,
    wanted: Option<u32>,
    data_home: Option<&Path>,
) -> Result<Binaries, LocateError> {
    let places: Box<dyn Iterator<Item = Place>> = match explicit {
        Some(dir) => Box::new(std::iter::once(Place { label: "LEKALO_PG_BIN".into(), dirs: vec![dir.to_owned()] })),
        None => Box::new(candidates(data_home)),
    };
    let mut tried = Vec::new();
    for place in places {
        if place.dirs.is_empty() {
            tried.push((place.label, "nothing there".into()));
            continue;
        }
        for dir in place.dirs {
            match probe(&dir).and_then(|found| suits(found, wanted)) {
                Ok(found) => return Ok(found),
                Err(why) => tried.push((format!("{} ({})", place.label, dir.display()), why)),
            }
        }
    }
    Err(LocateError { wanted, tried })
}

/// The newest programs of all places; of those as new, `explicit` first.
pub(crate) fn newest(explicit: Option<&Path>, data_home: Option<&Path>) -> Option<Binaries> {
    let places = candidates(data_home).flat_map(|place| place.dirs);
    let found = explicit.map(Path::to_owned).into_iter().chain(places).filter_map(|dir| probe(&dir).ok());
    found.reduce(|best, next| if next.major > best.major { next } else { best })
}

/// A place to look in, and the folders found there.
struct Place {
    label: String,
    dirs: Vec<PathBuf>,
}

/// The usual places, best first; each is looked at only when those before it had nothing.
fn candidates(data_home: Option<&Path>) -> impl Iterator<Item = Place> {
    let named = [("pg_config --bindir", pg_config as fn() -> Vec<PathBuf>), ("PATH", in_path)];
    let named = named.into_iter().map(|(label, find)| Place { label: label.into(), dirs: find() });
    let versioned = VERSIONED.into_iter().map(|(parent, prefix, rest)| versions_in(Path::new(parent), prefix, rest));
    let fetched = data_home.map(Path::to_owned).into_iter().map(|home| versions_in(&home, "postgresql-", "bin"));
    named.chain(versioned).chain(fetched)
}

fn pg_config() -> Vec<PathBuf> {
    let said = run(Path::new("pg_config"), "--bindir");
    said.ok().map(PathBuf::from).into_iter().collect()
}

/// The folders that `postgres` on the PATH really lies in: a link such as `/usr/local/bin/postgres` has no `initdb` of its own beside it.
fn in_path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter_map(|dir| dir.join("postgres").canonicalize().ok())
        .filter_map(|file| Some(file.parent()?.to_owned()))
        .collect()
}

/// `parent/prefix<version>/rest` for every version there is, highest first.
fn versions_in(parent: &Path, prefix: &str, rest: &str) -> Place {
    let mut found: Vec<(Vec<u32>, PathBuf)> = parent
        .read_dir()
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = name.to_str()?.strip_prefix(prefix)?;
            let numbers = version.split('.').map(|part| part.parse().ok());
            Some((numbers.collect::<Option<_>>()?, entry.path().join(rest)))
        })
        .collect();
    found.sort();
    Place {
        label: format!("{}/{prefix}*/{rest}", parent.display()),
        dirs: found.into_iter().rev().map(|(_, dir)| dir).collect(),
    }
}

/// Asks `postgres` in `dir` for its version, which also shows that its libraries are there. `initdb` only has to be beside it:
/// it refuses a `postgres` of another version by itself, and two processes less are felt at every start.
pub(crate) fn probe(dir: &Path) -> Result<Binaries, String> {
    let postgres = dir.join("postgres");
    let postgres = postgres.canonicalize().map_err(|error| format!("`postgres`: {error}"))?;
    let dir = postgres.parent().unwrap_or(dir);
    if !dir.join("initdb").is_file() {
        return Err(format!("no `initdb` beside {}", postgres.display()));
    }
    let version = version_of(&postgres)?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    let major = digits.parse().map_err(|_| format!("cannot read the version `{version}`"))?;
    Ok(Binaries { dir: dir.to_owned(), version, major })
}

fn suits(found: Binaries, wanted: Option<u32>) -> Result<Binaries, String> {
    match wanted {
        _ if found.major < MINIMUM_MAJOR => Err(format!("PostgreSQL {}: too old", found.version)),
        Some(major) if found.major != major => {
            Err(format!("PostgreSQL {}: cannot read what {major} wrote", found.version))
        }
        _ => Ok(found),
    }
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` → `15.18`.
fn version_of(postgres: &Path) -> Result<String, String> {
    let said = run(postgres, "--version").map_err(|why| format!("`postgres`: {why}"))?;
    said.split_once("(PostgreSQL)")
        .and_then(|(_, rest)| rest.split_whitespace().next())
        .map(str::to_owned)
        .ok_or_else(|| format!("`postgres` says `{said}`"))
}

/// What a program prints, trimmed; or why it did not run.
fn run(program: &Path, argument: &str) -> Result<String, String> {
    let mut command = Command::new(program);
    command.arg(argument).env_clear().envs(environment::kept()).stdin(Stdio::null());
    let mut output = command.output();
    // A file written a moment ago stays busy until the children that other threads were just forking have their own program.
    for _ in 0..10 {
        match &output {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {
                thread::sleep(Duration::from_millis(20));
                output = command.output();
            }
            _ => break,
        }
    }
    let output = output.map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(text(&output.stderr)),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    /// A folder of programs of which `postgres` knows its version, and that is all.
    fn fake(parent: &Path, name: &str, version: &str) -> PathBuf {
        let dir = parent.join(name).join("bin");
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("initdb"), "").unwrap();
        let postgres = dir.join("postgres");
        let script = format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version} (Fake)'\n");
        fs::write(&postgres, script).unwrap();
        fs::set_permissions(&postgres, fs::Permissions::from_mode(0o755)).unwrap();
        dir.canonicalize().unwrap()
    }

    #[test]
    fn the_highest_version_comes_first() {
        let home = tempfile::tempdir().unwrap();
        for name in ["postgresql-9.6", "postgresql-17.2", "postgresql-17.10", "other"] {
            fs::create_dir(home.path().join(name)).unwrap();
        }
        let place = versions_in(home.path(), "postgresql-", "bin");
        let names = ["postgresql-17.10", "postgresql-17.2", "postgresql-9.6"];
        let expected = names.map(|name| home.path().join(name).join("bin"));
        assert_eq!(place.dirs, expected);
    }

    #[test]
    fn a_link_leads_to_the_folder_with_initdb() {
        let home = tempfile::tempdir().unwrap();
        let real = fake(home.path(), "real", "15.18");
        let links = home.path().join("links");
        fs::create_dir(&links).unwrap();
        std::os::unix::fs::symlink(real.join("postgres"), links.join("postgres")).unwrap();
        let found = locate(Some(&links), None, None).unwrap();
        assert_eq!(found.dir, real);
        assert_eq!((found.version.as_str(), found.major), ("15.18", 15));
    }

    #[test]
    fn the_newest_is_looked_for_everywhere() {
        let home = tempfile::tempdir().unwrap();
        let newest = fake(home.path(), "postgresql-98.4", "98.4");
        fake(home.path(), "postgresql-97.1", "97.1");
        let named = fake(home.path(), "named", "96.2");
        assert_eq!(super::newest(Some(&named), Some(home.path())).unwrap().dir, newest);
        let named = fake(home.path(), "other", "98.1");
        assert_eq!(super::newest(Some(&named), Some(home.path())).unwrap().dir, named);
    }

    #[test]
    fn an_old_version_and_a_lone_server_are_refused() {
        let home = tempfile::tempdir().unwrap();
        let old = fake(home.path(), "old", "14.9");
        let lone = fake(home.path(), "lone", "16.1");
        fs::remove_file(lone.join("initdb")).unwrap();
        let why = |dir: &Path| locate(Some(dir), None, None).unwrap_err().to_string();
        assert!(why(&old).contains("PostgreSQL 14.9: too old"));
        assert!(why(&lone).contains("no `initdb` beside"));
    }

    #[test]
    fn the_version_that_made_the_data_wins() {
        let home = tempfile::tempdir().unwrap();
        fake(home.path(), "postgresql-98.4", "98.4");
        let wanted = fake(home.path(), "postgresql-97.1", "97.1");
        let found = locate(None, Some(97), Some(home.path())).unwrap();
        assert_eq!(found.dir, wanted);
    }

    #[test]
    fn the_error_lists_what_was_tried_and_what_to_do() {
        let home = tempfile::tempdir().unwrap();
        fake(home.path(), "postgresql-98.4", "98.4");
        let text = locate(None, Some(99), Some(home.path())).unwrap_err().to_string();
        for part in [
            "found no PostgreSQL 99",
            "pg_config --bindir",
            "PATH",
            "/usr/lib/postgresql",
            "/opt/homebrew/opt/postgresql@*/bin: ",
            "98.4: cannot read what 99 wrote",
            "apt-get install postgresql-99",
            "LEKALO_PG_BIN",
            "--data-dir",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        // What it downloads could not read the data either.
        assert!(!text.contains("lekalo db fetch"));
        let nowhere = home.path().join("nowhere");
        let text = locate(Some(&nowhere), None, None).unwrap_err().to_string();
        assert!(text.contains("lekalo db fetch"));
    }
}
