//! `lekalo dump`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use lekalo_migrate::backup::{BackupError, Manifest};
use lekalo_migrate::tls::Tls;
use serde_json::{Value, json};

use super::database::{self, Database};
use super::output::{self, UserError};
use super::progress::Progress;
use super::serve::{Stop, stop_signal, unless};
use crate::db::migrations::shipped;

/// Write every row of all tenants into a file, as of one moment
///
/// As the role that migrates; no superuser and no pg_dump is needed, and the servers go on. Rows are counted and copied in one snapshot, and the file is read again before it gets its name: there is a whole dump or none. `lekalo restore` takes it back.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo dump shop-2026-12-01.zip
  lekalo dump /backups --keep 14
  lekalo dump shop.zip --json | jq .rows
  lekalo dump demo.zip --embedded")]
pub struct Args {
    /// Where the dump is to be: a file that is not there yet, or a folder, in which it is named after database and time
    file: PathBuf,
    /// In a folder: remove this database's older dumps from it once the new one is there, but for the newest N, it included
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    keep: Option<u16>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: database::DatabaseArgs,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let is_folder = args.file.is_dir();
    if args.keep.is_some() && !is_folder {
        let problem = format!("{} is no folder, and --keep is about the dumps of one", args.file.display());
        return Err(UserError::error(problem, "give a folder: the dump is then named by itself"));
    }
    if !is_folder && args.file.as_os_str().as_encoded_bytes().ends_with(b"/") {
        let folder = args.file.display();
        return Err(UserError::error(format!("there is no folder {folder}"), format!("make it: mkdir -p {folder}")));
    }
    let database = Database::open(&args.database).await?;
    let config = &database.config;
    let name = prefix(config.owner());
    let file = if is_folder { args.file.join(format!("{name}{}{ENDING}", now())) } else { args.file.clone() };
    let dumped = dump(config.owner(), &config.owner_tls, &file, &mut stop_signal()?).await;
    database.close().await?;
    let manifest = dumped?;
    if let Some(keep) = args.keep {
        remove_all_but(keep.into(), &args.file, &name).with_context(|| {
            format!("the dump is there, but older ones could not be removed from {}", args.file.display())
        })?;
    }
    if args.json {
        return output::json(&to_json(&file, &manifest, &[]));
    }
    tell(&manifest)?;
    talk!("dumped to {}: {}", file.display(), summary(&manifest));
    Ok(())
}

/// In a folder a dump is called `shop-2026-12-01T16-37-05Z.zip`: such names sort by time, and every file system takes them.
const ENDING: &str = "Z.zip";

fn prefix(owner: &tokio_postgres::Config) -> String {
    format!("{}-", owner.get_dbname().unwrap_or("lekalo").replace('/', "_"))
}

fn now() -> String {
    let now = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
    now.trim_end_matches('Z').replace(':', "-")
}

/// Removes the oldest of the dumps that were named by us for the same database.
fn remove_all_but(keep: usize, folder: &Path, prefix: &str) -> std::io::Result<()> {
    let shape = |text: &str| text.replace(|ch: char| ch.is_ascii_digit(), "0");
    let mut dumps = Vec::new();
    for entry in folder.read_dir()? {
        let entry = entry?;
        let name = entry.file_name().into_string().unwrap_or_default();
        let time = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(ENDING));
        if time.is_some_and(|time| shape(time) == "0000-00-00T00-00-00") {
            dumps.push((name, entry.path()));
        }
    }
    dumps.sort();
    let surplus = dumps.len().saturating_sub(keep);
    dumps.iter().take(surplus).try_for_each(|(_, path)| std::fs::remove_file(path))
}

/// Dumps a database, with a bar.
///
/// # Errors
/// As [`lekalo_migrate::backup::dump`], and when it is interrupted: there is no file then.
pub async fn dump(owner: &tokio_postgres::Config, tls: &Tls, file: &Path, stop: &mut Stop) -> anyhow::Result<Manifest> {
    let (migrations, progress) = (shipped(), Progress::default());
    let step = progress.step("dump");
    let program = concat!("lekalo ", env!("CARGO_PKG_VERSION"));
    let dump =
        lekalo_migrate::backup::dump(&migrations, owner, tls, file, program, |rows| step.set(rows.done, rows.total));
    let dumped = unless(stop, Box::pin(async { dump.await.map_err(error) })).await;
    drop((step, progress));
    let manifest = dumped?.context("interrupted: there is no dump")?;
    for table in &manifest.left_out {
        tracing::warn!("the table {table} is not in the dump: no migration makes it");
    }
    Ok(manifest)
}

/// A failure of a migration is told as such.
pub fn error(error: BackupError) -> anyhow::Error {
    match error {
        BackupError::Migrate(error) => error.into(),
        error => error.into(),
    }
}

/// Each table with its rows.
pub fn tell(manifest: &Manifest) -> anyhow::Result<()> {
    let rows = manifest.tables.iter().map(|table| [table.name.clone(), table.rows.to_string()]);
    output::line(output::table(["table", "rows"], rows))
}

/// What is in it, in a line.
pub fn summary(manifest: &Manifest) -> String {
    let (rows, tables, version) = (manifest.rows(), manifest.tables.len(), manifest.schema_version);
    format!("{rows} rows of {tables} tables as of {}, schema version {version}", manifest.taken_at)
}

/// The same for programs, with what else there is to say.
pub fn to_json(file: &Path, manifest: &Manifest, more: &[(&str, Value)]) -> Value {
    let tables = manifest.tables.iter().map(|table| json!({ "table": table.name, "rows": table.rows }));
    let mut document = json!({
        "file": file,
        "program": manifest.program,
        "taken_at": manifest.taken_at,
        "server": manifest.server,
        "schema_version": manifest.schema_version,
        "rows": manifest.rows(),
        "tables": tables.collect::<Vec<Value>>(),
        "left_out": manifest.left_out,
    });
    more.iter().for_each(|(name, value)| document[name] = value.clone());
    document
}
