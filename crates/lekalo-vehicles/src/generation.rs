//! Generations by the ways people name them: "W212", "70", "5 поколение", "лупатый".

use std::ops::Range;

use super::normalize;
use super::reference::{Generation, Model};
use super::resolve::{is_unit, is_year_unit};
use super::transliteration;
use super::words::{Joint, Word, join};

/// The chassis code a number stands for, where engines stand in the model's name (Mercedes-Benz): "164" is the X164.
pub fn chassis(number: &str, model: &Model) -> Option<String> {
    if model.badges.is_empty() || number.len() < 2 || !is_number(number) {
        return None;
    }
    let mut codes = model.codes().filter(|code| code.len() == number.len() + 1 && code.ends_with(number));
    let first = codes.next()?;
    // People say W before every chassis number, the factory or not.
    let said = std::iter::once(first).chain(codes).find(|code| code.starts_with('W'));
    Some(said.unwrap_or(first).to_uppercase())
}

/// The model's generation code that the words are, as written but in Latin letters. Letters alone count only in capitals and
/// numbers only where they stand for a generation: both are common otherwise.
pub fn code_of(model: &Model, words: &[Word]) -> Option<String> {
    let key = join(words);
    if words.iter().any(|word| word.key.contains('.')) {
        return None;
    }
    if is_number(&key) {
        let is_short_form =
            model.badges.is_empty() && words.len() == 1 && model.codes().any(|code| normalize::key(code) == key);
        return is_short_form.then_some(key);
    }
    if key.chars().all(char::is_alphabetic)
        && (key.chars().count() > 3 || words.iter().any(|word| word.text.chars().any(char::is_lowercase)))
    {
        return None;
    }
    known_code(model, &key, words.iter().skip(1).all(|word| word.gap.is_empty()))
}

/// Letters alone that are a generation's code, in any case: "мазда 3 bk". For words that are known to be nothing else.
pub(crate) fn letters_of(model: &Model, words: &[Word]) -> Option<String> {
    let key = join(words);
    let is_code = (1..=3).contains(&key.chars().count()) && key.chars().all(char::is_alphabetic);
    if is_code { known_code(model, &key, false) } else { None }
}

fn known_code(model: &Model, key: &str, is_one: bool) -> Option<String> {
    let readings = transliteration::readings(key);
    let fits = |reading: &str, known: &str| {
        known == reading
            || is_sibling(known, reading)
            || is_short(known, reading)
            || (is_one && (is_with_engine(known, reading) || is_with_engine(reading, known)))
    };
    let is_listed = |reading: &str| model.codes().any(|code| fits(reading, &normalize::key(code)));
    let reading = readings.iter().find(|(reading, _)| is_listed(reading) || is_variant(model, reading));
    reading.map(|(reading, _)| reading.replace("plus", "+").to_uppercase())
}

/// "T25" for T250: the last zero is hardly ever said.
fn is_short(known: &str, code: &str) -> bool {
    known.len() == 4 && code.len() == 3 && known.strip_suffix('0') == Some(code) && is_letter_and_number(known)
}

/// "SXE10" and "XP90" for E10 and P90: a chassis number begins with the engine's letters. Also the other way: X93 for JZX93.
fn is_with_engine(known: &str, code: &str) -> bool {
    let engine = code.strip_suffix(known).unwrap_or_default();
    (1..=3).contains(&engine.len())
        && engine.chars().all(|ch| ch.is_ascii_alphabetic())
        && known.len() >= 3
        && is_letter_and_number(known)
}

/// "E150" where the E140 is listed as a 150 too.
fn is_variant(model: &Model, code: &str) -> bool {
    let number = code.trim_start_matches(|ch: char| ch.is_ascii_alphabetic());
    let letters = code.strip_suffix(number).unwrap_or_default();
    let is_listed = |generation: &Generation| {
        let known = generation.code.as_deref().map(normalize::key).unwrap_or_default();
        known.trim_end_matches(|ch: char| ch.is_ascii_digit()) == letters
            && generation.also.iter().any(|also| also == number)
    };
    !letters.is_empty() && number.len() >= 2 && is_number(number) && model.generations.iter().any(is_listed)
}

fn is_letter_and_number(code: &str) -> bool {
    let number = code.trim_start_matches(|ch: char| ch.is_ascii_alphabetic());
    code.len() - number.len() == 1 && is_number(number)
}

/// "W190" beside W168: the brand's own way of numbering, even where the number is wrong or unknown.
fn is_sibling(known: &str, code: &str) -> bool {
    let letters = |code: &str| code.trim_end_matches(|ch: char| ch.is_ascii_digit()).to_owned();
    known.is_ascii()
        && known.len() == 4
        && code.len() == 4
        && letters(known).len() == 1
        && letters(known) == letters(code)
}

/// The generation that an alias of a model stands for: a nickname ("лупатый") or a number in it ("тлк 300").
pub fn in_name(model: &Model, words: &[Word]) -> Option<String> {
    let (name, whole) = (normalize::key(&model.name), join(words));
    let label = model.generations.iter().find(|it| {
        let is_whole = |code: &String| normalize::key(code) == transliteration::latin_code(&whole).to_lowercase();
        name != whole && (it.also.iter().any(|code| normalize::key(code) == whole) || it.code.iter().any(is_whole))
    });
    let number = words.last().filter(|word| words.len() > 1 && is_number(&word.key) && !name.contains(&word.key));
    label.map(|generation| generation.label()).or_else(|| code_of(model, std::slice::from_ref(number?)))
}

/// Whether a key is digits alone.
pub fn is_number(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|ch| ch.is_ascii_digit())
}

/// Whether a word says that a generation stands beside it.
pub fn is_generation_word(key: &str) -> bool {
    key.starts_with("кузов") || key.starts_with("покол") || matches!(key, "куз" | "пок" | "gen" | "generation" | "body")
}

/// Ordinals up to ten, and Roman numerals.
pub fn ordinal(key: &str) -> Option<u8> {
    const STEMS: &[(&str, u8)] = &[
        ("перв", 1),
        ("втор", 2),
        ("трет", 3),
        ("четв", 4),
        ("пят", 5),
        ("шест", 6),
        ("седьм", 7),
        ("восьм", 8),
        ("девят", 9),
        ("десят", 10),
    ];
    const ROMAN: &[&str] = &["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"];
    let roman = || ROMAN.iter().zip(1..).find(|(roman, _)| **roman == key).map(|(_, number)| number);
    STEMS.iter().find(|(stem, _)| key.starts_with(stem)).map(|(_, number)| *number).or_else(roman)
}

/// Whether a number counts what a car has or costs ("7 мест", "5d", "4x4"), or is a share of it ("60/40"): then it is no generation.
pub fn is_counted(words: &[Word], place: usize) -> bool {
    let word = |place: Option<usize>| place.and_then(|place| words.get(place));
    let (here, next) = (word(Some(place)), word(Some(place + 1)));
    // "3-х дверная": the ending is a word of its own.
    let is_ending = |word: &Word| word.gap == "-" && matches!(word.key.as_str(), "х" | "ти" | "и" | "ми");
    let unit = if next.is_some_and(is_ending) { word(Some(place + 2)) } else { next };
    let is_counted_too = |place: usize| {
        let is_joint =
            here.is_some_and(|_| word(Some(place)).is_some_and(|word| matches!(word.key.as_str(), "и" | "или")));
        let next = if is_joint { place + 1 } else { place };
        let is_joined = is_joint || word(Some(next)).is_some_and(|word| matches!(word.gap.trim(), "/" | "," | "+"));
        is_joined && word(Some(next)).is_some_and(|word| is_number(&word.key)) && is_counted(words, next)
    };
    let counts = unit.is_some_and(|unit| is_unit(&unit.key) && !is_year_unit(&unit.key)) || is_counted_too(place + 1);
    let share =
        |one: Option<&Word>, other: Option<&Word>| match (one.and_then(Word::number), other.and_then(Word::number)) {
            (Some(one), Some(rest)) => {
                one + rest == 100 && other.is_some_and(|word| matches!(word.gap.trim(), "/" | ":"))
            }
            _ => false,
        };
    let is_drive = |word: Option<&Word>| word.is_some_and(|word| matches!(word.key.as_str(), "x" | "х"));
    let before = word(place.checked_sub(1));
    here.is_some_and(|word| is_number(&word.key))
        && (counts || share(here, next) || share(before, here) || is_drive(next) || is_drive(before))
}

/// Whether words end in a number of its own that counts something: "и 2 места" is no I2, but "B5 d" has a B5.
pub fn ends_in_count(words: &[Word], span: &Range<usize>) -> bool {
    let last = span.end.saturating_sub(1);
    words.get(last).is_some_and(|word| word.joint == Joint::Loose) && is_counted(words, last)
}

/// Roman numerals that count generations; "l" is how an I is often written.
pub fn roman(key: &str) -> Option<u8> {
    const ROMAN: &[&str] = &["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii"];
    let latin = transliteration::look_alikes(key)?;
    let latin = if latin.chars().all(|ch| matches!(ch, 'l' | 'i')) { latin.replace('l', "i") } else { latin };
    ROMAN.iter().zip(1..).find(|(roman, _)| **roman == latin).map(|(_, number)| number)
}

/// Whether words say which version of a car is meant beside its name, by a Roman numeral: nobody misspells a name so ("Tucson
/// III"). At the beginning a letter may be a name's own ("X Trail").
pub(crate) fn tells_version(words: &[Word]) -> bool {
    words.iter().skip(1).any(|word| word.joint == Joint::Loose && roman(&word.key).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_chassis_that_people_say() {
        let model =
            "name = 'One'\nbadges = ['K ###']\ngenerations = [{ code = 'X164' }, { code = 'W164' }, { code = 'R171' }]";
        let model: Model = toml::from_str(model).unwrap();
        assert_eq!(chassis("164", &model).as_deref(), Some("W164"));
        assert_eq!(chassis("171", &model).as_deref(), Some("R171"));
        assert_eq!((chassis("172", &model), chassis("1", &model), chassis("x64", &model)), (None, None, None));
    }
}
