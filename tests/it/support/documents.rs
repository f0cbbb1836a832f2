//! Files that are read: those that lie there, those that are made here, and how the program reads them.

use std::fs::File;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use lekalo::import::sandbox::{Extractor, Line, SandboxLimits};
use lekalo_documents::ExtractError;
use lekalo_documents::table::{Table, TableRow};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::LEKALO;

/// The folders of files that must be read exactly; each file comes with its rows.
pub fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sheets");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| !path.extension().is_some_and(|kind| kind == "rows" || kind == "py")).collect();
    files.sort();
    files
}

/// A workbook of these sheets' XML, stored or deflated.
pub fn workbook(sheets: &[&str]) -> Vec<u8> {
    use std::io::Write as _;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mut part = |name: &str, content: &str| {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    };
    let numbered =
        |text: &str| -> String { (1..=sheets.len()).map(|number| text.replace('#', &number.to_string())).collect() };
    part(
        "_rels/.rels",
        r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#,
    );
    part(
        "xl/workbook.xml",
        &format!(
            r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>{}</sheets></workbook>"#,
            numbered(r##"<sheet name="S#" sheetId="#" r:id="rId#"/>"##)
        ),
    );
    part(
        "xl/_rels/workbook.xml.rels",
        &format!(
            r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>"#,
            numbered(
                r##"<Relationship Id="rId#" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet#.xml"/>"##
            )
        ),
    );
    for (number, rows) in (1..).zip(sheets) {
        part(
            &format!("xl/worksheets/sheet{number}.xml"),
            &format!("<worksheet><sheetData>{rows}</sheetData></worksheet>"),
        );
    }
    zip.finish().unwrap().into_inner()
}

/// A row of an XLSX sheet.
pub fn row(number: u32, cells: &[(&str, &str)]) -> String {
    let cell =
        |(column, text): &(&str, &str)| format!(r#"<c r="{column}{number}" t="inlineStr"><is><t>{text}</t></is></c>"#);
    format!(r#"<row r="{number}">{}</row>"#, cells.iter().map(cell).collect::<String>())
}

/// An XLSX with a table and after it `megabytes` of empty cells.
pub fn inflating(megabytes: usize) -> Vec<u8> {
    let small = workbook(&[""]);
    let mut source = zip::ZipArchive::new(Cursor::new(small)).unwrap();
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..source.len() {
        let part = source.by_index(index).unwrap();
        if !part.name().unwrap().contains("sheet1") {
            zip.raw_copy_file(part).unwrap();
        }
    }
    zip.start_file("xl/worksheets/sheet1.xml", SimpleFileOptions::default().large_file(true)).unwrap();
    let start = [row(1, &[("A", "Марка"), ("B", "Модель")]), row(2, &[("A", "Кедр"), ("B", "А6")])].concat();
    write!(zip, "<worksheet><sheetData>{start}").unwrap();
    let cells = "<c s=\"1\"/>".repeat((1 << 20) / 10);
    (0..megabytes).for_each(|_| write!(zip, "<row>{cells}</row>").unwrap());
    write!(zip, "</sheetData></worksheet>").unwrap();
    zip.finish().unwrap().into_inner()
}

/// Reads a file in a process of its own, as the server does.
pub async fn read(file: &[u8], limits: SandboxLimits) -> Result<Table, ExtractError> {
    let mut upload = tempfile::NamedTempFile::new().unwrap();
    upload.write_all(file).unwrap();
    whole(&Extractor { program: LEKALO.into(), limits }, upload.path()).await
}

/// The table that a child answers with.
pub async fn whole(extractor: &Extractor, file: &Path) -> Result<Table, ExtractError> {
    let mut answer = extractor.open(File::open(file).unwrap())?;
    let mut table = Table::default();
    let mut is_complete = false;
    while let Some(lines) = answer.next().await? {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            match serde_json::from_slice(line).unwrap() {
                Line::Error(error) => return Err(error),
                Line::Table(header, headers, notices, _) => {
                    (table.header, table.headers, table.notices) = (header, headers, notices);
                }
                Line::Row(page_number, row_number, cells) => {
                    table.rows.push(TableRow { page_number, row_number, cells });
                }
                Line::End => is_complete = true,
            }
        }
    }
    assert!(is_complete);
    Ok(table)
}
