//! Imports and their rows.

use super::{count, timestamp, word, year};
use crate::domain::import::{self, Counts, Failure, Mode, Outcome, State, Step};
use crate::domain::vehicle::slug;
use crate::proto::lekalo::v1 as pb;

/// The default mode is MERGE.
pub fn mode(mode: pb::ImportMode) -> Mode {
    match mode {
        pb::ImportMode::Unspecified | pb::ImportMode::Merge => Mode::Merge,
        pb::ImportMode::Replace => Mode::Replace,
    }
}

/// Unspecified is every outcome.
pub fn outcome(outcome: pb::RowOutcome) -> Option<Outcome> {
    match outcome {
        pb::RowOutcome::Unspecified => None,
        pb::RowOutcome::Created => Some(Outcome::Created),
        pb::RowOutcome::Updated => Some(Outcome::Updated),
        pb::RowOutcome::Unchanged => Some(Outcome::Unchanged),
        pb::RowOutcome::Merged => Some(Outcome::Merged),
        pb::RowOutcome::Rejected => Some(Outcome::Rejected),
        pb::RowOutcome::Header => Some(Outcome::Header),
    }
}

impl From<Outcome> for pb::RowOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Created => Self::Created,
            Outcome::Updated => Self::Updated,
            Outcome::Unchanged => Self::Unchanged,
            Outcome::Merged => Self::Merged,
            Outcome::Rejected => Self::Rejected,
            Outcome::Header => Self::Header,
        }
    }
}

impl From<State> for pb::ImportState {
    fn from(state: State) -> Self {
        match state {
            State::Queued => Self::Queued,
            State::Running => Self::Running,
            State::Validated => Self::Validated,
            State::Succeeded => Self::Succeeded,
            State::Failed => Self::Failed,
            State::Cancelled => Self::Cancelled,
            State::Reverted => Self::Reverted,
        }
    }
}

impl From<Counts> for pb::ImportCounts {
    fn from(counts: Counts) -> Self {
        Self {
            rows_read: count(counts.rows_read),
            created: count(counts.created),
            updated: count(counts.updated),
            unchanged: count(counts.unchanged),
            merged: count(counts.merged),
            rejected: count(counts.rejected),
            headers: count(counts.headers),
            withdrawn: count(counts.withdrawn),
        }
    }
}

impl From<Failure> for pb::ImportError {
    fn from(failure: Failure) -> Self {
        Self { code: failure.code, message: failure.message, hint: failure.hint }
    }
}

/// An import of the tenant with that slug.
pub fn import(tenant: &str, import: import::Import) -> pb::Import {
    let mode = match import.mode {
        Mode::Merge => pb::ImportMode::Merge,
        Mode::Replace => pb::ImportMode::Replace,
    };
    pb::Import {
        id: import.id.to_string(),
        tenant: tenant.to_owned(),
        category: import.category,
        file_name: import.file_name,
        sha256: import.sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
        mode: mode.into(),
        state: pb::ImportState::from(import.state).into(),
        counts: Some(import.counts.into()),
        created_at: Some(timestamp(import.created_at)),
        finished_at: import.finished_at.map(timestamp),
        error: import.error.map(Into::into),
        etag: import.revision.to_string(),
        validate_only: import.validate_only,
        waits_for: word(import.waits_for),
        progress: import.progress.map(Into::into),
    }
}

impl From<import::Progress> for pb::ImportProgress {
    fn from(progress: import::Progress) -> Self {
        let step = match progress.step {
            Step::Reading => pb::ImportStep::Reading,
            Step::Writing => pb::ImportStep::Writing,
        };
        Self { step: step.into(), rows_done: count(progress.rows), rows_total: count(progress.total) }
    }
}

impl From<import::PatternRow> for pb::PatternRow {
    fn from(row: import::PatternRow) -> Self {
        Self {
            import_id: row.import_id.to_string(),
            file_name: row.file_name,
            state: pb::ImportState::from(row.state).into(),
            created_at: Some(timestamp(row.created_at)),
            row: Some(row.found.into()),
        }
    }
}

impl From<import::ImportRow> for pb::ImportRow {
    fn from(row: import::ImportRow) -> Self {
        let (same_as_page, same_as_row) = row.same_as.unwrap_or_default();
        let import::ImportRow { row: clean, outcome, pattern_id, changes, issues, .. } = row;
        Self {
            row_number: clean.row_number,
            page_number: clean.page_number,
            source_id: clean.source_id,
            cells: clean.cells,
            brand: slug(&clean.brand),
            model: slug(&clean.model),
            generation: clean.generation,
            year_from: year(clean.years.from),
            year_to: year(clean.years.to),
            body_type: word(clean.body_type),
            steering: clean.attributes.steering.map_or(pb::Steering::Unspecified, Into::into).into(),
            borders: clean.attributes.borders.map_or(pb::Borders::Unspecified, Into::into).into(),
            seat_rows: clean.attributes.seat_rows.map_or(pb::SeatRows::Unspecified, Into::into).into(),
            trunk: clean.attributes.trunk.map_or(pb::Trunk::Unspecified, Into::into).into(),
            outcome: pb::RowOutcome::from(outcome).into(),
            pattern_id: word(pattern_id),
            same_as_row,
            issues: issues.into_iter().map(Into::into).collect(),
            same_as_page,
            changes: changes.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<import::Change> for pb::PatternChange {
    fn from(change: import::Change) -> Self {
        Self { field: change.field.to_owned(), before: change.before, after: change.after }
    }
}

impl From<import::StoredIssue> for pb::ImportIssue {
    fn from(issue: import::StoredIssue) -> Self {
        Self {
            code: issue.code.to_uppercase(),
            field: issue.field,
            message: issue.message,
            suggestion: issue.suggestion,
        }
    }
}
