//! The schema's guards, word for word: a policy that lets more by, a right too many, a check, a key, a default or a
//! NOT NULL that is gone shows here, also where the migration and schema.sql lost it both.
//!
//! Whoever changes one on purpose runs this test with `LEKALO_TEST_WRITE=1`, which writes the file anew, and reads the
//! difference: every line of it is something that the database promises.

use std::collections::BTreeSet;
use std::path::Path;

use tokio_postgres::Client;

use crate::support::{connect, database};

const FILE: &str = "tests/fixtures/guards.txt";

/// What holds rows together and apart. Each statement gives lines that say all about one guard.
const GUARDS: [&str; 8] = [
    "SELECT format('policy %s.%s %s %s to %s using %s with check %s', tablename, policyname, permissive, cmd,
                   array_to_string(roles, ','), coalesce(qual, '-'), coalesce(with_check, '-'))
     FROM pg_policies WHERE schemaname = 'public'",
    "SELECT format('table %s row security %s forced %s', relname, relrowsecurity, relforcerowsecurity)
     FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')",
    // Whatever is granted to anybody but the owner, on relations and on single columns.
    "SELECT format('grant on %s %s to %s: %s', CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, c.relname,
                   coalesce(r.rolname, 'public'),
                   string_agg(a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END, ' '
                              ORDER BY a.privilege_type))
     FROM pg_class c
     CROSS JOIN LATERAL aclexplode(c.relacl) a
     LEFT JOIN pg_roles r ON r.oid = a.grantee
     WHERE c.relnamespace = 'public'::regnamespace AND a.grantee <> c.relowner
     GROUP BY c.relkind, c.relname, r.rolname",
    "SELECT format('grant on column %s.%s to %s: %s', t.attrelid::regclass, t.attname, coalesce(r.rolname, 'public'),
                   a.privilege_type)
     FROM pg_attribute t
     CROSS JOIN LATERAL aclexplode(t.attacl) a
     LEFT JOIN pg_roles r ON r.oid = a.grantee
     JOIN pg_class c ON c.oid = t.attrelid AND c.relnamespace = 'public'::regnamespace",
    "SELECT format('grant on schema public to %s: %s', coalesce(r.rolname, 'public'), a.privilege_type)
     FROM pg_namespace n
     CROSS JOIN LATERAL aclexplode(n.nspacl) a
     LEFT JOIN pg_roles r ON r.oid = a.grantee
     WHERE n.nspname = 'public' AND a.grantee <> n.nspowner",
    "SELECT format('constraint %s.%s %s%s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid),
                   CASE WHEN c.convalidated THEN '' ELSE ' (not validated)' END)
     FROM pg_constraint c
     WHERE c.connamespace = 'public'::regnamespace AND c.contype IN ('p', 'u', 'x', 'c', 'f')",
    "SELECT format('column %s.%s %s%s default %s', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod),
                   CASE WHEN a.attnotnull THEN ' not null' ELSE '' END, coalesce(pg_get_expr(d.adbin, d.adrelid), '-'))
     FROM pg_attribute a
     JOIN pg_class c ON c.oid = a.attrelid AND c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attnum > 0 AND NOT a.attisdropped",
    "SELECT format('index %s', indexdef) FROM pg_indexes WHERE schemaname = 'public'",
];

/// The guards of a database, sorted. refinery's own table is none of ours.
async fn guards(client: &Client) -> BTreeSet<String> {
    let mut guards = BTreeSet::new();
    for sql in GUARDS {
        let rows = client.query(sql, &[]).await.unwrap();
        let lines = rows.iter().map(|row| row.get::<_, String>(0).split_whitespace().collect::<Vec<_>>().join(" "));
        guards.extend(lines.filter(|line| !line.contains("refinery_schema_history")));
    }
    guards
}

#[tokio::test]
async fn every_guard_of_the_schema_is_as_written_down() {
    let client = connect(&database().await).await;
    let found = guards(&client).await;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("LEKALO_TEST_WRITE").is_some() {
        std::fs::write(&file, found.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    }
    let expected: BTreeSet<String> = std::fs::read_to_string(&file).unwrap().lines().map(str::to_owned).collect();
    assert!(expected.len() > 300, "{} lines", expected.len());
    let gone: Vec<_> = expected.difference(&found).collect();
    let new: Vec<_> = found.difference(&expected).collect();
    assert!(gone.is_empty() && new.is_empty(), "no longer so: {gone:#?}\nnew: {new:#?}\nif on purpose, see {FILE}");
}
