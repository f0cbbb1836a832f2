//! Work that needs a scratch server, which is gone afterwards, however the work ends.

use anyhow::Context as _;
use lekalo_migrate::scratch::Scratch;

use super::serve::{Stop, unless};
use crate::config::Config;
use crate::db::advice;
use crate::db::migrations::PROGRAM;

/// Does `work` on one, beside the configured database or else a private one.
///
/// # Errors
/// The work's own, [`Unavailable`](lekalo_migrate::scratch::Unavailable), or that it was interrupted by Ctrl-C or SIGTERM.
pub async fn on<T>(
    config: &Config,
    stop: &mut Stop,
    work: impl AsyncFnOnce(&mut Scratch) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    const INTERRUPTED: &str = "interrupted: nothing was done";
    let open = async {
        Ok(Scratch::beside_or_embedded(config.owner(), &config.owner_tls, config.pg_bin.clone(), PROGRAM).await?)
    };
    let opened = unless(stop, Box::pin(open)).await?;
    let mut scratch = opened.context(INTERRUPTED)?;
    let done = unless(stop, Box::pin(work(&mut scratch))).await;
    if let Err(error) = scratch.close().await {
        // The next one will remove it.
        tracing::warn!("a scratch database is left behind: {}", advice::chain(error.as_ref()));
    }
    done?.context(INTERRUPTED)
}
