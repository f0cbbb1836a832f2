//! A migration drafted from the difference between what the migrations make and a schema that is wanted instead.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use tokio_postgres::Config;
use tokio_postgres::error::ErrorPosition;

use super::delta::{self, Action};
use super::renames::{self, Rename};
use super::scratch::Scratch;
use super::{Change, Snapshot};
use crate::db::migrate;

/// What is wrong with the schema that is wanted.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotASchema(String);

/// Two scratch databases: as the migrations make it, and as it is wanted.
pub struct Draft {
    scratch: Scratch,
    migrated: Config,
    wanted: Config,
    before: Snapshot,
    after: Snapshot,
}

/// A migration and the way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    pub up: String,
    pub down: String,
    /// What to know about it: what is gone afterwards, and what only a table without rows (or nulls) lets through.
    pub warnings: Vec<String>,
    /// Why it cannot be right yet.
    pub faults: Vec<String>,
}

impl Draft {
    /// Makes both databases on a private server, which needs PostgreSQL's programs (`pg_bin`: where).
    ///
    /// # Errors
    /// [`NotASchema`], or the server does not start.
    pub async fn new(pg_bin: Option<PathBuf>, schema: &str) -> anyhow::Result<Self> {
        let mut scratch = Scratch::embedded(pg_bin).await?;
        match databases(&mut scratch, schema).await {
            Ok((migrated, wanted, before, after)) => Ok(Self { scratch, migrated, wanted, before, after }),
            Err(error) => {
                scratch.close().await?;
                Err(error)
            }
        }
    }

    /// Whether the migrations already make what is wanted.
    pub fn is_empty(&self) -> bool {
        self.after.differences(&self.before).is_empty()
    }

    /// Tables that may only be called otherwise.
    pub fn possible_tables(&self) -> Vec<Rename> {
        renames::tables(&self.before, &self.after)
    }

    /// Columns that may only be called otherwise, where these tables are.
    pub fn possible_columns(&self, tables: &[Rename]) -> Vec<Rename> {
        renames::columns(&self.before, &self.after, tables)
    }

    /// Whether a table or column (`patterns.notes`) is no longer wanted.
    pub fn is_gone(&self, name: &str) -> bool {
        self.after.differences(&self.before).iter().any(|difference| {
            let object = difference.object.as_str();
            let named = object.strip_prefix("table ").or(object.strip_prefix("column ")) == Some(name);
            named && difference.change == Change::Missing
        })
    }

    /// Drafts the migration, in which these keep what they hold under another name. Once.
    ///
    /// # Errors
    /// As [`delta::between`].
    pub async fn pair(&self, tables: &[Rename], columns: &[Rename]) -> anyhow::Result<Pair> {
        // A column's table is called as before.
        let mut renamed: Vec<(String, String)> = columns.iter().chain(tables).map(Rename::statements).collect();
        self.scratch.apply(&self.migrated, "renaming", &script(renamed.iter().map(|(there, _)| there))).await?;
        let between = self.scratch.snapshot(&self.migrated).await?;
        let followers = renames::followers(&between, &self.after);
        self.scratch.apply(&self.migrated, "renaming", &script(followers.iter().map(|(there, _)| there))).await?;
        renamed.extend(followers);
        let (up, down) = delta::between(&self.scratch.url(&self.migrated), &self.scratch.url(&self.wanted)).await?;

        let gone = up.iter().filter(|action| action.is_destructive());
        let mut warnings: Vec<String> =
            gone.map(|action| format!("what is there is gone after {}", action.sql)).collect();
        let retyped = renames::retyped(&between, &self.after).into_iter();
        warnings.extend(retyped.map(|(column, from, to)| {
            format!(
                "what is in {column} is turned from {from} into {to}: a value that does not fit is cut, or it fails"
            )
        }));
        let tightened = renames::tightened(&between, &self.after).into_iter();
        warnings
            .extend(tightened.map(|column| format!("{column} becomes NOT NULL: it fails where a row has null there")));
        let unfillable_back = renames::unfillable(&self.after, &between).into_iter();
        warnings.extend(unfillable_back.map(|column| {
            format!("{column} comes back NOT NULL and without a default: the way back fails where the table has rows")
        }));
        let faults = renames::unfillable(&between, &self.after).into_iter().map(|column| {
            format!(
                "{column} is NOT NULL and has no default: the migration fails where the table has rows; give it one, or \
                 add it nullable, fill it in, and then SET NOT NULL"
            )
        });
        Ok(Pair {
            up: script(renamed.iter().map(|(there, _)| there)) + &text(&up, true),
            down: text(&down, false) + &script(renamed.iter().rev().map(|(_, back)| back)),
            warnings,
            faults: faults.collect(),
        })
    }

    /// Where the migration does not lead to what is wanted, or the way back not to where it began. Empty if all is well.
    ///
    /// # Errors
    /// When one of them is refused.
    pub async fn faults(&mut self, pair: &Pair) -> anyhow::Result<Vec<String>> {
        let tried = as_migrated(&mut self.scratch).await?;
        let was = self.scratch.snapshot(&tried).await?;
        self.scratch.apply(&tried, "the migration", &pair.up).await?;
        let there = self.scratch.snapshot(&tried).await?.differences(&self.after);
        self.scratch.apply(&tried, "the way back", &pair.down).await?;
        let back = self.scratch.snapshot(&tried).await?.differences(&was);
        let there = there.iter().map(|difference| format!("after the migration, {difference}"));
        let back = back.iter().map(|difference| format!("after the way back, {difference}"));
        Ok(there.chain(back).collect())
    }

    /// Removes the databases and their server.
    ///
    /// # Errors
    /// When the server does not stop.
    pub async fn close(self) -> anyhow::Result<()> {
        self.scratch.close().await
    }
}

async fn databases(scratch: &mut Scratch, schema: &str) -> anyhow::Result<(Config, Config, Snapshot, Snapshot)> {
    let (migrated, wanted) = (as_migrated(scratch).await?, scratch.database().await?);
    scratch.apply(&wanted, "the schema", schema).await.map_err(|error| not_a_schema(error, schema))?;
    let (before, after) = (scratch.snapshot(&migrated).await?, scratch.snapshot(&wanted).await?);
    Ok((migrated, wanted, before, after))
}

/// What PostgreSQL says of a schema that it refuses, and of which line.
fn not_a_schema(error: anyhow::Error, schema: &str) -> anyhow::Error {
    let refusal = error.downcast_ref::<tokio_postgres::Error>().and_then(tokio_postgres::Error::as_db_error);
    let Some(refusal) = refusal else { return error };
    let line = match refusal.position() {
        Some(ErrorPosition::Original(at)) => {
            let before = schema.chars().take((*at as usize).saturating_sub(1));
            format!("line {}: ", before.filter(|ch| *ch == '\n').count() + 1)
        }
        _ => String::new(),
    };
    NotASchema(format!("{line}{}", refusal.message())).into()
}

/// A database as the migrations make it, without their bookkeeping, which no schema.sql has.
async fn as_migrated(scratch: &mut Scratch) -> anyhow::Result<Config> {
    let database = scratch.database().await?;
    migrate::up(&database, scratch.mode()).await.context("the migrations fail on a scratch database")?;
    scratch.apply(&database, "forgetting the history", "DROP TABLE refinery_schema_history").await?;
    Ok(database)
}

fn script<'a>(statements: impl Iterator<Item = &'a String>) -> String {
    statements.map(|statement| format!("{statement};\n\n")).collect()
}

/// Statements as a script; `warn`: what destroys data says so.
fn text(actions: &[Action], warn: bool) -> String {
    // A function's body may name what only comes after it.
    let bodies = actions.iter().any(|action| action.sql.contains(" FUNCTION ") || action.sql.contains(" PROCEDURE "));
    let mut script = String::from(if bodies { "SET LOCAL check_function_bodies = off;\n\n" } else { "" });
    for action in actions {
        let warning = if warn && action.is_destructive() { "-- What it held is gone afterwards.\n" } else { "" };
        let _ = write!(script, "{warning}{};\n\n", action.sql);
    }
    script
}
