//! Checking requests: what only they have, beside what [`crate::domain::validation`] checks.

use std::time::{Duration, SystemTime};

use prost_types::{FieldMask, Timestamp};
use rust_decimal::Decimal;

pub use crate::domain::etag::check_etag;
pub use crate::domain::validation::{INVALID, MAX_EXTERNAL_ID, OUT_OF_RANGE, REQUIRED, Validator, given};
use crate::proto::google::r#type::Money;

/// What a `google.protobuf.Timestamp` may be: 0001-01-01 to the end of 9999.
const VALID_SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
/// 2000-01-01 to 2100-01-01.
const SERVED_SECONDS: std::ops::RangeInclusive<i64> = 946_684_800..=4_102_444_800;
/// In one unit of money; `Money.nanos` is below.
const NANOS: i32 = 1_000_000_000;
const NANOS_PER_CENT: i32 = 10_000_000;

impl Validator {
    /// A number that must be one of an enum's.
    pub fn enumeration<T: TryFrom<i32> + Default>(&mut self, field: &str, value: i32) -> T {
        T::try_from(value).unwrap_or_else(|_| {
            self.refuse(field, INVALID, format!("{value} is not a value of this enum"));
            T::default()
        })
    }

    /// A time from 2000 to 2100, in whole microseconds as the database keeps it; unset is none.
    pub fn time(&mut self, field: &str, value: Option<Timestamp>) -> Option<SystemTime> {
        let Timestamp { seconds, nanos } = value?;
        if !VALID_SECONDS.contains(&seconds) || !(0..1_000_000_000).contains(&nanos) {
            self.refuse(field, INVALID, "must be a valid time");
            return None;
        }
        let past_end = seconds == *SERVED_SECONDS.end() && nanos > 0;
        if !SERVED_SECONDS.contains(&seconds) || past_end {
            self.refuse(field, OUT_OF_RANGE, "must be 2000-01-01 to 2100-01-01");
            return None;
        }
        let micros = u64::try_from(seconds).ok()? * 1_000_000 + u64::try_from(nanos).ok()? / 1_000;
        Some(SystemTime::UNIX_EPOCH + Duration::from_micros(micros))
    }

    /// An amount of money of 0 to `max` with at most two decimals; unset is none. Its currency is for the caller to check.
    pub fn money(&mut self, field: &str, value: Option<&Money>, max: Decimal) -> Option<Decimal> {
        let Money { units, nanos, .. } = value?;
        let is_valid = (-NANOS..NANOS).contains(nanos) && (*units == 0 || *nanos == 0 || (*units < 0) == (*nanos < 0));
        if !is_valid || nanos % NANOS_PER_CENT != 0 {
            self.refuse(field, INVALID, "must be an amount with at most two decimals");
            return None;
        }
        // Two decimals: whole units and hundredths.
        let amount = Decimal::from(*units) + Decimal::new((nanos / NANOS_PER_CENT).into(), 2);
        if !(Decimal::ZERO..=max).contains(&amount) {
            self.refuse(field, OUT_OF_RANGE, format!("must be 0 to {max}"));
            return None;
        }
        Some(amount)
    }

    /// An enum's number that must be given.
    pub fn required_enumeration<T: TryFrom<i32> + Default + PartialEq>(&mut self, field: &str, value: i32) -> T {
        let value = self.enumeration(field, value);
        if value == T::default() {
            self.refuse(field, REQUIRED, "must be given");
        }
        value
    }

    /// Any time there may be; unset is none.
    pub fn any_time(&mut self, field: &str, value: Option<Timestamp>) -> Option<SystemTime> {
        let value = value?;
        if !VALID_SECONDS.contains(&value.seconds) || !(0..NANOS).contains(&value.nanos) {
            self.refuse(field, INVALID, "must be a valid time");
            return None;
        }
        SystemTime::try_from(value).ok()
    }

    /// The fields that an update mask names, each once; `all` are those that it may name.
    pub fn mask<F>(&mut self, field: &str, mask: Option<FieldMask>, all: &[F]) -> Vec<F>
    where
        F: Copy + PartialEq + std::str::FromStr + std::fmt::Display,
    {
        let paths = mask.unwrap_or_default().paths;
        if paths.is_empty() {
            self.refuse(field, REQUIRED, "must name the fields to write");
        }
        let mut fields = Vec::new();
        for path in paths {
            match path.parse() {
                Ok(named) if !fields.contains(&named) => fields.push(named),
                Ok(_) => {}
                Err(_) => {
                    let allowed = all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                    self.refuse(field, INVALID, format!("`{path}` cannot be written; it takes {allowed}"));
                }
            }
        }
        fields
    }
}

#[cfg(test)]
mod tests;
