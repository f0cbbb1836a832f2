//! `grpc.health.v1`: `readiness`, `""` and every service are SERVING while the database takes our work, `liveness` as long as
//! the process answers.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tonic::server::NamedService;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::server::HealthReporter;

use super::Services;
use crate::db::{Blocker, Db, Health as DatabaseHealth, Probe};
use crate::proto::lekalo::v1::{
    admin_service_server::AdminServiceServer, application_service_server::ApplicationServiceServer,
    catalog_service_server::CatalogServiceServer, import_service_server::ImportServiceServer,
    pricing_service_server::PricingServiceServer, tenant_service_server::TenantServiceServer,
    text_service_server::TextServiceServer,
};

/// How often the database is looked at, while it is well and while it is not.
const EVERY: [Duration; 2] = [Duration::from_secs(1), Duration::from_millis(250)];
/// So many times in a row it has to be silent before calls are answered without asking it: one slow second is no outage.
const SILENT: u32 = 2;

/// How long after calls last waited for it a lock's holder is named anew.
const FORGOTTEN: Duration = Duration::from_secs(10);

const LIVENESS: &str = "liveness";

/// What depends on the database.
const SERVICES: [&str; 9] = [
    "",
    "readiness",
    <TenantServiceServer<Services> as NamedService>::NAME,
    <CatalogServiceServer<Services> as NamedService>::NAME,
    <PricingServiceServer<Services> as NamedService>::NAME,
    <TextServiceServer<Services> as NamedService>::NAME,
    <ApplicationServiceServer<Services> as NamedService>::NAME,
    <ImportServiceServer<Services> as NamedService>::NAME,
    <AdminServiceServer<Services> as NamedService>::NAME,
];

/// Keeps health true.
pub struct Monitor {
    reporter: HealthReporter,
    watching: tokio::task::JoinHandle<()>,
}

impl Monitor {
    /// Says NOT_SERVING, for good.
    pub async fn stop(self) {
        self.watching.abort();
        // An aborted task may still finish its current step.
        let _ = self.watching.await;
        report(&self.reporter, false).await;
    }
}

/// The health service, and what keeps it true until `stop`.
pub async fn start(db: Db, stop: CancellationToken) -> (Monitor, HealthServer<impl Health>) {
    let (reporter, service) = tonic_health::server::health_reporter();
    reporter.set_service_status(LIVENESS, ServingStatus::Serving).await;
    report(&reporter, false).await;
    let mut watch = Watch {
        reporter: reporter.clone(),
        probe: db.probe(),
        db,
        is_ready: false,
        silent: 0,
        blockers: HashMap::new(),
    };
    // The first answer is a true one already.
    if watch.db.started().now_or_never().is_some() {
        watch.look().await;
    }
    let watching = tokio::spawn(async move {
        watch.db.started().await;
        let [while_well, while_not] = EVERY;
        while !stop.is_cancelled() {
            watch.look().await;
            tokio::time::sleep(if watch.is_ready { while_well } else { while_not }).await;
        }
    });
    (Monitor { reporter, watching }, service)
}

/// What is known of the database.
struct Watch {
    reporter: HealthReporter,
    db: Db,
    probe: Probe,
    is_ready: bool,
    /// How many times in a row it did not answer.
    silent: u32,
    /// Whom the log has named, and when calls last waited for it.
    blockers: HashMap<i32, Instant>,
}

impl Watch {
    async fn look(&mut self) {
        let health = self.db.health(&mut self.probe).await;
        self.silent = if matches!(health, DatabaseHealth::Away(_)) { self.silent + 1 } else { 0 };
        let is_ready = health == DatabaseHealth::Ready;
        if is_ready != self.is_ready {
            match &health {
                DatabaseHealth::Ready => tracing::info!("ready: the database answers and takes writes"),
                DatabaseHealth::NotReady(problem) | DatabaseHealth::Away(problem) => {
                    tracing::warn!("not ready: {problem}");
                }
            }
            // After a failover, what was connected before leads to the old server.
            self.db.close_idle();
            self.is_ready = is_ready;
            report(&self.reporter, is_ready).await;
            self.db.set_ready(is_ready);
        }
        self.db.set_away(self.silent >= SILENT);
        if is_ready {
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

async fn report(reporter: &HealthReporter, serving: bool) {
    let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
    for service in SERVICES {
        reporter.set_service_status(service, status).await;
    }
}
