//! Backups: what is dumped is all there is, what cannot be all is refused, and what is restored is what was dumped.

mod damage;
mod pg_dump;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use lekalo::db::{Db, migrations};
use lekalo_migrate::backup::{Archive, BackupError, Manifest, Restored};
use lekalo_migrate::schema::Snapshot;
use lekalo_migrate::{DownTo, Migrations, UpTo, tls};
use tempfile::TempDir;
use tokio_postgres::{Client, Config};

use crate::support::{self, connect, database, db_options, empty_database};

const NO_TLS: &tls::Tls = &tls::OFF;

/// Dumps of one test.
struct Dumps(TempDir);

impl Dumps {
    fn new() -> Self {
        Self(support::folder())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    async fn take(&self, name: &str, owner: &Config) -> Result<Manifest, BackupError> {
        self.of(&migrations::shipped(), name, owner).await
    }

    async fn of(&self, migrations: &Migrations, name: &str, owner: &Config) -> Result<Manifest, BackupError> {
        lekalo_migrate::backup::dump(migrations, owner, NO_TLS, &self.path(name), "test", |_| {}).await
    }

    /// That there is no dump, nor half of one, but for these.
    #[track_caller]
    fn are(&self, expected: &[&str]) {
        let found = std::fs::read_dir(self.0.path()).unwrap();
        let found: BTreeSet<String> = found.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(found, expected.iter().map(|name| (*name).to_owned()).collect());
    }
}

async fn restore(path: &Path, owner: &Config) -> Result<Restored, BackupError> {
    let archive = Archive::open(path)?;
    lekalo_migrate::backup::restore(&migrations::shipped(), owner, NO_TLS, &archive, |_| {}).await
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, BackupError>, told: &[&str]) {
    let error = outcome.unwrap_err();
    let text = match &error {
        BackupError::Refused { problem, remedy } => format!("{problem}: {remedy}"),
        error => lekalo_migrate::failure::chain(error),
    };
    assert!(told.iter().all(|part| text.contains(part)), "{told:?} is not all in {text:?}");
}

/// A role of this name that owns the database and has no power besides.
async fn owned_by_a_plain_role(config: &Config) -> Config {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    let owner = format!("backup_owner_{}", NEXT.fetch_add(1, Ordering::SeqCst));
    let database = config.get_dbname().unwrap();
    let sql =
        format!("DROP ROLE IF EXISTS {owner}; CREATE ROLE {owner} LOGIN; ALTER DATABASE {database} OWNER TO {owner}");
    connect(config).await.batch_execute(&sql).await.unwrap();
    let mut config = config.clone();
    config.user(&owner);
    config
}

/// A database with everything in it, made by an owner without any power: two shops, of which each has rows in every table.
/// The superuser's way to it comes second.
async fn filled() -> (Config, Config) {
    let superuser = empty_database().await;
    let owner = owned_by_a_plain_role(&superuser).await;
    migrations::up(&owner, NO_TLS).await.unwrap();
    let db = Db::new(&db_options(&superuser)).unwrap();
    db.apply_seed(&lekalo::seed::shipped().unwrap(), false).await.unwrap();
    db.close();
    connect(&superuser).await.batch_execute(EVERY_TABLE).await.unwrap();
    (owner, superuser)
}

/// Values that are hard to write and to read among them.
const EVERY_TABLE: &str = r#"
    INSERT INTO tenant_channels SELECT 'telegram', 'bot ' || id, id FROM tenants;
    INSERT INTO channel_claims SELECT id, 'web', E'a\tb\\c' FROM tenants;
    INSERT INTO tenant_contacts SELECT id, 'phone', E'a\tb\\c\nd\r\\.', 1 FROM tenants;
    INSERT INTO bot_texts (tenant_id, key, language, value)
    SELECT id, 'greeting', 'ru', E'Салам,\n\\N «мир» \u0001 ' || repeat('я', 70000) FROM tenants;
    INSERT INTO bot_texts (tenant_id, key, language, value, items, flag)
    SELECT id, 'cities', 'ru', E'a\tb\n\x22{}\\,\nc', ARRAY[E'a\tb', E'\x22{}\\,', 'c'], NULL FROM tenants
    UNION SELECT id, 'ask_phone', 'ru', 'false', NULL, false FROM tenants;
    INSERT INTO documents SELECT id, 'faq', 'ru', 3 FROM tenants;
    INSERT INTO document_versions
    SELECT id, 'faq', 'ru', 3, E'a\tb\\c', E'# Салам,\r\n\\N «мир» \\. ' || repeat('я', 500000), 'бот', now() FROM tenants;
    INSERT INTO customers (tenant_id, channel, external_id, name)
    SELECT t.id, 'web', n::text, 'Айбек' FROM tenants t, generate_series(1, 300) n ORDER BY n, t.id;
    INSERT INTO applications (tenant_id, id, request_id, request_sha256, customer_id, kind)
    SELECT tenant_id, gen_random_uuid(), gen_random_uuid(), sha256('\x00ff'), id, 'callback' FROM customers;
    INSERT INTO application_events (tenant_id, id, application_id, to_status)
    SELECT tenant_id, row_number() OVER (PARTITION BY tenant_id), id, 'new' FROM applications;
    INSERT INTO application_feeds SELECT tenant_id, max(id) FROM application_events GROUP BY tenant_id;
    INSERT INTO tenant_categories (tenant_id, category_id, code, names) SELECT id, -1, 'own', '{"ru": "a\tb\\"}' FROM tenants;
    INSERT INTO tenant_options (tenant_id, option_id, category_id, code, kind, names, body_types)
    SELECT id, -1, -1, 'own', 'choice', '{"ru": "«мир»"}', '{suv,NULL}' FROM tenants;
    INSERT INTO tenant_option_values (tenant_id, value_id, option_id, code, names)
    SELECT id, -1, -1, 'own', '{"ru": "\\N"}' FROM tenants;
    INSERT INTO model_variants (model_id) SELECT id FROM models ORDER BY id LIMIT 3 ON CONFLICT DO NOTHING;
    INSERT INTO patterns (tenant_id, category_id, model_id, variant_id)
    SELECT c.tenant_id, c.category_id, v.model_id, v.id
    FROM tenant_categories c, (SELECT * FROM model_variants ORDER BY id LIMIT 3) v;
    INSERT INTO pattern_edits SELECT tenant_id, id, 1, now(), E'a\tb\\n', '{notes,NULL}' FROM patterns;
    INSERT INTO imports (tenant_id, id, category_id, file_name, sha256, mode)
    SELECT DISTINCT ON (tenant_id) tenant_id, gen_random_uuid(), category_id, 'файл.pdf', sha256(''), 'merge'
    FROM tenant_categories;
    INSERT INTO import_files SELECT tenant_id, id, n, '\x00ff5c0a' FROM imports, generate_series(1, 2) n;
    INSERT INTO import_rows (tenant_id, import_id, position, page_number, row_number, cells, confidence, outcome)
    SELECT tenant_id, id, n, 1, n, ARRAY['a,b', NULL, E'\x22{}\\'], 'high', 'rejected' FROM imports, generate_series(1, 50) n;
    INSERT INTO import_issues SELECT tenant_id, import_id, position, 1, 'c', 'f', 'm', '' FROM import_rows;
    INSERT INTO import_changes SELECT tenant_id, id, 1, 'updated', '{"a": [1.50, null]}', NULL FROM imports;
    INSERT INTO api_keys (id, prefix, secret_sha256, role, expires_at)
    VALUES (gen_random_uuid(), 'p', sha256('s'), 'admin', 'infinity');
    INSERT INTO api_key_tenants SELECT t.id, k.id FROM tenants t, api_keys k;
    INSERT INTO write_requests SELECT id, 'm', gen_random_uuid(), sha256(''), '\x5c4e0a00', now() FROM tenants;
    INSERT INTO audit_events (tenant_id, id, method, resource_kind, resource, actor, key_prefix, actor_name, peer)
    SELECT id, gen_random_uuid(), 'm', 'prices', 'eva_mats', 'api_key', 'p', E'a\tb\\n', '2001:db8::1' FROM tenants;
    INSERT INTO admin_requests VALUES ('m', gen_random_uuid(), sha256(''), '', '0044-03-15 12:00:00+00 BC');"#;

/// All rows of all tables, by a superuser.
async fn rows(client: &Client) -> BTreeMap<String, Vec<String>> {
    let names = "SELECT relname::text FROM pg_class
                 WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1";
    let mut all = BTreeMap::new();
    for name in client.query(names, &[]).await.unwrap() {
        let name: String = name.get(0);
        let rows = client.query(&format!("SELECT to_jsonb(t)::text FROM {name} t ORDER BY 1"), &[]).await.unwrap();
        all.insert(name, rows.iter().map(|row| row.get(0)).collect());
    }
    all
}

/// Where the sequences stand.
async fn sequences(client: &Client) -> Vec<String> {
    let names = "SELECT sequencename::text FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1";
    let mut all = Vec::new();
    for name in client.query(names, &[]).await.unwrap() {
        let name: String = name.get(0);
        let sql = format!("SELECT concat_ws(' ', '{name}', last_value, is_called) FROM {name}");
        all.push(client.query_one(&sql, &[]).await.unwrap().get(0));
    }
    all
}

async fn differences(found: &Config, expected: &Config) -> Vec<String> {
    let of = async |config| Snapshot::of(config, NO_TLS, migrations::PROGRAM).await.unwrap();
    let (found, expected) = (of(found).await, of(expected).await);
    found.differences(&expected).iter().map(ToString::to_string).collect()
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn an_owner_without_any_power_dumps_and_restores_every_row_of_every_tenant() {
    let (owner, superuser) = filled().await;
    let dumps = Dumps::new();
    let manifest = dumps.take("a.zip", &owner).await.unwrap();
    let client = connect(&superuser).await;
    let source = rows(&client).await;
    assert!(source.values().all(|rows| !rows.is_empty()), "every table has rows");
    let counted: Vec<(String, usize)> = source.iter().map(|(name, rows)| (name.clone(), rows.len())).collect();
    let told: Vec<(String, usize)> =
        manifest.tables.iter().map(|table| (table.name.clone(), usize::try_from(table.rows).unwrap())).collect();
    assert_eq!(told, counted);
    assert!(manifest.left_out.is_empty(), "{manifest:?}");

    // For another owner, who has nothing but an empty database.
    let elsewhere = empty_database().await;
    let other = owned_by_a_plain_role(&elsewhere).await;
    let restored = restore(&dumps.path("a.zip"), &other).await.unwrap();
    assert_eq!((restored.rows, restored.schema_version), (manifest.rows(), manifest.schema_version));
    let copy = connect(&elsewhere).await;
    let (found, expected) = (rows(&copy).await, source);
    for (name, rows) in &expected {
        assert!(found[name] == *rows, "the rows of {name} are others");
    }
    assert_eq!(found.len(), expected.len());
    assert_eq!(sequences(&copy).await, sequences(&client).await);
    assert_eq!(differences(&elsewhere, &superuser).await, [""; 0]);
    // It is bound again as it was: it sees nobody's rows.
    let seen = connect(&other).await.query_one("SELECT count(*) FROM patterns", &[]).await.unwrap();
    assert_eq!(seen.get::<_, i64>(0), 0);
}

/// A superuser reads tables whole, the owner reads each tenant's rows by themselves: both come to the same.
#[tokio::test]
async fn whoever_dumps_the_rows_are_the_same() {
    let (owner, superuser) = filled().await;
    let dumps = Dumps::new();
    let mut seen = Vec::new();
    for (name, role) in [("owner.zip", &owner), ("superuser.zip", &superuser)] {
        let manifest = dumps.take(name, role).await.unwrap();
        let mut zip = zip::ZipArchive::new(std::fs::File::open(dumps.path(name)).unwrap()).unwrap();
        let mut tables = BTreeMap::new();
        for table in manifest.tables {
            let mut text = String::new();
            zip.by_name(&format!("tables/{}.copy", table.name)).unwrap().read_to_string(&mut text).unwrap();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            tables.insert(table.name, lines);
        }
        seen.push((tables, manifest.sequences));
    }
    assert!(seen[0] == seen[1], "a superuser's dump and the owner's differ");
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(dumps.path("owner.zip")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "customers' numbers are in it");
}

/// A dump that is not whole must not look fine: there is none.
#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn what_could_hide_rows_from_the_dump_is_refused() {
    let (owner, superuser) = filled().await;
    let client = connect(&superuser).await;
    let dumps = Dumps::new();
    for (hide, show) in [
        (
            "ALTER POLICY tenant_isolation ON prices USING (tenant_id = nullif(current_setting('app.current_tenant_id', \
             true), '')::bigint AND amount > 1)",
            "ALTER POLICY tenant_isolation ON prices USING (tenant_id = nullif(current_setting('app.current_tenant_id', \
             true), '')::bigint)",
        ),
        ("CREATE POLICY less ON prices AS RESTRICTIVE USING (amount > 1)", "DROP POLICY less ON prices"),
        ("ALTER POLICY tenant_isolation ON prices TO lekalo_app", "ALTER POLICY tenant_isolation ON prices TO public"),
    ] {
        client.batch_execute(hide).await.unwrap();
        refused(dumps.take("a.zip", &owner).await, &["hide rows of prices", owner.get_user().unwrap(), "BYPASSRLS"]);
        dumps.are(&[]);
        // For whom it does not hold, it is no hindrance.
        dumps.take("superuser.zip", &superuser).await.unwrap();
        std::fs::remove_file(dumps.path("superuser.zip")).unwrap();
        client.batch_execute(show).await.unwrap();
    }
    dumps.take("a.zip", &owner).await.unwrap();
    refused(dumps.take("a.zip", &owner).await, &["a.zip is there already"]);
    // Who serves has no business with it.
    let mut service = superuser.clone();
    service.options("-c role=lekalo_app");
    refused(dumps.take("b.zip", &service).await, &["hide rows of shared_audit_events, tenants from `lekalo_app`"]);
    dumps.are(&["a.zip"]);
    refused(dumps.take("b.zip", &empty_database().await).await, &["no schema yet"]);
    // A table of somebody else's is told and left.
    client.batch_execute("CREATE TABLE notes (text text)").await.unwrap();
    assert_eq!(dumps.take("b.zip", &superuser).await.unwrap().left_out, ["notes"]);
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn only_an_empty_database_is_filled() {
    let (owner, _) = filled().await;
    let dumps = Dumps::new();
    let manifest = dumps.take("a.zip", &owner).await.unwrap();
    let path = dumps.path("a.zip");
    let full = database().await;
    let before = rows(&connect(&full).await).await;
    refused(restore(&path, &full).await, &["not empty", "rows", "lekalo reset"]);
    assert!(rows(&connect(&full).await).await == before, "a refused restore has changed rows");

    let foreign = empty_database().await;
    connect(&foreign).await.batch_execute("CREATE TABLE notes (text text)").await.unwrap();
    refused(restore(&path, &foreign).await, &["not empty", "notes"]);

    // Of an older version with rows: somebody uses it.
    let latest = migrations::shipped().latest();
    migrations::shipped().down(&full, NO_TLS, DownTo::Version(latest - 1)).await.unwrap();
    refused(restore(&path, &full).await, &[&format!("version {}", latest - 1), &format!("is of {latest}")]);
    assert_eq!(migrations::current(&full, NO_TLS).await.unwrap().current, latest - 1);
    // The schema alone is no hindrance, nor one that is on its way: a restore that was cut off leaves that.
    for version in [0, 1, latest - 1, latest] {
        let target = empty_database().await;
        migrations::shipped().up(&target, NO_TLS, UpTo::Version(latest)).await.unwrap();
        migrations::shipped().down(&target, NO_TLS, DownTo::Version(version)).await.unwrap();
        assert_eq!(restore(&path, &target).await.unwrap().rows, manifest.rows(), "from {version}");
    }
    let target = empty_database().await;
    restore(&path, &target).await.unwrap();
    refused(restore(&path, &target).await, &["not empty"]);
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn a_dump_of_every_older_version_is_restored_as_it_was_and_goes_on_from_there() {
    let shipped = migrations::shipped();
    let source = empty_database().await;
    let client = connect(&source).await;
    let dumps = Dumps::new();
    for version in 1..shipped.latest() {
        shipped.up(&source, NO_TLS, UpTo::Version(version)).await.unwrap();
        let manifest = dumps.take(&format!("{version}.zip"), &source).await.unwrap();
        assert!(manifest.left_out.is_empty() && manifest.schema_version == version, "{manifest:?}");
        if version == 2 {
            client.batch_execute("INSERT INTO tenants (slug, display_name) VALUES ('one', '1')").await.unwrap();
        }
    }
    for version in [1, 9, shipped.latest() - 1] {
        let target = owned_by_a_plain_role(&empty_database().await).await;
        let restored = restore(&dumps.path(&format!("{version}.zip")), &target).await.unwrap();
        assert_eq!((restored.schema_version, restored.latest), (version, shipped.latest()));
        assert_eq!(shipped.position(&target, NO_TLS).await.unwrap().current, version);
        migrations::up(&target, NO_TLS).await.unwrap();
        assert_eq!(differences(&target, &database().await).await, [""; 0], "{version}");
        // What was applied when, and by whom.
        let applied = async |config: &Config| -> String {
            let sql = format!(
                "SELECT string_agg(concat_ws(' ', version, name, checksum, applied_on), ',' ORDER BY version)
                 FROM refinery_schema_history WHERE version <= {version}"
            );
            connect(config).await.query_one(&sql, &[]).await.unwrap().get(0)
        };
        assert_eq!(applied(&target).await, applied(&source).await);
    }
    // An older program neither dumps nor restores what it does not know.
    let older = migrations::shipped().up_to(shipped.latest() - 2);
    refused(dumps.of(&older, "x.zip", &source).await, &["knows", "the program that migrated it"]);
    let archive = Archive::open(&dumps.path(&format!("{}.zip", shipped.latest() - 1))).unwrap();
    let target = empty_database().await;
    let outcome = lekalo_migrate::backup::restore(&older, &target, NO_TLS, &archive, |_| {}).await;
    refused(outcome, &["knows", "as new as the one that wrote it, test"]);
    assert_eq!(rows(&connect(&target).await).await.len(), 0);
}
