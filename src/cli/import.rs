//! `lekalo import`: extract, clean, load.

use std::io::Write;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::database::{self, Database};
use super::extract::{ColumnsArg, cannot_write, clean, file_error, read_raw, summary, table_summary, write};
use super::load::{Destination, Target, TargetArgs, file_name, load_rows, read_clean, read_file, report};
use super::progress::Progress;
use crate::domain::import::CleanRow;
use crate::domain::tenant::Language;
use crate::import::clean_csv;
use crate::import::rows::with_headers;
use crate::live_index::LiveIndex;
use lekalo_documents::table::Table;
use lekalo_vehicles::Index;

/// Extract, clean and load a price list
///
/// The steps' files (PRICE.raw.csv, PRICE.clean.csv) stay beside the price list, or where --output says; one that is there and differs is kept under another name. A dry run writes none. A skipped step reads the file that the step before it wrote.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo import price.pdf --tenant evopoliki --category eva_mats
  lekalo import price.pdf --tenant evopoliki --category eva_mats --dry-run
  lekalo import price.pdf --tenant evopoliki --category eva_mats --skip-extract --skip-clean   (after mending price.clean.csv)")]
pub struct Args {
    /// A PDF, spreadsheet (XLSX, XLSB, XLS, ODS), DOCX, HTML or delimited text file (CSV, TSV)
    file: PathBuf,
    #[command(flatten)]
    target: TargetArgs,
    /// A folder for the steps' files, a dry run's too [default: that of the price list]
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Do not seed first
    #[arg(long)]
    skip_seed: bool,
    /// Read PRICE.raw.csv instead of the price list
    #[arg(long)]
    skip_extract: bool,
    /// Read PRICE.clean.csv instead of cleaning
    #[arg(long)]
    skip_clean: bool,
    #[command(flatten)]
    columns: ColumnsArg,
    #[command(flatten)]
    database: database::DatabaseArgs,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let progress = Progress::default();
    let bytes = read_file(&read_from(&args))?;
    let mut database = Database::open(&args.database).await?;
    let work = async {
        let prepared = database.prepare(args.target.dry_run).await?;
        let db = database.connect().await?;
        if !args.skip_seed && prepared {
            let _step = progress.step("seed");
            db.apply_seed(&crate::seed::shipped()?, false).await?;
        }
        let target = Target::from(&args.target);
        // Reading may take long: not for a name with a typo.
        let destination = Destination::find(&db, &target, &args.database).await?;
        let (rows, sha256) = match read_source(&args, &bytes, &progress)? {
            Source::Clean { rows, sha256 } => (rows, sha256),
            Source::Raw { mut table, sha256 } => {
                // With the aliases that shops have taught, as the server does.
                let index = LiveIndex::new(db.clone()).current().await?;
                (clean_table(&args, &mut table, &index, destination.language, &progress)?, sha256)
            }
        };
        load_rows(&db, &destination, &target, &file_name(&args.file), sha256, rows, &progress).await
    };
    let loaded = work.await;
    database.close().await?;
    report(&loaded?, &args.target.tenant, &args.database, args.json)
}

/// The file of the first step that is not skipped.
fn read_from(args: &Args) -> PathBuf {
    match (args.skip_extract, args.skip_clean) {
        (_, true) => step_file(args, "clean.csv"),
        (true, false) => step_file(args, "raw.csv"),
        (false, false) => args.file.clone(),
    }
}

/// The file of a step.
fn step_file(args: &Args, extension: &str) -> PathBuf {
    let beside = args.file.with_extension(extension);
    match (&args.output, beside.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => beside,
    }
}

/// Writes the file of a step and says so beside what was done. Unless it was asked for, none is no mistake: the folder may be
/// one that nobody may write to.
fn write_step(
    args: &Args,
    extension: &str,
    done: &str,
    progress: &Progress,
    content: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let path = step_file(args, extension);
    match &args.output {
        None if args.target.dry_run => progress.say(done),
        None => match write(Some(&path), content) {
            Ok(()) => progress.say(&format!("{done} → {}", path.display())),
            Err(error) => progress.say(&format!("{done}; {error}")),
        },
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(|error| cannot_write(folder, &error))?;
            write(Some(&path), content)?;
            progress.say(&format!("{done} → {}", path.display()));
        }
    }
    Ok(())
}

/// What there is to load, as far as it was read without the database.
enum Source {
    Raw {
        table: Table,
        sha256: Vec<u8>,
    },
    /// Header rows in their places.
    Clean {
        rows: Vec<CleanRow>,
        sha256: Vec<u8>,
    },
}

fn read_source(args: &Args, bytes: &[u8], progress: &Progress) -> anyhow::Result<Source> {
    let sha256 = Sha256::digest(bytes).to_vec();
    if args.skip_clean {
        return Ok(Source::Clean { rows: read_clean(&read_from(args), bytes)?, sha256 });
    }
    let step = progress.step("extract");
    args.columns.tell_readers();
    let table = if args.skip_extract {
        read_raw(&read_from(args))?
    } else {
        lekalo_documents::extract(bytes).map_err(|error| file_error(&file_name(&args.file), &error))?
    };
    drop(step);
    let done = table_summary(&table);
    if args.skip_extract {
        progress.say(&format!("{done} ← {}", read_from(args).display()));
    } else {
        write_step(args, "raw.csv", &done, progress, |out| Ok(lekalo_documents::write_raw(&table, out)?))?;
    }
    Ok(Source::Raw { table, sha256 })
}

fn clean_table(
    args: &Args,
    table: &mut Table,
    index: &Index,
    language: Language,
    progress: &Progress,
) -> anyhow::Result<Vec<CleanRow>> {
    args.columns.rename(&args.file, table)?;
    let (rows, columns) = clean(&args.file, table, index, &progress.step("clean"))?;
    progress.say(&format!("columns: {columns}"));
    let header = &table.header;
    let content = |out: &mut dyn Write| Ok(clean_csv::write_clean(&rows, header, language, out)?);
    write_step(args, "clean.csv", &summary(&rows), progress, content)?;
    Ok(with_headers(table, rows))
}
