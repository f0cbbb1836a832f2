//! What the issues of a row say and what to do about them, in each language. A row keeps its issues in Russian; whoever reads
//! them in another language has them from here. A new issue is a constant and a place in [`ALL`].

use std::borrow::Cow;

use super::IssueCode;
use crate::domain::tenant::Language;

/// One issue in words. `{0}` and `{1}` are what the row or the reference has there, in this order in Russian.
#[derive(Debug)]
pub struct Wording {
    pub code: IssueCode,
    ru: &'static str,
    ky: &'static str,
    en: &'static str,
}

macro_rules! wordings {
    ($($name:ident = $code:ident [$ru:literal, $ky:literal, $en:literal];)*) => {
        $(pub const $name: Wording = Wording { code: IssueCode::$code, ru: $ru, ky: $ky, en: $en };)*

        /// All that an issue can say.
        pub const ALL: &[&Wording] = &[$(&$name),*];
    };
}

wordings! {
    MAKE_AND_MODEL_MISSING = MakeMissing [
        "не указаны ни марка, ни модель",
        "марка да, модель да көрсөтүлгөн эмес",
        "neither make nor model is given"
    ];
    MAKE_MISSING = MakeMissing [
        "марка не указана, а «{0}» её не определяет",
        "марка көрсөтүлгөн эмес, «{0}» боюнча аны билүүгө болбойт",
        "no make is given, and “{0}” does not tell it"
    ];
    MAKE_UNKNOWN = MakeUnknown [
        "марка «{0}» не распознана",
        "«{0}» деген марка таанылган жок",
        "the make “{0}” is unknown"
    ];
    MAKE_CORRECTED = MakeCorrected [
        "марка определена по модели, в ячейке «{0}»",
        "марка модели боюнча аныкталды, уячада «{0}»",
        "the make was told by the model, the cell has “{0}”"
    ];
    MODEL_MISSING = ModelMissing [
        "указана только марка {0}, нет модели",
        "{0} маркасы гана көрсөтүлгөн, модели жок",
        "only the make {0} is given, no model"
    ];
    MODEL_UNKNOWN = ModelUnknown [
        "модель «{0}» марки {1} не распознана",
        "{1} маркасынын «{0}» модели таанылган жок",
        "the model “{0}” of {1} is unknown"
    ];
    MODEL_AMBIGUOUS = ModelAmbiguous [
        "«{0}» подходит к нескольким моделям",
        "«{0}» бир нече моделге туура келет",
        "“{0}” fits several models"
    ];
    MODEL_GUESSED = ModelGuessed [
        "«{0}» прочитано с опечаткой",
        "«{0}» ката жазылган деп окулду",
        "“{0}” was read as misspelt"
    ];
    COLUMNS_SHIFTED = ColumnsShifted [
        "«{0}» стоит не в своём столбце",
        "«{0}» өз мамычасында эмес",
        "“{0}” stands in another column than its own"
    ];
    BODY_CONFLICT = ColumnsShifted [
        "кузов «{0}» не тот, что назван в строке",
        "«{0}» кузову сапта аталгандай эмес",
        "the body “{0}” is not the one that the row names"
    ];
    YEAR_INVALID = YearInvalid [
        "год «{0}» не похож на год",
        "«{0}» жылга окшобойт",
        "“{0}” does not look like a year"
    ];
    YEARS_UNCLEAR = YearInvalid [
        "по «{0}» неясно, какие годы имеются в виду",
        "«{0}» боюнча кайсы жылдар экени түшүнүксүз",
        "“{0}” leaves open which years are meant"
    ];
    YEAR_OUTSIDE = YearInvalid [
        "поколение {0} в годы {1} не выпускалось",
        "{0} мууну {1} жылдары чыгарылган эмес",
        "the generation {0} was not made in {1}"
    ];
    BORDERS_CONFLICT = BordersConflict [
        "указано и с бортами, и без бортов",
        "борттуу да, бортсуз да деп көрсөтүлгөн",
        "both with and without borders is given"
    ];
    CELL_ERROR = CellError [
        "в ячейке ошибка таблицы {0}",
        "уячада таблицанын катасы: {0}",
        "the cell has the spreadsheet's error {0}"
    ];
    OTHER_PRODUCT = OtherProduct [
        "похоже на другой товар, не коврики",
        "башка товарга окшойт, килемче эмес",
        "looks like another product, not mats"
    ];
    TOO_LONG = ValueInvalid [
        "описание слишком длинное для лекала",
        "сүрөттөмөсү лекало үчүн өтө узун",
        "the description is too long for a pattern"
    ];
    HEADER_ROW = HeaderRow [
        "повтор заголовка таблицы",
        "таблицанын башы кайталанган",
        "the table's header again"
    ];
    HEADING_ROW = HeaderRow [
        "заголовок раздела: марка {0} для строк ниже",
        "бөлүмдүн башы: төмөнкү саптар үчүн {0} маркасы",
        "a heading: the make {0} for the rows below"
    ];
    UNAVAILABLE = Unavailable [
        "нет в наличии: лекало не загружено",
        "жок: лекало жүктөлгөн жок",
        "not available: no pattern was made of it"
    ];
    TO_ORDER = ToOrder [
        "под заказ: загружено как обычное лекало",
        "заказ боюнча: кадимки лекало катары жүктөлдү",
        "made to order: taken as an ordinary pattern"
    ];
    AVAILABILITY_UNCLEAR = ToOrder [
        "наличие «{0}» не понято: загружено как обычное лекало",
        "«{0}» деген бар-жогу түшүнүксүз: кадимки лекало катары жүктөлдү",
        "the availability “{0}” is not understood: taken as an ordinary pattern"
    ];
    EMPTY_ROW = EmptyRow ["пустая строка", "бош сап", "an empty row"];
}

/// Suggestions that are words, not names of cars.
const SUGGESTIONS: [[&str; 3]; 3] =
    [[DESCRIPTION, "сүрөттөмө", "description"], [YEAR, "жыл", "year"], [ONE_RANGE, "бир аралык", "one range"]];
pub const DESCRIPTION: &str = "описание";
pub const YEAR: &str = "год";
pub const ONE_RANGE: &str = "один промежуток";

impl Wording {
    const fn template(&self, language: Language) -> &'static str {
        of([self.ru, self.ky, self.en], language)
    }

    /// The issue as a row keeps it.
    pub fn russian(&self, words: [&str; 2]) -> String {
        fill(self.ru, words)
    }

    /// What stands in the places of an issue that was said so in this language; none if it is another issue.
    fn words<'a>(&self, message: &'a str, language: Language) -> Option<[&'a str; 2]> {
        let said = self.template(language);
        let Some((before, rest)) = said.split_once("{0}") else { return (message == said).then_some(["", ""]) };
        // The second is a name or years: what the shop wrote, which may be anything, is the first.
        if let Some((before, between)) = before.split_once("{1}") {
            let (second, first) = message.strip_prefix(before)?.strip_suffix(rest)?.split_once(between)?;
            return Some([first, second]);
        }
        let message = message.strip_prefix(before)?;
        let Some((between, after)) = rest.split_once("{1}") else { return Some([message.strip_suffix(rest)?, ""]) };
        message.strip_suffix(after)?.rsplit_once(between).map(<[&str; 2]>::from)
    }
}

fn fill(template: &str, [first, second]: [&str; 2]) -> String {
    // The first may have a "{1}" of its own.
    let (before, after) = template.split_once("{1}").unwrap_or((template, ""));
    let has_second = before.len() < template.len();
    [before.replace("{0}", first).as_str(), if has_second { second } else { "" }, &after.replace("{0}", first)].concat()
}

/// What a row's issue says in this language; in Russian where nobody knows it any more.
pub fn message_in<'a>(code: &str, message: &'a str, language: Language) -> Cow<'a, str> {
    if language == Language::Ru {
        return message.into();
    }
    let known = find(code, message, Language::Ru);
    known.map_or(message.into(), |(wording, words)| fill(wording.template(language), words).into())
}

/// The issue of that code that was said so in this language, and its words.
fn find<'a>(code: &str, message: &'a str, language: Language) -> Option<(&'static Wording, [&'a str; 2])> {
    let mut of_its_code = ALL.iter().filter(|wording| wording.code.word() == code);
    of_its_code.find_map(|wording| Some((*wording, wording.words(message, language)?)))
}

/// An issue as a row keeps it, whichever language it is said in; as it is where nobody knows it.
pub fn in_russian<'a>(code: IssueCode, message: &'a str) -> Cow<'a, str> {
    let known = Language::ALL.iter().find_map(|language| find(code.word(), message, *language));
    known.map_or(message.into(), |(wording, words)| wording.russian(words).into())
}

/// What a row's issue suggests in this language, whichever it was said in; names of cars are the same in all.
pub fn suggestion_in(suggestion: &str, language: Language) -> &str {
    let words = SUGGESTIONS.iter().find(|words| words.contains(&suggestion));
    words.map_or(suggestion, |words| of(*words, language))
}

/// What to do about an issue, for the shop's manager; `suggestion` is what it could be instead, or empty.
pub fn remedy_in(code: IssueCode, suggestion: &str, language: Language) -> String {
    let remedy = of(remedy(code), language);
    if suggestion.is_empty() {
        return remedy.to_owned();
    }
    let is_read = matches!(code, IssueCode::MakeCorrected | IssueCode::ModelGuessed | IssueCode::ColumnsShifted);
    let before = if is_read {
        ["прочитано как «{0}»: {1}", "«{0}» деп окулду: {1}", "read as “{0}”: {1}"]
    } else {
        ["может быть, {0}: {1}", "балким, {0}: {1}", "perhaps {0}: {1}"]
    };
    fill(of(before, language), [suggestion, remedy])
}

const fn remedy(code: IssueCode) -> [&'static str; 3] {
    match code {
        IssueCode::MakeMissing | IssueCode::ModelMissing => [
            "допишите в прайс-листе марку и модель",
            "прайс-листке марканы жана моделди кошуп жазыңыз",
            "add make and model to the price list",
        ],
        IssueCode::MakeUnknown | IssueCode::ModelUnknown => [
            "научите этому написанию (CreateAlias, затем imports apply) или исправьте прайс-лист",
            "ушундай жазылышын үйрөтүңүз (CreateAlias, андан кийин imports apply) же прайс-листти оңдоңуз",
            "teach this spelling (CreateAlias, then imports apply) or correct the price list",
        ],
        IssueCode::ModelAmbiguous => [
            "уточните в прайс-листе модель, поколение или годы",
            "прайс-листке моделди, муунду же жылдарды тактап жазыңыз",
            "say the model, generation or years more exactly in the price list",
        ],
        IssueCode::MakeCorrected | IssueCode::ModelGuessed | IssueCode::ColumnsShifted => {
            ["проверьте, верно ли понято", "туура түшүнүлгөнүн текшериңиз", "check that it was understood rightly"]
        }
        IssueCode::YearInvalid => {
            ["исправьте год в прайс-листе", "прайс-листтеги жылды оңдоңуз", "correct the year in the price list"]
        }
        IssueCode::BordersConflict => [
            "оставьте что-то одно: с бортами или без",
            "бирин гана калтырыңыз: борттуу же бортсуз",
            "leave one of the two: with borders or without",
        ],
        IssueCode::CellError => {
            ["исправьте ячейку в таблице", "таблицадагы уячаны оңдоңуз", "correct the cell in the spreadsheet"]
        }
        IssueCode::OtherProduct => [
            "если это не коврик, уберите строку из этого прайс-листа",
            "эгер бул килемче эмес болсо, сапты бул прайс-листтен алып салыңыз",
            "if it is no mat, take the row out of this price list",
        ],
        IssueCode::Unavailable => [
            "когда оно появится, исправьте прайс-лист и загрузите его снова",
            "ал пайда болгондо, прайс-листти оңдоп, кайра жүктөңүз",
            "once it is there, correct the price list and import it again",
        ],
        IssueCode::ToOrder => [
            "если его не продают, уберите строку из прайс-листа",
            "эгер ал сатылбаса, сапты прайс-листтен алып салыңыз",
            "if it is not sold, take the row out of the price list",
        ],
        IssueCode::HeaderRow | IssueCode::EmptyRow => {
            ["ничего делать не нужно", "эч нерсе кылуунун кереги жок", "nothing has to be done"]
        }
        IssueCode::ValueInvalid => {
            ["исправьте значение в файле", "файлдагы маанини оңдоңуз", "correct the value in the file"]
        }
    }
}

const fn of([ru, ky, en]: [&'static str; 3], language: Language) -> &'static str {
    match language {
        Language::Ru => ru,
        Language::Ky => ky,
        Language::En => en,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_language_has_the_places_that_russian_has() {
        for wording in ALL {
            for language in Language::ALL {
                let template = wording.template(*language);
                for place in ["{0}", "{1}"] {
                    let times = |text: &str| text.matches(place).count();
                    assert_eq!(times(template), times(wording.ru), "{template}");
                }
                assert!(template == wording.ru || *language != Language::Ru);
            }
            // What frames issues in a clean.csv is in none of them.
            assert!(Language::ALL.iter().all(|language| !wording.template(*language).contains(['[', ']', ';', '→'])));
            assert!(wording.ru != wording.ky && wording.ru != wording.en && wording.ky != wording.en, "{wording:?}");
            assert!(
                wording.ru.find("{1}").is_none_or(|second| wording.ru.find("{0}").unwrap() < second),
                "{wording:?}"
            );
        }
    }

    #[test]
    fn what_nobody_says_any_more_stays_as_it_is() {
        for (code, message) in
            [("make_unknown", "марка неведома"), ("gone", "марка «x» не распознана"), ("empty_row", "")]
        {
            assert_eq!(message_in(code, message, Language::En), message);
        }
        assert_eq!(suggestion_in("Kia Rio", Language::Ky), "Kia Rio");
        assert_eq!(suggestion_in("год", Language::En), "year");
        assert_eq!(in_russian(IssueCode::EmptyRow, "no row"), "no row");
    }

    #[test]
    fn every_issue_has_a_remedy_in_every_language() {
        for code in IssueCode::ALL {
            let remedies = Language::ALL.iter().map(|language| remedy_in(*code, "", *language));
            let remedies: std::collections::BTreeSet<String> = remedies.collect();
            assert_eq!(remedies.len(), 3, "{code}");
            for language in Language::ALL {
                let (plain, likely) = (remedy_in(*code, "", *language), remedy_in(*code, "Kia {1} Rio", *language));
                assert!(!plain.is_empty() && likely.contains("Kia {1} Rio") && likely.ends_with(&plain), "{likely}");
            }
        }
        assert_eq!(
            remedy_in(IssueCode::ModelGuessed, "Lexus GX", Language::Ky),
            "«Lexus GX» деп окулду: туура түшүнүлгөнүн текшериңиз"
        );
        assert_eq!(
            remedy_in(IssueCode::YearInvalid, "year", Language::En),
            "perhaps year: correct the year in the price list"
        );
    }

    proptest! {
        /// Whatever a shop has written, be it an issue's own words: it comes back in every language, in its place.
        #[test]
        fn an_issue_is_the_same_in_every_language(
            number in 0..ALL.len(),
            cell in prop_oneof![
                "\\PC{1,40}",
                "[{}01«»]{1,9}",
                (0..ALL.len()).prop_map(|other| ALL[other].ru.to_owned()),
            ],
            name in "[A-Z][a-z]{1,9}|20[0-9]{2}–20[0-9]{2}",
        ) {
            let wording = ALL[number];
            let message = wording.russian([&cell, &name]);
            let code = wording.code.word();
            prop_assert_eq!(message_in(code, &message, Language::Ru), message.as_str());
            for language in [Language::Ky, Language::En] {
                let template = wording.template(language);
                prop_assert_eq!(message_in(code, &message, language), fill(template, [&cell, &name]), "{}", message);
                // And back, as a clean.csv comes in any language.
                let told = message_in(code, &message, language);
                prop_assert_eq!(in_russian(wording.code, &told), message.as_str());
                for (place, word) in [("{0}", &cell), ("{1}", &name)] {
                    let is_there = message_in(code, &message, language).contains(word);
                    prop_assert!(is_there || !template.contains(place), "{}", message);
                }
            }
        }
    }
}
