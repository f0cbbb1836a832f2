//! How long the resolver takes at worst: `cargo run --release -p lekalo-vehicles --example latency [TEXTS]`.
//!
//! Texts of 256 characters that are made to cost much: letters that read in many ways, beginnings of names, brands and models by
//! the dozen, codes, typos of long names, signs that may be letters of the other layout; drawn by a fixed seed, so that two runs are
//! of the same texts. Prints the median, the 99th and the 99.9th percentile and the longest, with the text that took it.

use std::time::{Duration, Instant};

use lekalo_vehicles::Index;
use lekalo_vehicles::resolve::{Query, Resolver};

/// As long as a text may be.
const LETTERS: usize = 256;
const TEXTS: usize = 4000;

fn main() {
    let texts = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(TEXTS);
    let index = Index::shipped();
    let resolver = Resolver::new(index);
    let words = vocabulary(index);
    let mut random = Random(0x5eed);
    resolver.resolve(&Query { text: "камри", ..Query::default() });
    let mut times: Vec<(Duration, String)> = Vec::with_capacity(texts);
    for kind in (0..KINDS).cycle().take(texts) {
        let text = text(kind, &words, &mut random);
        // The least of two, so that other work on the machine hardly counts.
        let once = || {
            let started = Instant::now();
            std::hint::black_box(resolver.resolve(&Query { text: &text, ..Query::default() }));
            started.elapsed()
        };
        let time = once().min(once());
        times.push((time, text));
    }
    times.sort();
    let at =
        |share: f64| times.get(((times.len() - 1) as f64 * share) as usize).map_or(Duration::ZERO, |(time, _)| *time);
    println!(
        "{texts} texts of {LETTERS} letters: median {:.2?}, p99 {:.2?}, p99.9 {:.2?}, longest {:.2?}",
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
    for (time, text) in times.iter().rev().take(3) {
        println!("{time:.2?} {text}");
    }
}

/// Names as people type them.
fn vocabulary(index: &Index) -> Vec<String> {
    let reference = index.reference();
    let brands = reference.brands.iter().flat_map(|brand| brand.spellings());
    let models = reference.brands.iter().flat_map(|brand| &brand.models).flat_map(|model| model.spellings());
    brands.chain(models).map(str::to_lowercase).collect()
}

const KINDS: usize = 10;

fn text(kind: usize, names: &[String], random: &mut Random) -> String {
    let mut text = String::new();
    while text.chars().count() < LETTERS {
        let name = &names[random.below(names.len())];
        let piece: String = match kind {
            0 => (0..4).map(|_| random.of("жхцщшюяёэйы")).collect(),
            1 => (0..1 + random.below(3)).map(|_| random.of("внрсухкмтеао")).collect(),
            2 => name.clone(),
            3 => name.chars().take(5).collect(),
            4 => misspelled(name, random),
            5 => format!("{}{}", random.of("abcdefgxwvтхсавек"), random.below(1000)),
            6 => (0..7).map(|_| random.of("[];',.`qwertyasdfzxcv")).collect(),
            7 => (0..6 + random.below(8)).map(|_| random.of("абвгдежзийклмнопрстуфхцчшщыэюя")).collect(),
            8 => format!("{} {}", misspelled(name, random), random.below(300)),
            _ => char::from_u32(0x400 + random.below(0x100) as u32).into_iter().collect(),
        };
        text.push_str(&piece);
        text.push(if kind == 6 { ';' } else { ' ' });
    }
    text.chars().take(LETTERS).collect()
}

/// A name with a letter changed.
fn misspelled(name: &str, random: &mut Random) -> String {
    let place = random.below(name.chars().count().max(1));
    let letter = random.of("абвгдеклмнопрст");
    name.chars().enumerate().map(|(at, ch)| if at == place { letter } else { ch }).collect()
}

/// SplitMix64: the same numbers everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed ^ (mixed >> 27)) >> 16) as usize % end
    }

    fn of(&mut self, letters: &str) -> char {
        letters.chars().nth(self.below(letters.chars().count())).unwrap_or(' ')
    }
}
