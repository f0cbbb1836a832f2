//! The SQL that leads from one database to another, and back: by `pg-delta`, a program for Node.js, which `npx` fetches.

use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;

/// Its output is executed, so the version is exact.
const PACKAGE: &str = "--package=@supabase/pg-delta@1.0.0-alpha.34";
/// Renames are ours to ask about. Both ways are worked out at the same time.
const SCRIPT: &str = r#"set -e
pgdelta plan --source "$FROM_URL" --desired "$TO_URL" --renames off --out there.json & there=$!
pgdelta plan --source "$TO_URL" --desired "$FROM_URL" --renames off --out back.json
wait "$there""#;
/// The first time the package comes over the network.
const PATIENCE: Duration = Duration::from_secs(300);
/// Who owns the databases compared: it stands for whoever migrates, and no statement may name it.
pub(super) const OWNER: &str = "scratch_owner";

/// Why there is no SQL.
#[derive(Debug, thiserror::Error)]
pub enum DeltaError {
    #[error("`node` or `npx` is not there: comparing two schemas needs Node.js")]
    NoNode,
    #[error("pg-delta failed:\n{0}")]
    Failed(String),
    #[error("pg-delta did not end within {} s", PATIENCE.as_secs())]
    Slow,
    #[error("this change cannot be made in one transaction: {0}")]
    NotAtOnce(String),
    #[error("pg-delta's plan cannot be read")]
    Plan(#[from] serde_json::Error),
    #[error("pg-delta cannot be run")]
    Io(#[from] std::io::Error),
}

/// One statement, without its semicolon.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Action {
    pub sql: String,
    /// `none` or `destructive`.
    data_loss: String,
    transactionality: String,
}

impl Action {
    /// Whether rows or values are gone afterwards.
    pub(super) fn is_destructive(&self) -> bool {
        self.data_loss == "destructive"
    }
}

#[derive(Deserialize)]
struct Plan {
    actions: Vec<Action>,
}

/// Whether Node.js is on the PATH.
pub fn is_possible() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    ["node", "npx"].iter().all(|program| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// The way from one database to another, and from that to the first. URLs as libpq takes them.
///
/// # Errors
/// When Node.js is missing, pg-delta fails, or one transaction does not do.
pub(super) async fn between(from: &str, to: &str) -> Result<(Vec<Action>, Vec<Action>), DeltaError> {
    let folder = tempfile::tempdir()?;
    let mut npx = tokio::process::Command::new("npx");
    lekalo_postgres::hide_settings(npx.as_std_mut());
    npx.env_remove("PGPASSWORD").args(["-y", PACKAGE, "-c", SCRIPT]).env("FROM_URL", from).env("TO_URL", to);
    npx.current_dir(folder.path()).stdin(Stdio::null()).kill_on_drop(true);
    let output = match tokio::time::timeout(PATIENCE, npx.output()).await {
        Err(_) => return Err(DeltaError::Slow),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => return Err(DeltaError::NoNode),
        Ok(output) => output?,
    };
    if !output.status.success() {
        return Err(DeltaError::Failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let read = |name| -> Result<Vec<Action>, DeltaError> {
        at_once(serde_json::from_slice::<Plan>(&std::fs::read(folder.path().join(name))?)?.actions)
    };
    Ok((read("there.json")?, read("back.json")?))
}

/// Without what is said of the owner; an error if a statement may not share its transaction.
fn at_once(actions: Vec<Action>) -> Result<Vec<Action>, DeltaError> {
    let actions: Vec<Action> = actions.into_iter().filter_map(Action::of_anybody).collect();
    match actions.iter().find(|action| !action.is_for_a_transaction()) {
        Some(action) => Err(DeltaError::NotAtOnce(action.sql.clone())),
        None => Ok(actions),
    }
}

impl Action {
    /// As whoever migrates may run it, anywhere; none if it only says whose something is.
    fn of_anybody(mut self) -> Option<Self> {
        let owner = format!("\"{OWNER}\"");
        for clause in [" AUTHORIZATION ", " FOR ROLE "] {
            self.sql = self.sql.replace(&format!("{clause}{owner}"), "");
        }
        // Whoever made the database may have made it already.
        if let Some(extension) = self.sql.strip_prefix("CREATE EXTENSION \"") {
            self.sql = format!("CREATE EXTENSION IF NOT EXISTS \"{extension}");
        }
        self.sql = self.sql.trim_end_matches(';').to_owned();
        (!self.sql.ends_with(&owner)).then_some(self)
    }

    /// A new value of an enum may be made in a transaction, only not used in it: whether it is, trying it tells.
    fn is_for_a_transaction(&self) -> bool {
        let adds_value = self.sql.starts_with("ALTER TYPE ") && self.sql.contains(" ADD VALUE ");
        adds_value || self.transactionality == "transactional"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(actions: &str) -> Result<Vec<Action>, DeltaError> {
        at_once(serde_json::from_str::<Plan>(&format!(r#"{{"formatVersion": 1, "actions": [{actions}]}}"#))?.actions)
    }

    fn action(sql: &str, transactionality: &str) -> String {
        let rest = r#""verb": "alter", "dataLoss": "destructive", "newSegmentBefore": false"#;
        format!(r#"{{"sql": {}, "transactionality": "{transactionality}", {rest}}}"#, serde_json::json!(sql))
    }

    #[test]
    fn a_plan_is_read_without_its_owner() {
        let sqls = [
            r#"ALTER TABLE "public"."t" OWNER TO "scratch_owner""#,
            r#"CREATE SCHEMA "crm" AUTHORIZATION "scratch_owner""#,
            r#"ALTER DEFAULT PRIVILEGES FOR ROLE "scratch_owner" GRANT SELECT ON TABLES TO "reader""#,
            r#"CREATE EXTENSION "btree_gin" SCHEMA "public""#,
            r#"ALTER TABLE t DROP COLUMN "postgres""#,
            "CREATE VIEW v AS SELECT 1;",
        ];
        let actions = plan(&sqls.map(|sql| action(sql, "transactional")).join(", ")).unwrap();
        assert!(actions[0].is_destructive());
        assert_eq!(
            actions.iter().map(|action| action.sql.as_str()).collect::<Vec<_>>(),
            [
                r#"CREATE SCHEMA "crm""#,
                r#"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO "reader""#,
                r#"CREATE EXTENSION IF NOT EXISTS "btree_gin" SCHEMA "public""#,
                r#"ALTER TABLE t DROP COLUMN "postgres""#,
                "CREATE VIEW v AS SELECT 1",
            ]
        );
    }

    #[test]
    fn what_one_transaction_cannot_do_is_refused() {
        let refused = plan(&action("CREATE INDEX CONCURRENTLY a ON b (c)", "nonTransactional"));
        assert!(matches!(refused, Err(DeltaError::NotAtOnce(sql)) if sql.contains("CONCURRENTLY")));
        assert!(plan(&action("ALTER TYPE colour ADD VALUE 'red'", "commitBoundaryAfter")).is_ok());
        assert!(matches!(plan("{}"), Err(DeltaError::Plan(_))));
    }
}
