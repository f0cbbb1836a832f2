//! A line for each call, and of many calls a sample.

use std::fmt::Display;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tonic::Code;

use super::call::{Call, is_ours};
use super::status::names;

/// Tells of calls: so many a second of those that went well, and as many of those that did not.
pub struct CallLog {
    well: Budget,
    failed: Budget,
}

impl Default for CallLog {
    fn default() -> Self {
        Self::new(0)
    }
}

impl CallLog {
    pub fn new(per_second: u32) -> Self {
        Self { well: Budget::new(per_second), failed: Budget::new(per_second) }
    }

    pub(super) fn call(&self, call: &Call, code: Code, reason: &str) {
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    target: "lekalo::calls",
                    method = %format_args!("{}/{}", call.method.grpc_service, call.method.grpc_method),
                    tenant = call.tenant.get(),
                    code = names(code).0,
                    reason = (!reason.is_empty()).then_some(reason),
                    ms = (call.began.elapsed().as_secs_f64() * 10_000.0).round() / 10.0,
                    key = call.caller.get().and_then(|caller| caller.identity.prefix()),
                    sub = call.caller.get().and_then(|caller| caller.identity.sub()),
                    received = call.received.load(Ordering::Relaxed),
                    sent = call.sent.load(Ordering::Relaxed),
                    request_id = call.request_id.to_str().unwrap_or_default(),
                    trace_id = call.place.is_valid().then(|| tracing::field::display(call.place.trace_id())),
                    peer = call.peer.as_ref().map(|peer| peer as &dyn Display).map(tracing::field::display),
                    "call"
                )
            };
        }
        // Probes come every few seconds, from everywhere.
        if call.method.grpc_service.starts_with("grpc.") {
            line!(debug);
            return;
        }
        let budget = if code == Code::Ok { &self.well } else { &self.failed };
        match budget.take() {
            Taken::Nothing => return,
            Taken::Line => {}
            Taken::LineAfter(0) => {}
            Taken::LineAfter(untold) => tracing::info!(target: "lekalo::calls", untold, "calls without a line"),
        }
        if is_ours(code) { line!(warn) } else { line!(info) }
    }
}

/// How many lines a second.
struct Budget {
    per_second: u32,
    spent: Mutex<Spent>,
}

struct Spent {
    since: Option<Instant>,
    lines: u32,
    untold: u64,
}

enum Taken {
    Nothing,
    Line,
    /// The first of its second, after so many calls without a line.
    LineAfter(u64),
}

impl Budget {
    fn new(per_second: u32) -> Self {
        Self { per_second, spent: Mutex::new(Spent { since: None, lines: 0, untold: 0 }) }
    }

    fn take(&self) -> Taken {
        if self.per_second == 0 {
            return Taken::Nothing;
        }
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.since.is_none_or(|since| since.elapsed() >= Duration::from_secs(1)) {
            let untold = std::mem::take(&mut spent.untold);
            *spent = Spent { since: Some(Instant::now()), lines: 1, untold: 0 };
            return Taken::LineAfter(untold);
        }
        if spent.lines >= self.per_second {
            spent.untold += 1;
            return Taken::Nothing;
        }
        spent.lines += 1;
        Taken::Line
    }
}
