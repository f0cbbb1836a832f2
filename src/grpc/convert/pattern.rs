//! Patterns, and why one may not fit.

use super::{word, year};
use crate::domain::pattern::record::{Event, EventKind, Record};
use crate::domain::pattern::{Attribute, Mismatch, Pattern, Verdict};
use crate::domain::tenant::Language;
use crate::domain::vehicle::{self, Years};
use crate::proto::lekalo::v1 as pb;

/// A pattern that may fit, and why it may not, in words of this language.
pub fn possible(
    pattern: Pattern,
    asked: &pb::FindPatternsRequest,
    mismatches: &[Mismatch],
    language: Language,
) -> pb::Pattern {
    let mismatches = mismatches.iter().map(|mismatch| wire_mismatch(&pattern, asked, *mismatch, language)).collect();
    pb::Pattern { mismatches, ..pattern.into() }
}

fn wire_mismatch(
    pattern: &Pattern,
    asked: &pb::FindPatternsRequest,
    mismatch: Mismatch,
    language: Language,
) -> pb::PatternMismatch {
    use Language::{En, Ky, Ru};
    let unknown = mismatch.is_unknown;
    let field = match mismatch.attribute {
        Attribute::BodyType => "body_type",
        Attribute::Generation => "generation",
        Attribute::Year => "year",
        Attribute::Steering => "steering",
    };
    let generation = &pattern.generation;
    let reason = match (mismatch.attribute, unknown, language) {
        (Attribute::BodyType, true, Ru) => "тип кузова в прайс-листе не указан".to_owned(),
        (Attribute::BodyType, true, Ky) => "прайс-баракта кузовдун түрү көрсөтүлгөн эмес".to_owned(),
        (Attribute::BodyType, true, En) => "the price list does not say which body".to_owned(),
        (Attribute::BodyType, false, Ru) => "лекало на другой тип кузова".to_owned(),
        (Attribute::BodyType, false, Ky) => "лекало кузовдун башка түрүнө".to_owned(),
        (Attribute::BodyType, false, En) => "the pattern is for another body".to_owned(),
        (Attribute::Generation, true, Ru) => "поколение в прайс-листе не указано".to_owned(),
        (Attribute::Generation, true, Ky) => "прайс-баракта муун көрсөтүлгөн эмес".to_owned(),
        (Attribute::Generation, true, En) => "the price list does not say which generation".to_owned(),
        (Attribute::Generation, false, Ru) => format!("лекало на поколение {generation}"),
        (Attribute::Generation, false, Ky) => format!("лекало {generation} муунуна"),
        (Attribute::Generation, false, En) => format!("the pattern is for generation {generation}"),
        (Attribute::Year, true, Ru) => "год в прайс-листе не указан".to_owned(),
        (Attribute::Year, true, Ky) => "прайс-баракта жыл көрсөтүлгөн эмес".to_owned(),
        (Attribute::Year, true, En) => "the price list does not say which year".to_owned(),
        (Attribute::Year, false, language) => {
            let asked = asked.year.unwrap_or_default();
            let made_for = made_for(pattern, language);
            let same = mismatch.is_same_generation;
            match language {
                Ru => {
                    let same = if same { ", поколение то же" } else { "" };
                    format!("лекало {made_for}, а не на {asked} год{same}")
                }
                Ky => {
                    let same = if same { ", мууну ошол эле" } else { "" };
                    format!("лекало {made_for}, {asked}-жылга эмес{same}")
                }
                En => {
                    let same = if same { "; the generation is the same" } else { "" };
                    format!("the pattern is for {made_for}, not for {asked}{same}")
                }
            }
        }
        (Attribute::Steering, true, Ru) => "сторона руля в прайс-листе не указана".to_owned(),
        (Attribute::Steering, true, Ky) => "прайс-баракта рулдун жагы көрсөтүлгөн эмес".to_owned(),
        (Attribute::Steering, true, En) => "the price list does not say on which side the wheel is".to_owned(),
        (Attribute::Steering, false, language) => {
            let side = steering_word(pattern.attributes.steering, language);
            match language {
                Ru => format!("лекало на {side} руль"),
                Ky => format!("лекало {side} рулга"),
                En => format!("the pattern is for a {side} wheel"),
            }
        }
    };
    pb::PatternMismatch { field: field.to_owned(), unknown, reason }
}

fn made_for(pattern: &Pattern, language: Language) -> String {
    let Years { from, to } = pattern.years;
    match (language, from, to) {
        (Language::Ru, Some(from), Some(to)) if from == to => format!("на {from}"),
        (Language::Ru, Some(from), Some(to)) => format!("на {from}–{to}"),
        (Language::Ru, Some(from), None) => format!("с {from}"),
        (Language::Ru, None, Some(to)) => format!("до {to}"),
        (Language::Ru, None, None) => format!("на поколение {}", pattern.generation),
        (Language::Ky, Some(from), Some(to)) if from == to => format!("{from}-жылга"),
        (Language::Ky, Some(from), Some(to)) => format!("{from}–{to}-жылдарга"),
        (Language::Ky, Some(from), None) => format!("{from}-жылдан баштап"),
        (Language::Ky, None, Some(to)) => format!("{to}-жылга чейин"),
        (Language::Ky, None, None) => format!("{} муунуна", pattern.generation),
        (Language::En, Some(from), Some(to)) if from == to => from.to_string(),
        (Language::En, Some(from), Some(to)) => format!("{from}–{to}"),
        (Language::En, Some(from), None) => format!("{from} and later"),
        (Language::En, None, Some(to)) => format!("years up to {to}"),
        (Language::En, None, None) => format!("generation {}", pattern.generation),
    }
}

fn steering_word(steering: Option<vehicle::Steering>, language: Language) -> &'static str {
    let [ru, ky, en] = match steering {
        Some(vehicle::Steering::Left) => ["левый", "сол", "left"],
        Some(vehicle::Steering::Right) => ["правый", "оң", "right"],
        Some(vehicle::Steering::Both) | None => ["любой", "каалаган", "left or right"],
    };
    match language {
        Language::Ru => ru,
        Language::Ky => ky,
        Language::En => en,
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
