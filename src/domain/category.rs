//! Categories as a shop keeps them: the shared ones as it has them, and its own.

use super::catalog::Names;
use super::tenant::Language;
use super::validation::{INVALID, Validator};
use super::vehicle::vocabulary;

/// The most categories that a shop may have, those that it stopped selling included: ListCategories has no pages.
pub const MAX_CATEGORIES: i64 = 100;
/// The longest name of a category, an option or a value, and the longest description, in each language.
pub const MAX_NAME: usize = 200;
pub const MAX_DESCRIPTION: usize = 1000;
const MAX_EMOJI: usize = 16;
/// The last place in an order.
pub const MAX_SORT_ORDER: i16 = 9999;

/// A category with what only its shop looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShopCategory {
    /// Below zero where it is the shop's own; 0 where it is yet to be made.
    pub id: i64,
    pub code: String,
    /// As they are shown: the shop's own, else those that are shared.
    pub names: Names,
    pub descriptions: Names,
    /// Those that are shared; none of a category of the shop's own.
    pub shared_names: Names,
    pub shared_descriptions: Names,
    pub emoji: String,
    pub sort_order: i16,
    /// Whether the shop sells it.
    pub active: bool,
    /// Grows with every change: the etag. 0 where the shop has never sold it.
    pub revision: i64,
}

impl ShopCategory {
    /// Whether all shops share it.
    pub fn is_shared(&self) -> bool {
        self.id > 0
    }
}

vocabulary! {
    /// What may be changed. A new one goes into [`Field::copy`] too.
    Field {
        DisplayNames = "display_names",
        Descriptions = "descriptions",
        Emoji = "emoji",
        SortOrder = "sort_order",
        Active = "active",
    }
}

impl Field {
    /// Gives a category what another one has in this field; what is not given of texts is what is shared.
    pub fn copy(self, from: &ShopCategory, to: &mut ShopCategory) {
        match self {
            Self::DisplayNames => to.names = from.names.or(&to.shared_names),
            Self::Descriptions => to.descriptions = from.descriptions.or(&to.shared_descriptions),
            Self::Emoji => to.emoji.clone_from(&from.emoji),
            Self::SortOrder => to.sort_order = from.sort_order,
            Self::Active => to.active = from.active,
        }
    }
}

/// Whether it is a code as ours are: of a-z, 0-9 and _, a letter or digit first.
pub fn is_code(code: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !code.is_empty() && code.len() <= MAX_CODE && !code.starts_with('_') && code.bytes().all(is_inner)
}

/// The longest code.
pub const MAX_CODE: usize = 63;

/// The code that something is to have.
pub fn new_code(check: &mut Validator, field: &str, code: String) -> String {
    let code = check.required_text(field, code, MAX_CODE);
    if !code.is_empty() && !is_code(&code) {
        check.refuse(field, INVALID, "must be of a-z, 0-9 and _, a letter or digit first");
    }
    code
}

/// A text of at most `max` characters in each language that it is given in, of Russian, Kyrgyz and English; `field` names
/// the one of a language.
pub fn read_names(check: &mut Validator, field: impl Fn(Language) -> String, given: [String; 3], max: usize) -> Names {
    let mut names = Names::default();
    for (language, text) in [Language::Ru, Language::Ky, Language::En].into_iter().zip(given) {
        let text = check.text(&field(language), text, max);
        if !text.is_empty() {
            names.set(language, text);
        }
    }
    names
}

/// What is to be shown before a name.
pub fn read_emoji(check: &mut Validator, field: &str, given: String) -> String {
    check.text(field, given, MAX_EMOJI)
}
