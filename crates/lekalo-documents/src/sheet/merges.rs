//! Merged cells: what stands in the first one holds for all of them.

use crate::ExtractError;
use crate::grid::MAX_COLUMNS;

/// How much text all merged cells together may repeat, in bytes.
const MAX_REPEATED: usize = 64 << 20;

/// A sheet's merged cells, as its rows go by.
#[derive(Debug, Default)]
pub(crate) struct Merges {
    /// First row, first column, last row, last column; the one that begins last comes first.
    ahead: Vec<[u32; 4]>,
    /// Those that begin in the row at hand.
    here: Vec<[u32; 4]>,
    /// For each column the text of the one that goes on in it, and to which row.
    open: Vec<Option<(u32, String)>>,
    repeated: usize,
}

impl Merges {
    pub(crate) fn new(mut ahead: Vec<[u32; 4]>) -> Self {
        ahead.sort_unstable_by(|a, b| b.cmp(a));
        Self { ahead, ..Self::default() }
    }

    /// Fills the cells of a row with text of its own that belong to merged ones.
    ///
    /// # Errors
    /// When so much text is repeated that no price list has it.
    pub(super) fn fill(&mut self, row: u32, cells: &mut Vec<String>) -> Result<(), ExtractError> {
        self.here.clear();
        while let Some(next) = self.ahead.pop_if(|next| next[0] <= row) {
            if next[0] == row {
                // Where another one begins, none goes on.
                let columns = next[1] as usize..=(next[3] as usize).min(MAX_COLUMNS);
                self.open
                    .iter_mut()
                    .enumerate()
                    .filter(|(at, _)| columns.contains(at))
                    .for_each(|(_, open)| *open = None);
                self.here.push(next);
            }
        }
        for (column, open) in self.open.iter().enumerate() {
            let Some((_, text)) = open.as_ref().filter(|(last, _)| *last >= row) else { continue };
            if cells.len() <= column {
                cells.resize(column + 1, String::new());
            }
            if let Some(cell) = cells.get_mut(column).filter(|cell| cell.is_empty()) {
                self.repeated += text.len();
                cell.clone_from(text);
            }
        }
        if self.repeated > MAX_REPEATED {
            let message = format!("merged cells repeat their text into more than {} MiB", MAX_REPEATED >> 20);
            return Err(ExtractError::new("LIMIT_EXCEEDED", message, "unmerge the cells beyond the table"));
        }
        Ok(())
    }

    /// What the row at hand says for those below it: the column, up to which row, the text.
    pub(super) fn begun(&self, cells: &[String]) -> Vec<(usize, u32, String)> {
        let tall = self.here.iter().filter(|[first, _, last, _]| last > first);
        let text = |[_, column, last, _]: &[u32; 4]| {
            let at = *column as usize;
            let text = cells.get(at).filter(|text| !text.is_empty() && at < MAX_COLUMNS)?;
            Some((at, *last, text.clone()))
        };
        tall.filter_map(text).collect()
    }

    /// Has it hold for them: of names, and of what is above them, nothing is repeated.
    pub(super) fn go_on(&mut self, begun: Vec<(usize, u32, String)>) {
        for (at, last, text) in begun {
            if self.open.len() <= at {
                self.open.resize(at + 1, None);
            }
            if let Some(open) = self.open.get_mut(at) {
                *open = Some((last, text));
            }
        }
    }

    /// Where the row at hand has cells that are merged across columns: the first and the last of them.
    pub(super) fn spans(&self) -> Vec<(usize, usize)> {
        let wide = self.here.iter().filter(|[_, first, _, last]| last > first && (*last as usize) < MAX_COLUMNS);
        wide.map(|[_, first, _, last]| (*first as usize, *last as usize)).collect()
    }
}
