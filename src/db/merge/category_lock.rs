//! Whose turn it is: one at a time writes a tenant's category, an import or somebody by hand. Readers see the patterns before or
//! after.

use std::time::Duration;

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{Merge, STEP_TIMEOUT};
use crate::db::query::{Query, at_most_one, one, word};
use crate::db::{Tenant, Transaction};
use crate::domain::error::{Error, Kind, Result};
use crate::domain::import::{Mode, State};

/// How often somebody who is answered at once asks for the turn, and how long after each try.
const TRIES: usize = 20;
const TRY_EVERY: Duration = Duration::from_millis(100);

/// An import whose turn it is, in the state and revision its caller saw.
pub(super) struct CategoryLock {
    pub merge: Merge,
    pub mode: Mode,
}

impl Tenant<'_> {
    /// Takes the turn for an import that has ended; none if it is no longer as its caller saw it.
    ///
    /// # Errors
    /// `NotFound`, and `FailedPrecondition` `IMPORT_RUNNING` while another one writes.
    pub(super) async fn lock_category(&self, id: Uuid, state: State, revision: i64) -> Result<Option<CategoryLock>> {
        let tx = self.transaction(STEP_TIMEOUT).await?;
        let query = Query::new(
            "-- find_import_category
            SELECT category_id FROM imports WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */",
        );
        let found = at_most_one(tx.query(query.bind(&self.id.0, Type::INT8).bind(&id, Type::UUID)).await?)?;
        let category_id =
            found.ok_or_else(|| Error::not_found(Kind::Import, id.to_string()))?.try_get("category_id")?;
        let merge = Merge {
            tx,
            tenant_id: self.id.0,
            import_id: id,
            category_id,
            lease: self.import_lease(),
            holder: self.db.holder,
        };
        merge.tx.try_for_turn(category_id).await?;
        let locked = merge
            .tx
            .query(
                Query::new(
                    "-- lock_import
                    SELECT mode, state, revision
                    FROM imports
                    WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */
                    FOR NO KEY UPDATE",
                )
                .bind(&self.id.0, Type::INT8)
                .bind(&id, Type::UUID),
            )
            .await?;
        // Deleted meanwhile: so finds whoever looks again.
        let Some(row) = at_most_one(locked)? else { return Ok(None) };
        let is_as_seen = word::<State>(&row, "state")? == state && row.try_get::<_, i64>("revision")? == revision;
        let mode = word(&row, "mode")?;
        Ok(is_as_seen.then_some(CategoryLock { merge, mode }))
    }
}

impl Merge {
    /// What an import recorded a moment ago has no statistics yet: planned for a handful of rows, nested loops over it
    /// would not finish.
    pub(super) async fn plan_for_sets(&self) -> Result<()> {
        self.tx.batch("-- plan_for_sets\n SET LOCAL enable_nestloop = off; SET LOCAL enable_mergejoin = off").await
    }

    /// Waits until nobody else writes into the category.
    pub(super) async fn wait_for_turn(&self) -> Result<()> {
        self.tx
            .query(
                Query::new(
                    "-- wait_for_turn
                    SELECT pg_advisory_xact_lock(hashtextextended(
                        format('lekalo import %s %s', $1 /* tenant_id */, $2 /* category_id */), 0))::text",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.category_id, Type::INT8),
            )
            .await?;
        Ok(())
    }
}

impl Transaction {
    /// Waits no longer than a person would, and says who writes.
    ///
    /// # Errors
    /// `FailedPrecondition` `IMPORT_RUNNING`.
    pub(in crate::db) async fn try_for_turn(&self, category_id: i64) -> Result<()> {
        let tenant_id = self.tenant_id()?;
        for _ in 0..TRIES {
            let tried = self
                .query(
                    Query::new(
                        "-- try_for_turn
                        SELECT pg_try_advisory_xact_lock(hashtextextended(
                            format('lekalo import %s %s', $1 /* tenant_id */, $2 /* category_id */), 0)) AS taken",
                    )
                    .bind(&tenant_id, Type::INT8)
                    .bind(&category_id, Type::INT8),
                )
                .await?;
            if one(tried)?.try_get("taken")? {
                return Ok(());
            }
            tokio::time::sleep(TRY_EVERY).await;
        }
        let running = self
            .query(
                Query::new(
                    "-- find_running_import
                    SELECT id
                    FROM imports
                    WHERE tenant_id = $1 /* tenant_id */ AND category_id = $2 /* category_id */ AND state = 'running'
                      AND lease_until >= now()
                    ORDER BY id
                    LIMIT 1",
                )
                .bind(&tenant_id, Type::INT8)
                .bind(&category_id, Type::INT8),
            )
            .await?;
        let id = at_most_one(running)?.map(|row| row.try_get::<_, Uuid>("id")).transpose()?;
        let who = id.map_or_else(|| "another import".to_owned(), |id| format!("import {id}"));
        Err(Error::FailedPrecondition {
            reason: "IMPORT_RUNNING",
            message: format!("{who} is being written into this category; try again when it has ended"),
            metadata: id.map(|id| ("import", id.to_string())).into_iter().collect(),
        })
    }
}
