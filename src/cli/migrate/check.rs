//! `lekalo migrate check`.

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::cli::database::{self, Database};
use crate::cli::output::{self, UserError};
use crate::cli::serve::{stop_signal, unless};
use crate::config::Config;
use crate::db::migrate::{self, Migrations, UpTo};
use crate::db::schema::scratch::Scratch;
use crate::db::schema::{Change, Difference, Snapshot};

/// Compares the database with what the migrations of its version make, from tables to policies and grants. They are applied to a scratch database for that: on the same server if the owner may create databases, else on a private one. Exit code 1 if there are differences.
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
    let compared = compare(&database.config).await;
    database.close().await?;
    let Some((version, differences)) = compared? else { return Ok(()) };
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

/// The database's version and its differences; None when interrupted, with the scratch database gone.
async fn compare(config: &Config) -> anyhow::Result<Option<(i32, Vec<Difference>)>> {
    let position = migrate::current(config.owner(), config.tls).await?;
    let version = position.current;
    if version > position.latest {
        return Err(UserError::error(
            format!("the database is at version {version}, this program knows {} only", position.latest),
            "check it with the program that migrated it",
        ));
    }
    let found = Snapshot::of(config.owner(), config.tls).await?;
    let mut scratch = scratch(config).await?;
    let mut stop = Box::pin(stop_signal()?);
    let expected = unless(&mut stop, migrated(&mut scratch, version)).await;
    let embedded = scratch.is_embedded();
    scratch.close().await?;
    let Some(expected) = expected? else { return Ok(None) };
    let server = if embedded { "a private server" } else { "the same server" };
    eprintln!("compared with the migrations up to version {version}, applied to a scratch database on {server}");
    if version < position.latest {
        eprintln!("{} is the latest; what lies between is no difference", position.latest);
    }
    if found.server_major() != expected.server_major() {
        eprintln!(
            "the database runs on PostgreSQL {}, the private server is {}: differences may be those of their spelling",
            found.server_major(),
            expected.server_major()
        );
    }
    let differences = if embedded {
        found.without_versions().differences(&expected.without_versions())
    } else {
        found.differences(&expected)
    };
    Ok(Some((version, differences)))
}

async fn scratch(config: &Config) -> anyhow::Result<Scratch> {
    if let Some(scratch) = Scratch::beside(config.owner(), config.tls).await? {
        return Ok(scratch);
    }
    let role = config.owner().get_user().unwrap_or("postgres");
    Scratch::embedded(config.pg_bin.clone()).await.with_context(|| {
        format!("the role `{role}` may not create databases, and here no server can be started to compare with")
    })
}

async fn migrated(scratch: &mut Scratch, version: i32) -> anyhow::Result<Snapshot> {
    let database = scratch.database().await?;
    Migrations::shipped().up(&database, scratch.mode(), UpTo::Version(version)).await?;
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
