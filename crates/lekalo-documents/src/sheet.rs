//! Spreadsheets: XLSX, XLSB, XLS and ODS. A page is a sheet.

mod archive;
mod cells;
mod container;

use std::io::Cursor;

use calamine::{Ods, OdsError, Reader as _, Xls, Xlsb, Xlsx, XlsxError};

use super::grid::{Grid, MAX_COLUMNS, Overhang};
use super::table::Table;
use crate::{ExtractError, OLE, ReadLimits};
use cells::Rows;

type Bytes<'a> = Cursor<&'a [u8]>;

/// An open workbook.
enum Book<'a> {
    Xlsx(Xlsx<Bytes<'a>>),
    Xlsb(Xlsb<Bytes<'a>>),
    Xls(Xls<Bytes<'a>>),
    Ods(Ods<Bytes<'a>>),
}

/// Reads every sheet that has text; each must have a header, and columns of the same name are one column.
///
/// # Errors
/// When the workbook is damaged or protected, inflates to too much, or a sheet has text but no table.
pub fn read(bytes: &[u8], limits: &ReadLimits) -> Result<Table, ExtractError> {
    // A stranger's file may meet a bug in the spreadsheet library: that is one more damaged file.
    let table = std::panic::catch_unwind(|| read_whole(bytes, limits));
    table.unwrap_or_else(|_| Err(damaged("reading it failed in an unforeseen way")))
}

fn read_whole(bytes: &[u8], limits: &ReadLimits) -> Result<Table, ExtractError> {
    let mut book = open(bytes, limits)?;
    let mut whole: Option<Table> = None;
    let mut without_rows = None;
    for (page_number, sheet) in (1i32..).zip(book.sheet_names()) {
        let mut rows = Rows::new(Grid::new(page_number, Overhang::Remark));
        let mut table = match book.read_sheet(&sheet, &mut rows).and_then(|()| rows.finish()) {
            Ok(Some(table)) => table,
            Ok(None) => continue,
            Err(error) => {
                let error = ExtractError { message: format!("sheet «{sheet}»: {}", error.message), ..error };
                // A sheet with a header alone hides nothing.
                if error.code != "NO_ROWS" {
                    return Err(error);
                }
                without_rows.get_or_insert(error);
                continue;
            }
        };
        table.add_sheet_name(&sheet);
        match &mut whole {
            Some(whole) => whole.append(table),
            None => whole = Some(table),
        }
    }
    let none =
        || without_rows.unwrap_or_else(|| ExtractError::new("NO_ROWS", "the workbook has no cells", "check the file"));
    let whole = whole.ok_or_else(none)?;
    if whole.header.len() > MAX_COLUMNS {
        let message = format!("the sheets have more than {MAX_COLUMNS} different columns");
        return Err(ExtractError::new("LIMIT_EXCEEDED", message, "give all sheets the same columns"));
    }
    Ok(whole)
}

/// Opens a workbook by what it contains.
fn open<'a>(bytes: &'a [u8], limits: &ReadLimits) -> Result<Book<'a>, ExtractError> {
    let cursor = || Cursor::new(bytes);
    if bytes.starts_with(OLE) {
        container::check(bytes)?;
        return Xls::new(cursor()).map(Book::Xls).map_err(|error| unreadable(&error.into()));
    }
    let parts = archive::check(bytes, limits)?;
    let has = |name: &str| parts.iter().any(|part| part.eq_ignore_ascii_case(name));
    let book = if has("xl/workbook.xml") {
        Xlsx::new(cursor()).map(Book::Xlsx).map_err(calamine::Error::from)
    } else if has("xl/workbook.bin") {
        Xlsb::new(cursor()).map(Book::Xlsb).map_err(calamine::Error::from)
    } else if has("content.xml") {
        Ods::new(cursor()).map(Book::Ods).map_err(calamine::Error::from)
    } else {
        return Err(damaged("it is an archive, but no workbook is in it"));
    };
    book.map_err(|error| unreadable(&error))
}

impl Book<'_> {
    fn sheet_names(&self) -> Vec<String> {
        match self {
            Self::Xlsx(book) => book.sheet_names(),
            Self::Xlsb(book) => book.sheet_names(),
            Self::Xls(book) => book.sheet_names(),
            Self::Ods(book) => book.sheet_names(),
        }
    }

    /// Reads a sheet cell by cell where the format allows it: no cell far away makes a large area of empty ones.
    fn read_sheet(&mut self, name: &str, rows: &mut Rows) -> Result<(), ExtractError> {
        match self {
            Self::Xlsx(book) => {
                let mut cells = match book.worksheet_cells_reader(name) {
                    Err(XlsxError::NotAWorksheet(_)) => return Ok(()),
                    cells => cells.map_err(|error| unreadable(&error.into()))?,
                };
                while let Some(cell) = cells.next_cell_with_formula().map_err(|error| unreadable(&error.into()))? {
                    // A program that does not calculate leaves a formula without its value: better seen than lost.
                    match cell.formula {
                        Some(formula) if matches!(cell.value, calamine::DataRef::Empty) => {
                            rows.put(cell.pos, format!("={formula}"))?;
                        }
                        _ => rows.put(cell.pos, cells::text(cell.value.into()))?,
                    }
                }
            }
            Self::Xlsb(book) => {
                let mut cells = book.worksheet_cells_reader(name).map_err(|error| unreadable(&error.into()))?;
                while let Some(cell) = cells.next_cell().map_err(|error| unreadable(&error.into()))? {
                    rows.put(cell.get_position(), cells::text(cell.get_value().clone().into()))?;
                }
            }
            Self::Xls(book) => {
                rows.put_all(&book.worksheet_range(name).map_err(|error| unreadable(&error.into()))?)?;
            }
            Self::Ods(book) => {
                rows.put_all(&book.worksheet_range(name).map_err(|error| unreadable(&error.into()))?)?;
            }
        }
        Ok(())
    }
}

/// What the library says is wrong, as far as it helps.
fn unreadable(error: &calamine::Error) -> ExtractError {
    if error.to_string().to_lowercase().contains("password") {
        return encrypted();
    }
    if let calamine::Error::Ods(OdsError::CellLimitExceeded { max, .. }) = error {
        let message = format!("a sheet repeats its rows or columns into more than {max} cells");
        return ExtractError::new("LIMIT_EXCEEDED", message, "delete the rows and columns beyond the table");
    }
    damaged("it is cut off, damaged, or no spreadsheet")
}

fn encrypted() -> ExtractError {
    ExtractError::new("FILE_ENCRYPTED", "the workbook is protected by a password", "save it without one")
}

fn damaged(why: &str) -> ExtractError {
    let message = format!("the workbook cannot be read: {why}");
    ExtractError::new("FILE_DAMAGED", message, "save it again as XLSX, or upload it as CSV")
}
