//! `lekalo check`: whatever makes a database unfit is found, and said with what mends it.

use lekalo::db::check::{Finding, report};
use lekalo::db::{Options, migrations};

use crate::support::{connect, database, db_options};

/// Changes the database, or only what is configured, so that it is unfit; and takes it back.
struct Case {
    sql: &'static str,
    back: &'static str,
    configured: fn(&mut Options),
    /// The finding, a part of what it says, and of what it says to do.
    finding: (&'static str, &'static str, &'static str),
}

const fn case(sql: &'static str, back: &'static str, finding: (&'static str, &'static str, &'static str)) -> Case {
    Case { sql, back, configured: |_| {}, finding }
}

fn cases() -> Vec<Case> {
    let rls = |detail| ("row-level security", detail, "FORCE ROW LEVEL SECURITY");
    vec![
        case(
            "ALTER TABLE prices NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE prices FORCE ROW LEVEL SECURITY",
            rls("not in force on prices"),
        ),
        case(
            "ALTER TABLE patterns DISABLE ROW LEVEL SECURITY; ALTER TABLE bot_texts DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE patterns ENABLE ROW LEVEL SECURITY; ALTER TABLE bot_texts ENABLE ROW LEVEL SECURITY",
            rls("not in force on bot_texts, patterns"),
        ),
        case(
            "REVOKE INSERT ON prices FROM lekalo_app",
            "GRANT INSERT ON prices TO lekalo_app",
            (
                "readiness",
                "the role `lekalo_app` lacks INSERT on prices; as the owner run: GRANT INSERT ON prices TO lekalo_app",
                "NOT_SERVING",
            ),
        ),
        case("CREATE TABLE loose (tenant_id bigint)", "DROP TABLE loose", rls("not in force on loose")),
        case(
            "CREATE TABLE loose (tenant_id bigint); ALTER TABLE loose ENABLE ROW LEVEL SECURITY;
             ALTER TABLE loose FORCE ROW LEVEL SECURITY",
            "DROP TABLE loose",
            rls("not in force on loose"), // for want of a policy
        ),
        case(
            "CREATE TABLE kept AS SELECT * FROM refinery_schema_history; DELETE FROM refinery_schema_history WHERE version > 9",
            "INSERT INTO refinery_schema_history SELECT * FROM kept WHERE version > 9; DROP TABLE kept",
            ("schema", "version 9, this program needs", "run `lekalo migrate up`"),
        ),
        case(
            "UPDATE refinery_schema_history SET checksum = 'x' || checksum WHERE version = 4",
            "UPDATE refinery_schema_history SET checksum = substr(checksum, 2) WHERE version = 4",
            ("schema", "another content of V4__write_requests.sql", "migrate history -v"),
        ),
        Case {
            configured: |options| options.pool_size = 1000,
            ..case("", "", ("pool", "1000 connections + 4 in bursts, but the server allows only", "lower DB_POOL_SIZE"))
        },
        Case {
            configured: |options| options.switch_role = false,
            ..case("", "", ("role", "superuser", "CREATE ROLE"))
        },
    ]
}

fn wrong(findings: &[Finding]) -> Vec<&Finding> {
    findings.iter().filter(|finding| !finding.ok).collect()
}

#[tokio::test]
async fn whatever_is_unfit_is_found_alone_and_said_with_its_remedy() {
    let config = database().await;
    let owner = connect(&config).await;
    let fit = report(&db_options(&config), &db_options(&config)).await;
    let looked_at: Vec<&str> = fit.iter().map(|finding| finding.what).collect();
    assert_eq!(
        looked_at,
        ["server", "letters", "schema", "role", "readiness", "pooler", "row-level security", "API keys", "pool"]
    );
    assert!(fit.iter().all(|finding| finding.ok && finding.remedy.is_empty()), "{fit:#?}");
    let tables = "SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
                  WHERE a.attname = 'tenant_id' AND c.relnamespace = 'public'::regnamespace";
    let tables: i64 = owner.query_one(tables, &[]).await.unwrap().get(0);
    assert!(tables > 10 && fit[6].detail == format!("in force on {tables} tenant tables"), "{fit:#?}");

    for Case { sql, back, configured, finding: (what, detail, remedy) } in cases() {
        owner.batch_execute(sql).await.unwrap();
        let mut options = db_options(&config);
        configured(&mut options);
        let findings = report(&options, &db_options(&config)).await;
        let wrong = wrong(&findings);
        let [found] = wrong[..] else { panic!("{sql}: {findings:#?}") };
        assert!(
            found.what == what && found.detail.contains(detail) && found.remedy.contains(remedy),
            "{sql}: {found:#?}"
        );
        owner.batch_execute(back).await.unwrap();
    }
    // A newer schema is none: so it is during a rollout.
    owner
        .batch_execute(
            "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (999, 'x', '', '1')",
        )
        .await
        .unwrap();
    let findings = report(&db_options(&config), &db_options(&config)).await;
    assert!(wrong(&findings).is_empty(), "{findings:#?}");
    let latest = migrations::shipped().latest();
    assert!(findings[2].detail.contains(&format!("version 999, newer than this program's {latest}")), "{findings:#?}");
}
