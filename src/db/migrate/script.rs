//! Migrations as a script for psql, made without a database: what [`super::Migrations::up`] and `down` would do.

use std::fmt::Write as _;

use super::apply::{HISTORY_TABLE, lock_timeout_sql};
use super::session::LOCK;
use super::target::Range;
use super::{GRANT_HISTORY, MigrateError, Migrations, Step, forget_sql};

/// The script from one version to another, up or down.
///
/// # Errors
/// When a version is not there, both are the same, or a way back is missing.
pub fn script(migrations: &Migrations, range: Range) -> Result<String, MigrateError> {
    let (from, to) = range.versions(migrations)?;
    let steps = migrations.steps().iter();
    let mut sql = prologue(from, to);
    if from < to {
        for step in steps.filter(|step| step.version() > from && step.version() <= to) {
            match step.lone_statements()? {
                None => {
                    let up = [step.sql().trim_end().to_owned(), record_sql(step)];
                    transaction(&mut sql, &step.file_name(), migrations, &up);
                }
                Some(statements) => {
                    let _ = writeln!(sql, "\n-- {}, without a transaction", step.file_name());
                    for statement in statements {
                        if let Some(index) = statement.index_built() {
                            let index = index.replace('\'', "''");
                            let _ =
                                writeln!(sql, "{DROP_INVALID_INDEX} AND indexrelid = to_regclass('{index}') \\gexec");
                        }
                        let _ = writeln!(sql, "{};", statement.sql);
                    }
                    let _ = writeln!(sql, "{}", record_sql(step));
                }
            }
        }
        let _ = writeln!(sql, "\n{GRANT_HISTORY};");
    } else if from > to {
        for step in steps.rev().filter(|step| step.version() > to && step.version() <= from) {
            let down = [step.down_sql()?.trim_end().to_owned(), format!("{};", forget_sql(step.version()))];
            transaction(&mut sql, &format!("back from {}", step.file_name()), migrations, &down);
        }
    } else {
        return Err(MigrateError::Target(format!("{from}:{to} is no way to go")));
    }
    Ok(sql)
}

/// What a killed build of an index left behind.
const DROP_INVALID_INDEX: &str =
    "SELECT format('DROP INDEX CONCURRENTLY %s', indexrelid::regclass) FROM pg_index WHERE NOT indisvalid";

/// Stops at the first mistake; refuses a database that is at another version or that somebody else migrates.
fn prologue(from: i32, to: i32) -> String {
    format!(
        "-- From version {from} to {to}. Replay: psql -X -f FILE
\\set ON_ERROR_STOP on
SET client_min_messages = warning;
{HISTORY_TABLE};
DO $$
DECLARE
    found int := (SELECT coalesce(max(version), 0) FROM refinery_schema_history);
BEGIN
    IF NOT pg_try_advisory_lock({LOCK}) THEN
        RAISE EXCEPTION 'another program migrates this database just now';
    ELSIF found <> {from} THEN
        RAISE EXCEPTION 'this script begins at version {from}, the database is at %', found;
    END IF;
END
$$;
"
    )
}

fn transaction(sql: &mut String, title: &str, migrations: &Migrations, statements: &[String]) {
    let lock_timeout = lock_timeout_sql(migrations.patience.lock_timeout);
    let _ = writeln!(sql, "\n-- {title}\nBEGIN;\n{lock_timeout};\n{}\nCOMMIT;", statements.join("\n"));
}

/// The row that refinery writes, with the time of the replay.
fn record_sql(step: &Step) -> String {
    format!(
        "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES ({}, '{}', \
         to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), '{}');",
        step.version(),
        step.migration.name(),
        step.migration.checksum()
    )
}
