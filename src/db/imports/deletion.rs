//! Deleting what is known of an import that has ended.

use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::db::Tenant;
use crate::db::query::{Query, at_most_one};
use crate::domain::audit::{Change, ResourceKind};
use crate::domain::error::{Error, Result};

impl Tenant<'_> {
    /// An import that was written earlier, and stands, could be put back over what this one changed if that were not known any
    /// more. There will be none that was not there now: whatever is written later comes after this one.
    ///
    /// # Errors
    /// `FailedPrecondition` `IMPORT_NOT_OLDEST` if there is one.
    pub async fn refuse_unless_oldest(&self, id: Uuid) -> Result<()> {
        let [older] = self
            .read([Query::new(
                "-- find_older_import
                SELECT o.id
                FROM imports i
                JOIN imports o ON o.tenant_id = i.tenant_id AND o.category_id = i.category_id
                    AND o.state = 'succeeded' AND o.id <> i.id
                WHERE i.tenant_id = $1 /* tenant_id */ AND i.id = $2 /* id */
                  AND (coalesce(o.write_number, 0), o.finished_at)
                      < (coalesce(i.last_write_number, i.write_number, 0), i.finished_at)
                ORDER BY o.write_number NULLS FIRST, o.finished_at
                LIMIT 1",
            )
            .bind(&self.id.0, Type::INT8)
            .bind(&id, Type::UUID)])
            .await?;
        let Some(older) = at_most_one(older)? else { return Ok(()) };
        let older: Uuid = older.try_get("id")?;
        Err(Error::FailedPrecondition {
            reason: "IMPORT_NOT_OLDEST",
            message: format!("the import {older} was written before it, and stands: delete or revert that one first"),
            metadata: vec![("import", older.to_string())],
        })
    }

    /// Deletes an import of this revision, with its rows; `false` if it is no longer that.
    pub async fn delete_import(&self, id: Uuid, revision: i64) -> Result<bool> {
        let tx = self.write_transaction().await?;
        let of_import = |sql| Query::new(sql).bind(&self.id.0, Type::INT8).bind(&id, Type::UUID);
        let delete = of_import(
            "-- delete_import
            DELETE FROM imports
            WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */ AND revision = $3 /* revision */",
        );
        let is_deleted = tx.execute(delete.bind(&revision, Type::INT8)).await? > 0;
        if is_deleted {
            // Before their rows, each of which would else look for its own.
            tx.execute(of_import(
                "-- delete_import_issues
                DELETE FROM import_issues WHERE tenant_id = $1 /* tenant_id */ AND import_id = $2 /* import_id */",
            ))
            .await?;
            tx.execute(of_import(
                "-- delete_import_rows
                DELETE FROM import_rows WHERE tenant_id = $1 /* tenant_id */ AND import_id = $2 /* import_id */",
            ))
            .await?;
            tx.changes(Change::of(ResourceKind::Import, id, "deleted"));
        } else {
            tx.changes_nothing();
        }
        tx.commit().await?;
        Ok(is_deleted)
    }
}
