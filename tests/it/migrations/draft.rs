//! Migrations drafted from a schema, for kinds of objects that the shipped ones have none of: what becomes of rows.

use std::path::PathBuf;

use lekalo::db::migrations;
use lekalo_migrate::draft::{self, Draft, NotASchema, Pair};
use lekalo_migrate::scratch::Scratch;

use crate::support::npx;

const SCHEMA: &str = include_str!("../../../migrations/schema.sql");

const ZOO: &str = "
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE SEQUENCE ticket_no START 100;
CREATE TABLE pets (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    ticket bigint DEFAULT nextval('ticket_no'),
    mood mood NOT NULL DEFAULT 'ok'
);
GRANT SELECT ON pets TO lekalo_app;
GRANT UPDATE (name) ON pets TO lekalo_app;
CREATE TABLE visits (day date NOT NULL, pet text) PARTITION BY RANGE (day);
CREATE TABLE visits_2026 PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
";

fn pg_bin() -> Option<PathBuf> {
    std::env::var_os("LEKALO_PG_BIN").map(PathBuf::from)
}

/// Drafts and tries the way from the zoo to an edited one, with whatever looks renamed renamed.
async fn drafted(edits: &[(&str, &str)]) -> (Pair, Vec<String>) {
    let next = migrations::shipped().latest() + 1;
    let back = "DROP TABLE pets, visits; DROP TYPE mood; DROP SEQUENCE ticket_no";
    let migrations = migrations::shipped().and(&format!("V{next}__zoo"), ZOO, back).unwrap();
    let zoo = edits.iter().fold(ZOO.to_owned(), |zoo, (from, to)| {
        assert!(zoo.contains(from), "{from}");
        zoo.replace(from, to)
    });
    let mut draft = Draft::new(pg_bin(), migrations, &format!("{SCHEMA}{zoo}")).await.unwrap();
    let columns = draft.possible_columns(&[]);
    let mut pair = draft.pair(&[], &columns).await.unwrap();
    let faults = draft.try_out(&mut pair).await.unwrap();
    draft.close().await.unwrap();
    (pair, faults)
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn kinds_that_lose_something_on_the_way_say_so_or_do_not_lose_it() {
    if !npx() {
        return;
    }
    let (pair, faults) = drafted(&[
        ("'happy')", "'happy', 'elated')"),
        ("ticket_no", "ticket_number"),
        ("GRANT SELECT ON pets", "GRANT SELECT, INSERT ON pets"),
        ("id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "id bigserial PRIMARY KEY"),
        ("pet text", "animal text"),
        ("name text NOT NULL", "name varchar(3) NOT NULL UNIQUE"),
        ("GRANT SELECT, INSERT ON pets TO lekalo_app", "GRANT SELECT, INSERT ON pets TO PUBLIC, lekalo_app"),
        ("CREATE TYPE", "CREATE SCHEMA crm; CREATE TABLE crm.calls (id int); ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO lekalo_app;\nCREATE TYPE"),
    ])
    .await;
    assert_eq!(faults, [""; 0], "{}\n---\n{}", pair.up, pair.down);
    let Pair { up, down, warnings, .. } = pair;
    for part in [
        "ALTER SEQUENCE ticket_no RENAME TO ticket_number;",
        "ADD VALUE 'elated'",
        "ALTER TABLE visits RENAME COLUMN pet TO animal;",
        "CREATE SCHEMA \"crm\";",
    ] {
        assert!(up.contains(part), "{part} is not in {up}");
    }
    assert!(!up.contains("scratch_owner") && !up.contains("postgres"), "{up}");
    assert!(down.contains("ALTER SEQUENCE ticket_number RENAME TO ticket_no;"), "{down}");
    for warning in [
        "afterwards, grant SELECT on table pets to PUBLIC",
        "the migration turns what is in pets.name from text into character varying(3): a value that does not fit is cut, or \
         it fails",
        "the migration makes unique constraint pets_name_key on pets: it fails where rows violate it",
        "the migration forgets where the sequence of column pets.id stood: see that nothing is numbered twice",
        "the way back forgets where the sequence of column pets.id stood: see that nothing is numbered twice",
    ] {
        assert!(warnings.iter().any(|it| it == warning), "{warning} is not in {warnings:#?}");
    }
}

#[tokio::test]
async fn what_is_no_schema_is_refused_with_its_line() {
    let mut scratch =
        Scratch::embedded(pg_bin(), migrations::PROGRAM).await.unwrap().with_plain_owner("plain_owner").await.unwrap();
    for (schema, expected) in [
        ("", "there is no table in it"),
        (
            "\u{feff}CREATE TABLE a (id int);\n\n-- why\nCREATE TABLE b (\n    id nothing\n);",
            "line 5: type \"nothing\" does not exist",
        ),
        ("CREATE TABLE a (id int);\n-- why\nDROP TABLE b;", "line 3: table \"b\" does not exist"),
        ("CREATE TABLE a (id int);\nSELECT 'open", "Unterminated"),
        ("CREATE TABLE a (id int); CREATE ROLE draft_reader;", "it makes the role draft_reader"),
    ] {
        let error = draft::as_wanted(&mut scratch, schema).await.err().unwrap();
        assert!(error.is::<NotASchema>() && error.to_string().contains(expected), "{schema}: {error:?}");
    }
    scratch.close().await.unwrap();
}
