//! Numbers in words: "сороковка" is 40, "двести десятый" 210, "две тысячи восьмого" 2008, "жетимиш" 70.
//!
//! Numbers below ten stay words: "два ряда" counts, "третий кузов" is read where the word beside it is known.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What a word of a number is worth, and its beginnings as keys. Longer beginnings stand before their shorter ones.
const STEMS: &[(u32, &str)] = &[
    (11, "одиннадцат"),
    (12, "двенадцат"),
    (13, "тринадцат"),
    (14, "четырнадцат"),
    (15, "пятнадцат"),
    (16, "шестнадцат"),
    (17, "семнадцат"),
    (18, "восемнадцат"),
    (19, "девятнадцат"),
    (500, "пятьсот пятисот"),
    (600, "шестьсот шестисот"),
    (700, "семьсот семисот"),
    (800, "восемьсот восьмисот"),
    (900, "девятьсот девятисот"),
    (50, "пятьдесят пятидесят пядьдесят полтинник полтос элуу"),
    (60, "шестьдесят шестидесят алтымыш"),
    (70, "семьдесят семидесят жетимиш"),
    (80, "восемьдесят восьмидесят сексен"),
    (90, "девяност токсон"),
    (10, "десят"),
    (20, "двадцат двацат жыйырма"),
    (30, "тридцат трицат отуз"),
    (40, "сорок кырк"),
    (200, "двести двухсот двусот"),
    (300, "триста трехсот"),
    (400, "четыреста четырехсот"),
    (1000, "тысяч"),
];

/// Words that must be whole, for too many others begin so.
const WORDS: &[(u32, &str)] = &[
    (100, "сто сотка сотку сотке сотки сотая сотый сотого сотом соточка сотик жуз"),
    (1, "один одна одно первый первая первого первом первой"),
    (2, "два две второй вторая второго втором двойка двойку двух"),
    (3, "три третий третья третьего третьем третьей тройка тройку трех"),
    (4, "четыре четвертый четвертая четвертого четвертом четвертой четверка четверку"),
    (5, "пять пятый пятая пятого пятом пятой пятерка пятерку"),
    (6, "шесть шестой шестая шестого шестом шестерка шестерку"),
    (7, "семь седьмой седьмая седьмого седьмом семерка семерку"),
    (8, "восемь восьмой восьмая восьмого восьмом восьмерка восьмерку"),
    (9, "девять девятый девятая девятого девятом девятой девятка девятку"),
];

/// Endings of what begins like a number; other words go on otherwise.
const ENDINGS: &[&str] = &[
    "",
    "а",
    "о",
    "и",
    "ь",
    "ью",
    "ти",
    "ый",
    "ой",
    "ая",
    "ую",
    "ое",
    "ого",
    "ому",
    "ым",
    "ом",
    "ка",
    "ку",
    "ки",
    "ке",
    "кой",
    "ник",
    "ника",
    "нике",
    "ник",
    "ачка",
    "ачку",
    "очка",
    "очку",
    "ик",
    "овка",
    "овку",
    "овки",
    "овке",
    "овой",
    "овая",
    "овый",
    "ового",
    "овом",
    "овник",
    "е",
    "у",
    "ей",
    "ный",
    "ная",
    "ого",
    "нчы",
    "инчи",
    "ынчы",
    "унчу",
    "нчу",
    "ка",
    "га",
    "ке",
    "ге",
    "ко",
    "го",
    "ны",
    "ни",
    "тын",
    "тин",
    "дун",
    "нын",
];

/// Each of the words with what it is worth.
static WHOLE: LazyLock<HashMap<&str, u32>> = LazyLock::new(|| {
    let mut whole = HashMap::new();
    for (value, words) in WORDS {
        for word in words.split(' ') {
            whole.entry(word).or_insert(*value);
        }
    }
    whole
});

/// The stems in their order, by how they begin: most words begin like none of them.
static BY_FIRST_LETTER: LazyLock<HashMap<char, Vec<(&str, u32)>>> = LazyLock::new(|| {
    let mut stems: HashMap<char, Vec<(&str, u32)>> = HashMap::new();
    for (value, words) in STEMS {
        for stem in words.split(' ') {
            stems.entry(stem.chars().next().unwrap_or_default()).or_default().push((stem, *value));
        }
    }
    stems
});

/// The number that the first of the words are, if it is ten or more, and how many words they are. A word that is taken for
/// something else ends it.
pub(super) fn number<'a>(keys: impl Iterator<Item = &'a str>) -> Option<(u32, usize)> {
    let (mut sum, mut count) = (0, 0);
    // The next word must be smaller than the least so far: "двести десятый", but not "десятый двухсотый".
    let mut least = u32::MAX;
    for key in keys {
        let Some((value, smallest)) = value(key) else { break };
        if value == 1000 && count > 0 && sum < 10 {
            sum *= 1000;
        } else if value < magnitude(least) {
            sum += value;
        } else {
            break;
        }
        count += 1;
        least = smallest;
    }
    (sum >= 10).then_some((sum, count))
}

/// What one word is worth, also below ten: "четверка".
pub(super) fn single(key: &str) -> Option<u32> {
    if key.is_ascii() { None } else { value(key).map(|(value, _)| value) }
}

/// What may be added to a number that ends in this one: below 10 to 20, below 100 to 100; nothing to 3 or 13.
fn magnitude(least: u32) -> u32 {
    match least {
        u32::MAX => u32::MAX,
        1000.. => 1000,
        100.. => 100,
        20.. => 10,
        _ => 0,
    }
}

/// What one word is worth, and the least of its parts: "стодвадцатка" is 120 and ends in 20.
fn value(key: &str) -> Option<(u32, u32)> {
    if let Some(value) = WHOLE.get(key) {
        return Some((*value, *value));
    }
    for (stem, value) in BY_FIRST_LETTER.get(&key.chars().next()?).into_iter().flatten() {
        let Some(rest) = key.strip_prefix(stem) else { continue };
        if ENDINGS.contains(&rest) {
            return Some((*value, *value));
        }
        let rest = rest.strip_prefix(['ь', 'и', 'а']).unwrap_or(rest);
        if let Some((more, least)) = self::value(rest).filter(|(more, _)| *more < magnitude(*value)) {
            return Some((value + more, least));
        }
    }
    let rest = key.strip_prefix("сто")?;
    let (more, least) = self::value(rest).filter(|(more, _)| *more < 100)?;
    Some((100 + more, least))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalize;

    fn read(text: &str) -> Option<(u32, usize)> {
        let keys: Vec<String> = text.split(' ').map(normalize::key).collect();
        number(keys.iter().map(String::as_str))
    }

    #[test]
    fn numbers_however_they_are_said() {
        for (text, expected, words) in [
            ("сороковка", 40, 1),
            ("семидесятка", 70, 1),
            ("полтинник", 50, 1),
            ("сотка", 100, 1),
            ("стодвадцатка", 120, 1),
            ("двухсотый", 200, 1),
            ("двести десятый", 210, 2),
            ("сто двадцать четвёртый кузов", 124, 3),
            ("тридцатьчетверка", 34, 1),
            ("тридцать девятый", 39, 2),
            ("две тысячи восьмого года", 2008, 3),
            ("две тысячи восемнадцатый", 2018, 3),
            ("девяносто восьмой", 98, 2),
            ("жетимиш", 70, 1),
            ("элүү беш", 50, 1),
            ("десятый двухсотый", 10, 1),
        ] {
            assert_eq!(read(text), Some((expected, words)), "{text}");
        }
    }

    #[test]
    fn other_words_are_no_numbers() {
        for text in [
            "",
            "два ряда",
            "третий кузов",
            "семья",
            "столько",
            "сотрудник",
            "соты",
            "пятно",
            "трицератопс",
            "сорока воробьев",
            "мелинда",
        ] {
            assert!(read(text).is_none_or(|(value, _)| value == 40), "{text}: {:?}", read(text));
        }
        assert_eq!(read("семья"), None);
        assert_eq!(read("пять тысяч"), Some((5000, 2)));
    }
}
