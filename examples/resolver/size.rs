//! What an index costs: to build, to keep, to ask.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lekalo_vehicles::resolve::{Query, Resolver};
use lekalo_vehicles::{Index, Model, Reference};

use super::ROUNDS;
use super::grown::{Dice, text};
use super::labels::spread;

/// So many texts are asked.
const TEXTS: usize = 5_000;

/// Indexes a reference, asks it for cars, and prints what either takes.
pub fn report(reference: Reference) {
    ask(&build(reference));
}

fn build(reference: Reference) -> Index {
    let models: Vec<&Model> = reference.brands.iter().flat_map(|brand| &brand.models).collect();
    let spellings: usize = models.iter().map(|model| model.spellings().count()).sum();
    println!("{} brands, {} models, {spellings} spellings of models", reference.brands.len(), models.len());
    let (before, started) = (memory("VmRSS"), Instant::now());
    let index = Index::new(reference);
    let took = started.elapsed();
    let more = |name: &str| memory(name).zip(before).map_or("?".to_owned(), |(now, before)| (now - before).to_string());
    println!("index built in {took:.0?}, {} MB kept, {} MB at most while it was built", more("VmRSS"), more("VmHWM"));
    index
}

/// Asks for cars in many ways, and for none.
fn ask(index: &Index) {
    let mut dice = Dice::new(7);
    let texts: Vec<(&str, String)> = (0..TEXTS).map(|_| text(index.reference(), &mut dice)).collect();
    let resolver = Resolver::new(index);
    let mut shortest = vec![Duration::MAX; texts.len()];
    for _ in 0..ROUNDS {
        for ((_, text), shortest) in texts.iter().zip(&mut shortest) {
            let query = Query { text, ..Query::default() };
            let started = Instant::now();
            std::hint::black_box(resolver.resolve(&query));
            *shortest = started.elapsed().min(*shortest);
        }
    }
    let mut kinds: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for ((kind, _), time) in texts.iter().zip(&shortest) {
        kinds.entry(kind).or_default().push(*time);
        kinds.entry("~ all").or_default().push(*time);
    }
    println!("\n{:<36}{:>6}{:>12}{:>12}{:>12}", "text", "texts", "median", "p99", "longest");
    for (kind, times) in kinds {
        let count = times.len();
        let [median, p99, longest] = spread(times).map(|time| format!("{} µs", time.as_micros()));
        println!("{kind:<36}{count:>6}{median:>12}{p99:>12}{longest:>12}");
    }
}

/// Megabytes of this process, as Linux counts them.
fn memory(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
}
