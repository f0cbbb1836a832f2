//! Looks after imports that nobody works on any more, for all tenants and on every server: what can go on is taken over; what
//! cannot, whoever reads it finds interrupted as soon as its lease is over, and this writes that down. Audit events that are kept
//! no longer go on the way.

use std::time::Duration;

use super::run::Runner;
use crate::db::Db;
use crate::domain::error::{Error, Result};

/// How often a server looks for imports that others left behind; twice in the time of a lease at least.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How often it looks for audit events that are kept no longer.
const DELETE_EVERY: Duration = Duration::from_secs(3600);

/// Looks until it is dropped.
pub async fn sweep(db: Db, imports: Runner) {
    // Neither waits for the other: years of events take a while.
    tokio::join!(sweep_imports(&db, &imports), sweep_audit_events(&db));
}

async fn sweep_imports(db: &Db, imports: &Runner) {
    loop {
        tokio::time::sleep(LOOK_EVERY.min(db.import_lease() / 2)).await;
        match look(db, imports).await {
            // Nothing depends on this time: readers know, and the next one may succeed. Of an outage health tells.
            Ok(()) | Err(Error::Unavailable { .. }) => {}
            Err(error) => tracing::warn!(%error, "imports that were left behind could not be looked after"),
        }
    }
}

async fn sweep_audit_events(db: &Db) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        match db.delete_old_audit_events().await {
            Ok(0) => {}
            Ok(events) => tracing::info!(events, "audit events that are kept no longer were deleted"),
            // Soon again: it was the first look, maybe, and the database was not there yet.
            Err(Error::Unavailable { .. }) => continue,
            Err(error) => tracing::warn!(%error, "old audit events could not be deleted"),
        }
        tokio::time::sleep(DELETE_EVERY).await;
    }
}

async fn look(db: &Db, imports: &Runner) -> Result<()> {
    imports.take_over(&db.list_left_behind().await?).await?;
    for (tenant, import) in db.end_interrupted_imports().await? {
        tracing::warn!(tenant = tenant.0, %import, "an import was interrupted: its server gave no sign of life");
    }
    Ok(())
}
