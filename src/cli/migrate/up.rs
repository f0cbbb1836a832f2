//! `lekalo migrate up`.

use lekalo_migrate::UpTo;
use serde_json::json;

use crate::cli::database::{self, Database};
use crate::cli::output;
use crate::db::migrations::shipped;

/// Apply the migrations that are missing
///
/// One transaction each; then prints the version the database is at. Several at once are fine: one applies, the others wait for it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo migrate up
  lekalo migrate up +1
  lekalo migrate up 7")]
pub struct Args {
    /// How far: a version (7 or V7), a number of steps (+2), or `head`
    #[arg(value_name = "REV|+N", default_value = "head", allow_negative_numbers = true, value_parser = target)]
    to: UpTo,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: database::DatabaseArgs,
}

fn target(text: &str) -> Result<UpTo, String> {
    let back = if text.starts_with('-') { "; `lekalo migrate down` goes back" } else { "" };
    text.parse().map_err(|wrong: String| wrong + back)
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let database = Database::open(&args.database).await?;
    let upgrade = shipped().up(database.config.owner(), &database.config.owner_tls, args.to).await?;
    database.close().await?;
    let position = upgrade.position;
    database::say_if_newer(position);
    if args.json {
        return output::json(&json!({
            "current": position.current,
            "latest": position.latest,
            "applied": upgrade.applied,
        }));
    }
    for file in &upgrade.applied {
        talk!("applied {file}");
    }
    output::line(position.current)
}
