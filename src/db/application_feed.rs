//! What happened to a tenant's applications, in the order in which it became true.

use std::collections::HashMap;

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::applications::{application, columns, joins};
use super::query::{Query, one, optional_word, word};
use super::{Db, Tenant, Transaction};
use crate::domain::application::update::Field;
use crate::domain::application::{Application, Event, EventKind, Status};
use crate::domain::error::Result;
use crate::domain::tenant::TenantId;

const LIST: &str = concat!(
    "-- list_application_events
    SELECT e.id AS place, e.kind AS event_kind, e.from_status, e.to_status, e.actor, e.note, e.fields,
           e.created_at AS occurred, ",
    columns!(),
    " FROM application_events e
    JOIN applications a ON a.tenant_id = e.tenant_id AND a.id = e.application_id ",
    joins!(),
    " WHERE e.tenant_id = $1 /* tenant_id */ AND e.id > $2 /* after */
    ORDER BY e.id
    LIMIT $3 /* limit */"
);

/// The longest history that is answered: the last so many events.
const HISTORY: i64 = 500;

impl Tenant<'_> {
    /// What happened to one application, oldest first.
    pub async fn list_application_history(&self, application: &Application) -> Result<Vec<Event>> {
        let query = Query::new(
            "-- list_application_history
            SELECT id AS place, kind AS event_kind, from_status, to_status, actor, note, fields, created_at AS occurred
            FROM application_events
            WHERE tenant_id = $1 /* tenant_id */ AND application_id = $2 /* id */
            ORDER BY id DESC
            LIMIT $3 /* limit */",
        );
        let query = query.bind(&self.id.0, Type::INT8).bind(&application.id, Type::UUID).bind(&HISTORY, Type::INT8);
        let [rows] = self.read([query]).await?;
        rows.iter().rev().map(|row| event(row, application.clone())).collect()
    }

    /// The first events behind a place in the feed. None can come in before them later.
    pub async fn list_application_events(&self, after: i64, limit: i64) -> Result<Vec<Event>> {
        let query = Query::new(LIST).bind(&self.id.0, Type::INT8).bind(&after, Type::INT8).bind(&limit, Type::INT8);
        let [rows] = self.read([query]).await?;
        rows.iter().map(|row| event(row, application(row)?)).collect()
    }

    /// The place of the last event; 0 before the first.
    pub async fn last_application_event(&self) -> Result<i64> {
        let [rows] = self
            .read([Query::new(
                "-- last_application_event
                SELECT coalesce(max(last_place), 0) AS place
                FROM application_feeds
                WHERE tenant_id = $1 /* tenant_id */",
            )
            .bind(&self.id.0, Type::INT8)])
            .await?;
        Ok(one(rows)?.try_get("place")?)
    }
}

/// What happened to an application, as it is appended.
pub(super) struct Happened<'a> {
    /// None: it was created or moved.
    kind: Option<EventKind>,
    from: Option<Status>,
    to: Status,
    actor: &'a str,
    note: &'a str,
    fields: Vec<&'static str>,
}

impl<'a> Happened<'a> {
    /// It went from one status (none: there was no application) to another.
    pub(super) const fn moved(from: Option<Status>, to: Status, actor: &'a str, note: &'a str) -> Self {
        Self { kind: None, from, to, actor, note, fields: Vec::new() }
    }

    /// Somebody noted something about one of this status.
    pub(super) fn noted(status: Status, actor: &'a str, note: &'a str) -> Self {
        Self { kind: Some(EventKind::Noted), ..Self::moved(Some(status), status, actor, note) }
    }

    /// Somebody changed these fields of one of this status.
    pub(super) fn updated(status: Status, actor: &'a str, fields: &[Field]) -> Self {
        let fields = fields.iter().map(|field| field.word()).collect();
        Self { kind: Some(EventKind::Updated), fields, ..Self::moved(Some(status), status, actor, "") }
    }
}

fn event(row: &Row, application: Application) -> Result<Event> {
    let from = optional_word(row, "from_status")?;
    let moved = if from.is_none() { EventKind::Created } else { EventKind::Transitioned };
    Ok(Event {
        place: row.try_get("place")?,
        kind: optional_word(row, "event_kind")?.unwrap_or(moved),
        from,
        to: word(row, "to_status")?,
        actor: row.try_get("actor")?,
        note: row.try_get("note")?,
        fields: row.try_get("fields")?,
        occurred_at: row.try_get("occurred")?,
        application,
    })
}

impl Db {
    /// The places of the last events of these tenants, in one pipeline; one that has none is left out.
    pub async fn last_application_events(&self, tenants: &[TenantId]) -> Result<HashMap<TenantId, i64>> {
        let ids: Vec<i64> = tenants.iter().map(|tenant| tenant.0).collect();
        let [_, rows] = self
            .read([
                Query::new("-- watch_feeds\n SET LOCAL app.watches_feeds = 'on'"),
                Query::new(
                    "-- last_application_events
                    SELECT tenant_id, last_place
                    FROM application_feeds
                    WHERE tenant_id = ANY ($1 /* tenant_ids */)",
                )
                .bind(&ids, Type::INT8_ARRAY),
            ])
            .await?;
        rows.iter().map(|row| Ok((TenantId(row.try_get("tenant_id")?), row.try_get("last_place")?))).collect()
    }
}

impl Transaction {
    /// Appends to the tenant's feed. Until this transaction ends, others who append wait: an event is seen only after
    /// all before it. So this is a transaction's last step but for reading.
    pub(super) async fn append_event(&self, application_id: Uuid, happened: Happened<'_>) -> Result<()> {
        let Happened { kind, from, to, actor, note, fields } = happened;
        self.execute(
            Query::new(
                "-- append_application_event
                WITH feed AS (
                    INSERT INTO application_feeds AS t (tenant_id, last_place)
                    VALUES ($1 /* tenant_id */, 1)
                    ON CONFLICT (tenant_id) DO UPDATE SET last_place = t.last_place + 1
                    RETURNING last_place
                )
                INSERT INTO application_events (tenant_id, id, application_id, from_status, to_status, actor, note, kind,
                                                fields, created_at)
                SELECT $1, last_place, $2 /* application_id */, $3 /* from_status */, $4 /* to_status */,
                       $5 /* actor */, $6 /* note */, $7 /* kind */, $8 /* fields */, clock_timestamp()
                FROM feed",
            )
            .bind(&self.tenant_id()?, Type::INT8)
            .bind(&application_id, Type::UUID)
            .bind(&from.map(Status::word), Type::TEXT)
            .bind(&to.word(), Type::TEXT)
            .bind(&actor, Type::TEXT)
            .bind(&note, Type::TEXT)
            .bind(&kind.map(EventKind::word), Type::TEXT)
            .bind(&fields, Type::TEXT_ARRAY),
        )
        .await?;
        Ok(())
    }

    /// Appends, for each of these applications, that its customer was deleted: like [`Transaction::append_event`].
    pub(super) async fn append_customer_deleted(&self, application_ids: &[Uuid]) -> Result<()> {
        if application_ids.is_empty() {
            return Ok(());
        }
        self.execute(
            Query::new(
                "-- append_customer_deleted
                WITH feed AS (
                    INSERT INTO application_feeds AS t (tenant_id, last_place)
                    VALUES ($1 /* tenant_id */, cardinality($2 /* application_ids */))
                    ON CONFLICT (tenant_id) DO UPDATE SET last_place = t.last_place + cardinality($2)
                    RETURNING last_place
                )
                INSERT INTO application_events (tenant_id, id, application_id, from_status, to_status, kind, created_at)
                SELECT $1, last_place - row_number() OVER (ORDER BY a.id DESC) + 1, a.id, a.status, a.status,
                       'customer_deleted', clock_timestamp()
                FROM feed
                CROSS JOIN applications a
                WHERE a.tenant_id = $1 AND a.id = ANY ($2)",
            )
            .bind(&self.tenant_id()?, Type::INT8)
            .bind(&application_ids, Type::UUID_ARRAY),
        )
        .await?;
        Ok(())
    }
}
