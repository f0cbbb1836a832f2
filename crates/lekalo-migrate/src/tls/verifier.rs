//! What a mode asks of the server's certificate. Whatever it asks, the server must have the certificate's key.

use std::sync::Arc;

use rustls::CertificateError::{NotValidForName, NotValidForNameContext};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature, verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use webpki::RawPublicKeyEntity;
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};

#[derive(Debug)]
pub(super) struct Verifier {
    /// Who vouches for the server; none: it may be anybody.
    pub trusted: Option<Arc<WebPkiServerVerifier>>,
    /// Whatever host it is vouched for.
    pub any_name: bool,
    pub algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(trusted) = &self.trusted else { return Ok(ServerCertVerified::assertion()) };
        match trusted.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // Names are looked at last: all else is well.
            Err(Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) if self.any_name => {
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signature, &self.algorithms).or_else(|error| {
            let key = public_key(cert).ok_or_else(|| error.clone())?;
            let key = RawPublicKeyEntity::try_from(&key).map_err(|_| error.clone())?;
            let algorithms = self.algorithms.mapping.iter().find(|(scheme, _)| *scheme == signature.scheme);
            let mut algorithms = algorithms.map_or(&[][..], |(_, algorithms)| algorithms).iter();
            let is_signed =
                algorithms.any(|algorithm| key.verify_signature(*algorithm, message, signature.signature()).is_ok());
            if is_signed { Ok(HandshakeSignatureValid::assertion()) } else { Err(error) }
        })
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signature, &self.algorithms).or_else(|error| {
            let key = public_key(cert).ok_or_else(|| error.clone())?;
            verify_tls13_signature_with_raw_key(message, &key, signature, &self.algorithms)
        })
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The key in a certificate that rustls does not read: of version 1, as `openssl x509 -req` makes them. Trust it cannot have,
/// for that needs what only version 3 says; where none is asked, its key is as good as any.
fn public_key(cert: &CertificateDer<'_>) -> Option<SubjectPublicKeyInfoDer<'static>> {
    let certificate = Certificate::from_der(cert).ok()?;
    let key = certificate.tbs_certificate.subject_public_key_info.to_der().ok()?;
    Some(SubjectPublicKeyInfoDer::from(key))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SigningKey as _};
    use rustls::crypto::ring;
    use rustls::pki_types::PrivateKeyDer;
    use rustls::sign::{CertifiedKey, SingleCertAndKey};
    use rustls::version::{TLS12, TLS13};
    use rustls::{ClientConnection, ServerConfig, ServerConnection, SupportedProtocolVersion};
    use x509_cert::Version;
    use x509_cert::der::asn1::BitString;

    use super::super::{Mode, Tls};
    use super::*;

    /// A certificate of version 1 of this key.
    fn of_version_1(key: &KeyPair) -> CertificateDer<'static> {
        let made = CertificateParams::new(vec!["db.example".into()]).unwrap().self_signed(key).unwrap();
        let mut made = Certificate::from_der(made.der()).unwrap();
        (made.tbs_certificate.version, made.tbs_certificate.extensions) = (Version::V1, None);
        let signed = key.sign(&made.tbs_certificate.to_der().unwrap()).unwrap();
        made.signature = BitString::from_bytes(&signed).unwrap();
        made.to_der().unwrap().into()
    }

    /// A whole handshake with a server that has this certificate and this key.
    fn shake_hands(
        version: &'static SupportedProtocolVersion,
        certificate: CertificateDer<'static>,
        key: &KeyPair,
    ) -> Result<(), Error> {
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let key = ring::sign::any_supported_type(&key).unwrap();
        let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key))));
        let mut server = ServerConnection::new(Arc::new(server))?;
        let client = Tls::new(Mode::Require).client_config(b"postgresql").unwrap();
        let mut client = ClientConnection::new(Arc::new(client), "db.example".try_into().unwrap())?;
        while client.is_handshaking() || server.is_handshaking() {
            let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
            client.write_tls(&mut to_server).unwrap();
            server.read_tls(&mut to_server.as_slice()).unwrap();
            server.process_new_packets()?;
            server.write_tls(&mut to_client).unwrap();
            client.read_tls(&mut to_client.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok(())
    }

    #[test]
    fn who_has_a_certificate_has_its_key() {
        let (key, others) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let of_version_3 = |key| CertificateParams::new(vec!["db.example".into()]).unwrap().self_signed(key).unwrap();
        for version in [&TLS12, &TLS13] {
            for certificate in [of_version_1(&key), of_version_3(&key).der().clone()] {
                assert_eq!(shake_hands(version, certificate.clone(), &key), Ok(()), "{version:?}");
                let forged = shake_hands(version, certificate, &others).unwrap_err();
                assert!(matches!(forged, Error::InvalidCertificate(_)), "{version:?}: {forged:?}");
            }
        }
    }
}
