//! `lekalo check`.

use serde_json::{Value, json};

use super::database::{self, Database};
use super::output::{self, UserError};
use crate::config::describe;
use crate::db::check::{Finding, report, well, wrong};
use crate::tls_server::{Certificates, Files};

/// Report whether the database is reachable and fit for service, and the certificate to be served with
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
    let mut findings = report(&database.config.db_options(), &database.config.owner_options()).await;
    findings.extend(database.config.tls_server.as_ref().map(certificate));
    let name = describe(&database.config.database);
    database.close().await?;
    let failed = findings.iter().filter(|finding| !finding.ok).count();
    if args.json {
        let findings = findings.iter().map(|finding| {
            json!({ "ok": finding.ok, "what": finding.what, "detail": finding.detail, "remedy": finding.remedy })
        });
        output::json(&json!({ "database": name, "ok": failed == 0, "findings": findings.collect::<Vec<Value>>() }))?;
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
    if failed == 0 {
        Ok(())
    } else {
        Err(UserError::error(format!("{failed} of {} checks failed", findings.len()), ""))
    }
}

/// Whether clients could come with it.
fn certificate(files: &Files) -> Finding {
    match Certificates::load(files) {
        Ok(certificates) => {
            let until = humantime::format_rfc3339_seconds(certificates.holds_until());
            well("TLS", format!("the certificate in {} holds until {until}", files.certificate.display()))
        }
        Err(problem) => wrong("TLS", problem.what, problem.remedy),
    }
}
