//! What a column is about, by its name: in Russian, Kyrgyz, Kazakh or English, with a word more or less ("Марка а/м", "Марка
//! (Brand)", "Наименование авто"), with letters of the other alphabet that look alike.
//!
//! Each word of a name has a meaning; together they come to one column, or to none if a word means nothing here. A name that the
//! words cannot say can say it itself, behind an equals sign: "Лекало=make+model".

use std::collections::HashMap;
use std::sync::LazyLock;

use super::names;

/// What a column is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    Id,
    Brand,
    Model,
    /// Brand and model in one, and maybe more.
    Car,
    /// A family of models; the model itself may stand in a column of its own.
    Series,
    Generation,
    Year,
    YearFrom,
    YearTo,
    /// A body ("седан"), or the code of a generation ("XV50").
    Body,
    Steering,
    /// Seats, or rows of them.
    Seats,
    Description,
    /// What is sold, with the car in it: "Коврики EVA Toyota Camry".
    Product,
    Availability,
    Price,
    /// The sheet's name, where the table says nothing of the brand.
    Sheet,
}

/// How columns are called by programs and on the command line.
const CODES: &[(&str, Column)] = &[
    ("id", Column::Id),
    ("make", Column::Brand),
    ("model", Column::Model),
    ("make+model", Column::Car),
    ("series", Column::Series),
    ("generation", Column::Generation),
    ("years", Column::Year),
    ("year_from", Column::YearFrom),
    ("year_to", Column::YearTo),
    ("body", Column::Body),
    ("steering", Column::Steering),
    ("seats", Column::Seats),
    ("description", Column::Description),
    ("product", Column::Product),
    ("availability", Column::Availability),
    ("price", Column::Price),
    ("sheet", Column::Sheet),
];

/// Longer names are none, in bytes.
const LONGEST: usize = 100;

impl Column {
    /// What it is called by programs: `make`, `make+model`, `years`.
    pub fn code(self) -> &'static str {
        CODES.iter().find(|(_, column)| *column == self).map_or("", |(code, _)| code)
    }

    /// The column that a program calls so.
    pub fn from_code(code: &str) -> Option<Self> {
        let code: String = code.trim().to_lowercase().split_whitespace().collect();
        let code = match code.as_str() {
            "brand" => "make",
            "year" => "years",
            "make+model+years" | "brand+model" | "model+make" | "car" => "make+model",
            code => code,
        };
        CODES.iter().find(|(known, _)| *known == code).map(|(_, column)| *column)
    }

    /// All codes, for messages.
    pub fn codes() -> impl Iterator<Item = &'static str> {
        CODES.iter().map(|(code, _)| *code)
    }

    /// Recognises a header cell, however it is cased or spaced.
    pub fn from_header(name: &str) -> Option<Self> {
        if name.len() > LONGEST {
            return None;
        }
        if let Some((_, code)) = name.rsplit_once('=') {
            return Self::from_code(code);
        }
        if let Some(column) = names::given(name) {
            return Some(column);
        }
        // Prices have names of every kind: "Цена 5D", "Стоимость комплекта".
        let first = name.split_whitespace().next().unwrap_or_default().to_lowercase();
        if matches!(first.as_str(), "цена" | "стоимость" | "price") {
            return Some(Self::Price);
        }
        // No other name has a digit in it; most cells do.
        if name.bytes().any(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let name = shortened(name);
        let bracket = || name.split_once('(').map(|(before, _)| before);
        named(&name).or_else(|| bracket().and_then(named))
    }

    /// Whether these cells are a header row: they name brand and model, or are mostly names of columns, with one among them that
    /// has the car or may have it.
    pub fn is_header<'a>(cells: impl IntoIterator<Item = &'a str>) -> bool {
        let cells: Vec<&str> = cells.into_iter().filter(|cell| !cell.trim().is_empty()).collect();
        let found: Vec<Self> = cells.iter().filter_map(|cell| Self::from_header(cell)).collect();
        let has = |column: Self| found.contains(&column);
        if (has(Self::Brand) && has(Self::Model)) || names::are_given(&cells) {
            return true;
        }
        let has_car = [Self::Model, Self::Car, Self::Product, Self::Series].into_iter().any(has);
        let may_have_car = found.len() < cells.len() && !has(Self::Id);
        let others = found.iter().filter(|column| **column != Self::Id);
        let differ = others.clone().any(|column| Some(column) != others.clone().next());
        let is_mostly_names = found.len() * 2 > cells.len();
        is_mostly_names && ((has_car && found.len() > 1) || (differ && (has(Self::Brand) || may_have_car)))
    }
}

/// In small letters, with the abbreviations that have signs in them written out.
fn shortened(name: &str) -> String {
    let name = name.to_lowercase().replace('ё', "е").replace('\\', "/");
    let word = |word: &str| match word.trim_matches(['(', ')', ',', ':', '.']) {
        "а/м" => "авто".to_owned(),
        "т/с" => "тс".to_owned(),
        "г/в" => "год".to_owned(),
        "п/п" => "пп".to_owned(),
        "кол-во" => "количество".to_owned(),
        _ => word.to_owned(),
    };
    name.split_whitespace().map(word).collect::<Vec<_>>().join(" ").replace("model year", "year")
}

/// What one word of a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Of(Column),
    /// "с", "начало": of years, the first.
    From,
    /// "по", "конец": the last.
    To,
    /// "тип": of a body, the body.
    Kind,
    /// "количество": of seats, or of what is there.
    Count,
    /// Says nothing by itself.
    Filler,
}

fn named(name: &str) -> Option<Column> {
    let is_part = |ch: char| ch.is_alphabetic() || matches!(ch, '№' | '#');
    let meanings: Option<Vec<Meaning>> =
        name.split(|ch| !is_part(ch)).filter(|word| !word.is_empty()).map(meaning).collect();
    let meanings = meanings?;
    let has = |meaning: Meaning| meanings.contains(&meaning);
    let mut columns: Vec<Column> = Vec::new();
    for meaning in &meanings {
        if let Meaning::Of(column) = meaning
            && !columns.contains(column)
        {
            columns.push(*column);
        }
    }
    let of = |column: Column| columns.contains(&column);
    // "Наименование авто" and "Год выпуска автомобиля": the more general word yields.
    let core: Vec<Column> =
        columns.iter().copied().filter(|column| !matches!(column, Column::Car | Column::Product)).collect();
    let column = match core.as_slice() {
        // "Тип авто" is as often the size of a set as a body.
        [] if has(Meaning::Kind) => return None,
        [] if of(Column::Car) => Column::Car,
        [] if of(Column::Product) => Column::Product,
        [] if has(Meaning::Count) => Column::Availability,
        [] => return None,
        [Column::Year] if has(Meaning::From) && !has(Meaning::To) => Column::YearFrom,
        [Column::Year] if has(Meaning::To) && !has(Meaning::From) => Column::YearTo,
        // "Год модели", but "Модель, год" is the model.
        [column] | [column @ Column::Year, Column::Model] => *column,
        all if all.contains(&Column::Price) => Column::Price,
        all if all.contains(&Column::Id) && all.contains(&Column::Body) => Column::Body,
        all if all.contains(&Column::Id) => return None,
        all if all.contains(&Column::Brand) && all.contains(&Column::Model) => Column::Car,
        all if all.contains(&Column::Brand) && all.contains(&Column::Series) => Column::Car,
        all if all.contains(&Column::Model) => Column::Model,
        all if all.contains(&Column::Generation) => Column::Generation,
        all if all.contains(&Column::Description) => Column::Description,
        _ => return None,
    };
    Some(column)
}

fn meaning(word: &str) -> Option<Meaning> {
    static MEANINGS: LazyLock<HashMap<&str, Meaning>> = LazyLock::new(|| {
        WORDS.iter().flat_map(|(meaning, words)| words.split(' ').map(|word| (word, *meaning))).collect()
    });
    let known = |word: &str| MEANINGS.get(word).copied();
    known(word).or_else(|| in_one_alphabet(word).iter().find_map(|word| known(word)))
}

/// The words, by what they mean.
const WORDS: &[(Meaning, &str)] = &[
    (Meaning::Of(Column::Id), "id ид № # no nr номер код code артикул арт sku пп nпп №пп itemid itemno"),
    (
        Meaning::Of(Column::Brand),
        "марка марки марку маркаавто маркасы бренд бренды брэнд бренді бренди производитель автопроизводитель \
         изготовитель make makes brand brands manufacturer maker carmake carbrand өндірушісі өндүрүүчүсү чыгаруучусу",
    ),
    (
        Meaning::Of(Column::Model),
        "модель модели моделей моделі моделдери model models carmodel үлгісі үлгүсү үлгү үлгі",
    ),
    (
        Meaning::Of(Column::Car),
        "авто автомобиль автомобили автомобиля автомобилей автомашина машина машины машин тс транспорт car cars \
         vehicle vehicles auto унаа унаанын унаалар автоунаа автоунаанын машинанын автомобилдин көлік көліктің \
         автокөлік автокөліктің автомобильдің машинаның",
    ),
    (Meaning::Of(Column::Series), "серия серии series семейство линейка сериясы"),
    (
        Meaning::Of(Column::Generation),
        "поколение поколения generation generations gen муун мууну буын буыны шасси chassis платформа",
    ),
    (
        Meaning::Of(Column::Year),
        "год года году годы годов гг гв г выпуск выпуска выпусков период year years yr жыл жылы жылдар жылдары",
    ),
    (Meaning::Of(Column::Body), "кузов кузова кузову кузовы body bodytype bodystyle шанағы шанақ кузовтун"),
    (Meaning::Of(Column::Steering), "руль руля рулю рул рулу рулі рөлі steering"),
    (
        Meaning::Of(Column::Seats),
        "мест места сидений ряды рядов ряд seats seat rows орун орундар орындар орын катар қатар",
    ),
    (
        Meaning::Of(Column::Description),
        "описание описания примечание примечания прим комментарий комментарии комплектация комплектации комплект \
         характеристики характеристика информация особенности дополнительно допинформация модификация модификации version trim \
         description notes note comment comments remark remarks details сүрөттөмө сүрөттөмөсү мүнөздөмө эскертүү \
         сипаттама сипаттамасы ескерту",
    ),
    (
        Meaning::Of(Column::Product),
        "наименование наименования название товар товара товары товаров продукт продукция номенклатура позиция \
         изделие лекало лекала name product item title аталышы атауы",
    ),
    (
        Meaning::Of(Column::Availability),
        "наличие наличии остаток остатки склад складе статус availability available stock status калдык қалдық бары",
    ),
    (
        Meaning::Of(Column::Price),
        "цена цены стоимость розница опт розничная оптовая сумма price prices cost баасы баа баалар бағасы баға",
    ),
    (Meaning::Of(Column::Sheet), "лист sheet"),
    (Meaning::From, "с c от from since начало начала start бастап баштап"),
    (Meaning::To, "по до to till until конец конца окончание окончания end чейин дейін"),
    (Meaning::Kind, "тип вид type style түрү түрі"),
    (Meaning::Count, "количество кол число qty quantity number саны"),
    (
        Meaning::Filler,
        "и или на в для а м the of and or for средства транспортного транспортное средство производства production \
         manufacture чыккан чыгарылган шығарылған шыққан дата date руб сом рублей тенге тг kgs kzt rub usd модельный \
         положение расположение сторона вып доп n",
    ),
];

/// A word that has letters of two alphabets, in either, where those of the other one look alike: "Mарка".
fn in_one_alphabet(word: &str) -> Vec<String> {
    const LATIN: &str = "abcehikmnoprtuxy";
    const CYRILLIC: &str = "авсенікмпоргтиху";
    if word.is_ascii() || !word.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Vec::new();
    }
    let to = |from: &'static str, into: &'static str| {
        let other = move |ch: char| from.chars().zip(into.chars()).find(|(it, _)| *it == ch).map_or(ch, |(_, it)| it);
        word.chars().map(other).collect()
    };
    vec![to(LATIN, CYRILLIC), to(CYRILLIC, LATIN)]
}

#[cfg(test)]
mod tests;
