//! Ruled tables whose cells are merged, as price lists have them: what is said once for several rows is read in each of them.

use lekalo_documents::NoticeKind;

use super::made::pages_in;
use super::read;
use crate::support::random::Random;

/// Letters of Courier of ten points are six points wide.
const LETTER: f64 = 6.0;
const TOP: f64 = 390.0;
const LEFTS: [f64; 5] = [20.0, 110.0, 200.0, 300.0, 460.0];
const NAMES: [&str; 4] = ["Make", "Model", "Year", "Notes"];

fn text(x: f64, y: f64, text: &str) -> String {
    format!("BT /F 10 Tf {x:.1} {:.1} Td ({text}) Tj ET\n", TOP - y)
}

fn line(from: (f64, f64), to: (f64, f64)) -> String {
    format!("{:.1} {:.1} m {:.1} {:.1} l S\n", from.0, TOP - from.1, to.0, TOP - to.1)
}

/// A cell from one row to another (not included) in one column, with its lines in the middle.
fn cell(rows: std::ops::Range<usize>, column: usize, lines: &[&str], height: f64) -> String {
    let (top, bottom) = (20.0 + height * rows.start as f64, 20.0 + height * rows.end as f64);
    let (left, right) = (LEFTS[column], LEFTS[column + 1]);
    let first = (top + bottom) / 2.0 + 3.0 - 5.5 * (lines.len() as f64 - 1.0);
    let words: String =
        lines.iter().enumerate().map(|(at, said)| text(left + 4.0, first + 11.0 * at as f64, said)).collect();
    let frame = [
        line((left, top), (right, top)),
        line((left, bottom), (right, bottom)),
        line((left, top), (left, bottom)),
        line((right, top), (right, bottom)),
    ];
    words + &frame.concat()
}

fn header(height: f64) -> String {
    NAMES.iter().enumerate().map(|(column, name)| cell(0..1, column, &[name], height)).collect()
}

fn rows(content: &str) -> Vec<String> {
    let table = read(&pages_in("Courier", &[content])).unwrap();
    table.rows.iter().map(|row| row.cells.join("|")).collect()
}

#[test]
fn a_merged_cell_speaks_for_every_row_that_it_covers() {
    let mut random = Random(0xA11_CE11);
    for number in 0..60 {
        let height = 16.0 + random.below(8) as f64;
        let count = 2 + random.below(9);
        let mut content = header(height);
        let mut wanted = vec![vec![String::new(); 4]; count];
        for column in 0..4 {
            let mut at = 0;
            while at < count {
                // A year stands in every row: a row is what has one.
                let longest = if column == 2 { 1 } else { 1 + random.below(4) };
                let end = (at + longest).min(count);
                let said = match column {
                    2 => format!("20{:02}", random.below(30)),
                    3 if random.below(3) == 0 => String::new(),
                    _ => format!("W{}", random.below(90)),
                };
                let lines: &[&str] = if said.is_empty() { &[] } else { &[&said] };
                content += &cell(at + 1..end + 1, column, lines, height);
                wanted[at..end].iter_mut().for_each(|row| row[column].clone_from(&said));
                at = end;
            }
        }
        let wanted: Vec<String> = wanted.iter().map(|row| row.join("|")).collect();
        assert_eq!(rows(&content), wanted, "table {number}, {count} rows of {height} points");
    }
}

#[test]
fn a_merged_text_of_several_lines_is_one_and_two_texts_are_two() {
    let years = |height| (1..=4).map(|row| cell(row..row + 1, 2, &["2018"], height)).collect::<String>();
    let models: String = (1..=4).map(|row| cell(row..row + 1, 1, &["S-14"], 24.0)).collect();
    let merged = header(24.0) + &years(24.0) + &models;
    let two_lines = cell(1..5, 0, &["Novus", "Motors"], 24.0) + &cell(1..5, 3, &["left"], 24.0);
    assert_eq!(rows(&(merged.clone() + &two_lines)), ["Novus Motors|S-14|2018|left"; 4]);
    // No line between them, and each in the middle of its own row.
    let notes = cell(1..5, 3, &[], 24.0) + &text(304.0, 59.0, "left") + &text(304.0, 107.0, "right");
    let makes: String = (1..=4).map(|row| cell(row..row + 1, 0, &["Novus"], 24.0)).collect();
    let wanted = ["Novus|S-14|2018|left", "Novus|S-14|2018|", "Novus|S-14|2018|right", "Novus|S-14|2018|"];
    assert_eq!(rows(&(merged + &makes + &notes)), wanted);
}

#[test]
fn a_band_is_a_row_and_a_word_broken_at_its_end_is_one() {
    let row = |at: usize, cells: [&[&str]; 4]| -> String {
        (0..4).map(|column| cell(at..at + 1, column, cells[column], 40.0)).collect()
    };
    let content = header(40.0)
        + &row(1, [&["Volks-", "wagen"], &["Pas-", "sat"], &["2008"], &["left", "wheel"]])
        + &row(2, [&["Mercedes-", "Benz"], &["E-", "Class"], &["2012-", "2016"], &["with", "bor-", "ders"]]);
    assert_eq!(rows(&content), ["Volkswagen|Passat|2008|left wheel", "Mercedes-Benz|E-Class|2012-2016|with borders"]);
}

#[test]
fn a_row_of_one_cell_is_the_heading_of_those_below() {
    let wide = |at: f64, said: &str| {
        let (top, bottom) = (20.0 + 20.0 * at, 40.0 + 20.0 * at);
        let middle = (LEFTS[0] + LEFTS[4] - LETTER * said.len() as f64) / 2.0;
        let lines = [top, bottom].map(|y| line((LEFTS[0], y), (LEFTS[4], y))).concat();
        let sides = [LEFTS[0], LEFTS[4]].map(|x| line((x, top), (x, bottom))).concat();
        text(middle, bottom - 6.0, said) + &lines + &sides
    };
    let row = |at: usize, cells: [&str; 4]| -> String {
        (0..4).map(|column| cell(at..at + 1, column, &[cells[column]], 20.0)).collect()
    };
    let content = header(20.0)
        + &wide(1.0, "NOVUS")
        + &row(2, ["", "S-14", "2018", ""])
        + &row(3, ["", "S-15", "2019", "left"])
        + &wide(4.0, "ZENIT")
        + &row(5, ["", "Mini", "2020", ""]);
    assert_eq!(rows(&content), ["NOVUS|||", "|S-14|2018|", "|S-15|2019|left", "ZENIT|||", "|Mini|2020|"]);
}

#[test]
fn a_heading_over_two_names_belongs_to_both() {
    let lefts = [20.0, 110.0, 200.0, 260.0, 320.0, 420.0];
    let ruled = |from: usize, to: usize, top: f64, bottom: f64, said: &str| {
        let (left, right) = (lefts[from], lefts[to]);
        let sides = [left, right].map(|x| line((x, top), (x, bottom))).concat();
        let lines = [top, bottom].map(|y| line((left, y), (right, y))).concat();
        text(left + 4.0, (top + bottom) / 2.0 + 3.0, said) + &sides + &lines
    };
    let mut content = ruled(0, 1, 20.0, 52.0, "Make") + &ruled(1, 2, 20.0, 52.0, "Model");
    content += &(ruled(2, 4, 20.0, 36.0, "Years") + &ruled(2, 3, 36.0, 52.0, "from") + &ruled(3, 4, 36.0, 52.0, "to"));
    content += &ruled(4, 5, 20.0, 52.0, "Notes");
    for (at, cells) in [["Novus", "S-14", "2012", "2016", "left"], ["Zenit", "Mini", "2018", "", ""]].iter().enumerate()
    {
        let top = 52.0 + 16.0 * at as f64;
        content += &(0..5).map(|column| ruled(column, column + 1, top, top + 16.0, cells[column])).collect::<String>();
    }
    let table = read(&pages_in("Courier", &[&content])).unwrap();
    assert_eq!(table.header, ["Make", "Model", "Years from", "Years to", "Notes"]);
    assert_eq!(rows(&content), ["Novus|S-14|2012|2016|left", "Zenit|Mini|2018||"]);
}

#[test]
fn tables_side_by_side_are_both_read_page_by_page() {
    let lefts = [20, 80, 140, 200, 280, 340, 400];
    let put = |y: i32, cells: &[&str]| -> String {
        let shown = lefts.iter().zip(cells).filter(|(_, said)| !said.is_empty());
        shown.map(|(x, said)| text(f64::from(*x), f64::from(y), said)).collect()
    };
    let names = put(20, &["ID", "Make", "Model", "", "ID", "Make", "Model"]);
    let page = names.clone()
        + &put(50, &["1", "Novus", "S-14", "", "3", "Kedr", "A6"])
        + &put(80, &["2", "Zenit", "Mini", "", "4", "Briz", "2"]);
    let last =
        names + &put(50, &["5", "Novus", "S-15", "", "", "", ""]) + &put(80, &["6", "Zenit", "Maxi", "", "", "", ""]);
    let table = read(&pages_in("Courier", &[&page, &last])).unwrap();
    let rows: Vec<String> = table
        .rows
        .iter()
        .map(|row| format!("{}.{} {}", row.page_number, row.row_number, row.cells.join("|")))
        .collect();
    assert_eq!(table.header, ["ID", "Make", "Model"]);
    let wanted = [
        "1.1 1|Novus|S-14",
        "1.2 2|Zenit|Mini",
        "1.3 3|Kedr|A6",
        "1.4 4|Briz|2",
        "2.1 5|Novus|S-15",
        "2.2 6|Zenit|Maxi",
    ];
    assert_eq!(rows, wanted);
}

#[test]
fn contacts_after_the_table_are_no_row_and_told() {
    let row = |at: usize, cells: [&str; 4]| -> String {
        (0..4).map(|column| cell(at..at + 1, column, &[cells[column]], 20.0)).collect()
    };
    let table = header(20.0) + &row(1, ["Novus", "S-14", "2018", "left"]) + &row(2, ["Zenit", "Mini", "2019", ""]);
    let contacts = "Our contacts: 7 Sample street, tel. 0555 000 000";
    let below = table.clone() + &text(24.0, 200.0, contacts);
    let page = text(100.0, 100.0, contacts);
    let cover = "q 200 0 0 100 50 200 cm 0 0 1 1 re f Q";
    for (pages, kind, page_number) in [
        (vec![below.as_str()], NoticeKind::AroundTable, 1),
        (vec![table.as_str(), page.as_str()], NoticeKind::PageWithoutTable, 2),
        (vec![page.as_str(), table.as_str()], NoticeKind::PageWithoutTable, 1),
    ] {
        let read = read(&pages_in("Courier", &pages)).unwrap();
        let told: Vec<_> =
            read.notices.iter().map(|told| (told.kind, told.page_number, told.count, told.text.as_str())).collect();
        assert_eq!(told, [(kind, page_number, 1, contacts)]);
        assert_eq!(read.rows.len(), 2);
    }
    let read = read(&pages_in("Courier", &[cover, &table])).unwrap();
    assert_eq!(
        read.notices.iter().map(|told| (told.kind, told.page_number)).collect::<Vec<_>>(),
        [(NoticeKind::PageWithoutText, 1)]
    );
}
