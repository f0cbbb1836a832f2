//! `lekalo extract` and `lekalo clean`: the first two steps, file to file.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use super::load::{cannot_read, file_name, read_file};
use super::output::{UserError, printable};
use super::progress::{Progress, Step};
use crate::domain::import::CleanRow;
use crate::domain::tenant::Language;
use crate::import::clean::{Cleaner, Headings};
use crate::import::{clean_csv, sandbox};
use lekalo_documents::table::{ColumnNames, Table};
use lekalo_documents::{ExtractError, Rows};
use lekalo_vehicles::Index;

/// Read the table of a PDF, XLSX or CSV price list as it is
///
/// Nothing is understood, nothing is lost.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo extract price.pdf > raw.csv
  lekalo extract price.xlsx -o raw.csv")]
pub struct Args {
    /// A PDF, spreadsheet (XLSX, XLSB, XLS, ODS), DOCX, HTML or delimited text file (CSV, TSV)
    file: PathBuf,
    /// Where to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    columns: ColumnsArg,
    /// Print JSON lines: the header, the pages with a header, what was passed over, each row; or the error
    #[arg(long, conflicts_with = "output")]
    json: bool,
    #[command(flatten)]
    own: sandbox::OwnLimits,
    /// What all compressed parts of the file together may inflate to
    #[arg(long, value_name = "BYTES", hide = true)]
    limit_inflated: Option<u64>,
}

/// Understand the rows of a raw.csv: make, model, years, …
///
/// Also generation, body, steering, borders, seat rows, trunk; what was corrected or is in doubt becomes issues.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo clean raw.csv > clean.csv
  lekalo clean raw.csv -o clean.csv
  lekalo clean raw.csv -o clean.csv --columns \"Тачка=make+model,Период=years\"")]
pub struct CleanArgs {
    /// The file that `lekalo extract` wrote
    file: PathBuf,
    /// Where to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The language of the issues: ru, ky or en
    #[arg(long, value_name = "LANG", default_value = "ru")]
    language: Language,
    #[command(flatten)]
    columns: ColumnsArg,
}

/// What columns are whose names do not say it.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ColumnsArg {
    /// What columns are, where their names do not say it: NAME=WHAT, with commas between several; WHAT is one of id, make,
    /// model, make+model, series, generation, years, year_from, year_to, body, steering, seats, description, product,
    /// availability, price, sheet
    #[arg(long = "columns", value_name = "NAME=WHAT,…", default_value_t = ColumnNames::default(), hide_default_value = true)]
    names: ColumnNames,
}

impl ColumnsArg {
    /// Tells the readers of this process.
    pub fn tell_readers(&self) {
        if !self.names.is_empty() {
            self.names.clone().tell_readers();
        }
    }

    /// Puts what they are into a table's names.
    pub fn rename(&self, path: &Path, table: &mut Table) -> anyhow::Result<()> {
        let renamed = self.names.rename(&mut table.header, &mut table.headers);
        renamed.map_err(|error| UserError::error(format!("{}: {error}", path.display()), "correct --columns"))
    }
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    args.columns.tell_readers();
    let bytes = read_limited(args)?;
    let usual = lekalo_documents::ReadLimits::default();
    let limits = lekalo_documents::ReadLimits { inflated_bytes: args.limit_inflated.unwrap_or(usual.inflated_bytes) };
    let result = lekalo_documents::extract_rows(bytes, &limits);
    if args.json {
        let error = result.as_ref().err().cloned();
        sandbox::write_answer(result, &mut BufWriter::new(std::io::stdout().lock()))?;
        return error.map_or(Ok(()), |error| Err(file_error(&file_name(&args.file), &error)));
    }
    let table = result.and_then(Rows::table).map_err(|error| file_error(&file_name(&args.file), &error))?;
    write(args.output.as_ref(), |out| Ok(lekalo_documents::write_raw(&table, out)?))?;
    talk!("{}", printable(&table_summary(&table)));
    Ok(())
}

/// Opens the file, limits this process to reading it, and reads it.
fn read_limited(args: &Args) -> anyhow::Result<Vec<u8>> {
    let cannot = |error: std::io::Error| cannot_read(&args.file, &error);
    let mut file = File::open(&args.file).map_err(cannot)?;
    // Later it may ask nobody, and a buffer that grows would take twice as much.
    let length = file.metadata().map_err(cannot)?.len();
    sandbox::limit_self(args.own, &file)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(usize::try_from(length)?).map_err(|error| cannot(error.into()))?;
    file.read_to_end(&mut bytes).map_err(cannot)?;
    Ok(bytes)
}

pub fn run_clean(args: &CleanArgs) -> anyhow::Result<()> {
    let mut table = read_raw(&args.file)?;
    args.columns.rename(&args.file, &mut table)?;
    let (rows, columns) = clean(&args.file, &table, Index::shipped(), &Progress::default().step("clean"))?;
    write(args.output.as_ref(), |out| Ok(clean_csv::write_clean(&rows, &table.header, args.language, out)?))?;
    talk!("{}", printable(&format!("columns: {columns}")));
    talk!("{}", summary(&rows));
    Ok(())
}

/// How much was read, which lines above the header are none of the rows, and what else there is to know.
pub fn table_summary(table: &Table) -> String {
    let counted = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let mut text = format!("{} on {}", counted(table.rows.len(), "row"), counted(table.page_count(), "page"));
    let titles: Vec<String> = table.titles().map(|title| title.cells.join(" ").trim().to_owned()).collect();
    if !titles.is_empty() {
        let shown: String = titles.join(" / ").chars().take(200).collect();
        text += &format!("; {} lines above the header are no rows: {shown}", titles.len());
    }
    for notice in &table.notices {
        text += &format!("\n{notice}");
    }
    text
}

/// What is wrong with a file, for the user.
pub fn file_error(name: &str, error: &ExtractError) -> anyhow::Error {
    UserError::error(format!("{name}: {}", error.message), error.hint.clone())
}

/// The table of a raw.csv.
pub fn read_raw(path: &Path) -> anyhow::Result<Table> {
    let bytes = read_file(path)?;
    lekalo_documents::read_raw(bytes.as_slice())
        .map_err(|error| UserError::error(format!("{}: {error}", path.display()), "run `lekalo extract` first"))
}

/// Understands a table's rows; says what its columns were used as.
pub fn clean(path: &Path, table: &Table, index: &Index, step: &Step) -> anyhow::Result<(Vec<CleanRow>, String)> {
    let cleaner = Cleaner::new(&table.header, &table.rows, index)
        .map_err(|error| UserError::error(format!("{}: {error}", path.display()), error.hint()))?;
    let mut headings = Headings::new(&table.headers);
    let total = table.rows.len() as u64;
    let understood = (1..).zip(&table.rows).map(|(done, row)| {
        step.set(done, total);
        cleaner.row(cleaner.place(row.clone(), &mut headings))
    });
    Ok((understood.collect(), cleaner.columns().summary(&table.header)))
}

/// How many rows were understood.
pub fn summary(rows: &[CleanRow]) -> String {
    let accepted = rows.iter().filter(|row| row.is_accepted()).count();
    let cars = rows.iter().filter(|row| !row.is_header).count();
    let issues = rows.iter().filter(|row| !row.issues.is_empty()).count();
    format!("{accepted} of {cars} rows understood, {issues} with issues")
}

/// Writes to a file (complete or not at all) or to standard output.
pub fn write(
    output: Option<&PathBuf>,
    content: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let Some(path) = output else {
        let mut complete = Vec::new();
        content(&mut complete)?;
        return Ok(std::io::stdout().lock().write_all(&complete)?);
    };
    let cannot = |error: &dyn std::fmt::Display| cannot_write(path, error);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder.unwrap_or(Path::new(".")))
        .map_err(|error| cannot(&error))?;
    content(&mut file)?;
    keep_mended(path, file.path()).map_err(|error| cannot(&error))?;
    file.persist(path).map_err(|error| cannot(&error.error))?;
    Ok(())
}

/// Why not, for the user.
pub fn cannot_write(path: &Path, error: &dyn std::fmt::Display) -> anyhow::Error {
    UserError::error(format!("cannot write {}: {error}", path.display()), "")
}

/// A file that is there and differs may have been mended by hand: it stays, under another name.
fn keep_mended(path: &Path, next: &Path) -> std::io::Result<()> {
    if !path.exists() || std::fs::read(path)? == std::fs::read(next)? {
        return Ok(());
    }
    let mut kept = path.with_extension("old.csv");
    for number in 2.. {
        if !kept.exists() {
            break;
        }
        kept = path.with_extension(format!("old{number}.csv"));
    }
    std::fs::rename(path, &kept)?;
    let (path, kept) = (path.display().to_string(), kept.display().to_string());
    talk!("{} was there and differs: it is {} now", printable(&path), printable(&kept));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_mended_stays_under_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("price.clean.csv");
        let put = |text: &'static str| write(Some(&path), |out| Ok(out.write_all(text.as_bytes())?)).unwrap();
        let files = || {
            let mut files: Vec<(String, String)> = std::fs::read_dir(folder.path())
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .map(|path| (file_name(&path), std::fs::read_to_string(&path).unwrap()))
                .collect();
            files.sort();
            files
        };
        let named = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        put("first");
        put("first");
        assert_eq!(files(), [named("price.clean.csv", "first")], "what is the same is not kept twice");
        std::fs::write(&path, "mended").unwrap();
        put("second");
        assert_eq!(files(), [named("price.clean.csv", "second"), named("price.clean.old.csv", "mended")]);
        put("third");
        let kept = [("csv", "third"), ("old.csv", "mended"), ("old2.csv", "second")];
        assert_eq!(files(), kept.map(|(end, text)| named(&format!("price.clean.{end}"), text)));
    }
}
