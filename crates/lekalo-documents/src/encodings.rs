//! Which of the encodings of one byte a letter a Russian text is in.

use encoding_rs::{Encoding, IBM866, KOI8_R, WINDOWS_1251, X_MAC_CYRILLIC};

/// The one that most files are in comes first.
const CANDIDATES: [&Encoding; 4] = [WINDOWS_1251, KOI8_R, IBM866, X_MAC_CYRILLIC];
/// How much of a text is looked at, in bytes.
const SAMPLE: usize = 256 << 10;
/// How often each letter comes in Russian, of ten thousand letters.
const FREQUENCIES: [(char, f64); 33] = [
    ('о', 1097.0),
    ('е', 845.0),
    ('а', 801.0),
    ('и', 735.0),
    ('н', 670.0),
    ('т', 626.0),
    ('с', 547.0),
    ('р', 473.0),
    ('в', 454.0),
    ('л', 440.0),
    ('к', 349.0),
    ('м', 321.0),
    ('д', 298.0),
    ('п', 281.0),
    ('у', 262.0),
    ('я', 201.0),
    ('ы', 190.0),
    ('ь', 174.0),
    ('г', 170.0),
    ('з', 165.0),
    ('б', 159.0),
    ('ч', 144.0),
    ('й', 121.0),
    ('х', 97.0),
    ('ж', 94.0),
    ('ш', 73.0),
    ('ю', 64.0),
    ('ц', 48.0),
    ('щ', 36.0),
    ('э', 32.0),
    ('ф', 26.0),
    ('ъ', 4.0),
    ('ё', 4.0),
];

/// The likeliest: of those in which the text has a table's names, if any, the one whose letters are most like Russian.
pub(crate) fn guess(bytes: &[u8], has_names: impl Fn(&str) -> bool) -> &'static Encoding {
    let sample = bytes.get(..SAMPLE).unwrap_or(bytes);
    let texts = CANDIDATES.map(|encoding| (encoding, encoding.decode_without_bom_handling(sample).0));
    let named = texts.each_ref().map(|(_, text)| has_names(text));
    let fits = texts.iter().zip(named).filter(|(_, is_named)| *is_named || !named.contains(&true));
    // Of equals the first one.
    let best = fits.rev().max_by(|((_, a), _), ((_, b), _)| likelihood(a).total_cmp(&likelihood(b)));
    best.map_or(WINDOWS_1251, |((encoding, _), _)| encoding)
}

/// How like Russian a text's letters are: the logarithm of what they are likely to be. Encodings give as many letters each.
fn likelihood(text: &str) -> f64 {
    let mut after_small = false;
    let mut sum = 0.0;
    for ch in text.chars() {
        if !ch.is_ascii() {
            let small = ch.to_lowercase().next().unwrap_or(ch);
            let share = FREQUENCIES.iter().find(|(letter, _)| *letter == small).map(|(_, share)| *share);
            sum += share.unwrap_or(if matches!(ch, '«' | '»' | '№' | '–' | '—' | '\u{a0}') { 1.0 } else { 0.01 }).ln();
            // Nobody writes a capital inside a word.
            sum -= if after_small && ch.is_uppercase() { 4.0 } else { 0.0 };
        }
        after_small = ch.is_lowercase();
    }
    sum
}
