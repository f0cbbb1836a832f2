//! Which line names the columns, and what the lines around it add: a heading over several names (`Год выпуска` over `с` and
//! `по`) belongs to each of them.

use crate::table::Column;

/// The longest name of a column below a heading, in characters.
const MAX_NAME: usize = 40;

/// A line before the table's first row.
#[derive(Debug, Clone)]
pub(crate) struct HeadLine {
    /// Its number in the file or sheet.
    pub(crate) number: u64,
    pub(crate) cells: Vec<String>,
    /// Where cells are merged across columns: the first and the last of them.
    pub(crate) spans: Vec<(usize, usize)>,
}

/// Whether these cells name the columns of a table. Where the make is not one of them, headings between the rows say it.
pub(crate) fn names_columns(cells: &[String]) -> bool {
    let names = || cells.iter().map(String::as_str);
    let known: Vec<Column> = names().filter_map(Column::from_header).collect();
    let others = known.iter().filter(|column| **column != Column::Model).count();
    Column::is_header(names())
        || known.contains(&Column::Model) && (known.contains(&Column::Year) || others > 1) && known.len() > 1
}

/// Whether make and model have columns of their own.
pub(crate) fn names_car(cells: &[String]) -> bool {
    let has = |column: Column| cells.iter().any(|name| Column::from_header(name) == Some(column));
    has(Column::Brand) && has(Column::Model)
}

impl HeadLine {
    fn cell(&self, at: usize) -> &str {
        self.cells.get(at).map_or("", String::as_str)
    }

    fn filled(&self) -> impl Iterator<Item = usize> {
        self.cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()).map(|(at, _)| at)
    }

    /// The columns that a heading at this place stands over: those it is merged across, else those up to the next one
    /// whose own names mean nothing.
    fn stands_over(&self, at: usize, names: &Self) -> std::ops::RangeInclusive<usize> {
        if let Some((_, last)) = self.spans.iter().find(|(first, _)| *first == at) {
            return at..=*last;
        }
        let is_free = |next: &usize| {
            let name = names.cell(*next);
            self.cell(*next).is_empty() && !name.is_empty() && Column::from_header(name).is_none()
        };
        let over = if self.spans.is_empty() && Column::from_header(self.cell(at)).is_some() {
            (at + 1..names.cells.len()).take_while(is_free).count()
        } else {
            0
        };
        at..=at + over
    }

    /// The names of the columns, if this line and the one below it name them together: a name stays itself where it means
    /// something, gets what stands over it where it does not, and is what stands over it where it is empty.
    pub(crate) fn over(&self, names: &Self) -> Option<Vec<String>> {
        let mut joined = names.cells.clone();
        let mut is_heading = false;
        for at in self.filled() {
            let columns = self.stands_over(at, names);
            let is_wide = columns.clone().count() > 1;
            joined.resize(joined.len().max(columns.end() + 1), String::new());
            for column in columns {
                let own = names.cell(column);
                if own.chars().count() > MAX_NAME || own.contains(|ch: char| ch.is_ascii_digit()) {
                    return None;
                }
                let Some(name) = joined.get_mut(column) else { continue };
                is_heading |= is_wide && !own.is_empty();
                if own.is_empty() && column == at {
                    self.cell(at).clone_into(name);
                } else if is_wide && !own.is_empty() && Column::from_header(own).is_none() {
                    *name = format!("{} {own}", self.cell(at));
                }
            }
        }
        (is_heading && self.filled().count() > 1 || names_columns(&joined) && !names_columns(&names.cells))
            .then_some(joined)
    }

    /// Whether a line that looks like names is only a heading over those below it, which name make and model.
    pub(crate) fn stands_above(&self, below: &Self) -> bool {
        below.number == self.number + 1 && names_car(&below.cells) && !names_car(&self.cells)
    }

    /// Whether a line below this one, which names the columns, only adds to its names: it says something where one heading
    /// stands over several columns, and nothing of the make and the model.
    pub(crate) fn is_completed_by(&self, below: &Self) -> bool {
        let said: Vec<usize> = below.filled().collect();
        let is_name = |at: &usize| {
            let name = below.cell(*at);
            name.chars().count() <= MAX_NAME && !name.contains(|ch: char| ch.is_ascii_digit())
        };
        let is_under = |at: &usize| self.wide_headings().any(|columns| columns.contains(at));
        below.number == self.number + 1 && said.len() > 1 && said.iter().all(|at| is_under(at) && is_name(at))
    }

    /// Where one name of this line stands over several columns: those it is merged across, or the empty ones beside it.
    fn wide_headings(&self) -> impl Iterator<Item = std::ops::RangeInclusive<usize>> {
        let is_car =
            |at: usize| matches!(Column::from_header(self.cell(at)), Some(Column::Brand | Column::Model | Column::Id));
        let columns = move |at: usize| match self.spans.iter().find(|(first, _)| *first == at) {
            Some((first, last)) => *first..=*last,
            None if self.spans.is_empty() => {
                at..=self.filled().find(|next| *next > at).map_or(at, |next| next.saturating_sub(1))
            }
            None => at..=at,
        };
        self.filled().filter(move |at| !is_car(*at)).map(columns).filter(|columns| columns.clone().count() > 1)
    }
}
