//! What a pattern takes that is written by hand: each field with its checks.

use lekalo_vehicles::transliteration::latin_code;

use crate::domain::Result;
use crate::domain::error::{Error, Kind};
use crate::domain::pattern::Pattern;
use crate::domain::pattern::record::{Change, Field, check_years};
use crate::domain::vehicle::{Attributes, Years};
use crate::grpc::convert::pattern::{borders, seat_rows, steering, trunk};
use crate::grpc::validation::{REQUIRED, Validator};
use crate::proto::lekalo::v1 as pb;

const MAX_NOTES: usize = 500;

/// A change with the id of its pattern as it was given.
pub struct Named {
    pub id: String,
    change: Change,
}

impl Named {
    /// # Errors
    /// `NotFound` for what is no id of ours.
    pub fn identified(mut self) -> Result<Change> {
        self.change.to.id = pattern_id(&self.id)?;
        Ok(self.change)
    }
}

/// What is not a number as we write it is no pattern of ours.
pub fn pattern_id(id: &str) -> Result<i64> {
    let number = id.parse::<i64>().ok().filter(|number| number.to_string() == id);
    number.ok_or_else(|| Error::not_found(Kind::Pattern, id))
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
            Field::Generation => {
                let generation = check.optional_name(&path, given.generation.clone());
                // A code typed in Cyrillic letters ("ХВ70") is compared with codes in Latin ones.
                read.generation = if generation.is_ascii() { generation } else { latin_code(&generation) };
            }
            Field::YearFrom => read.years.from = check.year(&path, Some(given.year_from)),
            Field::YearTo => read.years.to = check.year(&path, Some(given.year_to)),
            Field::BodyType => read.body_type = check.word(&path, given.body_type.clone()),
            Field::Steering => read.attributes.steering = steering(check.enumeration(&path, given.steering)),
            Field::Borders => read.attributes.borders = borders(check.enumeration(&path, given.borders)),
            Field::SeatRows => read.attributes.seat_rows = seat_rows(check.enumeration(&path, given.seat_rows)),
            Field::Trunk => read.attributes.trunk = trunk(check.enumeration(&path, given.trunk)),
            Field::Notes => read.notes = check.text(&path, given.notes.clone(), MAX_NOTES),
            Field::Available => read.available = given.available,
        }
    }
    check_years(read.years, path).into_iter().for_each(|violation| check.add(violation));
    read
}
