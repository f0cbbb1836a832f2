//! The issues of a row, for the shop's manager; their words are in [`wording`].

use crate::domain::import::wording::{self, Wording};
use crate::domain::import::{Issue, IssueCode};

/// The field an issue is about.
pub const fn field(code: IssueCode) -> &'static str {
    match code {
        IssueCode::MakeMissing | IssueCode::MakeUnknown | IssueCode::MakeCorrected => "make",
        IssueCode::ModelMissing | IssueCode::ModelUnknown | IssueCode::ModelAmbiguous | IssueCode::ModelGuessed => {
            "model"
        }
        IssueCode::YearInvalid => "year",
        IssueCode::BordersConflict => "borders",
        IssueCode::CellError | IssueCode::OtherProduct => "description",
        IssueCode::Unavailable | IssueCode::ToOrder => "availability",
        IssueCode::ColumnsShifted | IssueCode::HeaderRow | IssueCode::EmptyRow | IssueCode::ValueInvalid => "row",
    }
}

/// An issue in words; what the clean file's format needs for itself is taken out of them.
pub fn issue(code: IssueCode, message: &str, suggestion: &str) -> Issue {
    Issue { code, field: field(code), message: plain(message), suggestion: plain(suggestion) }
}

/// The same of what an issue can say, about these words.
fn said(wording: &Wording, words: [&str; 2], suggestion: &str) -> Issue {
    issue(wording.code, &wording.russian(words), suggestion)
}

/// Without the signs that frame issues in the clean file's notes, on one line.
fn plain(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|ch| match ch {
            '[' => '(',
            ']' => ')',
            ';' => ',',
            '→' => '>',
            ch if ch.is_control() => ' ',
            ch => ch,
        })
        .collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most forty letters of somebody's cell.
fn quote(text: &str) -> String {
    let text = text.trim();
    if text.chars().count() <= 40 { text.to_owned() } else { text.chars().take(39).chain(['…']).collect() }
}

pub fn brand_missing(text: &str, near: &[String]) -> Issue {
    let text = quote(text);
    let wording = if text.is_empty() { wording::MAKE_AND_MODEL_MISSING } else { wording::MAKE_MISSING };
    said(&wording, [&text, ""], &near.join(", "))
}

pub fn brand_unknown(text: &str, near: &[String]) -> Issue {
    said(&wording::MAKE_UNKNOWN, [&quote(text), ""], &near.join(", "))
}

pub fn brand_corrected(text: &str, brand: &str) -> Issue {
    said(&wording::MAKE_CORRECTED, [&quote(text), ""], brand)
}

pub fn model_missing(brand: &str) -> Issue {
    said(&wording::MODEL_MISSING, [brand, ""], "")
}

pub fn model_unknown(text: &str, brand: &str, near: &[String]) -> Issue {
    said(&wording::MODEL_UNKNOWN, [&quote(text), brand], &near.join(", "))
}

pub fn model_ambiguous(text: &str, names: &[String]) -> Issue {
    said(&wording::MODEL_AMBIGUOUS, [&quote(text), ""], &names.join(", "))
}

pub fn model_guessed(text: &str, name: &str) -> Issue {
    said(&wording::MODEL_GUESSED, [&quote(text), ""], name)
}

pub fn columns_shifted(text: &str, what: &str) -> Issue {
    said(&wording::COLUMNS_SHIFTED, [&quote(text), ""], what)
}

pub fn year_invalid(text: &str) -> Issue {
    said(&wording::YEAR_INVALID, [&quote(text), ""], "")
}

pub fn years_unclear(text: &str) -> Issue {
    said(&wording::YEARS_UNCLEAR, [&quote(text), ""], wording::ONE_RANGE)
}

pub fn year_outside(years: &str, generation: &str) -> Issue {
    said(&wording::YEAR_OUTSIDE, [&quote(generation), years], "")
}

pub fn borders_conflict() -> Issue {
    said(&wording::BORDERS_CONFLICT, ["", ""], "")
}

pub fn cell_error(text: &str) -> Issue {
    said(&wording::CELL_ERROR, [&quote(text), ""], "")
}

pub fn other_product() -> Issue {
    said(&wording::OTHER_PRODUCT, ["", ""], "")
}

pub fn too_long() -> Issue {
    said(&wording::TOO_LONG, ["", ""], "")
}

pub fn header_row() -> Issue {
    said(&wording::HEADER_ROW, ["", ""], "")
}

pub fn heading_row(brand: &str) -> Issue {
    said(&wording::HEADING_ROW, [brand, ""], "")
}

pub fn body_conflict(text: &str) -> Issue {
    said(&wording::BODY_CONFLICT, [&quote(text), ""], wording::DESCRIPTION)
}

pub fn unavailable() -> Issue {
    said(&wording::UNAVAILABLE, ["", ""], "")
}

pub fn to_order() -> Issue {
    said(&wording::TO_ORDER, ["", ""], "")
}

pub fn availability_unclear(text: &str) -> Issue {
    said(&wording::AVAILABILITY_UNCLEAR, [&quote(text), ""], "")
}

pub fn empty_row() -> Issue {
    said(&wording::EMPTY_ROW, ["", ""], "")
}
