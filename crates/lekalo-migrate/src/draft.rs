//! A migration drafted from the difference between what the migrations make and a schema that is wanted instead.
//!
//! `delta.rs` has the SQL between two databases written; `renames.rs` tells what may only be called otherwise, `hazards.rs`
//! what rows lose or do not let through; `grants.rs` mends grants.

mod delta;
mod grants;
mod hazards;
mod renames;

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use tokio_postgres::error::ErrorPosition;
use tokio_postgres::{Client, Config};

use crate::list::Migrations;
use crate::schema::Snapshot;
use crate::scratch::Scratch;
use crate::statements as sql;
use crate::target::UpTo;
use delta::Action;
pub use delta::{DeltaError, is_possible};
pub use renames::Rename;

/// What is wrong with the schema that is wanted.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotASchema(String);

/// Two scratch databases: as the migrations make it, and as it is wanted.
pub struct Draft {
    scratch: Scratch,
    migrations: Migrations,
    migrated: Config,
    wanted: Config,
    before: Snapshot,
    after: Snapshot,
}

/// A migration and its down migration.
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
    pub async fn new(pg_bin: Option<PathBuf>, migrations: Migrations, schema: &str) -> anyhow::Result<Self> {
        let mut scratch = Scratch::embedded(pg_bin, migrations.program).await?.with_plain_owner(delta::OWNER).await?;
        match databases(&mut scratch, &migrations, schema).await {
            Ok((migrated, wanted, before, after)) => Ok(Self { scratch, migrations, migrated, wanted, before, after }),
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

    /// Tables that may only be called otherwise, and whether they look like that.
    pub fn possible_tables(&self) -> Vec<(Rename, bool)> {
        renames::tables(&self.before, &self.after)
    }

    /// Columns that may only be called otherwise, where these tables are.
    pub fn possible_columns(&self, tables: &[Rename]) -> Vec<Rename> {
        renames::columns(&self.before, &self.after, tables)
    }

    /// Whether a table or column (`orders.notes`) is no longer wanted.
    pub fn is_gone(&self, name: &str) -> bool {
        let gone = |object: &String| self.before.has(object) && !self.after.has(object);
        gone(&format!("table {name}")) || gone(&format!("column {name}"))
    }

    /// Drafts the migration, in which these keep what they hold under another name. Once.
    ///
    /// # Errors
    /// [`DeltaError`], or a scratch database does not answer.
    pub async fn pair(&self, tables: &[Rename], columns: &[Rename]) -> anyhow::Result<Pair> {
        // A column's table is called as before.
        let mut renamed: Vec<(String, String)> = columns.iter().chain(tables).map(Rename::statements).collect();
        self.scratch.apply(&self.migrated, "renaming", &statements(renamed.iter().map(|(there, _)| there))).await?;
        let between = self.scratch.snapshot(&self.migrated).await?;
        let followers = renames::followers(&between, &self.after);
        self.scratch.apply(&self.migrated, "renaming", &statements(followers.iter().map(|(there, _)| there))).await?;
        renamed.extend(followers);
        let (up, down) = delta::between(&self.scratch.url(&self.migrated), &self.scratch.url(&self.wanted)).await?;

        let faults = hazards::unfillable(&between, &self.after).into_iter().map(|column| {
            format!(
                "{column} is NOT NULL and has no default: the migration fails where the table has rows; give it one, or \
                 add it nullable, fill it in, and then SET NOT NULL"
            )
        });
        let mut warnings: Vec<String> = up
            .iter()
            .filter(|action| action.is_destructive())
            .map(|action| {
                format!("data may be lost with {}", action.sql.split_whitespace().collect::<Vec<_>>().join(" "))
            })
            .collect();
        warnings.extend(hazards::opened(&between, &self.after).into_iter().map(|what| format!("afterwards, {what}")));
        warnings.extend(hazards("the migration", &between, &self.after));
        let unfillable = hazards::unfillable(&self.after, &between).into_iter();
        warnings.extend(unfillable.map(|column| {
            format!("{column} comes back NOT NULL and without a default: the way back fails where the table has rows")
        }));
        warnings.extend(hazards("the way back", &self.after, &between));
        Ok(Pair {
            up: statements(renamed.iter().map(|(there, _)| there)) + &text(&up, true),
            down: text(&down, false) + &statements(renamed.iter().rev().map(|(_, back)| back)),
            warnings,
            faults: faults.collect(),
        })
    }

    /// Tries the pair, and mends the grants that it gets wrong. Where the migration does not lead to what is wanted, or the
    /// down migration not to where it began, is told; nothing if all is well.
    ///
    /// # Errors
    /// When one of them is refused.
    pub async fn try_out(&mut self, pair: &mut Pair) -> anyhow::Result<Vec<String>> {
        let tried = as_migrated(&mut self.scratch, &self.migrations).await?;
        let was = self.scratch.snapshot(&tried).await?;
        let there = self.try_one(&tried, "the migration", &mut pair.up, &self.after).await?;
        let back = self.try_one(&tried, "the way back", &mut pair.down, &was).await?;
        Ok(there.into_iter().chain(back).collect())
    }

    async fn try_one(
        &self,
        tried: &Config,
        name: &str,
        script: &mut String,
        expected: &Snapshot,
    ) -> anyhow::Result<Vec<String>> {
        self.scratch.apply(tried, name, script).await?;
        let mut found = self.scratch.snapshot(tried).await?;
        // A change of a table's grants takes its columns' with it; so does mending it.
        for _ in 0..2 {
            let mending = grants::mending(&found, expected);
            if mending.is_empty() {
                break;
            }
            let mending = statements(mending.iter());
            self.scratch.apply(tried, name, &mending).await?;
            *script += &mending;
            found = self.scratch.snapshot(tried).await?;
        }
        let differences = found.differences(expected);
        Ok(differences.iter().map(|difference| format!("after {name}, {difference}")).collect())
    }

    /// Removes the databases and their server.
    ///
    /// # Errors
    /// When the server does not stop.
    pub async fn close(self) -> anyhow::Result<()> {
        self.scratch.close().await
    }
}

async fn databases(
    scratch: &mut Scratch,
    migrations: &Migrations,
    schema: &str,
) -> anyhow::Result<(Config, Config, Snapshot, Snapshot)> {
    let migrated = as_migrated(scratch, migrations).await?;
    let before = scratch.snapshot(&migrated).await?;
    let (wanted, after) = as_wanted(scratch, schema).await?;
    Ok((migrated, wanted, before, after))
}

/// A database as a schema makes it.
///
/// # Errors
/// [`NotASchema`].
pub async fn as_wanted(scratch: &mut Scratch, schema: &str) -> anyhow::Result<(Config, Snapshot)> {
    let (wanted, roles) = (scratch.database().await?, scratch.roles().await?);
    write_schema(&scratch.connect(&wanted).await?, schema).await?;
    if let Some(role) = scratch.roles().await?.difference(&roles).next() {
        return Err(NotASchema(format!("it makes the role {role}: roles are the server's, not this schema's")).into());
    }
    let after = scratch.snapshot(&wanted).await?;
    if after.tables().next().is_none() {
        return Err(NotASchema("there is no table in it: is it cut off?".into()).into());
    }
    Ok((wanted, after))
}

/// Statement by statement, so that a refusal has a line.
async fn write_schema(client: &Client, schema: &str) -> anyhow::Result<()> {
    let schema = schema.trim_start_matches('\u{feff}');
    let line = |at: usize| schema.get(..at).unwrap_or_default().matches('\n').count() + 1;
    let mut end = 0;
    for statement in sql::split(schema).map_err(NotASchema)? {
        let begin = end + schema.get(end..).and_then(|rest| rest.find(statement.sql)).unwrap_or_default();
        end = begin + statement.sql.len();
        let Err(error) = client.batch_execute(statement.sql).await else { continue };
        let Some(refusal) = error.as_db_error() else { return Err(error.into()) };
        let at = match refusal.position() {
            Some(ErrorPosition::Original(at)) => {
                let characters = statement.sql.chars().take((*at as usize).saturating_sub(1));
                begin + characters.map(char::len_utf8).sum::<usize>()
            }
            _ => begin + comments(statement.sql),
        };
        let more = [refusal.detail(), refusal.hint()].into_iter().flatten().map(|text| format!("; {text}"));
        return Err(NotASchema(format!("line {}: {}{}", line(at), refusal.message(), more.collect::<String>())).into());
    }
    Ok(())
}

/// How long the comments and blank lines are that a statement begins with.
fn comments(sql: &str) -> usize {
    let before =
        sql.split_inclusive('\n').take_while(|line| line.trim().is_empty() || line.trim_start().starts_with("--"));
    before.map(str::len).sum()
}

/// A database as the migrations make it, without the history table, which no schema.sql has.
async fn as_migrated(scratch: &mut Scratch, migrations: &Migrations) -> anyhow::Result<Config> {
    let database = scratch.database().await?;
    let migrated = migrations.up(&database, scratch.tls(), UpTo::Head).await;
    migrated.context("the migrations fail on a scratch database")?;
    scratch.apply(&database, "forgetting the history", "DROP TABLE refinery_schema_history").await?;
    Ok(database)
}

/// What rows that are there may not let through, and what they lose.
fn hazards(way: &str, from: &Snapshot, to: &Snapshot) -> Vec<String> {
    let retyped = hazards::retyped(from, to).into_iter().map(|(column, old, new)| {
        format!("{way} turns what is in {column} from {old} into {new}: a value that does not fit is cut, or it fails")
    });
    let tightened = hazards::tightened(from, to).into_iter();
    let tightened =
        tightened.map(|column| format!("{way} makes {column} NOT NULL: it fails where a row has null there"));
    let stricter = hazards::stricter(from, to).into_iter();
    let stricter = stricter.map(|rule| format!("{way} makes {rule}: it fails where rows violate it"));
    let restarted = hazards::restarted(from, to).into_iter();
    let restarted =
        restarted.map(|sequence| format!("{way} forgets where {sequence} stood: see that nothing is numbered twice"));
    retyped.chain(tightened).chain(stricter).chain(restarted).collect()
}

fn statements<'a>(statements: impl Iterator<Item = &'a String>) -> String {
    statements.map(|statement| format!("{statement};\n\n")).collect()
}

/// Actions as a script; `warn`: what destroys data says so.
fn text(actions: &[Action], warn: bool) -> String {
    // A function's body may name what only comes after it.
    let makes = |action: &Action| {
        action.sql.starts_with("CREATE") && [" FUNCTION ", " PROCEDURE "].iter().any(|it| action.sql.contains(it))
    };
    let bodies = actions.iter().any(|action| makes(action) && !action.sql.contains(" TRIGGER "));
    let mut script = String::from(if bodies { "SET LOCAL check_function_bodies = off;\n\n" } else { "" });
    for action in actions {
        let warning = if warn && action.is_destructive() { "-- Data may be lost here.\n" } else { "" };
        let _ = write!(script, "{warning}{};\n\n", action.sql);
    }
    script
}
