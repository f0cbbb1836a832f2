//! What the database's part of the process counts, by OpenTelemetry's names for it, and which statements it tells as slow.

use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tracing::Instrument as _;

use super::pool::Db;
use crate::metrics::{Histograms, read_gauge, read_gauges, seconds};
use crate::traces::TARGET;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Statement {
    /// The name that its SQL begins with.
    db_query_summary: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    /// The SQLSTATE, or what is said instead of one.
    error_type: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CatalogChange {
    /// What was written.
    cause: &'static str,
}

/// What changes a tenant's catalog, and so its version.
const CATALOG_CAUSES: [&str; 6] = ["import", "revert", "prices", "texts", "tenant", "seed"];

/// Counters of one [`Db`].
pub(super) struct Metrics {
    statements: Histograms<Statement>,
    catalog_changes: Family<CatalogChange, Counter>,
    errors: Family<Failure, Counter>,
    pub(super) wait: Histogram,
    pub(super) timeouts: Counter,
    connect: Histogram,
    failed_connects: Counter,
    /// Log each statement.
    echo: bool,
    /// Log what takes longer.
    slow: Option<Duration>,
}

impl Metrics {
    pub(super) fn new(echo: bool, slow: Option<Duration>) -> Self {
        Self {
            statements: Family::new_with_constructor(seconds),
            catalog_changes: Family::default(),
            errors: Family::default(),
            wait: seconds(),
            timeouts: Counter::default(),
            connect: seconds(),
            failed_connects: Counter::default(),
            echo,
            slow,
        }
    }

    /// Counts a statement, and tells of it where that is asked for: its name, never a value.
    pub(super) async fn statement<T>(&self, name: &'static str, work: impl Future<Output = T>) -> T {
        let span = tracing::info_span!(
            target: TARGET, "statement",
            otel.name = name, otel.kind = "client", db.system.name = "postgresql", db.query.summary = name,
        );
        self.timed(name, work.instrument(span)).await
    }

    /// Counts a statement that is no part of a trace: one that every call has.
    pub(super) async fn timed<T>(&self, name: &'static str, work: impl Future<Output = T>) -> T {
        let _timer = Timer { metrics: self, name, began: Instant::now() };
        work.await
    }

    pub(super) fn catalog_changed(&self, cause: &'static str) {
        self.catalog_changes.get_or_create(&CatalogChange { cause }).inc();
    }

    pub(super) fn failed(&self, error: &tokio_postgres::Error) {
        let code = error.code().map_or(if error.is_closed() { "closed" } else { "other" }, |state| state.code());
        // Any server may be at the other end: what is no SQLSTATE makes no label.
        let is_plain = code.len() <= 6 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let error_type = if is_plain { code } else { "other" }.to_owned();
        self.errors.get_or_create(&Failure { error_type }).inc();
    }

    /// Counts a try to connect.
    pub(super) async fn connecting<T, E>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let began = Instant::now();
        let connected = work.await;
        match &connected {
            Ok(_) => self.connect.observe(began.elapsed().as_secs_f64()),
            Err(_) => _ = self.failed_connects.inc(),
        }
        connected
    }
}

/// Sees a statement's end, also where nobody waits for it any longer: the slowest are those that are given up.
struct Timer<'m> {
    metrics: &'m Metrics,
    name: &'static str,
    began: Instant,
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        let Self { metrics, name, began } = *self;
        let elapsed = began.elapsed();
        metrics.statements.get_or_create(&Statement { db_query_summary: name }).observe(elapsed.as_secs_f64());
        if metrics.echo {
            tracing::info!(target: "lekalo::sql", query = name, ?elapsed);
        }
        if metrics.slow.is_some_and(|slow| elapsed >= slow) {
            tracing::warn!(target: "lekalo::sql", query = name, ms = elapsed.as_millis(), "a slow statement");
        }
    }
}

impl Db {
    /// Registers what is counted here.
    pub fn register_metrics(&self, registry: &mut Registry) {
        let metrics = &self.metrics;
        // What has not happened yet is 0, not nothing: a rate sees the first time too.
        _ = metrics.errors.get_or_create(&Failure { error_type: "closed".to_owned() });
        for cause in CATALOG_CAUSES {
            _ = metrics.catalog_changes.get_or_create(&CatalogChange { cause });
        }
        registry.register(
            "lekalo_catalog_changes",
            "Changes that gave a tenant's catalog another version, by what was written",
            metrics.catalog_changes.clone(),
        );
        self.bulkhead.register_metrics(registry);
        let mut histogram = |name: &str, help: &str, metric: Histogram| {
            registry.register_with_unit(name, help, Unit::Seconds, metric);
        };
        histogram("db_client_connections_wait_time", "How long a call waited for a connection", metrics.wait.clone());
        histogram("db_client_connections_create_time", "How long connecting took", metrics.connect.clone());
        registry.register_with_unit(
            "db_client_operation_duration",
            "How long a statement took, from its being sent to its answer, by its name",
            Unit::Seconds,
            metrics.statements.clone(),
        );
        registry.register("db_client_operation_errors", "Statements that failed, by SQLSTATE", metrics.errors.clone());
        registry.register(
            "db_client_connections_timeouts",
            "Calls that waited for a connection in vain",
            metrics.timeouts.clone(),
        );
        registry.register(
            "db_client_connections_create_failures",
            "Tries to connect that failed",
            metrics.failed_connects.clone(),
        );
        let db = self.clone();
        read_gauges(registry, "db_client_connections_usage", "Connections of the pool", "state", move || {
            let status = db.pool.status();
            [("idle", status.available as f64), ("used", status.size.saturating_sub(status.available) as f64)]
        });
        let db = self.clone();
        read_gauge(registry, "db_client_connections_max", "The most connections of the pool", move || {
            db.pool.status().max_size as f64
        });
        let db = self.clone();
        read_gauge(registry, "db_client_connections_pending_requests", "Calls that wait for a connection", move || {
            db.pool.status().waiting as f64
        });
        let db = self.clone();
        read_gauge(registry, "lekalo_ready", "1 while the database takes our work", move || {
            f64::from(u8::from(db.is_ready()))
        });
        let db = self.clone();
        read_gauge(registry, "lekalo_blocked_methods", "Methods that wait for somebody's lock", move || {
            db.bulkhead.count_blocked() as f64
        });
    }
}
