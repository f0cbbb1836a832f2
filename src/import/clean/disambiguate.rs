//! Choosing among the models that a row's words may name: the best, if no other fits as well.

use super::cache::Lookup;
use std::ops::Range;

use crate::domain::vehicle::Years;
use lekalo_vehicles::words::{Word, join};
use lekalo_vehicles::{MatchKind, ModelId, ModelMatch};
use lekalo_vehicles::{normalize, transliteration};

/// The best match, if no other model fits as well. A family's name yields to a member named beside it ("Range Rover
/// Discovery"); of models with one spelling, the row's generation and years decide.
pub fn pick(
    index: &Lookup,
    found: Vec<ModelMatch>,
    words: &[Word],
    years: Years,
) -> Result<Option<ModelMatch>, Vec<ModelId>> {
    let Some(best) = found.first() else {
        return Ok(None);
    };
    let heads_family = |model: ModelId| {
        let name = index.model(model).name.as_str();
        let mut siblings = index.brand(model.brand).models.iter();
        siblings.any(|other| other.name.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))
    };
    let apart = |hit: &&ModelMatch| hit.span.start >= best.span.end || hit.span.end <= best.span.start;
    if let Some(member) =
        found.iter().skip(1).find(|hit| apart(hit) && hit.model.brand == best.model.brand && hit.weight >= 4.0)
        && heads_family(best.model)
    {
        return Ok(Some(member.clone()));
    }
    let rivals: Vec<&ModelMatch> = found.iter().filter(|hit| hit.weight >= best.weight && !apart(hit)).collect();
    if rivals.len() == 1 {
        return Ok(Some(best.clone()));
    }
    // A misspelled "Королала" is the Corolla, not one of those named after it.
    if let Some(head) = rivals.iter().find(|head| rivals.iter().all(|hit| index.is_family(head.model, hit.model))) {
        return Ok(Some(ModelMatch::clone(head)));
    }
    let by_code: Vec<&ModelMatch> = rivals
        .iter()
        .copied()
        .filter(|hit| index.find_codes(words, hit.model.brand).iter().any(|code| code.model == hit.model))
        .collect();
    let by_years: Vec<&ModelMatch> = rivals.iter().copied().filter(|hit| fits_years(index, hit.model, years)).collect();
    match (by_code.as_slice(), by_years.as_slice()) {
        ([only], _) | (_, [only]) => Ok(Some(ModelMatch::clone(only))),
        // A code that generations of several models share belongs to the model listed first: Audi 100 and A6 C4.
        _ if best.how == MatchKind::Code => Ok(Some(best.clone())),
        _ => better_known(index, &rivals)
            .map_or_else(|| Err(rivals.iter().map(|hit| hit.model).collect()), |hit| Ok(Some(hit.clone()))),
    }
}

/// Of one car sold under several brands, the one the reference says most about.
fn better_known<'a>(index: &Lookup, rivals: &[&'a ModelMatch]) -> Option<&'a ModelMatch> {
    let (first, rest) = rivals.split_first()?;
    let known = |hit: &ModelMatch| {
        let model = index.model(hit.model);
        (hit.how == MatchKind::Spelled, 2 * model.generations.len() + model.spellings().count())
    };
    let different_brands = rest.iter().all(|hit| hit.model.brand != first.model.brand);
    let best = rivals.iter().max_by_key(|hit| known(hit))?;
    let is_clear = rivals.iter().filter(|hit| hit.model != best.model).all(|hit| known(hit) < known(best));
    (different_brands && is_clear && (first.how.is_certain() || first.how == MatchKind::Sound)).then_some(*best)
}

fn fits_years(index: &Lookup, model: ModelId, years: Years) -> bool {
    let made = index.model(model).years();
    !years.is_unknown() && [years.from, years.to].into_iter().flatten().all(|year| made.contains(year))
}

/// Whether one run of words holds all of another: only then can a guess explain more ("Авенсис версу").
pub fn covers(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && outer.end >= inner.end
}

/// Whether the words are the model's very name, in any alphabet.
pub fn is_canonical(index: &Lookup, words: &[Word], hit: &ModelMatch) -> bool {
    let name = normalize::key(&index.model(hit.model).name);
    let key = words.get(hit.span.clone()).map(join).unwrap_or_default();
    transliteration::readings(&key).iter().any(|(key, _)| *key == name)
}
