//! Carrying an import out: record it, read its rows, merge them, and say how it ended.

use std::collections::HashSet;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use futures::{FutureExt as _, StreamExt as _};
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use uuid::Uuid;

use super::metrics::Metrics;
use super::rows::{self, Batch, Opening};
use super::sandbox::Extractor;
use super::slots::{Slot, Slots};
use super::upload::Upload;
use crate::db::imports::{LeftBehind, Start};
use crate::db::{Db, Tenant, audit};
use crate::domain::audit::Origin;
use crate::domain::error::{Error, Result};
use crate::domain::import::{Failure, Import, Progress, Step, UPLOAD_AGAIN};
use crate::domain::tenant::TenantId;
use crate::live_index::LiveIndex;
use crate::metrics::read_gauges;
use crate::traces::{self, TARGET};

/// How many imports one server carries out at once; the others wait as QUEUED and leave the pool to the bots.
pub(super) const AT_ONCE: usize = 2;
/// How often an import under way gives a sign of life, says how far it has come, and learns that it was cancelled; more
/// often where that would not be a fraction of the lease.
const RENEW_EVERY: Duration = Duration::from_secs(1);
/// How often an import that waits for another one asks whether it is its turn.
const TURN_EVERY: Duration = Duration::from_millis(500);
/// How long after its first failure a step is tried again while the database is busy or away; always less than the lease.
const PATIENCE: Duration = Duration::from_secs(20);
/// However long it takes, so many times at most.
const MOST_TRIES: usize = 100;
/// The pauses between the tries.
const BACKOFF: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(250))
    .with_max_delay(Duration::from_secs(5))
    .without_max_times();

/// Carries out imports in the background, until told to stop.
#[derive(Clone)]
pub struct Runner {
    db: Db,
    live_index: Arc<LiveIndex>,
    extractor: Extractor,
    tasks: TaskTracker,
    /// No import begins any more.
    leaving: CancellationToken,
    stop: CancellationToken,
    /// Those that this runner has, or believes to have.
    own: Arc<Mutex<HashSet<Uuid>>>,
    slots: Arc<Slots>,
    metrics: Arc<Metrics>,
}

impl Runner {
    /// A runner that reads files with `extractor` and understands them with the aliases known by then.
    pub fn new(db: Db, live_index: Arc<LiveIndex>, extractor: Extractor) -> Self {
        Self {
            db,
            live_index,
            extractor,
            tasks: TaskTracker::new(),
            leaving: CancellationToken::new(),
            stop: CancellationToken::new(),
            own: Arc::default(),
            slots: Arc::new(Slots::new(AT_ONCE)),
            metrics: Arc::default(),
        }
    }

    /// Starts a QUEUED import. Its file is kept here, or in the database alone, until it has ended; stopped, this server gives it
    /// back. `asked` is who asked for it.
    pub fn spawn(&self, tenant: TenantId, import: Import, category_id: i64, file: Option<Upload>, asked: Origin) {
        let (runner, file) = (self.clone(), file.map(Arc::new));
        lock(&self.own).insert(import.id);
        // On the upload's trace, and no part of the upload, which does not wait for it.
        let span = tracing::info_span!(target: TARGET, parent: None, "import", import = %import.id);
        traces::follow(&span);
        let work = async move {
            let own = runner.db.tenant(tenant);
            let clock = runner.metrics.clock();
            let rows = || {
                clock.goes_on(Step::Reading);
                let (runner, import, file) = (&runner, &import, file.clone());
                async move {
                    let file = match file {
                        Some(file) => file,
                        None => Arc::new(kept_file(own, import).await?),
                    };
                    rows::of_file(runner.extractor.clone(), file, runner.live_index.clone()).await
                }
                .boxed()
            };
            let heard = |progress: Progress| clock.goes_on(progress.step);
            let work =
                carry_out_in(&runner.slots, &runner.leaving, &runner.db, tenant, &import, category_id, rows, &heard);
            let ended = tokio::select! {
                ended = work => ended.map(Some),
                () = runner.stop.cancelled() => Ok(None),
            };
            let recorded = match ended {
                Ok(Some(ended)) if ended.state.is_final() => {
                    runner.metrics.ended(&ended);
                    Ok(())
                }
                // Of no effect where another server has it already.
                Ok(_) => own.hand_over_import(import.id).await,
                // Deleted as soon as it was cancelled.
                Err(Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = recorded {
                tracing::error!(import = %import.id, %error, "an import's end could not be recorded");
            }
            lock(&runner.own).remove(&import.id);
        };
        let work = audit::on_behalf_of(asked.later("worker/CarryOutImport"), work);
        self.tasks.spawn(work.instrument(span));
    }

    /// Takes over what other servers left behind, a few at a time, so that others have some too.
    ///
    /// # Errors
    /// When the database is busy or away.
    pub async fn take_over(&self, left: &[LeftBehind]) -> Result<()> {
        let others = |left: &&LeftBehind| left.goes_on && !lock(&self.own).contains(&left.import);
        for LeftBehind { tenant, import, .. } in left.iter().filter(others).take(AT_ONCE) {
            if self.leaving.is_cancelled() {
                return Ok(());
            }
            let own = self.db.tenant(*tenant);
            let asked = own.origin_of_import(*import).await?;
            if let Some((import, category_id)) = own.take_over_import(*import).await? {
                tracing::info!(tenant = tenant.0, import = %import.id, "an import of a server that is gone is taken over");
                self.spawn(*tenant, import, category_id, None, asked);
            }
        }
        Ok(())
    }

    /// Registers what is counted here.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.metrics.register(registry);
        let (tasks, slots) = (self.tasks.clone(), self.slots.clone());
        read_gauges(registry, "lekalo_imports_in_progress", "Imports of this server under way", "state", move || {
            let running = slots.taken();
            [("queued", tasks.len().saturating_sub(running) as f64), ("running", running as f64)]
        });
    }

    /// Waits until no import is running.
    pub async fn idle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Begins no import any more: those that are QUEUED are given back.
    pub fn leave(&self) {
        self.leaving.cancel();
    }

    /// Stops running imports; each is given back with nothing written.
    pub async fn stop(&self) {
        self.leave();
        self.stop.cancel();
        self.idle().await;
    }
}

fn lock(own: &Mutex<HashSet<Uuid>>) -> MutexGuard<'_, HashSet<Uuid>> {
    own.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The file of an import, out of the database.
async fn kept_file(own: Tenant<'_>, import: &Import) -> Result<Upload> {
    let mut file = Upload::kept()?;
    let mut number = 1;
    while let Some(piece) = own.read_import_chunk(import.id, number).await? {
        file.append(&piece)?;
        number += 1;
    }
    if file.sha256() == import.sha256 {
        return Ok(file);
    }
    Err(Error::internal(format!("the file of import {} is not whole: {} bytes are there", import.id, file.bytes())))
}

/// Takes a QUEUED import to its end as soon as it is its turn: its `rows` are read and written as they come; read again
/// from the first one, if the database was away. Whatever goes wrong is recorded as its failure; what is cancelled
/// meanwhile is dropped, with nothing written. `heard` is told how far it has come.
///
/// # Errors
/// When the end itself could not be recorded.
pub async fn carry_out<'r>(
    db: &Db,
    tenant: TenantId,
    import: &Import,
    category_id: i64,
    rows: impl Fn() -> Opening<'r>,
    heard: &(dyn Fn(Progress) + Sync),
) -> Result<Import> {
    // Large: it holds a whole merge.
    let (slots, leaving) = (Slots::new(1), CancellationToken::new());
    Box::pin(carry_out_in(&slots, &leaving, db, tenant, import, category_id, rows, heard)).await
}

/// [`carry_out`] in one of `slots`, which an import that waits for another one leaves to others; once the server is `leaving`,
/// it stays QUEUED.
#[allow(clippy::too_many_arguments, reason = "the last six are those of `carry_out`")]
async fn carry_out_in<'r>(
    slots: &Slots,
    leaving: &CancellationToken,
    db: &Db,
    tenant: TenantId,
    import: &Import,
    category_id: i64,
    rows: impl Fn() -> Opening<'r>,
    heard: &(dyn Fn(Progress) + Sync),
) -> Result<Import> {
    let own = db.tenant(tenant);
    let progress = Mutex::default();
    let report = |now| {
        *progress.lock().unwrap_or_else(PoisonError::into_inner) = now;
        heard(now);
    };
    let work = async {
        let Some(_slot) = start(slots, leaving, own, import.id).await? else { return Ok(()) };
        let merged = patiently(own, || merge(own, import, category_id, rows(), &report)).await;
        if let Err(failure) = merged.unwrap_or_else(|error| Err(merge_failure(error))) {
            patiently(own, || own.fail_import(import.id, &failure)).await?;
        }
        Ok(())
    };
    let ended: Result<()> = tokio::select! {
        ended = work => ended,
        () = under_way(own, import.id, &progress) => Ok(()),
    };
    ended?;
    patiently(own, || own.get_import(import.id)).await
}

/// Writes rows as they come, all or nothing; why they broke off, if they did.
async fn merge(
    own: Tenant<'_>,
    import: &Import,
    category_id: i64,
    rows: Opening<'_>,
    report: &(dyn Fn(Progress) + Sync),
) -> Result<Result<(), Failure>> {
    let step = |name| tracing::info_span!(target: TARGET, "step", otel.name = name);
    let reading = step("import reading");
    let mut rows = rows.instrument(reading.clone()).await?;
    // The first rows may take long: until then no connection is held.
    let mut batch = rows.next().instrument(reading.clone()).await;
    if let Some(Err(failure)) = batch {
        return Ok(Err(failure));
    }
    let merging = own.begin_merge(import, category_id).await?;
    let mut done = 0;
    while let Some(read) = batch {
        let Batch { rows: some, total } = match read {
            Ok(read) => read,
            Err(failure) => return Ok(Err(failure)),
        };
        merging.stage(done + 1, &some).instrument(reading.clone()).await?;
        done += i32::try_from(some.len()).map_err(Error::internal)?;
        report(Progress { step: Step::Reading, rows: done.into(), total: total as i64 });
        batch = rows.next().instrument(reading.clone()).await;
    }
    report(Progress { step: Step::Writing, rows: done.into(), total: done.into() });
    drop(reading);
    merging.finish(import).instrument(step("import writing")).await?;
    Ok(Ok(()))
}

/// Waits for a slot and for the import's turn; none if it has ended meanwhile, or the server is leaving.
async fn start<'s>(
    slots: &'s Slots,
    leaving: &CancellationToken,
    own: Tenant<'_>,
    import: Uuid,
) -> Result<Option<Slot<'s>>> {
    let mut waits_for = None;
    while let Some(slot) = leaving.run_until_cancelled(slots.take(own.id)).await {
        match patiently(own, || own.start_import(import)).await? {
            Start::Started => return Ok(Some(slot)),
            Start::Ended => return Ok(None),
            Start::WaitsFor(other) if waits_for == Some(other) => {}
            Start::WaitsFor(other) => {
                tracing::info!(%import, waits_for = %other, "another import into the same category comes first");
                waits_for = Some(other);
            }
        }
        drop(slot);
        leaving.run_until_cancelled(tokio::time::sleep(TURN_EVERY)).await;
    }
    Ok(None)
}

/// Gives signs of life until the import has ended, by whomever.
async fn under_way(own: Tenant<'_>, import: Uuid, progress: &Mutex<Progress>) {
    loop {
        tokio::time::sleep(RENEW_EVERY.min(own.import_lease() / 4)).await;
        let now = *progress.lock().unwrap_or_else(PoisonError::into_inner);
        match own.renew_import(import, now).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(%import, %error, "an import's lease could not be renewed"),
        }
    }
}

/// Tries a step again while the database is busy or away: a moment of that must not end an import, nor must the hours for which
/// health says so.
async fn patiently<T, F: Future<Output = Result<T>>>(own: Tenant<'_>, mut step: impl FnMut() -> F) -> Result<T> {
    let patience = PATIENCE.min(own.import_lease() / 2);
    let mut failing_since: Option<Instant> = None;
    let mut pauses = BACKOFF.build();
    let mut tries = 0;
    loop {
        tries += 1;
        let began = Instant::now();
        let error = match step().await {
            Err(error @ (Error::ResourceExhausted { .. } | Error::Unavailable { .. })) => error,
            ended => return ended,
        };
        // What went well for long fails for a reason of its own.
        if began.elapsed() > patience {
            (failing_since, pauses) = (None, BACKOFF.build());
        }
        let is_over = failing_since.get_or_insert_with(Instant::now).elapsed() >= patience;
        // Whatever takes as long as the database is not fit for work is no failure of the import's.
        if is_over && own.recovered().await {
            (failing_since, pauses, tries) = (None, BACKOFF.build(), 0);
            continue;
        }
        let Some(pause) = pauses.next().filter(|_| !is_over && tries < MOST_TRIES) else { return Err(error) };
        tracing::warn!(%error, "a step of an import is tried again");
        tokio::time::sleep(pause).await;
    }
}

fn merge_failure(error: Error) -> Failure {
    match error {
        Error::FailedPrecondition { reason, message, .. } | Error::Aborted { reason, message, .. } => {
            Failure::new(reason, &message, "")
        }
        Error::Unavailable { reason, message, .. } | Error::ResourceExhausted { reason, message, .. } => {
            Failure::new(reason, &message, UPLOAD_AGAIN)
        }
        Error::DeadlineExceeded => Failure::new("LIMIT_EXCEEDED", "writing the rows took too long", "split the file"),
        other => {
            if let Error::Internal(cause) = &other {
                tracing::error!(cause = %crate::db::advice::chain(&**cause), "an import failed");
            }
            Failure::new("INTERNAL", "writing the rows failed; nothing of them was written", UPLOAD_AGAIN)
        }
    }
}
