//! IssueApiKey, ListApiKeys and RevokeApiKey: who may call.

use std::time::SystemTime;

use crate::db::api_keys::KeyGrant;
use crate::domain::api_key::{ApiKey, Caller, MAX_CALLS_PER_SECOND, NewKey, Reach, Role, read_label};
use crate::domain::error::{Error, Kind, Result};
use crate::grpc::convert::{count, fitting, timestamp};
use crate::grpc::idempotency::{idempotent, take_key};
use crate::grpc::validation::{OUT_OF_RANGE, REQUIRED, Validator};
use crate::grpc::{Services, call};
use crate::proto::lekalo::v1 as pb;

const MAX_TENANTS: usize = 1000;

pub async fn issue_api_key(
    services: &Services,
    mut request: pb::IssueApiKeyRequest,
) -> Result<pb::IssueApiKeyResponse> {
    let caller = call::caller()?;
    let mut check = Validator::default();
    let key = take_key(&mut check, &mut request);
    let role = match check.required_enumeration("role", request.role) {
        pb::Role::Manager => Role::Manager,
        pb::Role::Admin => Role::Admin,
        pb::Role::Chatbot | pb::Role::Unspecified => Role::Chatbot,
    };
    let label = read_label(&mut check, "label", request.label);
    let expires_at = check.time("expires_at", request.expires_at);
    if expires_at.is_some_and(|end| end <= SystemTime::now()) {
        check.refuse("expires_at", OUT_OF_RANGE, "must be in the future");
    }
    let calls_per_second = u32::try_from(request.calls_per_second).ok().filter(|rate| *rate <= MAX_CALLS_PER_SECOND);
    if calls_per_second.is_none() {
        let range = format!("must be 1 to {MAX_CALLS_PER_SECOND}, or 0 for what the servers are set to");
        check.refuse("calls_per_second", OUT_OF_RANGE, range);
    }
    let calls_per_second = calls_per_second.filter(|rate| *rate > 0);
    let limits = Limits::of(services, &caller);
    let expires_at = limits.end(&mut check, expires_at);
    let calls_per_second = limits.rate(&mut check, calls_per_second);
    let slugs = check.list("tenants", request.tenants, MAX_TENANTS);
    let slugs = slugs.into_iter().enumerate();
    let slugs: Vec<String> = slugs.map(|(place, slug)| check.name(&format!("tenants[{place}]"), slug)).collect();
    if slugs.is_empty() && role != Role::Admin {
        check.refuse("tenants", REQUIRED, "must name the tenants that a CHATBOT or MANAGER key is for");
    }
    check.done()?;

    let reach = reach(services, &caller, &slugs).await?;
    let grant = KeyGrant { role, reach, label, expires_at, calls_per_second };
    let tx = services.db.transaction().await?;
    let mut secret = String::new();
    let answer = idempotent(tx, key.as_ref(), async |tx| {
        let new = NewKey::choose()?;
        let issued = tx.issue_api_key(&new, &grant).await?;
        secret = new.key;
        // What is kept of the answer is without the key.
        Ok(pb::IssueApiKeyResponse { api_key: Some(message(issued)), key: String::new() })
    });
    let answer = answer.await?;
    refresh(services).await;
    Ok(pb::IssueApiKeyResponse { key: secret, ..answer })
}

pub async fn list_api_keys(services: &Services, request: pb::ListApiKeysRequest) -> Result<pb::ListApiKeysResponse> {
    let caller = call::caller()?;
    let mut check = Validator::default();
    let page = check.page(
        services.db.page_key().await?,
        request.page_size,
        &request.page_token,
        request.skip,
        &["list_api_keys"],
    );
    check.done()?;

    let found = services.db.list_api_keys(&caller.reach, &page).await?;
    let total_size = count(found.total);
    let (api_keys, next_page_token) = fitting(&page, found, message);
    Ok(pb::ListApiKeysResponse { api_keys, next_page_token, total_size })
}

pub async fn revoke_api_key(services: &Services, request: pb::RevokeApiKeyRequest) -> Result<pb::RevokeApiKeyResponse> {
    let caller = call::caller()?;
    let mut check = Validator::default();
    let prefix = check.name("prefix", request.prefix);
    check.done()?;

    let tx = services.db.transaction().await?;
    let revoked = tx.revoke_api_key(&prefix, &caller.reach).await?;
    tx.commit().await?;
    refresh(services).await;
    Ok(pb::RevokeApiKeyResponse { api_key: Some(message(revoked)) })
}

/// What a key may have that this caller issues: who is for some tenants hands out no more than it has itself.
#[derive(Default)]
struct Limits {
    rate: Option<u32>,
    end: Option<SystemTime>,
}

impl Limits {
    fn of(services: &Services, caller: &Caller) -> Self {
        if caller.reach == Reach::All {
            return Self::default();
        }
        let usual = services.access.keys().and_then(|keys| keys.calls_per_second());
        Self { rate: caller.calls_per_second.or(usual), end: caller.expires_at }
    }

    fn end(&self, check: &mut Validator, asked: Option<SystemTime>) -> Option<SystemTime> {
        if self.end.is_some_and(|most| asked.is_some_and(|asked| asked > most)) {
            check.refuse("expires_at", OUT_OF_RANGE, "must not be later than the end of the key or JWT that issues it");
        }
        asked.or(self.end)
    }

    fn rate(&self, check: &mut Validator, asked: Option<u32>) -> Option<u32> {
        if let Some(most) = self.rate.filter(|most| asked.is_some_and(|asked| asked > *most)) {
            check.refuse(
                "calls_per_second",
                OUT_OF_RANGE,
                format!("must be at most {most}, as of the key that issues it"),
            );
        }
        asked.or(self.rate)
    }
}

/// The tenants of these slugs; of none, every one.
async fn reach(services: &Services, caller: &Caller, slugs: &[String]) -> Result<Reach> {
    if slugs.is_empty() {
        caller.must_be_for_every_tenant()?;
        return Ok(Reach::All);
    }
    let found = services.db.tenants_by_slug(slugs).await?;
    let mut tenants = Vec::with_capacity(slugs.len());
    for slug in slugs {
        let tenant = found.get(slug).copied().filter(|tenant| caller.reach.covers(*tenant, slug));
        let tenant = tenant.ok_or_else(|| Error::not_found(Kind::Tenant, slug))?;
        if !tenants.contains(&tenant) {
            tenants.push(tenant);
        }
    }
    Ok(Reach::Tenants(tenants))
}

/// On this server what was changed holds at once.
async fn refresh(services: &Services) {
    if let Some(keys) = services.access.keys() {
        keys.refreshed().await;
    }
}

fn message(key: ApiKey) -> pb::ApiKey {
    let role = match key.role {
        Role::Chatbot => pb::Role::Chatbot,
        Role::Manager => pb::Role::Manager,
        Role::Admin => pb::Role::Admin,
    };
    pb::ApiKey {
        prefix: key.prefix,
        role: role.into(),
        tenants: key.tenants.unwrap_or_default(),
        created_at: Some(timestamp(key.created_at)),
        expires_at: key.expires_at.map(timestamp),
        revoked_at: key.revoked_at.map(timestamp),
        last_used_at: key.last_used_at.map(timestamp),
        label: key.label,
        calls_per_second: key.calls_per_second.and_then(|rate| i32::try_from(rate).ok()).unwrap_or_default(),
    }
}
