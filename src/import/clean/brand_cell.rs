//! What a row says about its brand, before anything is decided.

use super::cache::Lookup;
use super::cell::Cell;
use lekalo_vehicles::words::words;
use lekalo_vehicles::{BrandId, BrandMatch, MatchKind, ModelMatch, Scope};

/// What a brand's cell says where there is no brand.
const NO_MAKE: &[&str] = &[
    "разное",
    "разные",
    "другое",
    "другие",
    "другая",
    "прочее",
    "прочие",
    "остальное",
    "остальные",
    "нет",
    "неизвестно",
    "other",
    "misc",
    "no",
    "na",
];

/// From this popularity on a model is known before a brand of the same name.
pub const FAMOUS: f32 = 0.25;

/// The brand that a cell states, and the cell's other words.
pub struct Stated {
    pub brand: Option<BrandMatch>,
    pub rest: Cell,
    /// The cell says that there is no brand.
    pub is_blank: bool,
    /// The cell as written.
    pub text: String,
}

/// Reads the brand's cell; the model's cell may confirm a misspelled brand.
pub fn stated(index: &Lookup, text: &str, model: &Cell) -> Stated {
    stated_in(index, text, Cell::new(text), model)
}

/// The same of a cell that was read already.
pub fn stated_in(index: &Lookup, text: &str, mut rest: Cell, model: &Cell) -> Stated {
    let key: String = rest.free_words().iter().map(|word| word.key.as_str()).collect();
    let is_blank = key.is_empty() || NO_MAKE.contains(&key.as_str());
    if is_blank {
        return Stated { brand: None, rest: Cell::default(), is_blank, text: text.to_owned() };
    }
    let words = rest.free_words();
    let mentioned = index.mentioned_brands(&words);
    let found = if mentioned.is_empty() { index.find_brands(&words) } else { mentioned };
    let rival = |best: &BrandMatch| found.iter().any(|other| other.brand != best.brand && other.weight >= best.weight);
    let fits = |best: &BrandMatch| best.how.is_certain() || best.span.len() == words.len();
    let brand = found.first().filter(|best| fits(best) && !rival(best)).cloned();
    // A cell that is a model spelled out is not a misspelled brand: "Нексия", "ID4".
    let is_model = |brand: &BrandMatch| {
        let models = index.find_models(&words, Scope::All);
        models.first().is_some_and(|model| model.how.is_certain() && model.weight >= brand.weight)
    };
    let confirms = |brand: &BrandMatch| {
        let named = index.find_models(&model.free_words(), Scope::Brand(brand.brand));
        named.first().is_some_and(|hit| hit.how.is_certain() || hit.how == MatchKind::Shape)
    };
    // A brand that is called like a well-known model of another one is that model, unless its own model stands beside it.
    let is_famous = |brand: &BrandMatch| {
        let models = index.find_models(&words, Scope::All);
        let is = |model: &ModelMatch| {
            model.how == MatchKind::Spelled && model.model.brand != brand.brand && model.span == brand.span
        };
        models.iter().any(|model| is(model) && index.model(model.model).popularity() >= FAMOUS)
    };
    let is_sure = |brand: &BrandMatch| brand.how.is_certain() && !is_famous(brand);
    let brand = brand.filter(|brand| is_sure(brand) || !is_model(brand) || confirms(brand));
    if let Some(brand) = &brand {
        rest.take_free(&brand.span);
    }
    Stated { brand, rest, is_blank, text: text.to_owned() }
}

/// Takes the stated brand's own name out of the model's words ("Тайота вокси"), unless a model's name needs it.
pub fn take_brand_mentions(index: &Lookup, brand: Option<BrandId>, name: &mut Cell) {
    let words = name.free_words();
    let Some(brand) = brand else { return };
    let mention = index.mentioned_brands(&words).into_iter().find(|hit| hit.brand == brand && hit.how.is_certain());
    let Some(mention) = mention else { return };
    let needed = index
        .find_models(&words, Scope::Brand(brand))
        .into_iter()
        .any(|hit| hit.how.is_certain() && hit.span.start <= mention.span.start && hit.span.end >= mention.span.end);
    if !needed {
        name.take_free(&mention.span);
    }
}

/// Whether a text holds words at all.
pub fn is_blank(text: &str) -> bool {
    words(text).is_empty()
}
