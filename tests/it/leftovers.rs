//! A call that is given up at any moment leaves nothing to the next one on its connection.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::future::poll_immediate;
use lekalo::db::{Db, Options, Query};
use tokio::time::timeout;
use tokio_postgres::types::Type;

use crate::support::{connect, database, db_options};

const PATIENCE: Duration = Duration::from_secs(30);

/// How the work before was given up.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// A read or write in one pipeline, so many microseconds after its begin.
    Pipeline(u64),
    /// A transaction, so many microseconds after its begin, be it while it begins.
    Transaction(u64),
    /// Between two steps.
    BetweenSteps,
    /// While a step is under way.
    InAStep,
    /// After a step that failed.
    AfterAFailure,
    /// While it commits.
    InTheCommit,
    /// In the first moment, when nothing was sent.
    AtOnce,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_caller_finds_a_clean_connection_however_the_last_call_was_given_up() {
    let config = database().await;
    let observer = connect(&config).await;
    observer.batch_execute("CREATE TABLE marks (way int); GRANT INSERT, SELECT ON marks TO lekalo_app").await.unwrap();
    let db =
        Db::new(&Options { pool_size: 1, max_overflow: 0, pool_timeout: PATIENCE, ..db_options(&config) }).unwrap();
    let tenant = db.find_tenant("evopoliki").await.unwrap().id;
    let own = db.tenant(tenant);
    let locked = "-- lock\nSELECT pg_advisory_xact_lock(5)";
    let slow = "-- slow\nWITH marked AS (INSERT INTO marks VALUES (0) RETURNING way) SELECT pg_sleep(60) FROM marked";
    let minute = Duration::from_secs(60);

    let mut ways = vec![Way::BetweenSteps, Way::InAStep, Way::AfterAFailure, Way::InTheCommit, Way::AtOnce];
    ways.extend([0, 100, 300, 1000, 3000, 10_000].map(Way::Pipeline));
    ways.extend([0, 200, 500, 1500, 5000].map(Way::Transaction));
    let mut connections = BTreeSet::new();
    for (number, way) in (1..).zip(ways) {
        match way {
            Way::Pipeline(micros) => {
                let _ =
                    timeout(Duration::from_micros(micros), own.bookkeep([Query::new(locked), Query::new(slow)])).await;
            }
            Way::Transaction(micros) => {
                let work = async {
                    let transaction = own.transaction(minute).await.unwrap();
                    transaction.batch(locked).await.unwrap();
                    transaction.batch(slow).await.unwrap();
                };
                let _ = timeout(Duration::from_micros(micros), work).await;
            }
            Way::BetweenSteps => {
                let transaction = own.transaction(minute).await.unwrap();
                transaction.batch("INSERT INTO marks VALUES (0)").await.unwrap();
                transaction.batch(locked).await.unwrap();
            }
            Way::InAStep => {
                let transaction = own.write_transaction().await.unwrap();
                transaction.batch(locked).await.unwrap();
                let _ = timeout(Duration::from_millis(20), transaction.batch(slow)).await;
            }
            Way::AfterAFailure => {
                let transaction = own.transaction(minute).await.unwrap();
                transaction.batch(locked).await.unwrap();
                transaction.batch("SELECT 1 / 0").await.unwrap_err();
            }
            Way::InTheCommit => {
                let transaction = own.transaction(minute).await.unwrap();
                transaction.batch(locked).await.unwrap();
                transaction.changes_nothing();
                let _ = poll_immediate(Box::pin(transaction.commit())).await;
            }
            Way::AtOnce => {
                let _ = poll_immediate(Box::pin(own.bookkeep([Query::new(locked), Query::new(slow)]))).await;
            }
        }

        // Whatever it was, the next one is not disturbed, and finds neither tenant, nor lock, nor transaction.
        let look = "-- look\nSELECT coalesce(current_setting('app.current_tenant_id', true), ''),
                    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),
                    pg_current_xact_id_if_assigned() IS NULL, $1::int4, (SELECT count(*) FROM marks),
                    current_setting('lock_timeout'), pg_backend_pid()";
        let query = Query::new(look).bind(&number, Type::INT4);
        let answer =
            timeout(PATIENCE, db.read([query])).await.unwrap_or_else(|_| panic!("{way:?} blocks the next one"));
        let [rows] = answer.unwrap_or_else(|error| panic!("{way:?} disturbs the next one: {error:?}"));
        let row = &rows[0];
        assert_eq!(row.get::<_, &str>(0), "", "{way:?} leaves its tenant");
        assert_eq!(row.get::<_, i64>(1), 0, "{way:?} leaves a lock");
        assert!(row.get::<_, bool>(2), "{way:?} leaves its transaction open");
        assert_eq!(row.get::<_, i32>(3), number, "{way:?}: the answer is another's");
        assert_eq!(row.get::<_, i64>(4), 0, "{way:?} leaves what it wrote");
        assert_eq!(row.get::<_, &str>(5), "0", "{way:?} leaves its settings");
        connections.insert(row.get::<_, i32>(6));
        assert!(db.connections() <= 1);
    }
    // What was given up was stopped in time: its connection went on. (A machine may be too busy for that once or twice.)
    assert!(connections.len() <= 3, "{} connections were closed", connections.len() - 1);
    // Nothing runs on, and the slow ones are not waited for.
    let active = "SELECT count(*) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle' AND state IS NOT NULL
                    AND backend_type = 'client backend'";
    let began = Instant::now();
    while observer.query_one(active, &[]).await.unwrap().get::<_, i64>(0) > 0 {
        assert!(began.elapsed() < Duration::from_secs(5), "something still runs");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_died_while_idle_is_replaced() {
    let config = database().await;
    let observer = connect(&config).await;
    let db = Db::new(&Options { pool_size: 2, max_overflow: 0, ..db_options(&config) }).unwrap();
    let both = [db.transaction().await.unwrap(), db.transaction().await.unwrap()];
    for transaction in both {
        transaction.changes_nothing();
        transaction.commit().await.unwrap();
    }
    assert_eq!(db.connections(), 2);
    let end = "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity
               WHERE datname = current_database() AND starts_with(application_name, 'lekalo@') AND pid <> pg_backend_pid()";
    assert_eq!(observer.query_one(end, &[]).await.unwrap().get::<_, i64>(0), 2);
    // It takes a moment to be known here; at worst each of the two fails once.
    let began = Instant::now();
    let mut failures = 0;
    for _ in 0..4 {
        while db.ping().await.is_err() {
            failures += 1;
            assert!(began.elapsed() < PATIENCE);
        }
    }
    assert!(failures <= 2, "{failures} calls got a dead connection");
    assert!(db.connections() <= 2);
}

#[tokio::test]
async fn whoever_waits_is_told_when_the_pool_closes() {
    let config = database().await;
    let db =
        Db::new(&Options { pool_size: 1, max_overflow: 0, pool_timeout: PATIENCE, ..db_options(&config) }).unwrap();
    let taken = db.transaction().await.unwrap();
    let closing = async {
        tokio::task::yield_now().await;
        db.close();
    };
    let began = Instant::now();
    let (waited, ()) = tokio::join!(db.ping(), closing);
    assert!(matches!(waited, Err(lekalo::domain::Error::Unavailable { .. })), "{waited:?}");
    assert!(began.elapsed() < Duration::from_secs(5));
    // What is under way goes on to its end.
    taken.changes_nothing();
    taken.commit().await.unwrap();
}
