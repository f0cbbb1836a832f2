//! Engine badges that name a model: RX 350, GL 550.

use super::index::ModelId;
use super::normalize;

/// An engine badge that names a model.
#[derive(Debug, Clone)]
pub(crate) struct Badge {
    pub model: ModelId,
    /// Key with `#` for any digit ("rx###").
    pub pattern: String,
}

/// Whether a key is a badge: the pattern's letters and digits, `#` any digit, then at most two letters more ("rx350l").
pub(crate) fn fits(key: &str, pattern: &str) -> bool {
    let mut rest = key.chars();
    pattern.chars().all(|expected| match rest.next() {
        Some(ch) if expected == '#' => ch.is_ascii_digit(),
        Some(ch) => ch == expected,
        None => false,
    }) && {
        let suffix = rest.as_str();
        suffix.len() <= 2 && suffix.chars().all(|ch| ch.is_ascii_alphabetic())
    }
}

/// Whether a key looks like a badge: "ns250" for "HS ###". The digits are the key's own.
pub(crate) fn looks_like(key: &str, shape: &str, pattern: &str) -> bool {
    let letters = pattern.trim_end_matches('#');
    let typed = normalize::digits(key);
    pattern.len() - letters.len() == typed.len()
        && typed.len() >= 3
        && key.ends_with(&typed)
        && shape.get(..letters.len()) == Some(normalize::skeleton(letters).as_str())
        && key.len() == letters.len() + typed.len()
}
