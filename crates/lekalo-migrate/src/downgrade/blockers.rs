//! What stands in the way of a down migration in a database and in no other: views and foreign keys that somebody made on what
//! goes, extensions that are somebody else's.

use std::collections::BTreeSet;

use tokio_postgres::{Client, Row};

use super::dry_run::Gone;

/// The views and foreign keys that the migrations make: their down migrations know of them.
pub(super) struct Known(BTreeSet<String>);

impl Known {
    /// What a database has that nobody but the migrations made.
    pub(super) async fn read(migrated: &Client) -> Result<Self, tokio_postgres::Error> {
        let sql = "-- known_dependents
            SELECT 'view ' || oid::regclass::text AS name FROM pg_class WHERE relkind IN ('v', 'm')
            UNION ALL
            SELECT format('foreign key %I of %s', conname, conrelid::regclass) FROM pg_constraint WHERE contype = 'f'";
        Ok(Self(migrated.query(sql, &[]).await?.iter().map(|row| row.get("name")).collect()))
    }
}

/// What keeps a step from taking away what it takes away, in words; `dropped`: the tables that go with it or before it.
pub(super) async fn find(
    client: &Client,
    known: &Known,
    gone: &Gone,
    dropped: &[String],
) -> Result<Vec<String>, tokio_postgres::Error> {
    let mut blockers = BTreeSet::new();
    let whole = gone.tables.iter().map(|table| (table, None));
    let columns = gone.columns.iter().map(|(table, column)| (table, Some(column)));
    let types = gone.types.iter().map(|retyped| (&retyped.table, Some(&retyped.column)));
    for (table, column) in whole.chain(columns).chain(types) {
        for row in client.query(DEPENDENTS, &[table, &column, &dropped]).await? {
            let name: String = row.get("name");
            let what = column.map_or_else(|| table.clone(), |column| format!("{table}.{column}"));
            if !known.0.contains(&name) {
                blockers.insert(format!("{name} depends on {what}"));
            }
        }
    }
    let foreign = |row: &Row| format!("extension {} belongs to {}", row.get::<_, &str>(0), row.get::<_, &str>(1));
    let extensions: Vec<&str> = gone.extensions.iter().map(String::as_str).collect();
    blockers.extend(client.query(FOREIGN_EXTENSIONS, &[&extensions]).await?.iter().map(foreign));
    Ok(blockers.into_iter().collect())
}

/// Views whose query, and foreign keys whose reference, needs the table `$1` or its column `$2`; but for the tables `$3`.
const DEPENDENTS: &str = "-- dependents
    SELECT DISTINCT 'view ' || v.oid::regclass::text AS name
    FROM pg_depend d
    JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
    JOIN pg_class v ON v.oid = w.ev_class AND v.relkind IN ('v', 'm')
    LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = to_regclass($1::text) AND v.oid <> d.refobjid
        AND ($2::text IS NULL OR quote_ident(a.attname) = $2)
    UNION
    SELECT format('foreign key %I of %s', c.conname, c.conrelid::regclass)
    FROM pg_constraint c
    WHERE c.contype = 'f' AND c.confrelid = to_regclass($1::text) AND c.conrelid <> c.confrelid
        AND c.conrelid::regclass::text <> ALL ($3::text[])
        AND ($2::text IS NULL OR EXISTS (
            SELECT FROM pg_attribute a
            WHERE a.attrelid = c.confrelid AND a.attnum = ANY (c.confkey) AND quote_ident(a.attname) = $2))";

const FOREIGN_EXTENSIONS: &str = "-- foreign_extensions
    SELECT quote_ident(e.extname), quote_ident(o.rolname)
    FROM pg_extension e JOIN pg_roles o ON o.oid = e.extowner
    WHERE quote_ident(e.extname) = ANY ($1::text[]) AND NOT pg_has_role(e.extowner, 'USAGE')";
