//! Tables of documents that are marked up (HTML, DOCX): what their elements say, in order → tables as those of sheets. A page is
//! a table.

use crate::ExtractError;
use crate::grid::{Grid, MAX_COLUMNS, Overhang};
use crate::notice::{Notice, NoticeKind};
use crate::sheet::{Content, Merges, Rows};
use crate::table::Table;

/// How deeply tables may stand in each other.
const MAX_DEPTH: usize = 32;
/// How many tables a document may have.
const MAX_TABLES: usize = 10_000;
/// How much of the text around tables is kept to be quoted, in bytes.
const MAX_AROUND: usize = 400;

/// A table as it is marked up.
#[derive(Debug, Default)]
struct Marked {
    /// Row, column, text.
    cells: Vec<(u32, u32, String)>,
    /// First row, first column, last row, last column.
    merges: Vec<[u32; 4]>,
    /// For each column, up to which row a cell from above goes on in it.
    taken: Vec<u32>,
    /// How many rows have begun.
    rows: u32,
    /// Where the next cell of the row stands.
    column: u32,
    /// The cell that is open.
    text: Option<String>,
}

/// How a cell begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// It covers so many columns and rows.
    Cell { columns: u32, rows: u32 },
    /// It continues the one above, over so many columns.
    Continued { columns: u32 },
}

/// Takes what a document says, in order.
#[derive(Debug, Default)]
pub(crate) struct Markup {
    /// Those that are open, the innermost last, with their numbers.
    open: Vec<(usize, Marked)>,
    tables: Vec<Marked>,
    /// Text that is in no table: how many pieces, and how they begin.
    around: usize,
    around_text: String,
    /// Whether a piece of it goes on.
    is_around: bool,
}

impl Markup {
    /// A table begins.
    ///
    /// # Errors
    /// When there are too many, or it stands too deep in others.
    pub(crate) fn table(&mut self) -> Result<(), ExtractError> {
        self.is_around = false;
        if self.open.len() >= MAX_DEPTH || self.tables.len() >= MAX_TABLES {
            let message = format!("the document has more than {MAX_TABLES} tables, or {MAX_DEPTH} in each other");
            return Err(ExtractError::new("LIMIT_EXCEEDED", message, "save the table alone as XLSX or CSV"));
        }
        self.open.push((self.tables.len(), Marked::default()));
        self.tables.push(Marked::default());
        Ok(())
    }

    /// The innermost table ends.
    pub(crate) fn end_table(&mut self) {
        self.end_cell();
        if let Some((number, table)) = self.open.pop()
            && let Some(place) = self.tables.get_mut(number)
        {
            *place = table;
        }
    }

    /// A row of it begins.
    pub(crate) fn row(&mut self) {
        self.end_cell();
        if let Some((_, table)) = self.open.last_mut() {
            (table.rows, table.column) = (table.rows.saturating_add(1), 0);
        }
    }

    /// A cell of it begins.
    pub(crate) fn cell(&mut self, start: Start) {
        self.end_cell();
        if let Some((_, table)) = self.open.last_mut() {
            table.begin(start);
        }
    }

    /// The open cell ends.
    pub(crate) fn end_cell(&mut self) {
        if let Some((_, table)) = self.open.last_mut() {
            table.end();
        }
    }

    /// Some text.
    pub(crate) fn text(&mut self, text: &str) {
        if let Some(cell) = self.open.last_mut().and_then(|(_, table)| table.text.as_mut()) {
            cell.push_str(text);
        } else if !text.trim().is_empty() {
            if !self.is_around {
                self.around += 1;
            }
            if self.around_text.len() < MAX_AROUND {
                let parts = if self.is_around || self.around_text.is_empty() { "" } else { " / " };
                self.around_text.extend(parts.chars().chain(text.chars().take(MAX_AROUND)));
            }
            self.is_around = true;
        }
    }

    /// The text's line ends.
    pub(crate) fn line_end(&mut self) {
        match self.open.last_mut().and_then(|(_, table)| table.text.as_mut()) {
            Some(cell) => cell.push('\n'),
            None => self.is_around = false,
        }
    }

    /// The rows of all its tables. One without names that is as wide as the one before goes on with that one's rows.
    ///
    /// # Errors
    /// When no table has a header and rows, or one grows too large.
    pub(crate) fn read(mut self) -> Result<Table, ExtractError> {
        while !self.open.is_empty() {
            self.end_table();
        }
        let mut whole: Option<Table> = None;
        let (mut no_table, mut notices) = (None, Vec::new());
        let mut names: Option<Vec<(u32, u32, String)>> = None;
        for (page_number, marked) in (1..).zip(self.tables) {
            let width = |cells: &[(u32, u32, String)]| cells.iter().map(|(_, column, _)| *column).max();
            let goes_on = names.as_ref().filter(|names| width(names) == width(&marked.cells));
            let first: Vec<_> = marked.cells.iter().filter(|(row, ..)| *row == 1).cloned().collect();
            let read = match marked.content(page_number, None)? {
                Content::PassedOver(Some(error), _) if error.code == "NO_HEADER" && goes_on.is_some() => {
                    marked.content(page_number, goes_on)?
                }
                content => content,
            };
            let mut table = match read {
                Content::Nothing => continue,
                Content::PassedOver(error, notice) => {
                    notice.add_to(&mut notices);
                    no_table = no_table.or(error);
                    continue;
                }
                Content::Table(table) => table,
            };
            std::mem::take(&mut table.notices).into_iter().for_each(|notice| notice.add_to(&mut notices));
            if goes_on.is_some() && !table.headers.is_empty() && table.headers.iter().all(|row| row.page_number == 0) {
                table.headers.clear();
            } else {
                names = Some(first);
            }
            match &mut whole {
                Some(whole) => whole.append(table),
                None => whole = Some(table),
            }
        }
        let none = || ExtractError::new("NO_HEADER", "the document has no table", "put the price list into a table");
        let mut whole = whole.ok_or_else(|| no_table.unwrap_or_else(none))?;
        if self.around > 0 {
            let text: Vec<&str> = self.around_text.split_whitespace().collect();
            Notice::new(NoticeKind::AroundTable, 1, self.around, &text.join(" ")).add_to(&mut notices);
        }
        whole.notices = notices;
        Ok(whole)
    }
}

impl Marked {
    fn begin(&mut self, start: Start) {
        let row = self.rows.max(1);
        let taken = |column: u32| self.taken.get(column as usize).copied().unwrap_or(0);
        let (columns, rows) = match start {
            Start::Cell { columns, rows } => {
                while taken(self.column) >= row {
                    self.column = self.column.saturating_add(1);
                }
                (columns, rows)
            }
            Start::Continued { columns } => (columns, 1),
        };
        let (first, last) = (self.column, self.column.saturating_add(columns.clamp(1, MAX_COLUMNS as u32) - 1));
        let last_row = row.saturating_add(rows.max(1) - 1);
        self.column = last.saturating_add(1);
        if let Start::Continued { .. } = start {
            // The one above ends a row later; what stands here is its own.
            if let Some(merge) = self.merges.iter_mut().rev().find(|merge| merge[1] == first && merge[2] + 1 == row) {
                merge[2] = row;
            }
        } else {
            self.merges.push([row, first, last_row, last]);
            if rows > 1 && (last as usize) < MAX_COLUMNS {
                self.taken.resize(self.taken.len().max(last as usize + 1), 0);
                self.taken.iter_mut().take(last as usize + 1).skip(first as usize).for_each(|taken| *taken = last_row);
            }
        }
        self.cells.push((row, first, String::new()));
        self.text = Some(String::new());
    }

    fn end(&mut self) {
        let Some(text) = self.text.take() else { return };
        if let Some((.., cell)) = self.cells.last_mut() {
            let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
            let lines: Vec<String> = text.lines().map(words).filter(|line| !line.is_empty()).collect();
            *cell = lines.join("\n");
        }
    }

    /// What it holds; below the names of another table if it has none.
    fn content(&self, page_number: i32, names: Option<&Vec<(u32, u32, String)>>) -> Result<Content, ExtractError> {
        let merges = self.merges.iter().copied().filter(|[top, left, bottom, right]| bottom > top || right > left);
        let mut rows = Rows::new(page_number, Grid::new(page_number, Overhang::Remark), Merges::new(merges.collect()));
        for (_, column, text) in names.into_iter().flatten() {
            rows.put((0, *column), text.as_str().into())?;
        }
        for (row, column, text) in &self.cells {
            rows.put((*row, *column), text.as_str().into())?;
        }
        let mut content = rows.finish()?;
        if let (Content::Table(table), Some(_)) = (&mut content, names) {
            table.headers.iter_mut().for_each(|row| row.page_number = 0);
        }
        Ok(content)
    }
}
