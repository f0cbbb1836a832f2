//! What commands print: tables for people, JSON for programs, errors with hints for both.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use lekalo_migrate::MigrateError;

use crate::config::{Config, ConfigError};
use crate::db::advice::{advise, chain};
use crate::db::migrations;
use crate::domain::Error;

/// The user's mistake: what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct UserError {
    message: String,
    hint: String,
}

impl UserError {
    /// A mistake with its remedy (may be empty).
    pub fn error(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
        Self { message: message.into(), hint: hint.into() }.into()
    }
}

/// Tells a failure on stderr; exit code 1 for the user's mistake, 2 for ours or the environment's.
pub fn report(error: &anyhow::Error) -> ExitCode {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    if io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS; // `| head` has seen enough
    }
    if let Some(mistake) = error.downcast_ref::<UserError>() {
        return tell(&mistake.message, &mistake.hint, 1);
    }
    if let Some(mistake) = error.downcast_ref::<ConfigError>() {
        return tell(&mistake.to_string(), "correct them in the environment or .env", 1);
    }
    if let Some(error) = error.downcast_ref::<MigrateError>()
        && let Some(hint) = migrations::hint(error)
    {
        let mistake = matches!(error, MigrateError::Target(_) | MigrateError::Pooler);
        return tell(&chain(error), hint, if mistake { 1 } else { 2 });
    }
    if let Ok(config) = Config::load() {
        let options = config.db_options();
        let migrating = error.downcast_ref::<MigrateError>().is_some();
        let (database, role) = if migrating {
            (config.owner(), config.owner().get_user().unwrap_or("postgres"))
        } else {
            (&config.database, options.role())
        };
        if let Some(advice) = error.chain().find_map(|cause| advise(cause, database, role)) {
            return tell(&advice.problem, &advice.remedy, 2);
        }
    }
    match error.downcast_ref::<Error>() {
        Some(mistake @ (Error::Invalid(_) | Error::NotFound { .. } | Error::AlreadyExists { .. })) => {
            tell(&mistake.to_string(), "", 1)
        }
        Some(mistake @ Error::FailedPrecondition { .. }) => tell(&mistake.to_string(), "", 1),
        _ => tell(&chain(error.as_ref()), "", 2),
    }
}

fn tell(message: &str, hint: &str, code: u8) -> ExitCode {
    eprintln!("error: {message}");
    if !hint.is_empty() {
        eprintln!("hint: {hint}");
    }
    ExitCode::from(code)
}

/// A plain table: names left, numbers right.
pub fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    let mut numeric = [true; N];
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            numeric[column] &= !cell.is_empty() && cell.chars().all(|ch| ch.is_ascii_digit());
        }
        table.add_row(row);
    }
    for (column, numeric) in numeric.into_iter().enumerate() {
        if numeric && let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// How this program was called, to be pasted.
pub fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "lekalo".to_owned())
}

/// Prints a line of data. Unlike `println!` it does not panic when the reader has gone.
pub fn line(text: impl std::fmt::Display) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}

/// What a plan comes to that nobody reads: not an error (`| head`), unless it is about to be carried out.
pub fn closed_pipe(told: anyhow::Result<()>, acting: bool) -> anyhow::Result<()> {
    match told {
        Err(error) if acting => bail!("the plan could not be printed ({error}): nothing was touched"),
        told => told,
    }
}

/// Prints a document as JSON.
pub fn json(document: &serde_json::Value) -> anyhow::Result<()> {
    line(serde_json::to_string_pretty(document)?)
}
