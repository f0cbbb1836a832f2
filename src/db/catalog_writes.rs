//! Which catalogs this process has changed: what it keeps of them in memory from before is not to be answered any more, and who
//! made the change is told which version it made.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Notify;

use crate::domain::tenant::TenantId;

/// Whose catalog a write has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Of(TenantId),
    Everyones,
}

/// A change of catalogs that a transaction makes.
#[derive(Debug, Clone, Copy)]
pub(super) struct CatalogChange {
    /// In a word, to be counted by.
    pub(super) cause: &'static str,
    pub(super) whose: Whose,
    /// The version that it makes of one tenant's.
    pub(super) version: Option<i64>,
}

tokio::task_local! {
    static MADE: Arc<AtomicI64>;
}

/// Does work; the version of a catalog that it makes is in `made` then, else 0.
pub fn told<F: Future>(made: Arc<AtomicI64>, work: F) -> impl Future<Output = F::Output> {
    MADE.scope(made, work)
}

/// The writes of this process, counted: what was read when it had made fewer may lack the last ones.
#[derive(Debug, Default)]
pub struct CatalogWrites {
    made: RwLock<Made>,
    noted: Notify,
}

#[derive(Debug, Default)]
struct Made {
    count: u64,
    /// The count at the last one that changed everyone's.
    everyones: u64,
    /// The same of each tenant's.
    of: HashMap<TenantId, u64>,
}

impl CatalogWrites {
    /// One more lasts.
    pub(super) fn note(&self, change: CatalogChange) {
        if let Some(version) = change.version {
            let _ = MADE.try_with(|made| made.store(version, Ordering::Relaxed));
        }
        let mut made = self.made.write().unwrap_or_else(PoisonError::into_inner);
        made.count += 1;
        let count = made.count;
        match change.whose {
            Whose::Of(tenant) => _ = made.of.insert(tenant, count),
            Whose::Everyones => made.everyones = count,
        }
        drop(made);
        self.noted.notify_one();
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.made.read().unwrap_or_else(PoisonError::into_inner).count
    }

    /// How many there were when a tenant's catalog was last changed.
    pub fn last_of(&self, tenant: TenantId) -> u64 {
        let made = self.made.read().unwrap_or_else(PoisonError::into_inner);
        made.of.get(&tenant).copied().unwrap_or_default().max(made.everyones)
    }

    /// Waits for one more.
    pub async fn noted(&self) {
        self.noted.notified().await;
    }
}
