//! What a caller is told of a failure of PostgreSQL: every SQLSTATE there is, raised by a real server, and the real thing
//! where that is at hand.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use lekalo::db::{Db, Options, Query, Tenant, deadline};
use lekalo::domain::Error;
use tokio_postgres::types::Type;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::{connect, database, db_options, seeded};

/// Code, reason, and the delay after which a retry is right, in seconds.
type Told = (Code, &'static str, Option<u64>);

// Whose turn it is decides. The caller's deadline passed.
const DEADLINE: Told = (Code::DeadlineExceeded, "DEADLINE_EXCEEDED", None);
// Rolled back because of somebody beside it: the same call again is right.
const CONFLICT: Told = (Code::Aborted, "CONCURRENT_CHANGE", None);
// No more connections.
const BUSY: Told = (Code::ResourceExhausted, "OVERLOADED", Some(1));
// Others hold what it needs.
const BLOCKED: Told = (Code::ResourceExhausted, "OVERLOADED", Some(1));
// The server stops, starts, or has dropped the connection.
const AWAY: Told = (Code::Unavailable, "DATABASE_UNAVAILABLE", Some(2));
// It is there and cannot work: no disk, no memory, no writes, or a table is gone.
const UNABLE: Told = AWAY;
// A statement, a row or a privilege of ours is wrong: again it would fail again.
const INTERNAL: Told = (Code::Internal, "INTERNAL", None);

/// Every state that PostgreSQL lists for errors, up to version 18.
const STATES: [(Told, &str); 7] = [
    (DEADLINE, "57014"),
    (CONFLICT, "23503 23P01 40000 40001 40P01 72000"),
    (BUSY, "53300"),
    (BLOCKED, "55P03"),
    (AWAY, "08000 08001 08003 08004 08006 08007 08P01 25P03 25P04 40003 57000 57P01 57P02 57P03 57P04 57P05"),
    (UNABLE, "25006 3F000 42P01 53000 53100 53200 53400 58000 58030"),
    (
        INTERNAL,
        "03000 09000 0A000 0B000 0F000 0F001 0L000 0LP01 0P000 0Z000 0Z002 10608 20000 21000 22000 22001 22002 \
         22003 22004 22005 22007 22008 22009 2200B 2200C 2200D 2200F 2200G 2200H 2200L 2200M 2200N 2200S \
         2200T 22010 22011 22012 22013 22014 22015 22016 22018 22019 2201B 2201E 2201F 2201G 2201W 2201X \
         22021 22022 22023 22024 22025 22026 22027 2202E 2202G 2202H 22030 22031 22032 22033 22034 22035 \
         22036 22037 22038 22039 2203A 2203B 2203C 2203D 2203E 2203F 2203G 22P01 22P02 22P03 22P04 22P05 \
         22P06 23000 23001 23502 23505 23514 24000 25000 25001 25002 25003 25004 25005 25007 25008 \
         25P01 25P02 26000 27000 28000 28P01 2B000 2BP01 2D000 2F000 2F002 2F003 2F004 2F005 34000 38000 \
         38001 38002 38003 38004 39000 39001 39004 39P01 39P02 39P03 3B000 3B001 3D000 40002 42000 \
         42501 42601 42602 42611 42622 42701 42702 42703 42704 42710 42712 42723 42725 42803 42804 42809 \
         42830 42846 42883 428C9 42939 42P02 42P03 42P04 42P05 42P06 42P07 42P08 42P09 42P10 42P11 \
         42P12 42P13 42P14 42P15 42P16 42P17 42P18 42P19 42P20 42P21 42P22 44000 54000 54001 54011 54023 \
         55000 55006 55P02 55P04 58P01 58P02 58P03 F0000 F0001 HV000 HV001 HV002 HV004 HV005 HV006 HV007 \
         HV008 HV009 HV00A HV00B HV00C HV00D HV00J HV00K HV00L HV00M HV00N HV00P HV00Q HV00R HV010 HV014 \
         HV021 HV024 HV090 HV091 P0000 P0001 P0002 P0003 P0004 XX000 XX001 XX002",
    ),
];

fn describe(error: Error) -> (Code, String, Option<u64>) {
    let status = Status::from(error);
    let details = status.get_error_details();
    let retry = details.retry_info().map(|retry| retry.retry_delay.unwrap().as_secs());
    (status.code(), details.error_info().unwrap().reason.clone(), retry)
}

#[track_caller]
fn assert_told(error: Error, (code, reason, retry): Told, what: &str) {
    assert_eq!(describe(error), (code, reason.to_owned(), retry), "{what}");
}

fn raise<'a>(state: &'a &'static str) -> Query<'a> {
    Query::new("-- raise\nSELECT raise($1)").bind(state, Type::TEXT)
}

#[tokio::test]
async fn every_state_has_its_code_reason_and_delay() {
    let config = database().await;
    let owner = connect(&config).await;
    let function = "CREATE FUNCTION raise(state text) RETURNS void LANGUAGE plpgsql AS $$
                    BEGIN RAISE EXCEPTION 'canary' USING ERRCODE = state, DETAIL = 'canary', HINT = 'canary'; END $$";
    owner.batch_execute(function).await.unwrap();
    let db = Db::new(&Options { pool_size: 1, max_overflow: 0, ..db_options(&config) }).unwrap();
    let tenant = db.find_tenant("evopoliki").await.unwrap().id;

    let mut seen = BTreeSet::new();
    for (expected, states) in &STATES {
        for state in states.split_whitespace() {
            assert!(seen.insert(state), "{state} is there twice");
            // By each way to a query.
            let read = db.read([raise(&state)]).await.unwrap_err();
            let status = Status::from(db.tenant(tenant).bookkeep([raise(&state)]).await.unwrap_err());
            assert!(
                !format!("{status:?} {}", String::from_utf8_lossy(status.details())).contains("canary"),
                "{status:?}"
            );
            assert_told(read, *expected, state);
            let in_steps = db.transaction().await.unwrap();
            assert_told(in_steps.query(raise(&state)).await.unwrap_err(), *expected, state);
        }
    }
    assert!(seen.len() > 240, "{}", seen.len());

    // Nothing that this server knows is left out, where it says what it knows.
    let folder = "SELECT setting FROM pg_config WHERE name = 'SHAREDIR'";
    let folder: String = owner.query_one(folder, &[]).await.unwrap().get(0);
    let list = std::fs::read_to_string(format!("{folder}/errcodes.txt")).unwrap_or_default();
    for line in list.lines().filter(|line| !line.starts_with(['#', ' '])) {
        let mut words = line.split_whitespace();
        if let (Some(state), Some("E")) = (words.next(), words.next()) {
            assert!(seen.contains(state), "{state} is not in the table: {line}");
        }
    }
}

#[tokio::test]
async fn what_an_operator_took_away_may_come_back_and_a_row_that_is_refused_is_our_mistake() {
    let config = database().await;
    let owner = connect(&config).await;
    let db = Db::new(&db_options(&config)).unwrap();
    let own = db.tenant(db.find_tenant("evopoliki").await.unwrap().id);
    owner.batch_execute("REVOKE SELECT ON prices FROM lekalo_app").await.unwrap();
    let prices = || Query::new("-- prices\nSELECT count(*) FROM prices");
    assert_told(own.read([prices()]).await.unwrap_err(), UNABLE, "a right that is missing");
    owner.batch_execute("GRANT SELECT ON prices TO lekalo_app; ALTER TABLE prices RENAME TO others").await.unwrap();
    assert_told(own.read([prices()]).await.unwrap_err(), UNABLE, "a table that is missing");
    // Row-level security has the same code as a missing right.
    let foreign = "-- foreign\nINSERT INTO tenant_contacts (tenant_id, kind, value)
                   SELECT id, 'phone', '1' FROM tenants WHERE slug = 'five_deluxe'";
    let refused = own.bookkeep([Query::new(foreign)]).await.unwrap_err();
    assert!(format!("{refused:?}").contains("row-level security"), "{refused:?}");
    assert_told(refused, INTERNAL, "another tenant's row");
}

const SLEEP: &str = "-- sleep\nSELECT pg_sleep(60)";

#[tokio::test]
async fn a_statement_gets_what_is_left_of_the_deadline_and_never_more_than_the_default() {
    let db = seeded().await;
    let tenant = db.find_tenant("evopoliki").await.unwrap().id;
    let allowed = async || {
        let shown = "-- shown\nSELECT extract(epoch FROM current_setting('statement_timeout')::interval)::float8";
        let [one] = db.read([Query::new(shown)]).await.unwrap();
        let steps = db.transaction().await.unwrap();
        let two = steps.query(Query::new(shown)).await.unwrap();
        let given = db.tenant(tenant).transaction(Duration::from_secs(7)).await.unwrap();
        let three = given.query(Query::new(shown)).await.unwrap();
        let writes = db.tenant(tenant).write_transaction().await.unwrap();
        let four = writes.query(Query::new(shown)).await.unwrap();
        [one, two, three, four].map(|rows| rows[0].get::<_, f64>(0))
    };
    assert_eq!(allowed().await, [30.0, 30.0, 7.0, 30.0]);
    let within = |left: Duration| deadline::scope(tokio::time::Instant::now() + left, allowed());
    assert_eq!(within(Duration::from_secs(3600)).await, [30.0, 30.0, 7.0, 30.0]);
    for (allowed, most) in within(Duration::from_secs(20)).await.into_iter().zip([20.0, 20.0, 7.0, 20.0]) {
        assert!(allowed <= most && allowed > most - 6.0, "{allowed} of {most}");
    }
    // Passed already: next to nothing, for 0 would be no limit.
    let late = deadline::scope(tokio::time::Instant::now(), db.read([Query::new(SLEEP)])).await.unwrap_err();
    assert_told(late, DEADLINE, "a deadline that has passed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_do_is_told_as_theirs() {
    let config = database().await;
    let owner = connect(&config).await;
    let name = config.get_dbname().unwrap();
    owner.batch_execute(&format!("ALTER DATABASE {name} SET deadlock_timeout = '20ms'")).await.unwrap();
    let db = Db::new(&db_options(&config)).unwrap();
    let tenant: Tenant<'_> = db.tenant(db.find_tenant("evopoliki").await.unwrap().id);
    let minute = Duration::from_secs(60);
    let began = Instant::now();

    // Each holds what the other wants: one of them gives way, the other goes on.
    let (one, other) = (tenant.transaction(minute).await.unwrap(), tenant.transaction(minute).await.unwrap());
    one.batch("-- one\nSELECT pg_advisory_xact_lock(1)").await.unwrap();
    other.batch("-- two\nSELECT pg_advisory_xact_lock(2)").await.unwrap();
    let crossed = async |transaction: lekalo::db::Transaction, sql| {
        transaction.batch(sql).await?;
        transaction.changes_nothing();
        transaction.commit().await
    };
    let (one, other) = tokio::join!(
        crossed(one, "-- two\nSELECT pg_advisory_xact_lock(2)"),
        crossed(other, "-- one\nSELECT pg_advisory_xact_lock(1)")
    );
    let failure = match (one, other) {
        (Err(error), Ok(())) | (Ok(()), Err(error)) => error,
        both => panic!("{both:?}"),
    };
    assert_told(failure, CONFLICT, "a deadlock");

    // Both read, both write: the second would overwrite what it has not seen.
    let snapshot = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM tenants";
    let change = "-- change\nUPDATE application_feeds SET last_place = last_place";
    owner
        .batch_execute("INSERT INTO application_feeds (tenant_id, last_place) SELECT id, 1 FROM tenants")
        .await
        .unwrap();
    let (one, other) = (tenant.transaction(minute).await.unwrap(), tenant.transaction(minute).await.unwrap());
    for transaction in [&one, &other] {
        transaction.batch(snapshot).await.unwrap();
    }
    assert_eq!(one.execute(Query::new(change)).await.unwrap(), 1);
    one.changes_nothing();
    one.commit().await.unwrap();
    assert_told(other.execute(Query::new(change)).await.unwrap_err(), CONFLICT, "a lost snapshot");
    drop(other);

    // Somebody holds the row for longer than a write waits.
    let write = tenant.write_transaction().await.unwrap();
    let shown = write.query(Query::new("-- shown\nSELECT current_setting('lock_timeout')")).await.unwrap();
    assert_eq!(shown[0].get::<_, &str>(0), "2s");
    write.batch("SET LOCAL lock_timeout = 20").await.unwrap();
    owner.batch_execute("BEGIN; SELECT 1 FROM application_feeds FOR UPDATE").await.unwrap();
    assert_told(write.execute(Query::new(change)).await.unwrap_err(), BLOCKED, "a lock");
    owner.batch_execute("COMMIT").await.unwrap();
    drop(write);

    // A write where none may be: as on a standby.
    assert_told(tenant.read([Query::new(change)]).await.unwrap_err(), UNABLE, "a read-only transaction");

    // Somebody ends the session, in the middle of a statement and between two.
    let transaction = tenant.transaction(minute).await.unwrap();
    let ending = async {
        let pid = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE datname = current_database() AND query LIKE '-- sleep%' AND state = 'active'";
        while owner.query(pid, &[]).await.unwrap().is_empty() {
            assert!(began.elapsed() < minute, "it never ran");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let (ended, ()) = tokio::join!(transaction.batch(SLEEP), ending);
    assert_told(ended.unwrap_err(), AWAY, "a session that was ended");
    transaction.changes_nothing();
    assert_told(transaction.commit().await.unwrap_err(), AWAY, "a commit on what is gone");
    let transaction = tenant.transaction(minute).await.unwrap();
    let own = transaction.query(Query::new("-- pid\nSELECT pg_backend_pid()")).await.unwrap();
    owner.execute("SELECT pg_terminate_backend($1, 10000)", &[&own[0].get::<_, i32>(0)]).await.unwrap();
    assert_told(transaction.batch("SELECT 1").await.unwrap_err(), AWAY, "a session that had been ended");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_connection_that_is_refused_is_the_databases_fault_or_the_crowds() {
    let config = database().await;
    let owner = connect(&config).await;
    let few = format!("{}_few", config.get_dbname().unwrap());
    owner
        .batch_execute(&format!("DROP ROLE IF EXISTS {few}; CREATE ROLE {few} LOGIN CONNECTION LIMIT 1"))
        .await
        .unwrap();
    let options = Options { switch_role: false, ..db_options(&config) };
    let of = |change: &dyn Fn(&mut tokio_postgres::Config)| {
        let mut options = options.clone();
        change(&mut options.config);
        Db::new(&options).unwrap()
    };

    let crowded = of(&|config| _ = config.user(&few));
    let taken = crowded.transaction().await.unwrap();
    assert_told(crowded.ping().await.unwrap_err(), BUSY, "too many connections of the role");
    drop(taken);
    assert_told(of(&|config| _ = config.dbname("no_such_database")).ping().await.unwrap_err(), AWAY, "no database");
    assert_told(of(&|config| _ = config.user("no_such_role")).ping().await.unwrap_err(), AWAY, "no role");
    let closed = of(&|_| ());
    closed.ping().await.unwrap();
    closed.close();
    assert_told(closed.ping().await.unwrap_err(), AWAY, "a closed pool");
    crowded.close();
    // The last connection of the role goes before the role does.
    owner.batch_execute(&format!("DROP ROLE {few}")).await.unwrap();
}
