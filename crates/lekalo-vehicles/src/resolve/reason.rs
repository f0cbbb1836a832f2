//! Why a car was taken for what was meant, in words.

use super::hits::Hit;
use super::numbers::Numbers;
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
pub(super) fn reason(index: &Index, matched: &str, grounds: &Grounds) -> String {
    let mut parts = vec![format!("«{matched}»: {}", way(grounds))];
    if grounds.is_brand_named {
        parts.push(format!("марка {}", index.brand(grounds.hit.model.brand).name));
    }
    if grounds.is_other_brand {
        parts.push("названа другая марка".to_owned());
    }
    if !grounds.numbers.generation.is_empty() {
        let doubt = if grounds.numbers.is_known { "" } else { " (нет в справочнике)" };
        parts.push(format!("поколение {}{doubt}", grounds.numbers.generation));
    }
    match (grounds.numbers.year, grounds.fits_year) {
        (Some(year), Some(false)) => parts.push(format!("{year} год: тогда не выпускалась")),
        (Some(year), _) => parts.push(format!("{year} год")),
        _ => {}
    }
    if grounds.has_unknown {
        parts.push("есть непонятные слова".to_owned());
    }
    parts.join("; ")
}

/// Why a brand alone came back: nothing else is said, or a model that the reference lacks.
pub(super) fn brand_only(name: &str, unknown: &str) -> String {
    match unknown {
        "" => format!("названа только марка {name}"),
        unknown => format!("названа марка {name}; модели «{unknown}» нет в справочнике"),
    }
}

fn way(grounds: &Grounds) -> String {
    let way = match grounds.hit.how {
        MatchKind::Spelled => "название модели",
        MatchKind::LookAlike => "название похожими буквами",
        MatchKind::Badge => "индекс двигателя",
        MatchKind::Transliteration => "название другим алфавитом",
        MatchKind::Bare => "краткое название",
        MatchKind::Code => "код кузова",
        MatchKind::Layout => "другая раскладка клавиатуры",
        MatchKind::Sound => "созвучно названию",
        MatchKind::Shape => "похожие на вид буквы",
        MatchKind::Prefix => "начало названия",
        MatchKind::Typo(1) => "одна опечатка",
        MatchKind::Typo(_) => "опечатки",
    };
    let layout = if grounds.is_swapped { ", другая раскладка клавиатуры" } else { "" };
    let ending = if grounds.hit.ended.is_some() { " с окончанием" } else { "" };
    format!("{way}{ending}{layout}")
}
