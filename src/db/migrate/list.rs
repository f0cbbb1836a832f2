//! The list of migrations: those the program carries, or any other that a test makes up.

use std::borrow::Cow;

use include_dir::{Dir, include_dir};
use refinery::Migration;

use super::apply::Patience;
use super::{MigrateError, statements};

mod embedded {
    refinery::embed_migrations!("migrations");
}

static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/migrations");

/// A migration with its way back.
#[derive(Debug, Clone)]
pub struct Step {
    pub migration: Migration,
    down: Option<Cow<'static, str>>,
}

impl Step {
    /// Its number.
    pub fn version(&self) -> i32 {
        self.migration.version()
    }

    /// The file's name without the ending: `V1__reference`.
    pub fn file_name(&self) -> String {
        format!("V{}__{}", self.migration.version(), self.migration.name())
    }

    /// The way there.
    pub fn sql(&self) -> &str {
        self.migration.sql().unwrap_or_default()
    }

    /// The way back.
    ///
    /// # Errors
    /// When there is none, or none that is SQL.
    pub fn down_sql(&self) -> Result<&str, MigrateError> {
        let sql = self.down.as_deref().unwrap_or_default();
        match statements::split(sql) {
            Ok(statements) if statements.is_empty() => Err(MigrateError::NoWayBack(self.file_name())),
            Ok(_) => Ok(sql),
            Err(error) => Err(MigrateError::Unfit { file: format!("{}.down.sql", self.file_name()), error }),
        }
    }

    /// Its statements, where they run one by one outside of a transaction.
    ///
    /// # Errors
    /// When one could not be repeated after a run that was killed, or would hold others up.
    pub(super) fn lone_statements(&self) -> Result<Option<Vec<statements::Statement<'_>>>, MigrateError> {
        if !statements::is_no_transaction(self.sql()) {
            return Ok(None);
        }
        let unfit = |error| MigrateError::Unfit { file: format!("{}.sql", self.file_name()), error };
        let statements = statements::split(self.sql()).map_err(unfit)?;
        let first_unfit = statements.iter().find_map(|statement| Some((statement, statement.unfit_alone()?)));
        match first_unfit {
            None => Ok(Some(statements)),
            Some((statement, why)) => Err(unfit(format!("without a transaction, `{}` {why}", statement.summary()))),
        }
    }
}

/// Migrations in the order of their versions, and how long each waits for its locks.
#[derive(Debug, Clone)]
pub struct Migrations {
    steps: Vec<Step>,
    pub(super) patience: Patience,
}

impl Migrations {
    /// Those that this program carries.
    pub fn shipped() -> Self {
        let mut all = embedded::migrations::runner().get_migrations().clone();
        all.sort();
        let steps = all.into_iter().map(|migration| {
            let name = format!("V{}__{}.down.sql", migration.version(), migration.name());
            let down = FILES.get_file(name).and_then(|file| file.contents_utf8()).map(Cow::Borrowed);
            Step { migration, down }
        });
        Self { steps: steps.collect(), patience: Patience::default() }
    }

    /// One more, after all others; `file_name` is like `V11__name`.
    ///
    /// # Errors
    /// When that is no such name.
    pub fn and(mut self, file_name: &str, sql: &str, down: &str) -> Result<Self, MigrateError> {
        let migration = Migration::unapplied(file_name, sql).map_err(|error| MigrateError::Run(Box::new(error)))?;
        self.steps.push(Step { migration, down: Some(Cow::Owned(down.to_owned())) });
        self.steps.sort_by_key(Step::version);
        Ok(self)
    }

    /// Those that an older program knows.
    pub fn up_to(mut self, version: i32) -> Self {
        self.steps.retain(|step| step.version() <= version);
        self
    }

    /// With other bounds on waiting for locks.
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// All of them, oldest first.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The newest version; 0 where there are none.
    pub fn latest(&self) -> i32 {
        self.steps.last().map_or(0, Step::version)
    }

    /// The one of this version.
    pub fn step(&self, version: i32) -> Option<&Step> {
        self.steps.iter().find(|step| step.version() == version)
    }

    pub(super) fn unapplied(&self) -> Vec<Migration> {
        self.steps.iter().map(|step| step.migration.clone()).collect()
    }
}

/// Every migration this program carries, oldest first.
pub fn migrations() -> Vec<Migration> {
    Migrations::shipped().unapplied()
}

/// A migration's file name without the ending: `V1__reference`.
pub fn file_name(migration: &Migration) -> String {
    format!("V{}__{}", migration.version(), migration.name())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn every_migration_has_a_way_back_and_can_be_run() {
        let shipped = Migrations::shipped();
        assert!(!shipped.steps().is_empty());
        for step in shipped.steps() {
            step.down_sql().unwrap();
            step.lone_statements().unwrap();
        }
        let versions: Vec<i32> = shipped.steps().iter().map(Step::version).collect();
        assert_eq!(versions, (1..=shipped.latest()).collect::<Vec<_>>(), "versions have no gaps");
    }

    /// `cd migrations && sha256sum -c frozen.sha256` says the same.
    #[test]
    fn landed_migrations_never_change() {
        let frozen: BTreeMap<&str, &str> = FILES
            .get_file("frozen.sha256")
            .and_then(|file| file.contents_utf8())
            .unwrap()
            .lines()
            .map(|line| line.split_once("  ").map(|(sum, file)| (file, sum)).unwrap())
            .collect();
        for (name, sum) in &frozen {
            let file = FILES.get_file(name).unwrap_or_else(|| panic!("migrations/{name} has landed and is gone"));
            let now: String = Sha256::digest(file.contents()).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(&now, sum, "migrations/{name} has landed: it never changes, write the next migration instead");
        }
        let shipped = Migrations::shipped();
        for step in shipped.steps() {
            for file in [format!("{}.sql", step.file_name()), format!("{}.down.sql", step.file_name())] {
                let freeze = format!("cd migrations && sha256sum {}.* >> frozen.sha256", step.file_name());
                let may_change = step.version() == shipped.latest();
                assert!(may_change || frozen.contains_key(file.as_str()), "{file} is not frozen: {freeze}");
            }
        }
    }
}
