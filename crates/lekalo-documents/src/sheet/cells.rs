//! Cells as they come → lines.

use calamine::{Data, Range};

use super::damaged;
use super::dates::Date;
use super::merges::Merges;
use crate::ExtractError;
use crate::grid::{Grid, GridLine, MAX_COLUMNS, Overhang};
use crate::notice::{Notice, NoticeKind};
use crate::table::{Column, Table, TableRow};

/// How much of a sheet is quoted where it is passed over, in bytes.
const MAX_EXCERPT: usize = 400;

/// What a cell says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Cell {
    pub(super) text: String,
    /// The date it is, if the program keeps one.
    pub(super) date: Option<Date>,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), date: None }
    }
}

/// Gathers cells into lines.
pub(crate) struct Rows {
    page_number: i32,
    grid: Grid,
    rows: Vec<TableRow>,
    /// Tables of other columns that stand above.
    above: Vec<Table>,
    row: u32,
    cells: Vec<String>,
    /// The line's dates with their columns.
    dates: Vec<(usize, Date)>,
    merges: Merges,
    /// How many cells have text, and how it begins.
    count: usize,
    excerpt: String,
    /// Why the sheet is no table; what follows is only counted.
    no_table: Option<ExtractError>,
    dates_as_years: (usize, String),
    numbers_shown_as_dates: (usize, String),
}

/// What a sheet holds.
pub(crate) enum Content {
    /// No text.
    Nothing,
    Table(Table),
    /// Text that is not read: why it is no table, if it was to be one, and what is told of it.
    PassedOver(Option<ExtractError>, Notice),
}

impl Rows {
    /// Lines for this table, of a sheet with these merged cells.
    pub(crate) fn new(page_number: i32, grid: Grid, merges: Merges) -> Self {
        Self {
            page_number,
            grid,
            rows: Vec::new(),
            above: Vec::new(),
            row: 0,
            cells: Vec::new(),
            dates: Vec::new(),
            merges,
            count: 0,
            excerpt: String::new(),
            no_table: None,
            dates_as_years: Default::default(),
            numbers_shown_as_dates: Default::default(),
        }
    }

    /// Takes the next cell, by its row and column from 0.
    ///
    /// # Errors
    /// When it stands before the last one or too far to the right, or its line does not fit the table.
    pub(crate) fn put(&mut self, (row, column): (u32, u32), cell: Cell) -> Result<(), ExtractError> {
        let Cell { text, date } = cell;
        if text.is_empty() {
            return Ok(());
        }
        self.count += 1;
        if self.excerpt.len() < MAX_EXCERPT {
            let parts = if self.excerpt.is_empty() { "" } else { " | " };
            self.excerpt.extend(parts.chars().chain(text.chars().take(60)));
        }
        if row != self.row {
            self.end_line()?;
            if row < self.row {
                return Err(damaged(&format!("row {} comes after row {}", row + 1, self.row + 1)));
            }
            self.row = row;
        }
        if self.no_table.is_some() {
            return Ok(());
        }
        let column = column as usize;
        let name = || format!("{}{}", letters(column), row.saturating_add(1));
        if column >= MAX_COLUMNS {
            let message = format!(
                "the cell {} stands far to the right of any table; only {MAX_COLUMNS} columns are read",
                name()
            );
            return Err(ExtractError::new("LIMIT_EXCEEDED", message, "delete that cell"));
        }
        if self.cells.len() <= column {
            self.cells.resize(column + 1, String::new());
        }
        if let Some(cell) = self.cells.get_mut(column) {
            if !cell.is_empty() {
                return Err(damaged(&format!("the cell {} comes twice", name())));
            }
            *cell = text;
        }
        self.dates.extend(date.map(|date| (column, date)));
        Ok(())
    }

    /// Takes a whole sheet.
    ///
    /// # Errors
    /// As [`Rows::put`].
    pub(super) fn put_all(&mut self, range: &Range<Data>, is_1904: bool) -> Result<(), ExtractError> {
        let (top, left) = range.start().unwrap_or_default();
        range.used_cells().try_for_each(|(row, column, cell)| {
            let place = |start: u32, at: usize| start.saturating_add(u32::try_from(at).unwrap_or(u32::MAX));
            self.put((place(top, row), place(left, column)), cell_of(cell.clone(), is_1904))
        })
    }

    fn end_line(&mut self) -> Result<(), ExtractError> {
        if self.no_table.is_some() || self.cells.is_empty() {
            return Ok(());
        }
        let number = u64::from(self.row) + 1;
        self.read_dates();
        self.merges.fill(self.row, &mut self.cells)?;
        let begun = self.merges.begun(&self.cells);
        let cells = std::mem::take(&mut self.cells);
        if self.grid.begins_another(&cells) {
            let grid = std::mem::replace(&mut self.grid, Grid::new(self.page_number, Overhang::Remark));
            let rows = std::mem::take(&mut self.rows);
            self.above.extend(grid.finish().ok().map(|shape| shape.table(rows)));
        }
        let line = GridLine { number, end: number, cells, spans: self.merges.spans() };
        match self.grid.push(line) {
            Ok(Some(row)) => {
                self.merges.go_on(begun);
                self.rows.push(row);
            }
            Ok(None) => {}
            Err(error) if error.code == "NO_HEADER" => self.no_table = Some(error),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// What the line's dates mean: the year in a column of years, and the number where no date is meant.
    fn read_dates(&mut self) {
        for (column, date) in self.dates.drain(..) {
            let Some(cell) = self.cells.get_mut(column) else { continue };
            let name = self.grid.header().and_then(|header| header.get(column)).map_or("", String::as_str);
            let (text, told) = match date.number_meant() {
                Some(number) => (number.to_string(), &mut self.numbers_shown_as_dates),
                None if is_year(name) => (date.year.to_string(), &mut self.dates_as_years),
                None => continue,
            };
            if told.0 == 0 {
                told.1 = format!("{cell} → {text}");
            }
            told.0 += 1;
            *cell = text;
        }
    }

    /// What the sheet holds.
    ///
    /// # Errors
    /// As [`Grid::push`].
    pub(crate) fn finish(mut self) -> Result<Content, ExtractError> {
        self.end_line()?;
        if self.count == 0 {
            return Ok(Content::Nothing);
        }
        let told = [
            (NoticeKind::DatesAsYears, self.dates_as_years),
            (NoticeKind::NumbersShownAsDates, self.numbers_shown_as_dates),
        ];
        let table = match self.no_table {
            Some(error) => Err(error),
            None => self.grid.finish(),
        };
        Ok(match table {
            Ok(shape) => {
                let mut table = one_below_the_other(self.above, shape.table(self.rows));
                let told = told.into_iter().filter(|(_, (count, _))| *count > 0);
                table
                    .notices
                    .extend(told.map(|(kind, (count, text))| Notice::new(kind, self.page_number, count, &text)));
                Content::Table(table)
            }
            Err(error) => {
                let notice = Notice::new(NoticeKind::SheetWithoutTable, self.page_number, self.count, &self.excerpt);
                Content::PassedOver(Some(error), notice)
            }
        })
    }

    /// What is told of a hidden sheet.
    pub(super) fn hidden(self) -> Content {
        match self.count {
            0 => Content::Nothing,
            count => {
                let notice = Notice::new(NoticeKind::HiddenSheet, self.page_number, count, &self.excerpt);
                Content::PassedOver(None, notice)
            }
        }
    }

    /// Has what comes be counted only.
    pub(super) fn counting(page_number: i32) -> Self {
        let no_table = Some(ExtractError::new("NO_HEADER", "", ""));
        Self { no_table, ..Self::new(page_number, Grid::new(page_number, Overhang::Remark), Merges::default()) }
    }
}

/// Tables of one sheet as one, its rows numbered on.
fn one_below_the_other(above: Vec<Table>, last: Table) -> Table {
    let mut tables = above.into_iter().chain([last]);
    let mut whole = tables.next().unwrap_or_default();
    tables.for_each(|table| whole.append(table));
    (1..).zip(&mut whole.rows).for_each(|(number, row)| row.row_number = number);
    whole
}

/// Whether a column by this name is about years.
fn is_year(name: &str) -> bool {
    let name = name.to_lowercase();
    Column::from_header(&name) == Some(Column::Year)
        || ["год", "г.в", "выпуск", "year", "жыл"].into_iter().any(|word| name.contains(word))
}

/// A cell as a person reads it: whole numbers without a fraction, dates as year-month-day.
pub(super) fn cell_of(cell: Data, is_1904: bool) -> Cell {
    let text = match cell {
        Data::Empty => String::new(),
        Data::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}"),
        Data::DateTime(date) if date.is_datetime() => return Date::of(date).into(),
        Data::DateTimeIso(text) => match Date::from_iso(&text, is_1904) {
            Some(date) => return date.into(),
            None => text,
        },
        Data::String(text) => text.trim().to_owned(),
        other => other.to_string().trim().to_owned(),
    };
    Cell { text, date: None }
}

/// A column's letters.
fn letters(column: usize) -> String {
    let letter = char::from(b'A' + (column % 26) as u8);
    let before = if column < 26 { String::new() } else { letters(column / 26 - 1) };
    format!("{before}{letter}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(merges: &[[u32; 4]]) -> Rows {
        Rows::new(1, Grid::new(1, Overhang::Remark), Merges::new(merges.to_vec()))
    }

    fn put(rows: &mut Rows, row: u32, cells: &str) -> Result<(), ExtractError> {
        (0..).zip(cells.split('|')).try_for_each(|(column, text)| rows.put((row, column), text.into()))
    }

    fn lines(rows: Rows) -> Vec<String> {
        let Content::Table(table) = rows.finish().unwrap() else { panic!() };
        table.rows.iter().map(|row| row.cells.join("|")).collect()
    }

    #[test]
    fn numbers_are_written_as_people_read_them() {
        let float = |number| cell_of(Data::Float(number), false).text;
        assert_eq!((float(2018.0), float(2.5), float(-3.0)), ("2018".into(), "2.5".into(), "-3".into()));
        assert_eq!(cell_of(Data::String("\u{a0}Камри ".into()), false).text, "Камри");
    }

    #[test]
    fn cells_far_away_cost_nothing_and_are_told() {
        let mut rows = rows(&[]);
        put(&mut rows, 0, "Марка|Модель").unwrap();
        rows.put((1_048_575, 1), "А6".into()).unwrap();
        let error = rows.put((1_048_575, 16_383), "x".into()).unwrap_err();
        assert!(error.message.contains("XFD1048576"), "{}", error.message);
        assert_eq!(lines(rows), ["|А6"]);
    }

    #[test]
    fn a_merged_cell_speaks_for_every_row_and_makes_none() {
        let mut rows = rows(&[[0, 2, 0, 3], [1, 0, 3, 0], [2, 1, 1_048_575, 1], [4, 0, 4, 3]]);
        put(&mut rows, 0, "Марка|Модель|Год||Описание").unwrap();
        put(&mut rows, 1, "Кедр|А6|2018").unwrap();
        put(&mut rows, 2, "|А7|2019").unwrap();
        put(&mut rows, 3, "||2020").unwrap();
        put(&mut rows, 4, "БРИЗ").unwrap();
        put(&mut rows, 9, "||2021||x").unwrap();
        assert_eq!(lines(rows), ["Кедр|А6|2018|", "Кедр|А7|2019|", "Кедр|А7|2020|", "БРИЗ|||", "||2021|x"]);
    }

    #[test]
    fn a_merged_text_may_not_become_a_flood() {
        let mut rows = rows(&[[1, 0, 1_048_575, 0]]);
        put(&mut rows, 0, "Марка|Модель").unwrap();
        put(&mut rows, 1, &format!("{}|А6", "x".repeat(1 << 20))).unwrap();
        let error = (2..100).map(|row| put(&mut rows, row, "|А6")).find_map(Result::err).unwrap();
        assert_eq!(error.code, "LIMIT_EXCEEDED");
    }

    #[test]
    fn a_table_of_other_columns_below_is_read_too() {
        let mut rows = rows(&[]);
        let lines = [
            "Марка|Модель|Год",
            "Кедр|А6|2018",
            "",
            "Накидки",
            "Модель|Марка|Цена",
            "2|Бриз|30",
            "Модель|Марка|Цена",
            "3|Лотос|40",
        ];
        (0..).zip(lines).for_each(|(row, line)| put(&mut rows, row, line).unwrap());
        let Content::Table(table) = rows.finish().unwrap() else { panic!() };
        assert_eq!(table.header, ["Марка", "Модель", "Год", "Цена"]);
        let read: Vec<String> =
            table.rows.iter().map(|row| format!("{} {}", row.row_number, row.cells.join("|"))).collect();
        assert_eq!(read, ["1 Кедр|А6|2018|", "2 Бриз|2||30", "3 Марка|Модель||Цена", "4 Лотос|3||40"]);
        assert_eq!((table.headers.len(), table.notices[0].text.as_str()), (2, "Накидки"));
    }

    #[test]
    fn a_cell_that_comes_twice_is_damage() {
        let mut rows = rows(&[]);
        put(&mut rows, 0, "Марка|Модель").unwrap();
        let error = rows.put((0, 1), "Цена".into()).unwrap_err();
        assert!(error.message.contains("the cell B1 comes twice"), "{}", error.message);
    }
}
