//! An identity provider: keys that it signs JWTs with, and the set of them that it publishes.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lekalo::jwt::Settings;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::sleep;

pub const ISSUER: &str = "https://id.example/realms/shops";
pub const AUDIENCE: &str = "lekalo";

/// ring makes no RSA keys, so this one was made before: `openssl genpkey -algorithm RSA | openssl pkcs8 -topk8 -nocrypt -outform DER`.
const RSA: &[u8] = include_bytes!("../../fixtures/jwt/rsa.pk8");

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// A key that JWTs are signed with.
pub struct SigningKey {
    pub kid: String,
    /// What it signs with unless a token's header says otherwise.
    pub algorithm: &'static str,
    pair: Pair,
}

impl SigningKey {
    /// A new key, but for RSA, of which there is one alone.
    pub fn new(kid: &str, algorithm: &'static str) -> Self {
        let random = SystemRandom::new();
        let curve = |algorithm: &'static EcdsaSigningAlgorithm| {
            let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
            Pair::Ec(EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap())
        };
        let pair = match algorithm {
            "ES256" => curve(&ECDSA_P256_SHA256_FIXED_SIGNING),
            "ES384" => curve(&ECDSA_P384_SHA384_FIXED_SIGNING),
            "EdDSA" => {
                let document = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
                Pair::Ed(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap())
            }
            _ => Pair::Rsa(RsaKeyPair::from_pkcs8(RSA).unwrap()),
        };
        Self { kid: kid.to_owned(), algorithm, pair }
    }

    /// Its public half, as a set has it.
    pub fn jwk(&self) -> Value {
        let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                let public: PublicKeyComponents<Vec<u8>> = pair.public().into();
                json!({ "kty": "RSA", "n": encoded(&public.n), "e": encoded(&public.e) })
            }
            Pair::Ec(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let curve = if x.len() == 32 { "P-256" } else { "P-384" };
                json!({ "kty": "EC", "crv": curve, "x": encoded(x), "y": encoded(y) })
            }
            Pair::Ed(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "x": encoded(pair.public_key().as_ref()) }),
        };
        jwk["kid"] = json!(self.kid);
        jwk["use"] = json!("sig");
        jwk
    }

    /// A token with these claims.
    pub fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({ "alg": self.algorithm, "kid": self.kid, "typ": "JWT" }), claims)
    }

    /// The same with a header of its own, whatever that says.
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        let message = unsigned(header, claims);
        let signature = self.sign(header["alg"].as_str().unwrap_or_default(), message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let encoding: &dyn RsaEncoding = match algorithm {
                    "RS384" => &RSA_PKCS1_SHA384,
                    "RS512" => &RSA_PKCS1_SHA512,
                    "PS256" => &RSA_PSS_SHA256,
                    "PS384" => &RSA_PSS_SHA384,
                    "PS512" => &RSA_PSS_SHA512,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(encoding, &random, message, &mut signature).unwrap();
                signature
            }
            Pair::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}

/// What is signed of a token.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let encoded = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}", encoded(header), encoded(claims))
}

pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed()
}

/// The claims of an ADMIN for every tenant, with these instead or besides; null takes one out.
pub fn claims(changed: Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "iat": now(), "exp": now() + 300,
        "lekalo_role": "admin", "lekalo_tenants": "*",
    });
    for (name, value) in changed.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

/// A set of these keys.
pub fn set(keys: &[&SigningKey]) -> Value {
    json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() })
}

/// What a server asks of JWTs whose keys are there.
pub fn settings(source: &str) -> Settings {
    Settings {
        issuer: ISSUER.to_owned(),
        audiences: vec!["panel".to_owned(), AUDIENCE.to_owned()],
        keys: Some(source.parse().unwrap()),
        role_claim: "lekalo_role".to_owned(),
        tenants_claim: "lekalo_tenants".to_owned(),
    }
}

/// What becomes of who asks for the set.
#[derive(Clone)]
pub enum Answer {
    Text(String),
    Status(u16),
    Redirect(String),
    /// None.
    Silence,
    /// A byte now and then, without end.
    Drip,
    /// As many bytes as are taken.
    Flood,
}

/// The provider's endpoint.
pub struct JwksServer {
    pub addr: SocketAddr,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
}

impl JwksServer {
    pub async fn start(answer: Answer) -> Self {
        Self::encrypted(answer, None).await
    }

    /// The same over TLS.
    pub async fn encrypted(answer: Answer, tls: Option<tokio_rustls::TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (answer, asked) = (Arc::new(Mutex::new(answer)), Arc::<AtomicUsize>::default());
        let (answers, count) = (answer.clone(), asked.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (answer, count, tls) = (answers.clone(), count.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &answer, &count).await;
                            }
                        }
                        None => serve(stream, &answer, &count).await,
                    }
                });
            }
        });
        Self { addr, answer, asked }
    }

    pub async fn of(keys: &[&SigningKey]) -> Self {
        Self::start(Answer::Text(set(keys).to_string())).await
    }

    pub fn url(&self) -> String {
        format!("http://{}/certs", self.addr)
    }

    pub fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub fn publish(&self, keys: &[&SigningKey]) {
        self.answer(Answer::Text(set(keys).to_string()));
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// One request and its answer. Whoever asked may be gone meanwhile.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &Mutex<Answer>, asked: &AtomicUsize) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return,
        }
    }
    assert!(!String::from_utf8_lossy(&request).to_lowercase().contains("authorization"), "it is told somebody's token");
    asked.fetch_add(1, Ordering::SeqCst);
    let answer = answer.lock().unwrap().clone();
    let head =
        |line: &str, length: usize| format!("HTTP/1.1 {line}\r\nconnection: close\r\ncontent-length: {length}\r\n");
    match answer {
        Answer::Text(text) => {
            let whole = format!("{}\r\n{text}", head("200 OK", text.len()));
            let _ = stream.write_all(whole.as_bytes()).await;
        }
        Answer::Status(status) => {
            let _ = stream.write_all(format!("{}\r\n", head(&format!("{status} No"), 0)).as_bytes()).await;
        }
        Answer::Redirect(to) => {
            let whole = format!("{}location: {to}\r\n\r\n", head("302 Found", 0));
            let _ = stream.write_all(whole.as_bytes()).await;
        }
        Answer::Silence => sleep(Duration::from_secs(3600)).await,
        Answer::Drip => {
            let _ = stream.write_all(format!("{}\r\n", head("200 OK", 1000)).as_bytes()).await;
            while stream.write_all(b" ").await.is_ok() {
                sleep(Duration::from_millis(20)).await;
            }
        }
        Answer::Flood => {
            let _ = stream.write_all(format!("{}\r\n", head("200 OK", 1 << 40)).as_bytes()).await;
            while stream.write_all(&[b' '; 1 << 16]).await.is_ok() {}
        }
    }
    let _ = stream.shutdown().await;
}

/// Writes a file as careful programs do: it is there whole, or as it was.
pub fn replace(path: &std::path::Path, text: &str) {
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap()).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.persist(path).unwrap();
}
