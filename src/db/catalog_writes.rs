//! Which catalogs this process has changed: what it keeps of them in memory from before is not to be answered any more.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use tokio::sync::Notify;

use crate::domain::tenant::TenantId;

/// Whose catalog a write has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Of(TenantId),
    Everyones,
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
    pub(super) fn note(&self, whose: Whose) {
        let mut made = self.made.write().unwrap_or_else(PoisonError::into_inner);
        made.count += 1;
        let count = made.count;
        match whose {
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
