//! WatchImport: an import as it is, then at each change, until it ends.

use std::time::Duration;

use tonic::Status;
use tonic::codegen::BoxStream;

use super::imports::scope_and_id;
use crate::db::Db;
use crate::domain::Result;
use crate::domain::import::Import;
use crate::domain::tenant::Tenant;
use crate::grpc::Services;
use crate::grpc::convert;
use crate::grpc::streams::{Sender, stream};
use crate::grpc::validation::Validator;
use crate::proto::lekalo::v1 as pb;

/// How often a watched import is looked at.
const WATCH_EVERY: Duration = Duration::from_millis(250);

pub async fn watch_import(
    services: &Services,
    request: pb::WatchImportRequest,
) -> Result<BoxStream<pb::WatchImportResponse>> {
    let (scope, id) = scope_and_id(services, Validator::default(), request.tenant, request.id).await?;
    let first = scope.own.get_import(id).await?;
    let db = services.db.clone();
    Ok(stream(services, |sender| follow(db, scope.tenant, first, sender)))
}

/// Sends the import as it is, then at each change, until it ends.
async fn follow(
    db: Db,
    tenant: Tenant,
    mut import: Import,
    sender: Sender<pb::WatchImportResponse>,
) -> Result<(), Status> {
    let own = db.tenant(tenant.id);
    loop {
        let (id, seen, last) = (import.id, (import.revision, import.progress), import.state.is_final());
        sender.send(pb::WatchImportResponse { import: Some(convert::import(&tenant.slug, import)) }).await;
        if last {
            return Ok(());
        }
        import = loop {
            tokio::time::sleep(WATCH_EVERY).await;
            let next = own.get_import(id).await?;
            if (next.revision, next.progress) != seen {
                break next;
            }
        };
    }
}
