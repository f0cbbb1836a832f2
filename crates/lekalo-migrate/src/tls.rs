//! TLS to the database, with libpq's meanings: `prefer` and `require` encrypt, `verify-full` also knows the server.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

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
    /// Encrypt, and the certificate must be signed by a root this machine trusts and name the host.
    VerifyFull,
}

impl std::str::FromStr for Mode {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "disable" => Ok(Self::Disable),
            "allow" | "prefer" => Ok(Self::Prefer),
            "require" => Ok(Self::Require),
            "verify-ca" | "verify-full" => Ok(Self::VerifyFull),
            _ => Err("must be disable, prefer, require or verify-full".into()),
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
            Self::VerifyFull => "verify-full",
        }
    }
}

/// Sets `config`'s SSL mode and makes the connector for it.
///
/// # Errors
/// When the certificates that the mode needs are not to be had.
pub fn connector(mode: Mode, config: &mut tokio_postgres::Config) -> anyhow::Result<MakeRustlsConnect> {
    config.ssl_mode(match mode {
        Mode::Disable => SslMode::Disable,
        Mode::Prefer => SslMode::Prefer,
        Mode::Require | Mode::VerifyFull => SslMode::Require,
    });
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let client = if mode == Mode::VerifyFull {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        anyhow::ensure!(!roots.is_empty(), "verify-full needs root certificates, and this machine has none");
        builder.with_root_certificates(roots).with_no_client_auth()
    } else {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyServer(provider))).with_no_client_auth()
    };
    Ok(MakeRustlsConnect::new(client))
}

/// Accepts any certificate, as `prefer` and `require` promise no more; signatures are still checked.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_have_libpqs_names() {
        use Mode::{Disable, Prefer, Require, VerifyFull};
        assert_eq!(Mode::default(), Prefer);
        for (word, mode) in [
            ("disable", Disable),
            ("allow", Prefer),
            ("prefer", Prefer),
            ("require", Require),
            // There is no half trust here: what is called so gets the whole.
            ("verify-ca", VerifyFull),
            ("verify-full", VerifyFull),
        ] {
            assert_eq!(word.parse(), Ok(mode));
            assert_eq!(mode.word().parse(), Ok(mode), "{}", mode.word());
        }
        assert_eq!(
            [Disable, Prefer, Require, VerifyFull].map(Mode::word),
            ["disable", "prefer", "require", "verify-full"]
        );
        for wrong in ["", "no", "Require", "verify"] {
            assert_eq!(wrong.parse::<Mode>(), Err("must be disable, prefer, require or verify-full".to_owned()));
        }
    }
}
