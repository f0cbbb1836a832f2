//! The migrations that this program carries; [`lekalo_migrate`] applies them.
//!
//! The next one is a pair of files in `migrations/`: `V<n>__name.sql` and `V<n>__name.down.sql`. Landed files never change:
//! `migrations/frozen.sha256` lists all but the newest, and a test compares.

use include_dir::{Dir, include_dir};
use lekalo_migrate::tls::Tls;
use lekalo_migrate::{MigrateError, Migrations, Parts, Position, Program, UpTo, Upgrade};
use tokio_postgres::Config;

use super::pool::APP_ROLE;

static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/migrations");

/// This program, as what migrates has to know it.
pub const PROGRAM: Program = Program {
    name: "lekalo",
    command: "lekalo migrate",
    lock: 0x6c65_6b61_6c6f,
    role: Some(APP_ROLE),
    parts: Some(Parts { column: "tenant_id", setting: "app.current_tenant_id", all: "SELECT id FROM tenants" }),
};

/// Those that this program carries.
pub fn shipped() -> Migrations {
    let text = |file: &'static include_dir::File<'static>| Some((file.path().to_str()?, file.contents_utf8()?));
    Migrations::from_files(PROGRAM, FILES.files().filter_map(text))
}

/// Applies what is missing, as the owner. Several at once are fine: one applies, the others wait for it.
///
/// # Errors
/// As [`Migrations::up`].
pub async fn up(owner: &Config, tls: &Tls) -> Result<Upgrade, MigrateError> {
    shipped().up(owner, tls, UpTo::Head).await
}

/// Where the database stands, as seen by `config`'s role.
///
/// # Errors
/// When the database cannot be reached.
pub async fn current(config: &Config, tls: &Tls) -> Result<Position, MigrateError> {
    shipped().position(config, tls).await
}

/// What to do about a failure, where that is known.
pub fn hint(error: &MigrateError) -> Option<&'static str> {
    match error {
        MigrateError::Pooler | MigrateError::PoolerFull => {
            Some("give the server's own address in LEKALO_OWNER_DATABASE_URL")
        }
        MigrateError::Edited(_) => Some(
            "take the program that applied it, or restore the file; `lekalo migrate history -v` shows which \
             migrations differ",
        ),
        MigrateError::Skipped(_) => Some("`lekalo migrate history -v` shows what is applied"),
        MigrateError::NoDownMigration(_) => Some("take the program that applied it: it has the way back"),
        MigrateError::Target(_) => Some("`lekalo migrate history` lists the versions"),
        _ if error.is_blocked() => {
            Some("let it end, or end it with SELECT pg_terminate_backend(PROCESS), and run the migration again")
        }
        _ if error.is_of_a_script() => Some(
            "nothing of it remains, what came before it stays: `lekalo migrate history` says where the database is",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lekalo_migrate::Step;
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn every_migration_has_a_down_migration_and_can_be_run() {
        let shipped = shipped();
        assert!(!shipped.steps().is_empty());
        for step in shipped.steps() {
            step.check().unwrap();
        }
        let versions: Vec<i32> = shipped.steps().iter().map(Step::version).collect();
        assert_eq!(versions, (1..=shipped.latest()).collect::<Vec<_>>(), "versions have no gaps");
    }

    /// `cd migrations && sha256sum -c frozen.sha256` says the same.
    #[test]
    fn landed_migrations_never_change() {
        let frozen: BTreeMap<&str, &str> = FILES
            .get_file("frozen.sha256")
            .and_then(|file| file.contents_utf8())
            .unwrap()
            .lines()
            .map(|line| line.split_once("  ").map(|(sum, file)| (file, sum)).unwrap())
            .collect();
        for (name, sum) in &frozen {
            let file = FILES.get_file(name).unwrap_or_else(|| panic!("migrations/{name} has landed and is gone"));
            let now: String = Sha256::digest(file.contents()).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(&now, sum, "migrations/{name} has landed: it never changes, write the next migration instead");
        }
        let shipped = shipped();
        for step in shipped.steps() {
            for file in [format!("{}.sql", step.file_name()), format!("{}.down.sql", step.file_name())] {
                let freeze = format!("cd migrations && sha256sum {}.* >> frozen.sha256", step.file_name());
                let may_change = step.version() == shipped.latest();
                assert!(may_change || frozen.contains_key(file.as_str()), "{file} is not frozen: {freeze}");
            }
        }
    }
}
