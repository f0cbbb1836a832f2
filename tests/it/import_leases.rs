//! Signs of life: an import that works is let work however long it takes, one whose process is gone is not waited for, and
//! a server that stops says what it leaves undone.

use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _};
use futures::{FutureExt as _, future};
use lekalo::db::{Db, Options, Tenant};
use lekalo::domain::import::{Import, State};
use lekalo::import::rows::Batch;
use lekalo::import::run::carry_out;
use nix::sys::signal::Signal;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;

use crate::support::neighbours::Neighbours;
use crate::support::service::{Service, channel};
use crate::support::uploads::{clean_row, file, header, hold, new_import, reaches, upload, upload_to, wait};
use crate::support::{self, TestServer, connect, folder};
use lekalo::proto::lekalo::v1 as pb;

const LEASE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(30);

/// Carries an import of one row out that does not end until it may.
async fn carry(own: Tenant<'_>, db: &Db, import: &Import, category_id: i64, may_end: &Notify) -> Import {
    let rows = || {
        let first = stream::iter([Ok(Batch { rows: vec![clean_row()], total: 1 })]);
        let rest = may_end.notified().map(|()| stream::empty()).flatten_stream();
        future::ready(Ok(first.chain(rest).boxed())).boxed()
    };
    carry_out(db, own.id, import, category_id, rows, &|_| {}).await.unwrap()
}

/// How long the import's lease goes on from now, in seconds; none once it has ended.
async fn lease(owner: &Client, import: &Import) -> Option<f64> {
    let sql = "SELECT extract(epoch FROM lease_until - clock_timestamp())::float8 FROM imports WHERE id = $1";
    owner.query_one(sql, &[&import.id]).await.unwrap().get(0)
}

#[tokio::test]
async fn an_import_outlives_its_lease_as_long_as_somebody_works_on_it() {
    let config = support::database().await;
    let owner = connect(&config).await;
    let db = Db::new(&Options { import_lease: LEASE, ..support::db_options(&config) }).unwrap();
    let own = db.tenant(db.find_tenant("evopoliki").await.unwrap().id);
    let category = own.find_category("eva_mats").await.unwrap();
    let neighbours = Neighbours::fill(&owner).await;
    let began = Instant::now();
    let (running, _) = own.create_import(&new_import(category.id)).await.unwrap();
    let (queued, _) = own.create_import(&new_import(category.id)).await.unwrap();
    assert!((0.0..=1.0).contains(&lease(&owner, &running).await.unwrap()));
    let (may_end, may_end_too) = (Notify::new(), Notify::new());
    let watched = async {
        // Whoever looks would end what gives no sign of life.
        while began.elapsed() < LEASE * 5 / 2 {
            own.get_import(running.id).await.unwrap();
            for import in [&running, &queued] {
                let left = lease(&owner, import).await.expect("it has ended");
                assert!(left <= 1.0, "{left}");
            }
            sleep(Duration::from_millis(50)).await;
        }
        let states = [own.get_import(running.id).await.unwrap().state, own.get_import(queued.id).await.unwrap().state];
        assert_eq!(states, [State::Running, State::Queued]);
        may_end.notify_one();
        may_end_too.notify_one();
    };
    let work = future::join3(
        carry(own, &db, &running, category.id, &may_end),
        carry(own, &db, &queued, category.id, &may_end_too),
        watched,
    );
    let (first, second, ()) = timeout(PATIENCE, work).await.unwrap();
    assert_eq!((first.state, first.counts.created), (State::Succeeded, 1), "{:?}", first.error);
    assert_eq!((second.state, second.counts.unchanged), (State::Succeeded, 1), "{:?}", second.error);
    for import in [&first, &second] {
        assert_eq!(lease(&owner, import).await, None, "what has ended has no lease");
    }
    neighbours.are_untouched().await;
}

#[tokio::test]
async fn an_import_whose_process_died_is_interrupted_when_its_lease_is_over() {
    let config = support::database().await;
    let owner = connect(&config).await;
    let (died, second) = (
        Db::new(&Options { import_lease: LEASE, ..support::db_options(&config) }).unwrap(),
        TestServer::over(config.clone()).await,
    );
    let own = died.tenant(died.find_tenant("evopoliki").await.unwrap().id);
    let category = own.find_category("eva_mats").await.unwrap();
    let neighbours = Neighbours::fill(&owner).await;
    let (import, _) = own.create_import(&new_import(category.id)).await.unwrap();
    let never = Notify::new();
    let asked = pb::Import { tenant: "evopoliki".into(), id: import.id.to_string(), ..Default::default() };
    tokio::select! {
        _ = carry(own, &died, &import, category.id, &never) => unreachable!(),
        _ = reaches(&second, &asked, pb::ImportState::Running) => {}
    }
    // Its lease is kept: what looks dead may only be slow.
    let left = lease(&owner, &import).await.unwrap();
    let now = Instant::now();
    let after = upload(&second, &file("Тойота,Королла"), header()).await.unwrap();
    let interrupted = reaches(&second, &asked, pb::ImportState::Failed).await;
    assert!(now.elapsed().as_secs_f64() >= left - 0.1, "{left}");
    let error = interrupted.error.unwrap();
    assert_eq!(error.code, "INTERRUPTED");
    assert!(error.hint.contains("new request_id"), "{error:?}");
    assert_eq!(interrupted.counts, Some(pb::ImportCounts::default()));
    assert!(interrupted.finished_at.is_some());
    // The next one was not in vain, and the other one's row is not there.
    assert_eq!(wait(&second, &after).await.state(), pb::ImportState::Succeeded);
    let sql =
        "SELECT string_agg(m.slug, ' ') FROM patterns p JOIN models m ON m.id = p.model_id WHERE p.category_id = $1
               AND p.tenant_id = $2";
    let models: String = owner.query_one(sql, &[&category.id, &own.id.0]).await.unwrap().get(0);
    assert_eq!(models, "corolla");
    neighbours.are_untouched().await;
}

/// Whoever looks, in whatever way, sees that an import is dead, and no other one is.
#[tokio::test]
async fn whoever_looks_first_finds_the_interrupted() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let other = server.db.tenant(server.db.find_tenant("five_deluxe").await.unwrap().id);
    let own = server.db.tenant(server.db.find_tenant("evopoliki").await.unwrap().id);
    let category = own.find_category("5d_mats").await.unwrap().id;
    let page = || lekalo::domain::page::PageRequest::new(10, "", 0, &[]).unwrap();
    for way in ["get", "list", "cancel", "start"] {
        let [dead, alive, foreign] = [
            own.create_import(&new_import(category)).await.unwrap().0,
            own.create_import(&new_import(category)).await.unwrap().0,
            other.create_import(&new_import(category)).await.unwrap().0,
        ];
        let sql = "UPDATE imports SET lease_until = now() - interval '1 ms' WHERE id = ANY ($1)";
        owner.execute(sql, &[&vec![dead.id, foreign.id]]).await.unwrap();
        match way {
            "get" => assert_eq!(own.get_import(dead.id).await.unwrap().state, State::Failed),
            "list" => {
                let states: Vec<_> = own.list_imports(&page()).await.unwrap().items;
                assert!(states.iter().any(|import| import.id == dead.id && import.state == State::Failed));
            }
            "cancel" => {
                let refused = own.cancel_import(dead.id).await.unwrap_err();
                assert!(refused.to_string().contains("FAILED"), "{refused}");
            }
            _ => {
                let started = own.start_import(alive.id).await.unwrap();
                assert_eq!(started, lekalo::db::imports::Start::Started, "the dead one is in nobody's way");
            }
        }
        let rows =
            owner.query("SELECT id, state, error_code, finished_at IS NULL, lease_until IS NULL FROM imports", &[]);
        let rows = rows.await.unwrap();
        let found = |id: uuid::Uuid| rows.iter().find(|row| row.get::<_, uuid::Uuid>(0) == id).unwrap();
        let of = |id| {
            let row = found(id);
            (row.get::<_, String>(1), row.get::<_, Option<String>>(2), row.get::<_, bool>(3), row.get::<_, bool>(4))
        };
        assert_eq!(of(dead.id), ("failed".into(), Some("INTERRUPTED".into()), false, true), "{way}");
        let state = if way == "start" { "running" } else { "queued" };
        assert_eq!(of(alive.id), (state.into(), None, true, false), "{way}");
        assert_eq!(of(foreign.id), ("queued".into(), None, true, false), "another tenant's is not looked at");
        own.cancel_import(alive.id).await.unwrap();
        // Renewing does not wake the dead.
        assert!(!own.renew_import(dead.id, Default::default()).await.unwrap());
        other.cancel_import(foreign.id).await.unwrap_err();
    }
}

/// What is said about an import, past the service.
async fn recorded(owner: &Client) -> Vec<(String, Option<String>, bool)> {
    let sql = "SELECT state, error_code, lease_until IS NULL AND finished_at IS NOT NULL FROM imports ORDER BY id";
    let rows = owner.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_leaves_no_import_running_and_nothing_of_it_written() {
    let config = support::database().await;
    let owner = connect(&config).await;
    let folder = folder();
    let settings = [
        ("LEKALO_UPLOAD_MIB", "1"),
        ("LEKALO_UPLOADS", "4"),
        ("LEKALO_UPLOADS_PER_TENANT", "3"),
        ("LEKALO_IMPORT_LEASE_SECONDS", "7"),
    ];
    let mut service = Service::with(folder.path(), &config, &settings);
    let channel = channel(service.addr().await).await;
    hold(&owner, "pg_advisory_lock").await;
    let send = async |file: Vec<u8>, tenant: &str| {
        let header = pb::ImportHeader {
            tenant: tenant.into(),
            category: if tenant == "evopoliki" { "eva_mats" } else { "5d_mats" }.into(),
            ..header()
        };
        upload_to(channel.clone(), &file, header).await
    };
    let refusal = |refused: Result<pb::Import, tonic::Status>| crate::support::decisions::refusal(refused);

    // The settings have reached it: the largest file goes in, a byte more does not, and so many at once.
    let mut largest = file("Тойота,Камри");
    largest.resize(1 << 20, b'\n');
    let first = send(largest.clone(), "evopoliki").await.unwrap();
    largest.push(b'\n');
    assert_eq!(refusal(send(largest, "evopoliki").await), (tonic::Code::InvalidArgument, "FILE_TOO_LARGE".into()));
    send(file("Киа,Рио"), "evopoliki").await.unwrap();
    send(file("Киа,Сид"), "evopoliki").await.unwrap();
    let refused = send(file("Киа,Рио"), "evopoliki").await;
    assert!(refused.as_ref().unwrap_err().message().starts_with("this tenant has"), "{refused:?}");
    assert_eq!(refusal(refused), (tonic::Code::ResourceExhausted, "OVERLOADED".into()));
    let sql = "SELECT extract(epoch FROM lease_until - clock_timestamp())::float8 FROM imports ORDER BY id LIMIT 1";
    let left: f64 = owner.query_one(sql, &[]).await.unwrap().get(0);
    assert!((3.0..=7.0).contains(&left), "{left}");

    let began = Instant::now();
    let is_running = "SELECT count(*) = 1 FROM imports WHERE state = 'running' AND id::text = $1";
    while !owner.query_one(is_running, &[&first.id]).await.unwrap().get::<_, bool>(0) {
        assert!(began.elapsed() < PATIENCE, "the first one does not run");
        sleep(Duration::from_millis(10)).await;
    }
    service.signal(Signal::SIGTERM);
    let (status, said) = service.ended(Duration::from_secs(10)).await;
    assert!(status.success(), "{status}:\n{said}");
    let interrupted = ("failed".to_owned(), Some("INTERRUPTED".to_owned()), true);
    assert_eq!(recorded(&owner).await, [interrupted.clone(), interrupted.clone(), interrupted]);
    hold(&owner, "pg_advisory_unlock").await;
    let sql = "SELECT (SELECT count(*) FROM patterns) + (SELECT count(*) FROM import_rows)";
    assert_eq!(owner.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 0);
}
