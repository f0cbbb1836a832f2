//! Why a car was taken for what was meant, in words.

use super::candidates::Hit;
use super::numbers::Numbers;
use crate::index::Index;
use crate::matches::How;

/// What a reason tells of.
pub(super) struct Grounds<'a> {
    pub hit: &'a Hit,
    pub numbers: &'a Numbers,
    pub is_make_named: bool,
    pub is_other_make: bool,
    pub is_swapped: bool,
    /// Words nobody knows stand beside it.
    pub has_unknown: bool,
    pub fits_year: Option<bool>,
}

/// Says why, e.g. "«камри»: название модели; поколение 70".
pub(super) fn reason(index: &Index, matched: &str, grounds: &Grounds) -> String {
    let mut parts = vec![format!("«{matched}»: {}", way(grounds))];
    if grounds.is_make_named {
        parts.push(format!("марка {}", index.make(grounds.hit.model.make).name));
    }
    if grounds.is_other_make {
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

/// Why a make alone came back.
pub(super) fn make_only(name: &str) -> String {
    format!("названа только марка {name}")
}

fn way(grounds: &Grounds) -> String {
    let way = match grounds.hit.how {
        How::Spelled => "название модели",
        How::LookAlike => "название похожими буквами",
        How::Badge => "индекс двигателя",
        How::Transliteration => "название другим алфавитом",
        How::Bare => "краткое название",
        How::Code => "код кузова",
        How::Layout => "другая раскладка клавиатуры",
        How::Sound => "созвучно названию",
        How::Shape => "похожие на вид буквы",
        How::Prefix => "начало названия",
        How::Typo(1) => "одна опечатка",
        How::Typo(_) => "опечатки",
    };
    let layout = if grounds.is_swapped { ", другая раскладка клавиатуры" } else { "" };
    let ending = if grounds.hit.ended.is_some() { " с окончанием" } else { "" };
    format!("{way}{ending}{layout}")
}
