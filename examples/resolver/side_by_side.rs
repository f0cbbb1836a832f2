//! The resolver and `pg_trgm`, asked the same.

use std::error::Error;
use std::time::{Duration, Instant};

use lekalo_vehicles::Index;
use lekalo_vehicles::resolve::{Decision, Query, Resolver};

use super::ROUNDS;
use super::labels::{Line, get, is_same_name, percent, spread};
use super::trigrams::{Hit, Trigrams, WAYS, Way};

/// What `pg_trgm` is asked at, to find the threshold that serves it best.
const LOWEST: f32 = 0.2;
const STEP: f32 = 0.05;
const STEPS: usize = 16;
/// What takes so long is asked once: the machine's other work makes no difference to it.
const LONG: Duration = Duration::from_millis(20);

/// How often somebody was right.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Tally {
    cars: usize,
    first: usize,
    among_five: usize,
    no_cars: usize,
    taken_for_cars: usize,
}

impl Tally {
    /// Counts an answer: the cars found, best first, and whether it took the text for a car at all.
    fn add<'a>(&mut self, line: &Line, mut cars: impl Iterator<Item = (&'a str, &'a str)>, is_taken: bool) {
        let label = (get(line, "make"), get(line, "model"));
        if label.0.is_empty() {
            self.no_cars += 1;
            self.taken_for_cars += usize::from(is_taken);
        } else {
            let place = cars.position(|car| is_same_name(car.0, label.0) && is_same_name(car.1, label.1));
            self.cars += 1;
            self.first += usize::from(place == Some(0));
            self.among_five += usize::from(place.is_some_and(|place| place < 5));
        }
    }

    /// Right less wrong, as shares.
    fn balance(&self) -> f64 {
        let share = |part: usize, whole: usize| part as f64 / f64::max(1.0, whole as f64);
        share(self.first, self.cars) - share(self.taken_for_cars, self.no_cars)
    }

    fn print(&self, who: &str, times: Vec<Duration>) {
        let [median, p99, _] = spread(times).map(|time| format!("{} µs", time.as_micros()));
        println!(
            "{who:<42}{:>9}{:>9}{:>15}{median:>12}{p99:>12}",
            percent(self.first, self.cars),
            percent(self.among_five, self.cars),
            percent(self.taken_for_cars, self.no_cars),
        );
    }
}

/// Asks both and prints a line for each, for `pg_trgm` one per way and threshold.
pub async fn report(index: &Index, lines: &[Line]) -> Result<(), Box<dyn Error>> {
    println!("{:<42}{:>9}{:>9}{:>15}{:>12}{:>12}", "", "first", "in five", "taken for car", "median", "p99");
    let (tally, times) = resolver(index, lines);
    tally.print("resolver", times);

    let trigrams = Trigrams::start(index.reference()).await?;
    for way in WAYS {
        let loosest = trigrams.prepare(way, LOWEST).await?;
        let mut answers: Vec<Vec<Hit>> = Vec::new();
        for line in lines {
            answers.push(trigrams.find(&loosest, &get(line, "query").to_lowercase()).await?);
        }
        let best = (0..STEPS)
            .map(|step| LOWEST + STEP * step as f32)
            .max_by(|one, other| {
                let balance = |threshold: f32| tally_at(lines, &answers, threshold).balance();
                balance(*one).total_cmp(&balance(*other))
            })
            .unwrap_or(way.default);
        for (threshold, which) in [(way.default, "default"), (best, "best")] {
            let times = measure(&trigrams, way, threshold, lines).await?;
            let who = format!("pg_trgm {} {threshold:.2}, {which}", way.name);
            tally_at(lines, &answers, threshold).print(&who, times);
        }
    }
    let started = Instant::now();
    for _ in 0..1_000 {
        trigrams.ping().await?;
    }
    println!("of pg_trgm's times {:.0?} are the way to the server and back", started.elapsed() / 1_000);
    trigrams.stop().await
}

fn resolver(index: &Index, lines: &[Line]) -> (Tally, Vec<Duration>) {
    let resolver = Resolver::new(index);
    let mut tally = Tally::default();
    let times = lines.iter().map(|line| {
        let query = Query { text: get(line, "query"), ..Query::default() };
        let resolution = resolver.resolve(&query);
        // A brand alone takes a place and is no right answer.
        let cars = resolution.candidates.iter().map(|it| {
            (index.brand(it.brand).name.as_str(), it.model.map_or("", |model| index.model(model).name.as_str()))
        });
        tally.add(line, cars, resolution.decision != Decision::None);
        let rounds = (0..ROUNDS).map(|_| {
            let started = Instant::now();
            std::hint::black_box(resolver.resolve(&query));
            started.elapsed()
        });
        rounds.min().unwrap_or_default()
    });
    let times = times.collect();
    (tally, times)
}

/// How the answers fare if what is less alike than a threshold is not found.
fn tally_at(lines: &[Line], answers: &[Vec<Hit>], threshold: f32) -> Tally {
    let mut tally = Tally::default();
    for (line, answer) in lines.iter().zip(answers) {
        let found = answer.iter().filter(|(.., score)| *score >= threshold);
        let cars: Vec<(&str, &str)> = found.map(|(brand, model, _)| (brand.as_str(), model.as_str())).collect();
        tally.add(line, cars.iter().copied(), !cars.is_empty());
    }
    tally
}

async fn measure(
    trigrams: &Trigrams,
    way: Way,
    threshold: f32,
    lines: &[Line],
) -> Result<Vec<Duration>, Box<dyn Error>> {
    let statement = trigrams.prepare(way, threshold).await?;
    let mut times = Vec::new();
    for line in lines {
        let query = get(line, "query").to_lowercase();
        let mut shortest = Duration::MAX;
        for _ in 0..ROUNDS {
            let started = Instant::now();
            trigrams.find(&statement, &query).await?;
            shortest = shortest.min(started.elapsed());
            if shortest > LONG {
                break;
            }
        }
        times.push(shortest);
    }
    Ok(times)
}
