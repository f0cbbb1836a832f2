//! What a transaction sets is gone when it ends, however it ends: two tenants take turns on one connection, straight and
//! through a PgBouncer that hands its only connection from one transaction to the next.

use std::time::Duration;

use lekalo::db::{Db, Options, Query};
use lekalo::domain::error::Error;
use lekalo::domain::tenant::TenantId;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::rows::{OTHER, OWN};
use crate::support::pooler::Pooler;
use crate::support::{connect, database, db_options};

const SETTINGS: &str = "-- settings
    SELECT coalesce(current_setting('app.current_tenant_id', true), '') AS tenant,
           coalesce(current_setting('app.watches_feeds', true), '') || coalesce(current_setting('app.sweeps_imports', true), '')
               AS watches,
           current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock,
           current_setting('transaction_read_only') AS read_only, current_setting('role') AS role,
           (SELECT array_agg(DISTINCT tenant_id) FROM prices) AS seen";

/// What a transaction has set, and whose prices it sees.
#[derive(Debug, PartialEq)]
struct Settings {
    tenant: String,
    watches: String,
    statement: String,
    lock: String,
    read_only: String,
    seen: Vec<i64>,
}

impl Settings {
    fn of(tenant: Option<TenantId>, statement: &str, lock: &str, read_only: &str) -> Self {
        Self {
            tenant: tenant.map(|tenant| tenant.0.to_string()).unwrap_or_default(),
            watches: String::new(),
            statement: statement.into(),
            lock: lock.into(),
            read_only: read_only.into(),
            seen: tenant.map(|tenant| tenant.0).into_iter().collect(),
        }
    }

    fn read(rows: &[Row]) -> Self {
        let text = |column: &str| rows[0].get::<_, String>(column);
        Self {
            tenant: text("tenant"),
            watches: text("watches"),
            statement: text("statement"),
            lock: text("lock"),
            read_only: text("read_only"),
            seen: rows[0].get::<_, Option<Vec<i64>>>("seen").unwrap_or_default(),
        }
    }
}

fn settings() -> Query<'static> {
    Query::new(SETTINGS)
}

/// Each kind of transaction has what it asked for and nothing of those before it.
async fn assert_clean(db: &Db, tenants: [TenantId; 2], after: &str) {
    let nobodys = db.read([settings()]).await.unwrap_or_else(|error| panic!("after {after}: {error:?}"));
    assert_eq!(Settings::read(&nobodys[0]), Settings::of(None, "30s", "0", "on"), "read after {after}");
    let nobodys = db.bookkeep([settings()]).await.unwrap();
    assert_eq!(Settings::read(&nobodys[0]), Settings::of(None, "30s", "0", "off"), "write after {after}");
    let tx = db.transaction().await.unwrap();
    let found = Settings::read(&tx.query(settings()).await.unwrap());
    assert_eq!(found, Settings::of(None, "30s", "0", "off"), "transaction after {after}");
    tx.changes_nothing();
    tx.commit().await.unwrap();
    for id in tenants {
        let own = db.tenant(id);
        let read = own.read([settings()]).await.unwrap();
        assert_eq!(Settings::read(&read[0]), Settings::of(Some(id), "30s", "0", "on"), "read after {after}");
        let written = own.bookkeep([settings()]).await.unwrap();
        assert_eq!(Settings::read(&written[0]), Settings::of(Some(id), "30s", "0", "off"), "write after {after}");
    }
}

/// Everything that a transaction may come to; giving up what runs only where it `cancels`.
async fn every_end(db: &Db, tenants: [TenantId; 2], cancels: bool) {
    let broken = || Query::new("-- broken\n SELECT 1 / 0");
    let text = |value: &'static str| {
        Query::new("-- own_text\n UPDATE tenant_contacts SET value = $1 WHERE kind = 'phone'")
            .bind(Box::leak(Box::new(value)) as &'static &'static str, Type::TEXT)
    };
    let contacts = async |id: TenantId| -> Vec<String> {
        let [rows] = db.tenant(id).read([Query::new("-- contacts\n SELECT value FROM tenant_contacts")]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    };
    for id in tenants {
        let own = db.tenant(id);
        let hour = Duration::from_secs(3600);

        let tx = own.transaction(hour).await.unwrap();
        let found = Settings::read(&tx.query(settings()).await.unwrap());
        assert_eq!(found, Settings::of(Some(id), "1h", "0", "off"));
        assert_eq!(tx.execute(text("kept")).await.unwrap(), 1);
        tx.changes_nothing();
        tx.commit().await.unwrap();
        assert_clean(db, tenants, "a commit").await;

        let tx = own.write_transaction().await.unwrap();
        let found = Settings::read(&tx.query(settings()).await.unwrap());
        assert_eq!(found, Settings::of(Some(id), "30s", "2s", "off"));
        tx.execute(text("dropped")).await.unwrap();
        drop(tx);
        assert_clean(db, tenants, "a transaction that was dropped").await;

        let tx = own.write_transaction().await.unwrap();
        tx.execute(text("kept")).await.unwrap();
        tx.changes_nothing();
        tx.commit().await.unwrap();
        assert_clean(db, tenants, "a commit on a caller's behalf").await;

        let tx = own.write_transaction().await.unwrap();
        tx.execute(text("failed")).await.unwrap();
        tx.query(broken()).await.unwrap_err();
        // PostgreSQL answers such a COMMIT with ROLLBACK and no error.
        tx.changes_nothing();
        let _ = tx.commit().await;
        assert_clean(db, tenants, "a commit after a failure").await;

        let mut tx = own.transaction(hour).await.unwrap();
        tx.leave().await.unwrap();
        let found = Settings::read(&tx.query(settings()).await.unwrap());
        assert_eq!(found, Settings::of(None, "1h", "0", "off"), "it has left its tenant");
        tx.changes_nothing();
        tx.commit().await.unwrap();
        assert_clean(db, tenants, "a transaction that left its tenant").await;

        // In one pipeline: the first that fails is told, and nothing is written.
        let failed = own.bookkeep([text("in flight"), broken(), text("after it")]).await.unwrap_err();
        assert!(format!("{failed:?}").contains("22012"), "the first cause, not what follows from it: {failed:?}");
        assert_clean(db, tenants, "a pipeline that failed").await;
        // A read writes nothing, whatever it says; a standby refuses in the same words, so it may be tried again.
        let refused = own.read([text("by a read")]).await.unwrap_err();
        assert!(matches!(refused, Error::Unavailable { .. }), "{refused:?}");
        if cancels {
            let tx = own.transaction(hour).await.unwrap();
            tx.execute(text("abandoned")).await.unwrap();
            let sleep = tx.query(Query::new("-- sleep\n SELECT pg_sleep(60)"));
            assert!(tokio::time::timeout(Duration::from_millis(20), sleep).await.is_err());
            drop(tx);
            assert_clean(db, tenants, "a statement that was given up").await;

            let pipeline = own.bookkeep([Query::new("-- sleep\n SELECT pg_sleep(60)"), text("later")]);
            assert!(tokio::time::timeout(Duration::from_millis(20), pipeline).await.is_err());
            assert_clean(db, tenants, "a pipeline that was given up").await;
        }
        // The flags of who watches feeds, too.
        db.last_application_events(&tenants).await.unwrap();
        assert_clean(db, tenants, "a look at the feeds").await;
        assert_eq!(contacts(id).await, ["kept"], "only what was committed lasts");
    }
}

async fn with_contacts(config: &tokio_postgres::Config) -> [TenantId; 2] {
    let owner = connect(config).await;
    owner
        .batch_execute("INSERT INTO tenant_contacts (tenant_id, kind, value) SELECT id, 'phone', 'first' FROM tenants")
        .await
        .unwrap();
    let mut ids = [TenantId(0); 2];
    for (id, slug) in ids.iter_mut().zip([OWN, OTHER]) {
        *id = TenantId(owner.query_one("SELECT id FROM tenants WHERE slug = $1", &[&slug]).await.unwrap().get(0));
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_transaction_stays_on_the_connection() {
    let config = database().await;
    let tenants = with_contacts(&config).await;
    let db = Db::new(&Options { pool_size: 1, max_overflow: 0, ..db_options(&config) }).unwrap();
    assert_clean(&db, tenants, "nothing").await;
    every_end(&db, tenants, true).await;
    assert_eq!(db.connections(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_transaction_stays_on_a_poolers_connection() {
    let config = database().await;
    let tenants = with_contacts(&config).await;
    let owner = connect(&config).await;
    let bot = format!("{}_bot", config.get_dbname().unwrap());
    let role = format!("DROP ROLE IF EXISTS {bot}; CREATE ROLE {bot} LOGIN IN ROLE lekalo_app");
    owner.batch_execute(&role).await.unwrap();
    let Some(pooler) = Pooler::in_mode(&config, &bot, "transaction", 1).await else { return };
    let options = Options {
        config: pooler.config.clone(),
        switch_role: false,
        pool_size: 1,
        max_overflow: 0,
        ..db_options(&config)
    };
    // Two services, each with a connection of its own to the pooler, which has one for both.
    let services = [Db::new(&options).unwrap(), Db::new(&options).unwrap()];
    for db in &services {
        // PgBouncer 1.18.0, Debian 12's, ends with "bad client state" when whoever cancelled hangs up at once.
        every_end(db, tenants, false).await;
        for other in &services {
            assert_clean(other, tenants, "the other service").await;
        }
    }
    // And both at once.
    let busy = services.iter().map(|db| async move {
        for _ in 0..20 {
            for id in tenants {
                let read = db.tenant(id).read([settings()]).await.unwrap();
                assert_eq!(Settings::read(&read[0]), Settings::of(Some(id), "30s", "0", "on"));
            }
            let read = db.read([settings()]).await.unwrap();
            assert_eq!(Settings::read(&read[0]), Settings::of(None, "30s", "0", "on"));
        }
    });
    futures::future::join_all(busy).await;
}
