//! Ends imports that nobody works on any more. Whoever reads one finds it interrupted as soon as its lease is over; this
//! writes it down, for all tenants and on every server.

use crate::db::Db;

/// Looks twice in the time of a lease, until it is dropped.
pub async fn sweep(db: Db) {
    loop {
        tokio::time::sleep(db.import_lease() / 2).await;
        match db.end_interrupted_imports().await {
            Ok(ended) => {
                for (tenant, import) in ended {
                    tracing::warn!(tenant = tenant.0, %import, "an import was interrupted: its server gave no sign of life");
                }
            }
            // Nothing depends on it: readers know, and the next one may succeed.
            Err(error) => tracing::warn!(%error, "interrupted imports could not be ended"),
        }
    }
}
