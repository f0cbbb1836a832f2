//! What a row says about its make, before anything is decided.

use super::cell::Cell;
use super::lookup::Lookup;
use lekalo_vehicles::words::words;
use lekalo_vehicles::{How, MakeId, MakeMatch, Scope};

/// What a make's cell says where there is no make.
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

/// The make that a cell states, and the cell's other words.
pub struct Stated {
    pub make: Option<MakeMatch>,
    pub rest: Cell,
    /// The cell says that there is no make.
    pub is_blank: bool,
    /// The cell as written.
    pub text: String,
}

/// Reads the make's cell; the model's cell may confirm a misspelled make.
pub fn stated(index: &Lookup, text: &str, model: &Cell) -> Stated {
    let mut rest = Cell::new(text);
    let key: String = rest.words.iter().map(|word| word.key.as_str()).collect();
    let is_blank = key.is_empty() || NO_MAKE.contains(&key.as_str());
    if is_blank {
        return Stated { make: None, rest: Cell::default(), is_blank, text: text.to_owned() };
    }
    let words = rest.free_words();
    let mentioned = index.mentioned_makes(&words);
    let found = if mentioned.is_empty() { index.find_makes(&words) } else { mentioned };
    let rival = |best: &MakeMatch| found.iter().any(|other| other.make != best.make && other.weight >= best.weight);
    let fits = |best: &MakeMatch| best.how.is_certain() || best.span.len() == words.len();
    let make = found.first().filter(|best| fits(best) && !rival(best)).cloned();
    // A cell that is a model spelled out is not a misspelled make: "Нексия", "ID4".
    let is_model = |make: &MakeMatch| {
        let models = index.find_models(&words, Scope::All);
        models.first().is_some_and(|model| model.how.is_certain() && model.weight >= make.weight)
    };
    let confirms = |make: &MakeMatch| {
        let named = index.find_models(&model.free_words(), Scope::Make(make.make));
        named.first().is_some_and(|hit| hit.how.is_certain() || hit.how == How::Shape)
    };
    let make = make.filter(|make| make.how.is_certain() || !is_model(make) || confirms(make));
    if let Some(make) = &make {
        rest.take_free(&make.span);
    }
    Stated { make, rest, is_blank, text: text.to_owned() }
}

/// Takes the stated make's own name out of the model's words ("Тайота вокси"), unless a model's name needs it.
pub fn take_make_mentions(index: &Lookup, make: Option<MakeId>, name: &mut Cell) {
    let words = name.free_words();
    let Some(make) = make else { return };
    let mention = index.mentioned_makes(&words).into_iter().find(|hit| hit.make == make && hit.how.is_certain());
    let Some(mention) = mention else { return };
    let needed = index
        .find_models(&words, Scope::Make(make))
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
