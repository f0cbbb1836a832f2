//! Applying, reverting, deleting: what a person decides about an import that was read before.

use std::pin::pin;

use futures::future;
use futures::stream::{self, Stream, StreamExt as _};
use uuid::Uuid;

use super::clean::{Cache, Cleaner, Headings, SAMPLE};
use super::clean_csv::document_header;
use super::rows::naming_row;
use crate::db::{Db, Tenant};
use crate::domain::error::{Error, Result};
use crate::domain::import::{CleanRow, Import, ImportRow, Outcome, State};
use crate::domain::tenant::TenantId;
use crate::live_index::LiveIndex;
use lekalo_documents::table::{HeaderRow, TableRow};

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
        if own.next_import_rows(id, Some(Outcome::Rejected), 0).await?.is_empty() {
            return;
        }
        let header = header_of(own, id).await?;
        let index = live_index.current().await?;
        let sample = first_rows(own, id).await?;
        let found = { let index = index.clone(); move || Cleaner::new(&header, &sample, &index).map(|it| it.columns().clone()) };
        // Where nothing says where the cars are, nothing more is understood.
        let Ok(columns) = tokio::task::spawn_blocking(found).await.map_err(Error::internal)? else { return };
        // What rows say for those below them is said by any of them.
        let outcome = if columns.speak_for_others() { None } else { Some(Outcome::Rejected) };
        let (mut cache, mut headings) = (Cache::default(), Headings::default());
        let mut found = own.next_import_rows(id, outcome, 0).await?;
        while let Some(last) = found.last().map(|row| row.position) {
            let (index, columns) = (index.clone(), columns.clone());
            let clean = move || {
                let cleaner = Cleaner::resume(columns, &index, cache);
                let accepted: Vec<_> = found.into_iter().filter_map(|row| understood(&cleaner, row, &mut headings)).collect();
                (accepted, cleaner.into_cache(), headings)
            };
            let accepted;
            (accepted, cache, headings) = tokio::task::spawn_blocking(clean).await.map_err(Error::internal)?;
            if !accepted.is_empty() {
                yield accepted;
            }
            found = own.next_import_rows(id, outcome, last).await?;
        }
    }
}

/// The names of an import's columns, as its record has them.
///
/// # Errors
/// When the database is busy or away.
pub async fn header_of(own: Tenant<'_>, id: Uuid) -> Result<Vec<String>> {
    let found = own.next_import_rows(id, Some(Outcome::Header), 0).await?;
    let is_above = |found: &ImportRow| found.row.row_number == 0;
    let header = |found: ImportRow| HeaderRow { page_number: found.row.page_number, cells: found.row.cells };
    let headers: Vec<HeaderRow> = found.into_iter().filter(is_above).map(header).collect();
    let names = naming_row(&headers).and_then(|at| headers.into_iter().nth(at)).map(|row| row.cells);
    Ok(document_header(&names.unwrap_or_default()))
}

/// The first rows of an import's document, without its header rows.
async fn first_rows(own: Tenant<'_>, id: Uuid) -> Result<Vec<TableRow>> {
    let mut rows: Vec<TableRow> = Vec::new();
    let mut last = 0;
    while rows.len() < SAMPLE {
        let next = own.next_import_rows(id, None, last).await?;
        let Some(row) = next.last() else { break };
        last = row.position;
        rows.extend(next.into_iter().filter(|found| found.row.row_number > 0).map(table_row));
    }
    Ok(rows)
}

/// A rejected row that is understood by now; others only say what they say for those below them.
fn understood(cleaner: &Cleaner<'_>, found: ImportRow, headings: &mut Headings) -> Option<(i32, CleanRow)> {
    let (position, outcome) = (found.position, found.outcome);
    if found.row.row_number == 0 {
        cleaner.pass(&found.row.cells, headings);
        return None;
    }
    let placed = cleaner.place(table_row(found), headings);
    if outcome != Outcome::Rejected {
        return None;
    }
    let row = cleaner.row(placed);
    row.is_accepted().then_some((position, row))
}

fn table_row(found: ImportRow) -> TableRow {
    let CleanRow { page_number, row_number, cells, .. } = found.row;
    TableRow { page_number, row_number, cells }
}
