//! Workbooks: a cell of every kind that programs write, on as many sheets as there are.

use std::io::{Cursor, Write as _};

use lekalo_documents::table::Table;
use lekalo_documents::{Notice, NoticeKind, ReadLimits, extract, extract_within};
use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::support::documents::row;

const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
/// The cell formats of every workbook here: general, a date, one with its time, a date of the program's own, a text.
const FORMATS: [u32; 5] = [0, 14, 22, 164, 49];

/// A cell as it is kept.
#[derive(Debug, Clone)]
enum Kept {
    Nothing,
    /// The place of its text among those that are kept once for all.
    Shared(String),
    Inline(String),
    /// A formula's text.
    Text(String),
    Number(f64),
    /// Days since the epoch, with one of the [`FORMATS`].
    Date(i32, usize),
    Truth(bool),
    Mistake(&'static str),
    /// What a formula computed, if the program computed it.
    Formula(&'static str, Option<f64>),
}

/// The days from the epoch to 2021-03-15, which is 44,270 of them in one system and fewer in the other.
const MARCH: i32 = 44_270;
const LATER_EPOCH: i32 = 1_462;

impl Kept {
    /// What a person reads in it.
    fn seen(&self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Shared(text) | Self::Inline(text) | Self::Text(text) => text.trim().to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Date(days, _) => format!("2021-03-{:02}", 15 + days - MARCH),
            Self::Truth(truth) => truth.to_string(),
            Self::Mistake(mistake) => (*mistake).to_owned(),
            Self::Formula(_, Some(number)) => number.to_string(),
            Self::Formula(formula, None) => format!("={formula}"),
        }
    }

    fn xml(&self, place: &str, shared: &mut Vec<String>, epoch: i32) -> String {
        match self {
            Self::Nothing => format!("<c r=\"{place}\" s=\"4\"/>"),
            Self::Shared(text) => {
                shared.push(text.clone());
                format!("<c r=\"{place}\" t=\"s\"><v>{}</v></c>", shared.len() - 1)
            }
            Self::Inline(text) => format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{}</t></is></c>", escaped(text)),
            Self::Text(text) => format!("<c r=\"{place}\" t=\"str\"><f>A1</f><v>{}</v></c>", escaped(text)),
            Self::Number(number) => format!("<c r=\"{place}\"><v>{number}</v></c>"),
            Self::Date(days, format) => format!("<c r=\"{place}\" s=\"{format}\"><v>{}</v></c>", days - epoch),
            Self::Truth(truth) => format!("<c r=\"{place}\" t=\"b\"><v>{}</v></c>", i32::from(*truth)),
            Self::Mistake(mistake) => format!("<c r=\"{place}\" t=\"e\"><v>{mistake}</v></c>"),
            Self::Formula(formula, value) => {
                let value = value.map(|value| format!("<v>{value}</v>")).unwrap_or_default();
                format!("<c r=\"{place}\"><f>{formula}</f>{value}</c>")
            }
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A workbook of sheets, each with the number of its first row and its cells.
fn workbook(sheets: &[(u32, Vec<Vec<Kept>>)], is_1904: bool) -> Vec<u8> {
    let epoch = if is_1904 { LATER_EPOCH } else { 0 };
    let mut shared = Vec::new();
    let mut parts: Vec<(String, String)> = Vec::new();
    for ((first, rows), number) in sheets.iter().zip(1..) {
        let mut data = String::new();
        for (cells, row) in rows.iter().zip(*first..) {
            let cell = |(cell, column): (&Kept, char)| cell.xml(&format!("{column}{row}"), &mut shared, epoch);
            data += &format!("<row r=\"{row}\">{}</row>", cells.iter().zip('A'..).map(cell).collect::<String>());
        }
        let sheet = format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{data}</sheetData></worksheet>");
        parts.push((format!("xl/worksheets/sheet{number}.xml"), sheet));
    }
    let numbers = 1..=sheets.len();
    let listed: String =
        numbers.clone().map(|it| format!("<sheet name=\"S{it}\" sheetId=\"{it}\" r:id=\"r{it}\"/>")).collect();
    let date_1904 = if is_1904 { "<workbookPr date1904=\"1\"/>" } else { "" };
    let book =
        format!("<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\">{date_1904}<sheets>{listed}</sheets></workbook>");
    let relation = |id: String, kind: &str, target: String| {
        format!("<Relationship Id=\"{id}\" Type=\"{OFFICE}/{kind}\" Target=\"{target}\"/>")
    };
    let mut relations: String =
        numbers.map(|it| relation(format!("r{it}"), "worksheet", format!("worksheets/sheet{it}.xml"))).collect();
    relations += &relation("s".into(), "styles", "styles.xml".into());
    relations += &relation("t".into(), "sharedStrings", "sharedStrings.xml".into());
    let formats: String = FORMATS.iter().map(|format| format!("<xf numFmtId=\"{format}\"/>")).collect();
    let texts: String =
        shared.iter().map(|text| format!("<si><t xml:space=\"preserve\">{}</t></si>", escaped(text))).collect();
    let root = relation("b".into(), "officeDocument", "xl/workbook.xml".into());
    parts.extend([
        ("_rels/.rels".into(), format!("<Relationships xmlns=\"{PACKAGE}\">{root}</Relationships>")),
        ("xl/workbook.xml".into(), book),
        (
            "xl/_rels/workbook.xml.rels".into(),
            format!("<Relationships xmlns=\"{PACKAGE}\">{relations}</Relationships>"),
        ),
        (
            "xl/styles.xml".into(),
            format!(
                "<styleSheet xmlns=\"{MAIN}\"><numFmts count=\"1\"><numFmt numFmtId=\"164\" \
                 formatCode=\"dd\\.mm\\.yyyy\"/></numFmts><cellXfs>{formats}</cellXfs></styleSheet>"
            ),
        ),
        ("xl/sharedStrings.xml".into(), format!("<sst xmlns=\"{MAIN}\">{texts}</sst>")),
    ]);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn inline(cells: &[&str]) -> Vec<Kept> {
    cells.iter().map(|cell| Kept::Inline((*cell).to_owned())).collect()
}

fn kept() -> impl Strategy<Value = Kept> {
    let text = || prop::sample::select(vec!["Кедр", " А6 ", "a&b<c>", "2018", "=1+1", "'", "две\nстроки", "«Ё»"]);
    let number = || {
        prop_oneof![
            (-3000_i32..3000).prop_map(f64::from),
            (1..400_i32).prop_map(|tenths| f64::from(tenths) / 10.0),
            Just(123_456_789_012.0),
        ]
    };
    let mistakes = vec!["#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!"];
    prop_oneof![
        2 => Just(Kept::Nothing),
        2 => text().prop_map(|text| Kept::Shared(text.to_owned())),
        2 => text().prop_map(|text| Kept::Inline(text.to_owned())),
        1 => text().prop_map(|text| Kept::Text(text.to_owned())),
        2 => number().prop_map(Kept::Number),
        2 => (MARCH - 14..MARCH + 17, 1..4_usize).prop_map(|(days, format)| Kept::Date(days, format)),
        1 => any::<bool>().prop_map(Kept::Truth),
        1 => prop::sample::select(mistakes).prop_map(Kept::Mistake),
        1 => prop::option::of(number()).prop_map(|value| Kept::Formula("B2*2", value)),
    ]
}

fn texts(table: &Table) -> Vec<(i32, i32, Vec<String>)> {
    table.rows.iter().map(|row| (row.page_number, row.row_number, row.cells.clone())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn every_cell_comes_back(
        sheets in prop::collection::vec((1..9_u32, prop::collection::vec(prop::collection::vec(kept(), 4), 1..5)), 1..4),
        is_1904 in any::<bool>(),
    ) {
        let names = ["Марка", "Модель", "Год", "Описание"];
        let mut written = Vec::new();
        let mut wanted = Vec::new();
        for ((first, rows), page) in sheets.iter().zip(1..) {
            written.push((*first, std::iter::once(inline(&names)).chain(rows.iter().cloned()).collect()));
            let year = |(at, cell): (usize, &Kept)| match cell {
                Kept::Date(..) if at == 2 => "2021".to_owned(),
                cell => cell.seen(),
            };
            let seen = rows.iter().map(|row| row.iter().enumerate().map(year).collect::<Vec<_>>());
            // A row without text is none, and its number is the next one's.
            let seen = seen.filter(|row| row.iter().any(|cell| !cell.is_empty()));
            wanted.extend(seen.zip(1..).map(|(cells, row)| (page, row, cells)));
        }
        let file = workbook(&written, is_1904);
        if wanted.is_empty() {
            prop_assert_eq!(extract(&file).unwrap_err().code, "NO_ROWS");
        } else {
            let table = extract(&file).unwrap();
            for page in 1..=sheets.len() as i32 {
                // What follows an empty row in a single cell, up to the end, is a note.
                let below = |notice: &&Notice| notice.page_number == page && notice.kind == NoticeKind::BelowTable;
                let below: usize = table.notices.iter().filter(below).map(|notice| notice.count).sum();
                let rows: Vec<_> = wanted.iter().filter(|row| row.0 == page).collect();
                let (rows, notes) = rows.split_at(rows.len() - below);
                prop_assert!(texts(&table).iter().filter(|row| row.0 == page).eq(rows.iter().copied()));
                prop_assert!(notes.iter().all(|(.., cells)| cells.iter().filter(|cell| !cell.is_empty()).count() == 1));
            }
            prop_assert_eq!(&table.header, &names);
            // Sheets with a header alone hide nothing, and have no place in the table.
            prop_assert!(table.headers.iter().all(|row| row.cells == names));
        }
    }
}

fn rows_of(file: &[u8]) -> Vec<String> {
    let table = extract(file).unwrap();
    table.rows.iter().map(|row| format!("{}.{} {}", row.page_number, row.row_number, row.cells.join("|"))).collect()
}

#[test]
fn sheets_find_each_others_columns_by_name() {
    let sheets = [
        (1, vec![inline(&["Марка", "Модель", "Цена"]), inline(&["Кедр", "А6", "10"])]),
        (3, vec![inline(&["Прайс лета"]), inline(&["model", "Year", "MAKE"]), inline(&["2", "2018", "Бриз"])]),
    ];
    let table = extract(&workbook(&sheets, false)).unwrap();
    assert_eq!(table.header, ["Марка", "Модель", "Цена", "Year"]);
    assert_eq!(rows_of(&workbook(&sheets, false)), ["1.1 Кедр|А6|10|", "2.1 Бриз|2||2018"]);
    let titles: Vec<&str> = table.titles().map(|row| row.cells[0].as_str()).collect();
    assert_eq!((titles, table.headers[1].page_number), (vec!["Прайс лета"], 2));
}

#[test]
fn a_remark_beside_the_table_is_kept_in_a_column_of_its_own() {
    let rows = vec![
        inline(&["Марка", "Модель"]),
        inline(&["Кедр", "А6"]),
        inline(&["Бриз", "2", "", "спросить"]),
        inline(&["Лотос", "3"]),
    ];
    let file = workbook(&[(1, rows)], false);
    assert_eq!(rows_of(&file), ["1.1 Кедр|А6|", "1.2 Бриз|2|спросить", "1.3 Лотос|3|"]);
    assert_eq!(extract(&file).unwrap().header, ["Марка", "Модель", ""]);
}

#[test]
fn parts_may_inflate_to_as_much_as_allowed_and_not_a_byte_more() {
    let file = workbook(&[(1, vec![inline(&["Марка", "Модель"]), inline(&["Кедр", "А6"])])], false);
    let mut archive = zip::ZipArchive::new(Cursor::new(&file)).unwrap();
    let length: u64 = (0..archive.len()).map(|part| archive.by_index(part).unwrap().size()).sum();
    let within = |inflated_bytes: u64| extract_within(&file, &ReadLimits { inflated_bytes });
    assert_eq!(within(length).unwrap().rows.len(), 1);
    let error = within(length - 1).unwrap_err();
    assert_eq!(
        (error.code.as_str(), error.message.as_str()),
        ("LIMIT_EXCEEDED", "the file inflates to more than 0 MiB")
    );
    assert_eq!(ReadLimits::default().inflated_bytes, 256 << 20);
}

#[test]
fn a_part_that_fails_its_checksum_or_has_two_names_is_damage() {
    let file = workbook(&[(1, vec![inline(&["Марка", "Модель"]), inline(&["Кедр", "А6"])])], false);
    assert_eq!(rows_of(&file), ["1.1 Кедр|А6"]);
    let again = |why: &str| format!("the workbook cannot be read: {why}");
    let error = |file: &[u8]| {
        let error = extract(file).unwrap_err();
        assert_eq!(error.code, "FILE_DAMAGED");
        error.message
    };
    // In the part's own header the name begins after thirty bytes; the first part is the first sheet.
    let mut renamed = file.clone();
    assert_eq!(&renamed[30..33], b"xl/");
    renamed[30] = b'z';
    assert_eq!(error(&renamed), again("its part «xl/worksheets/sheet1.xml» has two different names"));
    let mut flipped = file.clone();
    flipped[30 + "xl/worksheets/sheet1.xml".len() + 20] ^= 1;
    assert_eq!(error(&flipped), again("its part «xl/worksheets/sheet1.xml» does not match its checksum"));
    assert_eq!(error(&file[..file.len() - 30]), again("it is cut off, or no spreadsheet"));
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("letter.txt", SimpleFileOptions::default()).unwrap();
    zip.write_all(b"Hello").unwrap();
    assert_eq!(error(&zip.finish().unwrap().into_inner()), again("it is an archive, but no workbook is in it"));
}

#[test]
fn cells_far_away_or_out_of_order_are_told() {
    let with = |rows: &str| {
        let start = [row(1, &[("A", "Марка"), ("B", "Модель")]), row(2, &[("A", "Кедр"), ("B", "А6")])].concat();
        extract(&crate::support::documents::workbook(&[&(start + rows)]))
    };
    assert_eq!(with(&row(3, &[("IV", "x")])).unwrap().header.len(), 3, "the last column that is read");
    let error = with(&row(3, &[("IW", "x")])).unwrap_err();
    assert_eq!(error.code, "LIMIT_EXCEEDED");
    let message = "sheet «S1»: the cell IW3 stands far to the right of any table; only 256 columns are read";
    assert_eq!((error.message.as_str(), error.hint.as_str()), (message, "delete that cell"));
    let error = with(&(row(9, &[("A", "Бриз")]) + &row(4, &[("A", "Лотос")]))).unwrap_err();
    assert_eq!(error.code, "FILE_DAMAGED");
    assert_eq!(error.message, "sheet «S1»: the workbook cannot be read: row 4 comes after row 9");
}
