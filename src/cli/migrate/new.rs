//! `lekalo migrate new`.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use super::files::{Folder, Next};
use crate::cli::output::{self, UserError};
use crate::cli::serve::{stop_signal, unless};
use crate::config::Config;
use crate::db::migrate;
use crate::db::schema::delta::{DeltaError, is_possible};
use crate::db::schema::draft::{Draft, NotASchema, Pair, Rename};

/// Begins the next migration in ./migrations: `V<n>__message.sql` and `V<n>__message.down.sql`. With --autogenerate both are filled from the difference between what the migrations make and migrations/schema.sql, which is edited beforehand; that needs Node.js and PostgreSQL's programs, and no database.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo migrate new \"colours of patterns\"
  lekalo migrate new \"colours of patterns\" --autogenerate
  lekalo migrate new \"remarks\" --autogenerate --rename patterns.notes:remarks")]
pub struct Args {
    /// What it changes, in a few Latin words: they become the files' name
    message: String,
    /// Write the SQL that leads from the migrations to migrations/schema.sql, and back
    #[arg(long)]
    autogenerate: bool,
    /// A column that goes by another name and keeps its values (asked about on a terminal)
    #[arg(long, value_name = "TABLE.OLD:NEW", requires = "autogenerate", value_parser = rename)]
    rename: Vec<Rename>,
    /// A column that goes with its values, although another of its type comes (asked about on a terminal)
    #[arg(long, value_name = "TABLE.COLUMN", requires = "autogenerate")]
    drop: Vec<String>,
}

fn rename(text: &str) -> Result<Rename, String> {
    let parts = text.split_once(':').and_then(|(old, to)| Some((old.rsplit_once('.')?, to)));
    match parts {
        Some(((table, from), to)) if ![table, from, to].contains(&"") => {
            Ok(Rename { table: table.into(), from: from.into(), to: to.into() })
        }
        _ => Err("TABLE.OLD:NEW, such as patterns.notes:remarks".to_owned()),
    }
}

pub async fn run(args: &Args) -> anyhow::Result<()> {
    let folder = Folder::open(Path::new("migrations"))?;
    let next = folder.next(&args.message)?;
    if !args.autogenerate {
        return tell(&next.write("", "")?);
    }
    if !is_possible() {
        return Err(advised(DeltaError::NoNode.into()));
    }
    folder.check_carried(&migrate::migrations())?;
    let schema = folder.schema()?;
    let config = Config::load()?;
    let mut stop = Box::pin(stop_signal()?);
    let Some(mut draft) = unless(&mut stop, Box::pin(open(&config, &schema))).await? else { return Ok(()) };
    let written = unless(&mut stop, Box::pin(write(&mut draft, args, &next))).await;
    draft.close().await?;
    written.map(|_| ())
}

async fn open(config: &Config, schema: &str) -> anyhow::Result<Draft> {
    Draft::new(config.pg_bin.clone(), schema).await.map_err(|error| match error.downcast_ref::<NotASchema>() {
        Some(wrong) => UserError::error(format!("migrations/schema.sql: {wrong}"), "nothing was written"),
        None => error,
    })
}

async fn write(draft: &mut Draft, args: &Args, next: &Next) -> anyhow::Result<()> {
    if draft.is_empty() {
        eprintln!("no difference: the migrations make what migrations/schema.sql says; nothing was written");
        return Ok(());
    }
    let renames = renames(draft.possible_renames(), args)?;
    let pair = draft.pair(&renames).await.map_err(advised)?;
    for statement in &pair.destructive {
        eprintln!("warning: what is there is gone after {statement}");
    }
    let faults = faults(draft, &pair).await;
    tell(&next.write(&pair.up, &pair.down)?)?;
    if faults.is_empty() {
        eprintln!("tried on a scratch database: it leads to migrations/schema.sql, and the way back to where it began");
        return Ok(());
    }
    Err(UserError::error(
        format!("the files are written, but not right yet:\n  {}", faults.join("\n  ")),
        "edit them, then see that `cargo test drift` passes",
    ))
}

/// What is wrong with the pair, in words; a refusal is as wrong as a difference.
async fn faults(draft: &mut Draft, pair: &Pair) -> Vec<String> {
    draft.faults(pair).await.unwrap_or_else(|error| vec![crate::db::failure::chain(error.as_ref())])
}

fn advised(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<DeltaError>() {
        Some(missing @ DeltaError::NoNode) => UserError::error(
            missing.to_string(),
            "install Node.js 20 or newer with npm (Debian: apt-get install nodejs npm), or write the migration by hand: \
             the same command without --autogenerate",
        ),
        Some(DeltaError::NotAtOnce(_)) => UserError::error(
            error.to_string(),
            "leave it out of migrations/schema.sql for now, and give it a migration of its own by hand",
        ),
        _ => error,
    }
}

/// Which of the possible renames are meant: by the flags, else by asking, else an error that names the flags.
fn renames(possible: Vec<Rename>, args: &Args) -> anyhow::Result<Vec<Rename>> {
    if let Some(unknown) = args.rename.iter().find(|rename| !possible.contains(rename)) {
        let Rename { table, from, to } = unknown;
        return Err(UserError::error(
            format!(
                "{table}.{from} is not renamed to {to}: in migrations/schema.sql the one must be gone and the other be there, with the same type"
            ),
            "nothing was written",
        ));
    }
    let mut meant = args.rename.clone();
    for rename in possible {
        let Rename { table, from, to } = &rename;
        let settled = meant.iter().any(|it| it.table == *table && (it.from == *from || it.to == *to));
        if settled || args.drop.contains(&format!("{table}.{from}")) {
            continue;
        }
        if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
            return Err(UserError::error(
                format!("column {table}.{from} is gone and {table}.{to} has come: is it the same under another name?"),
                format!(
                    "say `--rename {table}.{from}:{to}`, or `--drop {table}.{from}` if its values may go; nothing was written"
                ),
            ));
        }
        if ask(&format!("is {table}.{from} renamed to {to}? (no: it goes with its values) [y/n] "))? {
            meant.push(rename);
        }
    }
    Ok(meant)
}

fn ask(question: &str) -> anyhow::Result<bool> {
    loop {
        eprint!("{question}");
        std::io::stderr().flush()?;
        let mut answer = String::new();
        if std::io::stdin().lock().read_line(&mut answer)? == 0 {
            return Err(UserError::error("there was no answer", "nothing was written"));
        }
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            _ => {}
        }
    }
}

fn tell(files: &[PathBuf; 2]) -> anyhow::Result<()> {
    files.iter().try_for_each(|file| output::line(file.display()))
}
