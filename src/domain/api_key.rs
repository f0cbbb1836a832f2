//! API keys: what they look like, what they open, and who calls with one or with a JWT.
//!
//! A key is `lk_<id>_<secret>`. The id names it in lists, logs and when it is revoked; of the secret only a hash is kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::error::{Error, Result};
use super::tenant::TenantId;
use super::validation::{INVALID, Validator};
use super::vehicle::vocabulary;

vocabulary! {
    /// What a key may do; each role includes the ones before it.
    Role { Chatbot = "chatbot", Manager = "manager", Admin = "admin" }
}

impl Role {
    /// Whether it includes another one.
    pub fn includes(self, needed: Self) -> bool {
        self as u8 >= needed as u8
    }
}

/// The tenants that a key or a JWT is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Every one, those to come too.
    All,
    /// These.
    Tenants(Vec<TenantId>),
    /// Those that have these slugs by now.
    Slugs(Vec<String>),
}

impl Reach {
    /// Whether the tenant of this slug is among them.
    pub fn covers(&self, tenant: TenantId, slug: &str) -> bool {
        match self {
            Self::All => true,
            Self::Tenants(tenants) => tenants.contains(&tenant),
            Self::Slugs(slugs) => slugs.iter().any(|known| known == slug),
        }
    }

    /// Those that it names by their slugs.
    pub fn slugs(&self) -> &[String] {
        match self {
            Self::Slugs(slugs) => slugs,
            Self::All | Self::Tenants(_) => &[],
        }
    }

    /// The tenants' numbers, `found` being those of its slugs that there are; none is every tenant.
    pub fn numbers(&self, found: &HashMap<String, TenantId>) -> Option<Vec<i64>> {
        match self {
            Self::All => None,
            Self::Tenants(tenants) => Some(tenants.iter().map(|tenant| tenant.0).collect()),
            Self::Slugs(slugs) => Some(slugs.iter().filter_map(|slug| Some(found.get(slug)?.0)).collect()),
        }
    }
}

/// A key on its way to whoever it is for: it is shown once.
pub struct NewKey {
    pub prefix: String,
    pub secret_sha256: [u8; 32],
    /// All of it.
    pub key: String,
}

/// The longest text that says what a key is for, in characters.
const MAX_LABEL: usize = 120;
/// The most calls a second that a key may be given.
pub const MAX_CALLS_PER_SECOND: u32 = 1_000_000;

/// How each key begins, and nothing else that callers show.
pub const MARK: &str = "lk_";
const ID_BYTES: usize = 9;
const SECRET_BYTES: usize = 32;
/// The longest that is looked at.
const MAX_KEY: usize = 128;

/// What a key is for, for people.
pub fn read_label(check: &mut Validator, field: &str, given: String) -> String {
    let label = check.text(field, given, MAX_LABEL);
    if label.contains(char::is_control) {
        check.refuse(field, INVALID, "must have no line breaks and the like");
    }
    label
}

impl NewKey {
    /// Chosen by the system's random numbers.
    ///
    /// # Errors
    /// The system has none.
    pub fn choose() -> Result<Self> {
        let (mut id, mut secret) = ([0; ID_BYTES], [0; SECRET_BYTES]);
        getrandom::fill(&mut id).map_err(|error| Error::internal(error.to_string()))?;
        getrandom::fill(&mut secret).map_err(|error| Error::internal(error.to_string()))?;
        // `_` parts the id from the secret, so the id has none.
        let prefix = format!("{MARK}{}", URL_SAFE_NO_PAD.encode(id).replace(['_', '-'], "x"));
        let secret = URL_SAFE_NO_PAD.encode(secret);
        Ok(Self { secret_sha256: hash(&secret), key: format!("{prefix}_{secret}"), prefix })
    }
}

/// A key as a caller presents it: which one it says it is, and the hash of its secret.
pub struct Presented<'a> {
    pub prefix: &'a str,
    pub secret_sha256: [u8; 32],
}

impl<'a> Presented<'a> {
    /// None where it cannot be one of ours.
    pub fn parse(key: &'a str) -> Option<Self> {
        let id = key.strip_prefix(MARK).filter(|_| key.len() <= MAX_KEY)?.find('_')?;
        let (prefix, secret) = key.split_at(MARK.len() + id);
        Some(Self { prefix, secret_sha256: hash(secret.strip_prefix('_')?) })
    }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// What is known of a key. Neither it nor the hash of its secret is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub id: Uuid,
    pub prefix: String,
    pub role: Role,
    /// The slugs of the tenants it is for; none: every tenant.
    pub tenants: Option<Vec<String>>,
    pub label: String,
    pub created_at: SystemTime,
    pub expires_at: Option<SystemTime>,
    pub revoked_at: Option<SystemTime>,
    /// What it may call on each server; none: what the server is set to.
    pub calls_per_second: Option<u32>,
    /// To the minute.
    pub last_used_at: Option<SystemTime>,
}

/// A key that callers are checked against.
pub struct KnownKey {
    pub id: Uuid,
    pub prefix: String,
    pub secret_sha256: [u8; 32],
    /// Whoever shows it.
    pub caller: Arc<Caller>,
    pub revoked_at: Option<SystemTime>,
    /// Seconds since 1970 when it was used last, as far as this server knows; 0: not yet.
    pub last_used: AtomicU64,
}

impl KnownKey {
    /// Whether nothing about it has changed but its use.
    pub fn is_like(&self, other: &Self) -> bool {
        let of = |key: &Self| (key.id, key.secret_sha256, key.revoked_at);
        of(self) == of(other) && self.caller == other.caller
    }
}

/// What a caller is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Nothing is asked for.
    Anybody,
    /// The API key of this prefix; the label says what it is for, in its issuer's words.
    ApiKey { prefix: String, label: String },
    /// A JWT about this subject, signed with the identity provider's key of this id.
    Jwt { sub: String, kid: String },
}

impl Identity {
    /// The API key's prefix.
    pub fn prefix(&self) -> Option<&str> {
        match self {
            Self::ApiKey { prefix, .. } => Some(prefix),
            Self::Anybody | Self::Jwt { .. } => None,
        }
    }

    /// The JWT's subject.
    pub fn sub(&self) -> Option<&str> {
        match self {
            Self::Jwt { sub, .. } => Some(sub),
            Self::Anybody | Self::ApiKey { .. } => None,
        }
    }

    /// What it is called in sentences.
    const fn name(&self) -> &'static str {
        match self {
            Self::Jwt { .. } => "JWT",
            Self::Anybody | Self::ApiKey { .. } => "API key",
        }
    }
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub identity: Identity,
    pub role: Role,
    pub reach: Reach,
    /// What its key has of its own.
    pub calls_per_second: Option<u32>,
    pub expires_at: Option<SystemTime>,
}

impl Caller {
    /// Anybody, where no key is asked for.
    pub fn anybody() -> Self {
        Self {
            identity: Identity::Anybody,
            role: Role::Admin,
            reach: Reach::All,
            calls_per_second: None,
            expires_at: None,
        }
    }

    /// Refuses who is not for every tenant.
    ///
    /// # Errors
    /// `PermissionDenied` `TENANT_NOT_ALLOWED`.
    pub fn must_be_for_every_tenant(&self) -> Result<()> {
        match self.reach {
            Reach::All => Ok(()),
            Reach::Tenants(_) | Reach::Slugs(_) => Err(Error::PermissionDenied {
                reason: "TENANT_NOT_ALLOWED",
                message: format!("this concerns every tenant, and this {} is for some only", self.identity.name()),
                metadata: Vec::new(),
            }),
        }
    }

    /// Refuses who has less than a role.
    ///
    /// # Errors
    /// `PermissionDenied` `ROLE_NOT_ALLOWED`.
    pub fn must_be(&self, needed: Role) -> Result<()> {
        if self.role.includes(needed) {
            return Ok(());
        }
        let (has, needs) = (self.role.word().to_uppercase(), needed.word().to_uppercase());
        Err(Error::PermissionDenied {
            reason: "ROLE_NOT_ALLOWED",
            message: format!("this {}'s role is {has}; this takes {needs}", self.identity.name()),
            metadata: vec![("role", has), ("required", needs)],
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_is_told_from_its_id_and_no_two_are_alike() {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..1000 {
            let new = NewKey::choose().unwrap();
            let presented = Presented::parse(&new.key).unwrap();
            assert_eq!((presented.prefix, presented.secret_sha256), (new.prefix.as_str(), new.secret_sha256));
            assert_eq!(new.prefix.len(), MARK.len() + 12);
            assert!(new.key.len() >= new.prefix.len() + 1 + 43, "32 bytes make 43 characters");
            assert!(seen.insert(new.prefix) && seen.insert(new.key));
        }
    }

    proptest! {
        #[test]
        fn whatever_is_presented_is_a_key_of_its_prefix_or_none(text in ".{0,200}") {
            if let Some(presented) = Presented::parse(&text) {
                prop_assert!(text.starts_with(presented.prefix) && text.len() <= MAX_KEY);
                prop_assert!(text[presented.prefix.len()..].starts_with('_'));
            }
        }

        #[test]
        fn a_secret_with_one_character_changed_is_another(at in 0usize..43, to in "[A-Za-z0-9_-]") {
            let new = NewKey::choose().unwrap();
            let mut other = new.key.clone();
            let place = new.prefix.len() + 1 + at;
            other.replace_range(place..=place, &to);
            let presented = Presented::parse(&other).unwrap();
            prop_assert_eq!(presented.secret_sha256 == new.secret_sha256, other == new.key);
        }
    }

    #[test]
    fn each_role_includes_the_ones_before_it() {
        let roles = [Role::Chatbot, Role::Manager, Role::Admin];
        for (place, role) in roles.iter().enumerate() {
            for (needed_place, needed) in roles.iter().enumerate() {
                assert_eq!(role.includes(*needed), place >= needed_place);
            }
        }
    }
}
