//! `lekalo migrate down`.

use anyhow::Context as _;
use lekalo_migrate::downgrade::{self, Downgrade, Loss};
use lekalo_migrate::scratch::{Scratch, Unavailable};
use lekalo_migrate::{DownTo, Position};
use serde_json::{Value, json};

use crate::cli::database::{self, Database};
use crate::cli::output::{self, UserError};
use crate::cli::scratch;
use crate::cli::serve::{Stop, stop_signal, unless};
use crate::config::Config;
use crate::db::migrations::shipped;

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
        output::closed_pipe(tell(&plan), args.yes)?;
    }
    let acting = args.yes && !plan.is_empty();
    let position = if acting { Some(execute(config, args.to, &plan, &mut stop).await?) } else { None };
    if args.json {
        let undone: Vec<Value> = plan.iter().map(step_json).collect();
        let current = position.map(|position| position.current);
        return output::json(&json!({ "plan": undone, "done": args.yes, "current": current }));
    }
    match position {
        Some(position) => talk!("done: the database is at version {}", position.current),
        None if plan.is_empty() => {}
        None => talk!("nothing has been touched: add --yes to carry it out"),
    }
    Ok(())
}

/// What going back to `target` undoes, and what would be lost with each step.
pub async fn plan(config: &Config, target: DownTo, stop: &mut Stop) -> anyhow::Result<Vec<Downgrade>> {
    let (migrations, owner, tls) = (shipped(), config.owner(), &config.owner_tls);
    let steps = migrations.down_steps(owner, tls, target).await?;
    if steps.is_empty() {
        return Ok(Vec::new());
    }
    let plan = async |scratch: &mut Scratch| downgrade::plan(&migrations, &steps, owner, tls, scratch).await;
    match scratch::on(config, stop, plan).await {
        // Who has to go back must be able to, be it without knowing what goes.
        Err(error) if error.is::<Unavailable>() => {
            talk!("what is lost cannot be told: {error}");
            Ok(steps.into_iter().map(Downgrade::untried).collect())
        }
        planned => planned,
    }
}

/// Does what was planned.
pub async fn execute(config: &Config, target: DownTo, plan: &[Downgrade], stop: &mut Stop) -> anyhow::Result<Position> {
    if let Some(step) = plan.iter().find(|step| !step.blockers.is_empty()) {
        return Err(UserError::error(
            format!("{} cannot be undone: {}; nothing was touched", step.file, step.blockers.join(", ")),
            "remove what is in the way, then run it again",
        ));
    }
    let versions: Vec<i32> = plan.iter().map(|step| step.version).collect();
    let migrations = shipped();
    let undone = async { Ok(migrations.down_as_planned(config.owner(), &config.owner_tls, target, &versions).await?) };
    unless(stop, Box::pin(undone))
        .await?
        .context("interrupted: what was undone until then stays undone; `lekalo migrate current` says where it is")
}

fn tell(plan: &[Downgrade]) -> anyhow::Result<()> {
    if plan.is_empty() {
        talk!("there is nothing to undo");
    }
    for step in plan {
        output::line(format_args!("undo {}", step.file))?;
        match &step.losses {
            None => output::line("  not known what it destroys")?,
            Some(losses) if losses.is_empty() => output::line("  destroys no data")?,
            Some(losses) => losses.iter().try_for_each(|loss| output::line(format_args!("  {loss}")))?,
        }
        step.blockers.iter().try_for_each(|blocker| output::line(format_args!("  CANNOT BE DONE: {blocker}")))?;
    }
    Ok(())
}

/// `losses` is null where they are not known.
fn step_json(step: &Downgrade) -> Value {
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
    let losses = step.losses.as_ref().map(|losses| losses.iter().map(loss).collect::<Vec<Value>>());
    json!({ "version": step.version, "file": step.file, "losses": losses, "obstacles": step.blockers })
}
