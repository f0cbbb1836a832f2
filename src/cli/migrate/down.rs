//! `lekalo migrate down`.

use serde_json::{Value, json};

use crate::cli::database::{self, Database};
use crate::cli::output;
use crate::db::migrate::{DownTo, Loss, Migrations, Undo};

/// Prints the plan: which migrations would be undone, and how many rows would go with each. With --yes it carries the plan out, one transaction each.
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
    let (migrations, owner, tls) = (Migrations::shipped(), database.config.owner(), database.config.tls);
    let plan = migrations.plan(owner, tls, args.to).await?;
    if !args.json {
        tell(&plan)?;
    }
    let position = if args.yes { Some(migrations.down_as_planned(owner, tls, args.to, &plan).await?) } else { None };
    database.close().await?;
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

fn tell(plan: &[Undo]) -> anyhow::Result<()> {
    if plan.is_empty() {
        eprintln!("there is nothing to undo");
    }
    for undo in plan {
        output::line(format_args!("undo {}", undo.file))?;
        for loss in &undo.losses {
            output::line(format_args!("  {loss}"))?;
        }
        if undo.losses.is_empty() {
            output::line("  destroys no data")?;
        }
    }
    Ok(())
}

fn undo_json(undo: &Undo) -> Value {
    let losses = undo.losses.iter().map(|loss| match loss {
        Loss::Table { table, rows } => json!({ "kind": "table", "table": table, "rows": rows }),
        Loss::Column { table, column, values } => {
            json!({ "kind": "column", "table": table, "column": column, "values": values })
        }
        Loss::Rows { table, rows } => json!({ "kind": "rows", "table": table, "rows": rows }),
    });
    json!({ "version": undo.version, "file": undo.file, "losses": losses.collect::<Vec<Value>>() })
}
