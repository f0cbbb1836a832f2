//! A reference with invented models added to every brand, and texts that ask for its cars.
//!
//! Everything follows from the numbers given: two runs make the same names and the same texts.

use std::collections::HashSet;

use lekalo_vehicles::{Generation, Model, Reference, normalize, transliteration};

/// What names are made of, in Latin and Cyrillic letters.
const SYLLABLES: &[(&str, &str)] = &[
    ("al", "ал"),
    ("an", "ан"),
    ("ar", "ар"),
    ("be", "бе"),
    ("bri", "бри"),
    ("ca", "ка"),
    ("cor", "кор"),
    ("da", "да"),
    ("del", "дел"),
    ("di", "ди"),
    ("do", "до"),
    ("e", "е"),
    ("fa", "фа"),
    ("fi", "фи"),
    ("for", "фор"),
    ("ga", "га"),
    ("gran", "гран"),
    ("i", "и"),
    ("ka", "ка"),
    ("ko", "ко"),
    ("la", "ла"),
    ("le", "ле"),
    ("li", "ли"),
    ("lu", "лу"),
    ("ma", "ма"),
    ("me", "ме"),
    ("mi", "ми"),
    ("mon", "мон"),
    ("na", "на"),
    ("ni", "ни"),
    ("no", "но"),
    ("o", "о"),
    ("pa", "па"),
    ("pri", "при"),
    ("ra", "ра"),
    ("re", "ре"),
    ("ri", "ри"),
    ("ro", "ро"),
    ("sa", "са"),
    ("se", "се"),
    ("sta", "ста"),
    ("ta", "та"),
    ("te", "те"),
    ("ti", "ти"),
    ("to", "то"),
    ("tra", "тра"),
    ("tu", "ту"),
    ("va", "ва"),
    ("ve", "ве"),
    ("vi", "ви"),
    ("vo", "во"),
    ("za", "за"),
    ("zi", "зи"),
    ("ya", "я"),
];
/// What is added to some names.
const TRIMS: &[(&str, &str)] =
    &[("Cross", "Кросс"), ("Sport", "Спорт"), ("Wagon", "Вагон"), ("Plus", "Плюс"), ("EV", "ЕВ")];
/// How letters of a name are mistaken in its further spellings.
const MISTAKES: &[(&str, &str)] =
    &[("е", "э"), ("о", "а"), ("и", "е"), ("к", "кк"), ("л", "лл"), ("т", "тт"), ("с", "сс")];
/// Words that nobody knows.
const NOISE: &[&str] = &["шамбарыл", "корзын", "полыган", "дробата", "мистурел", "вентолис", "грамбика", "солтарен"];

/// Numbers that look random and are the same in every run (SplitMix64).
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound.max(1) as u64) as usize
    }

    fn one_of<'a, T>(&mut self, things: &'a [T]) -> &'a T {
        &things[self.below(things.len())]
    }
}

/// The reference, grown to so many models in all; the brands take turns.
pub fn grow(mut reference: Reference, models: usize) -> Reference {
    let mut dice = Dice::new(1);
    let mut taken: Vec<HashSet<String>> = reference
        .brands
        .iter()
        .map(|brand| brand.models.iter().flat_map(Model::spellings).map(normalize::key).collect())
        .collect();
    let mut missing = models.saturating_sub(reference.brands.iter().map(|brand| brand.models.len()).sum());
    while missing > 0 {
        for (brand, taken) in reference.brands.iter_mut().zip(&mut taken) {
            let model = invent(&mut dice);
            if missing > 0 && model.spellings().all(|spelling| !taken.contains(&normalize::key(spelling))) {
                taken.extend(model.spellings().map(normalize::key));
                brand.models.push(model);
                missing -= 1;
            }
        }
    }
    reference
}

/// A model with as many spellings and generations as the shipped ones have on average: six and one.
fn invent(dice: &mut Dice) -> Model {
    let (mut name, mut ru) = (String::new(), String::new());
    match dice.below(10) {
        // "GX70".
        0 | 1 => {
            for _ in 0..1 + dice.below(2) {
                let (latin, cyrillic) =
                    dice.one_of(&[("C", "С"), ("D", "Д"), ("G", "Г"), ("K", "К"), ("L", "Л"), ("M", "М")]);
                name.push_str(latin);
                ru.push_str(cyrillic);
            }
            let number = (1 + dice.below(999)).to_string();
            name.push_str(&number);
            ru.push_str(&number);
        }
        form => {
            for _ in 0..2 + dice.below(3) {
                let (latin, cyrillic) = dice.one_of(SYLLABLES);
                name.push_str(latin);
                ru.push_str(cyrillic);
            }
            if form == 2 {
                let (latin, cyrillic) = dice.one_of(TRIMS);
                name = format!("{name} {latin}");
                ru = format!("{ru} {cyrillic}");
            }
            if form == 3 {
                let number = (1 + dice.below(9)).to_string();
                name.push_str(&number);
                ru.push_str(&number);
            }
        }
    }
    let mut aliases: Vec<String> = Vec::new();
    for _ in 0..4 {
        let (right, wrong) = dice.one_of(MISTAKES);
        let latin = name.to_lowercase().replacen('i', "y", 1);
        let alias =
            if dice.below(4) == 0 { latin } else { ru.to_lowercase().replacen(right, wrong, 1 + dice.below(2)) };
        if !aliases.contains(&alias) {
            aliases.push(alias);
        }
    }
    let from = 1990 + dice.below(30) as i16;
    let number = 10 * (1 + dice.below(30));
    let letter = dice.one_of(&["A", "B", "D", "E", "F", "J", "K", "S", "T", "W", "Z"]);
    let generation = Generation {
        code: Some(format!("{letter}{number}")),
        number: Some(1),
        also: vec![number.to_string()],
        from: Some(from),
        to: Some(from + 6),
        body: None,
    };
    Model { name, ru, aliases, ambiguous: Vec::new(), body: None, badges: Vec::new(), generations: vec![generation] }
}

/// A text that asks for a car of the reference, or for none, and what kind of text it is.
pub fn text(reference: &Reference, dice: &mut Dice) -> (&'static str, String) {
    let brand = dice.one_of(&reference.brands);
    let brand_spellings: Vec<&str> = brand.spellings().collect();
    let named = dice.one_of(&brand_spellings).to_lowercase();
    let spellings: Vec<&str> = brand.models.iter().flat_map(Model::spellings).collect();
    if spellings.is_empty() {
        return ("brand", named);
    }
    let name = dice.one_of(&spellings).to_lowercase();
    let year = 1990 + dice.below(36);
    let mut noise = |words: usize| (0..words).map(|_| *dice.one_of(NOISE)).collect::<Vec<_>>().join(" ");
    let noise = [noise(3), noise(30)];
    let typo = misspell(&name, dice);
    match dice.below(10) {
        0 => ("model", name),
        1 => ("brand, model", format!("{named} {name}")),
        2 => ("in a sentence", format!("салам, {name} {year} полик барбы?")),
        3 => ("typo", typo),
        4 => ("brand, typo", format!("{named} {typo} {year}")),
        5 => ("other layout", other_layout(&format!("{named} {name}"))),
        6 => ("upper case", format!("{} {}", named.to_uppercase(), name.to_uppercase())),
        7 => ("with unknown words", format!("{named} {typo} {}", noise[0])),
        8 => ("unknown words", noise[0].clone()),
        _ => ("long nonsense", format!("{named} {typo} {}", noise[1])),
    }
}

/// The name with two neighbouring letters swapped or one left out.
fn misspell(name: &str, dice: &mut Dice) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    let place = dice.below(letters.len());
    if place > 0 && dice.below(2) == 0 {
        letters.swap(place - 1, place);
    } else if letters.len() > 1 {
        letters.remove(place);
    }
    letters.into_iter().collect()
}

fn other_layout(text: &str) -> String {
    text.chars().map(|ch| transliteration::other_key(ch).unwrap_or(ch)).collect()
}
