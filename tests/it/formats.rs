//! Spreadsheets and text as real programs save them: exact rows, or an error that says what to do.

use crate::support::documents::{fixtures, row, workbook};
use std::path::Path;

use lekalo_documents::extract;
use lekalo_documents::table::Table;
use lekalo_documents::{Notice, NoticeKind, read_raw, write_raw};

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// The lines of a table as the fixtures tell them: number 0 for a line that is no row.
fn lines(table: &Table) -> Vec<Vec<String>> {
    let width = table.header.len();
    let line = |page: i32, number: i32, cells: &[String]| {
        let mut cells = cells.to_vec();
        cells.resize(width.max(cells.len()), String::new());
        [page.to_string(), number.to_string()].into_iter().chain(cells).collect()
    };
    let mut lines: Vec<(i32, i32, Vec<String>)> =
        table.headers.iter().map(|row| (row.page_number, 0, line(row.page_number, 0, &row.cells))).collect();
    lines.extend(
        table
            .rows
            .iter()
            .map(|row| (row.page_number, row.row_number, line(row.page_number, row.row_number, &row.cells))),
    );
    lines.sort_by_key(|(page, number, _)| (*page, *number));
    let head = ["page_number", "row_number"].map(String::from).into_iter().chain(table.header.clone());
    std::iter::once(head.collect()).chain(lines.into_iter().map(|(_, _, line)| line)).collect()
}

fn expected(path: &Path, width: usize) -> Vec<Vec<String>> {
    let rows = format!("{}.rows", path.display());
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_path(rows).unwrap();
    let records = reader.records().map(|record| {
        let mut cells: Vec<String> = record.unwrap().iter().map(str::to_owned).collect();
        cells.resize(width.max(cells.len()), String::new());
        cells
    });
    records.collect()
}

#[test]
fn every_fixture_is_read_exactly() {
    let mut count = 0;
    for path in fixtures() {
        let read = extract(&std::fs::read(&path).unwrap());
        if name(&path).starts_with("protected") {
            let error = read.unwrap_err();
            assert_eq!(error.code, "FILE_ENCRYPTED", "{}: {error}", name(&path));
            assert!(error.message.contains("password"), "{error}");
            continue;
        }
        let table = read.unwrap_or_else(|error| panic!("{}: {error}", name(&path)));
        let got = lines(&table);
        let wanted = expected(&path, table.header.len() + 2);
        for (got, wanted) in got.iter().zip(&wanted) {
            assert_eq!(got, wanted, "{}", name(&path));
        }
        assert_eq!(got.len(), wanted.len(), "{}", name(&path));
        count += 1;
    }
    assert!(count >= 10, "only {count} fixtures");
}

#[test]
fn every_table_survives_raw_csv() {
    for path in fixtures() {
        let Ok(table) = extract(&std::fs::read(&path).unwrap()) else { continue };
        let mut file = Vec::new();
        write_raw(&table, &mut file).unwrap();
        let back = read_raw(file.as_slice()).unwrap();
        assert_eq!((back.header, back.rows), (table.header, table.rows), "{}", name(&path));
    }
}

#[test]
fn a_truncated_workbook_is_an_error_wherever_it_is_cut() {
    for path in fixtures() {
        let bytes = std::fs::read(&path).unwrap();
        if !bytes.starts_with(b"PK") {
            continue;
        }
        for percent in (1..100).step_by(3) {
            let error = extract(&bytes[..bytes.len() * percent / 100]).unwrap_err();
            assert!(
                ["FILE_DAMAGED", "NO_HEADER"].contains(&error.code.as_str()),
                "{} cut at {percent} %: {error}",
                name(&path)
            );
        }
    }
}

#[test]
fn a_sheet_without_a_header_is_told_with_its_first_lines() {
    let table = [row(1, &[("A", "Марка"), ("B", "Модель")]), row(2, &[("A", "Кедр"), ("B", "А6")])].concat();
    let contacts = row(3, &[("B", "Бишкек"), ("D", "ул. Примерная, 5")]);
    let error = extract(&workbook(&["", &contacts])).unwrap_err();
    assert_eq!(error.code, "NO_HEADER");
    assert!(error.message.contains("«S2»") && error.message.contains("Бишкек | ул. Примерная, 5"), "{error}");
    // Beside a sheet with a table it is passed over, and told.
    for (sheets, page_number) in [([table.as_str(), contacts.as_str()], 2), ([contacts.as_str(), table.as_str()], 1)] {
        let read = extract(&workbook(&sheets)).unwrap();
        let text = "Бишкек | ул. Примерная, 5".to_owned();
        let sheet = format!("S{page_number}");
        let notice = Notice { kind: NoticeKind::SheetWithoutTable, page_number, sheet, count: 2, text };
        assert_eq!((read.rows.len(), read.notices), (1, vec![notice]));
    }
    assert_eq!(extract(&workbook(&[&table, ""])).unwrap().rows.len(), 1);
    assert_eq!(extract(&workbook(&[""])).unwrap_err().code, "NO_ROWS");
}

#[test]
fn a_cell_at_the_far_end_is_named() {
    let table = [row(1, &[("A", "Марка"), ("B", "Модель")]), row(2, &[("A", "Кедр"), ("B", "А6")])].concat();
    let error = extract(&workbook(&[&(table.clone() + &row(1_048_576, &[("XFD", "x")]))])).unwrap_err();
    assert_eq!(error.code, "LIMIT_EXCEEDED");
    assert!(error.message.contains("XFD1048576"), "{error}");
    let deep = extract(&workbook(&[&(table + &row(1_048_576, &[("B", "x")]))])).unwrap();
    assert_eq!(deep.rows.len(), 2);
}
