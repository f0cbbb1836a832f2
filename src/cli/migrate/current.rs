//! `lekalo migrate current`.

use serde_json::json;

use crate::cli::database::{self, Database};
use crate::cli::output;
use crate::db::migrations;

/// Show which version the database is at
///
/// 0 before the first migration.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo migrate current
  lekalo migrate current --json")]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: database::DatabaseArgs,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let database = Database::open(&args.database).await?;
    let position = migrations::current(database.config.owner(), &database.config.owner_tls).await?;
    database.close().await?;
    if args.json {
        return output::json(&json!({ "current": position.current, "latest": position.latest }));
    }
    output::line(position.current)?;
    if position.current < position.latest {
        talk!("{} is the latest; apply the rest with `lekalo migrate up`", position.latest);
    }
    Ok(())
}
