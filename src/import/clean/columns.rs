//! Which of a table's columns is what: by its name, and by what stands in it where the name says nothing.

use super::brand_cell::is_blank;
use super::cache::Lookup;
use super::cell::Cell;
use super::headings::{heading, is_ditto, sole_brand};
use super::years::{YearCell, read_cell};
use lekalo_documents::table::{Column, TableRow};
use lekalo_vehicles::Scope;

/// So many of a table's first rows show what its columns hold.
pub const SAMPLE: usize = 500;
/// With fewer cells nothing is told by what stands in them.
const FEWEST: usize = 3;

/// Why a table cannot be cleaned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CleanError {
    /// Without these columns nothing can be understood.
    #[error(
        "no column can be told to hold the cars; the header reads: {}",
        .seen.iter().map(|name| format!("«{name}»")).collect::<Vec<_>>().join(", ")
    )]
    MissingColumns {
        /// The document's own column names.
        seen: Vec<String>,
    },
}

impl CleanError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        let Self::MissingColumns { seen } = self;
        let name = seen.iter().find(|name| !name.is_empty()).map_or("Авто", String::as_str);
        format!(
            "name them in the header line («Марка», «Модель», «Год»), or say what they are: --columns \"{name}=make+model\" \
             (one of {}), in the header line itself «{name}=make+model»",
            Column::codes().collect::<Vec<_>>().join(", ")
        )
    }
}

/// Where the columns are, and what holds for the whole table.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    pub id: Option<usize>,
    pub brand: Option<usize>,
    pub model: Option<usize>,
    /// Brand and model, where one column has both.
    pub car: Option<usize>,
    pub series: Option<usize>,
    pub generation: Option<usize>,
    pub year: Option<usize>,
    pub year_from: Option<usize>,
    pub year_to: Option<usize>,
    pub body: Option<usize>,
    pub steering: Option<usize>,
    pub seats: Option<usize>,
    pub availability: Option<usize>,
    pub descriptions: Vec<usize>,
    /// Its name is the brand of its rows.
    pub sheet: Option<usize>,
    /// The car's column says what is sold, too.
    pub is_product: bool,
    /// Rows that are only a brand are the headings of those below.
    pub has_headings: bool,
    /// The brand is given once, for the rows below too; so is the model.
    pub inherits_brand: bool,
    pub inherits_model: bool,
    /// Marks stand for the brand or model above ("-//-").
    pub has_dittos: bool,
    /// The seats' column counts rows.
    pub seats_are_rows: bool,
}

impl Columns {
    /// The places of a table's columns; `sample` are its first rows, [`SAMPLE`] of them.
    ///
    /// # Errors
    /// When nothing says where the cars are.
    pub fn find(header: &[String], sample: &[TableRow], index: &Lookup) -> Result<Self, CleanError> {
        let kinds: Vec<Option<Column>> = header.iter().map(|name| Column::from_header(name)).collect();
        let place = |column| kinds.iter().position(|kind| *kind == Some(column));
        let mut columns = Self {
            id: place(Column::Id),
            brand: place(Column::Brand),
            model: place(Column::Model),
            car: place(Column::Car),
            series: place(Column::Series),
            generation: place(Column::Generation),
            year: place(Column::Year),
            year_from: place(Column::YearFrom),
            year_to: place(Column::YearTo),
            body: place(Column::Body),
            steering: place(Column::Steering),
            seats: place(Column::Seats),
            availability: place(Column::Availability),
            descriptions: (0..kinds.len()).filter(|at| kinds.get(*at) == Some(&Some(Column::Description))).collect(),
            sheet: place(Column::Sheet),
            ..Self::default()
        };
        let product = place(Column::Product);
        let unnamed: Vec<usize> = (0..kinds.len()).filter(|at| kinds.get(*at) == Some(&None)).collect();
        columns.settle(product);
        let sample = Sample { rows: sample, index };
        columns.find_by_content(&unnamed, &sample);
        if columns.car.is_none() && columns.model.is_none() {
            return Err(CleanError::MissingColumns { seen: header.to_vec() });
        }
        columns.inherits_brand = columns.brand.is_some_and(|at| sample.is_given_once(at, columns.car_places()));
        columns.inherits_model = columns.model.is_some_and(|at| sample.is_model_given_once(at, columns.brand));
        columns.has_dittos = columns.brand.into_iter().chain(columns.model).any(|at| sample.cells(at).any(is_ditto));
        columns.has_headings = columns.brand.is_none_or(|at| columns.inherits_brand || sample.has_headings(at));
        let is_of_rows =
            |name: &String| ["ряд", "row", "катар", "қатар"].iter().any(|word| name.to_lowercase().contains(word));
        columns.seats_are_rows = columns.seats.and_then(|at| header.get(at)).is_some_and(is_of_rows);
        Ok(columns)
    }

    /// Decides what columns mean together.
    fn settle(&mut self, product: Option<usize>) {
        // "Авто" beside "Модель" is the brand.
        if self.brand.is_none() && self.model.is_some() {
            self.brand = self.car.take();
        }
        if self.model.is_none() && self.brand.is_some() {
            self.model = self.car.take();
        }
        if self.model.is_none() && self.car.is_none() {
            (self.model, self.series) = (self.series, None);
        }
        if self.model.is_none() && self.car.is_none() && product.is_some() {
            self.is_product = true;
            *(if self.brand.is_some() { &mut self.model } else { &mut self.car }) = product;
        }
        // A brand's column alone has the models too.
        if self.model.is_none() && self.car.is_none() {
            self.car = self.brand.take();
        }
        if self.model.is_some() && self.brand.is_some() {
            self.car = None;
        }
    }

    /// Finds what no name says.
    fn find_by_content(&mut self, unnamed: &[usize], sample: &Sample) {
        let has_years = self.year.is_some() || self.year_from.is_some() || self.year_to.is_some();
        if !has_years {
            self.year = unnamed.iter().copied().find(|at| sample.is_years(*at));
        }
        if self.car.is_none() && self.brand.is_none() {
            self.brand = unnamed.iter().copied().find(|at| sample.most(*at, |text| sample.is_brand(text)));
        }
        if self.car.is_none() && self.model.is_none() {
            match self.brand {
                Some(brand) => {
                    let others = unnamed.iter().copied().filter(|at| *at != brand);
                    self.model = others.into_iter().find(|at| sample.is_models(*at, brand));
                }
                None => self.car = unnamed.iter().copied().find(|at| sample.most(*at, |text| sample.is_car(text))),
            }
        }
        // A column of models whose cells name the brands too.
        if self.brand.is_none() && self.model.is_some_and(|at| sample.most(at, |text| sample.is_car(text))) {
            self.car = self.model.take();
        }
    }

    /// Whether a row may say something of those below it.
    pub fn speak_for_others(&self) -> bool {
        self.has_headings || self.has_dittos || self.inherits_brand || self.inherits_model || self.brand.is_none()
    }

    /// Those that name the car.
    fn car_places(&self) -> [Option<usize>; 3] {
        [self.brand, self.model, self.car]
    }

    /// Whether years have a column of their own.
    pub fn has_years(&self) -> bool {
        self.year.is_some() || self.year_from.is_some() || self.year_to.is_some()
    }

    /// What each of the header's columns is used as, if it is; in the header's order.
    pub fn uses<'h>(&self, header: &'h [String]) -> Vec<(&'h str, Option<Column>)> {
        let single = [
            (self.id, Column::Id),
            (self.brand, Column::Brand),
            (self.model, Column::Model),
            (self.car, Column::Car),
            (self.series, Column::Series),
            (self.generation, Column::Generation),
            (self.year, Column::Year),
            (self.year_from, Column::YearFrom),
            (self.year_to, Column::YearTo),
            (self.body, Column::Body),
            (self.steering, Column::Steering),
            (self.seats, Column::Seats),
            (self.availability, Column::Availability),
            (self.sheet, Column::Sheet),
        ];
        let of = |at: usize| {
            let one = single.iter().find(|(place, _)| *place == Some(at)).map(|(_, column)| *column);
            one.or_else(|| self.descriptions.contains(&at).then_some(Column::Description))
        };
        header.iter().enumerate().map(|(at, name)| (name.as_str(), of(at))).collect()
    }

    /// The same in words: "Марка → make, Модель → model; not used: Цена".
    pub fn summary(&self, header: &[String]) -> String {
        let uses = self.uses(header);
        let used: Vec<String> =
            uses.iter().filter_map(|(name, column)| Some(format!("{name} → {}", (*column)?.code()))).collect();
        let unused: Vec<&str> =
            uses.iter().filter(|(name, column)| column.is_none() && !name.is_empty()).map(|(name, _)| *name).collect();
        let rest = if unused.is_empty() { String::new() } else { format!("; not used: {}", unused.join(", ")) };
        format!("{}{rest}", used.join(", "))
    }
}

/// A table's first rows.
struct Sample<'s> {
    rows: &'s [TableRow],
    index: &'s Lookup<'s>,
}

impl Sample<'_> {
    fn cells(&self, at: usize) -> impl Iterator<Item = &str> {
        self.rows
            .iter()
            .filter_map(move |row| row.cells.get(at))
            .map(|cell| cell.trim())
            .filter(|cell| !cell.is_empty())
    }

    /// Whether four fifths of a column's cells are this, and they are not too few to say so.
    fn most(&self, at: usize, is: impl Fn(&str) -> bool) -> bool {
        let cells: Vec<&str> = self.cells(at).collect();
        cells.len() >= FEWEST && cells.iter().filter(|cell| is(cell)).count() * 5 >= cells.len() * 4
    }

    fn is_brand(&self, text: &str) -> bool {
        sole_brand(self.index, text).is_some()
    }

    /// Whether a text names a brand and one of its models.
    fn is_car(&self, text: &str) -> bool {
        let words = Cell::new(text).free_words();
        let brands = self.index.mentioned_brands(&words);
        brands.first().filter(|brand| brand.how.is_certain()).is_some_and(|brand| {
            let models = self.index.find_models(&words, Scope::Brand(brand.brand));
            models.first().is_some_and(|model| model.how.is_certain())
        })
    }

    /// Whether most cells are models of the brand beside them.
    fn is_models(&self, at: usize, brand: usize) -> bool {
        let is_model = |row: &&TableRow| {
            let text = |at: usize| row.cells.get(at).map_or("", |cell| cell.trim());
            let words = Cell::new(text(at)).free_words();
            sole_brand(self.index, text(brand)).is_some_and(|brand| {
                let models = self.index.find_models(&words, Scope::Brand(brand));
                models.first().is_some_and(|model| model.how.is_certain())
            })
        };
        self.rows.len() >= FEWEST && self.rows.iter().filter(is_model).count() * 5 >= self.rows.len() * 4
    }

    /// Whether a column is of years, in full and not always the same: else it may be a price.
    fn is_years(&self, at: usize) -> bool {
        let is_year = |text: &str| {
            let mut cell = Cell::new(text);
            text.len() >= 4 && matches!(read_cell(&mut cell), YearCell::Years(_)) && cell.free().is_empty()
        };
        let mut cells = self.cells(at);
        let first = cells.next();
        let differ = cells.any(|cell| Some(cell) != first);
        differ && self.most(at, is_year)
    }

    /// Whether a column's cell speaks for the empty ones below it: it is empty in a good part of the rows that have something
    /// else, and hardly ever repeats itself, as it does where each row has its own.
    fn is_given_once(&self, at: usize, car: [Option<usize>; 3]) -> bool {
        let (mut given, mut blank, mut repeats) = (0, 0, 0);
        let mut before = "";
        for row in self.rows {
            let text = row.cells.get(at).map_or("", |cell| cell.trim());
            let names_car =
                car.iter().flatten().any(|at| row.cells.get(*at).is_some_and(|cell| !cell.trim().is_empty()));
            match () {
                () if text.is_empty() && row.cells.iter().any(|cell| !cell.trim().is_empty()) => {
                    blank += usize::from(names_car || given > 0);
                    before = "";
                }
                () if text.is_empty() || is_ditto(text) => {}
                () => {
                    repeats += usize::from(text.eq_ignore_ascii_case(before));
                    given += 1;
                    before = text;
                }
            }
        }
        given > 0 && blank > 0 && blank * 3 >= given && blank >= 4 * repeats
    }

    /// Whether rows that are only a brand stand above rows of that brand.
    fn has_headings(&self, brand: usize) -> bool {
        let heads = |pair: &[TableRow]| {
            let [row, next] = pair else { return None };
            let heading = heading(row.cells.iter().map(String::as_str), self.index, None)?;
            let below = next.cells.get(brand).and_then(|cell| sole_brand(self.index, cell))?;
            Some(
                self.index.brand(below).name == heading && next.cells.iter().filter(|cell| !is_blank(cell)).count() > 1,
            )
        };
        let found: Vec<bool> = self.rows.windows(2).filter_map(heads).collect();
        !found.is_empty() && found.iter().filter(|is| **is).count() * 5 >= found.len() * 4
    }

    /// The same of models: their empty cells are in rows without a brand of their own that say something else.
    fn is_model_given_once(&self, at: usize, brand: Option<usize>) -> bool {
        let has = |row: &TableRow, at: usize| row.cells.get(at).is_some_and(|cell| !cell.trim().is_empty());
        let has_brand = |row: &TableRow| brand.is_some_and(|brand| has(row, brand));
        let says_else = |row: &TableRow| (0..row.cells.len()).any(|place| Some(place) != brand && has(row, place));
        let given = self.rows.iter().filter(|row| has(row, at)).count();
        let blank: Vec<&TableRow> = self.rows.iter().filter(|row| !has(row, at) && says_else(row)).collect();
        given > 0 && !blank.is_empty() && blank.len() * 3 >= given && !blank.into_iter().any(has_brand)
    }
}
