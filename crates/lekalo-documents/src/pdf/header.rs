//! The row that names the columns.

use std::collections::HashSet;

use super::glyphs::Edge;
use super::lines::{LEADING, Line};
use super::text_run::TextRun;
use crate::blocks;
use crate::heading::{names_car, names_columns};
use crate::table::Column;

/// Runs of one cell's line stand no further apart, in em.
const WIDE_GAP: f64 = 0.6;
/// The longest name below a heading, in characters.
const MAX_PART: usize = 15;

/// A row that names the columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Header {
    /// The baseline of its first and of its last line.
    pub y: (f64, f64),
    /// From left to right.
    pub cells: Vec<HeaderCell>,
}

/// One column's name and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HeaderCell {
    pub name: String,
    pub x0: f64,
    pub x1: f64,
}

impl Header {
    /// The column that tells rows apart: the ID, or else the first.
    pub(super) fn id_column(&self) -> usize {
        self.position(Column::Id).unwrap_or(0)
    }

    /// The columns that tell rows apart, where several tables stand side by side.
    pub(super) fn id_columns(&self) -> Vec<usize> {
        blocks::id_columns(&self.names())
    }

    /// The columns' names.
    pub(super) fn names(&self) -> Vec<String> {
        self.cells.iter().map(|cell| cell.name.trim().to_owned()).collect()
    }

    /// Which column is about this.
    pub(super) fn position(&self, column: Column) -> Option<usize> {
        self.cells.iter().position(|cell| Column::from_header(&cell.name) == Some(column))
    }

    /// Whether a line looks like a row: something near the names of the ID, the brand and the model.
    pub(super) fn is_row(&self, line: &Line) -> bool {
        let centre = |run: &TextRun| (run.x0 + run.x1) / 2.0;
        let right_of = |pair: &[HeaderCell], x: f64| matches!(pair, [left, right] if x > (left.x1 + right.x0) / 2.0);
        let nearest = |run: &TextRun| self.cells.windows(2).filter(|pair| right_of(pair, centre(run))).count();
        let filled: HashSet<usize> = line.runs.iter().map(nearest).collect();
        let wanted = [Some(self.id_column()), self.position(Column::Brand), self.position(Column::Model)];
        wanted.into_iter().flatten().all(|column| filled.contains(&column))
    }
}

/// Takes the headers out of a page's lines, from top to bottom.
pub(super) fn take_headers(lines: &mut Vec<Line>) -> Vec<Header> {
    let mut headers = Vec::new();
    for height in 1..=3 {
        let mut at = 0;
        while let Some(window) = lines.get(at..at + height) {
            let close = window.windows(2).all(|pair| matches!(pair, [a, b] if b.y - a.y < LEADING * a.em));
            let names = |window: &[Line]| header_cells(window).into_iter().map(|cell| cell.name).collect::<Vec<_>>();
            // A heading over the names may look like names itself.
            let is_heading = || {
                let near = |line: &&Line| window.last().is_some_and(|last| line.y - last.y < 2.0 * LEADING * last.em);
                let mut below = lines.iter().skip(at + height).take(2).filter(near);
                !names_car(&names(window)) && below.any(|line| names_car(&names(std::slice::from_ref(line))))
            };
            if close && names_columns(&names(window)) && !is_heading() {
                let (first, last) = grown(lines, at, at + height - 1);
                let window: Vec<Line> = lines.drain(first..=last).collect();
                let y = (window.first().map_or(0.0, |line| line.y), window.last().map_or(0.0, |line| line.y));
                headers.push(Header { y, cells: header_cells(&window) });
                at = first;
            } else {
                at += 1;
            }
        }
        if !headers.is_empty() {
            break;
        }
    }
    headers
}

/// The rulings beside a place: the nearest one on either side.
fn beside(vertical: &[Edge], x: f64, y: f64, em: f64) -> (f64, f64) {
    let places = || vertical.iter().filter(|edge| edge.from < y && y - em / 2.0 < edge.to).map(|edge| edge.at);
    let left = places().filter(|at| *at < x).fold(f64::NEG_INFINITY, f64::max);
    (left, places().filter(|at| *at > x).fold(f64::INFINITY, f64::min))
}

/// Parts a name into the columns that the line right below a header has under it (`Год выпуска`, below it `с` and `по`), and
/// takes that line away, if it says nothing else.
pub(super) fn part_names(headers: &mut [Header], lines: &mut Vec<Line>, vertical: &[Edge]) {
    for header in headers {
        let is_near = |line: &Line| line.y > header.y.1 && line.y - header.y.1 < LEADING * line.em;
        let Some(at) = lines.iter().position(is_near) else { continue };
        let Some(line) = lines.get(at) else { continue };
        let part = |(at, cell): (usize, &HeaderCell)| -> Vec<HeaderCell> {
            let (left, right) = beside(vertical, (cell.x0 + cell.x1) / 2.0, header.y.0, line.em);
            let before = at.checked_sub(1).and_then(|before| header.cells.get(before));
            let left = left.max(before.map_or(0.0, |cell| cell.x1));
            let right = right.min(header.cells.get(at + 1).map_or(f64::INFINITY, |cell| cell.x0));
            let is_car = matches!(Column::from_header(&cell.name), Some(Column::Id | Column::Brand | Column::Model));
            let is_under = |run: &&TextRun| !is_car && left < run.x0 && run.x1 < right;
            let name = |run: &TextRun| {
                let own = run.text();
                let name = if Column::from_header(&own).is_some() { own } else { format!("{} {own}", cell.name) };
                HeaderCell { name, x0: run.x0, x1: run.x1 }
            };
            line.runs.iter().filter(is_under).map(name).collect()
        };
        let parts: Vec<Vec<HeaderCell>> = header.cells.iter().enumerate().map(part).collect();
        let parted = parts.iter().filter(|part| part.len() > 1).map(Vec::len).sum::<usize>();
        let is_name = |run: &TextRun| {
            let text = run.text();
            text.chars().count() <= MAX_PART && !text.contains(|ch: char| ch.is_ascii_digit())
        };
        let says_more = !line.runs.iter().all(is_name);
        if parted == 0 || parted < line.runs.len() || says_more {
            continue;
        }
        header.y.1 = line.y;
        let cells = std::mem::take(&mut header.cells).into_iter().zip(parts);
        header.cells = cells.flat_map(|(cell, parts)| if parts.len() > 1 { parts } else { vec![cell] }).collect();
        lines.remove(at);
    }
}

/// Gives the columns below a common heading its words (`Год выпуска` over `с` and `по`), if the line right above a header has
/// some: between the rulings beside it, or else over names that mean nothing by themselves.
pub(super) fn add_headings(headers: &mut [Header], lines: &[Line], vertical: &[Edge]) {
    let known = |cell: &HeaderCell| Column::from_header(&cell.name).is_some();
    for header in headers {
        let is_near = |line: &&Line| line.y < header.y.0 && header.y.0 - line.y < LEADING * line.em;
        let Some(line) = lines.iter().filter(is_near).max_by(|a, b| a.y.total_cmp(&b.y)) else { continue };
        for run in &line.runs {
            let centre = (run.x0 + run.x1) / 2.0;
            let (left, right) = beside(vertical, centre, line.y, line.em);
            let under = |cell: &HeaderCell| left < cell.x0 && cell.x1 < right;
            let groups = header.cells.chunk_by_mut(|a, b| !known(a) && !known(b) && under(a) && under(b));
            for group in groups.filter(|group| group.len() > 1) {
                let (first, last) =
                    (group.first().map_or(0.0, |cell| cell.x0), group.last().map_or(0.0, |cell| cell.x1));
                if (first - run.x0).abs() < run.em || (first..last).contains(&centre) {
                    group.iter_mut().for_each(|cell| cell.name = format!("{} {}", run.text(), cell.name));
                }
            }
        }
    }
}

/// Extends a header over the lines that complete its names ("Год" over "выпуска"): first upwards, then downwards.
fn grown(lines: &[Line], mut first: usize, mut last: usize) -> (usize, usize) {
    let known = |cell: &HeaderCell| Column::from_header(&cell.name).is_some();
    let completes = |new: usize, from: usize, to: usize, old: std::ops::RangeInclusive<usize>| {
        let (Some(new), Some(window), Some(old)) = (lines.get(new), lines.get(from..=to), lines.get(old)) else {
            return false;
        };
        let near = window.windows(2).all(|pair| matches!(pair, [a, b] if b.y - a.y < LEADING * a.em));
        let (cells, before) = (header_cells(window), header_cells(old));
        let names = |run: &TextRun| cells.iter().any(|cell| overlaps(cell, run) && known(cell));
        // Two names under one are two columns.
        let is_apart = |pair: &[TextRun]| match pair {
            [a, b] => b.x0 - a.x1 > WIDE_GAP * a.em && before.iter().any(|cell| overlaps(cell, a) && overlaps(cell, b)),
            _ => false,
        };
        if new.runs.windows(2).any(is_apart) {
            return false;
        }
        let keeps = cells.iter().filter(|cell| known(cell)).count() >= before.iter().filter(|cell| known(cell)).count();
        near && keeps && new.runs.iter().all(names)
    };
    if let Some(above) = first.checked_sub(1).filter(|above| completes(*above, *above, last, first..=last)) {
        first = above;
    }
    if completes(last + 1, first, last + 1, first..=last) {
        last += 1;
    }
    (first, last)
}

fn overlaps(cell: &HeaderCell, run: &TextRun) -> bool {
    run.x0 < cell.x1 && cell.x0 < run.x1
}

/// The header cells these lines would make: words that stand close or above one another are one name; icons are none.
fn header_cells(lines: &[Line]) -> Vec<HeaderCell> {
    let mut cells: Vec<HeaderCell> = Vec::new();
    for line in lines {
        let is_word = |run: &&TextRun| run.text().contains(|ch: char| ch.is_alphanumeric() || matches!(ch, '№' | '#'));
        for run in line.runs.iter().filter(is_word) {
            // Two names that are whole by themselves are two columns, however close they stand.
            let is_name = |name: &str| Column::from_header(name).is_some();
            let close = |cell: &HeaderCell| {
                let follows = (run.x0 - cell.x1).abs() < WIDE_GAP * run.em;
                overlaps(cell, run) || (follows && !(is_name(&cell.name) && is_name(&run.text())))
            };
            match cells.iter_mut().find(|cell| close(cell)) {
                Some(cell) => {
                    cell.name = format!("{} {}", cell.name, run.text());
                    (cell.x0, cell.x1) = (cell.x0.min(run.x0), cell.x1.max(run.x1));
                }
                None => cells.push(HeaderCell { name: run.text(), x0: run.x0, x1: run.x1 }),
            }
        }
    }
    cells.sort_by(|a, b| a.x0.total_cmp(&b.x0));
    cells
}

/// The column names of a line that holds nothing else.
pub(super) fn only_names(line: &Line) -> Option<Vec<String>> {
    let cells = header_cells(std::slice::from_ref(line));
    let all_known = !cells.is_empty() && cells.iter().all(|cell| Column::from_header(&cell.name).is_some());
    all_known.then(|| cells.into_iter().map(|cell| cell.name).collect())
}

#[cfg(test)]
mod tests {
    use super::super::lines::lines;
    use super::super::text_run::Glyph;
    use super::*;

    /// Words of 10-point text, five points a letter.
    fn page(words: &[(f64, f64, &str)]) -> Vec<Line> {
        let run = |(x, y, text): &(f64, f64, &str)| {
            let x1 = x + 5.0 * text.chars().count() as f64;
            TextRun::new(&[Glyph { text: text.to_string(), x0: *x, x1, operation: 0 }], *y, 10.0)
        };
        lines(words.iter().filter_map(run).collect())
    }

    fn names(header: &Header) -> Vec<&str> {
        header.cells.iter().map(|cell| cell.name.as_str()).collect()
    }

    #[test]
    fn a_header_in_two_lines_is_one() {
        let mut lines = page(&[
            (0.0, 50.0, "ID"),
            (50.0, 50.0, "Марка"),
            (120.0, 50.0, "Модель"),
            (180.0, 44.0, "Год"),
            (180.0, 56.0, "выпуска"),
            (0.0, 70.0, "1"),
            (50.0, 70.0, "Кедр"),
            (120.0, 70.0, "А6"),
            (180.0, 70.0, "2018"),
        ]);
        let headers = take_headers(&mut lines);
        assert_eq!(names(&headers[0]), ["ID", "Марка", "Модель", "Год выпуска"]);
        assert_eq!(lines.len(), 1);
    }

    #[test]
    fn names_that_stand_close_are_two_columns_and_icons_are_none() {
        let words = [(0.0, 50.0, "ID"), (14.0, 50.0, "Марка"), (60.0, 50.0, "\u{e001}"), (70.0, 50.0, "Модель")];
        assert_eq!(names(&take_headers(&mut page(&words))[0]), ["ID", "Марка", "Модель"]);
    }
}
