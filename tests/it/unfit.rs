//! Somebody has taken a table or a right away: callers may try again, the log says once what is missing, imports wait for it.

use std::time::{Duration, Instant};

use lekalo::db::Options;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use nix::sys::signal::Signal;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::service::{Service, channel};
use crate::support::{SAMPLE_PDF, TestServer, applications, connect, database, db_options, folder, uploads};

/// What a loaded machine may need.
const PATIENCE: Duration = Duration::from_secs(60);

#[track_caller]
fn assert_may_be_retried(status: &Status) {
    let details = status.get_error_details();
    assert_eq!(
        (status.code(), details.error_info().unwrap().reason.as_str()),
        (Code::Unavailable, "DATABASE_UNAVAILABLE"),
        "{status:?}"
    );
    assert!(details.retry_info().is_some());
}

#[tokio::test]
async fn what_was_taken_away_is_told_once_and_its_calls_may_be_tried_again() {
    let (folder, config) = (folder(), database().await);
    let owner = connect(&config).await;
    let mut service = Service::with(folder.path(), &config, &[("LEKALO_CATALOG_MIB", "0")]);
    let channel = channel(service.addr().await).await;
    let mut orders = applications::Client::new(channel.clone());
    let mut catalog = CatalogServiceClient::new(channel);
    let brands =
        || pb::ListBrandsRequest { tenant: "evopoliki".into(), category: "eva_mats".into(), ..Default::default() };

    owner.batch_execute("REVOKE INSERT ON applications FROM lekalo_app").await.unwrap();
    for _ in 0..5 {
        let order = applications::create(applications::order());
        assert_may_be_retried(&orders.create_application(order).await.unwrap_err());
    }
    // Whatever does without it goes on.
    catalog.list_brands(brands()).await.unwrap();
    owner.batch_execute("GRANT INSERT ON applications TO lekalo_app").await.unwrap();
    applications::created(&mut orders, applications::order()).await;

    owner.batch_execute("ALTER TABLE patterns RENAME TO patterns_of_old").await.unwrap();
    for _ in 0..5 {
        assert_may_be_retried(&catalog.list_brands(brands()).await.unwrap_err());
    }
    owner.batch_execute("ALTER TABLE patterns_of_old RENAME TO patterns").await.unwrap();
    catalog.list_brands(brands()).await.unwrap();

    service.signal(Signal::SIGTERM);
    let (_, log) = service.ended(PATIENCE).await;
    let told: Vec<&str> = log.lines().filter(|line| line.contains("the database cannot work")).collect();
    assert_eq!(told.len(), 2, "{log}");
    assert!(told[0].contains("42501") && told[0].contains("permission denied for table applications"), "{told:?}");
    assert!(told[1].contains("42P01") && told[1].contains("patterns"), "{told:?}");
    assert!(!log.contains("internal error"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_waits_for_a_right_that_was_taken_away() {
    let config = database().await;
    let owner = connect(&config).await;
    let lease = Duration::from_secs(2);
    let server = TestServer::through(Options { import_lease: lease, ..db_options(&config) }, config).await;
    server.db.ready().await;
    owner.batch_execute("REVOKE INSERT ON patterns FROM lekalo_app").await.unwrap();
    let began = Instant::now();
    while server.db.is_ready() {
        assert!(began.elapsed() < PATIENCE, "health does not see it");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let import = uploads::upload(&server, SAMPLE_PDF, uploads::header()).await.unwrap();
    uploads::reaches(&server, &import, pb::ImportState::Running).await;
    // An import that fails by itself does so within half a lease and its last pause.
    let running = Instant::now();
    while running.elapsed() < lease * 2 {
        let now = uploads::get(&server, &import).await;
        assert_eq!(now.state(), pb::ImportState::Running, "{now:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    owner.batch_execute("GRANT INSERT ON patterns TO lekalo_app").await.unwrap();
    let ended = uploads::wait(&server, &import).await;
    assert_eq!(ended.state(), pb::ImportState::Succeeded, "{ended:?}");
}
