//! `lekalo migrate sql`.

use lekalo_migrate::Range;

use crate::cli::output;
use crate::db::migrations::shipped;

/// Print the SQL of migrations, for psql; needs no database
///
/// As `migrate up` or `migrate down` would run it, with its transactions and its entries in the history: replayed by psql it gives the same database. A way down destroys data without asking.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo migrate sql > all.sql && psql -X -f all.sql
  lekalo migrate sql 9:head
  lekalo migrate sql 10:9")]
pub struct Args {
    /// From which version to which (7 or V7, `base`, `head`); downwards where FROM is the newer
    #[arg(value_name = "FROM:TO", default_value = "base:head")]
    range: Range,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    output::line(shipped().script(args.range)?.trim_end())
}
