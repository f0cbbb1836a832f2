//! A row of each of two tenants in every tenant table, and what the service's role makes of them without any WHERE.

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::app;
use crate::support::tenants::tenant_tables;
use crate::support::{connect, database};

/// The tenants of the seed: whose transaction it is, and whose rows are none of its business.
pub const OWN: &str = "evopoliki";
pub const OTHER: &str = "five_deluxe";

/// A row of one tenant in each tenant table that the seed leaves empty; both tenants have the same ids.
const ROWS: &str = "
    INSERT INTO tenant_contacts (tenant_id, kind, value) VALUES ({t}, 'phone', '+996700123456');
    INSERT INTO tenant_channels (tenant_id, channel, external_id) VALUES ({t}, 'telegram', 'bot {t}');
    INSERT INTO channel_claims (tenant_id, channel, external_id) VALUES ({t}, 'telegram', 'claimed');
    INSERT INTO bot_texts (tenant_id, key, language, value) VALUES ({t}, 'welcome', 'ru', 'Салам');
    INSERT INTO bot_texts (tenant_id, key, language, value, items) VALUES ({t}, 'cities', 'ru', 'Ош', ARRAY['Ош']);
    INSERT INTO documents (tenant_id, key, language, last_version) VALUES ({t}, 'faq', 'ru', 1);
    INSERT INTO document_versions (tenant_id, key, language, version, content) VALUES ({t}, 'faq', 'ru', 1, 'Салам');
    INSERT INTO tenant_options (tenant_id, option_id, category_id, code, kind, names)
    SELECT {t}, -1, category_id, 'own', 'choice', jsonb_build_object('ru', 'Своё')
    FROM tenant_categories WHERE tenant_id = {t} ORDER BY category_id LIMIT 1;
    INSERT INTO tenant_option_values (tenant_id, value_id, option_id, code, names)
    VALUES ({t}, -1, -1, 'own', jsonb_build_object('ru', 'Своё'));
    INSERT INTO patterns (tenant_id, id, category_id, model_id, variant_id)
    SELECT {t}, 900001, tc.category_id, v.model_id, v.id
    FROM tenant_categories tc, (SELECT model_id, id FROM model_variants ORDER BY id LIMIT 1) v
    WHERE tc.tenant_id = {t} ORDER BY tc.category_id LIMIT 1;
    INSERT INTO pattern_edits (tenant_id, pattern_id, revision) VALUES ({t}, 900001, 1);
    INSERT INTO customers (tenant_id, id, channel, external_id) VALUES ({t}, 900001, 'telegram', '7012345678901');
    INSERT INTO applications (tenant_id, id, request_id, request_sha256, kind, customer_id)
    VALUES ({t}, '0a4c0c5e-2f6e-7a9e-9d5b-3b0d4c0f1a11', '0a4c0c5e-2f6e-7a9e-9d5b-3b0d4c0f1a12', sha256('{t}'), 'callback',
            900001);
    INSERT INTO application_feeds (tenant_id, last_place) VALUES ({t}, 1);
    INSERT INTO application_events (tenant_id, id, application_id, to_status)
    VALUES ({t}, 1, '0a4c0c5e-2f6e-7a9e-9d5b-3b0d4c0f1a11', 'new');
    INSERT INTO imports (tenant_id, id, category_id, file_name, sha256, mode, state)
    SELECT {t}, '0a4c0c5e-2f6e-7a9e-9d5b-3b0d4c0f1a13', category_id, 'price.pdf', sha256(''), 'merge', 'succeeded'
    FROM tenant_categories WHERE tenant_id = {t} ORDER BY category_id LIMIT 1;
    INSERT INTO import_files (tenant_id, import_id, number, chunk)
    VALUES ({t}, '0a4c0c5e-2f6e-7a9e-9d5b-3b0d4c0f1a13', 1, '{t}');
    INSERT INTO import_rows (tenant_id, import_id, position, page_number, row_number, cells, confidence, outcome)
    VALUES ({t}, '0a4c0c5e-2f6e-7a9e-9d5b-3b0d4c0f1a13', 1, 1, 1, '{Toyota,Camry}', 'high', 'created');
    INSERT INTO import_issues (tenant_id, import_id, position, number, code, field, message)
    VALUES ({t}, '0a4c0c5e-2f6e-7a9e-9d5b-3b0d4c0f1a13', 1, 1, 'YEAR_UNKNOWN', 'year', 'Год?');
    INSERT INTO import_changes (tenant_id, import_id, pattern_id, kind)
    VALUES ({t}, '0a4c0c5e-2f6e-7a9e-9d5b-3b0d4c0f1a13', 900001, 'created');
    INSERT INTO api_keys (id, prefix, secret_sha256, role) VALUES (gen_random_uuid(), 'key {t}', sha256('{t}'), 'chatbot');
    INSERT INTO api_key_tenants (tenant_id, api_key_id) SELECT {t}, id FROM api_keys WHERE prefix = 'key {t}';
    INSERT INTO write_requests (tenant_id, method, request_id, body_sha256)
    VALUES ({t}, 'TextService/UpsertTexts', '0a4c0c5e-2f6e-7a9e-9d5b-3b0d4c0f1a14', sha256('{t}'));
    INSERT INTO audit_events (tenant_id, id, method, resource_kind, resource, actor)
    VALUES ({t}, '0a4c0c5e-2f6e-7a9e-9d5b-3b0d4c0f1a15', 'lekalo seed', 'seed', 'prices', 'system');";

/// Gives both tenants a row in every table; their ids. A table without one is an error: it belongs into [`ROWS`].
async fn two_tenants(owner: &Client) -> [i64; 2] {
    let mut ids = [0; 2];
    for (id, slug) in ids.iter_mut().zip([OWN, OTHER]) {
        *id = owner.query_one("SELECT id FROM tenants WHERE slug = $1", &[&slug]).await.unwrap().get(0);
        owner.batch_execute(&ROWS.replace("{t}", &id.to_string())).await.unwrap();
    }
    for table in tenant_tables(owner).await {
        let sql = format!("SELECT count(DISTINCT tenant_id) FROM {table} WHERE tenant_id = ANY ($1)");
        let tenants: i64 = owner.query_one(&sql, &[&ids.as_slice()]).await.unwrap().get(0);
        assert_eq!(tenants, 2, "{table} has no row of each tenant: give it one in ROWS");
    }
    ids
}

/// Whose rows a table shows.
async fn seen(client: &Client, table: &str) -> Vec<i64> {
    let rows = client.query(&format!("SELECT DISTINCT tenant_id FROM {table} ORDER BY 1"), &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// What becomes of a statement: how many rows it touches, or which SQLSTATE refuses it. It is undone.
async fn tried(client: &Client, sql: &str) -> Result<u64, SqlState> {
    client.batch_execute("SAVEPOINT tried").await.unwrap();
    let done = client.execute(sql, &[]).await;
    client.batch_execute("ROLLBACK TO SAVEPOINT tried").await.unwrap();
    done.map_err(|error| error.code().expect("the server refused it").clone())
}

/// A row of `from` as it would be `to`'s: nothing but the tenant tells them apart.
fn copied(table: &str, row: &str, to: i64) -> String {
    format!(
        "INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, '{}'::jsonb || '{{\"tenant_id\": {to}}}')).*",
        row.replace('\'', "''")
    )
}

async fn a_row(owner: &Client, table: &str, tenant: i64) -> String {
    let sql = format!("SELECT to_jsonb(t)::text FROM {table} t WHERE tenant_id = {tenant} LIMIT 1");
    owner.query_one(&sql, &[]).await.unwrap().get(0)
}

/// Tables of which the role may not change rows at all, so that it need not be kept from another's.
const NEVER_UPDATED: &[&str] =
    &["api_key_tenants", "audit_events", "document_versions", "import_files", "pattern_edits"];
const NEVER_DELETED: &[&str] = &["application_feeds", "documents"];

fn none_or_refused(table: &str, never: &[&str]) -> Result<u64, SqlState> {
    if never.contains(&table) { Err(SqlState::INSUFFICIENT_PRIVILEGE) } else { Ok(0) }
}

#[tokio::test]
async fn in_every_table_a_tenant_sees_and_changes_its_own_rows_only() {
    let config = database().await;
    let owner = connect(&config).await;
    let [own, other] = two_tenants(&owner).await;
    let client = app(&config).await;
    let refused = Err(SqlState::INSUFFICIENT_PRIVILEGE);
    client.batch_execute(&format!("BEGIN; SET LOCAL app.current_tenant_id = '{own}'")).await.unwrap();
    for table in tenant_tables(&owner).await {
        let visible = if table == "tenant_channels" { vec![own, other] } else { vec![own] };
        assert_eq!(seen(&client, &table).await, visible, "{table}");

        let update = format!("UPDATE {table} SET tenant_id = tenant_id");
        let others = tried(&client, &format!("{update} WHERE tenant_id = {other}")).await;
        assert_eq!(others, none_or_refused(&table, NEVER_UPDATED), "{table}");
        if !NEVER_UPDATED.contains(&table.as_str()) {
            let count = format!("SELECT count(*) FROM {table} WHERE tenant_id = {own}");
            let count: i64 = owner.query_one(&count, &[]).await.unwrap().get(0);
            assert_eq!(tried(&client, &update).await, Ok(count as u64), "{table}: its own, whatever the WHERE says");
        }
        let given_away = format!("UPDATE {table} SET tenant_id = {other} WHERE tenant_id = {own}");
        assert_eq!(tried(&client, &given_away).await, refused, "{table}");
        let deleted = tried(&client, &format!("DELETE FROM {table} WHERE tenant_id = {other}")).await;
        assert_eq!(deleted, none_or_refused(&table, NEVER_DELETED), "{table}");
        let inserted = copied(&table, &a_row(&owner, &table, own).await, other);
        assert_eq!(tried(&client, &inserted).await, refused, "{table}");
        // The guard is what refused it: its own row collides with itself instead.
        let again = copied(&table, &a_row(&owner, &table, own).await, own);
        assert!(
            [Err(SqlState::UNIQUE_VIOLATION), Err(SqlState::EXCLUSION_VIOLATION)]
                .contains(&tried(&client, &again).await),
            "{table}"
        );
    }
    // A bot is looked up by everybody and belongs to one.
    let bot = |ending: &str| {
        format!(
            "INSERT INTO tenant_channels (tenant_id, channel, external_id) VALUES ({own}, 'telegram', 'bot {other}')
             ON CONFLICT (channel, external_id) {ending}"
        )
    };
    assert_eq!(tried(&client, &bot("DO UPDATE SET tenant_id = excluded.tenant_id")).await, refused);
    assert_eq!(tried(&client, &bot("DO NOTHING")).await, Ok(0));
}

#[tokio::test]
async fn without_a_tenant_no_row_of_any_table_is_seen_or_changed() {
    let config = database().await;
    let owner = connect(&config).await;
    let [own, other] = two_tenants(&owner).await;
    let client = app(&config).await;
    // Never set, set to '' as after a transaction, and left by one.
    for before in [
        "BEGIN",
        "BEGIN; SET LOCAL app.current_tenant_id = ''",
        "BEGIN; SET LOCAL app.current_tenant_id = '1'; COMMIT; BEGIN",
    ] {
        client.batch_execute(before).await.unwrap();
        for table in tenant_tables(&owner).await {
            let visible = if table == "tenant_channels" { vec![own, other] } else { vec![] };
            assert_eq!(seen(&client, &table).await, visible, "{table} after {before}");
            let update = tried(&client, &format!("UPDATE {table} SET tenant_id = tenant_id")).await;
            assert_eq!(update, none_or_refused(&table, NEVER_UPDATED), "{table} after {before}");
            let delete = tried(&client, &format!("DELETE FROM {table}")).await;
            assert_eq!(delete, none_or_refused(&table, NEVER_DELETED), "{table} after {before}");
            let insert = copied(&table, &a_row(&owner, &table, own).await, own);
            assert_eq!(tried(&client, &insert).await, Err(SqlState::INSUFFICIENT_PRIVILEGE), "{table} after {before}");
        }
        client.batch_execute("ROLLBACK").await.unwrap();
    }
}

#[tokio::test]
async fn who_watches_feeds_sees_their_last_places_and_nothing_else() {
    let config = database().await;
    let owner = connect(&config).await;
    let [own, other] = two_tenants(&owner).await;
    let client = app(&config).await;
    client.batch_execute("BEGIN; SET LOCAL app.watches_feeds = 'on'").await.unwrap();
    for table in tenant_tables(&owner).await {
        let shown = ["application_feeds", "tenant_channels"].contains(&table.as_str());
        let visible = if shown { vec![own, other] } else { vec![] };
        assert_eq!(seen(&client, &table).await, visible, "{table}");
    }
    for change in ["UPDATE application_feeds SET last_place = 7", "SELECT 1 FROM application_feeds FOR UPDATE"] {
        assert_eq!(tried(&client, change).await, Ok(0), "{change}");
    }
    let insert = copied("application_feeds", &a_row(&owner, "application_feeds", own).await, own);
    assert_eq!(tried(&client, &insert).await, Err(SqlState::INSUFFICIENT_PRIVILEGE));
    // Only that word opens them, and only until the transaction ends.
    for word in ["off", "", "1", "true"] {
        client.batch_execute(&format!("ROLLBACK; BEGIN; SET LOCAL app.watches_feeds = '{word}'")).await.unwrap();
        assert_eq!(seen(&client, "application_feeds").await, [0i64; 0], "{word}");
    }
    client.batch_execute("ROLLBACK; BEGIN; SET LOCAL app.watches_feeds = 'on'; COMMIT").await.unwrap();
    assert_eq!(seen(&client, "application_feeds").await, [0i64; 0]);
}

#[tokio::test]
async fn who_sweeps_imports_sees_those_whose_lease_is_over_and_changes_none() {
    let config = database().await;
    let owner = connect(&config).await;
    let tenants = two_tenants(&owner).await;
    let client = app(&config).await;
    let set = "UPDATE imports SET state = $1, lease_until = now() + $2::text::interval, error_code = $3";
    for (state, lease, error, visible) in [
        ("running", Some("-1 ms"), None, true),
        ("running", Some("1 h"), None, false),
        ("succeeded", None, None, false),
        ("failed", None, Some("INTERRUPTED"), false),
    ] {
        owner.execute(set, &[&state, &lease, &error]).await.unwrap();
        client.batch_execute("BEGIN; SET LOCAL app.sweeps_imports = 'on'").await.unwrap();
        for table in tenant_tables(&owner).await {
            let shown = table == "tenant_channels" || table == "imports" && visible;
            assert_eq!(seen(&client, &table).await, if shown { tenants.to_vec() } else { vec![] }, "{table}");
        }
        for change in ["UPDATE imports SET state = 'failed', error_code = 'INTERRUPTED'", "DELETE FROM imports"] {
            assert_eq!(tried(&client, change).await, Ok(0), "{change}: {state} {lease:?}");
        }
        client.batch_execute("ROLLBACK").await.unwrap();
    }
    owner.execute(set, &[&"running", &Some("-1 ms"), &None::<&str>]).await.unwrap();
    client.batch_execute("BEGIN").await.unwrap();
    for word in ["off", "", "1", "true"] {
        client.batch_execute(&format!("ROLLBACK; BEGIN; SET LOCAL app.sweeps_imports = '{word}'")).await.unwrap();
        assert_eq!(seen(&client, "imports").await, [0i64; 0], "{word}");
    }
}

#[tokio::test]
async fn the_services_role_can_loosen_nothing() {
    let config = database().await;
    let owner = connect(&config).await;
    let client = app(&config).await;
    client.batch_execute("BEGIN").await.unwrap();
    let tables = owner
        .query("SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'", &[])
        .await
        .unwrap();
    assert!(tables.len() > 25);
    for table in tables.iter().map(|row| row.get::<_, String>(0)) {
        for change in ["ALTER TABLE {} DISABLE ROW LEVEL SECURITY", "DROP TABLE {}", "TRUNCATE {}"] {
            let change = change.replace("{}", &table);
            assert_eq!(tried(&client, &change).await, Err(SqlState::INSUFFICIENT_PRIVILEGE), "{change}");
        }
    }
    for change in [
        "CREATE TABLE public.mine (id bigint)",
        "ALTER ROLE lekalo_app BYPASSRLS",
        "DROP POLICY tenant_isolation ON customers",
        "CREATE POLICY mine ON customers USING (true)",
    ] {
        let refused = tried(&client, change).await;
        assert_eq!(refused, Err(SqlState::INSUFFICIENT_PRIVILEGE), "{change}");
    }
}

#[tokio::test]
async fn a_tenant_is_changed_as_itself_alone_and_what_a_key_may_do_stays() {
    let config = database().await;
    let owner = connect(&config).await;
    let [own, other] = two_tenants(&owner).await;
    owner.batch_execute(SOME_KEY).await.unwrap();
    let client = app(&config).await;
    let refused = Err(SqlState::INSUFFICIENT_PRIVILEGE);
    client.batch_execute("BEGIN").await.unwrap();
    let ended = "UPDATE tenants SET active = false";
    assert_eq!(tried(&client, ended).await, Ok(0), "as nobody");
    client.batch_execute(&format!("SET LOCAL app.current_tenant_id = '{own}'")).await.unwrap();
    assert_eq!(tried(&client, ended).await, Ok(1), "its own, whatever the WHERE says");
    assert_eq!(tried(&client, &format!("{ended} WHERE id = {other}")).await, Ok(0));
    assert_eq!(tried(&client, &format!("UPDATE tenants SET id = {other} WHERE id = {own}")).await, refused);
    assert_eq!(tried(&client, &format!("DELETE FROM tenants WHERE id = {own}")).await, refused);

    for (kept, allowed) in [
        ("role = 'admin'", false),
        ("all_tenants = true", false),
        ("secret_sha256 = sha256('mine')", false),
        ("calls_per_second = 1", false),
        ("revoked_at = now()", true),
        ("expires_at = now()", true),
        ("last_used_at = now()", true),
    ] {
        let done = tried(&client, &format!("UPDATE api_keys SET {kept}")).await;
        assert_eq!(done.is_ok(), allowed, "{kept}: {done:?}");
    }
    for written in [
        "UPDATE service_secrets SET value = value",
        "DELETE FROM service_secrets",
        "INSERT INTO service_secrets VALUES ('x', sha256('x'))",
    ] {
        assert_eq!(tried(&client, written).await, refused, "{written}");
    }
}

const SOME_KEY: &str = "INSERT INTO api_keys (id, prefix, secret_sha256, role)
                        VALUES (gen_random_uuid(), 'some', sha256('some'), 'chatbot')";
