//! The list of migrations: those that a program carries, or any other.

use std::collections::BTreeMap;

use refinery::Migration;

use crate::apply::Patience;
use crate::error::MigrateError;
use crate::program::Program;
use crate::statements;

/// A migration with its down migration.
#[derive(Debug, Clone)]
pub struct Step {
    pub(crate) migration: Migration,
    down: Option<String>,
}

impl Step {
    /// Its number.
    pub fn version(&self) -> i32 {
        self.migration.version()
    }

    /// The file's name without the ending: `V1__reference`.
    pub fn file_name(&self) -> String {
        file_name(&self.migration)
    }

    /// Its name: `reference`.
    pub fn name(&self) -> &str {
        self.migration.name()
    }

    /// Of version, name and SQL, as the history keeps it.
    pub fn checksum(&self) -> u64 {
        self.migration.checksum()
    }

    /// The SQL that goes up.
    pub fn sql(&self) -> &str {
        self.migration.sql().unwrap_or_default()
    }

    /// The SQL that goes down.
    ///
    /// # Errors
    /// When there is none, or none that is SQL.
    pub(crate) fn down_sql(&self) -> Result<&str, MigrateError> {
        let sql = self.down.as_deref().unwrap_or_default();
        match statements::split(sql) {
            Ok(statements) if statements.is_empty() => Err(MigrateError::NoDownMigration(self.file_name())),
            Ok(_) => Ok(sql),
            Err(error) => Err(MigrateError::Unfit { file: format!("{}.down.sql", self.file_name()), error }),
        }
    }

    /// Whether both its files can be run, as far as their text tells: for a program's tests to ask of all that it carries.
    ///
    /// # Errors
    /// When one of them is no SQL, says nothing, or cannot run as it is to.
    pub fn check(&self) -> Result<(), MigrateError> {
        let unfit = |error| MigrateError::Unfit { file: format!("{}.sql", self.file_name()), error };
        if statements::split(self.sql()).map_err(unfit)?.is_empty() {
            return Err(unfit("there is no statement in it".to_owned()));
        }
        self.lone_statements()?;
        self.down_sql()?;
        Ok(())
    }

    /// Its statements, where they run one by one outside of a transaction.
    ///
    /// # Errors
    /// When one could not be repeated after a run that was killed, or would hold others up.
    pub(crate) fn lone_statements(&self) -> Result<Option<Vec<statements::Statement<'_>>>, MigrateError> {
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
    pub(crate) program: Program,
    steps: Vec<Step>,
    pub(crate) patience: Patience,
}

impl Migrations {
    /// Those of a folder, by its files' names and contents: `V1__name.sql` and `V1__name.down.sql`. Whatever is called
    /// otherwise is passed by.
    pub fn from_files<'a>(program: Program, files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let files: BTreeMap<&str, &str> = files.into_iter().collect();
        let step = |(file, sql): (&&str, &&str)| {
            let stem = file.strip_suffix(".sql")?;
            let migration = Migration::unapplied(stem, sql).ok().filter(|migration| file_name(migration) == stem)?;
            let down = files.get(format!("{stem}.down.sql").as_str()).map(|down| (*down).to_owned());
            Some(Step { migration, down })
        };
        let mut steps: Vec<Step> = files.iter().filter_map(step).collect();
        steps.sort_by_key(Step::version);
        Self { program, steps, patience: Patience::default() }
    }

    /// One more, after all others; `file_name` is like `V11__name`.
    ///
    /// # Errors
    /// When that is no such name.
    pub fn and(mut self, file_name: &str, sql: &str, down: &str) -> Result<Self, MigrateError> {
        let migration = Migration::unapplied(file_name, sql).map_err(|error| MigrateError::Run(Box::new(error)))?;
        self.steps.push(Step { migration, down: Some(down.to_owned()) });
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

    /// The program whose they are.
    pub fn program(&self) -> Program {
        self.program
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

    pub(crate) fn unapplied(&self) -> Vec<Migration> {
        self.steps.iter().map(|step| step.migration.clone()).collect()
    }
}

/// A migration's file name without the ending: `V1__reference`.
pub(crate) fn file_name(migration: &Migration) -> String {
    format!("V{}__{}", migration.version(), migration.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::PROGRAM;

    #[test]
    fn a_folder_is_read_by_its_files_names() {
        let files = [
            ("V10__c.sql", "SELECT 3"),
            ("V2__b.sql", "SELECT 2"),
            ("V2__b.down.sql", "SELECT -2"),
            ("V1__a.sql", "SELECT 1"),
            ("V3__not-a-name.sql", ""),
            ("schema.sql", ""),
            ("frozen.sha256", ""),
        ];
        let migrations = Migrations::from_files(PROGRAM, files);
        let names: Vec<String> = migrations.steps().iter().map(Step::file_name).collect();
        assert_eq!(names, ["V1__a", "V2__b", "V10__c"]);
        assert_eq!(migrations.step(2).unwrap().down_sql().unwrap(), "SELECT -2");
        assert!(matches!(migrations.step(1).unwrap().down_sql(), Err(MigrateError::NoDownMigration(_))));
    }
}
