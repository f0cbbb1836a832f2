//! Generation and year of a model, from the words and numbers that its name leaves over.
//!
//! A number is a generation where the model has one of that name ("камри 70", "срв 3"), a year where it can be one ("2018", "98",
//! "06"), in this order, unless the text says which ("98 г", "10 кузов").

use std::ops::Range;

use super::hits::Hit;
use super::numerals;
use super::stop_words;
use super::text::{Kind, Text};
use crate::generation::{chassis, code_of, in_name, is_generation_word, is_number, letters_of, ordinal, roman};
use crate::matches::MatchKind;
use crate::normalize;
use crate::reference::Model;
use crate::vehicle::Years;
use crate::words::{Joint, Word, join};

/// A generation's code stands so many words from the name at most.
const NEAR: usize = 8;
const ROMAN: &[&str] = &["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X"];

/// What stands beside a model's name.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Numbers {
    /// As said, in Latin letters; empty if not said.
    pub generation: String,
    /// The reference knows a generation of that name, or one so like it that the brand's way of naming is told.
    pub is_known: bool,
    /// The reference lists that name.
    pub is_listed: bool,
    pub year: Option<i16>,
    /// Places of the words that say so.
    pub used: Vec<usize>,
}

/// Reads what is said beside a hit.
pub(super) fn read(model: &Model, text: &Text, hit: &Hit) -> Numbers {
    let mut numbers = Numbers::default();
    numbers.read_name(model, text, hit);
    numbers.read_explicit(model, text, hit);
    numbers.read_codes(model, text, hit);
    numbers.read_numbers(model, text, hit);
    if let Some(roman) = roman_name(model, &numbers.generation) {
        numbers.generation = roman;
    }
    numbers.is_listed =
        model.generations.iter().any(|it| it.names().any(|name| name.eq_ignore_ascii_case(&numbers.generation)));
    numbers
}

/// The one generation made in a year, by its code or number; empty where several were.
pub(super) fn generation_of_year(model: &Model, year: i16) -> String {
    let contains =
        |from: Option<i16>, to: Option<i16>| from.is_some_and(|from| Years { from: Some(from), to }.contains(year));
    let mut made = model.generations.iter().filter(|it| contains(it.from, it.to));
    match (made.next(), made.next()) {
        (Some(only), None) => only.label(),
        _ => String::new(),
    }
}

impl Numbers {
    fn say(&mut self, generation: String, is_known: bool, used: Range<usize>) {
        self.generation = generation;
        self.is_known = is_known;
        self.used.extend(used);
    }

    fn is_free(&self, text: &Text, hit: &Hit, place: usize) -> bool {
        !hit.span.contains(&place)
            && !self.used.contains(&place)
            && text.kind(place).is_some_and(|kind| kind != Kind::Talk)
    }

    /// The name itself says it: "лупатый", "тлк 200", "W212".
    fn read_name(&mut self, model: &Model, text: &Text, hit: &Hit) {
        let written = text.words.get(hit.span.clone()).unwrap_or_default();
        let said = match hit.how {
            MatchKind::Badge => chassis_in_badge(model, written),
            MatchKind::Code => code_of(model, written).or_else(|| chassis(&join(written), model)),
            _ if hit.is_certain() => in_name(model, written)
                .or_else(|| code_in_name(model, written))
                .or_else(|| chassis_in_badge(model, written)),
            _ => None,
        };
        if let Some(generation) = said {
            self.say(generation, true, 0..0);
        }
    }

    /// "30 кузов", "5 поколение", "третий кузов", "кузов 120".
    fn read_explicit(&mut self, model: &Model, text: &Text, hit: &Hit) {
        for place in
            (0..text.words.len()).filter(|place| text.words.get(*place).is_some_and(|it| is_generation_word(&it.key)))
        {
            for beside in [place.checked_sub(1), Some(place + 1)].into_iter().flatten() {
                let Some(word) = text.words.get(beside).filter(|_| !hit.span.contains(&beside)) else { continue };
                let number = ordinal(&word.key)
                    .map(|it| it.to_string())
                    .or_else(|| (is_number(&word.key) && word.key.len() <= 3).then(|| word.key.clone()));
                let Some(number) = number.filter(|_| word.joint == Joint::Loose) else { continue };
                if self.generation.is_empty() {
                    let is_known = is_generation(model, &number);
                    self.say(chassis(&number, model).unwrap_or(number), is_known, place..place + 1);
                }
                self.used.push(beside);
            }
        }
    }

    /// A chassis code: "рф3", "xv40", "B5".
    fn read_codes(&mut self, model: &Model, text: &Text, hit: &Hit) {
        // A code stands near the name.
        let places = hit.span.start.saturating_sub(NEAR)..text.words.len().min(hit.span.end + NEAR);
        let spans =
            places.flat_map(|start| (start + 1..=text.words.len().min(start + 3)).rev().map(move |end| start..end));
        for span in spans {
            let Some(words) = text
                .words
                .get(span.clone())
                .filter(|words| is_whole(text, &span) && !words.iter().all(|word| is_number(&word.key)))
            else {
                continue;
            };
            if span.clone().all(|place| self.is_free(text, hit, place))
                && let Some(code) = code_of(model, words).or_else(|| self.letters(model, hit, &span, words))
            {
                if self.generation.is_empty() {
                    self.say(code, true, span);
                } else {
                    self.used.extend(span);
                }
            }
        }
    }

    /// A code of letters alone beside the name, however it is typed.
    fn letters(&self, model: &Model, hit: &Hit, span: &Range<usize>, words: &[Word]) -> Option<String> {
        let is_beside = span.start == hit.span.end || span.end == hit.span.start;
        if is_beside && self.generation.is_empty() { letters_of(model, words) } else { None }
    }

    fn read_numbers(&mut self, model: &Model, text: &Text, hit: &Hit) {
        for (place, word) in text.words.iter().enumerate() {
            if !self.is_free(text, hit, place) || text.kind(place) != Some(Kind::Number) || word.joint == Joint::Fixed {
                self.read_numeral(model, text, hit, place);
                self.read_number_name(model, text, hit, place);
                continue;
            }
            let said_year = text.words.get(place + 1).is_some_and(|next| stop_words::is_year_unit(&next.key));
            let is_beside = place == hit.span.end || place + 1 == hit.span.start;
            let generation = if said_year || !self.generation.is_empty() { None } else { generation(model, &word.key) };
            if let Some(generation) = generation {
                self.say(generation, true, place..place + 1);
            } else if let Some(year) = year(&word.key) {
                self.year.get_or_insert(year);
                self.used.push(place);
            } else if self.generation.is_empty() && is_beside && word.key.len() <= 2 && model.badges.is_empty() {
                self.say(word.key.clone(), false, place..place + 1);
            }
        }
    }

    /// A number said in a word that some car is called: "крузак сотка" is no Audi 100.
    fn read_number_name(&mut self, model: &Model, text: &Text, hit: &Hit, place: usize) {
        let is_beside = place == hit.span.end || place + 1 == hit.span.start;
        let counts = text.words.get(place + 1).is_some_and(|next| stop_words::is_unit(&next.key));
        // "тигуан первый", "третий фокус": talk elsewhere, but right beside the name it says which.
        let is_ordinal = |word: &Word| !counts && ordinal(&word.key).is_some();
        let may_be = |word: &Word| is_beside && (self.is_free(text, hit, place) || is_ordinal(word));
        let Some(word) = text.words.get(place).filter(|word| may_be(word)) else { return };
        let number = numerals::single(&word.key).map(|value| value.to_string());
        if let Some(said) = number.filter(|_| self.generation.is_empty()).and_then(|number| generation(model, &number))
        {
            self.say(said, true, place..place + 1);
        }
    }

    /// A Roman numeral after the name: "пассат V", "ланцер ix", "Focus седан III".
    fn read_numeral(&mut self, model: &Model, text: &Text, hit: &Hit, place: usize) {
        let is_talk = |place: usize| text.kind(place) == Some(Kind::Talk);
        let is_after = place >= hit.span.end && (hit.span.end..place).all(is_talk);
        let may_be = self.is_free(text, hit, place);
        let Some(word) = text.words.get(place).filter(|word| may_be && word.joint == Joint::Loose) else { return };
        // Beside a code it only says the same once more: "S-Class V (W221)".
        if !self.generation.is_empty() && roman(&word.key).is_some() && place >= hit.span.end {
            self.used.push(place);
        } else if let Some(number) = roman(&word.key).filter(|_| is_after && self.generation.is_empty()) {
            let number = number.to_string();
            // One letter may be anything where there was no such generation.
            if is_generation(model, &number) || word.key.chars().count() > 1 {
                self.say(number.clone(), is_generation(model, &number), place..place + 1);
            }
        }
    }
}

/// What a number says of a model's generations: a short form ("70"), a chassis ("211" is W211), a count ("3").
fn generation(model: &Model, number: &str) -> Option<String> {
    if let Some(chassis) = chassis(number, model).filter(|_| number.len() == 3) {
        return Some(chassis);
    }
    let is_known = if model.badges.is_empty() { is_generation(model, number) } else { is_count(model, number) };
    (number.len() <= 3 && is_known).then(|| number.to_owned())
}

fn is_generation(model: &Model, number: &str) -> bool {
    is_count(model, number) || model.codes().any(|code| normalize::key(code) == number)
}

fn is_count(model: &Model, number: &str) -> bool {
    model.generations.iter().filter_map(|it| it.number).any(|count| count.to_string() == number)
}

/// A code that is the rest of an alias: the alias "камри 70" of Camry.
fn code_in_name(model: &Model, words: &[Word]) -> Option<String> {
    let own = normalize::key(&model.name);
    let (first, last) = (words.first()?, words.get(1..)?);
    let code = join(last);
    let said = code_of(model, last).filter(|_| !own.contains(&code));
    let said = said.filter(|code| code.chars().any(|ch| ch.is_ascii_digit()));
    // "портер 2" is the second Porter; "марк 2" is all of the name Mark II.
    let has_numeral = || model.name.split(' ').any(|word| ordinal(&word.to_lowercase()).is_some());
    let is_spelling = |key: &str| model.spellings().any(|spelling| normalize::key(spelling) == key);
    let count = || is_number(&code) && is_count(model, &code) && !own.contains(&code) && !has_numeral();
    said.or_else(|| (count() && is_spelling(&first.key)).then_some(code.clone()))
}

/// The chassis that stands where an engine does: "CLK 209".
fn chassis_in_badge(model: &Model, words: &[Word]) -> Option<String> {
    let number = words.iter().find(|word| is_number(&word.key) && word.key.len() == 3)?;
    chassis(&number.key, model)
}

/// The Roman name of a generation that is called so: "лансер 10" is the Lancer X.
fn roman_name(model: &Model, generation: &str) -> Option<String> {
    let count: usize = generation.parse().ok()?;
    let roman = ROMAN.get(count.checked_sub(1)?)?;
    model.codes().find(|code| code == roman).cloned()
}

fn year(number: &str) -> Option<i16> {
    let value: i16 = number.parse().ok()?;
    match number.len() {
        4 => Years::PLAUSIBLE.contains(&value).then_some(value),
        2 if value >= 80 => Some(1900 + value),
        2 if value <= 30 => Some(2000 + value),
        _ => None,
    }
}

fn is_whole(text: &Text, span: &Range<usize>) -> bool {
    let is_edge = |place: usize| text.words.get(place).is_none_or(|word| word.joint == Joint::Loose);
    is_edge(span.start) && is_edge(span.end)
}
