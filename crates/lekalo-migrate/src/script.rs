//! Migrations as a script for psql, made without a database: what [`Migrations::up`] and `down` would do.
//!
//! Settings and the lock that keeps other programs away are a transaction's, so that nothing of them stays with the session,
//! and each transaction makes sure that the database is where it begins. What cannot run in a transaction has the
//! session's for its time.

use std::fmt::Write as _;
use std::time::Duration;

use crate::apply::{ALONE, HISTORY_TABLE, INVALID_INDEX, lock_timeout_sql};
use crate::error::MigrateError;
use crate::list::{Migrations, Step};
use crate::migrate::{FORGET_ALL, forget_sql, grant_history};
use crate::session::SETTINGS;
use crate::statements::Statement;
use crate::target::Range;

/// The script from one version to another, up or down.
///
/// # Errors
/// When a version is not there, both are the same, or a down migration is missing.
pub(crate) fn script(migrations: &Migrations, range: Range) -> Result<String, MigrateError> {
    let (from, to) = range.versions(migrations)?;
    if from == to {
        return Err(MigrateError::Target(format!("{from}:{to} is no way to go")));
    }
    let mut script = Script { text: prologue(from, to), lock: migrations.program.lock };
    let (history, contents) = (format!("{HISTORY_TABLE};"), contents(migrations, from));
    // Two that make the history at once would collide.
    let begin = format!("DO $$\nBEGIN\n{}\nEND\n$$;", script.lock_sql(XACT_LOCK));
    script.transaction("What the database must be", &[&begin, &history, &script.guard(XACT_LOCK, from), &contents]);
    let between = migrations.steps().iter().filter(|step| (from.min(to) + 1..=from.max(to)).contains(&step.version()));
    if from < to {
        for step in between {
            match step.lone_statements()? {
                None => {
                    let guard = script.guard(XACT_LOCK, step.version() - 1);
                    script.transaction(&step.file_name(), &[&guard, &ended(step.sql()), &record_sql(step)]);
                }
                Some(statements) => script.one_by_one(step, &statements),
            }
        }
        if let Some(role) = migrations.program.role {
            let (guard, grant) = (script.guard(XACT_LOCK, to), format!("{};", grant_history(role)));
            script.transaction("The role may read which version it is", &[&guard, &grant]);
        }
    } else {
        for step in between.rev() {
            let guard = script.guard(XACT_LOCK, step.version());
            let forget = format!("{};", forget_sql(step.version()));
            script
                .transaction(&format!("Back from {}", step.file_name()), &[&guard, &ended(step.down_sql()?), &forget]);
        }
        if to == 0 {
            script.transaction("Nothing is left", &[&script.guard(XACT_LOCK, 0), &format!("{FORGET_ALL};")]);
        }
    }
    Ok(script.text)
}

/// The last statement of a file may have no semicolon of its own.
fn ended(sql: &str) -> String {
    let sql = sql.trim_end();
    if sql.ends_with(';') { sql.to_owned() } else { format!("{sql}\n;") }
}

/// The lock of a transaction ends with it, that of a session is given back.
const XACT_LOCK: &str = "pg_try_advisory_xact_lock";
const SESSION_LOCK: &str = "pg_try_advisory_lock";

/// There is no second try here.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

struct Script {
    text: String,
    lock: i64,
}

impl Script {
    fn transaction(&mut self, title: &str, statements: &[&str]) {
        let (lock_timeout, statements) = (lock_timeout_sql(LOCK_TIMEOUT), statements.join("\n"));
        let settings = SETTINGS.map(|setting| format!("SET LOCAL {setting};\n")).concat();
        let settings = format!("SET LOCAL client_min_messages = warning;\n{settings}{lock_timeout};");
        let _ = writeln!(self.text, "\n-- {title}\nBEGIN;\n{settings}\n{}\nCOMMIT;", statements.trim_end());
    }

    fn one_by_one(&mut self, step: &Step, statements: &[Statement<'_>]) {
        let settings = || SETTINGS.iter().chain(&ALONE);
        let set: String = settings().map(|setting| format!("SET {setting};\n")).collect();
        let names = settings().filter_map(|setting| setting.split_once(' '));
        let reset: String = names.map(|(name, _)| format!("RESET {name};\n")).collect();
        let guard = self.guard(SESSION_LOCK, step.version() - 1);
        let _ = write!(self.text, "\n-- {}, without a transaction\n{guard}\n{set}", step.file_name());
        for statement in statements {
            if let Some((index, table)) = statement.index_built() {
                let [index, table] = [index, table].map(|name| format!("'{}'", name.replace('\'', "''")));
                let drop = INVALID_INDEX.replace("$1::text", &index).replace("$2::text", &table);
                let _ = writeln!(self.text, "{drop} \\gexec");
            }
            let _ = writeln!(self.text, "{};", statement.sql);
        }
        let unlock = format!("DO $$ BEGIN PERFORM pg_advisory_unlock({}); END $$;", self.lock);
        let _ = writeln!(self.text, "{}\n{reset}{unlock}", record_sql(step));
    }

    /// Refuses while somebody else has the lock.
    fn lock_sql(&self, lock: &str) -> String {
        format!(
            "    IF NOT {lock}({}) THEN
        RAISE EXCEPTION 'another program migrates this database just now';
    END IF;",
            self.lock
        )
    }

    /// Takes the lock, and refuses another version.
    fn guard(&self, lock: &str, version: i32) -> String {
        let lock = self.lock_sql(lock);
        format!(
            "DO $$
DECLARE
    reached int;
BEGIN
{lock}
    SELECT coalesce(max(version), 0) INTO reached FROM refinery_schema_history;
    IF reached <> {version} THEN
        RAISE EXCEPTION 'this begins at version {version}, the database is at %', reached;
    END IF;
END
$$;"
        )
    }
}

fn prologue(from: i32, to: i32) -> String {
    format!(
        "-- From version {from} to {to}. Replay with: psql -X -f FILE (straight to PostgreSQL, not through a pooler).\n\
         -- As the role that migrates: what it makes is its own.\n\
         -- It stops at the first mistake, and refuses a database that is not at version {from}; what it did until then stays.\n\
         \\set ON_ERROR_STOP on\n"
    )
}

/// Refuses what was migrated with other files.
fn contents(migrations: &Migrations, version: i32) -> String {
    let steps = migrations.steps().iter().filter(|step| step.version() <= version);
    let known: Vec<String> =
        steps.map(|step| format!("({}, '{}', '{}')", step.version(), step.name(), step.checksum())).collect();
    if known.is_empty() {
        return String::new();
    }
    format!(
        "DO $$
DECLARE
    differ text := (
        SELECT string_agg(format('V%s__%s.sql', version, coalesce(known.name, applied.name)), ', ' ORDER BY version)
        FROM (VALUES
            {}
        ) AS known (version, name, checksum)
        FULL JOIN refinery_schema_history applied USING (version)
        WHERE known.checksum IS DISTINCT FROM applied.checksum
    );
BEGIN
    IF differ IS NOT NULL THEN
        RAISE EXCEPTION 'the database was migrated with another content of %', differ;
    END IF;
END
$$;",
        known.join(",\n            ")
    )
}

/// The row that refinery writes, with the time of the replay.
fn record_sql(step: &Step) -> String {
    format!(
        "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES ({}, '{}', \
         to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), '{}');",
        step.version(),
        step.name(),
        step.checksum()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::{PROGRAM, Program};

    #[test]
    fn the_lock_and_the_role_are_the_programs() {
        let script = |program| {
            let migrations = Migrations::from_files(program, [("V1__a.sql", "CREATE TABLE a ()")]);
            migrations.script("base:head".parse().unwrap()).unwrap()
        };
        let (with_role, without) = (script(PROGRAM), script(Program { lock: 7, role: None, ..PROGRAM }));
        assert!(with_role.contains("GRANT SELECT ON refinery_schema_history TO example_app;"), "{with_role}");
        assert!(!without.contains("GRANT") && without.contains("pg_try_advisory_xact_lock(7)"), "{without}");
    }
}
