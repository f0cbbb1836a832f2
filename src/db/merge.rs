//! Writing an import: clean rows in, patterns out, in one transaction.
//!
//! The rows are staged ([`staging`]), matched against the reference and the tenant's patterns in one pass ([`matching`]),
//! and merged by sets ([`writing`]). Every row is recorded with its outcome, every change with what was before. A
//! preview goes the same way and writes no pattern; applying it ([`preview`]) goes that way again from the record and
//! compares. [`reprocess_rejected`] adds rows that were rejected, [`revert`] puts everything back.

mod category_lock;
mod matching;
mod preview;
mod reprocess_rejected;
mod revert;
mod staging;
mod writing;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use uuid::Uuid;

use super::{Tenant, Transaction};
use crate::domain::error::Result;
use crate::domain::import::{CleanRow, Counts, Import, Mode, State};

/// How long one step of a merge may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(600);
/// From so many rows on they are looked up all at once, whatever the statistics say.
const MANY_ROWS: usize = 20_000;

impl Tenant<'_> {
    /// Begins to carry out (or to preview, if it is `validate_only`) a RUNNING import, in a transaction of its own.
    ///
    /// # Errors
    /// When the database is busy or away.
    pub async fn begin_merge(&self, import: &Import, category_id: i64) -> Result<Merging> {
        let tx = self.transaction(STEP_TIMEOUT).await?;
        let merge = Merge {
            tx,
            tenant_id: self.id.0,
            import_id: import.id,
            category_id,
            lease: self.import_lease(),
            holder: self.db.holder,
        };
        merge.wait_for_turn().await?;
        merge.create_staging().await?;
        Ok(Merging { merge, rows: AtomicUsize::new(0) })
    }
}

/// An import of which the rows come; dropped before [`Merging::finish`] nothing of it remains.
pub struct Merging {
    merge: Merge,
    /// How many were taken.
    rows: AtomicUsize,
}

impl Merging {
    /// Takes the next rows, of which the first one has this place in the document.
    pub async fn stage(&self, first: i32, rows: &[CleanRow]) -> Result<()> {
        self.rows.fetch_add(rows.len(), Ordering::Relaxed);
        self.merge.stage((first..).zip(rows)).await
    }

    /// Writes what the rows say, all or nothing, and ends the import.
    ///
    /// # Errors
    /// `FailedPrecondition` for a REPLACE that would withdraw too much; `Aborted` if the import is no longer running.
    /// Nothing is written then.
    pub async fn finish(self, import: &Import) -> Result<Counts> {
        let merge = self.merge;
        merge.analyze_staging().await?;
        if self.rows.load(Ordering::Relaxed) > MANY_ROWS {
            merge.plan_for_sets().await?;
        }
        merge.match_vehicles().await?;
        if !import.validate_only {
            merge.write_variants().await?;
        }
        merge.match_patterns(!import.validate_only).await?;
        if import.mode == Mode::Replace {
            merge.check_withdrawal(import.allow_large_withdrawal).await?;
        }
        let counts = if import.validate_only {
            merge.record_changes(import.mode).await?;
            merge.record_rows().await?;
            let counts = merge.count().await?;
            merge.finish(State::Running, State::Validated, &counts, None).await?;
            counts
        } else {
            merge.write(import.mode).await?;
            merge.record_rows().await?;
            merge.succeed(State::Running).await?
        };
        // One that waits for a standby is cut short, which makes it visible.
        let committed = tokio::time::timeout(commit_limit(merge.lease), merge.tx.commit()).await;
        committed.map_err(|_| super::error::unavailable())??;
        Ok(counts)
    }
}

/// How long the last steps of an import may take, each: readers take it for interrupted once its lease is over.
fn commit_limit(lease: Duration) -> Duration {
    lease / 10
}

/// One import being merged, within its transaction.
struct Merge {
    tx: Transaction,
    tenant_id: i64,
    import_id: Uuid,
    category_id: i64,
    /// The process that carries it out.
    holder: Uuid,
    /// How long a sign of life of it holds.
    lease: Duration,
}

impl Merge {
    /// Writes what the match came to.
    async fn write(&self, mode: Mode) -> Result<()> {
        self.write_patterns().await?;
        match mode {
            Mode::Merge => Ok(()),
            Mode::Replace => self.withdraw_patterns().await,
        }
    }

    /// Ends an import whose patterns are written.
    async fn succeed(&self, from: State) -> Result<Counts> {
        let (write_number, counts) = (self.next_write_number().await?, self.count().await?);
        if counts.created + counts.updated + counts.withdrawn > 0 {
            self.tx.bump_catalog_version("import").await?;
        }
        self.finish(from, State::Succeeded, &counts, Some(write_number)).await?;
        Ok(counts)
    }
}
