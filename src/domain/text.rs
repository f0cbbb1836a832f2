//! What bots say: texts with `{placeholders}`, a shop's own and the ones all shops share.

use std::collections::BTreeSet;

use super::tenant::Language;
use super::vehicle::vocabulary;

vocabulary! {
    /// Whose a text is.
    Source { Tenant = "tenant", Shared = "shared" }
}

/// One text in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    pub key: String,
    pub value: String,
    pub language: Language,
    pub source: Source,
}

/// A brace that does not enclose a placeholder's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("has a brace that belongs to no placeholder; placeholders are written {{name}}, of letters, digits and _")]
pub struct LooseBrace;

/// Whether a text may be called so: 1 to 64 characters of `a-z`, `0-9`, `_` and `.`, a letter or digit first.
pub fn is_key(key: &str) -> bool {
    let allowed = |ch: char| ch.is_ascii_lowercase() || ch.is_ascii_digit() || ch == '_' || ch == '.';
    key.len() <= 64 && !key.starts_with(['_', '.']) && !key.is_empty() && key.chars().all(allowed)
}

/// The names in a text's placeholders.
///
/// # Errors
/// When a brace encloses none.
pub fn placeholders(value: &str) -> Result<BTreeSet<&str>, LooseBrace> {
    let mut names = BTreeSet::new();
    let mut pieces = value.split('{');
    let mut rest = pieces.next().unwrap_or_default();
    for piece in pieces {
        let (name, after) = piece.split_once('}').ok_or(LooseBrace)?;
        if name.is_empty() || rest.contains('}') || !name.chars().all(|ch| ch.is_ascii_alphanumeric() || ch == '_') {
            return Err(LooseBrace);
        }
        names.insert(name);
        rest = after;
    }
    if rest.contains('}') { Err(LooseBrace) } else { Ok(names) }
}

/// A new text whose placeholders are not its key's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Its place among the new ones.
    pub place: usize,
    /// The placeholders that the key has in another language, comma-separated.
    pub expected: String,
}

/// Compares each new text's placeholders with those its key will have in the other languages. `in_use` is what the bot
/// says today, one text for each key and language.
pub fn mismatches(new: &[Text], in_use: &[Text]) -> Vec<Mismatch> {
    let replaced = |old: &Text| new.iter().any(|text| text.key == old.key && text.language == old.language);
    let kept: Vec<&Text> = in_use.iter().filter(|old| !replaced(old)).collect();
    let mut found = Vec::new();
    for (place, text) in new.iter().enumerate() {
        let mut others = kept.iter().copied().chain(&new[..place]).filter(|other| other.key == text.key);
        let Some(expected) = others.next().map(|other| placeholders(&other.value)) else { continue };
        if expected != placeholders(&text.value) {
            let expected = expected.unwrap_or_default().into_iter().collect::<Vec<_>>().join(",");
            found.push(Mismatch { place, expected });
        }
    }
    found
}

/// The shared texts that show again where a tenant's own went, and have other placeholders than one of its own that stays in another
/// language. Before and after are what the bot says, one text for each key and language.
pub fn differing_returns<'a>(before: &[Text], after: &'a [Text]) -> Vec<&'a Text> {
    let was_own = |text: &Text| {
        let same = |old: &&Text| old.key == text.key && old.language == text.language;
        before.iter().find(same).is_some_and(|old| old.source == Source::Tenant)
    };
    let returned = after.iter().filter(|text| text.source == Source::Shared && was_own(text));
    let differs = |text: &&Text| {
        let mut own = after.iter().filter(|other| other.source == Source::Tenant && other.key == text.key);
        own.any(|other| placeholders(&other.value) != placeholders(&text.value))
    };
    returned.filter(differs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{En, Ky, Ru};

    fn text(key: &str, language: Language, value: &str) -> Text {
        Text { key: key.into(), value: value.into(), language, source: Source::Tenant }
    }

    #[test]
    fn placeholders_are_names_in_braces() {
        let names = |value| placeholders(value).map(|names| names.into_iter().collect::<Vec<_>>());
        assert_eq!(names("{name}, ваш заказ {number} принят, {name}!"), Ok(vec!["name", "number"]));
        assert_eq!(names("Без подстановок"), Ok(vec![]));
        for loose in ["{", "}", "{name", "name}", "{}", "{{name}}", "{имя}", "{a b}", "}{", "{a}}", "{a{b}"] {
            assert_eq!(names(loose), Err(LooseBrace), "{loose}");
        }
    }

    #[test]
    fn keys_are_plain_words() {
        assert!(is_key("ask_brand") && is_key("menu.2") && is_key(&"x".repeat(64)));
        for wrong in ["", "Ask", "_x", ".x", "ask brand", "вопрос", &"x".repeat(65)] {
            assert!(!is_key(wrong), "{wrong}");
        }
    }

    #[test]
    fn placeholders_must_be_those_of_the_other_languages() {
        let shared = [text("welcome", Ru, "Это {shop}"), text("welcome", Ky, "Бул {shop}")];
        assert_eq!(mismatches(&[text("welcome", En, "This is {shop}")], &shared), []);
        assert_eq!(
            mismatches(&[text("welcome", En, "This is {name}")], &shared),
            [Mismatch { place: 0, expected: "shop".into() }]
        );
        // To change them, give the key in all the languages it has.
        let both = [text("welcome", Ru, "Это {name}"), text("welcome", Ky, "Бул {name}")];
        assert_eq!(mismatches(&both, &shared), []);
        assert_eq!(mismatches(&both[..1], &shared).len(), 1);
        // A new key has nobody but the request to agree with.
        let new = [text("bye", Ru, "Пока, {name}"), text("bye", En, "Bye")];
        assert_eq!(mismatches(&new, &shared), [Mismatch { place: 1, expected: "name".into() }]);
    }
    #[test]
    fn what_returns_has_the_placeholders_of_what_stays() {
        let shared = |language, value| Text { source: Source::Shared, ..text("welcome", language, value) };
        let before = [text("welcome", Ru, "Мы {name}"), text("welcome", Ky, "Биз {name}")];
        let one = [shared(Ru, "Мы {shop}"), text("welcome", Ky, "Биз {name}")];
        assert_eq!(differing_returns(&before, &one), [&one[0]]);
        let all = [shared(Ru, "Мы {shop}"), shared(Ky, "Биз {shop}")];
        assert!(differing_returns(&before, &all).is_empty());
        // What was shared before is nobody's doing.
        assert!(differing_returns(&one, &one).is_empty());
    }
}
