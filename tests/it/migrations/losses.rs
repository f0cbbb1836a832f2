//! What the plan of a way back says is lost, for an owner for whom row-level security holds.

use std::time::{Duration, Instant};

use lekalo::db::migrations::{self, PROGRAM};
use lekalo_migrate::downgrade::{self, Downgrade, Loss};
use lekalo_migrate::scratch::Scratch;
use lekalo_migrate::{DownTo, Migrations, UpTo};
use tokio_postgres::Config;

use super::NO_TLS;
use crate::support::{connect, database, empty_database};

/// The plan, tried beside the test's database by `tester`, who may create databases.
pub async fn plan(
    migrations: &Migrations,
    config: &Config,
    tester: &Config,
    target: DownTo,
) -> anyhow::Result<Vec<Downgrade>> {
    let steps = migrations.down_steps(config, NO_TLS, target).await?;
    let mut scratch = Scratch::beside(tester, NO_TLS, PROGRAM).await?.unwrap();
    let plan = downgrade::plan(migrations, &steps, config, NO_TLS, &mut scratch).await;
    scratch.close().await?;
    plan
}

fn describe(plan: &[Downgrade], version: i32) -> Vec<String> {
    let step = plan.iter().find(|step| step.version == version).unwrap();
    step.losses.iter().flatten().map(Loss::to_string).collect()
}

#[tokio::test]
async fn the_plan_counts_what_would_be_lost_and_touches_nothing() {
    let mut config = empty_database().await;
    let tester = config.clone();
    let superuser = connect(&config).await;
    let owner = format!("{}_owner", config.get_dbname().unwrap());
    let database = config.get_dbname().unwrap().to_owned();
    let make =
        format!("DROP ROLE IF EXISTS {owner}; CREATE ROLE {owner} LOGIN; ALTER DATABASE {database} OWNER TO {owner}");
    superuser.batch_execute(&make).await.unwrap();
    config.user(&owner);

    let latest = migrations::shipped().latest();
    let migrations = migrations::shipped()
        .and(&format!("V{}__more", latest + 1), "CREATE TABLE \"Test A\" (id int)", "DROP TABLE \"Test A\"")
        .and_then(|list| {
            let (up, down) = (
                "ALTER TABLE customers ADD COLUMN test_note text; ALTER TABLE tenants RENAME TO test_tenants;
                 ALTER TABLE test_tenants RENAME TO tenants",
                "ALTER TABLE customers DROP COLUMN test_note; CREATE TABLE test_backup (id int);
                 DELETE FROM \"Test A\" WHERE id > 3",
            );
            list.and(&format!("V{}__note", latest + 2), up, down)
        })
        .and_then(|list| {
            list.and(&format!("V{}__view", latest + 3), "CREATE VIEW test_v AS SELECT 1", "DROP VIEW test_v")
        })
        .unwrap();
    migrations.up(&config, NO_TLS, UpTo::Head).await.unwrap();
    superuser
        .batch_execute(
            "INSERT INTO tenants (id, slug, display_name, currency) VALUES (1, 'one', '1', 'KGS'), (2, 'two', '2', 'KGS');
             INSERT INTO customers (tenant_id, id, channel, external_id, name, username, language, test_note)
             SELECT 1 + n % 2, n, 'web', n, n, n, 'ru', CASE WHEN n <= 5 THEN 'a note' END FROM generate_series(1, 1234) n;
             INSERT INTO \"Test A\" SELECT generate_series(1, 10)",
        )
        .await
        .unwrap();

    let before = super::schema(&superuser).await;
    let plan = plan(&migrations, &config, &tester, DownTo::Base).await.unwrap();
    assert_eq!(super::schema(&superuser).await, before);
    assert_eq!(plan.iter().map(|step| step.version).collect::<Vec<_>>(), (1..=latest + 3).rev().collect::<Vec<_>>());
    let describe = |version| describe(&plan, version);
    assert_eq!(describe(latest + 3), [""; 0]);
    assert_eq!(describe(latest + 2), ["drops column customers.test_note (5 values)", "deletes 7 rows of \"Test A\""]);
    assert_eq!(describe(latest + 1), ["drops table \"Test A\" (10 rows)"]);
    assert!(describe(2).contains(&"drops table customers (1,234 rows)".to_owned()), "{plan:#?}");
    assert!(describe(1).contains(&"drops table tenants (2 rows)".to_owned()), "{plan:#?}");
    assert!(describe(8).contains(&"drops column applications.contact_name (0 values)".to_owned()), "{plan:#?}");

    migrations.down(&config, NO_TLS, DownTo::Version(latest + 1)).await.unwrap();
    let left: i64 = superuser.query_one("SELECT count(*) FROM \"Test A\"", &[]).await.unwrap().get(0);
    assert_eq!(left, 3);
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn whatever_else_a_way_back_does_to_rows_is_told() {
    let config = database().await;
    let client = connect(&config).await;
    let latest = migrations::shipped().latest();
    let cases = [
        (
            "ALTER TABLE brands ALTER name TYPE varchar(5) USING left(name, 5)",
            "turns column brands.name from text into character varying(5) (#N values)",
        ),
        ("UPDATE brands SET name = upper(name)", "overwrites #N rows of brands"),
        ("UPDATE brands b SET name = m.name FROM models m WHERE m.brand_id = b.id", "overwrites #N rows of brands"),
        ("DELETE FROM models USING brands WHERE brands.id = models.brand_id AND brands.slug = 'nobody'", ""),
        ("DELETE FROM brands", "deletes #N rows of brands"),
        ("TRUNCATE model_variants CASCADE", "deletes #M rows of model_variants and what refers to them"),
        ("DELETE FROM imports", ""),
        (
            "ALTER TABLE brands RENAME TO makes; DELETE FROM makes",
            "may change data in a way that is not counted here: `DELETE FROM MAKES`",
        ),
        (
            "DO $$ BEGIN DELETE FROM brands WHERE name = 'BYD'; END $$",
            "may change data in a way that is not counted here: `DO $$ BEGIN DELETE FROM brands WHERE name = 'BYD'; END $$`",
        ),
        (
            "ALTER TABLE brands ADD COLUMN old text; UPDATE brands SET old = name WHERE old IS NULL",
            "may change data in a way that is not counted here: `UPDATE BRANDS SET OLD = NAME WHERE OLD IS NULL`",
        ),
        ("CREATE TABLE kept AS SELECT * FROM brands; DELETE FROM kept", ""),
    ];
    let count = async |table: &str| -> i64 {
        client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0)
    };
    let (brands, variants) = (count("brands").await.to_string(), count("model_variants").await);
    assert!((1..1000).contains(&brands.parse().unwrap()) && (1000..1_000_000).contains(&variants));
    let variants = format!("{},{:03}", variants / 1000, variants % 1000);
    for (down, expected) in cases {
        let migrations = migrations::shipped().and(&format!("V{}__case", latest + 1), "SELECT 1", down).unwrap();
        migrations.up(&config, NO_TLS, UpTo::Head).await.unwrap();
        let plan = plan(&migrations, &config, &config, DownTo::Steps(1)).await.unwrap();
        let expected = expected.replace("#N", &brands).replace("#M", &variants);
        let expected: Vec<&str> = Some(expected.as_str()).filter(|line| !line.is_empty()).into_iter().collect();
        assert_eq!(describe(&plan, latest + 1), expected, "{down}");
        client.batch_execute(&format!("DELETE FROM refinery_schema_history WHERE version > {latest}")).await.unwrap();
    }
    // Rows of others that go along, or lose what they refer to.
    for action in ["CASCADE", "SET NULL", "SET DEFAULT"] {
        let refer = format!("CREATE TABLE refers (brand_id bigint REFERENCES brands ON DELETE {action})");
        client.batch_execute(&refer).await.unwrap();
        let migrations =
            migrations::shipped().and(&format!("V{}__case", latest + 1), "SELECT 1", "DELETE FROM brands").unwrap();
        migrations.up(&config, NO_TLS, UpTo::Head).await.unwrap();
        let plan = plan(&migrations, &config, &config, DownTo::Steps(1)).await.unwrap();
        let expected = format!("deletes {brands} rows of brands and what refers to them");
        assert_eq!(describe(&plan, latest + 1), [expected], "{action}");
        let back = format!("DELETE FROM refinery_schema_history WHERE version > {latest}; DROP TABLE refers");
        client.batch_execute(&back).await.unwrap();
    }
}

#[tokio::test]
async fn nobody_waits_for_the_plan_nor_it_for_them() {
    let config = database().await;
    let writer = connect(&config).await;
    writer
        .batch_execute("BEGIN; UPDATE brands SET name = name; LOCK TABLE import_rows IN ROW EXCLUSIVE MODE")
        .await
        .unwrap();
    let began = Instant::now();
    let planning = {
        let config = config.clone();
        tokio::spawn(async move { plan(&migrations::shipped(), &config, &config, DownTo::Base).await.unwrap() })
    };
    // Whoever asks for a lock that an exclusive one would stop.
    let waiting = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
                   WHERE (NOT granted OR mode IN ('AccessExclusiveLock', 'ExclusiveLock', 'ShareLock')) AND locktype = 'relation'";
    let mut looked = 0;
    while !planning.is_finished() {
        assert_eq!(writer.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0), 0);
        looked += 1;
        assert!(began.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(looked > 10 && planning.await.unwrap().len() > 10);
}

#[tokio::test]
async fn what_somebody_made_is_in_the_way_and_told_before_anything_is_touched() {
    let config = database().await;
    let superuser = connect(&config).await;
    let name = config.get_dbname().unwrap();
    let owner = format!("{name}_owner");
    superuser
        .batch_execute(&format!(
            "CREATE VIEW report AS SELECT id, contact_phone FROM applications;
             CREATE TABLE notes (model_id bigint REFERENCES models (id));
             ALTER TABLE models RENAME CONSTRAINT models_brand_id_fkey TO another_name;
             DROP ROLE IF EXISTS {owner}; CREATE ROLE {owner} LOGIN; GRANT {owner} TO CURRENT_USER;
             GRANT SELECT ON ALL TABLES IN SCHEMA public TO {owner}"
        ))
        .await
        .unwrap();
    let as_owner = { config.clone().user(&owner).clone() };
    let plan = plan(&migrations::shipped(), &as_owner, &config, DownTo::Base).await.unwrap();
    let blockers: Vec<(i32, &str)> =
        plan.iter().flat_map(|step| step.blockers.iter().map(|it| (step.version, it.as_str()))).collect();
    assert_eq!(
        blockers,
        [
            (8, "view report depends on applications.contact_phone"),
            (2, "extension btree_gist belongs to postgres"),
            (2, "view report depends on applications"),
            (1, "foreign key notes_model_id_fkey of notes depends on models"),
        ]
    );
}

#[tokio::test]
async fn what_the_migrations_make_themselves_is_in_nobodys_way() {
    let config = database().await;
    let next = migrations::shipped().latest() + 1;
    let up = "CREATE TABLE test_groups (id int PRIMARY KEY);
              ALTER TABLE brands ADD COLUMN group_id int REFERENCES test_groups;
              CREATE VIEW test_grouped AS SELECT id, group_id FROM brands";
    let down = "DROP VIEW test_grouped; ALTER TABLE brands DROP COLUMN group_id; DROP TABLE test_groups";
    let migrations = migrations::shipped().and(&format!("V{next}__groups"), up, down).unwrap();
    migrations.up(&config, NO_TLS, UpTo::Head).await.unwrap();
    let plan = plan(&migrations, &config, &config, DownTo::Steps(1)).await.unwrap();
    assert_eq!(plan[0].blockers, [""; 0]);
    assert_eq!(describe(&plan, next), ["drops table test_groups (0 rows)", "drops column brands.group_id (0 values)"]);
}
