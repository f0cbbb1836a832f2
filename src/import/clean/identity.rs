//! Which brand and model a row names.
//!
//! The stated brand is believed as long as one of its models fits. Where the brand's cell is empty, unknown or holds a model, and
//! where another brand's model stands there unmistakably, the model decides. Two cars that fit equally well are no answer.

use super::brand_cell::{FAMOUS, Stated, take_brand_mentions};
use super::cache::Lookup;
use super::cell::Cell;
use super::disambiguate::{covers, is_canonical, pick};
use super::version::{badge, is_badge, shortest_name, with_second_engine};
use super::{generation, issues};
use crate::domain::import::{Confidence, Issue};
use crate::domain::vehicle::Years;
use lekalo_vehicles::generation::{chassis, code_of, roman};
use lekalo_vehicles::is_everyday;
use lekalo_vehicles::suggest::is_clear;
use lekalo_vehicles::words::{Joint, Word, join};
use lekalo_vehicles::{BrandId, BrandMatch, MatchKind, Model, ModelId, ModelMatch, Scope};

/// The answer: what was understood, how surely, and what a person should know about it.
#[derive(Debug, Default)]
pub struct Identity {
    pub brand: Option<BrandId>,
    pub model: Option<ModelId>,
    pub confidence: Confidence,
    pub issues: Vec<Issue>,
    /// The engine's badge, if that is how the model was named ("GX 470").
    pub badge: Option<String>,
    /// The generation, if the model's name stands for one: "лупатый", "тлк 300".
    pub generation: String,
    /// The words that name the model.
    pub name: Vec<String>,
}

/// A model decided on.
struct Choice {
    hit: ModelMatch,
    /// The brand's cell does not name this model's brand.
    corrected: bool,
}

/// A name of so many letters is hardly a chance.
const LONG: usize = 6;

/// Decides brand and model from the brand's cell and the words that may name the model; takes what it used.
pub fn identify(index: &Lookup, stated: &Stated, name: &mut Cell, years: Years) -> Identity {
    let mut identity = Identity { brand: stated.brand.as_ref().map(|brand| brand.brand), ..Identity::default() };
    take_brand_mentions(index, identity.brand, name);
    let words = name.free_words();
    let choose = |words: &[Word]| match &stated.brand {
        Some(brand) => within_brand(index, brand, words, years),
        None => without_brand(index, stated, words, years),
    };
    let mut choice = choose(&words);
    if let Ok(None) = choice
        && let Some((place, number, parted)) = around_numeral(&words, choose)
    {
        name.take_free(&(place..place + 1));
        identity.generation = number.to_string();
        choice = Ok(Some(parted));
    }
    match choice {
        Ok(Some(choice)) => accept(index, stated, name, choice, &mut identity),
        Ok(None) => suggest(index, stated, name, years, &mut identity),
        Err(rivals) => {
            let names: Vec<String> = rivals.iter().map(|model| index.full_name(*model)).collect();
            identity.issues.push(issues::model_ambiguous(&text_of(&words), &names));
            if identity.brand.is_none() {
                identity.brand = rivals
                    .first()
                    .map(|model| model.brand)
                    .filter(|brand| rivals.iter().all(|model| model.brand == *brand));
            }
        }
    }
    identity
}

/// A model whose name a numeral parts: "WILL I (VI)" is the first WiLL Vi.
fn around_numeral(
    words: &[Word],
    choose: impl Fn(&[Word]) -> Result<Option<Choice>, Vec<ModelId>>,
) -> Option<(usize, u8, Choice)> {
    let is_capital = |word: &Word| word.text.chars().all(char::is_uppercase);
    let (place, number) = words
        .iter()
        .enumerate()
        .skip(1)
        .find_map(|(place, word)| Some((place, roman(&word.key).filter(|_| is_capital(word))?)))?;
    let mut others = words.to_vec();
    others.remove(place);
    let choice = choose(&others).ok().flatten()?;
    let is_parted = choice.hit.span.start < place && choice.hit.span.end > place;
    (is_parted && choice.hit.how.is_certain()).then_some((place, number, choice))
}

fn within_brand(
    index: &Lookup,
    stated: &BrandMatch,
    words: &[Word],
    years: Years,
) -> Result<Option<Choice>, Vec<ModelId>> {
    let brand = stated.brand;
    let stays = |hit: Option<ModelMatch>| hit.map(|hit| Choice { hit, corrected: false });
    if let Some(hit) = of_named_sister(index, brand, words) {
        return Ok(Some(Choice { hit, corrected: true }));
    }
    let found = index.find_models(words, Scope::Brand(brand));
    let (certain, guesses): (Vec<_>, Vec<_>) = found.into_iter().partition(|hit| hit.how.is_certain());
    let guess = guesses.first();
    let codes = index.find_codes(words, brand);
    // A code listed among a model's spellings is still a code: "GLE W166" is a GLE, not the owner of W166.
    let is_code = |hit: &ModelMatch| {
        codes.iter().any(|code| code.span == hit.span && code.model == hit.model) && !is_canonical(index, words, hit)
    };
    let certain: Vec<_> =
        if certain.iter().all(is_code) { certain } else { certain.into_iter().filter(|hit| !is_code(hit)).collect() };
    // One run of words may be both: the surer reading counts ("С4" is the code C4 rather than the name S4).
    let is_rather_code =
        |best: &ModelMatch| codes.iter().any(|code| covers(&code.span, &best.span) && code.weight > best.weight);
    if let Some(best) = certain.first().filter(|best| !is_rather_code(best))
        && guess.is_none_or(|guess| guess.weight <= best.weight || !covers(&guess.span, &best.span))
    {
        return pick(index, certain, words, years).map(stays);
    }
    if !codes.is_empty() {
        // A code that several models have belongs to the one that is named, though with a slip.
        let is_named = |code: &ModelMatch| certain.iter().chain(&guesses).any(|hit| hit.model == code.model);
        let (named, others): (Vec<_>, Vec<_>) = codes.into_iter().partition(is_named);
        return pick(index, if named.is_empty() { others } else { named }, words, years).map(stays);
    }
    if let Some(choice) = of_another_brand(index, stated, words, guess, years)? {
        return Ok(Some(choice));
    }
    if guess.is_none() {
        return Ok(stays(chassis_number(index, brand, words)));
    }
    // What another brand's well-known model is called is no slip of a name of this one.
    let everywhere = index.find_models(words, Scope::All);
    if everywhere.iter().any(|hit| hit.model.brand != brand && is_unmistakable(index, words, hit)) {
        return Ok(None);
    }
    pick(index, guesses, words, years).map(stays)
}

/// A model of a sister brand that is named beside it: "Hyundai | Genesis G80".
fn of_named_sister(index: &Lookup, brand: BrandId, words: &[Word]) -> Option<ModelMatch> {
    let mentions = index.mentioned_brands(words);
    let sister = mentions.into_iter().find(|hit| hit.how.is_certain() && index.are_sisters(hit.brand, brand))?;
    let mut found = index.find_models(words, Scope::Brand(sister.brand)).into_iter();
    found.find(|hit| hit.how == MatchKind::Spelled && hit.span.start == sister.span.end)
}

/// Another brand's model is meant only where the stated brand may be wrong: it was guessed, or the two sell the same cars, or the
/// model's cell names its own brand, or a name that nothing else is called by.
fn may_be_of(
    index: &Lookup,
    stated: &BrandMatch,
    mention: Option<&BrandMatch>,
    words: &[Word],
    hit: &ModelMatch,
) -> bool {
    !stated.how.is_certain()
        || index.are_sisters(stated.brand, hit.model.brand)
        || mention.is_some_and(|mention| mention.brand == hit.model.brand)
        || is_unmistakable(index, words, hit)
}

/// Whether words are a well-known model's name, spelled out, that is no word and no other brand's.
fn is_unmistakable(index: &Lookup, words: &[Word], hit: &ModelMatch) -> bool {
    let run = words.get(hit.span.clone()).unwrap_or_default();
    let is_name = |word: &Word| word.is_letters() && word.key.chars().count() >= LONG && !is_everyday(&word.key);
    let same = |other: &ModelMatch| other.span == hit.span && other.how == MatchKind::Spelled;
    hit.how == MatchKind::Spelled
        && run.iter().all(is_name)
        && index.model(hit.model).popularity() >= FAMOUS
        && index
            .find_models(words, Scope::All)
            .iter()
            .filter(|other| same(other))
            .all(|other| other.model.brand == hit.model.brand)
}

/// A model of another brand that stands there unmistakably: spelled out, long enough to be no chance, and explaining more than
/// any reading within the stated brand does. A short name must not be one letter from a name of the stated brand.
fn of_another_brand(
    index: &Lookup,
    stated: &BrandMatch,
    words: &[Word],
    guess: Option<&ModelMatch>,
    years: Years,
) -> Result<Option<Choice>, Vec<ModelId>> {
    let brand = stated.brand;
    let letters: usize = words.iter().filter(|word| word.is_letters()).map(|word| word.key.chars().count()).sum();
    let mention = index
        .mentioned_brands(words)
        .into_iter()
        .find(|hit| hit.how.is_certain() && hit.brand != brand && hit.weight >= 3.0);
    let scope = mention.as_ref().map_or(Scope::All, |hit| Scope::Brand(hit.brand));
    let mut found = index.find_models(words, scope);
    found.retain(|hit| may_be_of(index, stated, mention.as_ref(), words, hit));
    found.retain(|hit| {
        let sure = hit.how.is_certain() || (hit.how == MatchKind::Sound && letters >= 5);
        let named = scope != Scope::All
            || (hit.weight >= 3.5 && is_mostly_letters(words, hit) && hit.weight * 2.0 >= letters as f32);
        sure && named && hit.model.brand != brand && guess.is_none_or(|guess| guess.weight < hit.weight)
    });
    let Some(hit) = pick(index, found, words, years)? else {
        return Ok(None);
    };
    if scope == Scope::All && letters < 7 {
        match guess {
            Some(guess) if guess.how == MatchKind::Sound => return Ok(None),
            Some(guess) => return Err(vec![guess.model, hit.model]),
            None if index.is_nearly_named(words, brand) => return Ok(None),
            None => {}
        }
    }
    Ok(Some(Choice { hit, corrected: true }))
}

/// The model decides. Words that should be a brand but are none may be one the reference lacks: then only a name of some length,
/// spelled out, is believed beside them. Without a brand a short code must be a model's very name.
fn without_brand(
    index: &Lookup,
    stated: &Stated,
    words: &[Word],
    years: Years,
) -> Result<Option<Choice>, Vec<ModelId>> {
    let unknown_brand = 0..stated.rest.words.len();
    let mention = index.mentioned_brands(words).into_iter().find(|hit| hit.how.is_certain() && hit.weight >= 3.0);
    let mut found = mention.map_or_else(Vec::new, |hit| index.find_models(words, Scope::Brand(hit.brand)));
    // A brand's name with none of its models may be another one's model: "Солярис".
    if found.is_empty() {
        found = index.find_models(words, Scope::All);
        found.retain(|hit| {
            let run = words.get(hit.span.clone()).unwrap_or_default();
            let key = join(run);
            let is_number = run.iter().all(|word| !word.is_letters());
            let is_code = key.chars().filter(|ch| ch.is_alphabetic()).count() <= 2;
            let explains = hit.weight * 2.0
                >= words.iter().filter(|word| word.is_letters()).map(|word| word.key.chars().count()).sum::<usize>()
                    as f32;
            let is_beside_unknown = hit.span.start >= unknown_brand.end && !unknown_brand.is_empty();
            let is_long_name = hit.how.is_certain() && run.iter().all(Word::is_letters) && hit.weight >= 4.7;
            !is_number
                && !is_beside_another_code(index, words, hit)
                && explains
                && (!is_code || is_canonical(index, words, hit))
                && (!is_beside_unknown || is_long_name)
        });
    }
    let choice = pick(index, found, words, years)?;
    Ok(choice.map(|hit| Choice { hit, corrected: true }))
}

/// Whether a code stands beside a model that is none of its generations: "Alpine A110" is a make and a model that the reference
/// lacks, whatever else is called Alpine.
fn is_beside_another_code(index: &Lookup, words: &[Word], hit: &ModelMatch) -> bool {
    let model = index.model(hit.model);
    let is_code = |pair: &[Word]| {
        matches!(pair, [letters, number] if letters.is_letters()
        && letters.key.chars().count() <= 2
        && number.joint == Joint::Fixed
        && number.number().is_some()
        && code_of(model, pair).is_none())
    };
    let mut places =
        (0..words.len().saturating_sub(1)).filter(|at| !hit.span.contains(at) && !hit.span.contains(&(at + 1)));
    places.any(|at| words.get(at..at + 2).is_some_and(is_code))
}

/// A chassis number alone where only one model of the brand has it: "Мерс 210".
fn chassis_number(index: &Lookup, brand: BrandId, words: &[Word]) -> Option<ModelMatch> {
    let [word] = words else { return None };
    let models = index.models_with_number(&word.key, brand);
    let [model] = models.as_slice() else {
        return None;
    };
    Some(ModelMatch { model: *model, how: MatchKind::Code, span: 0..1, weight: 3.0 })
}

/// "CLK 209": what looks like an engine is the number of the model's own chassis.
fn chassis_in_badge(model: &Model, written: &[Word]) -> Option<String> {
    let number = written.iter().find(|word| word.number().is_some() && word.key.len() == 3)?;
    chassis(&number.key, model)
}

fn is_mostly_letters(words: &[Word], hit: &ModelMatch) -> bool {
    words
        .get(hit.span.clone())
        .is_some_and(|run| run.iter().any(|word| word.is_letters() && word.key.chars().count() >= 3))
}

fn accept(
    index: &Lookup,
    stated: &Stated,
    name: &mut Cell,
    Choice { hit, corrected }: Choice,
    identity: &mut Identity,
) {
    let words = name.free_words();
    let span = with_second_engine(&words, &shortest_name(index, &words, &hit));
    let written = words.get(span.clone()).unwrap_or_default();
    let full_name = index.full_name(hit.model);
    let sure_brand = stated.brand.as_ref().is_some_and(|brand| brand.how.is_certain());
    identity.confidence =
        if sure_brand && !corrected && hit.how.is_certain() { Confidence::High } else { Confidence::Medium };
    if corrected {
        let brand = &index.brand(hit.model.brand).name;
        identity.issues.push(issues::brand_corrected(&stated.text, brand));
    }
    if !hit.how.is_certain() {
        identity.issues.push(issues::model_guessed(&text_of(written), &full_name));
    }
    identity.brand = Some(hit.model.brand);
    identity.model = Some(hit.model);
    identity.name = written.iter().map(|word| word.key.clone()).collect();
    if identity.generation.is_empty() && hit.how.is_certain() && !matches!(hit.how, MatchKind::Badge | MatchKind::Code)
    {
        identity.generation = lekalo_vehicles::generation::in_name(index.model(hit.model), written).unwrap_or_default();
    }
    if is_badge(index, &hit, written) {
        match chassis_in_badge(index.model(hit.model), written) {
            Some(chassis) => identity.generation = chassis,
            None => identity.badge = Some(badge(index, hit.model, written)),
        }
    }
    let number =
        written.first().filter(|word| hit.how == MatchKind::Code && written.len() == 1 && word.number().is_some());
    if let Some(number) = number {
        identity.generation =
            generation::resolve(&generation::Hint::Number(number.key.clone()), index.model(hit.model));
    }
    // A code is read from the same words later.
    if hit.how != MatchKind::Code || number.is_some() {
        name.take_free(&span);
    }
    if stated.brand.is_none() || corrected {
        let others = index.mentioned_brands(&name.free_words());
        if let Some(mention) =
            others.into_iter().find(|mention| mention.brand == hit.model.brand && mention.how.is_certain())
        {
            name.take_free(&mention.span);
        }
    }
}

/// Nothing fits: says so, and puts down what was most likely meant, if that is clear.
fn suggest(index: &Lookup, stated: &Stated, name: &mut Cell, years: Years, identity: &mut Identity) {
    let words = name.free_words();
    let text = text_of(&words);
    let suggested = index.suggest(&words, identity.brand.map_or(Scope::All, Scope::Brand), years);
    let near: Vec<String> = suggested.iter().map(|it| index.full_name(it.model)).collect();
    identity.issues.push(match (identity.brand, words.is_empty()) {
        (Some(brand), true) => issues::model_missing(&index.brand(brand).name),
        (Some(brand), false) => issues::model_unknown(&text, &index.brand(brand).name, &near),
        (None, _) if stated.is_blank => issues::brand_missing(&text, &near),
        (None, _) => issues::brand_unknown(&stated.text, &near),
    });
    if let Some(best) = suggested.first().filter(|_| is_clear(&suggested)) {
        identity.brand = Some(best.model.brand);
        identity.model = Some(best.model);
        let written = words.get(best.span.clone()).unwrap_or_default();
        identity.name = written.iter().map(|word| word.key.clone()).collect();
        name.take_free(&best.span);
    }
}

fn text_of(list: &[Word]) -> String {
    let mut text = String::new();
    for word in list {
        if !text.is_empty() && !(word.gap.is_empty()) {
            text.push_str(if word.gap == "-" { "-" } else { " " });
        }
        text.push_str(&word.text);
    }
    text
}
