//! Somebody else's lock stops the calls that need what it holds, and keeps no connection from the rest.
//!
//! A method whose statement has waited for a lock in vain shares a few connections with others of its kind for a while.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::blocked;
use crate::domain::error::Result;

/// For how long a method that has waited for a lock in vain counts as blocked.
const REMEMBERED: Duration = Duration::from_secs(5);

tokio::task_local! {
    static METHOD: Arc<str>;
}

/// Does the work of one method.
pub async fn of_method<F: Future>(method: &str, work: F) -> F::Output {
    METHOD.scope(method.into(), work).await
}

/// The same for what goes on in a task of its own.
pub fn in_task<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let method = method();
    async move {
        match method {
            Some(method) => METHOD.scope(method, work).await,
            None => work.await,
        }
    }
}

fn method() -> Option<Arc<str>> {
    METHOD.try_with(Arc::clone).ok()
}

/// Whether somebody waits for the work at hand.
pub(super) fn is_for_a_caller() -> bool {
    METHOD.try_with(|_| ()).is_ok()
}

/// Keeps blocked methods apart.
pub(super) struct Bulkhead {
    /// When a method last waited for a lock in vain.
    blocked: Mutex<HashMap<Arc<str>, Instant>>,
    permits: Arc<Semaphore>,
    /// How long a statement waits for a lock, and a call for a permit.
    wait: Duration,
    waits: Counter,
    entries: Family<Entry, Counter>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Entry {
    outcome: &'static str,
}

const ENTERED: Entry = Entry { outcome: "entered" };
const REFUSED: Entry = Entry { outcome: "refused" };

impl Bulkhead {
    /// A quarter of the connections for all that is blocked.
    pub(super) fn of(connections: usize, wait: Duration) -> Self {
        let permits = Arc::new(Semaphore::new((connections / 4).max(1)));
        Self { blocked: Mutex::default(), permits, wait, waits: Counter::default(), entries: Family::default() }
    }

    /// A permit for a connection, where one is needed.
    ///
    /// # Errors
    /// `ResourceExhausted` where none comes: those that have one are blocked.
    pub(super) async fn enter(&self) -> Result<Option<OwnedSemaphorePermit>> {
        let Some(method) = method().filter(|method| self.is_blocked(method)) else { return Ok(None) };
        let permit = tokio::time::timeout(self.wait, self.permits.clone().acquire_owned()).await;
        // The semaphore is never closed.
        let Ok(Ok(permit)) = permit else {
            self.entries.get_or_create(&REFUSED).inc();
            return Err(blocked());
        };
        self.entries.get_or_create(&ENTERED).inc();
        // It may have come free by now.
        Ok(self.is_blocked(&method).then_some(permit))
    }

    /// The method at hand has waited for a lock in vain.
    pub(super) fn note_blocked(&self) {
        if let Some(method) = method() {
            self.waits.inc();
            self.lock().insert(method, Instant::now());
        }
    }

    /// Whether the method at hand needs a permit.
    pub(super) fn is_needed(&self) -> bool {
        method().is_some_and(|method| self.is_blocked(&method))
    }

    /// Registers what is counted here.
    pub(super) fn register_metrics(&self, registry: &mut Registry) {
        for entry in [ENTERED, REFUSED] {
            _ = self.entries.get_or_create(&entry);
        }
        registry.register(
            "lekalo_lock_waits",
            "Statements of calls that waited for somebody's lock in vain",
            self.waits.clone(),
        );
        registry.register(
            "lekalo_bulkhead_calls",
            "Calls of blocked methods that came to share a few connections, or were refused for want of one",
            self.entries.clone(),
        );
    }

    /// How many methods are blocked.
    pub(super) fn count_blocked(&self) -> usize {
        self.lock().values().filter(|since| since.elapsed() < REMEMBERED).count()
    }

    fn is_blocked(&self, method: &str) -> bool {
        self.lock().get(method).is_some_and(|since| since.elapsed() < REMEMBERED)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Arc<str>, Instant>> {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_blocked_shares_a_few_connections() {
        let bulkhead = Bulkhead::of(8, Duration::from_millis(50));
        let enter = |method| of_method(method, bulkhead.enter());
        assert!(enter("/a").await.unwrap().is_none(), "nothing is blocked");
        assert!(bulkhead.enter().await.unwrap().is_none(), "nobody waits for it");
        of_method("/a", async { bulkhead.note_blocked() }).await;
        let one = enter("/a").await.unwrap().unwrap();
        let _two = enter("/a").await.unwrap().unwrap();
        assert!(enter("/a").await.is_err(), "a quarter of 8");
        assert!(enter("/b").await.unwrap().is_none(), "others go on");
        of_method("/a", async { bulkhead.note_blocked() }).await;
        drop(one);
        assert!(enter("/a").await.unwrap().is_some());
        let count = |entry| bulkhead.entries.get_or_create(&entry).get();
        assert_eq!((bulkhead.waits.get(), count(ENTERED), count(REFUSED)), (2, 3, 1));
    }
}
