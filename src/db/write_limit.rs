//! How many of a tenant's writes may hold a connection at a time: writes that block each other wait for one another
//! outside the pool, where they keep no other tenant from its connections.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::busy;
use crate::domain::error::Result;
use crate::domain::tenant::TenantId;

/// Hands out permits to write, to each tenant in the order of asking.
pub(super) struct WriteLimit {
    per_tenant: usize,
    tenants: Mutex<HashMap<TenantId, Arc<Semaphore>>>,
}

/// A permit to write, until it is dropped.
pub(super) type WritePermit = OwnedSemaphorePermit;

impl WriteLimit {
    /// A third of the connections for each tenant.
    pub fn of(connections: usize) -> Self {
        Self { per_tenant: (connections / 3).max(1), tenants: Mutex::default() }
    }

    /// Waits for a permit, at most so long.
    ///
    /// # Errors
    /// `ResourceExhausted` where none comes.
    pub async fn next(&self, tenant: TenantId, patience: Duration) -> Result<WritePermit> {
        let semaphore = {
            let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
            tenants.entry(tenant).or_insert_with(|| Arc::new(Semaphore::new(self.per_tenant))).clone()
        };
        match tokio::time::timeout(patience, semaphore.acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            // The semaphore is never closed.
            _ => Err(busy()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_has_used_up_his_permits_waits_and_others_do_not() {
        let write_limit = WriteLimit::of(7);
        let soon = Duration::from_millis(20);
        let (one, other) = (TenantId(1), TenantId(2));
        let first = write_limit.next(one, soon).await.unwrap();
        let _second = write_limit.next(one, soon).await.unwrap();
        assert!(write_limit.next(one, soon).await.is_err());
        assert!(write_limit.next(other, soon).await.is_ok());
        drop(first);
        assert!(write_limit.next(one, soon).await.is_ok());
        assert!(WriteLimit::of(1).next(one, soon).await.is_ok(), "everybody has one");
    }
}
