//! Imports: what was uploaded, where it stands, and what became of each row. Writing the rows is [`super::merge`].

use std::time::Duration;

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::Tenant;
use super::query::{Query, at_most_one, optional_word, word};
use crate::domain::error::{Error, Kind, Result};
use crate::domain::import::{CleanRow, Counts, Failure, Import, ImportRow, NewImport, Outcome, StoredIssue};
use crate::domain::page::{Page, PageRequest, SortKey};
use crate::domain::vehicle::Years;

/// How long an import may go without a sign of life before it counts as interrupted.
pub const LEASE: Duration = Duration::from_secs(60);

impl Tenant<'_> {
    /// Records a new import, QUEUED, or returns the one that this `request_id` made before (and `false`).
    ///
    /// # Errors
    /// `AlreadyExists` if that one is of another file or with other settings.
    pub async fn create_import(&self, new: &NewImport) -> Result<(Import, bool)> {
        let id = Uuid::now_v7();
        let lease = LEASE.as_secs_f64();
        let (mode, sha256) = (new.mode.word(), new.sha256.as_slice());
        let [created] = self
            .write([Query::new(
                "-- create_import
                INSERT INTO imports (tenant_id, id, category_id, file_name, sha256, mode, validate_only,
                                     allow_large_withdrawal, request_id, lease_until)
                VALUES ($1 /* tenant_id */, $2 /* id */, $3 /* category_id */, $4 /* file_name */, $5 /* sha256 */,
                        $6 /* mode */, $7 /* validate_only */, $8 /* allow_large_withdrawal */, $9 /* request_id */,
                        now() + make_interval(secs => $10 /* lease */))
                ON CONFLICT (tenant_id, request_id) DO NOTHING
                RETURNING id",
            )
            .bind(&self.id.0, Type::INT8)
            .bind(&id, Type::UUID)
            .bind(&new.category_id, Type::INT8)
            .bind(&new.file_name, Type::TEXT)
            .bind(&sha256, Type::BYTEA)
            .bind(&mode, Type::TEXT)
            .bind(&new.validate_only, Type::BOOL)
            .bind(&new.allow_large_withdrawal, Type::BOOL)
            .bind(&new.request_id, Type::UUID)
            .bind(&lease, Type::FLOAT8)])
            .await?;
        if !created.is_empty() {
            return Ok((self.get_import(id).await?, true));
        }
        let [same] = self
            .read([Query::new(
                "-- find_import_by_request
                SELECT id,
                       (category_id, file_name, sha256, mode, validate_only, allow_large_withdrawal)
                           = ($3 /* category_id */, $4 /* file_name */, $5 /* sha256 */, $6 /* mode */,
                              $7 /* validate_only */, $8 /* allow_large_withdrawal */) AS same
                FROM imports
                WHERE tenant_id = $1 /* tenant_id */ AND request_id = $2 /* request_id */",
            )
            .bind(&self.id.0, Type::INT8)
            .bind(&new.request_id, Type::UUID)
            .bind(&new.category_id, Type::INT8)
            .bind(&new.file_name, Type::TEXT)
            .bind(&sha256, Type::BYTEA)
            .bind(&mode, Type::TEXT)
            .bind(&new.validate_only, Type::BOOL)
            .bind(&new.allow_large_withdrawal, Type::BOOL)])
            .await?;
        let row = super::query::one(same)?;
        if !row.try_get::<_, bool>("same")? {
            return Err(Error::AlreadyExists {
                reason: "REQUEST_ID_REUSED",
                message: "this request_id was used for another file or with other settings; choose a new one".into(),
                metadata: vec![("request_id", new.request_id.map(|id| id.to_string()).unwrap_or_default())],
            });
        }
        Ok((self.get_import(row.try_get("id")?).await?, false))
    }

    /// One import.
    ///
    /// # Errors
    /// `NotFound` where the tenant has none of that id.
    pub async fn get_import(&self, id: Uuid) -> Result<Import> {
        let [_, rows] = self
            .write([
                expire_imports(&self.id.0),
                Query::new(
                    "-- get_import
                    SELECT i.id, c.code AS category, i.file_name, i.sha256, i.mode, i.validate_only,
                           i.allow_large_withdrawal, i.state, i.rows_read, i.created, i.updated, i.unchanged,
                           i.merged, i.rejected, i.headers, i.withdrawn, i.error_code, i.error_message, i.error_hint,
                           i.revision, i.created_at, i.finished_at
                    FROM imports i
                    JOIN product_categories c ON c.id = i.category_id
                    WHERE i.tenant_id = $1 /* tenant_id */ AND i.id = $2 /* id */",
                )
                .bind(&self.id.0, Type::INT8)
                .bind(&id, Type::UUID),
            ])
            .await?;
        let row = at_most_one(rows)?.ok_or_else(|| Error::not_found(Kind::Import, id.to_string()))?;
        import(&row)
    }

    /// One page of imports, newest first.
    pub async fn list_imports(&self, page: &PageRequest) -> Result<Page<Import>> {
        // Version 7 ids grow with time.
        let after: Option<Uuid> = page.after.as_ref().and_then(|key| key.id.parse().ok());
        let (limit, skip) = (page.limit(), page.skip);
        let [_, rows, totals] = self
            .write([
                expire_imports(&self.id.0),
                Query::new(
                    "-- list_imports
                    SELECT i.id, c.code AS category, i.file_name, i.sha256, i.mode, i.validate_only,
                           i.allow_large_withdrawal, i.state, i.rows_read, i.created, i.updated, i.unchanged,
                           i.merged, i.rejected, i.headers, i.withdrawn, i.error_code, i.error_message, i.error_hint,
                           i.revision, i.created_at, i.finished_at
                    FROM imports i
                    JOIN product_categories c ON c.id = i.category_id
                    WHERE i.tenant_id = $1 /* tenant_id */ AND ($2 /* after */ IS NULL OR i.id < $2)
                    ORDER BY i.id DESC
                    LIMIT $3 /* limit */ OFFSET $4 /* skip */",
                )
                .bind(&self.id.0, Type::INT8)
                .bind(&after, Type::UUID)
                .bind(&limit, Type::INT8)
                .bind(&skip, Type::INT8),
                Query::new(
                    "-- count_imports
                    SELECT count(*) AS total FROM imports WHERE tenant_id = $1 /* tenant_id */",
                )
                .bind(&self.id.0, Type::INT8),
            ])
            .await?;
        let imports = rows.iter().map(import).collect::<Result<Vec<_>>>()?;
        let total = super::query::one(totals)?.try_get("total")?;
        Ok(page.page(imports, total, |import| SortKey { id: import.id.to_string(), ..SortKey::default() }))
    }

    /// Moves a queued import to RUNNING; `false` if it is not queued (any more).
    pub async fn start_import(&self, id: Uuid) -> Result<bool> {
        let lease = LEASE.as_secs_f64();
        let [rows] = self
            .write([Query::new(
                "-- start_import
                UPDATE imports
                SET state = 'running', revision = revision + 1,
                    lease_until = now() + make_interval(secs => $3 /* lease */)
                WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */ AND state = 'queued'
                RETURNING id",
            )
            .bind(&self.id.0, Type::INT8)
            .bind(&id, Type::UUID)
            .bind(&lease, Type::FLOAT8)])
            .await?;
        Ok(rows.len() == 1)
    }

    /// A sign of life of a running import.
    pub async fn renew_import(&self, id: Uuid) -> Result<()> {
        let lease = LEASE.as_secs_f64();
        self.write([Query::new(
            "-- renew_import
            UPDATE imports
            SET lease_until = now() + make_interval(secs => $3 /* lease */)
            WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */ AND state IN ('queued', 'running')",
        )
        .bind(&self.id.0, Type::INT8)
        .bind(&id, Type::UUID)
        .bind(&lease, Type::FLOAT8)])
            .await?;
        Ok(())
    }

    /// Ends an import that could not be carried out.
    pub async fn fail_import(&self, id: Uuid, failure: &Failure) -> Result<()> {
        self.write([Query::new(
            "-- fail_import
            UPDATE imports
            SET state = 'failed', revision = revision + 1, finished_at = now(), lease_until = NULL,
                error_code = $3 /* code */, error_message = $4 /* message */, error_hint = $5 /* hint */
            WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */ AND state IN ('queued', 'running')",
        )
        .bind(&self.id.0, Type::INT8)
        .bind(&id, Type::UUID)
        .bind(&failure.code, Type::TEXT)
        .bind(&failure.message, Type::TEXT)
        .bind(&failure.hint, Type::TEXT)])
            .await?;
        Ok(())
    }

    /// One page of an import's rows in the document's order, all of them or those of one outcome.
    pub async fn list_import_rows(
        &self,
        id: Uuid,
        outcome: Option<Outcome>,
        page: &PageRequest,
    ) -> Result<Page<ImportRow>> {
        self.get_import(id).await?;
        let after = page.after.as_ref().map_or(0, |key| key.number);
        let outcome = outcome.map(Outcome::word);
        let (limit, skip) = (page.limit(), page.skip);
        let [rows, totals] = self
            .read([
                Query::new(
                    "-- list_import_rows
                    SELECT r.position, r.page_number, r.row_number, r.source_id, r.cells, r.make, r.model,
                           r.generation, r.year_from, r.year_to, r.body_type, r.steering, r.borders, r.seat_rows,
                           r.trunk, r.notes, r.confidence, r.outcome, r.pattern_id,
                           same.page_number AS same_page, same.row_number AS same_row,
                           issues.codes, issues.fields, issues.messages, issues.suggestions
                    FROM import_rows r
                    LEFT JOIN import_rows same
                      ON same.tenant_id = r.tenant_id AND same.import_id = r.import_id AND same.position = r.same_as
                    LEFT JOIN LATERAL (
                        SELECT array_agg(code ORDER BY number) AS codes, array_agg(field ORDER BY number) AS fields,
                               array_agg(message ORDER BY number) AS messages,
                               array_agg(suggestion ORDER BY number) AS suggestions
                        FROM import_issues i
                        WHERE i.tenant_id = r.tenant_id AND i.import_id = r.import_id AND i.position = r.position
                    ) issues ON true
                    WHERE r.tenant_id = $1 /* tenant_id */ AND r.import_id = $2 /* import_id */
                      AND ($3 /* outcome */ IS NULL OR r.outcome = $3) AND r.position > $4 /* after */
                    ORDER BY r.position
                    LIMIT $5 /* limit */ OFFSET $6 /* skip */",
                )
                .bind(&self.id.0, Type::INT8)
                .bind(&id, Type::UUID)
                .bind(&outcome, Type::TEXT)
                .bind(&after, Type::INT8)
                .bind(&limit, Type::INT8)
                .bind(&skip, Type::INT8),
                Query::new(
                    "-- count_import_rows
                    SELECT count(*) AS total
                    FROM import_rows
                    WHERE tenant_id = $1 /* tenant_id */ AND import_id = $2 /* import_id */
                      AND ($3 /* outcome */ IS NULL OR outcome = $3)",
                )
                .bind(&self.id.0, Type::INT8)
                .bind(&id, Type::UUID)
                .bind(&outcome, Type::TEXT),
            ])
            .await?;
        let items = rows.iter().map(import_row).collect::<Result<Vec<_>>>()?;
        let total = super::query::one(totals)?.try_get("total")?;
        Ok(page.page(items, total, |row| SortKey { number: row.position.into(), ..SortKey::default() }))
    }
}

/// Imports whose process gave no sign of life have failed; whoever looks first says so.
fn expire_imports(tenant_id: &i64) -> Query<'_> {
    Query::new(
        "-- expire_imports
        UPDATE imports
        SET state = 'failed', revision = revision + 1, finished_at = now(), lease_until = NULL,
            error_code = 'INTERRUPTED',
            error_message = 'the service stopped while it worked on this import; nothing of it was written',
            error_hint = 'upload the file again'
        WHERE tenant_id = $1 /* tenant_id */ AND state IN ('queued', 'running') AND lease_until < now()",
    )
    .bind(tenant_id, Type::INT8)
}

fn import(row: &Row) -> Result<Import> {
    let error = match row.try_get::<_, Option<String>>("error_code")? {
        None => None,
        Some(code) => Some(Failure {
            code,
            message: row.try_get::<_, Option<String>>("error_message")?.unwrap_or_default(),
            hint: row.try_get::<_, Option<String>>("error_hint")?.unwrap_or_default(),
        }),
    };
    Ok(Import {
        id: row.try_get("id")?,
        category: row.try_get("category")?,
        file_name: row.try_get("file_name")?,
        sha256: row.try_get("sha256")?,
        mode: word(row, "mode")?,
        validate_only: row.try_get("validate_only")?,
        allow_large_withdrawal: row.try_get("allow_large_withdrawal")?,
        state: word(row, "state")?,
        counts: Counts {
            rows_read: row.try_get("rows_read")?,
            created: row.try_get("created")?,
            updated: row.try_get("updated")?,
            unchanged: row.try_get("unchanged")?,
            merged: row.try_get("merged")?,
            rejected: row.try_get("rejected")?,
            headers: row.try_get("headers")?,
            withdrawn: row.try_get("withdrawn")?,
        },
        created_at: row.try_get("created_at")?,
        finished_at: row.try_get("finished_at")?,
        error,
        revision: row.try_get("revision")?,
    })
}

fn import_row(row: &Row) -> Result<ImportRow> {
    let same_page: Option<i32> = row.try_get("same_page")?;
    let same_row: Option<i32> = row.try_get("same_row")?;
    let outcome: Outcome = word(row, "outcome")?;
    Ok(ImportRow {
        position: row.try_get("position")?,
        row: CleanRow {
            page_number: row.try_get("page_number")?,
            row_number: row.try_get("row_number")?,
            source_id: row.try_get("source_id")?,
            is_header: outcome == Outcome::Header,
            make: row.try_get("make")?,
            model: row.try_get("model")?,
            generation: row.try_get("generation")?,
            years: Years { from: row.try_get("year_from")?, to: row.try_get("year_to")? },
            body_type: optional_word(row, "body_type")?,
            steering: optional_word(row, "steering")?,
            borders: optional_word(row, "borders")?,
            seat_rows: optional_word(row, "seat_rows")?,
            trunk: optional_word(row, "trunk")?,
            notes: row.try_get("notes")?,
            confidence: word(row, "confidence")?,
            issues: Vec::new(),
            cells: row.try_get("cells")?,
        },
        outcome,
        pattern_id: row.try_get("pattern_id")?,
        same_as: same_page.zip(same_row),
        issues: stored_issues(row)?,
    })
}

fn stored_issues(row: &Row) -> Result<Vec<StoredIssue>> {
    let column = |name| -> Result<Vec<String>> { Ok(row.try_get::<_, Option<Vec<String>>>(name)?.unwrap_or_default()) };
    let texts = column("messages")?.into_iter().zip(column("suggestions")?);
    let names = column("codes")?.into_iter().zip(column("fields")?);
    Ok(names
        .zip(texts)
        .map(|((code, field), (message, suggestion))| StoredIssue { code, field, message, suggestion })
        .collect())
}
