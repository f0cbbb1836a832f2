//! The SQL that leads from one database to another, and back: by `pg-delta`, a program for Node.js, which `npx` fetches.

use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;

/// Its output is executed, so the version is exact.
const PACKAGE: &str = "--package=@supabase/pg-delta@1.0.0-alpha.34";
/// Renames are ours to ask about.
const SCRIPT: &str = r#"set -e
pgdelta plan --source "$LEKALO_FROM" --desired "$LEKALO_TO" --renames off --out there.json
pgdelta plan --source "$LEKALO_TO" --desired "$LEKALO_FROM" --renames off --out back.json"#;
/// The first time the package comes over the network.
const PATIENCE: Duration = Duration::from_secs(300);
/// What it says of who owns things, who is whoever migrates: the superuser of the scratch server stands for that.
const OF_THE_OWNER: &str = r#""postgres""#;

/// Why there is no SQL.
#[derive(Debug, thiserror::Error)]
pub enum DeltaError {
    #[error("`npx` is not there: comparing two schemas needs Node.js")]
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
pub struct Action {
    pub sql: String,
    /// `none` or `destructive`.
    data_loss: String,
    transactionality: String,
    /// It needs what the one before it did to be committed.
    new_segment_before: bool,
}

impl Action {
    /// Whether rows or values are gone afterwards.
    pub fn is_destructive(&self) -> bool {
        self.data_loss == "destructive"
    }
}

#[derive(Deserialize)]
struct Plan {
    actions: Vec<Action>,
}

/// Whether `npx` is on the PATH.
pub fn is_possible() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join("npx").is_file())
}

/// The way from one database to another, and the way back. URLs as libpq takes them.
///
/// # Errors
/// When Node.js is missing, pg-delta fails, or one transaction does not do.
pub async fn between(from: &str, to: &str) -> Result<(Vec<Action>, Vec<Action>), DeltaError> {
    let folder = tempfile::tempdir()?;
    let mut npx = tokio::process::Command::new("npx");
    npx.args(["-y", PACKAGE, "-c", SCRIPT]).env("LEKALO_FROM", from).env("LEKALO_TO", to);
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
    let actions: Vec<Action> = actions.into_iter().filter(|action| !action.sql.ends_with(OF_THE_OWNER)).collect();
    match actions.iter().find(|action| action.new_segment_before || action.transactionality != "transactional") {
        Some(action) => Err(DeltaError::NotAtOnce(action.sql.clone())),
        None => Ok(actions),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(actions: &str) -> Result<Vec<Action>, DeltaError> {
        at_once(serde_json::from_str::<Plan>(&format!(r#"{{"formatVersion": 1, "actions": [{actions}]}}"#))?.actions)
    }

    fn action(sql: &str, transactionality: &str, new_segment: bool) -> String {
        let rest = format!(r#""verb": "alter", "dataLoss": "destructive", "newSegmentBefore": {new_segment}"#);
        format!(r#"{{"sql": {}, "transactionality": "{transactionality}", {rest}}}"#, serde_json::json!(sql))
    }

    #[test]
    fn a_plan_is_read_without_its_owner() {
        let owner = action(r#"ALTER TABLE "public"."t" OWNER TO "postgres""#, "transactional", false);
        let drop = action("DROP TABLE t", "transactional", false);
        let actions = plan(&format!("{owner}, {drop}")).unwrap();
        assert_eq!(actions.len(), 1);
        assert!(actions[0].is_destructive() && actions[0].sql == "DROP TABLE t");
    }

    #[test]
    fn what_one_transaction_cannot_do_is_refused() {
        for (transactionality, new_segment) in [("nonTransactional", false), ("transactional", true)] {
            let refused = plan(&action("ALTER TABLE t ALTER c SET DEFAULT 'b'", transactionality, new_segment));
            assert!(matches!(refused, Err(DeltaError::NotAtOnce(sql)) if sql.contains("DEFAULT 'b'")));
        }
        assert!(matches!(plan("{}"), Err(DeltaError::Plan(_))));
    }
}
