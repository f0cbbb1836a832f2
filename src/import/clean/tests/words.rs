//! The words of issues, for the shop's manager: word for word.

use crate::domain::import::{Issue, IssueCode};
use crate::import::clean::issues::*;

#[test]
fn every_issue_says_what_is_wrong_where_and_what_was_meant() {
    let near = ["Kia Rio", "Kia Ria"].map(str::to_owned);
    let long = "ш".repeat(41);
    let cut = format!("«{}…»", "ш".repeat(39));
    let table: Vec<(Issue, IssueCode, &str, String, &str)> = vec![
        (brand_missing("", &[]), IssueCode::MakeMissing, "make", "не указаны ни марка, ни модель".into(), ""),
        (
            brand_missing(" рио ", &near),
            IssueCode::MakeMissing,
            "make",
            "марка не указана, а «рио» её не определяет".into(),
            "Kia Rio, Kia Ria",
        ),
        (
            brand_unknown("Кио", &near),
            IssueCode::MakeUnknown,
            "make",
            "марка «Кио» не распознана".into(),
            "Kia Rio, Kia Ria",
        ),
        (brand_unknown(&long, &[]), IssueCode::MakeUnknown, "make", format!("марка {cut} не распознана"), ""),
        (
            brand_corrected("Рио", "Kia"),
            IssueCode::MakeCorrected,
            "make",
            "марка определена по модели, в ячейке «Рио»".into(),
            "Kia",
        ),
        (model_missing("Kia"), IssueCode::ModelMissing, "model", "указана только марка Kia, нет модели".into(), ""),
        (
            model_unknown("ряо", "Kia", &near),
            IssueCode::ModelUnknown,
            "model",
            "модель «ряо» марки Kia не распознана".into(),
            "Kia Rio, Kia Ria",
        ),
        (
            model_ambiguous("р", &near),
            IssueCode::ModelAmbiguous,
            "model",
            "«р» подходит к нескольким моделям".into(),
            "Kia Rio, Kia Ria",
        ),
        (
            model_guessed("рыо", "Kia Rio"),
            IssueCode::ModelGuessed,
            "model",
            "«рыо» прочитано с опечаткой".into(),
            "Kia Rio",
        ),
        (
            columns_shifted("2012", "год"),
            IssueCode::ColumnsShifted,
            "row",
            "«2012» стоит не в своём столбце".into(),
            "год",
        ),
        (year_invalid("1007"), IssueCode::YearInvalid, "year", "год «1007» не похож на год".into(), ""),
        (borders_conflict(), IssueCode::BordersConflict, "borders", "указано и с бортами, и без бортов".into(), ""),
        (cell_error("#Н/Д"), IssueCode::CellError, "description", "в ячейке ошибка таблицы #Н/Д".into(), ""),
        (other_product(), IssueCode::OtherProduct, "description", "похоже на другой товар, не коврики".into(), ""),
        (too_long(), IssueCode::ValueInvalid, "row", "описание слишком длинное для лекала".into(), ""),
        (header_row(), IssueCode::HeaderRow, "row", "повтор заголовка таблицы".into(), ""),
        (heading_row("Kia"), IssueCode::HeaderRow, "row", "заголовок раздела: марка Kia для строк ниже".into(), ""),
        (
            years_unclear("2014 и старше"),
            IssueCode::YearInvalid,
            "year",
            "по «2014 и старше» неясно, какие годы имеются в виду".into(),
            "один промежуток",
        ),
        (
            body_conflict("седан"),
            IssueCode::ColumnsShifted,
            "row",
            "кузов «седан» не тот, что назван в строке".into(),
            "описание",
        ),
        (unavailable(), IssueCode::Unavailable, "availability", "нет в наличии: лекало не загружено".into(), ""),
        (to_order(), IssueCode::ToOrder, "availability", "под заказ: загружено как обычное лекало".into(), ""),
        (
            availability_unclear("?"),
            IssueCode::ToOrder,
            "availability",
            "наличие «?» не понято: загружено как обычное лекало".into(),
            "",
        ),
        (empty_row(), IssueCode::EmptyRow, "row", "пустая строка".into(), ""),
    ];
    for (issue, code, field, message, suggestion) in &table {
        let expected = Issue { code: *code, field, message: message.clone(), suggestion: (*suggestion).to_owned() };
        assert_eq!(*issue, expected);
    }
    let told: Vec<IssueCode> = table.iter().map(|row| row.1).collect();
    assert!(IssueCode::ALL.iter().all(|code| told.contains(code)), "an issue without its words");
    // Forty letters are quoted whole.
    assert!(brand_unknown(&"ш".repeat(40), &[]).message.contains(&format!("«{}»", "ш".repeat(40))));
    // What frames issues in a clean file is taken out of them.
    let framed = issue(IssueCode::YearInvalid, " a[b];\tc → d\n", "[x]; y");
    assert_eq!((framed.message.as_str(), framed.suggestion.as_str()), ("a(b), c > d", "(x), y"));
}
