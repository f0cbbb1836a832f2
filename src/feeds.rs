//! Wakes those who watch tenants' applications. However many watch, one reader per process asks the database, and for all
//! of their tenants at once; who is woken reads what happened.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use crate::db::Db;
use crate::domain::error::{Error, Result};
use crate::domain::tenant::TenantId;
use crate::metrics::read_gauge;

/// How many may watch one tenant on this server.
pub const MAX_WATCHERS: usize = 100;
/// When one more may try again.
const RETRY: Duration = Duration::from_secs(5);

/// How soon after something happened, on whatever server, the feeds are looked at again.
const BUSY: Duration = Duration::from_millis(250);
/// How soon when nothing has happened for a while.
const IDLE: Duration = Duration::from_secs(1);
/// What happens on this server is seen at once, but many things together.
const AT_ONCE: Duration = Duration::from_millis(20);

/// The feeds that somebody watches.
pub struct Feeds {
    db: Db,
    /// Empty exactly as long as nobody looks at them.
    watched: Mutex<HashMap<TenantId, watch::Sender<Seen>>>,
    look: Notify,
}

/// What was seen of a feed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    NotYet,
    /// The place of the last event; 0 before the first.
    Last(i64),
    /// The database was out of reach.
    Lost,
}

/// Somebody who watches a tenant's feed, until it is dropped.
pub struct Watcher(watch::Receiver<Seen>);

impl Watcher {
    /// What is appended from now on wakes. To be called before the feed is read.
    pub fn begin(&mut self) {
        self.0.mark_unchanged();
    }

    /// Waits until something may have been appended since [`Watcher::begin`].
    ///
    /// # Errors
    /// `Unavailable` where the database is out of reach.
    pub async fn woken(&mut self) -> Result<()> {
        self.0.changed().await.map_err(Error::internal)?;
        if *self.0.borrow() == Seen::Lost { Err(crate::db::unavailable()) } else { Ok(()) }
    }
}

impl Feeds {
    /// Nobody watches yet.
    pub fn new(db: Db) -> Arc<Self> {
        Arc::new(Self { db, watched: Mutex::default(), look: Notify::new() })
    }

    /// Watches a tenant's feed.
    ///
    /// # Errors
    /// `ResourceExhausted` where [`MAX_WATCHERS`] do.
    pub fn watch(self: &Arc<Self>, tenant: TenantId) -> Result<Watcher> {
        let mut watched = self.watched();
        let nobody_looks = watched.is_empty();
        let feed = watched.entry(tenant).or_insert_with(|| watch::Sender::new(Seen::NotYet));
        if feed.receiver_count() >= MAX_WATCHERS {
            return Err(Error::ResourceExhausted {
                reason: "OVERLOADED",
                message: format!("{MAX_WATCHERS} watch this tenant's applications already; end some, or retry later"),
                retry_after: RETRY,
            });
        }
        let watcher = Watcher(feed.subscribe());
        if nobody_looks {
            tokio::spawn(keep_looking(self.clone()));
        }
        Ok(watcher)
    }

    /// Registers what is counted here.
    pub fn register_metrics(self: &Arc<Self>, registry: &mut Registry) {
        let feeds = self.clone();
        read_gauge(registry, "lekalo_watchers", "Clients that watch applications on this server", move || {
            feeds.watched().values().map(watch::Sender::receiver_count).sum::<usize>() as f64
        });
    }

    /// Something was appended here: no need to wait until it is found.
    pub fn appended(&self) {
        self.look.notify_one();
    }

    /// The tenants that somebody watches; the others are forgotten.
    fn tenants(&self) -> Vec<TenantId> {
        let mut watched = self.watched();
        watched.retain(|_, feed| feed.receiver_count() > 0);
        watched.keys().copied().collect()
    }

    /// Wakes the watchers of the feeds that look other than before; whether there are any.
    fn tell(&self, tenants: &[TenantId], seen: impl Fn(TenantId) -> Seen) -> bool {
        let watched = self.watched();
        let mut any = false;
        for (tenant, feed) in tenants.iter().filter_map(|tenant| Some((*tenant, watched.get(tenant)?))) {
            let now = seen(tenant);
            any |= feed.send_if_modified(|before| std::mem::replace(before, now) != now);
        }
        any
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<TenantId, watch::Sender<Seen>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at the watched feeds until there are none.
async fn keep_looking(feeds: Arc<Feeds>) {
    let mut pause = BUSY;
    loop {
        let tenants = feeds.tenants();
        if tenants.is_empty() {
            return;
        }
        let moved = match feeds.db.last_application_events(&tenants).await {
            Ok(places) => feeds.tell(&tenants, |tenant| Seen::Last(places.get(&tenant).copied().unwrap_or(0))),
            Err(Error::Unavailable { .. }) => feeds.tell(&tenants, |_| Seen::Lost),
            Err(error) => {
                tracing::warn!(%error, "cannot look for what happened to applications; trying again");
                false
            }
        };
        pause = if moved { BUSY } else { (pause * 2).min(IDLE) };
        sleep(AT_ONCE).await;
        tokio::select! {
            () = sleep(pause) => {}
            () = feeds.look.notified() => {}
        }
    }
}
