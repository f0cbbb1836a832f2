//! Other shops' price lists: the CSV files of a folder, cleaned as they are.
//!
//! Their rows have no labels of their own but for `X-labels.csv` beside `X.csv`, which says by `number` in which years a row's car
//! was made. So a model counts as right if the row spells it out, as guessed if it does not; a generation, where the row names one
//! (a Roman numeral or a code in brackets), if the reference knows it and it was made in those years. A generation that is the row's
//! count of seats is wrong in any case.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;

use lekalo::domain::import::CleanRow;
use lekalo::domain::vehicle::Years;
use lekalo::import::clean::clean;
use lekalo_documents::extract;
use lekalo_documents::table::Column;
use lekalo_vehicles::words::{Joint, Word, words};
use lekalo_vehicles::{Index, Model, normalize};

use super::counts::{share, table};
use super::labels::{self, get, percent};

/// What each list is, by the name of its file.
const WHAT: &[(&str, &str)] = &[
    ("ads.csv", "cars for sale"),
    ("fitment.csv", "parts by car, English"),
    ("mats.csv", "mats by car"),
    ("patterns-windows-1251.csv", "patterns, Windows-1251"),
    ("seat-covers.csv", "seat covers by car"),
];

/// What is counted of a list.
#[derive(Default)]
struct Count {
    rows: usize,
    accepted: usize,
    spelled: usize,
    generations: usize,
    said: usize,
    right: usize,
    seats: usize,
    seats_taken: usize,
}

/// Cleans every list of a folder and tells what became of the rows; with `is_shown`, prints each that is refused, guessed or has
/// another generation than it names.
pub fn report(folder: &Path, is_shown: bool) -> Result<String, Box<dyn Error>> {
    let mut paths: Vec<_> =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    paths.sort();
    let is_list = |path: &&std::path::PathBuf| {
        path.extension().is_some_and(|it| it == "csv") && !path.to_string_lossy().ends_with("-labels.csv")
    };
    let mut rows = Vec::new();
    for path in paths.iter().filter(is_list) {
        let count = list(path, is_shown)?;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let name = WHAT.iter().find(|(name, _)| *name == file).map_or(file.as_ref(), |(_, what)| what);
        rows.push(vec![
            name.to_owned(),
            count.rows.to_string(),
            count.accepted.to_string(),
            share(count.spelled, count.accepted),
            share(count.spelled, count.rows),
            (count.accepted - count.spelled).to_string(),
            percent(count.rows - count.accepted, count.rows),
            count.generations.to_string(),
            share(count.said, count.generations),
            share(count.right, count.generations),
            count.seats.to_string(),
            count.seats_taken.to_string(),
        ]);
    }
    let header = [
        "list",
        "rows",
        "accepted",
        "precision ≥",
        "recall ≥",
        "guessed",
        "abstained",
        "name a gen.",
        "said",
        "right",
        "count seats",
        "taken for gen.",
    ];
    Ok(table(&header, &rows))
}

fn list(path: &Path, is_shown: bool) -> Result<Count, Box<dyn Error>> {
    let mut document = extract(&std::fs::read(path)?)?;
    let years = years(path)?;
    // The first column of such a list is the shop's number of the row.
    let number = document.header.iter().position(|name| name == "№");
    for name in &mut document.header {
        if Column::from_header(name).is_none() && name == "Бренд" {
            *name = "Марка".to_owned();
        }
    }
    let index = Index::shipped();
    let mut count = Count::default();
    for row in clean(&document, index)?.iter().filter(|row| !row.is_header) {
        count.rows += 1;
        let text = row.cells.join(" | ");
        let model = index.reference().find_model(&slug(&row.brand), &slug(&row.model)).filter(|_| row.is_accepted());
        let Some(model) = model else {
            if is_shown {
                println!("refused {text}\n    {}", describe(row));
            }
            continue;
        };
        count.accepted += 1;
        let is_spelled = is_spelled(&text, model);
        count.spelled += usize::from(is_spelled);
        let made = number.and_then(|place| years.get(row.cells.get(place)?.as_str())).copied().unwrap_or(row.years);
        let names = names_generation(&text);
        let known = model.generations.iter().find(|it| it.names().any(|name| is_same(&name, &row.generation)));
        let is_right = known.is_some_and(|it| overlaps(Years { from: it.from, to: it.to }, made));
        let seats = seats(&text);
        count.seats += usize::from(!seats.is_empty());
        count.seats_taken += usize::from(seats.contains(&row.generation) && !(names && is_right));
        if names {
            count.generations += 1;
            count.said += usize::from(!row.generation.is_empty());
            count.right += usize::from(is_right);
        }
        if is_shown
            && (!is_spelled || (names && !is_right) || (!names && !row.generation.is_empty() && known.is_none()))
        {
            println!("{} {text}\n    {}", if is_spelled { "generation" } else { "guessed" }, describe(row));
        }
    }
    Ok(count)
}

fn slug(name: &str) -> String {
    lekalo::domain::vehicle::slug(name)
}

fn describe(row: &CleanRow) -> String {
    let issues: Vec<String> =
        row.issues.iter().map(|issue| format!("{}({}) {}", issue.code, issue.suggestion, issue.message)).collect();
    let years = (row.years.from, row.years.to);
    let CleanRow { brand, model, generation, notes, .. } = row;
    format!(
        "{brand} {model} gen={generation} {years:?} notes={notes:?} {:?} {}",
        row.attributes.seat_rows,
        issues.join("; ")
    )
}

/// The years that `X-labels.csv` gives the numbered rows of `X.csv`.
fn years(path: &Path) -> Result<HashMap<String, Years>, Box<dyn Error>> {
    let labels = path.with_file_name(format!("{}-labels.csv", path.file_stem().unwrap_or_default().to_string_lossy()));
    if !labels.exists() {
        return Ok(HashMap::new());
    }
    let lines = labels::read(&labels)?;
    let year = |text: &str| text.parse().ok();
    let of = |line: &labels::Line| {
        let years = Years { from: year(get(line, "year_from")), to: year(get(line, "year_to")) };
        (get(line, "number").to_owned(), years)
    };
    Ok(lines.iter().map(of).collect())
}

/// The numbers that count seats in a row: "5 мест", "(5 и 7 мест)".
fn seats(text: &str) -> Vec<String> {
    let words = words(text);
    let is_number = |word: &&Word| word.number().is_some();
    let is_seats = |key: &str| ["мест", "сиден", "seat"].iter().any(|stem| key.starts_with(stem));
    let places = (0..words.len()).filter(|place| words.get(*place).is_some_and(|word| is_seats(&word.key)));
    let before = |place: usize| words.get(place.saturating_sub(3)..place).unwrap_or_default().iter().filter(is_number);
    places.flat_map(before).filter(|word| word.key.len() <= 2).map(|word| word.key.clone()).collect()
}

/// Whether a row has one of the model's spellings in its letters; the numeral of a generation may part it ("WILL I (VI)").
fn is_spelled(text: &str, model: &Model) -> bool {
    let is_numeral = |word: &Word| word.text.chars().all(|ch| matches!(ch, 'I' | 'V' | 'X'));
    let words = words(text);
    let parted = (0..words.len()).filter(|at| words.get(*at).is_some_and(is_numeral));
    let without = |at: usize| {
        words
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != at)
            .map(|(_, word)| word.key.as_str())
            .collect::<String>()
    };
    let texts: Vec<String> = std::iter::once(normalize::key(text)).chain(parted.map(without)).collect();
    let text = texts.first().map_or("", String::as_str);
    model.spellings().any(|spelling| texts.iter().any(|text| text.contains(&normalize::key(spelling))))
        || model.badges.iter().any(|badge| text.contains(&normalize::key(badge.trim_end_matches('#'))))
}

fn is_same(one: &str, other: &str) -> bool {
    let first = other.split('-').next().unwrap_or(other);
    one.eq_ignore_ascii_case(other) || one.eq_ignore_ascii_case(first)
}

/// One year apart is another catalogue's count.
fn overlaps(one: Years, other: Years) -> bool {
    let from = |years: Years| years.from.unwrap_or(i16::MIN + 1) - 1;
    let to = |years: Years| years.to.unwrap_or(i16::MAX - 1) + 1;
    from(one) <= to(other) && from(other) <= to(one)
}

/// Whether a row names a generation: a Roman numeral, or a code of letters and digits in brackets.
fn names_generation(text: &str) -> bool {
    let words = words(text);
    let is_roman =
        |text: &str| text.len() <= 4 && !text.is_empty() && text.chars().all(|ch| matches!(ch, 'I' | 'V' | 'X'));
    let is_loose = |place: usize| words.get(place).is_none_or(|word| word.joint == Joint::Loose && word.gap != "-");
    let has_roman = words
        .iter()
        .enumerate()
        .skip(2)
        .any(|(place, word)| is_roman(&word.text) && word.gap.contains(' ') && is_loose(place + 1));
    let in_brackets = text.split('(').skip(1).filter_map(|rest| rest.split(')').next());
    let is_code = |code: &str| {
        let code = code.trim();
        code.len() <= 6
            && code.contains(|ch: char| ch.is_ascii_digit())
            && code.contains(char::is_alphabetic)
            && !code.ends_with(['d', 'D'])
            && !code.starts_with(|ch: char| ch.is_ascii_digit())
    };
    has_roman || in_brackets.into_iter().any(|part| part.split(',').any(is_code))
}
