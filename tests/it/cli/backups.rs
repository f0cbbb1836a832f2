//! Backups as an operator makes them: a dump while the service works, a restore elsewhere, and what is said when neither
//! can be.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use lekalo::proto::lekalo::v1::import_service_client::ImportServiceClient;
use lekalo::proto::lekalo::v1::pricing_service_client::PricingServiceClient;
use lekalo::proto::lekalo::v1::tenant_service_client::TenantServiceClient;
use lekalo::proto::lekalo::v1::text_service_client::TextServiceClient;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio_postgres::Config;
use tonic::transport::Channel;

use super::Shell;
use crate::support::applications::{Client, callback, create, created, moved};
use crate::support::service::{Service, channel, data_dir};
use crate::support::{connect, copy_cluster, database, empty_database, folder, skipped};

/// A shop that nobody writes to.
const QUIET: &str = "five_deluxe";
/// How many write to the other.
const WRITERS: usize = 4;

/// What a service answers about the quiet shop.
async fn answers(channel: Channel) -> Vec<String> {
    let tenant = || QUIET.to_owned();
    let category = || "5d_mats".to_owned();
    let (mut catalog, mut imports) =
        (CatalogServiceClient::new(channel.clone()), ImportServiceClient::new(channel.clone()));
    let (mut prices, mut texts) = (PricingServiceClient::new(channel.clone()), TextServiceClient::new(channel.clone()));
    let (mut tenants, mut applications) = (TenantServiceClient::new(channel.clone()), Client::new(channel));
    let brands = pb::ListBrandsRequest { tenant: tenant(), category: category(), ..Default::default() };
    let find = pb::FindPatternsRequest {
        tenant: tenant(),
        category: category(),
        brand: "toyota".into(),
        model: "camry".into(),
        ..Default::default()
    };
    let list = pb::ListPricesRequest { tenant: tenant(), category: category(), page_size: 100, ..Default::default() };
    let texts_of = pb::ListTextsRequest { tenant: tenant(), page_size: 100, ..Default::default() };
    let imports_of = pb::ListImportsRequest { tenant: tenant(), ..Default::default() };
    let applications_of = pb::ListApplicationsRequest { tenant: tenant(), ..Default::default() };
    let answers = vec![
        format!("{:?}", catalog.list_brands(brands).await.unwrap().into_inner()),
        format!("{:?}", catalog.find_patterns(find).await.unwrap().into_inner()),
        format!("{:?}", prices.list_prices(list).await.unwrap().into_inner()),
        format!("{:?}", texts.list_texts(texts_of).await.unwrap().into_inner()),
        format!("{:?}", imports.list_imports(imports_of).await.unwrap().into_inner()),
        format!("{:?}", applications.list_applications(applications_of).await.unwrap().into_inner()),
        format!("{:?}", tenants.get_tenant(pb::GetTenantRequest { tenant: tenant() }).await.unwrap().into_inner()),
    ];
    assert!(answers.iter().all(|answer| answer.len() > 100), "{answers:#?}");
    answers
}

/// Customers who ask and shops that answer, until they are told to stop.
fn load(channel: &Channel, stop: &Arc<AtomicBool>, done: &Arc<AtomicUsize>) -> Vec<tokio::task::JoinHandle<()>> {
    let write = |number: usize| {
        let (mut client, stop, done) = (Client::new(channel.clone()), stop.clone(), done.clone());
        tokio::spawn(async move {
            while !stop.load(Ordering::SeqCst) {
                let mut asked = callback("0555 123 456");
                let place = done.load(Ordering::SeqCst);
                asked.customer.as_mut().unwrap().external_id = format!("{number}-{place}");
                let application = created(&mut client, asked).await;
                moved(&mut client, &application, pb::ApplicationStatus::InProgress).await;
                done.fetch_add(1, Ordering::SeqCst);
            }
        })
    };
    (0..WRITERS).map(write).collect()
}

async fn reaches(done: &AtomicUsize, count: usize) {
    while done.load(Ordering::SeqCst) < count {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What cannot be in one moment: an application whose last event tells another status, a feed that has come farther than
/// its events, or less far.
const TORN: &str = "
    SELECT (SELECT count(*) FROM applications a
            WHERE a.status IS DISTINCT FROM (
                SELECT e.to_status FROM application_events e
                WHERE (e.tenant_id, e.application_id) = (a.tenant_id, a.id) ORDER BY e.id DESC LIMIT 1))
         + (SELECT count(*) FROM application_feeds f
            WHERE f.last_place <> (SELECT max(id) FROM application_events e WHERE e.tenant_id = f.tenant_id)
               OR f.last_place <> (SELECT count(*) FROM application_events e WHERE e.tenant_id = f.tenant_id))";

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn a_dump_under_load_is_one_moment_that_a_service_elsewhere_goes_on_from() {
    let mut config = empty_database().await;
    let superuser = connect(&config).await;
    let name = config.get_dbname().unwrap().to_owned();
    let role = format!(
        "DROP ROLE IF EXISTS drill_owner; CREATE ROLE drill_owner LOGIN IN ROLE lekalo_app;
         ALTER DATABASE {name} OWNER TO drill_owner"
    );
    superuser.batch_execute(&role).await.unwrap();
    config.user("drill_owner");
    let shell = Shell::on(&config);
    shell.run(&["seed"]).await.done();
    let list = "Марка,Модель,Год\nТойота,Камри,2018\nТойота,Хуичи,2001\n";
    std::fs::write(shell.path().join("list.csv"), list).unwrap();
    let import = ["import", "list.csv", "--tenant", QUIET, "--category", "5d_mats", "--skip-seed"];
    shell.run(&import).await.done();
    let work = folder();
    let mut service = Service::with(work.path(), &config, &[("DB_USER", "drill_owner")]);
    let served = channel(service.addr().await).await;
    let mut client = Client::new(served.clone());
    let asked = pb::CreateApplicationRequest { tenant: QUIET.into(), ..create(callback("0777 123 456")) };
    client.create_application(asked).await.unwrap();
    let before = answers(served.clone()).await;
    let request = create(callback("0777 123 456"));
    let first = client.create_application(request.clone()).await.unwrap().into_inner().application.unwrap();

    let (stop, done) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
    let writers = load(&served, &stop, &done);
    reaches(&done, 10).await;
    let dumped = shell.run(&["dump", "shop.zip", "--json"]).await.done().json();
    let so_far = done.load(Ordering::SeqCst);
    reaches(&done, so_far + 10).await;
    stop.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    let rows = |table: &str| {
        let tables = dumped["tables"].as_array().unwrap();
        tables.iter().find(|told| told["table"] == table).unwrap()["rows"].as_i64().unwrap()
    };
    let all: i64 = superuser.query_one("SELECT count(*) FROM applications", &[]).await.unwrap().get(0);
    assert!(
        (11..all).contains(&rows("applications")),
        "{} of {all}: the dump was not under load",
        rows("applications")
    );

    // On another server, by its superuser.
    let elsewhere = folder();
    let data = data_dir(elsewhere.path());
    copy_cluster(&data).await;
    let flags = ["--embedded", "--data-dir", data.to_str().unwrap()];
    let restored = shell.run(&[&["restore", "shop.zip", "--json"][..], &flags].concat()).await.done().json();
    assert_eq!((&restored["restored"], &restored["rows"]), (&Value::Bool(true), &dumped["rows"]));
    let check = shell.run(&[&["migrate", "check"][..], &flags].concat()).await.done();
    assert_eq!(check.stdout, "no differences\n");
    let mut service = Service::embedded(elsewhere.path());
    let served = channel(service.addr().await).await;
    assert_eq!(answers(served.clone()).await, before);
    let mut reached = Config::new();
    reached.host_path(data.join("run")).user("postgres").dbname("car_chatbot");
    let copy = connect(&reached).await;
    let torn: i64 = copy.query_one(TORN, &[]).await.unwrap().get(0);
    assert_eq!(torn, 0);
    for table in ["applications", "application_events", "customers", "write_requests"] {
        let found: i64 = copy.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0);
        assert_eq!(found, rows(table), "{table}");
    }
    // A request that was answered before the dump is known, and new ones are taken.
    let mut client = Client::new(served);
    let again = client.create_application(request).await.unwrap().into_inner().application.unwrap();
    assert_eq!(again, first);
    let mut new = callback("0700 123 456");
    new.customer.as_mut().unwrap().external_id = "new".into();
    let new = created(&mut client, new).await;
    moved(&mut client, &new, pb::ApplicationStatus::InProgress).await;
    assert_eq!(copy.query_one(TORN, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn a_dump_that_cannot_be_is_told_and_leaves_no_file() {
    let shell = Shell::on(&database().await);
    shell.run(&["dump", "a.zip"]).await.done().with_stderr(&["dumped to a.zip: ", "as of 20", "schema version"]);
    shell.run(&["dump", "a.zip"]).await.failed(1, &["a.zip is there already", "hint: "]);
    shell.run(&["dump", "none/a.zip"]).await.failed(1, &["there is no folder none for the dump", "mkdir -p none"]);
    shell.run(&["dump", "none/"]).await.failed(1, &["there is no folder none/", "mkdir -p none/"]);
    shell.run(&["restore", "a.zip"]).await.failed(1, &["the database is not empty", "hint: "]);
    shell.run(&["restore", "b.zip"]).await.failed(1, &["cannot read b.zip"]);
    // No database is needed to know that a file is whole, or is not.
    let nowhere = Shell::new().with("DB_HOST", "/nowhere");
    let path = shell.path().join("a.zip");
    nowhere.run(&["restore", path.to_str().unwrap(), "--check"]).await.done().with_stderr(&["the dump is whole: "]);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    shell.run(&["restore", "a.zip", "--check"]).await.failed(1, &["a.zip is not a whole dump", "take another dump"]);
    std::fs::remove_file(&path).unwrap();
    let mut left = std::fs::read_dir(shell.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!((left.next(), left.next()), (Some("price.pdf".into()), None));
}

#[tokio::test]
async fn in_a_folder_dumps_are_named_by_themselves_and_the_oldest_of_them_go() {
    let config = database().await;
    let shell = Shell::on(&config);
    let name = config.get_dbname().unwrap();
    let folder = shell.path().join("backups");
    std::fs::create_dir(&folder).unwrap();
    let named = |time: &str| format!("{name}-{time}Z.zip");
    let old = ["2024-12-31T23-59-59", "2025-01-01T00-00-00", "2026-01-01T00-00-00"].map(named);
    // Whatever is called otherwise is somebody else's.
    let others = [&format!("{name}-last.zip"), "another-2025-01-01T00-00-00Z.zip", "notes.txt"].map(str::to_owned);
    for file in old.iter().chain(&others) {
        std::fs::write(folder.join(file), "").unwrap();
    }
    let found = || {
        let names = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect::<std::collections::BTreeSet<String>>()
    };
    let ran = shell.run(&["dump", "backups", "--json"]).await.done().json();
    let first = ran["file"].as_str().unwrap().strip_prefix("backups/").unwrap().to_owned();
    assert!(first.starts_with(&format!("{name}-20")) && first.ends_with("Z.zip"), "{first}");
    assert_eq!(found().len(), 7, "without --keep nothing goes");
    // One that fails takes nothing away.
    let nobody = Shell::new().with("DB_HOST", "/nowhere").with("DB_NAME", name);
    nobody.run(&["dump", folder.to_str().unwrap(), "--keep", "1"]).await.failed(2, &[]);
    assert_eq!(found().len(), 7);
    // Names have seconds.
    while humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string().replace(':', "-")
        == first.strip_prefix(&format!("{name}-")).unwrap().strip_suffix(".zip").unwrap()
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ran = shell.run(&["dump", "backups", "--keep", "2", "--json"]).await.done().json();
    let second = ran["file"].as_str().unwrap().strip_prefix("backups/").unwrap().to_owned();
    assert_eq!(found(), others.into_iter().chain([first, second]).collect());
    shell.run(&["dump", "a.zip", "--keep", "2"]).await.failed(1, &["a.zip is no folder", "hint: "]);
}

/// Told to stop while it waits for a table that somebody is changing.
#[tokio::test]
async fn an_interrupted_dump_leaves_nothing_behind() {
    let config = database().await;
    let other = connect(&config).await;
    other.batch_execute("BEGIN; LOCK TABLE patterns IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let shell = Shell::on(&config);
    let mut command = shell.command(&["dump", "a.zip"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let waits = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND application_name = 'lekalo dump' AND wait_event_type = 'Lock'";
    // Not within the transaction, to which the same is shown again and again.
    let looking = connect(&config).await;
    while looking.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(std::fs::read_dir(shell.path()).unwrap().count(), 2, "the price list, and what is to be the dump");
    kill(Pid::from_raw(child.id().unwrap().cast_signed()), Signal::SIGINT).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), child.wait_with_output()).await.unwrap().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.code() == Some(2) && said.contains("interrupted: there is no dump"), "{said}");
    assert_eq!(std::fs::read_dir(shell.path()).unwrap().count(), 1);
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn an_embedded_server_moves_to_a_newer_postgresql_with_all_its_rows() {
    let work = folder();
    let data = data_dir(work.path());
    copy_cluster(&data).await;
    let flags = ["--embedded", "--data-dir", data.to_str().unwrap()];
    let mut shell = Shell::new();
    shell.run(&[&["seed"][..], &flags].concat()).await.done();
    let stats = shell.run(&[&["stats", "--json"][..], &flags].concat()).await.done().json();
    let version = || std::fs::read_to_string(data.join("pgdata/PG_VERSION")).unwrap();
    let before = version();
    let upgrade = ["db", "upgrade", "--data-dir", flags[2]];
    let programs = folder();
    let mut ran = shell.run(&upgrade).await;
    if ran.stderr.contains("there is no newer one") {
        let destination = programs.path().to_owned();
        let fetched = tokio::task::spawn_blocking(move || lekalo_postgres::fetch(&destination)).await.unwrap();
        let Ok(bin) = fetched else { return skipped("there is one PostgreSQL, and no other was to be had") };
        shell = shell.with("LEKALO_PG_BIN", bin.to_str().unwrap());
        ran = shell.run(&upgrade).await;
        if ran.stderr.contains("there is no newer one") {
            // The tests run on the newest there is: then this is what there is to say.
            drop(ran.failed(1, &["lekalo db fetch", "LEKALO_PG_BIN"]));
            return;
        }
    }
    let ran = ran.done().with_stderr(&["carried over: ", "is kept in "]);
    assert_ne!(ran.stdout, before);
    assert_eq!(version(), ran.stdout);
    assert_eq!(std::fs::read_to_string(data.join(format!("pgdata.{}/PG_VERSION", before.trim()))).unwrap(), before);
    assert_eq!(shell.run(&[&["stats", "--json"][..], &flags].concat()).await.done().json(), stats);
    let check = shell.run(&[&["migrate", "check"][..], &flags].concat()).await.done();
    assert_eq!(check.stdout, "no differences\n");
    assert!(!data.join("upgrade").exists());
    shell.run(&upgrade).await.failed(1, &["there is no newer one on this machine", "lekalo db fetch"]);
}
