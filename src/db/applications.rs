//! Applications: what customers asked for. What happens to them, and the feed of it, is in [`super::application_feed`].

use std::time::{Duration, SystemTime};

use tokio_postgres::Row;
use tokio_postgres::types::{Json, Type};
use uuid::Uuid;

use super::catalog::{CategoryRef, words};
use super::options::{LIST_OPTIONS, options};
use super::query::{Query, at_most_one, one, optional_word, word};
use super::requests::WriteRequest;
use super::{Tenant, Transaction};
use crate::domain::application::{Application, Customer, Filter, Kind as Asked, Status, Wish};
use crate::domain::error::{Error, Kind, Result};
use crate::domain::page::{Page, PageRequest, SortKey};
use crate::domain::price::{Named, ProductOption};
use crate::domain::tenant::Language;

/// What [`application`] reads; `a` is the application.
macro_rules! columns {
    () => {
        "a.id AS application_id, a.kind, a.status, a.generation, a.year, a.vehicle_text, a.selections, a.quoted_total,
         a.quoted_currency, a.message, a.created_at AS created, a.updated_at AS updated, a.revision,
         coalesce(c.code, '') AS category, coalesce(b.slug, '') AS brand, coalesce(m.slug, '') AS model,
         u.channel, u.external_id, u.name, coalesce(u.phone, '') AS phone, u.username, u.language"
    };
}
/// Where they come from.
macro_rules! joins {
    () => {
        "JOIN customers u ON u.tenant_id = a.tenant_id AND u.id = a.customer_id
         LEFT JOIN product_categories c ON c.id = a.category_id
         LEFT JOIN brands b ON b.id = a.brand_id
         LEFT JOIN models m ON m.id = a.model_id"
    };
}
pub(super) use {columns, joins};

const GET: &str = concat!(
    "-- get_application
    SELECT ",
    columns!(),
    " FROM applications a ",
    joins!(),
    " WHERE a.tenant_id = $1 /* tenant_id */ AND a.id = $2 /* id */"
);

const LIST: &str = concat!(
    "-- list_applications
    SELECT ",
    columns!(),
    " FROM applications a ",
    joins!(),
    " WHERE a.tenant_id = $1 /* tenant_id */
        AND ($2 /* status */ IS NULL OR a.status = $2) AND ($3 /* kind */ IS NULL OR a.kind = $3)
        AND ($4 /* created_after */ IS NULL OR a.created_at >= $4)
        AND ($5 /* created_before */ IS NULL OR a.created_at < $5)
        AND ($6 /* after_time */ IS NULL OR (a.created_at, a.id) < ($6, $7 /* after_id */))
    ORDER BY a.created_at DESC, a.id DESC
    LIMIT $8 /* limit */ OFFSET $9 /* skip */"
);

/// What an application is about, looked up; none is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    pub category: Option<CategoryRef>,
    pub brand_id: Option<i64>,
    pub model_id: Option<i64>,
}

impl Tenant<'_> {
    /// One application.
    ///
    /// # Errors
    /// `NotFound` where the tenant has none of that id.
    pub async fn get_application(&self, id: Uuid) -> Result<Application> {
        let query = Query::new(GET).bind(&self.id.0, Type::INT8).bind(&id, Type::UUID);
        let [rows] = self.read([query]).await?;
        found(rows, id)
    }

    /// One page of applications, newest first.
    pub async fn list_applications(&self, filter: &Filter, page: &PageRequest) -> Result<Page<Application>> {
        let (status, kind) = (filter.status.map(Status::word), filter.kind.map(Asked::word));
        let after_time = page.after.as_ref().map(|key| from_micros(key.number));
        let after_id: Uuid = page.after.as_ref().and_then(|key| key.id.parse().ok()).unwrap_or_default();
        let (limit, skip) = (page.limit(), page.skip);
        let [rows, totals] = self
            .read([
                Query::new(LIST)
                    .bind(&self.id.0, Type::INT8)
                    .bind(&status, Type::TEXT)
                    .bind(&kind, Type::TEXT)
                    .bind(&filter.created_after, Type::TIMESTAMPTZ)
                    .bind(&filter.created_before, Type::TIMESTAMPTZ)
                    .bind(&after_time, Type::TIMESTAMPTZ)
                    .bind(&after_id, Type::UUID)
                    .bind(&limit, Type::INT8)
                    .bind(&skip, Type::INT8),
                Query::new(
                    "-- count_applications
                    SELECT count(*) AS total
                    FROM applications a
                    WHERE a.tenant_id = $1 /* tenant_id */
                      AND ($2 /* status */ IS NULL OR a.status = $2) AND ($3 /* kind */ IS NULL OR a.kind = $3)
                      AND ($4 /* created_after */ IS NULL OR a.created_at >= $4)
                      AND ($5 /* created_before */ IS NULL OR a.created_at < $5)",
                )
                .bind(&self.id.0, Type::INT8)
                .bind(&status, Type::TEXT)
                .bind(&kind, Type::TEXT)
                .bind(&filter.created_after, Type::TIMESTAMPTZ)
                .bind(&filter.created_before, Type::TIMESTAMPTZ),
            ])
            .await?;
        let applications = rows.iter().map(application).collect::<Result<Vec<_>>>()?;
        let total = one(totals)?.try_get("total")?;
        Ok(page.page(applications, total, |application| SortKey {
            number: micros(application.created_at),
            id: application.id.to_string(),
            ..SortKey::default()
        }))
    }
}

impl Transaction {
    /// One application.
    ///
    /// # Errors
    /// `NotFound` where the tenant has none of that id.
    pub async fn get_application(&self, id: Uuid) -> Result<Application> {
        let tenant_id = self.tenant_id()?;
        let query = Query::new(GET).bind(&tenant_id, Type::INT8).bind(&id, Type::UUID);
        found(self.query(query).await?, id)
    }

    /// Looks up what an application names.
    ///
    /// # Errors
    /// `NotFound` for the first that does not exist.
    pub async fn find_subject(&self, wish: &Wish) -> Result<Subject> {
        let rows = self
            .query(
                Query::new(
                    "-- find_subject
                    SELECT c.id AS category_id, coalesce(c.code, '') AS category, coalesce(tc.active, false) AS sold,
                           b.id AS brand_id, m.id AS model_id
                    FROM (SELECT) one
                    LEFT JOIN LATERAL (
                        SELECT id, code
                        FROM product_categories
                        WHERE code = $2 /* category */
                           OR id = (SELECT category_id FROM category_aliases WHERE alias = $2)
                        ORDER BY code <> $2
                        LIMIT 1
                    ) c ON true
                    LEFT JOIN tenant_categories tc ON tc.tenant_id = $1 /* tenant_id */ AND tc.category_id = c.id
                    LEFT JOIN brands b ON b.slug = $3 /* brand */
                    LEFT JOIN models m ON m.brand_id = b.id AND m.slug = $4 /* model */",
                )
                .bind(&self.tenant_id()?, Type::INT8)
                .bind(&wish.category, Type::TEXT)
                .bind(&wish.brand, Type::TEXT)
                .bind(&wish.model, Type::TEXT),
            )
            .await?;
        let row = one(rows)?;
        let category_id: Option<i64> = row.try_get("category_id")?;
        let (code, sold) = (row.try_get("category")?, row.try_get("sold")?);
        let subject = Subject {
            category: category_id.map(|id| CategoryRef { id, code, sold }),
            brand_id: row.try_get("brand_id")?,
            model_id: row.try_get("model_id")?,
        };
        for (kind, name, id) in [
            (Kind::Category, &wish.category, category_id),
            (Kind::Brand, &wish.brand, subject.brand_id),
            (Kind::Model, &wish.model, subject.model_id),
        ] {
            if id.is_none() && !name.is_empty() {
                return Err(Error::not_found(kind, name));
            }
        }
        Ok(subject)
    }

    /// The options of a category that the tenant sells.
    pub async fn list_options(&self, category_id: i64) -> Result<Vec<ProductOption>> {
        let (categories, languages) = (vec![category_id], words(&[Language::Ru]));
        let rows = self
            .query(
                Query::new(LIST_OPTIONS)
                    .bind(&self.tenant_id()?, Type::INT8)
                    .bind(&categories, Type::INT8_ARRAY)
                    .bind(&languages, Type::TEXT_ARRAY),
            )
            .await?;
        let (mut options, _) = options(&rows)?;
        Ok(options.remove(&category_id).unwrap_or_default())
    }

    /// Records an application, NEW, with its customer and its first event.
    ///
    /// # Errors
    /// `AlreadyExists` `REQUEST_ID_REUSED` if its request made one so long ago that the answer is forgotten.
    pub async fn create_application(
        &self,
        customer: &Customer,
        default_language: Language,
        wish: &Wish,
        subject: &Subject,
        request: &WriteRequest,
    ) -> Result<Application> {
        let customer_id = self.upsert_customer(customer, default_language).await?;
        let id = Uuid::now_v7();
        let category_id = subject.category.as_ref().map(|category| category.id);
        let selections = Json(&wish.selections);
        let (total, currency) = wish.quoted.clone().unzip();
        let created = self
            .execute(
                Query::new(
                    "-- create_application
                    INSERT INTO applications (tenant_id, id, request_id, request_sha256, kind, customer_id,
                                              category_id, brand_id, model_id, generation, year, vehicle_text,
                                              selections, quoted_total, quoted_currency, message)
                    VALUES ($1 /* tenant_id */, $2 /* id */, $3 /* request_id */, $4 /* request_sha256 */,
                            $5 /* kind */, $6 /* customer_id */, $7 /* category_id */, $8 /* brand_id */,
                            $9 /* model_id */, $10 /* generation */, $11 /* year */, $12 /* vehicle_text */,
                            $13 /* selections */, $14 /* quoted_total */, $15 /* quoted_currency */,
                            $16 /* message */)
                    ON CONFLICT (tenant_id, request_id) DO NOTHING",
                )
                .bind(&self.tenant_id()?, Type::INT8)
                .bind(&id, Type::UUID)
                .bind(&request.request_id, Type::UUID)
                .bind(&request.body_sha256, Type::BYTEA)
                .bind(&wish.kind.word(), Type::TEXT)
                .bind(&customer_id, Type::INT8)
                .bind(&category_id, Type::INT8)
                .bind(&subject.brand_id, Type::INT8)
                .bind(&subject.model_id, Type::INT8)
                .bind(&wish.generation, Type::TEXT)
                .bind(&wish.year, Type::INT2)
                .bind(&wish.vehicle_text, Type::TEXT)
                .bind(&selections, Type::JSONB)
                .bind(&total, Type::NUMERIC)
                .bind(&currency, Type::TEXT)
                .bind(&wish.message, Type::TEXT),
            )
            .await?;
        if created == 0 {
            return Err(Error::AlreadyExists {
                reason: "REQUEST_ID_REUSED",
                message: "this request_id made an application long ago; choose a new one".into(),
                metadata: Vec::new(),
            });
        }
        self.append_event(id, None, Status::New, "", "").await?;
        self.get_application(id).await
    }

    /// The customer's id; what is known of him stays where nothing newer is given.
    async fn upsert_customer(&self, customer: &Customer, default_language: Language) -> Result<i64> {
        let phone = Some(&customer.phone).filter(|phone| !phone.is_empty());
        let language = customer.language.map(Language::word);
        let rows = self
            .query(
                Query::new(
                    "-- upsert_customer
                    INSERT INTO customers AS t (tenant_id, channel, external_id, name, phone, username, language,
                                                updated_at)
                    VALUES ($1 /* tenant_id */, $2 /* channel */, $3 /* external_id */, $4 /* name */,
                            $5 /* phone */, $6 /* username */,
                            coalesce($7 /* language */, $8 /* default_language */), now())
                    ON CONFLICT (tenant_id, channel, external_id) DO UPDATE
                    SET name = coalesce(nullif(excluded.name, ''), t.name),
                        phone = coalesce(excluded.phone, t.phone),
                        username = coalesce(nullif(excluded.username, ''), t.username),
                        language = coalesce($7, t.language),
                        updated_at = excluded.updated_at
                    RETURNING id",
                )
                .bind(&self.tenant_id()?, Type::INT8)
                .bind(&customer.channel, Type::TEXT)
                .bind(&customer.external_id, Type::TEXT)
                .bind(&customer.name, Type::TEXT)
                .bind(&phone, Type::TEXT)
                .bind(&customer.username, Type::TEXT)
                .bind(&language, Type::TEXT)
                .bind(&default_language.word(), Type::TEXT),
            )
            .await?;
        Ok(one(rows)?.try_get("id")?)
    }

    /// Moves an application as it was read to another status and keeps who did it and why.
    ///
    /// # Errors
    /// `Aborted` if somebody else changed it since.
    pub async fn move_application(
        &self,
        read: &Application,
        to: Status,
        actor: &str,
        note: &str,
    ) -> Result<Application> {
        let moved = self
            .execute(
                Query::new(
                    "-- move_application
                    UPDATE applications
                    SET status = $4 /* status */, revision = revision + 1, updated_at = now()
                    WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */ AND revision = $3 /* revision */",
                )
                .bind(&self.tenant_id()?, Type::INT8)
                .bind(&read.id, Type::UUID)
                .bind(&read.revision, Type::INT8)
                .bind(&to.word(), Type::TEXT),
            )
            .await?;
        if moved == 0 {
            return Err(Error::Aborted {
                reason: "CONCURRENT_CHANGE",
                message: "somebody else changed the application at the same time; read it again, then decide again"
                    .into(),
            });
        }
        self.append_event(read.id, Some(read.status), to, actor, note).await?;
        self.get_application(read.id).await
    }
}

fn found(rows: Vec<Row>, id: Uuid) -> Result<Application> {
    let row = at_most_one(rows)?.ok_or_else(|| Error::not_found(Kind::Application, id.to_string()))?;
    application(&row)
}

/// Reads the columns of [`columns`].
pub(super) fn application(row: &Row) -> Result<Application> {
    let Json(selections): Json<Vec<Named>> = row.try_get("selections")?;
    let total: Option<rust_decimal::Decimal> = row.try_get("quoted_total")?;
    Ok(Application {
        id: row.try_get("application_id")?,
        status: word(row, "status")?,
        customer: Customer {
            channel: row.try_get("channel")?,
            external_id: row.try_get("external_id")?,
            name: row.try_get("name")?,
            phone: row.try_get("phone")?,
            username: row.try_get("username")?,
            language: optional_word(row, "language")?,
        },
        wish: Wish {
            kind: word(row, "kind")?,
            category: row.try_get("category")?,
            brand: row.try_get("brand")?,
            model: row.try_get("model")?,
            generation: row.try_get("generation")?,
            year: row.try_get("year")?,
            vehicle_text: row.try_get("vehicle_text")?,
            selections,
            quoted: total.zip(row.try_get("quoted_currency")?),
            message: row.try_get("message")?,
        },
        created_at: row.try_get("created")?,
        updated_at: row.try_get("updated")?,
        revision: row.try_get("revision")?,
    })
}

/// Microseconds since 1970, PostgreSQL's own precision.
fn micros(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn from_micros(micros: i64) -> SystemTime {
    // A token may hold anything: at most the year 9999.
    let micros = u64::try_from(micros).unwrap_or_default().min(253_402_300_799_000_000);
    SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
}
