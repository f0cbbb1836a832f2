//! Documents → tables of cells: PDF, spreadsheets (XLSX, XLSB, XLS, ODS), DOCX, HTML and delimited text (CSV, TSV), read whole or
//! not at all.
//!
//! A reader is a function from bytes to a [`Table`]. To add one, name it in [`Format`], tell it by its content in
//! [`detect`], keep its messages as plain as those of its neighbours, and give `fuzz/` a target for it.

#![warn(unreachable_pub)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod blocks;
pub mod delimited;
mod docx;
mod encodings;
mod error;
mod grid;
mod heading;
pub mod html;
mod markup;
mod notice;
pub mod pdf;
mod raw_csv;
mod rows;
pub mod sheet;
pub mod step_file;
pub mod table;

pub use error::{ExtractError, ReadLimits};
pub use notice::{Notice, NoticeKind};
pub use raw_csv::{read_raw, write_raw};
pub use rows::Rows;

use table::Table;

/// How the container of XLS files, and of protected XLSX files, begins.
pub(crate) const OLE: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

/// Where a web page begins at the latest.
const HTML_SEARCH: usize = 64 << 10;

/// The kinds of files that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Pdf,
    /// XLSX, XLS, XLSB or ODS, or DOCX, which is an archive as well.
    Spreadsheet,
    /// A web page; some programs call it a spreadsheet.
    Html,
    /// CSV, TSV or another separator.
    Delimited,
}

/// Tells the format by the content; names lie.
///
/// # Errors
/// When the content is of no known kind.
pub fn detect(bytes: &[u8]) -> Result<Format, ExtractError> {
    let start = bytes.get(..1024).unwrap_or(bytes);
    if bytes.is_empty() {
        return Err(ExtractError::new("FILE_EMPTY", "the file is empty (0 bytes)", "upload it again"));
    }
    if start.windows(5).any(|window| window == b"%PDF-") {
        return Ok(Format::Pdf);
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(OLE) {
        return Ok(Format::Spreadsheet);
    }
    let unsupported = |message: &str| {
        Err(ExtractError::new("UNSUPPORTED_FORMAT", message, "save the price list as PDF, XLSX or CSV and upload that"))
    };
    if start.contains(&0) && !start.starts_with(b"\xff\xfe") && !start.starts_with(b"\xfe\xff") {
        return unsupported("this is no price list that can be read: neither PDF, nor a spreadsheet, nor text");
    }
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    if text.starts_with(b"<") {
        let start = bytes.get(..HTML_SEARCH).unwrap_or(bytes).to_ascii_lowercase();
        let has = |tag: &[u8]| start.windows(tag.len()).any(|window| window == tag);
        if has(b"<html") || has(b"<table") || has(b"<!doctype html") {
            return Ok(Format::Html);
        }
        return unsupported("this is XML, though its name may say otherwise");
    }
    if text.starts_with(b"{\\rtf") {
        return unsupported("this is a text document (RTF)");
    }
    Ok(Format::Delimited)
}

/// Reads the table of a file, within the usual limits.
///
/// # Errors
/// As [`extract_within`].
pub fn extract(bytes: &[u8]) -> Result<Table, ExtractError> {
    extract_within(bytes, &ReadLimits::default())
}

/// Reads the table of a file.
///
/// # Errors
/// When it cannot be read completely; never a part of it.
pub fn extract_within(bytes: &[u8], limits: &ReadLimits) -> Result<Table, ExtractError> {
    match detect(bytes)? {
        Format::Pdf => {
            let limits = pdf::PdfLimits { max_inflated_bytes: limits.inflated_bytes, ..pdf::PdfLimits::default() };
            Ok(pdf::read(bytes, &limits)?)
        }
        Format::Spreadsheet => sheet::read(bytes, limits),
        Format::Html => html::read(bytes),
        Format::Delimited => delimited::read(bytes),
    }
}

/// The same, a row at a time where the format allows it: of a text little more than itself is in memory.
///
/// # Errors
/// As [`extract_within`].
pub fn extract_rows(bytes: Vec<u8>, limits: &ReadLimits) -> Result<Rows, ExtractError> {
    match detect(&bytes)? {
        Format::Delimited => delimited::rows(bytes),
        Format::Pdf | Format::Spreadsheet | Format::Html => extract_within(&bytes, limits).map(Rows::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_content() {
        assert_eq!(detect(b"%PDF-1.4\n"), Ok(Format::Pdf));
        assert_eq!(detect(b"PK\x03\x04rest"), Ok(Format::Spreadsheet));
        assert_eq!(detect("ID;Марка;Модель\n".as_bytes()), Ok(Format::Delimited));
        assert_eq!(detect("\u{feff}\n<HTML><table>".as_bytes()), Ok(Format::Html));
        assert_eq!(detect(b"<?xml version=\"1.0\"?><Workbook>").unwrap_err().code, "UNSUPPORTED_FORMAT");
        assert_eq!(detect(b"").unwrap_err().code, "FILE_EMPTY");
        assert_eq!(detect(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").unwrap_err().code, "UNSUPPORTED_FORMAT");
    }
}
