//! The ways people type a name.

use crate::transliteration::{SYSTEMS, is_cyrillic, latin_letters, look_alike, other_key, transliterate};

/// A way of typing a spelling.
pub(super) struct Way {
    pub name: &'static str,
    /// None where a spelling cannot be typed so.
    pub typed: fn(&str) -> Option<String>,
    /// Of a thousand spellings of models typed so, at least so many must find their model.
    pub models: usize,
    /// The same of brands.
    pub brands: usize,
}

pub(super) const WAYS: [Way; 13] = [
    Way { name: "as written", typed: |text| Some(text.to_owned()), models: 1000, brands: 1000 },
    Way { name: "in capitals", typed: |text| Some(text.to_uppercase()), models: 1000, brands: 1000 },
    Way { name: "other layout", typed: other_layout, models: 960, brands: 736 },
    Way { name: "Cyrillic look-alikes", typed: |text| whole(in_cyrillic_looks(text)), models: 970, brands: 1000 },
    Way { name: "some Cyrillic look-alikes", typed: |text| partly(in_cyrillic_looks(text)), models: 980, brands: 1000 },
    Way { name: "Latin look-alikes", typed: |text| whole(in_latin_looks(text)), models: 460, brands: 194 },
    Way { name: "some Latin look-alikes", typed: |text| partly(in_latin_looks(text)), models: 620, brands: 498 },
    Way { name: "in Latin, first system", typed: |text| in_latin(text, 0), models: 970, brands: 998 },
    Way { name: "in Latin, second system", typed: |text| in_latin(text, 1), models: 960, brands: 996 },
    Way { name: "in Latin, third system", typed: |text| in_latin(text, 2), models: 890, brands: 832 },
    Way { name: "in Cyrillic, first system", typed: |text| in_cyrillic(text, 0), models: 970, brands: 1000 },
    Way { name: "in Cyrillic, second system", typed: |text| in_cyrillic(text, 1), models: 970, brands: 998 },
    Way { name: "in Cyrillic, third system", typed: |text| in_cyrillic(text, 2), models: 970, brands: 1000 },
];

#[test]
fn no_system_is_left_out() {
    assert_eq!(WAYS.iter().filter(|way| way.name.ends_with("system")).count(), 2 * SYSTEMS);
}

/// Every key as it stands on the other layout, signs too.
fn other_layout(text: &str) -> Option<String> {
    changed(text, |ch| other_key(ch).unwrap_or(ch))
}

/// A Latin name with every letter that has one as its Cyrillic look-alike: "CX-5" → "СХ-5".
fn in_cyrillic_looks(text: &str) -> Option<String> {
    let cyrillic = |latin: char| ('а'..='я').find(|ch| look_alike(*ch) == Some(latin)).unwrap_or(latin);
    changed(text, cyrillic).filter(|_| !has_cyrillic(text))
}

/// A Cyrillic name with every letter that has one as its Latin look-alike: "камри" → "kampи".
fn in_latin_looks(text: &str) -> Option<String> {
    changed(text, |ch| look_alike(ch).unwrap_or(ch))
}

/// A Cyrillic name in Latin letters.
fn in_latin(text: &str, system: usize) -> Option<String> {
    has_cyrillic(text).then(|| transliterate(&text.to_lowercase(), system))
}

/// A Latin name in the Cyrillic letters that a system turns into it, if all of it can be: the longest first, of letters with
/// the same Latin the commoner one.
fn in_cyrillic(text: &str, system: usize) -> Option<String> {
    let lower = text.to_lowercase();
    let mut cyrillic = String::with_capacity(lower.len());
    let mut rest = lower.as_str();
    while let Some(first) = rest.chars().next() {
        let letters = ('а'..='я').filter_map(|ch| {
            let latin = latin_letters(ch);
            let latin = *latin.get(system).or(latin.first())?;
            (!latin.is_empty() && rest.starts_with(latin)).then_some((ch, latin.len()))
        });
        let is_common = |ch: char| !matches!(ch, 'э' | 'ы' | 'щ');
        let (ch, length) =
            letters.max_by_key(|(ch, length)| (*length, is_common(*ch))).unwrap_or((first, first.len_utf8()));
        cyrillic.push(ch);
        rest = &rest[length..];
    }
    whole(Some(cyrillic).filter(|cyrillic| *cyrillic != lower && !has_cyrillic(text)))
}

/// Letter by letter, if that changes anything.
fn changed(text: &str, letter: impl Fn(char) -> char) -> Option<String> {
    let lower = text.to_lowercase();
    let changed: String = lower.chars().map(letter).collect();
    (changed != lower).then_some(changed)
}

/// What is now in one alphabet.
fn whole(text: Option<String>) -> Option<String> {
    text.filter(|text| !is_mixed(text))
}

/// What is now in two alphabets.
fn partly(text: Option<String>) -> Option<String> {
    text.filter(|text| is_mixed(text))
}

fn is_mixed(text: &str) -> bool {
    has_cyrillic(text) && text.contains(|ch: char| ch.is_ascii_alphabetic())
}

fn has_cyrillic(text: &str) -> bool {
    text.to_lowercase().contains(is_cyrillic)
}
