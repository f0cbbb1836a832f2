//! How the program ends, and what it leaves behind: real processes, with a PostgreSQL of their own.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use lekalo::proto::lekalo::v1::ListTenantsRequest;
use lekalo::proto::lekalo::v1::tenant_service_client::TenantServiceClient;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, Config};
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::support::service::{Service, channel, data_dir};
use crate::support::{self, folder};

/// A stop may take this long, whatever is open.
const STOP: Duration = Duration::from_secs(10);
/// What a loaded machine may need for anything else.
const PATIENCE: Duration = Duration::from_secs(60);

/// The process number of the PostgreSQL in `folder`, if it runs or was killed.
fn postgres_pid(folder: &Path) -> Option<u32> {
    let file = fs::read_to_string(data_dir(folder).join("pgdata/postmaster.pid")).ok()?;
    file.lines().next()?.trim().parse().ok()
}

/// Whether a process (a zombie is none) has this number.
fn alive(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|command_line| !command_line.is_empty())
}

/// What PostgreSQL says of its data: "shut down", "in production", …
fn cluster_state(folder: &Path) -> String {
    let log = fs::read_to_string(data_dir(folder).join("postgres.log")).unwrap();
    let last = log.lines().rfind(|line| line.contains("database system")).unwrap_or_default();
    last.rsplit("database system ").next().unwrap().to_owned()
}

/// A connection to the PostgreSQL in `folder`, past the service.
async fn postgres(folder: &Path) -> Client {
    let mut config = Config::new();
    config.host_path(data_dir(folder).join("run")).user("postgres").dbname("car_chatbot");
    config.application_name("lekalo test");
    support::connect(&config).await
}

async fn tenants(channel: &Channel) -> Result<Vec<String>, tonic::Status> {
    let answer = TenantServiceClient::new(channel.clone()).list_tenants(ListTenantsRequest::default()).await?;
    Ok(answer.into_inner().tenants.into_iter().map(|tenant| tenant.slug).collect())
}

/// Something that must be there afterwards.
async fn add_tenant(postgres: &Client) {
    let tenant = "INSERT INTO tenants (slug, display_name) VALUES ('probe', 'Probe')";
    postgres.batch_execute(tenant).await.unwrap();
}

/// Makes calls that read tenants wait until `locker` ends its transaction.
async fn lock_tenants(locker: &Client) {
    locker.batch_execute("BEGIN; LOCK TABLE tenants IN ACCESS EXCLUSIVE MODE").await.unwrap();
}

async fn until_a_call_waits(locker: &Client) {
    let waiting = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND relation = 'tenants'::regclass";
    until("a call waits for the lock", PATIENCE, || async { ask(locker, waiting).await }).await;
}

async fn ask(client: &Client, question: &str) -> bool {
    client.query_one(question, &[]).await.unwrap().get(0)
}

async fn until<F: Future<Output = bool>>(what: &str, within: Duration, done: impl Fn() -> F) {
    let began = Instant::now();
    while !done().await {
        assert!(began.elapsed() < within, "waited {within:?} until {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_the_call_in_flight_finish_and_waits_for_nobody_else() {
    let folder = folder();
    let mut service = Service::prepared(folder.path()).await;
    let addr = service.addr().await;
    let postgres = postgres(folder.path()).await;
    add_tenant(&postgres).await;

    // What could hold a stop up: a watch, a peer that says nothing, a call that waits for a lock.
    let mut watch =
        HealthClient::new(channel(addr).await).watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let mut silent = TcpStream::connect(addr).await.unwrap();
    lock_tenants(&postgres).await;
    let channel = channel(addr).await;
    let call = tokio::spawn({
        let channel = channel.clone();
        async move { tenants(&channel).await }
    });
    until_a_call_waits(&postgres).await;

    let signalled = Instant::now();
    service.signal(Signal::SIGTERM);
    let told = timeout(Duration::from_secs(5), watch.message()).await.expect("the watch is not told").unwrap().unwrap();
    assert_eq!(told.status(), ServingStatus::NotServing);
    until("nobody new is let in", Duration::from_secs(5), || async { TcpStream::connect(addr).await.is_err() }).await;
    // Calls that reach an open connection before its goodbye does are still answered; then none is.
    let checks = HealthClient::new(channel);
    until("no new call is let in", Duration::from_secs(5), || async {
        checks.clone().check(HealthCheckRequest::default()).await.is_err()
    })
    .await;
    assert!(!call.is_finished());

    postgres.batch_execute("COMMIT").await.unwrap();
    let answer = timeout(Duration::from_secs(5), call).await.unwrap().unwrap();
    assert_eq!(answer.unwrap(), ["probe"]);
    let (status, said) = service.ended(STOP.saturating_sub(signalled.elapsed())).await;
    assert!(status.success(), "{status}:\n{said}");

    // The silent peer is cut off: at most the server's greeting is left to read.
    let _ = timeout(STOP, silent.read_to_end(&mut Vec::new())).await.expect("the connection is still open");
    assert!(!data_dir(folder.path()).join("pgdata/postmaster.pid").exists());
    assert_eq!(cluster_state(folder.path()), "is shut down");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_twice_need_not_wait_for_calls_that_do_not_end() {
    let config = support::database().await;
    let folder = folder();
    let mut service = Service::configured(folder.path(), &config);
    let addr = service.addr().await;
    let channel = channel(addr).await;
    let locker = support::connect(&config).await;
    lock_tenants(&locker).await;
    let call = tokio::spawn(async move { tenants(&channel).await });
    until_a_call_waits(&locker).await;

    service.signal(Signal::SIGINT);
    until("it stops", STOP, || async { TcpStream::connect(addr).await.is_err() }).await;
    assert!(!call.is_finished());
    service.signal(Signal::SIGTERM);
    // Before the call is cut off.
    let (status, said) = service.ended(Duration::from_secs(5)).await;
    assert_eq!(status.code(), Some(130), "{status}:\n{said}");
    assert!(said.contains("stopping at once"), "{said}");
    call.await.unwrap().unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_ends_with_its_private_postgres_and_says_why() {
    let folder = folder();
    let mut service = Service::prepared(folder.path()).await;
    service.addr().await;
    let pid = postgres_pid(folder.path()).unwrap();
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).unwrap();
    let (status, said) = service.ended(STOP).await;
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.contains("the private PostgreSQL has ended by itself (signal: 9 (SIGKILL))"), "{said}");
    assert!(said.contains("data/postgres.log:\n"), "{said}");
    // The next one recovers what was written.
    let mut next = Service::embedded(folder.path());
    let channel = channel(next.addr().await).await;
    tenants(&channel).await.unwrap();
    next.signal(Signal::SIGTERM);
    assert!(next.ended(STOP).await.0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_service_leaves_no_postgres_and_loses_no_data() {
    let folder = folder();
    let mut service = Service::prepared(folder.path()).await;
    service.addr().await;
    add_tenant(&postgres(folder.path()).await).await;
    let pid = postgres_pid(folder.path()).unwrap();
    assert!(alive(pid));

    service.signal(Signal::SIGKILL);
    let (status, _) = service.ended(STOP).await;
    assert!(!status.success());
    until("postgres is gone", STOP, || async { !alive(pid) }).await;

    let mut next = Service::embedded(folder.path());
    let channel = channel(next.addr().await).await;
    assert_eq!(tenants(&channel).await.unwrap(), ["probe"]);
    next.signal(Signal::SIGTERM);
    assert!(next.ended(STOP).await.0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_service_attaches_to_the_server_of_the_first() {
    let folder = folder();
    support::copy_cluster(&data_dir(folder.path())).await;
    let (mut first, mut second) = (Service::embedded(folder.path()), Service::embedded(folder.path()));
    let (first_addr, second_addr) = tokio::join!(first.addr(), second.addr());
    let pid = postgres_pid(folder.path()).unwrap();
    add_tenant(&postgres(folder.path()).await).await;

    // Which of the two came first is chance; its child is PostgreSQL.
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim().parse().ok();
    let ((owner, owners_addr), (attached, attached_addr)) = if first.process.id() == parent {
        ((first, first_addr), (second, second_addr))
    } else {
        ((second, second_addr), (first, first_addr))
    };
    assert_eq!(owner.process.id(), parent);
    assert_eq!(tenants(&channel(attached_addr).await).await.unwrap(), ["probe"]);

    attached.signal(Signal::SIGTERM);
    assert!(attached.ended(STOP).await.0.success());
    assert!(alive(pid));
    assert_eq!(tenants(&channel(owners_addr).await).await.unwrap(), ["probe"]);
    owner.signal(Signal::SIGTERM);
    assert!(owner.ended(STOP).await.0.success());
    assert!(!alive(pid));
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_while_the_cluster_is_made_or_started_ends_all_of_it() {
    let folder = folder();
    let data = data_dir(folder.path());
    // Twice: on a new folder while `initdb` works, then as soon as the server of the finished cluster starts.
    for sign in ["lekalo.lock", "pgdata/postmaster.pid"] {
        let service = Service::embedded(folder.path());
        until("the start is under way", PATIENCE, || async { data.join(sign).exists() }).await;
        service.signal(Signal::SIGTERM);
        let (status, said) = service.ended(STOP).await;
        assert!(status.success(), "{status}:\n{said}");
        if let Some(pid) = postgres_pid(folder.path()) {
            until("postgres is gone", STOP, || async { !alive(pid) }).await;
        }
    }
    let mut service = Service::embedded(folder.path());
    service.addr().await;
    service.signal(Signal::SIGTERM);
    assert!(service.ended(STOP).await.0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_while_another_replica_migrates_ends_the_waiting() {
    let config = support::empty_database().await;
    let other = support::connect(&config).await;
    // What a migrating replica holds: "lekalo" as a number.
    other.batch_execute("SELECT pg_advisory_lock(x'6c656b616c6f'::bigint)").await.unwrap();
    let folder = folder();
    let service = Service::configured(folder.path(), &config);
    let waiting = "SELECT count(*) > 0 FROM pg_stat_activity
                   WHERE datname = current_database() AND query LIKE '%pg_try_advisory_lock%' AND pid <> pg_backend_pid()";
    until("it waits for its turn", PATIENCE, || async { ask(&other, waiting).await }).await;
    service.signal(Signal::SIGTERM);
    let (status, said) = service.ended(STOP).await;
    assert!(status.success(), "{status}:\n{said}");
}
