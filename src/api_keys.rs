//! The API keys that callers are checked against, in memory and current on every server: checking one asks nobody, and while
//! the database is away the last known keys hold.
//!
//! Each change raises a version in the database, which is looked at every quarter of a second.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::future::{join, pending};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
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
/// How long looks may fail, the database being well, until the log says so.
const TELL_AFTER: Duration = Duration::from_secs(5);
/// How often it is noted which keys were used, unless told otherwise.
const NOTE_EVERY: Duration = Duration::from_secs(60);

/// The keys that are known.
pub struct ApiKeys {
    db: Db,
    /// How many calls a second a key may make that says nothing itself.
    calls_per_second: Option<NonZeroU32>,
    known: watch::Sender<Known>,
    look: Notify,
    /// How often it is noted which keys were used.
    note_every: Duration,
}

/// A key with the count of its calls.
pub struct Held {
    key: KnownKey,
    rate: Option<(NonZeroU32, DefaultDirectRateLimiter)>,
}

type Keys = HashMap<String, Arc<Held>>;

#[derive(Clone, Default)]
struct Known {
    /// By prefix; none before they were read for the first time.
    keys: Option<Arc<Keys>>,
    version: i64,
    /// When the last look that succeeded began.
    looked: Option<Instant>,
}

impl ApiKeys {
    /// Knows none yet; [`Self::keep_current`] reads them.
    pub fn new(db: Db, calls_per_second: Option<NonZeroU32>) -> Arc<Self> {
        Self::noting_every(NOTE_EVERY, db, calls_per_second)
    }

    /// The same that notes so often which keys were used.
    pub fn noting_every(note_every: Duration, db: Db, calls_per_second: Option<NonZeroU32>) -> Arc<Self> {
        Arc::new(Self { db, calls_per_second, known: watch::Sender::default(), look: Notify::new(), note_every })
    }

    /// How many calls a second a key may make that says nothing itself.
    pub fn calls_per_second(&self) -> Option<u32> {
        self.calls_per_second.map(u32::from)
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
        let keys = self.clone();
        read_gauge(
            registry,
            "lekalo_api_keys_age_seconds",
            "How long ago this server last knew the API keys to be current",
            move || keys.known.borrow().looked.map_or(f64::INFINITY, |looked| looked.elapsed().as_secs_f64()),
        );
    }

    /// The key that is presented, working or not.
    ///
    /// # Errors
    /// `Unauthenticated` where it is none; `Unavailable` where that cannot be known.
    pub async fn find(&self, key: &str) -> Result<Arc<Held>> {
        let presented = Presented::parse(key).ok_or_else(unknown)?;
        let held = match self.known(presented.prefix) {
            Some(held) => held,
            None => {
                // It may have been issued elsewhere a moment ago: then the next look finds it.
                if !self.refreshed().await {
                    return Err(crate::db::unavailable());
                }
                self.known(presented.prefix).ok_or_else(unknown)?
            }
        };
        let is_it = held.key.secret_sha256.ct_eq(&presented.secret_sha256);
        if bool::from(is_it) { Ok(held) } else { Err(unknown()) }
    }

    fn known(&self, prefix: &str) -> Option<Arc<Held>> {
        self.known.borrow().keys.as_ref()?.get(prefix).cloned()
    }

    /// Waits until a key works no more, and returns why.
    pub async fn ended(&self, prefix: &str) -> Error {
        let mut known = self.known.subscribe();
        loop {
            known.mark_unchanged();
            let Some(held) = self.known(prefix) else { return unknown() };
            if let Some(error) = held.end() {
                return error;
            }
            // Each look is told, so the time is looked at as often.
            if known.changed().await.is_err() {
                return pending().await;
            }
        }
    }

    /// Waits for a look that begins from now on, for a moment at most. Whether there was one: while the database is away what is
    /// known holds.
    pub async fn refreshed(&self) -> bool {
        let (asked, mut known) = (Instant::now(), self.known.subscribe());
        self.look.notify_one();
        let looked = known.wait_for(|known| known.looked.is_some_and(|began| began >= asked));
        timeout(LOOK_FOR, looked).await.is_ok_and(|looked| looked.is_ok())
    }

    /// Waits until the keys have been read.
    pub async fn loaded(&self) {
        let _ = self.known.subscribe().wait_for(|known| known.keys.is_some()).await;
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.known.borrow().keys.as_ref().is_none_or(|keys| keys.is_empty())
    }

    /// Keeps what is known current, and notes what was used, until it is dropped.
    pub async fn keep_current(self: Arc<Self>) {
        self.db.started().await;
        join(self.keep_looking(), self.keep_noting()).await;
    }

    async fn keep_looking(&self) {
        let mut reader = KeyReader::new(self.db.clone());
        let (mut last_look, mut is_told) = (Instant::now(), false);
        loop {
            let began = Instant::now();
            let known = self.known.borrow().version;
            match reader.changed(known).await {
                Ok(changed) => {
                    (last_look, is_told) = (began, false);
                    self.looked(began, changed);
                }
                Err(error) if !is_told && last_look.elapsed() > TELL_AFTER && self.is_worth_telling() => {
                    is_told = true;
                    let since = last_look.elapsed().as_secs();
                    tracing::warn!(
                        cause = chain(&error),
                        "the API keys could not be read for {since} s; those known before hold, revoked ones too"
                    );
                }
                Err(_) => {}
            }
            sleep(LOOK_AGAIN).await;
            let _ = timeout(LOOK_EVERY.saturating_sub(LOOK_AGAIN), self.look.notified()).await;
        }
    }

    /// Of an outage health tells.
    fn is_worth_telling(&self) -> bool {
        self.db.is_ready() || self.known.borrow().keys.is_none()
    }

    /// There is one writer: what is known is made beside it.
    fn looked(&self, began: Instant, changed: Option<(i64, Vec<KnownKey>)>) {
        let mut now = self.known.borrow().clone();
        if let Some((version, keys)) = changed {
            now.keys = Some(Arc::new(self.merged(&now, keys)));
            now.version = version;
        }
        now.looked = Some(began);
        self.known.send_replace(now);
    }

    async fn keep_noting(&self) {
        loop {
            sleep(self.note_every).await;
            self.note_used().await;
        }
    }

    /// The keys as read, with what this server knows of their use.
    fn merged(&self, known: &Known, keys: Vec<KnownKey>) -> Keys {
        let before = |prefix: &str| known.keys.as_ref().and_then(|keys| keys.get(prefix));
        let hold = |key: KnownKey| {
            let prefix = key.prefix.clone();
            if let Some(before) = before(&prefix) {
                if before.key.is_like(&key) {
                    return (prefix, before.clone());
                }
                key.last_used.store(before.key.last_used.load(Ordering::Relaxed), Ordering::Relaxed);
            }
            let rate = key.caller.calls_per_second.and_then(NonZeroU32::new).or(self.calls_per_second);
            let rate = rate.map(|rate| (rate, RateLimiter::direct(Quota::per_second(rate))));
            (prefix, Arc::new(Held { key, rate }))
        };
        keys.into_iter().map(hold).collect()
    }

    /// Writes down which keys were used lately.
    pub async fn note_used(&self) {
        let keys = self.known.borrow().keys.clone().unwrap_or_default();
        let times = keys.values().map(|held| (held, held.key.last_used.swap(0, Ordering::Relaxed)));
        let used: Vec<_> = times.filter(|(_, seconds)| *seconds > 0).collect();
        let moment = |seconds: u64| UNIX_EPOCH + Duration::from_secs(seconds);
        let moments: Vec<_> = used.iter().map(|(held, seconds)| (held.key.id, moment(*seconds))).collect();
        if !moments.is_empty()
            && let Err(error) = self.db.note_api_keys_used(&moments).await
        {
            tracing::debug!(%error, "it could not be noted when API keys were used last; the next time it is");
            for (held, seconds) in used {
                held.key.last_used.fetch_max(seconds, Ordering::Relaxed);
            }
        }
    }
}

impl Held {
    /// Whoever shows it.
    pub fn caller(&self) -> &Arc<Caller> {
        &self.key.caller
    }

    /// Lets a call in.
    ///
    /// # Errors
    /// `Unauthenticated` where the key has ended, `ResourceExhausted` where it calls more often than it may.
    pub fn admit(&self) -> Result<()> {
        if let Some(error) = self.end() {
            return Err(error);
        }
        if let Some((rate, limiter)) = &self.rate
            && let Err(early) = limiter.check()
        {
            let wait = early.wait_time_from(DefaultClock::default().now());
            return Err(Error::rate_limited(format_args!("the API key {}", self.key.prefix), *rate, wait));
        }
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.key.last_used.fetch_max(seconds, Ordering::Relaxed);
        Ok(())
    }

    /// Why the key works no more, if it does not.
    fn end(&self) -> Option<Error> {
        let (reason, how) = if self.key.revoked_at.is_some() {
            ("API_KEY_REVOKED", "was revoked")
        } else if self.key.caller.expires_at.is_some_and(|end| end <= SystemTime::now()) {
            ("API_KEY_EXPIRED", "has expired")
        } else {
            return None;
        };
        let message = format!("the API key {} {how}; ask for another one", self.key.prefix);
        Some(Error::Unauthenticated { reason, message })
    }
}

fn unknown() -> Error {
    Error::Unauthenticated {
        reason: "API_KEY_INVALID",
        message: "this is no API key that this server knows; `lekalo key issue` issues one".into(),
    }
}
