//! Who may serve: only a role for which row-level security holds. And what `lekalo check` says of a database.

use lekalo::db::Options;
use lekalo::db::check::{Finding, report, role};
use lekalo_migrate::tls;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config};

use crate::support::{LEKALO, connect, database, db_options};

const SEPARATE: &str = "give the service a role of its own (CREATE ROLE bot LOGIN PASSWORD '…' IN ROLE lekalo_app), put it \
                        into DATABASE_URL and the owner into LEKALO_OWNER_DATABASE_URL";

/// Roles belong to the whole cluster: they are called by the test's database, and go with this.
struct Roles {
    prefix: String,
    owner: Client,
}

impl Roles {
    const ALL: [&str; 13] = [
        "bot",
        "super",
        "bypass",
        "owner",
        "heir",
        "grandheir",
        "bare",
        "reader",
        "writer",
        "stranger",
        "under",
        "turned",
        "elsewhere",
    ];

    async fn of(config: &Config) -> Self {
        let roles = Self { prefix: config.get_dbname().unwrap().to_owned(), owner: connect(config).await };
        roles.drop().await;
        let p = &roles.prefix;
        roles
            .owner
            .batch_execute(&format!(
                "CREATE ROLE {p}_bot LOGIN IN ROLE lekalo_app;
                 CREATE ROLE {p}_super LOGIN SUPERUSER;
                 CREATE ROLE {p}_bypass LOGIN BYPASSRLS IN ROLE lekalo_app;
                 CREATE ROLE {p}_owner LOGIN IN ROLE lekalo_app;
                 ALTER TABLE bot_texts OWNER TO {p}_owner;
                 CREATE SCHEMA AUTHORIZATION {p}_owner;
                 CREATE ROLE {p}_heir LOGIN IN ROLE {p}_owner;
                 CREATE ROLE {p}_grandheir LOGIN IN ROLE {p}_heir, lekalo_app;
                 CREATE ROLE {p}_bare LOGIN;
                 CREATE ROLE {p}_reader LOGIN;
                 GRANT SELECT ON ALL TABLES IN SCHEMA public TO {p}_reader;
                 CREATE ROLE {p}_writer LOGIN IN ROLE {p}_reader;
                 GRANT INSERT ON ALL TABLES IN SCHEMA public TO {p}_writer;
                 CREATE ROLE {p}_stranger LOGIN NOINHERIT IN ROLE lekalo_app;
                 CREATE ROLE {p}_under LOGIN IN ROLE {p}_bypass, lekalo_app;
                 CREATE ROLE {p}_turned LOGIN IN ROLE {p}_bypass;
                 ALTER ROLE {p}_turned SET role = {p}_bypass;
                 CREATE ROLE {p}_elsewhere LOGIN IN ROLE lekalo_app;
                 CREATE SCHEMA AUTHORIZATION {p}_elsewhere CREATE TABLE notes (note text)"
            ))
            .await
            .unwrap();
        roles
    }

    async fn drop(&self) {
        for role in Self::ALL {
            let name = format!("{}_{role}", self.prefix);
            let drop = format!(
                "DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN
                 REASSIGN OWNED BY {name} TO postgres; DROP OWNED BY {name}; DROP ROLE {name}; END IF; END $$"
            );
            self.owner.batch_execute(&drop).await.unwrap();
        }
    }
}

fn finding(findings: &[Finding], what: &str) -> Finding {
    let found: Vec<_> = findings.iter().filter(|finding| finding.what == what).collect();
    assert_eq!(found.len(), 1, "{what} in {findings:#?}");
    found[0].clone()
}

#[tokio::test]
async fn a_role_serves_only_if_row_level_security_holds_for_it() {
    let config = database().await;
    let roles = Roles::of(&config).await;
    let p = &roles.prefix;
    let superuser = "it is a superuser, for whom row-level security does not hold";
    let owns = "it owns tables, and an owner can switch row-level security off";
    let may_not = "it may not use the tables";
    let grant = |role: &str| format!("as the owner run: GRANT lekalo_app TO {p}_{role}");
    let bypass = || format!("ALTER ROLE {p}_bypass NOBYPASSRLS");
    for (login, served_as, problem, remedy) in [
        ("bot", "bot", "", String::new()),
        // What a member can turn to does not count, nor what it owns where nothing of ours is.
        ("under", "under", "", String::new()),
        ("elsewhere", "elsewhere", "", String::new()),
        ("super", "super", superuser, SEPARATE.to_owned()),
        ("bypass", "bypass", "it has BYPASSRLS", bypass()),
        ("turned", "bypass", "it has BYPASSRLS", bypass()),
        ("owner", "owner", owns, SEPARATE.to_owned()),
        ("heir", "heir", owns, SEPARATE.to_owned()),
        ("grandheir", "grandheir", owns, SEPARATE.to_owned()),
        ("bare", "bare", may_not, grant("bare")),
        ("reader", "reader", may_not, grant("reader")),
        ("writer", "writer", may_not, grant("writer")),
        ("stranger", "stranger", may_not, grant("stranger")),
    ] {
        let mut options = Options { switch_role: false, ..db_options(&config) };
        options.config.user(format!("{p}_{login}"));
        let served_as = format!("{p}_{served_as}");
        let serves = role(&options).await;
        let found = finding(&report(&options, &db_options(&config)).await, "role");
        if problem.is_empty() {
            serves.unwrap_or_else(|error| panic!("{login}: {error}"));
            let detail = format!("serves as {served_as}, which owns nothing");
            assert_eq!(found, Finding { ok: true, what: "role", detail, remedy }, "{login}");
        } else {
            let refusal = format!("the role `{served_as}` must not serve: {problem}; {remedy}");
            assert_eq!(serves.expect_err(login).to_string(), refusal, "{login}");
            let detail = format!("{served_as}: {problem}");
            assert_eq!(found, Finding { ok: false, what: "role", detail, remedy }, "{login}");
        }
        // With one set of credentials for all, they turn to the app's role: what they are themselves is left behind.
        options.switch_role = true;
        let turned = role(&options).await;
        assert_eq!(turned.is_ok(), !["bare", "reader", "writer"].contains(&login), "{login}: {turned:?}");
        let found = finding(&report(&options, &db_options(&config)).await, "role");
        if let Err(error) = turned {
            let text = lekalo::db::advice::chain(error.as_ref());
            assert!(text.contains("permission denied to set role"), "{login}: {text}");
            let remedy = format!("as a superuser run: GRANT lekalo_app TO {p}_{login}");
            assert_eq!((found.ok, found.remedy), (false, remedy), "{login}");
        } else {
            assert_eq!(found.detail, "serves as lekalo_app, which owns nothing", "{login}");
        }
    }

    // The program refuses, too, and before it listens.
    let Host::Unix(folder) = &config.get_hosts()[0] else { panic!("the test cluster listens on a socket") };
    let host = folder.to_str().unwrap().replace('/', "%2F");
    for (login, problem) in [("bypass", "it has BYPASSRLS"), ("heir", owns), ("bare", may_not)] {
        let mut command = tokio::process::Command::new(LEKALO);
        command
            .args(["serve", "--no-migrate", "--addr", "127.0.0.1:0"])
            .env_clear()
            .current_dir("/")
            .kill_on_drop(true);
        command.env("DATABASE_URL", format!("postgres://{p}_{login}@{host}/{p}"));
        command.env("LEKALO_OWNER_DATABASE_URL", format!("postgres://postgres@{host}/{p}"));
        let output = tokio::time::timeout(std::time::Duration::from_secs(60), command.output()).await.unwrap().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(&format!("`{p}_{login}` must not serve: {problem}")), "{login}: {said}");
        assert!(!said.contains("listening"), "{login}: {said}");
        assert_eq!(output.status.code(), Some(2), "{login}");
    }
    roles.drop().await;
}

#[tokio::test]
async fn options_of_the_credentials_stay_beside_the_role() {
    let config = database().await;
    let mut options = db_options(&config);
    options.config.options("-c search_path=public,pg_temp -c work_mem=5MB");
    role(&options).await.unwrap();
    let db = lekalo::db::Db::new(&options).unwrap();
    let settings =
        "-- settings\nSELECT current_user::text, current_setting('work_mem'), current_setting('application_name')";
    let [rows] = db.read([lekalo::db::Query::new(settings)]).await.unwrap();
    let [current, work_mem, name] = [0, 1, 2].map(|at| rows[0].get::<_, &str>(at));
    assert_eq!((current, work_mem), ("lekalo_app", "5MB"));
    let host = nix::unistd::gethostname().unwrap().into_string().unwrap();
    assert_eq!(name, format!("lekalo@{host}"), "whose session it is");
    // The check connects as the pool will: what would fail there fails here.
    options.config.options("-c no_such_setting=1");
    let error = role(&options).await.unwrap_err();
    assert!(lekalo::db::advice::chain(error.as_ref()).contains("no_such_setting"), "{error:?}");
}

#[tokio::test]
async fn a_report_says_what_is_well_and_what_to_do_about_the_rest() {
    let config = database().await;
    let owner = connect(&config).await;
    let options = db_options(&config);
    let lines = |findings: Vec<Finding>| -> Vec<String> {
        let line = |found: Finding| format!("{} {}: {} → {}", found.ok, found.what, found.detail, found.remedy);
        findings.into_iter().map(line).collect()
    };
    let latest: i32 = owner.query_one("SELECT max(version) FROM refinery_schema_history", &[]).await.unwrap().get(0);
    let tables = "SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                  WHERE a.attname = 'tenant_id' AND c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace";
    let tables: i64 = owner.query_one(tables, &[]).await.unwrap().get(0);
    assert!(tables > 10);
    let well = lines(report(&options, &db_options(&config)).await);
    let part = |at: usize| well[at].as_str();
    assert_eq!(well.len(), 9, "{well:#?}");
    assert!(part(0).starts_with("true server: PostgreSQL ") && part(0).ends_with(" ms → "), "{well:#?}");
    assert!(part(1).starts_with("true letters: Cyrillic case is known (locale "), "{well:#?}");
    assert_eq!(part(2), format!("true schema: version {latest} → "));
    assert_eq!(part(3), "true role: serves as lekalo_app, which owns nothing → ");
    assert_eq!(part(4), "true readiness: takes writes, with every table and right → ");
    assert_eq!(part(5), "true pooler: none, or one in session mode → ");
    assert_eq!(part(6), format!("true row-level security: in force on {tables} tenant tables → "));
    assert!(part(7).starts_with("true API keys: none works yet"), "{well:#?}");
    assert!(part(8).starts_with("true pool: 4 connections + 4 in bursts; the server allows 197, "), "{well:#?}");

    // One thing wrong at a time, and put right again: that is told, and nothing else.
    let wrong = async |how: &str, options: &Options| {
        owner.batch_execute(how).await.unwrap();
        let mut told = lines(report(options, &db_options(&config)).await);
        told.retain(|line| line.starts_with("false"));
        told
    };
    let security = |table: &str| {
        format!(
            "false row-level security: not in force on {table} → ALTER TABLE … ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL \
             SECURITY; or `lekalo migrate up` on a fresh database"
        )
    };
    let prices = [security("prices")];
    assert_eq!(wrong("ALTER TABLE prices NO FORCE ROW LEVEL SECURITY", &options).await, prices);
    assert_eq!(
        wrong("ALTER TABLE prices FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY", &options).await,
        prices
    );
    let enabled = "ALTER TABLE prices ENABLE ROW LEVEL SECURITY; ALTER TABLE bot_texts DISABLE ROW LEVEL SECURITY";
    assert_eq!(wrong(enabled, &options).await, [security("bot_texts")]);
    let policy = "ALTER TABLE bot_texts ENABLE ROW LEVEL SECURITY; DROP POLICY tenant_isolation ON prices";
    assert_eq!(wrong(policy, &options).await, prices);
    let with_policy = "CREATE POLICY tenant_isolation ON prices USING (true); CREATE TABLE later (tenant_id bigint)";
    assert_eq!(wrong(with_policy, &options).await, [security("later")]);
    // Each connection that the pool may open is one that the server must allow.
    let all = Options { pool_size: 97, max_overflow: 100, ..options.clone() };
    assert!(wrong("DROP TABLE later", &all).await.is_empty());
    let one_more = Options { pool_size: 98, ..all };
    let told = wrong("SELECT 1", &one_more).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("false pool: 98 connections + 100 in bursts, but the server allows only 197, "),
        "{told:?}"
    );
    assert!(told[0].ends_with(" in use → lower DB_POOL_SIZE or DB_MAX_OVERFLOW, or raise max_connections"), "{told:?}");
    // A newer schema is a rollout, an older one is not fit; the role is not looked at then.
    let newer = format!(
        "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
         SELECT version + 1, 'later', applied_on, checksum FROM refinery_schema_history WHERE version = {latest}"
    );
    assert!(wrong(&newer, &options).await.is_empty());
    let schema = finding(&report(&options, &db_options(&config)).await, "schema");
    assert_eq!(schema.detail, format!("version {}, newer than this program's {latest}, as in a rollout", latest + 1));
    let older = format!("DELETE FROM refinery_schema_history WHERE version >= {latest}");
    let told = wrong(&older, &options).await;
    let behind = format!("false schema: version {}, this program needs {latest} → run `lekalo migrate up`", latest - 1);
    assert_eq!(told, [behind]);
    assert_eq!(report(&options, &db_options(&config)).await.len(), 4);

    // Names would be found only as they are written.
    let mut plain = config.clone();
    plain.dbname(format!("{}_c", config.get_dbname().unwrap()));
    let create = format!("CREATE DATABASE {} TEMPLATE template0 LC_CTYPE 'C'", plain.get_dbname().unwrap());
    owner.batch_execute(&create).await.unwrap();
    let letters =
        finding(&report(&Options { config: plain.clone(), ..options.clone() }, &db_options(&plain)).await, "letters");
    assert!(!letters.ok && letters.detail.contains("Cyrillic case is unknown with the locale C"), "{letters:?}");
    assert!(letters.remedy.contains("LC_CTYPE 'C.UTF-8'"), "{letters:?}");

    // Out of reach, that is all there is to say.
    let mut away = config.clone();
    away.dbname("no_such_database");
    let options = Options { config: away.clone(), tls: tls::Mode::Prefer.into(), ..options };
    let told = lines(report(&options, &db_options(&away)).await);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("false server: the database `no_such_database` does not exist on "), "{told:?}");
    assert!(
        told[0].ends_with(" → create it (`createdb no_such_database`) or correct DB_NAME / DATABASE_URL"),
        "{told:?}"
    );
}
