//! The files of imports under way, in pieces, so that whichever server takes an import over has it.

use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::db::query::{Query, at_most_one};
use crate::db::{Tenant, Transaction};
use crate::domain::error::{Error, Result};
use crate::domain::tenant::TenantId;

impl Transaction {
    /// Keeps a file with its import.
    pub(super) async fn store_file(
        &self,
        tenant: TenantId,
        import: Uuid,
        file: impl Iterator<Item = std::io::Result<Vec<u8>>> + Send,
    ) -> Result<()> {
        for (number, chunk) in (1i32..).zip(file) {
            let chunk = chunk.map_err(Error::internal)?;
            self.execute(
                Query::new(
                    "-- store_import_chunk
                    INSERT INTO import_files (tenant_id, import_id, number, chunk)
                    VALUES ($1 /* tenant_id */, $2 /* import_id */, $3 /* number */, $4 /* chunk */)",
                )
                .bind(&tenant.0, Type::INT8)
                .bind(&import, Type::UUID)
                .bind(&number, Type::INT4)
                .bind(&chunk, Type::BYTEA),
            )
            .await?;
        }
        Ok(())
    }
}

impl Tenant<'_> {
    /// A piece of an import's file, from 1 on; none behind the last one.
    pub async fn read_import_chunk(&self, import: Uuid, number: i32) -> Result<Option<Vec<u8>>> {
        let [rows] = self
            .read([Query::new(
                "-- read_import_chunk
                SELECT chunk
                FROM import_files
                WHERE tenant_id = $1 /* tenant_id */ AND import_id = $2 /* import_id */ AND number = $3 /* number */",
            )
            .bind(&self.id.0, Type::INT8)
            .bind(&import, Type::UUID)
            .bind(&number, Type::INT4)])
            .await?;
        Ok(at_most_one(rows)?.map(|row| row.try_get("chunk")).transpose()?)
    }
}

/// Goes before an import's end: nobody is going to read its file again.
pub(in crate::db) fn forget_file<'a>(tenant_id: &'a i64, import: &'a Uuid) -> Query<'a> {
    Query::new(
        "-- forget_import_file
        DELETE FROM import_files WHERE tenant_id = $1 /* tenant_id */ AND import_id = $2 /* import_id */",
    )
    .bind(tenant_id, Type::INT8)
    .bind(import, Type::UUID)
}
