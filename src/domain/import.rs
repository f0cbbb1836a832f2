//! A price list on its way in: clean rows, what is wrong with them, and what became of each.

pub mod wording;

use std::borrow::Cow;

use super::error::Error;
use super::tenant::Language;
use super::vehicle::{Attributes, BodyType, Years, vocabulary};

/// The longest notes of a pattern, in bytes: they are part of its identity, and what an index holds is limited.
pub const MAX_NOTES: usize = 1000;
/// The longest generation, in bytes.
pub const MAX_GENERATION: usize = 100;

/// One row of a price list after cleaning: what the row says about a car, as far as it was understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CleanRow {
    /// Page of the document (or sheet number), from 1.
    pub page_number: i32,
    /// Data row within the page, from 1.
    pub row_number: i32,
    /// The document's own ID of the row, as written; not unique.
    pub source_id: String,
    /// Whether this row repeats the header instead of naming a car.
    pub is_header: bool,
    /// Canonical English brand ("Mercedes-Benz"), empty if it was not understood.
    pub brand: String,
    /// Canonical English model without the brand ("E-Class"), empty if it was not understood.
    pub model: String,
    /// Generation as the row gives it, Latin letters ("W212", "30", "50-55"), empty if not given.
    pub generation: String,
    pub years: Years,
    pub body_type: Option<BodyType>,
    pub attributes: Attributes,
    /// What tells this pattern from others and has no field of its own: version, drive, cab, fuel ("GX 470; 4WD").
    /// Part of the pattern's identity: two rows that differ here are two patterns.
    pub notes: String,
    pub confidence: Confidence,
    pub issues: Vec<Issue>,
    /// The cells as they stand in the document.
    pub cells: Vec<String>,
}

impl CleanRow {
    /// Whether the row is sure enough to become a pattern: brand and model known and nothing in doubt about them.
    pub fn is_accepted(&self) -> bool {
        let is_sure = !self.brand.is_empty() && !self.model.is_empty() && self.confidence != Confidence::Low;
        !self.is_header && is_sure && !self.is_too_long()
    }

    /// Whether it says more than a pattern can hold: the document's text is in the wrong place.
    pub fn is_too_long(&self) -> bool {
        self.notes.len() > MAX_NOTES || self.generation.len() > MAX_GENERATION
    }
}

vocabulary! {
    /// How sure cleaning is of brand and model.
    #[derive(Default)]
    Confidence {
        /// Spelled out, or a known spelling.
        High = "high",
        /// Read through a typo, a shifted column or a missing brand.
        Medium = "medium",
        /// Not sure enough to act on: the row waits for a person.
        #[default]
        Low = "low",
    }
}

/// Something about a row that a person should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    pub code: IssueCode,
    /// The field it is about (`make`, `model`, `year`, …).
    pub field: &'static str,
    /// For the shop's manager, in Russian.
    pub message: String,
    /// What it could be instead, best first; empty if nothing comes to mind.
    pub suggestion: String,
}

vocabulary! {
    /// What can be wrong with a row.
    IssueCode {
        /// The row names no brand and its model does not decide it.
        MakeMissing = "make_missing",
        /// The brand's spelling is not known.
        MakeUnknown = "make_unknown",
        /// The brand's cell is wrong or misplaced; the model decided the brand.
        MakeCorrected = "make_corrected",
        /// The row names a brand alone.
        ModelMissing = "model_missing",
        /// The model's spelling is not known within the brand.
        ModelUnknown = "model_unknown",
        /// Several models fit equally well.
        ModelAmbiguous = "model_ambiguous",
        /// The model was read through a typo.
        ModelGuessed = "model_guessed",
        /// A value stands in another column than its own.
        ColumnsShifted = "columns_shifted",
        /// The year cell is no year (1007).
        YearInvalid = "year_invalid",
        /// The row says both with and without borders.
        BordersConflict = "borders_conflict",
        /// The description is a spreadsheet error (#ERROR!).
        CellError = "cell_error",
        /// The row speaks of another product.
        OtherProduct = "other_product",
        /// The shop does not have what the row names.
        Unavailable = "unavailable",
        /// The shop makes it to order, or what it says of that is not understood.
        ToOrder = "to_order",
        /// The row repeats the header inside the data, or is the heading of the rows below.
        HeaderRow = "header_row",
        /// The row has no text at all.
        EmptyRow = "empty_row",
        /// The row has a value that the clean file's format does not allow.
        ValueInvalid = "value_invalid",
    }
}

vocabulary! {
    /// What became of a source row.
    Outcome {
        Created = "created",
        Updated = "updated",
        Unchanged = "unchanged",
        /// Says the same as an earlier row of the same file.
        Merged = "merged",
        Rejected = "rejected",
        Header = "header",
    }
}

vocabulary! {
    /// What happens to patterns that the file does not name.
    Mode {
        /// They stay.
        Merge = "merge",
        /// They are withdrawn.
        Replace = "replace",
    }
}

vocabulary! {
    /// Where an import stands.
    State {
        Queued = "queued",
        Running = "running",
        Validated = "validated",
        Succeeded = "succeeded",
        Failed = "failed",
        Cancelled = "cancelled",
        Reverted = "reverted",
    }
}

impl State {
    /// Those in which nothing more will happen by itself.
    pub const FINAL: [Self; 5] = [Self::Validated, Self::Succeeded, Self::Failed, Self::Cancelled, Self::Reverted];

    /// Whether nothing more will happen by itself.
    pub fn is_final(self) -> bool {
        Self::FINAL.contains(&self)
    }

    /// Why an import in this state does not take a step that takes only others.
    pub fn refused(self, required: &[Self]) -> Error {
        let wire = |state: Self| state.word().to_uppercase();
        let required = required.iter().map(|state| wire(*state)).collect::<Vec<_>>();
        Error::FailedPrecondition {
            reason: "ILLEGAL_IMPORT_STATE",
            message: format!("the import is {}; this step takes one that is {}", wire(self), required.join(" or ")),
            metadata: vec![("state", wire(self)), ("required", required.join(","))],
        }
    }
}

/// How many rows had which outcome; `rows_read` is always the sum of the others but `withdrawn`,
/// which counts patterns, not rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub rows_read: i64,
    pub created: i64,
    pub updated: i64,
    pub unchanged: i64,
    pub merged: i64,
    pub rejected: i64,
    pub headers: i64,
    pub withdrawn: i64,
}

vocabulary! {
    /// What a running import is doing.
    #[derive(Default)]
    Step {
        /// Rows are read from the file and understood.
        #[default]
        Reading = "reading",
        /// Patterns and rows are written.
        Writing = "writing",
    }
}

/// How far a running import has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    pub step: Step,
    /// Rows read so far.
    pub rows: i64,
    /// Rows of the file; 0 while that is not known.
    pub total: i64,
}

/// A price list on its way into one tenant's category.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    pub id: uuid::Uuid,
    /// The category's code.
    pub category: String,
    pub file_name: String,
    pub sha256: Vec<u8>,
    pub mode: Mode,
    /// Only preview what would change.
    pub validate_only: bool,
    pub allow_large_withdrawal: bool,
    pub state: State,
    pub counts: Counts,
    pub created_at: std::time::SystemTime,
    pub finished_at: Option<std::time::SystemTime>,
    pub error: Option<Failure>,
    /// Grows with every change of state.
    pub revision: i64,
    /// How far it has come, if it is running.
    pub progress: Option<Progress>,
    /// The import that runs or is queued before this one, if this one is queued.
    pub waits_for: Option<uuid::Uuid>,
}

/// What to import, before it has an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewImport {
    pub category_id: i64,
    pub file_name: String,
    pub sha256: Vec<u8>,
    pub mode: Mode,
    pub validate_only: bool,
    pub allow_large_withdrawal: bool,
    pub request_id: Option<uuid::Uuid>,
}

/// What to do where the file is not at fault.
pub const UPLOAD_AGAIN: &str = "upload the file again with a new request_id";

/// Why an import failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// UPPER_SNAKE_CASE.
    pub code: String,
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl Failure {
    /// A failure with its three parts.
    pub fn new(code: &str, message: &str, hint: &str) -> Self {
        Self { code: code.to_owned(), message: message.to_owned(), hint: hint.to_owned() }
    }

    /// Its server stopped, or gave no sign of life for the time of a lease.
    pub fn interrupted() -> Self {
        Self::new(
            "INTERRUPTED",
            "the service stopped while it worked on this import; nothing of it was written",
            UPLOAD_AGAIN,
        )
    }
}

/// A source row and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRow {
    /// Place in the whole document, headers included, from 1.
    pub position: i32,
    pub row: CleanRow,
    pub outcome: Outcome,
    pub pattern_id: Option<i64>,
    /// Page and row of the row that says the same.
    pub same_as: Option<(i32, i32)>,
    /// What changes about its pattern, if it is updated.
    pub changes: Vec<Change>,
    pub issues: Vec<StoredIssue>,
}

impl ImportRow {
    /// With its issues in this language.
    pub fn in_language(mut self, language: Language) -> Self {
        for issue in &mut self.issues {
            issue.message = wording::message_in(&issue.code, &issue.message, language).into_owned();
            issue.suggestion = wording::suggestion_in(&issue.suggestion, language).to_owned();
        }
        self
    }
}

/// A row that a pattern comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternRow {
    pub import_id: uuid::Uuid,
    pub file_name: String,
    /// The state of its import.
    pub state: State,
    /// When its file was uploaded.
    pub created_at: std::time::SystemTime,
    pub found: ImportRow,
}

/// A field of a pattern, old and new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub field: &'static str,
    pub before: String,
    pub after: String,
}

/// An issue that many rows of an import have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrequentIssue {
    pub code: String,
    pub message: String,
    /// What it could be instead, as one of the rows has it.
    pub suggestion: String,
    /// How many rows have it.
    pub rows: i64,
}

impl FrequentIssue {
    /// What the rows say in this language.
    pub fn message_in(&self, language: Language) -> Cow<'_, str> {
        wording::message_in(&self.code, &self.message, language)
    }

    /// What it could be instead, in this language.
    pub fn suggestion_in(&self, language: Language) -> &str {
        wording::suggestion_in(&self.suggestion, language)
    }

    /// What to do about it, for the shop's manager.
    pub fn how_to_mend(&self, language: Language) -> String {
        let code = self.code.parse();
        code.map_or_else(|_| String::new(), |code| wording::remedy_in(code, self.suggestion_in(language), language))
    }
}

/// An [`Issue`] as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredIssue {
    pub code: String,
    pub field: String,
    pub message: String,
    pub suggestion: String,
}
