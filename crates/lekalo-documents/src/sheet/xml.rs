//! What the parts of a workbook say beside their cells. The spreadsheet library takes the first of what may be there only once,
//! or the last, and passes the merged cells of ODS over.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Cursor};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

use super::damaged;
use crate::ExtractError;

/// Reads each part's elements to its end.
fn elements(
    from: impl BufRead,
    mut element: impl FnMut(&Event<'_>) -> Result<(), ExtractError>,
) -> Result<(), ExtractError> {
    let mut reader = Reader::from_reader(from);
    // As the spreadsheet library reads them.
    let config = reader.config_mut();
    config.check_end_names = false;
    config.expand_empty_elements = true;
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).map_err(|_| damaged("one of its parts is no XML"))? {
            Event::Eof => return Ok(()),
            event @ (Event::Start(_) | Event::End(_)) => element(&event)?,
            _ => {}
        }
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let value = element.try_get_attribute(name).ok()??;
    Some(value.normalized_value(quick_xml::XmlVersion::Implicit1_0).ok()?.into_owned())
}

/// No sheet of an XLSX says the same row twice, or has its rows in two places.
///
/// # Errors
/// When one does: programs differ in which of them they show.
pub(super) fn check_sheets(bytes: &[u8], parts: &[String]) -> Result<(), ExtractError> {
    let mut archive = archive(bytes)?;
    for name in parts.iter().filter(|name| name.to_ascii_lowercase().ends_with(".xml")) {
        let (mut rows, mut places) = (None, 0);
        let part = archive.by_name(name).map_err(|_| unreadable())?;
        let read = elements(BufReader::new(part), |event| {
            let Event::Start(element) = event else { return Ok(()) };
            match element.local_name().as_ref() {
                "sheetData" => places += 1,
                "row" if places > 0 => {
                    let row = attribute(element, "r");
                    if row.is_some() && row == rows {
                        let row: String = row.unwrap_or_default().chars().take(10).collect();
                        return Err(damaged(&format!("the row {row} comes twice in its part «{name}»")));
                    }
                    rows = row;
                }
                _ => {}
            }
            if places > 1 { Err(damaged(&format!("its part «{name}» has two tables of cells"))) } else { Ok(()) }
        });
        // What is no sheet may be no XML either.
        if places > 0 {
            read?;
        }
    }
    Ok(())
}

/// What an ODS has beside its cells.
#[derive(Debug, Default)]
pub(super) struct OdsExtras {
    /// Whether days are counted from 1904.
    pub(super) is_1904: bool,
    /// Merged cells by the sheet's name.
    pub(super) merges: HashMap<String, Vec<[u32; 4]>>,
}

/// Looks for it in the workbook's content.
///
/// # Errors
/// When that is no XML.
pub(super) fn ods_extras(bytes: &[u8]) -> Result<OdsExtras, ExtractError> {
    let mut extras = OdsExtras::default();
    let (mut sheet, mut row, mut next_row, mut column) = (String::new(), 0_u32, 0_u32, 0_u32);
    let mut archive = archive(bytes)?;
    let part = archive.by_name("content.xml").map_err(|_| unreadable())?;
    elements(BufReader::new(part), |event| {
        let Event::Start(element) = event else { return Ok(()) };
        let number = |name: &str| attribute(element, name).and_then(|text| text.parse::<u32>().ok()).unwrap_or(1);
        match element.name().as_ref() {
            "table:null-date" => {
                extras.is_1904 = attribute(element, "table:date-value").is_some_and(|day| day.starts_with("1904"));
            }
            "table:table" => {
                (sheet, next_row) = (attribute(element, "table:name").unwrap_or_default(), 0);
            }
            "table:table-row" => {
                (row, column) = (next_row, 0);
                next_row = next_row.saturating_add(number("table:number-rows-repeated"));
            }
            "table:table-cell" | "table:covered-table-cell" => {
                let (rows, columns) = (number("table:number-rows-spanned"), number("table:number-columns-spanned"));
                if rows > 1 || columns > 1 {
                    let last = [row.saturating_add(rows.max(1) - 1), column.saturating_add(columns.max(1) - 1)];
                    extras.merges.entry(sheet.clone()).or_default().push([row, column, last[0], last[1]]);
                }
                column = column.saturating_add(number("table:number-columns-repeated"));
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(extras)
}

fn archive(bytes: &[u8]) -> Result<ZipArchive<Cursor<&[u8]>>, ExtractError> {
    ZipArchive::new(Cursor::new(bytes)).map_err(|_| unreadable())
}

fn unreadable() -> ExtractError {
    damaged("its list of parts is damaged")
}
