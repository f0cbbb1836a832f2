//! What can be wrong with a PDF price list, said so that the shop can act on it.

use super::PdfLimits;
use crate::ExtractError;

/// Why a PDF document was not read. Page numbers count from 1 in the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PdfError {
    /// Nothing was uploaded.
    #[error("the file is empty (0 bytes); upload it again")]
    Empty,
    /// Something else than PDF.
    #[error(
        "this is not a PDF file: it does not begin with %PDF-; export the price list as PDF, or upload it as XLSX or CSV"
    )]
    NotPdf,
    /// The end of the file is missing.
    #[error(
        "the PDF file is cut off: its last bytes are missing (no %%EOF mark at the end); download or export it again"
    )]
    Truncated,
    /// A check of the file's integrity failed.
    #[error("the PDF file is damaged{}: {check}; download or export it again", on_page(.page))]
    Damaged {
        /// The page concerned, where it is known.
        page: Option<i32>,
        /// The check that failed, as a clause.
        check: String,
    },
    /// It opens with a password only.
    #[error("the PDF file is protected by a password (an empty one was tried); export it without a password")]
    PasswordProtected,
    /// It is encrypted in a way that cannot be read.
    #[error("the PDF file is encrypted in a way that cannot be read; export it without encryption")]
    UnsupportedEncryption,
    /// It uses a compression whose integrity cannot be checked.
    #[error(
        "the PDF file compresses text with {filter}, which cannot be checked for damage; print it to PDF again with a current program"
    )]
    UnsupportedCompression {
        /// The PDF filter's name.
        filter: String,
    },
    /// Pictures of pages only.
    #[error(
        "the PDF file has no text: its pages are scanned or drawn pictures; export the price list from the program it was written in"
    )]
    NoText,
    /// A page whose content shows text of which none is seen, among others with text.
    #[error(
        "page {page} should show text and does not, so its rows could not be read; if the page is meant to be blank, remove it, else export the file again"
    )]
    PageWithoutText {
        /// The page.
        page: i32,
    },
    /// Glyphs that stand for no known character.
    #[error(
        "page {page} has text that cannot be read (its font does not say which characters it shows), near \"{near}\"; export the file again with embedded fonts"
    )]
    UnreadableText {
        /// The page.
        page: i32,
        /// The readable text around it.
        near: String,
    },
    /// No line names the columns.
    #[error(
        "no table header found: one line must name at least the brand and model columns (\"Марка\", \"Модель\" or \"Make\", \"Model\"); the first lines read are: {first_lines}"
    )]
    NoHeader {
        /// The first lines of the document.
        first_lines: String,
    },
    /// A header and nothing below it.
    #[error(
        "the table has a header (page {header_page}) but no rows below it; check that the right document was exported"
    )]
    NoRows {
        /// The page of the header.
        header_page: i32,
    },
    /// The table is too wide for its pages.
    #[error(
        "the table's columns run onto separate pages: page {page} has the columns {columns} without make and model; export the file again with all columns fitted to the width of one page"
    )]
    ColumnsOnSeparatePages {
        /// The first page with the remaining columns.
        page: i32,
        /// Their names.
        columns: String,
    },
    /// A page with a table of other columns.
    #[error(
        "page {page} names other columns than the table ({first_line}); remove the page if it does not belong to the price list, else export the file again"
    )]
    PageOutsideTable {
        /// The page.
        page: i32,
        /// The first line on it.
        first_line: String,
    },
    /// Neither rulings nor IDs tell where a row ends.
    #[error(
        "the rows on page {page} cannot be told apart: there are no lines between them and most have no readable ID; export the table with cell borders"
    )]
    RowsUnclear {
        /// The page.
        page: i32,
    },
    /// One of the [`PdfLimits`] was met.
    #[error("the PDF file is too large: more than {max} {what}; split it, or export the table alone")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        max: u64,
    },
}

impl PdfError {
    /// A name that stays the same when the wording changes; the other formats' errors share these.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "FILE_EMPTY",
            Self::NotPdf | Self::UnsupportedCompression { .. } => "UNSUPPORTED_FORMAT",
            Self::Truncated | Self::Damaged { .. } => "FILE_DAMAGED",
            Self::PasswordProtected | Self::UnsupportedEncryption => "FILE_ENCRYPTED",
            Self::NoText => "FILE_HAS_NO_TEXT",
            Self::PageWithoutText { .. } => "PAGE_HAS_NO_TEXT",
            Self::UnreadableText { .. } => "TEXT_UNREADABLE",
            Self::NoHeader { .. } => "NO_HEADER",
            Self::NoRows { .. } => "NO_ROWS",
            Self::ColumnsOnSeparatePages { .. } => "COLUMNS_ON_SEPARATE_PAGES",
            Self::PageOutsideTable { .. } => "PAGE_OUTSIDE_TABLE",
            Self::RowsUnclear { .. } => "ROWS_UNCLEAR",
            Self::TooLarge { .. } => "LIMIT_EXCEEDED",
        }
    }

    pub(super) fn damaged(page: Option<i32>, check: impl Into<String>) -> Self {
        Self::Damaged { page, check: check.into() }
    }

    pub(super) fn too_many_pages(limits: &PdfLimits) -> Self {
        Self::TooLarge { what: "pages", max: limits.max_pages as u64 }
    }

    pub(super) fn too_many_bytes(limits: &PdfLimits) -> Self {
        Self::TooLarge { what: "bytes once decompressed", max: limits.max_inflated_bytes }
    }
}

fn on_page(page: &Option<i32>) -> String {
    page.map(|page| format!(" (page {page})")).unwrap_or_default()
}

impl From<PdfError> for ExtractError {
    fn from(error: PdfError) -> Self {
        Self::new(error.code(), error.to_string(), "")
    }
}
