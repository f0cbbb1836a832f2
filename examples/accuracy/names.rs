//! The reference's own cars, typed in the ways people type, and words that name none. No labels are needed: what was typed is known.
//!
//! Where the typed text is another car's name too (Nexia is Daewoo's, Chevrolet's and Ravon's), each of them is right.

use std::collections::HashMap;

use lekalo_vehicles::resolve::{Decision, Query, Resolution, Resolver};
use lekalo_vehicles::{Brand, Index, Model, normalize, transliteration};

use super::calibration::Calibration;
use super::counts::{Count, Outcome, table};

/// Models less known than this are hardly ever typed.
const KNOWN: f32 = 0.25;
/// Words of everyday that nobody says of a car; a name is among them where it is a word besides.
const EVERYDAY: &str = include_str!("../../data/words/everyday_words.txt");

/// A way of typing a car; none where it cannot be typed so.
type Way = fn(&Brand, &Model) -> Option<String>;

const WAYS: [(&str, Way); 11] = [
    ("brand and model", |brand, model| Some(format!("{} {}", brand.name, model.name))),
    ("the same in Russian", |brand, model| Some(format!("{} {}", brand.ru, ru(model)?))),
    ("the same in Latin letters", |brand, model| Some(latin(&format!("{} {}", brand.ru, ru(model)?)))),
    ("the same on the other layout", |brand, model| other_layout(&format!("{} {}", brand.ru, ru(model)?))),
    ("the same as one word", |brand, model| Some(format!("{}{}", brand.ru, ru(model)?).to_lowercase())),
    ("the same in a sentence", |brand, model| {
        let year = model.years().from? + 2;
        Some(format!("Здравствуйте, сколько будут коврики на {} {} {year} года?", brand.ru, ru(model)?))
    }),
    ("the same, two letters swapped", |brand, model| Some(format!("{} {}", brand.ru, swapped(ru(model)?)?))),
    ("model alone", |_, model| Some(model.name.clone()).filter(|name| has_letters(name))),
    ("model alone, in Russian", |_, model| ru(model).map(str::to_owned)),
    ("model alone, in a sentence", |_, model| Some(format!("на {} есть коврики?", ru(model)?))),
    ("model alone, two letters swapped", |_, model| swapped(ru(model)?)),
];

/// What is said with a word of everyday.
const NO_CARS: [(&str, &str); 4] = [
    ("a word of everyday", "{}"),
    ("a word of everyday and a number", "{} 40"),
    ("a word of everyday and a time", "{} 10 утра"),
    ("a word of everyday in a sentence", "а в {} 3 есть?"),
];

/// Types every known car in every way, and everyday words; prints the misses if they are to be shown.
pub fn report(is_shown: bool, calibration: &mut Calibration) -> (usize, String) {
    let index = Index::shipped();
    let owners = owners(index);
    let mut rows = Vec::new();
    let mut texts = 0;
    for (name, way) in WAYS {
        let mut count = Count::default();
        for brand in &index.reference().brands {
            for model in brand.models.iter().filter(|model| model.popularity() >= KNOWN) {
                let Some(text) = way(brand, model) else { continue };
                let found = Resolver::new(index).resolve(&Query { text: &text, ..Query::default() });
                let full = format!("{} {}", brand.name, model.name);
                let outcome = judge(index, &found, |car| {
                    *car == full || owners.get(&normalize::key(&text)).is_some_and(|cars| cars.contains(car))
                });
                if let Some(first) = found.candidates.first() {
                    calibration.add(first.score, outcome.place == Some(0));
                }
                if is_shown && !outcome.is_right() {
                    println!("{name}: {text:?} is {full}: {:?} {:?}", found.decision, cars(index, &found));
                }
                count.add(&outcome);
                texts += 1;
            }
        }
        rows.push([vec![name.to_owned()], count.cells().to_vec()].concat());
    }
    let words = EVERYDAY.lines().filter(|word| !word.is_empty() && !word.starts_with('#'));
    let words: Vec<&str> = words.filter(|word| !owners.contains_key(&normalize::key(word))).collect();
    for (name, around) in NO_CARS {
        let mut count = Count::default();
        for word in &words {
            let text = around.replace("{}", word);
            let found = Resolver::new(index).resolve(&Query { text: &text, ..Query::default() });
            if is_shown && found.decision != Decision::None {
                println!("{name}: {text:?}: {:?} {:?}", found.decision, cars(index, &found));
            }
            count.add(&Outcome { is_car: false, place: None, decision: found.decision });
            texts += 1;
        }
        rows.push([vec![name.to_owned()], count.cells().to_vec()].concat());
    }
    let header: Vec<&str> = std::iter::once("typed").chain(Count::HEADER).collect();
    (texts, table(&header, &rows))
}

fn judge(index: &Index, found: &Resolution, is_right: impl Fn(&String) -> bool) -> Outcome {
    let place = cars(index, found).iter().take(5).position(is_right);
    Outcome { is_car: true, place, decision: found.decision }
}

fn cars(index: &Index, found: &Resolution) -> Vec<String> {
    let car = |it: &lekalo_vehicles::resolve::Candidate| {
        it.model.map_or_else(|| index.brand(it.brand).name.clone(), |model| index.full_name(model))
    };
    found.candidates.iter().map(car).collect()
}

/// The cars by all that they are called, alone and with their brand.
fn owners(index: &Index) -> HashMap<String, Vec<String>> {
    let mut owners: HashMap<String, Vec<String>> = HashMap::new();
    for brand in &index.reference().brands {
        for spelling in brand.spellings() {
            owners.entry(normalize::key(spelling)).or_default().push(brand.name.clone());
        }
        for model in &brand.models {
            let full = format!("{} {}", brand.name, model.name);
            for spelling in model.spellings() {
                owners.entry(normalize::key(spelling)).or_default().push(full.clone());
                owners.entry(normalize::key(&format!("на {spelling} есть коврики"))).or_default().push(full.clone());
            }
        }
    }
    owners
}

/// The Russian name, if there is one in letters.
fn ru(model: &Model) -> Option<&str> {
    Some(model.ru.as_str()).filter(|name| has_letters(name) && !name.is_ascii())
}

fn has_letters(name: &str) -> bool {
    name.chars().any(char::is_alphabetic)
}

fn latin(text: &str) -> String {
    text.split(' ').map(|word| transliteration::latin(&normalize::key(word))).collect::<Vec<_>>().join(" ")
}

/// Two letters in the middle, each in the other's place, where they are not the same.
fn swapped(name: &str) -> Option<String> {
    let mut letters: Vec<char> = name.to_lowercase().chars().collect();
    let middle = letters.len() / 2;
    let is_pair = middle >= 2
        && letters
            .get(middle - 1..=middle)
            .is_some_and(|pair| pair[0] != pair[1] && pair.iter().all(|ch| ch.is_alphabetic()));
    is_pair.then(|| {
        letters.swap(middle - 1, middle);
        letters.into_iter().collect()
    })
}

/// As it stands if the keyboard is Latin; none where it takes both.
fn other_layout(text: &str) -> Option<String> {
    let other = |ch: char| Some(ch).filter(|ch| ch.is_alphabetic()).and_then(transliteration::other_key).unwrap_or(ch);
    let is_russian = !text.contains(|ch: char| ch.is_ascii_alphabetic());
    is_russian.then(|| text.to_lowercase().chars().map(other).collect())
}
