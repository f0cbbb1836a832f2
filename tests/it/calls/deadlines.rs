//! Deadlines: the caller's, and the service's own where the caller has none.

use std::path::Path;
use std::time::{Duration, Instant};

use futures::future::join_all;
use lekalo::db::deadline;
use lekalo::db::{Db, Options, Query};
use lekalo::grpc::{Patience, Services};
use lekalo::proto::lekalo::v1 as pb;
use tokio_postgres::Client;
use tonic::Code;

use super::requests::{Good, TENANT, WATCHED, every_method};
use super::{
    GATE, PATIENCE, contents, describe, gate_commits, hold_everything, options, release, roomy, until, waiting,
};
use crate::support::wire::{Answer, Call, Wire, encoded};
use crate::support::{TestServer, connect, database, db_options};

/// What each method answers to a good request, all at once, and how long that took; none before each waits for a lock.
async fn ask_all(
    server: &TestServer,
    observer: &Client,
    good: &[Good],
    headers: &[(&str, &str)],
) -> Vec<(Answer, Duration)> {
    let wire = Wire::connect(server.addr).await;
    let answers = good.iter().map(async |good| {
        let began = Instant::now();
        let call = wire.send(&good.path, &good.messages, headers).await;
        (call.answer().await.unwrap(), began.elapsed())
    });
    let all = i64::try_from(good.len()).unwrap();
    let all_wait = until("each call waits in the database", || async { waiting(observer).await == all });
    tokio::join!(join_all(answers), all_wait).0
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn no_call_outlives_its_deadline_its_caller_or_its_statements_time() {
    let statement_timeout = Duration::from_secs(3);
    let server = roomy(
        Options { statement_timeout, lock_wait: 2 * statement_timeout, ..options(&database().await) },
        Patience::default(),
    )
    .await;
    let good = every_method(&server).await;
    let (locker, observer) = (connect(&server.config).await, connect(&server.config).await);
    let before = contents(&observer).await;
    let undone = async |what: &str| {
        until(&format!("no query goes on: {what}"), || async { waiting(&observer).await == 0 }).await;
        release(&locker).await;
        assert_eq!(contents(&observer).await, before, "{what}");
    };
    let late = Duration::from_secs(4);
    type Case = (&'static str, &'static [(&'static str, &'static str)], Duration);
    let headers: [Case; 3] = [
        ("a deadline", &[("grpc-timeout", "2S")], Duration::from_secs(2)),
        ("no deadline", &[], statement_timeout),
        ("a deadline too far away to matter", &[("grpc-timeout", "1H")], statement_timeout),
    ];
    for (what, headers, limit) in headers {
        hold_everything(&locker).await;
        for (good, (answer, took)) in good.iter().zip(ask_all(&server, &observer, &good, headers).await) {
            let told = describe(&good.path, &answer.status);
            assert_eq!(told, (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".into()), "{}: {what}", good.path);
            let in_time = took >= limit.mul_f32(0.97) && took < limit + late;
            assert!(in_time, "{} took {took:?}: {what}", good.path);
        }
        undone(what).await;
    }
    // By a server whose statements would go on.
    let patient = roomy(options(&server.config), Patience::default()).await;
    for closes in [false, true] {
        hold_everything(&locker).await;
        let wire = Wire::connect(patient.addr).await;
        let calls = join_all(good.iter().map(|good| wire.send(&good.path, &good.messages, &[]))).await;
        let all = i64::try_from(good.len()).unwrap();
        until("each call waits in the database", || async { waiting(&observer).await == all }).await;
        if closes {
            wire.vanish();
        } else {
            calls.into_iter().for_each(Call::reset);
        }
        let began = Instant::now();
        undone("the caller is gone").await;
        assert!(began.elapsed() < deadline::DEFAULT_STATEMENT_TIMEOUT / 2, "they went on for {:?}", began.elapsed());
    }
    good_as_ever(&patient, &good).await;
    assert_ne!(contents(&observer).await, before);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn what_was_written_but_not_committed_is_undone_when_the_call_ends() {
    let server = TestServer::start().await;
    let good = every_method(&server).await;
    let observer = connect(&server.config).await;
    gate_commits(&observer).await;
    let before = contents(&observer).await;
    let writes: Vec<Good> = good.into_iter().filter(|good| good.writes).collect();
    assert_eq!(writes.len(), 32);
    observer.execute("SELECT pg_advisory_lock($1)", &[&GATE]).await.unwrap();
    let mut closes = [true, false].into_iter().cycle();
    for good in &writes {
        let path = good.path.as_str();
        let wire = Wire::connect(server.addr).await;
        let call = wire.send(path, &good.messages, &[]).await;
        until(&format!("{path} is about to commit"), || async { waiting(&observer).await > 0 }).await;
        if closes.next().unwrap() {
            wire.vanish();
        } else {
            call.reset();
        }
        until(&format!("the query of {path} is gone"), || async { waiting(&observer).await == 0 }).await;
    }
    // The same at a deadline, for some that do not wait for each other.
    let wire = Wire::connect(server.addr).await;
    let names = ["CreateApplication", "CreateTenant", "CreateAlias"];
    let some: Vec<&Good> = writes.iter().filter(|good| names.contains(&good.method.name())).collect();
    let calls = some.iter().map(async |good| {
        let call = wire.send(&good.path, &good.messages, &[("grpc-timeout", "2S")]).await;
        let told = describe(&good.path, &call.answer().await.unwrap().status);
        assert_eq!(told, (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".into()), "{}", good.path);
    });
    let at_the_gate = until("each is about to commit", || async { waiting(&observer).await == 3 });
    tokio::join!(join_all(calls), at_the_gate);
    until("their queries are gone", || async { waiting(&observer).await == 0 }).await;
    observer.execute("SELECT pg_advisory_unlock($1)", &[&GATE]).await.unwrap();
    assert_eq!(contents(&observer).await, before);
    good_as_ever(&server, &writes).await;
    assert_ne!(contents(&observer).await, before);
    server.stop().await;
}

/// Each method gives a good answer, as if nothing had been.
async fn good_as_ever(server: &TestServer, good: &[Good]) {
    let wire = Wire::connect(server.addr).await;
    for good in good {
        let call = wire.send(&good.path, &good.messages, &[]).await;
        if good.method.is_server_streaming() {
            let mut begun = call.begun().await.unwrap();
            assert!(begun.message().await.unwrap().is_some(), "{}", good.path);
        } else {
            let answer = call.answer().await.unwrap();
            assert_eq!((answer.status.code(), answer.messages.len()), (Code::Ok, 1), "{}: {answer:?}", good.path);
        }
    }
}

/// What PostgreSQL says of the transaction it is in.
async fn statement_timeout(db: &Db) -> String {
    let [rows] = db.read([Query::new("-- shown\nSELECT current_setting('statement_timeout')")]).await.unwrap();
    rows[0].get(0)
}

#[tokio::test]
async fn a_statement_may_take_thirty_seconds_or_what_is_left_of_the_deadline() {
    let server = TestServer::start().await;
    let db = &server.db;
    assert_eq!(statement_timeout(db).await, "30s");
    let tenant = db.find_tenant(TENANT).await.unwrap().id;
    let show = || Query::new("-- shown\nSELECT current_setting('statement_timeout')");
    let in_transaction = async |tx: lekalo::db::Transaction| -> String { tx.query(show()).await.unwrap()[0].get(0) };
    assert_eq!(in_transaction(db.transaction().await.unwrap()).await, "30s");
    assert_eq!(in_transaction(db.tenant(tenant).write_transaction().await.unwrap()).await, "30s");
    let [rows] = db.tenant(tenant).read([show()]).await.unwrap();
    assert_eq!(rows[0].get::<_, String>(0), "30s");
    let long = Duration::from_secs(600);
    assert_eq!(in_transaction(db.tenant(tenant).transaction(long).await.unwrap()).await, "10min", "an import's step");
    // Nothing of it stays on the connection.
    let [rows] = db.read([show()]).await.unwrap();
    assert_eq!(rows[0].get::<_, String>(0), "30s");

    let within = async |left: Duration| {
        let deadline = tokio::time::Instant::now() + left;
        deadline::scope(deadline, statement_timeout(db)).await
    };
    assert_eq!(within(Duration::from_secs(3600)).await, "30s", "a longer deadline does not lengthen it");
    let left = within(Duration::from_secs(20)).await;
    let ms: u64 = left.strip_suffix("ms").map_or_else(|| panic!("{left}"), |ms| ms.parse().unwrap());
    assert!((15_000..20_000).contains(&ms), "{left}");

    assert_eq!(lekalo::grpc::Patience::default().drain, Duration::from_secs(6));
    let config = lekalo::config::Config::read(std::iter::empty(), Path::new("/nonexistent")).unwrap();
    assert_eq!(config.db_options().statement_timeout, Duration::from_secs(30));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_at_its_deadline_idle_or_not() {
    let server = TestServer::start().await;
    let good = every_method(&server).await;
    let wire = Wire::connect(server.addr).await;
    // Idle: what there is comes at once, then nothing more.
    for good in good.iter().filter(|good| good.method.is_server_streaming()) {
        let began = Instant::now();
        let call = wire.send(&good.path, &good.messages, &[("grpc-timeout", "700m")]).await;
        let answer = call.answer().await.unwrap();
        let took = began.elapsed();
        assert_eq!(describe(&good.path, &answer.status), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".into()));
        assert_eq!(answer.messages.len(), 1, "{}", good.path);
        assert!(took >= Duration::from_millis(650) && took < Duration::from_secs(5), "{} took {took:?}", good.path);
    }
    // While something happens all the time.
    let owner = connect(&server.config).await;
    let busy = tokio::spawn(async move {
        for _ in 0.. {
            let moved = format!("UPDATE imports SET revision = revision + 1 WHERE id = '{WATCHED}'");
            owner.batch_execute(&moved).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let watch = encoded(&pb::WatchImportRequest { tenant: TENANT.into(), id: WATCHED.into() });
    let path = "/lekalo.v1.ImportService/WatchImport";
    let began = Instant::now();
    let answer = wire.send(path, &[watch], &[("grpc-timeout", "1200m")]).await.answer().await.unwrap();
    let took = began.elapsed();
    assert_eq!(describe(path, &answer.status), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".into()));
    assert!(answer.messages.len() > 1, "nothing happened");
    assert!(took >= Duration::from_millis(1150) && took < Duration::from_secs(5), "{took:?}");
    busy.abort();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_falls_silent_or_takes_too_long_is_ended() {
    let config = database().await;
    let patience =
        Patience { chunk: Duration::from_millis(500), upload: Duration::from_secs(2), ..Patience::default() };
    let server = TestServer::with(db_options(&config), config, |services| Services { patience, ..services }).await;
    let good = every_method(&server).await;
    let upload = good.iter().find(|good| good.method.is_client_streaming()).unwrap();
    let wire = Wire::connect(server.addr).await;
    let observer = connect(&server.config).await;
    let imports = "SELECT count(*) FROM imports";
    let before: i64 = observer.query_one(imports, &[]).await.unwrap().get(0);
    // Nothing after the header; nothing at all.
    for messages in [&upload.messages[..1], &[]] {
        let mut call = wire.begin(&upload.path, &[]).await;
        messages.iter().for_each(|message| call.message(message));
        let began = Instant::now();
        let answer = call.answer().await.unwrap();
        assert_eq!(describe(&upload.path, &answer.status), (Code::InvalidArgument, "FIELD_INVALID".into()));
        assert!(answer.status.message().contains("no message came for 500ms"), "{:?}", answer.status);
        assert!(began.elapsed() < PATIENCE / 2, "{:?}", began.elapsed());
    }
    // A chunk every now and then, for ever.
    let mut call = wire.begin(&upload.path, &[]).await;
    call.message(&upload.messages[0]);
    let began = Instant::now();
    let trickle = call.trickle(upload.messages[1].clone(), Duration::from_millis(100));
    let answer = call.answer().await.unwrap();
    trickle.abort();
    assert_eq!(describe(&upload.path, &answer.status), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".into()));
    assert!(began.elapsed() >= Duration::from_millis(1900), "{:?}", began.elapsed());
    assert_eq!(observer.query_one(imports, &[]).await.unwrap().get::<_, i64>(0), before, "nothing was recorded");
    let usual = Patience::default();
    assert_eq!((usual.chunk, usual.upload), (Duration::from_secs(60), Duration::from_secs(600)));
    server.stop().await;
}
