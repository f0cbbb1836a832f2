//! The body's lines in cells, and the bands between horizontal rulings in which they stand.

use super::columns::Columns;
use super::lines::{Line, TablePage};
use super::rulings::{self, Ruling};
use super::text_run::TextRun;

/// A line parted into cells.
pub(super) type Cells = Vec<Vec<TextRun>>;

/// One line of the body.
#[derive(Debug, Clone)]
pub(super) struct BodyLine {
    pub y: f64,
    pub em: f64,
    pub cells: Cells,
    /// Whether it has an ID: text that ends in the ID's column, not a footer that runs across.
    pub has_id: bool,
}

impl BodyLine {
    /// Parts a line into cells.
    pub(super) fn new(line: &Line, columns: &Columns) -> Self {
        let cells = columns.part(line);
        let id = columns.header.id_column();
        let holds = |cell: &Vec<TextRun>| !cell.is_empty() && cell.iter().all(|run| columns.holds(id, run));
        let has_id = cells.get(id).is_some_and(holds);
        Self { y: line.y, em: line.em, cells, has_id }
    }

    /// Whether it has text in this column.
    pub(super) fn has(&self, column: usize) -> bool {
        self.cells.get(column).is_some_and(|cell| !cell.is_empty())
    }

    /// In how many columns it has text.
    pub(super) fn filled(&self) -> usize {
        self.cells.iter().filter(|cell| !cell.is_empty()).count()
    }
}

/// Lines between the same two rulings and the same two headers.
#[derive(Debug)]
pub(super) struct Band {
    /// Whether there is a ruling both above and below.
    pub closed: bool,
    pub lines: Vec<BodyLine>,
}

/// Parts the page's lines by its horizontal rulings and its headers.
pub(super) fn bands(page: &TablePage, columns: &Columns) -> Vec<Band> {
    let rulings = row_rulings(page, columns);
    let middle = |y: f64, em: f64| y - 0.3 * em;
    let band_of = |y: f64| rulings.iter().take_while(|ruling| ruling.at <= y).count();
    let is_closed = |band: usize| band > 0 && band < rulings.len();
    let mut keyed: Vec<((usize, usize), BodyLine)> = Vec::new();
    for line in &page.lines {
        let headers_above = page.headers.iter().take_while(|header| header.y.0 < line.y).count();
        let body = BodyLine::new(line, columns);
        keyed.push(((headers_above, band_of(middle(line.y, line.em))), body));
    }
    // What stands in a header's own band and has no ID belongs to the header's names.
    let header_bands: Vec<usize> = page.headers.iter().map(|header| band_of(header.y.0 - 3.0)).collect();
    let has_digit = |cell: &Vec<TextRun>| cell.iter().any(|run| run.text().contains(|ch: char| ch.is_ascii_digit()));
    let groups = keyed.chunk_by(|a, b| a.0 == b.0).map(|group| {
        let lines: Vec<BodyLine> = group.iter().map(|(_, line)| line.clone()).collect();
        let band = group.first().map_or(0, |(key, _)| key.1);
        let row = lines.iter().any(|line| line.cells.get(columns.header.id_column()).is_some_and(has_digit));
        (Band { closed: is_closed(band), lines }, !row && is_closed(band) && header_bands.contains(&band))
    });
    groups.filter(|(_, is_header)| !is_header).map(|(band, _)| band).collect()
}

/// The horizontal rulings that run along at least half of the table's width.
fn row_rulings(page: &TablePage, columns: &Columns) -> Vec<Ruling> {
    // Titles and footers may be wider than the table.
    let rows = || page.lines.iter().filter(|line| columns.header.is_row(line));
    let runs = || rows().flat_map(|line| &line.runs);
    let names = || columns.header.cells.iter();
    let left = runs().map(|run| run.x0).chain(names().map(|cell| cell.x0)).fold(f64::INFINITY, f64::min);
    let right = runs().map(|run| run.x1).chain(names().map(|cell| cell.x1)).fold(f64::NEG_INFINITY, f64::max);
    rulings::gather(&page.horizontal)
        .into_iter()
        .filter(|ruling| ruling.covers(left, right) >= (right - left) / 2.0)
        .collect()
}
