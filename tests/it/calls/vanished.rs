//! Callers that vanish, in the middle of whatever call: their queries stop, what they wrote is undone, and the connections
//! serve the next.

use std::time::Duration;

use bytes::Bytes;
use lekalo::grpc::{Patience, Services};
use tonic::Code;

use super::requests::{Good, every_method};
use super::{hold_everything, release, until, waiting};
use crate::support::wire::{Call, Wire};
use crate::support::{TestServer, connect, database, db_options};

/// How a caller goes.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// It says that it no longer wants the answer.
    Reset,
    /// It closes the connection.
    Close,
}

async fn call(wire: &Wire, good: &Good) -> Call {
    wire.send(&good.path, &good.messages, &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_nobody_reads_any_more_stops_asking() {
    let server = TestServer::start().await;
    let good = every_method(&server).await;
    let (locker, observer) = (connect(&server.config).await, connect(&server.config).await);
    for way in [Way::Reset, Way::Close] {
        let wire = Wire::connect(server.addr).await;
        let mut watches = Vec::new();
        for good in good.iter().filter(|good| good.method.is_server_streaming()) {
            let mut begun = call(&wire, good).await.begun().await.unwrap();
            assert!(begun.message().await.unwrap().is_some(), "{}", good.path);
            watches.push(begun);
        }
        assert_eq!(watches.len(), 2);
        // The next look waits for this.
        locker.batch_execute("BEGIN; LOCK TABLE imports, application_feeds IN ACCESS EXCLUSIVE MODE").await.unwrap();
        until("both look again", || async { waiting(&observer).await == 2 }).await;
        match way {
            Way::Reset => drop(watches),
            Way::Close => wire.vanish(),
        }
        // The reader of feeds serves all watchers: it ends with the look that is under way.
        until("the import is no longer looked at", || async { waiting(&observer).await <= 1 }).await;
        release(&locker).await;
        let looks = "SELECT coalesce(string_agg(query, ';'), '') FROM pg_stat_activity
                     WHERE datname = current_database() AND starts_with(application_name, 'lekalo@') AND state = 'active' AND pid <> pg_backend_pid()";
        until("nobody looks", || async {
            let looks: String = observer.query_one(looks, &[]).await.unwrap().get(0);
            if !looks.is_empty() {
                println!("{looks}");
            }
            looks.is_empty()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_gives_no_sign_of_life_is_closed() {
    let patience = Patience {
        keepalive_every: Duration::from_millis(300),
        keepalive_timeout: Duration::from_millis(300),
        ..Patience::default()
    };
    let server = {
        let config = database().await;
        TestServer::with(db_options(&config), config, |services| Services { patience, ..services }).await
    };
    let (locker, observer) = (connect(&server.config).await, connect(&server.config).await);
    hold_everything(&locker).await;
    let request = Bytes::from_static(b"\x0a\x09evopoliki");
    let path = "/lekalo.v1.TenantService/GetTenant";
    // One reads and answers what the server asks; the other has a call under way and is as good as dead.
    let alive = Wire::connect(server.addr).await;
    let alive_call = alive.send(path, std::slice::from_ref(&request), &[]).await;
    let dead = Wire::connect(server.addr).await;
    let _dead_call = dead.send(path, &[request], &[]).await;
    until("both wait", || async { waiting(&observer).await == 2 }).await;
    dead.freeze();
    until("the query of the dead is gone", || async { waiting(&observer).await == 1 }).await;
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(waiting(&observer).await, 1, "who lives is still served");
    release(&locker).await;
    assert_eq!(alive_call.answer().await.unwrap().status.code(), Code::Ok);
    let usual = Patience::default();
    assert_eq!((usual.keepalive_every, usual.keepalive_timeout), (Duration::from_secs(30), Duration::from_secs(10)));
}
