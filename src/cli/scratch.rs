//! Work that needs a scratch server, which is gone afterwards, however the work ends.

use anyhow::Context as _;

use super::serve::{stop_signal, unless};
use crate::config::Config;
use crate::db::schema::scratch::Scratch;

/// One beside the configured database, else a private one.
pub async fn open(config: &Config) -> anyhow::Result<Scratch> {
    Scratch::beside_or_embedded(config.owner(), config.tls, config.pg_bin.clone()).await
}

/// Does `work` on it, and closes it; after Ctrl-C or SIGTERM with the error that the work was interrupted.
pub async fn on<T>(
    mut scratch: Scratch,
    work: impl AsyncFnOnce(&mut Scratch) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut stop = Box::pin(stop_signal()?);
    let done = unless(&mut stop, Box::pin(work(&mut scratch))).await;
    scratch.close().await?;
    done?.context("interrupted: nothing was done")
}
