//! Tables that stand side by side under one line of names (`Марка Модель Год | Марка Модель Год`) → one table.

use crate::table::{Column, Table, TableRow};

/// Which columns of a line belong to which of the tables beside each other.
pub(crate) struct Blocks {
    /// The columns of all of them, each once.
    pub(crate) header: Vec<String>,
    /// For each table, where its cells are, and where they go.
    places: Vec<Vec<(usize, usize)>>,
}

impl Blocks {
    /// What this line names.
    pub(crate) fn of(header: &[String]) -> Self {
        let mut parts = parts(header).into_iter();
        let first = parts.next().unwrap_or(0..header.len());
        let mut whole = Table { header: header.get(first.clone()).unwrap_or_default().to_vec(), ..Table::default() };
        let mut places = vec![first.map(|at| (at, at)).collect::<Vec<_>>()];
        for part in parts {
            let own = header.get(part.clone()).unwrap_or_default();
            places.push(part.zip((0..own.len()).map(|at| whole.place_of(own, at))).collect());
        }
        Self { header: whole.header, places }
    }

    /// How many tables there are.
    pub(crate) fn count(&self) -> usize {
        self.places.len()
    }

    /// The row of one of the tables that a line holds, if it holds one.
    pub(crate) fn row(&self, table: usize, line: &[String]) -> Option<Vec<String>> {
        let mut cells = vec![String::new(); self.header.len()];
        for (from, to) in self.places.get(table)? {
            if let (Some(text), Some(cell)) = (line.get(*from), cells.get_mut(*to)) {
                cell.clone_from(text);
            }
        }
        cells.iter().any(|cell| !cell.is_empty()).then_some(cells)
    }

    /// A page's lines, the left table's rows first; they are numbered anew.
    pub(crate) fn unfold(table: Table) -> Table {
        let blocks = Self::of(&table.header);
        if blocks.count() == 1 {
            return table;
        }
        let mut rows = Vec::new();
        for page in table.rows.chunk_by(|a, b| a.page_number == b.page_number) {
            let parts = (0..blocks.count()).flat_map(|block| page.iter().map(move |line| (block, line)));
            let of_page = parts.filter_map(|(block, line)| Some((line.page_number, blocks.row(block, &line.cells)?)));
            rows.extend((1..).zip(of_page).map(|(row_number, (page_number, cells))| TableRow {
                page_number,
                row_number,
                cells,
            }));
        }
        Table { header: blocks.header, rows, ..table }
    }
}

/// The columns that tell rows apart, one of each table: the ID, or else the first.
pub(crate) fn id_columns(header: &[String]) -> Vec<usize> {
    let is_id = |at: &usize| header.get(*at).and_then(|name| Column::from_header(name)) == Some(Column::Id);
    parts(header).into_iter().map(|part| part.clone().find(is_id).unwrap_or(part.start)).collect()
}

/// The columns of each table: the next one begins where a name comes again, if what is before it and what follows both name
/// the columns of a table, and the same car.
fn parts(header: &[String]) -> Vec<std::ops::Range<usize>> {
    let kinds: Vec<Option<Column>> = header.iter().map(|name| Column::from_header(name)).collect();
    let is_table = |from: usize, to: usize| {
        header.get(from..to).is_some_and(|names| Column::is_header(names.iter().map(String::as_str)))
    };
    let known = |from: usize, to: usize| kinds.get(from..to).unwrap_or_default().iter().flatten();
    let (mut parts, mut begin) = (Vec::new(), 0);
    for (at, kind) in kinds.iter().enumerate().filter(|(_, kind)| kind.is_some()) {
        let comes_again = kinds.get(begin..at).is_some_and(|before| before.contains(kind));
        // Where neither make nor model has a column, all of them come again.
        let is_car = |kind: &&Column| matches!(kind, Column::Brand | Column::Model);
        let has_car = known(begin, at).any(|kind| is_car(&kind));
        let same_car = if has_car {
            known(begin, at).filter(is_car).all(|car| known(at, header.len()).any(|kind| kind == car))
        } else {
            known(begin, at).eq(known(at, header.len()).take(known(begin, at).count()))
        };
        if comes_again && same_car && is_table(begin, at) && is_table(at, header.len()) {
            parts.push(begin..at);
            begin = at;
        }
    }
    parts.push(begin..header.len());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &str) -> Vec<String> {
        names.split('|').map(str::to_owned).collect()
    }

    #[test]
    fn a_table_begins_where_its_first_name_comes_again() {
        let parts =
            |header: &str| parts(&names(header)).into_iter().map(|part| (part.start, part.end)).collect::<Vec<_>>();
        assert_eq!(parts("Марка|Модель|Год||Марка|Модель|Год"), [(0, 4), (4, 7)]);
        assert_eq!(parts("№|Марка|Модель|№|Марка|Модель|№|Марка|Модель"), [(0, 3), (3, 6), (6, 9)]);
        assert_eq!(parts("№|Марка|Модель|Марка|Модель"), [(0, 3), (3, 5)]);
        assert_eq!(parts("Марка|Модель|Год|Год выпуска|Цена"), [(0, 5)]);
        assert_eq!(parts("Марка|Модель|Марка"), [(0, 3)]);
    }

    #[test]
    fn no_cell_of_either_is_lost_and_numbers_stay_unique() {
        let row = |page_number, row_number, cells: &str| TableRow { page_number, row_number, cells: names(cells) };
        let table = Blocks::unfold(Table {
            header: names("Марка|Модель|Модель|Марка|Цена"),
            rows: vec![row(1, 1, "Кедр|А6|3|Лотос|5"), row(1, 2, "Бриз|2|||"), row(2, 1, "||4|Нива|6")],
            ..Table::default()
        });
        assert_eq!(table.header, ["Марка", "Модель", "Цена"]);
        let rows: Vec<String> = table
            .rows
            .iter()
            .map(|row| format!("{}.{} {}", row.page_number, row.row_number, row.cells.join("|")))
            .collect();
        assert_eq!(rows, ["1.1 Кедр|А6|", "1.2 Бриз|2|", "1.3 Лотос|3|5", "2.1 Нива|4|6"]);
    }
}
