//! Where a database is and how to get in, as one text: a URL, or libpq's `key=value`. Each is turned into its parameters; those
//! of libpq and of the managed databases are all known here: done, named as ignored, or refused with what to do.

mod parameters;
mod texts;

use std::error::Error as _;

use lekalo_migrate::tls::{Mode, Tls};
use tokio_postgres::config::{Config, Host, SslNegotiation};

use parameters::Parameters;
use texts::Text;

/// A database, and what of its address is of no effect.
#[derive(Debug)]
pub struct Address {
    pub config: Config,
    pub tls: Tls,
    pub ignored: Vec<String>,
}

/// Reads one; `default` holds where it does not say how to encrypt.
///
/// # Errors
/// What is wrong with it and what to do, without a word of it that may be a secret.
pub fn read(text: &str, default: Mode) -> Result<Address, String> {
    let Text { credentials, database, hosts, ports, parameters, is_suspicious } = texts::read(text)?;
    let parse = |hosts: &[String], ports: &str, query: &str| -> Result<Config, tokio_postgres::Error> {
        let hosts: String = hosts.iter().map(|host| format!("host={host}&")).collect();
        let ports = if ports.is_empty() { "5432" } else { ports };
        format!("postgresql://{credentials}/{database}?{hosts}port={}&{query}", texts::encoded(ports)).parse()
    };
    // Part of a password with an `@` is taken for the host, and hosts are told.
    if !parse(&hosts, &ports, "").is_ok_and(|authority| has_plain_hosts(&authority)) {
        return Err(texts::NO_URL.into());
    }
    let mut read = Parameters::default();
    for (name, value) in &parameters {
        // Part of a password with a `?`, too.
        read.take(name, value).map_err(|problem| if is_suspicious { texts::NO_URL.into() } else { problem })?;
    }
    let tls = read.tls(default)?;
    let hosts = if read.hosts.is_empty() { hosts } else { read.hosts };
    let parsed = parse(&hosts, &read.ports.unwrap_or(ports), &read.passed_on);
    // It names the parameter, and of its value nothing.
    let problem = |error: tokio_postgres::Error| error.source().map_or_else(|| error.to_string(), ToString::to_string);
    let mut config = parsed.map_err(problem)?;
    if !has_plain_hosts(&config) {
        return Err("host: must be a host's name or address, or a socket's folder".into());
    }
    // It would be a line of its own wherever it is told.
    if [config.get_user(), config.get_dbname()].iter().flatten().any(|name| name.contains(char::is_control)) {
        return Err("user and database must be plain text".into());
    }
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        config.host("localhost");
    }
    if config.get_ssl_negotiation() == SslNegotiation::Direct && matches!(tls.mode, Mode::Disable | Mode::Prefer) {
        return Err("sslnegotiation=direct: needs sslmode=require, verify-ca or verify-full".into());
    }
    Ok(Address { config, tls, ignored: read.ignored })
}

/// Whether all hosts are names or addresses, and none a mistaken piece of something else.
pub fn has_plain_hosts(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => name.chars().all(|ch| ch.is_alphanumeric() || ".-_:%".contains(ch)),
        Host::Unix(_) => true,
    })
}

#[cfg(test)]
mod tests;
