//! `lekalo check`.

use serde_json::{Value, json};

use super::database::{self, Database};
use super::output::{self, UserError};
use crate::config::describe;
use crate::db::check::report;

/// Report whether the database is reachable and fit for service
///
/// As which role, whether row-level security is in force, which schema version it has, how the pool stands; and what to do about each ✗. Answers within 2 s.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo check
  DB_HOST=db.example lekalo check --json")]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: database::DatabaseArgs,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let database = Database::open(&args.database).await?;
    let findings = report(&database.config.db_options(), &database.config.owner_options()).await;
    let name = describe(&database.config.database);
    database.close().await?;
    let wrong = findings.iter().filter(|finding| !finding.ok).count();
    if args.json {
        let findings = findings.iter().map(|finding| {
            json!({ "ok": finding.ok, "what": finding.what, "detail": finding.detail, "remedy": finding.remedy })
        });
        output::json(&json!({ "database": name, "ok": wrong == 0, "findings": findings.collect::<Vec<Value>>() }))?;
    } else {
        output::line(&name)?;
        for finding in &findings {
            let (style, mark) = if finding.ok { (output::WELL, "✓") } else { (output::WRONG, "✗") };
            output::line(format_args!("{style}{mark}{style:#} {}: {}", finding.what, finding.detail))?;
            if !finding.remedy.is_empty() {
                output::line(format_args!("  → {}", finding.remedy))?;
            }
        }
    }
    if wrong == 0 { Ok(()) } else { Err(UserError::error(format!("{wrong} of {} checks failed", findings.len()), "")) }
}
