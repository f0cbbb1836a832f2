//! Writes that may come twice: the same `request_id` with the same body gets the first answer and changes nothing.

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::Transaction;
use super::query::{Query, at_most_one};
use crate::domain::error::{Error, Result};

/// By what a write that comes again is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// `Service/Method`.
    pub method: &'static str,
    /// The client's own id.
    pub request_id: Uuid,
    /// SHA-256 of the request as encoded, without the id.
    pub body_sha256: Vec<u8>,
}

impl IdempotencyKey {
    /// Refuses a body other than the one that the id came with before.
    pub(super) fn check_body(&self, sha256: &[u8]) -> Result<()> {
        if sha256 == self.body_sha256 {
            return Ok(());
        }
        Err(Error::AlreadyExists {
            reason: "REQUEST_ID_REUSED",
            message: "this request_id was used with another body; choose a new one".into(),
            metadata: vec![("request_id", self.request_id.to_string())],
        })
    }
}

impl Transaction {
    /// Claims the key for this transaction; if its write was carried out before, the answer. Two at once: the second waits
    /// for the first.
    ///
    /// # Errors
    /// `AlreadyExists` `REQUEST_ID_REUSED` if it came with another body before.
    pub async fn claim(&self, key: &IdempotencyKey) -> Result<Option<Vec<u8>>> {
        let (insert, select) = if self.tenant.is_some() { (CLAIM, CLAIMED) } else { (CLAIM_ADMIN, CLAIMED_ADMIN) };
        loop {
            if self.execute(self.bound(insert, key)).await? == 1 {
                return Ok(None);
            }
            // It may be forgotten between the two: then it is to be claimed after all.
            let Some(row) = at_most_one(self.query(self.bound(select, key)).await?)? else { continue };
            key.check_body(row.try_get("body_sha256")?)?;
            return Ok(Some(row.try_get("answer")?));
        }
    }

    /// Keeps the answer under a claimed key.
    pub async fn answer(&self, key: &IdempotencyKey, answer: &[u8]) -> Result<()> {
        let sql = if self.tenant.is_some() { ANSWER } else { ANSWER_ADMIN };
        self.execute(self.bound(sql, key).bind(&answer, Type::BYTEA)).await?;
        Ok(())
    }

    fn bound<'a>(&'a self, sql: &'static str, key: &'a IdempotencyKey) -> Query<'a> {
        let query = Query::new(sql)
            .bind(&key.method, Type::TEXT)
            .bind(&key.request_id, Type::UUID)
            .bind(&key.body_sha256, Type::BYTEA);
        match &self.tenant {
            Some(tenant) => query.bind(&tenant.0, Type::INT8),
            None => query,
        }
    }
}

// Each statement binds method, request_id, body_sha256 and, for a tenant's, tenant_id; what it does not need it
// compares with itself, so that all of them are bound alike. What is forgotten is locked until the write ends: writes at once
// forget different ones, and none waits for another.

const CLAIM: &str = "-- claim_request
    WITH forgotten AS (
        DELETE FROM write_requests
        WHERE tenant_id = $4 /* tenant_id */
          AND (method, request_id) IN (
              SELECT method, request_id FROM write_requests
              WHERE tenant_id = $4 AND created_at < now() - interval '7 days' AND request_id <> $2
              LIMIT 1000 FOR UPDATE SKIP LOCKED
          )
    )
    INSERT INTO write_requests (tenant_id, method, request_id, body_sha256)
    VALUES ($4, $1 /* method */, $2 /* request_id */, $3 /* body_sha256 */)
    ON CONFLICT DO NOTHING";

const CLAIMED: &str = "-- claimed_request
    SELECT body_sha256, answer
    FROM write_requests
    WHERE tenant_id = $4 /* tenant_id */ AND method = $1 /* method */ AND request_id = $2 /* request_id */
      AND $3::bytea IS NOT NULL";

const ANSWER: &str = "-- answer_request
    UPDATE write_requests
    SET answer = $5 /* answer */
    WHERE tenant_id = $4 /* tenant_id */ AND method = $1 /* method */ AND request_id = $2 /* request_id */
      AND body_sha256 = $3 /* body_sha256 */";

const CLAIM_ADMIN: &str = "-- claim_admin_request
    WITH forgotten AS (
        DELETE FROM admin_requests
        WHERE (method, request_id) IN (
            SELECT method, request_id FROM admin_requests
            WHERE created_at < now() - interval '7 days' AND request_id <> $2
            LIMIT 1000 FOR UPDATE SKIP LOCKED
        )
    )
    INSERT INTO admin_requests (method, request_id, body_sha256)
    VALUES ($1 /* method */, $2 /* request_id */, $3 /* body_sha256 */)
    ON CONFLICT DO NOTHING";

const CLAIMED_ADMIN: &str = "-- claimed_admin_request
    SELECT body_sha256, answer
    FROM admin_requests
    WHERE method = $1 /* method */ AND request_id = $2 /* request_id */ AND $3::bytea IS NOT NULL";

const ANSWER_ADMIN: &str = "-- answer_admin_request
    UPDATE admin_requests
    SET answer = $4 /* answer */
    WHERE method = $1 /* method */ AND request_id = $2 /* request_id */ AND body_sha256 = $3 /* body_sha256 */";
