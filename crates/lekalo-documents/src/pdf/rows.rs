//! Lines into rows, and runs into cells.
//!
//! Between two horizontal rulings stands one row. Without rulings, a line with an ID begins a row's neighbourhood: the lines
//! between two such lines part at the widest gap.

use super::PdfError;
use super::bands::{BodyLine, Cells, bands};
use super::cells::cell_text;
use super::columns::Columns;
use super::header::Header;
use super::lines::{Line, TablePage};
use super::text_run::TextRun;
use crate::blocks::Blocks;
use crate::notice::{Notice, NoticeKind};
use crate::table::{Column, HeaderRow, Table, TableRow};

/// Gaps that differ by less, in em, are equally wide.
const SAME_GAP: f64 = 0.1;
/// So many lines may be the rest of a row that goes on on a page without rows.
const MAX_REST: usize = 6;
/// After a wider gap than this, in em, a line without an ID is not part of the row above.
const FAR: f64 = 2.6;

/// Reads all pages' rows.
///
/// # Errors
/// No rows, or a page whose rows cannot be told apart.
pub(super) fn table(pages: &[TablePage], geometry: &[Columns]) -> Result<Table, PdfError> {
    let mut table = Table::default();
    if let Some(columns) = geometry.first() {
        table.header = columns.header.names();
    }
    let mut rows: Vec<(i32, Cells)> = Vec::new();
    let begin = pages.iter().position(|page| !page.headers.is_empty()).unwrap_or(0);
    for (index, (page, columns)) in pages.iter().zip(geometry).enumerate() {
        let read = match page_rows(page, columns, !rows.is_empty()) {
            // A cover's lines need not be rows.
            Err(_) if index < begin => PageRows::default(),
            read => read?,
        };
        let is_beside = page.headers.is_empty() && !read.own.iter().any(|row| is_row(row, &columns.header));
        // A page without rows is none of the table's, unless the last row of the page before ends on it.
        if is_beside && !(read.own.is_empty() && is_rest_of_row(&read.continued, columns)) {
            passed_over(page, &mut table.notices);
            continue;
        }
        table
            .headers
            .extend(page.headers.iter().map(|header| HeaderRow { page_number: page.number, cells: header.names() }));
        let around: Vec<Line> = page.around.iter().cloned().chain(read.around).collect();
        if !around.is_empty() {
            let notice = Notice::new(NoticeKind::AroundTable, page.number, around.len(), &joined(&around));
            notice.add_to(&mut table.notices);
        }
        if let Some((_, last)) = rows.last_mut() {
            append(last, read.continued);
        }
        rows.extend(read.own.into_iter().map(|cells| (page.number, cells)));
    }
    if rows.is_empty() {
        return Err(PdfError::NoRows { header_page: table.headers.first().map_or(1, |header| header.page_number) });
    }
    for (page_number, cells) in rows {
        let row_number = match table.rows.last() {
            Some(row) if row.page_number == page_number => row.row_number + 1,
            _ => 1,
        };
        table.rows.push(TableRow { page_number, row_number, cells: cells.into_iter().map(cell_text).collect() });
    }
    Ok(Blocks::unfold(table))
}

/// Tells of a page that is none of the table's.
fn passed_over(page: &TablePage, notices: &mut Vec<Notice>) {
    let lines: Vec<Line> = page.around.iter().chain(&page.lines).cloned().collect();
    let kind = if lines.is_empty() { NoticeKind::PageWithoutText } else { NoticeKind::PageWithoutTable };
    Notice::new(kind, page.number, lines.len(), &joined(&lines)).add_to(notices);
}

fn joined(lines: &[Line]) -> String {
    lines.iter().map(Line::text).collect::<Vec<_>>().join(" / ")
}

/// Whether a page's row is one that a page without a header may have: it has an ID and something else.
fn is_row(row: &Cells, header: &Header) -> bool {
    let filled = row.iter().filter(|cell| !cell.is_empty()).count();
    filled > 1 && header.id_columns().into_iter().any(|id| row.get(id).is_some_and(|cell| !cell.is_empty()))
        || is_rest(row, header)
}

/// Whether all that is on a page may be the rest of the row before: a few lines, each within a column.
fn is_rest_of_row(lines: &[BodyLine], columns: &Columns) -> bool {
    let within = |(column, cell): (usize, &Vec<TextRun>)| cell.iter().all(|run| columns.holds(column, run));
    (1..=MAX_REST).contains(&lines.len())
        && lines.iter().all(|line| !line.has_id && line.cells.iter().enumerate().all(within))
}

fn has_id(row: &Cells, header: &Header) -> bool {
    row.get(header.id_column()).is_some_and(|cell| !cell.is_empty())
}

/// The lines of a row after those it has; their heights are made to follow, since they stand on another page.
fn append(row: &mut Cells, more: Vec<BodyLine>) {
    let bottom = row.iter().flatten().map(|run| run.y).fold(0.0, f64::max);
    for line in more {
        for (cell, runs) in row.iter_mut().zip(line.cells) {
            cell.extend(runs.into_iter().map(|run| TextRun { y: run.y + bottom + run.em, ..run }));
        }
    }
}

/// What a page holds.
#[derive(Default)]
struct PageRows {
    /// The lines that continue the last row of the page before.
    continued: Vec<BodyLine>,
    own: Vec<Cells>,
    /// Lines that are of no row.
    around: Vec<Line>,
}

/// The page's own rows, after the lines that continue the last row of the page before.
///
/// # Errors
/// Neither rulings nor IDs tell the rows apart.
fn page_rows(page: &TablePage, columns: &Columns, may_continue: bool) -> Result<PageRows, PdfError> {
    let (mut continued, mut rows) = (Vec::new(), Vec::new());
    let (bands, mut around) = bands(page, columns);
    for band in bands {
        let first = rows.is_empty() && continued.is_empty();
        if band.closed && rows_in(&band.lines, &columns.header) < 2 {
            let row = merged(&band.lines);
            if first && may_continue && continues(&row, &columns.header) {
                continued = band.lines;
            } else {
                rows.push(row);
            }
        } else {
            let Parted { before, rows: own, after } = by_ids(band.lines, &columns.header);
            around.extend(after.iter().map(BodyLine::line));
            if first && may_continue {
                continued = before;
            } else if let Some(row) =
                own.is_empty().then(|| merged(&before)).filter(|row| is_rest(row, &columns.header))
            {
                rows.push(row);
            } else {
                around.extend(before.iter().map(BodyLine::line));
            }
            let without_id = own.iter().filter(|lines| !lines.iter().any(|line| line.has_id)).count();
            if 2 * without_id > own.len() {
                return Err(PdfError::RowsUnclear { page: page.number });
            }
            rows.extend(own.iter().map(|lines| merged(lines)));
        }
    }
    Ok(PageRows { continued, own: rows, around })
}

/// How many rows the lines between two rulings are: those with an ID and more, and where the table has no IDs, no more than say
/// a year. A word may break off in every column of a row, and its second half looks like an ID.
fn rows_in(lines: &[BodyLine], header: &Header) -> usize {
    let whole = lines.iter().filter(|line| line.has_id && line.filled() >= 3.min(header.cells.len())).count();
    let year = header.position(Column::Year).filter(|_| header.position(Column::Id).is_none());
    let Some(year) = year else { return whole };
    let years: Vec<String> = lines.iter().map(|line| line.text(year)).filter(|text| !text.is_empty()).collect();
    let goes_on = |text: &String| text.len() > 1 && text.ends_with(['-', '–', '—']);
    let ends = years.iter().filter(|text| !goes_on(text)).count();
    if years.is_empty() { whole } else { whole.min(ends.max(1)) }
}

/// Whether a band at the top of a page is the rest of the row before: no ID, and something else is empty too.
fn continues(row: &Cells, header: &Header) -> bool {
    !has_id(row, header) && row.iter().filter(|cell| cell.is_empty()).count() >= 2.min(row.len())
}

/// Whether lines outside of all bands are a row all the same: they name a brand and a model.
fn is_rest(row: &Cells, header: &Header) -> bool {
    let filled = |column| header.position(column).and_then(|at| row.get(at)).is_some_and(|cell| !cell.is_empty());
    filled(Column::Brand) && filled(Column::Model)
}

fn merged(lines: &[BodyLine]) -> Cells {
    let mut row: Cells = Vec::new();
    for line in lines {
        row.resize(row.len().max(line.cells.len()), Vec::new());
        for (cell, runs) in row.iter_mut().zip(&line.cells) {
            cell.extend(runs.iter().cloned());
        }
    }
    row
}

/// Lines that are parted into rows.
#[derive(Default)]
struct Parted {
    /// The lines before the first row.
    before: Vec<BodyLine>,
    rows: Vec<Vec<BodyLine>>,
    /// The lines that stand apart from the last one.
    after: Vec<BodyLine>,
}

/// Parts lines into rows by their IDs.
fn by_ids(body: Vec<BodyLine>, header: &Header) -> Parted {
    let starts = starts(&body, header);
    let gap = |at: usize| match (at.checked_sub(1).and_then(|above| body.get(above)), body.get(at)) {
        (Some(above), Some(line)) => line.y - above.y,
        _ => 0.0,
    };
    let em = body.first().map_or(1.0, |line| line.em);
    // The first line of each row but the first: after the widest gap between two IDs, the last of several.
    let mut firsts: Vec<usize> = Vec::new();
    for pair in starts.windows(2) {
        let [above, below] = pair else { continue };
        let widest = (above + 1..=*below).map(gap).fold(0.0, f64::max);
        firsts.extend((above + 1..=*below).rfind(|at| gap(*at) > widest - SAME_GAP * em));
    }
    let (Some(first_start), Some(last_start)) = (starts.first(), starts.last()) else {
        return Parted { before: body, ..Parted::default() };
    };
    // What tells two rows from two lines of one: more than half-way between the usual distances of either.
    let mut row_gaps: Vec<f64> = firsts.iter().map(|at| gap(*at)).collect();
    row_gaps.sort_by(f64::total_cmp);
    let row_gap = row_gaps.get(row_gaps.len() / 2).copied().unwrap_or(1.5 * em);
    let inner = (first_start + 1..=*last_start).filter(|at| !firsts.contains(at)).map(gap);
    // (A row's ID may stand half-way between two lines of its text.)
    let leading = inner.filter(|gap| *gap > 0.9 * em).fold(f64::INFINITY, f64::min).min(1.2 * em);
    let apart_from = if row_gap > leading + 0.05 * em { (leading + row_gap) / 2.0 } else { 0.9 * row_gap };
    let begin = (1..=*first_start).rfind(|at| gap(*at) >= apart_from).unwrap_or(0);
    // Below the last row: text that stands as far away as another row would is none of its lines.
    let apart = |at: &usize| gap(*at) > FAR * em || (gap(*at) >= apart_from && gap(*at) > 1.5 * em);
    let end = (last_start + 1..body.len()).find(apart).unwrap_or(body.len());
    let cuts: Vec<usize> = std::iter::once(begin).chain(firsts).chain([end]).collect();
    let rows =
        cuts.windows(2).filter_map(|pair| body.get(*pair.first()?..*pair.last()?)).map(<[BodyLine]>::to_vec).collect();
    let part = |range: std::ops::Range<usize>| body.get(range).unwrap_or_default().to_vec();
    Parted { before: part(0..begin), rows, after: part(end..body.len()) }
}

/// The lines that tell a row: those with an ID, and those that fill every other cell, or brand and model at a row's distance.
fn starts(body: &[BodyLine], header: &Header) -> Vec<usize> {
    let ids: Vec<&BodyLine> = body.iter().filter(|line| line.has_id).collect();
    let pitch = ids.windows(2).filter_map(|pair| Some(pair.last()?.y - pair.first()?.y)).fold(f64::INFINITY, f64::min);
    let named = |line: &BodyLine| {
        [Column::Brand, Column::Model].into_iter().all(|column| header.position(column).is_some_and(|at| line.has(at)))
    };
    let is_start = |line: &BodyLine| {
        let nearest = ids.iter().map(|other| (other.y - line.y).abs()).fold(f64::INFINITY, f64::min);
        let without_id = line.filled() + 1 >= line.cells.len() && nearest >= 0.9 * line.em;
        line.has_id || without_id || (named(line) && nearest >= 0.85 * pitch && pitch > 1.5 * line.em)
    };
    (0..body.len()).filter(|at| body.get(*at).is_some_and(is_start)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::header::HeaderCell;
    use super::super::text_run::Glyph;
    use super::*;

    const NAMES: [&str; 4] = ["ID", "Марка", "Модель", "Описание"];

    fn header() -> Header {
        let cell = |(at, name): (usize, &&str)| {
            let x0 = 100.0 * at as f64;
            HeaderCell { name: name.to_string(), x0, x1: x0 + 30.0 }
        };
        Header { y: (0.0, 0.0), cells: NAMES.iter().enumerate().map(cell).collect() }
    }

    /// Lines of 10-point text, each with its height and one letter for a filled cell.
    fn body(lines: &[(f64, &str)]) -> Vec<BodyLine> {
        let columns = Columns { header: header(), boundaries: vec![90.0, 190.0, 290.0] };
        let run = |y: f64, (at, ch): (usize, char)| {
            let x0 = 100.0 * at as f64;
            let glyph = Glyph { text: ch.to_string(), x0, x1: x0 + 5.0, operation: at };
            TextRun::new(&[glyph], y, 10.0)
        };
        let line = |(y, cells): &(f64, &str)| {
            let runs = cells.chars().enumerate().filter_map(|cell| run(*y, cell)).collect();
            BodyLine::new(&Line { y: *y, em: 10.0, runs }, &columns, &columns.header.id_columns())
        };
        lines.iter().map(line).collect()
    }

    fn heights(rows: &[Vec<BodyLine>]) -> Vec<Vec<f64>> {
        rows.iter().map(|row| row.iter().map(|line| line.y).collect()).collect()
    }

    #[test]
    fn lines_between_two_ids_part_at_the_widest_gap() {
        let top = body(&[(20.0, "1abc"), (31.0, "   d"), (50.0, "2abc"), (61.0, "   d")]);
        let Parted { before, rows, .. } = by_ids(top, &header());
        assert!(before.is_empty());
        assert_eq!(heights(&rows), [[20.0, 31.0], [50.0, 61.0]]);
        let bottom = body(&[(20.0, "   d"), (31.0, "1abc"), (50.0, "   d"), (61.0, "2abc")]);
        assert_eq!(heights(&by_ids(bottom, &header()).rows), [[20.0, 31.0], [50.0, 61.0]]);
    }

    #[test]
    fn lines_a_row_away_continue_the_page_before_and_a_footer_is_no_row() {
        let lines = body(&[(20.0, "   d"), (40.0, "1abc"), (60.0, "2abc"), (71.0, "   d"), (150.0, "  f ")]);
        let Parted { before, rows, after } = by_ids(lines, &header());
        assert_eq!(heights(&[before, after]), [[20.0], [150.0]]);
        assert_eq!(heights(&rows), [vec![40.0], vec![60.0, 71.0]]);
    }

    #[test]
    fn a_row_without_an_id_is_still_a_row() {
        let Parted { rows, .. } = by_ids(body(&[(20.0, "1abc"), (40.0, " abc"), (60.0, "3a c")]), &header());
        assert_eq!(heights(&rows), [[20.0], [40.0], [60.0]]);
    }
}
