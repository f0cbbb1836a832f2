//! A server that is told to stop: who is being served is served, whoever takes too long is told so, nobody new is let in.

use std::time::{Duration, Instant};

use futures::future::join_all;
use lekalo::db::Options;
use lekalo::grpc::{Patience, Services};
use tokio::time::timeout;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::requests::{Good, every_method};
use super::{PATIENCE, contents, describe, hold_everything, release, until, waiting};
use crate::support::uploads::{header, upload};
use crate::support::wire::{Begun, Wire};
use crate::support::{TestServer, connect, database, db_options};

/// How many connections the server has; other calls wait for one.
const CONNECTIONS: i64 = 8;

async fn served(drain: Duration) -> (TestServer, Vec<Good>) {
    let config = database().await;
    // A busy machine takes its time to connect: that is not what ends these calls.
    let options = Options { pool_timeout: PATIENCE, ..db_options(&config) };
    let server = TestServer::with(options, config, |services| Services {
        patience: Patience { drain, ..Patience::default() },
        ..services
    })
    .await;
    let good = every_method(&server).await;
    (server, good)
}

/// Waits until the server has ended, and returns after how long it had.
async fn ended(server: TestServer, told_to: Instant) -> Duration {
    timeout(PATIENCE, server.ended).await.expect("it does not end").unwrap().unwrap();
    told_to.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_in_flight_is_answered_and_none_is_let_in() {
    let (mut server, good) = served(PATIENCE).await;
    let (locker, observer) = (connect(&server.config).await, connect(&server.config).await);
    hold_everything(&locker).await;
    let wire = Wire::connect(server.addr).await;
    let unary: Vec<&Good> = good.iter().filter(|good| !good.method.is_server_streaming()).collect();
    let calls = join_all(unary.iter().map(|good| wire.send(&good.path, &good.messages, &[]))).await;
    until("as many as may wait in the database", || async { waiting(&observer).await == CONNECTIONS }).await;
    let health = HealthClient::new(server.channel.clone());
    let mut watch = health.clone().watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);

    let began = Instant::now();
    server.begin_stop();
    let told = timeout(PATIENCE, watch.message()).await.expect("the watch is not told").unwrap().unwrap();
    assert_eq!(told.status(), ServingStatus::NotServing);
    until("no connection is let in", || async { tokio::net::TcpStream::connect(server.addr).await.is_err() }).await;
    until("no new call is let in", || async { health.clone().check(HealthCheckRequest::default()).await.is_err() })
        .await;
    assert_eq!(waiting(&observer).await, CONNECTIONS, "who is being served is waited for");
    release(&locker).await;
    for (good, call) in unary.iter().zip(calls) {
        let answer = call.answer().await.unwrap();
        // Writes that met each other may have to be repeated; none is told that the server stops.
        let fine = [Code::Ok, Code::Aborted, Code::ResourceExhausted, Code::FailedPrecondition];
        assert!(fine.contains(&answer.status.code()), "{}: {answer:?}", good.path);
        assert!(good.writes || answer.status.code() == Code::Ok, "{}: {answer:?}", good.path);
    }
    // Nor is the health watch waited for.
    let took = ended(server, began).await;
    assert!(took < PATIENCE / 2, "it ended {took:?} later");
    drop(watch);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_that_takes_too_long_is_told_that_the_server_stops() {
    let drain = Duration::from_millis(700);
    let (mut server, good) = served(drain).await;
    let (locker, observer) = (connect(&server.config).await, connect(&server.config).await);
    let before = contents(&observer).await;
    hold_everything(&locker).await;
    let wire = Wire::connect(server.addr).await;
    // An upload of which nothing more comes; begun first, it has come in when those behind it have.
    let upload = good.iter().find(|good| good.method.is_client_streaming()).unwrap();
    let half = wire.begin(&upload.path, &[]).await;
    let calls = join_all(good.iter().map(|good| wire.send(&good.path, &good.messages, &[]))).await;
    until("as many as may wait in the database", || async { waiting(&observer).await == CONNECTIONS }).await;

    let began = Instant::now();
    server.begin_stop();
    let answers = calls.into_iter().chain([half]).map(async |call| (call.answer().await.unwrap(), began.elapsed()));
    let answers = join_all(answers).await;
    for (good, (answer, took)) in good.iter().chain([upload]).zip(answers) {
        let told = describe(&good.path, &answer.status);
        assert_eq!(told, (Code::Unavailable, "SHUTTING_DOWN".into()), "{}", good.path);
        assert!(took >= drain && took < drain + PATIENCE / 3, "{} was told {took:?} later", good.path);
    }
    let took = ended(server, began).await;
    assert!(took < drain + PATIENCE / 3, "it ended {took:?} later");
    until("no query goes on", || async { waiting(&observer).await == 0 }).await;
    release(&locker).await;
    assert_eq!(contents(&observer).await, before);
}

/// Opens every server stream, and reads its first message.
async fn streams(wire: &Wire, good: &[Good]) -> Vec<(String, Begun)> {
    let mut open = Vec::new();
    for good in good.iter().filter(|good| good.method.is_server_streaming()) {
        let mut begun = wire.send(&good.path, &good.messages, &[]).await.begun().await.unwrap();
        assert!(begun.message().await.unwrap().is_some(), "{}", good.path);
        open.push((good.path.clone(), begun));
    }
    assert_eq!(open.len(), 2);
    open
}

#[tokio::test(flavor = "multi_thread")]
async fn every_open_stream_is_told_at_once_even_while_it_asks_the_database() {
    for asks in [false, true] {
        let (mut server, good) = served(PATIENCE).await;
        let (locker, observer) = (connect(&server.config).await, connect(&server.config).await);
        let wire = Wire::connect(server.addr).await;
        let open = streams(&wire, &good).await;
        if asks {
            locker
                .batch_execute("BEGIN; LOCK TABLE imports, application_feeds IN ACCESS EXCLUSIVE MODE")
                .await
                .unwrap();
            until("both look again", || async { waiting(&observer).await == 2 }).await;
        }
        let began = Instant::now();
        server.begin_stop();
        for (path, begun) in open {
            let answer = begun.answer().await.unwrap();
            assert_eq!(describe(&path, &answer.status), (Code::Unavailable, "SHUTTING_DOWN".into()));
            assert!(answer.messages.is_empty(), "{path}");
        }
        let took = ended(server, began).await;
        assert!(took < PATIENCE / 3, "it ended {took:?} later");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_waited_for_and_one_that_takes_too_long_is_given_back() {
    for ends in [true, false] {
        let drain = if ends { PATIENCE } else { Duration::from_millis(500) };
        let config = database().await;
        let patience = Patience { drain, ..Patience::default() };
        let mut server =
            TestServer::with(db_options(&config), config, |services| Services { patience, ..services }).await;
        let (locker, observer) = (connect(&server.config).await, connect(&server.config).await);
        locker.batch_execute("BEGIN; LOCK TABLE patterns IN SHARE MODE").await.unwrap();
        let list = "Марка,Модель,Год\nТойота,Камри,2018\n".as_bytes();
        upload(&server, list, header()).await.unwrap();
        until("it writes", || async { waiting(&observer).await == 1 }).await;

        let began = Instant::now();
        server.begin_stop();
        if ends {
            until("no connection is let in", || async { tokio::net::TcpStream::connect(server.addr).await.is_err() })
                .await;
            release(&locker).await;
        }
        let took = ended(server, began).await;
        assert!(took < PATIENCE / 2, "it ended {took:?} later");
        let import = "SELECT state, coalesce(error_code, ''), (SELECT count(*) FROM patterns) FROM imports";
        let row = observer.query_one(import, &[]).await.unwrap();
        let found = (row.get::<_, &str>(0), row.get::<_, &str>(1), row.get::<_, i64>(2));
        assert_eq!(found, if ends { ("succeeded", "", 1) } else { ("queued", "", 0) });
    }
}
