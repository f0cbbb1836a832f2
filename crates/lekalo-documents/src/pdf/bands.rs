//! The body's lines in cells, and the bands between horizontal rulings in which they stand.

use super::columns::Columns;
use super::lines::{Line, TablePage};
use super::rulings::{self, Ruling};
use super::text_run::TextRun;
use crate::table::Column;

/// A ruling may end by so much before the one that it meets, in points.
const SLACK: f64 = 3.0;
/// Lines of one text stand no further apart, in em.
const ONE_TEXT: f64 = 1.3;

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
    /// Parts a line into cells; `ids` are the columns that tell rows apart.
    pub(super) fn new(line: &Line, columns: &Columns, ids: &[usize]) -> Self {
        let cells = columns.part(line);
        let holds = |id: usize, cell: &Vec<TextRun>| !cell.is_empty() && cell.iter().all(|run| columns.holds(id, run));
        let has_id = ids.iter().any(|id| cells.get(*id).is_some_and(|cell| holds(*id, cell)));
        Self { y: line.y, em: line.em, cells, has_id }
    }

    /// The line it was.
    pub(super) fn line(&self) -> Line {
        Line { y: self.y, em: self.em, runs: self.cells.iter().flatten().cloned().collect() }
    }

    /// What it says in this column.
    pub(super) fn text(&self, column: usize) -> String {
        self.cells.get(column).into_iter().flatten().map(TextRun::text).collect::<Vec<_>>().join(" ")
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
    /// How many rulings, and headers, are above.
    place: (usize, usize),
}

/// Parts the page's lines by its horizontal rulings and its headers. Returns the lines that belong to a header beside its names
/// apart from them.
pub(super) fn bands(page: &TablePage, columns: &Columns) -> (Vec<Band>, Vec<Line>) {
    let grid = Rulings::of(page, columns);
    let middle = |y: f64, em: f64| y - 0.3 * em;
    let band_of = |y: f64| grid.rulings.iter().take_while(|ruling| ruling.at <= y).count();
    let is_closed = |band: usize| band > 0 && band < grid.rulings.len();
    let mut keyed: Vec<((usize, usize), &Line)> = Vec::new();
    for line in &page.lines {
        let headers_above = page.headers.iter().take_while(|header| header.y.0 < line.y).count();
        keyed.push(((band_of(middle(line.y, line.em)), headers_above), line));
    }
    // What stands in a header's own band and has no ID belongs to the header's names.
    let header_bands: Vec<usize> = page.headers.iter().map(|header| band_of(header.y.0 - 3.0)).collect();
    let has_digit = |cell: &Vec<TextRun>| cell.iter().any(|run| run.text().contains(|ch: char| ch.is_ascii_digit()));
    let (mut bands, mut around) = (Vec::new(), Vec::new());
    let ids = columns.header.id_columns();
    for group in keyed.chunk_by(|a, b| a.0 == b.0) {
        let lines: Vec<BodyLine> = group.iter().map(|(_, line)| BodyLine::new(line, columns, &ids)).collect();
        let place = group.first().map_or((0, 0), |(place, _)| *place);
        let closed = is_closed(place.0);
        let row = lines.iter().any(|line| line.cells.get(columns.header.id_column()).is_some_and(has_digit));
        if !row && closed && header_bands.contains(&place.0) {
            around.extend(group.iter().map(|(_, line)| (*line).clone()));
        } else {
            bands.push(Band { closed, lines, place });
        }
    }
    let heading = columns.header.position(Column::Brand).unwrap_or(0);
    bands.iter_mut().filter(|band| grid.is_undivided(band)).for_each(|band| band.gather(heading));
    grid.share_merged(&mut bands);
    (bands, around)
}

/// The horizontal rulings that part rows, and where the columns are.
struct Rulings {
    rulings: Vec<Ruling>,
    /// From where to where each column goes.
    columns: Vec<(f64, f64)>,
    /// Vertical rulings.
    sides: Vec<Ruling>,
}

impl Rulings {
    /// Those that run along at least half of the table's width, or all along a column between its own rulings.
    fn of(page: &TablePage, columns: &Columns) -> Self {
        // Titles and footers may be wider than the table.
        let rows = || page.lines.iter().filter(|line| columns.header.is_row(line));
        let runs = || rows().flat_map(|line| &line.runs);
        let names = || columns.header.cells.iter();
        let left = runs().map(|run| run.x0).chain(names().map(|cell| cell.x0)).fold(f64::INFINITY, f64::min);
        let right = runs().map(|run| run.x1).chain(names().map(|cell| cell.x1)).fold(f64::NEG_INFINITY, f64::max);
        let sides = rulings::gather(&page.vertical);
        let bounds: Vec<f64> = std::iter::once(left).chain(columns.boundaries.iter().copied()).chain([right]).collect();
        let columns: Vec<(f64, f64)> =
            bounds.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?))).collect();
        let is_ruled = |at: f64| at <= left || at >= right || sides.iter().any(|side| (side.at - at).abs() <= SLACK);
        let along = |ruling: &Ruling, (from, to): (f64, f64)| {
            is_ruled(from) && is_ruled(to) && ruling.covers(from, to) >= (to - from - 2.0 * SLACK).max(SLACK)
        };
        let rulings = rulings::gather(&page.horizontal).into_iter().filter(|ruling| {
            ruling.covers(left, right) >= (right - left) / 2.0
                || !sides.is_empty() && columns.iter().any(|column| along(ruling, *column))
        });
        Self { rulings: rulings.collect(), columns, sides }
    }

    /// Whether a ruled band is one cell from side to side with text at a single place: a heading between the rows.
    fn is_undivided(&self, band: &Band) -> bool {
        let ends =
            band.place.0.checked_sub(1).and_then(|above| self.rulings.get(above)).zip(self.rulings.get(band.place.0));
        let Some((top, bottom)) = ends.filter(|_| band.closed && self.columns.len() > 1) else { return false };
        let parts = |side: &Ruling| side.covers(top.at, bottom.at) >= (bottom.at - top.at) / 2.0;
        let mut inner = self.columns.iter().skip(1).map(|(left, _)| *left);
        let is_parted =
            inner.clone().any(|at| self.sides.iter().any(|side| (side.at - at).abs() <= SLACK && parts(side)));
        let is_ruled = inner.any(|at| self.sides.iter().any(|side| (side.at - at).abs() <= SLACK));
        let filled = (0..self.columns.len()).filter(|column| band.runs(*column).next().is_some()).count();
        is_ruled && !is_parted && filled == 1
    }

    /// Gives what stands in a cell that is merged over several bands to each of them: no ruling parts it, though there are
    /// some above and below, and its text is not more than one.
    fn share_merged(&self, bands: &mut [Band]) {
        if self.sides.is_empty() {
            return;
        }
        for (column, (from, to)) in self.columns.iter().enumerate() {
            let parts = |ruling: usize| {
                self.rulings.get(ruling).is_some_and(|ruling| ruling.covers(*from, *to) >= (to - from) / 2.0)
            };
            let same_cell = |a: &Band, b: &Band| {
                a.closed && b.closed && a.place.1 == b.place.1 && !(a.place.0..b.place.0).any(parts)
            };
            for group in bands.chunk_by_mut(same_cell).filter(|group| group.len() > 1) {
                let (top, bottom) =
                    (group.first().map_or(0, |band| band.place.0), group.last().map_or(0, |band| band.place.0));
                let runs: Vec<TextRun> = group.iter().flat_map(|band| band.runs(column)).cloned().collect();
                let filled = group.iter().filter(|band| band.runs(column).next().is_some()).count();
                let is_closed = top > 0 && parts(top - 1) && parts(bottom);
                if !is_closed || filled == 0 || filled > 1 && !is_one_text(&runs, self.lowest(top, bottom)) {
                    continue;
                }
                for band in group {
                    band.lines.iter_mut().filter_map(|line| line.cells.get_mut(column)).for_each(Vec::clear);
                    if let Some(cell) = band.lines.first_mut().and_then(|line| line.cells.get_mut(column)) {
                        cell.clone_from(&runs);
                    }
                }
            }
        }
    }
}

impl Rulings {
    /// The height of the lowest of these bands.
    fn lowest(&self, first: usize, last: usize) -> f64 {
        let around = self.rulings.get(first.saturating_sub(1)..=last).unwrap_or_default();
        let heights = around.windows(2).filter_map(|pair| Some(pair.last()?.at - pair.first()?.at));
        heights.fold(f64::INFINITY, f64::min)
    }
}

impl Band {
    /// Puts all its text into one column.
    fn gather(&mut self, column: usize) {
        for line in &mut self.lines {
            let runs: Vec<TextRun> = line.cells.iter_mut().flat_map(std::mem::take).collect();
            if let Some(cell) = line.cells.get_mut(column) {
                *cell = runs;
            }
        }
    }

    fn runs(&self, column: usize) -> impl Iterator<Item = &TextRun> {
        self.lines.iter().filter_map(move |line| line.cells.get(column)).flatten()
    }
}

/// Whether lines stand so close that they are one text, closer than those of bands so high.
fn is_one_text(runs: &[TextRun], height: f64) -> bool {
    let mut lines: Vec<(f64, f64)> = runs.iter().map(|run| (run.y, run.em)).collect();
    lines.sort_by(|a, b| a.0.total_cmp(&b.0));
    lines.windows(2).all(|pair| matches!(pair, [a, b] if b.0 - a.0 <= (ONE_TEXT * a.1).min(0.93 * height)))
}
