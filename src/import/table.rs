//! The rows of a document as they are: what every reader (PDF, spreadsheet, CSV) produces and cleaning consumes.

/// A table as it stands in the document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// The column names as written ("ID", "Марка", …).
    pub header: Vec<String>,
    /// Data rows in document order; each has as many cells as the header.
    pub rows: Vec<TableRow>,
    /// Pages on which a header row was read, one entry per header row.
    pub header_pages: Vec<i32>,
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
    Make,
    Model,
    Year,
    Description,
}

impl Column {
    /// Recognises a header cell, in Russian or English, however it is cased or spaced.
    pub fn from_header(name: &str) -> Option<Self> {
        let word: String =
            name.chars().filter(|ch| ch.is_alphanumeric() || *ch == '№').collect::<String>().to_lowercase();
        Some(match word.as_str() {
            "id" | "ид" | "№" | "no" | "номер" | "код" | "артикул" | "sku" | "nпп" | "№пп" => {
                Self::Id
            }
            "марка" | "маркаавто" | "маркаавтомобиля" | "бренд" | "производитель" | "make" | "brand" => {
                Self::Make
            }
            "модель" | "модельавто" | "модельавтомобиля" | "model" => Self::Model,
            "год" | "года" | "годы" | "годвыпуска" | "годывыпуска" | "year" | "years" => {
                Self::Year
            }
            "описание"
            | "примечание"
            | "примечания"
            | "комментарий"
            | "комплектация"
            | "description"
            | "notes"
            | "note"
            | "comment" => Self::Description,
            _ => return None,
        })
    }

    /// Whether these cells are a header row: they name at least a make and a model column.
    pub fn is_header<'a>(cells: impl IntoIterator<Item = &'a str>) -> bool {
        let found: Vec<Self> = cells.into_iter().filter_map(Self::from_header).collect();
        found.contains(&Self::Make) && found.contains(&Self::Model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_names_are_recognised_however_written() {
        assert_eq!(Column::from_header(" МАРКА "), Some(Column::Make));
        assert_eq!(Column::from_header("Год выпуска"), Some(Column::Year));
        assert_eq!(Column::from_header("№ п/п"), Some(Column::Id));
        assert_eq!(Column::from_header("Камри"), None);
        assert!(Column::is_header(["ID", "Марка", "Модель", "Год", "Описание"]));
        assert!(!Column::is_header(["1", "Марка", "Камри", "2018", "-"]));
    }
}
