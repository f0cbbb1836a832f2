//! The resolver, measured on labelled queries.
//!
//! The labels are a CSV with the columns `query, make, model, year, generation, kind`, or tabs between `text, make, model, group`.
//! A brand that is empty or NONE: no car. A model that is empty: the brand alone. Several models between `|`: each is right.
//! A generation is right if it is the label or another name of the same one.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use lekalo_vehicles::resolve::{Candidate, Query, Resolution, Resolver};
use lekalo_vehicles::{Index, Model};

use super::Half;
use super::calibration::Calibration;
use super::counts::{self, Count, share, table};
use super::labels::{self, Line, get, is_same_name};

/// What is counted for a class of queries.
#[derive(Default)]
struct Class {
    count: Count,
    generations: usize,
    generations_right: usize,
    years: usize,
    years_right: usize,
}

/// Resolves every query, prints the misses of the halves to be shown, and tells how many there are and how each class went.
pub fn report(path: &Path, shown: &[Half], calibration: &mut Calibration) -> Result<(usize, String), Box<dyn Error>> {
    let lines = labels::read(path)?;
    let index = Index::shipped();
    let resolver = Resolver::new(index);
    let mut classes: BTreeMap<String, Class> = BTreeMap::new();
    let mut times = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let query = Query { text: text(line), ..Query::default() };
        let (resolution, time) = timed(|| resolver.resolve(&query));
        times.push(time);
        let outcome = judge(index, line, &resolution);
        let half = Half::of(place);
        if let Some(first) = resolution.candidates.first() {
            calibration.add(first.score, outcome.count.place == Some(0));
        }
        for class in [class(line), &format!("~ {}", half.name()), "~ all"] {
            classes.entry(class.to_owned()).or_default().add(&outcome);
        }
        if outcome.is_miss() && shown.contains(&half) {
            println!("{}", describe(index, line, &resolution, &outcome));
        }
    }
    let header: Vec<&str> = std::iter::once("class").chain(Count::HEADER).chain(["generation", "year"]).collect();
    let rows: Vec<Vec<String>> = classes.iter().map(|(name, class)| class.row(name)).collect();
    let [median, p99, longest] = labels::spread(times);
    let speed = format!("one resolve: median {median:.0?}, p99 {p99:.0?}, longest {longest:.0?}");
    Ok((lines.len(), format!("{}\n{speed}", table(&header, &rows))))
}

fn text(line: &Line) -> &str {
    if line.contains_key("query") { get(line, "query") } else { get(line, "text") }
}

fn class(line: &Line) -> &str {
    match get(line, "group") {
        "" => get(line, "kind"),
        "S" => "sentences",
        "M" => "make only",
        "N" => "no car",
        "A" => "spellings",
        other => other,
    }
}

/// Whether a line names a car at all.
fn is_car(line: &Line) -> bool {
    !matches!(get(line, "make"), "" | "NONE")
}

/// An answer and the least time it took of three, so that other work on the machine hardly counts.
fn timed<T>(run: impl Fn() -> T) -> (T, Duration) {
    let once = || {
        let started = Instant::now();
        (run(), started.elapsed())
    };
    let (answer, first) = once();
    (answer, [once().1, once().1].into_iter().fold(first, Duration::min))
}

/// How one query went.
struct Outcome {
    count: counts::Outcome,
    generation: Option<bool>,
    year: Option<bool>,
}

impl Outcome {
    fn is_miss(&self) -> bool {
        !self.count.is_right() || self.generation == Some(false) || self.year == Some(false)
    }
}

fn judge(index: &Index, line: &Line, resolution: &Resolution) -> Outcome {
    let models: Vec<&str> = get(line, "model").split('|').filter(|model| !model.is_empty()).collect();
    let is_right = |candidate: &Candidate| {
        is_same_name(&index.brand(candidate.brand).name, get(line, "make"))
            && (models.is_empty()
                || candidate
                    .model
                    .is_some_and(|model| models.iter().any(|label| is_same_name(&index.model(model).name, label))))
    };
    let first = resolution.candidates.first();
    let given = |column: &str| Some(get(line, column)).filter(|value| !value.is_empty());
    let model = first.and_then(|first| first.model).map(|model| index.model(model));
    Outcome {
        count: counts::Outcome {
            is_car: is_car(line),
            place: resolution.candidates.iter().take(5).position(is_right),
            decision: resolution.decision,
        },
        generation: given("generation").map(|label| {
            first.zip(model).is_some_and(|(first, model)| is_same_generation(model, &first.generation, label))
        }),
        year: given("year")
            .map(|label| first.and_then(|first| first.year).is_some_and(|year| year.to_string() == label)),
    }
}

fn is_same_generation(model: &Model, one: &str, other: &str) -> bool {
    let has = |names: &[String], name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let (one, other) = (arabic(one), arabic(other));
    one.eq_ignore_ascii_case(&other)
        || model.generations.iter().any(|generation| {
            let names: Vec<String> = generation.names().map(|name| arabic(&name)).collect();
            has(&names, &one) && has(&names, &other)
        })
}

/// A Roman numeral in digits: "Lancer X" is the tenth. Anything else as it is.
fn arabic(label: &str) -> String {
    const ROMAN: [&str; 10] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X"];
    ROMAN
        .iter()
        .zip(1..)
        .find(|(roman, _)| **roman == label)
        .map_or_else(|| label.to_owned(), |(_, count)| count.to_string())
}

impl Class {
    fn add(&mut self, outcome: &Outcome) {
        self.count.add(&outcome.count);
        self.generations += usize::from(outcome.generation.is_some());
        self.generations_right += usize::from(outcome.generation == Some(true));
        self.years += usize::from(outcome.year.is_some());
        self.years_right += usize::from(outcome.year == Some(true));
    }

    fn row(&self, name: &str) -> Vec<String> {
        let numbers = [share(self.generations_right, self.generations), share(self.years_right, self.years)];
        std::iter::once(name.to_owned()).chain(self.count.cells()).chain(numbers).collect()
    }
}

fn describe(index: &Index, line: &Line, resolution: &Resolution, outcome: &Outcome) -> String {
    let label = ["make", "model", "year", "generation", "kind", "group"].map(|column| get(line, column)).join(" | ");
    let candidates = resolution.candidates.iter().take(5).map(|candidate| {
        let car =
            candidate.model.map_or_else(|| index.brand(candidate.brand).name.clone(), |model| index.full_name(model));
        format!(
            "\n    {car} gen={} {:?} {:.2}: {}",
            candidate.generation, candidate.year, candidate.score, candidate.reason
        )
    });
    format!(
        "{}\"{}\"\n    label: {label}\n    {:?}{}",
        if outcome.count.is_wrongly_accepted() { "WRONG ACCEPT " } else { "miss " },
        text(line),
        resolution.decision,
        candidates.collect::<String>(),
    )
}
