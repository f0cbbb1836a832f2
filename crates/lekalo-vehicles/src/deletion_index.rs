//! Finding misspelled names without comparing with every name: a deletion neighbourhood (SymSpell's idea).
//!
//! Every name is filed under what is left of it when up to two letters are missing; so is the word looked up. Names that share an
//! entry may be near, all others are not. Only the beginning of a name is taken, so that long names do not make the index large.

use std::ops::Range;

/// Names are filed by so many of their first letters.
const PREFIX: usize = 7;
/// A bucket holds about so many entries.
const BUCKET: usize = 4;
/// So many letters may be missing.
pub(crate) const MAX_DISTANCE: usize = 2;

/// Places of names, by what they may be misspelled as.
///
/// Entries are five bytes each: there are dozens to a name.
#[derive(Debug, Default)]
pub(crate) struct DeletionIndex {
    /// By bucket, ascending within each.
    places: Vec<u32>,
    /// The last bits of each place's hash.
    tags: Vec<u8>,
    /// Where in `places` the hashes of each first bits begin, and the end.
    buckets: Vec<u32>,
    /// How many bits of a hash its bucket does not tell.
    shift: u32,
}

impl DeletionIndex {
    /// Files names, each under its place, ascending; several may have one place.
    pub(crate) fn new<'a>(names: impl Iterator<Item = (&'a str, u32)> + Clone) -> Self {
        let count = names.clone().map(|(name, _)| deletions(name)).sum::<usize>();
        let bits = (count / BUCKET).max(2).ilog2();
        let shift = u32::BITS - bits;
        let mut buckets = vec![0_u32; (1 << bits) + 1];
        for (name, _) in names.clone() {
            for_each_deletion(name, MAX_DISTANCE, |hash| {
                if let Some(count) = buckets.get_mut((hash >> shift) as usize + 1) {
                    *count += 1;
                }
            });
        }
        let mut end = 0;
        for count in &mut buckets {
            end += *count;
            *count = end;
        }
        let mut next = buckets.clone();
        let (mut places, mut tags) = (vec![0; count], vec![0; count]);
        for (name, place) in names {
            for_each_deletion(name, MAX_DISTANCE, |hash| {
                let Some(free) = next.get_mut((hash >> shift) as usize) else { return };
                if let (Some(free_place), Some(free_tag)) =
                    (places.get_mut(*free as usize), tags.get_mut(*free as usize))
                {
                    (*free_place, *free_tag) = (place, tag(hash));
                    *free += 1;
                }
            });
        }
        Self { places, tags, buckets, shift }
    }

    /// Those of the wanted places whose names may be at most `distance` letters from this one (and of some that are not), each
    /// once, ascending.
    pub(crate) fn candidates(&self, name: &str, distance: usize, wanted: &Range<u32>) -> Vec<u32> {
        let mut found = Vec::new();
        for_each_deletion(name, distance.min(MAX_DISTANCE), |hash| {
            let (places, tags) = self.bucket(hash);
            let entries =
                places.iter().zip(tags).filter(|(place, known)| **known == tag(hash) && wanted.contains(place));
            found.extend(entries.map(|(place, _)| *place));
        });
        found.sort_unstable();
        found.dedup();
        found
    }

    fn bucket(&self, hash: u32) -> (&[u32], &[u8]) {
        let first = (hash >> self.shift) as usize;
        let (Some(from), Some(to)) = (self.buckets.get(first), self.buckets.get(first + 1)) else {
            return Default::default();
        };
        let bucket = *from as usize..*to as usize;
        (self.places.get(bucket.clone()).unwrap_or_default(), self.tags.get(bucket).unwrap_or_default())
    }
}

/// What tells the hashes in a bucket apart, mostly: entries that fall together only cost a comparison.
const fn tag(hash: u32) -> u8 {
    hash as u8
}

/// How many there are [`for_each_deletion`] of up to [`MAX_DISTANCE`] letters.
fn deletions(name: &str) -> usize {
    let letters = name.chars().take(PREFIX).count();
    1 + letters + letters * letters.saturating_sub(1) / 2
}

/// Hashes of a name's beginning without up to `most` of its letters.
fn for_each_deletion(name: &str, most: usize, mut found: impl FnMut(u32)) {
    let letters: Vec<char> = name.chars().take(PREFIX).collect();
    let without = |first: usize, second: usize| {
        let kept = letters.iter().enumerate().filter(|(place, _)| *place != first && *place != second);
        // FNV-1a over letters, its bits mixed once more.
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

    const ALL: Range<u32> = 0..u32::MAX;

    #[test]
    fn near_names_are_among_those_found() {
        let names = ["kamri", "karala", "landkruisir", "landkruisirprada", "vits", "rav4", ""];
        let index = DeletionIndex::new(names.into_iter().zip(0..));
        for (typed, distance, expected) in [
            ("kamri", 0, 0),
            ("kamr", 1, 0),
            ("akmri", 1, 0),
            ("kjmrj", 2, 0),
            ("landkrusir", 1, 2),
            ("ladnkruisirprado", 2, 3),
            ("xvits", 1, 4),
        ] {
            assert!(index.candidates(typed, distance, &ALL).contains(&expected), "{typed}");
            assert!(!index.candidates(typed, distance, &(expected + 1..9)).contains(&expected), "{typed}");
        }
        assert!(index.candidates("kolonna", 0, &ALL).is_empty());
        assert!(DeletionIndex::default().candidates("kamri", 2, &ALL).is_empty());
        assert!(DeletionIndex::new(std::iter::empty()).candidates("kamri", 2, &ALL).is_empty());
    }

    /// Everything that comparing with every name finds is found.
    #[test]
    fn nothing_near_is_missed() {
        let names: Vec<String> = (0..400_u32).map(|n| format!("n{}", (n * 7919) % 1000 + n % 13)).collect();
        let index = DeletionIndex::new(names.iter().map(String::as_str).zip(0..));
        for typed in &names {
            for distance in 0..=MAX_DISTANCE {
                let found = index.candidates(typed, distance, &ALL);
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
