//! `lekalo reset`.

use anyhow::Context as _;
use lekalo_migrate::DownTo;
use lekalo_migrate::downgrade::Loss;
use serde_json::{Value, json};

use super::database::{self, Database};
use super::migrate::down;
use super::output::{self, UserError};
use super::serve::{stop_signal, unless};
use crate::config::Config;
use crate::db::migrations;

/// Delete everything: all migrations undone and applied again
///
/// Without --yes-delete-everything it only says what would be deleted. Refused where LEKALO_ENV is production.
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
    let done = carry_out(&args, &database.config).await;
    database.close().await?;
    done
}

async fn carry_out(args: &Args, config: &Config) -> anyhow::Result<()> {
    let mut stop = stop_signal()?;
    let plan = down::plan(config, DownTo::Base, &mut stop).await?;
    let mut tables: Vec<(&str, i64)> =
        plan.iter().filter_map(|step| step.losses.as_ref()).flatten().filter_map(table).collect();
    tables.sort_unstable();
    if !args.json {
        let told = tables.iter().try_for_each(|(table, rows)| output::line(format_args!("{table} {rows}")));
        output::closed_pipe(told, args.yes_delete_everything)?;
    }
    let current = if args.yes_delete_everything {
        down::execute(config, DownTo::Base, &plan, &mut stop).await?;
        let up = async { Ok(migrations::up(config.owner(), &config.owner_tls).await?) };
        let upgrade = unless(&mut stop, Box::pin(up)).await?;
        Some(
            upgrade
                .context("interrupted: everything is deleted; `lekalo migrate up` makes the schema anew")?
                .position
                .current,
        )
    } else {
        None
    };
    let name = config.database.get_dbname().unwrap_or_default();
    let known = plan.iter().all(|step| step.losses.is_some());
    let rows: Option<i64> = known.then(|| tables.iter().map(|(_, rows)| rows).sum());
    let what = match rows {
        Some(rows) => format!("{rows} rows in {} tables of `{name}`", tables.len()),
        None => format!("everything in `{name}`"),
    };
    if args.json {
        let table = |(table, rows): &(&str, i64)| json!({ "table": table, "rows": rows });
        let tables: Option<Vec<Value>> = known.then(|| tables.iter().map(table).collect());
        output::json(&json!({ "tables": tables, "rows": rows, "done": current.is_some(), "current": current }))?;
    }
    let Some(current) = current else {
        return Err(UserError::error(
            format!("this would delete {what}; nothing was deleted"),
            "add --yes-delete-everything to carry it out",
        ));
    };
    talk!("deleted {what}, which is empty and at version {current}");
    Ok(())
}

fn is_production(environment: &str) -> bool {
    ["production", "prod"].contains(&environment.trim().to_lowercase().as_str())
}

fn table(loss: &Loss) -> Option<(&str, i64)> {
    match loss {
        Loss::Table { table, rows } => Some((table, *rows)),
        _ => None,
    }
}
