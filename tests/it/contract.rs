//! The contract as a whole: every method answers, reflection shows it, health tells the truth.

use std::collections::BTreeSet;

use lekalo::proto::FILE_DESCRIPTOR_SET;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::admin_service_client::AdminServiceClient;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::client::Grpc;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_prost::ProstCodec;
use tonic_types::StatusExt as _;

use crate::support::TestServer;
use crate::support::methods::BUILT;

/// Methods that an empty request is good for.
const TAKES_NOTHING: &[&str] = &[
    "TenantService/ListTenants",
    "AdminService/ApplySeed",
    "AdminService/GetStats",
    "AdminService/ListAliases",
    "AdminService/ListApiKeys",
    "AdminService/ListAuditEvents",
];

fn methods() -> Vec<String> {
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let services = files.file.iter().filter(|file| file.package() == "lekalo.v1").flat_map(|file| &file.service);
    services
        .flat_map(|service| service.method.iter().map(move |method| format!("{}/{}", service.name(), method.name())))
        .collect()
}

#[tokio::test]
async fn every_method_of_the_contract_answers_an_empty_request_as_it_should() {
    let server = TestServer::start().await;
    let methods = methods();
    assert_eq!(methods.len(), 69);
    let known: BTreeSet<_> = methods.iter().map(String::as_str).collect();
    assert!(BUILT.iter().all(|method| known.contains(method)));
    for method in &methods {
        let mut client = Grpc::new(server.channel.clone());
        client.ready().await.unwrap();
        let path = format!("/lekalo.v1.{method}").parse().unwrap();
        // An empty message is an empty request of any type; a server stream's first answer is its status.
        let codec = ProstCodec::<(), ()>::default();
        let answer = client.unary(Request::new(()), path, codec).await;
        let status = answer.err();
        let code = status.as_ref().map_or(Code::Ok, tonic::Status::code);
        if !BUILT.contains(&method.as_str()) {
            assert_eq!(code, Code::Unimplemented, "{method}");
            assert_eq!(status.unwrap().get_error_details().error_info().unwrap().reason, "UNIMPLEMENTED");
        } else if TAKES_NOTHING.contains(&method.as_str()) {
            assert_eq!(code, Code::Ok, "{method}: {status:?}");
        } else {
            assert_eq!(code, Code::InvalidArgument, "{method}: {status:?}");
            let details = status.unwrap().get_error_details();
            assert_eq!(details.error_info().unwrap().domain, "lekalo", "{method}");
            assert!(!details.bad_request().unwrap().field_violations.is_empty(), "{method}");
        }
    }
}

#[tokio::test]
async fn health_knows_every_service() {
    let server = TestServer::start().await;
    let mut client = HealthClient::new(server.channel.clone());
    let services: BTreeSet<_> =
        methods().iter().map(|m| format!("lekalo.v1.{}", m.split('/').next().unwrap())).collect();
    assert_eq!(services.len(), 10);
    for service in services.into_iter().chain([String::new()]) {
        let answer = client.check(HealthCheckRequest { service: service.clone() }).await.unwrap().into_inner();
        assert_eq!(answer.status, 1, "{service:?} is SERVING");
    }
    let unknown = client.check(HealthCheckRequest { service: "lekalo.v1.Nothing".into() }).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}

#[tokio::test]
async fn the_seed_is_idempotent_and_statistics_count_it() {
    let server = TestServer::start().await;
    let mut client = AdminServiceClient::new(server.channel.clone());
    let tables = client.apply_seed(pb::ApplySeedRequest::default()).await.unwrap().into_inner().tables;
    assert_eq!(tables.len(), 13);
    for table in &tables {
        assert_eq!((table.inserted, table.updated), (0, 0), "{}", table.table);
        assert!(table.unchanged > 0, "{}", table.table);
    }
    let stats = client.get_stats(pb::GetStatsRequest::default()).await.unwrap().into_inner();
    let counts = stats.counts.unwrap();
    assert_eq!((counts.tenants, counts.prices), (2, 38));
    assert!(counts.models > 600 && counts.brands > 85 && counts.aliases > 1500, "{counts:?}");
    assert_eq!(stats.missing_translations, [], "everything shipped is in three languages");

    // What the seed restores and what it leaves alone: reference rows follow it, a tenant's own stay as they are.
    let owner = crate::support::connect(&server.config).await;
    owner.batch_execute("UPDATE brands SET names = '{}' WHERE slug = 'toyota'").await.unwrap();
    owner.batch_execute("UPDATE prices SET amount = 1, amount_max = NULL").await.unwrap();
    owner.batch_execute("UPDATE tenants SET display_name = 'Changed'").await.unwrap();
    let preview = client.apply_seed(pb::ApplySeedRequest { validate_only: true }).await.unwrap().into_inner().tables;
    let done = client.apply_seed(pb::ApplySeedRequest::default()).await.unwrap().into_inner().tables;
    assert_eq!(preview, done, "the preview said what would happen");
    let changed: Vec<_> =
        done.iter().filter(|t| t.inserted + t.updated > 0).map(|t| (t.table.as_str(), t.updated)).collect();
    assert_eq!(changed, [("brands", 1)]);
}

#[tokio::test]
async fn what_is_no_message_of_the_contract_is_the_callers_error() {
    let server = TestServer::start().await;
    let mut client = Grpc::new(server.channel.clone());
    client.ready().await.unwrap();
    // A field of the wrong type: `tenant` is a string.
    let path = "/lekalo.v1.TenantService/GetTenant".parse().unwrap();
    let codec = ProstCodec::<prost_types::Duration, ()>::default();
    let status = client.unary(Request::new(prost_types::Duration { seconds: 1, nanos: 0 }), path, codec).await;
    let status = status.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "MESSAGE_INVALID");
}
