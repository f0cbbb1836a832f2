//! What rows say for those below them: a row that is only a brand is their heading, and a brand that is given once counts until the
//! next one.

use super::brand_cell::is_blank;
use super::cache::Lookup;
use super::cell::Cell;
use super::columns::Columns;
use super::years::{YearCell, read_cell};
use lekalo_documents::table::{HeaderRow, TableRow};
use lekalo_vehicles::{BrandId, Scope};

/// A row, with what is said above it.
#[derive(Debug, Clone)]
pub struct PlacedRow {
    pub row: TableRow,
    /// The brand that counts for it, where it gives none.
    pub brand: Option<String>,
    /// The same of the model.
    pub model: Option<String>,
    /// The brand that it is the heading of.
    pub heads: Option<String>,
}

/// What counts by now; rows are placed in their order.
#[derive(Debug, Clone, Default)]
pub struct Headings {
    brand: Option<String>,
    model: Option<String>,
    sheet: String,
    /// Lines above the header, the first page's last.
    titles: Vec<HeaderRow>,
}

impl Headings {
    /// At the beginning of a table with these header rows; titles among them may be headings.
    pub fn new(headers: &[HeaderRow]) -> Self {
        Self { titles: headers.iter().rev().cloned().collect(), ..Self::default() }
    }

    /// Puts the next row into its place.
    pub fn place(&mut self, row: TableRow, columns: &Columns, index: &Lookup) -> PlacedRow {
        while let Some(title) = self.titles.pop_if(|title| title.page_number <= row.page_number) {
            self.pass(&title.cells, columns, index);
        }
        let mut placed = PlacedRow { row, brand: None, model: None, heads: None };
        let text = |at: Option<usize>| at.and_then(|at| placed.row.cells.get(at)).map_or("", |cell| cell.trim());
        let (brand, model, sheet) = (text(columns.brand), text(columns.model), text(columns.sheet));
        if sheet != self.sheet {
            (self.brand, self.model) = (sole_brand(index, sheet).map(|_| sheet.to_owned()), None);
            sheet.clone_into(&mut self.sheet);
        }
        if columns.has_headings {
            let current = self.brand.as_deref().and_then(|brand| sole_brand(index, brand));
            let sheet = columns.sheet;
            let others = placed.row.cells.iter().enumerate().filter(|(at, _)| Some(*at) != sheet);
            if let Some(brand) = heading(others.map(|(_, cell)| cell.as_str()), index, current) {
                (self.brand, self.model) = (Some(brand.clone()), None);
                placed.heads = Some(brand);
                return placed;
            }
        }
        let is_ditto = |text: &str| columns.has_dittos && is_ditto(text);
        if !brand.is_empty() && !is_ditto(brand) {
            (self.brand, self.model) = (Some(brand.to_owned()), None);
        } else if columns.inherits_brand || columns.brand.is_none() || is_ditto(brand) {
            placed.brand.clone_from(&self.brand);
        }
        if !model.is_empty() && !is_ditto(model) {
            self.model = Some(model.to_owned());
        } else if is_ditto(model) || (columns.inherits_model && brand.is_empty() && says_years(&placed.row, columns)) {
            placed.model.clone_from(&self.model);
        }
        placed
    }

    /// Passes over a row that is none of the table's: it may be a heading all the same.
    pub fn pass(&mut self, cells: &[String], columns: &Columns, index: &Lookup) {
        if columns.has_headings
            && let Some(brand) = heading(cells.iter().map(String::as_str), index, None)
        {
            (self.brand, self.model) = (Some(brand), None);
        }
    }
}

/// Whether a row gives years, without which it is no version of the car above it.
fn says_years(row: &TableRow, columns: &Columns) -> bool {
    let years = [columns.year, columns.year_from, columns.year_to];
    let mut cells = years.into_iter().flatten().filter_map(|at| row.cells.get(at));
    cells.any(|cell| matches!(read_cell(&mut Cell::new(cell)), YearCell::Years(_)))
}

/// The brand that is all these cells say, in one of them or in each. A name that a model of the current brand has is that model.
pub fn heading<'c>(cells: impl Iterator<Item = &'c str>, index: &Lookup, current: Option<BrandId>) -> Option<String> {
    let cells: Vec<&str> = cells.map(str::trim).collect();
    let filled: Vec<&str> = cells.iter().copied().filter(|cell| !is_blank(cell)).collect();
    let (first, others) = filled.split_first()?;
    let is_in_each = others.len() >= 2 && filled.len() == cells.len() && others.iter().all(|other| other == first);
    if !others.is_empty() && !is_in_each {
        return None;
    }
    let brand = sole_brand(index, first)?;
    let words = Cell::new(first).free_words();
    let is_model = current.filter(|current| *current != brand).is_some_and(|current| {
        let models = index.find_models(&words, Scope::Brand(current));
        models.iter().any(|model| model.how.is_certain() && model.span.len() == words.len())
    });
    (!is_model).then(|| index.brand(brand).name.clone())
}

/// The brand that a text names, if it says nothing else: "TOYOTA", "Toyota (Тойота)", "Автомобили KIA".
pub fn sole_brand(index: &Lookup, text: &str) -> Option<BrandId> {
    const BESIDE: &[&str] = &["марка", "авто", "автомобили", "автомобиль", "коврики", "лекала", "для", "модели", "все"];
    if text.len() > 60 {
        return None;
    }
    let mut words = Cell::new(text).free_words();
    words.retain(|word| !BESIDE.contains(&word.key.as_str()));
    let found = index.mentioned_brands(&words);
    let brand = found.first().filter(|hit| hit.how.is_certain())?.brand;
    let is_said =
        |place: usize| found.iter().any(|hit| hit.brand == brand && hit.how.is_certain() && hit.span.contains(&place));
    (0..words.len()).all(is_said).then_some(brand)
}

/// Marks that say "as above": `-//-`, `"`, `то же`.
pub fn is_ditto(text: &str) -> bool {
    let text = text.trim();
    let marks = |text: &str| {
        text.chars().all(|ch| matches!(ch, '"' | '〃' | '″' | '”' | '“' | '\'' | '/' | '-' | '—' | '–' | ' '))
    };
    let is_sign = text.contains(['"', '〃', '″', '”', '“']) || text.contains("//") || text.contains("''");
    (!text.is_empty() && is_sign && marks(text))
        || matches!(text.to_lowercase().as_str(), "то же" | "тоже" | "ошол эле")
}
