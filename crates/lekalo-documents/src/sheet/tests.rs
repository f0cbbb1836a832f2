//! Whole workbooks, made here: what stands beside the tables, and what is ambiguous.

use std::io::Write as _;
use std::path::Path;

use calamine::Data;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::{NoticeKind, extract};

const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006/relationships";

fn archive(parts: &[(&str, String)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Rows of cells that are parted by bars, from the first row on.
fn data(rows: &[&str]) -> String {
    let cell = |row: usize, (column, text): (usize, &str)| {
        let place = format!("{}{row}", char::from(b'A' + column as u8));
        if text.is_empty() {
            String::new()
        } else {
            format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
        }
    };
    let cells = |(row, line): (usize, &&str)| {
        let cells: String = line.split('|').enumerate().map(|it| cell(row, it)).collect();
        format!("<row r=\"{row}\">{cells}</row>")
    };
    let rows: String = (1..).zip(rows).map(cells).collect();
    format!("<sheetData>{rows}</sheetData>")
}

/// A workbook of these sheets: name, state, what is in it.
fn xlsx(sheets: &[(&str, &str, String)]) -> Vec<u8> {
    let listed = |(at, (name, state, _)): (usize, &(&str, &str, String))| {
        format!("<sheet name=\"{name}\" sheetId=\"{at}\" state=\"{state}\" r:id=\"r{at}\"/>")
    };
    let related = |(at, _): (usize, &(&str, &str, String))| {
        format!("<Relationship Id=\"r{at}\" Type=\"{OFFICE}/worksheet\" Target=\"worksheets/sheet{at}.xml\"/>")
    };
    let (list, relations): (String, String) =
        ((1..).zip(sheets).map(listed).collect(), (1..).zip(sheets).map(related).collect());
    let root = format!("<Relationship Id=\"b\" Type=\"{OFFICE}/officeDocument\" Target=\"xl/workbook.xml\"/>");
    let mut parts = vec![
        ("_rels/.rels".to_owned(), format!("<Relationships xmlns=\"{PACKAGE}\">{root}</Relationships>")),
        (
            "xl/workbook.xml".to_owned(),
            format!("<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><sheets>{list}</sheets></workbook>"),
        ),
        (
            "xl/_rels/workbook.xml.rels".to_owned(),
            format!("<Relationships xmlns=\"{PACKAGE}\">{relations}</Relationships>"),
        ),
    ];
    parts.extend((1..).zip(sheets).map(|(at, (.., content))| {
        (format!("xl/worksheets/sheet{at}.xml"), format!("<worksheet xmlns=\"{MAIN}\">{content}</worksheet>"))
    }));
    archive(&parts.iter().map(|(name, content)| (name.as_str(), content.clone())).collect::<Vec<_>>())
}

/// An ODS of these tables: name, style, rows.
fn ods(settings: &str, tables: &[(&str, &str, &str)]) -> Vec<u8> {
    let table = |(name, style, rows): &(&str, &str, &str)| {
        format!("<table:table table:name=\"{name}\" table:style-name=\"{style}\">{rows}</table:table>")
    };
    let styles = "<style:style style:name=\"seen\" style:family=\"table\"><style:table-properties table:display=\"true\"/>\
        </style:style><style:style style:name=\"hidden\" style:family=\"table\"><style:table-properties table:display=\"false\"/>\
        </style:style>";
    let content = format!(
        "<office:document-content xmlns:office=\"o\" xmlns:table=\"t\" xmlns:text=\"x\" xmlns:style=\"s\">\
         <office:automatic-styles>{styles}</office:automatic-styles><office:body><office:spreadsheet>{settings}{}\
         </office:spreadsheet></office:body></office:document-content>",
        tables.iter().map(table).collect::<String>()
    );
    archive(&[
        ("mimetype", "application/vnd.oasis.opendocument.spreadsheet".into()),
        ("content.xml", content),
        ("META-INF/manifest.xml", "<manifest:manifest xmlns:manifest=\"m\"/>".into()),
    ])
}

/// A row of an ODS: cells that are parted by bars, each with what is said of it before a colon.
fn ods_row(cells: &str) -> String {
    let cell = |cell: &str| {
        let (said, text) = cell.split_once(':').unwrap_or(("", cell));
        let said = said.replace('r', "table:number-rows-spanned=").replace('c', " table:number-columns-spanned=");
        match text {
            "" if said.is_empty() => "<table:covered-table-cell/>".to_owned(),
            text => format!(
                "<table:table-cell {said} office:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>"
            ),
        }
    };
    format!("<table:table-row>{}</table:table-row>", cells.split('|').map(cell).collect::<String>())
}

fn rows(table: &Table) -> Vec<String> {
    table.rows.iter().map(|row| format!("{}.{} {}", row.page_number, row.row_number, row.cells.join("|"))).collect()
}

fn told(table: &Table) -> Vec<(NoticeKind, i32, &str, usize, &str)> {
    let notices = table.notices.iter();
    notices.map(|told| (told.kind, told.page_number, told.sheet.as_str(), told.count, told.text.as_str())).collect()
}

#[test]
fn hidden_sheets_and_those_without_a_table_are_passed_over_and_told() {
    let list = data(&["Марка|Модель", "Кедр|А6"]);
    let sheets = [
        ("Справка", "hidden", data(&["Цвета", "чёрный"])),
        ("Прайс", "visible", list.clone()),
        ("Контакты", "visible", data(&["тел.|0555", "Бишкек"])),
        ("Старый", "veryHidden", list.clone()),
        ("Пустой", "visible", data(&[])),
        ("Склад", "visible", data(&["Марка|Модель"])),
        ("Ещё", "visible", data(&["Модель|Марка", "2|Бриз"])),
    ];
    let table = extract(&xlsx(&sheets)).unwrap();
    assert_eq!(rows(&table), ["2.1 Кедр|А6", "7.1 Бриз|2"]);
    assert_eq!(
        told(&table),
        [
            (NoticeKind::HiddenSheet, 1, "Справка", 2, "Цвета | чёрный"),
            (NoticeKind::SheetWithoutTable, 3, "Контакты", 3, "тел. | 0555 | Бишкек"),
            (NoticeKind::HiddenSheet, 4, "Старый", 4, "Марка | Модель | Кедр | А6"),
            (NoticeKind::SheetWithoutTable, 6, "Склад", 2, "Марка | Модель"),
        ]
    );
    let error = extract(&xlsx(&[("Старый", "hidden", list)])).unwrap_err();
    assert_eq!(
        (error.code.as_str(), error.message.as_str()),
        ("NO_ROWS", "only hidden sheets of the workbook have cells")
    );
    // A cell far away is none of a table where nobody looks.
    let far = "<sheetData><row r=\"9\"><c r=\"XFD9\"><v>1</v></c></row></sheetData>".to_owned();
    let table = extract(&xlsx(&[sheets[1].clone(), ("Склад", "hidden", far)])).unwrap();
    assert_eq!(told(&table), [(NoticeKind::HiddenSheet, 2, "Склад", 1, "1")]);
}

#[test]
fn an_ods_has_hidden_sheets_and_merged_cells_too() {
    let list = [
        ods_row("r\"1\"c\"3\":Прайс||"),
        ods_row("Марка|Модель|r\"1\"c\"2\":Год выпуска||Цена"),
        ods_row("||с|по|").replace("covered-table-cell", "table-cell"),
        ods_row("r\"3\":Кедр|А6|2012|2015|10"),
        "<table:table-row table:number-rows-repeated=\"1\"><table:covered-table-cell/></table:table-row>".to_owned(),
        ods_row("|А7|2016||20"),
        ods_row("Бриз|2|2018||30"),
    ];
    let file = ods("", &[("Прайс", "seen", &list.concat()), ("Старый", "hidden", &ods_row("Кедр|А5"))]);
    let table = extract(&file).unwrap();
    assert_eq!(table.header, ["Марка", "Модель", "Год выпуска с", "Год выпуска по", "Цена"]);
    assert_eq!(rows(&table), ["1.1 Кедр|А6|2012|2015|10", "1.2 Кедр|А7|2016||20", "1.3 Бриз|2|2018||30"]);
    assert_eq!(told(&table), [(NoticeKind::HiddenSheet, 2, "Старый", 2, "Кедр | А5")]);
}

#[test]
fn an_ods_counts_its_days_from_where_it_says() {
    let date = |day: &str| format!("<table:table-cell office:value-type=\"date\" office:date-value=\"{day}\"/>");
    let row = |day: &str| ods_row("Кедр|А6").replace("</table:table-row>", &(date(day) + "</table:table-row>"));
    let read = |settings: &str, day: &str| {
        let table = extract(&ods(settings, &[("Прайс", "seen", &(ods_row("Марка|Модель|Год") + &row(day)))])).unwrap();
        (table.rows[0].cells[2].clone(), table.notices[0].kind)
    };
    let since_1904 =
        "<table:calculation-settings><table:null-date table:date-value=\"1904-01-01\"/></table:calculation-settings>";
    assert_eq!(read("", "1905-07-10"), ("2018".to_owned(), NoticeKind::NumbersShownAsDates));
    assert_eq!(read(since_1904, "1909-07-11"), ("2018".to_owned(), NoticeKind::NumbersShownAsDates));
    assert_eq!(read("", "2018-06-01T00:00:00"), ("2018".to_owned(), NoticeKind::DatesAsYears));
}

#[test]
fn what_programs_may_read_in_two_ways_is_refused() {
    let error = |file: &[u8]| {
        let error = extract(file).unwrap_err();
        assert_eq!(error.code, "FILE_DAMAGED", "{error}");
        error.message
    };
    let list = data(&["Марка|Модель", "Кедр|А6"]);
    let of = |content: String| xlsx(&[("Прайс", "visible", content)]);
    assert_eq!(extract(&of(list.clone())).unwrap().rows.len(), 1);
    let twice = error(&of(list.replace("</sheetData>", "<row r=\"2\"><c r=\"C2\"><v>1</v></c></row></sheetData>")));
    assert!(twice.contains("the row 2 comes twice"), "{twice}");
    let two = error(&of(list.clone() + &data(&["Марка|Модель", "Бриз|2"])));
    assert!(two.contains("has two tables of cells"), "{two}");
    let sheets = error(&xlsx(&[("Прайс", "visible", list.clone()), ("Прайс", "visible", list)]));
    assert!(sheets.contains("two of its sheets are called «Прайс»"), "{sheets}");
}

#[test]
fn two_parts_of_one_name_are_refused() {
    let file = xlsx(&[
        ("Прайс", "visible", data(&["Марка|Модель", "Кедр|А6"])),
        ("Другой", "visible", data(&["Марка|Модель", "Бриз|2"])),
    ]);
    // Both names are as long; the list of parts and the part itself say it.
    for name in ["xl/worksheets/sheet1.xml", "XL/Worksheets/Sheet1.xml", "xl\\worksheets\\sheet1.xml"] {
        let mut renamed = file.clone();
        let from = b"xl/worksheets/sheet2.xml";
        let places: Vec<usize> =
            (0..renamed.len() - from.len()).filter(|at| renamed[*at..].starts_with(from)).collect();
        assert_eq!(places.len(), 2);
        places.iter().for_each(|at| renamed[*at..*at + from.len()].copy_from_slice(name.as_bytes()));
        let error = extract(&renamed).unwrap_err();
        assert_eq!(error.code, "FILE_DAMAGED");
        assert!(error.message.contains("two parts by the name") || error.message.contains("list of parts"), "{error}");
    }
}

#[test]
fn every_cell_is_in_a_row_a_header_or_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sheets");
    let mut count = 0;
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let bytes = std::fs::read(&path).unwrap();
        let Ok(Opened::Book(mut book)) = open(&bytes, &ReadLimits::default()) else { continue };
        let table = extract(&bytes).unwrap();
        for (page, sheet) in (1..).zip(book.sheets()) {
            let (mut written, mut covered) = (0, 0);
            let range = match &mut *book {
                Book::Xlsx(book) => book.worksheet_range(&sheet.name).unwrap(),
                Book::Xls(book) => book.worksheet_range(&sheet.name).unwrap(),
                Book::Xlsb(book) => book.worksheet_range(&sheet.name).unwrap(),
                Book::Ods(book, _) => book.worksheet_range(&sheet.name).unwrap(),
            };
            written += range
                .used_cells()
                .filter(|(.., cell)| !matches!(cell, Data::String(text) if text.trim().is_empty()))
                .count();
            for [top, left, bottom, right] in book.merges(&sheet.name).unwrap() {
                covered += ((bottom - top + 1) * (right - left + 1) - 1) as usize;
            }
            let filled = |cells: &[String]| cells.iter().filter(|cell| !cell.is_empty()).count();
            let in_rows: usize =
                table.rows.iter().filter(|row| row.page_number == page).map(|row| filled(&row.cells)).sum();
            let in_headers: usize =
                table.headers.iter().filter(|row| row.page_number == page).map(|row| filled(&row.cells)).sum();
            let passed = table.notices.iter().filter(|told| told.page_number == page && told.is_passed_over());
            let found = in_rows + in_headers + passed.map(|told| told.count).sum::<usize>();
            // A formula without a value is text that the library does not count.
            let formulas = table.rows.iter().flat_map(|row| &row.cells).filter(|cell| cell.starts_with('=')).count();
            let name = path.display();
            assert!(
                (written..=written + covered + formulas).contains(&found),
                "{name}, sheet {page}: {found} of {written}"
            );
            count += written;
        }
    }
    assert!(count > 200, "only {count} cells");
}
