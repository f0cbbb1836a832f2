//! Spreadsheets: XLSX, XLS, XLSB and ODS. A page is a sheet.

use std::io::Cursor;

use calamine::{Data, Range, Reader as _, open_workbook_auto_from_rs};

use super::delimited;
use super::extract::ExtractError;
use super::table::Table;

/// Reads every sheet that has a header; all of them must have the same columns.
///
/// # Errors
/// When the workbook is damaged or protected, no sheet has a header, or two sheets' columns differ.
pub fn read(bytes: &[u8]) -> Result<Table, ExtractError> {
    let mut workbook = open_workbook_auto_from_rs(Cursor::new(bytes)).map_err(damaged)?;
    let mut whole: Option<Table> = None;
    let (mut without_header, mut without_rows) = (None, None);
    for (page_number, sheet) in (1i32..).zip(workbook.sheet_names()) {
        let range = workbook.worksheet_range(&sheet).map_err(damaged)?;
        if range.is_empty() {
            continue;
        }
        let table = match delimited::table(records(&range), page_number) {
            Ok(table) => table,
            Err(error) if error.code == "NO_HEADER" => {
                let message = format!("sheet «{sheet}»: {}", error.message);
                without_header.get_or_insert(ExtractError { message, ..error });
                continue;
            }
            Err(error) if error.code == "NO_ROWS" => {
                without_rows.get_or_insert(error);
                continue;
            }
            Err(error) => {
                return Err(ExtractError { message: format!("sheet «{sheet}»: {}", error.message), ..error });
            }
        };
        match &mut whole {
            None => whole = Some(table),
            Some(whole) if whole.header == table.header => {
                whole.rows.extend(table.rows);
                whole.header_pages.extend(table.header_pages);
            }
            Some(whole) => {
                return Err(ExtractError::new(
                    "COLUMNS_DIFFER",
                    format!(
                        "sheet «{sheet}» has the columns {}, but the sheet before it has {}",
                        table.header.join(", "),
                        whole.header.join(", ")
                    ),
                    "give all sheets the same columns, or upload them as separate files",
                ));
            }
        }
    }
    match (whole, without_header) {
        // A sheet that was not read would be lost without a trace.
        (_, Some(error)) => Err(error),
        (Some(whole), None) => Ok(whole),
        (None, None) => {
            Err(without_rows
                .unwrap_or_else(|| ExtractError::new("NO_ROWS", "the workbook has no cells", "check the file")))
        }
    }
}

/// The sheet's rows from its first used cell on; [`Range`] is as large as its used corner to corner.
fn records(range: &Range<Data>) -> Vec<Vec<String>> {
    range.rows().map(|row| row.iter().map(text).collect()).collect()
}

/// A cell as a person reads it: whole numbers without a fraction.
fn text(cell: &Data) -> String {
    match cell {
        Data::Empty => String::new(),
        Data::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}"),
        other => other.to_string().trim().to_owned(),
    }
}

fn damaged(error: calamine::Error) -> ExtractError {
    let protected = error.to_string().to_lowercase().contains("password");
    if protected {
        return ExtractError::new("FILE_ENCRYPTED", "the workbook is protected by a password", "save it without one");
    }
    ExtractError::new(
        "FILE_DAMAGED",
        "the workbook cannot be read: it is cut off, damaged, or no spreadsheet",
        "save it again as XLSX, or upload it as CSV",
    )
}
