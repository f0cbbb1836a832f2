//! Signs of life: an import that works is let work however long it takes, one whose process is gone is not waited for, and
//! a server that stops says what it leaves undone.

use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _};
use futures::{FutureExt as _, future};
use lekalo::db::imports::Start;
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
        // Whoever looks would find what gives no sign of life interrupted.
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

/// Three imports of the tenant: a queued and a running one whose leases are over, and one that lives; and another tenant's
/// whose lease is over.
async fn dead_and_alive(db: &Db, owner: &Client, category: i64) -> ([Import; 3], Import) {
    let tenant = async |slug| db.tenant(db.find_tenant(slug).await.unwrap().id);
    let (own, other) = (tenant("evopoliki").await, tenant("five_deluxe").await);
    let queued = async |tenant: Tenant<'_>| tenant.create_import(&new_import(category)).await.unwrap().0;
    let (running, waiting, alive, foreign) =
        (queued(own).await, queued(own).await, queued(own).await, queued(other).await);
    assert_eq!(own.start_import(running.id).await.unwrap(), Start::Started);
    let sql = "UPDATE imports SET lease_until = now() - interval '1 ms' WHERE id = ANY ($1)";
    owner.execute(sql, &[&vec![running.id, waiting.id, foreign.id]]).await.unwrap();
    ([running, waiting, alive], foreign)
}

/// Every import as it stands in the table, past the service.
async fn table(owner: &Client) -> Vec<String> {
    let rows = owner.query("SELECT i::text || xmin FROM imports i ORDER BY id", &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// What is interrupted is so for whoever looks, at once and for good; recording it is the sweeper's work and changes nothing
/// of what is seen.
#[tokio::test]
async fn an_interrupted_import_looks_the_same_before_and_after_it_is_swept() {
    let config = support::database().await;
    // No server, for that would sweep.
    let db = Db::new(&support::db_options(&config)).unwrap();
    let owner = connect(&config).await;
    let own = db.tenant(db.find_tenant("evopoliki").await.unwrap().id);
    let other = db.tenant(db.find_tenant("five_deluxe").await.unwrap().id);
    let category = own.find_category("5d_mats").await.unwrap().id;
    let ([running, waiting, alive], foreign) = dead_and_alive(&db, &owner, category).await;
    let page = lekalo::domain::page::PageRequest::after(10, None);
    let looked = async || {
        let mut seen = own.list_imports(&page).await.unwrap().items;
        for import in [&running, &waiting, &alive] {
            seen.push(own.get_import(import.id).await.unwrap());
        }
        seen.push(other.get_import(foreign.id).await.unwrap());
        seen
    };
    let written = table(&owner).await;
    let before = looked().await;
    assert_eq!(table(&owner).await, written, "reading has written");
    let dead = |import: &&Import| import.state == State::Failed;
    assert_eq!(before.iter().filter(dead).count(), 5, "{before:#?}");
    for import in before.iter().filter(dead) {
        assert_eq!(import.error.as_ref().unwrap().code, "INTERRUPTED");
        assert!(import.finished_at.is_some() && import.progress.is_none() && import.waits_for.is_none(), "{import:?}");
    }
    assert_eq!(own.get_import(alive.id).await.unwrap().waits_for, None, "the dead are in nobody's way");
    let behind = own.create_import(&new_import(category)).await.unwrap().0;
    assert_eq!(own.start_import(behind.id).await.unwrap(), Start::WaitsFor(alive.id), "nor are they waited for");
    own.cancel_import(behind.id).await.unwrap();
    let (written, before) = (table(&owner).await, looked().await);
    // Nothing wakes them.
    for import in [&running, &waiting] {
        assert_eq!(own.start_import(import.id).await.unwrap(), Start::Ended);
        assert!(!own.renew_import(import.id, Default::default()).await.unwrap());
        own.fail_import(import.id, &lekalo::domain::import::Failure::new("OTHER", "", "")).await.unwrap();
        let refused = own.cancel_import(import.id).await.unwrap_err();
        assert!(refused.to_string().contains("FAILED"), "{refused}");
        let merged = own.begin_merge(import, category).await.unwrap().finish(import).await.unwrap_err();
        assert!(merged.to_string().contains("ended by somebody else"), "{merged}");
    }
    assert_eq!(table(&owner).await, written, "trying has written");

    let mut ended = db.end_interrupted_imports().await.unwrap();
    ended.sort_by_key(|(_, id)| *id);
    assert_eq!(ended, [(own.id, running.id), (own.id, waiting.id), (other.id, foreign.id)]);
    assert!(db.end_interrupted_imports().await.unwrap().is_empty(), "they have ended");
    assert_eq!(looked().await, before);
    let interrupted = ("failed".to_owned(), Some("INTERRUPTED".to_owned()), true);
    let queued = ("queued".to_owned(), None, false);
    let cancelled = ("cancelled".to_owned(), None, true);
    assert_eq!(recorded(&owner).await, [interrupted.clone(), interrupted.clone(), queued, interrupted, cancelled]);
    assert_eq!(own.start_import(alive.id).await.unwrap(), Start::Started);
}

/// Somebody who reads while an import commits must not find it interrupted: one that might not be done in time is not.
#[tokio::test]
async fn an_import_ends_well_before_its_lease_or_not_at_all() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let own = server.db.tenant(server.db.find_tenant("evopoliki").await.unwrap().id);
    let category = own.find_category("eva_mats").await.unwrap().id;
    for (left, ends) in [(5, false), (8, true)] {
        let (import, _) = own.create_import(&new_import(category)).await.unwrap();
        own.start_import(import.id).await.unwrap();
        let merging = own.begin_merge(&import, category).await.unwrap();
        merging.stage(1, &[clean_row()]).await.unwrap();
        let sql = "UPDATE imports SET lease_until = clock_timestamp() + make_interval(secs => $2::int) WHERE id = $1";
        owner.execute(sql, &[&import.id, &left]).await.unwrap();
        let finished = merging.finish(&import).await;
        assert_eq!(finished.is_ok(), ends, "{left} s of 30 are left: {finished:?}");
        let patterns: i64 = owner.query_one("SELECT count(*) FROM patterns", &[]).await.unwrap().get(0);
        assert_eq!(patterns, i64::from(ends));
        own.cancel_import(import.id).await.ok();
    }
}

/// Whoever has waited for somebody who held its row finds a lease that is over by now: readers have said so meanwhile.
#[tokio::test]
async fn who_waited_past_the_lease_wakes_nothing() {
    let config = support::database().await;
    // No server, for that would sweep.
    let db = Db::new(&support::db_options(&config)).unwrap();
    let (owner, holder) = (connect(&config).await, connect(&config).await);
    let own = db.tenant(db.find_tenant("evopoliki").await.unwrap().id);
    let category = own.find_category("eva_mats").await.unwrap().id;
    for step in ["start", "renew", "cancel", "fail", "finish"] {
        let (import, _) = own.create_import(&new_import(category)).await.unwrap();
        let mut merging = None;
        if step != "start" {
            own.start_import(import.id).await.unwrap();
            merging = (step == "finish").then_some(own.begin_merge(&import, category).await.unwrap());
        }
        let sql = "UPDATE imports SET lease_until = clock_timestamp() + $2::text::interval WHERE id = $1";
        owner.execute(sql, &[&import.id, &if step == "finish" { "7 s" } else { "0.4 s" }]).await.unwrap();
        holder.batch_execute("BEGIN").await.unwrap();
        holder.execute("SELECT FROM imports WHERE id = $1 FOR UPDATE", &[&import.id]).await.unwrap();
        let work = async {
            match (step, merging) {
                ("start", _) => drop(own.start_import(import.id).await),
                ("renew", _) => drop(own.renew_import(import.id, Default::default()).await),
                ("cancel", _) => drop(own.cancel_import(import.id).await),
                ("fail", _) => {
                    drop(own.fail_import(import.id, &lekalo::domain::import::Failure::new("OTHER", "", "")).await);
                }
                (_, merging) => drop(merging.unwrap().finish(&import).await),
            }
        };
        let watch = async {
            // The finish is to wait until less than a fifth of its thirty seconds is left.
            sleep(Duration::from_millis(if step == "finish" { 1500 } else { 600 })).await;
            let told = own.get_import(import.id).await.unwrap();
            holder.batch_execute("ROLLBACK").await.unwrap();
            told
        };
        let ((), told) = timeout(PATIENCE, future::join(work, watch)).await.unwrap();
        let after = own.get_import(import.id).await.unwrap();
        if step == "finish" {
            assert_eq!((told.state, after.state), (State::Running, State::Running), "{step}");
            owner.execute(sql, &[&import.id, &"-1 s"]).await.unwrap();
        } else {
            assert_eq!(told.state, State::Failed, "{step}");
            assert_eq!(after, told, "{step}");
        }
    }
    assert_eq!(db.end_interrupted_imports().await.unwrap().len(), 5);
}

/// Nobody looks, and the server sweeps.
#[tokio::test]
async fn a_server_records_what_others_left_behind() {
    let config = support::database().await;
    let owner = connect(&config).await;
    let options = Options { import_lease: LEASE, ..support::db_options(&config) };
    let server = TestServer::through(options, config).await;
    let own = server.db.tenant(server.db.find_tenant("evopoliki").await.unwrap().id);
    let category = own.find_category("5d_mats").await.unwrap().id;
    dead_and_alive(&server.db, &owner, category).await;
    let interrupted = ("failed".to_owned(), Some("INTERRUPTED".to_owned()), true);
    let swept = async {
        while recorded(&owner).await != vec![interrupted.clone(); 4] {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, swept).await.expect("they are not swept");
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
    let given_back = ("queued".to_owned(), None, false);
    assert_eq!(recorded(&owner).await, vec![given_back; 3]);
    hold(&owner, "pg_advisory_unlock").await;
    let sql = "SELECT (SELECT count(*) FROM patterns) + (SELECT count(*) FROM import_rows)";
    assert_eq!(owner.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 0);
}
