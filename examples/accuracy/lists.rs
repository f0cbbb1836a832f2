//! Other shops' price lists: the CSV files of a folder, cleaned as they are.
//!
//! Their rows have no labels of their own but for `X-labels.csv` beside `X.csv`, which says by `number` in which years a row's car
//! was made. So a model counts as right if the row spells it out, as guessed if it does not; a generation, where the row names one
//! (a Roman numeral or a code in brackets), if the reference knows it and it was made in those years.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;

use lekalo::domain::import::CleanRow;
use lekalo::domain::vehicle::Years;
use lekalo::import::clean::clean;
use lekalo_documents::extract;
use lekalo_documents::table::Column;
use lekalo_vehicles::words::{Joint, words};
use lekalo_vehicles::{Index, Model, normalize};

use super::labels::{self, get, percent};

/// What is counted of a list.
#[derive(Default)]
struct Count {
    rows: usize,
    accepted: usize,
    spelled: usize,
    generations: usize,
    said: usize,
    right: usize,
}

/// Cleans every list of a folder and prints what became of the rows; with `is_shown`, each that is refused, guessed or has
/// another generation than it names.
pub fn report(folder: &str, is_shown: bool) -> Result<(), Box<dyn Error>> {
    let mut paths: Vec<_> =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    paths.sort();
    let is_list = |path: &&std::path::PathBuf| {
        path.extension().is_some_and(|it| it == "csv") && !path.to_string_lossy().ends_with("-labels.csv")
    };
    let mut table = String::new();
    for path in paths.iter().filter(is_list) {
        let count = list(path, is_shown)?;
        table += &format!(
            "{:<30}{:>7}{:>10}{:>10}{:>10}{:>13}{:>9}{:>9}\n",
            path.file_name().unwrap_or_default().to_string_lossy(),
            count.rows,
            count.accepted,
            percent(count.accepted, count.rows),
            percent(count.spelled, count.accepted),
            count.generations,
            percent(count.said, count.generations),
            percent(count.right, count.generations),
        );
    }
    println!(
        "\n{:<30}{:>7}{:>10}{:>10}{:>10}{:>13}{:>9}{:>9}\n{table}",
        "list", "rows", "accepted", "", "spelled", "name a gen.", "said", "right"
    );
    Ok(())
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
    let lines = labels::read(&labels.to_string_lossy())?;
    let year = |text: &str| text.parse().ok();
    let of = |line: &labels::Line| {
        let years = Years { from: year(get(line, "year_from")), to: year(get(line, "year_to")) };
        (get(line, "number").to_owned(), years)
    };
    Ok(lines.iter().map(of).collect())
}

/// Whether a row has one of the model's spellings in its letters.
fn is_spelled(text: &str, model: &Model) -> bool {
    let text = normalize::key(text);
    model.spellings().any(|spelling| text.contains(&normalize::key(spelling)))
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
