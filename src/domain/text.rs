//! What bots say: texts with `{placeholders}`, a shop's own and the ones all shops share.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::json;

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
    pub value: TextValue,
    pub language: Language,
    pub source: Source,
}

/// What stands under a key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum TextValue {
    Phrase(String),
    List(Vec<String>),
    /// Whether something is switched on.
    Flag(bool),
}

impl TextValue {
    /// The contract's field for this kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Phrase(_) => "value",
            Self::List(_) => "list",
            Self::Flag(_) => "flag",
        }
    }

    /// What whoever knows phrases alone reads: a list's items, one a line; `true` or `false`.
    pub fn as_phrase(&self) -> Cow<'_, str> {
        match self {
            Self::Phrase(phrase) => phrase.into(),
            Self::List(items) => items.join("\n").into(),
            Self::Flag(flag) => flag.to_string().into(),
        }
    }

    /// The items of a list.
    pub fn items(&self) -> Option<&[String]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// What a switch says.
    pub fn flag(&self) -> Option<bool> {
        if let Self::Flag(flag) = self { Some(*flag) } else { None }
    }

    /// It under its key, as a row for the tables of texts.
    pub fn row(&self, key: &str, language: Language) -> serde_json::Value {
        json!({
            "key": key, "language": language.word(), "value": self.as_phrase(), "items": self.items(), "flag": self.flag(),
        })
    }

    /// The bytes of its words.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Phrase(phrase) => phrase.len(),
            Self::List(items) => items.iter().map(|item| item.len() + size_of::<String>()).sum(),
            Self::Flag(_) => 0,
        }
    }

    /// The names in its placeholders, of a list those of all items together.
    fn placeholders(&self) -> Result<BTreeSet<&str>, LooseBrace> {
        let phrases = match self {
            Self::Phrase(phrase) => std::slice::from_ref(phrase),
            Self::List(items) => items,
            Self::Flag(_) => &[],
        };
        let names = phrases.iter().map(|phrase| placeholders(phrase)).collect::<Result<Vec<_>, _>>()?;
        Ok(names.into_iter().flatten().collect())
    }
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

/// The names in a phrase's placeholders.
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

/// How a text differs from its key's in another language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// It is of another kind than this.
    Kind(&'static str),
    /// It has other placeholders than these, comma-separated.
    Placeholders(String),
}

fn difference(value: &TextValue, other: &TextValue) -> Option<Difference> {
    if value.kind() != other.kind() {
        return Some(Difference::Kind(other.kind()));
    }
    let expected = other.placeholders();
    (value.placeholders() != expected).then(|| {
        let names = expected.unwrap_or_default().into_iter().collect::<Vec<_>>();
        Difference::Placeholders(names.join(","))
    })
}

/// Each new text that differs from what its key will be in the other languages, by its place. `in_use` is what the bot
/// says today, one text for each key and language.
pub fn mismatches(new: &[Text], in_use: &[Text]) -> Vec<(usize, Difference)> {
    let replaced = |old: &Text| new.iter().any(|text| text.key == old.key && text.language == old.language);
    let kept: Vec<&Text> = in_use.iter().filter(|old| !replaced(old)).collect();
    let mismatch = |(place, text): (usize, &Text)| {
        let mut others = kept.iter().copied().chain(&new[..place]).filter(|other| other.key == text.key);
        Some((place, difference(&text.value, &others.next()?.value)?))
    };
    new.iter().enumerate().filter_map(mismatch).collect()
}

/// The shared texts that show again where a tenant's own went, and differ from one of its own that stays in another
/// language. Before and after are what the bot says, one text for each key and language.
pub fn differing_returns<'a>(before: &[Text], after: &'a [Text]) -> Vec<(&'a Text, Difference)> {
    let was_own = |text: &Text| {
        let same = |old: &&Text| old.key == text.key && old.language == text.language;
        before.iter().find(same).is_some_and(|old| old.source == Source::Tenant)
    };
    let returned = after.iter().filter(|text| text.source == Source::Shared && was_own(text));
    let differing = |text: &'a Text| {
        let mut own = after.iter().filter(|other| other.source == Source::Tenant && other.key == text.key);
        Some((text, own.find_map(|other| difference(&text.value, &other.value))?))
    };
    returned.filter_map(differing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{En, Ky, Ru};

    fn text(key: &str, language: Language, value: &str) -> Text {
        Text { key: key.into(), value: TextValue::Phrase(value.into()), language, source: Source::Tenant }
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
            [(0, Difference::Placeholders("shop".into()))]
        );
        // To change them, give the key in all the languages it has.
        let both = [text("welcome", Ru, "Это {name}"), text("welcome", Ky, "Бул {name}")];
        assert_eq!(mismatches(&both, &shared), []);
        assert_eq!(mismatches(&both[..1], &shared).len(), 1);
        // A new key has nobody but the request to agree with.
        let new = [text("bye", Ru, "Пока, {name}"), text("bye", En, "Bye")];
        assert_eq!(mismatches(&new, &shared), [(1, Difference::Placeholders("name".into()))]);
    }

    #[test]
    fn lists_have_the_placeholders_of_all_their_items_and_are_no_phrases() {
        let list = |language, items: &[&str]| {
            let items = items.iter().map(|item| (*item).to_owned()).collect();
            Text { value: TextValue::List(items), ..text("hello", language, "") }
        };
        let in_use = [list(Ru, &["Салам, {name}", "Это {shop}", "Да"])];
        assert_eq!(mismatches(&[list(En, &["{shop}, {name}"])], &in_use), []);
        let differs = [(0, Difference::Placeholders("name,shop".into()))];
        assert_eq!(mismatches(&[list(En, &["{shop}", "Yes"])], &in_use), differs);
        assert_eq!(mismatches(&[text("hello", En, "{shop}, {name}")], &in_use), [(0, Difference::Kind("list"))]);
        let flag = |language, flag| Text { value: TextValue::Flag(flag), ..text("hello", language, "") };
        assert_eq!(mismatches(&[flag(Ru, true), flag(En, false)], &in_use), []);
        assert_eq!(mismatches(&[list(En, &["a"]), flag(Ky, true)], &[]), [(1, Difference::Kind("list"))]);
    }

    #[test]
    fn whoever_knows_phrases_alone_reads_lines_and_words() {
        let list = TextValue::List(vec!["Ош".into(), "Бишкек".into()]);
        let values = [TextValue::Phrase("Ош".into()), list, TextValue::Flag(true), TextValue::Flag(false)];
        let read = values.each_ref().map(|value| (value.kind(), value.as_phrase().into_owned()));
        let expected = [("value", "Ош"), ("list", "Ош\nБишкек"), ("flag", "true"), ("flag", "false")];
        assert_eq!(read, expected.map(|(kind, phrase)| (kind, phrase.to_owned())));
    }

    #[test]
    fn what_returns_is_like_what_stays() {
        let shared = |language, value| Text { source: Source::Shared, ..text("welcome", language, value) };
        let before = [text("welcome", Ru, "Мы {name}"), text("welcome", Ky, "Биз {name}")];
        let one = [shared(Ru, "Мы {shop}"), text("welcome", Ky, "Биз {name}")];
        assert_eq!(differing_returns(&before, &one), [(&one[0], Difference::Placeholders("name".into()))]);
        let flag = [one[0].clone(), Text { value: TextValue::Flag(true), ..text("welcome", Ky, "") }];
        assert_eq!(differing_returns(&before, &flag), [(&flag[0], Difference::Kind("flag"))]);
        let all = [shared(Ru, "Мы {shop}"), shared(Ky, "Биз {shop}")];
        assert!(differing_returns(&before, &all).is_empty());
        // What was shared before is nobody's doing.
        assert!(differing_returns(&one, &one).is_empty());
    }
}
