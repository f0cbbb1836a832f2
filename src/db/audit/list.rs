//! Events, newest first: a tenant's, or all of them.

use std::time::SystemTime;

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::read_origin;
use crate::db::applications::{from_micros, micros};
use crate::db::query::{Query, one, word};
use crate::db::{Db, Tenant};
use crate::domain::audit::{Change, Event, Filter};
use crate::domain::error::Result;
use crate::domain::page::{Page, PageRequest, SortKey};

/// What [`event`] reads but for the tenant, of `a`.
macro_rules! audit_event_columns {
    () => {
        "a.occurred_at, a.id, a.method, a.resource_kind, a.resource, a.summary, a.actor, a.key_prefix, a.actor_name,
         a.peer, a.request_id"
    };
}

/// Which of `a` are meant: $1 to $5.
macro_rules! audit_event_filter {
    () => {
        "($1 /* occurred_after */ IS NULL OR a.occurred_at >= $1)
         AND ($2 /* occurred_before */ IS NULL OR a.occurred_at < $2)
         AND ($3 /* method */ IS NULL OR $3 IN (a.method, split_part(a.method, '/', 2)))
         AND ($4 /* key_prefix */ IS NULL OR a.key_prefix = $4)
         AND ($5 /* resource */ IS NULL OR $5 = ANY (string_to_array(a.resource, ', ')))"
    };
}

/// And of those the ones of the page: $6 to $8. The jump is for the whole list: none of its parts is cut short by it.
macro_rules! audit_event_page {
    () => {
        "($6 /* after_time */ IS NULL OR (a.occurred_at, a.id) < ($6, $7 /* after_id */))
         ORDER BY a.occurred_at DESC, a.id DESC
         LIMIT $8 /* limit */ + $9 /* skip */"
    };
}

const LIST: &str = concat!(
    "-- list_audit_events
    SELECT t.slug AS tenant, ",
    audit_event_columns!(),
    " FROM audit_events a
    JOIN tenants t ON t.id = a.tenant_id
    WHERE a.tenant_id = $10 /* tenant_id */ AND ",
    audit_event_filter!(),
    " AND ",
    audit_event_page!(),
    " OFFSET $9"
);

const COUNT: &str = concat!(
    "-- count_audit_events
    SELECT count(*) AS total
    FROM audit_events a
    WHERE a.tenant_id = $6 /* tenant_id */ AND ",
    audit_event_filter!()
);

/// Each tenant's newest ones, by the index, and of all those the newest.
const LIST_ALL: &str = concat!(
    "-- list_all_audit_events
    SELECT a.tenant, ",
    audit_event_columns!(),
    " FROM (
        SELECT t.slug AS tenant, own.occurred_at, own.id, own.method, own.resource_kind, own.resource, own.summary,
               own.actor, own.key_prefix, own.actor_name, own.peer, own.request_id
        FROM tenants t
        CROSS JOIN LATERAL (
            SELECT ",
    audit_event_columns!(),
    " FROM audit_events a
            WHERE a.tenant_id = t.id AND ",
    audit_event_filter!(),
    " AND ",
    audit_event_page!(),
    ") own
        UNION ALL
        (SELECT NULL, ",
    audit_event_columns!(),
    " FROM shared_audit_events a
        WHERE ",
    audit_event_filter!(),
    " AND ",
    audit_event_page!(),
    ")
    ) a
    ORDER BY a.occurred_at DESC, a.id DESC
    LIMIT $8 OFFSET $9"
);

const COUNT_ALL: &str = concat!(
    "-- count_all_audit_events
    SELECT (SELECT count(*) FROM audit_events a WHERE ",
    audit_event_filter!(),
    ") + (SELECT count(*) FROM shared_audit_events a WHERE ",
    audit_event_filter!(),
    ") AS total"
);

/// Lets a transaction see the events of every tenant.
const READ_ALL: &str = "-- read_audit_events\n SET LOCAL app.reads_audit_events = 'on'";

impl Tenant<'_> {
    /// One page of the tenant's events, newest first.
    pub async fn list_audit_events(&self, filter: &Filter, page: &PageRequest) -> Result<Page<Event>> {
        let (after_time, after_id) = after(page);
        let (limit, skip) = (page.limit(), page.skip);
        let list = filtered(LIST, filter)
            .bind(&after_time, Type::TIMESTAMPTZ)
            .bind(&after_id, Type::UUID)
            .bind(&limit, Type::INT8)
            .bind(&skip, Type::INT8)
            .bind(&self.id.0, Type::INT8);
        let count = filtered(COUNT, filter).bind(&self.id.0, Type::INT8);
        let [rows, totals] = self.read([list, count]).await?;
        paged(page, &rows, totals)
    }
}

impl Db {
    /// One page of all events there are, newest first.
    pub async fn list_audit_events(&self, filter: &Filter, page: &PageRequest) -> Result<Page<Event>> {
        let (after_time, after_id) = after(page);
        let (limit, skip) = (page.limit(), page.skip);
        let list = filtered(LIST_ALL, filter)
            .bind(&after_time, Type::TIMESTAMPTZ)
            .bind(&after_id, Type::UUID)
            .bind(&limit, Type::INT8)
            .bind(&skip, Type::INT8);
        let [_, rows, totals] = self.read([Query::new(READ_ALL), list, filtered(COUNT_ALL, filter)]).await?;
        paged(page, &rows, totals)
    }
}

fn filtered<'a>(sql: &'static str, filter: &'a Filter) -> Query<'a> {
    Query::new(sql)
        .bind(&filter.occurred_after, Type::TIMESTAMPTZ)
        .bind(&filter.occurred_before, Type::TIMESTAMPTZ)
        .bind(&filter.method, Type::TEXT)
        .bind(&filter.key_prefix, Type::TEXT)
        .bind(&filter.resource, Type::TEXT)
}

/// Where the page goes on.
fn after(page: &PageRequest) -> (Option<SystemTime>, Uuid) {
    let key = page.after.as_ref();
    (key.map(|key| from_micros(key.number)), key.and_then(|key| key.id.parse().ok()).unwrap_or_default())
}

fn paged(page: &PageRequest, rows: &[Row], totals: Vec<Row>) -> Result<Page<Event>> {
    let events = rows.iter().map(event).collect::<Result<Vec<_>>>()?;
    let total = one(totals)?.try_get("total")?;
    Ok(page.page(events, total, |event| SortKey {
        number: micros(event.occurred_at),
        id: event.id.to_string(),
        ..SortKey::default()
    }))
}

fn event(row: &Row) -> Result<Event> {
    let change = Change {
        kind: word(row, "resource_kind")?,
        resource: row.try_get("resource")?,
        summary: row.try_get("summary")?,
    };
    Ok(Event {
        id: row.try_get("id")?,
        tenant: row.try_get("tenant")?,
        occurred_at: row.try_get("occurred_at")?,
        change,
        origin: read_origin(row)?,
    })
}
