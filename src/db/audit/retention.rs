//! Events that are old enough go, so many at a time.

use std::time::Duration;

use tokio_postgres::types::Type;

use crate::db::query::Query;
use crate::db::{Db, Tenant};
use crate::domain::error::Result;
use crate::domain::tenant::TenantId;

/// How many are deleted at a time.
const BATCH: i64 = 1000;

impl Db {
    /// Deletes the events that are older than they are kept, of every tenant and of what all share; how many. Row-level
    /// security lets none go that is younger than a month.
    pub async fn delete_old_audit_events(&self) -> Result<u64> {
        let Some(kept) = self.audit_retention else { return Ok(0) };
        let mut deleted = self.delete_old(None, kept).await?;
        let [tenants] = self.read([Query::new("-- sweep_audit_events\n SELECT id FROM tenants ORDER BY id")]).await?;
        for row in &tenants {
            deleted += self.delete_old(Some(TenantId(row.try_get("id")?)), kept).await?;
        }
        Ok(deleted)
    }

    /// Deletes until a batch is not full.
    async fn delete_old(&self, tenant: Option<TenantId>, kept: Duration) -> Result<u64> {
        let mut deleted = 0;
        loop {
            let batch = match tenant {
                Some(tenant) => self.tenant(tenant).delete_old_audit_events(kept).await?,
                None => self.delete_old_shared_audit_events(kept).await?,
            };
            deleted += batch as u64;
            if (batch as i64) < BATCH {
                return Ok(deleted);
            }
        }
    }

    async fn delete_old_shared_audit_events(&self, kept: Duration) -> Result<usize> {
        let [deleted] = self
            .bookkeep([Query::new(
                "-- delete_old_shared_audit_events
                DELETE FROM shared_audit_events
                WHERE (occurred_at, id) IN (
                    SELECT occurred_at, id
                    FROM shared_audit_events
                    WHERE occurred_at < now() - make_interval(secs => $1 /* kept */)
                    ORDER BY occurred_at, id
                    LIMIT $2 /* batch */)
                RETURNING id",
            )
            .bind(&kept.as_secs_f64(), Type::FLOAT8)
            .bind(&BATCH, Type::INT8)])
            .await?;
        Ok(deleted.len())
    }
}

impl Tenant<'_> {
    async fn delete_old_audit_events(&self, kept: Duration) -> Result<usize> {
        let [deleted] = self
            .bookkeep([Query::new(
                "-- delete_old_audit_events
                DELETE FROM audit_events
                WHERE tenant_id = $1 /* tenant_id */ AND (occurred_at, id) IN (
                    SELECT occurred_at, id
                    FROM audit_events
                    WHERE tenant_id = $1 AND occurred_at < now() - make_interval(secs => $2 /* kept */)
                    ORDER BY occurred_at, id
                    LIMIT $3 /* batch */)
                RETURNING id",
            )
            .bind(&self.id.0, Type::INT8)
            .bind(&kept.as_secs_f64(), Type::FLOAT8)
            .bind(&BATCH, Type::INT8)])
            .await?;
        Ok(deleted.len())
    }
}
