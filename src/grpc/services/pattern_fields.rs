//! What a pattern takes that is written by hand: each field with its checks.

use crate::domain::Result;
use crate::domain::error::Kind;
use crate::domain::id::numeric;
use crate::domain::pattern::Pattern;
use crate::domain::pattern::record::{Change, Field, check_years, read_generation, read_notes};
use crate::domain::vehicle::{Attributes, Years};
use crate::grpc::convert::pattern::{borders, seat_rows, steering, trunk};
use crate::grpc::validation::{REQUIRED, Validator};
use crate::proto::lekalo::v1 as pb;

/// A change with the id of its pattern as it was given.
pub struct Named {
    pub id: String,
    change: Change,
}

impl Named {
    /// # Errors
    /// `NotFound` for what is no id of ours.
    pub fn identified(mut self) -> Result<Change> {
        self.change.to.id = numeric(Kind::Pattern, &self.id)?;
        Ok(self.change)
    }
}

/// What a pattern is to become in these fields; `path` leads to what is asked for it.
pub fn read_change(check: &mut Validator, path: &str, update: pb::PatternUpdate, fields: &[Field]) -> Named {
    let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let id = check.name(&at("id"), update.id);
    let etag = check.optional_name(&at("etag"), update.etag);
    if update.pattern.is_none() {
        check.refuse(&at("pattern"), REQUIRED, "must be given");
    }
    let to = read_pattern(check, &at("pattern"), update.pattern.unwrap_or_default(), fields);
    Named { id, change: Change { to, etag } }
}

/// These fields of a pattern; the others are as if they were not given.
pub fn read_pattern(check: &mut Validator, path: &str, given: pb::Pattern, fields: &[Field]) -> Pattern {
    let mut read = Pattern {
        id: 0,
        brand: String::new(),
        model: String::new(),
        generation: String::new(),
        years: Years::default(),
        body_type: None,
        attributes: Attributes::default(),
        available: true,
        notes: String::new(),
    };
    for field in fields {
        let path = format!("{path}.{field}");
        match field {
            Field::Generation => read.generation = read_generation(check, &path, given.generation.clone()),
            Field::YearFrom => read.years.from = check.year(&path, Some(given.year_from)),
            Field::YearTo => read.years.to = check.year(&path, Some(given.year_to)),
            Field::BodyType => read.body_type = check.word(&path, given.body_type.clone()),
            Field::Steering => read.attributes.steering = steering(check.enumeration(&path, given.steering)),
            Field::Borders => read.attributes.borders = borders(check.enumeration(&path, given.borders)),
            Field::SeatRows => read.attributes.seat_rows = seat_rows(check.enumeration(&path, given.seat_rows)),
            Field::Trunk => read.attributes.trunk = trunk(check.enumeration(&path, given.trunk)),
            Field::Notes => read.notes = read_notes(check, &path, given.notes.clone()),
            Field::Available => read.available = given.available,
        }
    }
    check_years(read.years, path).into_iter().for_each(|violation| check.add(violation));
    read
}
