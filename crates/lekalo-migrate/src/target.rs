//! Where a migration is to end: a version, a number of steps, or one of the ends.

use std::str::FromStr;

use crate::error::MigrateError;
use crate::history::Entry;
use crate::list::Migrations;

/// `7`, `V7`, `+2` or `head`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpTo {
    Head,
    Version(i32),
    Steps(usize),
}

/// `7`, `V7`, `-2` or `base`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DownTo {
    Base,
    Version(i32),
    Steps(usize),
}

/// `FROM:TO`, or `TO` alone, which begins at the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub from: UpTo,
    pub to: UpTo,
}

impl FromStr for UpTo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "head" {
            return Ok(Self::Head);
        }
        let parsed = match text.strip_prefix('+') {
            Some(steps) => steps.parse().ok().filter(|steps| *steps > 0).map(Self::Steps),
            None => version(text).map(Self::Version),
        };
        parsed.ok_or_else(|| "a version (7 or V7), a number of steps (+2) or `head`".to_owned())
    }
}

impl FromStr for DownTo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "base" {
            return Ok(Self::Base);
        }
        let parsed = match text.strip_prefix('-') {
            Some(steps) => steps.parse().ok().filter(|steps| *steps > 0).map(Self::Steps),
            None => version(text).map(Self::Version),
        };
        parsed.ok_or_else(|| "a number of steps (-1), a version (7 or V7) or `base`".to_owned())
    }
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let end = |text: &str| match text {
            "base" => Some(UpTo::Version(0)),
            "head" => Some(UpTo::Head),
            other => version(other).map(UpTo::Version),
        };
        let (from, to) = text.split_once(':').unwrap_or(("base", text));
        match (end(from), end(to)) {
            (Some(from), Some(to)) => Ok(Self { from, to }),
            _ => Err("FROM:TO, where each is a version (7 or V7), `base` or `head`".to_owned()),
        }
    }
}

/// `7` or `V7`.
fn version(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['V', 'v']).unwrap_or(text);
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

impl UpTo {
    /// The version to reach from `current`.
    pub(crate) fn version(self, current: i32, migrations: &Migrations) -> Result<i32, MigrateError> {
        let latest = migrations.latest();
        match self {
            Self::Head => Ok(latest),
            Self::Version(version) if version < current => Err(MigrateError::Target(format!(
                "the database is at version {current}, past {version}: `{} down {version}` goes back",
                migrations.program.command
            ))),
            Self::Version(version) if version == current || migrations.step(version).is_some() => Ok(version),
            Self::Version(version) => {
                Err(MigrateError::Target(format!("there is no version {version}: this program's latest is {latest}")))
            }
            Self::Steps(steps) => {
                let pending: Vec<i32> =
                    migrations.steps().iter().map(|step| step.version()).filter(|version| *version > current).collect();
                pending.get(steps - 1).copied().ok_or_else(|| {
                    MigrateError::Target(format!("only {} are left to apply; `head` applies them all", pending.len()))
                })
            }
        }
    }
}

impl DownTo {
    /// The version to go back to from what is applied.
    pub(crate) fn version(self, applied: &[Entry]) -> Result<i32, MigrateError> {
        let versions: Vec<i32> = applied.iter().map(|entry| entry.version).collect();
        match self {
            Self::Base => Ok(0),
            Self::Version(version) if version == 0 || versions.contains(&version) => Ok(version),
            Self::Version(version) => Err(MigrateError::Target(format!(
                "version {version} is not applied: the database is at {}",
                versions.last().unwrap_or(&0)
            ))),
            Self::Steps(steps) if steps > versions.len() => {
                Err(MigrateError::Target(format!("only {} are applied; `base` undoes them all", versions.len())))
            }
            Self::Steps(steps) => Ok(versions.iter().rev().nth(steps).copied().unwrap_or(0)),
        }
    }
}

impl Range {
    /// Both ends as versions this program has.
    pub(crate) fn versions(self, migrations: &Migrations) -> Result<(i32, i32), MigrateError> {
        let version = |end| match end {
            UpTo::Version(0) => Ok(0),
            end => end.version(0, migrations),
        };
        Ok((version(self.from)?, version(self.to)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Drift;
    use crate::program::PROGRAM;

    #[test]
    fn targets_are_versions_steps_or_ends() {
        assert_eq!("head".parse(), Ok(UpTo::Head));
        assert_eq!("V7".parse(), Ok(UpTo::Version(7)));
        assert_eq!("+2".parse(), Ok(UpTo::Steps(2)));
        assert_eq!("-1".parse(), Ok(DownTo::Steps(1)));
        assert_eq!("base".parse(), Ok(DownTo::Base));
        assert_eq!("0".parse(), Ok(DownTo::Version(0)));
        assert_eq!("9:V7".parse(), Ok(Range { from: UpTo::Version(9), to: UpTo::Version(7) }));
        assert_eq!("head".parse(), Ok(Range { from: UpTo::Version(0), to: UpTo::Head }));
        for wrong in ["", "+0", "-1", "base", "V", "+", "seven", "99999999999"] {
            assert!(wrong.parse::<UpTo>().is_err(), "{wrong}");
        }
        for wrong in ["", "-0", "+1", "head", "-", "1:2"] {
            assert!(wrong.parse::<DownTo>().is_err(), "{wrong}");
        }
        for wrong in ["", ":", "1:", "1:2:3", "+1:head"] {
            assert!(wrong.parse::<Range>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn steps_are_counted_from_where_the_database_is() {
        let files =
            ["V1__a.sql", "V2__b.sql", "V3__c.sql", "V4__d.sql", "V5__e.sql", "V6__f.sql", "V7__g.sql", "V8__h.sql"];
        let migrations = Migrations::from_files(PROGRAM, files.map(|file| (file, "SELECT 1")));
        let latest = migrations.latest();
        assert_eq!(UpTo::Steps(2).version(5, &migrations).unwrap(), 7);
        assert_eq!(UpTo::Version(5).version(5, &migrations).unwrap(), 5);
        assert!(UpTo::Steps(2).version(latest - 1, &migrations).is_err());
        assert!(UpTo::Version(latest + 1).version(0, &migrations).is_err());
        assert!(UpTo::Version(3).version(5, &migrations).is_err());

        let entry = |version| Entry {
            version,
            name: String::new(),
            checksum: String::new(),
            applied_on: None,
            applied_by: None,
            drift: Drift::None,
        };
        let applied = [entry(1), entry(2), entry(3)];
        assert_eq!(DownTo::Steps(1).version(&applied).unwrap(), 2);
        assert_eq!(DownTo::Steps(3).version(&applied).unwrap(), 0);
        assert_eq!(DownTo::Version(3).version(&applied).unwrap(), 3);
        assert!(DownTo::Steps(4).version(&applied).is_err());
        assert!(DownTo::Version(4).version(&applied).is_err());
    }
}
