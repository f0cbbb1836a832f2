//! `clean.csv`: what every row means, what is wrong with it, and the row's own cells.
//!
//! A person may change any value. `confidence` decides whether a row is loaded: one that was `low` and has been completed by
//! hand is loaded once it says `high`. Make and model of a `low` row are what was most likely meant: to confirm them, write
//! `high`. Issues stand as codes in `issues` and in words at the end of `notes`, in square
//! brackets, each with what is suggested after an arrow, in the language asked for; reading takes them apart again, whichever
//! it is. A row with the issue `header_row` is a
//! header inside the data: counted, never loaded.

use std::collections::HashMap;
use std::io::{Read, Write};

use crate::domain::import::{CleanRow, Confidence, Issue, IssueCode, wording};
use crate::domain::tenant::Language;
use crate::domain::vehicle::{Attributes, UnknownWord, Years};
use crate::import::clean::issues;
use lekalo_documents::step_file::{FileError, Problems, Sheet, escape, positive, writer};

/// The columns before those of the attributes, and after them.
const CAR: [&str; 9] =
    ["page_number", "row_number", "source_id", "make", "model", "generation", "year_from", "year_to", "body_type"];
const REST: [&str; 3] = ["notes", "confidence", "issues"];

/// Before the document's own column names.
const RAW: &str = "raw_";

/// Between issues, and between an issue and what is suggested.
const NEXT: &str = "; ";
const ARROW: &str = " → ";

/// Writes clean rows; `header` is the document's own, for the `raw_` columns, `language` that of the issues' words.
pub fn write_clean(rows: &[CleanRow], header: &[String], language: Language, to: impl Write) -> Result<(), FileError> {
    let mut csv = writer(to)?;
    csv.write_record(columns().map(str::to_owned).chain(header.iter().map(|name| format!("{RAW}{name}"))))?;
    for row in rows {
        csv.write_record(values(row, language).iter().chain(&row.cells).map(|cell| escape(cell)))?;
    }
    Ok(csv.flush()?)
}

fn columns() -> impl Iterator<Item = &'static str> {
    CAR.into_iter().chain(Attributes::FIELDS.iter().map(|field| field.name)).chain(REST)
}

fn values(row: &CleanRow, language: Language) -> Vec<String> {
    fn word(value: Option<impl ToString>) -> String {
        value.map(|value| value.to_string()).unwrap_or_default()
    }
    let codes: Vec<&str> = row.issues.iter().map(|issue| issue.code.word()).collect();
    let car: [String; CAR.len()] = [
        row.page_number.to_string(),
        row.row_number.to_string(),
        row.source_id.clone(),
        row.brand.clone(),
        row.model.clone(),
        row.generation.clone(),
        word(row.years.from),
        word(row.years.to),
        word(row.body_type),
    ];
    let attributes = Attributes::FIELDS.iter().map(|field| word((field.word)(&row.attributes)));
    let rest: [String; REST.len()] = [notes_with_issues(row, language), row.confidence.to_string(), codes.join(";")];
    car.into_iter().chain(attributes).chain(rest).collect()
}

/// Notes that end like a bracket get an empty one, so that reading can always take the last one off.
fn notes_with_issues(row: &CleanRow, language: Language) -> String {
    if row.issues.is_empty() && !row.notes.ends_with(']') {
        return row.notes.clone();
    }
    let words: Vec<String> = row
        .issues
        .iter()
        .map(|issue| {
            let message = wording::message_in(issue.code.word(), &issue.message, language);
            if issue.suggestion.is_empty() {
                message.into_owned()
            } else {
                format!("{message}{ARROW}{}", wording::suggestion_in(&issue.suggestion, language))
            }
        })
        .collect();
    let space = if row.notes.is_empty() { "" } else { " " };
    format!("{}{space}[{}]", row.notes, words.join(NEXT))
}

/// Reads clean rows that [`write_clean`] wrote or a person edited. Make and model must have columns, the others may be missing;
/// every value that is not allowed is reported, up to twenty at once.
pub fn read_clean(from: impl Read) -> Result<Vec<CleanRow>, FileError> {
    let sheet = Sheet::read(from)?;
    sheet.require(&["make", "model"])?;
    let raw: Vec<usize> =
        (0..).zip(&sheet.header).filter(|(_, name)| raw_name(name).is_some()).map(|(at, _)| at).collect();
    let places = columns().filter_map(|column| Some((column, sheet.place(column)?))).collect();
    let mut problems = Problems::default();
    let rows = sheet
        .rows
        .iter()
        .zip(1..)
        .map(|((line, cells), count)| {
            let mut line = Line { line: *line, cells, places: &places, problems: &mut problems };
            let row = line.row(count);
            CleanRow { cells: raw.iter().map(|place| cells.get(*place).cloned().unwrap_or_default()).collect(), ..row }
        })
        .collect();
    problems.into_result(rows)
}

/// The document's own column names as a clean.csv has them; all of its column names if it has none of the document's.
///
/// # Errors
/// As [`read_clean`].
pub fn read_clean_header(from: impl Read) -> Result<Vec<String>, FileError> {
    Ok(document_header(&Sheet::read(from)?.header))
}

/// The document's own column names among a header's.
pub fn document_header(header: &[String]) -> Vec<String> {
    let raw: Vec<String> = header.iter().filter_map(|name| raw_name(name)).map(str::to_owned).collect();
    if raw.is_empty() { header.to_vec() } else { raw }
}

/// A column's name in the document, if it is one of the document's.
fn raw_name(name: &str) -> Option<&str> {
    let (start, rest) = name.split_at_checked(RAW.len())?;
    start.eq_ignore_ascii_case(RAW).then_some(rest)
}

/// One line of the file while it is read.
struct Line<'a> {
    line: u64,
    cells: &'a [String],
    places: &'a HashMap<&'static str, usize>,
    problems: &'a mut Problems,
}

impl Line<'_> {
    /// The row; `count` is its number in the file, which stands for a missing row number.
    fn row(&mut self, count: i32) -> CleanRow {
        let (from, to) = (self.year("year_from"), self.year("year_to"));
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            self.bad("year_to", &to.to_string(), &format!("a year from {from} on (year_from)"));
        }
        let issues = self.issues();
        let is_header = issues.iter().any(|issue| issue.code == IssueCode::HeaderRow);
        CleanRow {
            page_number: self.place("page_number", 1),
            row_number: self.place("row_number", count),
            source_id: self.text("source_id").to_owned(),
            is_header,
            brand: self.text("make").to_owned(),
            model: self.text("model").to_owned(),
            generation: self.text("generation").to_owned(),
            years: Years { from, to },
            body_type: self.word("body_type", str::parse),
            attributes: self.attributes(),
            notes: split_notes(self.text("notes")).0.to_owned(),
            confidence: self.word("confidence", str::parse).unwrap_or(Confidence::Low),
            issues,
            cells: Vec::new(),
        }
    }

    fn text(&self, column: &str) -> &str {
        self.places.get(column).and_then(|place| self.cells.get(*place)).map_or("", |cell| cell.trim())
    }

    fn bad(&mut self, column: &str, value: &str, allowed: &str) {
        self.problems.add(self.line, column, value, allowed);
    }

    /// A word of a fixed vocabulary; empty is none.
    fn word<T>(&mut self, column: &str, parse: impl FnOnce(&str) -> Result<T, UnknownWord>) -> Option<T> {
        let value = self.text(column).to_lowercase();
        if value.is_empty() {
            return None;
        }
        parse(&value).map_err(|error| self.bad(column, &value, &format!("one of {}", error.allowed.join(", ")))).ok()
    }

    fn attributes(&mut self) -> Attributes {
        let mut attributes = Attributes::default();
        for field in Attributes::FIELDS {
            self.word(field.name, |word| (field.set)(&mut attributes, word));
        }
        attributes
    }

    fn year(&mut self, column: &str) -> Option<i16> {
        let value = self.text(column).to_owned();
        let year = value.parse().ok().filter(|year| Years::PLAUSIBLE.contains(year));
        if year.is_none() && !value.is_empty() {
            let years = Years::PLAUSIBLE;
            self.bad(column, &value, &format!("a year from {} to {}, or empty", years.start(), years.end()));
        }
        year
    }

    /// A page or row number; a file without them counts its lines.
    fn place(&mut self, column: &str, missing: i32) -> i32 {
        let value = self.text(column).to_owned();
        if value.is_empty() {
            return missing;
        }
        positive(&value).unwrap_or_else(|| {
            self.bad(column, &value, "a number from 1");
            missing
        })
    }

    fn issues(&mut self) -> Vec<Issue> {
        let codes = self.text("issues").to_owned();
        let notes = self.text("notes").to_owned();
        let mut words = split_notes(&notes).1.split(NEXT);
        let mut found = Vec::new();
        for code in codes.split(';').map(str::trim).filter(|code| !code.is_empty()) {
            match code.to_lowercase().parse() {
                Ok(code) => {
                    let text = words.next().unwrap_or_default();
                    let (message, suggestion) = text.split_once(ARROW).unwrap_or((text, ""));
                    let suggestion = wording::suggestion_in(suggestion, Language::Ru);
                    found.push(issues::issue(code, &wording::in_russian(code, message), suggestion));
                }
                Err(UnknownWord { allowed, .. }) => self.bad("issues", code, &format!("one of {}", allowed.join(", "))),
            }
        }
        found
    }
}

/// Notes, and the words of issues in the square brackets at the end; a person may have cleared the issues and left these.
fn split_notes(notes: &str) -> (&str, &str) {
    let bracket = notes.strip_suffix(']').and_then(|rest| rest.rsplit_once('['));
    bracket.map_or((notes, ""), |(notes, words)| (notes.trim_end(), words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::vehicle::{Borders, Steering};

    fn row() -> CleanRow {
        CleanRow {
            page_number: 3,
            row_number: 4,
            source_id: "12".to_owned(),
            brand: "Lexus".to_owned(),
            model: "GX".to_owned(),
            generation: "J120".to_owned(),
            years: Years { from: None, to: Some(2006) },
            attributes: Attributes {
                steering: Some(Steering::Both),
                borders: Some(Borders::High),
                ..Attributes::default()
            },
            notes: "GX 470".to_owned(),
            confidence: Confidence::Medium,
            issues: vec![issues::year_invalid("1007"), issues::model_guessed("gx", "Lexus GX")],
            cells: ["12", "-", "=GX"].map(str::to_owned).to_vec(),
            ..CleanRow::default()
        }
    }

    fn written(rows: &[CleanRow]) -> Vec<u8> {
        let mut file = Vec::new();
        write_clean(rows, &["ID", "Марка", "Модель"].map(str::to_owned), Language::Ru, &mut file).unwrap();
        file
    }

    #[test]
    fn issues_are_written_and_read_in_any_language() {
        let unclear = issues::year_invalid("1007");
        let rows = [CleanRow {
            issues: vec![Issue { suggestion: wording::YEAR.into(), ..unclear }, row().issues[1].clone()],
            ..row()
        }];
        for (language, words) in [
            (Language::Ky, "GX 470 [«1007» жылга окшобойт → жыл; «gx» ката жазылган деп окулду → Lexus GX]"),
            (Language::En, "GX 470 [“1007” does not look like a year → year; “gx” was read as misspelt → Lexus GX]"),
        ] {
            let mut file = Vec::new();
            write_clean(&rows, &["ID", "Марка", "Модель"].map(str::to_owned), language, &mut file).unwrap();
            assert_eq!(read_clean(file.as_slice()).unwrap(), rows);
            let text = String::from_utf8(file).unwrap();
            assert!(text.contains(words), "{text}");
        }
    }

    #[test]
    fn rows_come_back_as_they_were() {
        let header =
            CleanRow { is_header: true, issues: vec![issues::header_row()], cells: vec![String::new(); 3], ..row() };
        let rows = [row(), header, CleanRow { issues: Vec::new(), notes: "[x]".to_owned(), ..row() }];
        let file = written(&rows);
        assert_eq!(read_clean(file.as_slice()).unwrap(), rows);
        let text = String::from_utf8(file).unwrap();
        assert!(text.contains("GX 470 [год «1007» не похож на год; «gx» прочитано с опечаткой → Lexus GX]"), "{text}");
        assert!(text.contains("raw_Марка"));
        assert!(text.contains("year_invalid;model_guessed"));
    }

    #[test]
    fn every_bad_value_is_told_with_what_is_allowed() {
        let text = "make;model;steering;year_from;year_to;confidence\nToyota;Camry;sideways;1007;;High\nKia;Rio;LEFT;2012;2010;";
        let FileError::BadValues { values, more: 0 } = read_clean(text.as_bytes()).unwrap_err() else { panic!() };
        let told: Vec<(u64, &str)> = values.iter().map(|bad| (bad.line, bad.column.as_str())).collect();
        assert_eq!(told, [(2, "year_from"), (2, "steering"), (3, "year_to")]);
        assert!(values.iter().any(|bad| bad.allowed.contains("left, right, both")));
        assert!(
            matches!(read_clean("make\nKia".as_bytes()), Err(FileError::MissingColumns { missing, .. }) if missing == ["model"])
        );
    }

    #[test]
    fn at_most_twenty_bad_values_are_listed() {
        let text = format!("make,model,trunk\n{}", "Kia,Rio,maybe\n".repeat(30));
        let error = read_clean(text.as_bytes()).unwrap_err();
        assert!(error.to_string().starts_with("30 bad values (the first 20 are shown)"), "{error}");
    }
}
