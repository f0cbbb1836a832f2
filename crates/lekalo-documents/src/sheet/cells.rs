//! Cells as they come → lines.

use calamine::{Data, Range};

use super::damaged;
use crate::ExtractError;
use crate::grid::{Grid, MAX_COLUMNS};
use crate::table::{Table, TableRow};

/// Gathers cells into lines.
pub(super) struct Rows {
    grid: Grid,
    rows: Vec<TableRow>,
    row: u32,
    cells: Vec<String>,
    is_empty: bool,
}

impl Rows {
    /// Lines for this table.
    pub(super) fn new(grid: Grid) -> Self {
        Self { grid, rows: Vec::new(), row: 0, cells: Vec::new(), is_empty: true }
    }

    /// Takes the next cell, by its row and column from 0.
    ///
    /// # Errors
    /// When it stands before the last one or too far to the right, or its line does not fit the table.
    pub(super) fn put(&mut self, (row, column): (u32, u32), text: String) -> Result<(), ExtractError> {
        if text.is_empty() {
            return Ok(());
        }
        if row != self.row {
            self.end_line()?;
            if row < self.row {
                return Err(damaged(&format!("row {} comes after row {}", row + 1, self.row + 1)));
            }
            self.row = row;
        }
        let column = column as usize;
        if column >= MAX_COLUMNS {
            let message = format!(
                "the cell {}{} stands far to the right of any table; only {MAX_COLUMNS} columns are read",
                letters(column),
                row.saturating_add(1)
            );
            return Err(ExtractError::new("LIMIT_EXCEEDED", message, "delete that cell"));
        }
        if self.cells.len() <= column {
            self.cells.resize(column + 1, String::new());
        }
        if let Some(cell) = self.cells.get_mut(column) {
            *cell = text;
        }
        self.is_empty = false;
        Ok(())
    }

    /// Takes a whole sheet.
    ///
    /// # Errors
    /// As [`Rows::put`].
    pub(super) fn put_all(&mut self, range: &Range<Data>) -> Result<(), ExtractError> {
        let (top, left) = range.start().unwrap_or_default();
        range.used_cells().try_for_each(|(row, column, cell)| {
            let place = |start: u32, at: usize| start.saturating_add(u32::try_from(at).unwrap_or(u32::MAX));
            self.put((place(top, row), place(left, column)), text(cell.clone()))
        })
    }

    fn end_line(&mut self) -> Result<(), ExtractError> {
        self.rows.extend(self.grid.push(u64::from(self.row) + 1, std::mem::take(&mut self.cells))?);
        Ok(())
    }

    /// The table; none if no cell has text.
    ///
    /// # Errors
    /// As [`Grid::finish`].
    pub(super) fn finish(mut self) -> Result<Option<Table>, ExtractError> {
        self.end_line()?;
        if self.is_empty { Ok(None) } else { Ok(Some(self.grid.finish()?.table(self.rows))) }
    }
}

/// A cell as a person reads it: whole numbers without a fraction, dates as year-month-day.
pub(super) fn text(cell: Data) -> String {
    match cell {
        Data::Empty => String::new(),
        Data::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}"),
        Data::DateTime(date) if date.is_datetime() => {
            let (year, month, day, ..) = date.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02}")
        }
        Data::String(text) => text.trim().to_owned(),
        other => other.to_string().trim().to_owned(),
    }
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
    use crate::grid::Overhang;

    #[test]
    fn numbers_are_written_as_people_read_them() {
        let float = |number| text(Data::Float(number));
        assert_eq!((float(2018.0), float(2.5), float(-3.0)), ("2018".into(), "2.5".into(), "-3".into()));
        assert_eq!(text(Data::String("\u{a0}Камри ".into())), "Камри");
    }

    #[test]
    fn cells_far_away_cost_nothing_and_are_told() {
        let mut rows = Rows::new(Grid::new(1, Overhang::Remark));
        rows.put((0, 0), "Марка".into()).unwrap();
        rows.put((0, 1), "Модель".into()).unwrap();
        rows.put((1_048_575, 1), "А6".into()).unwrap();
        let error = rows.put((1_048_575, 16_383), "x".into()).unwrap_err();
        assert!(error.message.contains("XFD1048576"), "{}", error.message);
        assert_eq!(rows.finish().unwrap().unwrap().rows.len(), 1);
    }
}
