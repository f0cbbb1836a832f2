//! What is counted of texts and of rows alike: was a car taken, was it the right one, and what became of the others.

use lekalo_vehicles::resolve::Decision;

use super::labels::percent;

/// How one text or row went.
pub struct Outcome {
    /// Whether it names a car at all.
    pub is_car: bool,
    /// The place of the right one among the candidates.
    pub place: Option<usize>,
    pub decision: Decision,
}

impl Outcome {
    pub fn is_wrongly_accepted(&self) -> bool {
        self.decision == Decision::Accept && self.place != Some(0)
    }

    pub fn is_right(&self) -> bool {
        if self.is_car { self.place == Some(0) } else { self.decision == Decision::None }
    }
}

#[derive(Debug, Default)]
pub struct Count {
    cars: usize,
    first: usize,
    among_five: usize,
    no_cars: usize,
    taken_for_cars: usize,
    accepted: usize,
    wrongly_accepted: usize,
    abstained: usize,
}

impl Count {
    pub const HEADER: [&str; 10] = [
        "cars",
        "first",
        "in five",
        "accepted",
        "precision",
        "recall",
        "wrong ACCEPT",
        "abstained",
        "no car",
        "taken for one",
    ];

    pub fn add(&mut self, outcome: &Outcome) {
        self.cars += usize::from(outcome.is_car);
        self.no_cars += usize::from(!outcome.is_car);
        self.first += usize::from(outcome.place == Some(0));
        self.among_five += usize::from(outcome.place.is_some());
        self.taken_for_cars += usize::from(!outcome.is_car && outcome.decision != Decision::None);
        self.accepted += usize::from(outcome.decision == Decision::Accept);
        self.wrongly_accepted += usize::from(outcome.is_wrongly_accepted());
        self.abstained += usize::from(outcome.is_car && outcome.decision == Decision::None);
    }

    /// As [`Self::HEADER`] names them.
    pub fn cells(&self) -> [String; 10] {
        let all = self.cars + self.no_cars;
        let right = self.accepted - self.wrongly_accepted;
        [
            self.cars.to_string(),
            share(self.first, self.cars),
            share(self.among_five, self.cars),
            self.accepted.to_string(),
            share(right, self.accepted),
            share(right, self.cars),
            format!("{} ({})", self.wrongly_accepted, percent(self.wrongly_accepted, all)),
            share(self.abstained, self.cars),
            self.no_cars.to_string(),
            share(self.taken_for_cars, self.no_cars),
        ]
    }
}

/// A share, if there is anything it is a share of.
pub fn share(part: usize, whole: usize) -> String {
    if whole == 0 { "-".to_owned() } else { percent(part, whole) }
}

/// Lines of cells below a header; the first column to the left, the others to the right.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let lines: Vec<Vec<&str>> = std::iter::once(header.to_vec())
        .chain(rows.iter().map(|row| row.iter().map(String::as_str).collect()))
        .collect();
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..header.len()).map(|column| width(column).unwrap_or_default()).collect();
    let mut table = String::new();
    for line in lines {
        let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") }
        });
        table += cells.collect::<String>().trim_end();
        table.push('\n');
    }
    table
}
