//! What a shop decides about an import, and what of its patterns that changes.

use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::import_service_client::ImportServiceClient;
use tokio_postgres::Client;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::TestServer;

pub async fn apply(server: &TestServer, import: &pb::Import, etag: &str) -> Result<pb::Import, Status> {
    let request =
        pb::ApplyImportRequest { tenant: import.tenant.clone(), id: import.id.clone(), etag: etag.to_owned() };
    let answer = ImportServiceClient::new(server.channel.clone()).apply_import(request).await?;
    Ok(answer.into_inner().import.unwrap())
}

pub async fn revert(server: &TestServer, import: &pb::Import, etag: &str) -> Result<pb::Import, Status> {
    let request =
        pb::RevertImportRequest { tenant: import.tenant.clone(), id: import.id.clone(), etag: etag.to_owned() };
    let answer = ImportServiceClient::new(server.channel.clone()).revert_import(request).await?;
    Ok(answer.into_inner().import.unwrap())
}

pub async fn cancel(server: &TestServer, import: &pb::Import) -> Result<pb::Import, Status> {
    let request = pb::CancelImportRequest { tenant: import.tenant.clone(), id: import.id.clone() };
    let answer = ImportServiceClient::new(server.channel.clone()).cancel_import(request).await?;
    Ok(answer.into_inner().import.unwrap())
}

pub async fn delete(server: &TestServer, import: &pb::Import, etag: &str, allow_succeeded: bool) -> Result<(), Status> {
    let (tenant, id, etag) = (import.tenant.clone(), import.id.clone(), etag.to_owned());
    let request = pb::DeleteImportRequest { tenant, id, etag, allow_succeeded };
    ImportServiceClient::new(server.channel.clone()).delete_import(request).await?;
    Ok(())
}

pub fn refusal(refused: Result<pb::Import, Status>) -> (Code, String) {
    let status = refused.unwrap_err();
    (status.code(), status.get_error_details().error_info().unwrap().reason.clone())
}

/// A fingerprint of everything that patterns mean, those that are withdrawn too.
pub async fn patterns(owner: &Client) -> String {
    let row = owner
        .query_one(
            "SELECT coalesce(md5(string_agg(format('%s %s %s %s %s %s %s %s %s %s %s', tenant_id, id, category_id, model_id,
                    variant_id, steering, borders, seat_rows, trunk, notes, available), E'\\n' ORDER BY tenant_id, id)), '')
             FROM patterns",
            &[],
        )
        .await
        .unwrap();
    row.get(0)
}
