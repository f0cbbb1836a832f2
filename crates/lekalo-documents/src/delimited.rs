//! Delimited text: CSV and TSV, in UTF-8, UTF-16 or one of the older Russian encodings, separated by comma, semicolon, tab or a
//! vertical bar.

use std::io::Cursor;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1251};

use super::grid::{Grid, GridLine, HEADER_SEARCH, Overhang};
use super::table::{Table, TableRow};
use crate::ExtractError;
use crate::blocks::Blocks;
use crate::encodings;
use crate::heading::{names_car, names_columns};
use crate::notice::{Notice, NoticeKind};
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
    let (mut text, encoding) = decode(bytes)?;
    let guessed = encoding.filter(|encoding| *encoding != WINDOWS_1251);
    let notices = guessed.map(|encoding| Notice::new(NoticeKind::EncodingGuessed, 1, 0, encoding.name()));
    if let Some(place) = text.find('\0') {
        let line = 1 + LineEnds::default().count(text.get(..place).unwrap_or_default());
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
    let text = lines.reader.into_inner().into_inner();
    let notices = notices.into_iter().chain(shape.below.clone()).collect();
    let (headers, blocks) = (shape.headers.clone(), Blocks::of(&shape.header));
    if blocks.count() > 1 {
        // Tables beside each other are few and short: what is left of one comes before what is right of it.
        let mut lines = Lines::of(text, delimiter);
        let rows = std::iter::from_fn(|| lines.next_row().transpose()).collect::<Result<Vec<_>, _>>()?;
        return Ok(Table { notices, ..shape.table(rows) }.into());
    }
    let (header, count) = (shape.header.clone(), shape.rows);
    let mut again = Lines::of(text, delimiter);
    let rows = std::iter::from_fn(move || again.next_row().transpose()).take(count);
    Ok(Rows { header, headers, notices, count, rows: Box::new(rows.map(move |row| Ok(shape.fit(row?)))) })
}

/// The lines of a text.
struct Lines {
    reader: csv::Reader<Cursor<String>>,
    record: csv::StringRecord,
    delimiter: u8,
    grid: Grid,
    /// The line at hand, from 1.
    line: u64,
    ends: LineEnds,
}

impl Lines {
    fn of(text: String, delimiter: u8) -> Self {
        let reader = format(delimiter).from_reader(Cursor::new(text));
        let grid = Grid::new(1, Overhang::Misread);
        Self { reader, record: csv::StringRecord::new(), delimiter, grid, line: 1, ends: LineEnds::default() }
    }

    /// The next row; none after the last.
    fn next_row(&mut self) -> Result<Option<TableRow>, ExtractError> {
        let Self { reader, record, delimiter, grid, line, ends } = self;
        loop {
            let start = reader.position().byte();
            let is_read = reader.read_record(record).is_ok_and(|is_read| is_read);
            let raw = between(reader.get_ref().get_ref(), start, reader.position().byte());
            let text = raw.trim_start_matches(['\r', '\n']);
            let number = *line + ends.count(raw.get(..raw.len() - text.len()).unwrap_or_default());
            let end = number + ends.clone().count(text.trim_end_matches(['\r', '\n']));
            *line = number + ends.count(text);
            if raw.trim_start() == LAST {
                return Ok(None);
            }
            let columns = grid.header().map_or(usize::MAX, <[String]>::len);
            let swallows = |cell: &str| swallowed_lines(cell, *delimiter, columns);
            if !is_read || raw.ends_with(LAST) || misquoted(raw, *delimiter) || record.iter().any(swallows) {
                return Err(unclosed(number));
            }
            if *delimiter == b'|' && record.iter().all(is_ruling) {
                continue;
            }
            let cells = record.iter().map(|cell| unescape(cell.trim()).trim().to_owned()).collect();
            if let Some(row) = grid.push(GridLine { number, end, cells, spans: Vec::new() })? {
                return Ok(Some(row));
            }
        }
    }
}

/// Whether a cell between bars is a piece of the line under the names (`|---|---|`).
fn is_ruling(cell: &str) -> bool {
    cell.chars().all(|ch| matches!(ch, '-' | '=' | ':' | '+' | ' '))
}

/// Counts how lines end, a piece of the text after the other: by LF, CR or both.
#[derive(Debug, Default, Clone)]
struct LineEnds {
    after_cr: bool,
}

impl LineEnds {
    fn count(&mut self, text: &str) -> u64 {
        let mut count = 0;
        for byte in text.bytes() {
            count += u64::from(byte == b'\r' || byte == b'\n' && !self.after_cr);
            self.after_cr = byte == b'\r';
        }
        count
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
            b'\n' | b'\r' if in_quotes => lines += 1,
            _ => {}
        }
        cell_begins = !in_quotes && byte == delimiter || matches!(byte, b'\r' | b'\n') && cell_begins;
    }
    false
}

/// Whether a cell looks like whole lines of the table: its quote was meant to end earlier.
fn swallowed_lines(cell: &str, delimiter: u8, columns: usize) -> bool {
    let separators = |line: &str| line.bytes().filter(|byte| *byte == delimiter).count();
    let ends = ['\n', '\r'];
    cell.contains(ends) && cell.split(ends).any(|line| separators(line) >= columns.saturating_sub(1).max(2))
}

fn unclosed(line: u64) -> ExtractError {
    let message = format!("a quote that opens a cell on line {line} of the file does not close where the cell ends");
    ExtractError::new("FILE_DAMAGED", message, "mend the quotes on that line, or save the file as CSV again")
}

/// The file's text, and in which of the older encodings it is. Without a byte order mark it is UTF-8, or else one of those;
/// what is mostly UTF-8 is damaged UTF-8.
fn decode(bytes: Vec<u8>) -> Result<(String, Option<&'static Encoding>), ExtractError> {
    let mark = Encoding::for_bom(&bytes).map(|(encoding, _)| encoding);
    if let Some(encoding) = mark.filter(|encoding| *encoding != UTF_8) {
        let (text, _, has_errors) = encoding.decode(&bytes);
        return if has_errors { Err(damaged(&bytes, encoding.name())) } else { Ok((text.into_owned(), None)) };
    }
    // UTF-8 becomes text where it is: a large file is not there twice.
    let bytes = match String::from_utf8(bytes) {
        Ok(mut text) => {
            text.drain(..mark.map_or(0, |_| '\u{feff}'.len_utf8()));
            return Ok((text, None));
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
    let encoding = encodings::guess(&bytes, |text| named_by(text).is_some());
    Ok((encoding.decode_without_bom_handling(&bytes).0.into_owned(), Some(encoding)))
}

fn damaged(bytes: &[u8], encoding: &str) -> ExtractError {
    let place = match (encoding, std::str::from_utf8(bytes)) {
        ("UTF-8", Err(error)) => format!("byte {} of the file", error.valid_up_to() + 1),
        _ => "the file".to_owned(),
    };
    let message = format!("{place} is no {encoding} as the rest is: it is cut off or damaged there");
    ExtractError::new("FILE_DAMAGED", message, "save the file as CSV (UTF-8) again")
}

/// What may separate the cells of a line.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The separator with which a line names the columns, or else the one that the first line has most of.
fn delimiter(text: &str) -> u8 {
    let first = text.split(['\r', '\n']).next().unwrap_or_default();
    let most = |delimiter: &u8| first.bytes().filter(|byte| byte == delimiter).count();
    named_by(text).or_else(|| DELIMITERS.into_iter().max_by_key(most)).unwrap_or(b',')
}

/// The separator with which a line names the columns: make and model above all, and the sooner the better. What another one
/// makes of a row further down may look like names, too.
fn named_by(text: &str) -> Option<u8> {
    let header = |delimiter: u8| {
        let reader = format(delimiter).from_reader(text.as_bytes());
        let records = reader.into_records().take(HEADER_SEARCH + 1).flatten();
        let names = records.filter_map(|record| {
            let cells: Vec<String> = record.iter().map(|cell| cell.trim().to_owned()).collect();
            let begins = record.position().map_or(0, csv::Position::byte);
            names_columns(&cells).then(|| (!names_car(&cells), begins))
        });
        names.min()
    };
    let found = DELIMITERS.into_iter().filter_map(|delimiter| Some((header(delimiter)?, delimiter)));
    found.min_by_key(|(header, _)| *header).map(|(_, delimiter)| delimiter)
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
    fn a_row_that_another_separator_makes_names_of_is_no_header() {
        let table = read("ID\tМарка\tМодель\tГод\tОписание\n\tкузов\tв;г\tКамри\tв;г".as_bytes()).unwrap();
        assert_eq!(cells(&table), [vec!["", "кузов", "в;г", "Камри", "в;г"]]);
        let table = read("Авто|Год\nкузов;год;Камри|2018\n".as_bytes()).unwrap();
        assert_eq!(cells(&table), [vec!["кузов;год;Камри", "2018"]]);
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

    #[test]
    fn older_encodings_are_told_by_their_letters() {
        let text = "Марка;Модель;Описание\nТойота;Камри;ЛЕВЫЙ РУЛЬ, с бортами\nНиссан;Жук;№ 5\n";
        for name in ["koi8-r", "ibm866", "x-mac-cyrillic", "windows-1251"] {
            let encoding = Encoding::for_label(name.as_bytes()).unwrap();
            let table = read(&encoding.encode(&text.replace('№', "N")).0).unwrap();
            assert_eq!(cells(&table)[0], ["Тойота", "Камри", "ЛЕВЫЙ РУЛЬ, с бортами"], "{name}");
            let told: Vec<String> = table.notices.iter().map(|notice| notice.text.to_lowercase()).collect();
            assert_eq!(told, if name == "windows-1251" { vec![] } else { vec![name.to_owned()] });
        }
        // Names that any of them has: the letters decide.
        let text = "make,model,note\nToyota,Camry,с бортами и багажником\n";
        for name in ["koi8-r", "ibm866", "x-mac-cyrillic"] {
            let encoding = Encoding::for_label(name.as_bytes()).unwrap();
            assert_eq!(cells(&read(&encoding.encode(text).0).unwrap())[0][2], "с бортами и багажником", "{name}");
        }
    }

    #[test]
    fn lines_are_counted_however_they_end() {
        for end in ["\n", "\r\n", "\r"] {
            let lines = ["Прайс", "", "Марка,Модель", "\"Кедр", "завод\",А6", "", "Бриз,2,3"];
            let error = read(lines.join(end).as_bytes()).unwrap_err();
            assert!(error.message.contains("line 7 has 3 cells"), "{end:?}: {}", error.message);
            let error = read(["Марка,Модель", "Кедр,А6", "\"Бриз,2"].join(end).as_bytes()).unwrap_err();
            assert!(error.message.contains("line 3 of the file"), "{end:?}: {}", error.message);
        }
    }

    #[test]
    fn cells_between_bars_are_read_without_the_line_under_the_names() {
        let table = read("| Марка | Модель |\n|:------|-------:|\n| Кедр | А6 |\n| Бриз | |\n".as_bytes()).unwrap();
        assert_eq!(
            (table.header.as_slice(), cells(&table)),
            (&["Марка".to_owned(), "Модель".to_owned()][..], vec![vec!["Кедр", "А6"], vec!["Бриз", ""]])
        );
        let table = read("Марка|Модель|Год\nКедр|А6|-\n".as_bytes()).unwrap();
        assert_eq!(cells(&table), [["Кедр", "А6", "-"]]);
    }

    #[test]
    fn tables_beside_each_other_and_notes_below() {
        let text = "Марка,Модель,Марка,Модель\nКедр,А6,Лотос,3\nБриз,2,,\n\nЦены в сомах,,,\n";
        let mut rows = rows(text.as_bytes().to_vec()).unwrap();
        assert_eq!((rows.count, rows.notices.len()), (3, 1));
        let read: Vec<String> = rows.rows.by_ref().map(|row| row.unwrap().cells.join("|")).collect();
        assert_eq!(read, ["Кедр|А6", "Бриз|2", "Лотос|3"]);
    }

    #[test]
    fn every_cell_is_in_a_row_a_header_or_told() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sheets");
        let mut files = 0;
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if !path.extension().is_some_and(|kind| ["csv", "tsv", "txt"].iter().any(|text| kind == *text)) {
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let text = decode(bytes.clone()).unwrap().0;
            let records = format(delimiter(&text)).from_reader(text.as_bytes()).into_records();
            let filled = |cell: &&str| !cell.trim().is_empty();
            let written: usize = records.map(|record| record.unwrap().iter().filter(filled).count()).sum();
            let table = read(&bytes).unwrap();
            let cells = table.rows.iter().map(|row| &row.cells).chain(table.headers.iter().map(|row| &row.cells));
            let read: usize = cells.flatten().filter(|cell| !cell.is_empty()).count();
            let told: usize = table.notices.iter().map(|notice| notice.count).sum();
            assert_eq!(read + told, written, "{}", path.display());
            files += 1;
        }
        assert!(files > 4, "only {files} files");
    }
}
