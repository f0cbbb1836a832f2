//! The brands that a text's words name, for certain or misspelled.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::Range;

use super::hits::{Hit, is_everyday, is_inside, is_near, may_be_misspelled};
use super::text::{Kind, Text, without_ending};
use crate::index::{BrandId, Index, ModelId};
use crate::matches::{MatchKind, Scope};
use crate::ngrams::Ngram;
use crate::nicknames::KNOWN;
use crate::normalize;

/// So many misspelled brands are considered, the surest ones.
pub(super) const MOST_BRANDS: usize = 6;
/// A brand of so many letters is hardly a chance, though one or two are wrong.
const LONG_BRAND: f32 = 6.0;

/// A brand that some words name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mention {
    pub brand: BrandId,
    pub how: MatchKind,
    pub span: Range<usize>,
    /// An ending was taken off.
    pub is_ended: bool,
}

/// The brands that ngrams name for certain, the longest where they overlap.
pub(super) fn mentions(index: &Index, text: &Text, ngrams: &[Ngram]) -> Vec<Mention> {
    let mut mentions: Vec<Mention> = Vec::new();
    for ngram in ngrams {
        let mut brands = index.brands_in_any_reading(&ngram.key);
        let is_ended = brands.is_empty();
        if is_ended && ngram.span.len() == 1 && ngram.letters >= 4.0 && text.kind(ngram.span.start) == Some(Kind::Name)
        {
            // A short brand is made of too many words: "жили" is no "джили" without a model beside it.
            let sure = |stem: &str, how: MatchKind| if stem.chars().count() >= 5 { how } else { MatchKind::Sound };
            let stems = if is_everyday(text, &ngram.span) { Vec::new() } else { without_ending(&ngram.key, 3) };
            for stem in stems {
                let named = index
                    .brands_in_any_reading(&stem)
                    .into_iter()
                    .filter(|(_, how)| *how <= MatchKind::Transliteration);
                brands.extend(named.map(|(brand, how)| (brand, sure(&stem, how))));
            }
        }
        mentions.extend(brands.into_iter().map(|(brand, how)| Mention {
            brand,
            how,
            span: ngram.span.clone(),
            is_ended,
        }));
    }
    let all = mentions.clone();
    mentions.retain(|one| !all.iter().any(|other| is_inside(&one.span, &other.span)));
    mentions
}

/// Without the mentions that are only part of a longer model's name ("Range Rover"), or a model of another brand that is named
/// ("Hyundai Genesis").
pub(super) fn undisputed(index: &Index, mentions: Vec<Mention>, named: &[Hit]) -> Vec<Mention> {
    let is_named_apart = |brand: BrandId, span: &Range<usize>| {
        mentions
            .iter()
            .any(|other| other.brand == brand && (other.span.end <= span.start || other.span.start >= span.end))
    };
    let has_own_model = |mention: &Mention| {
        let is_beside = |hit: &Hit| hit.span.start >= mention.span.end || hit.span.end <= mention.span.start;
        named.iter().any(|hit| hit.model.brand == mention.brand && hit.how.is_certain() && is_beside(hit))
    };
    let is_disputed = |mention: &Mention| {
        named
            .iter()
            .filter(|hit| hit.model.brand != mention.brand && hit.how.is_certain() && hit.how != MatchKind::Bare)
            .any(|hit| {
                is_inside(&mention.span, &hit.span)
                    // "венза" is no case of a brand's name.
                    || (mention.is_ended && hit.ended.is_none() && hit.span == mention.span)
                    || (hit.span == mention.span && is_named_apart(hit.model.brand, &mention.span))
                    // A brand that is called like a well-known model, or only reads like one, needs a model of its own.
                    || (hit.span == mention.span
                        && hit.how == MatchKind::Spelled
                        && (hit.ended.is_none() || mention.is_ended)
                        && (index.model(hit.model).popularity() >= KNOWN || mention.how > MatchKind::Spelled)
                        && !has_own_model(mention))
            })
    };
    mentions.iter().filter(|mention| !is_disputed(mention)).cloned().collect()
}

/// A brand misspelled so little that it is one although no model stands beside it, where nothing else is said that might be a name:
/// "мерсидес есть?".
pub(super) fn misspelled_alone(index: &Index, text: &Text, ngrams: &[Ngram]) -> Option<Mention> {
    let mut names = ngrams.iter().filter(|ngram| may_be_misspelled(text, ngram));
    let (Some(ngram), None) = (names.next(), names.next()) else { return None };
    let sound = |name: &str| normalize::phonetic_key(&normalize::key(name)).chars().next();
    let begins_like = |brand: BrandId| index.brand(brand).spellings().any(|name| sound(name) == sound(&ngram.key));
    let may_be = ngram.letters >= LONG_BRAND && !is_everyday(text, &ngram.span);
    match index.brands_like(&ngram.key).as_slice() {
        [(brand, how)] if may_be && begins_like(*brand) => {
            Some(Mention { brand: *brand, how: *how, span: ngram.span.clone(), is_ended: false })
        }
        _ => None,
    }
}

/// Misspelled brands: believed only with one of their models beside them.
pub(super) fn guessed_mentions(index: &Index, text: &Text, ngrams: &[Ngram], named: &[Hit]) -> Vec<Mention> {
    let mut guessed = Vec::new();
    let mut guesses: Vec<(MatchKind, BrandId, &Ngram)> = Vec::new();
    // Which ngrams name a model of a brand, or are one letter away: asked once however many ngrams may be the brand.
    let mut confirming: HashMap<(BrandId, bool), Vec<OnceCell<bool>>> = HashMap::new();
    for ngram in ngrams.iter().filter(|ngram| may_be_misspelled(text, ngram) && !is_everyday(text, &ngram.span)) {
        if named.iter().any(|hit| {
            hit.is_certain()
                && hit.span.start < ngram.span.end
                && ngram.span.start < hit.span.end
                && hit.how != MatchKind::Bare
        }) {
            continue;
        }
        let begun = index.brand_beginning(&ngram.key).map(|brand| (brand, MatchKind::Prefix));
        let likely = index.brands_like(&ngram.key).into_iter().chain(begun);
        guesses.extend(likely.map(|(brand, how)| (how, brand, ngram)));
    }
    // The surest first; of a text that is full of half names not all.
    guesses.sort_by(|a, b| a.0.cmp(&b.0).then(a.2.span.start.cmp(&b.2.span.start)));
    guesses.truncate(MOST_BRANDS);
    for (how, brand, ngram) in guesses {
        // A model stands near its brand: words far off neither confirm it nor are worth comparing.
        let is_beside = |other: &Ngram| is_near(&ngram.span, &other.span);
        let may_be_wrong = ngram.letters >= 6.0;
        let is_close = |(_, how, _): &(ModelId, MatchKind, usize)| {
            *how <= MatchKind::Shape || (*how == MatchKind::Typo(1) && may_be_wrong)
        };
        let confirms = |other: &Ngram| {
            named.iter().any(|hit| hit.model.brand == brand && hit.span == other.span)
                || (may_be_misspelled(text, other)
                    && index.models_like_typed(&other.key, Scope::Brand(brand)).iter().any(is_close))
        };
        let answers = confirming.entry((brand, may_be_wrong)).or_insert_with(|| vec![OnceCell::new(); ngrams.len()]);
        let is_confirmed =
            |(other, answer): (&Ngram, &OnceCell<bool>)| is_beside(other) && *answer.get_or_init(|| confirms(other));
        if ngrams.iter().zip(answers.iter()).any(is_confirmed) {
            guessed.push(Mention { brand, how, span: ngram.span.clone(), is_ended: false });
        }
    }
    guessed
}
