//! A session past the pool, for what must not wait behind callers.

use tokio_postgres::{Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::task::AbortOnDropHandle;

use super::credentials::Credentials;

/// Ends when it is dropped.
pub(super) struct Session {
    pub(super) client: Client,
    _driver: AbortOnDropHandle<()>,
}

impl Session {
    pub(super) async fn open(
        config: &Config,
        credentials: &Credentials,
        tls: &MakeRustlsConnect,
    ) -> Result<Self, Error> {
        let (client, driver) = credentials.connect(config, tls).await?;
        Ok(Self { client, _driver: AbortOnDropHandle::new(driver) })
    }
}
