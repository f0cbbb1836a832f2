//! `lekalo migrate`.

use serde_json::json;

use super::database::{self, Database};
use super::output;
use crate::db::migrate;

pub const EXAMPLES: &str = "Examples:
  lekalo migrate current
  lekalo migrate up";

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Apply the migrations that are missing
    Up(Args),
    /// Show which version the database is at
    Current(Args),
}

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: database::DatabaseArgs,
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    let (args, up) = match &command {
        Command::Up(args) => (args, true),
        Command::Current(args) => (args, false),
    };
    let database = Database::open(&args.database).await?;
    let position = if up {
        database.migrate().await?
    } else {
        migrate::current(database.config.owner(), database.config.tls).await?
    };
    database.close().await?;
    if args.json {
        return output::json(&json!({ "current": position.current, "latest": position.latest }));
    }
    output::line(position.current)?;
    if position.current < position.latest {
        eprintln!("{} is the latest; apply the rest with `lekalo migrate up`", position.latest);
    }
    Ok(())
}
