//! What commands print: tables for people, JSON for programs, errors with hints for both.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use anyhow::bail;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};
use lekalo_migrate::MigrateError;
use lekalo_migrate::backup::BackupError;
use unicode_width::UnicodeWidthStr as _;

use crate::config::{Config, ConfigError};
use crate::db::advice::{advise, chain};
use crate::db::migrations;
use crate::domain::Error;
use crate::logs;

/// The user's mistake: what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct UserError {
    message: String,
    hint: String,
    code: u8,
}

impl UserError {
    /// A mistake with its remedy (may be empty).
    pub fn error(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
        Self::with_code(1, message, hint)
    }

    /// What is nobody's mistake, with an exit code that programs tell it by.
    pub fn with_code(code: u8, message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
        Self { message: message.into(), hint: hint.into(), code }.into()
    }
}

/// Tells a failure on stderr; exit code 1 for the user's mistake, 2 for ours or the environment's.
pub fn report(error: &anyhow::Error) -> ExitCode {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    if io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS; // `| head` has seen enough
    }
    if let Some(mistake) = error.downcast_ref::<UserError>() {
        return tell(&mistake.message, &mistake.hint, mistake.code);
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
    match error.downcast_ref::<BackupError>() {
        Some(BackupError::Refused { problem, remedy }) => return tell(problem, remedy, 1),
        Some(damage @ BackupError::Damaged { .. }) => return tell(&damage.to_string(), "take another dump", 1),
        Some(unread @ BackupError::Io { doing: "read", .. }) => return tell(&unread.to_string(), "", 1),
        _ => {}
    }
    if let Ok(config) = Config::load() {
        let options = config.db_options();
        let migrating = error.is::<MigrateError>() || error.is::<BackupError>();
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

/// Says on stderr what is wrong and what to do: as JSON where the command's data is.
fn tell(message: &str, hint: &str, code: u8) -> ExitCode {
    let lines = |text: &str| text.lines().map(printable).collect::<Vec<_>>().join("\n");
    if is_json_asked_for() {
        object(&serde_json::json!({ "error": { "message": message, "hint": hint } }));
        return ExitCode::from(code);
    }
    if logs::is_json() {
        tracing::error!(hint, "{message}");
        return ExitCode::from(code);
    }
    talk(format_args!("{WRONG}error:{WRONG:#} {}", lines(message)));
    if !hint.is_empty() {
        talk(format_args!("{HINT}hint:{HINT:#} {}", lines(hint)));
    }
    ExitCode::from(code)
}

/// Prints help and the version, which are no mistake, or what is wrong with the arguments.
pub fn report_usage(error: &clap::Error) -> ExitCode {
    let format = Config::load().map_or_else(|_| logs::format(), |config| config.log_format);
    if !error.use_stderr() || !(is_json_asked_for() || format == logs::Format::Json) {
        let _ = error.print();
        return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    let text = error.render().to_string();
    logs::start("error", format, None);
    let told = text.split("For more information, try").next().unwrap_or_default();
    let (message, usage) = told.split_once("Usage:").unwrap_or((told, ""));
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    // A wrong value is told without it.
    let usage = usage.lines().next().filter(|usage| !usage.trim().is_empty());
    let usage = usage.map(|usage| format!("usage: {}; ", usage.trim())).unwrap_or_default();
    tell(message.trim_start_matches("error: "), &format!("{usage}--help says more"), 1)
}

/// Whether a program reads the data; known even where the arguments are wrong.
fn is_json_asked_for() -> bool {
    std::env::args_os().take_while(|arg| arg != "--").any(|arg| arg == "--json")
}

/// What is wrong, what is well, and what to do; shown on a terminal.
pub const WRONG: Style = AnsiColor::Red.on_default().bold();
pub const WELL: Style = AnsiColor::Green.on_default();
const HINT: Style = AnsiColor::Cyan.on_default();

/// How wide a word may be that must not be broken: an id is to be copied.
const LONGEST_WORD: usize = 36;
/// A text in a narrower column is no pleasure to read.
const NARROWEST_TEXT: usize = 12;

/// A plain table, names left and numbers right, that fits the terminal: its cells wrap, or each field has a line.
pub fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let rows: Vec<_> = rows.into_iter().map(|row| row.map(|cell| printable(&cell))).collect();
    fitted(header, &rows, width())
}

/// What strangers wrote (names of files, cells) without what a terminal would obey: control characters, and those that turn the
/// direction of writing.
pub fn printable(text: &str) -> String {
    let is_obeyed = |ch: char| {
        ch.is_control()
            || matches!(ch, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|ch| if is_obeyed(ch) { char::REPLACEMENT_CHARACTER } else { ch }).collect()
}

/// How many columns people see, or ask for; none where nobody looks.
fn width() -> Option<usize> {
    let chosen = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).filter(|columns| *columns > 0);
    chosen.or_else(|| terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| width.0.into()))
}

fn fitted<const N: usize>(header: [&str; N], rows: &[[String; N]], width: Option<usize>) -> String {
    let plain = arranged(header, rows, None);
    let Some(width) = width.filter(|width| plain.lines().any(|line| line.width() > *width)) else {
        return plain;
    };
    // A word is not broken; its gaps are included.
    let cells = |column: usize| rows.iter().map(move |row| row[column].as_str()).chain([header[column]]);
    let longest = |column| cells(column).flat_map(str::split_whitespace).map(|word| word.width()).max();
    let is_text = |column| cells(column).any(|cell| cell.contains(' '));
    let least: [usize; N] = std::array::from_fn(|column| {
        let word = longest(column).unwrap_or_default().min(LONGEST_WORD) + 2;
        if is_text(column) { word.max(NARROWEST_TEXT) } else { word }
    });
    if least.iter().sum::<usize>() <= width {
        return arranged(header, rows, Some((width, least)));
    }
    let rows =
        rows.iter().map(|row| record(&std::array::from_fn::<_, N, _>(|column| (header[column], row[column].clone()))));
    rows.collect::<Vec<_>>().join("\n\n")
}

/// One thing, a field a line; those that are empty are left out.
pub fn record(fields: &[(&str, String)]) -> String {
    let longest = fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let fields = fields.iter().filter(|(_, value)| !value.is_empty());
    fields.map(|(name, value)| format!("{name:longest$}  {}", printable(value))).collect::<Vec<_>>().join("\n")
}

fn to_u16(width: usize) -> u16 {
    u16::try_from(width).unwrap_or(u16::MAX)
}

/// As wide as it comes to, or within a width in which each column has the least that it needs.
fn arranged<const N: usize>(header: [&str; N], rows: &[[String; N]], within: Option<(usize, [usize; N])>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    table.add_rows(rows);
    for column in 0..N {
        let is_number = |cell: &String| !cell.is_empty() && cell.chars().all(|ch| ch.is_ascii_digit());
        let Some(settings) = table.column_mut(column) else { continue };
        if rows.iter().all(|row| is_number(&row[column])) {
            settings.set_cell_alignment(CellAlignment::Right);
        }
        if let Some((_, least)) = within {
            settings.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(to_u16(least[column]))));
        }
    }
    if let Some((width, _)) = within {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(to_u16(width));
    }
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// How this program was called, to be pasted.
pub fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "lekalo".to_owned())
}

/// Prints a line of data, without its colours where nobody looks. Unlike `println!` it does not panic when the reader has
/// gone.
pub fn line(text: impl std::fmt::Display) -> anyhow::Result<()> {
    Ok(writeln!(anstream::stdout().lock(), "{text}")?)
}

/// Prints a text as it is, for a file; on a terminal without what that would obey.
pub fn raw(text: &str) -> anyhow::Result<()> {
    if std::io::stdout().is_terminal() {
        return line(text.lines().map(printable).collect::<Vec<_>>().join("\n"));
    }
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}

/// Tells people something, or who collects the log, or a program. Unlike `eprintln!` it does not panic when they have gone.
pub fn talk(text: impl std::fmt::Display) {
    if is_json_asked_for() {
        return object(&serde_json::json!({ "message": text.to_string() }));
    }
    if logs::is_json() {
        return tracing::info!("{text}");
    }
    let text = text.to_string();
    match anstream::AutoStream::choice(&std::io::stderr()) {
        anstream::ColorChoice::Never => logs::line(&anstream::adapter::strip_str(&text).to_string()),
        _ => logs::line(&text),
    }
}

/// Tells a program something on stderr.
fn object(object: &serde_json::Value) {
    logs::line(&object.to_string());
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: [&str; 4] = ["id", "rows-of-the-file", "issue", "how to mend it"];

    fn rows() -> impl Strategy<Value = Vec<[String; 4]>> {
        let row = (
            "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
            "[0-9]{1,6}",
            "[а-яA-Z]{0,12}( [а-я]{1,9}){0,9}",
            "[a-z]{1,9}( [a-z]{1,9}){0,9}",
        );
        proptest::collection::vec(row.prop_map(|(id, count, issue, mend)| [id, count, issue, mend]), 1..6)
    }

    #[test]
    fn a_terminal_obeys_nothing_that_strangers_wrote() {
        let text = "a\u{1b}[2J\u{7}\nb\u{202e}vsc.exe";
        let shown = "a�[2J��b�vsc.exe";
        assert_eq!(printable(text), shown);
        assert!(table(["file"], [[text.to_owned()]]).contains(shown));
        assert_eq!(record(&[("file", text.to_owned())]), format!("file  {shown}"));
    }

    proptest! {
        #[test]
        fn a_table_fits_and_says_all(rows in rows(), width in 40_usize..200) {
            let text = fitted(HEADER, &rows, Some(width));
            let words = |text: &str| {
                let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
                words.sort();
                words
            };
            let is_table = text.starts_with(' ');
            if is_table {
                prop_assert!(text.lines().all(|line| line.width() <= width), "{width}:\n{text}");
                prop_assert_eq!(words(&text), words(&arranged(HEADER, &rows, None)));
            } else {
                prop_assert!(rows.iter().flatten().all(|cell| text.contains(cell.as_str())), "{text}");
            }
            prop_assert!(text.lines().all(|line| !line.ends_with(' ')), "{text:?}");
            prop_assert_eq!(fitted(HEADER, &rows, None), arranged(HEADER, &rows, None));
        }
    }
}
