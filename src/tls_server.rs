//! TLS of the gRPC port: the certificate that the server shows, the clients that it lets in, and how both follow their files
//! while it runs.
//!
//! Whoever renews a certificate replaces the files, one after the other or, as Kubernetes does, by turning a symlink; nobody
//! restarts a server for it. So what is in the files is looked at, and counts once two looks have seen the same.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::registry::Registry;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{Error, RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use crate::metrics::read_gauge;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What HTTP/2 is called in a handshake.
const ALPN: &[u8] = b"h2";

/// Where certificate and key are: PEM files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// The authorities whose clients are let in; none: whoever comes.
    pub client_roots: Option<PathBuf>,
}

/// What is wrong with the files, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {remedy}")]
pub struct Problem {
    pub what: String,
    pub remedy: String,
}

fn problem<T>(what: impl Into<String>, remedy: impl Into<String>) -> Result<T, Problem> {
    Err(Problem { what: what.into(), remedy: remedy.into() })
}

/// What is in the files: not to be shown.
#[derive(Clone, PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_roots: Option<Vec<u8>>,
}

impl Files {
    fn read(&self) -> Result<Contents, Problem> {
        Ok(Contents {
            certificate: read("LEKALO_TLS_CERT", &self.certificate)?,
            key: read("LEKALO_TLS_KEY", &self.key)?,
            client_roots: self.client_roots.as_deref().map(|path| read("LEKALO_TLS_CLIENT_CA", path)).transpose()?,
        })
    }

    /// What handshakes go by with these contents.
    fn use_contents(&self, contents: Contents) -> Result<Current, Problem> {
        let chain = certificates("LEKALO_TLS_CERT", &self.certificate, &contents.certificate)?;
        let not_after = check_time(&self.certificate, &chain)?;
        let Ok(key) = PrivateKeyDer::from_pem_slice(&contents.key) else {
            return problem(
                format!("LEKALO_TLS_KEY: {} has no private key that could be read", self.key.display()),
                "put a PEM key there; an encrypted one is decrypted by `openssl pkey -in FILE -out FILE`",
            );
        };
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_protocol_versions(&[&TLS13, &TLS12]).or_else(|error| refused(&error))?;
        let builder = match (&self.client_roots, &contents.client_roots) {
            (Some(path), Some(pem)) => {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(certificates("LEKALO_TLS_CLIENT_CA", path, pem)?);
                let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(clients.or_else(|error| {
                    problem(
                        format!("LEKALO_TLS_CLIENT_CA: {} has no authority's certificate: {error}", path.display()),
                        "put the certificates of those who sign clients' there",
                    )
                })?)
            }
            _ => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).or_else(|error| match error {
            Error::InconsistentKeys(_) => problem(
                format!("the key in {} does not fit the certificate in {}", self.key.display(), self.certificate.display()),
                "put the two that were made together there; the server's own certificate comes first, those who signed it after it",
            ),
            error => refused(&error),
        })?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        if self.client_roots.is_some() {
            // Who came back on an old session would not be asked whether its certificate still holds.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Current { config: Arc::new(config), not_after, contents })
    }
}

fn refused<T>(error: &Error) -> Result<T, Problem> {
    problem(
        format!("certificate and key cannot be used: {error}"),
        "put an X.509 certificate of version 3 and its RSA, ECDSA or Ed25519 key there",
    )
}

fn read(name: &str, path: &Path) -> Result<Vec<u8>, Problem> {
    if path.as_os_str().is_empty() {
        return problem(
            format!("{name} is not set"),
            "TLS needs both LEKALO_TLS_CERT and LEKALO_TLS_KEY; set the other one, or neither",
        );
    }
    read_small(path).or_else(|error| {
        problem(
            format!("{name}: {} cannot be read: {error}", path.display()),
            "name a PEM file that this user may read",
        )
    })
}

/// A file, and no more of it than certificates take.
pub fn read_small(path: &Path) -> io::Result<Vec<u8>> {
    const LARGEST: u64 = 1 << 20;
    // A pipe would be waited for.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut contents = Vec::new();
    std::fs::File::open(path)?.take(LARGEST + 1).read_to_end(&mut contents)?;
    if contents.len() as u64 > LARGEST { Err(io::Error::other("it has more than 1 MiB")) } else { Ok(contents) }
}

fn certificates(name: &str, path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        _ => problem(
            format!("{name}: {} has no certificate that could be read", path.display()),
            "put PEM there: -----BEGIN CERTIFICATE-----",
        ),
    }
}

/// Until when the server's own certificate holds, if it does now; since 1970.
fn check_time(path: &Path, chain: &[CertificateDer<'_>]) -> Result<Duration, Problem> {
    let Some(own) = chain.first().and_then(|own| Certificate::from_der(own).ok()) else {
        return problem(
            format!("LEKALO_TLS_CERT: {} is no X.509 certificate", path.display()),
            "put PEM there: -----BEGIN CERTIFICATE-----",
        );
    };
    let (from, until) = (own.tbs_certificate.validity.not_before, own.tbs_certificate.validity.not_after);
    match now() {
        now if now > until.to_unix_duration() => {
            problem(format!("the certificate in {} expired at {until}", path.display()), "renew it")
        }
        now if now < from.to_unix_duration() => problem(
            format!("the certificate in {} is not valid before {from}", path.display()),
            "look whether this machine's clock is right, or put the one that holds today there",
        ),
        _ => Ok(until.to_unix_duration()),
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// What handshakes go by.
#[derive(Clone)]
struct Current {
    config: Arc<ServerConfig>,
    not_after: Duration,
    contents: Contents,
}

/// The server's side of handshakes, as the files were when they were last good.
pub struct Certificates {
    files: Files,
    current: RwLock<Arc<Current>>,
}

impl Certificates {
    /// As the files are.
    ///
    /// # Errors
    /// When no client could come with them.
    pub fn load(files: &Files) -> Result<Self, Problem> {
        let current = files.use_contents(files.read()?)?;
        Ok(Self { files: files.clone(), current: RwLock::new(Arc::new(current)) })
    }

    /// Until when the certificate holds.
    pub fn holds_until(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.current().not_after
    }

    /// Registers until when the certificate holds.
    pub fn register_metrics(self: &Arc<Self>, registry: &mut Registry) {
        let this = self.clone();
        read_gauge(
            registry,
            "lekalo_tls_certificate_expiry_timestamp_seconds",
            "When the certificate of the gRPC port expires, in seconds since 1970",
            move || this.current().not_after.as_secs_f64(),
        );
    }

    /// A connection's handshake.
    ///
    /// # Errors
    /// When the peer speaks no TLS, or is not who it has to be.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let acceptor = TlsAcceptor::from(self.current().config.clone());
        acceptor.accept(stream).await
    }

    fn current(&self) -> Arc<Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps to the files, for as long as it is polled. What is broken there is said once, and changes nothing.
    pub async fn follow(&self) {
        let mut used = Ok(self.current().contents.clone());
        let (mut before, mut has_told_end, mut told) = (used.clone(), false, String::new());
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let files = self.files.clone();
            let Ok(look) = tokio::task::spawn_blocking(move || files.read()).await else { continue };
            if look != used && look == before {
                match look.clone().and_then(|contents| self.files.use_contents(contents)) {
                    Ok(current) => {
                        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(current);
                        (has_told_end, told, used) = (false, String::new(), look.clone());
                        tracing::info!("new connections get the certificate that is now in {}", self.path());
                    }
                    // Tried again each second: one that is not valid yet will be.
                    Err(problem) if told != problem.to_string() => {
                        told = problem.to_string();
                        tracing::error!("new connections get the certificate as it was: {problem}");
                    }
                    Err(_) => {}
                }
            }
            before = look;
            if !has_told_end && now() > self.current().not_after {
                has_told_end = true;
                tracing::error!(
                    "the certificate in use has expired, clients refuse it; put a new one into {}",
                    self.path()
                );
            }
        }
    }

    fn path(&self) -> std::path::Display<'_> {
        self.files.certificate.display()
    }
}
