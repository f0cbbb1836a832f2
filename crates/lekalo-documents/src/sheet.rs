//! Spreadsheets: XLSX, XLSB, XLS and ODS. A page is a sheet.

mod archive;
mod cells;
mod container;
mod dates;
mod merges;
mod xml;

use std::io::Cursor;

use calamine::{Ods, OdsError, Reader as _, Sheet, SheetVisible, Xls, Xlsb, Xlsx, XlsxError};

use super::grid::{Grid, MAX_COLUMNS, Overhang};
use super::table::Table;
use crate::docx;
use crate::notice::Notice;
use crate::{ExtractError, OLE, ReadLimits};
pub(crate) use cells::{Content, Rows};
pub(crate) use merges::Merges;
use xml::OdsExtras;

type Bytes<'a> = Cursor<&'a [u8]>;

/// An open workbook.
enum Book<'a> {
    Xlsx(Xlsx<Bytes<'a>>),
    Xlsb(Xlsb<Bytes<'a>>),
    Xls(Xls<Bytes<'a>>),
    Ods(Ods<Bytes<'a>>, OdsExtras),
}

/// Reads every sheet that has a table; columns of the same name are one column. Hidden sheets and those without a table are
/// passed over, and told.
///
/// # Errors
/// When the workbook is damaged or protected, inflates to too much, or no sheet has a table.
pub fn read(bytes: &[u8], limits: &ReadLimits) -> Result<Table, ExtractError> {
    // A stranger's file may meet a bug in the spreadsheet library: that is one more damaged file.
    let table = std::panic::catch_unwind(|| read_whole(bytes, limits));
    table.unwrap_or_else(|_| Err(damaged("reading it failed in an unforeseen way")))
}

fn read_whole(bytes: &[u8], limits: &ReadLimits) -> Result<Table, ExtractError> {
    let mut book = match open(bytes, limits)? {
        Opened::Document => return docx::read(bytes),
        Opened::Book(book) => book,
    };
    let mut whole: Option<Table> = None;
    let (mut no_table, mut notices) = (None, Vec::new());
    let sheets = book.sheets();
    if let Some(twice) =
        sheets.iter().enumerate().find(|(at, sheet)| sheets.iter().take(*at).any(|other| other.name == sheet.name))
    {
        return Err(damaged(&format!("two of its sheets are called «{}»", twice.1.name)));
    }
    for (page_number, sheet) in (1i32..).zip(&sheets) {
        let named = |error: ExtractError| ExtractError {
            message: format!("sheet «{}»: {}", sheet.name, error.message),
            ..error
        };
        let (table, told) = match book.content(page_number, sheet).map_err(named)? {
            Content::Nothing => continue,
            Content::PassedOver(error, notice) => {
                // That a sheet has a header alone says less.
                let says_more = |first: &ExtractError| first.code == "NO_ROWS";
                if let Some(error) = error.filter(|_| no_table.as_ref().is_none_or(says_more)) {
                    no_table = Some(named(error));
                }
                (None, vec![notice])
            }
            Content::Table(mut table) => {
                table.add_sheet_name(&sheet.name);
                let told = std::mem::take(&mut table.notices);
                (Some(table), told)
            }
        };
        told.into_iter().for_each(|notice| Notice { sheet: sheet.name.clone(), ..notice }.add_to(&mut notices));
        match (&mut whole, table) {
            (_, None) => {}
            (Some(whole), Some(table)) => whole.append(table),
            (None, table) => whole = table,
        }
    }
    let none = || no_table.unwrap_or_else(|| without_cells(&notices));
    let mut whole = whole.ok_or_else(none)?;
    if whole.header.len() > MAX_COLUMNS {
        let message = format!("the sheets have more than {MAX_COLUMNS} different columns");
        return Err(ExtractError::new("LIMIT_EXCEEDED", message, "give all sheets the same columns"));
    }
    whole.notices = notices;
    Ok(whole)
}

fn without_cells(notices: &[Notice]) -> ExtractError {
    if notices.is_empty() {
        return ExtractError::new("NO_ROWS", "the workbook has no cells", "check the file");
    }
    ExtractError::new("NO_ROWS", "only hidden sheets of the workbook have cells", "show the sheet with the price list")
}

/// What a file turns out to be.
enum Opened<'a> {
    Book(Box<Book<'a>>),
    /// A Word document in an archive that is whole.
    Document,
}

/// Opens a file by what it contains.
fn open<'a>(bytes: &'a [u8], limits: &ReadLimits) -> Result<Opened<'a>, ExtractError> {
    let cursor = || Cursor::new(bytes);
    if bytes.starts_with(OLE) {
        container::check(bytes)?;
        let book = Xls::new(cursor()).map_err(|error| unreadable(&error.into()))?;
        return Ok(Opened::Book(Box::new(Book::Xls(book))));
    }
    let parts = archive::check(bytes, limits)?;
    let has = |name: &str| parts.iter().any(|part| part.eq_ignore_ascii_case(name));
    let book = if parts.iter().any(|part| part == docx::PART) {
        return Ok(Opened::Document);
    } else if has("xl/workbook.xml") {
        xml::check_sheets(bytes, &parts)?;
        Xlsx::new(cursor()).map(Book::Xlsx).map_err(calamine::Error::from)
    } else if has("xl/workbook.bin") {
        Xlsb::new(cursor()).map(Book::Xlsb).map_err(calamine::Error::from)
    } else if has("content.xml") {
        match Ods::new(cursor()) {
            Ok(book) => Ok(Book::Ods(book, xml::ods_extras(bytes)?)),
            Err(error) => Err(calamine::Error::from(error)),
        }
    } else {
        return Err(damaged("it is an archive, but no workbook is in it"));
    };
    book.map(|book| Opened::Book(Box::new(book))).map_err(|error| unreadable(&error))
}

impl Book<'_> {
    fn sheets(&self) -> Vec<Sheet> {
        match self {
            Self::Xlsx(book) => book.sheets_metadata(),
            Self::Xlsb(book) => book.sheets_metadata(),
            Self::Xls(book) => book.sheets_metadata(),
            Self::Ods(book, _) => book.sheets_metadata(),
        }
        .to_vec()
    }

    /// What a sheet holds; of a hidden one it is only counted.
    fn content(&mut self, page_number: i32, sheet: &Sheet) -> Result<Content, ExtractError> {
        if sheet.visible != SheetVisible::Visible {
            let mut counted = Rows::counting(page_number);
            self.read_sheet(&sheet.name, &mut counted)?;
            return Ok(counted.hidden());
        }
        let merges = Merges::new(self.merges(&sheet.name)?);
        let mut rows = Rows::new(page_number, Grid::new(page_number, Overhang::Remark), merges);
        self.read_sheet(&sheet.name, &mut rows)?;
        rows.finish()
    }

    /// A sheet's merged cells: first row, first column, last row, last column. Of XLSB they are not known.
    fn merges(&mut self, name: &str) -> Result<Vec<[u32; 4]>, ExtractError> {
        let merges = match self {
            Self::Xlsx(book) => match book.merge_cells_by_sheet_name(name) {
                Err(XlsxError::WorksheetNotFound(_)) => Vec::new(),
                merges => merges.map_err(|error| unreadable(&error.into()))?,
            },
            Self::Xls(book) => book.merge_cells_by_sheet_name(name).map_err(|error| unreadable(&error.into()))?,
            Self::Xlsb(_) => Vec::new(),
            Self::Ods(_, extras) => return Ok(extras.merges.remove(name).unwrap_or_default()),
        };
        Ok(merges.into_iter().map(|merge| [merge.start.0, merge.start.1, merge.end.0, merge.end.1]).collect())
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
                            rows.put(cell.pos, format!("={formula}").as_str().into())?;
                        }
                        _ => rows.put(cell.pos, cells::cell_of(cell.value.into(), false))?,
                    }
                }
            }
            Self::Xlsb(book) => {
                let mut cells = book.worksheet_cells_reader(name).map_err(|error| unreadable(&error.into()))?;
                while let Some(cell) = cells.next_cell().map_err(|error| unreadable(&error.into()))? {
                    rows.put(cell.get_position(), cells::cell_of(cell.get_value().clone().into(), false))?;
                }
            }
            Self::Xls(book) => {
                rows.put_all(&book.worksheet_range(name).map_err(|error| unreadable(&error.into()))?, false)?;
            }
            Self::Ods(book, extras) => {
                let range = book.worksheet_range(name).map_err(|error| unreadable(&error.into()))?;
                rows.put_all(&range, extras.is_1904)?;
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

#[cfg(test)]
mod tests;
