//! Why a car was taken for what was meant, in words.

use super::hits::Hit;
use super::numbers::Numbers;
use crate::Language;
use crate::index::Index;
use crate::matches::MatchKind;

/// What a reason tells of.
pub(super) struct Grounds<'a> {
    pub hit: &'a Hit,
    pub numbers: &'a Numbers,
    pub is_brand_named: bool,
    pub is_other_brand: bool,
    pub is_swapped: bool,
    /// Words nobody knows stand beside it.
    pub has_unknown: bool,
    pub fits_year: Option<bool>,
}

/// Says why, e.g. "«камри»: название модели; поколение 70".
pub(super) fn reason(index: &Index, matched: &str, grounds: &Grounds, language: Language) -> String {
    let say = |ru: &str, ky: &str, en: &str| in_language(language, [ru, ky, en]).to_owned();
    let mut parts = vec![format!("«{matched}»: {}", way(grounds, language))];
    if grounds.is_brand_named {
        let brand = &index.brand(grounds.hit.model.brand).name;
        parts.push(format!("{} {brand}", say("марка", "маркасы", "brand")));
    }
    if grounds.is_other_brand {
        parts.push(say("названа другая марка", "башка марка айтылган", "another brand is named"));
    }
    let Numbers { generation, year, is_known, .. } = grounds.numbers;
    if !generation.is_empty() {
        let doubt = say(" (нет в справочнике)", " (маалымдамада жок)", " (not in the reference)");
        let doubt = if *is_known { "" } else { &doubt };
        parts.push(format!("{} {generation}{doubt}", say("поколение", "мууну", "generation")));
    }
    if let Some(year) = year {
        let out_of_years = match language {
            Language::Ru => ": тогда не выпускалась",
            Language::Ky => ": анда чыгарылган эмес",
            Language::En => ": it was not made then",
        };
        let doubt = if grounds.fits_year == Some(false) { out_of_years } else { "" };
        parts.push(match language {
            Language::Ru => format!("{year} год{doubt}"),
            Language::Ky => format!("{year}-жыл{doubt}"),
            Language::En => format!("year {year}{doubt}"),
        });
    }
    if grounds.has_unknown {
        parts.push(say("есть непонятные слова", "түшүнүксүз сөздөр бар", "some words are not understood"));
    }
    parts.join("; ")
}

/// Why a brand alone came back: nothing else is said, or a model that the reference lacks.
pub(super) fn brand_only(name: &str, unknown: &str, language: Language) -> String {
    match (language, unknown) {
        (Language::Ru, "") => format!("названа только марка {name}"),
        (Language::Ky, "") => format!("{name} маркасы гана айтылган"),
        (Language::En, "") => format!("only the brand {name} is named"),
        (Language::Ru, unknown) => format!("названа марка {name}; модели «{unknown}» нет в справочнике"),
        (Language::Ky, unknown) => format!("{name} маркасы айтылган; «{unknown}» модели маалымдамада жок"),
        (Language::En, unknown) => format!("the brand {name} is named; no model «{unknown}» is in the reference"),
    }
}

fn way(grounds: &Grounds, language: Language) -> String {
    let way = match grounds.hit.how {
        MatchKind::Spelled => ["название модели", "моделдин аты", "the model's name"],
        MatchKind::LookAlike => {
            ["название похожими буквами", "аты окшош тамгалар менен", "its name in look-alike letters"]
        }
        MatchKind::Badge => ["индекс двигателя", "кыймылдаткычтын индекси", "an engine badge"],
        MatchKind::Transliteration => {
            ["название другим алфавитом", "аты башка алфавитте", "its name in another alphabet"]
        }
        MatchKind::Bare => ["краткое название", "кыскача аты", "a short name"],
        MatchKind::Code => ["код кузова", "кузовдун коду", "a body code"],
        MatchKind::Layout => LAYOUT,
        MatchKind::Sound => ["созвучно названию", "аты менен үндөш", "it sounds like the name"],
        MatchKind::Shape => ["похожие на вид буквы", "көрүнүшү окшош тамгалар", "letters that look alike"],
        MatchKind::Prefix => ["начало названия", "аттын башы", "the beginning of the name"],
        MatchKind::Typo(1) => ["одна опечатка", "бир ката", "one typo"],
        MatchKind::Typo(_) => ["опечатки", "каталар", "typos"],
    };
    let mut said = in_language(language, way).to_owned();
    if grounds.hit.ended.is_some() {
        said.push_str(in_language(language, [" с окончанием", ", мүчөсү менен", " with an ending"]));
    }
    if grounds.is_swapped {
        said.push_str(", ");
        said.push_str(in_language(language, LAYOUT));
    }
    said
}

const LAYOUT: [&str; 3] = ["другая раскладка клавиатуры", "клавиатуранын башка жайгашуусу", "another keyboard layout"];

fn in_language(language: Language, [ru, ky, en]: [&str; 3]) -> &str {
    match language {
        Language::Ru => ru,
        Language::Ky => ky,
        Language::En => en,
    }
}
