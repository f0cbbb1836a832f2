//! What the imports of this server come to.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::domain::import::{Import, Outcome, State, Step};
use crate::metrics::Histograms;

/// Seconds, from a page to the longest list.
const SECONDS: [f64; 9] = [0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1800.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Rows {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Took {
    step: &'static str,
}

/// Counters of one server's imports.
pub(super) struct Metrics {
    ended: Family<Ended, Counter>,
    rows: Family<Rows, Counter>,
    steps: Histograms<Took>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            ended: Family::default(),
            rows: Family::default(),
            steps: Family::new_with_constructor(|| Histogram::new(SECONDS)),
        }
    }
}

impl Metrics {
    /// What has not happened yet is 0, not nothing: a rate sees the first time too.
    pub(super) fn register(&self, registry: &mut Registry) {
        for state in [State::Succeeded, State::Validated, State::Failed, State::Cancelled] {
            _ = self.ended.get_or_create(&Ended { state: state.word() });
        }
        for outcome in Outcome::ALL {
            _ = self.rows.get_or_create(&Rows { outcome: outcome.word() });
        }
        for step in ["waiting", Step::Reading.word(), Step::Writing.word()] {
            _ = self.steps.get_or_create(&Took { step });
        }
        registry.register("lekalo_imports", "Imports that ended here, by the state they ended in", self.ended.clone());
        registry.register("lekalo_import_rows", "Rows of imports that ended here, by outcome", self.rows.clone());
        registry.register_with_unit(
            "lekalo_import_step_duration",
            "How long a step of an import took",
            Unit::Seconds,
            self.steps.clone(),
        );
    }

    /// An import of this server has ended.
    pub(super) fn ended(&self, import: &Import) {
        self.ended.get_or_create(&Ended { state: import.state.word() }).inc();
        let counts = &import.counts;
        let outcomes = [
            (Outcome::Created, counts.created),
            (Outcome::Updated, counts.updated),
            (Outcome::Unchanged, counts.unchanged),
            (Outcome::Merged, counts.merged),
            (Outcome::Rejected, counts.rejected),
            (Outcome::Header, counts.headers),
        ];
        for (outcome, rows) in outcomes {
            self.rows.get_or_create(&Rows { outcome: outcome.word() }).inc_by(u64::try_from(rows).unwrap_or(0));
        }
    }

    /// Measures an import's steps.
    pub(super) fn clock(&self) -> Clock<'_> {
        Clock { steps: &self.steps, now: Mutex::new(("waiting", Instant::now())) }
    }
}

/// Says how long each step of one import takes; dropped at the end of the last one.
pub(super) struct Clock<'m> {
    steps: &'m Histograms<Took>,
    now: Mutex<(&'static str, Instant)>,
}

impl Clock<'_> {
    pub(super) fn goes_on(&self, step: Step) {
        self.turn(step.word());
    }

    fn turn(&self, next: &'static str) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let (step, since) = *now;
        if step != next {
            self.steps.get_or_create(&Took { step }).observe(since.elapsed().as_secs_f64());
            *now = (next, Instant::now());
        }
    }
}

impl Drop for Clock<'_> {
    fn drop(&mut self) {
        self.turn("");
    }
}
