//! Checking requests: every bad field is found before the database sees any of them.

use crate::domain::error::{Error, Result, Violation};
use crate::domain::page::PageRequest;
use crate::domain::tenant::Language;

const REQUIRED: &str = "FIELD_REQUIRED";
const INVALID: &str = "FIELD_INVALID";
const TOO_LONG: &str = "FIELD_TOO_LONG";
const OUT_OF_RANGE: &str = "FIELD_OUT_OF_RANGE";

/// The longest slug, code or id.
const MAX_NAME: usize = 64;
/// The longest language tag (RFC 5646).
const MAX_LANGUAGE: usize = 35;

/// Collects what is wrong with a request. Its methods return the cleaned value, or a harmless one after noting a
/// violation; [`Check::done`] then refuses.
#[derive(Default)]
pub struct Check {
    violations: Vec<Violation>,
}

impl Check {
    /// Notes a violation.
    pub fn refuse(&mut self, field: &str, reason: &'static str, description: impl Into<String>) {
        self.violations.push(Violation { field: field.to_owned(), reason, description: description.into() });
    }

    /// A slug, code or id that must be given.
    pub fn name(&mut self, field: &str, value: String) -> String {
        let value = self.optional_name(field, value);
        if value.is_empty() && !self.violations.iter().any(|v| v.field == field) {
            self.refuse(field, REQUIRED, "must not be empty");
        }
        value
    }

    /// A slug, code or id that may be empty.
    pub fn optional_name(&mut self, field: &str, value: String) -> String {
        self.text(field, value, MAX_NAME)
    }

    /// A string of at most `max` characters, trimmed.
    pub fn text(&mut self, field: &str, value: String, max: usize) -> String {
        if value.contains('\0') {
            self.refuse(field, INVALID, "must not contain U+0000");
            return String::new();
        }
        let value = value.trim();
        if value.chars().count() > max {
            self.refuse(field, TOO_LONG, format!("must have at most {max} characters"));
            return String::new();
        }
        value.to_owned()
    }

    /// The language to answer in; none: the tenant's default.
    pub fn language(&mut self, field: &str, value: String) -> Option<Language> {
        let value = self.text(field, value, MAX_LANGUAGE).to_lowercase();
        let tag = value.split(['-', '_']).next().unwrap_or_default();
        let is_tag = tag.len() >= 2 && tag.chars().all(|ch| ch.is_ascii_alphabetic());
        if !value.is_empty() && !is_tag {
            self.refuse(field, INVALID, "must be a language tag: ru, ky or en");
        }
        tag.parse().ok()
    }

    /// A year; 0 and none are unknown.
    pub fn year(&mut self, field: &str, value: Option<i32>) -> Option<i16> {
        match value {
            None | Some(0) => None,
            Some(year @ 1900..=2100) => i16::try_from(year).ok(),
            Some(_) => {
                self.refuse(field, OUT_OF_RANGE, "must be 1900 to 2100, or 0 for unknown");
                None
            }
        }
    }

    /// A number that must be one of an enum's.
    pub fn enumeration<T: TryFrom<i32> + Default>(&mut self, field: &str, value: i32) -> T {
        T::try_from(value).unwrap_or_else(|_| {
            self.refuse(field, INVALID, format!("{value} is not a value of this enum"));
            T::default()
        })
    }

    /// One of a vocabulary's words; empty is none.
    pub fn word<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self, field: &str, value: String) -> Option<T> {
        let value = self.optional_name(field, value);
        if value.is_empty() {
            return None;
        }
        value.parse().map_err(|error| self.refuse(field, INVALID, format!("{error}"))).ok()
    }

    /// A UUID; empty is none.
    pub fn uuid(&mut self, field: &str, value: &str) -> Option<uuid::Uuid> {
        if value.trim().is_empty() {
            return None;
        }
        let uuid = uuid::Uuid::parse_str(value.trim());
        uuid.map_err(|_| self.refuse(field, INVALID, "must be a UUID")).ok()
    }

    /// The paging fields; `bound_to` are the request's other fields.
    pub fn page(&mut self, page_size: i32, page_token: &str, skip: i32, bound_to: &[&str]) -> Option<PageRequest> {
        match PageRequest::new(page_size, page_token, skip, bound_to) {
            Ok(page) => Some(page),
            Err(Error::Invalid(violations)) => {
                self.violations.extend(violations);
                None
            }
            Err(_) => None,
        }
    }

    /// Refuses the request if anything was wrong with it.
    ///
    /// # Errors
    /// `Invalid` with every violation.
    pub fn done(self) -> Result<()> {
        if self.violations.is_empty() { Ok(()) } else { Err(Error::Invalid(self.violations)) }
    }

    /// Like [`Check::done`], handing out a value that is there if nothing was wrong.
    pub fn done_with<T>(self, value: Option<T>) -> Result<T> {
        self.done()?;
        value.ok_or_else(|| Error::internal("a checked value is missing"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_violations_are_collected() {
        let mut check = Check::default();
        assert_eq!(check.name("tenant", "  evopoliki ".into()), "evopoliki");
        check.name("category", String::new());
        check.name("brand", "x".repeat(65));
        check.text("text", "a\0b".into(), 10);
        check.year("year", Some(3000));
        check.uuid("request_id", "no");
        let Err(Error::Invalid(violations)) = check.done() else { panic!("expected violations") };
        let found: Vec<_> = violations.iter().map(|v| (v.field.as_str(), v.reason)).collect();
        assert_eq!(
            found,
            [
                ("category", REQUIRED),
                ("brand", TOO_LONG),
                ("text", INVALID),
                ("year", OUT_OF_RANGE),
                ("request_id", INVALID)
            ]
        );
    }

    #[test]
    fn languages_lose_their_region_and_unserved_ones_fall_back() {
        let mut check = Check::default();
        assert_eq!(check.language("language", "ru-KG".into()), Some(Language::Ru));
        assert_eq!(check.language("language", "de".into()), None);
        assert_eq!(check.language("language", String::new()), None);
        check.done().unwrap();
        let mut check = Check::default();
        check.language("language", "%%".into());
        assert!(check.done().is_err());
    }
}
