//! The words of the issues, for the shop's manager.

use crate::domain::import::{Issue, IssueCode};

/// The field an issue is about.
pub const fn field(code: IssueCode) -> &'static str {
    match code {
        IssueCode::MakeMissing | IssueCode::MakeUnknown | IssueCode::MakeCorrected => "make",
        IssueCode::ModelMissing | IssueCode::ModelUnknown | IssueCode::ModelAmbiguous | IssueCode::ModelGuessed => {
            "model"
        }
        IssueCode::YearInvalid => "year",
        IssueCode::BordersConflict => "borders",
        IssueCode::CellError | IssueCode::OtherProduct => "description",
        IssueCode::Unavailable | IssueCode::ToOrder => "availability",
        IssueCode::ColumnsShifted | IssueCode::HeaderRow | IssueCode::EmptyRow | IssueCode::ValueInvalid => "row",
    }
}

/// An issue in words; what the clean file's format needs for itself is taken out of them.
pub fn issue(code: IssueCode, message: &str, suggestion: &str) -> Issue {
    Issue { code, field: field(code), message: plain(message), suggestion: plain(suggestion) }
}

/// Without the signs that frame issues in the clean file's notes, on one line.
fn plain(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|ch| match ch {
            '[' => '(',
            ']' => ')',
            ';' => ',',
            '→' => '>',
            ch if ch.is_control() => ' ',
            ch => ch,
        })
        .collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most forty letters of somebody's cell.
fn quote(text: &str) -> String {
    let text = text.trim();
    if text.chars().count() <= 40 { text.to_owned() } else { text.chars().take(39).chain(['…']).collect() }
}

pub fn brand_missing(text: &str, near: &[String]) -> Issue {
    let text = quote(text);
    let message = if text.is_empty() {
        "не указаны ни марка, ни модель".to_owned()
    } else {
        format!("марка не указана, а «{text}» её не определяет")
    };
    issue(IssueCode::MakeMissing, &message, &near.join(", "))
}

pub fn brand_unknown(text: &str, near: &[String]) -> Issue {
    issue(IssueCode::MakeUnknown, &format!("марка «{}» не распознана", quote(text)), &near.join(", "))
}

pub fn brand_corrected(text: &str, brand: &str) -> Issue {
    issue(IssueCode::MakeCorrected, &format!("марка определена по модели, в ячейке «{}»", quote(text)), brand)
}

pub fn model_missing(brand: &str) -> Issue {
    issue(IssueCode::ModelMissing, &format!("указана только марка {brand}, нет модели"), "")
}

pub fn model_unknown(text: &str, brand: &str, near: &[String]) -> Issue {
    issue(IssueCode::ModelUnknown, &format!("модель «{}» марки {brand} не распознана", quote(text)), &near.join(", "))
}

pub fn model_ambiguous(text: &str, names: &[String]) -> Issue {
    issue(IssueCode::ModelAmbiguous, &format!("«{}» подходит к нескольким моделям", quote(text)), &names.join(", "))
}

pub fn model_guessed(text: &str, name: &str) -> Issue {
    issue(IssueCode::ModelGuessed, &format!("«{}» прочитано с опечаткой", quote(text)), name)
}

pub fn columns_shifted(text: &str, what: &str) -> Issue {
    issue(IssueCode::ColumnsShifted, &format!("«{}» стоит не в своём столбце", quote(text)), what)
}

pub fn year_invalid(text: &str) -> Issue {
    issue(IssueCode::YearInvalid, &format!("год «{}» не похож на год", quote(text)), "")
}

pub fn years_unclear(text: &str) -> Issue {
    issue(IssueCode::YearInvalid, &format!("по «{}» неясно, какие годы имеются в виду", quote(text)), "один промежуток")
}

pub fn year_outside(years: &str, generation: &str) -> Issue {
    issue(IssueCode::YearInvalid, &format!("поколение {} в годы {years} не выпускалось", quote(generation)), "")
}

pub fn borders_conflict() -> Issue {
    issue(IssueCode::BordersConflict, "указано и с бортами, и без бортов", "")
}

pub fn cell_error(text: &str) -> Issue {
    issue(IssueCode::CellError, &format!("в ячейке ошибка таблицы {}", quote(text)), "")
}

pub fn other_product() -> Issue {
    issue(IssueCode::OtherProduct, "похоже на другой товар, не коврики", "")
}

pub fn too_long() -> Issue {
    issue(IssueCode::ValueInvalid, "описание слишком длинное для лекала", "")
}

pub fn header_row() -> Issue {
    issue(IssueCode::HeaderRow, "повтор заголовка таблицы", "")
}

pub fn heading_row(brand: &str) -> Issue {
    issue(IssueCode::HeaderRow, &format!("заголовок раздела: марка {brand} для строк ниже"), "")
}

pub fn body_conflict(text: &str) -> Issue {
    issue(IssueCode::ColumnsShifted, &format!("кузов «{}» не тот, что назван в строке", quote(text)), "описание")
}

pub fn unavailable() -> Issue {
    issue(IssueCode::Unavailable, "нет в наличии: лекало не загружено", "")
}

pub fn to_order() -> Issue {
    issue(IssueCode::ToOrder, "под заказ: загружено как обычное лекало", "")
}

pub fn availability_unclear(text: &str) -> Issue {
    issue(IssueCode::ToOrder, &format!("наличие «{}» не понято: загружено как обычное лекало", quote(text)), "")
}

pub fn empty_row() -> Issue {
    issue(IssueCode::EmptyRow, "пустая строка", "")
}
