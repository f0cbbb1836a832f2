//! Delimited text: CSV and TSV, in UTF-8, UTF-16 or windows-1251, separated by comma, semicolon or tab.

use std::io::Cursor;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1251};

use super::grid::{Grid, HEADER_SEARCH, Overhang};
use super::table::{Column, Table, TableRow};
use crate::ExtractError;
use crate::rows::Rows;
use crate::step_file::unescape;

/// Put at the text's end: if it is read as a line of its own, every quoted cell before it has ended.
const LAST: &str = "LekaloLast";

/// Reads the table below the first line that names its columns.
///
/// # Errors
/// As [`rows`].
pub fn read(bytes: &[u8]) -> Result<Table, ExtractError> {
    rows(bytes.to_vec())?.table()
}

/// The same, a row at a time: all at once, short rows take many times their size. The whole text is looked through before
/// the first one.
///
/// # Errors
/// When no line names the columns, a quoted cell does not end, or the text is no text.
pub fn rows(bytes: Vec<u8>) -> Result<Rows, ExtractError> {
    let mut text = decode(bytes)?;
    if let Some(place) = text.find('\0') {
        let line = 1 + text.bytes().take(place).filter(|byte| *byte == b'\n').count();
        let message = format!("line {line} of the file holds a zero byte, which no text has");
        return Err(ExtractError::new("FILE_DAMAGED", message, "save the file as CSV (UTF-8) again"));
    }
    // No more room than that: a large text grows by as much again.
    text.reserve_exact(LAST.len() + 1);
    text.push('\n');
    text.push_str(LAST);
    let delimiter = delimiter(&text);
    let mut lines = Lines::of(text, delimiter);
    while lines.next_row()?.is_some() {}
    let shape = lines.grid.finish()?;
    let (header, headers, count) = (shape.header.clone(), shape.headers.clone(), shape.rows);
    let mut again = Lines::of(lines.reader.into_inner().into_inner(), delimiter);
    let rows = std::iter::from_fn(move || again.next_row().transpose());
    Ok(Rows { header, headers, count, rows: Box::new(rows.map(move |row| Ok(shape.fit(row?)))) })
}

/// The lines of a text.
struct Lines {
    reader: csv::Reader<Cursor<String>>,
    record: csv::StringRecord,
    delimiter: u8,
    grid: Grid,
}

impl Lines {
    fn of(text: String, delimiter: u8) -> Self {
        let reader = format(delimiter).from_reader(Cursor::new(text));
        Self { reader, record: csv::StringRecord::new(), delimiter, grid: Grid::new(1, Overhang::Misread) }
    }

    /// The next row; none after the last.
    fn next_row(&mut self) -> Result<Option<TableRow>, ExtractError> {
        let Self { reader, record, delimiter, grid } = self;
        loop {
            let (start, line) = (reader.position().byte(), reader.position().line());
            let is_read = reader.read_record(record).map_err(|_| unclosed(line))?;
            let raw = between(reader.get_ref().get_ref(), start, reader.position().byte());
            if raw.trim_start() == LAST {
                return Ok(None);
            }
            let columns = grid.header().map_or(usize::MAX, <[String]>::len);
            let swallows = |cell: &str| swallowed_lines(cell, *delimiter, columns);
            if !is_read || raw.ends_with(LAST) || misquoted(raw, *delimiter) || record.iter().any(swallows) {
                return Err(unclosed(line));
            }
            let cells = record.iter().map(|cell| unescape(cell.trim()).trim().to_owned()).collect();
            if let Some(row) = grid.push(line, cells)? {
                return Ok(Some(row));
            }
        }
    }
}

fn format(delimiter: u8) -> csv::ReaderBuilder {
    let mut format = csv::ReaderBuilder::new();
    format.delimiter(delimiter).has_headers(false).flexible(true);
    format
}

fn between(text: &str, start: u64, end: u64) -> &str {
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    text.get(place(start)..place(end)).unwrap_or_default()
}

/// Whether a cell of several lines goes on behind the quote that ends it: that quote was meant to begin another cell.
fn misquoted(record: &str, delimiter: u8) -> bool {
    let (mut in_quotes, mut cell_begins, mut lines) = (false, true, 0);
    let mut bytes = record.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if in_quotes && bytes.peek() == Some(&b'"') => {
                bytes.next();
            }
            b'"' if in_quotes => {
                in_quotes = false;
                if lines > 0 && bytes.peek().is_some_and(|next| *next != delimiter && !matches!(next, b'\r' | b'\n')) {
                    return true;
                }
            }
            b'"' if cell_begins => (in_quotes, lines) = (true, 0),
            b'\n' if in_quotes => lines += 1,
            _ => {}
        }
        cell_begins = !in_quotes && byte == delimiter || matches!(byte, b'\r' | b'\n') && cell_begins;
    }
    false
}

/// Whether a cell looks like whole lines of the table: its quote was meant to end earlier.
fn swallowed_lines(cell: &str, delimiter: u8, columns: usize) -> bool {
    let separators = |line: &str| line.bytes().filter(|byte| *byte == delimiter).count();
    cell.contains('\n') && cell.lines().any(|line| separators(line) >= columns.saturating_sub(1).max(2))
}

fn unclosed(line: u64) -> ExtractError {
    let message = format!("a quote that opens a cell on line {line} of the file does not close where the cell ends");
    ExtractError::new("FILE_DAMAGED", message, "mend the quotes on that line, or save the file as CSV again")
}

/// The file's text. Without a byte order mark it is UTF-8, or else windows-1251; what is mostly UTF-8 is damaged UTF-8.
fn decode(bytes: Vec<u8>) -> Result<String, ExtractError> {
    let mark = Encoding::for_bom(&bytes).map(|(encoding, _)| encoding);
    if let Some(encoding) = mark.filter(|encoding| *encoding != UTF_8) {
        let (text, _, has_errors) = encoding.decode(&bytes);
        return if has_errors { Err(damaged(&bytes, encoding.name())) } else { Ok(text.into_owned()) };
    }
    // UTF-8 becomes text where it is: a large file is not there twice.
    let bytes = match String::from_utf8(bytes) {
        Ok(mut text) => {
            text.drain(..mark.map_or(0, |_| '\u{feff}'.len_utf8()));
            return Ok(text);
        }
        Err(error) => error.into_bytes(),
    };
    let (mut letters, mut invalid) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        letters += chunk.valid().chars().filter(|ch| !ch.is_ascii()).count();
        invalid += usize::from(!chunk.invalid().is_empty());
    }
    if mark.is_some() || letters > invalid {
        return Err(damaged(&bytes, "UTF-8"));
    }
    Ok(WINDOWS_1251.decode_without_bom_handling(&bytes).0.into_owned())
}

fn damaged(bytes: &[u8], encoding: &str) -> ExtractError {
    let place = match (encoding, std::str::from_utf8(bytes)) {
        ("UTF-8", Err(error)) => format!("byte {} of the file", error.valid_up_to() + 1),
        _ => "the file".to_owned(),
    };
    let message = format!("{place} is no {encoding} as the rest is: it is cut off or damaged there");
    ExtractError::new("FILE_DAMAGED", message, "save the file as CSV (UTF-8) again")
}

/// The separator with which a line names the columns, or else the one that the first line has most of.
fn delimiter(text: &str) -> u8 {
    const CANDIDATES: [u8; 3] = [b',', b';', b'\t'];
    let names_columns = |delimiter: &u8| {
        let reader = format(*delimiter).from_reader(text.as_bytes());
        let mut records = reader.into_records().take(HEADER_SEARCH + 1).flatten();
        records.any(|record| Column::is_header(record.iter()))
    };
    let first = text.lines().next().unwrap_or_default();
    let most = |delimiter: &u8| first.bytes().filter(|byte| byte == delimiter).count();
    CANDIDATES.into_iter().find(names_columns).or_else(|| CANDIDATES.into_iter().max_by_key(most)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(table: &Table) -> Vec<Vec<&str>> {
        table.rows.iter().map(|row| row.cells.iter().map(String::as_str).collect()).collect()
    }

    fn utf16(text: &str) -> Vec<u8> {
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn separators_and_encodings_are_detected() {
        let text = "Прайс\nМарка;Модель;Год\nТойота;Камри;2018\n\n\"Ниссан; Япония\";Жук;\n";
        for bytes in [text.as_bytes().to_vec(), WINDOWS_1251.encode(text).0.into_owned(), utf16(text)] {
            let table = read(&bytes).unwrap();
            assert_eq!(table.header, ["Марка", "Модель", "Год"]);
            assert_eq!(cells(&table), [vec!["Тойота", "Камри", "2018"], vec!["Ниссан; Япония", "Жук", ""]]);
            assert_eq!(table.headers.len(), 2);
        }
        let table = read("\u{feff}Make\tModel\nKia\tRio\n".as_bytes()).unwrap();
        assert_eq!(cells(&table), [vec!["Kia", "Rio"]]);
    }

    #[test]
    fn a_separator_inside_a_quoted_name_parts_nothing() {
        let table = read("\"Год; с, по\";Марка;Модель\n2018;Киа;Рио\n".as_bytes()).unwrap();
        assert_eq!(cells(&table), [vec!["2018", "Киа", "Рио"]]);
    }

    #[test]
    fn damaged_utf_8_is_not_taken_for_another_encoding() {
        let mut bytes = "Make,Model\nТойота,Камри\nНиссан,Жук\n".as_bytes().to_vec();
        bytes[12] = b'?';
        assert!(read(&bytes).unwrap_err().message.contains("byte 12 of the file is no UTF-8"));
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
        assert!(error.message.contains("line 2 has 4 cells"), "{}", error.message);
    }

    #[test]
    fn a_quote_that_never_closes_swallows_no_rows() {
        for rows in ["1,\"Кедр,А6\n2,Бриз,2\n3,Лотос,5\n", "1,\"Кедр,А6\n2,\"Бриз,2\n3,Лотос,5\n"]
        {
            let error = read(format!("ID,Марка,Модель\n{rows}").as_bytes()).unwrap_err();
            assert!(error.message.contains("line 2"), "{}", error.message);
        }
        let table = read("ID,Марка,Модель\n1,\"Кедр\nи Ко, завод\",А6\n".as_bytes()).unwrap();
        assert_eq!(cells(&table), [vec!["1", "Кедр\nи Ко, завод", "А6"]]);
    }

    #[test]
    fn what_an_export_escaped_is_itself_again() {
        let table = read("Марка,Модель,Описание\nКедр,-,'=1+1\nБриз,-2020,'тихий'\n".as_bytes()).unwrap();
        assert_eq!(cells(&table), [vec!["Кедр", "-", "=1+1"], vec!["Бриз", "-2020", "'тихий'"]]);
    }
}
