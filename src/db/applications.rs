//! Applications: what customers asked for. They are written in [`super::application_writes`]; the feed of what happens to
//! them is in [`super::application_feed`].

use std::time::{Duration, SystemTime};

use rust_decimal::Decimal;
use tokio_postgres::Row;
use tokio_postgres::types::{Json, Type};
use uuid::Uuid;

use super::query::{Query, at_most_one, one, optional_word, word, words_of};
use super::{Tenant, Transaction};
use crate::domain::application::{Application, Customer, ExternalRef, Filter, Kind as Asked, Status, Wish};
use crate::domain::error::{Error, Kind, Result};
use crate::domain::page::{Page, PageRequest, SortKey};
use crate::domain::price::{Amount, Named};

/// What [`application`] reads; `a` is the application.
macro_rules! columns {
    () => {
        "a.id AS application_id, a.kind, a.status, a.generation, a.year, a.vehicle_text, a.selections, a.quoted_total,
         a.quoted_total_max, a.quoted_at_least, a.quoted_currency, a.message, a.created_at AS created,
         a.updated_at AS updated, a.revision, coalesce(tc.code, c.code, '') AS category, coalesce(b.slug, '') AS brand,
         coalesce(m.slug, '') AS model, a.customer_id, coalesce(u.channel, a.erased_channel) AS channel,
         coalesce(u.external_id, '') AS external_id, a.contact_name,
         coalesce(a.contact_phone, '') AS contact_phone, a.contact_username, a.contact_language,
         a.assignee, a.external_refs"
    };
}
/// Where they come from.
macro_rules! joins {
    () => {
        "LEFT JOIN customers u ON u.tenant_id = a.tenant_id AND u.id = a.customer_id
         LEFT JOIN tenant_categories tc ON tc.tenant_id = a.tenant_id AND tc.category_id = a.category_id
         LEFT JOIN product_categories c ON c.id = a.category_id
         LEFT JOIN brands b ON b.id = a.brand_id
         LEFT JOIN models m ON m.id = a.model_id"
    };
}
pub(super) use {columns, joins};

/// Which of them a list has; its values are those of [`filtered`]. The text has no line break, which parts what it may be in.
macro_rules! filters {
    () => {
        concat!(
        "a.tenant_id = $1 /* tenant_id */
        AND ($2 /* status */ IS NULL OR a.status = $2) AND ($3 /* kind */ IS NULL OR a.kind = $3)
        AND ($4 /* created_after */ IS NULL OR a.created_at >= $4)
        AND ($5 /* created_before */ IS NULL OR a.created_at < $5)
        AND ($6 /* channel */ IS NULL OR coalesce(u.channel, a.erased_channel) = $6) AND ($7 /* external_id */ IS NULL OR u.external_id = $7)
        AND ($8 /* phone */ IS NULL OR a.contact_phone = $8)
        AND ($9 /* number */ IS NULL OR right(a.id::text, 8) = $9)
        AND ($10 /* assignee */ IS NULL OR a.assignee = $10)
        AND ($11 /* text */ IS NULL
             OR strpos(lower(concat_ws(E'\\n', ", words_of!("a.message"), ",
                                      ", words_of!("a.vehicle_text"), ",
                                      ", words_of!("a.contact_name"), ")), lower($11)) > 0
             OR EXISTS (SELECT FROM application_events e
                        WHERE e.tenant_id = $1 AND e.application_id = a.id
                          AND strpos(lower(", words_of!("e.note"), "), lower($11)) > 0))
        AND ($12 /* external_ref_system */ IS NULL
             OR EXISTS (SELECT FROM jsonb_array_elements(a.external_refs) r
                        WHERE r ->> 'system' = $12 AND ($13 /* external_ref_id */ IS NULL OR r ->> 'id' = $13)))"
        )
    };
}

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
    " WHERE ",
    filters!(),
    " AND ($14 /* after_time */ IS NULL OR (a.created_at, a.id) < ($14, $15 /* after_id */))
    ORDER BY a.created_at DESC, a.id DESC
    LIMIT $16 /* limit */ OFFSET $17 /* skip */"
);

const COUNT: &str = concat!(
    "-- count_applications
    SELECT count(*) AS total
    FROM applications a
    LEFT JOIN customers u ON u.tenant_id = a.tenant_id AND u.id = a.customer_id
    WHERE ",
    filters!()
);

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
        let bound = Bound { status: filter.status.map(Status::word), kind: filter.kind.map(Asked::word), filter };
        let tenant_id = self.id.0;
        let after_time = page.after.as_ref().map(|key| from_micros(key.number));
        let after_id: Uuid = page.after.as_ref().and_then(|key| key.id.parse().ok()).unwrap_or_default();
        let (limit, skip) = (page.limit(), page.skip);
        let [rows, totals] = self
            .read([
                filtered(LIST, &tenant_id, &bound)
                    .bind(&after_time, Type::TIMESTAMPTZ)
                    .bind(&after_id, Type::UUID)
                    .bind(&limit, Type::INT8)
                    .bind(&skip, Type::INT8),
                filtered(COUNT, &tenant_id, &bound),
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

/// A filter as its values are bound.
struct Bound<'a> {
    status: Option<&'static str>,
    kind: Option<&'static str>,
    filter: &'a Filter,
}

fn filtered<'a>(sql: &'static str, tenant_id: &'a i64, bound: &'a Bound<'a>) -> Query<'a> {
    let filter = bound.filter;
    Query::new(sql)
        .bind(tenant_id, Type::INT8)
        .bind(&bound.status, Type::TEXT)
        .bind(&bound.kind, Type::TEXT)
        .bind(&filter.created_after, Type::TIMESTAMPTZ)
        .bind(&filter.created_before, Type::TIMESTAMPTZ)
        .bind(&filter.channel, Type::TEXT)
        .bind(&filter.external_id, Type::TEXT)
        .bind(&filter.phone, Type::TEXT)
        .bind(&filter.number, Type::TEXT)
        .bind(&filter.assignee, Type::TEXT)
        .bind(&filter.text, Type::TEXT)
        .bind(&filter.external_ref_system, Type::TEXT)
        .bind(&filter.external_ref_id, Type::TEXT)
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
}

fn found(rows: Vec<Row>, id: Uuid) -> Result<Application> {
    let row = at_most_one(rows)?.ok_or_else(|| Error::not_found(Kind::Application, id.to_string()))?;
    application(&row)
}

/// Reads the columns of [`columns`].
pub(super) fn application(row: &Row) -> Result<Application> {
    let customer_id: Option<i64> = row.try_get("customer_id")?;
    let Json(external_refs): Json<Vec<ExternalRef>> = row.try_get("external_refs")?;
    let Json(selections): Json<Vec<Named>> = row.try_get("selections")?;
    let quoted: Option<Decimal> = row.try_get("quoted_total")?;
    let quoted = quoted.zip(row.try_get("quoted_currency")?);
    let (quoted_max, at_least) = (row.try_get("quoted_total_max")?, row.try_get("quoted_at_least")?);
    Ok(Application {
        id: row.try_get("application_id")?,
        status: word(row, "status")?,
        customer: Customer {
            id: customer_id,
            channel: row.try_get("channel")?,
            external_id: row.try_get("external_id")?,
            name: row.try_get("contact_name")?,
            phone: row.try_get("contact_phone")?,
            username: row.try_get("contact_username")?,
            language: optional_word(row, "contact_language")?.filter(|_| customer_id.is_some()),
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
            quoted: quoted.map(|(total, currency)| (Amount::stored(total, quoted_max, at_least), currency)),
            message: row.try_get("message")?,
            external_refs,
        },
        assignee: row.try_get("assignee")?,
        created_at: row.try_get("created")?,
        updated_at: row.try_get("updated")?,
        revision: row.try_get("revision")?,
    })
}

/// Microseconds since 1970, PostgreSQL's own precision.
pub(super) fn micros(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

pub(super) fn from_micros(micros: i64) -> SystemTime {
    // A token may hold anything: at most the year 9999.
    let micros = u64::try_from(micros).unwrap_or_default().min(253_402_300_799_000_000);
    SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
}
