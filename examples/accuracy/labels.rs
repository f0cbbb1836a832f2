//! What the measuring programs share: labelled lines, shares and times.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::time::Duration;

use lekalo::domain::vehicle::slug;

/// A line of a CSV, by column.
pub type Line = HashMap<String, String>;

/// Every line of a CSV with a header; between tabs in a `.tsv`.
pub fn read(path: &Path) -> Result<Vec<Line>, Box<dyn Error>> {
    let delimiter = if path.extension().is_some_and(|it| it == "tsv") { b'\t' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).quoting(delimiter == b',').from_path(path)?;
    Ok(reader.deserialize().collect::<Result<_, _>>()?)
}

pub fn get<'a>(line: &'a Line, column: &str) -> &'a str {
    line.get(column).map_or("", String::as_str)
}

/// Whether two names are one to clients, who name cars by slugs: "ist" and "Ist".
pub fn is_same_name(one: &str, other: &str) -> bool {
    slug(one) == slug(other)
}

pub fn percent(part: usize, whole: usize) -> String {
    format!("{:.1} %", 100.0 * part as f64 / f64::max(1.0, whole as f64))
}

/// Median, 99th percentile and longest.
pub fn spread(mut times: Vec<Duration>) -> [Duration; 3] {
    times.sort_unstable();
    [50, 99, 100].map(|part| times.get(times.len() * part / 100).or(times.last()).copied().unwrap_or(Duration::ZERO))
}
