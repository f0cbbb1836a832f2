//! Cutting a cell into the words that names are made of.

use std::ops::Range;

use super::normalize;

/// How a word hangs on the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joint {
    /// A space, a slash, a bracket, a dash between spaces: two words.
    Loose,
    /// Part of one code: "CX-5", "GL550", "C-HR". A name never begins or ends here.
    Fixed,
}

/// A run of letters or a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// As written.
    pub text: String,
    /// Folded by [`normalize::key`].
    pub key: String,
    /// How it hangs on the word before it.
    pub joint: Joint,
    /// What stands between it and the word before it.
    pub gap: String,
}

impl Word {
    /// The number it is, if it is one of at most four digits.
    pub fn number(&self) -> Option<i16> {
        if self.key.len() > 4 { None } else { self.key.parse().ok() }
    }

    /// Whether it consists of letters.
    pub fn is_letters(&self) -> bool {
        self.key.chars().all(normalize::is_letter)
    }
}

/// Cuts a text into words: at everything that is no letter or digit, and between letters and digits.
pub fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut gap = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_plus = gap.is_empty() && !words.is_empty() && is_trailing_plus(rest);
        let length = if is_plus { 1 } else { word_length(rest, first) };
        let (word, tail) = rest.split_at(length.max(first.len_utf8()));
        rest = tail;
        // "2.4" keeps its point: it is an engine's volume and no part of a name.
        let key = if word.contains(['.', ',']) { word.replace(',', ".") } else { normalize::key(word) };
        if length == 0 || key.is_empty() || key == "." {
            gap.push_str(word);
            continue;
        }
        let joint = words.last().map_or(Joint::Loose, |before| joint(before, &gap, &key));
        let key = normalize::of_one_alphabet(key);
        words.push(Word { text: word.to_owned(), key, joint, gap: std::mem::take(&mut gap) });
    }
    part_codes(&mut words);
    words
}

/// "F20-F21" are two codes, each whole, and so is the code after a name: "бмв-х5".
fn part_codes(words: &mut [Word]) {
    for place in 1..words.len().saturating_sub(1) {
        if let Some([number, letters, next]) = words.get(place - 1..=place + 1)
            && letters.gap == "-"
            && next.gap.is_empty()
            && next.number().is_some()
            && (number.number().is_some() || (number.is_letters() && number.key.chars().count() >= 3))
            && letters.is_letters()
            && let Some(letters) = words.get_mut(place)
        {
            letters.joint = Joint::Loose;
        }
    }
}

/// "X70+" is "X70 Plus"; "a + b" and "a+b" are not.
fn is_trailing_plus(rest: &str) -> bool {
    rest.strip_prefix('+').is_some_and(|tail| tail.is_empty() || tail.starts_with(char::is_whitespace))
}

/// Bytes of the word that `text` begins with; 0 if it begins with a separator.
fn word_length(text: &str, first: char) -> usize {
    let run = |text: &str, fits: fn(char) -> bool| text.find(|ch| !fits(ch)).unwrap_or(text.len());
    if normalize::is_letter(first) {
        return run(text, |ch| normalize::is_letter(ch) || normalize::is_mark(ch));
    }
    let digits = |text: &str| run(text, normalize::is_digit);
    let whole = digits(text);
    let tail = text.get(whole..).unwrap_or_default();
    let fraction = tail.strip_prefix(['.', ',']).map_or(0, digits);
    if whole == 1 && fraction == 1 { 3 } else { whole }
}

fn joint(before: &Word, gap: &str, key: &str) -> Joint {
    let is_number = |key: &str| key.starts_with(|ch: char| ch.is_ascii_digit());
    let letters = |key: &str| key.chars().count();
    let (left, right) = (before.key.as_str(), key);
    let fixed = match (gap, is_number(left), is_number(right)) {
        // "X70+" and "X70plus" may be an X70.
        ("", true, false) if right == "plus" => false,
        // "4WD", "4runner", "5d".
        ("", true, false) => true,
        // "GL550" and "W212", but not "камри50".
        ("" | "-" | "." | ":", false, true) => letters(left) <= 2,
        // "2021-н.в." is no code.
        ("-", true, false) => letters(right) <= 2 && letters(left) < 4,
        // "Б/П5" is BP5.
        ("/", false, false) => letters(left).max(letters(right)) <= 2,
        // "C-HR", "E-Class", "X-Trail".
        ("-" | ":", false, false) => letters(left).min(letters(right)) <= 2,
        _ => false,
    };
    if fixed { Joint::Fixed } else { Joint::Loose }
}

/// The words' keys as one key: "X", "Trail" → "xtrail".
pub fn join(words: &[Word]) -> String {
    words.iter().map(|word| word.key.as_str()).collect()
}

/// Beginnings of words that compare a car with another one, which is named after them.
const COMPARING: &[&str] = &["аналог", "копия", "копии", "подобн", "похож", "шьется", "шьются"];

/// The words that only say what a car is like or what it is not: "(аналог Деу Джентра)", "(не Филдер)", "= Фокус 2". They name
/// no car. In brackets up to their end, else to the end of the text.
pub fn comparisons(words: &[Word]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut is_inside = false;
    for (place, word) in words.iter().enumerate() {
        let bracket = word.gap.rfind(['(', ')']).and_then(|at| word.gap.get(at..)).and_then(|rest| rest.chars().next());
        is_inside = bracket.map_or(is_inside, |bracket| bracket == '(');
        let compares = COMPARING.iter().any(|stem| word.key.starts_with(stem))
            || word.gap.contains('=')
            || (word.key == "не" && bracket == Some('('));
        if !compares || found.last().is_some_and(|last| place < last.end) {
            continue;
        }
        let rest = words.iter().enumerate().skip(place + 1);
        let end = rest.take_while(|(_, word)| !is_inside || !word.gap.contains(')')).count() + place + 1;
        found.push(place..end);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<String> {
        words(text)
            .into_iter()
            .map(|word| if word.joint == Joint::Fixed { format!("~{}", word.key) } else { word.key })
            .collect()
    }

    /// Whatever is compared with leaves as many words, the car's own, as if nothing had been compared.
    #[test]
    fn what_a_car_is_compared_with_is_set_aside() {
        for other in ["Деу Джентра", "Citroen Berlingo 2", "Филдер"] {
            for text in [
                format!("Зорва 5 (аналог {other}) 2015"),
                format!("Зорва 5 (не {other}) 2015"),
                format!("Зорва 5 (= {other}) 2015"),
            ] {
                let words = words(&text);
                let aside = comparisons(&words);
                let kept: Vec<&str> = (0..words.len())
                    .filter(|place| !aside.iter().any(|span| span.contains(place)))
                    .map(|place| words[place].key.as_str())
                    .collect();
                assert_eq!(kept, ["зорва", "5", "2015"], "{text}");
            }
            let words = words(&format!("Зорва = {other}"));
            assert_eq!(comparisons(&words).first(), Some(&(1..words.len())));
        }
        assert!(comparisons(&words("Зорва (не знаю какая), не новая")).len() <= 1);
        assert!(comparisons(&words("Зорва 5 (E120) 2015")).is_empty());
    }

    #[test]
    fn codes_hold_together_and_names_fall_apart() {
        assert_eq!(cut("Камри 50-55"), ["камри", "50", "55"]);
        assert_eq!(cut("камри50"), ["камри", "50"]);
        assert_eq!(cut("CX-5"), ["cx", "~5"]);
        assert_eq!(cut("GL550"), ["gl", "~550"]);
        assert_eq!(cut("СРВ - 4 - поколение"), ["срв", "4", "поколение"]);
        assert_eq!(cut("Х- трейл"), ["х", "трейл"]);
        assert_eq!(cut("E-Class (W205)"), ["e", "~class", "w", "~205"]);
        assert_eq!(cut("RX400t"), ["rx", "~400", "~t"]);
        assert_eq!(cut("F20-F21"), ["f", "~20", "f", "~21"]);
        assert_eq!(cut("RX330-400"), ["rx", "~330", "400"]);
        assert_eq!(cut("Хайс 2.7 4WD"), ["хайс", "2.7", "4", "~wd"]);
        assert_eq!(cut("X70+ 2+1"), ["x", "~70", "plus", "2", "1"]);
        assert_eq!(cut(" - / #"), Vec::<String>::new());
    }
}
