//! Reads the one table of a PDF price list, exactly or not at all.
//!
//! PDF knows no tables: a page is glyphs and painted paths. The way from there to rows, one module per step:
//!
//! 1. [`checks`]: is the file whole? A lenient reader loses rows of a damaged file silently, so everything that can be verified is.
//! 2. [`glyphs`] and [`text_run`]: a page's glyphs, joined into runs of text, and the axis-parallel edges of its painted paths.
//! 3. [`lines`] and [`header`]: runs on one baseline; which line names the columns, which lines are running headers and footers.
//! 4. [`rulings`]: long edges, clustered into the table's rulings.
//! 5. [`columns`] and [`boundaries`]: where columns part, by rulings or by a dynamic programme over the text; runs into columns.
//! 6. [`bands`], [`rows`] and [`cells`]: which lines make a row, by rulings or by the rows' IDs; lines into cells.
//!
//! Nothing is guessed about the words: cells come out as they stand. To support another layout, find the step that misreads it,
//! add a small document that shows it to `tests/fixtures/pdf/` (with its expected rows), and change that step alone.
//!
//! Lengths are points on the page as it is looked at: x to the right, y downwards.

mod bands;
mod boundaries;
mod cells;
mod checks;
mod columns;
mod error;
mod glyphs;
mod header;
mod lines;
mod rows;
mod rulings;
mod text_run;

pub use error::PdfError;

use std::time::Duration;

use super::table::Table;

/// What a document may cost at most; a reader under a memory and time limit should get lower ones than those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PdfLimits {
    /// Pages in the document (default 2,000).
    pub max_pages: usize,
    /// Bytes all compressed streams together may inflate to (default 256 MiB).
    pub max_inflated_bytes: u64,
    /// Drawing operations of one page, forms within forms included (default 200,000; a dense page has some 10,000).
    pub max_callbacks_per_page: usize,
    /// Wall time for drawing all pages (default 30 s; 40 pages take about 0.05 s).
    pub max_time: Duration,
}

impl Default for PdfLimits {
    fn default() -> Self {
        Self {
            max_pages: 2_000,
            max_inflated_bytes: 256 << 20,
            max_callbacks_per_page: 200_000,
            max_time: Duration::from_secs(30),
        }
    }
}

/// Reads the table of a PDF document. An encrypted document is tried with the empty password.
///
/// # Errors
/// Every doubt whether the document was read completely is an error; see [`PdfError`].
pub fn read(bytes: &[u8], limits: &PdfLimits) -> Result<Table, PdfError> {
    // A stranger's file may meet a bug in the PDF library: that is one more damaged file.
    let table = std::panic::catch_unwind(|| read_whole(bytes, limits));
    table.unwrap_or_else(|_| Err(PdfError::damaged(None, "reading it failed in an unforeseen way")))
}

fn read_whole(bytes: &[u8], limits: &PdfLimits) -> Result<Table, PdfError> {
    let reads = checks::ReadBudget::new(bytes.len());
    checks::file(bytes, &reads, limits)?;
    let pdf = checks::open(bytes)?;
    checks::streams(&pdf, &reads, limits)?;
    let has_text = checks::pages(&pdf, limits)?;
    let pages = glyphs::pages(&pdf, &has_text, limits)?;
    let pages = lines::table_pages(pages)?;
    let geometry = columns::geometry(&pages);
    rows::table(&pages, &geometry)
}
