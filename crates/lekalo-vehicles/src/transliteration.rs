//! What a key typed in one alphabet may be in the other: by looks, by sound, and through the other keyboard layout.

use super::normalize::key;

/// At most so many Cyrillic letters are read letter by letter in every combination; longer words follow whole systems.
const CODE_LETTERS: usize = 4;

/// How a key was turned into another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transliteration {
    /// As typed.
    Plain,
    /// Cyrillic letters that look like Latin ones: С4 = C4.
    LookAlike,
    /// Cyrillic letters for their sounds: РФ3 = RF3.
    Phonetic,
    /// Typed with the other keyboard layout: rfvhb = камри.
    Layout,
}

/// What a key may be: itself first, then as Latin by looks and by sound, then through the other keyboard layout.
pub fn readings(key: &str) -> Vec<(String, Transliteration)> {
    let mut readings = vec![(key.to_owned(), Transliteration::Plain)];
    let cyrillic = key.chars().filter(|ch| is_cyrillic(*ch)).count();
    if cyrillic > 0 {
        add(&mut readings, look_alikes(key), Transliteration::LookAlike);
        if cyrillic <= CODE_LETTERS {
            add(&mut readings, every_spelling(key), Transliteration::Phonetic);
        } else {
            let spelled = (0..SYSTEMS).map(|system| transliterate(key, system));
            add(&mut readings, spelled, Transliteration::Phonetic);
        }
    }
    add(&mut readings, other_layout(key), Transliteration::Layout);
    readings
}

/// Adds those that are not there yet. Most keys have so few readings that looking at all of them is the quickest.
fn add(
    readings: &mut Vec<(String, Transliteration)>,
    texts: impl IntoIterator<Item = String>,
    reading: Transliteration,
) {
    for text in texts {
        if !text.is_empty() && readings.iter().all(|(known, _)| *known != text) {
            readings.push((text, reading));
        }
    }
}

/// A Cyrillic spelling in Latin letters, by the systems people use: "камри" → "kamri". For what is known to be spelled by sound.
pub(crate) fn romanised(key: &str) -> Vec<String> {
    if !key.chars().any(is_cyrillic) {
        return Vec::new();
    }
    (0..2).map(|system| transliterate(key, system)).collect()
}

/// A key in Latin letters by the commonest system.
pub fn latin(key: &str) -> String {
    transliterate(key, 0)
}

/// A Cyrillic key in the Latin letters it looks like, if every one has a look-alike.
pub(crate) fn look_alikes(key: &str) -> Option<String> {
    key.chars().map(look_alike).collect()
}

/// Latin for a code typed in Cyrillic: by looks if every letter has a look-alike, else by sound. "РФ3" → "RF3", "Х5" → "X5".
pub fn latin_code(text: &str) -> String {
    let key = key(text);
    look_alikes(&key).unwrap_or_else(|| transliterate(&key, 0)).to_uppercase()
}

pub(super) fn is_cyrillic(ch: char) -> bool {
    matches!(ch, 'а'..='я' | 'ё')
}

/// The Latin letter that a Cyrillic one looks like; Latin letters and digits are themselves.
pub(super) fn look_alike(ch: char) -> Option<char> {
    Some(match ch {
        'а' => 'a',
        'в' => 'b',
        'е' => 'e',
        'к' => 'k',
        'м' => 'm',
        'н' => 'h',
        'о' => 'o',
        'р' => 'p',
        'с' => 'c',
        'т' => 't',
        'у' => 'y',
        'х' => 'x',
        ch if is_cyrillic(ch) => return None,
        ch => ch,
    })
}

pub(super) const SYSTEMS: usize = 3;

/// Latin letters for a Cyrillic one: the systems people use first, then what else the letter stands for in codes.
pub(super) fn latin_letters(ch: char) -> &'static [&'static str] {
    match ch {
        'а' => &["a"],
        'б' => &["b"],
        'в' => &["v", "w", "b"],
        'г' => &["g"],
        'д' => &["d"],
        'е' => &["e"],
        'ж' => &["zh", "j", "j", "g"],
        'з' => &["z"],
        'и' => &["i"],
        'й' => &["y", "i", "j"],
        'к' => &["k", "c", "k", "q"],
        'л' => &["l"],
        'м' => &["m"],
        'н' => &["n", "n", "n", "h"],
        'о' => &["o"],
        'п' => &["p"],
        'р' => &["r", "r", "r", "p"],
        'с' => &["s", "s", "s", "c"],
        'т' => &["t"],
        'у' => &["u", "u", "u", "y"],
        'ф' => &["f"],
        'х' => &["kh", "h", "x"],
        'ц' => &["ts", "c", "c"],
        'ч' => &["ch"],
        'ш' => &["sh"],
        'щ' => &["shch", "sch", "sh"],
        'ъ' | 'ь' => &[""],
        'ы' => &["y"],
        'э' => &["e"],
        'ю' => &["yu", "u", "ju"],
        'я' => &["ya", "ia", "ja"],
        _ => &[],
    }
}

/// Cyrillic letters by one system, everything else as it is.
pub(super) fn transliterate(key: &str, system: usize) -> String {
    let mut latin = String::with_capacity(key.len());
    for ch in key.chars() {
        let letters = latin_letters(ch);
        match letters.get(system).or(letters.first()) {
            Some(letter) => latin.push_str(letter),
            None => latin.push(ch),
        }
    }
    latin
}

/// A short key with every letter read in every way.
fn every_spelling(key: &str) -> Vec<String> {
    key.chars().fold(vec![String::new()], |spellings, ch| {
        let own = ch.to_string();
        let mut letters: Vec<&str> = Vec::new();
        for letter in latin_letters(ch) {
            if !letters.contains(letter) {
                letters.push(letter);
            }
        }
        if letters.is_empty() {
            letters.push(&own);
        }
        spellings.iter().flat_map(|head| letters.iter().map(move |letter| format!("{head}{letter}"))).collect()
    })
}

const LATIN_KEYS: &str = "qwertyuiop[]asdfghjkl;'zxcvbnm,.`";
const RUSSIAN_KEYS: &str = "йцукенгшщзхъфывапролджэячсмитьбюё";

/// The character that the same key gives in the other layout, in lower case; none for what both layouts have.
pub fn other_key(ch: char) -> Option<char> {
    let ch = match ch {
        '{' => '[',
        '}' => ']',
        ':' => ';',
        '"' => '\'',
        '<' => ',',
        '>' => '.',
        '~' => '`',
        _ => ch.to_lowercase().next().unwrap_or(ch),
    };
    russian_key(ch).or_else(|| latin_key(ch))
}

/// The Russian letter on the key of a Latin layout's character.
fn russian_key(ch: char) -> Option<char> {
    let place = LATIN_KEYS.find(ch)?;
    // Latin characters are one byte each, Russian letters two.
    RUSSIAN_KEYS.get(2 * place..)?.chars().next()
}

/// The Latin layout's character on the key of a Russian letter.
fn latin_key(ch: char) -> Option<char> {
    let place = RUSSIAN_KEYS.find(ch)?;
    LATIN_KEYS.get(place / 2..)?.chars().next()
}

/// The same keys pressed in the other layout; none for a key of digits or of mixed alphabets.
pub fn other_layout(key: &str) -> Option<String> {
    if key.chars().all(|ch| ch.is_ascii_digit()) {
        return None;
    }
    let swap = |other: fn(char) -> Option<char>| -> Option<String> {
        key.chars().map(|ch| if ch.is_ascii_digit() { Some(ch) } else { other(ch) }).collect()
    };
    swap(russian_key).or_else(|| swap(latin_key)).filter(|swapped| swapped.chars().all(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads_as(text: &str, expected: &str) -> Option<Transliteration> {
        readings(&key(text)).into_iter().find(|(reading, _)| reading == expected).map(|(_, how)| how)
    }

    #[test]
    fn cyrillic_is_read_by_looks_before_sound() {
        assert_eq!(reads_as("С4", "c4"), Some(Transliteration::LookAlike));
        assert_eq!(reads_as("С4", "s4"), Some(Transliteration::Phonetic));
        assert_eq!(reads_as("РФ3", "rf3"), Some(Transliteration::Phonetic));
        assert_eq!(reads_as("СЛ7", "cl7"), Some(Transliteration::Phonetic));
        assert_eq!(reads_as("камри", "kamri"), Some(Transliteration::Phonetic));
        assert_eq!(reads_as("rfvhb", "камри"), Some(Transliteration::Layout));
        assert_eq!(reads_as("сфькн", "camry"), Some(Transliteration::Layout));
        assert_eq!(readings("626").len(), 1);
    }

    #[test]
    fn codes_become_latin() {
        assert_eq!(latin_code("РФ3"), "RF3");
        assert_eq!(latin_code("е53"), "E53");
        assert_eq!(latin_code("Б8"), "B8");
        assert_eq!(latin_code("w212"), "W212");
    }

    #[test]
    fn readings_of_hostile_text_stay_few() {
        assert!(readings(&"ж".repeat(4)).len() < 300);
        assert!(readings(&"ж".repeat(5000)).len() < 10);
    }
}
