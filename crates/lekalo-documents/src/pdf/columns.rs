//! Where the columns part, and which column a run of text belongs to.
//!
//! A boundary lies strictly between the names of two neighbouring columns: on a ruling if there is one, else where a dynamic
//! programme over all lines finds that it cuts no text and leaves no wide gap inside a cell. The nearest header name would be
//! wrong for half the cells, since numbers stand at the right of their column and text at the left.

use super::boundaries::{OVERHANG, is_cut, unruled_boundaries};
use super::header::Header;
use super::lines::{Line, TablePage};
use super::rulings;
use super::text_run::{Glyph, TextRun};

/// Glyphs closer than this, in em, are of one word, even if a boundary runs between them.
const WORD_CUT_GAP: f64 = 0.03;
/// Header names that moved less are the same table's, in points.
const SAME_PLACE: f64 = 2.0;

/// The columns of one page.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Columns {
    /// The header that names them, on this page or carried over.
    pub header: Header,
    /// Where they part, from left to right: one less than columns.
    pub boundaries: Vec<f64>,
}

impl Columns {
    /// The column at this place.
    fn at(&self, x: f64) -> usize {
        self.boundaries.iter().take_while(|boundary| x >= **boundary).count()
    }

    /// Parts a line's runs into cells, one list for each column.
    pub(super) fn part(&self, line: &Line) -> Vec<Vec<TextRun>> {
        let mut cells = vec![Vec::new(); self.boundaries.len() + 1];
        for (column, run) in line.runs.iter().flat_map(|run| self.place(run)) {
            if let Some(cell) = cells.get_mut(column) {
                cell.push(run);
            }
        }
        cells
    }

    /// Whether a run of this column ends in it.
    pub(super) fn holds(&self, column: usize, run: &TextRun) -> bool {
        self.at(run.x1 - OVERHANG * run.em) <= column
    }

    /// A run stays whole in the column that contains it, or where it starts if it overflows: if it was drawn in one operation,
    /// or the boundary runs through a word. Else it is two cells that stand close, and is cut.
    fn place(&self, run: &TextRun) -> Vec<(usize, TextRun)> {
        let overhang = OVERHANG * run.em;
        let (first, last) = (self.at(run.x0 + overhang), self.at(run.x1 - overhang));
        if first >= last || run.is_one_operation() {
            return vec![(first, run.clone())];
        }
        let column = |glyph: &Glyph| self.at((glyph.x0 + glyph.x1) / 2.0);
        let in_word = |a: &Glyph, b: &Glyph| {
            let blank = a.text.trim().is_empty() || b.text.trim().is_empty();
            !blank && b.x0 - a.x1 < WORD_CUT_GAP * run.em
        };
        let parts = run.glyphs.chunk_by(|a, b| column(a) == column(b) || in_word(a, b));
        let place = |part: &[Glyph]| {
            let run = TextRun::new(part, run.y, run.em)?;
            Some((self.at(run.x0 + overhang), run))
        };
        parts.filter_map(place).collect()
    }
}

/// Finds the columns of every page; pages without a header take those of the page before, the first ones those of the next.
pub(super) fn geometry(pages: &[TablePage]) -> Vec<Columns> {
    let mut headers: Vec<Header> = Vec::new();
    let first = pages.iter().find_map(|page| page.headers.first());
    for page in pages {
        headers.extend(page.headers.first().or(headers.last()).or(first).cloned());
    }
    let pages: Vec<(&TablePage, Header)> = pages.iter().zip(headers).collect();
    let sections = pages.chunk_by(|(_, a), (_, b)| {
        let moved = |(a, b): (f64, f64)| (a - b).abs() > SAME_PLACE;
        a.cells.len() == b.cells.len()
            && !a.cells.iter().zip(&b.cells).any(|(a, b)| moved((a.x0, b.x0)) || moved((a.x1, b.x1)))
    });
    sections.flat_map(section).collect()
}

/// The columns of consecutive pages whose headers stand at the same place.
fn section(pages: &[(&TablePage, Header)]) -> Vec<Columns> {
    let ruled: Vec<Vec<Option<f64>>> = pages.iter().map(|(page, header)| ruled_boundaries(page, header)).collect();
    let gaps = pages.first().map(|(_, header)| between_names(header)).unwrap_or_default();
    // What is ruled on some page holds for the pages where it is not.
    let known: Vec<Option<f64>> =
        (0..gaps.len()).map(|index| ruled.iter().find_map(|page| page.get(index).copied().flatten())).collect();
    let lines: Vec<&Line> = pages.iter().flat_map(|(page, _)| &page.lines).collect();
    let found = unruled_boundaries(&lines, &gaps, &known);
    let on_page =
        |ruled: Vec<Option<f64>>| ruled.iter().zip(&found).map(|(own, found)| own.unwrap_or(*found)).collect();
    pages
        .iter()
        .zip(ruled)
        .map(|((_, header), ruled)| Columns { header: header.clone(), boundaries: on_page(ruled) })
        .collect()
}

/// The open intervals between the names of neighbouring columns.
fn between_names(header: &Header) -> Vec<(f64, f64)> {
    header.cells.windows(2).filter_map(|pair| Some((pair.first()?.x1, pair.last()?.x0))).collect()
}

/// For each boundary, the vertical ruling between the names that runs along at least half of the table and cuts the fewest runs.
fn ruled_boundaries(page: &TablePage, header: &Header) -> Vec<Option<f64>> {
    // From the header to the last row; where none is plain, to the end of what is ruled: a footer may stand far below.
    let ruled_to = page.vertical.iter().map(|edge| edge.to).fold(0.0, f64::max);
    let header_y = page.headers.first().map(|header| header.y.0);
    let rows = page.lines.iter().filter(|line| header.is_row(line));
    let mut ys: Vec<f64> = rows.map(|line| line.y).collect();
    if ys.is_empty() {
        let inside = page.lines.iter().filter(|line| line.y <= ruled_to);
        ys.extend(inside.map(|line| line.y));
    }
    let (top, bottom) = header_y
        .into_iter()
        .chain(ys)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(top, bottom), y| (y.min(top), y.max(bottom)));
    let rulings = rulings::gather(&page.vertical);
    let cuts = |x: f64| page.lines.iter().flat_map(|line| &line.runs).filter(|run| is_cut(run, x)).count();
    let find = |(left, right): (f64, f64)| {
        let long = |ruling: &&rulings::Ruling| ruling.covers(top, bottom) >= (bottom - top) / 2.0;
        let inside = rulings.iter().filter(|ruling| left < ruling.at && ruling.at < right);
        inside.filter(long).map(|ruling| ruling.at).min_by_key(|at| cuts(*at))
    };
    between_names(header).into_iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::super::header::HeaderCell;
    use super::super::lines::made::{line, run};
    use super::*;

    fn columns(boundaries: &[f64]) -> Columns {
        let cell = HeaderCell { name: "x".into(), x0: 0.0, x1: 1.0 };
        let header = Header { y: (0.0, 0.0), cells: vec![cell; boundaries.len() + 1] };
        Columns { header, boundaries: boundaries.to_vec() }
    }

    fn texts(columns: &Columns, line: &Line) -> Vec<String> {
        columns.part(line).iter().map(|cell| cell.iter().map(TextRun::text).collect()).collect()
    }

    #[test]
    fn overflowing_text_of_one_operation_stays_whole_and_joined_cells_are_cut() {
        let columns = columns(&[50.0]);
        assert_eq!(texts(&columns, &line(&[("длинный текст", 10.0)])), ["длинный текст", ""]);
        let mut glyphs = run("2018", 30.0, 0).glyphs;
        glyphs.extend(run("купе", 50.5, 1).glyphs);
        let joined = Line { y: 0.0, em: 10.0, runs: vec![TextRun::new(&glyphs, 0.0, 10.0).unwrap()] };
        assert_eq!(texts(&columns, &joined), ["2018", "купе"]);
    }
}
