//! TLS to the database, with libpq's meanings.

mod verifier;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use verifier::Verifier;

/// As `sslmode` has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Never encrypt.
    Disable,
    /// Encrypt if the server can.
    #[default]
    Prefer,
    /// Encrypt, whoever the server is.
    Require,
    /// Encrypt, and the certificate must be signed by a root that is trusted, whatever host it names.
    VerifyCa,
    /// Encrypt, and the certificate must be signed by a root that is trusted and name the host.
    VerifyFull,
}

impl std::str::FromStr for Mode {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "disable" => Ok(Self::Disable),
            "allow" | "prefer" => Ok(Self::Prefer),
            "require" => Ok(Self::Require),
            "verify-ca" => Ok(Self::VerifyCa),
            "verify-full" => Ok(Self::VerifyFull),
            _ => Err("must be disable, prefer, require, verify-ca or verify-full".into()),
        }
    }
}

impl Mode {
    /// As libpq's `PGSSLMODE` has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }

    /// Whether it asks who the server is.
    pub fn verifies(self) -> bool {
        matches!(self, Self::VerifyCa | Self::VerifyFull)
    }
}

/// How a connection is encrypted, and who has to prove what to whom.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    pub mode: Mode,
    /// A PEM file with the roots that are trusted; none: those that this machine trusts.
    pub roots: Option<PathBuf>,
    /// A PEM file with lists of revoked certificates.
    pub revoked: Option<PathBuf>,
    /// Who we are, where the server asks.
    pub identity: Option<Identity>,
    /// TLS 1.2 will not do.
    pub only_1_3: bool,
    /// The host is not named in the clear.
    pub hides_host: bool,
}

/// A client's certificate: PEM files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// None at all.
pub static OFF: Tls = Tls::new(Mode::Disable);

impl Tls {
    /// In this mode, with what this machine trusts.
    pub const fn new(mode: Mode) -> Self {
        Self { mode, roots: None, revoked: None, identity: None, only_1_3: false, hides_host: false }
    }

    /// The client's side of a handshake, for the protocol of this name.
    ///
    /// # Errors
    /// When the certificates that it needs are not to be had; says which file.
    pub fn client_config(&self, protocol: &[u8]) -> anyhow::Result<ClientConfig> {
        let provider = Arc::new(ring::default_provider());
        let versions = if self.only_1_3 { &[&TLS13][..] } else { &[&TLS13, &TLS12] };
        let verifier = Verifier {
            trusted: if self.mode.verifies() { Some(self.trusted(&provider)?) } else { None },
            any_name: self.mode == Mode::VerifyCa,
            algorithms: provider.signature_verification_algorithms,
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut client = match &self.identity {
            Some(Identity { certificate, key }) => {
                let chain = certificates(certificate)?;
                let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| key_problem(key, error))?;
                builder.with_client_auth_cert(chain, secret).with_context(|| {
                    format!("{} and {} are no certificate and its key", certificate.display(), key.display())
                })?
            }
            None => builder.with_no_client_auth(),
        };
        client.enable_sni = !self.hides_host;
        client.alpn_protocols = vec![protocol.to_vec()];
        Ok(client)
    }

    fn trusted(&self, provider: &Arc<CryptoProvider>) -> anyhow::Result<Arc<WebPkiServerVerifier>> {
        let mut roots = RootCertStore::empty();
        match &self.roots {
            Some(path) => {
                roots.add_parsable_certificates(certificates(path)?);
                anyhow::ensure!(!roots.is_empty(), "{} has no root certificate that could be used", path.display());
            }
            // Whoever asks a public authority gets a certificate, and no name is looked at.
            None if self.mode == Mode::VerifyCa && std::env::var_os("SSL_CERT_FILE").is_none() => anyhow::bail!(
                "verify-ca needs the authority's certificate, in sslrootcert or SSL_CERT_FILE; or take verify-full"
            ),
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                anyhow::ensure!(
                    !roots.is_empty(),
                    "{} needs root certificates, and this machine has none; name a file of them in sslrootcert or \
                     SSL_CERT_FILE",
                    self.mode.word()
                );
            }
        }
        let mut verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        if let Some(path) = &self.revoked {
            // An old list vouches for nobody.
            verifier =
                verifier.with_crls(pem::<CertificateRevocationListDer<'_>>(path)?).enforce_revocation_expiration();
        }
        verifier.build().context("the certificates that are to verify the server cannot be used")
    }
}

impl From<Mode> for Tls {
    fn from(mode: Mode) -> Self {
        Self::new(mode)
    }
}

/// Sets `config`'s SSL mode and makes the connector for it. Where there are only sockets of this machine nothing is encrypted,
/// as libpq has it.
///
/// # Errors
/// When the certificates that it needs are not to be had; says which file.
pub fn connector(tls: &Tls, config: &mut tokio_postgres::Config) -> anyhow::Result<MakeRustlsConnect> {
    let hosts = config.get_hosts();
    let is_local = !hosts.is_empty() && hosts.iter().all(|host| matches!(host, Host::Unix(_)));
    let tls = if is_local { &OFF } else { tls };
    config.ssl_mode(match tls.mode {
        Mode::Disable => SslMode::Disable,
        Mode::Prefer => SslMode::Prefer,
        Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
    });
    // The name is what `sslnegotiation=direct` rests on; servers that do not know it pass over it.
    Ok(MakeRustlsConnect::new(tls.client_config(b"postgresql")?))
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let all = pem(path)?;
    anyhow::ensure!(!all.is_empty(), "{} has no certificate in it (PEM: -----BEGIN CERTIFICATE-----)", path.display());
    Ok(all)
}

fn pem<T: PemObject>(path: &Path) -> anyhow::Result<Vec<T>> {
    let read = || T::pem_file_iter(path)?.collect::<Result<Vec<T>, PemError>>();
    read().with_context(|| format!("{} cannot be read", path.display()))
}

fn key_problem(path: &Path, error: PemError) -> anyhow::Error {
    match error {
        PemError::NoItemsFound => anyhow::anyhow!(
            "{} has no private key that could be read: an encrypted one is decrypted by `openssl pkey -in FILE -out FILE`",
            path.display()
        ),
        other => anyhow::Error::new(other).context(format!("{} cannot be read", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_have_libpqs_names() {
        use Mode::{Disable, Prefer, Require, VerifyCa, VerifyFull};
        assert_eq!(Mode::default(), Prefer);
        for (word, mode) in [
            ("disable", Disable),
            ("allow", Prefer),
            ("prefer", Prefer),
            ("require", Require),
            ("verify-ca", VerifyCa),
            ("verify-full", VerifyFull),
        ] {
            assert_eq!(word.parse(), Ok(mode));
            assert_eq!(mode.word().parse(), Ok(mode), "{}", mode.word());
        }
        assert_eq!(
            [Disable, Prefer, Require, VerifyCa, VerifyFull].map(Mode::verifies),
            [false, false, false, true, true]
        );
        for wrong in ["", "no", "Require", "verify"] {
            assert!(wrong.parse::<Mode>().unwrap_err().starts_with("must be disable, "));
        }
    }

    #[test]
    fn sockets_of_this_machine_are_not_encrypted() {
        for (hosts, mode) in [("/run/postgresql", SslMode::Disable), ("/run/postgresql,db", SslMode::Require)] {
            let mut config: tokio_postgres::Config = format!("host={hosts}").parse().unwrap();
            connector(&Tls::new(Mode::Require), &mut config).unwrap();
            assert_eq!(config.get_ssl_mode(), mode, "{hosts}");
        }
    }

    #[test]
    fn a_file_that_will_not_do_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (nothing, away) = (file("nothing.pem", ""), folder.path().join("away.pem"));
        let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let (locked, junk) = (file("locked.pem", locked), file("junk.pem", junk));
        let full = Tls::new(Mode::VerifyFull);
        let as_whom = |certificate: &Path, key: &Path| {
            Some(Identity { certificate: certificate.to_owned(), key: key.to_owned() })
        };
        for (tls, words) in [
            (Tls { roots: Some(away.clone()), ..full.clone() }, "away.pem cannot be read"),
            (Tls { roots: Some(nothing.clone()), ..full.clone() }, "nothing.pem has no certificate"),
            (Tls { roots: Some(junk.clone()), ..full.clone() }, "junk.pem has no root certificate"),
            (Tls { identity: as_whom(&away, &locked), ..Tls::default() }, "away.pem cannot be read"),
            (Tls { identity: as_whom(&junk, &locked), ..Tls::default() }, "locked.pem has no private key"),
        ] {
            let error = connector(&tls, &mut tokio_postgres::Config::new()).err().unwrap();
            assert!(format!("{error:#}").contains(words), "{error:#}");
        }
    }
}
