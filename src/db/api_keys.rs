//! API keys, and which tenants each is for.

mod reader;

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::query::{Query, at_most_one, one, word};
use super::tenants::{by_slug, tenants_by_slug};
use super::{Db, Transaction};
use crate::domain::api_key::{ApiKey, NewKey, Reach, Role};
use crate::domain::audit::{Change, ResourceKind};
use crate::domain::error::{Error, Kind, Result};
use crate::domain::page::{Page, PageRequest, SortKey};
pub use reader::KeyReader;

/// How many keys of a tenant's there may be, those revoked lately among them: each server has all of them in memory.
const MAX_KEYS_PER_TENANT: i64 = 1000;

/// Lets a transaction see whom the keys are for.
const CHECK: &str = "-- check_api_keys\n SET LOCAL app.checks_api_keys = 'on'";

/// What a new key is to be.
#[derive(Debug, Clone)]
pub struct KeyGrant {
    pub role: Role,
    pub reach: Reach,
    pub label: String,
    pub expires_at: Option<SystemTime>,
    /// What it may call on each server; none: what the server is set to.
    pub calls_per_second: Option<u32>,
}

macro_rules! api_key_columns {
    () => {
        "k.id, k.prefix, k.role, k.all_tenants, k.label, k.created_at, k.expires_at, k.revoked_at, k.last_used_at,
               k.calls_per_second,
               (SELECT coalesce(array_agg(n.slug ORDER BY n.slug COLLATE \"C\"), '{}')
                FROM api_key_tenants t
                JOIN tenants n ON n.id = t.tenant_id
                WHERE t.api_key_id = k.id) AS tenants"
    };
}

/// Whether the key is for no tenant but these; null: any key.
macro_rules! is_within {
    () => {
        "($1 /* within */ IS NULL
               OR NOT k.all_tenants
                  AND EXISTS (SELECT FROM api_key_tenants t WHERE t.api_key_id = k.id)
                  AND NOT EXISTS (SELECT FROM api_key_tenants t
                                  WHERE t.api_key_id = k.id AND t.tenant_id <> ALL ($1)))"
    };
}

impl Db {
    /// One page of keys, newest first: those that are for no tenant beyond `within`.
    pub async fn list_api_keys(&self, within: &Reach, page: &PageRequest) -> Result<Page<ApiKey>> {
        let within = self.tenant_numbers(within).await?;
        // Version 7 ids grow with time.
        let after: Option<Uuid> = page.after.as_ref().and_then(|key| key.id.parse().ok());
        let (limit, skip) = (page.limit(), page.skip);
        let [_, rows, totals] = self
            .read([
                Query::new(CHECK),
                Query::new(concat!(
                    "-- list_api_keys
                    SELECT ",
                    api_key_columns!(),
                    " FROM api_keys k
                    WHERE ",
                    is_within!(),
                    " AND ($2 /* after */ IS NULL OR k.id < $2)
                    ORDER BY k.id DESC
                    LIMIT $3 /* limit */ OFFSET $4 /* skip */"
                ))
                .bind(&within, Type::INT8_ARRAY)
                .bind(&after, Type::UUID)
                .bind(&limit, Type::INT8)
                .bind(&skip, Type::INT8),
                Query::new(concat!(
                    "-- count_api_keys
                    SELECT count(*) AS total FROM api_keys k WHERE ",
                    is_within!()
                ))
                .bind(&within, Type::INT8_ARRAY),
            ])
            .await?;
        let keys = rows.iter().map(api_key).collect::<Result<Vec<_>>>()?;
        let total = one(totals)?.try_get("total")?;
        Ok(page.page(keys, total, |key| SortKey { id: key.id.to_string(), ..SortKey::default() }))
    }

    /// Notes when keys were used last.
    pub async fn note_api_keys_used(&self, used: &[(Uuid, SystemTime)]) -> Result<()> {
        let (ids, times): (Vec<Uuid>, Vec<SystemTime>) = used.iter().copied().unzip();
        let query = Query::new(
            "-- note_api_keys_used
            WITH held AS (
                -- In one order: other servers note theirs.
                SELECT id FROM api_keys WHERE id = ANY ($1 /* ids */) ORDER BY id FOR UPDATE
            )
            UPDATE api_keys k
            SET last_used_at = u.used
            FROM unnest($1, $2 /* times */) AS u (id, used), held
            WHERE k.id = u.id AND k.id = held.id
              AND (k.last_used_at IS NULL OR k.last_used_at < u.used - interval '50 seconds')",
        );
        self.bookkeep([query.bind(&ids, Type::UUID_ARRAY).bind(&times, Type::TIMESTAMPTZ_ARRAY)]).await?;
        Ok(())
    }
}

impl Transaction {
    /// Issues a key. Goes on outside any tenant.
    ///
    /// # Errors
    /// `ResourceExhausted` where a tenant has as many as there may be.
    pub async fn issue_api_key(&mut self, key: &NewKey, grant: &KeyGrant) -> Result<ApiKey> {
        // First: until this transaction ends, nobody else changes keys.
        self.bump_api_keys().await?;
        let id = Uuid::now_v7();
        let (all_tenants, sha256) = (grant.reach == Reach::All, key.secret_sha256.as_slice());
        let calls_per_second = grant.calls_per_second.map(i32::try_from).transpose().map_err(Error::internal)?;
        self.execute(
            Query::new(
                "-- issue_api_key
                INSERT INTO api_keys (id, prefix, secret_sha256, role, all_tenants, label, expires_at,
                                      calls_per_second)
                VALUES ($1 /* id */, $2 /* prefix */, $3 /* secret_sha256 */, $4 /* role */, $5 /* all_tenants */,
                        $6 /* label */, $7 /* expires_at */, $8 /* calls_per_second */)",
            )
            .bind(&id, Type::UUID)
            .bind(&key.prefix, Type::TEXT)
            .bind(&sha256, Type::BYTEA)
            .bind(&grant.role.word(), Type::TEXT)
            .bind(&all_tenants, Type::BOOL)
            .bind(&grant.label, Type::TEXT)
            .bind(&grant.expires_at, Type::TIMESTAMPTZ)
            .bind(&calls_per_second, Type::INT4),
        )
        .await?;
        if let Reach::Tenants(tenants) = &grant.reach {
            for tenant in tenants {
                self.enter(*tenant).await?;
                self.has_room_for_api_key().await?;
                self.execute(
                    Query::new(
                        "-- issue_api_key_for_tenant
                        INSERT INTO api_key_tenants (tenant_id, api_key_id)
                        VALUES ($1 /* tenant_id */, $2 /* api_key_id */)
                        ON CONFLICT DO NOTHING",
                    )
                    .bind(&tenant.0, Type::INT8)
                    .bind(&id, Type::UUID),
                )
                .await?;
            }
            self.leave().await?;
        }
        self.changes_api_key(&key.prefix, &grant.reach, &format!("issued: {}", grant.role));
        self.find_api_key(&key.prefix, &Reach::All).await
    }

    /// Each tenant that a key is for has its event; a key for every tenant has one for all.
    fn changes_api_key(&self, prefix: &str, reach: &Reach, summary: &str) {
        let change = Change::of(ResourceKind::ApiKey, prefix, summary);
        match reach {
            Reach::Tenants(tenants) if !tenants.is_empty() => {
                tenants.iter().for_each(|tenant| self.changes_of(Some(*tenant), change.clone()));
            }
            _ => self.changes_of(None, change),
        }
    }

    /// The tenants that a key is for.
    pub async fn reach_of_api_key(&self, key: &ApiKey) -> Result<Reach> {
        let Some(slugs) = &key.tenants else { return Ok(Reach::All) };
        let found = tenants_by_slug(self.query(by_slug(slugs)).await?)?;
        Ok(Reach::Tenants(found.into_values().collect()))
    }

    async fn has_room_for_api_key(&self) -> Result<()> {
        let rows = self
            .query(
                Query::new(
                    "-- count_tenant_api_keys
                    SELECT count(*) AS total
                    FROM api_key_tenants t
                    JOIN api_keys k ON k.id = t.api_key_id
                    WHERE t.tenant_id = $1 /* tenant_id */
                      AND (k.revoked_at IS NULL OR k.revoked_at > now() - interval '90 days')",
                )
                .bind(&self.tenant_id()?, Type::INT8),
            )
            .await?;
        if one(rows)?.try_get::<_, i64>("total")? < MAX_KEYS_PER_TENANT {
            return Ok(());
        }
        Err(Error::ResourceExhausted {
            reason: "OVERLOADED",
            message: format!(
                "this tenant has {MAX_KEYS_PER_TENANT} API keys, those revoked in the last 90 days among them; use those"
            ),
            retry_after: Duration::from_secs(24 * 3600),
        })
    }

    /// Revokes a key; one that was is left as it is. `within`: the key must be for no tenant beyond these.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn revoke_api_key(&self, prefix: &str, within: &Reach) -> Result<ApiKey> {
        let before = self.find_api_key(prefix, within).await?;
        if before.revoked_at.is_some() {
            self.changes_nothing();
            return Ok(before);
        }
        self.bump_api_keys().await?;
        self.execute(
            Query::new(
                "-- revoke_api_key
                UPDATE api_keys SET revoked_at = now() WHERE prefix = $1 /* prefix */ AND revoked_at IS NULL",
            )
            .bind(&prefix, Type::TEXT),
        )
        .await?;
        self.changes_api_key(prefix, &self.reach_of_api_key(&before).await?, "revoked");
        self.find_api_key(prefix, within).await
    }

    /// Has a key end at a time, unless it ends before.
    pub async fn end_api_key(&self, prefix: &str, at: SystemTime) -> Result<ApiKey> {
        self.bump_api_keys().await?;
        self.execute(
            Query::new(
                "-- end_api_key
                UPDATE api_keys
                SET expires_at = least(expires_at, $2 /* at */)
                WHERE prefix = $1 /* prefix */",
            )
            .bind(&prefix, Type::TEXT)
            .bind(&at, Type::TIMESTAMPTZ),
        )
        .await?;
        let ended = self.find_api_key(prefix, &Reach::All).await?;
        let end = humantime::format_rfc3339_seconds(ended.expires_at.unwrap_or(at));
        self.changes_api_key(prefix, &self.reach_of_api_key(&ended).await?, &format!("ends {end}"));
        Ok(ended)
    }

    /// A key that is for no tenant beyond `within`.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn find_api_key(&self, prefix: &str, within: &Reach) -> Result<ApiKey> {
        self.query(Query::new(CHECK)).await?;
        let found = match within.slugs() {
            [] => HashMap::new(),
            slugs => tenants_by_slug(self.query(by_slug(&slugs)).await?)?,
        };
        let within = within.numbers(&found);
        let rows = self
            .query(
                Query::new(concat!(
                    "-- find_api_key
                    SELECT ",
                    api_key_columns!(),
                    " FROM api_keys k
                    WHERE ",
                    is_within!(),
                    " AND k.prefix = $2 /* prefix */"
                ))
                .bind(&within, Type::INT8_ARRAY)
                .bind(&prefix, Type::TEXT),
            )
            .await?;
        api_key(&at_most_one(rows)?.ok_or_else(|| Error::not_found(Kind::ApiKey, prefix))?)
    }

    /// Until this transaction ends, others that change keys wait: a version is seen only after all before it.
    pub async fn bump_api_keys(&self) -> Result<()> {
        let bumped = self
            .execute(Query::new(
                "-- bump_api_keys
                UPDATE api_key_changes SET version = version + 1",
            ))
            .await?;
        if bumped == 1 { Ok(()) } else { Err(Error::internal("api_key_changes has no row")) }
    }
}

fn calls_per_second(row: &Row) -> Result<Option<u32>> {
    let number: Option<i32> = row.try_get("calls_per_second")?;
    number.map(u32::try_from).transpose().map_err(Error::internal)
}

fn api_key(row: &Row) -> Result<ApiKey> {
    let is_for_all: bool = row.try_get("all_tenants")?;
    Ok(ApiKey {
        id: row.try_get("id")?,
        prefix: row.try_get("prefix")?,
        role: word(row, "role")?,
        tenants: if is_for_all { None } else { Some(row.try_get("tenants")?) },
        label: row.try_get("label")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
        revoked_at: row.try_get("revoked_at")?,
        calls_per_second: calls_per_second(row)?,
        last_used_at: row.try_get("last_used_at")?,
    })
}
