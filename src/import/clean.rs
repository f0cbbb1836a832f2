//! Cleaning: the rows of a document as they are → what each says about a car, and what is wrong with it.
//!
//! Nothing is thrown away and nothing is guessed silently: every row of the table yields exactly one [`CleanRow`]; what no
//! field holds stays in its notes, and every correction is an issue. A row's cells are read in this order, each step taking
//! the words it understood:
//!
//! 1. `attributes`: steering, borders, rows of seats, trunk; `years`; `generation` where "кузов" or "поколение" says so;
//! 2. `identity`: brand and model;
//! 3. body, generation codes, misplaced years; the rest is notes.

mod attributes;
mod body;
mod brand_cell;
mod cache;
mod cell;
mod disambiguate;
mod generation;
mod identity;
pub mod issues;
mod version;
mod years;

use attributes::AttributeWords;
use brand_cell::Stated;
pub use cache::Cache;
use cache::Lookup;
use cell::Cell;
use years::{Found, YearCell};

use crate::domain::import::{CleanRow, Issue};
use crate::domain::vehicle::Years;
use lekalo_documents::table::{Column, Table, TableRow};
use lekalo_vehicles::{Generation, Index, Scope};

/// Why a table cannot be cleaned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CleanError {
    /// Without these columns nothing can be understood.
    #[error("the table needs the columns {} but has only: {}", .missing.join(", "), .seen.join(", "))]
    MissingColumns {
        /// The document's own column names.
        seen: Vec<String>,
        /// Names of the columns that are needed.
        missing: Vec<&'static str>,
    },
}

/// Understands a table's rows; one clean row per table row, in the same order.
///
/// # Errors
/// As [`Cleaner::new`].
pub fn clean(table: &Table, index: &Index) -> Result<Vec<CleanRow>, CleanError> {
    let cleaner = Cleaner::new(&table.header, index)?;
    Ok(table.rows.iter().map(|row| cleaner.row(row.clone())).collect())
}

/// Understands the rows of one table.
pub struct Cleaner<'i> {
    columns: Columns,
    index: Lookup<'i>,
}

impl<'i> Cleaner<'i> {
    /// One for a table with these columns.
    ///
    /// # Errors
    /// When columns are missing without which nothing can be understood.
    pub fn new(header: &[String], index: &'i Index) -> Result<Self, CleanError> {
        Ok(Self::resume(Columns::find(header)?, index, Cache::default()))
    }

    /// One that remembers what another one of the same table and index was asked.
    pub fn resume(columns: Columns, index: &'i Index, cache: Cache) -> Self {
        Self { columns, index: Lookup::new(index, cache) }
    }

    /// What it remembers by now.
    pub fn into_cache(self) -> Cache {
        self.index.into_cache()
    }

    /// What a row says.
    pub fn row(&self, row: TableRow) -> CleanRow {
        clean_row(row, &self.columns, &self.index)
    }
}

/// Where the columns are.
#[derive(Debug, Clone, Copy)]
pub struct Columns {
    id: Option<usize>,
    brand: usize,
    model: usize,
    year: Option<usize>,
    description: Option<usize>,
}

impl Columns {
    /// The places of a table's columns.
    ///
    /// # Errors
    /// When columns are missing without which nothing can be understood.
    pub fn find(header: &[String]) -> Result<Self, CleanError> {
        let place = |column| header.iter().position(|name| Column::from_header(name) == Some(column));
        match (place(Column::Brand), place(Column::Model)) {
            (Some(brand), Some(model)) => Ok(Self {
                id: place(Column::Id),
                brand,
                model,
                year: place(Column::Year),
                description: place(Column::Description),
            }),
            (brand, model) => {
                let needed = [(brand, "Марка (make)"), (model, "Модель (model)")];
                let missing = needed.into_iter().filter(|(found, _)| found.is_none()).map(|(_, name)| name).collect();
                Err(CleanError::MissingColumns { seen: header.to_vec(), missing })
            }
        }
    }
}

fn clean_row(TableRow { page_number, row_number, cells }: TableRow, columns: &Columns, index: &Lookup) -> CleanRow {
    let text = |place: Option<usize>| place.and_then(|place| cells.get(place)).map_or("", |cell| cell.trim());
    let source_id = text(columns.id).to_owned();
    let mut clean = CleanRow { page_number, row_number, source_id, ..CleanRow::default() };
    let (brand, model) = (text(Some(columns.brand)), text(Some(columns.model)));
    let (year, description) = (text(columns.year), text(columns.description));
    if Column::is_header(cells.iter().map(String::as_str)) {
        clean.is_header = true;
        clean.issues.push(issues::header_row());
    } else if [brand, model, year, description].into_iter().all(brand_cell::is_blank) {
        clean.issues.push(issues::empty_row());
    } else {
        understand(&mut clean, index, [brand, model, year, description]);
    }
    clean.cells = cells;
    clean
}

fn understand(clean: &mut CleanRow, index: &Lookup, [brand, model, year, description]: [&str; 4]) {
    let [brand, model, year, description] =
        [brand, model, year, description].map(|text| without_error(text, &mut clean.issues));
    let mut model_cell = Cell::new(model);
    let mut year_cell = Cell::new(year);
    let mut description = Cell::new(description);
    let negations = index.negations(&model_cell.words);
    model_cell.set_aside(&negations);

    let mut found = AttributeWords::default();
    found.read(&mut model_cell, false);
    match years::read_cell(&mut year_cell) {
        YearCell::Blank => {}
        YearCell::Years(years) => clean.years = years,
        YearCell::Invalid => clean.issues.push(issues::year_invalid(year)),
        YearCell::Several => clean.issues.push(issues::years_unclear(year)),
        YearCell::Other => clean.issues.push(issues::columns_shifted(year, "описание")),
    }
    if clean.years.is_unknown()
        && let Some(years) = years::read_range(&mut model_cell)
    {
        clean.years = years;
        clean.issues.push(issues::columns_shifted(&format_years(years), "год"));
    }
    found.read(&mut year_cell, true);
    found.read(&mut description, true);
    let hint = [&mut model_cell, &mut year_cell, &mut description].into_iter().find_map(generation::explicit);

    let stated = brand_cell::stated(index, brand, &model_cell);
    // Where the brand's cell holds the model, a year alone in the model's cell is no name.
    if stated.brand.is_none() && !stated.rest.words.is_empty() && clean.years.is_unknown() {
        read_misplaced_years(&mut model_cell, clean);
    }
    let mut name = name_cell(index, &stated, model_cell, &mut description);
    let identity = identity::identify(index, &stated, &mut name, clean.years);
    if let Some(brand) = identity.brand {
        clean.brand.clone_from(&index.brand(brand).name);
    }
    clean.confidence = identity.confidence;
    clean.issues.extend(identity.issues);
    let mut notes: Vec<String> = identity.badge.into_iter().collect();
    // A body's name may be part of how the model is spelled ("Вокси минивен"), unless it is all of it (Hyundai Coupe).
    if let [_, _, ..] = identity.name.as_slice() {
        clean.body_type = identity.name.iter().find_map(|word| body::body(word));
    }

    let mut cells = [name, year_cell, description];
    if let Some(model) = identity.model {
        clean.model.clone_from(&index.model(model).name);
        let known_model = index.model(model);
        let mut given: Vec<String> =
            Vec::from_iter(Some(identity.generation).filter(|generation| !generation.is_empty()));
        if given.is_empty() {
            given.extend(cells.iter_mut().find_map(|cell| generation::known(cell, index, model)));
        }
        given.extend(hint.map(|hint| generation::resolve(&hint, known_model)));
        let [name, ..] = &mut cells;
        given.extend(generation::numeral(name));
        if given.is_empty() {
            given.extend(
                generation::bare_number(name, index, model).or_else(|| generation::of_brand(name, index, model.brand)),
            );
        }
        if given.is_empty() {
            given.extend(generation::in_brackets(name));
        }
        let is_told =
            |given: &[String], other: &String| given.iter().any(|it| generation::is_same(known_model, it, other));
        for place in (1..given.len()).rev() {
            if given
                .split_at_checked(place)
                .is_some_and(|(before, rest)| rest.first().is_some_and(|it| is_told(before, it)))
            {
                given.remove(place);
            }
        }
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
    clean.body_type = clean.body_type.or_else(|| cells.iter_mut().find_map(body::read_body));
    for cell in &mut cells {
        if clean.years.is_unknown() {
            read_misplaced_years(cell, clean);
        }
    }
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

/// The words that may name the model: what the brand's cell holds beside the brand, then the model's cell. Where that is nothing,
/// the description, if it names a model for certain.
fn name_cell(index: &Lookup, stated: &Stated, model: Cell, description: &mut Cell) -> Cell {
    let is_nameless = model.free().is_empty();
    let mut name = Cell::default().followed_by(&stated.rest).followed_by(&model);
    if !is_nameless || !continues_in(index, stated, &name, description) {
        return name;
    }
    name = name.followed_by(description);
    *description = Cell::default();
    name
}

/// Whether the description holds the model, or the rest of its name ("Ренжик | - | - | спорт").
fn continues_in(index: &Lookup, stated: &Stated, name: &Cell, description: &Cell) -> bool {
    if let Some(brand) = &stated.brand {
        let words = description.free_words();
        let models = index.find_models(&words, Scope::Brand(brand.brand));
        let certain = models.iter().any(|hit| hit.how.is_certain() && hit.weight >= 3.0);
        return certain || !index.find_codes(&words, brand.brand).is_empty();
    }
    let words = Cell::default().followed_by(name).followed_by(description).free_words();
    let named = name.words.len();
    let best = index.find_models(&words, Scope::All).into_iter().next();
    best.is_some_and(|best| {
        best.how.is_certain() && best.span.start <= named.saturating_sub(1) && best.span.end > named
    })
}

fn read_misplaced_years(cell: &mut Cell, clean: &mut CleanRow) {
    match years::read_all(cell, false) {
        Found::Nothing => {}
        Found::Several => clean.issues.push(issues::years_unclear(&cell.leftovers().join(" "))),
        Found::Years(years) => {
            clean.years = years;
            clean.issues.push(issues::columns_shifted(&format_years(years), "год"));
        }
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

#[cfg(test)]
mod tests;
