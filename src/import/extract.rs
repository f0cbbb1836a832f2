//! A file's bytes → its table, whatever the format.

use serde::{Deserialize, Serialize};

use super::pdf::PdfError;
use super::table::Table;
use super::{delimited, pdf, sheet};
use crate::domain::import::Failure;

/// The kinds of files that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Pdf,
    /// XLSX, XLS, XLSB or ODS.
    Spreadsheet,
    /// CSV or TSV.
    Delimited,
}

/// Why a file could not be read, for the person who has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ExtractError {
    /// UPPER_SNAKE_CASE.
    pub code: String,
    /// What is wrong, and where.
    pub message: String,
    /// What to do about it; may be empty where the message says so.
    pub hint: String,
}

impl ExtractError {
    /// An error with its three parts.
    pub fn new(code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), hint: hint.into() }
    }
}

impl From<PdfError> for ExtractError {
    fn from(error: PdfError) -> Self {
        Self::new(error.code(), error.to_string(), "")
    }
}

impl From<ExtractError> for Failure {
    fn from(error: ExtractError) -> Self {
        Self { code: error.code, message: error.message, hint: error.hint }
    }
}

/// Tells the format by the content; names lie.
///
/// # Errors
/// When the content is of no known kind.
pub fn detect(bytes: &[u8]) -> Result<Format, ExtractError> {
    const OLE: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
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
    if start.contains(&0) {
        return Err(ExtractError::new(
            "UNSUPPORTED_FORMAT",
            "this is no price list that can be read: neither PDF, nor a spreadsheet, nor text",
            "save the price list as PDF, XLSX or CSV and upload that",
        ));
    }
    Ok(Format::Delimited)
}

/// Reads the table of a file.
///
/// # Errors
/// When it cannot be read completely; never a part of it.
pub fn extract(bytes: &[u8]) -> Result<Table, ExtractError> {
    match detect(bytes)? {
        Format::Pdf => Ok(pdf::read(bytes, &pdf::Limits::default())?),
        Format::Spreadsheet => sheet::read(bytes),
        Format::Delimited => delimited::read(bytes),
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
        assert_eq!(detect(b"").unwrap_err().code, "FILE_EMPTY");
        assert_eq!(detect(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").unwrap_err().code, "UNSUPPORTED_FORMAT");
    }
}
