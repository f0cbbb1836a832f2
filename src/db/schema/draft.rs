//! A migration drafted from the difference between what the migrations make and a schema that is wanted instead.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use tokio_postgres::Config;
use tokio_postgres::error::ErrorPosition;

use super::Snapshot;
use super::delta::{self, Action};
use super::scratch::Scratch;
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

/// A column that goes by another name; table and names as SQL spells them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    pub table: String,
    pub from: String,
    pub to: String,
}

/// A migration and the way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    pub up: String,
    pub down: String,
    /// Statements of `up` after which rows or values are gone.
    pub destructive: Vec<String>,
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

    /// Columns that go while another of the same type comes to the same table: each may be a rename.
    pub fn possible_renames(&self) -> Vec<Rename> {
        let only_in = |one: &Snapshot, other: &Snapshot| -> Vec<(String, String, String)> {
            let owned = |(table, name, kind): (&str, &str, &str)| (table.to_owned(), name.to_owned(), kind.to_owned());
            let there = |(table, name, _): &(&str, &str, &str)| {
                !other.columns().any(|column| column.0 == *table && column.1 == *name)
            };
            one.columns().filter(there).map(owned).collect()
        };
        let come = only_in(&self.after, &self.before);
        let pairs = only_in(&self.before, &self.after).into_iter().flat_map(|(table, from, kind)| {
            let alike = come.iter().filter(|column| column.0 == table && column.2 == kind);
            alike
                .map(|(_, to, _)| Rename { table: table.clone(), from: from.clone(), to: to.clone() })
                .collect::<Vec<_>>()
        });
        pairs.collect()
    }

    /// Drafts the migration, in which these columns keep their values under another name. Once.
    ///
    /// # Errors
    /// As [`delta::between`].
    pub async fn pair(&self, renames: &[Rename]) -> anyhow::Result<Pair> {
        let sentence =
            |table: &str, from: &str, to: &str| format!("ALTER TABLE {table} RENAME COLUMN {from} TO {to};\n\n");
        let there: String = renames.iter().map(|it| sentence(&it.table, &it.from, &it.to)).collect();
        let back: String = renames.iter().rev().map(|it| sentence(&it.table, &it.to, &it.from)).collect();
        self.scratch.apply(&self.migrated, "renaming columns", &there).await?;
        let (up, down) = delta::between(&self.scratch.url(&self.migrated), &self.scratch.url(&self.wanted)).await?;
        let destructive = up.iter().filter(|action| action.is_destructive()).map(|action| action.sql.clone()).collect();
        Ok(Pair { up: there + &text(&up, true), down: text(&down, false) + &back, destructive })
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
