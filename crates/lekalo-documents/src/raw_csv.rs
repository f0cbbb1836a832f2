//! `raw.csv`: page and row, then the document's own columns.

use std::io::{Read, Write};

use crate::step_file::{FileError, Problems, Sheet, escape, positive, writer};
use crate::table::{Table, TableRow};

const PLACE: [&str; 2] = ["page_number", "row_number"];

/// Writes a table; the document's header is the file's. Header rows of the document are not among a table's rows and so not in
/// the file: `headers` are lost.
pub fn write_raw(table: &Table, to: impl Write) -> Result<(), FileError> {
    let mut csv = writer(to)?;
    csv.write_record(PLACE.into_iter().map(str::to_owned).chain(table.header.iter().map(|name| escape(name))))?;
    for row in &table.rows {
        let place = [row.page_number.to_string(), row.row_number.to_string()];
        csv.write_record(place.into_iter().chain(row.cells.iter().map(|cell| escape(cell))))?;
    }
    Ok(csv.flush()?)
}

/// Reads a table that [`write_raw`] wrote or a person edited. Every row gets as many cells as the header has.
pub fn read_raw(from: impl Read) -> Result<Table, FileError> {
    let sheet = Sheet::read(from)?;
    sheet.require(&PLACE)?;
    let places = PLACE.map(|column| sheet.place(column));
    let own: Vec<usize> = (0..sheet.header.len()).filter(|place| !places.contains(&Some(*place))).collect();
    let mut problems = Problems::default();
    let mut table = Table {
        header: own.iter().filter_map(|place| sheet.header.get(*place).cloned()).collect(),
        ..Table::default()
    };
    for (line, cells) in &sheet.rows {
        let text = |place: Option<usize>| place.and_then(|place| cells.get(place)).map_or("", String::as_str);
        let [page_number, row_number] = [0, 1].map(|which| {
            let (column, value) =
                (PLACE.get(which).copied().unwrap_or_default(), text(places.get(which).copied().flatten()));
            positive(value).unwrap_or_else(|| {
                problems.add(*line, column, value, "a number from 1");
                0
            })
        });
        let cells = own.iter().map(|place| text(Some(*place)).to_owned()).collect();
        table.rows.push(TableRow { page_number, row_number, cells });
    }
    problems.into_result(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_comes_back_as_it_was() {
        let row =
            |cells: [&str; 3]| TableRow { page_number: 2, row_number: 7, cells: cells.map(str::to_owned).to_vec() };
        let table = Table {
            header: ["Марка", "Модель", "=x"].map(str::to_owned).to_vec(),
            rows: vec![row(["-", "-2020", "+ багаж"]), row(["a,\"b\"\nc", "", "'=1"])],
            ..Table::default()
        };
        let mut file = Vec::new();
        write_raw(&table, &mut file).unwrap();
        assert!(file.starts_with(b"\xef\xbb\xbfpage_number,row_number,"));
        assert_eq!(read_raw(file.as_slice()).unwrap(), table);
        let without_bom = file.get(3..).unwrap();
        assert_eq!(read_raw(without_bom).unwrap(), table);
    }

    #[test]
    fn bad_places_and_columns_are_told() {
        let error = read_raw("page_number,row_number,Марка\nx,0,Тойота".as_bytes()).unwrap_err();
        let FileError::BadValues { values, more: 0 } = error else { panic!("{error}") };
        assert_eq!(
            values.iter().map(|bad| (bad.line, bad.column.as_str())).collect::<Vec<_>>(),
            [(2, "page_number"), (2, "row_number")]
        );
        let error = read_raw("Марка,Модель".as_bytes()).unwrap_err();
        assert!(matches!(error, FileError::MissingColumns { ref missing, .. } if missing == &PLACE));
        assert!(matches!(read_raw(b"page_number\n\xd2\xee".as_slice()), Err(FileError::Encoding)));
    }
}
