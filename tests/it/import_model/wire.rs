//! What the model's imports, rows and patterns are over the wire: written once more, beside the service's own conversion.

use lekalo::domain::import::{Change, ImportRow, Mode, Outcome, State};
use lekalo::domain::vehicle::{Borders, SeatRows, Steering, Trunk};
use lekalo::proto::lekalo::v1 as pb;
use uuid::Uuid;

use super::model::{Import, Pattern};

/// The name of the import's file that is the nth of all.
pub fn file_name(at: usize) -> String {
    format!("list-{at}.csv")
}

pub fn state(state: State) -> pb::ImportState {
    match state {
        State::Queued => pb::ImportState::Queued,
        State::Running => pb::ImportState::Running,
        State::Validated => pb::ImportState::Validated,
        State::Succeeded => pb::ImportState::Succeeded,
        State::Failed => pb::ImportState::Failed,
        State::Cancelled => pb::ImportState::Cancelled,
        State::Reverted => pb::ImportState::Reverted,
    }
}

/// Without etag and times.
pub fn import((tenant, category): (&str, &str), id: Uuid, at: usize, import: &Import) -> pb::Import {
    let counts = import.counts();
    let error = import.refused.map(|(gone, all)| pb::ImportError {
        code: "LARGE_WITHDRAWAL".into(),
        message: format!(
            "the file would withdraw {gone} of {all} patterns, more than 20 %; if that is meant, allow it with \
             allow_large_withdrawal"
        ),
        hint: String::new(),
    });
    let mode = match import.mode {
        Mode::Merge => pb::ImportMode::Merge,
        Mode::Replace => pb::ImportMode::Replace,
    };
    pb::Import {
        id: id.to_string(),
        tenant: tenant.into(),
        category: category.into(),
        file_name: file_name(at),
        sha256: format!("{at:02x}").repeat(32),
        mode: mode.into(),
        state: state(import.state).into(),
        counts: Some(pb::ImportCounts {
            rows_read: counts.rows_read as i32,
            created: counts.created as i32,
            updated: counts.updated as i32,
            unchanged: counts.unchanged as i32,
            merged: counts.merged as i32,
            rejected: counts.rejected as i32,
            headers: counts.headers as i32,
            withdrawn: counts.withdrawn as i32,
        }),
        error,
        validate_only: import.validate_only,
        ..Default::default()
    }
}

/// A brand's or model's slug.
fn slug(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}

fn steering(of: Option<Steering>) -> i32 {
    of.map_or(pb::Steering::Unspecified, |of| match of {
        Steering::Left => pb::Steering::Left,
        Steering::Right => pb::Steering::Right,
        Steering::Both => pb::Steering::Both,
    })
    .into()
}

fn borders(of: Option<Borders>) -> i32 {
    of.map_or(pb::Borders::Unspecified, |of| match of {
        Borders::With => pb::Borders::With,
        Borders::Without => pb::Borders::Without,
        Borders::Medium => pb::Borders::Medium,
        Borders::High => pb::Borders::High,
    })
    .into()
}

fn seat_rows(of: Option<SeatRows>) -> i32 {
    of.map_or(pb::SeatRows::Unspecified, |of| match of {
        SeatRows::Two => pb::SeatRows::Two,
        SeatRows::Three => pb::SeatRows::Three,
        SeatRows::Full => pb::SeatRows::Full,
        SeatRows::FrontOnly => pb::SeatRows::FrontOnly,
    })
    .into()
}

fn trunk(of: Option<Trunk>) -> i32 {
    of.map_or(pb::Trunk::Unspecified, |of| match of {
        Trunk::Yes => pb::Trunk::Yes,
        Trunk::No => pb::Trunk::No,
    })
    .into()
}

pub fn pattern(id: i64, pattern: &Pattern) -> pb::Pattern {
    let car = &pattern.car;
    pb::Pattern {
        id: id.to_string(),
        brand: slug(&car.brand),
        model: slug(&car.model),
        generation: car.generation.clone(),
        year_from: car.years.0.unwrap_or(0).into(),
        year_to: car.years.1.unwrap_or(0).into(),
        body_type: car.body.map(|body| body.word().to_owned()).unwrap_or_default(),
        steering: steering(car.steering),
        borders: borders(car.borders),
        seat_rows: seat_rows(car.seat_rows),
        trunk: trunk(car.trunk),
        available: pattern.available,
        notes: car.notes.clone(),
        ..Default::default()
    }
}

/// A withdrawn pattern that is available again is all that a row ever changes.
pub fn change(was_available: bool) -> Change {
    Change { field: "available", before: was_available.to_string(), after: "true".into() }
}

pub fn row(found: &ImportRow) -> pb::ImportRow {
    let row = &found.row;
    let outcome = match found.outcome {
        Outcome::Created => pb::RowOutcome::Created,
        Outcome::Updated => pb::RowOutcome::Updated,
        Outcome::Unchanged => pb::RowOutcome::Unchanged,
        Outcome::Merged => pb::RowOutcome::Merged,
        Outcome::Rejected => pb::RowOutcome::Rejected,
        Outcome::Header => pb::RowOutcome::Header,
    };
    let issue = |issue: &lekalo::domain::import::StoredIssue| pb::ImportIssue {
        code: issue.code.to_uppercase(),
        field: issue.field.clone(),
        message: issue.message.clone(),
        suggestion: issue.suggestion.clone(),
    };
    pb::ImportRow {
        row_number: row.row_number,
        page_number: row.page_number,
        source_id: row.source_id.clone(),
        cells: row.cells.clone(),
        brand: slug(&row.brand),
        model: if row.model.is_ascii() { slug(&row.model) } else { String::new() },
        generation: row.generation.clone(),
        year_from: row.years.from.unwrap_or(0).into(),
        year_to: row.years.to.unwrap_or(0).into(),
        body_type: row.body_type.map(|body| body.word().to_owned()).unwrap_or_default(),
        steering: steering(row.attributes.steering),
        borders: borders(row.attributes.borders),
        seat_rows: seat_rows(row.attributes.seat_rows),
        trunk: trunk(row.attributes.trunk),
        outcome: outcome.into(),
        pattern_id: found.pattern_id.map(|id| id.to_string()).unwrap_or_default(),
        same_as_row: found.same_as.map_or(0, |(_, row)| row),
        same_as_page: found.same_as.map_or(0, |(page, _)| page),
        issues: found.issues.iter().map(issue).collect(),
        changes: found
            .changes
            .iter()
            .map(|change| pb::PatternChange {
                field: change.field.into(),
                before: change.before.clone(),
                after: change.after.clone(),
            })
            .collect(),
    }
}
