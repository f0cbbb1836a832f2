//! A file's bytes → its table, whatever the format.

use serde::{Deserialize, Serialize};

use super::pdf::PdfError;
use super::table::Table;
use super::{delimited, pdf, sheet};
use crate::domain::import::Failure;

/// How the container of XLS files, and of protected XLSX files, begins.
pub(super) const OLE: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

/// What reading a file may cost, whoever reads it; a stranger's file is read under the limits of [`super::child`] besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that all compressed parts of a file together may inflate to.
    pub inflated_bytes: u64,
}

impl Default for Limits {
    /// 256 MiB.
    fn default() -> Self {
        Self { inflated_bytes: 256 << 20 }
    }
}

impl Limits {
    pub(super) fn too_much_inflated(&self) -> ExtractError {
        let message = format!("the file inflates to more than {} MiB", self.inflated_bytes >> 20);
        ExtractError::new("LIMIT_EXCEEDED", message, "split it, or save the table alone as CSV")
    }
}

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
        return unsupported("this is a web page or XML, though its name may say otherwise");
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
    extract_within(bytes, &Limits::default())
}

/// Reads the table of a file.
///
/// # Errors
/// When it cannot be read completely; never a part of it.
pub fn extract_within(bytes: &[u8], limits: &Limits) -> Result<Table, ExtractError> {
    match detect(bytes)? {
        Format::Pdf => {
            let limits = pdf::Limits { max_inflated_bytes: limits.inflated_bytes, ..pdf::Limits::default() };
            Ok(pdf::read(bytes, &limits)?)
        }
        Format::Spreadsheet => sheet::read(bytes, limits),
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
        assert_eq!(detect("\u{feff}<html><table>".as_bytes()).unwrap_err().code, "UNSUPPORTED_FORMAT");
        assert_eq!(detect(b"").unwrap_err().code, "FILE_EMPTY");
        assert_eq!(detect(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").unwrap_err().code, "UNSUPPORTED_FORMAT");
    }
}
