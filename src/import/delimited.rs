//! Delimited text: CSV and TSV, in UTF-8 or windows-1251, separated by comma, semicolon or tab.

use encoding_rs::WINDOWS_1251;

use super::extract::ExtractError;
use super::table::{Column, Table, TableRow};

/// How many lines may precede the header (a title, the shop's address).
const HEADER_SEARCH: usize = 20;

/// The largest price list: far above any real one (a thousand rows), far below what strains the server.
const MAX_ROWS: usize = 200_000;

/// Reads the table below the first line that names its columns.
///
/// # Errors
/// When no line does, a quoted cell does not end, or the text is no text.
pub fn read(bytes: &[u8]) -> Result<Table, ExtractError> {
    if let Some(place) = bytes.iter().position(|byte| *byte == 0) {
        let line = 1 + bytes.iter().take(place).filter(|byte| **byte == b'\n').count();
        let message = format!("line {line} of the file holds a zero byte, which no text has");
        return Err(ExtractError::new("FILE_DAMAGED", message, "save the file as CSV (UTF-8) again"));
    }
    let text = decode(bytes)?;
    let delimiter = delimiter(&text);
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            ExtractError::new(
                "FILE_DAMAGED",
                format!("line {line} of the file cannot be read as {}-separated text", name(delimiter)),
                "check the quotes on that line, or save the file as CSV again",
            )
        })?;
        records.push(record.iter().map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
    }
    table(records, 1)
}

/// Makes a table of records: the header is the first of them that names make and model.
pub(super) fn table(records: Vec<Vec<String>>, page_number: i32) -> Result<Table, ExtractError> {
    let is_header = |record: &Vec<String>| Column::is_header(record.iter().map(String::as_str));
    let Some(place) = records.iter().take(HEADER_SEARCH).position(is_header) else {
        return Err(no_header(&records));
    };
    let mut records = records.into_iter().skip(place);
    let mut header = records.next().unwrap_or_default();
    while header.last().is_some_and(String::is_empty) {
        header.pop();
    }
    let mut table = Table { header, rows: Vec::new(), header_pages: vec![page_number] };
    for mut cells in records {
        if cells.iter().all(String::is_empty) {
            continue;
        }
        let row_number = table.rows.len() as i32 + 1;
        if cells.len() > table.header.len() && cells.iter().skip(table.header.len()).any(|cell| !cell.is_empty()) {
            return Err(ExtractError::new(
                "FILE_DAMAGED",
                format!(
                    "data row {row_number} has {} cells, but the header names only {} columns: {}",
                    cells.len(),
                    table.header.len(),
                    cells.join(" | ")
                ),
                "put cells that contain the separator into quotes, or name the additional columns in the header",
            ));
        }
        if table.rows.len() == MAX_ROWS {
            let message = format!("the table has more than {MAX_ROWS} rows");
            return Err(ExtractError::new("LIMIT_EXCEEDED", message, "split the file"));
        }
        cells.resize(table.header.len(), String::new());
        table.rows.push(TableRow { page_number, row_number, cells });
    }
    if table.rows.is_empty() {
        return Err(ExtractError::new("NO_ROWS", "the table has a header but no rows below it", "check the file"));
    }
    Ok(table)
}

fn no_header(records: &[Vec<String>]) -> ExtractError {
    let first: Vec<String> = records.iter().take(3).map(|record| record.join(" | ")).collect();
    let first: String = first.join(" / ").chars().take(300).collect();
    ExtractError::new(
        "NO_HEADER",
        format!(
            "no table header found: one line must name at least the make and model columns (\"Марка\", \"Модель\" or \
             \"Make\", \"Model\"); the first lines read are: {first}"
        ),
        "add a header line to the file",
    )
}

/// UTF-8, or else windows-1251; a file that begins as UTF-8 with Russian letters and goes on as something else is damaged.
fn decode(bytes: &[u8]) -> Result<String, ExtractError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let Err(error) = std::str::from_utf8(bytes) else { return Ok(String::from_utf8_lossy(bytes).into_owned()) };
    let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
    if valid.is_ascii() {
        return Ok(WINDOWS_1251.decode_without_bom_handling(bytes).0.into_owned());
    }
    let message = format!("byte {} of the file is no UTF-8: it is cut off or damaged there", valid.len() + 1);
    Err(ExtractError::new("FILE_DAMAGED", message, "save the file as CSV (UTF-8) again"))
}

/// The separator that the header line, or else the first line, has most of.
fn delimiter(text: &str) -> u8 {
    let lines: Vec<&str> = text.lines().take(HEADER_SEARCH).collect();
    let candidates = [b',', b';', b'\t'];
    let cells = |line: &str, delimiter: u8| -> Vec<String> {
        line.split(char::from(delimiter)).map(|cell| cell.trim_matches('"').to_owned()).collect()
    };
    let heads =
        |delimiter: &u8| lines.iter().any(|line| Column::is_header(cells(line, *delimiter).iter().map(String::as_str)));
    let most = |delimiter: &u8| lines.first().map_or(0, |line| line.matches(char::from(*delimiter)).count());
    candidates.into_iter().find(heads).or_else(|| candidates.into_iter().max_by_key(most)).unwrap_or(b',')
}

fn name(delimiter: u8) -> &'static str {
    match delimiter {
        b';' => "semicolon",
        b'\t' => "tab",
        _ => "comma",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(table: &Table) -> Vec<Vec<&str>> {
        table.rows.iter().map(|row| row.cells.iter().map(String::as_str).collect()).collect()
    }

    #[test]
    fn separators_and_encodings_are_detected() {
        let text = "Прайс\nМарка;Модель;Год\nТойота;Камри;2018\n\n\"Ниссан; Япония\";Жук;\n";
        for bytes in [text.as_bytes().to_vec(), WINDOWS_1251.encode(text).0.into_owned()] {
            let table = read(&bytes).unwrap();
            assert_eq!(table.header, ["Марка", "Модель", "Год"]);
            assert_eq!(cells(&table), [vec!["Тойота", "Камри", "2018"], vec!["Ниссан; Япония", "Жук", ""]]);
        }
        let table = read("\u{feff}Make\tModel\nKia\tRio\n".as_bytes()).unwrap();
        assert_eq!(cells(&table), [vec!["Kia", "Rio"]]);
    }

    #[test]
    fn a_file_without_a_header_shows_its_first_lines() {
        let error = read("Тойота,Камри\nНиссан,Жук\n".as_bytes()).unwrap_err();
        assert_eq!(error.code, "NO_HEADER");
        assert!(error.message.contains("Тойота | Камри / Ниссан | Жук"), "{}", error.message);
    }

    #[test]
    fn a_row_with_more_cells_than_columns_is_not_cut() {
        let error = read("Марка,Модель\nТойота,Камри,50,55\n".as_bytes()).unwrap_err();
        assert!(error.message.contains("data row 1 has 4 cells"), "{}", error.message);
    }
}
