//! Patterns, and why one may not fit.

use super::{word, year};
use crate::domain::pattern::record::{Event, EventKind, Record};
use crate::domain::pattern::{Attribute, Mismatch, Pattern, Verdict};
use crate::domain::vehicle::{self, Years};
use crate::proto::lekalo::v1 as pb;

/// A pattern that may fit, and why it may not.
pub fn possible(pattern: Pattern, asked: &pb::FindPatternsRequest, mismatches: &[Mismatch]) -> pb::Pattern {
    let mismatches = mismatches.iter().map(|mismatch| wire_mismatch(&pattern, asked, *mismatch)).collect();
    pb::Pattern { mismatches, ..pattern.into() }
}

fn wire_mismatch(pattern: &Pattern, asked: &pb::FindPatternsRequest, mismatch: Mismatch) -> pb::PatternMismatch {
    let unknown = mismatch.is_unknown;
    let (field, reason) = match mismatch.attribute {
        Attribute::BodyType if unknown => ("body_type", "тип кузова в прайс-листе не указан".to_owned()),
        Attribute::BodyType => ("body_type", "лекало на другой тип кузова".to_owned()),
        Attribute::Generation if unknown => ("generation", "поколение в прайс-листе не указано".to_owned()),
        Attribute::Generation => ("generation", format!("лекало на поколение {}", pattern.generation)),
        Attribute::Year if unknown => ("year", "год в прайс-листе не указан".to_owned()),
        Attribute::Year => {
            let asked = asked.year.unwrap_or_default();
            let same = if mismatch.is_same_generation { ", поколение то же" } else { "" };
            ("year", format!("лекало {}, а не на {asked} год{same}", made_for(pattern)))
        }
        Attribute::Steering if unknown => ("steering", "сторона руля в прайс-листе не указана".to_owned()),
        Attribute::Steering => ("steering", format!("лекало на {} руль", steering_word(pattern.attributes.steering))),
    };
    pb::PatternMismatch { field: field.to_owned(), unknown, reason }
}

fn made_for(pattern: &Pattern) -> String {
    match pattern.years {
        Years { from: Some(from), to: Some(to) } if from == to => format!("на {from}"),
        Years { from: Some(from), to: Some(to) } => format!("на {from}–{to}"),
        Years { from: Some(from), to: None } => format!("с {from}"),
        Years { from: None, to: Some(to) } => format!("до {to}"),
        Years { from: None, to: None } => format!("на поколение {}", pattern.generation),
    }
}

fn steering_word(steering: Option<vehicle::Steering>) -> &'static str {
    match steering {
        Some(vehicle::Steering::Left) => "левый",
        Some(vehicle::Steering::Right) => "правый",
        Some(vehicle::Steering::Both) | None => "любой",
    }
}

impl From<Pattern> for pb::Pattern {
    fn from(pattern: Pattern) -> Self {
        Self {
            id: pattern.id.to_string(),
            brand: pattern.brand,
            model: pattern.model,
            generation: pattern.generation,
            year_from: year(pattern.years.from),
            year_to: year(pattern.years.to),
            body_type: word(pattern.body_type),
            steering: pattern.attributes.steering.map_or(pb::Steering::Unspecified, Into::into).into(),
            borders: pattern.attributes.borders.map_or(pb::Borders::Unspecified, Into::into).into(),
            seat_rows: pattern.attributes.seat_rows.map_or(pb::SeatRows::Unspecified, Into::into).into(),
            trunk: pattern.attributes.trunk.map_or(pb::Trunk::Unspecified, Into::into).into(),
            available: pattern.available,
            notes: pattern.notes,
            ..Self::default()
        }
    }
}

impl From<Record> for pb::Pattern {
    fn from(record: Record) -> Self {
        Self {
            category: record.category,
            etag: record.revision.to_string(),
            created_at: Some(record.created_at.into()),
            updated_at: Some(record.updated_at.into()),
            ..record.pattern.into()
        }
    }
}

impl From<Event> for pb::PatternEvent {
    fn from(event: Event) -> Self {
        let kind = match event.kind {
            EventKind::Created => pb::PatternEventKind::Created,
            EventKind::Updated => pb::PatternEventKind::Updated,
            EventKind::Withdrawn => pb::PatternEventKind::Withdrawn,
        };
        let (import_id, file_name, reverted) = match event.import {
            Some(import) => (import.id.to_string(), import.file_name, import.reverted),
            None => Default::default(),
        };
        let occurred_at = Some(event.occurred_at.into());
        Self {
            kind: kind.into(),
            occurred_at,
            import_id,
            file_name,
            reverted,
            actor: event.actor,
            fields: event.fields,
        }
    }
}

impl From<Verdict> for pb::Verdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Found => Self::Found,
            Verdict::Possible => Self::Possible,
            Verdict::NotFound => Self::NotFound,
            Verdict::NotSold => Self::NotSold,
        }
    }
}

impl From<vehicle::Steering> for pb::Steering {
    fn from(steering: vehicle::Steering) -> Self {
        match steering {
            vehicle::Steering::Left => Self::Left,
            vehicle::Steering::Right => Self::Right,
            vehicle::Steering::Both => Self::Both,
        }
    }
}

/// None where it is not known, or not asked for.
pub fn steering(steering: pb::Steering) -> Option<vehicle::Steering> {
    match steering {
        pb::Steering::Unspecified => None,
        pb::Steering::Left => Some(vehicle::Steering::Left),
        pb::Steering::Right => Some(vehicle::Steering::Right),
        pb::Steering::Both => Some(vehicle::Steering::Both),
    }
}

impl From<vehicle::Borders> for pb::Borders {
    fn from(borders: vehicle::Borders) -> Self {
        match borders {
            vehicle::Borders::With => Self::With,
            vehicle::Borders::Without => Self::Without,
            vehicle::Borders::Medium => Self::Medium,
            vehicle::Borders::High => Self::High,
        }
    }
}

impl From<vehicle::SeatRows> for pb::SeatRows {
    fn from(rows: vehicle::SeatRows) -> Self {
        match rows {
            vehicle::SeatRows::Two => Self::Two,
            vehicle::SeatRows::Three => Self::Three,
            vehicle::SeatRows::Full => Self::Full,
            vehicle::SeatRows::FrontOnly => Self::FrontOnly,
        }
    }
}

impl From<vehicle::Trunk> for pb::Trunk {
    fn from(trunk: vehicle::Trunk) -> Self {
        match trunk {
            vehicle::Trunk::Yes => Self::Yes,
            vehicle::Trunk::No => Self::No,
        }
    }
}

/// None where it is not known.
pub fn borders(borders: pb::Borders) -> Option<vehicle::Borders> {
    match borders {
        pb::Borders::Unspecified => None,
        pb::Borders::With => Some(vehicle::Borders::With),
        pb::Borders::Without => Some(vehicle::Borders::Without),
        pb::Borders::Medium => Some(vehicle::Borders::Medium),
        pb::Borders::High => Some(vehicle::Borders::High),
    }
}

/// None where they are not known.
pub fn seat_rows(rows: pb::SeatRows) -> Option<vehicle::SeatRows> {
    match rows {
        pb::SeatRows::Unspecified => None,
        pb::SeatRows::Two => Some(vehicle::SeatRows::Two),
        pb::SeatRows::Three => Some(vehicle::SeatRows::Three),
        pb::SeatRows::Full => Some(vehicle::SeatRows::Full),
        pb::SeatRows::FrontOnly => Some(vehicle::SeatRows::FrontOnly),
    }
}

/// None where it is not known.
pub fn trunk(trunk: pb::Trunk) -> Option<vehicle::Trunk> {
    match trunk {
        pb::Trunk::Unspecified => None,
        pb::Trunk::Yes => Some(vehicle::Trunk::Yes),
        pb::Trunk::No => Some(vehicle::Trunk::No),
    }
}
