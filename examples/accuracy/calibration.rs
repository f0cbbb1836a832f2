//! How far a score is to be believed: how often the first candidate was right, by its score.

use super::labels::percent;

/// The upper ends of the classes of scores.
const BOUNDS: [f32; 9] = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.96];

/// First candidates by score, and how many of them were right.
#[derive(Debug, Default)]
pub struct Calibration {
    bins: [Bin; BOUNDS.len() + 1],
}

#[derive(Debug, Default, Clone, Copy)]
struct Bin {
    count: usize,
    right: usize,
    scores: f64,
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

    /// A line for each class of scores.
    pub fn table(&self) -> String {
        let mut table = format!("{:<14}{:>8}{:>8}{:>9}\n", "score", "count", "mean", "right");
        let mut from = 0.0;
        for (bin, to) in self.bins.iter().zip(BOUNDS.iter().chain(&[1.0])) {
            let mean = bin.scores / f64::max(1.0, bin.count as f64);
            let range = format!("{from:.2} to {to:.2}");
            table += &format!("{range:<14}{:>8}{mean:>8.2}{:>9}\n", bin.count, percent(bin.right, bin.count));
            from = *to;
        }
        table
    }
}
