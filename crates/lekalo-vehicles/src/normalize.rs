//! Folding a name so that different ways of writing it become equal.
//!
//! [`key`] drops what never tells two names apart.
//! [`phonetic_key`] and [`skeleton`] are coarser: two names with the same one are probably one name misspelled.

use unicode_normalization::char::decompose_compatible;

use super::transliteration::{is_cyrillic, look_alike, look_alikes, transliterate};

/// Lower case without separators, diacritics and ё: "CR-V" → "crv", "Citroën" → "citroen", "X70+" → "x70plus".
///
/// Letters that Unicode has in several shapes are one: full-width ones, ligatures, composed or not, and those of the region's
/// other alphabets as their Russian neighbours.
pub fn key(text: &str) -> String {
    let mut key = String::with_capacity(text.len());
    for ch in text.chars().flat_map(lower) {
        match ch {
            // Most letters are these, and need no tables.
            'a'..='z' | '0'..='9' | 'а'..='я' => key.push(ch),
            'ё' => key.push('е'),
            '+' | '＋' => key.push_str("plus"),
            // A decomposed й: и and a combining breve.
            '\u{306}' if key.ends_with('и') => {
                key.pop();
                key.push('й');
            }
            _ if ch.is_alphanumeric() => decompose_compatible(ch, |part| {
                key.extend(lower(part).map(plain).filter(|part| part.is_alphanumeric()));
            }),
            _ => {}
        }
    }
    if key.contains(|ch| !matches!(ch, 'a'..='z' | '0'..='9' | 'а'..='я')) { without_shared(&key) } else { key }
}

/// With the letters that two alphabets share by their looks read in the key's own: "кiа" and "kіa" both have one letter of the
/// other alphabet, and the Ukrainian "гольфі" a letter that Latin has too.
fn without_shared(key: &str) -> String {
    let is_latin = key.contains(|ch: char| ch.is_ascii_lowercase());
    let shared = |ch: char| {
        let found = SHARED.iter().find(|(shared, ..)| *shared == ch);
        found.map_or(ch, |(_, latin, cyrillic)| if is_latin { *latin } else { *cyrillic })
    };
    key.chars().map(shared).collect()
}

/// Letters of other alphabets with the Latin and the Russian one they are typed for.
const SHARED: &[(char, char, char)] =
    &[('і', 'i', 'и'), ('ј', 'j', 'й'), ('ѕ', 's', 'с'), ('ԝ', 'w', 'в'), ('ĸ', 'k', 'к')];

/// A word whose letters are of two alphabets, in the one that it can be read in as a whole by the looks of its letters: "GLС" with
/// a Cyrillic С is Latin, "камpи" with a Latin p is not. Others stay as they are.
pub(crate) fn of_one_alphabet(key: String) -> String {
    let (latin, cyrillic) = (key.contains(|ch: char| ch.is_ascii_lowercase()), key.contains(is_cyrillic));
    if !(latin && cyrillic) {
        return key;
    }
    let in_cyrillic = |ch: char| if ch.is_ascii_lowercase() { cyrillic_look(ch) } else { Some(ch) };
    let count = |is: fn(char) -> bool| key.chars().filter(|ch| is(*ch)).count();
    let (as_latin, as_cyrillic) = (look_alikes(&key), key.chars().map(in_cyrillic).collect::<Option<String>>());
    let is_rather_latin = count(|ch| ch.is_ascii_lowercase()) >= count(is_cyrillic);
    match (as_latin, as_cyrillic) {
        (Some(latin), Some(_)) if is_rather_latin => latin,
        (_, Some(cyrillic)) => cyrillic,
        (Some(latin), None) => latin,
        (None, None) => key,
    }
}

/// The Cyrillic letter that a Latin one looks like.
fn cyrillic_look(ch: char) -> Option<char> {
    ('а'..='я').find(|cyrillic| look_alike(*cyrillic) == Some(ch))
}

/// What stands in a word without being a letter of it: combining marks, soft hyphens, joiners of no width.
pub(crate) fn is_mark(ch: char) -> bool {
    matches!(ch, '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{fe0f}' | '\u{feff}')
}

/// A digit, also one as wide as a letter of the East.
pub(crate) fn is_digit(ch: char) -> bool {
    ch.is_ascii_digit() || matches!(ch, '０'..='９')
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

/// The letter that is typed instead of one that has no decomposition.
fn plain(ch: char) -> char {
    match ch {
        'ı' => 'i',
        'ø' => 'o',
        'ł' => 'l',
        'đ' => 'd',
        // Kyrgyz, Kazakh, Tatar, Ukrainian and Belarusian letters are typed by the same people as their Russian neighbours.
        'ү' | 'ұ' => 'у',
        'ө' => 'о',
        'ң' => 'н',
        'ә' => 'а',
        'қ' => 'к',
        'ғ' | 'ґ' => 'г',
        'һ' => 'х',
        'җ' => 'ж',
        'є' => 'е',
        other => other,
    }
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
    use unicode_normalization::UnicodeNormalization as _;

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

    /// However Unicode lets a name be written, its key is the same.
    #[test]
    fn one_name_has_one_key_in_every_form_of_unicode() {
        let wide = |text: &str| -> String {
            let shift =
                |ch: char| char::from_u32(u32::from(ch) + 0xfee0).filter(|_| ch.is_ascii_graphic()).unwrap_or(ch);
            text.chars().map(shift).collect()
        };
        for name in ["Camry", "Citroën", "Тойота Камри", "Йёшкар", "CX-5", "Škoda", "X70+", "Ўзбек"]
        {
            let forms = [
                name.nfd().collect::<String>(),
                name.nfc().collect(),
                name.nfkd().collect(),
                wide(name),
                name.chars().flat_map(|ch| [ch, '\u{ad}']).collect(),
            ];
            for form in forms {
                assert_eq!(key(&form), key(name), "{form}");
            }
        }
        for (typed, name) in [
            ("ĸоврики", "коврики"),
            ("Қамри", "Камри"),
            ("гольфі", "гольфи"),
            ("Kіa", "Kia"),
            ("ﬁt", "fit"),
            ("ﬀ", "ff"),
            ("Ғазель", "Газель"),
        ] {
            assert_eq!(key(typed), key(name), "{typed}");
        }
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
