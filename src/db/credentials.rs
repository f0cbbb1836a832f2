//! The password that connections are made with: read again where the server no longer takes it, for it may have been changed.

use std::sync::{Arc, PoisonError, RwLock};

use lekalo_migrate::connect::connect;
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Reads the password that is configured now.
pub type ReadPassword = Arc<dyn Fn() -> Option<Vec<u8>> + Send + Sync>;

pub(super) struct Credentials {
    read: Option<ReadPassword>,
    /// What was read last; none: what the configuration had at the start.
    password: RwLock<Option<Vec<u8>>>,
}

impl Credentials {
    pub(super) fn new(read: Option<ReadPassword>) -> Self {
        Self { read, password: RwLock::default() }
    }

    /// Connects as configured, with the latest password.
    pub(super) async fn connect(
        &self,
        config: &Config,
        tls: &MakeRustlsConnect,
    ) -> Result<(Client, JoinHandle<()>), Error> {
        let used = self.latest();
        let error = match connect(&with_password(config, used.as_deref()), tls).await {
            Err(error) if error.code() == Some(&SqlState::INVALID_PASSWORD) => error,
            connected => return connected,
        };
        let used = used.as_deref().or(config.get_password());
        match self.read.as_ref().and_then(|read| read()) {
            Some(now) if Some(now.as_slice()) != used => {
                let connected = connect(&with_password(config, Some(&now)), tls).await?;
                *self.password.write().unwrap_or_else(PoisonError::into_inner) = Some(now);
                tracing::info!("the database's password has changed and was read again");
                Ok(connected)
            }
            _ => Err(error),
        }
    }

    fn latest(&self) -> Option<Vec<u8>> {
        self.password.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn with_password(config: &Config, password: Option<&[u8]>) -> Config {
    let mut config = config.clone();
    if let Some(password) = password {
        config.password(password);
    }
    config
}
