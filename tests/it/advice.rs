//! What an operator is told of a failure of PostgreSQL: what is wrong, what to do, and no values.

use lekalo::db::advice::{advise, chain};
use tokio_postgres::Config;

use crate::support::{connect, empty_database};

#[tokio::test]
async fn each_failure_has_its_remedy_and_no_values() {
    let client = connect(&empty_database().await).await;
    let function = "CREATE FUNCTION raise(state text, message text) RETURNS void LANGUAGE plpgsql AS $$
                    BEGIN RAISE EXCEPTION '%', message USING ERRCODE = state, DETAIL = E'canary\\nof a row'; END $$";
    client.batch_execute(function).await.unwrap();
    let config: Config = "host=db.example port=6432 user=login dbname=shop".parse().unwrap();
    let generic = "run `lekalo check` for a full report";
    let migrate = "its schema is older than this program: run `lekalo migrate current` to see its version, then `lekalo \
                   migrate up`";
    let own_role = "give the service a role of its own in DATABASE_URL (CREATE ROLE bot LOGIN PASSWORD '…' IN ROLE \
                    lekalo_app) and LEKALO_SWITCH_ROLE=never; what migrates goes past the pooler \
                    (LEKALO_OWNER_DATABASE_URL)";
    let read_only = "end default_transaction_read_only (of the database or the role), or go to the primary server";
    let locks = "let it end, or look for it: SELECT pid, application_name, query FROM pg_stat_activity WHERE state <> \
                 'idle' ORDER BY xact_start";
    let schema = "as the owner run: GRANT USAGE, CREATE ON SCHEMA public TO bot; or, where that role only serves, give the \
                  one that migrates in LEKALO_OWNER_DATABASE_URL";
    let history = "as the owner run: GRANT SELECT ON refinery_schema_history TO bot; or, to migrate, give the owner in \
                   LEKALO_OWNER_DATABASE_URL";
    for (state, message, problem, remedy) in [
        ("42P01", "no relation x", "the database `shop` lacks a table: no relation x", migrate),
        ("3F000", "no schema x", "the database `shop` lacks a table: no schema x", migrate),
        (
            "42501",
            "permission denied for table prices",
            "permission denied: the role `bot` may not use table prices",
            "as the owner run: GRANT SELECT, INSERT, UPDATE, DELETE ON prices TO bot",
        ),
        (
            "42501",
            "permission denied for table refinery_schema_history",
            "permission denied: the role `bot` may not use table refinery_schema_history",
            history,
        ),
        (
            "42501",
            "permission denied for sequence s",
            "permission denied: the role `bot` may not use sequence s",
            "as the owner run: GRANT USAGE ON SEQUENCE s TO bot",
        ),
        (
            "42501",
            "permission denied for schema public",
            "permission denied: the role `bot` may not use schema public",
            schema,
        ),
        (
            "42501",
            "permission denied for database shop",
            "permission denied: the role `bot` may not use database shop",
            "as the owner run: GRANT CONNECT, CREATE, TEMPORARY ON DATABASE shop TO bot",
        ),
        (
            "42501",
            "permission denied for function f",
            "permission denied: the role `bot` may not use function f",
            "as the owner run: GRANT the privilege to bot",
        ),
        (
            "42501",
            "permission denied to set role \"lekalo_app\"",
            "permission denied: the role `login` is refused: permission denied to set role \"lekalo_app\"",
            "as a superuser run: GRANT lekalo_app TO login",
        ),
        (
            "42501",
            "permission denied to create extension \"x\"",
            "permission denied: the role `login` is refused: permission denied to create extension \"x\"",
            "as the database's owner run: GRANT CREATE ON DATABASE shop TO login; or as a superuser create it",
        ),
        (
            "42501",
            "permission denied to create role",
            "permission denied: the role `login` is refused: permission denied to create role",
            "as a superuser run: CREATE ROLE lekalo_app NOLOGIN",
        ),
        (
            "42501",
            "must be owner of table x",
            "permission denied: the role `login` is refused: must be owner of table x",
            "do it as its owner (LEKALO_OWNER_DATABASE_URL) or as a superuser",
        ),
        (
            "42501",
            "no way",
            "permission denied: the role `login` is refused: no way",
            "do it as a role that may, or as a superuser",
        ),
        (
            "3D000",
            "no database",
            "the database `shop` does not exist on db.example:6432",
            "create it (`createdb shop`) or correct DB_NAME / DATABASE_URL",
        ),
        (
            "28P01",
            "wrong password",
            "the server refused the role `login`: wrong password",
            "correct DB_USER and DB_PASSWORD, or DATABASE_URL",
        ),
        (
            "28000",
            "no entry",
            "the server refused the role `login`: no entry",
            "correct DB_USER and DB_PASSWORD, or DATABASE_URL",
        ),
        ("25006", "only read", "the database `shop` takes no writes just now: only read", read_only),
        ("55P03", "a lock", "somebody holds a lock in `shop` for too long: a lock", locks),
        (
            "08P01",
            "unsupported startup parameter: options",
            "the pooler at db.example:6432 does not let `login` switch its role: unsupported startup parameter: options",
            own_role,
        ),
        ("08P01", "other words", "PostgreSQL answered 08P01: other words", generic),
        ("22001", "too long: canary", "PostgreSQL answered 22001: a value was refused (22001)", generic),
        ("22P02", "wrong: canary", "PostgreSQL answered 22P02: a value was refused (22P02)", generic),
        ("53100", "the disk is full", "PostgreSQL answered 53100: the disk is full", generic),
    ] {
        let error = client.execute("SELECT raise($1, $2)", &[&state, &message]).await.unwrap_err();
        let advice = advise(&error, &config, "bot").unwrap();
        assert_eq!((advice.problem.as_str(), advice.remedy.as_str()), (problem, remedy), "{state} {message}");
        let told = chain(&error);
        assert!(told.starts_with("db error: ERROR: ") && !told.contains("canary"), "{told}");
    }
    // What depends on what is no row, and worth telling.
    let error = client.execute("SELECT raise('2BP01', 'it is needed')", &[]).await.unwrap_err();
    assert_eq!(chain(&error), "db error: ERROR: it is needed: canary; of a row");
    // Another kind of failure has no advice; one that hides a failure of PostgreSQL has its advice.
    assert_eq!(advise(&std::fmt::Error, &config, "bot"), None);
    let wrapped = anyhow::Error::from(error).context("while it was tried");
    assert!(advise(wrapped.as_ref(), &config, "bot").is_some_and(|advice| advice.problem.contains("2BP01")));
    assert_eq!(chain(wrapped.as_ref()), "while it was tried: db error: ERROR: it is needed: canary; of a row");
}

#[tokio::test]
async fn a_server_out_of_reach_is_told_with_its_place() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let socket = format!("{}/.s.PGSQL.7777", folder.path().display());
    let mut tcp = Config::new();
    tcp.host("127.0.0.1").port(free).user("bot");
    let mut unix = Config::new();
    unix.host_path(folder.path()).port(7777).user("bot");
    for (config, place, why) in
        [(tcp, format!("127.0.0.1:{free}"), "nothing listens there"), (unix, socket, "there is no such socket")]
    {
        let error = config.connect(tokio_postgres::NoTls).await.err().unwrap();
        let advice = advise(&error, &config, "bot").unwrap();
        assert_eq!(advice.problem, format!("the PostgreSQL server is not reachable at {place}: {why}"));
        let remedy =
            "start it, correct DB_HOST and DB_PORT (or DATABASE_URL), or use `--embedded` for a private server";
        assert_eq!(advice.remedy, remedy);
    }
}
