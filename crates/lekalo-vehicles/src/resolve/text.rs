//! A customer's text cut into words, each with what it is good for.

use std::ops::Range;

use super::asides;
use super::glued;
use super::letters;
use super::numerals;
use super::stop_words::{self, ShopWords, StopWord};
use crate::generation::{is_generation_word, is_number};
use crate::index::Index;
use crate::nicknames::KNOWN;
use crate::transliteration;
use crate::words::{Joint, Word, join, words};

/// Of longer texts only the beginning is read, in characters and in words.
const MAX_CHARS: usize = 256;
const MAX_WORDS: usize = 40;
/// So many words to each side may belong to a name that has a number or letters in it.
const REACH: usize = 2;
/// Longer numbers are no part of a car.
const LONGEST_NUMBER: usize = 6;
/// A number with at least so many digits, written in groups, is a telephone's.
const PHONE_DIGITS: usize = 9;

/// Endings of counted or ordinal numbers, and Kyrgyz cases: "3ка", "70ке", "98го", "10-й".
const NUMBER_ENDINGS: &[&str] = &[
    "ка", "ке", "ко", "ку", "ки", "кой", "га", "ге", "го", "гө", "й", "ый", "ой", "ая", "ое", "ые", "е", "ых", "нын",
    "нин", "нун", "дын", "дин", "дун", "тын", "тин", "да", "де", "до", "та", "те", "то", "ты", "ти", "ду", "ди", "лик",
    "чи", "инчи", "нчи", "ынчы", "нчы", "унчу", "шка", "тка", "рка", "ик",
];

/// Case endings, Kyrgyz and Russian, and diminutives, longest first, with what a name may have ended in without them.
const ENDINGS: &[(&[&str], &[&str])] = &[
    (&["ушка", "юшка", "ушку", "юшку", "шкага", "шканын"], &["", "а", "я"]),
    (&["чиком", "чика", "чику", "чике", "чик", "шка", "шку", "шки", "шке"], &["", "а"]),
    (&["сынын", "синин", "сунун", "сына", "сине", "суна", "сын", "син", "сун"], &[""]),
    (&["ымдын", "имдин", "умдун", "ымдыкы", "имдики"], &["", "а"]),
    (&["ыма", "име", "има", "ума", "ыбыз", "ибиз"], &["", "а"]),
    (&["иком", "ика", "ику", "ике", "ик", "кой", "ку", "ки", "ке", "ка", "ко", "кө", "ок"], &["", "а", "и"]),
    (&["нын", "нин", "нун", "дын", "дин", "дун", "тын", "тин", "тун"], &[""]),
    (&["дан", "ден", "дон", "тан", "тен", "тон", "нан", "нен"], &[""]),
    (&["лар", "лер", "лор", "дар", "дер", "тар", "тер"], &[""]),
    (
        &[
            "га", "ге", "го", "гө", "да", "де", "до", "та", "те", "то", "ны", "ни", "ну", "ды", "ди", "ду", "ты", "ти",
            "ту",
        ],
        &["", "а"],
    ),
    (&["ами", "ями", "ого", "ому"], &["", "а", "я", "и"]),
    (&["ой", "ою", "ей", "ею", "ом", "ем", "ам", "ях", "ах", "ов", "ев"], &["", "а", "я", "ь", "о"]),
    (&["ым", "им", "ум", "м"], &["", "а"]),
    (&["у", "ы", "а"], &["", "а"]),
    (&["ю", "и", "е", "я"], &["", "а", "я", "ь", "й", "о"]),
    // Latin letters for the same.
    (&["nyn", "nin", "dan", "den", "ka", "ke", "ga", "ge", "da", "de", "ta", "te", "ik"], &["", "a"]),
];

/// What a word may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Part of a car's name, or a word nobody knows.
    Name,
    /// A number that may be a year, a generation or part of a name.
    Number,
    /// Says nothing about the car.
    Talk,
}

/// A text, read.
#[derive(Debug)]
pub(super) struct Text {
    pub words: Vec<Word>,
    pub kinds: Vec<Kind>,
    /// Where each word stands in the text as typed, in characters.
    places: Vec<Range<usize>>,
    /// It is about another thing than a car.
    pub is_no_car: bool,
    /// It asks for what a shop sews.
    pub is_of_shop: bool,
}

impl Text {
    pub(super) fn new(index: &Index, text: &str, shop: Option<&ShopWords>) -> Self {
        let shown = without_commands_and_phones(text);
        let mut words = words(&shown);
        words.truncate(MAX_WORDS);
        let mut at = 0;
        let mut places: Vec<Range<usize>> = Vec::with_capacity(words.len());
        for word in &words {
            let start = at + word.gap.chars().count();
            at = start + word.text.chars().count();
            places.push(start..at);
        }
        glued::split(index, &mut words, &mut places);
        asides::drop(index, &mut words, &mut places);
        letters::read(index, &mut words, &mut places);
        read_numerals(index, &mut words, &mut places);
        let is_of_shop = |word: &Word| shop.is_some_and(|shop| shop.has(&word.key)) && !is_known_car(index, &word.key);
        let kind =
            |place| if words.get(place).is_some_and(is_of_shop) { Kind::Talk } else { kind(index, &words, place) };
        let mut read = Self {
            places,
            kinds: (0..words.len()).map(kind).collect(),
            is_no_car: words.iter().any(|word| stop_words::is_no_car(&word.key)),
            is_of_shop: words.iter().any(|word| stop_words::is_shop(&word.key) || is_of_shop(word)),
            words,
        };
        read.cut_number_endings(index);
        read.skip_counts();
        read.skip_facelifts();
        read.skip_pairs(index);
        read
    }

    pub(super) fn kind(&self, place: usize) -> Option<Kind> {
        self.kinds.get(place).copied()
    }

    /// Letters of the words at these places that may be names, or that nobody knows.
    pub(super) fn name_letters(&self, is_counted: impl Fn(usize) -> bool) -> usize {
        let places = (0..self.words.len()).filter(|place| self.kind(*place) == Some(Kind::Name) && is_counted(*place));
        places.filter_map(|place| self.words.get(place)).map(|word| word.key.chars().count()).sum()
    }

    /// The words from the first to the last of these places, as they were typed.
    pub(super) fn quote(&self, typed: &str, span: &Range<usize>) -> String {
        let places = self.places.get(span.clone()).unwrap_or_default();
        let (Some(first), Some(last)) = (places.first(), places.last()) else { return String::new() };
        typed.chars().skip(first.start).take(last.end - first.start).collect()
    }

    /// "70ке" is 70; "5е" may be a model.
    fn cut_number_endings(&mut self, index: &Index) {
        // A Kyrgyz case may stand apart: "34 ке".
        let is_case =
            |word: &Word| word.gap == " " && matches!(word.key.as_str(), "ке" | "ге" | "ка" | "га" | "кө" | "гө");
        for place in (1..self.words.len()).rev() {
            let (Some(before), Some(word)) = (self.words.get(place - 1), self.words.get(place)) else { continue };
            let ends = is_number(&before.key)
                && (word.gap == "-" || is_case(word) || (word.gap.is_empty() && word.key != "е"))
                && NUMBER_ENDINGS.contains(&word.key.as_str())
                && index.models_spelled(&format!("{}{}", before.key, word.key)).is_empty();
            if ends {
                let ending = self.words.remove(place).text;
                if let Some(number) = self.words.get_mut(place - 1) {
                    number.text.push_str(&ending);
                }
                self.kinds.remove(place);
                self.places.remove(place);
                if let Some(next) = self.words.get_mut(place) {
                    next.joint = Joint::Loose;
                }
            }
        }
    }

    /// "2 ряда", "5000 сом", "3 шт": what the number counts is no car.
    fn skip_counts(&mut self) {
        for place in 1..self.words.len() {
            let (Some(before), Some(word)) = (self.words.get(place - 1), self.words.get(place)) else { continue };
            // "5д" is a kind of mat, "320d" an engine.
            let is_engine = before.key.len() > 1 && matches!(word.key.as_str(), "d" | "д");
            if is_number(&before.key)
                && stop_words::is_unit(&word.key)
                && !stop_words::is_year_unit(&word.key)
                && !is_engine
            {
                for kind in self.kinds.iter_mut().skip(place - 1).take(2) {
                    *kind = Kind::Talk;
                }
            }
        }
    }

    /// "рестайлинг 2": which facelift it is.
    fn skip_facelifts(&mut self) {
        for place in 1..self.words.len() {
            let is_facelift = self.words.get(place - 1).is_some_and(|word| word.key.contains("рестайл"));
            if is_facelift && self.words.get(place).is_some_and(|word| word.key.len() == 1 && is_number(&word.key)) {
                self.kinds.iter_mut().skip(place).take(1).for_each(|kind| *kind = Kind::Talk);
            }
        }
    }

    /// "60/40", "4x4": how seats are split and which wheels drive is no generation.
    fn skip_pairs(&mut self, index: &Index) {
        let number = |word: Option<&Word>| word.and_then(Word::number);
        for place in 0..self.words.len() {
            let (first, second, third) = (self.words.get(place), self.words.get(place + 1), self.words.get(place + 2));
            let is_split = matches!((number(first), number(second)), (Some(one), Some(other)) if one + other == 100)
                && second.is_some_and(|word| matches!(word.gap.trim(), "/" | ":" | "-" | "\\"));
            let is_drive = first.is_some_and(|word| matches!(word.key.as_str(), "4" | "6" | "2"))
                && second.is_some_and(|word| matches!(word.key.as_str(), "x" | "х" | "на"))
                && third.is_some_and(|word| matches!(word.key.as_str(), "4" | "6" | "2"));
            let count = if is_drive { 3 } else { 2 };
            if (is_split || is_drive) && !is_in_name(index, &self.words, &(place..place + count), count) {
                for kind in self.kinds.iter_mut().skip(place).take(count) {
                    *kind = Kind::Talk;
                }
            }
        }
    }
}

/// What a word of at least `least` letters may have been before an ending was added to it: "спринтерге" → "спринтер", "весту" →
/// "веста", "camryга" → "camry".
pub(super) fn without_ending(key: &str, least: usize) -> Vec<String> {
    let mut stems = Vec::new();
    for (endings, replacements) in ENDINGS {
        for (ending, stem) in endings.iter().filter_map(|ending| Some((ending, key.strip_suffix(ending)?))) {
            let is_other_script = stem.is_ascii() && !ending.is_ascii();
            // A single vowel comes and goes too easily for short names: "меню" is no "мен".
            let least = match ending.chars().count() {
                1 => least.max(3),
                2 => least,
                _ => least.max(4),
            };
            let restored = replacements.iter().map(|end| format!("{stem}{end}")).filter(|stem| stem != key);
            let letters = stem.chars().count();
            if is_other_script && letters > 0 {
                stems.push(stem.to_owned());
            } else if letters >= least {
                stems.extend(restored.filter(|name| ending.chars().count() > 1 || name.chars().count() >= 4));
            }
        }
    }
    stems
}

/// Writes numbers that are said in words as digits, each as one word, unless a car is called so ("девятка").
fn read_numerals(index: &Index, words: &mut Vec<Word>, places: &mut Vec<Range<usize>>) {
    let mut place = 0;
    while place < words.len() {
        let rest = words.iter().skip(place).map(|word| word.key.as_str());
        let found = numerals::number(rest).or_else(|| Some((model_number(index, words, place)?, 1)));
        let Some((value, count)) = found else {
            place += 1;
            continue;
        };
        let span = place..place + count;
        if is_in_name(index, words, &span, 1)
            || span.clone().any(|place| is_in_name(index, words, &(place..place + 1), 1))
        {
            place = span.end;
            continue;
        }
        let last = places.get(span.end - 1).map(|last| last.end);
        words.drain(place + 1..span.end);
        places.drain(place + 1..span.end);
        if let (Some(word), Some(span), Some(end)) = (words.get_mut(place), places.get_mut(place), last) {
            word.key = value.to_string();
            word.joint = Joint::Loose;
            span.end = end;
        }
        place += 1;
    }
}

/// Whether words are part of a name as it is listed, of at least `least` words: up to two more on each side.
pub(super) fn is_in_name(index: &Index, words: &[Word], span: &Range<usize>, least: usize) -> bool {
    let starts = span.start.saturating_sub(REACH)..=span.start;
    let mut around = starts.flat_map(|start| (span.end..=span.end + REACH).map(move |end| start..end));
    around.any(|around| {
        around.len() >= least
            && words.get(around).is_some_and(|run| !run.is_empty() && !index.models_spelled(&join(run)).is_empty())
    })
}

/// A single digit said in a word right after its brand: "мазда шесть".
fn model_number(index: &Index, words: &[Word], place: usize) -> Option<u32> {
    let brand = words.get(place.checked_sub(1)?)?;
    let counts =
        words.get(place + 1).is_some_and(|next| stop_words::is_unit(&next.key) || is_generation_word(&next.key));
    let value = numerals::single(&words.get(place)?.key)?;
    (!counts && !index.brands_in_any_reading(&brand.key).is_empty()).then_some(value)
}

/// The text as if typed with the other keyboard layout, character for character; nothing if it has no letters of a layout.
pub(super) fn other_layout(text: &str) -> Option<String> {
    let swapped: String = text.chars().map(|ch| transliteration::other_key(ch).unwrap_or(ch)).collect();
    (swapped != text).then_some(swapped)
}

/// Whether people know a car by this name before anything else.
fn is_known_car(index: &Index, key: &str) -> bool {
    !stop_words::is_everyday(key)
        && index.models_spelled(key).iter().any(|(model, _)| index.model(*model).popularity() >= KNOWN)
}

fn kind(index: &Index, words: &[Word], place: usize) -> Kind {
    let Some(word) = words.get(place) else { return Kind::Talk };
    if is_number(&word.key) {
        return if word.key.len() <= LONGEST_NUMBER { Kind::Number } else { Kind::Talk };
    }
    // A letter that hangs on a number is part of a code ("а160", "с4"), unless it says what the number is ("2018г").
    let is_attached = |word: Option<&Word>| word.is_some_and(|word| word.joint == Joint::Fixed);
    let is_code = word.key.chars().count() <= 2
        && (is_attached(words.get(place + 1)) || (is_attached(Some(word)) && !stop_words::is_unit(&word.key)));
    let is_name = || !index.models_spelled(&word.key).is_empty() || !index.brands_in_any_reading(&word.key).is_empty();
    match stop_words::stop_word(&word.key) {
        _ if word.key.contains('.') => Kind::Talk,
        Some(StopWord::Word) if !is_code => Kind::Talk,
        Some(StopWord::Stem) if !is_name() => Kind::Talk,
        _ => Kind::Name,
    }
}

/// The beginning of a text, with commands ("/start"), addresses and telephone numbers blanked out, every other character in its
/// place.
fn without_commands_and_phones(text: &str) -> String {
    let mut chars: Vec<char> = text.chars().take(MAX_CHARS).collect();
    let is_other = |token: &[char]| {
        let text: String = token.iter().collect();
        (token.starts_with(&['/']) && token.iter().skip(1).all(|ch| ch.is_ascii_alphabetic() || *ch == '_'))
            || text.contains("://")
            || text.starts_with("www.")
            || (token.contains(&'@') && token.len() > 1)
    };
    blank(&mut chars, |ch| !ch.is_whitespace(), is_other);
    let is_phone = |run: &[char]| {
        let digits = run.iter().filter(|ch| ch.is_ascii_digit()).count();
        let first = run.iter().find(|ch| !matches!(ch, ' ' | '-' | '('));
        digits >= PHONE_DIGITS && matches!(first, Some('+' | '0' | '9' | '7' | '8'))
    };
    blank(&mut chars, |ch| ch.is_ascii_digit() || matches!(ch, ' ' | '-' | '+' | '(' | ')'), is_phone);
    chars.into_iter().collect()
}

/// Blanks out the runs of characters that belong together and are not wanted.
fn blank(chars: &mut [char], belongs: impl Fn(char) -> bool, is_unwanted: impl Fn(&[char]) -> bool) {
    for run in chars.chunk_by_mut(|one, other| belongs(*one) == belongs(*other)) {
        if run.first().is_some_and(|ch| belongs(*ch)) && is_unwanted(run) {
            run.fill(' ');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reference;

    fn kept(text: &str) -> Vec<String> {
        let text = Text::new(&Index::new(Reference::default()), text, None);
        let kept = text.words.iter().zip(&text.kinds).filter(|(_, kind)| **kind != Kind::Talk);
        kept.map(|(word, _)| word.key.clone()).collect()
    }

    #[test]
    fn talk_is_told_from_names() {
        assert_eq!(kept("салам алейкум, зорва 70ке полик барбы?"), ["зорва", "70"]);
        assert_eq!(kept("Здравствуйте! Сколько стоят коврики на зорву 2018г"), ["зорву", "2018"]);
        assert_eq!(kept("skolko stoit zorva"), ["zorva"]);
        assert_eq!(kept("ghbdtn pjhdf"), ["pjhdf"]);
        assert_eq!(kept("зорва 7 мест 2 ряда 5000 сом 2.4"), ["зорва"]);
        assert_eq!(kept("/start 0555 123 456 +996 (555) 12-34-56 www.a.kg a@b.kg"), Vec::<String>::new());
        assert_eq!(kept("зорва 3ка, 98го, 10-й"), ["зорва", "3", "98", "10"]);
        assert_eq!(kept("зорва, 0555 123 45"), ["зорва"], "nine digits are a telephone's");
    }

    #[test]
    fn endings_are_taken_off() {
        for (text, expected) in [
            ("спринтерге", "спринтер"),
            ("фитке", "фит"),
            ("галантка", "галант"),
            ("весту", "веста"),
            ("калине", "калина"),
        ] {
            assert!(without_ending(text, 3).iter().any(|stem| stem == expected), "{text}");
        }
        assert!(without_ending("рио", 3).is_empty());
    }

    #[test]
    fn words_are_quoted_as_typed() {
        let typed = "у меня  Зорва-70ке, есть?";
        let text = Text::new(&Index::new(Reference::default()), typed, None);
        assert_eq!(text.quote(typed, &(2..4)), "Зорва-70");
        assert_eq!(text.quote(typed, &(7..9)), "");
    }
}
