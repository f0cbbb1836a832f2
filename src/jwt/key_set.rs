//! The keys of an identity provider, as its JSON Web Key Set (RFC 7517) has them.

use std::collections::HashMap;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// The keys that signatures may be verified with, by their ids.
pub(super) struct KeySet(HashMap<String, Vec<Key>>);

struct Key {
    /// Those that it may be used with.
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

impl KeySet {
    /// Reads a set. Keys that are for something else, or of kinds that nobody knows here, may stand in it.
    pub(super) fn parse(json: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set = serde_json::from_slice(json).map_err(|_| "it is no JSON Web Key Set".to_owned())?;
        let mut keys: HashMap<String, Vec<Key>> = HashMap::new();
        for (id, key) in set.keys.into_iter().filter_map(usable) {
            keys.entry(id).or_default().push(key);
        }
        if keys.is_empty() {
            return Err(
                "it has no key with a `kid` that verifies signatures (RSA, EC P-256 or P-384, Ed25519)".to_owned()
            );
        }
        Ok(Self(keys))
    }

    pub(super) fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Whether it has a key of this id, be it for whatever algorithm.
    pub(super) fn has(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    /// The key of this id, if this algorithm may be used with it.
    pub(super) fn key(&self, id: &str, algorithm: Algorithm) -> Option<&DecodingKey> {
        let fitting = self.0.get(id)?.iter().find(|key| key.algorithms.contains(&algorithm));
        fitting.map(|key| &key.key)
    }
}

/// A key with its id, if it is one to verify signatures with.
fn usable(json: Value) -> Option<(String, Key)> {
    let jwk: Jwk = serde_json::from_value(json).ok()?;
    let is_for_signatures =
        jwk.common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature)
            && jwk.common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
    let stated = jwk.common.key_algorithm;
    let fits = |algorithm: &&Algorithm| stated.is_none_or(|stated| stated == (**algorithm).into());
    let algorithms: Vec<Algorithm> = possible(&jwk.algorithm).iter().filter(fits).copied().collect();
    if !is_for_signatures || algorithms.is_empty() {
        return None;
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some((jwk.common.key_id.filter(|id| !id.is_empty())?, Key { algorithms, key }))
}

/// What a key of this kind can be used with. Of secrets that are shared there is none: whoever checks could sign as well.
fn possible(parameters: &AlgorithmParameters) -> &'static [Algorithm] {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    match parameters {
        AlgorithmParameters::RSA(_) => &[RS256, RS384, RS512, PS256, PS384, PS512],
        AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => &[ES256],
        AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P384 => &[ES384],
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => &[EdDSA],
        _ => &[],
    }
}
