//! Options as a shop keeps them: the shared ones as it has them, and its own.

use super::catalog::Names;
use super::category::new_code;
use super::price::OptionKind;
use super::validation::{INVALID, Validator};
use super::vehicle::{BodyType, vocabulary};

/// The most options of a category, and values of an option, retired ones included.
pub const MAX_OPTIONS: usize = 100;
pub const MAX_VALUES: usize = 50;
/// The most values of all options of a category together, retired ones included. In an answer that lists them each takes up to
/// 2.5 KiB: with its options' own 0.4 MiB that is less than the 4 MiB that clients take.
pub const MAX_VALUES_TOGETHER: usize = 1000;
/// The most bodies that are named for an option.
pub const MAX_BODY_TYPES: usize = 50;

/// An option with what only its shop looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopOption {
    /// Below zero where it is the shop's own; 0 where it is yet to be made.
    pub id: i64,
    pub code: String,
    pub kind: OptionKind,
    /// As they are shown: the shop's own, else those that are shared.
    pub names: Names,
    /// Those that are shared; none of an option of the shop's own.
    pub shared_names: Names,
    pub emoji: String,
    /// The bodies it exists for; none: all.
    pub body_types: Vec<BodyType>,
    /// Those that are shared; none of an option of the shop's own.
    pub shared_body_types: Option<Vec<BodyType>>,
    /// A choice's values in order, retired ones last.
    pub values: Vec<ShopValue>,
    /// The place in the shop's order; none: it never offered it.
    pub place: Option<usize>,
    /// Whether it may not be chosen, even where it has a price.
    pub retired: bool,
    /// Grows with every change: the etag. 0 where the shop never changed it.
    pub revision: i64,
}

/// A value of an option with what only its shop looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShopValue {
    /// Below zero where it is the shop's own; 0 where it is yet to be made.
    pub id: i64,
    pub code: String,
    pub names: Names,
    pub shared_names: Names,
    pub emoji: String,
    pub retired: bool,
}

impl ShopOption {
    /// Whether all shops share it.
    pub fn is_shared(&self) -> bool {
        self.id > 0
    }

    /// Whether the shop offers it.
    pub fn is_active(&self) -> bool {
        self.place.is_some() && !self.retired
    }
}

vocabulary! {
    /// What may be changed.
    Field {
        DisplayNames = "display_names",
        Values = "values",
        BodyTypes = "body_types",
        Emoji = "emoji",
        SortOrder = "sort_order",
        Active = "active",
    }
}

/// What an option is to become, in the fields that are named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OptionChange {
    pub names: Names,
    pub values: Vec<ShopValue>,
    pub body_types: Vec<BodyType>,
    pub emoji: String,
    pub sort_order: usize,
    pub active: bool,
}

/// The code of a value, which none of those before it has.
pub fn new_value_code(check: &mut Validator, field: &str, code: String, before: &[ShopValue]) -> String {
    let code = new_code(check, field, code);
    if !code.is_empty() && before.iter().any(|other| other.code == code) {
        check.refuse(field, INVALID, format!("`{code}` is in the list already"));
    }
    code
}

/// The bodies that are named, each once; `field` names the one at a place.
pub fn read_body_types(check: &mut Validator, field: impl Fn(usize) -> String, given: Vec<String>) -> Vec<BodyType> {
    let mut read = Vec::new();
    for (place, body) in given.into_iter().enumerate() {
        read.extend(check.word(&field(place), body).filter(|body| !read.contains(body)));
    }
    read
}
