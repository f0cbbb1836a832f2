//! A connection in somebody's hands: what it does when it is given up, and what its statements' failures mean for others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::Object;
use tokio::sync::OwnedSemaphorePermit;
use tokio_postgres::error::SqlState;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::bulkhead::Bulkhead;
use super::cancel::cancel;
use super::circuit_breaker::CircuitBreaker;
use super::deadline::{DEFAULT_STATEMENT_TIMEOUT, statement_timeout_ms};
use super::error::unavailable;
use super::metrics::Metrics;
use super::pool::Db;
use crate::domain::error::{Error, Result};

/// How long after a statement's timeout the server may take to say so.
const SILENCE: Duration = Duration::from_secs(5);
/// A cancel request has no answer: one that arrives late must not hit the connection's next user.
const LATE_CANCEL: Duration = Duration::from_millis(50);
/// How long a cancelled query may take to stop before its connection is closed.
const CANCEL: Duration = Duration::from_secs(5);

/// A checked-out connection. Dropped while `dirty` (a transaction is open) it is rolled back, while `running` (a
/// statement has not answered) it is cancelled first; it goes back to the pool only once it has answered.
pub(super) struct Connection {
    object: Option<Object>,
    config: Arc<tokio_postgres::Config>,
    tls: MakeRustlsConnect,
    breaker: Arc<CircuitBreaker>,
    bulkhead: Arc<Bulkhead>,
    pub(super) metrics: Arc<Metrics>,
    _permit: Option<OwnedSemaphorePermit>,
    pub(super) dirty: bool,
    running: AtomicBool,
    /// Not to be used again.
    is_stale: AtomicBool,
}

impl Connection {
    pub(super) fn new(db: &Db, object: Object, permit: Option<OwnedSemaphorePermit>) -> Self {
        Self {
            object: Some(object),
            config: db.config.clone(),
            tls: db.tls.clone(),
            breaker: db.breaker.clone(),
            bulkhead: db.bulkhead.clone(),
            metrics: db.metrics.clone(),
            _permit: permit,
            dirty: false,
            running: AtomicBool::new(false),
            is_stale: AtomicBool::new(false),
        }
    }

    /// The client to send statements with.
    pub(super) fn client(&self) -> Result<&Object> {
        self.object.as_ref().ok_or_else(|| Error::internal("connection used after it was given back"))
    }

    /// Waits for a statement's answer; if that is given up, the connection knows that the statement still runs.
    pub(super) async fn answer<T>(&self, timeout: Duration, statement: impl Future<Output = T>) -> Result<T> {
        self.running.store(true, Ordering::Relaxed);
        let answer = self.within(timeout, statement).await?;
        self.running.store(false, Ordering::Relaxed);
        Ok(answer)
    }

    /// `statement_timeout` is kept by the server; a server that has gone silent keeps none, and one that is known to be
    /// away is not waited for, but by the long steps of an import.
    pub(super) async fn within<T>(&self, timeout: Duration, work: impl Future<Output = T>) -> Result<T> {
        let left = u64::try_from(statement_timeout_ms(timeout)).unwrap_or(u64::MAX);
        let limit = Duration::from_millis(left).saturating_add(SILENCE);
        tokio::select! {
            biased;
            done = tokio::time::timeout(limit, work) => done.map_err(|_| unavailable()),
            () = self.breaker.opened(), if timeout <= DEFAULT_STATEMENT_TIMEOUT => Err(unavailable()),
        }
    }

    /// Draws the consequences of a statement's failure.
    pub(super) fn note_error(&self, error: &tokio_postgres::Error) {
        self.metrics.failed(error);
        match error.code().map(SqlState::code) {
            // A standby, or a database that somebody has made read-only. Where it leads by now, after a failover, new
            // connections find out.
            Some("25006") => {
                self.is_stale.store(true, Ordering::Relaxed);
                if let Some(pool) = self.object.as_ref().and_then(Object::pool) {
                    pool.retain(|_, _| false);
                }
            }
            Some("55P03") => self.bulkhead.note_blocked(),
            _ => {}
        }
    }

    /// The server has answered.
    pub(super) fn note_answer(&self) {
        self.breaker.note_answer();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else { return };
        let is_stale = self.is_stale.load(Ordering::Relaxed);
        if !self.dirty && !is_stale {
            return;
        }
        let closes = is_stale || self.breaker.is_open();
        let (config, tls) = (self.config.clone(), self.tls.clone());
        let running = self.running.load(Ordering::Relaxed);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            drop(Object::take(object));
            return;
        };
        runtime.spawn(async move {
            if closes {
                // What runs on it holds its locks until the server hears of its end, which a silent one will in time.
                if running {
                    let _ = tokio::time::timeout(CANCEL, cancel(&config, &object.cancel_token(), &tls)).await;
                }
                drop(Object::take(object));
                return;
            }
            let stop = async {
                if !running {
                    return object.batch_execute("ROLLBACK").await;
                }
                let mut rollback = std::pin::pin!(object.batch_execute("ROLLBACK"));
                // A cancel that arrives between two statements of a pipeline stops neither: again, until all have ended.
                loop {
                    cancel(&config, &object.cancel_token(), &tls).await;
                    let waited = tokio::time::timeout(LATE_CANCEL, rollback.as_mut()).await;
                    if let Ok(stopped) = waited {
                        tokio::time::sleep(LATE_CANCEL).await;
                        return stopped;
                    }
                }
            };
            if !matches!(tokio::time::timeout(CANCEL, stop).await, Ok(Ok(()))) {
                drop(Object::take(object));
            }
        });
    }
}
