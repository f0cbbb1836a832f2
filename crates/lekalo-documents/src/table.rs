//! The rows of a document as they are: what every reader (PDF, spreadsheet, CSV) produces and cleaning consumes.

use serde::{Deserialize, Serialize};

use crate::notice::Notice;

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

/// What a column is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    Id,
    Brand,
    Model,
    Year,
    Description,
}

impl Column {
    /// Recognises a header cell, in Russian or English, however it is cased or spaced.
    pub fn from_header(name: &str) -> Option<Self> {
        // No name has a digit in it or is so long; most cells do or are.
        if name.len() > 100 || name.bytes().any(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let word: String = name
            .chars()
            .filter(|ch| ch.is_alphabetic() || matches!(ch, '№' | '#'))
            .flat_map(char::to_lowercase)
            .collect();
        Some(match word.as_str() {
            "id" | "ид" | "№" | "#" | "no" | "nr" | "номер" | "код" | "артикул" | "арт" | "sku" | "nпп" | "№пп"
            | "пп" | "кодтовара" | "idтовара" | "itemid" | "itemno" => Self::Id,
            "марка"
            | "марки"
            | "маркаавто"
            | "маркаавтомобиля"
            | "маркамашины"
            | "бренд"
            | "производитель"
            | "автопроизводитель"
            | "make"
            | "brand"
            | "manufacturer"
            | "carmake"
            | "carbrand"
            | "vehiclemake" => Self::Brand,
            "модель"
            | "модели"
            | "модельавто"
            | "модельавтомобиля"
            | "модельмашины"
            | "model"
            | "models"
            | "carmodel"
            | "vehiclemodel" => Self::Model,
            "год"
            | "года"
            | "годы"
            | "годвыпуска"
            | "годывыпуска"
            | "годавыпуска"
            | "годвып"
            | "гв"
            | "годмодели"
            | "модельныйгод"
            | "year"
            | "years"
            | "modelyear"
            | "yearofmanufacture"
            | "productionyear"
            | "productionyears" => Self::Year,
            "описание"
            | "описания"
            | "описаниетовара"
            | "примечание"
            | "примечания"
            | "прим"
            | "комментарий"
            | "комментарии"
            | "комплектация"
            | "характеристики"
            | "особенности"
            | "дополнительно"
            | "допинформация"
            | "description"
            | "notes"
            | "note"
            | "comment"
            | "comments"
            | "remark"
            | "remarks"
            | "details" => Self::Description,
            _ => return None,
        })
    }

    /// Whether these cells are a header row: they name at least a brand and a model column.
    pub fn is_header<'a>(cells: impl IntoIterator<Item = &'a str>) -> bool {
        let found: Vec<Self> = cells.into_iter().filter_map(Self::from_header).collect();
        found.contains(&Self::Brand) && found.contains(&Self::Model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_names_are_recognised_however_written() {
        assert_eq!(Column::from_header(" МАРКА "), Some(Column::Brand));
        assert_eq!(Column::from_header("Год выпуска"), Some(Column::Year));
        assert_eq!(Column::from_header("№ п/п"), Some(Column::Id));
        assert_eq!(Column::from_header("#"), Some(Column::Id));
        assert_eq!(Column::from_header("Car make"), Some(Column::Brand));
        assert_eq!(Column::from_header("Камри"), None);
        assert!(Column::is_header(["ID", "Марка", "Модель", "Год", "Описание"]));
        assert!(!Column::is_header(["1", "Марка", "Камри", "2018", "-"]));
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
