//! What columns are, as somebody says who knows: "Авто=make+model,Период=years".

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use super::{Column, HeaderRow};

/// Names of columns, and what they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnNames(Vec<(String, Column)>);

/// Names that this process was told; its readers know them besides those of [`Column::from_header`].
static GIVEN: OnceLock<ColumnNames> = OnceLock::new();

/// Why names cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnNamesError {
    /// Not `NAME=WHAT`.
    #[error("«{0}» is not of the form NAME=WHAT, with commas between several, e.g. \"Авто=make+model,Период=years\"")]
    Form(String),
    /// What a column is said to be is nothing it can be.
    #[error("«{what}» is none of {}", Column::codes().collect::<Vec<_>>().join(", "))]
    What { what: String },
    /// The table has no such column.
    #[error("the table has no column «{name}»; its columns are: {}", seen.join(", "))]
    Unknown { name: String, seen: Vec<String> },
}

impl FromStr for ColumnNames {
    type Err = ColumnNamesError;

    fn from_str(text: &str) -> Result<Self, ColumnNamesError> {
        let one = |part: &str| {
            let form = || ColumnNamesError::Form(part.trim().to_owned());
            let (name, what) = part.rsplit_once('=').ok_or_else(form)?;
            let (name, what) = (name.trim(), what.trim());
            let column = Column::from_code(what).ok_or_else(|| ColumnNamesError::What { what: what.to_owned() })?;
            if name.is_empty() { Err(form()) } else { Ok((name.to_owned(), column)) }
        };
        let parts = text.split(',').filter(|part| !part.trim().is_empty());
        Ok(Self(parts.map(one).collect::<Result<_, _>>()?))
    }
}

impl fmt::Display for ColumnNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(|(name, column)| said(name, *column)).collect();
        f.write_str(&parts.join(","))
    }
}

impl ColumnNames {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells the readers of this process; once, before they read.
    pub fn tell_readers(self) {
        // Told twice, the first holds: a process reads one document.
        let _ = GIVEN.set(self);
    }

    /// Puts what columns are into their names, for all who read them later: "Период=years".
    ///
    /// # Errors
    /// When the header lacks one of the names.
    pub fn rename(&self, header: &mut [String], headers: &mut [HeaderRow]) -> Result<(), ColumnNamesError> {
        for (name, column) in &self.0 {
            let place = header.iter().position(|own| is_same(own, name));
            let unknown = || ColumnNamesError::Unknown { name: name.clone(), seen: header.to_vec() };
            let place = place.ok_or_else(unknown)?;
            let rows = headers.iter_mut().flat_map(|row| &mut row.cells).filter(|cell| is_same(cell, name));
            rows.for_each(|cell| *cell = said(cell.as_str(), *column));
            if let Some(own) = header.get_mut(place) {
                *own = said(own.as_str(), *column);
            }
        }
        Ok(())
    }

    fn find(&self, name: &str) -> Option<Column> {
        self.0.iter().find(|(own, _)| is_same(own, name)).map(|(_, column)| *column)
    }
}

/// What this process was told that a column of this name is.
pub(super) fn given(name: &str) -> Option<Column> {
    GIVEN.get()?.find(name)
}

/// Whether these are all the names that this process was told, and so name the columns.
pub(super) fn are_given(names: &[&str]) -> bool {
    GIVEN.get().is_some_and(|given| {
        !given.is_empty() && given.0.iter().all(|(own, _)| names.iter().any(|name| is_same(own, name)))
    })
}

fn said(name: &str, column: Column) -> String {
    format!("{}={}", name.trim(), column.code())
}

fn is_same(one: &str, other: &str) -> bool {
    let words = |text: &str| text.to_lowercase().split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    words(one) == words(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_columns_are() {
        let names: ColumnNames = " Тачка = make+model , Период=YEARS".parse().unwrap();
        assert_eq!(names.to_string(), "Тачка=make+model,Период=years");
        let mut header = ["ТАЧКА", "Период ", "Цена"].map(str::to_owned);
        let mut headers = [HeaderRow { page_number: 1, cells: header.to_vec() }];
        names.rename(&mut header, &mut headers).unwrap();
        assert_eq!(header, ["ТАЧКА=make+model", "Период=years", "Цена"]);
        assert_eq!(headers[0].cells, header);
        assert_eq!(Column::from_header(&header[0]), Some(Column::Car));
    }

    #[test]
    fn what_is_wrong_with_names_is_told() {
        let wrong = |text: &str| text.parse::<ColumnNames>().unwrap_err().to_string();
        assert!(wrong("Тачка").contains("«Тачка» is not of the form NAME=WHAT"));
        assert!(wrong("=years").contains("not of the form"));
        assert!(wrong("Тачка=вес").contains("«вес» is none of id, make, model, make+model"));
        let names: ColumnNames = "Тачка=make+model".parse().unwrap();
        let error = names.rename(&mut ["Авто".to_owned(), "Цена".to_owned()], &mut []).unwrap_err();
        assert_eq!(error.to_string(), "the table has no column «Тачка»; its columns are: Авто, Цена");
        assert!("".parse::<ColumnNames>().unwrap().is_empty());
    }
}
