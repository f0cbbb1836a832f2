//! `lekalo migrate new`.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use lekalo_migrate::draft::{DeltaError, Draft, NotASchema, Rename, is_possible};

use super::files::{Folder, Next};
use crate::cli::output::{self, UserError};
use crate::cli::serve::{stop_signal, unless};
use crate::config::Config;
use crate::db::advice;
use crate::db::migrations::shipped;

/// Begin the next migration: its file and that of its way back
///
/// `V<n>__message.sql` and `V<n>__message.down.sql` in ./migrations. With --autogenerate both are filled from the difference between what the migrations make and migrations/schema.sql, which is edited beforehand; that needs Node.js and PostgreSQL's programs, and no database.
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
    /// A table or column that goes by another name and keeps what it holds (asked about on a terminal)
    #[arg(long, value_name = "TABLE[.COLUMN]:NEW", requires = "autogenerate")]
    rename: Vec<String>,
    /// A table or column that goes with what it holds, although one comes that could be it (asked about on a terminal)
    #[arg(long, value_name = "TABLE[.COLUMN]", requires = "autogenerate")]
    drop: Vec<String>,
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
    folder.check_carried(&shipped())?;
    let schema = folder.schema()?;
    let config = Config::load()?;
    let mut stop = stop_signal()?;
    let mut draft = unless(&mut stop, Box::pin(open(&config, &schema))).await?.context(INTERRUPTED)?;
    let written = unless(&mut stop, Box::pin(write(&mut draft, args, &next))).await;
    draft.close().await?;
    written?.context(INTERRUPTED)
}

const INTERRUPTED: &str = "interrupted: nothing was written";

async fn open(config: &Config, schema: &str) -> anyhow::Result<Draft> {
    let draft = Draft::new(config.pg_bin.clone(), shipped(), schema).await;
    draft.map_err(|error| match error.downcast_ref::<NotASchema>() {
        Some(wrong) => UserError::error(format!("migrations/schema.sql: {wrong}"), "nothing was written"),
        None => error,
    })
}

async fn write(draft: &mut Draft, args: &Args, next: &Next) -> anyhow::Result<()> {
    if draft.is_empty() {
        talk!("no difference: the migrations make what migrations/schema.sql says; nothing was written");
        return Ok(());
    }
    let (tables, columns) = renames(draft, args).await?;
    let mut pair = draft.pair(&tables, &columns).await.map_err(advised)?;
    pair.warnings.iter().for_each(|warning| talk!("warning: {warning}"));
    // A refusal is as wrong as a difference.
    let tried = draft.try_out(&mut pair).await.unwrap_or_else(|error| vec![advice::chain(error.as_ref())]);
    let faults: Vec<String> = pair.faults.iter().cloned().chain(tried).collect();
    tell(&next.write(&pair.up, &pair.down)?)?;
    if faults.is_empty() {
        talk!("tried on a scratch database: it leads to migrations/schema.sql, and the way back to where it began");
        return Ok(());
    }
    Err(UserError::error(
        format!("the files are written, but not right yet:\n  {}", faults.join("\n  ")),
        "edit them, then see that `cargo test drift` passes",
    ))
}

fn nothing_written(problem: String) -> anyhow::Error {
    UserError::error(problem, "nothing was written")
}

fn advised(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<DeltaError>() {
        Some(missing @ DeltaError::NoNode) => UserError::error(
            missing.to_string(),
            "install Node.js 20 or newer with npm (Debian: apt-get install nodejs npm), or write the migration by hand: \
             the same command without --autogenerate",
        ),
        Some(DeltaError::Failed(_) | DeltaError::Slow) => UserError::error(
            error.to_string(),
            "nothing was written. The first time npx fetches the package: does npm reach its registry? Else leave the last \
             change out of migrations/schema.sql, and give it a migration of its own by hand",
        ),
        Some(DeltaError::NotAtOnce(_)) => UserError::error(
            error.to_string(),
            "nothing was written: leave it out of migrations/schema.sql for now, and give it a migration of its own by hand",
        ),
        _ => error,
    }
}

/// Which tables and columns only go by another name: by the flags, else by asking, else an error that names the flags.
async fn renames(draft: &Draft, args: &Args) -> anyhow::Result<(Vec<Rename>, Vec<Rename>)> {
    if let Some(name) = args.drop.iter().find(|name| !draft.is_gone(name)) {
        return Err(nothing_written(format!(
            "`--drop {name}`: that does not go, in migrations/schema.sql it is still there, or it never was"
        )));
    }
    let likely = |(rename, alike): (Rename, bool)| (alike || is_flagged(&rename, args)).then_some(rename);
    let tables: Vec<Rename> = draft.possible_tables().into_iter().filter_map(likely).collect();
    let flagged: Vec<Rename> = tables.iter().filter(|rename| is_flagged(rename, args)).cloned().collect();
    let columns = draft.possible_columns(&flagged);
    let all = || tables.iter().chain(&columns);
    let unknown = args.rename.iter().find(|flag| !all().any(|it| is_named(it, flag)));
    let of_renamed = |flag: &str| tables.iter().find(|it| flag.starts_with(&format!("{}.", it.gone())));
    match unknown.map(|flag| (flag, of_renamed(flag))) {
        // Its table has first to be said to be the same.
        Some((_, Some(table))) if !flagged.contains(table) => {}
        Some((flag, _)) => {
            return Err(nothing_written(format!(
                "`--rename {flag}` is no renaming: in migrations/schema.sql the one must be gone and the other be there"
            )));
        }
        None => {}
    }
    let chosen: Vec<&Rename> = all().filter(|rename| is_flagged(rename, args)).collect();
    for (index, rename) in chosen.iter().enumerate() {
        let other = chosen.iter().skip(index + 1).find(|other| rename.contradicts(other));
        if other.is_some() || args.drop.contains(&rename.gone()) {
            return Err(nothing_written(format!("the flags contradict each other about {}", rename.gone())));
        }
    }
    let tables = meant(tables, args).await?;
    let columns = meant(draft.possible_columns(&tables), args).await?;
    Ok((tables, columns))
}

/// Whether a flag spells this: `patterns.notes:remarks`.
fn is_named(rename: &Rename, flag: &str) -> bool {
    flag.strip_prefix(&rename.gone()).and_then(|to| to.strip_prefix(':')) == Some(rename.to())
}

fn is_flagged(rename: &Rename, args: &Args) -> bool {
    args.rename.iter().any(|flag| is_named(rename, flag))
}

/// Which of the possible ones are meant.
async fn meant(possible: Vec<Rename>, args: &Args) -> anyhow::Result<Vec<Rename>> {
    let (mut meant, others): (Vec<Rename>, Vec<Rename>) = possible.into_iter().partition(|it| is_flagged(it, args));
    for rename in &others {
        let (gone, to) = (rename.gone(), rename.to());
        if args.drop.contains(&gone) || meant.iter().any(|it| it.contradicts(rename)) {
            continue;
        }
        let besides = match rename {
            Rename::Column { from_type, to_type, .. } if from_type != to_type => {
                format!(" (and from {from_type} to {to_type})")
            }
            _ => String::new(),
        };
        if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
            let open = others.iter().filter(|it| it.gone() == gone && !meant.iter().any(|other| other.contradicts(it)));
            let come: Vec<&str> = open.map(Rename::to).collect();
            let flags = come.iter().map(|to| format!("`--rename {gone}:{to}`")).collect::<Vec<_>>().join(" or ");
            return Err(UserError::error(
                format!(
                    "{gone} is gone and there is {} now: is it the same under another name{besides}?",
                    come.join(", ")
                ),
                format!("say {flags}, or `--drop {gone}` if what it holds may go; nothing was written"),
            ));
        }
        if ask(format!("is {gone} renamed to {to}{besides}? (no: it goes with what it holds) [y/n] ")).await? {
            meant.push(rename.clone());
        }
    }
    Ok(meant)
}

/// On a thread of its own: whoever waits for an answer can still be told to stop.
async fn ask(question: String) -> anyhow::Result<bool> {
    tokio::task::spawn_blocking(move || {
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
    })
    .await?
}

fn tell(files: &[PathBuf; 2]) -> anyhow::Result<()> {
    files.iter().try_for_each(|file| output::line(file.display()))
}
