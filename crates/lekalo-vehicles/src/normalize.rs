//! Folding a name so that different ways of writing it become equal.
//!
//! [`key`] drops what never tells two names apart.
//! [`phonetic_key`] and [`skeleton`] are coarser: two names with the same one are probably one name misspelled.

use super::transliteration::transliterate;

/// Lower case without separators, diacritics and ё: "CR-V" → "crv", "Citroën" → "citroen", "X70+" → "x70plus".
pub fn key(text: &str) -> String {
    let mut key = String::with_capacity(text.len());
    for ch in text.chars().flat_map(lower) {
        match ch {
            // Most letters are these, and need no tables.
            'a'..='z' | '0'..='9' | 'а'..='я' => key.push(ch),
            // A decomposed й: и and a combining breve.
            '\u{306}' if key.ends_with('и') => {
                key.pop();
                key.push('й');
            }
            'ё' => key.push('е'),
            '+' => key.push_str("plus"),
            _ => key.extend(plain(ch).filter(|ch| ch.is_alphanumeric())),
        }
    }
    key
}

/// Whether it is a letter: the usual ones are told without Unicode's tables.
pub(crate) fn is_letter(ch: char) -> bool {
    ch.is_ascii_alphabetic() || matches!(ch, 'А'..='я' | 'ё' | 'Ё') || (!ch.is_ascii() && ch.is_alphabetic())
}

/// A letter in lower case.
pub(crate) fn lower(ch: char) -> impl Iterator<Item = char> {
    let usual = match ch {
        'а'..='я' => Some(ch),
        _ if ch.is_ascii() => Some(ch.to_ascii_lowercase()),
        _ => None,
    };
    usual.into_iter().chain(usual.is_none().then(|| ch.to_lowercase()).into_iter().flatten())
}

/// The letter under a diacritic; a combining mark is dropped.
fn plain(ch: char) -> Option<char> {
    Some(match ch {
        '\u{300}'..='\u{36f}' => return None,
        'à'..='å' => 'a',
        'ç' | 'č' | 'ć' => 'c',
        'è'..='ë' | 'ě' | 'ē' => 'e',
        'ì'..='ï' | 'ı' => 'i',
        'ñ' => 'n',
        'ò'..='ö' | 'ø' => 'o',
        'ù'..='ü' | 'ū' => 'u',
        'š' | 'ş' => 's',
        'ý' => 'y',
        'ž' => 'z',
        // Kyrgyz letters are typed by the same people as their Russian neighbours.
        'ү' => 'у',
        'ө' => 'о',
        'ң' => 'н',
        other => other,
    })
}

/// Spellings that sound alike, longest first, applied in this order to Latin text.
const SOUNDS: &[(&str, &str)] = &[
    ("shch", "sh"),
    ("sch", "sh"),
    ("tch", "ch"),
    ("dzh", "j"),
    ("dj", "j"),
    ("zh", "j"),
    ("ch", "j"),
    ("ph", "f"),
    ("th", "t"),
    ("ck", "k"),
    ("qu", "kv"),
    ("x", "ks"),
    ("w", "v"),
    ("q", "k"),
    ("ce", "se"),
    ("ci", "si"),
    ("cy", "si"),
    ("c", "k"),
    ("ts", "s"),
    ("z", "s"),
    ("oo", "u"),
    ("ou", "u"),
    ("yu", "u"),
    ("io", "u"),
    ("ya", "a"),
    ("ia", "a"),
    ("y", "i"),
    ("e", "i"),
    ("o", "a"),
];

/// What a name sounds like: unstressed vowels, soft signs, doubled letters and letters of one sound fall together.
pub(crate) fn phonetic_key(key: &str) -> String {
    let mut text = transliterate(key, 0);
    let mut present = letter_bits(&text);
    for (letters, fold) in SOUNDS {
        let needed = letter_bits(letters);
        if present & needed == needed && text.contains(letters) {
            text = text.replace(letters, fold);
            present = letter_bits(&text);
        }
    }
    let mut sound = String::with_capacity(text.len());
    for ch in text.chars() {
        // A doubled digit is another number, a doubled letter is not another name.
        if ch.is_ascii_digit() || !sound.ends_with(ch) {
            sound.push(ch);
        }
    }
    sound
}

/// Which letters a text has, a bit each.
pub(crate) fn letter_bits(text: &str) -> u64 {
    text.chars().fold(0, |bits, ch| bits | 1 << (u32::from(ch) % 64))
}

/// What a Latin name looks like: letters that are mistaken for each other (l I 1, g q, 0 O, 5 S, and the two readings of
/// Cyrillic Н and В: N H, V W) fall together.
pub(crate) fn skeleton(key: &str) -> String {
    key.chars()
        .map(|ch| match ch {
            'l' | '1' => 'i',
            'q' => 'g',
            '0' => 'o',
            '5' => 's',
            'h' => 'n',
            'w' => 'v',
            other => other,
        })
        .collect()
}

/// The digits of a key: two names with different digits are different cars.
pub fn digits(key: &str) -> String {
    key.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_ignore_what_never_tells_names_apart() {
        assert_eq!(key(" CR-V "), "crv");
        assert_eq!(key("Citroën"), "citroen");
        assert_eq!(key("Тоёта"), "тоета");
        assert_eq!(key("и\u{306}"), "й");
        assert_eq!(key("X70+"), "x70plus");
        assert_eq!(key("- . /"), "");
    }

    #[test]
    fn misspellings_sound_alike_and_different_names_do_not() {
        for (one, other) in
            [("корола", "королла"), ("сирена", "serena"), ("центра", "sentra"), ("камри", "camry"), ("коно", "кона")]
        {
            assert_eq!(phonetic_key(&key(one)), phonetic_key(&key(other)), "{one} {other}");
        }
        for (one, other) in [("рио", "рав"), ("x5", "x6"), ("x55", "x5"), ("витз", "виста")] {
            assert_ne!(phonetic_key(&key(one)), phonetic_key(&key(other)), "{one} {other}");
        }
    }

    #[test]
    fn look_alike_letters_have_one_shape() {
        assert_eq!(skeleton("lonig"), skeleton("ioniq"));
        assert_eq!(skeleton("eq5"), skeleton("eqs"));
        assert_ne!(skeleton("cx5"), skeleton("cx9"));
    }
}
