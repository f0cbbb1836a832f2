//! Carrying an import out: record it, read its rows, merge them, and say how it ended.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::child::Extractor;
use super::clean::{CleanError, clean};
use super::table::{HeaderRow, Table};
use super::upload::Upload;
use crate::db::imports::Start;
use crate::db::{Db, Tenant};
use crate::domain::error::{Error, Result};
use crate::domain::import::{CleanRow, Confidence, Failure, Import};
use crate::domain::tenant::TenantId;
use crate::spellings::Spellings;
use crate::vehicles::Index;

/// How many imports one server carries out at once; the others wait as QUEUED and leave the pool to the bots.
const AT_ONCE: usize = 2;
/// How often an import under way gives a sign of life, a fraction of the lease, and learns that it was cancelled.
const RENEW_EVERY: Duration = Duration::from_secs(2);
/// How often an import that waits for another one asks whether it is its turn.
const TURN_EVERY: Duration = Duration::from_millis(500);
/// How long a step is tried again while the database is busy or away; less than the lease.
const PATIENCE: Duration = Duration::from_secs(45);
/// How long after the first try; twice as long after each further one, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Carries out imports in the background, until told to stop.
#[derive(Clone)]
pub struct Runner {
    db: Db,
    spellings: Arc<Spellings>,
    extractor: Extractor,
    tasks: TaskTracker,
    stop: CancellationToken,
    slots: Arc<Semaphore>,
}

impl Runner {
    /// A runner that reads files with `extractor` and understands them with the current spellings.
    pub fn new(db: Db, spellings: Arc<Spellings>, extractor: Extractor) -> Self {
        Self {
            db,
            spellings,
            extractor,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Starts a QUEUED import of `file`, which is kept until it is read.
    pub fn spawn(&self, tenant: TenantId, import: Import, category_id: i64, file: Upload) {
        let runner = self.clone();
        self.tasks.spawn(async move {
            let rows = async {
                let table = runner.extractor.extract(file.path()).await.map_err(Failure::from)?;
                drop(file);
                let index = patiently(|| runner.spellings.index()).await.map_err(merge_failure)?;
                tokio::task::spawn_blocking(move || clean_table(&table, &index))
                    .await
                    .unwrap_or_else(|_| Err(failure("INTERNAL", "cleaning the rows failed", "report this file")))
            };
            let work = carry_out_in(&runner.slots, &runner.db, tenant, &import, category_id, rows);
            let stopped = tokio::select! {
                ended = work => ended.err(),
                () = runner.stop.cancelled() => {
                    let interrupted = failure(
                        "INTERRUPTED",
                        "the service stopped while it worked on this import; nothing of it was written",
                        UPLOAD_AGAIN,
                    );
                    runner.db.tenant(tenant).fail_import(import.id, &interrupted).await.err()
                }
            };
            if let Some(error) = stopped {
                tracing::error!(import = %import.id, %error, "an import's end could not be recorded");
            }
        });
    }

    /// Waits until no import is running.
    pub async fn idle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Interrupts running imports; each is recorded as failed with nothing written.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.idle().await;
    }
}

/// Takes a QUEUED import to its end as soon as it is its turn: `rows` are read, then merged. Whatever goes wrong is
/// recorded as its failure; what is cancelled meanwhile is dropped, with nothing written.
///
/// # Errors
/// When the end itself could not be recorded.
pub async fn carry_out(
    db: &Db,
    tenant: TenantId,
    import: &Import,
    category_id: i64,
    rows: impl Future<Output = Result<Vec<CleanRow>, Failure>>,
) -> Result<Import> {
    carry_out_in(&Semaphore::new(1), db, tenant, import, category_id, rows).await
}

/// [`carry_out`] in one of `slots`, which an import that waits for another one leaves to others.
async fn carry_out_in(
    slots: &Semaphore,
    db: &Db,
    tenant: TenantId,
    import: &Import,
    category_id: i64,
    rows: impl Future<Output = Result<Vec<CleanRow>, Failure>>,
) -> Result<Import> {
    let own = db.tenant(tenant);
    let work = async {
        let Some(_slot) = start(slots, own, import.id).await? else { return Ok(()) };
        let merged = async {
            let rows = rows.await?;
            patiently(|| own.merge_import(import, category_id, &rows)).await.map_err(merge_failure)
        };
        if let Err(failure) = merged.await {
            patiently(|| own.fail_import(import.id, &failure)).await?;
        }
        Ok(())
    };
    let ended: Result<()> = tokio::select! {
        ended = work => ended,
        () = under_way(own, import.id) => Ok(()),
    };
    ended?;
    patiently(|| own.get_import(import.id)).await
}

/// Waits for a slot and for the import's turn; none if it has ended meanwhile.
async fn start<'s>(slots: &'s Semaphore, own: Tenant<'_>, import: Uuid) -> Result<Option<SemaphorePermit<'s>>> {
    let mut waits_for = None;
    loop {
        let slot = slots.acquire().await.map_err(Error::internal)?;
        match patiently(|| own.start_import(import)).await? {
            Start::Started => return Ok(Some(slot)),
            Start::Ended => return Ok(None),
            Start::WaitsFor(other) if waits_for == Some(other) => {}
            Start::WaitsFor(other) => {
                tracing::info!(%import, waits_for = %other, "another import into the same category comes first");
                waits_for = Some(other);
            }
        }
        drop(slot);
        tokio::time::sleep(TURN_EVERY).await;
    }
}

/// Gives signs of life until the import has ended, by whomever.
async fn under_way(own: Tenant<'_>, import: Uuid) {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        match own.renew_import(import).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(%import, %error, "an import's lease could not be renewed"),
        }
    }
}

/// Tries a step again while the database is busy or away: a moment of that must not end an import.
async fn patiently<T, F: Future<Output = Result<T>>>(mut step: impl FnMut() -> F) -> Result<T> {
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        match step().await {
            Err(error @ (Error::ResourceExhausted { .. } | Error::Unavailable { .. }))
                if began.elapsed() < PATIENCE =>
            {
                tracing::warn!(%error, "a step of an import is tried again");
                tokio::time::sleep(pause).await;
                pause = LONGEST_PAUSE.min(pause * 2);
            }
            ended => return ended,
        }
    }
}

/// Cleans a table and puts its header rows in their places, so that every row of the document is accounted for.
///
/// # Errors
/// When the table lacks columns without which nothing is understood.
pub fn clean_table(table: &Table, index: &Index) -> Result<Vec<CleanRow>, Failure> {
    let rows = clean(table, index).map_err(|error| match &error {
        CleanError::MissingColumns { .. } => failure("NO_TABLE", &error.to_string(), "name them in the header line"),
    })?;
    Ok(with_headers(table, rows))
}

/// Adds the header rows of a table's pages before the rows of their page.
pub fn with_headers(table: &Table, rows: Vec<CleanRow>) -> Vec<CleanRow> {
    let mut headers = table.headers.iter().peekable();
    let mut all = Vec::with_capacity(rows.len() + table.headers.len());
    let row = |header: &HeaderRow| header_row(header.page_number, header.cells.clone());
    for clean in rows {
        while let Some(header) = headers.next_if(|header| header.page_number <= clean.page_number) {
            all.push(row(header));
        }
        all.push(clean);
    }
    all.extend(headers.map(row));
    all
}

/// A header row, as number 0 of its page.
pub fn header_row(page_number: i32, cells: Vec<String>) -> CleanRow {
    CleanRow { page_number, is_header: true, confidence: Confidence::High, cells, ..CleanRow::default() }
}

const UPLOAD_AGAIN: &str = "upload the file again with a new request_id";

fn merge_failure(error: Error) -> Failure {
    match error {
        Error::FailedPrecondition { reason, message, .. } | Error::Aborted { reason, message } => {
            failure(reason, &message, "")
        }
        Error::Unavailable { reason, message, .. } | Error::ResourceExhausted { reason, message, .. } => {
            failure(reason, &message, UPLOAD_AGAIN)
        }
        Error::DeadlineExceeded => failure("LIMIT_EXCEEDED", "writing the rows took too long", "split the file"),
        other => {
            if let Error::Internal(cause) = &other {
                tracing::error!(cause = %crate::db::failure::chain(&**cause), "an import failed");
            }
            failure("INTERNAL", "writing the rows failed; nothing of them was written", UPLOAD_AGAIN)
        }
    }
}

fn failure(code: &str, message: &str, hint: &str) -> Failure {
    Failure { code: code.to_owned(), message: message.to_owned(), hint: hint.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::table::TableRow;

    #[test]
    fn headers_stand_before_the_rows_of_their_page() {
        let row = |page_number, row_number| CleanRow { page_number, row_number, ..CleanRow::default() };
        let table = Table {
            header: vec!["Марка".into()],
            rows: vec![TableRow { page_number: 1, row_number: 1, cells: vec![] }],
            headers: (1..=3).map(|page_number| HeaderRow { page_number, cells: vec!["Марка".into()] }).collect(),
        };
        let all = with_headers(&table, vec![row(1, 1), row(1, 2), row(3, 1)]);
        let places: Vec<_> = all.iter().map(|row| (row.page_number, row.row_number, row.is_header)).collect();
        assert_eq!(places, [(1, 0, true), (1, 1, false), (1, 2, false), (2, 0, true), (3, 0, true), (3, 1, false)]);
    }
}
