//! Finding misspelled names without comparing with every name: a deletion neighbourhood (SymSpell's idea).
//!
//! Every name is filed under what is left of it when up to two letters are missing; so is the word looked up. Names that share an
//! entry may be near, all others are not. Only the beginning of a name is taken, so that long names do not make the index large.

/// Names are filed by so many of their first letters.
const PREFIX: usize = 7;
/// So many letters may be missing.
pub const MAX_DISTANCE: usize = 2;

/// Places of names, by what they may be misspelled as.
#[derive(Debug, Default)]
pub struct Neighbourhood {
    /// Hash and place, by bucket.
    entries: Vec<(u32, u32)>,
    /// Where in `entries` the hashes of each first bits begin, and the end.
    buckets: Vec<u32>,
    /// How many bits of a hash its bucket does not tell.
    shift: u32,
}

impl Neighbourhood {
    /// Files names, each under its place; several may have one place.
    pub fn new<'a>(names: impl Iterator<Item = (&'a str, u32)>) -> Self {
        let mut entries = Vec::new();
        for (name, place) in names {
            for_each_deletion(name, MAX_DISTANCE, |hash| entries.push((hash, place)));
        }
        let bits = entries.len().max(2).ilog2();
        let shift = u32::BITS - bits;
        let mut buckets = vec![0_u32; (1 << bits) + 1];
        for (hash, _) in &entries {
            if let Some(count) = buckets.get_mut((hash >> shift) as usize + 1) {
                *count += 1;
            }
        }
        let mut end = 0;
        for count in &mut buckets {
            end += *count;
            *count = end;
        }
        // Into their buckets; the order within one does not matter.
        let mut next = buckets.clone();
        let mut filed = vec![(0, 0); entries.len()];
        for entry in entries {
            if let Some(at) = next.get_mut((entry.0 >> shift) as usize)
                && let Some(free) = filed.get_mut(*at as usize)
            {
                *free = entry;
                *at += 1;
            }
        }
        Self { entries: filed, buckets, shift }
    }

    /// Places of the names that may be at most `distance` letters from this one (and of some that are not), each once.
    pub fn near(&self, name: &str, distance: usize) -> Vec<u32> {
        let mut places = Vec::new();
        for_each_deletion(name, distance.min(MAX_DISTANCE), |hash| {
            let entries = self.bucket(hash).iter();
            places.extend(entries.filter(|(known, _)| *known == hash).map(|(_, place)| *place));
        });
        places.sort_unstable();
        places.dedup();
        places
    }

    fn bucket(&self, hash: u32) -> &[(u32, u32)] {
        let first = (hash >> self.shift) as usize;
        match (self.buckets.get(first), self.buckets.get(first + 1)) {
            (Some(from), Some(to)) => self.entries.get(*from as usize..*to as usize).unwrap_or_default(),
            _ => &[],
        }
    }
}

/// Hashes of a name's beginning without up to `most` of its letters.
fn for_each_deletion(name: &str, most: usize, mut found: impl FnMut(u32)) {
    let letters: Vec<char> = name.chars().take(PREFIX).collect();
    let without = |first: usize, second: usize| {
        let kept = letters.iter().enumerate().filter(|(place, _)| *place != first && *place != second);
        // FNV-1a over letters, its bits mixed once more: entries that fall together only cost a comparison.
        let hash =
            kept.fold(0xcbf2_9ce4_8422_2325_u64, |hash, (_, ch)| (hash ^ u64::from(*ch)).wrapping_mul(0x100_0000_01b3));
        (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
    };
    found(without(usize::MAX, usize::MAX));
    for first in (0..letters.len()).filter(|_| most > 0) {
        found(without(first, usize::MAX));
        for second in (first + 1..letters.len()).filter(|_| most > 1) {
            found(without(first, second));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_among_those_found() {
        let names = ["kamri", "karala", "landkruisir", "landkruisirprada", "vits", "rav4", ""];
        let index = Neighbourhood::new(names.into_iter().zip(0..));
        for (typed, distance, expected) in [
            ("kamri", 0, 0),
            ("kamr", 1, 0),
            ("akmri", 1, 0),
            ("kjmrj", 2, 0),
            ("landkrusir", 1, 2),
            ("ladnkruisirprado", 2, 3),
            ("xvits", 1, 4),
        ] {
            assert!(index.near(typed, distance).contains(&expected), "{typed}");
        }
        assert!(index.near("kolonna", 2).is_empty());
        assert!(Neighbourhood::default().near("kamri", 2).is_empty());
        assert!(Neighbourhood::new(std::iter::empty()).near("kamri", 2).is_empty());
    }

    /// Everything that comparing with every name finds is found.
    #[test]
    fn nothing_near_is_missed() {
        let names: Vec<String> = (0..400_u32).map(|n| format!("n{}", (n * 7919) % 1000 + n % 13)).collect();
        let index = Neighbourhood::new(names.iter().map(String::as_str).zip(0..));
        for typed in &names {
            for distance in 0..=MAX_DISTANCE {
                let found = index.near(typed, distance);
                for (name, place) in names.iter().zip(0_u32..) {
                    assert!(
                        strsim::damerau_levenshtein(typed, name) > distance || found.contains(&place),
                        "{typed} {name}"
                    );
                }
            }
        }
    }
}
