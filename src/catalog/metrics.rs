//! What catalogs in memory come to.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::metrics::{read_gauge, seconds};

/// What came of looking for a catalog in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Hit,
    Miss,
    /// It was not there, and could not be loaded.
    Failed,
}

/// Counters of one server's catalogs.
#[derive(Debug)]
pub struct Metrics {
    hits: Counter,
    misses: Counter,
    failures: Counter,
    loads: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let (hits, misses, failures) = (Counter::default(), Counter::default(), Counter::default());
        Self { hits, misses, failures, loads: seconds() }
    }
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("lekalo_catalog_hits", "Reads answered from a catalog in memory", self.hits.clone());
        registry.register(
            "lekalo_catalog_misses",
            "Reads that had to wait for a catalog to be loaded",
            self.misses.clone(),
        );
        registry.register("lekalo_catalog_failures", "Catalogs that could not be loaded", self.failures.clone());
        registry.register_with_unit(
            "lekalo_catalog_load_duration",
            "How long loading a catalog took",
            Unit::Seconds,
            self.loads.clone(),
        );
    }

    /// Registers what is read when somebody looks.
    pub fn register_kept(
        registry: &mut Registry,
        count: impl Fn() -> f64 + Send + Sync + 'static,
        bytes: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        read_gauge(registry, "lekalo_catalogs", "Catalogs in memory", count);
        read_gauge(registry, "lekalo_catalogs_bytes", "What the catalogs in memory take, about", bytes);
    }

    pub fn read(&self, outcome: Outcome) {
        match outcome {
            Outcome::Hit => self.hits.inc(),
            Outcome::Miss => self.misses.inc(),
            Outcome::Failed => self.failures.inc(),
        };
    }

    pub fn loaded(&self, took: Duration) {
        self.loads.observe(took.as_secs_f64());
    }
}
