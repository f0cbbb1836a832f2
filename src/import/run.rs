//! Carrying an import out: record it, read its rows, merge them, and say how it ended.

use std::future::Future;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::child::Extractor;
use super::clean::{CleanError, clean};
use super::table::Table;
use crate::db::Db;
use crate::domain::error::{Error, Result};
use crate::domain::import::{CleanRow, Confidence, Counts, Failure, Import};
use crate::domain::tenant::TenantId;
use crate::spellings::Spellings;
use crate::vehicles::Index;

/// How many imports one server carries out at once; the others wait as QUEUED and leave the pool to the bots.
const AT_ONCE: usize = 2;
/// How often a running import gives a sign of life; a fraction of the lease.
const RENEW_EVERY: Duration = Duration::from_secs(10);

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
    pub fn spawn(&self, tenant: TenantId, import: Import, category_id: i64, file: tempfile::NamedTempFile) {
        let runner = self.clone();
        self.tasks.spawn(async move {
            let rows = async {
                let table = runner.extractor.extract(file.path()).await.map_err(Failure::from)?;
                drop(file);
                let index = runner.spellings.index().await.map_err(merge_failure)?;
                tokio::task::spawn_blocking(move || clean_table(&table, &index))
                    .await
                    .unwrap_or_else(|_| Err(failure("INTERNAL", "cleaning the rows failed", "report this file")))
            };
            let work = async {
                let _slot = tokio::select! {
                    slot = runner.slots.acquire() => slot,
                    never = renew(&runner.db, tenant, import.id) => match never {},
                };
                carry_out(&runner.db, tenant, &import, category_id, rows).await
            };
            let stopped = tokio::select! {
                ended = work => ended.err(),
                () = runner.stop.cancelled() => {
                    let interrupted = failure(
                        "INTERRUPTED",
                        "the service stopped while it worked on this import; nothing of it was written",
                        "upload the file again",
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

/// Takes a QUEUED import to its end: `rows` are read, then merged. Whatever goes wrong is recorded as its failure.
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
    let tenant = db.tenant(tenant);
    if !tenant.start_import(import.id).await? {
        return tenant.get_import(import.id).await;
    }
    let work = async {
        let rows = rows.await?;
        tenant.merge_import(import, category_id, &rows).await.map_err(merge_failure)
    };
    let outcome: Result<Counts, Failure> = tokio::select! {
        outcome = work => outcome,
        never = renew(db, tenant.id, import.id) => match never {},
    };
    if let Err(failure) = outcome {
        tenant.fail_import(import.id, &failure).await?;
    }
    tenant.get_import(import.id).await
}

/// Gives signs of life for as long as it is polled.
async fn renew(db: &Db, tenant: TenantId, import: Uuid) -> std::convert::Infallible {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        if let Err(error) = db.tenant(tenant).renew_import(import).await {
            tracing::warn!(%import, %error, "an import's lease could not be renewed");
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
    let mut headers = table.header_pages.iter().peekable();
    let mut all = Vec::with_capacity(rows.len() + table.header_pages.len());
    let header = |page_number| header_row(page_number, table.header.clone());
    for row in rows {
        while let Some(page_number) = headers.next_if(|page| **page <= row.page_number) {
            all.push(header(*page_number));
        }
        all.push(row);
    }
    all.extend(headers.map(|page_number| header(*page_number)));
    all
}

/// A header row, as number 0 of its page.
pub fn header_row(page_number: i32, cells: Vec<String>) -> CleanRow {
    CleanRow { page_number, is_header: true, confidence: Confidence::High, cells, ..CleanRow::default() }
}

/// Keeps an upload where the extracting process can read it.
///
/// # Errors
/// When the disk is full or not writable.
pub fn temp_file() -> Result<tempfile::NamedTempFile> {
    tempfile::Builder::new().prefix("lekalo-upload-").tempfile().map_err(Error::internal)
}

/// Appends a chunk to an upload.
///
/// # Errors
/// As [`temp_file`].
pub fn append(file: &mut tempfile::NamedTempFile, chunk: &[u8]) -> Result<()> {
    file.write_all(chunk).map_err(Error::internal)
}

fn merge_failure(error: Error) -> Failure {
    match error {
        Error::FailedPrecondition { reason, message, .. } | Error::Aborted { reason, message } => {
            failure(reason, &message, "")
        }
        Error::Unavailable { reason, message, .. } | Error::ResourceExhausted { reason, message, .. } => {
            failure(reason, &message, "upload the file again")
        }
        Error::DeadlineExceeded => failure("LIMIT_EXCEEDED", "writing the rows took too long", "split the file"),
        other => {
            if let Error::Internal(cause) = &other {
                tracing::error!(cause = %crate::db::failure::chain(&**cause), "an import failed");
            }
            failure("INTERNAL", "writing the rows failed; nothing of them was written", "upload the file again")
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
            header_pages: vec![1, 2, 3],
        };
        let all = with_headers(&table, vec![row(1, 1), row(1, 2), row(3, 1)]);
        let places: Vec<_> = all.iter().map(|row| (row.page_number, row.row_number, row.is_header)).collect();
        assert_eq!(places, [(1, 0, true), (1, 1, false), (1, 2, false), (2, 0, true), (3, 0, true), (3, 1, false)]);
    }
}
