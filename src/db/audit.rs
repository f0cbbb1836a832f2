//! The audit trail. A transaction says what it changes ([`Transaction::changes`]); its commit writes that down with it, and
//! refuses what was not said. On whose behalf the work at hand is done, those say who begin it ([`on_behalf_of`]).

mod list;
mod retention;

use std::sync::{Arc, Mutex, PoisonError};

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::query::{Query, at_most_one, word};
use super::{Db, Tenant, Transaction};
use crate::domain::audit::{Actor, Change, Origin};
use crate::domain::error::{Error, Result};
use crate::domain::tenant::TenantId;

tokio::task_local! {
    static ORIGIN: Arc<Origin>;
}

/// Does work that somebody asked for.
pub async fn on_behalf_of<F: Future>(origin: Origin, work: F) -> F::Output {
    ORIGIN.scope(Arc::new(origin), work).await
}

/// Who asked for the work at hand.
pub fn origin() -> Arc<Origin> {
    ORIGIN.try_with(Arc::clone).unwrap_or_else(|_| Arc::new(Origin::system("unknown")))
}

/// The same for what goes on in a task of its own.
pub fn in_task<F: Future>(work: F) -> impl Future<Output = F::Output> {
    ORIGIN.scope(origin(), work)
}

/// A change of this tenant's; none: of what all of them share.
type Said = (Option<TenantId>, Change);

/// What a transaction has said of its changes; none: nothing yet.
#[derive(Default)]
pub(super) struct Changes(Mutex<Option<Vec<Said>>>);

impl Changes {
    fn add(&self, changes: impl IntoIterator<Item = Said>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().extend(changes);
    }

    /// What there is to write down.
    ///
    /// # Errors
    /// `Internal` where nothing was said: whoever wrote the transaction forgot it.
    pub(super) fn events(&self) -> Result<Vec<NewEvent>> {
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let said = said.ok_or_else(|| Error::internal("a transaction that does not say what it changes"))?;
        Ok(said.into_iter().map(|(tenant, change)| NewEvent::now(tenant, change)).collect())
    }
}

/// An event on its way into the trail.
pub(super) struct NewEvent {
    pub(super) tenant: Option<TenantId>,
    id: Uuid,
    change: Change,
    /// As the table has them.
    kind: &'static str,
    actor: &'static str,
    origin: Arc<Origin>,
}

impl NewEvent {
    fn now(tenant: Option<TenantId>, change: Change) -> Self {
        let origin = origin();
        let (kind, actor) = (change.kind.word(), origin.actor.kind.word());
        Self { tenant, id: Uuid::now_v7(), change, kind, actor, origin }
    }

    pub(super) fn insert(&self) -> Query<'_> {
        let (change, Origin { method, actor, peer, request_id }) = (&self.change, &*self.origin);
        let query = Query::new(if self.tenant.is_some() { RECORD } else { RECORD_SHARED })
            .bind(&self.id, Type::UUID)
            .bind(method, Type::TEXT)
            .bind(&self.kind, Type::TEXT)
            .bind(&change.resource, Type::TEXT)
            .bind(&change.summary, Type::TEXT)
            .bind(&self.actor, Type::TEXT)
            .bind(&actor.key_prefix, Type::TEXT)
            .bind(&actor.name, Type::TEXT)
            .bind(peer, Type::INET)
            .bind(request_id, Type::TEXT);
        match &self.tenant {
            Some(tenant) => query.bind(&tenant.0, Type::INT8),
            None => query,
        }
    }
}

impl Transaction {
    /// Says what it changes of its tenant, or, outside any, of what all of them share.
    pub fn changes(&self, change: Change) {
        self.changes_of(self.tenant, change);
    }

    /// The same of another tenant's; none: of what all of them share.
    pub(super) fn changes_of(&self, tenant: Option<TenantId>, change: Change) {
        self.changes.add([(tenant, change)]);
    }

    /// Says that all is as it was, so that there is nothing to tell.
    pub fn changes_nothing(&self) {
        self.changes.add([]);
    }
}

impl Db {
    /// Writes down what was done past the service.
    pub async fn record(&self, change: Change) -> Result<()> {
        let tx = self.transaction().await?;
        tx.changes(change);
        tx.commit().await
    }
}

impl Tenant<'_> {
    /// Who asked for an import, as the trail has it; the server itself where that is not known any more.
    pub async fn origin_of_import(&self, import: Uuid) -> Result<Origin> {
        let [rows] = self
            .read([Query::new(
                "-- origin_of_import
                SELECT a.method, a.actor, a.key_prefix, a.actor_name, a.peer, a.request_id
                FROM imports i
                JOIN audit_events a
                  ON a.tenant_id = i.tenant_id AND a.occurred_at >= i.created_at AND a.resource_kind = 'import'
                     AND a.resource = i.id::text
                WHERE i.tenant_id = $1 /* tenant_id */ AND i.id = $2 /* import_id */
                ORDER BY a.occurred_at
                LIMIT 1",
            )
            .bind(&self.id.0, Type::INT8)
            .bind(&import, Type::UUID)])
            .await?;
        match at_most_one(rows)? {
            None => Ok(Origin::system("unknown")),
            Some(row) => read_origin(&row),
        }
    }
}

fn read_origin(row: &Row) -> Result<Origin> {
    let actor =
        Actor { kind: word(row, "actor")?, key_prefix: row.try_get("key_prefix")?, name: row.try_get("actor_name")? };
    Ok(Origin {
        method: row.try_get("method")?,
        actor,
        peer: row.try_get("peer")?,
        request_id: row.try_get("request_id")?,
    })
}

// Both bind alike but for the tenant_id, which comes last.

const RECORD: &str = "-- record_audit_event
    INSERT INTO audit_events (tenant_id, id, method, resource_kind, resource, summary, actor, key_prefix, actor_name,
                              peer, request_id)
    VALUES ($11 /* tenant_id */, $1 /* id */, $2 /* method */, $3 /* resource_kind */, $4 /* resource */,
            $5 /* summary */, $6 /* actor */, $7 /* key_prefix */, $8 /* actor_name */, $9 /* peer */,
            $10 /* request_id */)";

const RECORD_SHARED: &str = "-- record_shared_audit_event
    INSERT INTO shared_audit_events (id, method, resource_kind, resource, summary, actor, key_prefix, actor_name, peer,
                                     request_id)
    VALUES ($1 /* id */, $2 /* method */, $3 /* resource_kind */, $4 /* resource */, $5 /* summary */, $6 /* actor */,
            $7 /* key_prefix */, $8 /* actor_name */, $9 /* peer */, $10 /* request_id */)";
