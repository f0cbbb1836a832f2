//! `lekalo migrate down`.

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::cli::database::{self, Database};
use crate::cli::output::{self, UserError};
use crate::cli::scratch;
use crate::cli::serve::{Stop, stop_signal, unless};
use crate::config::Config;
use crate::db::migrate::{DownTo, Migrations, Position};
use crate::db::schema::scratch::{Scratch, Unavailable};
use crate::db::undo::{self, Loss, Undo};

/// Undo migrations; without --yes print what that would destroy
///
/// The plan says which migrations would be undone, and what would be lost with each. Nobody waits for it: the ways back are tried on a scratch database, what they take away is counted by reading. --yes carries it out, one transaction each.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo migrate down -1
  lekalo migrate down 7 --yes
  lekalo migrate down base --yes")]
pub struct Args {
    /// How far: a number of steps (-1), a version to be at (7 or V7), or `base`
    #[arg(value_name = "-N|REV|base", allow_negative_numbers = true)]
    to: DownTo,
    /// Carry the plan out
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: database::DatabaseArgs,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let database = Database::open(&args.database).await?;
    let done = carry_out(&args, &database.config).await;
    database.close().await?;
    done
}

async fn carry_out(args: &Args, config: &Config) -> anyhow::Result<()> {
    let mut stop = stop_signal()?;
    let plan = plan(config, args.to, &mut stop).await?;
    if !args.json {
        output::unread(tell(&plan), args.yes)?;
    }
    let acting = args.yes && !plan.is_empty();
    let position = if acting { Some(undo(config, args.to, &plan, &mut stop).await?) } else { None };
    if args.json {
        let undone: Vec<Value> = plan.iter().map(undo_json).collect();
        let current = position.map(|position| position.current);
        return output::json(&json!({ "plan": undone, "done": args.yes, "current": current }));
    }
    match position {
        Some(position) => eprintln!("done: the database is at version {}", position.current),
        None if plan.is_empty() => {}
        None => eprintln!("nothing has been touched: add --yes to carry it out"),
    }
    Ok(())
}

/// What going back to `target` undoes, and what would be lost with each step.
pub async fn plan(config: &Config, target: DownTo, stop: &mut Stop) -> anyhow::Result<Vec<Undo>> {
    let (migrations, owner, tls) = (Migrations::shipped(), config.owner(), config.tls);
    let steps = migrations.way_back(owner, tls, target).await?;
    if steps.is_empty() {
        return Ok(Vec::new());
    }
    let plan = async |scratch: &mut Scratch| undo::plan(&migrations, &steps, owner, tls, scratch).await;
    match scratch::on(config, stop, plan).await {
        // Who has to go back must be able to, be it without knowing what goes.
        Err(error) if error.is::<Unavailable>() => {
            eprintln!("what is lost cannot be told: {error}");
            Ok(steps.into_iter().map(Undo::untried).collect())
        }
        planned => planned,
    }
}

/// Does what was planned.
pub async fn undo(config: &Config, target: DownTo, plan: &[Undo], stop: &mut Stop) -> anyhow::Result<Position> {
    if let Some(undo) = plan.iter().find(|undo| !undo.obstacles.is_empty()) {
        return Err(UserError::error(
            format!("{} cannot be undone: {}; nothing was touched", undo.file, undo.obstacles.join(", ")),
            "remove what is in the way, then run it again",
        ));
    }
    let versions: Vec<i32> = plan.iter().map(|undo| undo.version).collect();
    let migrations = Migrations::shipped();
    let undone = async { Ok(migrations.down_as_planned(config.owner(), config.tls, target, &versions).await?) };
    unless(stop, Box::pin(undone))
        .await?
        .context("interrupted: what was undone until then stays undone; `lekalo migrate current` says where it is")
}

fn tell(plan: &[Undo]) -> anyhow::Result<()> {
    if plan.is_empty() {
        eprintln!("there is nothing to undo");
    }
    for undo in plan {
        output::line(format_args!("undo {}", undo.file))?;
        match &undo.losses {
            None => output::line("  not known what it destroys")?,
            Some(losses) if losses.is_empty() => output::line("  destroys no data")?,
            Some(losses) => losses.iter().try_for_each(|loss| output::line(format_args!("  {loss}")))?,
        }
        undo.obstacles.iter().try_for_each(|obstacle| output::line(format_args!("  CANNOT BE DONE: {obstacle}")))?;
    }
    Ok(())
}

/// `losses` is null where they are not known.
fn undo_json(undo: &Undo) -> Value {
    let loss = |loss: &Loss| match loss {
        Loss::Table { table, rows } => json!({ "kind": "table", "table": table, "rows": rows }),
        Loss::Column { table, column, values } => {
            json!({ "kind": "column", "table": table, "column": column, "values": values })
        }
        Loss::Type { table, column, from, to, values } => {
            json!({ "kind": "type", "table": table, "column": column, "from": from, "to": to, "values": values })
        }
        Loss::Rows { table, rows, cascades } => {
            json!({ "kind": "rows", "table": table, "rows": rows, "cascades": cascades })
        }
        Loss::Overwritten { table, rows } => json!({ "kind": "overwritten", "table": table, "rows": rows }),
        Loss::Unforeseen { statement } => json!({ "kind": "unforeseen", "statement": statement }),
    };
    let losses = undo.losses.as_ref().map(|losses| losses.iter().map(loss).collect::<Vec<Value>>());
    json!({ "version": undo.version, "file": undo.file, "losses": losses, "obstacles": undo.obstacles })
}
