//! `lekalo reset`.

use serde_json::{Value, json};

use super::database::{self, Database};
use super::output::{self, UserError};
use crate::config::Config;
use crate::db::migrate::{DownTo, Loss, Migrations, UpTo};

/// Deletes everything: undoes all migrations, then applies them again, to an empty schema. Without --yes-delete-everything it only says what would be deleted. Refused where LEKALO_ENV is production.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo reset                                          what is there to lose?
  lekalo reset --yes-delete-everything && lekalo seed   begin again")]
pub struct Args {
    /// Carry it out
    #[arg(long)]
    yes_delete_everything: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: database::DatabaseArgs,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    if is_production(&Config::load()?.environment) {
        return Err(UserError::error(
            "LEKALO_ENV is production: nothing is deleted there",
            "`lekalo migrate down` goes back single versions and says what that destroys",
        ));
    }
    let database = Database::open(&args.database).await?;
    let (migrations, owner, tls) = (Migrations::shipped(), database.config.owner(), database.config.tls);
    let plan = migrations.plan(owner, tls, DownTo::Base).await?;
    let mut tables: Vec<(&str, i64)> = plan.iter().flat_map(|undo| &undo.losses).filter_map(table).collect();
    tables.sort_unstable();
    if !args.json {
        tables.iter().try_for_each(|(table, rows)| output::line(format_args!("{table} {rows}")))?;
    }
    let current = if args.yes_delete_everything {
        migrations.down_as_planned(owner, tls, DownTo::Base, &plan).await?;
        Some(migrations.up(owner, tls, UpTo::Head).await?.position.current)
    } else {
        None
    };
    let name = database.config.database.get_dbname().unwrap_or_default().to_owned();
    let rows: i64 = tables.iter().map(|(_, rows)| rows).sum();
    if args.json {
        let tables: Vec<Value> = tables.iter().map(|(table, rows)| json!({ "table": table, "rows": rows })).collect();
        output::json(&json!({ "tables": tables, "rows": rows, "done": current.is_some(), "current": current }))?;
    }
    database.close().await?;
    let Some(current) = current else {
        return Err(UserError::error(
            format!("this would delete {rows} rows in {} tables of `{name}`; nothing was deleted", tables.len()),
            "add --yes-delete-everything to carry it out",
        ));
    };
    eprintln!("deleted {rows} rows in {} tables of `{name}`, which is empty and at version {current}", tables.len());
    Ok(())
}

fn is_production(environment: &str) -> bool {
    ["production", "prod"].contains(&environment.trim().to_lowercase().as_str())
}

fn table(loss: &Loss) -> Option<(&str, i64)> {
    match loss {
        Loss::Table { table, rows } => Some((table, *rows)),
        Loss::Column { .. } | Loss::Rows { .. } => None,
    }
}
