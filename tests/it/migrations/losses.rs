//! What the plan of a way back says is lost, for an owner for whom row-level security holds.

use lekalo::db::migrate::{DownTo, Loss, Migrations, UpTo};

use super::NO_TLS;
use crate::common::{connect, empty_database};

#[tokio::test]
async fn the_plan_counts_what_would_be_lost_and_touches_nothing() {
    let mut config = empty_database().await;
    let superuser = connect(&config).await;
    let owner = format!("{}_owner", config.get_dbname().unwrap());
    let database = config.get_dbname().unwrap().to_owned();
    let make =
        format!("DROP ROLE IF EXISTS {owner}; CREATE ROLE {owner} LOGIN; ALTER DATABASE {database} OWNER TO {owner}");
    superuser.batch_execute(&make).await.unwrap();
    config.user(&owner);

    let latest = Migrations::shipped().latest();
    let migrations = Migrations::shipped()
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
    let plan = migrations.plan(&config, NO_TLS, DownTo::Base).await.unwrap();
    assert_eq!(super::schema(&superuser).await, before);
    assert_eq!(plan.iter().map(|undo| undo.version).collect::<Vec<_>>(), (1..=latest + 3).rev().collect::<Vec<_>>());
    let told = |version: i32| {
        let undo = plan.iter().find(|undo| undo.version == version).unwrap();
        undo.losses.iter().map(Loss::to_string).collect::<Vec<_>>()
    };
    assert_eq!(told(latest + 3), [""; 0]);
    assert_eq!(told(latest + 2), ["deletes 7 rows of \"Test A\"", "drops column customers.test_note (5 values)"]);
    assert_eq!(told(latest + 1), ["drops table \"Test A\" (10 rows)"]);
    assert!(told(2).contains(&"drops table customers (1,234 rows)".to_owned()), "{plan:#?}");
    assert!(told(1).contains(&"drops table tenants (2 rows)".to_owned()), "{plan:#?}");
    assert!(told(8).contains(&"drops column applications.contact_name (0 values)".to_owned()), "{plan:#?}");

    migrations.down(&config, NO_TLS, DownTo::Version(latest + 1)).await.unwrap();
    let left: i64 = superuser.query_one("SELECT count(*) FROM \"Test A\"", &[]).await.unwrap().get(0);
    assert_eq!(left, 3);
}
