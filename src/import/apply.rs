//! Applying, reverting: what a person decides about an import that was read before.

use uuid::Uuid;

use super::clean::clean;
use super::files::document_header;
use super::table::{Table, TableRow};
use crate::db::{Db, Tenant};
use crate::domain::error::{Error, Result};
use crate::domain::import::{CleanRow, Import, ImportRow, Outcome, State};
use crate::domain::tenant::TenantId;
use crate::spellings::Spellings;

/// Carries out what a VALIDATED import previewed, or takes the rejected rows of a SUCCEEDED one in that are understood by
/// now. `check` may refuse the import as it is found.
///
/// # Errors
/// What `check` says; `NotFound`; `Aborted` `PREVIEW_OUTDATED`; `FailedPrecondition` `ILLEGAL_IMPORT_STATE`,
/// `IMPORT_RUNNING`. Nothing is written then.
pub async fn apply(
    db: &Db,
    spellings: &Spellings,
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
                let rows = understood_by_now(own, id, spellings).await?;
                if rows.is_empty() {
                    return Ok(import);
                }
                own.take_in(id, import.revision, &rows).await?
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

/// An import's rejected rows that cleaning accepts with the spellings known now, each with its place in the document.
async fn understood_by_now(own: Tenant<'_>, id: Uuid, spellings: &Spellings) -> Result<Vec<(i32, CleanRow)>> {
    let rejected = own.all_import_rows(id, Some(Outcome::Rejected)).await?;
    if rejected.is_empty() {
        return Ok(Vec::new());
    }
    let header = document_header(&own.import_header(id).await?);
    let index = spellings.index().await?;
    let positions: Vec<i32> = rejected.iter().map(|row| row.position).collect();
    let table = Table { header, rows: rejected.into_iter().map(table_row).collect(), headers: Vec::new() };
    let cleaned = tokio::task::spawn_blocking(move || clean(&table, &index)).await.map_err(Error::internal)?;
    // Without columns for make and model nothing more is understood.
    let rows = positions.into_iter().zip(cleaned.unwrap_or_default());
    Ok(rows.filter(|(_, row)| row.is_accepted()).collect())
}

fn table_row(found: ImportRow) -> TableRow {
    let CleanRow { page_number, row_number, cells, .. } = found.row;
    TableRow { page_number, row_number, cells }
}
