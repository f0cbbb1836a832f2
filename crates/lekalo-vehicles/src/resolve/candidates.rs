//! The brands and models that ngrams of a text's words may name.

use std::collections::HashSet;
use std::ops::Range;

use super::guesses::{add_nicknames, guesses, with_other_letters};
use super::hits::{Hit, LONG_TEXT, hit, is_everyday, is_near, may_be_misspelled};
use super::mentions::{MOST_BRANDS, Mention, guessed_mentions, mentions, misspelled_alone, undisputed};
use super::text::{Kind, Text, without_ending};
use crate::generation::{is_generation_word, is_number};
use crate::index::{BrandId, Index, ModelId};
use crate::matches::{MatchKind, Scope};
use crate::ngrams::{Ngram, ngrams};
use crate::nicknames::KNOWN;
use crate::normalize;
use crate::vehicle::Years;
use crate::words::Word;

/// An ending leaves a name of at least so many letters.
const SHORT_STEM: usize = 2;
/// What an ending costs a name that hardly anybody says.
const RARE: f32 = 0.5;
/// Numbers of so many digits are what things cost.
const LONGEST_PRICE: usize = 4;
/// Words of one letter that stand before others.
const PREPOSITIONS: [&str; 6] = ["в", "и", "к", "о", "с", "у"];
/// So many cars are weighed against each other.
const MOST_HITS: usize = 12;

/// What the words may name.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub mentions: Vec<Mention>,
    /// The brand is known from elsewhere than the text.
    pub brand: Option<BrandId>,
    pub hits: Vec<Hit>,
    /// A brand that is misspelled, where the text says nothing else.
    pub misspelled: Option<Mention>,
}

impl Found {
    /// Whether the brand of a model is named, or known.
    pub(super) fn has_brand(&self, brand: BrandId) -> bool {
        self.brand == Some(brand) || self.mentions.iter().any(|mention| mention.brand == brand)
    }

    pub(super) fn is_brand_known(&self) -> bool {
        self.brand.is_some() || !self.mentions.is_empty()
    }
}

/// Finds what a text's words may name; with a known brand, only among its models.
pub(super) fn find(index: &Index, text: &Text, brand: Option<BrandId>) -> Found {
    let (talk, ngrams): (Vec<Ngram>, Vec<Ngram>) =
        ngrams(&text.words).into_iter().partition(|ngram| is_talk(text, &ngram.span));
    let mut named: Vec<Hit> = ngrams.iter().flat_map(|ngram| named(index, text, ngram)).collect();
    let mut mentions = mentions(index, text, &ngrams);
    mentions.extend(talked_of_brands(index, &talk, &named));
    if let Some(brand) = brand {
        mentions.retain(|mention| mention.brand == brand);
        named.retain(|hit| hit.model.brand == brand);
    } else {
        mentions = undisputed(index, mentions, &named);
        if mentions.is_empty() {
            mentions = guessed_mentions(index, text, &ngrams, &named);
        }
    }
    let mut brands: Vec<BrandId> = mentions.iter().map(|mention| mention.brand).chain(brand).collect();
    let mut seen = HashSet::new();
    brands.retain(|brand| seen.insert(*brand));
    brands.truncate(MOST_BRANDS);
    let mut found = Found { mentions, brand, ..Found::default() };
    if brands.is_empty() {
        named.retain(|hit| {
            hit.how != MatchKind::Bare
                && stands_alone(text, hit)
                && !is_preposition(text, hit)
                && hit.ended.is_none_or(|letters| letters > SHORT_STEM)
        });
        let certain = heaviest(&named);
        found.hits = named;
        let outweighs =
            |ngram: &Ngram| 2 * text.name_letters(|place| !ngram.span.contains(&place)) <= ngram.letters as usize;
        for ngram in ngrams.iter().filter(|ngram| {
            ngram.letters > certain
                && outweighs(ngram)
                && may_be_misspelled(text, ngram)
                && !is_everyday(text, &ngram.span)
        }) {
            found.hits.extend(guesses(index, text, ngram, Scope::All));
        }
        add_nicknames(index, text, &mut found.hits, ngrams.iter(), Scope::All);
        if found.hits.is_empty() {
            found.hits = generations_alone(index, text, &ngrams);
        }
        if found.hits.is_empty() {
            found.misspelled = misspelled_alone(index, text, &ngrams);
        }
    } else {
        for brand in brands {
            let within = within_brand(index, text, &ngrams, &named, &found, brand);
            found.hits.extend(within);
        }
        if found.hits.is_empty() {
            found.hits = talked_of(index, &talk, &found);
        }
        // What the brand lacks may be a sister's, or be said of another car than the one beside the brand.
        if found.hits.is_empty() {
            named.retain(|hit| {
                hit.how.is_certain()
                    && hit.how != MatchKind::Bare
                    && hit.weight >= 3.0
                    && stands_alone(text, hit)
                    && found.mentions.iter().all(|mention| may_be_of_another(index, text, mention, hit))
            });
            found.hits = named;
        }
    }
    found.hits = best_of_each(found.hits);
    found.hits.truncate(MOST_HITS);
    found
}

/// Whether a model may be meant beside a brand that is named and is not its own: a sister's, or one that stands apart ("на
/// форд, на камри"). The word right after a brand is a model of that brand, known or not.
fn may_be_of_another(index: &Index, text: &Text, mention: &Mention, hit: &Hit) -> bool {
    let is_apart = |end: usize, start: usize| {
        end <= start
            && (parts_gap(text, start)
                || (end..start).any(|place| text.kind(place) == Some(Kind::Talk) || parts_gap(text, place)))
    };
    index.are_sisters(mention.brand, hit.model.brand)
        || is_apart(mention.span.end, hit.span.start)
        || is_apart(hit.span.end, mention.span.start)
}

/// Whether a sign parts a word from the one before.
fn parts_gap(text: &Text, place: usize) -> bool {
    text.words.get(place).is_some_and(|word| word.gap.contains([',', ';', '/', '\n', '.']))
}

/// What a ngram names for certain: a model's spelling, a badge, a generation's code; else what it names without its ending.
fn named(index: &Index, text: &Text, ngram: &Ngram) -> Vec<Hit> {
    // An engine's number is one word.
    let numbers =
        text.words.get(ngram.span.clone()).unwrap_or_default().iter().filter(|word| is_number(&word.key)).count();
    let named = index.models_in_any_reading(&ngram.key, numbers == 1).into_iter();
    let mut hits: Vec<Hit> = named.map(|(model, how)| hit(ngram, model, how)).collect();
    // In words of talk only a spelling counts, not what they read like in other letters.
    if ngram.span.clone().any(|place| text.kind(place) == Some(Kind::Talk)) {
        hits.retain(|hit| hit.how == MatchKind::Spelled);
        return hits;
    }
    if is_code(&ngram.key, 3) {
        let codes = index.models_with_any_code(&ngram.key).into_iter();
        hits.extend(codes.map(|(model, how)| hit(ngram, model, how)));
    }
    if hits.is_empty() {
        hits = ended(index, text, ngram);
    }
    hits
}

/// Brands whose name is talk otherwise, right before a model of theirs: "газ соболь".
fn talked_of_brands(index: &Index, talk: &[Ngram], named: &[Hit]) -> Vec<Mention> {
    let is_model = |brand: BrandId, place: usize| {
        named.iter().any(|hit| hit.model.brand == brand && hit.span.start == place && hit.how == MatchKind::Spelled)
    };
    let brands = |ngram: &Ngram| index.brands_listed(&ngram.key);
    talk.iter()
        .flat_map(|ngram| brands(ngram).into_iter().map(move |brand| (brand, ngram.span.clone())))
        .filter(|(brand, span)| is_model(*brand, span.end))
        .map(|(brand, span)| Mention { brand, how: MatchKind::Spelled, span, is_ended: false })
        .collect()
}

/// Well-known models by nothing but a generation's number, where it is said as a name: "двухсотый", "221й", "124 кузов". A number as
/// such is none.
fn generations_alone(index: &Index, text: &Text, ngrams: &[Ngram]) -> Vec<Hit> {
    let mut hits = Vec::new();
    for ngram in ngrams.iter().filter(|ngram| ngram.span.len() == 1) {
        let Some(word) = text.words.get(ngram.span.start).filter(|word| is_number(&word.key)) else { continue };
        // Two digits are the generation of too many cars, and a numeral that is no nickname is any number.
        let is_ordinal = ["й", "ый", "ой"].iter().any(|end| word.text == format!("{}{end}", word.key));
        let is_body = || text.words.get(ngram.span.end).is_some_and(|next| is_generation_word(&next.key));
        let is_ordinal = word.key.len() == 3 && (is_ordinal || is_body());
        let said = if is_ordinal { word.key.clone() } else { normalize::key(&word.text) };
        if said == word.key && !is_ordinal {
            continue;
        }
        let coded = index.models_with_any_code(&said).into_iter();
        let known = coded.filter(|(model, _)| index.model(*model).popularity() >= KNOWN);
        hits.extend(known.map(|(model, how)| hit(ngram, model, how)));
    }
    hits
}

/// Models named by a word that is talk otherwise, their brand known or right beside: "хендай купе".
fn talked_of(index: &Index, talk: &[Ngram], found: &Found) -> Vec<Hit> {
    let mut hits = Vec::new();
    for ngram in talk {
        let is_beside =
            |mention: &Mention| mention.span.end == ngram.span.start || mention.span.start == ngram.span.end;
        let has_brand = |brand: BrandId| {
            found.brand == Some(brand) || found.mentions.iter().any(|it| it.brand == brand && is_beside(it))
        };
        let models = index.models_spelled(&ngram.key).into_iter().filter(|(model, _)| has_brand(model.brand));
        hits.extend(models.map(|(model, how)| hit(ngram, model, how)));
    }
    hits
}

/// Models named by a ngram whose last word has an ending.
fn ended(index: &Index, text: &Text, ngram: &Ngram) -> Vec<Hit> {
    let Some(last) =
        text.words.get(ngram.span.end - 1).filter(|word| word.is_letters() && ngram.key.ends_with(&word.key))
    else {
        return Vec::new();
    };
    let head = ngram.key.strip_suffix(last.key.as_str()).unwrap_or_default();
    let mut hits = Vec::new();
    let least = if head.ends_with(|ch: char| ch.is_ascii_digit()) { 1 } else { SHORT_STEM };
    for stem in without_ending(&last.key, least) {
        let models = index.models_spelled(&format!("{head}{stem}")).into_iter();
        hits.extend(models.map(|(model, how)| {
            let letters = head.chars().count() + stem.chars().count();
            let lost = ngram.key.chars().count().abs_diff(letters);
            let named = hit(ngram, model, how);
            let rare = if index.model(model).popularity() < KNOWN { RARE } else { 0.0 };
            Hit { weight: named.weight - 0.3 - 0.1 * lost as f32 - rare, ended: Some(letters), ..named }
        }));
    }
    hits
}

/// What the words name among the models of a brand.
fn within_brand(
    index: &Index,
    text: &Text,
    ngrams: &[Ngram],
    named: &[Hit],
    found: &Found,
    brand: BrandId,
) -> Vec<Hit> {
    let is_mention = |span: &Range<usize>| found.mentions.iter().any(|it| it.brand == brand && it.span == *span);
    let overlaps = |span: &Range<usize>| {
        found.mentions.iter().any(|it| it.brand == brand && it.span.start < span.end && span.start < it.span.end)
    };
    let mut hits: Vec<Hit> = named.iter().filter(|hit| hit.model.brand == brand).cloned().collect();
    for ngram in ngrams.iter().filter(|ngram| !overlaps(&ngram.span)) {
        if !hits.iter().any(|hit| hit.span == ngram.span) {
            let engines = index.models_with_engine(&ngram.key, brand).into_iter();
            hits.extend(engines.map(|(model, how)| hit(ngram, model, how)));
            let numbers = index.models_with_number(&ngram.key, brand).into_iter();
            hits.extend(numbers.map(|model| hit(ngram, model, MatchKind::Code)));
            // With the brand beside it, so little as "ц4" is a code.
            if is_code(&ngram.key, 2) {
                let codes =
                    index.models_with_any_code(&ngram.key).into_iter().filter(|(model, _)| model.brand == brand);
                hits.extend(codes.map(|(model, how)| hit(ngram, model, how)));
            }
        }
    }
    // The brand's own word is a model's name only where no other word is.
    if hits.iter().any(|hit| !is_mention(&hit.span)) {
        hits.retain(|hit| !is_mention(&hit.span));
    }
    // A year is a model's name ("2008") only where no other word is.
    if hits.iter().any(|hit| !is_year(text, &hit.span)) {
        hits.retain(|hit| !is_year(text, &hit.span));
    }
    let is_near_brand = |ngram: &&Ngram| {
        let mut own = found.mentions.iter().filter(|it| it.brand == brand);
        text.words.len() <= LONG_TEXT || own.any(|it| is_near(&it.span, &ngram.span))
    };
    let ngrams: Vec<&Ngram> = ngrams.iter().filter(is_near_brand).collect();
    let certain = heaviest(&hits);
    for ngram in ngrams
        .iter()
        .filter(|ngram| ngram.letters > certain && !overlaps(&ngram.span) && may_be_misspelled(text, ngram))
    {
        hits.extend(guesses(index, text, ngram, Scope::Brand(brand)));
    }
    if hits.is_empty() {
        for ngram in ngrams.iter().filter(|ngram| !overlaps(&ngram.span) && may_be_misspelled(text, ngram)) {
            let beginnings = index.beginning_with(&ngram.key, Scope::Brand(brand)).into_iter();
            hits.extend(beginnings.map(|(model, how)| hit(ngram, model, how)));
        }
    }
    if hits.is_empty() {
        hits = with_other_letters(index, ngrams.iter().copied().filter(|ngram| !overlaps(&ngram.span)), brand);
    }
    add_nicknames(
        index,
        text,
        &mut hits,
        ngrams.iter().copied().filter(|ngram| !overlaps(&ngram.span)),
        Scope::Brand(brand),
    );
    hits
}

/// Whether a ngram may be named without a brand: a number alone is a price sooner than a car, unless it is longer than prices and
/// years are; short words are spelled out.
fn stands_alone(text: &Text, hit: &Hit) -> bool {
    let words = text.words.get(hit.span.clone()).unwrap_or_default();
    let characters: usize = words.iter().map(|word| word.key.chars().count()).sum();
    if words.iter().all(|word| is_number(&word.key)) {
        return words.len() == 1 && characters > LONGEST_PRICE && hit.how == MatchKind::Spelled;
    }
    // Two or three letters, or what they read like, are a word as likely as a name.
    let has_digits = words.iter().any(|word| is_number(&word.key));
    match hit.how {
        MatchKind::Spelled => characters >= 2,
        MatchKind::Layout => has_digits || characters >= 4,
        _ => has_digits || characters >= 3,
    }
}

/// Whether a name is read out of a preposition and what it stands before, in a text that says more: "в 10 утра", "к 5 подъеду".
fn is_preposition(text: &Text, hit: &Hit) -> bool {
    let [first, second, ..] = text.words.get(hit.span.clone()).unwrap_or_default() else { return false };
    let is_for = |place: usize| text.words.get(place).is_some_and(|word| matches!(word.key.as_str(), "на" | "для"));
    let says_more =
        |(place, word): (usize, &Word)| !hit.span.contains(&place) && (word.is_letters() || first.key == "и");
    second.gap.contains(' ')
        && PREPOSITIONS.contains(&first.key.as_str())
        && (is_number(&second.key) || hit.how > MatchKind::LookAlike)
        && !hit.span.start.checked_sub(1).is_some_and(is_for)
        && text.words.iter().enumerate().any(says_more)
}

fn is_year(text: &Text, span: &Range<usize>) -> bool {
    let words = text.words.get(span.clone()).unwrap_or_default();
    matches!(words, [word] if word.key.len() == 4 && word.number().is_some_and(|number| Years::PLAUSIBLE.contains(&number)))
}

/// Nothing but talk; a single word of it names no car, several may ("С класс").
fn is_talk(text: &Text, span: &Range<usize>) -> bool {
    let mut kinds = span.clone().map(|place| text.kind(place));
    span.len() == 1 && kinds.all(|kind| kind == Some(Kind::Talk))
}

/// Letters and digits both, at least so many together.
fn is_code(key: &str, least: usize) -> bool {
    key.chars().count() >= least && key.chars().any(char::is_alphabetic) && key.chars().any(|ch| ch.is_ascii_digit())
}

fn heaviest(hits: &[Hit]) -> f32 {
    hits.iter().filter(|hit| hit.is_certain()).map(|hit| hit.weight).fold(0.0, f32::max)
}

/// Each model once, with the hit that explains most; a model named for certain is not also guessed.
fn best_of_each(mut hits: Vec<Hit>) -> Vec<Hit> {
    let is_named = |hit: &&Hit| hit.is_certain() && hit.how != MatchKind::Code;
    let certain: HashSet<ModelId> = hits.iter().filter(is_named).map(|hit| hit.model).collect();
    hits.retain(|hit| hit.is_certain() || !certain.contains(&hit.model));
    hits.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.how.cmp(&b.how)).then(a.model.cmp(&b.model)));
    let mut best: Vec<Hit> = Vec::new();
    for hit in hits {
        match best.iter_mut().find(|known| known.model == hit.model) {
            None => best.push(hit),
            Some(known) => {
                let is_apart = known.span.end <= hit.span.start || hit.span.end <= known.span.start;
                if is_apart && hit.is_certain() && hit.how != MatchKind::Code && hit.ended.is_none() {
                    known.beside.push(hit.span);
                }
            }
        }
    }
    best
}
