//! What an operator sees of a running server: metrics, health over HTTP, a line for each call.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::application_service_client::ApplicationServiceClient;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use lekalo::proto::lekalo::v1::tenant_service_client::TenantServiceClient;
use nix::sys::signal::Signal;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;
use uuid::Uuid;

use crate::support::http::{ask, get};
use crate::support::service::{Service, channel};
use crate::support::uploads::{ended, header, upload_to};
use crate::support::{SAMPLE_PDF, connect, database, folder, raw, skipped};

const ADMIN: (&str, &str) = ("LEKALO_ADMIN_ADDR", "127.0.0.1:0");
const PATIENCE: Duration = Duration::from_secs(30);

fn brands(tenant: &str) -> pb::ListBrandsRequest {
    pb::ListBrandsRequest { tenant: tenant.into(), category: "eva_mats".into(), ..Default::default() }
}

/// The value of a metric's sample.
fn sample(metrics: &str, name: &str) -> Option<f64> {
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    Some(value.parse().unwrap())
}

async fn metrics(addr: SocketAddr) -> String {
    let (status, metrics) = get(addr, "/metrics").await;
    assert_eq!(status, 200, "{metrics}");
    metrics
}

/// The log's lines about calls, as objects.
fn calls(log: &str) -> Vec<serde_json::Value> {
    let lines = log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")));
    lines.filter(|line: &serde_json::Value| line["target"] == "lekalo::calls").collect()
}

#[tokio::test]
async fn calls_are_counted_by_what_the_contract_calls_them() {
    let (folder, config) = (folder(), database().await);
    let mut service = Service::with(folder.path(), &config, &[ADMIN]);
    let channel = channel(service.addr().await).await;
    let admin = service.admin.unwrap();
    let mut catalog = CatalogServiceClient::new(channel.clone());
    for _ in 0..3 {
        catalog.list_brands(brands("evopoliki")).await.unwrap();
    }
    catalog.list_brands(brands("nobody")).await.unwrap_err();
    let resolve = pb::ResolveVehicleRequest { text: "камри 70".into(), ..Default::default() };
    catalog.resolve_vehicle(resolve).await.unwrap();
    // What strangers ask for makes one series, however many names they think of.
    let strange: Vec<String> = (0..20).map(|_| format!("Strange{}/Method", Uuid::now_v7().simple())).collect();
    for method in &strange {
        assert_eq!(raw::call(&channel, method, vec![]).await.unwrap_err().code(), Code::Unimplemented);
    }
    // A watch that its client leaves has ended as well.
    let tenant = pb::WatchApplicationsRequest { tenant: "evopoliki".into(), ..Default::default() };
    let mut client = ApplicationServiceClient::new(channel.clone());
    let watch = client.watch_applications(tenant).await.unwrap();
    assert_eq!(sample(&metrics(admin).await, "lekalo_watchers"), Some(1.0));
    drop(watch);
    let began = Instant::now();
    while sample(&metrics(admin).await, "grpc_server_in_flight") != Some(0.0) {
        assert!(began.elapsed() < PATIENCE, "a call is in flight for ever");
    }

    let seen = metrics(admin).await;
    let of = |service: &str, method: &str| {
        let kind = if method == "WatchApplications" { "server_stream" } else { "unary" };
        format!("grpc_type=\"{kind}\",grpc_service=\"{service}\",grpc_method=\"{method}\"")
    };
    let catalog = |method| of("lekalo.v1.CatalogService", method);
    let watch = of("lekalo.v1.ApplicationService", "WatchApplications");
    for (labels, code, count) in [
        (catalog("ListBrands"), "OK", 3.0),
        (catalog("ListBrands"), "NotFound", 1.0),
        (catalog("ResolveVehicle"), "OK", 1.0),
        (of("unknown", "unknown"), "Unimplemented", 20.0),
        (watch, "Canceled", 1.0),
    ] {
        let name = format!("grpc_server_handled_total{{{labels},grpc_code=\"{code}\"}}");
        assert_eq!(sample(&seen, &name), Some(count), "{name}\n{seen}");
    }
    let listed = catalog("ListBrands");
    assert_eq!(sample(&seen, &format!("grpc_server_started_total{{{listed}}}")), Some(4.0));
    assert_eq!(sample(&seen, &format!("grpc_server_handling_seconds_count{{{listed}}}")), Some(4.0));
    assert_eq!(sample(&seen, "lekalo_resolver_decisions_total{decision=\"accept\"}"), Some(1.0));
    let statement = "db_client_operation_duration_seconds_count{db_query_summary=\"snapshot_patterns\"}";
    assert_eq!(sample(&seen, statement), Some(1.0), "the first of them has it loaded");
    assert_eq!(sample(&seen, "lekalo_catalogs"), Some(1.0));
    let connections = |state| sample(&seen, &format!("db_client_connections_usage{{state=\"{state}\"}}")).unwrap();
    assert!(connections("idle") + connections("used") >= 1.0, "{seen}");
    for about_all in ["process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total", "lekalo_ready"]
    {
        assert!(sample(&seen, about_all).unwrap() > 0.0, "{about_all}");
    }
    assert!(!seen.contains("Strange"));
    the_documentation_lists_them(&seen);
    each_label_has_few_values(&seen);
    check_with_promtool(&seen).await;

    let open = ask(admin, "GET", "/metrics", "accept: application/openmetrics-text;version=1.0.0\r\n", "").await.1;
    assert!(open.ends_with("# EOF\n") && open.contains("# TYPE grpc_server_started counter\n"), "{open}");
    service.signal(Signal::SIGTERM);
    assert!(service.ended(PATIENCE).await.0.success());
}

fn the_documentation_lists_them(seen: &str) {
    let names: BTreeSet<&str> =
        seen.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let (_, table) = include_str!("../../docs/monitoring.md").split_once("| metric |").unwrap();
    let rows = table.split("\n\n").next().unwrap().lines().skip(2).map(|row| row.split('|').nth(1).unwrap());
    let documented: BTreeSet<&str> = rows.flat_map(|row| row.split('`').skip(1).step_by(2)).collect();
    assert_eq!(names, documented, "docs/monitoring.md lists the metrics");
}

/// A label more is looked at first.
fn each_label_has_few_values(seen: &str) {
    let labels: BTreeSet<&str> =
        seen.split(['{', ',']).filter_map(|part| part.split_once("=\"").map(|it| it.0)).collect();
    let bounded = [
        "cause",
        "db_query_summary",
        "decision",
        "error_type",
        "grpc_code",
        "grpc_method",
        "grpc_service",
        "grpc_type",
        "le",
        "outcome",
        "reason",
        "state",
        "step",
        "version",
    ];
    assert_eq!(labels, bounded.into(), "a label more has to have few values");
}

#[tokio::test]
async fn a_catalogs_changes_are_counted_by_what_was_written() {
    let (folder, config) = (folder(), database().await);
    let mut service = Service::with(folder.path(), &config, &[ADMIN]);
    let addr = service.addr().await;
    let channel = channel(addr).await;
    let change = |name: &str| pb::UpdateTenantRequest {
        tenant: Some(pb::Tenant { slug: "evopoliki".into(), display_name: name.into(), ..Default::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["display_name".into()] }),
        ..Default::default()
    };
    let mut tenants = TenantServiceClient::new(channel.clone());
    tenants.update_tenant(change("Another")).await.unwrap();
    tenants.update_tenant(change("")).await.unwrap_err();
    let import = upload_to(channel, SAMPLE_PDF, header()).await.unwrap();
    assert_eq!(ended(addr, &import.id).await.state(), pb::ImportState::Succeeded);
    let seen = metrics(service.admin.unwrap()).await;
    let counted = |cause| sample(&seen, &format!("lekalo_catalog_changes_total{{cause=\"{cause}\"}}"));
    assert_eq!(["tenant", "import", "prices"].map(counted), [Some(1.0), Some(1.0), Some(0.0)], "{seen}");
    for statement in ["begin", "commit", "copy_staged_rows"] {
        let name = format!("db_client_operation_duration_seconds_count{{db_query_summary=\"{statement}\"}}");
        assert!(sample(&seen, &name).unwrap() >= 1.0, "{name}");
    }
}

/// Prometheus' own opinion, where it is installed.
async fn check_with_promtool(metrics: &str) {
    let tool = tokio::process::Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut tool) = tool else { return skipped("promtool is not here: metrics are not linted") };
    tool.stdin.take().unwrap().write_all(metrics.as_bytes()).await.unwrap();
    let said = tool.wait_with_output().await.unwrap();
    assert!(said.status.success() && said.stderr.is_empty(), "{said:?}");
}

#[tokio::test]
async fn health_over_http_is_health_over_grpc() {
    let (folder, config) = (folder(), database().await);
    let mut service = Service::with(folder.path(), &config, &[ADMIN]);
    let addr = service.addr().await;
    let admin = service.admin.unwrap();
    let owner = connect(&config).await;
    let until = async |expected: u16| {
        let began = Instant::now();
        loop {
            let (status, text) = get(admin, "/readyz").await;
            if status == expected {
                return text;
            }
            assert!(began.elapsed() < PATIENCE, "{status} {text}");
            assert_eq!(get(admin, "/livez").await, (200, "ok\n".into()));
        }
    };
    assert_eq!(until(200).await, "ready\n");
    owner.batch_execute("REVOKE SELECT ON patterns FROM lekalo_app").await.unwrap();
    assert!(until(503).await.starts_with("not ready"));
    assert_eq!(sample(&metrics(admin).await, "lekalo_ready"), Some(0.0));
    owner.batch_execute("GRANT SELECT ON patterns TO lekalo_app").await.unwrap();
    until(200).await;
    // Bots are answered on out of memory, and so it says; whether all is well, the metric does.
    let list = pb::ListCategoriesRequest { tenant: "evopoliki".into(), ..Default::default() };
    CatalogServiceClient::new(channel(addr).await).list_categories(list).await.unwrap();
    owner.batch_execute("REVOKE SELECT ON patterns FROM lekalo_app").await.unwrap();
    let began = Instant::now();
    while sample(&metrics(admin).await, "lekalo_ready") != Some(0.0) {
        assert!(began.elapsed() < PATIENCE, "all is well");
    }
    assert_eq!(get(admin, "/readyz").await, (200, "ready\n".into()));
    let (status, nothing) = get(admin, "/nothing").await;
    assert!(status == 404 && nothing.contains("/metrics"), "{nothing}");
    let version: serde_json::Value = serde_json::from_str(&get(admin, "/version").await.1).unwrap();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}

/// Lists brands under this id; the answer's trailers, and an error.
async fn list(channel: &Channel, tenant: &str, id: Option<&str>) -> (String, Option<Status>) {
    let mut request = Request::new(brands(tenant));
    if let Some(id) = id {
        request.metadata_mut().insert("x-request-id", id.parse().unwrap());
    }
    let answer = CatalogServiceClient::new(channel.clone()).list_brands(request).await;
    let id =
        |metadata: &tonic::metadata::MetadataMap| metadata.get("x-request-id").unwrap().to_str().unwrap().to_owned();
    match answer {
        Ok(answer) => {
            assert!(answer.metadata().get("traceparent").is_none(), "nobody takes traces");
            (id(answer.metadata()), None)
        }
        Err(status) => (id(status.metadata()), Some(status)),
    }
}

#[tokio::test]
async fn a_call_has_a_line_and_an_id_that_leads_to_it() {
    let (folder, config) = (folder(), database().await);
    let settings = [
        ("LEKALO_LOG_FORMAT", "json"),
        ("DB_SLOW_STATEMENT_MS", "1"),
        ("LEKALO_ADMIN_ADDR", "off"),
        ("LEKALO_CATALOG_MIB", "0"),
    ];
    let mut service = Service::with(folder.path(), &config, &settings);
    let channel = channel(service.addr().await).await;
    let owner = connect(&config).await;
    let (mine, _) = list(&channel, "evopoliki", Some("Root=1-abc:7")).await;
    assert_eq!(mine, "Root=1-abc:7");
    let (made, unknown) = list(&channel, "nobody", Some("with space")).await;
    assert!(made.parse::<Uuid>().is_ok() && unknown.is_some(), "{made}");
    // A broken database: what the client is told leads to the line that says what broke.
    owner.batch_execute("ALTER TABLE brands RENAME COLUMN slug TO another").await.unwrap();
    let (broken, status) = list(&channel, "evopoliki", Some("broken-7")).await;
    let details = status.unwrap().get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!(
        (broken.as_str(), info.reason.as_str(), &*info.metadata["request_id"]),
        ("broken-7", "INTERNAL", "broken-7")
    );
    service.signal(Signal::SIGTERM);
    let (_, log) = service.ended(PATIENCE).await;

    let calls = calls(&log);
    let line = |id: &str| calls.iter().find(|line| line["request_id"] == id).unwrap_or_else(|| panic!("{id}: {log}"));
    let good = line(&mine);
    assert_eq!(good["method"], "lekalo.v1.CatalogService/ListBrands");
    assert_eq!((&good["tenant"], &good["code"], &good["level"]), (&"evopoliki".into(), &"OK".into(), &"INFO".into()));
    assert!(good["ms"].as_f64().unwrap() > 0.0 && good["sent"].as_u64().unwrap() > 5, "{good}");
    assert_eq!(good["received"], 5 + prost::Message::encoded_len(&brands("evopoliki")));
    assert!(good["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{good}");
    let refused = line(&made);
    assert_eq!((&refused["code"], &refused["reason"]), (&"NOT_FOUND".into(), &"TENANT_NOT_FOUND".into()));
    // Of a tenant that there is not, nobody's word is repeated.
    assert!(refused.get("tenant").is_none(), "{refused}");
    assert_eq!((&line("broken-7")["code"], &line("broken-7")["level"]), (&"INTERNAL".into(), &"WARN".into()));
    let cause = log.lines().find(|line| line.contains("internal error")).unwrap();
    assert!(cause.contains("broken-7") && cause.contains(&*info.metadata["error_id"]), "{cause}");
    let slow = log.lines().find(|line| line.contains("a slow statement")).expect("none takes less than 1 ms");
    assert!(slow.contains("\"query\":"), "{slow}");
}

#[tokio::test]
async fn of_many_calls_some_have_a_line_and_the_others_are_counted() {
    let (folder, config) = (folder(), database().await);
    let settings = [("LEKALO_LOG_FORMAT", "json"), ("LEKALO_LOG_CALLS", "2"), ADMIN];
    let mut service = Service::with(folder.path(), &config, &settings);
    let channel = channel(service.addr().await).await;
    let began = Instant::now();
    for call in 0..60 {
        let (_, refused) = list(&channel, if call < 40 { "evopoliki" } else { "nobody" }, None).await;
        assert_eq!(refused.is_some(), call >= 40);
    }
    let seconds = began.elapsed().as_secs() + 1;
    // The next second's first line says how many had none.
    tokio::time::sleep(Duration::from_secs(1)).await;
    list(&channel, "evopoliki", None).await;
    list(&channel, "nobody", None).await;
    let metrics = metrics(service.admin.unwrap()).await;
    service.signal(Signal::SIGTERM);
    let (_, log) = service.ended(PATIENCE).await;
    let lines = calls(&log);
    let (told, summaries): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line["message"] == "call");
    assert!((4..=4 * (seconds as usize + 1)).contains(&told.len()), "{} lines in {seconds} s", told.len());
    let untold: u64 = summaries.iter().map(|line| line["untold"].as_u64().unwrap()).sum();
    assert_eq!(told.len() as u64 + untold, 62, "{log}");
    assert!(told.iter().any(|line| line["code"] == "NOT_FOUND"), "what fails has lines of its own: {log}");
    assert!(metrics.contains("ListBrands\",grpc_code=\"OK\"} 41\n"), "{metrics}");
}

#[tokio::test]
async fn the_log_says_more_when_it_is_asked_to() {
    let (folder, config) = (folder(), database().await);
    let mut service = Service::with(folder.path(), &config, &[("LEKALO_LOG", "warn"), ADMIN]);
    let channel = channel(service.addr().await).await;
    let admin = service.admin.unwrap();
    list(&channel, "evopoliki", Some("before")).await;
    let put = async |filter: &str| ask(admin, "PUT", "/debug/log", "", filter).await;
    let (status, refused) = put("lekalo=loud").await;
    assert!(status == 400 && refused.contains("info,lekalo=debug"), "{refused}");
    assert_eq!(put(&"x,".repeat(5000)).await.0, 413);
    for wrong in ["infoo", "", "info\nlekalo=debug", "debug lekalo"] {
        assert_eq!(put(wrong).await.0, 400, "{wrong}");
    }
    assert_eq!(put("info").await.0, 200);
    assert!(get(admin, "/debug/log").await.1.trim_end().ends_with("info"));
    list(&channel, "evopoliki", Some("after")).await;
    // However much is asked for, what people say is not in it.
    assert_eq!(put("trace,tokio_postgres=trace").await.0, 200);
    let text = pb::ResolveVehicleRequest { text: "canary camry".into(), ..Default::default() };
    CatalogServiceClient::new(channel.clone()).resolve_vehicle(text).await.unwrap();
    service.signal(Signal::SIGTERM);
    let (_, log) = service.ended(PATIENCE).await;
    assert!(log.contains("request_id=\"after\"") && !log.contains("before") && !log.contains("canary"), "{log}");
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn a_log_that_nobody_reads_holds_up_no_call() {
    let (folder, config) = (folder(), database().await);
    let mut service = Service::with(folder.path(), &config, &[("LEKALO_LOG", "debug"), ADMIN]);
    let channel = channel(service.addr().await).await;
    let admin = service.admin.unwrap();
    let unread = service.unread().await;
    let dropped = async || sample(&metrics(admin).await, "lekalo_log_lines_dropped_total").unwrap();
    assert_eq!(dropped().await, 0.0);
    // What asks no database is the quickest to log.
    let check = async || HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await;
    let calling = async {
        while dropped().await == 0.0 {
            futures::future::try_join_all((0..100).map(|_| check())).await.unwrap();
        }
    };
    tokio::time::timeout(2 * PATIENCE, calling).await.expect("a call waits for whoever reads the log");
    // Nor does its end.
    service.signal(Signal::SIGTERM);
    let status = tokio::time::timeout(PATIENCE, service.process.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
    drop(unread);
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn a_profile_says_where_time_goes_and_one_is_taken_at_a_time() {
    let (folder, config) = (folder(), database().await);
    let mut service = Service::with(folder.path(), &config, &[ADMIN]);
    let channel = channel(service.addr().await).await;
    let admin = service.admin.unwrap();
    let busy = tokio::spawn(async move {
        loop {
            let text = pb::ResolveVehicleRequest {
                text: "тайота камрі 2018 коврики".into(), ..Default::default()
            };
            CatalogServiceClient::new(channel.clone()).resolve_vehicle(text).await.unwrap();
        }
    });
    let profiles = futures::future::join_all([1, 2].map(async |_| get(admin, "/debug/profile?seconds=2").await)).await;
    busy.abort();
    let mut statuses: Vec<u16> = profiles.iter().map(|profile| profile.0).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let taken = &profiles.iter().find(|profile| profile.0 == 200).unwrap().1;
    for line in taken.lines() {
        let (stack, count) = line.rsplit_once(' ').unwrap();
        assert!(stack.contains(';') && count.parse::<u64>().is_ok(), "{line}");
    }
    assert!(taken.contains("lekalo"), "{taken}");
    for wrong in ["0", "61", "x"] {
        assert_eq!(get(admin, &format!("/debug/profile?seconds={wrong}")).await.0, 400);
    }
}

#[tokio::test]
async fn who_says_nothing_keeps_no_connection_of_the_admin_port() {
    let (folder, config) = (folder(), database().await);
    let mut service = Service::with(folder.path(), &config, &[ADMIN]);
    service.addr().await;
    let admin = service.admin.unwrap();
    let mut silent = Vec::new();
    // More than there may be: each says nothing, begins its headers, or begins a filter and does not go on.
    for _ in 0..30 {
        for said in [
            "",
            "GET /metrics HTTP/1.1\r\nhost: ",
            "PUT /debug/log HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\ni",
        ] {
            let mut stream = TcpStream::connect(admin).await.unwrap();
            stream.write_all(said.as_bytes()).await.unwrap();
            silent.push(stream);
        }
    }
    assert_eq!(get(admin, "/livez").await.0, 200);
}

#[tokio::test]
async fn a_taken_admin_port_ends_a_server_only_where_it_was_chosen() {
    let (folder, config) = (folder(), database().await);
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let service = Service::with(folder.path(), &config, &[("LEKALO_ADMIN_ADDR", &addr)]);
    let (status, said) = service.ended(PATIENCE).await;
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("cannot have the admin port on {addr}")) && said.contains("--admin-addr"), "{said}");
    let mut service = Service::with(folder.path(), &config, &[("LEKALO_ADMIN_ADDR", "off")]);
    service.addr().await;
    assert_eq!(service.admin, None);
    let service = Service::with(folder.path(), &config, &[("LEKALO_ADMIN_ADDR", "somewhere")]);
    let (status, said) = service.ended(PATIENCE).await;
    assert!(
        status.code() == Some(1) && said.contains("must be ADDRESS:PORT, such as 127.0.0.1:50052, or off"),
        "{said}"
    );
}
