//! JWTs (RFC 7519) of an identity provider, which callers may show instead of API keys: they are checked against the
//! provider's keys, which this server knows by heart and follows while it runs. Checking one asks nobody.
//!
//! [`source`] is where the keys come from, [`key_set`] which of them fits a token, [`signatures`] how one is verified, and
//! [`claims`] what a token says of its caller.

mod claims;
mod key_set;
mod signatures;
mod source;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use prometheus_client::registry::Registry;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::domain::api_key::{Caller, Identity};
use crate::domain::error::{Error, Result};
use crate::metrics::read_gauge;
use claims::Claims;
use key_set::KeySet;
pub use source::Source;

/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 8 << 10;
/// How often a file with keys is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often a stream looks whether its token has expired by a clock that was set.
const CLOCK: Duration = Duration::from_secs(60);
/// How much longer than a look may take it is waited for.
const MARGIN: Duration = Duration::from_secs(1);

/// What a token may be signed with: by who has a secret of its own. No `none`, and no secret that is shared.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// What is asked of tokens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// Who must have issued them.
    pub issuer: String,
    /// Whom they must be meant for: one of these.
    pub audiences: Vec<String>,
    /// Where the issuer's keys are.
    pub keys: Option<Source>,
    /// The claims that name the role and the tenants.
    pub role_claim: String,
    pub tenants_claim: String,
}

/// How often keys are fetched from a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// So often, if nothing else happens.
    pub refresh_every: Duration,
    /// So far apart at least: from the end of one to the begin of the next.
    pub apart: Duration,
    /// How long one may take.
    pub patience: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        let [refresh_every, apart, patience] = [600, 10, 5].map(Duration::from_secs);
        Self { refresh_every, apart, patience }
    }
}

/// Who vouches for callers.
pub struct IdentityProvider {
    settings: Settings,
    source: Source,
    pace: Pace,
    /// What is asked of every token, whatever its algorithm.
    validation: Validation,
    /// How many calls a second a subject may make.
    rate: Option<(NonZeroU32, DefaultKeyedRateLimiter<String>)>,
    known: watch::Sender<Known>,
    look: Notify,
}

#[derive(Clone, Default)]
struct Known {
    /// None before they were read for the first time.
    keys: Option<Arc<KeySet>>,
    /// When they were last known to be current.
    current_at: Option<Instant>,
    /// How many looks at them have ended, when the last one did, and what was wrong then.
    looks: u64,
    looked_at: Option<Instant>,
    problem: Option<String>,
}

impl IdentityProvider {
    /// Knows no keys yet; [`Self::keep_current`] reads them. None where nothing is set.
    ///
    /// # Errors
    /// The settings that are missing beside those that are there.
    pub fn of(
        settings: &Settings,
        calls_per_second: Option<NonZeroU32>,
    ) -> Result<Option<Arc<Self>>, Vec<&'static str>> {
        Self::at_pace(Pace::default(), settings, calls_per_second)
    }

    /// The same that fetches keys so often.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn at_pace(
        pace: Pace,
        settings: &Settings,
        calls_per_second: Option<NonZeroU32>,
    ) -> Result<Option<Arc<Self>>, Vec<&'static str>> {
        let needed = [
            ("LEKALO_JWT_ISSUER", !settings.issuer.is_empty()),
            ("LEKALO_JWT_AUDIENCE", !settings.audiences.is_empty()),
            ("LEKALO_JWT_JWKS", settings.keys.is_some()),
        ];
        let missing: Vec<_> = needed.iter().filter(|(_, is_set)| !is_set).map(|(name, _)| *name).collect();
        let Some(source) = settings.keys.clone().filter(|_| missing.is_empty()) else {
            return if missing.len() == needed.len() { Ok(None) } else { Err(missing) };
        };
        signatures::install();
        Ok(Some(Arc::new(Self {
            settings: settings.clone(),
            source,
            pace,
            validation: validation(settings),
            rate: calls_per_second.map(|rate| (rate, RateLimiter::keyed(Quota::per_second(rate)))),
            known: watch::Sender::default(),
            look: Notify::new(),
        })))
    }

    /// Registers what is counted here.
    pub fn register_metrics(self: &Arc<Self>, registry: &mut Registry) {
        let this = self.clone();
        read_gauge(registry, "lekalo_jwt_keys", "Keys of the identity provider that this server knows", move || {
            this.known.borrow().keys.as_ref().map_or(0, |keys| keys.len()) as f64
        });
        let this = self.clone();
        read_gauge(
            registry,
            "lekalo_jwt_keys_age_seconds",
            "How long ago this server last knew the identity provider's keys to be current",
            move || this.known.borrow().current_at.map_or(f64::INFINITY, |at| at.elapsed().as_secs_f64()),
        );
    }

    /// Whoever shows this token, if it is one of the provider's for us; it may have expired.
    ///
    /// # Errors
    /// `Unauthenticated` where it is not; `Unavailable` where that cannot be known.
    pub async fn verify(&self, token: &str) -> Result<Caller> {
        if token.len() > MAX_TOKEN {
            let message = format!("this JWT has {} bytes; at most {MAX_TOKEN} are taken", token.len());
            return Err(refused("JWT_INVALID", message));
        }
        // Nothing of it is trusted before its signature is verified.
        let header = decode_header(token).map_err(|error| explained(error.kind()))?;
        let Some(kid) = header.kid.as_deref().filter(|_| ALGORITHMS.contains(&header.alg)) else {
            return Err(explained(&ErrorKind::InvalidAlgorithm));
        };
        let key = self.key(kid, header.alg).await?;
        let validation = Validation { algorithms: vec![header.alg], ..self.validation.clone() };
        let token = decode::<Claims>(token, &key, &validation).map_err(|error| explained(error.kind()))?;
        claims::caller(&token.claims, kid, &self.settings)
    }

    /// Lets a call in.
    ///
    /// # Errors
    /// `Unauthenticated` where the token has expired, `ResourceExhausted` where its subject calls more often than it may.
    pub fn admit(&self, caller: &Caller) -> Result<()> {
        if let Some(error) = self.end(caller) {
            return Err(error);
        }
        if let (Some((rate, limiter)), Some(sub)) = (&self.rate, caller.identity.sub())
            && let Err(early) = limiter.check_key(&sub.to_owned())
        {
            let wait = early.wait_time_from(DefaultClock::default().now());
            return Err(Error::rate_limited("the subject of this JWT", *rate, wait));
        }
        Ok(())
    }

    /// Waits until a token that was verified counts no more, and returns why.
    pub async fn ended(&self, caller: &Caller) -> Error {
        let mut known = self.known.subscribe();
        loop {
            known.mark_unchanged();
            if let Some(error) = self.end(caller) {
                return error;
            }
            let left = caller.expires_at.and_then(|end| end.duration_since(SystemTime::now()).ok()).unwrap_or_default();
            let _ = timeout(left.min(CLOCK), known.changed()).await;
        }
    }

    /// Why a token that was verified counts no more, if it does not.
    fn end(&self, caller: &Caller) -> Option<Error> {
        if let Some(end) = caller.expires_at.filter(|end| *end <= SystemTime::now()) {
            let end = humantime::format_rfc3339_seconds(end);
            let message = format!("this JWT expired at {end}; get another one from the identity provider");
            return Some(refused("JWT_EXPIRED", message));
        }
        let Identity::Jwt { kid, .. } = &caller.identity else { return None };
        let is_known = self.known.borrow().keys.as_ref().is_none_or(|keys| keys.has(kid));
        (!is_known).then(unknown_key)
    }

    /// The key of this id.
    async fn key(&self, kid: &str, algorithm: Algorithm) -> Result<DecodingKey> {
        let find = || self.known.borrow().keys.clone().filter(|keys| keys.has(kid));
        let keys = match find() {
            Some(keys) => keys,
            None => {
                // The provider may have begun to sign with it a moment ago.
                self.looked_again().await;
                find().ok_or_else(|| self.unknown())?
            }
        };
        keys.key(kid, algorithm).cloned().ok_or_else(|| {
            refused("JWT_INVALID", format!("the algorithm of this JWT, {algorithm:?}, is not one that its key is for"))
        })
    }

    /// Why a key is not known: of one that is new while nobody can be asked that cannot be said.
    fn unknown(&self) -> Error {
        let known = self.known.borrow();
        if known.keys.is_some() && known.problem.is_none() {
            return unknown_key();
        }
        Error::Unavailable {
            reason: "JWT_KEYS_UNAVAILABLE",
            message: "the keys of the identity provider cannot be read now, so this JWT cannot be checked; try again"
                .into(),
            retry_after: self.pace.apart,
            source: None,
        }
    }

    /// Waits for another look at the keys, if one may begin now.
    async fn looked_again(&self) {
        let mut known = self.known.subscribe();
        let (looks, looked_at) = {
            let known = known.borrow();
            (known.looks, known.looked_at)
        };
        self.look.notify_one();
        if looked_at.is_none_or(|at| at.elapsed() >= self.pace.apart) {
            let _ = timeout(self.pace.patience + MARGIN, known.wait_for(|known| known.looks > looks)).await;
        }
    }

    /// Keeps what is known current, until it is dropped.
    pub async fn keep_current(self: Arc<Self>) {
        match self.source {
            Source::File(_) => self.follow_file().await,
            Source::Url(_) => self.follow_url().await,
        }
    }

    /// What is in the file counts once two looks have seen the same, for it may be written just now.
    async fn follow_file(&self) {
        let (mut used, mut before) = (None, None);
        loop {
            let look = self.read().await;
            if used.is_none() || used.as_ref() == Some(&look) || before.as_ref() == Some(&look) {
                self.looked(look.clone());
                used = Some(look.clone());
            }
            before = Some(look);
            self.forget_idle();
            sleep(LOOK_EVERY).await;
        }
    }

    async fn follow_url(&self) {
        loop {
            self.looked(self.read().await);
            let has_failed = self.known.borrow().problem.is_some();
            let pause = if has_failed { self.pace.apart } else { self.pace.refresh_every };
            self.forget_idle();
            sleep(self.pace.apart).await;
            let _ = timeout(pause.saturating_sub(self.pace.apart), self.look.notified()).await;
        }
    }

    async fn read(&self) -> Result<Vec<u8>, String> {
        let (source, patience) = (self.source.clone(), self.pace.patience);
        let read = tokio::task::spawn_blocking(move || source.read(patience)).await;
        read.unwrap_or_else(|_| Err("reading it has failed".to_owned()))
    }

    /// There is one writer. What is of no use is said once, and changes nothing.
    fn looked(&self, look: Result<Vec<u8>, String>) {
        let mut now = self.known.borrow().clone();
        (now.looks, now.looked_at) = (now.looks + 1, Some(Instant::now()));
        match look.and_then(|json| KeySet::parse(&json)) {
            Ok(keys) => {
                if now.keys.is_none() || now.problem.is_some() {
                    tracing::info!(
                        "JWTs are checked with the keys of {}, of which there are {}",
                        self.source,
                        keys.len()
                    );
                }
                (now.keys, now.current_at, now.problem) = (Some(Arc::new(keys)), now.looked_at, None);
            }
            Err(problem) => {
                if now.problem.as_ref() != Some(&problem) {
                    let holds = if now.keys.is_some() { "those known before hold" } else { "no JWT can be checked" };
                    tracing::error!(
                        "LEKALO_JWT_JWKS: {} has no keys that could be used, {holds}: {problem}",
                        self.source
                    );
                }
                now.problem = Some(problem);
            }
        }
        self.known.send_replace(now);
    }

    /// Forgets the rates of those who have not called for a while.
    fn forget_idle(&self) {
        if let Some((_, limiter)) = &self.rate {
            limiter.retain_recent();
        }
    }
}

/// What `jsonwebtoken` checks besides the signature. When a token ends is looked at again and again, so not here.
fn validation(settings: &Settings) -> Validation {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.set_issuer(&[&settings.issuer]);
    validation.set_audience(&settings.audiences);
    validation.validate_exp = false;
    validation
}

fn refused(reason: &'static str, message: String) -> Error {
    Error::Unauthenticated { reason, message }
}

fn unknown_key() -> Error {
    let message =
        "no key of the identity provider has the id (`kid`) that this JWT names; get another JWT from it".into();
    refused("JWT_KEY_UNKNOWN", message)
}

/// What is wrong with a token. Nothing of it is repeated.
fn explained(error: &ErrorKind) -> Error {
    let (reason, message) = match error {
        ErrorKind::InvalidSignature => (
            "JWT_SIGNATURE_INVALID",
            "the signature of this JWT is not that of the key which it names; send it as it was issued",
        ),
        ErrorKind::InvalidIssuer => {
            ("JWT_ISSUER_INVALID", "this JWT was issued by somebody else (`iss`) than the server's LEKALO_JWT_ISSUER")
        }
        ErrorKind::InvalidAudience => (
            "JWT_AUDIENCE_INVALID",
            "this JWT is meant for somebody else (`aud`) than the server's LEKALO_JWT_AUDIENCE",
        ),
        ErrorKind::MissingRequiredClaim(name) | ErrorKind::InvalidClaimFormat(name) => {
            let message =
                format!("this JWT has no claim `{name}` of its form; see what the identity provider puts into it");
            return refused("JWT_CLAIM_INVALID", message);
        }
        ErrorKind::InvalidAlgorithm => (
            "JWT_INVALID",
            "this JWT must name its key (`kid`) and be signed with RS, PS (256 to 512), ES256, ES384 or EdDSA",
        ),
        _ => ("JWT_INVALID", "this is neither an API key (lk_…) nor a signed JWT without extensions (`crit`)"),
    };
    refused(reason, message.to_owned())
}
