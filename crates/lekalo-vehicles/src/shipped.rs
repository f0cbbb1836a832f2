//! Every spelling of the shipped reference finds its car, however it is typed.
//!
//! Each is typed as written and in every other way the engine reads; but in the long mode each of those ways has every sixth
//! of a model, to be done in seconds. As written and in capitals every one must be found. The other ways have a floor: what is lost
//! there is lost to readings that the engine lacks, and the floor keeps that from growing; raise it when the engine learns.
//! `LEKALO_TEST_LONG=1 cargo test -p lekalo-vehicles every_spelling -- --nocapture` types all of them in all ways and prints the counts.
//!
//! Excused, and counted apart: two cars that share what is typed ("ec6" is Nio's EC6 and what "ес6", its ES6, looks like), where
//! either may answer, and names that are an engine's volume ("1.8").

mod typing;

use std::collections::{HashMap, HashSet};
use std::ops::AddAssign;

use super::index::{BrandId, Index, ModelId};
use super::normalize::key;
use super::resolve::{Query, Resolver};
use super::words::words;
use crate::vehicle::slug;
use typing::WAYS;

/// A way has one model's spelling of so many.
fn turns() -> usize {
    if std::env::var_os("LEKALO_TEST_LONG").is_some() { 1 } else { 6 }
}

/// How the spellings fared that were typed in one way.
#[derive(Default)]
struct Count {
    asked: usize,
    shared: usize,
    lost: Vec<String>,
}

/// One for each of [`WAYS`].
type Counts = [Count; WAYS.len()];

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.asked += other.asked;
        self.shared += other.shared;
        self.lost.extend(other.lost);
    }
}

#[test]
fn every_spelling_of_a_model_finds_it_however_typed() {
    let counts = for_each_brand(ask_for_models);
    assert!(counts[0].asked > 15_000, "only {} spellings", counts[0].asked);
    check("models", &counts, |way| way.models);
}

#[test]
fn every_spelling_of_a_brand_finds_it_however_typed() {
    let counts = for_each_brand(ask_for_brand);
    assert!(counts[0].asked > 1_500, "only {} spellings", counts[0].asked);
    check("brands", &counts, |way| way.brands);
}

/// Every brand on one of the machine's cores, which take turns.
fn for_each_brand(ask: fn(&Index, BrandId, &mut Counts)) -> Counts {
    let index = Index::shipped();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut counts = Counts::default();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores)
            .map(|core| {
                scope.spawn(move || {
                    let mut counts = Counts::default();
                    let brands = (0..index.reference().brands.len()).skip(core).step_by(cores);
                    brands.for_each(|brand| ask(index, BrandId(brand), &mut counts));
                    counts
                })
            })
            .collect();
        for worker in workers {
            counts.iter_mut().zip(worker.join().unwrap()).for_each(|(all, part)| *all += part);
        }
    });
    counts
}

/// With the brand given, the model comes first; a spelling marked ambiguous only has to be among the candidates.
fn ask_for_models(index: &Index, brand: BrandId, counts: &mut Counts) {
    let owners = owners(index, brand);
    let resolver = Resolver::new(index);
    let brand_slug = slug(&index.brand(brand).name);
    for id in index.models_of(brand) {
        let model = index.model(id);
        for spelling in model.spellings().filter(|spelling| !is_volume(spelling)) {
            let is_ambiguous = model.ambiguous.iter().any(|it| key(it) == key(spelling));
            for (text, count) in typed(spelling, counts, turns()) {
                count.asked += 1;
                let query = Query { text: &text, brand: Some(&brand_slug), max_candidates: 20, ..Query::default() };
                let found: Vec<_> = resolver.resolve(&query).candidates.into_iter().filter_map(|it| it.model).collect();
                if found.first() == Some(&id) || (is_ambiguous && found.contains(&id)) {
                    continue;
                }
                if found.first().is_some_and(|first| owners[&key(&text)].contains(first)) {
                    count.shared += 1;
                } else {
                    let instead = found.first().map_or("nothing".to_owned(), |first| index.full_name(*first));
                    count.lost.push(format!("{}: {spelling:?} as {text:?} is {instead}", index.full_name(id)));
                }
            }
        }
    }
}

/// A brand given as it is typed is the first found.
fn ask_for_brand(index: &Index, brand: BrandId, counts: &mut Counts) {
    for spelling in index.brand(brand).spellings() {
        for (text, count) in typed(spelling, counts, 1) {
            count.asked += 1;
            let found = index.find_brands(&words(&text));
            if found.first().is_none_or(|first| first.brand != brand) {
                let instead = found.first().map_or("nothing", |first| index.brand(first.brand).name.as_str());
                count.lost.push(format!("{}: {spelling:?} as {text:?} is {instead}", index.brand(brand).name));
            }
        }
    }
}

/// A spelling as it is typed in each way, or in those whose turn it is, and where to count that.
fn typed<'a>(spelling: &'a str, counts: &'a mut Counts, turns: usize) -> impl Iterator<Item = (String, &'a mut Count)> {
    let turn = spelling.bytes().fold(0, |turn, byte| turn + usize::from(byte));
    let ways = WAYS.iter().zip(counts).enumerate();
    let due = ways.filter(move |(place, _)| *place == 0 || (turn + place) % turns == 0);
    due.filter_map(move |(_, (way, count))| Some(((way.typed)(spelling)?, count)))
}

/// The models of a brand by all that their spellings are typed as.
fn owners(index: &Index, brand: BrandId) -> HashMap<String, HashSet<ModelId>> {
    let mut owners: HashMap<String, HashSet<ModelId>> = HashMap::new();
    for id in index.models_of(brand) {
        for spelling in index.model(id).spellings() {
            for text in WAYS.iter().filter_map(|way| (way.typed)(spelling)) {
                owners.entry(key(&text)).or_default().insert(id);
            }
        }
    }
    owners
}

/// "1.8": in a text it is an engine's.
fn is_volume(spelling: &str) -> bool {
    spelling.parse::<f32>().is_ok() && spelling.contains('.')
}

fn check(what: &str, counts: &Counts, floor: fn(&typing::Way) -> usize) {
    println!("\n{what:<30}{:>8}{:>8}{:>8}{:>10}{:>8}", "asked", "shared", "lost", "found", "floor");
    let mut failures = Vec::new();
    for (way, count) in WAYS.iter().zip(counts) {
        let found = 1000 * (count.asked - count.lost.len()) / count.asked.max(1);
        let (asked, shared, lost, floor) = (count.asked, count.shared, count.lost.len(), floor(way));
        println!("{:<30}{asked:>8}{shared:>8}{lost:>8}{found:>8} ‰{floor:>6} ‰", way.name);
        if found < floor || (floor == 1000 && lost > 0) {
            let some: Vec<&str> = count.lost.iter().take(20).map(String::as_str).collect();
            failures.push(format!("{what}, {}: {lost} of {asked} lost, among them\n{}", way.name, some.join("\n")));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
