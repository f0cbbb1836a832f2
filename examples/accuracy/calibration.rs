//! How far a score is to be believed: how often the first candidate was right, by its score.

use super::counts::{share, table};

/// The upper ends of the classes of scores.
const BOUNDS: [f32; 9] = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.96];
/// Of the normal distribution: nineteen of twenty lie so near.
const Z: f64 = 1.96;

/// First candidates by score, and how many of them were right.
#[derive(Debug, Default)]
pub struct Calibration {
    bins: [Bin; BOUNDS.len() + 1],
}

/// Scores that are nearly alike.
#[derive(Debug, Default, Clone, Copy)]
pub struct Bin {
    pub count: usize,
    right: usize,
    scores: f64,
}

impl Bin {
    pub fn mean(&self) -> f64 {
        self.scores / f64::max(1.0, self.count as f64)
    }

    pub fn right(&self) -> f64 {
        self.right as f64 / f64::max(1.0, self.count as f64)
    }

    /// Wilson's interval: where the true share lies, nineteen times of twenty.
    pub fn interval(&self) -> (f64, f64) {
        let (count, share) = (f64::max(1.0, self.count as f64), self.right());
        let (middle, whole) = (share + Z * Z / (2.0 * count), 1.0 + Z * Z / count);
        let reach = Z * (share * (1.0 - share) / count + Z * Z / (4.0 * count * count)).sqrt();
        ((middle - reach) / whole, (middle + reach) / whole)
    }
}

impl Calibration {
    pub fn add(&mut self, score: f32, is_right: bool) {
        let place = BOUNDS.partition_point(|bound| *bound < score);
        if let Some(bin) = self.bins.get_mut(place) {
            bin.count += 1;
            bin.right += usize::from(is_right);
            bin.scores += f64::from(score);
        }
    }

    /// The classes that have any scores.
    pub fn bins(&self) -> impl Iterator<Item = &Bin> {
        self.bins.iter().filter(|bin| bin.count > 0)
    }

    /// A line for each class of scores.
    pub fn table(&self) -> String {
        let mut from = 0.0;
        let mut rows = Vec::new();
        for (bin, to) in self.bins.iter().zip(BOUNDS.iter().chain(&[1.0])) {
            let (least, most) = bin.interval();
            let interval = format!("{:.0} to {:.0} %", 100.0 * least, 100.0 * most);
            rows.push(if bin.count == 0 {
                vec![format!("{from:.2} to {to:.2}"), "0".to_owned(), "-".to_owned(), "-".to_owned(), "-".to_owned()]
            } else {
                vec![
                    format!("{from:.2} to {to:.2}"),
                    bin.count.to_string(),
                    format!("{:.2}", bin.mean()),
                    share(bin.right, bin.count),
                    interval,
                ]
            });
            from = *to;
        }
        table(&["score", "count", "mean", "right", "truly"], &rows)
    }
}
