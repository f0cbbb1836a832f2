//! What a JWT says of its caller: who it is, until when, and what it may do for whom.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use super::{Settings, refused};
use crate::domain::api_key::{Caller, Identity, Reach, Role};
use crate::domain::error::Result;

/// How much the clocks of the provider and of this server may differ.
const LEEWAY: Duration = Duration::from_secs(60);
/// The longest subject: OpenID Connect has none longer.
const MAX_SUB: usize = 255;

/// Stands for the tenants of who is for every one.
const EVERY_TENANT: &str = "*";

pub(super) type Claims = Map<String, Value>;

/// The caller that these claims tell of, whose signature, issuer and audience are right.
///
/// # Errors
/// `Unauthenticated` where one is missing or is not of its form, and where the token is not valid yet.
pub(super) fn caller(claims: &Claims, kid: &str, settings: &Settings) -> Result<Caller> {
    let now = SystemTime::now();
    for name in ["nbf", "iat"] {
        if let Some(from) = time(claims, name)?
            && from > now + LEEWAY
        {
            let from = humantime::format_rfc3339_seconds(from);
            let message = format!("this JWT is not valid before {from} (`{name}`); see whether the clocks are right");
            return Err(refused("JWT_NOT_YET_VALID", message));
        }
    }
    let Some(expires_at) = time(claims, "exp")? else {
        return wrong("exp", "must be there: a time in seconds since 1970");
    };
    Ok(Caller {
        identity: Identity::Jwt { sub: sub(claims)?, kid: kid.to_owned() },
        role: role(claims, &settings.role_claim)?,
        reach: reach(claims, &settings.tenants_claim)?,
        calls_per_second: None,
        expires_at: Some(expires_at),
    })
}

fn wrong<T>(name: &str, rule: &str) -> Result<T> {
    let message = format!("the claim `{name}` of this JWT {rule}; see what the identity provider puts into it");
    Err(refused("JWT_CLAIM_INVALID", message))
}

/// A claim in seconds since 1970, which may have a fraction.
fn time(claims: &Claims, name: &str) -> Result<Option<SystemTime>> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let since = value.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    // What comes after the year 9999 cannot be written down.
    let last = Duration::from_secs(253_402_300_799);
    match since.filter(|since| *since <= last) {
        Some(since) => Ok(Some(UNIX_EPOCH + since)),
        None => wrong(name, "must be a time in seconds since 1970"),
    }
}

/// The subject as it may stand in a line of the log.
fn sub(claims: &Claims) -> Result<String> {
    let sub = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    let sub: String = sub.chars().take(MAX_SUB).map(|ch| if ch.is_control() { '\u{fffd}' } else { ch }).collect();
    if sub.trim().is_empty() { wrong("sub", "must say whom it is about") } else { Ok(sub) }
}

/// One text, or several.
fn texts<'a>(claims: &'a Claims, name: &str) -> Option<Vec<&'a str>> {
    match claims.get(name)? {
        Value::String(text) => Some(vec![text]),
        Value::Array(values) => values.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// The greatest role that is named; a provider may name some that are not ours.
fn role(claims: &Claims, name: &str) -> Result<Role> {
    let named = texts(claims, name).unwrap_or_default();
    let known = named.iter().filter_map(|word| word.to_lowercase().parse::<Role>().ok());
    match known.max_by_key(|role| *role as u8) {
        Some(role) => Ok(role),
        None => wrong(name, "must name a role: `chatbot`, `manager` or `admin`"),
    }
}

fn reach(claims: &Claims, name: &str) -> Result<Reach> {
    match texts(claims, name) {
        Some(slugs) if slugs == [EVERY_TENANT] => Ok(Reach::All),
        Some(slugs) if !slugs.contains(&EVERY_TENANT) => {
            Ok(Reach::Slugs(slugs.into_iter().map(str::to_owned).collect()))
        }
        _ => wrong(name, "must be the slugs of its tenants, or `*` alone for every one"),
    }
}
