//! The API keys that callers are checked against, in memory and current on every server: checking one asks nobody, and while
//! the database is away the last known keys hold.
//!
//! Each change raises a version in the database, which is looked at every quarter of a second.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::future::pending;
use prometheus_client::registry::Registry;
use subtle::ConstantTimeEq as _;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::db::Db;
use crate::db::advice::chain;
use crate::db::api_keys::KeyReader;
use crate::domain::api_key::{Caller, KnownKey, Presented};
use crate::domain::error::{Error, Result};
use crate::metrics::read_gauge;

/// How often the version is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How soon after a look there may be another one because somebody asked for it.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How long a key that nobody knows is looked for: it may have been issued a moment ago.
const LOOK_FOR: Duration = Duration::from_millis(500);
/// How often it is noted which keys were used.
const NOTE_EVERY: Duration = Duration::from_secs(60);

/// The keys that are known.
pub struct ApiKeys {
    db: Db,
    known: watch::Sender<Known>,
    look: Notify,
}

#[derive(Clone, Default)]
struct Known {
    /// By prefix; none before they were read for the first time.
    keys: Option<Arc<HashMap<String, Arc<KnownKey>>>>,
    version: i64,
    /// When the last look that succeeded began.
    looked: Option<Instant>,
}

impl ApiKeys {
    /// Knows none yet; [`Self::keep_current`] reads them.
    pub fn new(db: Db) -> Arc<Self> {
        Arc::new(Self { db, known: watch::Sender::default(), look: Notify::new() })
    }

    /// Registers what is counted here.
    pub fn register_metrics(self: &Arc<Self>, registry: &mut Registry) {
        let keys = self.clone();
        read_gauge(
            registry,
            "lekalo_api_keys",
            "API keys that this server knows, expired and revoked ones too",
            move || keys.known.borrow().keys.as_ref().map_or(0, |keys| keys.len()) as f64,
        );
    }

    /// Who calls with this key.
    ///
    /// # Errors
    /// `Unauthenticated` where it is none, or has ended; `Unavailable` where no keys could be read yet.
    pub async fn check(&self, key: &str) -> Result<Arc<Caller>> {
        let presented = Presented::parse(key).ok_or_else(unknown)?;
        let known = self.find(&presented).await?.ok_or_else(unknown)?;
        if !bool::from(known.secret_sha256.ct_eq(&presented.secret_sha256)) {
            return Err(unknown());
        }
        // Only who has the key is told what became of it.
        if let Some(error) = end(&known) {
            return Err(error);
        }
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        known.last_used.fetch_max(seconds, Ordering::Relaxed);
        Ok(known.caller.clone())
    }

    /// Waits until a key works no more, and returns why.
    pub async fn ended(&self, prefix: &str) -> Error {
        let mut known = self.known.subscribe();
        loop {
            let key = known.borrow_and_update().keys.as_ref().and_then(|keys| keys.get(prefix).cloned());
            let Some(key) = key else { return unknown() };
            if let Some(error) = end(&key) {
                return error;
            }
            // Each look is told, so the time is looked at as often.
            if known.changed().await.is_err() {
                return pending().await;
            }
        }
    }

    /// A key that is not known may have been issued elsewhere a moment ago: then the next look finds it.
    async fn find(&self, presented: &Presented<'_>) -> Result<Option<Arc<KnownKey>>> {
        let find = |known: &Known| Some(known.keys.as_ref()?.get(presented.prefix).cloned());
        if let Some(Some(key)) = find(&self.known.borrow()) {
            return Ok(Some(key));
        }
        self.refreshed().await;
        find(&self.known.borrow()).ok_or_else(crate::db::unavailable)
    }

    /// Waits for a look that begins from now on, for a moment at most.
    pub async fn refreshed(&self) {
        let (asked, mut known) = (Instant::now(), self.known.subscribe());
        self.look.notify_one();
        let looked = known.wait_for(|known| known.looked.is_some_and(|began| began >= asked));
        // In vain: the database is away, and what is known holds.
        let _ = timeout(LOOK_FOR, looked).await;
    }

    /// Waits until the keys have been read.
    pub async fn loaded(&self) {
        let _ = self.known.subscribe().wait_for(|known| known.keys.is_some()).await;
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.known.borrow().keys.as_ref().is_none_or(|keys| keys.is_empty())
    }

    /// Keeps what is known current, until it is dropped.
    pub async fn keep_current(self: Arc<Self>) {
        self.db.started().await;
        let mut reader = KeyReader::new(self.db.clone());
        let mut noted = Instant::now();
        let mut has_failed = false;
        loop {
            let began = Instant::now();
            let known = self.known.borrow().version;
            match reader.changed(known).await {
                Ok(changed) => {
                    has_failed = false;
                    self.known.send_modify(|known| {
                        if let Some((version, keys)) = changed {
                            known.keys = Some(Arc::new(merged(known, keys)));
                            known.version = version;
                        }
                        known.looked = Some(began);
                    });
                }
                // Of an outage health tells.
                Err(Error::Unavailable { .. }) => {}
                Err(error) => {
                    if !std::mem::replace(&mut has_failed, true) {
                        tracing::warn!(cause = chain(&error), "the API keys cannot be read; those known before hold");
                    }
                }
            }
            if noted.elapsed() >= NOTE_EVERY {
                noted = Instant::now();
                self.note_used().await;
            }
            sleep(LOOK_AGAIN).await;
            let _ = timeout(LOOK_EVERY.saturating_sub(LOOK_AGAIN), self.look.notified()).await;
        }
    }

    /// Writes down which keys were used lately.
    async fn note_used(&self) {
        let keys = self.known.borrow().keys.clone().unwrap_or_default();
        let times = keys.values().map(|key| (key.id, key.last_used.swap(0, Ordering::Relaxed)));
        let used = times.filter(|(_, seconds)| *seconds > 0);
        let used: Vec<_> = used.map(|(id, seconds)| (id, UNIX_EPOCH + Duration::from_secs(seconds))).collect();
        if !used.is_empty()
            && let Err(error) = self.db.note_api_keys_used(&used).await
        {
            tracing::debug!(%error, "it could not be noted when API keys were used last");
        }
    }
}

/// The keys as read, with what this server knows of their use.
fn merged(known: &Known, keys: Vec<KnownKey>) -> HashMap<String, Arc<KnownKey>> {
    let before = |prefix: &str| known.keys.as_ref().and_then(|keys| keys.get(prefix));
    let keep = |key: KnownKey| {
        if let Some(before) = before(&key.caller.key) {
            key.last_used.store(before.last_used.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        (key.caller.key.clone(), Arc::new(key))
    };
    keys.into_iter().map(keep).collect()
}

/// Why the key works no more, if it does not.
fn end(key: &KnownKey) -> Option<Error> {
    let (reason, how) = if key.revoked_at.is_some() {
        ("API_KEY_REVOKED", "was revoked")
    } else if key.expires_at.is_some_and(|end| end <= SystemTime::now()) {
        ("API_KEY_EXPIRED", "has expired")
    } else {
        return None;
    };
    Some(Error::Unauthenticated {
        reason,
        message: format!("the API key {} {how}; ask for another one", key.caller.key),
    })
}

fn unknown() -> Error {
    Error::Unauthenticated {
        reason: "API_KEY_INVALID",
        message: "this is no API key that this server knows; `lekalo key issue` issues one".into(),
    }
}
