//! Patterns as a shop keeps them: with their category, those that cannot be ordered too, and what became of each.

use std::time::SystemTime;

use uuid::Uuid;

use lekalo_vehicles::transliteration::latin_code;

use super::Pattern;
use crate::domain::error::Violation;
use crate::domain::validation::Validator;
use crate::domain::vehicle::{Years, vocabulary};

/// The longest notes that are written by hand.
const MAX_NOTES: usize = 500;

/// A pattern with what only its shop looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub pattern: Pattern,
    /// The code.
    pub category: String,
    /// Grows with every change: the etag.
    pub revision: i64,
    pub created_at: SystemTime,
    pub updated_at: SystemTime,
}

vocabulary! {
    /// What may be changed by hand. A new one goes into [`Field::copy`] too.
    Field {
        Generation = "generation",
        YearFrom = "year_from",
        YearTo = "year_to",
        BodyType = "body_type",
        Steering = "steering",
        Borders = "borders",
        SeatRows = "seat_rows",
        Trunk = "trunk",
        Notes = "notes",
        Available = "available",
    }
}

impl Field {
    /// Gives a pattern what another one has in this field.
    pub fn copy(self, from: &Pattern, to: &mut Pattern) {
        match self {
            Self::Generation => to.generation.clone_from(&from.generation),
            Self::YearFrom => to.years.from = from.years.from,
            Self::YearTo => to.years.to = from.years.to,
            Self::BodyType => to.body_type = from.body_type,
            Self::Steering => to.attributes.steering = from.attributes.steering,
            Self::Borders => to.attributes.borders = from.attributes.borders,
            Self::SeatRows => to.attributes.seat_rows = from.attributes.seat_rows,
            Self::Trunk => to.attributes.trunk = from.attributes.trunk,
            Self::Notes => to.notes.clone_from(&from.notes),
            Self::Available => to.available = from.available,
        }
    }
}

/// A generation's code: one typed in Cyrillic letters ("ХВ70") is compared with codes in Latin ones.
pub fn read_generation(check: &mut Validator, field: &str, given: String) -> String {
    let generation = check.optional_name(field, given);
    if generation.is_ascii() { generation } else { latin_code(&generation) }
}

/// What else tells a pattern from others.
pub fn read_notes(check: &mut Validator, field: &str, given: String) -> String {
    check.text(field, given, MAX_NOTES)
}

/// What is wrong with years that end before they begin; `path` names their pattern in the request.
pub fn check_years(years: Years, path: &str) -> Option<Violation> {
    let (from, to) = years.from.zip(years.to).filter(|(from, to)| from > to)?;
    let problem = format!("must not be before year_from: {from} to {to}");
    Some(Violation::new(format!("{path}.year_to"), "FIELD_OUT_OF_RANGE", problem))
}

/// What one pattern is to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its id, and the fields that are to be written.
    pub to: Pattern,
    /// The etag as last read; empty is no condition.
    pub etag: String,
}

/// Which patterns a list has; none is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub category_id: Option<i64>,
    pub brand_id: Option<i64>,
    pub model_id: Option<i64>,
    pub year: Option<i16>,
    pub available: Option<bool>,
    pub import_id: Option<Uuid>,
    /// In any of its words, letter case aside.
    pub text: Option<String>,
}

vocabulary! {
    /// What became of a pattern.
    EventKind { Created = "created", Updated = "updated", Withdrawn = "withdrawn" }
}

/// Something that became of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub kind: EventKind,
    pub occurred_at: SystemTime,
    /// None: it was done by hand.
    pub import: Option<EventImport>,
    /// Who did it by hand; empty if not known.
    pub actor: String,
    /// What was changed by hand.
    pub fields: Vec<String>,
}

/// The import that did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventImport {
    pub id: Uuid,
    pub file_name: String,
    pub reverted: bool,
}
