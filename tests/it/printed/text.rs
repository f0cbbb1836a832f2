//! Delimited text: every separator, encoding and line end, and cells with all of them inside.

use encoding_rs::WINDOWS_1251;
use lekalo_documents::step_file::{escape, unescape};
use lekalo_documents::table::Table;
use lekalo_documents::{ExtractError, extract};
use proptest::prelude::*;

const NAMES: [&str; 5] = ["ID", "Марка", "Модель", "Год", "Описание"];

/// How a text is kept in bytes.
#[derive(Debug, Clone, Copy)]
enum Kept {
    Utf8,
    Utf8Marked,
    Utf16Little,
    Utf16Big,
    Windows1251,
}

impl Kept {
    fn bytes(self, text: &str) -> Vec<u8> {
        let utf_16 =
            |bytes: fn(u16) -> [u8; 2]| std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(bytes).collect();
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf8Marked => [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            Self::Utf16Little => utf_16(u16::to_le_bytes),
            Self::Utf16Big => utf_16(u16::to_be_bytes),
            Self::Windows1251 => WINDOWS_1251.encode(text).0.into_owned(),
        }
    }
}

const KEPT: [Kept; 5] = [Kept::Utf8, Kept::Utf8Marked, Kept::Utf16Little, Kept::Utf16Big, Kept::Windows1251];

/// How a table is written.
#[derive(Debug, Clone)]
struct Style {
    delimiter: u8,
    line_end: &'static str,
    kept: Kept,
    titles: usize,
    quotes_all: bool,
    escapes: bool,
    ends_with_line: bool,
}

fn style() -> impl Strategy<Value = Style> {
    let delimiter = prop::sample::select(vec![b',', b';', b'\t']);
    let line_end = prop::sample::select(vec!["\n", "\r\n"]);
    let kept = prop::sample::select(KEPT.to_vec());
    (delimiter, line_end, kept, 0..4_usize, any::<[bool; 3]>()).prop_map(
        |(delimiter, line_end, kept, titles, [quotes_all, escapes, ends_with_line])| Style {
            delimiter,
            line_end,
            kept,
            titles,
            quotes_all,
            escapes,
            ends_with_line,
        },
    )
}

/// What people and programs put into cells; more than one separator a line is told from whole lines elsewhere.
fn cell() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "Камри",
        "2018",
        " ",
        "\"",
        "\"\"",
        "'",
        "=1+1",
        "-",
        "-2020",
        "@",
        "+ багаж",
        "\n",
        "\r\n",
        "а,б",
        "в;г",
        "д\tе",
        "2,5",
        "№ 7",
        "кузов",
        "«Ё»",
    ]);
    prop::collection::vec(parts, 0..4).prop_map(|parts| parts.concat()).prop_filter("not whole lines", |cell| {
        [',', ';', '\t'].iter().all(|sign| cell.lines().all(|line| line.matches(*sign).count() <= 1))
    })
}

fn quoted(cell: &str, style: &Style) -> String {
    let needs = style.quotes_all || cell.contains(['"', '\n', '\r', char::from(style.delimiter)]);
    if needs { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

fn printed(rows: &[Vec<String>], style: &Style) -> Vec<u8> {
    let mut lines: Vec<String> = (0..style.titles).map(|title| format!("Прайс {title}")).collect();
    let line = |cells: Vec<String>| cells.join(&char::from(style.delimiter).to_string());
    lines.push(line(NAMES.iter().map(|name| quoted(name, style)).collect()));
    let written = |cell: &String| if style.escapes { quoted(&escape(cell), style) } else { quoted(cell, style) };
    lines.extend(rows.iter().map(|row| line(row.iter().map(written).collect())));
    let end = if style.ends_with_line { style.line_end } else { "" };
    style.kept.bytes(&(lines.join(style.line_end) + end))
}

fn texts(table: &Table) -> Vec<&[String]> {
    table.rows.iter().map(|row| row.cells.as_slice()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_cell_comes_back(rows in prop::collection::vec(prop::collection::vec(cell(), 5), 1..6), style in style()) {
        // A cell is read without the spaces around it, and without the mark that keeps it from being computed.
        let read = |cell: &String| {
            if style.escapes { unescape(escape(cell).trim()).trim().to_owned() } else { unescape(cell.trim()).trim().to_owned() }
        };
        let mut wanted: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(read).collect()).collect();
        wanted.retain(|row| row.iter().any(|cell| !cell.is_empty()));
        let file = printed(&rows, &style);
        if wanted.is_empty() {
            prop_assert_eq!(extract(&file).unwrap_err().code, "NO_ROWS");
        } else {
            let table = extract(&file).unwrap();
            prop_assert_eq!(&table.header, &NAMES);
            // What follows an empty line in a single cell, up to the end, is a note.
            let below: usize = table.notices.iter().map(|notice| notice.count).sum();
            let (rows, notes) = wanted.split_at(wanted.len() - below);
            prop_assert_eq!(texts(&table), rows);
            prop_assert!(notes.iter().all(|cells| cells.iter().filter(|cell| !cell.is_empty()).count() == 1));
            let places: Vec<_> = table.rows.iter().map(|row| (row.page_number, row.row_number)).collect();
            prop_assert_eq!(places, (1..=table.rows.len() as i32).map(|row| (1, row)).collect::<Vec<_>>());
            // What stands above is kept, the header last.
            prop_assert_eq!(table.headers.len(), style.titles + 1);
            for (title, row) in table.headers.iter().take(style.titles).enumerate() {
                prop_assert_eq!(&row.cells, &[format!("Прайс {title}")]);
            }
            prop_assert_eq!(&table.headers[style.titles].cells, &NAMES);
        }
    }

    /// What is written with a wrong quote is refused or read otherwise, but rows do not vanish in it.
    #[test]
    fn a_quote_too_many_swallows_no_row(at in 0..5_usize, of in 0..5_usize, delimiter in prop::sample::select(vec![b',', b';', b'\t'])) {
        let style = Style { delimiter, line_end: "\n", kept: Kept::Utf8, titles: 0, quotes_all: false, escapes: false, ends_with_line: true };
        let mut rows = vec![["1", "Кедр", "А6", "2018", "левый"].map(str::to_owned).to_vec(); 5];
        rows[of][at].insert(0, '"');
        let lines: Vec<String> = std::iter::once(NAMES.map(str::to_owned).to_vec())
            .chain(rows)
            .map(|row| row.join(&char::from(style.delimiter).to_string()))
            .collect();
        let error = extract(style.kept.bytes(&(lines.join("\n") + "\n")).as_slice()).unwrap_err();
        prop_assert_eq!(&error.code, "FILE_DAMAGED");
        let place = format!("a quote that opens a cell on line {} of the file does not close", of + 2);
        prop_assert!(error.message.starts_with(&place), "{}", error.message);
    }
}

#[track_caller]
fn refused(file: &[u8], code: &str, message: &str) {
    let error: ExtractError = extract(file).unwrap_err();
    assert_eq!((error.code.as_str(), error.message.as_str()), (code, message));
}

#[test]
fn a_quoted_cell_that_goes_on_behind_its_quote_is_damage() {
    let quote =
        |line: u64| format!("a quote that opens a cell on line {line} of the file does not close where the cell ends");
    for rows in ["1,\"Кедр\nи Ко\" завод,А6\n", "1,\"Кедр,А6\n2,\"Бриз\",7\n", "1,Кедр,\"А6"]
    {
        refused(format!("ID,Марка,Модель\n{rows}").as_bytes(), "FILE_DAMAGED", &quote(2));
    }
    refused("ID,Марка,Модель\n1,Кедр,А6\n2,Бриз,\"7\n".as_bytes(), "FILE_DAMAGED", &quote(3));
    // A cell with a whole line of the table in it has swallowed that line; with less it is what somebody wrote.
    refused("ID,Марка,Модель\n1,\"Кедр\n2,Бриз,7\n\",9\n".as_bytes(), "FILE_DAMAGED", &quote(2));
    let table = extract("ID,Марка,Модель\n1,\"Кедр\n2,Бриз\",9\n".as_bytes()).unwrap();
    assert_eq!(texts(&table), [["1", "Кедр\n2,Бриз", "9"]]);
    // Of one line, it is what somebody typed.
    let table = extract("ID,Марка,Модель\n1,\"Кедр\" завод,А6\n".as_bytes()).unwrap();
    assert_eq!(texts(&table), [["1", "Кедр завод", "А6"]]);
}

#[test]
fn text_that_is_cut_or_damaged_is_no_other_encoding() {
    let text = "Марка,Модель\nТойота,Камри\n";
    let again = |place: &str, encoding: &str| {
        format!("{place} is no {encoding} as the rest is: it is cut off or damaged there")
    };
    let mut cut = text.as_bytes().to_vec();
    cut.truncate(cut.len() - 2);
    refused(&cut, "FILE_DAMAGED", &again("byte 46 of the file", "UTF-8"));
    let mut odd = Kept::Utf16Little.bytes(text);
    odd.pop();
    refused(&odd, "FILE_DAMAGED", &again("the file", "UTF-16LE"));
    let half_a_pair = [Kept::Utf16Big.bytes(text), vec![0xd8, 0x00, 0x00, 0x41]].concat();
    refused(&half_a_pair, "FILE_DAMAGED", &again("the file", "UTF-16BE"));
    let marked = [Kept::Utf8Marked.bytes(text), vec![0xff]].concat();
    refused(&marked, "FILE_DAMAGED", &again("byte 52 of the file", "UTF-8"));
    // At the beginning it would be no text at all.
    let zero = format!("{text}{}Кедр,А\x006\n", "Кедр,А6\n".repeat(100));
    refused(zero.as_bytes(), "FILE_DAMAGED", "line 103 of the file holds a zero byte, which no text has");
    let binary = "this is no price list that can be read: neither PDF, nor a spreadsheet, nor text";
    refused("Марка,Модель\nКедр,А\x006\n".as_bytes(), "UNSUPPORTED_FORMAT", binary);
}

#[test]
fn the_header_is_found_within_so_many_lines() {
    let behind = |titles: usize| format!("{}Марка,Модель\nКедр,А6\n", "Прайс\n".repeat(titles));
    let table = extract(behind(20).as_bytes()).unwrap();
    assert_eq!((texts(&table), table.headers.len()), (vec![["Кедр", "А6"].map(str::to_owned).as_slice()], 21));
    let none = "no table header found: one line must name at least the brand and model columns (\"Марка\", \"Модель\" or \
                \"Make\", \"Model\"); the first lines read are: Прайс / Прайс / Прайс";
    refused(behind(21).as_bytes(), "NO_HEADER", none);
    // Lines without text are none.
    let spaced = format!("\n\n;;\n{}", "\n".repeat(40)) + &behind(0);
    assert_eq!(texts(&extract(spaced.as_bytes()).unwrap()).len(), 1);
    refused(b" \n \n", "NO_ROWS", "there is no text in it");
    refused("Марка,Модель\n,\n".as_bytes(), "NO_ROWS", "the table has a header but no rows below it");
}

#[test]
fn rows_that_do_not_fit_the_header_are_told() {
    let table = extract("Марка,Модель,Цена\nКедр\nКедр,А6,7,,\n".as_bytes()).unwrap();
    assert_eq!(texts(&table), [["Кедр", "", ""], ["Кедр", "А6", "7"]]);
    refused(
        "Марка,Модель\nКедр,А6\nБриз,2,50,55\n".as_bytes(),
        "FILE_DAMAGED",
        "line 3 has 4 cells, but the header names only 2 columns: Бриз | 2 | 50 | 55",
    );
    // The same header again, as on each page of a book, is a row; another one is another table.
    let again = extract("Марка,Модель\nКедр,А6\nМАРКА,модель\nБриз,2\n".as_bytes()).unwrap();
    assert_eq!(texts(&again), [["Кедр", "А6"], ["МАРКА", "модель"], ["Бриз", "2"]]);
    refused(
        "Марка,Модель\nКедр,А6\nМодель,Марка\n".as_bytes(),
        "COLUMNS_DIFFER",
        "line 3 names other columns (Модель | Марка) than the header above",
    );
    let wide = |columns: usize| format!("Марка,Модель{}\nКедр,А6\n", ",Цена".repeat(columns - 2));
    assert_eq!(extract(wide(256).as_bytes()).unwrap().header.len(), 256);
    refused(wide(257).as_bytes(), "LIMIT_EXCEEDED", "line 1 has 257 columns, more than 256");
}

#[test]
fn the_separator_is_the_one_that_names_the_columns() {
    for (text, cells) in [
        // More of another sign in the first line.
        ("Прайс, Бишкек, 2024, лето\nМарка;Модель\nКедр;А,6\n", ["Кедр", "А,6"]),
        ("\"a;b;c\",Марка,Модель\n1,Кедр,А6\n", ["1", "Кедр"]),
        ("Марка\tМодель, версия\tМодель\nКедр\t,\tА6\n", ["Кедр", ","]),
    ] {
        let table = extract(text.as_bytes()).unwrap();
        assert_eq!(table.rows[0].cells[..2], cells, "{text}");
    }
    // Where none does, the first line's commonest sign shows where it would have parted.
    let error = extract(b"a;b;c,d\n1;2;3,4\n").unwrap_err();
    assert!(error.message.ends_with("a | b | c,d / 1 | 2 | 3,4"), "{}", error.message);
    let columns = extract(";Марка;;Модель;\n;Кедр;;А6;\n;Бриз;;2;\n".as_bytes()).unwrap();
    assert_eq!(columns.header, ["Марка", "Модель"], "columns without a name and text are none");
}
