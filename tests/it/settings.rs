//! Settings reach where they act: a real server, configured by its environment and a `.env`, with several at once.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use lekalo::proto::lekalo::v1::import_service_client::ImportServiceClient;
use lekalo::proto::lekalo::v1::upload_import_request::Payload;
use nix::sys::signal::Signal;
use tokio_postgres::Config;
use tokio_postgres::config::Host;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use crate::support::applications::reason;
use crate::support::documents::inflating;
use crate::support::service::{Service, channel};
use crate::support::uploads::{ended, header, upload_to};
use crate::support::{connect, database, folder};

const PATIENCE: Duration = Duration::from_secs(60);

/// An upload that has begun and does not end.
fn hold(channel: Channel) -> tokio::task::JoinHandle<Result<(), Status>> {
    let begun = pb::UploadImportRequest { payload: Some(Payload::Header(header())) };
    let unending = futures::stream::iter([begun]).chain(futures::stream::pending());
    tokio::spawn(async move { ImportServiceClient::new(channel).upload_import(unending).await.map(|_| ()) })
}

/// A list whose rows take more room in the answer than in the file.
fn wide(rows: usize) -> Vec<u8> {
    let columns = 200;
    let names: String = (2..columns).map(|column| format!(",c{column}")).collect();
    let row = format!("Тойота,Камри{}\n", ",".repeat(columns - 2));
    format!("Марка,Модель{names}\n{}", row.repeat(rows)).into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_the_environment_reach_the_server() {
    let config = database().await;
    let Host::Unix(socket) = &config.get_hosts()[0] else { panic!("the test cluster listens on a socket") };
    let folder = folder();
    // The file says where the database is; the environment knows better which one, and how much there may be.
    let file = format!("DB_HOST={}\nDB_NAME=no_such_database\nLEKALO_UPLOADS=16\n", socket.display());
    std::fs::write(folder.path().join(".env"), file).unwrap();
    let mut service = Service::run(
        folder.path(),
        &[],
        &[
            ("LEKALO_ADDR", "127.0.0.2:0"),
            ("DB_NAME", config.get_dbname().unwrap()),
            ("DB_POOL_SIZE", "1"),
            ("DB_MAX_OVERFLOW", "1"),
            ("DB_POOL_TIMEOUT", "1"),
            ("DB_ECHO", "true"),
            ("LEKALO_UPLOAD_MIB", "1"),
            ("LEKALO_UPLOADS", "1"),
            ("LEKALO_UPLOADS_PER_TENANT", "1"),
            ("LEKALO_CATALOG_MIB", "0"),
            ("LEKALO_EXTRACT_INFLATED_MIB", "1"),
            ("LEKALO_EXTRACT_ANSWER_MIB", "1"),
        ],
    );
    let addr = service.addr().await;
    assert_eq!(addr.ip().to_string(), "127.0.0.2");
    let channel = channel(addr).await;

    a_file_may_be_so_large(&channel).await;
    so_many_uploads_are_taken_at_once(&channel).await;
    a_file_may_become_so_much(addr, &channel).await;
    so_many_connections_are_used_and_a_call_waits_so_long_for_one(&config, &channel).await;

    // Statements are logged by name; without a setting there is nothing below `info`.
    service.signal(Signal::SIGTERM);
    let (status, said) = service.ended(PATIENCE).await;
    assert!(status.success(), "{said}");
    assert!(said.contains("query=\"snapshot_categories\"") && said.contains(" INFO "), "{said}");
    assert!(!said.contains(" DEBUG ") && !said.contains(" TRACE "), "{said}");
}

async fn a_file_may_be_so_large(channel: &Channel) {
    let large = vec![b'x'; (1 << 20) + 1];
    let refused = upload_to(channel.clone(), &large, header()).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::InvalidArgument, "FILE_TOO_LARGE".into()));
    assert_eq!(refused.get_error_details().error_info().unwrap().metadata["max_bytes"], (1 << 20).to_string());
}

/// Of one tenant and in all.
async fn so_many_uploads_are_taken_at_once(channel: &Channel) {
    let held = hold(channel.clone());
    let small = "Марка,Модель\nТойота,Камри\n".as_bytes();
    for (tenant, whose) in [("evopoliki", "this tenant has as many"), ("five_deluxe", "the server has as many")] {
        let began = Instant::now();
        let header = || pb::ImportHeader { tenant: tenant.into(), category: "5d_mats".into(), ..header() };
        // The one that is held may not have arrived yet, or one of these is still read.
        let refused = loop {
            match upload_to(channel.clone(), small, header()).await {
                Err(status) if status.message().starts_with(whose) => break status,
                other => assert!(began.elapsed() < PATIENCE, "{other:?}"),
            }
        };
        assert_eq!(reason(&refused), (Code::ResourceExhausted, "OVERLOADED".into()), "{refused:?}");
        assert!(refused.get_error_details().retry_info().unwrap().retry_delay.is_some());
    }
    held.abort();
}

/// What it inflates to, and how much text its rows have.
async fn a_file_may_become_so_much(addr: SocketAddr, channel: &Channel) {
    for (file, words) in [(inflating(2), "inflates to more than 1 MiB"), (wide(2500), "more than 1 MiB of text")] {
        assert!(file.len() < 1 << 20, "{}", file.len());
        let began = Instant::now();
        let import = loop {
            match upload_to(channel.clone(), &file, header()).await {
                Ok(import) => break import,
                Err(status) => assert_eq!(reason(&status).1, "OVERLOADED", "{status:?}"),
            }
            assert!(began.elapsed() < PATIENCE, "the held file keeps its place");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let error = ended(addr, &import.id).await.error.unwrap();
        assert_eq!(error.code, "LIMIT_EXCEEDED", "{error:?}");
        assert!(error.message.contains(words), "{error:?}");
    }
}

async fn so_many_connections_are_used_and_a_call_waits_so_long_for_one(config: &Config, channel: &Channel) {
    let (locker, observer) = (connect(config).await, connect(config).await);
    locker.batch_execute("BEGIN; LOCK TABLE product_categories IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let list = || {
        let request = pb::ListCategoriesRequest { tenant: "evopoliki".into(), ..Default::default() };
        let mut client = CatalogServiceClient::new(channel.clone());
        tokio::spawn(async move { client.list_categories(request).await.map(|_| ()) })
    };
    let waiting: Vec<_> = (0..2).map(|_| list()).collect();
    let busy = "SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND starts_with(application_name, 'lekalo@') AND wait_event_type = 'Lock'";
    let began = Instant::now();
    while observer.query_one(busy, &[]).await.unwrap().get::<_, i64>(0) < 2 {
        assert!(began.elapsed() < PATIENCE, "the pool never got busy");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let began = Instant::now();
    let refused = list().await.unwrap().unwrap_err();
    let took = began.elapsed();
    assert_eq!(reason(&refused), (Code::ResourceExhausted, "OVERLOADED".into()), "{refused:?}");
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(4), "{took:?}");
    // All but the two of this test.
    let connections = "SELECT count(*) FROM pg_stat_activity
                       WHERE datname = current_database() AND starts_with(application_name, 'lekalo@')
                         AND state <> 'idle in transaction' AND pid <> pg_backend_pid()";
    assert_eq!(observer.query_one(connections, &[]).await.unwrap().get::<_, i64>(0), 2);
    locker.batch_execute("COMMIT").await.unwrap();
    for call in waiting {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_wins_over_the_environment_and_an_echo_is_asked_for() {
    let config = database().await;
    let Host::Unix(socket) = &config.get_hosts()[0] else { panic!("the test cluster listens on a socket") };
    let folder = folder();
    let variables = [
        ("DB_HOST", socket.to_str().unwrap()),
        ("DB_NAME", config.get_dbname().unwrap()),
        ("LEKALO_ADDR", "192.0.2.1:1"),
        ("LEKALO_LOG", "lekalo=debug"),
    ];
    let mut service = Service::run(folder.path(), &["--addr", "127.0.0.3:0"], &variables);
    let addr = service.addr().await;
    assert_eq!(addr.ip().to_string(), "127.0.0.3");
    let request = pb::ListCategoriesRequest { tenant: "evopoliki".into(), ..Default::default() };
    CatalogServiceClient::new(channel(addr).await).list_categories(request).await.unwrap();
    // Probes have their lines below `info`.
    HealthClient::new(channel(addr).await).check(HealthCheckRequest::default()).await.unwrap();
    service.signal(Signal::SIGTERM);
    let (status, said) = service.ended(PATIENCE).await;
    assert!(status.success(), "{said}");
    let probe = said.lines().find(|line| line.contains("Health/Check")).unwrap();
    assert!(probe.contains("DEBUG") && said.contains("ListCategories"), "{said}");
    assert!(!said.contains("query="), "{said}");
}
