//! What one row says: its cells, each read for what its column is about, then the car that they name together.

use super::attributes::AttributeWords;
use super::availability::{self, Availability};
use super::brand_cell::{self, Stated};
use super::cache::Lookup;
use super::cell::Cell;
use super::columns::Columns;
use super::headings::PlacedRow;
use super::years::{self, Found, YearCell};
use super::{body, generation, identity, issues};
use crate::domain::import::{CleanRow, Confidence, Issue, wording};
use crate::domain::vehicle::Years;
use lekalo_vehicles::{Generation, ModelId, Scope};

/// A row's cells by what they are about; empty where there is none.
pub struct Texts<'t> {
    brand: &'t str,
    /// That of the heading, or of a row above.
    inherited: &'t str,
    model: &'t str,
    car: &'t str,
    series: &'t str,
    generation: &'t str,
    year: &'t str,
    year_from: &'t str,
    year_to: &'t str,
    body: &'t str,
    steering: &'t str,
    seats: &'t str,
    availability: &'t str,
    descriptions: Vec<&'t str>,
}

impl<'t> Texts<'t> {
    pub fn of(placed: &'t PlacedRow, columns: &Columns) -> Self {
        let at = |at: usize| placed.row.cells.get(at).map_or("", |cell| cell.trim());
        let text = |place: Option<usize>| place.map_or("", at);
        Self {
            brand: if placed.brand.is_some() { "" } else { text(columns.brand) },
            inherited: placed.brand.as_deref().unwrap_or_default(),
            model: placed.model.as_deref().unwrap_or_else(|| text(columns.model)),
            car: text(columns.car),
            series: text(columns.series),
            generation: text(columns.generation),
            year: text(columns.year),
            year_from: text(columns.year_from),
            year_to: text(columns.year_to),
            body: text(columns.body),
            steering: text(columns.steering),
            seats: text(columns.seats),
            availability: text(columns.availability),
            descriptions: columns.descriptions.iter().map(|place| at(*place)).collect(),
        }
    }

    /// Whether the row itself says nothing of a car.
    pub fn is_blank(&self) -> bool {
        let Self { brand, model, car, series, generation, year, year_from, year_to, body, steering, .. } = self;
        [brand, model, car, series, generation, year, year_from, year_to, body, steering]
            .into_iter()
            .chain(&self.descriptions)
            .all(|text| brand_cell::is_blank(text))
    }
}

pub fn understand(clean: &mut CleanRow, index: &Lookup, columns: &Columns, texts: &Texts) {
    let mut read = |text| Cell::new(without_error(text, &mut clean.issues));
    let brand = read(texts.brand);
    let mut name = read(if columns.car.is_some() { texts.car } else { texts.model });
    let [mut generation_cell, mut year, mut body_cell] = [texts.generation, texts.year, texts.body].map(&mut read);
    let [mut year_from, mut year_to] = [texts.year_from, texts.year_to].map(&mut read);
    let [mut steering, mut seats, mut stock] = [texts.steering, texts.seats, texts.availability].map(&mut read);
    let mut descriptions: Vec<Cell> = texts.descriptions.iter().map(|text| read(text)).collect();
    name.set_aside(&index.negations(&name.words));
    if columns.is_product {
        take_product(&mut name);
    }

    let mut found = AttributeWords::default();
    found.read(&mut name, false);
    found.read_steering_column(&mut steering);
    found.read_seat_column(&mut seats, columns.seats_are_rows);
    let from_to = read_from_to(&mut year_from, &mut year_to);
    clean.years = from_to.unwrap_or_default();
    match years::read_cell(&mut year) {
        YearCell::Blank => {}
        YearCell::Years(years) => clean.years = years,
        YearCell::Several => clean.issues.push(issues::years_unclear(texts.year)),
        YearCell::Invalid => clean.issues.push(issues::year_invalid(texts.year)),
        YearCell::Other => clean.issues.push(issues::columns_shifted(texts.year, wording::DESCRIPTION)),
    }
    if from_to.is_none() {
        clean.issues.push(issues::years_unclear(&format!("{} - {}", texts.year_from, texts.year_to)));
    }
    let is_unclear = from_to.is_none();
    if clean.years.is_unknown()
        && !is_unclear
        && let Some(years) = years::read_range(&mut name)
    {
        misplaced(clean, columns, years);
    }
    found.read(&mut year, true);
    let mut availability = availability::of_column(&mut stock);
    for description in &mut descriptions {
        availability = availability.or_else(|| availability::within(description));
        found.read(description, true);
    }
    let hint = [&mut name, &mut year].into_iter().chain(&mut descriptions).find_map(generation::explicit);

    let (stated, mut name) = stated(index, columns, texts, brand, name);
    // Where the brand's cell holds the model, a year alone in the model's cell is no name.
    if stated.brand.is_none() && !stated.rest.words.is_empty() && clean.years.is_unknown() {
        read_misplaced_years(&mut name, clean, columns);
    }
    if name.free().is_empty()
        && let Some(description) = descriptions.iter_mut().find(|it| continues_in(index, &stated, it))
    {
        name = Cell::default().followed_by(&stated.rest).followed_by(&name).followed_by(description);
        *description = Cell::default();
    } else {
        name = Cell::default().followed_by(&stated.rest).followed_by(&name);
    }
    let mut identity = identity::identify(index, &stated, &mut name, clean.years);
    if identity.confidence == Confidence::Low && !texts.series.is_empty() {
        let mut series = Cell::new(texts.series);
        let of_series = identity::identify(index, &stated, &mut series, clean.years);
        if of_series.confidence == Confidence::High {
            (identity, name) = (of_series, series.followed_by(&name));
        }
    }
    if let Some(brand) = identity.brand {
        clean.brand.clone_from(&index.brand(brand).name);
    }
    clean.confidence = identity.confidence;
    clean.issues.append(&mut identity.issues);
    let mut notes: Vec<String> = identity.badge.take().into_iter().collect();
    // A body's name may be part of how the model is spelled ("Вокси минивен"), unless it is all of it (Hyundai Coupe).
    if let [_, _, ..] = identity.name.as_slice() {
        clean.body_type = identity.name.iter().find_map(|word| body::body(word));
    }
    let own_body = body::read_body(&mut body_cell);

    let mut cells = vec![name, year];
    cells.append(&mut descriptions);
    if let Some(model) = identity.model {
        clean.model.clone_from(&index.model(model).name);
        let columns = [&mut generation_cell, &mut body_cell];
        let own: Vec<String> =
            columns.into_iter().filter_map(|cell| generation::of_column(cell, index, model)).collect();
        let given = generations(index, model, own, identity.generation, hint, &mut cells);
        // The first counts; another one told besides is a note.
        let mut given = given.into_iter();
        clean.generation = given.next().unwrap_or_default();
        notes.extend(given);
    } else if let Some(generation::Hint::Number(text) | generation::Hint::Code(text)) = hint {
        clean.generation = text;
    }
    if let Some(known) = identity.model.and_then(|model| generation::find(index.model(model), &clean.generation))
        && !is_made_in(known, clean.years)
    {
        clean.issues.push(issues::year_outside(&format_years(clean.years), &known.label()));
    }
    let named_body = clean.body_type.or_else(|| cells.iter_mut().find_map(body::read_body));
    if own_body.is_some() && named_body.is_some() && own_body != named_body {
        clean.issues.push(issues::body_conflict(texts.body));
    }
    clean.body_type = named_body.or(own_body);
    for cell in &mut cells {
        if clean.years.is_unknown() && !is_unclear {
            read_misplaced_years(cell, clean, columns);
        }
    }
    cells.extend([generation_cell, body_cell, steering, seats]);
    notes.extend(cells.iter().flat_map(Cell::leftovers));
    clean.notes = notes.join("; ");
    if clean.is_too_long() {
        clean.issues.push(issues::too_long());
    }
    clean.attributes = found.attributes();
    if found.borders_conflict() {
        clean.issues.push(issues::borders_conflict());
    }
    if found.other_product {
        clean.issues.push(issues::other_product());
    }
    match availability {
        None | Some(Availability::InStock) => {}
        Some(Availability::ToOrder) => clean.issues.push(issues::to_order()),
        Some(Availability::Unclear) => clean.issues.push(issues::availability_unclear(texts.availability)),
        // A pattern that is loaded is sold.
        Some(Availability::Unavailable) => {
            clean.confidence = Confidence::Low;
            clean.issues.push(issues::unavailable());
        }
    }
}

/// The brand that the row states, and the words that may name the model.
fn stated(index: &Lookup, columns: &Columns, texts: &Texts, brand: Cell, mut name: Cell) -> (Stated, Cell) {
    if columns.car.is_none() {
        let model = std::mem::take(&mut name);
        let stated = if texts.inherited.is_empty() {
            brand_cell::stated_in(index, texts.brand, brand, &model)
        } else {
            brand_cell::stated(index, texts.inherited, &model)
        };
        return (stated, model);
    }
    let mut own = brand_cell::stated_in(index, texts.car, Cell::default().followed_by(&name), &Cell::default());
    if own.brand.as_ref().is_some_and(|brand| brand.how.is_certain()) || texts.inherited.is_empty() {
        // The words beside the brand are the model's, not those of a brand that nobody knows.
        let model = if own.is_blank { name } else { std::mem::take(&mut own.rest) };
        return (Stated { is_blank: own.is_blank || own.brand.is_none(), ..own }, model);
    }
    (brand_cell::stated(index, texts.inherited, &name), name)
}

/// What "Год с" and "Год по" come to; none if they contradict each other or are no years.
fn read_from_to(from: &mut Cell, to: &mut Cell) -> Option<Years> {
    let is_till_now = years::is_onwards(to);
    let (first, last) = (years::read_cell(from), if is_till_now { YearCell::Blank } else { years::read_cell(to) });
    if is_till_now {
        to.take(0..to.words.len());
    }
    let years = match (first, last) {
        (YearCell::Blank, YearCell::Blank) => Years::default(),
        (YearCell::Years(first), YearCell::Blank) => Years { from: first.from.or(first.to), to: None },
        (YearCell::Blank, YearCell::Years(last)) => Years { from: None, to: last.to.or(last.from) },
        (YearCell::Years(first), YearCell::Years(last)) => {
            Years { from: first.from.or(first.to), to: last.to.or(last.from) }
        }
        _ => return None,
    };
    years.from.zip(years.to).is_none_or(|(from, to)| from <= to).then_some(years)
}

/// The generations that a row gives, each once; those of columns of their own first.
fn generations(
    index: &Lookup,
    model: ModelId,
    own: Vec<String>,
    of_name: String,
    hint: Option<generation::Hint>,
    cells: &mut [Cell],
) -> Vec<String> {
    let known_model = index.model(model);
    let mut given = own;
    given.extend(Some(of_name).filter(|generation| !generation.is_empty()));
    if given.is_empty() {
        given.extend(cells.iter_mut().find_map(|cell| generation::known(cell, index, model)));
    }
    given.extend(hint.map(|hint| generation::resolve(&hint, known_model)));
    if let Some(name) = cells.first_mut() {
        given.extend(generation::numeral(name));
        if given.is_empty() {
            given.extend(
                generation::bare_number(name, index, model).or_else(|| generation::of_brand(name, index, model.brand)),
            );
        }
        if given.is_empty() {
            given.extend(generation::in_brackets(name));
        }
    }
    let is_told = |given: &[String], other: &String| given.iter().any(|it| generation::is_same(known_model, it, other));
    for place in (1..given.len()).rev() {
        if given
            .split_at_checked(place)
            .is_some_and(|(before, rest)| rest.first().is_some_and(|it| is_told(before, it)))
        {
            given.remove(place);
        }
    }
    given
}

/// Takes the words that say what is sold: "Коврики EVA в салон для".
fn take_product(name: &mut Cell) {
    const STEMS: &[&str] = &[
        "ковр",
        "автоковр",
        "полик",
        "комплект",
        "салон",
        "лекал",
        "автомобил",
        "резинов",
        "ворсов",
        "текстил",
        "выкройк",
    ];
    const WORDS: &[&str] =
        &["eva", "ева", "эва", "для", "в", "на", "из", "авто", "машины", "mats", "mat", "floor", "car", "for"];
    for place in 0..name.words.len() {
        let is_product =
            name.key(place).is_some_and(|key| WORDS.contains(&key) || STEMS.iter().any(|stem| key.starts_with(stem)));
        if is_product {
            name.take(place..place + 1);
        }
    }
}

/// Whether a generation was made in some of the years; catalogues differ by one.
fn is_made_in(known: &Generation, years: Years) -> bool {
    let starts = known.from.zip(years.to).is_none_or(|(from, to)| from <= to + 1);
    let ends = known.to.zip(years.from).is_none_or(|(to, from)| from <= to + 1);
    starts && ends
}

/// The cell's text, or nothing if it is a spreadsheet's error; that is an issue then.
fn without_error<'a>(text: &'a str, found: &mut Vec<Issue>) -> &'a str {
    const ERRORS: &[&str] = &[
        "#ERROR!",
        "#REF!",
        "#N/A",
        "#NAME?",
        "#VALUE!",
        "#DIV/0!",
        "#NULL!",
        "#NUM!",
        "#ИМЯ?",
        "#ССЫЛКА!",
        "#ЗНАЧ!",
        "#Н/Д",
    ];
    if ERRORS.iter().any(|error| text.eq_ignore_ascii_case(error)) {
        found.push(issues::cell_error(text));
        return "";
    }
    text
}

/// Whether the description holds the model, or the rest of its name ("Ренжик | - | - | спорт").
fn continues_in(index: &Lookup, stated: &Stated, description: &Cell) -> bool {
    if let Some(brand) = &stated.brand {
        let words = description.free_words();
        let models = index.find_models(&words, Scope::Brand(brand.brand));
        let certain = models.iter().any(|hit| hit.how.is_certain() && hit.weight >= 3.0);
        return certain || !index.find_codes(&words, brand.brand).is_empty();
    }
    let words = Cell::default().followed_by(&stated.rest).followed_by(description).free_words();
    let named = stated.rest.free().len();
    let best = index.find_models(&words, Scope::All).into_iter().next();
    best.is_some_and(|best| {
        best.how.is_certain() && best.span.start <= named.saturating_sub(1) && best.span.end > named
    })
}

fn read_misplaced_years(cell: &mut Cell, clean: &mut CleanRow, columns: &Columns) {
    match years::read_all(cell, false) {
        Found::Nothing => {}
        Found::Several => clean.issues.push(issues::years_unclear(&cell.leftovers().join(" "))),
        Found::Years(years) => misplaced(clean, columns, years),
    }
}

/// Years that stand elsewhere than in their column, if there is one.
fn misplaced(clean: &mut CleanRow, columns: &Columns, years: Years) {
    clean.years = years;
    if columns.has_years() {
        clean.issues.push(issues::columns_shifted(&format_years(years), wording::YEAR));
    }
}

fn format_years(years: Years) -> String {
    match (years.from, years.to) {
        (Some(from), Some(to)) if from != to => format!("{from}-{to}"),
        (Some(year), Some(_)) => year.to_string(),
        (Some(from), None) => format!("с {from}"),
        (None, Some(to)) => format!("до {to}"),
        (None, None) => String::new(),
    }
}
