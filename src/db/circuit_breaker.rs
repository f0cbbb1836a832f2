//! Calls to a database that is known to be away fail at once, and those that wait for it need not wait any longer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Calls go through.
    Closed,
    /// The program is not ready yet.
    Starting,
    /// The database is away.
    Open,
}

/// One for each pool.
#[derive(Debug)]
pub(super) struct CircuitBreaker {
    state: watch::Sender<State>,
    made: Instant,
    /// When the database last answered, in milliseconds since this was made.
    answered: AtomicU64,
}

impl CircuitBreaker {
    pub(super) fn new() -> Self {
        Self { state: watch::Sender::new(State::Closed), made: Instant::now(), answered: AtomicU64::new(0) }
    }

    /// Keeps calls out until [`Self::start`], whatever the database says.
    pub(super) fn hold(&self) {
        self.state.send_replace(State::Starting);
    }

    pub(super) fn start(&self) {
        self.state.send_replace(State::Closed);
    }

    /// Waits until there is no start to wait for.
    pub(super) async fn started(&self) {
        // An error would mean that the sender is gone, which is here.
        let _ = self.state.subscribe().wait_for(|state| *state != State::Starting).await;
    }

    /// Lets calls through, or not; whether that changed.
    pub(super) fn set_open(&self, open: bool) -> bool {
        let state = if open { State::Open } else { State::Closed };
        self.state.send_if_modified(|now| {
            let changed = *now != State::Starting && *now != state;
            if changed {
                *now = state;
            }
            changed
        })
    }

    pub(super) fn is_open(&self) -> bool {
        *self.state.borrow() != State::Closed
    }

    /// Waits until calls are no longer let through.
    pub(super) async fn opened(&self) {
        // An error would mean that the sender is gone, which is here.
        let _ = self.state.subscribe().wait_for(|state| *state != State::Closed).await;
    }

    /// The database has answered somebody.
    pub(super) fn note_answer(&self) {
        let now = u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.answered.fetch_max(now, Ordering::Relaxed);
    }

    /// Whether the database has answered anybody within that time.
    pub(super) fn has_answered_within(&self, time: Duration) -> bool {
        let answered = Duration::from_millis(self.answered.load(Ordering::Relaxed));
        !answered.is_zero() && self.made.elapsed().saturating_sub(answered) <= time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_hears_of_it_and_a_start_is_not_cut_short() {
        let breaker = CircuitBreaker::new();
        assert!(!breaker.is_open() && !breaker.has_answered_within(Duration::from_secs(60)));
        breaker.hold();
        assert!(!breaker.set_open(false) && breaker.is_open());
        breaker.start();
        breaker.started().await;
        let (waited, changed) = tokio::join!(tokio::time::timeout(Duration::from_secs(10), breaker.opened()), async {
            breaker.set_open(true)
        });
        assert!(waited.is_ok() && changed && breaker.is_open());
        assert!(!breaker.set_open(true), "it was open");
        assert!(breaker.set_open(false) && !breaker.is_open());
        tokio::time::sleep(Duration::from_millis(2)).await;
        breaker.note_answer();
        assert!(breaker.has_answered_within(Duration::from_secs(60)));
    }
}
