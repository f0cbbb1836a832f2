//! How long the work at hand may take: the caller's deadline, known to every query made on its behalf.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// [`super::Options::statement_timeout`] where nobody chose one.
pub const DEFAULT_STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);

tokio::task_local! {
    static DEADLINE: Instant;
}

/// Runs `work` so that each of its queries gets at most what is left until `deadline`.
pub async fn scope<F: Future>(deadline: Instant, work: F) -> F::Output {
    DEADLINE.scope(deadline, work).await
}

/// What PostgreSQL's `statement_timeout` should be for a query that starts now, in whole milliseconds, at least 1.
pub fn statement_timeout_ms(default: Duration) -> u128 {
    let left = DEADLINE.try_with(|deadline| deadline.saturating_duration_since(Instant::now())).unwrap_or(default);
    left.min(default).as_millis().max(1)
}
