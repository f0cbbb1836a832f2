//! The catalogs that are asked for, in memory, as they are by now.
//!
//! A miss loads what is asked for in one transaction, once however many wait for it. What is kept is looked at four times a
//! second, in one query for all of it; where a version has moved on the catalog is loaded anew and the one before answers
//! meanwhile, but for what this very process has written: that is waited for. While the database is away the catalogs answer on,
//! for as long as [`Limits::max_stale`] says.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use prometheus_client::registry::Registry;
use tokio::sync::{OwnedMutexGuard, Semaphore};
use tokio::time::{sleep, timeout};
use tracing::Instrument as _;

use super::Catalog;
use super::metrics::{Metrics, Outcome};
use super::patterns::{Stock, Variants};
use super::shared::Shared;
use crate::db::{Db, Seen, Snapshot, bulkhead, unavailable};
use crate::domain::error::{Error, Kind, Result};
use crate::domain::tenant::TenantId;
use crate::live_index::LiveIndex;

/// How often what is kept is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long a look may take.
const LOOK: Duration = Duration::from_secs(1);
/// What this process writes is looked for at once, but several writes together.
const AT_ONCE: Duration = Duration::from_millis(20);
/// How far the clock may be ahead of what the database says, for answers take a while; it is not set back for that.
const UNDER_WAY: Duration = Duration::from_millis(50);
/// How many catalogs are loaded at once while the one before answers.
const LOADS: usize = 4;

/// How much is kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of all tenants' catalogs together, beside what all share; 0: none is kept, each call reads the database.
    pub bytes: u64,
    /// How long a catalog answers after it was last known to be as the database has it.
    pub max_stale: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 256 << 20, max_stale: Duration::from_secs(3600) }
    }
}

/// What a call needs of a catalog beside what is small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// No patterns.
    Own,
    /// Those of this category.
    Category(i64),
    /// Those of every category.
    Everything,
}

/// Which patterns a load brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Those that a call waits for; a look brings the others that were asked for before.
    Needed,
    All,
}

/// A catalog to answer from.
#[derive(Clone)]
pub struct Current {
    pub catalog: Arc<Catalog>,
    /// How long ago it was last known to be as the database has it.
    pub age: Duration,
}

/// The catalogs that are asked for.
pub struct Catalogs {
    db: Db,
    live_index: Arc<LiveIndex>,
    limits: Limits,
    kept: Cache<TenantId, Arc<Slot>>,
    /// Tenants by slug, and by their bots: those that were found. A bot that has moved on is not its old tenant's any more.
    slugs: RwLock<HashMap<String, TenantId>>,
    bots: RwLock<HashMap<(String, String), (TenantId, String)>>,
    shared: RwLock<Option<Arc<Shared>>>,
    variants: Arc<Variants>,
    clock: RwLock<Clock>,
    loads: Semaphore,
    metrics: Metrics,
}

/// The database's time, by which prices begin and end.
#[derive(Debug, Clone, Copy)]
struct Clock {
    said: SystemTime,
    at: Instant,
}

/// The place of one tenant's catalog.
#[derive(Default)]
struct Slot {
    kept: RwLock<Option<Kept>>,
    /// One loads, the others wait for it.
    loading: Arc<tokio::sync::Mutex<()>>,
    failed: Mutex<Option<(Instant, Arc<Error>)>>,
    /// A version that somebody knows of: what is older is not to be answered.
    least: AtomicI64,
    /// The categories whose patterns were asked for.
    asked: Mutex<BTreeSet<i64>>,
    /// What it takes, in KiB.
    weight: AtomicU32,
}

#[derive(Clone)]
struct Kept {
    catalog: Arc<Catalog>,
    /// How many writes this process had made when it was loaded.
    writes: u64,
    /// When it was last known to be as the database has it.
    verified: Instant,
}

impl Slot {
    fn kept(&self) -> Option<Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, kept: Kept) {
        self.weight.store(u32::try_from(kept.catalog.weight() >> 10).unwrap_or(u32::MAX), Ordering::Relaxed);
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(kept);
    }

    /// The same catalog in another form.
    fn replace(&self, before: &Arc<Catalog>, catalog: Arc<Catalog>) {
        if let Some(kept) = &mut *self.kept.write().unwrap_or_else(PoisonError::into_inner)
            && Arc::ptr_eq(&kept.catalog, before)
        {
            kept.catalog = catalog;
        }
    }

    /// The categories whose patterns were asked for and are not in this catalog.
    fn lacks(&self, catalog: &Catalog) -> Vec<i64> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().copied().filter(|category| !catalog.has_patterns(*category)).collect()
    }

    /// That catalog is as the database had it then, when this process had made so many writes.
    fn verify(&self, catalog: &Arc<Catalog>, at: Instant, writes: u64) {
        if let Some(kept) = &mut *self.kept.write().unwrap_or_else(PoisonError::into_inner)
            && Arc::ptr_eq(&kept.catalog, catalog)
        {
            kept.verified = kept.verified.max(at);
            kept.writes = kept.writes.max(writes);
        }
    }
}

impl Catalogs {
    /// None is kept yet.
    pub fn new(db: Db, live_index: Arc<LiveIndex>, limits: Limits) -> Arc<Self> {
        let kept = Cache::builder()
            .max_capacity(limits.bytes >> 10)
            .weigher(|_, slot: &Arc<Slot>| slot.weight.load(Ordering::Relaxed).max(1))
            .eviction_policy(EvictionPolicy::lru())
            .build();
        let clock = RwLock::new(Clock { said: SystemTime::now(), at: Instant::now() });
        Arc::new(Self {
            db,
            live_index,
            limits,
            kept,
            slugs: RwLock::default(),
            bots: RwLock::default(),
            shared: RwLock::default(),
            variants: Arc::default(),
            clock,
            loads: Semaphore::new(LOADS),
            metrics: Metrics::default(),
        })
    }

    /// Registers what is counted here.
    pub fn register_metrics(self: &Arc<Self>, registry: &mut Registry) {
        self.metrics.register(registry);
        let (count, weight) = (self.clone(), self.clone());
        Metrics::register_kept(
            registry,
            move || count.settled().entry_count() as f64,
            move || (weight.settled().weighted_size() << 10) as f64,
        );
    }

    /// What is kept, with what came and went of late counted.
    fn settled(&self) -> &Cache<TenantId, Arc<Slot>> {
        self.kept.run_pending_tasks();
        &self.kept
    }

    /// Whether anything is kept that can answer while the database is away.
    pub fn can_answer(&self) -> bool {
        self.kept.iter().any(|(_, slot)| slot.kept().is_some_and(|kept| self.is_fresh(&kept)))
    }

    /// What time it is to the database, as far as is known.
    pub fn now(&self) -> SystemTime {
        let Clock { said, at } = *self.clock.read().unwrap_or_else(PoisonError::into_inner);
        said + at.elapsed()
    }

    /// The catalog of the tenant of that slug, if the caller may know of it, of that version or a later one.
    ///
    /// # Errors
    /// `NotFound` where there is none, or none that is `visible`; `Invalid` where that version has yet to be made.
    pub async fn of_slug(
        self: &Arc<Self>,
        slug: &str,
        least: i64,
        visible: impl Fn(TenantId) -> bool,
    ) -> Result<Current> {
        let known = self.slugs.read().unwrap_or_else(PoisonError::into_inner).get(slug).copied();
        // What the caller may not know of is looked for as what there is not: it takes as long.
        if let Some(id) = known.filter(|id| visible(*id))
            && let Some(current) = self.get_at_least(id, least).await?
            && current.catalog.tenant.slug == slug
        {
            return Ok(current);
        }
        let not_found = || Error::not_found(Kind::Tenant, slug);
        let id = self.db.tenant_id(slug).await?.filter(|id| visible(*id)).ok_or_else(not_found)?;
        let current = self.get_at_least(id, least).await?.ok_or_else(not_found)?;
        self.slugs.write().unwrap_or_else(PoisonError::into_inner).insert(slug.to_owned(), id);
        Ok(current)
    }

    /// The catalog of the tenant that a bot speaks for, if the caller may know of it; `visible` is told the tenant's slug too.
    pub async fn of_bot(
        self: &Arc<Self>,
        channel: &str,
        external_id: &str,
        least: i64,
        visible: impl Fn(TenantId, &str) -> bool,
    ) -> Result<Option<Current>> {
        let bot = (channel.to_owned(), external_id.to_owned());
        let is_its = |current: &Current| {
            let is_bot = |known: &crate::domain::tenant::Channel| {
                !known.pending && (known.channel.as_str(), known.external_id.as_str()) == (channel, external_id)
            };
            current.catalog.tenant.channels.iter().any(is_bot)
        };
        let known = self.bots.read().unwrap_or_else(PoisonError::into_inner).get(&bot).cloned();
        // What the caller may not know of is looked for as what there is not: it takes as long, and nothing is loaded for it.
        if let Some((id, _)) = known.filter(|(id, slug)| visible(*id, slug)) {
            match self.get_at_least(id, least).await? {
                Some(current) if is_its(&current) => return Ok(Some(current)),
                _ => _ = self.bots.write().unwrap_or_else(PoisonError::into_inner).remove(&bot),
            }
        }
        let found = self.db.tenant_of_bot(channel, external_id).await?;
        let Some((id, slug)) = found.filter(|(id, slug)| visible(*id, slug)) else { return Ok(None) };
        let current = self.get_at_least(id, least).await?;
        if current.is_some() {
            self.bots.write().unwrap_or_else(PoisonError::into_inner).insert(bot, (id, slug));
        }
        Ok(current)
    }

    /// A tenant's catalog of that version or a later one, without what it may have of patterns.
    async fn get_at_least(self: &Arc<Self>, tenant: TenantId, least: i64) -> Result<Option<Current>> {
        let current = self.get(tenant, Needs::Own).await?;
        if current.as_ref().is_none_or(|current| current.catalog.versions.own >= least) {
            return Ok(current);
        }
        // Another server has made it, or nobody: a version that somebody was told of is there for all to see.
        let newest = self.db.catalog_versions(&[tenant]).await?.own.get(&tenant).copied().unwrap_or_default();
        if newest < least {
            let problem = format!("is {least}, and the newest version of this tenant's catalog is {newest}");
            return Err(Error::invalid("lekalo-min-catalog-version", "FIELD_OUT_OF_RANGE", problem));
        }
        if let Some(slot) = self.kept.get(&tenant) {
            slot.least.fetch_max(least, Ordering::Relaxed);
        }
        self.get(tenant, Needs::Own).await
    }

    /// A tenant's catalog with what is needed of it; none where there is no such tenant.
    pub async fn get(self: &Arc<Self>, tenant: TenantId, needs: Needs) -> Result<Option<Current>> {
        let slot = if self.limits.bytes == 0 { Arc::default() } else { self.kept.get_with(tenant, Arc::default) };
        // What is written while this waits is for those who ask later.
        let written = self.db.catalog_writes().last_of(tenant);
        if let Some(current) = self.usable(&slot, needs, written) {
            self.metrics.read(Outcome::Hit);
            return Ok(Some(current));
        }
        self.metrics.read(Outcome::Miss);
        let asked = Instant::now();
        let turn = slot.loading.clone().lock_owned().await;
        if let Some(current) = self.usable(&slot, needs, written) {
            return Ok(Some(current));
        }
        // Those who waited for one that failed have waited long enough.
        if let Some((began, error)) = &*slot.failed.lock().unwrap_or_else(PoisonError::into_inner)
            && *began >= asked
        {
            return Err(again(error));
        }
        // In a task of its own: whoever gives up does not take it away from the others.
        let load = self.clone().load_in_turn(tenant, slot, needs, Extent::Needed, turn);
        tokio::spawn(bulkhead::in_task(load).in_current_span()).await.map_err(Error::internal)?
    }

    /// What is kept, if it has what is needed and so many writes of this process.
    fn usable(&self, slot: &Slot, needs: Needs, written: u64) -> Option<Current> {
        let kept = slot.kept()?;
        if kept.catalog.versions.own < slot.least.load(Ordering::Relaxed)
            || !kept.catalog.has(needs)
            || kept.writes < written
            || !self.is_fresh(&kept)
        {
            return None;
        }
        let age = kept.verified.elapsed();
        Some(Current { catalog: self.beside_shared(slot, kept), age })
    }

    fn is_fresh(&self, kept: &Kept) -> bool {
        kept.verified.elapsed() <= self.limits.max_stale
    }

    /// Where what all share has moved on alone, the rest of a catalog holds.
    fn beside_shared(&self, slot: &Slot, kept: Kept) -> Arc<Catalog> {
        let Some(shared) = self.shared().filter(|shared| shared.version > kept.catalog.versions.shared) else {
            return kept.catalog;
        };
        // One makes it, and the one before answers meanwhile; so it does where a load is under way, which brings a newer one.
        let Ok(_turn) = slot.loading.try_lock() else { return kept.catalog };
        let catalog = Arc::new(kept.catalog.beside(shared));
        slot.replace(&kept.catalog, catalog.clone());
        catalog
    }

    fn shared(&self) -> Option<Arc<Shared>> {
        self.shared.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn load_in_turn(
        self: Arc<Self>,
        tenant: TenantId,
        slot: Arc<Slot>,
        needs: Needs,
        extent: Extent,
        turn: OwnedMutexGuard<()>,
    ) -> Result<Option<Current>> {
        let began = Instant::now();
        let loaded = self.load(tenant, &slot, needs, extent).await;
        match &loaded {
            Ok(_) => self.metrics.loaded(began.elapsed()),
            Err(error) => {
                self.metrics.read(Outcome::Failed);
                let failed = (Instant::now(), Arc::new(again(error)));
                *slot.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(failed);
            }
        }
        drop(turn);
        loaded
    }

    /// Loads what is needed, and of patterns as much as is said.
    async fn load(&self, tenant: TenantId, slot: &Arc<Slot>, needs: Needs, extent: Extent) -> Result<Option<Current>> {
        let (writes, verified) = (self.db.catalog_writes().count(), Instant::now());
        let before = slot.kept().map(|kept| kept.catalog);
        // Whoever can be answered out of memory gets pages, too.
        self.db.page_key().await?;
        let snapshot = self.db.tenant(tenant).snapshot().await?;
        let Some((versions, now)) = snapshot.versions().await? else {
            snapshot.end().await?;
            self.kept.invalidate(&tenant);
            return Ok(None);
        };
        self.set_clock(now);
        let known = self.shared().filter(|shared| shared.version == versions.shared);
        let shared = match known {
            Some(shared) => shared,
            None => self.load_shared(&snapshot, versions.shared).await?,
        };
        let base = match &before {
            Some(before) if before.versions == versions => before.clone(),
            Some(before) if before.versions.own == versions.own => Arc::new(before.beside(shared)),
            _ => Arc::new(Catalog::new(versions, snapshot.own().await?, shared)),
        };
        let mut missing: Vec<i64> = match needs {
            Needs::Own => Vec::new(),
            Needs::Category(id) => vec![id],
            Needs::Everything => base.categories().map(|category| category.id()).collect(),
        };
        slot.asked.lock().unwrap_or_else(PoisonError::into_inner).extend(&missing);
        if extent == Extent::All {
            missing.extend(slot.lacks(&base));
            missing.sort_unstable();
            missing.dedup();
        }
        missing.retain(|id| !base.has_patterns(*id));
        let mut stocks = Vec::with_capacity(missing.len());
        for category in missing {
            let rows = snapshot.patterns(category).await?;
            let variants = self.variants.clone();
            let stock = tokio::task::spawn_blocking(move || Stock::new(rows, &variants)).await;
            let stock = stock.map_err(Error::internal)?;
            stocks.push((category, Arc::new(stock)));
        }
        snapshot.end().await?;

        let catalog = if stocks.is_empty() { base } else { Arc::new(base.with_patterns(stocks)) };
        slot.keep(Kept { catalog: catalog.clone(), writes, verified });
        self.weigh(tenant, slot);
        Ok(Some(Current { catalog, age: Duration::ZERO }))
    }

    /// Has what is kept weigh what it does by now.
    fn weigh(&self, tenant: TenantId, slot: &Arc<Slot>) {
        // It would have all the others go, and itself after them.
        if u64::from(slot.weight.load(Ordering::Relaxed)) > self.limits.bytes >> 11 {
            if self.limits.bytes > 0 {
                let mib = slot.weight.load(Ordering::Relaxed) >> 10;
                tracing::warn!(
                    tenant = tenant.0,
                    mib,
                    "a catalog takes more than half of LEKALO_CATALOG_MIB and is not kept"
                );
            }
            return self.kept.invalidate(&tenant);
        }
        // Another one may have its place by now.
        if self.kept.get(&tenant).is_none_or(|kept| Arc::ptr_eq(&kept, slot)) {
            self.kept.insert(tenant, slot.clone());
        }
    }

    async fn load_shared(&self, snapshot: &Snapshot, version: i64) -> Result<Arc<Shared>> {
        let shared = Arc::new(Shared::new(version, snapshot.shared().await?));
        let mut current = self.shared.write().unwrap_or_else(PoisonError::into_inner);
        // Another one may have been newer.
        if current.as_ref().is_none_or(|current| current.version < version) {
            *current = Some(shared.clone());
        }
        Ok(shared)
    }

    /// The database has just said so: its answer has come, and by then it is no earlier there. What the answer was under way for
    /// does not set the clock back.
    fn set_clock(&self, said: SystemTime) {
        let mut clock = self.clock.write().unwrap_or_else(PoisonError::into_inner);
        let now = clock.said + clock.at.elapsed();
        if now < said || now.duration_since(said).is_ok_and(|ahead| ahead > UNDER_WAY) {
            *clock = Clock { said, at: Instant::now() };
        }
    }

    /// Keeps what is kept as the database has it.
    pub async fn follow(self: Arc<Self>) {
        loop {
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
                () = self.db.catalog_writes().noted() => sleep(AT_ONCE).await,
            }
            let kept: Vec<(TenantId, Arc<Slot>)> = self.kept.iter().map(|(tenant, slot)| (*tenant, slot)).collect();
            if !kept.is_empty() || self.live_index.is_asked() {
                self.look(kept).await;
            }
        }
    }

    /// Looks once, and loads anew what has moved on.
    async fn look(self: &Arc<Self>, kept: Vec<(TenantId, Arc<Slot>)>) {
        let tenants: Vec<TenantId> = kept.iter().map(|(tenant, _)| *tenant).collect();
        let (began, writes) = (Instant::now(), self.db.catalog_writes().count());
        let Seen { own, shared, names, now } = match timeout(LOOK, self.db.catalog_versions(&tenants)).await {
            Ok(Ok(seen)) => seen,
            Ok(Err(error)) => return tracing::debug!(%error, "cannot look at the versions of catalogs"),
            Err(_) => return tracing::debug!("the versions of catalogs take too long"),
        };
        self.set_clock(now);
        self.live_index.note(names);
        // One load brings what all share; the others only stand beside it.
        let mut brings_shared = self.shared().is_none_or(|known| known.version != shared);
        for (tenant, slot) in kept {
            let Some(before) = slot.kept() else { continue };
            let (newest, known) = (own.get(&tenant).copied(), before.catalog.versions.own);
            if newest.is_some_and(|newest| newest < known) {
                // The database is one of an earlier time.
                slot.least.store(0, Ordering::Relaxed);
            }
            if newest == Some(known) {
                slot.verify(&before.catalog, began, writes);
                if slot.lacks(&before.catalog).is_empty() && !std::mem::take(&mut brings_shared) {
                    continue;
                }
            }
            let all = self.clone();
            tokio::spawn(async move {
                // None is to be had: the next look finds it again. Nobody who asks waits for those that wait here.
                let Ok(_permit) = all.loads.try_acquire() else { return };
                let Ok(turn) = slot.loading.clone().try_lock_owned() else { return };
                let loaded = all.clone().load_in_turn(tenant, slot, Needs::Own, Extent::All, turn).await;
                if let Err(error) = loaded {
                    tracing::warn!(%error, tenant = tenant.0, "a catalog cannot be loaded anew; the one before answers on");
                }
            });
        }
    }
}

/// The same failure, told to another one who waited for it.
fn again(error: &Error) -> Error {
    match error {
        Error::Unavailable { reason, message, retry_after, .. } => {
            Error::Unavailable { reason, message: message.clone(), retry_after: *retry_after, source: None }
        }
        Error::ResourceExhausted { reason, message, retry_after } => {
            Error::ResourceExhausted { reason, message: message.clone(), retry_after: *retry_after }
        }
        _ => unavailable(),
    }
}
