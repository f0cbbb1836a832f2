//! Where an identity provider's keys come from: a file or a URL.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use http::Uri;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use crate::tls_server::read_small;

/// The most that is read of a set: a thousand keys fit in.
const LARGEST: u64 = 1 << 20;

/// Where a JSON Web Key Set is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    File(PathBuf),
    Url(String),
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = PathBuf::from(text);
        if path.is_absolute() {
            return Ok(Self::File(path));
        }
        let refused = "must be a file's absolute path, or a URL: https://…, or http://… on this machine".to_owned();
        let Ok(uri) = text.parse::<Uri>() else { return Err(refused) };
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(refused) };
        // A password there would be in logs.
        let is_plain = !authority.as_str().contains('@') && !authority.host().is_empty();
        if is_plain && (scheme == "https" || scheme == "http" && is_this_machine(authority.host())) {
            return Ok(Self::Url(text.to_owned()));
        }
        Err(refused)
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    host == "localhost" || address.is_ok_and(|address: IpAddr| address.is_loopback())
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url(url) => f.write_str(url),
        }
    }
}

impl Source {
    /// What is there now, or why it cannot be read. Blocks, for a URL as long as `patience` at most.
    pub(super) fn read(&self, patience: Duration) -> Result<Vec<u8>, String> {
        match self {
            Self::File(path) => read_small(path).map_err(|error| format!("it cannot be read: {error}")),
            Self::Url(url) => fetch(url, patience),
        }
    }
}

/// Trusts those that the connections to the database trust.
fn fetch(url: &str, patience: Duration) -> Result<Vec<u8>, String> {
    let mut config = Agent::config_builder()
        .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
        .timeout_global(Some(patience))
        .http_status_as_error(false)
        // Elsewhere may be anybody.
        .max_redirects(0);
    // Nor is this machine what a proxy takes for it.
    if !url.starts_with("https://") {
        config = config.proxy(None);
    }
    let agent: Agent = config.build().into();
    let failed = |error: ureq::Error| format!("it cannot be fetched: {error}");
    let mut response = agent.get(url).call().map_err(failed)?;
    if response.status() != http::StatusCode::OK {
        return Err(format!("it is answered with {}", response.status()));
    }
    response.body_mut().with_config().limit(LARGEST).read_to_vec().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_an_absolute_path_or_a_url_that_nobody_reads_on_the_way() {
        for good in [
            "/etc/lekalo/jwks.json",
            "https://id.example/realms/shops/protocol/openid-connect/certs",
            "https://id.example:8443/jwks?v=1",
            "http://localhost:8080/jwks",
            "http://127.0.0.1:8080/jwks",
            "http://[::1]:8080/jwks",
        ] {
            assert_eq!(good.parse::<Source>().unwrap().to_string(), good);
        }
        for bad in [
            "jwks.json",
            "./jwks.json",
            "id.example",
            "http://id.example/jwks",
            "http://localhost.example/jwks",
            "http://10.0.0.1/jwks",
            "https://user:canary@id.example/jwks",
            "https://",
            "ftp://id.example/jwks",
            "file:///etc/jwks.json",
        ] {
            let refused = bad.parse::<Source>().unwrap_err();
            assert!(refused.starts_with("must be a file's absolute path"), "{bad}: {refused}");
        }
    }
}
