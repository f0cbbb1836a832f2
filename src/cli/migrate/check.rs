//! `lekalo migrate check`.

use lekalo_migrate::schema::{Change, Difference, Snapshot};
use lekalo_migrate::scratch::Scratch;
use lekalo_migrate::{Drift, Entry, UpTo};
use serde_json::{Value, json};

use crate::cli::database::{self, Database};
use crate::cli::output::{self, UserError};
use crate::cli::scratch;
use crate::cli::serve::{Stop, stop_signal};
use crate::config::Config;
use crate::db::migrations::{self, PROGRAM, shipped};

/// Compare the database with what its migrations make, from tables to policies and grants
///
/// They are applied to a scratch database for that: on the same server if the owner may create databases, else on a private one. Exit code 1 if anything differs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo migrate check
  lekalo migrate check --json | jq -r '.differences[].text'")]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: database::DatabaseArgs,
}

pub async fn run(args: &Args) -> anyhow::Result<()> {
    let database = Database::open(&args.database).await?;
    let compared = compare(&database.config, &mut stop_signal()?).await;
    database.close().await?;
    let (version, differences) = compared?;
    if args.json {
        let differences: Vec<Value> = differences.iter().map(to_json).collect();
        output::json(&json!({ "version": version, "differences": differences }))?;
    } else if differences.is_empty() {
        output::line("no differences")?;
    } else {
        differences.iter().try_for_each(output::line)?;
    }
    match differences.len() {
        0 => Ok(()),
        1 => Err(UserError::error("the database differs in 1 place from what its migrations make", "")),
        many => {
            Err(UserError::error(format!("the database differs in {many} places from what its migrations make"), ""))
        }
    }
}

/// The database's version and its differences.
async fn compare(config: &Config, stop: &mut Stop) -> anyhow::Result<(i32, Vec<Difference>)> {
    let position = migrations::current(config.owner(), &config.owner_tls).await?;
    let version = position.current;
    anyhow::ensure!(
        version <= position.latest,
        "the database is at version {version}, this program knows {} only: check it with the program that migrated it",
        position.latest
    );
    let mut found = Snapshot::of(config.owner(), &config.owner_tls, PROGRAM).await?;
    let (mut expected, server) = scratch::on(config, stop, async |scratch| {
        let server = if scratch.is_embedded() { "a private server" } else { "the same server" };
        Ok((migrated(scratch, version).await?, server))
    })
    .await?;
    talk!("compared with the migrations up to version {version}, applied to a scratch database on {server}");
    if version < position.latest {
        talk!("{} is the latest; what lies between is no difference", position.latest);
    }
    if found.server_major() != expected.server_major() {
        talk!(
            "the database runs on PostgreSQL {}, the private server is {}: differences may be those of their spelling",
            found.server_major(),
            expected.server_major()
        );
        found.align_versions(&mut expected);
    }
    // V10 makes the column that a history begun by a later program has from the start.
    if version < 10 {
        (found, expected) = (found.without_applied_by(), expected.without_applied_by());
    }
    let mut differences = edited(&shipped().history(config.owner(), &config.owner_tls).await?);
    differences.extend(found.differences(&expected));
    Ok((version, differences))
}

/// What the history says was applied and is not what this program would have applied.
fn edited(history: &[Entry]) -> Vec<Difference> {
    let shipped = shipped();
    let difference = |entry: &Entry| {
        let file = shipped.step(entry.version);
        let change = match (entry.drift, file) {
            (Drift::Edited, Some(file)) if file.name() != entry.name => Change::Differs {
                property: "name".into(),
                found: Some(entry.name.clone()),
                expected: Some(file.name().to_owned()),
            },
            (Drift::Edited, file) => Change::Differs {
                property: "checksum".into(),
                found: Some(entry.checksum.clone()),
                expected: file.map(|file| file.checksum().to_string()),
            },
            (Drift::Skipped, _) => Change::Missing,
            (Drift::Unknown, _) => Change::Unknown,
            (Drift::Pending | Drift::None, _) => return None,
        };
        Some(Difference { object: format!("migration {}", entry.file_name()), change })
    };
    history.iter().filter_map(difference).collect()
}

async fn migrated(scratch: &mut Scratch, version: i32) -> anyhow::Result<Snapshot> {
    let database = scratch.database().await?;
    // An untouched database has not even their history.
    if version > 0 {
        shipped().up(&database, scratch.tls(), UpTo::Version(version)).await?;
    }
    scratch.snapshot(&database).await
}

fn to_json(difference: &Difference) -> Value {
    let text = difference.to_string();
    match &difference.change {
        Change::Missing => json!({ "object": difference.object, "change": "missing", "text": text }),
        Change::Unknown => json!({ "object": difference.object, "change": "unknown", "text": text }),
        Change::Differs { property, found, expected } => json!({
            "object": difference.object, "change": "differs", "property": property, "found": found, "expected": expected,
            "text": text,
        }),
    }
}
