//! Connecting to one of several hosts: a frozen one holds nobody up.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::task::JoinHandle;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::failure::chain;

/// After how long without an answer the next host is tried too. The driver's own limit ends where a host accepts, and a
/// frozen one does that.
const NEXT_HOST: Duration = Duration::from_millis(300);

/// Connects to the first of the hosts that answers and is as `target_session_attrs` asks; each is tried once the one before
/// has failed, or has not answered for a while.
///
/// # Errors
/// The first host's, where none will do.
pub async fn connect(config: &Config, tls: &MakeRustlsConnect) -> Result<(Client, JoinHandle<()>), Error> {
    let mut hosts = hosts(config).into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut first_error = None;
    loop {
        if let Some(host) = hosts.next() {
            let tls = tls.clone();
            attempts.push(async move {
                let (client, connection) = host.connect(tls).await?;
                let driver = tokio::spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(error = chain(&error), "a connection to the database broke");
                    }
                });
                Ok((client, driver))
            });
        }
        let next_host = async {
            if hosts.len() == 0 {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(NEXT_HOST).await;
        };
        tokio::select! {
            biased;
            Some(attempt) = attempts.next() => match attempt {
                Ok(connected) => return Ok(connected),
                Err(error) if hosts.len() == 0 && attempts.is_empty() => return Err(first_error.unwrap_or(error)),
                Err(error) => _ = first_error.get_or_insert(error),
            },
            () = next_host => {}
        }
    }
}

/// The same configuration for each host alone.
pub fn hosts(config: &Config) -> Vec<Config> {
    let (names, addresses) = (config.get_hosts(), config.get_hostaddrs());
    let count = names.len().max(addresses.len());
    if count <= 1 {
        return vec![config.clone()];
    }
    let with_port = |place: usize| {
        let mut alone = without_hosts(config);
        match names.get(place) {
            Some(Host::Tcp(name)) => _ = alone.host(name),
            Some(Host::Unix(folder)) => _ = alone.host_path(folder),
            None => {}
        }
        if let Some(address) = addresses.get(place) {
            alone.hostaddr(*address);
        }
        let ports = config.get_ports();
        if let Some(port) = ports.get(place).or(ports.first()) {
            alone.port(*port);
        }
        alone
    };
    (0..count).map(with_port).collect()
}

/// All else that a configuration says: hosts can only be added to one.
fn without_hosts(config: &Config) -> Config {
    let mut copy = Config::new();
    config.get_user().map(|user| copy.user(user));
    config.get_password().map(|password| copy.password(password));
    config.get_dbname().map(|name| copy.dbname(name));
    config.get_options().map(|options| copy.options(options));
    config.get_application_name().map(|name| copy.application_name(name));
    config.get_connect_timeout().map(|time| copy.connect_timeout(*time));
    config.get_tcp_user_timeout().map(|time| copy.tcp_user_timeout(*time));
    config.get_keepalives_interval().map(|time| copy.keepalives_interval(time));
    config.get_keepalives_retries().map(|count| copy.keepalives_retries(count));
    copy.ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .channel_binding(config.get_channel_binding())
        .keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .target_session_attrs(config.get_target_session_attrs());
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_alone_has_all_else_and_its_own_port() {
        let rest = "user=u password=p dbname=d options='-c role=r' application_name=a connect_timeout=3 \
                    tcp_user_timeout=4 keepalives=0 keepalives_idle=5 keepalives_interval=6 keepalives_retries=7 \
                    sslmode=require channel_binding=require target_session_attrs=read-write";
        let all: Config = format!("host=one,/two port=1,2 {rest}").parse().unwrap();
        let alone: Vec<Config> = ["host=one port=1", "host=/two port=2"]
            .iter()
            .map(|host| format!("{host} {rest}").parse().unwrap())
            .collect();
        assert_eq!(hosts(&all), alone);
        let one_port: Config = "host=one,two hostaddr=10.0.0.1,10.0.0.2 port=7".parse().unwrap();
        let alone: [Config; 2] = ["host=one hostaddr=10.0.0.1 port=7", "host=two hostaddr=10.0.0.2 port=7"]
            .map(|text| text.parse().unwrap());
        assert_eq!(hosts(&one_port), alone);
        let single: Config = "host=one user=u".parse().unwrap();
        assert_eq!(hosts(&single), [single]);
    }
}
