//! A catalog with something in it.

use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use tonic::transport::Channel;

use super::uploads::upload_and_wait;
use super::{SAMPLE_PDF, TestServer};

/// Tells every server that what all tenants share has been written past it.
pub const RAISE_SHARED: &str = "UPDATE vehicle_reference SET catalog_version = catalog_version + 1";

/// A server with the sample price list in `evopoliki`'s EVA mats.
pub async fn served() -> (TestServer, CatalogServiceClient<Channel>) {
    let server = TestServer::start().await;
    let import = upload_and_wait(
        &server,
        SAMPLE_PDF,
        pb::ImportHeader {
            tenant: "evopoliki".into(),
            category: "eva_mats".into(),
            file_name: "sample.pdf".into(),
            ..Default::default()
        },
    )
    .await;
    assert_eq!(import.state(), pb::ImportState::Succeeded, "{:?}", import.error);
    let client = CatalogServiceClient::new(server.channel.clone());
    (server, client)
}
