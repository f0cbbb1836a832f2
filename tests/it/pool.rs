//! The connection pool and what it does when the database is slow, busy, silent or gone.

use std::path::Path;
use std::time::{Duration, Instant};

use lekalo::db::{Db, Options, Query, migrations};
use lekalo::domain::Error;
use lekalo::proto::lekalo::v1::application_service_client::ApplicationServiceClient;
use lekalo::proto::lekalo::v1::tenant_service_client::TenantServiceClient;
use lekalo::proto::lekalo::v1::{ListTenantsRequest, WatchApplicationsRequest};
use lekalo_migrate::tls;
use lekalo_postgres::{EmbeddedOptions, EmbeddedServer};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use crate::support::{self, TestServer};

/// What a loaded machine may need for anything.
const PATIENCE: Duration = Duration::from_secs(30);

fn pool(config: &Config, pool_size: usize, max_overflow: usize) -> Db {
    Db::new(&Options { pool_size, max_overflow, ..support::db_options(config) }).unwrap()
}

async fn holds(client: &Client, key: i64) {
    client.execute("SELECT pg_advisory_lock($1)", &[&key]).await.unwrap();
}

async fn releases(client: &Client, key: i64) {
    client.execute("SELECT pg_advisory_unlock($1)", &[&key]).await.unwrap();
}

/// A query that lasts as long as somebody else [`holds`] the key.
fn wait_for(db: &Db, key: i64) -> JoinHandle<Result<(), Error>> {
    let db = db.clone();
    tokio::spawn(async move {
        let query = Query::new("-- wait\nSELECT pg_advisory_xact_lock_shared($1)").bind(&key, Type::INT8);
        db.read([query]).await.map(|_| ())
    })
}

async fn ask<T: for<'a> tokio_postgres::types::FromSql<'a>>(client: &Client, question: &str) -> T {
    client.query_one(question, &[]).await.unwrap().get(0)
}

/// How many connections the pool has to this database, as the server sees it.
async fn connections(observer: &Client) -> i64 {
    let count = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND starts_with(application_name, 'lekalo@') AND pid <> pg_backend_pid()";
    ask(observer, count).await
}

/// How many of its statements run or wait.
async fn active(observer: &Client) -> i64 {
    let count = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()
                   AND backend_type = 'client backend'";
    ask(observer, count).await
}

async fn until<F: Future<Output = bool>>(what: &str, within: Duration, done: impl Fn() -> F) {
    let began = Instant::now();
    while !done().await {
        assert!(began.elapsed() < within, "waited {within:?} until {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

async fn backend(db: &Db) -> i32 {
    let [rows] = db.read([Query::new("-- backend\nSELECT pg_backend_pid()")]).await.unwrap();
    rows[0].get(0)
}

async fn health(server: &TestServer) -> ServingStatus {
    let answer = HealthClient::new(server.channel.clone()).check(HealthCheckRequest::default()).await.unwrap();
    answer.into_inner().status()
}

async fn list_tenants(server: &TestServer) -> Result<(), Status> {
    TenantServiceClient::new(server.channel.clone()).list_tenants(ListTenantsRequest::default()).await.map(|_| ())
}

/// Nothing of the driver, the host or the disk is in what a caller is told.
fn assert_discreet(status: &Status, config: &Config) {
    let text = format!("{} {:?}", status.message(), status.get_error_details()).to_lowercase();
    let database = config.get_dbname().unwrap();
    for secret in
        ["/tmp", "/run", ".s.pgsql", "socket", "os error", "localhost", "127.0.0.1", "fatal", "sqlstate", database]
    {
        assert!(!text.contains(secret), "{secret:?} is in {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_opens_the_overflow_which_closes_when_idle() {
    let config = support::database().await;
    let observer = support::connect(&config).await;
    let db = pool(&config, 2, 3);
    assert_eq!(connections(&observer).await, 0, "nothing is opened before it is needed");

    holds(&observer, 1).await;
    let burst: Vec<_> = (0..7).map(|_| wait_for(&db, 1)).collect();
    until("pool and overflow are busy", PATIENCE, || async { active(&observer).await == 5 }).await;
    for _ in 0..20 {
        assert_eq!(connections(&observer).await, 5);
        sleep(Duration::from_millis(10)).await;
    }
    releases(&observer, 1).await;
    for call in burst {
        call.await.unwrap().unwrap();
    }
    let idle_since = Instant::now();
    assert_eq!(db.connections(), 5);

    until("the overflow is closed", Duration::from_secs(8), || async { connections(&observer).await == 2 }).await;
    println!("closed after {:?}", idle_since.elapsed());
    assert!(idle_since.elapsed() > Duration::from_secs(1), "a second burst would have to connect again");
    // The pool itself stays open.
    sleep(Duration::from_secs(4)).await;
    assert_eq!(connections(&observer).await, 2);
    assert_eq!(db.connections(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_beyond_the_pool_gets_the_next_free_connection() {
    let config = support::database().await;
    let observer = support::connect(&config).await;
    let db = pool(&config, 1, 1);
    holds(&observer, 1).await;
    holds(&observer, 2).await;
    let (long, short) = (wait_for(&db, 1), wait_for(&db, 2));
    until("both connections are busy", PATIENCE, || async { active(&observer).await == 2 }).await;
    let next = tokio::spawn({
        let db = db.clone();
        async move { backend(&db).await }
    });
    sleep(Duration::from_millis(100)).await;
    assert!(!next.is_finished());
    releases(&observer, 2).await;
    short.await.unwrap().unwrap();
    timeout(PATIENCE, next).await.expect("the freed connection is not used").unwrap();
    assert!(!long.is_finished());
    releases(&observer, 1).await;
    long.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_waits_too_long_is_told_to_come_back() {
    let config = support::database().await;
    let wait = Duration::from_millis(300);
    let server = TestServer::through(Options { pool_timeout: wait, ..support::db_options(&config) }, config).await;
    let observer = support::connect(&server.config).await;
    holds(&observer, 1).await;
    let busy: Vec<_> = (0..8).map(|_| wait_for(&server.db, 1)).collect();
    until("all connections are busy", PATIENCE, || async { active(&observer).await == 8 }).await;
    let began = Instant::now();
    let status = timeout(PATIENCE, list_tenants(&server)).await.unwrap().unwrap_err();
    assert!(began.elapsed() >= wait && began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "OVERLOADED");
    assert!(status.get_error_details().retry_info().unwrap().retry_delay.is_some());
    assert_discreet(&status, &server.config);
    // Busy is not broken: taken out of service, its load would fall on the others.
    sleep(Duration::from_secs(1)).await;
    assert_eq!(health(&server).await, ServingStatus::Serving);
    releases(&observer, 1).await;
    for call in busy {
        call.await.unwrap().unwrap();
    }
    list_tenants(&server).await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_query_stops_and_its_connection_goes_on() {
    let config = support::database().await;
    let observer = support::connect(&config).await;
    let db = pool(&config, 1, 0);
    let connection = backend(&db).await;
    let query = tokio::spawn({
        let db = db.clone();
        async move { db.read([Query::new("-- sleep\nSELECT pg_sleep(60)")]).await.map(|_| ()) }
    });
    until("it runs", PATIENCE, || async { active(&observer).await == 1 }).await;
    query.abort();
    let abandoned = Instant::now();
    until("it stops", Duration::from_secs(1), || async { active(&observer).await == 0 }).await;
    println!("stopped after {:?}", abandoned.elapsed());
    assert_eq!(timeout(PATIENCE, backend(&db)).await.unwrap(), connection);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_transaction_is_rolled_back() {
    let config = support::database().await;
    let observer = support::connect(&config).await;
    let db = pool(&config, 1, 0);
    let transaction = db.transaction().await.unwrap();
    transaction.batch("-- lock\nSELECT pg_advisory_xact_lock(1)").await.unwrap();
    drop(transaction);
    let locks = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                 WHERE l.locktype = 'advisory' AND d.datname = current_database()";
    until("its lock is gone", PATIENCE, || async { ask::<i64>(&observer, locks).await == 0 }).await;
    let [rows] = db.read([Query::new("-- aborted\nSELECT pg_current_xact_id_if_assigned() IS NULL")]).await.unwrap();
    assert!(rows[0].get::<_, bool>(0));
}

async fn start_server(data_dir: &Path) -> EmbeddedServer {
    if !data_dir.exists() {
        support::copy_cluster(data_dir).await;
    }
    let options = EmbeddedOptions {
        data_dir: Some(data_dir.to_owned()),
        pg_bin: std::env::var_os("LEKALO_PG_BIN").map(Into::into),
        durable: false,
        ..EmbeddedOptions::default()
    };
    EmbeddedServer::start(&options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_database_is_unavailable_until_it_is_back() {
    let folder = support::folder();
    let data_dir = folder.path().join("data");
    let postgres = start_server(&data_dir).await;
    let config = postgres.config();
    migrations::up(&config, &tls::OFF).await.unwrap();
    let server = TestServer::over(config.clone()).await;
    assert_eq!(health(&server).await, ServingStatus::Serving);
    list_tenants(&server).await.unwrap();

    // One call is under way when the database goes, and somebody watches while nothing happens.
    let locker = support::connect(&config).await;
    let shop = "INSERT INTO tenants (slug, display_name, currency) VALUES ('shop', 'Shop', 'KGS')";
    locker.batch_execute(shop).await.unwrap();
    let watch = WatchApplicationsRequest { tenant: "shop".into(), ..Default::default() };
    let mut watching = ApplicationServiceClient::new(server.channel.clone());
    let mut watched = watching.watch_applications(watch).await.unwrap().into_inner();
    locker.batch_execute("BEGIN; LOCK TABLE tenants IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let call = tokio::spawn({
        let mut client = TenantServiceClient::new(server.channel.clone());
        async move { client.list_tenants(ListTenantsRequest::default()).await.map(|_| ()) }
    });
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'tenants'::regclass";
    until("it waits for the lock", PATIENCE, || async { ask::<i64>(&locker, waiting).await > 0 }).await;
    postgres.stop().await.unwrap();
    let interrupted = timeout(PATIENCE, call).await.unwrap().unwrap().unwrap_err();
    let refused = timeout(PATIENCE, list_tenants(&server)).await.unwrap().unwrap_err();
    let unwatched = timeout(PATIENCE, watched.message()).await.unwrap().unwrap_err();
    for status in [interrupted, refused, unwatched] {
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        assert_eq!(status.get_error_details().error_info().unwrap().reason, "DATABASE_UNAVAILABLE");
        assert!(status.get_error_details().retry_info().unwrap().retry_delay.is_some());
        assert_discreet(&status, &config);
    }
    until("health says so", PATIENCE, || async { health(&server).await == ServingStatus::NotServing }).await;

    let postgres = start_server(&data_dir).await;
    until("health says it is back", PATIENCE, || async { health(&server).await == ServingStatus::Serving }).await;
    list_tenants(&server).await.unwrap();
    server.stop().await;
    postgres.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_accepts_and_says_nothing_is_unavailable() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = Config::new();
    config.host("127.0.0.1").port(silent.local_addr().unwrap().port()).user("nobody").dbname("nothing");
    let error = timeout(PATIENCE, pool(&config, 1, 0).ping()).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    assert_discreet(&error.into(), &config);
}
