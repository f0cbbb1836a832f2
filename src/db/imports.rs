//! Imports: what was uploaded, where it stands ([`steps`]), and what became of each row ([`rows`]). Writing the rows is
//! [`super::merge`].

mod deletion;
mod files;
mod rows;
mod steps;

pub(super) use files::forget_file;
pub use steps::{LeftBehind, Start};

use std::time::Duration;

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::query::{Query, at_most_one, optional_word, word};
use super::{Db, Tenant};
use crate::domain::audit::{Change, ResourceKind};
use crate::domain::error::{Error, Kind, Result};
use crate::domain::import::{Counts, Failure, Import, NewImport, Progress, State};
use crate::domain::page::{Page, PageRequest, SortKey};

/// How often an import whose file is kept may be begun: one that ends its server would else end one after the other.
const TRIES: i16 = 3;

/// Whether import `o` goes before import `i`. An import whose lease is over is in nobody's way, unless it is going to be taken
/// over; that is told by the clock, for a transaction may have waited.
macro_rules! goes_before {
    () => {
        "o.tenant_id = i.tenant_id AND o.category_id = i.category_id
                      AND (o.state = 'running' OR o.state = 'queued' AND o.id < i.id)
                      AND (o.lease_until >= clock_timestamp() OR o.tries_left > 0)"
    };
}

pub(super) use goes_before;

/// What [`import`] reads, of `imports i`. An import whose lease is over and that nobody takes over is interrupted, whether or
/// not the sweeper was there already.
macro_rules! import_columns {
    () => {
        concat!(
            "i.id, coalesce(tc.code, c.code) AS category, i.file_name, i.sha256, i.mode, i.validate_only, i.allow_large_withdrawal,
                i.state, i.rows_read, i.created, i.updated, i.unchanged, i.merged, i.rejected, i.headers, i.withdrawn,
                i.error_code, i.error_message, i.error_hint, i.revision, i.created_at, i.finished_at,
                i.step, i.rows_done, i.rows_total,
                CASE WHEN i.state IN ('queued', 'running') AND i.lease_until < now() AND i.tries_left = 0
                     THEN i.lease_until END
                    AS interrupted_at,
                CASE WHEN i.state = 'queued' THEN (
                    SELECT o.id
                    FROM imports o
                    WHERE ",
            goes_before!(),
            "
                    ORDER BY o.state DESC, o.id
                    LIMIT 1) END AS waits_for"
        )
    };
}

const GET: &str = concat!(
    "-- get_import
    SELECT ",
    import_columns!(),
    " FROM imports i
    JOIN tenant_categories tc ON tc.tenant_id = i.tenant_id AND tc.category_id = i.category_id
    LEFT JOIN product_categories c ON c.id = i.category_id
    WHERE i.tenant_id = $1 /* tenant_id */ AND i.id = $2 /* id */"
);

const LIST: &str = concat!(
    "-- list_imports
    SELECT ",
    import_columns!(),
    " FROM imports i
    JOIN tenant_categories tc ON tc.tenant_id = i.tenant_id AND tc.category_id = i.category_id
    LEFT JOIN product_categories c ON c.id = i.category_id
    WHERE i.tenant_id = $1 /* tenant_id */ AND ($2 /* after */ IS NULL OR i.id < $2)
    ORDER BY i.id DESC
    LIMIT $3 /* limit */ OFFSET $4 /* skip */"
);

impl Db {
    /// How long an import may go without a sign of life before it counts as interrupted.
    pub fn import_lease(&self) -> Duration {
        self.import_lease
    }
}

impl Tenant<'_> {
    /// [`Db::recovered`].
    pub async fn recovered(&self) -> bool {
        self.db.recovered().await
    }

    /// [`Db::import_lease`].
    pub fn import_lease(&self) -> Duration {
        self.db.import_lease
    }

    /// Records a new import, QUEUED, or returns the one that this `request_id` made before (and `false`). Its rows are with this
    /// process alone: it ends when the process does.
    ///
    /// # Errors
    /// `AlreadyExists` if that one is of another file or with other settings.
    pub async fn create_import(&self, new: &NewImport) -> Result<(Import, bool)> {
        self.record_import(new, 0, std::iter::empty()).await
    }

    /// The same of an import whose file is kept until it has ended, for whoever takes it over.
    ///
    /// # Errors
    /// As [`Tenant::create_import`], and when the file cannot be read.
    pub async fn create_import_of_file(
        &self,
        new: &NewImport,
        file: impl Iterator<Item = std::io::Result<Vec<u8>>> + Send,
    ) -> Result<(Import, bool)> {
        self.record_import(new, TRIES, file).await
    }

    async fn record_import(
        &self,
        new: &NewImport,
        tries: i16,
        file: impl Iterator<Item = std::io::Result<Vec<u8>>> + Send,
    ) -> Result<(Import, bool)> {
        let insert = Insert::new(self, new, tries);
        let tx = self.write_transaction().await?;
        let is_new = !tx.query(insert.query()).await?.is_empty();
        if is_new {
            tx.store_file(self.id, insert.id, file).await?;
            tx.execute(insert.begin_lease()).await?;
            let is_preview = if new.validate_only { ", a preview" } else { "" };
            tx.changes(Change::of(ResourceKind::Import, insert.id, format!("taken: {}{is_preview}", new.mode)));
        } else {
            tx.changes_nothing();
        }
        tx.commit().await?;
        self.created(new, insert.id, is_new).await
    }

    /// The import that was made just now, or the one that its `request_id` made before.
    async fn created(&self, new: &NewImport, id: Uuid, is_new: bool) -> Result<(Import, bool)> {
        let (mode, sha256) = (new.mode.word(), new.sha256.as_slice());
        if is_new {
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
        let query = Query::new(GET).bind(&self.id.0, Type::INT8).bind(&id, Type::UUID);
        let [rows] = self.read([query]).await?;
        let row = at_most_one(rows)?.ok_or_else(|| Error::not_found(Kind::Import, id.to_string()))?;
        import(&row)
    }

    /// One page of imports, newest first.
    pub async fn list_imports(&self, page: &PageRequest) -> Result<Page<Import>> {
        // Version 7 ids grow with time.
        let after: Option<Uuid> = page.after.as_ref().and_then(|key| key.id.parse().ok());
        let (limit, skip) = (page.limit(), page.skip);
        let [rows, totals] = self
            .read([
                Query::new(LIST)
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
}

/// A new import on its way in.
struct Insert<'a> {
    new: &'a NewImport,
    tenant_id: i64,
    id: Uuid,
    holder: Uuid,
    lease: f64,
    mode: &'static str,
    sha256: &'a [u8],
    tries: i16,
}

impl<'a> Insert<'a> {
    fn new(own: &Tenant<'_>, new: &'a NewImport, tries: i16) -> Self {
        let (mode, sha256, lease) = (new.mode.word(), new.sha256.as_slice(), own.import_lease().as_secs_f64());
        Self { new, tenant_id: own.id.0, id: Uuid::now_v7(), holder: own.db.holder, lease, mode, sha256, tries }
    }

    fn query(&self) -> Query<'_> {
        Query::new(
            "-- create_import
            INSERT INTO imports (tenant_id, id, category_id, file_name, sha256, mode, validate_only,
                                 allow_large_withdrawal, request_id, lease_until, holder, tries_left)
            VALUES ($1 /* tenant_id */, $2 /* id */, $3 /* category_id */, $4 /* file_name */, $5 /* sha256 */,
                    $6 /* mode */, $7 /* validate_only */, $8 /* allow_large_withdrawal */, $9 /* request_id */,
                    now() + make_interval(secs => $10 /* lease */), $11 /* holder */, $12 /* tries */)
            ON CONFLICT (tenant_id, request_id) DO NOTHING
            RETURNING id",
        )
        .bind(&self.tenant_id, Type::INT8)
        .bind(&self.id, Type::UUID)
        .bind(&self.new.category_id, Type::INT8)
        .bind(&self.new.file_name, Type::TEXT)
        .bind(&self.sha256, Type::BYTEA)
        .bind(&self.mode, Type::TEXT)
        .bind(&self.new.validate_only, Type::BOOL)
        .bind(&self.new.allow_large_withdrawal, Type::BOOL)
        .bind(&self.new.request_id, Type::UUID)
        .bind(&self.lease, Type::FLOAT8)
        .bind(&self.holder, Type::UUID)
        .bind(&self.tries, Type::INT2)
    }

    /// Storing its file may have taken long.
    fn begin_lease(&self) -> Query<'_> {
        Query::new(
            "-- begin_import_lease
            UPDATE imports SET lease_until = clock_timestamp() + make_interval(secs => $3 /* lease */)
            WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */",
        )
        .bind(&self.tenant_id, Type::INT8)
        .bind(&self.id, Type::UUID)
        .bind(&self.lease, Type::FLOAT8)
    }
}

fn import(row: &Row) -> Result<Import> {
    let recorded = recorded_import(row)?;
    let Some(interrupted_at) = row.try_get("interrupted_at")? else { return Ok(recorded) };
    // As the sweeper is going to record it.
    Ok(Import {
        state: State::Failed,
        error: Some(Failure::interrupted()),
        revision: recorded.revision + 1,
        finished_at: Some(interrupted_at),
        progress: None,
        waits_for: None,
        ..recorded
    })
}

fn recorded_import(row: &Row) -> Result<Import> {
    let error = match row.try_get::<_, Option<String>>("error_code")? {
        None => None,
        Some(code) => Some(Failure {
            code,
            message: row.try_get::<_, Option<String>>("error_message")?.unwrap_or_default(),
            hint: row.try_get::<_, Option<String>>("error_hint")?.unwrap_or_default(),
        }),
    };
    let state = word(row, "state")?;
    let progress = match optional_word(row, "step")? {
        Some(step) if state == State::Running => {
            Some(Progress { step, rows: row.try_get("rows_done")?, total: row.try_get("rows_total")? })
        }
        _ => None,
    };
    Ok(Import {
        id: row.try_get("id")?,
        category: row.try_get("category")?,
        file_name: row.try_get("file_name")?,
        sha256: row.try_get("sha256")?,
        mode: word(row, "mode")?,
        validate_only: row.try_get("validate_only")?,
        allow_large_withdrawal: row.try_get("allow_large_withdrawal")?,
        state,
        counts: counts(row)?,
        created_at: row.try_get("created_at")?,
        finished_at: row.try_get("finished_at")?,
        error,
        revision: row.try_get("revision")?,
        progress,
        waits_for: row.try_get("waits_for")?,
    })
}

/// What a row says became of an import's rows.
pub(super) fn counts(row: &Row) -> Result<Counts> {
    Ok(Counts {
        rows_read: row.try_get("rows_read")?,
        created: row.try_get("created")?,
        updated: row.try_get("updated")?,
        unchanged: row.try_get("unchanged")?,
        merged: row.try_get("merged")?,
        rejected: row.try_get("rejected")?,
        headers: row.try_get("headers")?,
        withdrawn: row.try_get("withdrawn")?,
    })
}
