//! Lines of cells → the rows of a table: finds the line that names the columns, keeps what stands above it, and bounds the whole.

use super::table::{Column, HeaderRow, Table, TableRow};
use crate::ExtractError;
use crate::blocks::Blocks;
use crate::heading::{HeadLine, names_columns};
use crate::notice::{Notice, NoticeKind};

/// How many lines may precede the header (a title, the shop's address).
pub(crate) const HEADER_SEARCH: usize = 20;

/// The widest line.
pub(crate) const MAX_COLUMNS: usize = 256;
/// A longer text is no model's name, in characters.
const MAX_MODEL: usize = 25;
/// Rows times columns: far above any real price list (a thousand rows of five columns).
const MAX_CELLS: usize = 10_000_000;

/// What it means when a line has text to the right of the last named column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overhang {
    /// A separator inside a cell that should have been quoted: the line would be misread.
    Misread,
    /// A remark beside the table: it gets a column without a name.
    Remark,
}

/// Tells what each line is: nothing, a header, or a row of the table, which it gives to whoever keeps the rows or does not.
pub(crate) struct Grid {
    page_number: i32,
    overhang: Overhang,
    max_cells: usize,
    /// Lines with text before the header is found.
    above: Vec<HeadLine>,
    /// None before it is found.
    shape: Option<Shape>,
}

/// A line of a file or sheet.
pub(crate) struct GridLine {
    /// Its number there, and that of its end, where a cell has several lines.
    pub(crate) number: u64,
    pub(crate) end: u64,
    pub(crate) cells: Vec<String>,
    /// Where cells are merged across columns: the first and the last of them.
    pub(crate) spans: Vec<(usize, usize)>,
}

/// What is known of a table beside its rows.
pub(crate) struct Shape {
    pub(crate) header: Vec<String>,
    pub(crate) headers: Vec<HeaderRow>,
    /// How many rows there are.
    pub(crate) rows: usize,
    /// What follows the table, if anything does.
    pub(crate) below: Option<Notice>,
    /// Which columns have text in one of them.
    has_text: Vec<bool>,
    /// The line that names the columns.
    named: HeadLine,
    /// Where the last line ended.
    end: u64,
    /// How many rows there were when the lines of `below` began.
    rows_above: usize,
}

impl Grid {
    /// An empty one, for this page or sheet.
    pub(crate) fn new(page_number: i32, overhang: Overhang) -> Self {
        Self { page_number, overhang, max_cells: MAX_CELLS, above: Vec::new(), shape: None }
    }

    /// The columns' names, once they are known.
    pub(crate) fn header(&self) -> Option<&[String]> {
        self.shape.as_ref().map(|shape| shape.header.as_slice())
    }

    /// Whether a line names the columns of another table than the one at hand, which has rows.
    pub(crate) fn begins_another(&self, cells: &[String]) -> bool {
        self.shape.as_ref().is_some_and(|shape| shape.rows > 0 && names_others(cells, &shape.named.cells))
    }

    /// Takes the next line, and returns it if it is a row. Lines without text are left out.
    ///
    /// # Errors
    /// When the line does not fit the header, no header comes, or the table grows too large.
    pub(crate) fn push(&mut self, line: GridLine) -> Result<Option<TableRow>, ExtractError> {
        let GridLine { number, end, mut cells, spans } = line;
        while cells.last().is_some_and(String::is_empty) {
            cells.pop();
        }
        if cells.is_empty() {
            return Ok(None);
        }
        if cells.iter().any(|cell| cell.contains('\0')) {
            let message = format!("line {number} holds a zero character, which no text has");
            return Err(ExtractError::new("FILE_DAMAGED", message, "delete it, or save the file again"));
        }
        if cells.len() > MAX_COLUMNS {
            let message = format!("line {number} has {} columns, more than {MAX_COLUMNS}", cells.len());
            return Err(ExtractError::new(
                "LIMIT_EXCEEDED",
                message,
                "delete the columns that are no part of the table",
            ));
        }
        let row = |cells| HeaderRow { page_number: self.page_number, cells };
        match &mut self.shape {
            Some(shape) => {
                let line = HeadLine { number, cells, spans };
                if shape.rows == 0 && shape.named.stands_above(&line) {
                    shape.headers.push(row(line.cells.clone()));
                    shape.header = shape.named.over(&line).unwrap_or_else(|| line.cells.clone());
                    shape.has_text = vec![false; shape.header.len()];
                    (shape.named, shape.end) = (line, end);
                    return Ok(None);
                }
                if shape.rows == 0 && shape.named.is_completed_by(&line) {
                    shape.complete(row(line.cells.clone()), &line);
                    shape.end = end;
                    return Ok(None);
                }
                let cells = shape.take(self.page_number, self.overhang, self.max_cells, number, line.cells)?;
                shape.end = end;
                Ok(Some(TableRow { page_number: self.page_number, row_number: shape.rows as i32, cells }))
            }
            None => {
                let line = HeadLine { number, cells, spans };
                let above = self.above.last().filter(|above| above.number + 1 == number);
                let header = above.and_then(|above| above.over(&line)).filter(|header| names_columns(header));
                let Some(header) = header.or_else(|| names_columns(&line.cells).then(|| line.cells.clone())) else {
                    self.above.push(line);
                    let is_far = self.above.len() > HEADER_SEARCH;
                    return if is_far { Err(no_header(&self.above)) } else { Ok(None) };
                };
                let headers =
                    self.above.drain(..).map(|above| above.cells).chain([line.cells.clone()]).map(row).collect();
                self.shape = Some(Shape {
                    has_text: vec![false; header.len()],
                    header,
                    headers,
                    rows: 0,
                    below: None,
                    named: line,
                    end,
                    rows_above: 0,
                });
                Ok(None)
            }
        }
    }

    /// What the table is like, once all lines are there. Rows past [`Shape::rows`] are none.
    ///
    /// # Errors
    /// When there is no header, or nothing below it.
    pub(crate) fn finish(self) -> Result<Shape, ExtractError> {
        let Some(mut shape) = self.shape else { return Err(no_header(&self.above)) };
        if shape.below.is_some() {
            shape.rows = shape.rows_above;
        }
        if shape.rows == 0 {
            return Err(ExtractError::new(
                "NO_ROWS",
                "the table has a header but no rows below it",
                "check that this is the right file",
            ));
        }
        Ok(shape.without_empty_columns())
    }
}

impl Shape {
    /// Puts the names of a second line below the first one's.
    fn complete(&mut self, row: HeaderRow, below: &HeadLine) {
        // With what a line above has said of them.
        let names = HeadLine { cells: std::mem::take(&mut self.header), ..self.named.clone() };
        self.header = names.over(below).unwrap_or(names.cells);
        self.has_text.resize(self.header.len(), false);
        self.headers.push(row);
    }

    /// A row's cells, as many as there are columns so far.
    fn take(
        &mut self,
        page_number: i32,
        overhang: Overhang,
        max_cells: usize,
        line: u64,
        mut cells: Vec<String>,
    ) -> Result<Vec<String>, ExtractError> {
        let width = self.header.len();
        if names_others(&cells, &self.named.cells) {
            return Err(ExtractError::new(
                "COLUMNS_DIFFER",
                format!("line {line} names other columns ({}) than the header above", excerpt(&cells)),
                "give the whole table the same columns, or put the second table on a sheet or into a file of its own",
            ));
        }
        if cells.len() > width {
            match overhang {
                Overhang::Remark => {
                    self.header.resize(cells.len(), String::new());
                    self.has_text.resize(cells.len(), false);
                }
                Overhang::Misread => {
                    let message = format!(
                        "line {line} has {} cells, but the header names only {width} columns: {}",
                        cells.len(),
                        excerpt(&cells)
                    );
                    let hint = "put cells that contain the separator into quotes, or name the additional columns in the header";
                    return Err(ExtractError::new("FILE_DAMAGED", message, hint));
                }
            }
        }
        if self.rows * self.header.len() >= max_cells {
            let message = format!("the table has more than {max_cells} cells ({} columns)", self.header.len());
            return Err(ExtractError::new(
                "LIMIT_EXCEEDED",
                message,
                "delete columns that are not needed, or split the file",
            ));
        }
        self.note_below(page_number, line, &cells);
        self.rows += 1;
        cells.resize(self.header.len(), String::new());
        self.has_text.iter_mut().zip(&cells).for_each(|(has_text, cell)| *has_text |= !cell.is_empty());
        Ok(cells)
    }

    /// Keeps in mind what may be no row but a note: lines of a single cell, after an empty line, up to the end. A model by
    /// itself is a row, for its make may stand further up.
    fn note_below(&mut self, page_number: i32, line: u64, cells: &[String]) {
        let mut filled = cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty());
        let (Some((at, text)), None) = (filled.next(), filled.next()) else {
            self.below = None;
            return;
        };
        let column = self.header.get(at).and_then(|name| Column::from_header(name));
        let is_model = !matches!(column, None | Some(Column::Id | Column::Brand | Column::Year | Column::Description));
        match &mut self.below {
            Some(below) => below.count += 1,
            None if self.rows == 0 || line <= self.end + 1 => {}
            None if is_model && text.chars().count() <= MAX_MODEL => {}
            None => {
                self.below = Some(Notice::new(NoticeKind::BelowTable, page_number, 1, text));
                self.rows_above = self.rows;
            }
        }
    }

    /// Columns that have neither a name nor text are left out.
    fn without_empty_columns(mut self) -> Self {
        self.has_text.iter_mut().zip(&self.header).for_each(|(has_text, name)| *has_text |= !name.is_empty());
        let mut header = std::mem::take(&mut self.header);
        self.keep(&mut header);
        let mut headers = std::mem::take(&mut self.headers);
        headers.iter_mut().for_each(|row| self.keep(&mut row.cells));
        Self { header, headers, ..self }
    }

    fn keep(&self, cells: &mut Vec<String>) {
        if self.has_text.contains(&false) {
            let mut kept = self.has_text.iter();
            cells.retain(|cell| kept.next().is_none_or(|kept| *kept) || !cell.is_empty());
        }
    }

    /// Gives a row the table's columns: those that came after it, and none that is left out.
    pub(crate) fn fit(&self, mut row: TableRow) -> TableRow {
        row.cells.resize(self.has_text.len(), String::new());
        self.keep(&mut row.cells);
        row
    }

    /// The table of these rows.
    pub(crate) fn table(self, rows: Vec<TableRow>) -> Table {
        let rows = rows.into_iter().take(self.rows).map(|row| self.fit(row)).collect();
        let notices = self.below.into_iter().collect();
        Blocks::unfold(Table { header: self.header, rows, headers: self.headers, notices })
    }
}

/// Whether cells below a header name other columns than it does: among rows, a name of a column may be what somebody wrote there.
fn names_others(cells: &[String], named: &[String]) -> bool {
    use Column::{Brand, Car, Model, Product, Series};
    let has_car = |name: &String| matches!(Column::from_header(name), Some(Brand | Car | Model | Product | Series));
    Column::is_header(cells.iter().map(String::as_str))
        && cells.iter().any(has_car)
        && known_columns(cells) != known_columns(named)
}

/// What each column is about, where that is known.
fn known_columns(header: &[String]) -> Vec<(usize, Column)> {
    let known = |(at, name): (usize, &String)| Some((at, Column::from_header(name)?));
    header.iter().enumerate().filter_map(known).collect()
}

/// A line for a message.
fn excerpt(cells: &[String]) -> String {
    let mut text = String::new();
    for cell in cells.iter().filter(|cell| !cell.is_empty()).take(12) {
        if !text.is_empty() {
            text.push_str(" | ");
        }
        text.extend(cell.chars().take(60).map(|ch| if ch.is_control() { ' ' } else { ch }));
    }
    text
}

fn no_header(lines: &[HeadLine]) -> ExtractError {
    if lines.is_empty() {
        return ExtractError::new("NO_ROWS", "there is no text in it", "check that this is the right file");
    }
    let first: Vec<String> = lines.iter().take(3).map(|line| excerpt(&line.cells)).collect();
    let first: String = first.join(" / ").chars().take(300).collect();
    ExtractError::new(
        "NO_HEADER",
        format!(
            "no table header found: one line must name at least the brand and model columns (\"Марка\", \"Модель\" or \
             \"Make\", \"Model\"); the first lines read are: {first}"
        ),
        "above the first car add a line with the columns' names (ID, Марка, Модель, Год, Описание); delete sheets that \
         are no part of the price list",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(number: u64, line: &str) -> GridLine {
        GridLine { number, end: number, cells: line.split('|').map(str::to_owned).collect(), spans: Vec::new() }
    }

    fn grid(overhang: Overhang, lines: &[&str]) -> Result<Table, ExtractError> {
        let (mut grid, mut rows) = (Grid::new(1, overhang), Vec::new());
        for (number, line) in (1..).zip(lines) {
            rows.extend(grid.push(numbered(number, line))?);
        }
        Ok(grid.finish()?.table(rows))
    }

    fn cells(table: &Table) -> Vec<String> {
        table.rows.iter().map(|row| row.cells.join("|")).collect()
    }

    #[test]
    fn lines_above_the_header_are_kept_as_headers() {
        let table = grid(Overhang::Misread, &["Прайс|2024", "", "Марка|Модель", "Кедр|А6", "|", "Бриз|2"]).unwrap();
        assert_eq!(
            table.headers.iter().map(|row| row.cells.join("|")).collect::<Vec<_>>(),
            ["Прайс|2024", "Марка|Модель"]
        );
        assert_eq!(table.rows.iter().map(|row| row.row_number).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn text_beside_the_table_is_a_column_or_an_error() {
        let lines = ["Марка|Модель", "Кедр|А6|", "Бриз|2||спросить Аню"];
        let table = grid(Overhang::Remark, &lines).unwrap();
        assert_eq!(table.header, ["Марка", "Модель", ""]);
        assert_eq!(cells(&table), ["Кедр|А6|", "Бриз|2|спросить Аню"]);
        let error = grid(Overhang::Misread, &lines).unwrap_err();
        assert!(error.message.contains("line 3 has 4 cells"), "{}", error.message);
    }

    #[test]
    fn a_header_that_comes_again_is_a_row_and_another_one_an_error() {
        let again = ["ID|Марка|Модель", "1|Кедр|А6", "ID|Марка|Модель", "2|Бриз|2"];
        assert_eq!(grid(Overhang::Misread, &again).unwrap().rows.len(), 3);
        let other = ["ID|Марка|Модель", "1|Кедр|А6", "ID|Модель|Марка", "2|2|Бриз"];
        assert_eq!(grid(Overhang::Misread, &other).unwrap_err().code, "COLUMNS_DIFFER");
    }

    #[test]
    fn a_table_is_bounded() {
        let mut tall = Grid { max_cells: 20, ..Grid::new(1, Overhang::Misread) };
        tall.push(numbered(1, "Марка|Модель")).unwrap();
        (0..10).for_each(|_| assert!(tall.push(numbered(2, "Кедр|А6")).unwrap().is_some()));
        assert_eq!(tall.push(numbered(3, "Кедр|А6")).unwrap_err().code, "LIMIT_EXCEEDED");
        let wide = vec!["x".repeat(2); MAX_COLUMNS + 1].join("|");
        assert!(grid(Overhang::Remark, &["Марка|Модель", &wide]).unwrap_err().message.contains("line 2"));
    }

    #[test]
    fn names_of_two_lines_are_one() {
        let names = |lines: &[&str]| grid(Overhang::Remark, lines).unwrap().header.join("|");
        let below = ["№|Авто||Год выпуска||Описание", "|Марка|Модель|с|по|", "1|Кедр|А6|2012|2017|"];
        assert_eq!(names(&below), "№|Марка|Модель|Год выпуска с|Год выпуска по|Описание");
        let above = ["Марка|Модель|Год выпуска||Описание", "||с|по|", "Кедр|А6|2012|2017|x"];
        assert_eq!(names(&above), "Марка|Модель|Год выпуска с|Год выпуска по|Описание");
        let alike = ["Модель||Год выпуска|", "Марка|Модель|с|по", "Кедр|А6|2012|2017"];
        assert_eq!(names(&alike), "Марка|Модель|Год выпуска с|Год выпуска по");
        let title = ["Прайс|2024", "Марка|Модель|Цена", "Кедр|А6|1"];
        assert_eq!(names(&title), "Марка|Модель|Цена");
        let title = ["Прайс||тел. 0555", "Марка|Модель|Цена", "Кедр|А6|1"];
        assert_eq!(names(&title), "Марка|Модель|Цена");
        let row = ["Марка|Модель|Год", "Кедр||", "|А6|2018"];
        assert_eq!(grid(Overhang::Remark, &row).unwrap().rows.len(), 2);
        // Of three lines, where they are merged.
        let mut three = Grid::new(1, Overhang::Remark);
        let lines = [
            ("№|Авто||||Цена", (1, 4)),
            ("|Марка|Модель|Год выпуска||", (3, 4)),
            ("|||с|по|", (0, 0)),
            ("1|Кедр|А6|2012|2017|5", (0, 0)),
        ];
        for (number, (line, span)) in (1..).zip(lines) {
            three.push(GridLine { spans: vec![span], ..numbered(number, line) }).unwrap();
        }
        assert_eq!(three.header().unwrap().join("|"), "№|Марка|Модель|Год выпуска с|Год выпуска по|Цена");
        assert_eq!(three.finish().unwrap().rows, 1);
    }

    #[test]
    fn notes_after_an_empty_line_are_no_rows_and_told() {
        let table = ["Марка|Модель|Год", "Кедр|А6|2018", "|2|", "", "Цены в сомах", "Звоните!"];
        let read = grid(Overhang::Remark, &table).unwrap();
        assert_eq!(cells(&read), ["Кедр|А6|2018", "|2|"]);
        assert_eq!((read.notices[0].kind, read.notices[0].count), (NoticeKind::BelowTable, 2));
        assert_eq!(read.notices[0].text, "Цены в сомах");
        // What comes back to rows was none, and a model by itself is a row.
        let on = [&table[..], &["Бриз|3|2018"]].concat();
        assert_eq!(grid(Overhang::Remark, &on).unwrap().rows.len(), 5);
        let model = ["Марка|Модель|Год", "Кедр|А6|2018", "", "|А7|"];
        assert_eq!(grid(Overhang::Remark, &model).unwrap().rows.len(), 2);
    }

    #[test]
    fn tables_beside_each_other_are_one_after_the_other() {
        let table = ["Марка|Модель||Марка|Модель", "Кедр|А6||Лотос|3", "Бриз|2||Нива|4"];
        assert_eq!(cells(&grid(Overhang::Remark, &table).unwrap()), ["Кедр|А6", "Бриз|2", "Лотос|3", "Нива|4"]);
    }
}
