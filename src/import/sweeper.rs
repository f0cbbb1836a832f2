//! Looks after imports that nobody works on any more, for all tenants and on every server: what can go on is taken over; what
//! cannot, whoever reads it finds interrupted as soon as its lease is over, and this writes that down.

use std::time::Duration;

use super::run::Runner;
use crate::db::Db;
use crate::domain::error::{Error, Result};

/// How often a server looks for imports that others left behind; twice in the time of a lease at least.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Looks until it is dropped.
pub async fn sweep(db: Db, imports: Runner) {
    loop {
        tokio::time::sleep(LOOK_EVERY.min(db.import_lease() / 2)).await;
        match look(&db, &imports).await {
            // Nothing depends on this time: readers know, and the next one may succeed. Of an outage health tells.
            Ok(()) | Err(Error::Unavailable { .. }) => {}
            Err(error) => tracing::warn!(%error, "imports that were left behind could not be looked after"),
        }
    }
}

async fn look(db: &Db, imports: &Runner) -> Result<()> {
    imports.take_over(&db.list_left_behind().await?).await?;
    for (tenant, import) in db.end_interrupted_imports().await? {
        tracing::warn!(tenant = tenant.0, %import, "an import was interrupted: its server gave no sign of life");
    }
    Ok(())
}
