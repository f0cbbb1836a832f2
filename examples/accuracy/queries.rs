//! The resolver, measured on labelled queries.
//!
//! The labels are a CSV with the columns `query, make, model, year, generation, kind`, or tabs between `text, make, model, group`.
//! A brand that is empty or NONE: no car. A model that is empty: the brand alone. Several models between `|`: each is right.
//! A generation is right if it is the label or another name of the same one.
//!
//! Of the classes are told: how many cars come first, and among five; the precision of what is accepted, how many accepted are
//! wrong, and what share is accepted at all (recall); how often no car is told where there is one (abstention), and one where
//! there is none.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::{Duration, Instant};

use lekalo_vehicles::resolve::{Candidate, Decision, Query, Resolution, Resolver};
use lekalo_vehicles::{Index, Model};

use super::Half;
use super::calibration::Calibration;
use super::labels::{self, Line, get, is_same_name, percent};

/// What is counted for a class of queries.
#[derive(Default)]
struct Count {
    cars: usize,
    first: usize,
    among_five: usize,
    no_cars: usize,
    taken_for_cars: usize,
    accepted: usize,
    wrongly_accepted: usize,
    abstained: usize,
    generations: usize,
    generations_right: usize,
    years: usize,
    years_right: usize,
}

/// Resolves every query and prints how many are right, and the misses of the halves to be shown.
pub fn report(path: &str, shown: &[Half], calibration: &mut Calibration) -> Result<(), Box<dyn Error>> {
    println!("{path}:");
    let lines = labels::read(path)?;
    let index = Index::shipped();
    let resolver = Resolver::new(index);
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    let mut times = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let query = Query { text: text(line), ..Query::default() };
        let (resolution, time) = timed(|| resolver.resolve(&query));
        times.push(time);
        let outcome = judge(index, line, &resolution);
        let half = Half::of(place);
        if let Some(first) = resolution.candidates.first() {
            calibration.add(first.score, outcome.place == Some(0));
        }
        for class in [class(line), &format!("~ {}", half.name()), "~ all"] {
            counts.entry(class.to_owned()).or_default().add(&outcome);
        }
        if outcome.is_miss() && shown.contains(&half) {
            println!("{}", describe(index, line, &resolution, &outcome));
        }
    }
    println!(
        "{:<16}{:>6}{:>9}{:>9}{:>11}{:>9}{:>9}{:>11}{:>7}{:>10}{:>8}{:>15}",
        "class",
        "cars",
        "first",
        "in five",
        "generation",
        "year",
        "accepted",
        "precision",
        "wrong",
        "abstained",
        "no car",
        "taken for car"
    );
    for (class, count) in &counts {
        println!("{}", count.row(class));
    }
    let [median, p99, longest] = labels::spread(times);
    println!("one resolve: median {median:.0?}, p99 {p99:.0?}, longest {longest:.0?}");
    Ok(())
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
    is_car: bool,
    /// The place of the right model among the candidates.
    place: Option<usize>,
    decision: Decision,
    generation: Option<bool>,
    year: Option<bool>,
}

impl Outcome {
    fn is_wrongly_accepted(&self) -> bool {
        self.decision == Decision::Accept && self.place != Some(0)
    }

    fn is_miss(&self) -> bool {
        let is_right = if self.is_car { self.place == Some(0) } else { self.decision == Decision::None };
        !is_right || self.generation == Some(false) || self.year == Some(false)
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
        is_car: is_car(line),
        place: resolution.candidates.iter().take(5).position(is_right),
        decision: resolution.decision,
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

impl Count {
    fn add(&mut self, outcome: &Outcome) {
        self.cars += usize::from(outcome.is_car);
        self.first += usize::from(outcome.place == Some(0));
        self.among_five += usize::from(outcome.place.is_some());
        self.no_cars += usize::from(!outcome.is_car);
        self.taken_for_cars += usize::from(!outcome.is_car && outcome.decision != Decision::None);
        self.accepted += usize::from(outcome.decision == Decision::Accept);
        self.wrongly_accepted += usize::from(outcome.is_wrongly_accepted());
        self.abstained += usize::from(outcome.is_car && outcome.decision == Decision::None);
        self.generations += usize::from(outcome.generation.is_some());
        self.generations_right += usize::from(outcome.generation == Some(true));
        self.years += usize::from(outcome.year.is_some());
        self.years_right += usize::from(outcome.year == Some(true));
    }

    fn row(&self, class: &str) -> String {
        let share = |part: usize, whole: usize| if whole == 0 { "-".to_owned() } else { percent(part, whole) };
        format!(
            "{class:<16}{:>6}{:>9}{:>9}{:>11}{:>9}{:>9}{:>11}{:>7}{:>10}{:>8}{:>15}",
            self.cars,
            share(self.first, self.cars),
            share(self.among_five, self.cars),
            share(self.generations_right, self.generations),
            share(self.years_right, self.years),
            share(self.accepted, self.cars + self.no_cars),
            share(self.accepted - self.wrongly_accepted, self.accepted),
            self.wrongly_accepted,
            share(self.abstained, self.cars),
            self.no_cars,
            share(self.taken_for_cars, self.no_cars),
        )
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
        if outcome.is_wrongly_accepted() { "WRONG ACCEPT " } else { "miss " },
        text(line),
        resolution.decision,
        candidates.collect::<String>(),
    )
}
