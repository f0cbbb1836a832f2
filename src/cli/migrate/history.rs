//! `lekalo migrate history`.

use lekalo_migrate::{Drift, Entry};
use serde_json::{Value, json};

use crate::cli::database::{self, Database};
use crate::cli::output;
use crate::db::migrations::shipped;

/// List all migrations, applied and pending
///
/// Newest first. With -v also when and by whom each was applied, its checksum, and whether the file is still the same.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo migrate history
  lekalo migrate history -v
  lekalo migrate history --json")]
pub struct Args {
    /// Also when and by whom, the checksum, and whether the file differs
    #[arg(short, long)]
    verbose: bool,
    /// Print JSON (with everything that -v tells)
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: database::DatabaseArgs,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let database = Database::open(&args.database).await?;
    let mut entries = shipped().history(database.config.owner(), &database.config.owner_tls).await?;
    database.close().await?;
    entries.reverse();
    if args.json {
        return output::json(&entries.iter().map(entry_json).collect::<Vec<Value>>().into());
    }
    if args.verbose {
        let header = ["migration", "applied on", "by", "checksum", "drift"];
        let unknown = || "unknown".to_owned();
        let rows = entries.into_iter().map(|entry| {
            let by = if entry.is_applied() { entry.applied_by.clone().unwrap_or_else(unknown) } else { String::new() };
            let drift = drift(&entry).to_owned();
            let applied_on = entry.applied_on.as_deref().map(to_the_second).unwrap_or_default();
            [entry.file_name(), applied_on, by, entry.checksum, drift]
        });
        return output::line(output::table(header, rows));
    }
    let state = |entry: &Entry| match entry.drift {
        Drift::None => "applied",
        _ => drift(entry),
    };
    let rows = entries.iter().map(|entry| [entry.file_name(), state(entry).to_owned()]);
    output::line(output::table(["migration", "state"], rows))
}

fn to_the_second(time: &str) -> String {
    time.split_once('.').map_or_else(|| time.to_owned(), |(seconds, _)| format!("{seconds}Z"))
}

fn drift(entry: &Entry) -> &'static str {
    match entry.drift {
        Drift::Pending => "pending",
        Drift::None => "none",
        Drift::Edited => "DIFFERS: the file was edited after it was applied",
        Drift::Unknown => "no such file: a newer program's",
        Drift::Skipped => "NOT APPLIED, but later ones are",
    }
}

fn entry_json(entry: &Entry) -> Value {
    json!({
        "version": entry.version,
        "file": entry.file_name(),
        "applied": entry.is_applied(),
        "applied_on": entry.applied_on,
        "applied_by": entry.applied_by,
        "checksum": entry.checksum,
        "drift": entry.drift.word(),
    })
}
