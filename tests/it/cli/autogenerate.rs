//! `lekalo migrate new`: by hand, and drafted from what was changed in `schema.sql`.

use std::fs;
use std::path::{Path, PathBuf};

use super::Shell;
use crate::support::{is_long, npx};

/// What somebody might want next: beside these, what is appended.
const EDITS: [(&str, &str); 6] = [
    ("    notes       text        NOT NULL DEFAULT '',", "    remarks     text        NOT NULL DEFAULT '',"),
    ("seat_rows, trunk, notes)", "seat_rows, trunk, remarks)"),
    ("ON COLUMN patterns.notes", "ON COLUMN patterns.remarks"),
    ("'with', 'without', 'medium', 'high')", "'with', 'without', 'medium', 'high', 'low')"),
    ("DEFAULT 'Asia/Bishkek'", "DEFAULT 'Asia/Almaty'"),
    (
        "directory_lookup ON tenant_channels FOR SELECT USING",
        "directory_lookup ON tenant_channels FOR SELECT TO lekalo_app USING",
    ),
];

const APPENDED: &str = "
CREATE TYPE colour AS ENUM ('black', 'grey');
CREATE TABLE samples (
    tenant_id bigint    NOT NULL REFERENCES tenants (id),
    id        bigserial NOT NULL,
    colour    colour    NOT NULL DEFAULT 'black',
    label     text      CHECK (label <> ''),
    held      daterange NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE NULLS NOT DISTINCT (tenant_id, colour, label),
    EXCLUDE USING gist (tenant_id WITH =, held WITH &&)
);
COMMENT ON TABLE samples IS 'Pieces to look at; a shop''s own.';
CREATE INDEX samples_by_label ON samples (tenant_id, label text_pattern_ops) WHERE label IS NOT NULL;
ALTER TABLE samples ENABLE ROW LEVEL SECURITY;
ALTER TABLE samples FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON samples
    USING (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint);
GRANT SELECT, INSERT ON samples TO lekalo_app;
GRANT USAGE ON samples_id_seq TO lekalo_app;
CREATE VIEW black_samples AS SELECT tenant_id, id FROM samples WHERE colour = 'black';
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.updated_at := now(); RETURN NEW; END';
CREATE TRIGGER stamped BEFORE UPDATE ON tenants FOR EACH ROW EXECUTE FUNCTION stamp();
";

/// A folder with the project's migrations.
fn checkout() -> Shell {
    let shell = Shell::new();
    let (from, to) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations"), shell.path().join("migrations"));
    fs::create_dir(&to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    shell
}

fn files(shell: &Shell) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(shell.path().join("migrations")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[tokio::test]
async fn the_next_migration_is_a_pair_of_files_with_the_next_number() {
    let shell = checkout();
    let next = lekalo::db::migrations::shipped().latest() + 1;
    let ran = shell.run(&["migrate", "new", "Colours of patterns"]).await.done();
    let stem = format!("migrations/V{next}__colours_of_patterns");
    assert_eq!(ran.stdout, format!("{stem}.sql\n{stem}.down.sql\n"));
    let text = |file: &str| fs::read_to_string(shell.path().join(file)).unwrap();
    assert_eq!(text(&format!("{stem}.sql")), "-- Colours of patterns\n");
    assert_eq!(text(&format!("{stem}.down.sql")), format!("-- Undoes V{next}: Colours of patterns\n"));

    for message in ["цвета", "12", ""] {
        shell.run(&["migrate", "new", message]).await.failed(1, &["migration's name", "hint: say"]);
    }
    fs::remove_file(shell.path().join("migrations/V3__api_keys.sql")).unwrap();
    shell.run(&["migrate", "new", "gap"]).await.failed(1, &["version 3 is left out"]);
    Shell::new().run(&["migrate", "new", "nowhere"]).await.failed(1, &["no folder `migrations`"]);
}

#[tokio::test]
async fn without_node_autogenerate_says_what_to_install() {
    let path = std::env::var_os("PATH").unwrap();
    let without = std::env::split_paths(&path).filter(|folder| !folder.join("npx").exists());
    let without = std::env::join_paths(without).unwrap().into_string().unwrap();
    let shell = checkout().with("PATH", &without);
    let before = files(&shell);
    shell.run(&["migrate", "new", "x", "--autogenerate"]).await.failed(1, &["`npx` is not there", "install Node.js"]);
    assert_eq!(files(&shell), before);
}

/// Tells what it sees, and fails.
const FAKE_NPX: &str = "#!/bin/sh
env > \"$HOME/seen\"
exit 1
";

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn npx_sees_the_users_environment_without_our_settings() {
    let shell = checkout();
    for program in ["node", "npx"] {
        let path = shell.path().join(program);
        fs::write(&path, FAKE_NPX).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let schema = shell.path().join("migrations/schema.sql");
    fs::write(&schema, fs::read_to_string(&schema).unwrap() + APPENDED).unwrap();
    let (home, path) = (shell.path().to_str().unwrap().to_owned(), std::env::var("PATH").unwrap());
    let kept =
        [("HOME", home.as_str()), ("LANG", "C.UTF-8"), ("https_proxy", "http://p:1"), ("npm_config_registry", "r")];
    let hidden = [
        ("DB_PASSWORD", "canary"),
        ("LEKALO_OWNER_DATABASE_URL", "postgres://o:canary@h/d"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=canary"),
        ("PGPASSWORD", "canary"),
    ];
    let shell = kept.iter().chain(&hidden).fold(shell, |shell, (name, value)| shell.with(name, value));
    let shell = shell.with("PATH", &format!("{home}:{path}"));
    shell.run(&["migrate", "new", "x", "--autogenerate"]).await.failed(1, &["nothing was written"]);
    let seen = fs::read_to_string(shell.path().join("seen")).unwrap();
    for (name, value) in kept {
        assert!(seen.lines().any(|line| line == format!("{name}={value}")), "{name}");
    }
    assert!(seen.contains("FROM_URL=") && !seen.contains("canary"), "{seen}");
    assert!(!seen.lines().any(|line| line.starts_with("DB_") || line.starts_with("LEKALO_")), "{seen}");
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn what_was_changed_in_schema_sql_becomes_a_migration_and_its_way_back() {
    if !npx() {
        return;
    }
    let shell = checkout();
    let schema = shell.path().join("migrations/schema.sql");
    let mut text = fs::read_to_string(&schema).unwrap();
    let before = files(&shell);
    if is_long() {
        let ran = shell.run(&["migrate", "new", "none", "--autogenerate"]).await.done();
        ran.with_stderr(&["no difference", "nothing was written"]);
    }
    for (from, to) in EDITS {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    fs::write(&schema, text + APPENDED).unwrap();
    // Nobody is there to be asked whether the column is renamed.
    let new = ["migrate", "new", "samples", "--autogenerate"];
    shell.run(&new).await.failed(
        1,
        &[
            "patterns.notes is gone and there is remarks now",
            "--rename patterns.notes:remarks",
            "--drop patterns.notes",
        ],
    );
    assert_eq!(files(&shell), before);

    let ran = shell.run(&[&new[..], &["--rename", "patterns.notes:remarks"]].concat()).await.done();
    // It has tried both ways on a scratch database itself.
    let ran = ran.with_stderr(&["leads to migrations/schema.sql, and the way back to where it began"]);
    assert!(!ran.stderr.contains("may be lost"), "{ran:#?}");
    let written: Vec<String> =
        ran.stdout.lines().map(|file| fs::read_to_string(shell.path().join(file)).unwrap()).collect();
    let [up, down] = &written[..] else { panic!("{ran:#?}") };
    for (script, header) in [(up, "-- samples\n"), (down, "-- Undoes V")] {
        assert!(script.starts_with(header) && script.ends_with(";\n"), "{script}");
        assert!(!script.contains("OWNER TO") && !script.contains("refinery"), "{script}");
    }
    assert!(up.contains("RENAME COLUMN notes TO remarks") && !up.contains("DROP COLUMN"), "{up}");
    assert!(down.contains("RENAME COLUMN remarks TO notes"), "{down}");

    shell.run(&new).await.failed(1, &["built from other migrations", "cargo build"]);
}

/// Runs the command and gives what it wrote.
fn written(shell: &Shell, stdout: &str) -> [String; 2] {
    let mut files = stdout.lines().map(|file| fs::read_to_string(shell.path().join(file)).unwrap());
    [files.next().unwrap(), files.next().unwrap()]
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn what_may_only_be_called_otherwise_is_asked_about_and_keeps_what_it_holds() {
    if !npx() {
        return;
    }
    let shell = checkout();
    let schema = shell.path().join("migrations/schema.sql");
    let text = fs::read_to_string(&schema).unwrap();
    let (from, to) = ("time_zone        text        NOT NULL", "zone             varchar(40) NOT NULL");
    assert!(text.contains(from) && text.contains("CREATE TABLE customers"));
    fs::write(&schema, text.replace("customers", "clients").replace(from, to)).unwrap();

    let new = ["migrate", "new", "other names", "--autogenerate"];
    let run = async |flags: &[&str]| shell.run(&[&new[..], flags].concat()).await;
    let before = files(&shell);
    let table = ["--rename", "customers:clients"];
    let asked = ["tenants.time_zone is gone", "from text to character varying(40)", "--drop tenants.time_zone"];
    run(&table).await.failed(1, &asked);
    let column = ["--rename", "tenants.time_zone:zone"];
    if is_long() {
        let flags = [&table[..], &column[..], &["--rename", "tenants.slug:zone"]].concat();
        run(&flags).await.failed(1, &["`--rename tenants.slug:zone` is no renaming", "nothing was written"]);
        let flags = ["--drop", "customers.phone", "--drop", "tenants.slug"]; // the first table goes by that name
        run(&flags).await.failed(1, &["`--drop tenants.slug`: that does not go", "nothing was written"]);
    }
    assert_eq!(files(&shell), before);

    let ran = run(&[&table[..], &column[..]].concat()).await.done().with_stderr(&[
        "warning: the migration turns what is in tenants.zone from text into character varying(40)",
        "the way back to where it began",
    ]);
    let [up, down] = written(&shell, &ran.stdout);
    for part in [
        "ALTER TABLE customers RENAME TO clients;",
        "ALTER SEQUENCE customers_id_seq RENAME TO clients_id_seq;",
        "ALTER TABLE clients RENAME CONSTRAINT customers_pkey TO clients_pkey;",
        "ALTER TABLE tenants RENAME COLUMN time_zone TO zone;",
    ] {
        assert!(up.contains(part), "{part} is not in {up}");
    }
    assert!(down.contains("ALTER SEQUENCE clients_id_seq RENAME TO customers_id_seq;"), "{down}");
    for script in [&up, &down] {
        let made_anew = ["DROP COLUMN", "DROP TABLE", "DROP CONSTRAINT", "DROP INDEX", "DROP SEQUENCE", "CREATE"];
        assert!(!made_anew.iter().any(|statement| script.contains(statement)), "{script}");
    }
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn a_required_column_without_a_default_is_no_migration_yet() {
    if !npx() {
        return;
    }
    let shell = checkout();
    let schema = shell.path().join("migrations/schema.sql");
    let text = fs::read_to_string(&schema).unwrap();
    let edits = [
        (
            "    display_name     text        NOT NULL CHECK (display_name <> ''),",
            "    motto            text        NOT NULL,",
        ),
        ("    phone       text        CHECK", "    phone       text        NOT NULL CHECK"),
    ];
    let edited = edits.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    fs::write(&schema, edited).unwrap();
    let ran = shell
        .run(&["migrate", "new", "motto", "--autogenerate", "--drop", "tenants.display_name"])
        .await
        .with_stderr(&[
            "the files are written, but not right yet",
            "column tenants.motto is NOT NULL and has no default",
            "warning: the migration makes column customers.phone NOT NULL",
            "warning: column tenants.display_name comes back NOT NULL and without a default",
        ]);
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert!(written(&shell, &ran.stdout)[0].contains("Data may be lost here"));
}
