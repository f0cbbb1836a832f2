//! Traces: where the time of a call went, over programs, and that whoever takes them is in nobody's way.

use std::time::{Duration, Instant};

use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use nix::sys::signal::Signal;
use tokio::net::TcpListener;
use tonic::Request;

use crate::support::collector::{Collector, attribute};
use crate::support::service::{Service, channel};
use crate::support::uploads::{ended, header, list, upload_to};
use crate::support::{database, folder};

const PATIENCE: Duration = Duration::from_secs(30);
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn brands(tenant: &str) -> Request<pb::ListBrandsRequest> {
    let request = pb::ListBrandsRequest { tenant: tenant.into(), category: "eva_mats".into(), ..Default::default() };
    let mut request = Request::new(request);
    request.metadata_mut().insert("traceparent", format!("00-{TRACE}-{CALLER}-01").parse().unwrap());
    request
}

#[tokio::test]
async fn a_call_goes_on_its_callers_trace_and_says_where_its_time_went() {
    let (folder, config) = (folder(), database().await);
    let (collector, url) = Collector::start().await;
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ("LEKALO_LOG_FORMAT", "json"),
    ];
    let mut service = Service::with(folder.path(), &config, &settings);
    let addr = service.addr().await;
    let channel = channel(addr).await;
    let mut catalog = CatalogServiceClient::new(channel.clone());
    let answer = catalog.list_brands(brands("evopoliki")).await.unwrap();
    let came_back = answer.metadata().get("traceparent").unwrap().to_str().unwrap().to_owned();
    let name = "lekalo.v1.CatalogService/ListBrands";
    let call = collector.has(name, 1).await.remove(0);
    assert_eq!((hex(&call.trace_id).as_str(), hex(&call.parent_span_id).as_str()), (TRACE, CALLER));
    assert_eq!(came_back, format!("00-{TRACE}-{}-01", hex(&call.span_id)));
    assert_eq!(attribute(&call.attributes, "tenant"), "evopoliki");
    assert_eq!(attribute(&call.attributes, "rpc.grpc.status_code"), "0");
    let statement = collector.has("snapshot_patterns", 1).await.remove(0);
    assert_eq!((&statement.trace_id, &statement.parent_span_id), (&call.trace_id, &call.span_id));
    assert!(statement.start_time_unix_nano >= call.start_time_unix_nano);
    assert!(statement.end_time_unix_nano <= call.end_time_unix_nano);
    let resource = collector.resources().remove(0);
    assert_eq!(attribute(&resource.attributes, "service.name"), "lekalo");

    // The caller's mistake is no error of ours.
    catalog.list_brands(brands("nobody")).await.unwrap_err();
    let refused = collector.has(name, 2).await.remove(1);
    assert_eq!(attribute(&refused.attributes, "reason"), "TENANT_NOT_FOUND");
    assert_eq!(refused.status.unwrap_or_default().code, 0);

    // An import is part of its upload's trace, with its steps and their statements.
    let import = upload_to(channel.clone(), &list(&["Тойота,Камри,2018"]), header()).await.unwrap();
    ended(addr, &import.id).await;
    let upload = collector.has("lekalo.v1.ImportService/UploadImport", 1).await.remove(0);
    let imported = collector.has("import", 1).await.remove(0);
    assert_eq!((&imported.trace_id, &imported.parent_span_id), (&upload.trace_id, &upload.span_id));
    assert_eq!(attribute(&imported.attributes, "import"), import.id);
    assert!(upload.end_time_unix_nano < imported.end_time_unix_nano, "an upload does not wait for its import");
    for step in ["import reading", "import writing"] {
        assert_eq!(collector.has(step, 1).await[0].parent_span_id, imported.span_id, "{step}");
    }
    let writing = &collector.has("import writing", 1).await[0].span_id;
    assert_eq!(collector.has("record_rows", 1).await[0].parent_span_id, *writing);

    service.signal(Signal::SIGTERM);
    let (_, log) = service.ended(PATIENCE).await;
    let line = log.lines().find(|line| line.contains("ListBrands")).unwrap();
    assert!(line.contains(TRACE), "{line}");
}

#[tokio::test]
async fn the_last_spans_leave_before_the_program_does() {
    let (folder, config) = (folder(), database().await);
    let (collector, url) = Collector::start().await;
    // Sent every hour, and at the end.
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "3600000")];
    let mut service = Service::with(folder.path(), &config, &settings);
    let channel = channel(service.addr().await).await;
    CatalogServiceClient::new(channel).list_brands(brands("evopoliki")).await.unwrap();
    service.signal(Signal::SIGTERM);
    assert!(service.ended(PATIENCE).await.0.success());
    collector.has("lekalo.v1.CatalogService/ListBrands", 1).await;
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn a_collector_that_is_away_or_silent_is_in_nobodys_way() {
    let (folder, config) = (folder(), database().await);
    // It takes the connection, and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    for endpoint in ["http://127.0.0.1:1", silent.as_str(), "nonsense"] {
        let settings = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "300"),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ];
        let mut service = Service::with(folder.path(), &config, &settings);
        let channel = channel(service.addr().await).await;
        let mut catalog = CatalogServiceClient::new(channel);
        for _ in 0..30 {
            let began = Instant::now();
            catalog.list_brands(brands("evopoliki")).await.unwrap();
            assert!(began.elapsed() < Duration::from_secs(5), "{endpoint}");
        }
        // For several batches to fail.
        tokio::time::sleep(Duration::from_millis(2000)).await;
        catalog.list_brands(brands("evopoliki")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(700)).await;
        service.signal(Signal::SIGTERM);
        let began = Instant::now();
        let (status, log) = service.ended(PATIENCE).await;
        assert!(status.success() && began.elapsed() < Duration::from_secs(10), "{endpoint}: {log}");
        let told = log.matches("traces are lost").count();
        assert_eq!(told, 1, "{endpoint}: {log}");
    }
    // What is no address, or no protocol of ours, is told at the start.
    let spoken = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    for (endpoint, protocol, told) in [
        ("not a url", spoken, "no traces: see OTEL_EXPORTER_OTLP_ENDPOINT"),
        (
            &silent,
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            "OTLP_PROTOCOL is http/protobuf, and spans leave by grpc",
        ),
        (
            &silent,
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
            "OTLP_PROTOCOL is http/json, and spans leave by grpc",
        ),
    ] {
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            protocol,
            ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing"),
            ("LEKALO_ADMIN_ADDR", "off"),
        ];
        let service = Service::run(folder.path(), &["--addr", "127.0.0.1:0", "--wait", "0s"], &variables);
        let (_, log) = service.ended(PATIENCE).await;
        assert!(log.contains(told), "{log}");
    }
}
