//! Print → read: tables of invented words, laid out as programs lay them out, come back cell by cell.

use lekalo_documents::pdf::PdfError;
use lekalo_documents::table::{HeaderRow, Table};
use lekalo_documents::{Notice, NoticeKind};

use super::made::{font, form_name, page_of, pages_in, resources, stream};
use super::{made, read};
use crate::support::random::Random;

const NAMES: [&str; 5] = ["ID", "Make", "Model", "Year", "Description"];
const WORDS: [&str; 12] =
    ["Novus", "S-14", "Zenit", "Mini", "Long Base", "2.0", "Kedr", "A6", "XL", "left wheel", "full set", "high"];
/// The page's height.
const TOP: f64 = 800.0;
/// A letter's width in the font used, in em.
const LETTER: f64 = 0.6;

/// How a table is laid out.
#[derive(Debug, Clone, Copy)]
struct Style {
    size: f64,
    leading: f64,
    padding: f64,
    is_ruled: bool,
    has_title: bool,
    has_footer: bool,
    repeats_header: bool,
    right_aligned: bool,
    is_wrapped: bool,
    by_word: bool,
}

impl Style {
    fn any(random: &mut Random) -> Self {
        let size = 7.0 + random.below(5) as f64;
        let is_ruled = random.below(2) == 0;
        Self {
            size,
            leading: 1.15 * size,
            // Without lines between them, rows are told by the space between them.
            padding: if is_ruled { 2.0 } else { 0.9 * size },
            is_ruled,
            has_title: random.below(2) == 0,
            has_footer: random.below(2) == 0,
            repeats_header: random.below(2) == 0,
            right_aligned: random.below(2) == 0,
            is_wrapped: random.below(2) == 0,
            by_word: random.below(2) == 0,
        }
    }
}

/// Invented rows: an ID, a brand, a model, a year and a description that may be empty.
fn rows(count: usize, random: &mut Random) -> Vec<[String; 5]> {
    let mut word = |from: usize| WORDS[(from + random.below(6)) % WORDS.len()].to_owned();
    let mut rows = Vec::new();
    for number in 0..count {
        let description = match number % 4 {
            0 => String::new(),
            1 => word(6),
            _ => format!("{} {} {}", word(2), word(9), word(5)),
        };
        rows.push([
            (number * 37 % 997 + 1).to_string(),
            word(0),
            word(1),
            format!("20{:02}", number % 36),
            description,
        ]);
    }
    rows
}

/// A page's content while it is drawn.
struct Ink {
    content: String,
    style: Style,
}

impl Ink {
    fn width(&self, text: &str) -> f64 {
        text.len() as f64 * LETTER * self.style.size
    }

    /// Shows a text; a word at a time where the style says so.
    fn text(&mut self, x: f64, y: f64, text: &str) {
        let size = self.style.size;
        let mut put = |x: f64, text: &str| {
            self.content += &format!("BT /F {size} Tf {x:.2} {:.2} Td ({text}) Tj ET\n", TOP - y);
        };
        if !self.style.by_word {
            return put(x, text);
        }
        let mut at = x;
        for word in text.split_inclusive(' ') {
            put(at, word);
            at += word.len() as f64 * LETTER * size;
        }
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64)) {
        self.content += &format!("{:.2} {:.2} m {:.2} {:.2} l S\n", from.0, TOP - from.1, to.0, TOP - to.1);
    }
}

/// Where the columns are, and how many letters fit into the last.
struct Columns {
    lefts: [f64; 6],
    letters: usize,
}

fn columns(rows: &[[String; 5]], style: &Style) -> Columns {
    let letter = LETTER * style.size;
    let mut lefts = [30.0; 6];
    for at in 0..5 {
        let widest = rows.iter().map(|row| row[at].len()).chain([NAMES[at].len()]).max().unwrap_or(0);
        let letters = if at == 4 && style.is_wrapped { widest.clamp(11, 14) } else { widest };
        lefts[at + 1] = lefts[at] + letters as f64 * letter + 1.6 * style.size;
    }
    let letters = ((lefts[5] - lefts[4] - 1.5 * style.size) / letter) as usize;
    Columns { lefts, letters }
}

/// A text in lines of at most so many letters.
fn wrapped(text: &str, letters: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= letters => *line += &format!(" {word}"),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Prints a table onto as many pages as it needs, and says how many rows stand on each.
fn printed(rows: &[[String; 5]], style: &Style, height: f64) -> (Vec<String>, Vec<usize>) {
    let Columns { lefts, letters } = columns(rows, style);
    let gap = 0.8 * style.size;
    let (mut pages, mut counts): (Vec<String>, Vec<usize>) = (Vec::new(), Vec::new());
    let mut rest = rows;
    while !rest.is_empty() {
        let mut ink = Ink { content: String::new(), style: *style };
        let mut y = 90.0;
        if style.has_title {
            ink.text(150.0, 20.0, "Prices of this season");
        }
        let mut edges = vec![y];
        let header = pages.is_empty() || style.repeats_header;
        if header {
            y += style.padding + style.size;
            NAMES.iter().zip(lefts).for_each(|(name, left)| ink.text(left + gap, y, name));
            y += style.padding + 0.3 * style.size;
            edges.push(y);
        }
        let mut count = 0;
        for row in rest {
            let lines = wrapped(&row[4], letters);
            let bottom = y + 2.0 * style.padding + style.size * 1.3 + (lines.len().max(1) - 1) as f64 * style.leading;
            if count > 0 && bottom > height {
                break;
            }
            let first = y + style.padding + style.size;
            for (at, cell) in row.iter().enumerate().take(4) {
                let is_right = style.right_aligned && matches!(at, 0 | 3);
                let right = lefts[at + 1] - gap - ink.width(cell);
                ink.text(if is_right { right } else { lefts[at] + gap }, first, cell);
            }
            for (line, number) in lines.iter().zip(0..) {
                ink.text(lefts[4] + gap, first + f64::from(number) * style.leading, line);
            }
            y = bottom;
            edges.push(y);
            count += 1;
        }
        if style.is_ruled {
            edges.iter().for_each(|at| ink.line((lefts[0], *at), (lefts[5], *at)));
            lefts.iter().for_each(|at| ink.line((*at, edges[0]), (*at, y)));
        }
        if style.has_footer {
            ink.text(250.0, height + 60.0, &format!("Page {} of many", pages.len() + 1));
        }
        pages.push(ink.content);
        counts.push(count);
        rest = &rest[count..];
    }
    (pages, counts)
}

/// The pages as a document; a page is as wide as the table.
fn document(contents: &[String]) -> Vec<u8> {
    let places: Vec<usize> = (0..contents.len()).map(|page| 4 + 2 * page).collect();
    let mut objects = vec![made::CATALOG.to_vec(), made::tree(&places, places.len()), font("Courier")];
    for (place, content) in places.iter().zip(contents) {
        let dictionary = format!("/MediaBox [0 0 1200 {TOP}] /Contents {} 0 R {}", place + 1, resources(0, 0));
        objects.push(format!("<< /Type /Page /Parent 2 0 R {dictionary} >>").into_bytes());
        objects.push(stream("", content.as_bytes()));
    }
    made::document(&objects)
}

#[track_caller]
fn assert_read(table: &Table, rows: &[[String; 5]], counts: &[usize], how: &str) {
    assert_eq!(table.header, NAMES, "{how}");
    let places = (1..).zip(counts).flat_map(|(page, count)| (1..=*count as i32).map(move |row| (page, row)));
    let wanted: Vec<(i32, i32, Vec<String>)> =
        places.zip(rows).map(|((page, row), cells)| (page, row, cells.to_vec())).collect();
    for (row, wanted) in table.rows.iter().zip(&wanted) {
        assert_eq!((row.page_number, row.row_number, &row.cells), (wanted.0, wanted.1, &wanted.2), "{how}");
    }
    assert_eq!(table.rows.len(), wanted.len(), "{how}");
}

#[test]
fn every_layout_is_read_as_it_was_printed() {
    let mut random = Random(0x5EED_CAFE_F00D_D00D);
    for number in 0..80 {
        let style = Style::any(&mut random);
        let rows = rows(12 + random.below(20), &mut random);
        let (contents, counts) = printed(&rows, &style, 300.0 + random.below(300) as f64);
        let how = format!("table {number}: {style:?}, {counts:?}");
        let table = read(&document(&contents)).unwrap_or_else(|error| panic!("{how}: {error}"));
        assert_read(&table, &rows, &counts, &how);
        let pages = if style.repeats_header { contents.len() } else { 1 };
        let names = NAMES.map(str::to_owned).to_vec();
        let headers: Vec<_> =
            (1..).take(pages).map(|page_number| HeaderRow { page_number, cells: names.clone() }).collect();
        assert_eq!(table.headers, headers, "{how}");
        // Titles and footers are told, each of them.
        let around: usize = table.notices.iter().map(|notice| notice.count).sum();
        let printed = usize::from(style.has_title) + usize::from(style.has_footer);
        assert_eq!(around, contents.len() * printed, "{how}: {:?}", table.notices);
    }
}

/// The lines of a small table in Courier of ten points, six points a letter, 30 points a row.
fn small(rows: &[&[(i32, i32, &str)]]) -> String {
    let put = |(x, y, text): &(i32, i32, &str)| format!("BT /F 10 Tf {x} {} Td ({text}) Tj ET\n", 390 - y);
    rows.iter().flat_map(|row| *row).map(put).collect()
}

fn texts(contents: &[&str]) -> Vec<String> {
    let table = read(&pages_in("Courier", contents)).unwrap();
    table.rows.iter().map(|row| format!("{} {}", row.page_number, row.cells.join("|"))).collect()
}

const HEAD: &[(i32, i32, &str)] = &[(20, 30, "ID"), (60, 30, "Make"), (140, 30, "Model"), (240, 30, "Description")];
const FIRST: &[(i32, i32, &str)] = &[(20, 60, "1"), (60, 60, "Novus"), (140, 60, "S-14"), (240, 60, "left")];
const SECOND: &[(i32, i32, &str)] = &[(20, 90, "2"), (60, 90, "Zenit"), (140, 90, "Mini"), (240, 90, "right")];

#[test]
fn what_stands_above_the_header_and_runs_along_is_no_row() {
    let address: &[(i32, i32, &str)] = &[(20, 10, "7 Sample street, tel. 0555")];
    let footer = |page: &'static str| small(&[&[(200, 380, page)]]);
    let one = small(&[address, HEAD, FIRST, SECOND]);
    assert_eq!(texts(&[&one]), ["1 1|Novus|S-14|left", "1 2|Zenit|Mini|right"]);
    // A footer with the page's number, wherever the rows end.
    let (first, second) = (one.clone() + &footer("Page 9 of 10"), small(&[HEAD, FIRST]) + &footer("Page 10 of 10"));
    let expected = ["1 1|Novus|S-14|left", "1 2|Zenit|Mini|right", "2 1|Novus|S-14|left"];
    assert_eq!(texts(&[&first, &second]), expected);
}

#[test]
fn a_row_goes_on_on_the_next_page() {
    let rest: &[(i32, i32, &str)] = &[(240, 30, "with high borders")];
    let next: &[(i32, i32, &str)] = &[(20, 60, "3"), (60, 60, "Kedr"), (140, 60, "A6"), (240, 60, "full")];
    let pages = [small(&[HEAD, FIRST, SECOND]), small(&[rest, next])];
    let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
    let expected = ["1 1|Novus|S-14|left", "1 2|Zenit|Mini|right with high borders", "2 3|Kedr|A6|full"];
    assert_eq!(texts(&pages), expected);
    // A page with nothing but the rest of a row has none of its own.
    assert_eq!(texts(&[pages[0], &small(&[rest])]), expected[..2]);
}

#[test]
fn other_tables_and_pages_outside_are_told() {
    let table = small(&[HEAD, FIRST, SECOND]);
    let other = small(&[&[(20, 30, "ID"), (60, 30, "Make"), (140, 30, "Model"), (240, 30, "Year")], FIRST]);
    let error = read(&pages_in("Courier", &[&table, &other])).unwrap_err();
    assert_eq!(error, PdfError::PageOutsideTable { page: 2, first_line: "ID | Make | Model | Year".into() });
    assert_eq!(error.code(), "PAGE_OUTSIDE_TABLE");
    let names = small(&[&[(20, 30, "Year"), (60, 30, "Description")], &[(20, 60, "2018"), (60, 60, "full")]]);
    let error = read(&pages_in("Courier", &[&table, &names])).unwrap_err();
    assert_eq!(error, PdfError::ColumnsOnSeparatePages { page: 2, columns: "Year, Description".into() });
    let halves = [small(&[&HEAD[..2], &FIRST[..2]]), small(&[&HEAD[2..], &FIRST[2..]])];
    let error = read(&pages_in("Courier", &[&halves[0], &halves[1]])).unwrap_err();
    assert_eq!(error, PdfError::ColumnsOnSeparatePages { page: 1, columns: "ID, Make".into() });
    assert_eq!(error.code(), "COLUMNS_ON_SEPARATE_PAGES");
    // A cover before the table is none of it.
    let cover = small(&[&[(20, 60, "Prices of this season")]]);
    assert_eq!(texts(&[&cover, &table]), ["2 1|Novus|S-14|left", "2 2|Zenit|Mini|right"]);
    let error = read(&pages_in("Courier", &[&cover])).unwrap_err();
    assert_eq!(error, PdfError::NoHeader { first_lines: "\"Prices of this season\"".into() });
    let no_rows = read(&pages_in("Courier", &[&cover, &small(&[HEAD])])).unwrap_err();
    assert_eq!(no_rows, PdfError::NoRows { header_page: 2 });
}

#[test]
fn a_header_may_have_several_lines_and_any_order() {
    let head: &[(i32, i32, &str)] =
        &[(20, 30, "Year of"), (20, 42, "manufacture"), (120, 30, "Model"), (200, 30, "Car"), (200, 42, "make")];
    let row: &[(i32, i32, &str)] = &[(20, 70, "2018"), (120, 70, "S-14"), (200, 70, "Novus")];
    let more: &[(i32, i32, &str)] = &[(20, 100, "2020"), (120, 100, "Mini"), (200, 100, "Zenit")];
    let table = read(&pages_in("Courier", &[&small(&[head, row, more])])).unwrap();
    assert_eq!(table.header, ["Year of manufacture", "Model", "Car make"]);
    assert_eq!(
        table.rows.iter().map(|row| row.cells.join("|")).collect::<Vec<_>>(),
        ["2018|S-14|Novus", "2020|Mini|Zenit"]
    );
}

#[test]
fn pages_written_sideways_are_turned() {
    let table = small(&[HEAD, FIRST, SECOND]);
    let expected = read(&pages_in("Courier", &[&table])).unwrap();
    assert_eq!(expected.rows.len(), 2);
    // Turned by what the page says, or by how its text is drawn.
    for degrees in [90, 180, 270] {
        let objects = vec![
            made::CATALOG.to_vec(),
            made::tree(&[4], 1),
            font("Courier"),
            page_of(&format!("/Rotate {degrees} /Contents 5 0 R {}", resources(0, 0))),
            stream("", table.as_bytes()),
        ];
        assert_eq!(read(&made::document(&objects)).unwrap(), expected, "{degrees}");
    }
    for matrix in ["0 1 -1 0 500 0", "-1 0 0 -1 600 400", "0 -1 1 0 0 400"] {
        let turned = format!("q {matrix} cm {table} Q");
        assert_eq!(read(&pages_in("Courier", &[&turned])).unwrap(), expected, "{matrix}");
    }
    // The same out of nested forms, each with its own scale.
    let form = format!("q 0.5 0 0 0.5 0 0 cm /{} Do Q", form_name(1));
    assert_eq!(read(&made::page("q 2 0 0 2 0 0 cm /A Do Q", &[&form, &table])).unwrap(), expected);
}

#[test]
fn a_short_line_parts_no_column() {
    let by_word: &[(i32, i32, &str)] =
        &[(20, 60, "1"), (60, 60, "Novus"), (96, 60, "Long"), (140, 60, "S-14"), (240, 60, "left")];
    let table = small(&[HEAD, by_word, SECOND]);
    let expected = ["1 1|Novus Long|S-14|left", "1 2|Zenit|Mini|right"];
    assert_eq!(texts(&[&table]), expected);
    assert_eq!(texts(&[&format!("{table} 93 200 m 93 215 l S")]), expected);
}

#[test]
fn a_page_without_a_header_has_the_columns_of_the_one_before() {
    let moved = |row: &[(i32, i32, &'static str)]| -> Vec<(i32, i32, &'static str)> {
        row.iter().map(|(x, y, text)| (x + 250, *y, *text)).collect()
    };
    let pages = [
        small(&[HEAD, FIRST, SECOND]),
        small(&[&moved(HEAD), &moved(FIRST), &moved(SECOND)]),
        small(&[&moved(FIRST), &moved(SECOND)]),
    ];
    let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
    let rows = |page: i32| [format!("{page} 1|Novus|S-14|left"), format!("{page} 2|Zenit|Mini|right")];
    assert_eq!(texts(&pages), [rows(1), rows(2), rows(3)].concat());
}

#[test]
fn rows_that_cannot_be_told_apart_are_not_guessed() {
    let without_id = |y: i32| [(60, y, "Kedr"), (140, y, "A6"), (240, y, "full")];
    let (one, two, three) = (without_id(90), without_id(120), without_id(150));
    let error = read(&pages_in("Courier", &[&small(&[HEAD, FIRST, &one, &two, &three])])).unwrap_err();
    assert_eq!((&error, error.code()), (&PdfError::RowsUnclear { page: 1 }, "ROWS_UNCLEAR"));
    // As many without as with one are rows that lack it.
    let read = texts(&[&small(&[HEAD, FIRST, &one])]);
    assert_eq!(read, ["1 1|Novus|S-14|left", "1 |Kedr|A6|full"]);
}

#[test]
fn a_page_of_something_else_is_passed_over_and_told() {
    let table = small(&[HEAD, FIRST, SECOND]);
    let lines = "10 345 m 320 345 l S 10 315 m 320 315 l S\n";
    let other = small(&[&[(60, 60, "Terms of delivery"), (60, 80, "and where we are")]]);
    for other in [other.clone(), other + lines] {
        let read = read(&pages_in("Courier", &[&table, &other, &table])).unwrap();
        let text = "Terms of delivery / and where we are".to_owned();
        let kind = NoticeKind::PageWithoutTable;
        assert_eq!(read.notices, [Notice { kind, page_number: 2, sheet: String::new(), count: 2, text }]);
        assert_eq!(read.rows.len(), 4);
    }
    // What fills the columns is a row, for what it says is nothing to go by.
    let row: &[(i32, i32, &str)] = &[(60, 60, "Terms"), (140, 60, "of"), (240, 60, "delivery")];
    assert_eq!(texts(&[&table, &(small(&[row]) + lines)])[2], "2 |Terms|of|delivery");
}
