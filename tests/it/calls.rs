//! Laws of every call, whatever its method: it ends in time and says why, a caller that vanishes leaves nothing behind, and
//! what is no good request is refused by the name of its field.

mod audit;
mod bots;
mod callers;
mod deadlines;
mod fields;
mod jwts;
mod keys;
mod messages;
mod requests;
mod stops;
mod vanished;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::future::join_all;
use lekalo::db::{Options, Query};
use lekalo::grpc::{Patience, Services};
use tokio::time::sleep;
use tokio_postgres::{Client, Config};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::{TestServer, db_options};

/// What a loaded machine may need for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again until it is so.
async fn until<F: Future<Output = bool>>(what: &str, done: impl Fn() -> F) {
    let began = Instant::now();
    while !done().await {
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} until {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// A transaction that holds every table, so that each call waits in the database, until it is dropped or committed.
async fn hold_everything(client: &Client) {
    let all = "DO $$ DECLARE name text; BEGIN
                   FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1 LOOP
                       EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', name);
                   END LOOP; END $$";
    client.batch_execute(&format!("BEGIN; {all}")).await.unwrap();
}

async fn release(client: &Client) {
    client.batch_execute("COMMIT").await.unwrap();
}

/// Has every write wait at its COMMIT, with all of it written, as long as somebody holds [`GATE`].
async fn gate_commits(client: &Client) {
    let gate = format!(
        "CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN PERFORM pg_advisory_xact_lock_shared({GATE}); RETURN NULL; END $$;
         DO $$ DECLARE name text; BEGIN
             FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
                 EXECUTE format('CREATE CONSTRAINT TRIGGER gate AFTER INSERT OR UPDATE OR DELETE ON %I
                                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION gate()', name);
             END LOOP; END $$"
    );
    client.batch_execute(&gate).await.unwrap();
}

/// The advisory lock before each COMMIT.
const GATE: i64 = 4711;

/// How many of the service's statements wait for a lock in this database; but for what it does by itself, every other second.
async fn waiting(client: &Client) -> i64 {
    let count = "SELECT count(DISTINCT l.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                 WHERE NOT l.granted AND a.datname = current_database() AND starts_with(a.application_name, 'lekalo@')
                   AND a.query !~ '(list_left_behind|sweep_imports|end_interrupted|sweep_audit_events|delete_old_)'";
    client.query_one(count, &[]).await.unwrap().get(0)
}

/// Every row there is, by its table; without what the service does by itself.
async fn contents(client: &Client) -> BTreeMap<String, String> {
    let names = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1";
    let mut contents = BTreeMap::new();
    for row in client.query(names, &[]).await.unwrap() {
        let name: String = row.get(0);
        let sum = format!("SELECT coalesce(md5(string_agg(t::text, ';' ORDER BY t::text)), '') FROM \"{name}\" t");
        contents.insert(name, client.query_one(&sum, &[]).await.unwrap().get(0));
    }
    assert!(contents.len() > 25, "{contents:?}");
    contents
}

/// Options with so many connections that no call waits for one.
fn options(config: &Config) -> Options {
    Options { pool_size: 80, max_overflow: 0, ..db_options(config) }
}

/// A server with these, all open.
async fn roomy(options: Options, patience: Patience) -> TestServer {
    let server =
        TestServer::with(options.clone(), options.config.clone(), |services| Services { patience, ..services }).await;
    // What each server reads once: who waits for that waits outside of the database.
    server.db.page_key().await.unwrap();
    let open = (0..70).map(|_| server.db.read([Query::new("-- open\nSELECT pg_sleep(0.3)")]));
    for opened in join_all(open).await {
        opened.unwrap();
    }
    server
}

/// A status's code and reason, after making sure that it has what every error has.
fn describe(path: &str, status: &Status) -> (Code, String) {
    let details = status.get_error_details();
    let Some(info) = details.error_info() else { panic!("{path}: no ErrorInfo in {status:?}") };
    assert_eq!(info.domain, "lekalo", "{path}: {status:?}");
    let retries = [Code::Unavailable, Code::ResourceExhausted].contains(&status.code());
    let delay = details.retry_info().and_then(|retry| retry.retry_delay);
    assert_eq!(delay.is_some_and(|delay| !delay.is_zero()), retries, "{path}: {status:?}");
    if info.reason == "FIELD_TOO_LONG" {
        let max = info.metadata.get("max").and_then(|max| max.parse::<u32>().ok());
        assert!(info.metadata.contains_key("field") && max.is_some(), "{path}: {status:?}");
    }
    (status.code(), info.reason.clone())
}
