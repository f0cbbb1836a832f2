//! `lekalo restore`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use lekalo_migrate::backup::{Archive, Restored};
use lekalo_migrate::tls::Tls;
use serde_json::json;

use super::database::{self, Database};
use super::dump::{error, summary, tell, to_json};
use super::load::file_name;
use super::output;
use super::progress::Progress;
use super::serve::{Stop, stop_signal, unless};
use crate::db::migrations::shipped;
use crate::domain::audit::{Change, ResourceKind};

/// Fill an empty database from a dump: all of it, or nothing
///
/// As the role that migrates, on any server and for any owner. The schema is made at the dump's version; `lekalo migrate up` then brings it to this program's. A database that has rows is refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo restore shop-2026-12-01.zip --check
  lekalo restore shop-2026-12-01.zip && lekalo migrate up && lekalo migrate check
  lekalo restore demo.zip --embedded --data-dir ./elsewhere")]
pub struct Args {
    /// What `lekalo dump` wrote
    file: PathBuf,
    /// Only read the file and compare all sums: no database is touched
    #[arg(long)]
    check: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: database::DatabaseArgs,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let archive = Archive::open(&args.file).map_err(error)?;
    let restored = if args.check {
        archive.verify(|_| {}).map_err(error)?;
        None
    } else {
        let mut database = Database::open(&args.database).await?;
        let config = &database.config;
        let restored = restore(config.owner(), &config.owner_tls, &archive, &mut stop_signal()?).await;
        if let Ok(restored) = &restored {
            record(&mut database, restored, &args.file).await;
        }
        database.close().await?;
        Some(restored?)
    };
    let manifest = &archive.manifest;
    if args.json {
        let more = [("restored", json!(restored.is_some())), ("latest", json!(shipped().latest()))];
        return output::json(&to_json(&args.file, manifest, &more));
    }
    tell(manifest)?;
    match restored {
        None => talk!("the dump is whole: {}", summary(manifest)),
        Some(restored) => {
            talk!("restored: {}", summary(manifest));
            if restored.schema_version < restored.latest {
                let (flags, latest) = (args.database.as_flags(), restored.latest);
                talk!("this program needs version {latest}: run `lekalo migrate up{flags}`");
            }
        }
    }
    Ok(())
}

/// Writes down that the rows are another database's. What was restored stays, whether or not that can be done: the schema of
/// an older dump has no place for it.
async fn record(database: &mut Database, restored: &Restored, file: &Path) {
    if restored.schema_version < restored.latest {
        return;
    }
    let summary = format!("restored: {} rows", restored.rows);
    let change = Change::of(ResourceKind::Database, file_name(file), summary);
    let recorded = async { anyhow::Ok(database.pool()?.record(change).await?) };
    if let Err(error) = recorded.await {
        tracing::warn!(%error, "the audit trail does not say that it was restored");
    }
}

/// Restores into a database, with a bar.
///
/// # Errors
/// As [`lekalo_migrate::backup::restore`], and when it is interrupted.
pub async fn restore(
    owner: &tokio_postgres::Config,
    tls: &Tls,
    archive: &Archive,
    stop: &mut Stop,
) -> anyhow::Result<Restored> {
    let (migrations, progress) = (shipped(), Progress::default());
    let step = progress.step("restore");
    let restore =
        lekalo_migrate::backup::restore(&migrations, owner, tls, archive, |rows| step.set(rows.done, rows.total));
    let restored = unless(stop, Box::pin(async { restore.await.map_err(error) })).await;
    drop((step, progress));
    restored?.context("interrupted: either all rows are restored or none; the same restore, tried again, says which")
}
