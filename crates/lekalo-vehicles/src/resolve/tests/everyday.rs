//! Words that people say all the time are no cars, whatever stands beside them.

use super::super::stop_words::EVERYDAY;
use super::super::{Decision, Query, Resolver};
use crate::Index;
use crate::normalize;

fn decision(text: &str) -> Decision {
    Resolver::new(Index::shipped()).resolve(&Query { text, ..Query::default() }).decision
}

/// What words of everyday are said with, and how many of a thousand may be taken for a car, or accepted as one.
const AROUND: [(&str, usize, usize); 7] = [
    ("{}", 2, 0),
    ("на {} есть?", 2, 0),
    ("{} 40", 8, 1),
    ("{} 5", 8, 1),
    ("{} 10 утра", 2, 1),
    ("а в {} 3 есть?", 8, 1),
    ("{} и {}", 3, 1),
];

/// Words that are a car's name too, as listed, are left out.
#[test]
fn words_of_everyday_are_no_cars_beside_numbers_either() {
    let index = Index::shipped();
    let is_name = |key: &str| !index.models_spelled(key).is_empty() || !index.brands_listed(key).is_empty();
    let words: Vec<&str> =
        EVERYDAY.lines().filter(|word| !word.starts_with('#') && !is_name(&normalize::key(word))).collect();
    assert!(words.len() > 20_000, "{}", words.len());
    for (around, most_taken, most_accepted) in AROUND {
        let (mut taken, mut accepted, mut asked) = (Vec::new(), Vec::new(), 0);
        for word in words.iter().step_by(8) {
            let text = around.replace("{}", word);
            asked += 1;
            match decision(&text) {
                Decision::None => {}
                Decision::Choose => taken.push(text),
                Decision::Accept => accepted.push(text),
            }
        }
        assert!(accepted.len() * 1000 <= most_accepted * asked, "{around}: {accepted:?} are accepted");
        assert!((taken.len() + accepted.len()) * 1000 <= most_taken * asked, "{around}: {taken:?} are taken for cars");
    }
}

/// A preposition before a number is no code, and a word that only reads like a brand is none.
#[test]
fn times_and_words_that_read_like_brands_are_no_cars() {
    for number in 1..=24 {
        for text in [
            format!("приеду в {number}"),
            format!("к {number} часам подъеду"),
            format!("в {number} утра"),
            format!("с {number} до 18 работаете?"),
            format!("{number} и {number}"),
        ] {
            assert_ne!(decision(&text), Decision::Accept, "{text}");
        }
    }
    for text in ["в 10 утра", "завтра в 3", "к 5 часам", "дочь", "орел", "нина", "Манас 40", "қанша тұрады"]
    {
        assert_eq!(decision(text), Decision::None, "{text}");
    }
}
