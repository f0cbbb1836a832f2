//! What down migrations would destroy, told before it is done.
//!
//! Nobody waits for the answer: they are tried on a scratch database, where their locks are in nobody's way, and what they
//! take away there is counted in the real one, by reading it.
//!
//! - `dry_run.rs` tries them, and looks in the catalogs for what is gone: tables, columns, types.
//! - `effects.rs` reads their SQL for what no catalog shows: rows deleted or overwritten.
//! - `counting.rs` counts; `blockers.rs` looks for what somebody made that is in the way.

mod blockers;
mod counting;
mod dry_run;
mod effects;

use std::fmt;

use anyhow::Context as _;
use tokio_postgres::{Client, Config};

use crate::error::MigrateError;
use crate::list::{Migrations, Step};
use crate::scratch::{Scratch, Unavailable};
use crate::target::UpTo;
use crate::tls::Tls;

/// One migration to go down from, and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downgrade {
    pub version: i32,
    /// The file's name without the ending.
    pub file: String,
    /// None: not known, as there was nowhere to try it.
    pub losses: Option<Vec<Loss>>,
    /// What of this database, and of no migration, is in the way, in words.
    pub blockers: Vec<String>,
}

impl Downgrade {
    /// For a migration that could not be tried.
    pub fn untried(step: &Step) -> Self {
        Self { version: step.version(), file: step.file_name(), losses: None, blockers: Vec::new() }
    }
}

/// Data that is gone once a down migration has run. Names are quoted where SQL needs it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// A table with its rows.
    Table { table: String, rows: i64 },
    /// A column with its values that are not null.
    Column { table: String, column: String, values: i64 },
    /// What a column's values do not keep of themselves in another type.
    Type { table: String, column: String, from: String, to: String, values: i64 },
    /// Rows of a table that stays; `cascades`: other tables' rows that refer to them may go, too.
    Rows { table: String, rows: i64, cascades: bool },
    /// Rows that get other values.
    Overwritten { table: String, rows: i64 },
    /// What a statement does to data cannot be told by reading.
    Unforeseen { statement: String },
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table { table, rows } => write!(f, "drops table {table} ({})", counted(*rows, "row")),
            Self::Column { table, column, values } => {
                write!(f, "drops column {table}.{column} ({})", counted(*values, "value"))
            }
            Self::Type { table, column, from, to, values } => {
                write!(f, "turns column {table}.{column} from {from} into {to} ({})", counted(*values, "value"))
            }
            Self::Rows { table, rows, cascades } => {
                let besides = if *cascades { " and what refers to them" } else { "" };
                write!(f, "deletes {} of {table}{besides}", counted(*rows, "row"))
            }
            Self::Overwritten { table, rows } => write!(f, "overwrites {} of {table}", counted(*rows, "row")),
            Self::Unforeseen { statement } => {
                write!(f, "may change data in a way that is not counted here: `{statement}`")
            }
        }
    }
}

/// `1,234 rows`.
fn counted(number: i64, what: &str) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} {what}{}", if number == 1 { "" } else { "s" })
}

/// What each of `steps`, the newest applied ones, newest first, would destroy in the owner's database.
///
/// # Errors
/// [`Unavailable`] where there is nowhere to try them; when a down migration does not work, or a database does not answer.
pub async fn plan(
    migrations: &Migrations,
    steps: &[&Step],
    owner: &Config,
    tls: &Tls,
    scratch: &mut Scratch,
) -> anyhow::Result<Vec<Downgrade>> {
    let Some(newest) = steps.first() else { return Ok(Vec::new()) };
    let client = migrated(migrations, newest.version(), scratch).await.map_err(Unavailable)?;
    let known = blockers::Known::read(&client).await.map_err(MigrateError::Database)?;
    let gone = dry_run::run(&client, steps).await?;
    let mut counter = counting::Counter::open(owner, tls, migrations.program).await?;
    let (mut plan, mut dropped) = (Vec::with_capacity(steps.len()), Vec::new());
    for (step, gone) in steps.iter().zip(gone) {
        dropped.extend(gone.tables.iter().cloned());
        let counted = async {
            let losses = counter.losses(&gone, effects::of(step.down_sql()?)).await?;
            let blockers = blockers::find(counter.client(), &known, &gone, &dropped).await?;
            Ok::<_, MigrateError>(Downgrade {
                version: step.version(),
                file: step.file_name(),
                losses: Some(losses),
                blockers,
            })
        };
        plan.push(counted.await.with_context(|| format!("cannot tell what undoing {} destroys", step.file_name()))?);
    }
    Ok(plan)
}

/// A scratch database as it was when the newest of the steps had been applied.
async fn migrated(migrations: &Migrations, version: i32, scratch: &mut Scratch) -> anyhow::Result<Client> {
    let database = scratch.database().await?;
    let migrated = migrations.up(&database, scratch.tls(), UpTo::Version(version)).await;
    migrated.context("the migrations fail on a scratch database")?;
    scratch.connect(&database).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let rows = [0, 1, 999, 1_234, 1_234_567].map(|rows| counted(rows, "row"));
        assert_eq!(rows, ["0 rows", "1 row", "999 rows", "1,234 rows", "1,234,567 rows"]);
    }
}
