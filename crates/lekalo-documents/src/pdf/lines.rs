//! Lines of text, and what stands on every page but belongs to no table.

use std::collections::{HashMap, HashSet};

use super::PdfError;
use super::glyphs::{Edge, PageMarks};
use super::header::{Header, add_headings, only_names, part_names, take_headers};
use super::text_run::TextRun;
use crate::table::Column;

/// Lines of one cell stand no further apart, in em.
pub(super) const LEADING: f64 = 1.8;
/// A running header or footer stands on at least this share of the pages.
const RUNNING_SHARE: f64 = 0.6;

/// Runs on one baseline, from left to right.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub y: f64,
    pub em: f64,
    pub runs: Vec<TextRun>,
}

impl Line {
    /// What it says, its runs parted by ` | `.
    pub(super) fn text(&self) -> String {
        self.runs.iter().map(TextRun::text).collect::<Vec<_>>().join(" | ")
    }
}

/// A page's part of the table.
#[derive(Debug, Clone, Default)]
pub(super) struct TablePage {
    pub number: i32,
    /// Headers from top to bottom; a page may have none.
    pub headers: Vec<Header>,
    /// All other lines from top to bottom.
    pub lines: Vec<Line>,
    /// Those that are none of the table's: titles, and what runs along.
    pub around: Vec<Line>,
    pub vertical: Vec<Edge>,
    pub horizontal: Vec<Edge>,
}

/// Finds the headers and leaves out what stands above them and what runs along on the pages.
///
/// # Errors
/// No header at all, another table's header, or columns that run onto separate pages.
pub(super) fn table_pages(marks: Vec<PageMarks>) -> Result<Vec<TablePage>, PdfError> {
    let mut pages: Vec<TablePage> = marks.into_iter().map(table_page).collect();
    let Some(first) = pages.iter().find_map(|page| page.headers.first()).cloned() else {
        return Err(no_header(&pages));
    };
    let kinds = |header: &Header| header.cells.iter().map(|cell| Column::from_header(&cell.name)).collect::<Vec<_>>();
    for page in &pages {
        if let Some(other) = page.headers.iter().find(|header| kinds(header) != kinds(&first)) {
            let first_line = other.cells.iter().map(|cell| cell.name.as_str()).collect::<Vec<_>>().join(" | ");
            return Err(PdfError::PageOutsideTable { page: page.number, first_line });
        }
    }
    drop_outside(&mut pages, &first);
    for page in pages.iter().filter(|page| page.headers.is_empty()) {
        if let Some(names) = page.lines.first().and_then(only_names) {
            return Err(PdfError::ColumnsOnSeparatePages { page: page.number, columns: names.join(", ") });
        }
    }
    Ok(pages)
}

fn table_page(marks: PageMarks) -> TablePage {
    let mut lines = lines(marks.runs);
    let mut headers = take_headers(&mut lines);
    add_headings(&mut headers, &lines, &marks.vertical);
    part_names(&mut headers, &mut lines, &marks.vertical);
    let (vertical, horizontal) = (marks.vertical, marks.horizontal);
    TablePage { number: marks.number, headers, lines, around: Vec::new(), vertical, horizontal }
}

/// Gathers runs into lines by their baselines.
pub(super) fn lines(mut runs: Vec<TextRun>) -> Vec<Line> {
    runs.sort_by(|a, b| a.y.total_cmp(&b.y));
    let mut lines: Vec<Line> = Vec::new();
    for run in runs {
        match lines.last_mut() {
            Some(line) if run.y - line.y <= 0.25 * line.em.max(run.em) => {
                line.em = line.em.max(run.em);
                line.runs.push(run);
            }
            _ => lines.push(Line { y: run.y, em: run.em, runs: vec![run] }),
        }
    }
    for line in &mut lines {
        line.runs.sort_by(|a, b| a.x0.total_cmp(&b.x0));
    }
    lines
}

/// Leaves out the lines above a page's header, and the running headers and footers.
///
/// Data may repeat at one height from page to page too, so only lines that stand apart from the rows can be running.
fn drop_outside(pages: &mut [TablePage], header: &Header) {
    let key = |line: &Line, shift: i64| (line.y.round() as i64 + shift, masked(&line.text()));
    let mut seen_on: HashMap<(i64, String), usize> = HashMap::new();
    for page in pages.iter() {
        let keys: HashSet<_> = page.lines.iter().flat_map(|line| (-1..=1).map(|shift| key(line, shift))).collect();
        for key in keys {
            *seen_on.entry(key).or_default() += 1;
        }
    }
    let page_count = pages.len();
    let runs = |line: &Line| {
        let on = seen_on.get(&key(line, 0)).copied().unwrap_or(0);
        page_count > 1 && on > 1 && on as f64 >= RUNNING_SHARE * page_count as f64
    };
    // What is between a table's own rulings does not run along, however alike pages are.
    let is_inside = |vertical: &[Edge], line: &Line| {
        let y = line.y - 0.3 * line.em;
        let beside = vertical.iter().filter(|edge| edge.from < y && y < edge.to).map(|edge| edge.at);
        let (left, right) =
            beside.fold((f64::INFINITY, f64::NEG_INFINITY), |(left, right), at| (left.min(at), right.max(at)));
        let x = |run: Option<&TextRun>| run.map_or(f64::NAN, |run| (run.x0 + run.x1) / 2.0);
        left < x(line.runs.first()) && x(line.runs.last()) < right
    };
    let mut header = header.clone();
    for page in pages {
        // A page without a header has the columns of the one before.
        if let Some(own) = page.headers.first() {
            header = own.clone();
        }
        let first_row = page.lines.iter().position(|line| header.is_row(line)).unwrap_or(page.lines.len());
        let last_row = page.lines.iter().rposition(|line| header.is_row(line)).unwrap_or(0);
        // Rows may stand further apart than the lines of a cell: what stands apart from them does so by more.
        let rows = page.lines.get(first_row..=last_row).unwrap_or_default();
        let pitch = rows.windows(2).filter_map(|pair| Some(pair.last()?.y - pair.first()?.y)).fold(0.0, f64::max);
        let apart = |a: Option<&Line>, b: Option<&Line>| matches!((a, b), (Some(a), Some(b)) if b.y - a.y > (LEADING * a.em).max(1.3 * pitch));
        let header_y = page.headers.first().map(|header| header.y.0);
        // Walking outwards from the rows, everything beyond the first wide gap stands apart.
        let top = (1..=first_row.min(page.lines.len().saturating_sub(1)))
            .rfind(|at| apart(page.lines.get(at - 1), page.lines.get(*at)))
            .unwrap_or(0);
        let bottom = (last_row + 1..page.lines.len())
            .find(|at| apart(page.lines.get(at - 1), page.lines.get(*at)))
            .unwrap_or(page.lines.len());
        let mut at = 0;
        let (around, lines) = std::mem::take(&mut page.lines).into_iter().partition(|line| {
            let index = at;
            at += 1;
            let above_header = header_y.is_some_and(|y| line.y < y) && index < first_row;
            above_header || (index < top || index >= bottom) && runs(line) && !is_inside(&page.vertical, line)
        });
        (page.around, page.lines) = (around, lines);
    }
}

/// The text with every number replaced by one mark.
fn masked(text: &str) -> String {
    let mut masked = String::new();
    for ch in text.chars() {
        match ch {
            _ if ch.is_ascii_digit() && masked.ends_with('#') => {}
            _ if ch.is_ascii_digit() => masked.push('#'),
            _ => masked.push(ch),
        }
    }
    masked
}

/// Why no header was found: make and model stand on separate pages, or nowhere.
fn no_header(pages: &[TablePage]) -> PdfError {
    let mut named = HashSet::new();
    for page in pages {
        let Some(names) = page.lines.iter().find_map(only_names) else {
            continue;
        };
        named.extend(names.iter().filter_map(|name| Column::from_header(name)));
        if named.contains(&Column::Brand) && named.contains(&Column::Model) {
            return PdfError::ColumnsOnSeparatePages { page: page.number, columns: names.join(", ") };
        }
    }
    let first_lines = pages.iter().flat_map(|page| &page.lines).take(3);
    let first_lines = first_lines.map(|line| format!("\"{}\"", line.text().chars().take(80).collect::<String>()));
    PdfError::NoHeader { first_lines: first_lines.collect::<Vec<_>>().join(", ") }
}

/// Lines of text for tests: five points a letter.
#[cfg(test)]
pub(super) mod made {
    use super::super::text_run::Glyph;
    use super::*;

    pub(in crate::pdf) fn run(text: &str, x0: f64, operation: usize) -> TextRun {
        let glyph = |(index, ch): (usize, char)| {
            let x0 = x0 + 5.0 * index as f64;
            Glyph { text: ch.into(), x0, x1: x0 + 5.0, operation }
        };
        TextRun::new(&text.chars().enumerate().map(glyph).collect::<Vec<_>>(), 0.0, 10.0).unwrap()
    }

    pub(in crate::pdf) fn line(runs: &[(&str, f64)]) -> Line {
        Line { y: 0.0, em: 10.0, runs: runs.iter().enumerate().map(|(op, (text, x))| run(text, *x, op)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::text_run::Glyph;
    use super::*;

    /// Words of 10-point text, five points a letter.
    fn marks(number: i32, words: &[(f64, f64, &str)]) -> PageMarks {
        let run = |(x, y, text): &(f64, f64, &str)| {
            let x1 = x + 5.0 * text.chars().count() as f64;
            TextRun::new(&[Glyph { text: text.to_string(), x0: *x, x1, operation: 0 }], *y, 10.0)
        };
        PageMarks { number, runs: words.iter().filter_map(run).collect(), ..PageMarks::default() }
    }

    #[test]
    fn running_lines_go_and_alike_rows_stay() {
        let page = |number: i32, footer: &'static str| {
            let head = [(0.0, 20.0, "Прайс"), (0.0, 50.0, "ID"), (50.0, 50.0, "Марка"), (120.0, 50.0, "Модель")];
            let rows = [(0.0, 70.0, "1"), (50.0, 70.0, "Кедр"), (120.0, 70.0, "А6"), (120.0, 82.0, "левый руль")];
            marks(number, &[&head[..], &rows, &[(90.0, 300.0, footer)]].concat())
        };
        let pages = table_pages(vec![page(1, "Стр. 1"), page(2, "Стр. 2"), page(3, "Стр. 13")]).unwrap();
        for page in pages {
            assert_eq!(page.lines.iter().map(Line::text).collect::<Vec<_>>(), ["1 | Кедр | А6", "левый руль"]);
        }
    }

    #[test]
    fn columns_on_separate_pages_are_an_error() {
        let left = marks(1, &[(0.0, 20.0, "ID"), (50.0, 20.0, "Марка"), (120.0, 20.0, "Модель"), (0.0, 40.0, "1")]);
        let right = marks(2, &[(0.0, 20.0, "Год"), (50.0, 20.0, "Описание"), (0.0, 40.0, "2018")]);
        let error = table_pages(vec![left, right]).unwrap_err();
        assert_eq!(error, PdfError::ColumnsOnSeparatePages { page: 2, columns: "Год, Описание".into() });
    }
}
