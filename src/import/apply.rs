//! Applying, reverting, deleting: what a person decides about an import that was read before.

use std::pin::pin;

use futures::future;
use futures::stream::{self, Stream, StreamExt as _};
use uuid::Uuid;

use super::clean::{Cache, Cleaner, Columns};
use super::clean_csv::document_header;
use crate::db::{Db, Tenant};
use crate::domain::error::{Error, Result};
use crate::domain::import::{CleanRow, Import, ImportRow, Outcome, State};
use crate::domain::tenant::TenantId;
use crate::live_index::LiveIndex;
use lekalo_documents::table::TableRow;

/// Carries out what a VALIDATED import previewed, or takes the rejected rows of a SUCCEEDED one in that are understood by
/// now. `check` may refuse the import as it is found.
///
/// # Errors
/// What `check` says; `NotFound`; `Aborted` `PREVIEW_OUTDATED`; `FailedPrecondition` `ILLEGAL_IMPORT_STATE`,
/// `IMPORT_RUNNING`. Nothing is written then.
pub async fn apply(
    db: &Db,
    live_index: &LiveIndex,
    tenant: TenantId,
    id: Uuid,
    check: impl Fn(&Import) -> Result<()>,
) -> Result<Import> {
    let own = db.tenant(tenant);
    loop {
        let import = own.get_import(id).await?;
        check(&import)?;
        let is_applied = match import.state {
            State::Validated => own.apply_preview(id, import.revision).await?,
            State::Succeeded => {
                let mut rows = pin!(understood_by_now(own, id, live_index));
                let Some(first) = rows.next().await else { return Ok(import) };
                own.reprocess_rejected(id, import.revision, stream::once(future::ready(first)).chain(rows)).await?
            }
            state => return Err(state.refused(&[State::Validated, State::Succeeded])),
        };
        // Else somebody else was faster: see what the import is now.
        if is_applied {
            return own.get_import(id).await;
        }
    }
}

/// Puts back what a SUCCEEDED import changed. `check` may refuse the import as it is found.
///
/// # Errors
/// What `check` says; `NotFound`; `FailedPrecondition` `ILLEGAL_IMPORT_STATE`, `IMPORT_SUPERSEDED`, `IMPORT_RUNNING`.
/// Nothing is written then.
pub async fn revert(db: &Db, tenant: TenantId, id: Uuid, check: impl Fn(&Import) -> Result<()>) -> Result<Import> {
    let own = db.tenant(tenant);
    loop {
        let import = own.get_import(id).await?;
        check(&import)?;
        if import.state != State::Succeeded {
            return Err(import.state.refused(&[State::Succeeded]));
        }
        if own.revert_import(id, import.revision).await? {
            return own.get_import(id).await;
        }
    }
}

/// Deletes an import that has ended, with its rows; one that was written only where `allow_succeeded`. `check` may refuse the
/// import as it is found.
///
/// # Errors
/// What `check` says; `NotFound`; `FailedPrecondition` `ILLEGAL_IMPORT_STATE`, `IMPORT_SUCCEEDED`, `IMPORT_NOT_OLDEST`.
/// Nothing is deleted then.
pub async fn delete(
    own: Tenant<'_>,
    id: Uuid,
    allow_succeeded: bool,
    check: impl Fn(&Import) -> Result<()>,
) -> Result<()> {
    loop {
        let import = own.get_import(id).await?;
        check(&import)?;
        match import.state {
            State::Queued | State::Running => return Err(import.state.refused(&State::FINAL)),
            State::Succeeded if !allow_succeeded => {
                return Err(Error::FailedPrecondition {
                    reason: "IMPORT_SUCCEEDED",
                    message: "the import was written: without it nobody can revert it or see where its patterns come \
                              from; allow_succeeded deletes it all the same"
                        .to_owned(),
                    metadata: vec![],
                });
            }
            State::Succeeded => own.refuse_unless_oldest(id).await?,
            // Whoever reads it finds an interrupted one failed before that is written down.
            State::Failed => drop(own.end_interrupted_import(id).await?),
            State::Validated | State::Cancelled | State::Reverted => {}
        }
        if own.delete_import(id, import.revision).await? {
            return Ok(());
        }
    }
}

/// An import's rejected rows that cleaning accepts with the aliases known now, each with its place in the document;
/// some at a time.
fn understood_by_now<'a>(
    own: Tenant<'a>,
    id: Uuid,
    live_index: &'a LiveIndex,
) -> impl Stream<Item = Result<Vec<(i32, CleanRow)>>> + Send + 'a {
    async_stream::try_stream! {
        let mut found = own.next_import_rows(id, Some(Outcome::Rejected), 0).await?;
        if found.is_empty() {
            return;
        }
        let header = document_header(&own.import_header(id).await?);
        // Without columns for brand and model nothing more is understood.
        let Ok(columns) = Columns::find(&header) else { return };
        let index = live_index.current().await?;
        let mut cache = Cache::default();
        while let Some(last) = found.last().map(|row| row.position) {
            let index = index.clone();
            let clean = move || {
                let cleaner = Cleaner::resume(columns, &index, cache);
                let rows = found.into_iter().map(|found| (found.position, cleaner.row(table_row(found))));
                let accepted: Vec<_> = rows.filter(|(_, row)| row.is_accepted()).collect();
                (accepted, cleaner.into_cache())
            };
            let accepted;
            (accepted, cache) = tokio::task::spawn_blocking(clean).await.map_err(Error::internal)?;
            if !accepted.is_empty() {
                yield accepted;
            }
            found = own.next_import_rows(id, Some(Outcome::Rejected), last).await?;
        }
    }
}

fn table_row(found: ImportRow) -> TableRow {
    let CleanRow { page_number, row_number, cells, .. } = found.row;
    TableRow { page_number, row_number, cells }
}
