//! A database that is frozen, gone, read-only, a standby or without its rights: what health says, and how long calls take.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use lekalo::catalog::{Catalogs, Limits};
use lekalo::db::{Db, migrations};
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use lekalo::proto::lekalo::v1::pricing_service_client::PricingServiceClient;
use lekalo::proto::lekalo::v1::tenant_service_client::TenantServiceClient;
use lekalo::proto::lekalo::v1::text_service_client::TextServiceClient;
use lekalo_migrate::tls;
use lekalo_postgres::{EmbeddedOptions, EmbeddedServer};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::{sleep, timeout};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use crate::support::pricing::{set, soms, suv};
use crate::support::service::{Service, channel};
use crate::support::{self, TestServer};

/// What a loaded machine may need for anything.
const PATIENCE: Duration = Duration::from_secs(30);
/// What nobody waits longer for, and what a loaded machine may add.
const SILENCE: Duration = Duration::from_secs(5 + 10);

/// What depends on the database, and what does not.
const DEPENDENT: [&str; 3] = ["", "readiness", "lekalo.v1.CatalogService"];
const LIVENESS: &str = "liveness";

async fn health(channel: &Channel, service: &str) -> ServingStatus {
    let request = HealthCheckRequest { service: service.into() };
    HealthClient::new(channel.clone()).check(request).await.unwrap().into_inner().status()
}

/// Waits until health says so, under each name that depends on the database.
async fn until(channel: &Channel, expected: ServingStatus, why: &str) {
    let began = Instant::now();
    for name in DEPENDENT {
        while health(channel, name).await != expected {
            assert!(began.elapsed() < PATIENCE, "{why}: `{name}` is not {expected:?}");
            sleep(Duration::from_millis(10)).await;
        }
    }
    assert_eq!(health(channel, LIVENESS).await, ServingStatus::Serving, "{why}");
}

async fn list_tenants(channel: &Channel) -> Result<(), Status> {
    TenantServiceClient::new(channel.clone()).list_tenants(pb::ListTenantsRequest::default()).await.map(|_| ())
}

async fn create_tenant(channel: &Channel, slug: &str) -> Result<(), Status> {
    let tenant =
        pb::Tenant { slug: slug.into(), display_name: slug.into(), currency: "KGS".into(), ..Default::default() };
    let request = pb::CreateTenantRequest { tenant: Some(tenant), ..Default::default() };
    TenantServiceClient::new(channel.clone()).create_tenant(request).await.map(|_| ())
}

#[track_caller]
fn assert_unavailable(status: &Status) {
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "DATABASE_UNAVAILABLE");
    assert!(details.retry_info().unwrap().retry_delay.is_some());
}

/// A private server with a migrated database.
async fn postgres(folder: &Path) -> EmbeddedServer {
    support::copy_cluster(&folder.join("data")).await;
    let postgres = start(folder).await;
    migrations::up(&postgres.config(), &tls::OFF).await.unwrap();
    postgres
}

async fn start(folder: &Path) -> EmbeddedServer {
    let options = EmbeddedOptions {
        data_dir: Some(folder.join("data")),
        pg_bin: std::env::var_os("LEKALO_PG_BIN").map(Into::into),
        durable: false,
        ..EmbeddedOptions::default()
    };
    EmbeddedServer::start(&options).await.unwrap()
}

/// Stops or continues every process of a server.
fn signal(server: &Path, signal: Signal) {
    let pid = std::fs::read_to_string(server.join("data/pgdata/postmaster.pid")).unwrap();
    let postmaster: i32 = pid.lines().next().unwrap().parse().unwrap();
    // First the one that makes others.
    kill(Pid::from_raw(postmaster), signal).unwrap();
    let children = std::fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children")).unwrap();
    for pid in children.split_whitespace() {
        // One may just have ended.
        let _ = kill(Pid::from_raw(pid.parse().unwrap()), signal);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_frozen_database_and_all_goes_on_when_it_does() {
    let folder = support::folder();
    let postgres = postgres(folder.path()).await;
    let server = TestServer::over(postgres.config()).await;
    list_tenants(&server.channel).await.unwrap();

    // Calls that are under way, that come meanwhile, and that come when it is known; none has a deadline.
    let calls = |count: usize| {
        (0..count).map(|_| {
            let channel = server.channel.clone();
            tokio::spawn(async move {
                let began = Instant::now();
                (list_tenants(&channel).await, began.elapsed())
            })
        })
    };
    signal(folder.path(), Signal::SIGSTOP);
    let waiting: Vec<_> = calls(50).collect();
    until(&server.channel, ServingStatus::NotServing, "it is frozen").await;
    let meanwhile: Vec<_> = calls(50).collect();
    for call in waiting.into_iter().chain(meanwhile) {
        let (answer, took) = timeout(PATIENCE, call).await.unwrap().unwrap();
        assert_unavailable(&answer.unwrap_err());
        assert!(took < SILENCE, "{took:?}");
    }
    for call in calls(20) {
        let (answer, took) = call.await.unwrap();
        assert_unavailable(&answer.unwrap_err());
        assert!(took < Duration::from_secs(1), "known to be away, yet {took:?}");
    }
    signal(folder.path(), Signal::SIGCONT);
    until(&server.channel, ServingStatus::Serving, "it goes on").await;
    list_tenants(&server.channel).await.unwrap();
    server.stop().await;
    postgres.stop().await.unwrap();
}

/// Something an administrator does, and what makes up for it.
const TROUBLES: [(&str, &str, &str); 5] = [
    (
        "the server is read-only",
        "ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf()",
        "ALTER SYSTEM RESET default_transaction_read_only; SELECT pg_reload_conf()",
    ),
    (
        "the database is read-only",
        "ALTER DATABASE car_chatbot SET default_transaction_read_only = on",
        "ALTER DATABASE car_chatbot RESET default_transaction_read_only",
    ),
    ("a right is gone", "REVOKE INSERT ON applications FROM lekalo_app", "GRANT INSERT ON applications TO lekalo_app"),
    ("a table is gone", "ALTER TABLE prices RENAME TO prices_of_old", "ALTER TABLE prices_of_old RENAME TO prices"),
    (
        "it may not log in",
        "ALTER DATABASE car_chatbot ALLOW_CONNECTIONS false",
        "ALTER DATABASE car_chatbot ALLOW_CONNECTIONS true",
    ),
];

async fn administrate(admin: &Client, sql: &str) {
    for statement in sql.split("; ") {
        admin.batch_execute(statement).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn health_says_what_an_administrator_has_done_and_that_it_is_mended() {
    let folder = support::folder();
    let postgres = postgres(folder.path()).await;
    let mut elsewhere = postgres.config();
    elsewhere.dbname("postgres");
    let (admin, inside) = (support::connect(&elsewhere).await, support::connect(&postgres.config()).await);
    let server = TestServer::over(postgres.config()).await;
    for (what, breaks, mends) in TROUBLES {
        let admin = if breaks.contains("TABLE") || breaks.contains("ON ") { &inside } else { &admin };
        administrate(admin, breaks).await;
        until(&server.channel, ServingStatus::NotServing, what).await;
        if what.contains("read-only") {
            // Reads go on; a write is refused in words that say to try again, even where it was connected before.
            list_tenants(&server.channel).await.unwrap();
            assert_unavailable(&create_tenant(&server.channel, "shop").await.unwrap_err());
        }
        administrate(admin, mends).await;
        until(&server.channel, ServingStatus::Serving, what).await;
    }
    create_tenant(&server.channel, "shop").await.unwrap();
    server.stop().await;
    postgres.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_room_for_another_session_is_there_all_the_same() {
    let folder = support::folder();
    let postgres = postgres(folder.path()).await;
    let admin = support::connect(&postgres.config()).await;
    // As many sessions as there are, for a role that is no superuser.
    let bot = "CREATE ROLE bot LOGIN CONNECTION LIMIT 3 IN ROLE lekalo_app";
    admin.batch_execute(bot).await.unwrap();
    let mut config = postgres.config();
    config.user("bot");
    let options = lekalo::db::Options { switch_role: false, ..support::db_options(&config) };
    let server = TestServer::through(options, postgres.config()).await;
    list_tenants(&server.channel).await.unwrap();
    let mut others: Vec<Client> = Vec::new();
    while let Ok((client, connection)) = config.connect(tokio_postgres::NoTls).await {
        tokio::spawn(connection);
        others.push(client);
        assert!(others.len() < 10);
    }
    for _ in 0..30 {
        assert_eq!(health(&server.channel, "readiness").await, ServingStatus::Serving);
        list_tenants(&server.channel).await.unwrap();
        sleep(Duration::from_millis(100)).await;
    }
    // A burst finds no room either, and waits for the connections that there are.
    let burst = (0..20).map(|_| list_tenants(&server.channel));
    for answer in futures::future::join_all(burst).await {
        answer.unwrap();
    }
    drop(others);
    server.stop().await;
    postgres.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_waits_for_the_database_with_the_port_open() {
    let folder = support::folder();
    let postgres = postgres(folder.path()).await;
    let config: Config = postgres.config();
    postgres.stop().await.unwrap();
    let Host::Unix(socket_dir) = &config.get_hosts()[0] else { panic!("{config:?}") };
    let database = [("DB_HOST", socket_dir.to_str().unwrap()), ("DB_NAME", config.get_dbname().unwrap())];
    // Free a moment ago: it says where it listens only when it is ready.
    let addr = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut service = Service::run(folder.path(), &["--addr", &addr.to_string()], &database);
    let channel = Channel::from_shared(format!("http://{addr}")).unwrap().connect_lazy();
    let began = Instant::now();
    while HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await.is_err() {
        assert!(began.elapsed() < PATIENCE, "the port is not open");
        sleep(Duration::from_millis(50)).await;
    }
    until(&channel, ServingStatus::NotServing, "there is no database").await;
    let began = Instant::now();
    assert_unavailable(&list_tenants(&channel).await.unwrap_err());
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());

    let postgres = start(folder.path()).await;
    assert_eq!(service.addr().await, addr);
    until(&channel, ServingStatus::Serving, "it is there").await;
    list_tenants(&channel).await.unwrap();
    service.signal(Signal::SIGTERM);
    let (status, _) = service.ended(PATIENCE).await;
    assert!(status.success(), "{status}");
    postgres.stop().await.unwrap();
}

/// The same data, of a server that is stopped, in another folder.
fn copy_data(from: &Path, to: &Path) {
    let data = [from.join("data"), to.join("data")];
    assert!(std::process::Command::new("cp").arg("-a").args(data).status().unwrap().success());
}

/// A standby that waits for more of what it was copied from, which is then stopped.
async fn standby(folder: &Path, of: &Path) -> EmbeddedServer {
    copy_data(of, folder);
    std::fs::write(folder.join("data/pgdata/standby.signal"), "").unwrap();
    start(folder).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn writes_go_on_at_the_host_that_takes_them_when_the_first_freezes() {
    let (one, two) = (support::folder(), support::folder());
    let primary = postgres(one.path()).await;
    let config = primary.config();
    primary.stop().await.unwrap();
    let standby = standby(two.path(), one.path()).await;
    let primary = start(one.path()).await;

    // Of a standby alone, health says so; it is read from all the same.
    let reader = TestServer::over(standby.config()).await;
    until(&reader.channel, ServingStatus::NotServing, "it is a standby").await;
    list_tenants(&reader.channel).await.unwrap();
    assert_unavailable(&create_tenant(&reader.channel, "early").await.unwrap_err());

    let mut both = config.clone();
    let second = standby.config();
    let Host::Unix(socket_dir) = &second.get_hosts()[0] else { panic!("{config:?}") };
    both.host_path(socket_dir).target_session_attrs(tokio_postgres::config::TargetSessionAttrs::ReadWrite);
    let server = TestServer::through(support::db_options(&both), config).await;
    create_tenant(&server.channel, "before").await.unwrap();

    signal(one.path(), Signal::SIGSTOP);
    until(&server.channel, ServingStatus::NotServing, "the primary is frozen").await;
    let admin = support::connect(&standby.config()).await;
    let promoted = Instant::now();
    admin.batch_execute("SELECT pg_promote()").await.unwrap();
    until(&server.channel, ServingStatus::Serving, "the standby is promoted").await;
    create_tenant(&server.channel, "after").await.unwrap();
    println!("writes went on {:?} after the promotion", promoted.elapsed());
    until(&reader.channel, ServingStatus::Serving, "it is a standby no more").await;

    signal(one.path(), Signal::SIGCONT);
    reader.stop().await;
    server.stop().await;
    primary.stop().await.unwrap();
    standby.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_stops_the_calls_that_need_it_and_no_others() {
    let config = support::database().await;
    let server = TestServer::over(config.clone()).await;
    let locker = support::connect(&config).await;
    locker.batch_execute("BEGIN; LOCK TABLE patterns IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let brands = |page_size| {
        let request = pb::ListBrandsRequest {
            tenant: "evopoliki".into(),
            category: "eva_mats".into(),
            page_size,
            ..Default::default()
        };
        let mut client = CatalogServiceClient::new(server.channel.clone());
        async move { client.list_brands(request).await.map(|_| ()) }
    };
    // More than there are connections, again and again; meanwhile the rest goes on.
    let ended = AtomicBool::new(false);
    let crowd = async {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(6) {
            let asked = Instant::now();
            for answer in futures::future::join_all((1..30).map(brands)).await {
                assert!(asked.elapsed() < SILENCE, "one waits after the other: {:?}", asked.elapsed());
                let status = answer.unwrap_err();
                assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
                assert!(status.get_error_details().retry_info().is_some());
            }
        }
        ended.store(true, Ordering::Relaxed);
    };
    let rest = async {
        let (mut calls, mut slow, mut longest) = (0, 0, Duration::ZERO);
        while !ended.load(Ordering::Relaxed) {
            let began = Instant::now();
            list_tenants(&server.channel).await.unwrap();
            let took = began.elapsed();
            (calls, slow, longest) = (calls + 1, slow + u32::from(took > Duration::from_secs(1)), longest.max(took));
            sleep(Duration::from_millis(20)).await;
        }
        println!("{calls} other calls went on, the longest in {longest:?}");
        // The first may have met the crowd before it was known to be blocked.
        assert!(calls > 20 && slow <= 2 && longest < SILENCE, "{calls} calls, {slow} of them slow, {longest:?}");
    };
    tokio::join!(crowd, rest);
    assert_eq!(health(&server.channel, "").await, ServingStatus::Serving);
    locker.batch_execute("ROLLBACK").await.unwrap();
    brands(1).await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_once_who_holds_what_calls_wait_for() {
    let config = support::database().await;
    let mut service = Service::configured(support::folder().path(), &config);
    let channel = channel(service.addr().await).await;
    let mut named = config.clone();
    named.application_name("nightly report");
    let locker = support::connect(&named).await;
    let pid: i32 = locker.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    locker.batch_execute("BEGIN; LOCK TABLE tenants IN ACCESS EXCLUSIVE MODE").await.unwrap();
    for _ in 0..3 {
        assert_eq!(list_tenants(&channel).await.unwrap_err().code(), Code::ResourceExhausted);
    }
    drop(locker);
    list_tenants(&channel).await.unwrap();
    service.signal(Signal::SIGTERM);
    let (_, log) = service.ended(PATIENCE).await;
    let line = format!("calls wait for tenants, locked by process {pid} (nightly report, role ");
    assert_eq!(log.matches(&line).count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn calls_go_on_at_another_host_while_the_one_they_were_at_is_frozen() {
    let (one, two) = (support::folder(), support::folder());
    let first = postgres(one.path()).await;
    let config = first.config();
    first.stop().await.unwrap();
    copy_data(one.path(), two.path());
    let (first, second) = (start(one.path()).await, start(two.path()).await);
    let mut both = config.clone();
    let other = second.config();
    let Host::Unix(socket_dir) = &other.get_hosts()[0] else { panic!("{other:?}") };
    both.host_path(socket_dir);
    let server = TestServer::through(support::db_options(&both), config).await;
    list_tenants(&server.channel).await.unwrap();

    signal(one.path(), Signal::SIGSTOP);
    let began = Instant::now();
    assert_unavailable(&list_tenants(&server.channel).await.unwrap_err());
    assert!(began.elapsed() < SILENCE, "{:?}", began.elapsed());
    until(&server.channel, ServingStatus::Serving, "the second answers").await;
    list_tenants(&server.channel).await.unwrap();
    // Nor does a start wait for the first.
    lekalo::db::check::role(&support::db_options(&both)).await.unwrap();
    assert!(migrations::up(&both, &tls::OFF).await.unwrap().applied.is_empty());

    signal(one.path(), Signal::SIGCONT);
    server.stop().await;
    first.stop().await.unwrap();
    second.stop().await.unwrap();
}

fn health_command(service: &str, addr: &str) -> std::process::Output {
    std::process::Command::new(support::LEKALO).args(["health", service, "--addr", addr]).output().unwrap()
}

/// Of a server whose database is away, of nobody, and of what there is not.
fn the_health_command_says_so_to_a_probe(addr: SocketAddr) {
    let asked = |service: &str, addr: &str| {
        let said = health_command(service, addr);
        (said.status.code().unwrap(), String::from_utf8(said.stderr).unwrap())
    };
    let here = addr.to_string();
    for (service, addr, code, words) in [
        ("readiness", &*here, 3, "NOT_SERVING"),
        ("liveness", &format!("localhost:{}", addr.port()), 0, ""),
        ("liveness", "127.0.0.1:1", 2, "nobody listens"),
        ("ready", &here, 1, "there are liveness, readiness, lekalo.v1."),
        ("liveness", "http://localhost:1", 1, "must be HOST:PORT"),
    ] {
        let (exit, said) = asked(service, addr);
        assert!(exit == code && said.contains(words), "{service} at {addr}: {exit} {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn a_changed_password_is_read_again_where_it_is_kept() {
    let folder = support::folder();
    let postgres = postgres(folder.path()).await;
    let config = postgres.config();
    let admin = support::connect(&config).await;
    let bot = "CREATE ROLE bot LOGIN PASSWORD 'canary-one' IN ROLE lekalo_app";
    admin.batch_execute(bot).await.unwrap();
    let rules = folder.path().join("data/pgdata/pg_hba.conf");
    let others = std::fs::read_to_string(&rules).unwrap();
    std::fs::write(&rules, format!("local all bot scram-sha-256\n{others}")).unwrap();
    admin.batch_execute("SELECT pg_reload_conf()").await.unwrap();

    let Host::Unix(socket) = &config.get_hosts()[0] else { panic!("{config:?}") };
    let file = folder.path().join("password");
    std::fs::write(&file, "canary-one\n").unwrap();
    let variables = [
        ("DB_HOST", socket.to_str().unwrap()),
        ("DB_NAME", config.get_dbname().unwrap()),
        ("DB_USER", "bot"),
        ("DB_PASSWORD_FILE", file.to_str().unwrap()),
        ("LEKALO_ADMIN_ADDR", "off"),
    ];
    let mut service = Service::run(folder.path(), &["--addr", "127.0.0.1:0", "--no-migrate"], &variables);
    let addr = service.addr().await;
    let channel = channel(addr).await;
    list_tenants(&channel).await.unwrap();
    let change = "ALTER ROLE bot PASSWORD 'canary-two';
                  SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'bot'";
    admin.batch_execute(change).await.unwrap();
    // The file is changed a while later.
    until(&channel, ServingStatus::NotServing, "the old password").await;
    the_health_command_says_so_to_a_probe(addr);
    std::fs::write(&file, "canary-two\n").unwrap();
    until(&channel, ServingStatus::Serving, "the new password").await;
    assert_eq!(health_command("readiness", &addr.to_string()).stdout, b"SERVING\n");
    // Each look is a connection.
    sleep(Duration::from_millis(2500)).await;
    list_tenants(&channel).await.unwrap();
    service.signal(Signal::SIGTERM);
    let (_, log) = service.ended(PATIENCE).await;
    // A call and a look at the database may both have met the change; who comes later knows.
    let told = log.matches("password has changed and was read again").count();
    assert!((1..=2).contains(&told) && !log.contains("canary"), "{log}");
    postgres.stop().await.unwrap();
}

/// What bots read, and what it takes to answer.
async fn reads(channel: &Channel) -> Vec<(&'static str, Result<tonic::metadata::MetadataMap, Status>, Duration)> {
    let (tenant, category) = ("evopoliki".to_owned(), "eva_mats".to_owned());
    let (mut catalog, mut prices, mut texts, mut tenants) = (
        CatalogServiceClient::new(channel.clone()),
        PricingServiceClient::new(channel.clone()),
        TextServiceClient::new(channel.clone()),
        TenantServiceClient::new(channel.clone()),
    );
    let mut answers = Vec::new();
    macro_rules! read {
        ($client:ident.$method:ident($request:ident { $($fields:tt)* })) => {
            let began = Instant::now();
            let answer = $client.$method(pb::$request { $($fields)*, ..Default::default() }).await;
            answers.push((stringify!($method), answer.map(|answer| answer.metadata().clone()), began.elapsed()));
        };
    }
    let (brand, model) = ("toyota".to_owned(), "camry".to_owned());
    read!(catalog.list_categories(ListCategoriesRequest { tenant: tenant.clone() }));
    read!(catalog.list_brands(ListBrandsRequest { tenant: tenant.clone(), category: category.clone() }));
    read!(catalog.list_models(ListModelsRequest {
        tenant: tenant.clone(),
        category: category.clone(),
        brand: brand.clone()
    }));
    read!(catalog.find_patterns(FindPatternsRequest {
        tenant: tenant.clone(),
        category: category.clone(),
        brand,
        model
    }));
    read!(catalog.list_options(ListOptionsRequest { tenant: tenant.clone(), category: category.clone() }));
    read!(catalog.resolve_vehicle(ResolveVehicleRequest {
        tenant: tenant.clone(),
        category: category.clone(),
        text: "камри 70".to_owned()
    }));
    read!(prices.list_prices(ListPricesRequest { tenant: tenant.clone(), category: category.clone() }));
    read!(prices.quote_price(QuotePriceRequest {
        tenant: tenant.clone(),
        category: category.clone(),
        body_type: "sedan".to_owned()
    }));
    read!(texts.list_texts(ListTextsRequest { tenant: tenant.clone() }));
    read!(texts.batch_get_texts(BatchGetTextsRequest { tenant: tenant.clone(), keys: vec!["back".to_owned()] }));
    let began = Instant::now();
    let answer = tenants.get_tenant(pb::GetTenantRequest { tenant }).await;
    answers.push(("get_tenant", answer.map(|answer| answer.metadata().clone()), began.elapsed()));
    answers
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn while_the_database_is_away_what_was_read_is_answered_on_and_health_tells_them_apart() {
    let folder = support::folder();
    let postgres = postgres(folder.path()).await;
    let config = postgres.config();
    let seeding = Db::new(&support::db_options(&config)).unwrap();
    seeding.apply_seed(&lekalo::seed::shipped().unwrap(), false).await.unwrap();
    seeding.close();
    let server = TestServer::over(config.clone()).await;
    let channel = &server.channel;
    for (name, answer, _) in reads(channel).await {
        assert!(!answer.unwrap_or_else(|status| panic!("{name}: {status:?}")).contains_key("lekalo-stale-seconds"));
    }
    // One with little patience answers no longer than that.
    let limits = Limits { max_stale: Duration::from_secs(1), ..Limits::default() };
    let impatient = TestServer::with(support::db_options(&config), config.clone(), |services| {
        let catalogs = Catalogs::new(services.db.clone(), services.live_index.clone(), limits);
        lekalo::grpc::Services { catalogs, ..services }
    })
    .await;
    reads(&impatient.channel).await;
    // What changes now takes nothing away of what was read before, and a price begins while the database is away.
    let begins = SystemTime::now() + Duration::from_secs(3);
    let coming = pb::Price { valid_from: Some(begins.into()), ..suv(7777) };
    set(&mut PricingServiceClient::new(impatient.channel.clone()), vec![coming]).await.unwrap();
    let has_price = async |at_time: Option<SystemTime>| {
        let (tenant, category) = ("evopoliki".to_owned(), "eva_mats".to_owned());
        let at_time = at_time.map(Into::into);
        let request = pb::ListPricesRequest { tenant, category, at_time, ..Default::default() };
        let answer = PricingServiceClient::new(channel.clone()).list_prices(request).await.unwrap().into_inner();
        answer.prices.iter().any(|price| price.amount == soms(7777))
    };
    let written = Instant::now();
    while !has_price(Some(begins + Duration::from_secs(1))).await {
        assert!(written.elapsed() < PATIENCE, "the price is not known");
    }

    signal(folder.path(), Signal::SIGSTOP);
    let frozen = Instant::now();
    let mut slowest = Duration::ZERO;
    let mut is_known = false;
    while !is_known || frozen.elapsed() < Duration::from_secs(4) {
        assert!(frozen.elapsed() < PATIENCE);
        let asked = frozen.elapsed();
        for (name, answer, took) in reads(channel).await {
            let metadata = answer.unwrap_or_else(|status| panic!("{name}: {status:?}"));
            let age = metadata.get("lekalo-stale-seconds").map(|age| age.to_str().unwrap().parse::<u64>().unwrap());
            assert!(age.is_none_or(|age| age <= 1 + frozen.elapsed().as_secs()), "{name}: {age:?}");
            assert!(age.is_some() || asked < Duration::from_secs(3), "{name} does not say how old it is");
            slowest = slowest.max(took);
        }
        is_known = health(channel, "lekalo.v1.TenantService").await == ServingStatus::NotServing;
        sleep(Duration::from_millis(50)).await;
    }
    println!("the slowest read took {slowest:?}");
    assert!(has_price(None).await, "the price has begun");
    // Nobody waits for a connection, be the machine ever so loaded.
    assert!(slowest < SILENCE, "{slowest:?}");
    for (name, expected) in [
        ("", ServingStatus::Serving),
        ("readiness", ServingStatus::Serving),
        (LIVENESS, ServingStatus::Serving),
        ("lekalo.v1.CatalogService", ServingStatus::Serving),
        ("lekalo.v1.PricingService", ServingStatus::Serving),
        ("lekalo.v1.TextService", ServingStatus::Serving),
        ("lekalo.v1.ApplicationService", ServingStatus::NotServing),
        ("lekalo.v1.ImportService", ServingStatus::NotServing),
        ("lekalo.v1.AdminService", ServingStatus::NotServing),
    ] {
        assert_eq!(health(channel, name).await, expected, "{name}");
    }
    assert_unavailable(&create_tenant(channel, "shop").await.unwrap_err());
    // What was never read here is not to be had.
    let other = pb::ListCategoriesRequest { tenant: "five_deluxe".into(), ..Default::default() };
    assert_unavailable(&CatalogServiceClient::new(channel.clone()).list_categories(other).await.unwrap_err());
    for (name, answer, _) in reads(&impatient.channel).await {
        assert_unavailable(&answer.err().unwrap_or_else(|| panic!("{name} is answered from too long ago")));
    }
    until(&impatient.channel, ServingStatus::NotServing, "nothing it has is young enough").await;

    signal(folder.path(), Signal::SIGCONT);
    until(&impatient.channel, ServingStatus::Serving, "it goes on").await;
    let began = Instant::now();
    while health(channel, "lekalo.v1.ApplicationService").await != ServingStatus::Serving {
        assert!(began.elapsed() < PATIENCE, "it is back, and nobody says so");
        sleep(Duration::from_millis(10)).await;
    }
    while reads(channel).await.into_iter().any(|(_, answer, _)| answer.unwrap().contains_key("lekalo-stale-seconds")) {
        assert!(began.elapsed() < PATIENCE, "it is back, and answers are old");
    }
    println!("fresh {:?} after its return", began.elapsed());
    impatient.stop().await;
    server.stop().await;
    postgres.stop().await.unwrap();
}
