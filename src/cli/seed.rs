//! `lekalo seed`.

use serde_json::{Value, json};

use super::database::{self, Database};
use super::output;

/// Write what the program ships: tenants, categories, options, prices, texts, vehicles
///
/// Doing it again changes nothing; what a tenant changed stays.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo seed --dry-run
  lekalo seed --embedded")]
pub struct Args {
    /// Count what would change, change nothing
    #[arg(long)]
    dry_run: bool,
    /// Leave the schema as it is: then no owner is needed
    #[arg(long)]
    no_migrate: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: database::DatabaseArgs,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let mut database = Database::open(&args.database).await?;
    if !args.no_migrate {
        database.prepare(args.dry_run).await?;
    }
    let db = database.connect().await?;
    let tables = db.apply_seed(&crate::seed::shipped()?, args.dry_run).await?;
    database.close().await?;
    if args.json {
        let tables = tables.iter().map(|table| {
            json!({
                "table": table.table, "inserted": table.inserted, "updated": table.updated, "unchanged": table.unchanged,
            })
        });
        return output::json(&Value::Array(tables.collect()));
    }
    let rows = tables.iter().map(|table| {
        [table.table.to_owned(), table.inserted.to_string(), table.updated.to_string(), table.unchanged.to_string()]
    });
    output::line(output::table(["table", "inserted", "updated", "unchanged"], rows))?;
    if args.dry_run {
        talk!("nothing was written");
    }
    Ok(())
}
