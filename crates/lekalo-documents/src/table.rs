//! The rows of a document as they are: what every reader (PDF, spreadsheet, CSV) produces and cleaning consumes.

mod column;
mod names;

use serde::{Deserialize, Serialize};

use crate::notice::Notice;
pub use column::Column;
pub use names::{ColumnNames, ColumnNamesError};

/// A table as it stands in the document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// The column names as written ("ID", "Марка", …).
    pub header: Vec<String>,
    /// Data rows in document order; each has as many cells as the header.
    pub rows: Vec<TableRow>,
    /// The lines that name the columns, one per page that has one, and in sheets and text those above them (a title, an
    /// address), in document order: no cars, but rows of the document all the same.
    pub headers: Vec<HeaderRow>,
    /// What is in neither of them, and what was read otherwise than it shows.
    pub notices: Vec<Notice>,
}

impl Table {
    /// How many pages or sheets have data rows.
    pub fn page_count(&self) -> usize {
        self.rows.chunk_by(|a, b| a.page_number == b.page_number).count()
    }

    /// The lines above the header, as they are.
    pub fn titles(&self) -> impl Iterator<Item = &HeaderRow> {
        self.headers.iter().filter(|row| !Column::is_header(row.cells.iter().map(String::as_str)))
    }

    /// Adds the sheet's name as a column of its own where no column is about the make: it may be the make of all rows.
    pub(crate) fn add_sheet_name(&mut self, name: &str) {
        let says_make = |column| matches!(column, Some(Column::Brand | Column::Car | Column::Product));
        if self.header.iter().any(|name| says_make(Column::from_header(name))) {
            return;
        }
        self.header.push("Лист".to_owned());
        for row in &mut self.rows {
            row.cells.resize(self.header.len() - 1, String::new());
            row.cells.push(name.trim().to_owned());
        }
    }

    /// Adds another table's rows below its own. Columns find each other by their names, in any order; what only one of the
    /// two has is empty in the other's rows.
    pub fn append(&mut self, mut other: Self) {
        let place: Vec<usize> =
            other.header.iter().enumerate().map(|(at, _)| self.place_of(&other.header, at)).collect();
        let width = self.header.len();
        self.rows.iter_mut().for_each(|row| row.cells.resize(width, String::new()));
        for row in &mut other.rows {
            let mut cells = vec![String::new(); width];
            for (cell, at) in std::mem::take(&mut row.cells).into_iter().zip(&place) {
                if let Some(own) = cells.get_mut(*at) {
                    *own = cell;
                }
            }
            row.cells = cells;
        }
        self.rows.append(&mut other.rows);
        self.headers.append(&mut other.headers);
        other.notices.into_iter().for_each(|notice| notice.add_to(&mut self.notices));
    }

    /// Which of the own columns another header's column is: the one with the same meaning or name, of several the one that is
    /// as many from the left. A new one is added.
    pub(crate) fn place_of(&mut self, header: &[String], at: usize) -> usize {
        let Some(name) = header.get(at) else { return usize::MAX };
        let same = |other: &&String| match (Column::from_header(name), Column::from_header(other)) {
            (None, None) => name.to_lowercase() == other.to_lowercase(),
            (mine, others) => mine == others,
        };
        let before = header.iter().take(at).filter(|other| same(other)).count();
        let found = self.header.iter().enumerate().filter(|(_, own)| same(own)).nth(before);
        found.map(|(place, _)| place).unwrap_or_else(|| {
            self.header.push(name.clone());
            self.header.len() - 1
        })
    }
}

/// A line that names the columns, or stands above the one that does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderRow {
    /// Page (or sheet number), from 1.
    pub page_number: i32,
    /// Cell texts, trimmed, otherwise as they are.
    pub cells: Vec<String>,
}

/// One data row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRow {
    /// Page (or sheet number), from 1.
    pub page_number: i32,
    /// Data row within the page, from 1.
    pub row_number: i32,
    /// Cell texts, trimmed, otherwise as they are.
    pub cells: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_without_makes_says_its_name() {
        let header = |names: &[&str]| Table {
            header: names.iter().map(|name| (*name).to_owned()).collect(),
            rows: vec![TableRow { page_number: 1, row_number: 1, cells: vec!["Камри".to_owned()] }],
            ..Table::default()
        };
        let mut table = header(&["Модель", "Год"]);
        table.add_sheet_name(" Toyota ");
        assert_eq!(table.header, ["Модель", "Год", "Лист"]);
        assert_eq!(table.rows[0].cells, ["Камри", "", "Toyota"]);
        let mut table = header(&["Автомобиль", "Год"]);
        table.add_sheet_name("Toyota");
        assert_eq!(table.header.len(), 2);
    }

    #[test]
    fn another_tables_columns_find_their_places_by_name() {
        let table = |header: &[&str], cells: &[&str], page_number| Table {
            header: header.iter().map(|name| (*name).to_owned()).collect(),
            rows: vec![TableRow {
                page_number,
                row_number: 1,
                cells: cells.iter().map(|cell| (*cell).to_owned()).collect(),
            }],
            ..Table::default()
        };
        let mut whole = table(&["Марка", "Модель", "Цена", "Цена"], &["Кедр", "А6", "10", "20"], 1);
        whole.append(table(&["цена", "Model", "Make", "Год", "цена"], &["30", "2", "Бриз", "2018", "40"], 2));
        assert_eq!(whole.header, ["Марка", "Модель", "Цена", "Цена", "Год"]);
        assert_eq!(whole.rows[0].cells, ["Кедр", "А6", "10", "20", ""]);
        assert_eq!(whole.rows[1].cells, ["Бриз", "2", "30", "40", "2018"]);
        assert_eq!(whole.page_count(), 2);
    }
}
