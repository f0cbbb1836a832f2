//! The times that prices hold for.

use std::time::SystemTime;

use super::Target;

/// A time with a beginning and perhaps an end, itself excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub from: SystemTime,
    pub to: Option<SystemTime>,
}

impl Period {
    fn overlaps(self, other: Self) -> bool {
        self.to.is_none_or(|to| other.from < to) && other.to.is_none_or(|to| self.from < to)
    }
}

/// The places of those that are for the same thing, at the same time, as one before them.
pub fn overlapping(prices: &[(&Target, Period)]) -> Vec<usize> {
    let mut seen = std::collections::HashMap::<&Target, Vec<Period>>::new();
    let mut found = Vec::new();
    for (place, (target, period)) in prices.iter().enumerate() {
        let periods = seen.entry(target).or_default();
        if periods.iter().any(|other| other.overlaps(*period)) {
            found.push(place);
        }
        periods.push(*period);
    }
    found
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn period(from: u64, to: Option<u64>) -> Period {
        let time = |day: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(day * 86_400);
        Period { from: time(from), to: to.map(time) }
    }

    #[test]
    fn periods_that_touch_do_not_overlap() {
        let (one, other) = (Target::default(), Target { option: Some("logo".into()), ..Target::default() });
        let prices = [
            (&one, period(1, Some(3))),
            (&one, period(3, None)),
            (&other, period(1, None)),
            (&one, period(2, Some(3))),
            (&other, period(90, None)),
        ];
        assert_eq!(overlapping(&prices), [3, 4]);
    }
}
