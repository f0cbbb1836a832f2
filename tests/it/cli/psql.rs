//! `lekalo psql` leads to the configured database and nowhere else, and gets none of our settings: seen by a program that goes by psql's name.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use super::Shell;

/// Tells what it was given, and ends as it is told to.
const FAKE: &str = "#!/bin/sh
env | grep -E '^(PG|DATABASE_URL|DB_|LEKALO_)'
for arg in \"$@\"; do echo \"ARG=$arg\"; done
exit ${FAKE_EXIT:-0}
";

fn shell() -> Shell {
    let shell = Shell::new();
    let program = shell.path().join("psql");
    std::fs::write(&program, FAKE).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", shell.path().display(), std::env::var("PATH").unwrap());
    shell.with("PATH", &path)
}

#[tokio::test]
async fn psql_gets_the_owners_way_to_the_database() {
    let bot = "postgres://bot:s%40cret@db.example:6543/shop";
    let owner = "postgres://owner:other@db2.example:7654/shop2";
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [(&'a str, &'a str)]);
    let cases: [Case<'_>; 6] = [
        (
            &[("DATABASE_URL", bot)],
            &[
                ("PGDATABASE", "shop"),
                ("PGHOST", "db.example"),
                ("PGPASSWORD", "s@cret"),
                ("PGPORT", "6543"),
                ("PGSSLMODE", "prefer"),
                ("PGUSER", "bot"),
            ],
        ),
        (
            &[("DATABASE_URL", bot), ("LEKALO_OWNER_DATABASE_URL", owner), ("DB_SSLMODE", "require")],
            &[
                ("PGDATABASE", "shop2"),
                ("PGHOST", "db2.example"),
                ("PGPASSWORD", "other"),
                ("PGPORT", "7654"),
                ("PGSSLMODE", "require"),
                ("PGUSER", "owner"),
            ],
        ),
        (
            &[("DB_HOST", "/run/sockets"), ("DB_SSLMODE", "disable")],
            &[
                ("PGDATABASE", "car_chatbot"),
                ("PGHOST", "/run/sockets"),
                ("PGPORT", "5432"),
                ("PGSSLMODE", "disable"),
                ("PGUSER", "postgres"),
            ],
        ),
        // The owner's way to encrypt is its own.
        (
            &[
                ("DATABASE_URL", "postgres://bot@db.example/shop?sslmode=require"),
                (
                    "LEKALO_OWNER_DATABASE_URL",
                    "host=db2 user=owner dbname=shop sslmode=verify-ca sslrootcert=/ca.pem sslcrl=/crl.pem sslcert=/me.pem \
                     sslkey=/me.key ssl_min_protocol_version=TLSv1.3 sslsni=0 channel_binding=require \
                     sslnegotiation=direct options='-c a=b'",
                ),
            ],
            &[
                ("PGCHANNELBINDING", "require"),
                ("PGDATABASE", "shop"),
                ("PGHOST", "db2"),
                ("PGOPTIONS", "-c a=b"),
                ("PGPORT", "5432"),
                ("PGSSLCERT", "/me.pem"),
                ("PGSSLCRL", "/crl.pem"),
                ("PGSSLKEY", "/me.key"),
                ("PGSSLMINPROTOCOLVERSION", "TLSv1.3"),
                ("PGSSLMODE", "verify-ca"),
                ("PGSSLNEGOTIATION", "direct"),
                ("PGSSLROOTCERT", "/ca.pem"),
                ("PGSSLSNI", "0"),
                ("PGUSER", "owner"),
            ],
        ),
        // What the user's own psql is led by.
        (
            &[
                ("DATABASE_URL", bot),
                ("PGSERVICE", "other"),
                ("PGHOSTADDR", "10.0.0.1"),
                ("PGHOST", "x"),
                ("PGUSER", "y"),
            ],
            &[
                ("PGDATABASE", "shop"),
                ("PGHOST", "db.example"),
                ("PGPASSWORD", "s@cret"),
                ("PGPORT", "6543"),
                ("PGSSLMODE", "prefer"),
                ("PGUSER", "bot"),
            ],
        ),
        (
            &[("DB_SSLMODE", "verify-full"), ("PGSSLROOTCERT", "mine.crt")],
            &[
                ("PGDATABASE", "car_chatbot"),
                ("PGHOST", "localhost"),
                ("PGPORT", "5432"),
                ("PGSSLMODE", "verify-full"),
                ("PGSSLROOTCERT", "mine.crt"),
                ("PGUSER", "postgres"),
            ],
        ),
    ];
    for (variables, expected) in cases {
        let shell = variables.iter().fold(shell(), |shell, (name, value)| shell.with(name, value));
        let ran = shell.run(&["psql", "--", "-c", "SELECT 1"]).await.done();
        let told: BTreeMap<&str, &str> = ran.stdout.lines().filter_map(|line| line.split_once('=')).collect();
        let settings: Vec<(&str, &str)> =
            told.iter().filter(|(name, _)| !name.starts_with("ARG")).map(|(name, value)| (*name, *value)).collect();
        assert_eq!(settings, expected, "{variables:?}");
        assert!(ran.stdout.ends_with("ARG=-c\nARG=SELECT 1\n"), "{ran:#?}");
    }
}

#[tokio::test]
async fn psql_ends_as_psql_does() {
    let ran = shell().with("FAKE_EXIT", "3").run(&["psql"]).await;
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    let nowhere = Shell::new().with("PATH", "/nowhere");
    nowhere.run(&["psql"]).await.failed(1, &["psql could not be started", "hint: ", "postgresql-client"]);
}
