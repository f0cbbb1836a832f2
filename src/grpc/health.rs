//! `grpc.health.v1`: every service is SERVING while the database takes our work, those that bots read from also while catalogs in
//! memory can answer, as are `readiness` and `""`; `liveness` as long as the process answers. What is looked at is in
//! `db/probe.rs`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tonic::server::NamedService;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::server::HealthReporter;

use super::Services;
use super::auth::Access;
use crate::catalog::Catalogs;
use crate::db::{Blocker, Db, Health as DatabaseHealth, Probe};
use crate::proto::lekalo::v1::{
    admin_service_server::AdminServiceServer, application_service_server::ApplicationServiceServer,
    catalog_service_server::CatalogServiceServer, category_service_server::CategoryServiceServer,
    document_service_server::DocumentServiceServer, import_service_server::ImportServiceServer,
    pattern_service_server::PatternServiceServer, pricing_service_server::PricingServiceServer,
    tenant_service_server::TenantServiceServer, text_service_server::TextServiceServer,
};

/// How often the database is looked at, while it is well and while it is not.
const POLL_INTERVAL: Duration = Duration::from_millis(750);
const RETRY_INTERVAL: Duration = Duration::from_millis(250);
/// So many times in a row it has to be silent before it counts as away: one slow second is no outage.
const FAILURE_THRESHOLD: u32 = 2;
/// How long after calls last waited for it a lock's holder is named anew.
const FORGOTTEN: Duration = Duration::from_secs(10);

const LIVENESS: &str = "liveness";

/// All that health can be asked for, beside `""`.
pub fn names() -> impl Iterator<Item = &'static str> {
    [LIVENESS].into_iter().chain(READS).chain(SERVICES).filter(|name| !name.is_empty())
}

/// What catalogs in memory can answer for.
const READS: [&str; 5] = [
    "",
    "readiness",
    <CatalogServiceServer<Services> as NamedService>::NAME,
    <PricingServiceServer<Services> as NamedService>::NAME,
    <TextServiceServer<Services> as NamedService>::NAME,
];

/// What depends on the database.
const SERVICES: [&str; 7] = [
    <TenantServiceServer<Services> as NamedService>::NAME,
    <CategoryServiceServer<Services> as NamedService>::NAME,
    <PatternServiceServer<Services> as NamedService>::NAME,
    <DocumentServiceServer<Services> as NamedService>::NAME,
    <ApplicationServiceServer<Services> as NamedService>::NAME,
    <ImportServiceServer<Services> as NamedService>::NAME,
    <AdminServiceServer<Services> as NamedService>::NAME,
];

/// Keeps health true.
pub struct Monitor {
    db: Db,
    is_ready: Arc<AtomicBool>,
    reporter: HealthReporter,
    watching: tokio::task::JoinHandle<()>,
}

impl Monitor {
    /// Says NOT_SERVING, for good.
    pub async fn stop(self) {
        self.watching.abort();
        // An aborted task may still finish its current step.
        let _ = self.watching.await;
        self.db.set_ready(false);
        self.is_ready.store(false, Ordering::Relaxed);
        report(&self.reporter, Serving::default()).await;
    }
}

/// The health service, and what keeps it true until `stop`.
pub async fn start(services: &Services, stop: CancellationToken) -> (Monitor, HealthServer<impl Health>) {
    let Services { db, access, catalogs, is_ready, .. } = services.clone();
    let (monitored, told) = (db.clone(), is_ready.clone());
    let (reporter, service) = tonic_health::server::health_reporter();
    reporter.set_service_status(LIVENESS, ServingStatus::Serving).await;
    report(&reporter, Serving::default()).await;
    let mut watch = Watch {
        reporter: reporter.clone(),
        probe: db.probe(),
        access,
        catalogs,
        db,
        is_ready,
        serving: Serving::default(),
        health: None,
        failures: 0,
        blockers: HashMap::new(),
    };
    // The first answer is a true one already.
    if watch.db.started().now_or_never().is_some() {
        watch.look().await;
    }
    let watching = tokio::spawn(async move {
        watch.db.started().await;
        while !stop.is_cancelled() {
            let began = Instant::now();
            watch.look().await;
            let interval = if watch.is_ready() && watch.failures == 0 { POLL_INTERVAL } else { RETRY_INTERVAL };
            // A look that was waited for in vain is its own pause.
            tokio::time::sleep(if watch.failures > 0 { interval.saturating_sub(began.elapsed()) } else { interval })
                .await;
        }
    });
    (Monitor { db: monitored, is_ready: told, reporter, watching }, service)
}

/// What is known of the database.
struct Watch {
    reporter: HealthReporter,
    db: Db,
    /// Whoever knows no keys lets nobody in.
    access: Access,
    catalogs: Arc<Catalogs>,
    is_ready: Arc<AtomicBool>,
    /// What was reported last.
    serving: Serving,
    probe: Probe,
    /// What was said last; none before the first look.
    health: Option<DatabaseHealth>,
    /// How many times in a row it did not answer.
    failures: u32,
    /// Whom the log has named, and when calls last waited for it.
    blockers: HashMap<i32, Instant>,
}

impl Watch {
    fn is_ready(&self) -> bool {
        self.health == Some(DatabaseHealth::Ready)
    }

    async fn look(&mut self) {
        let mut health = self.db.health(&mut self.probe).await;
        if health == DatabaseHealth::Ready && !self.access.is_known().await {
            health = DatabaseHealth::NotReady("the API keys could not be read yet".to_owned());
        }
        self.failures = match health {
            DatabaseHealth::Away(_) => self.failures + 1,
            // For a moment: what is under way there ends, and the next look is at the other host.
            DatabaseHealth::Moved(_) => FAILURE_THRESHOLD,
            DatabaseHealth::Ready | DatabaseHealth::NotReady(_) => 0,
        };
        // At the start there is nothing to go on with.
        if self.failures > 0 && self.failures < FAILURE_THRESHOLD && self.health.is_some() {
            return;
        }
        let was_ready = self.is_ready();
        if self.health.as_ref() != Some(&health) {
            match &health {
                DatabaseHealth::Ready => tracing::info!("ready: the database answers and takes writes"),
                DatabaseHealth::NotReady(problem) => tracing::warn!("not ready: {problem}"),
                DatabaseHealth::Away(problem) | DatabaseHealth::Moved(problem) => {
                    tracing::warn!("not ready, calls fail at once: {problem}");
                }
            }
            self.health = Some(health);
        }
        // Who hears that it is ready may call at once.
        self.db.set_away(self.failures > 0);
        if self.is_ready() != was_ready {
            // After a failover, what was connected before leads to the old server.
            self.db.close_idle();
        }
        let all = self.is_ready();
        let serving = Serving { all, reads: all || self.catalogs.can_answer() };
        if serving != self.serving {
            if serving.reads && !all {
                tracing::warn!("what bots read is answered on, out of memory");
            }
            report(&self.reporter, serving).await;
            self.serving = serving;
        }
        self.is_ready.store(serving.reads, Ordering::Relaxed);
        self.db.set_ready(all);
        if self.is_ready() {
            self.name_blockers().await;
        }
    }

    /// Says once who holds what calls wait for. They wait only now and then, for each gives up after a while.
    async fn name_blockers(&mut self) {
        for Blocker { pid, who, what } in self.probe.blockers().await {
            if self.blockers.insert(pid, Instant::now()).is_none() {
                tracing::warn!(
                    "calls wait for {what}, locked by process {pid} ({who}); SELECT pg_terminate_backend({pid}) would end it"
                );
            }
        }
        let count = self.blockers.len();
        self.blockers.retain(|_, seen| seen.elapsed() < FORGOTTEN);
        if count > 0 && self.blockers.is_empty() {
            tracing::info!("no call has waited for a lock for {} s", FORGOTTEN.as_secs());
        }
    }
}

/// What can be called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Serving {
    reads: bool,
    all: bool,
}

async fn report(reporter: &HealthReporter, serving: Serving) {
    let status = |serving| if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
    for service in READS {
        reporter.set_service_status(service, status(serving.reads)).await;
    }
    for service in SERVICES {
        reporter.set_service_status(service, status(serving.all)).await;
    }
}
