//! The files between the steps of an import: `raw.csv` (rows as they are) and `clean.csv` (what they mean), for people to
//! look at and to edit.
//!
//! Both are CSV in UTF-8, written with a byte order mark so that spreadsheets open them, read with or without; semicolons and
//! tabs are understood too, because spreadsheets save them.
//!
//! **Formulas.** A spreadsheet executes a cell that begins with `=`, `+`, `@`, a tab, a carriage return, or a `-` with more than a
//! number behind it. Such a cell is written with an apostrophe before it, and reading takes the apostrophe away; "-" and "-2020"
//! stay as they are. See [`escape`].

use std::fmt;
use std::io::{Read, Write};

/// The byte order mark of UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// How many bad values of a file are reported at once.
const MAX_REPORTED: usize = 20;

/// Why a file of the steps cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be read or written at all.
    #[error("the file cannot be read or written: {0}")]
    Io(#[from] std::io::Error),
    /// Not CSV.
    #[error("this is not a CSV file: {0}")]
    Csv(#[from] csv::Error),
    /// Saved in another encoding.
    #[error("the file is not in UTF-8; save it as \"CSV UTF-8\"")]
    Encoding,
    /// A price list, not a step's file.
    #[error("the file is a PDF or a spreadsheet, not a CSV file; `lekalo extract` reads those")]
    NotText,
    /// Columns that this file must have.
    #[error("the file has no column {}; its columns are: {}", .missing.join(", "), .seen.join(", "))]
    MissingColumns { missing: Vec<&'static str>, seen: Vec<String> },
    /// Values that are not allowed; at most twenty of them.
    #[error("{} bad values{}:\n{}", .values.len() + .more, more_words(*.more), lines(.values))]
    BadValues {
        values: Vec<BadValue>,
        /// How many more there are.
        more: usize,
    },
}

/// A value that a column does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadValue {
    /// Line of the file, from 1 (the header is line 1).
    pub line: u64,
    pub column: String,
    pub value: String,
    /// What the column allows.
    pub allowed: String,
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: \"{}\" is not {}", self.line, self.column, self.value, self.allowed)
    }
}

fn more_words(more: usize) -> String {
    if more == 0 { String::new() } else { format!(" (the first {MAX_REPORTED} are shown)") }
}

fn lines(values: &[BadValue]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A cell the way it is written: with an apostrophe before it if a spreadsheet would execute it. A cell that has such an
/// apostrophe of its own gets another one, so that [`unescape`] gives every cell back as it was.
pub fn escape(cell: &str) -> String {
    if is_formula(cell.trim_start_matches('\'')) { format!("'{cell}") } else { cell.to_owned() }
}

/// A cell the way it was before [`escape`].
pub fn unescape(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if is_formula(rest.trim_start_matches('\'')) => rest,
        _ => cell,
    }
}

/// Whether a spreadsheet would take a cell for a formula. After a minus, nothing and a number compute nothing.
fn is_formula(cell: &str) -> bool {
    match cell.strip_prefix('-') {
        Some(rest) => !rest.chars().all(|ch| ch.is_ascii_digit() || matches!(ch, ' ' | '.' | ',')),
        None => cell.starts_with(['=', '+', '@', '\t', '\r']),
    }
}

/// A writer that has already written the byte order mark.
pub fn writer<W: Write>(mut to: W) -> Result<csv::Writer<W>, FileError> {
    to.write_all(BOM)?;
    Ok(csv::WriterBuilder::new().flexible(true).from_writer(to))
}

/// A CSV file's header and rows with the line each begins on; cells unescaped.
pub struct Sheet {
    pub header: Vec<String>,
    pub rows: Vec<(u64, Vec<String>)>,
}

impl Sheet {
    pub fn read(mut from: impl Read) -> Result<Self, FileError> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes)?;
        let bytes = bytes.strip_prefix(BOM).unwrap_or(&bytes);
        if bytes.starts_with(b"%PDF-") || bytes.starts_with(b"PK\x03\x04") {
            return Err(FileError::NotText);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| FileError::Encoding)?;
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter(text))
            .from_reader(text.as_bytes());
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record?;
            let line = record.position().map_or(0, csv::Position::line);
            rows.push((line, record.iter().map(|cell| unescape(cell).to_owned()).collect()));
        }
        let header = if rows.is_empty() { Vec::new() } else { rows.remove(0).1 };
        Ok(Self { header, rows })
    }

    /// Where a column is, however its name is cased or spaced.
    pub fn place(&self, column: &str) -> Option<usize> {
        self.header.iter().position(|name| name.trim().eq_ignore_ascii_case(column))
    }

    pub fn require(&self, columns: &[&'static str]) -> Result<(), FileError> {
        let missing: Vec<&'static str> =
            columns.iter().copied().filter(|column| self.place(column).is_none()).collect();
        if missing.is_empty() { Ok(()) } else { Err(FileError::MissingColumns { missing, seen: self.header.clone() }) }
    }
}

/// The sign that the first line has most of.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |sign: u8| first.bytes().filter(|byte| *byte == sign).count();
    [b',', b';', b'\t'].into_iter().rev().max_by_key(|sign| count(*sign)).unwrap_or(b',')
}

/// Collects the bad values of a file.
#[derive(Default)]
pub struct Problems {
    values: Vec<BadValue>,
    more: usize,
}

impl Problems {
    pub fn add(&mut self, line: u64, column: &str, value: &str, allowed: &str) {
        if self.values.len() < MAX_REPORTED {
            self.values.push(BadValue {
                line,
                column: column.to_owned(),
                value: value.to_owned(),
                allowed: allowed.trim().to_owned(),
            });
        } else {
            self.more += 1;
        }
    }

    pub fn into_result<T>(self, read: T) -> Result<T, FileError> {
        if self.values.is_empty() {
            Ok(read)
        } else {
            Err(FileError::BadValues { values: self.values, more: self.more })
        }
    }
}

/// A whole number of at least 1.
pub fn positive(sheet_value: &str) -> Option<i32> {
    sheet_value.trim().parse().ok().filter(|number| *number >= 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_computes_is_escaped() {
        for cell in ["-", "-2020", "-212", "- 2,5", "", "Камри", "'", "'слово'", "2+1", "1-2"] {
            assert_eq!(escape(cell), cell);
        }
        for cell in [
            "=1+1",
            "+ багаж",
            "@SUM(A1)",
            "\tx",
            "\r=1",
            "--",
            "-1+1",
            "-A1",
            "- с бортами",
            "-1-2",
            "-cmd|' /C calc'!A0",
            "'=1",
            "''=1",
        ] {
            assert_eq!(escape(cell), format!("'{cell}"));
            assert_eq!(unescape(&escape(cell)), cell);
        }
    }

    #[test]
    fn spreadsheets_save_other_delimiters_too() {
        assert_eq!(delimiter("a;b;c\n1,2;3;4"), b';');
        assert_eq!(delimiter("a\tb"), b'\t');
        assert_eq!(delimiter("a"), b',');
    }
}
