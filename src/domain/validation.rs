//! Checking what is given, in a request or on the command line: every bad field is found before the database sees any of
//! them. A rule that both keep is a function next to what it is about, which takes a [`Validator`] and the field's name.

use super::error::{Error, Result, Violation};
use super::page::{PageKey, PageRequest};
use super::tenant::Language;

/// Reasons of violations.
pub const REQUIRED: &str = "FIELD_REQUIRED";
pub const INVALID: &str = "FIELD_INVALID";
pub const TOO_LONG: &str = "FIELD_TOO_LONG";
pub const OUT_OF_RANGE: &str = "FIELD_OUT_OF_RANGE";

/// The longest slug, code or id.
const MAX_NAME: usize = 64;
/// The longest id of a bot or a customer on a channel.
pub const MAX_EXTERNAL_ID: usize = 128;
/// The longest language tag (RFC 5646).
const MAX_LANGUAGE: usize = 35;

/// A text, if one was given.
pub fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// Collects what is wrong with what is given. Its methods return the cleaned value, or a harmless one after noting a
/// violation; [`Validator::done`] then refuses.
#[derive(Default)]
pub struct Validator {
    violations: Vec<Violation>,
}

impl Validator {
    /// Notes a violation. What was given and refused is not missing as well.
    pub fn refuse(&mut self, field: &str, reason: &'static str, description: impl Into<String>) {
        if reason == REQUIRED && self.refused(field) {
            return;
        }
        self.violations.push(Violation::new(field, reason, description));
    }

    /// Notes that there are more than `max` characters or elements.
    pub fn too_long(&mut self, field: &str, max: usize, what: &str) {
        let description = format!("must have at most {max} {what}");
        let metadata = vec![("max", max.to_string())];
        self.violations.push(Violation { metadata, ..Violation::new(field, TOO_LONG, description) });
    }

    /// Whether the field has been refused already.
    fn refused(&self, field: &str) -> bool {
        self.violations.iter().any(|violation| violation.field == field)
    }

    /// Notes a violation found elsewhere.
    pub fn add(&mut self, violation: Violation) {
        self.violations.push(violation);
    }

    /// A slug, code or id that must be given.
    pub fn name(&mut self, field: &str, value: String) -> String {
        self.required_text(field, value, MAX_NAME)
    }

    /// A string of 1 to `max` characters, trimmed.
    pub fn required_text(&mut self, field: &str, value: String, max: usize) -> String {
        let value = self.text(field, value, max);
        if value.is_empty() {
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
        self.characters(field, value.trim(), max)
    }

    /// Words to look for, at most `max` characters, trimmed; white space between them is one blank.
    pub fn words(&mut self, field: &str, value: String, max: usize) -> String {
        self.text(field, value, max).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// A string of 1 to `max` characters whose white space is part of it, but not all of it.
    pub fn untrimmed(&mut self, field: &str, value: String, max: usize) -> String {
        if value.trim().is_empty() {
            self.refuse(field, REQUIRED, "must not be empty");
            return String::new();
        }
        self.characters(field, &value, max)
    }

    /// A string of 1 to `max` bytes whose white space is part of it, but not all of it.
    pub fn bytes_of_text(&mut self, field: &str, value: String, max: usize) -> String {
        if value.len() > max {
            self.too_long(field, max, "bytes");
            return String::new();
        }
        // It has no more characters than bytes.
        self.untrimmed(field, value, max)
    }

    fn characters(&mut self, field: &str, value: &str, max: usize) -> String {
        if value.contains('\0') {
            self.refuse(field, INVALID, "must not contain U+0000");
            return String::new();
        }
        if value.chars().count() > max {
            self.too_long(field, max, "characters");
            return String::new();
        }
        value.to_owned()
    }

    /// A list of at most `max` elements; what is beyond is dropped.
    pub fn list<T>(&mut self, field: &str, mut elements: Vec<T>, max: usize) -> Vec<T> {
        if elements.len() > max {
            self.too_long(field, max, "elements");
            elements.truncate(max);
        }
        elements
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
    pub fn page(
        &mut self,
        key: &PageKey,
        page_size: i32,
        page_token: &str,
        skip: i32,
        bound_to: &[&str],
    ) -> PageRequest {
        let (page, violations) = PageRequest::check(key, page_size, page_token, skip, bound_to);
        self.violations.extend(violations);
        page
    }

    /// Refuses the request if anything was wrong with it.
    ///
    /// # Errors
    /// `Invalid` with every violation.
    pub fn done(self) -> Result<()> {
        if self.violations.is_empty() { Ok(()) } else { Err(Error::Invalid(self.violations)) }
    }

    /// Like [`Validator::done`], handing out a value that is there if nothing was wrong.
    pub fn done_with<T>(self, value: Option<T>) -> Result<T> {
        self.done()?;
        value.ok_or_else(|| Error::internal("a checked value is missing"))
    }
}
