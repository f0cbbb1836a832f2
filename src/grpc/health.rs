//! `grpc.health.v1`: SERVING while the database answers, for `""` and for every service.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tonic::server::NamedService;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::server::HealthReporter;

use super::Services;
use crate::db::Db;
use crate::domain::Error;
use crate::proto::lekalo::v1::{
    admin_service_server::AdminServiceServer, application_service_server::ApplicationServiceServer,
    catalog_service_server::CatalogServiceServer, import_service_server::ImportServiceServer,
    pricing_service_server::PricingServiceServer, tenant_service_server::TenantServiceServer,
    text_service_server::TextServiceServer,
};

/// How often the database is asked for a sign of life.
const EVERY: Duration = Duration::from_secs(1);

const SERVICES: [&str; 8] = [
    "",
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
    let mut serving = db.ping().await.is_ok();
    report(&reporter, serving).await;
    let watching = tokio::spawn({
        let reporter = reporter.clone();
        async move {
            while !stop.is_cancelled() {
                tokio::time::sleep(EVERY).await;
                let answers = match db.ping().await {
                    // Busy says nothing about the database; out of service, our load would fall on the others.
                    Err(Error::ResourceExhausted { .. }) => continue,
                    ping => ping.is_ok(),
                };
                if answers != serving {
                    serving = answers;
                    tracing::warn!(serving, "the database is {}", if serving { "back" } else { "out of reach" });
                    report(&reporter, serving).await;
                }
            }
        }
    });
    (Monitor { reporter, watching }, service)
}

async fn report(reporter: &HealthReporter, serving: bool) {
    let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
    for service in SERVICES {
        reporter.set_service_status(service, status).await;
    }
}
