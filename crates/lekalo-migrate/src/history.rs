//! What has been applied, when and by whom, and whether it is what this program would apply.

use refinery::Migration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio_postgres::{Client, Row};

use crate::error::MigrateError;
use crate::list::Migrations;

/// A row that refinery did not write.
#[derive(Debug, thiserror::Error)]
#[error("refinery_schema_history: the row of version {version} has an unreadable {column}")]
pub struct HistoryError {
    version: i32,
    column: &'static str,
}

/// How an applied migration compares with the file in this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drift {
    /// Not applied yet.
    Pending,
    /// Applied, and the same.
    None,
    /// Applied, and the file was edited since.
    Edited,
    /// Applied by a newer program: there is no such file here.
    Unknown,
    /// Older than what is applied, and not applied itself.
    Skipped,
}

impl Drift {
    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::None => "none",
            Self::Edited => "edited",
            Self::Unknown => "unknown",
            Self::Skipped => "skipped",
        }
    }
}

/// A line of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub version: i32,
    pub name: String,
    /// The applied one's; of a pending one the file's.
    pub checksum: String,
    /// RFC 3339; none before it is applied.
    pub applied_on: Option<String>,
    /// The role; unknown for what was applied when the history had no such column.
    pub applied_by: Option<String>,
    pub drift: Drift,
}

impl Entry {
    /// The file's name without the ending: `V1__reference`.
    pub fn file_name(&self) -> String {
        format!("V{}__{}", self.version, self.name)
    }

    /// Whether it is in the database.
    pub fn is_applied(&self) -> bool {
        !matches!(self.drift, Drift::Pending | Drift::Skipped)
    }
}

/// Everything applied and everything pending, oldest first.
pub(crate) async fn entries(client: &Client, migrations: &Migrations) -> Result<Vec<Entry>, MigrateError> {
    let mut entries = applied(client, migrations).await?;
    let newest = entries.last().map_or(0, |entry| entry.version);
    for step in migrations.steps() {
        if !entries.iter().any(|entry| entry.version == step.version()) {
            entries.push(Entry {
                version: step.version(),
                name: step.name().to_owned(),
                checksum: step.checksum().to_string(),
                applied_on: None,
                applied_by: None,
                drift: if step.version() < newest { Drift::Skipped } else { Drift::Pending },
            });
        }
    }
    entries.sort_by_key(|entry| entry.version);
    Ok(entries)
}

async fn applied(client: &Client, migrations: &Migrations) -> Result<Vec<Entry>, MigrateError> {
    let known = client.query_typed_one("SELECT to_regclass('public.refinery_schema_history') IS NOT NULL", &[]).await?;
    if !known.get::<_, bool>(0) {
        return Ok(Vec::new());
    }
    // As JSON, for a history may have no column `applied_by`.
    let sql = "-- history
        SELECT version, coalesce(name, '') AS name, coalesce(applied_on, '') AS applied_on,
               coalesce(checksum, '') AS checksum, to_jsonb(h) ->> 'applied_by' AS applied_by
        FROM public.refinery_schema_history h ORDER BY version";
    let rows = client.query_typed(sql, &[]).await?;
    let entry = |row: &Row| {
        let (version, name, checksum): (_, String, String) = (row.get("version"), row.get("name"), row.get("checksum"));
        let drift = match migrations.step(version) {
            None => Drift::Unknown,
            Some(file) if file.checksum().to_string() == checksum && file.name() == name => Drift::None,
            Some(_) => Drift::Edited,
        };
        let (applied_on, applied_by) = (row.get("applied_on"), row.get("applied_by"));
        Entry { version, name, checksum, applied_on: Some(applied_on), applied_by, drift }
    };
    Ok(rows.iter().map(entry).collect())
}

impl Migrations {
    /// Refuses a history that these files cannot have made, naming every file at fault.
    ///
    /// # Errors
    /// `Edited` or `Skipped`.
    pub fn verify(&self, history: &[Entry]) -> Result<(), MigrateError> {
        let files = |drift| {
            let at_fault = history.iter().filter(move |entry| entry.drift == drift);
            at_fault.filter_map(|entry| Some(format!("{}.sql", self.step(entry.version)?.file_name())))
        };
        let (edited, skipped): (Vec<_>, Vec<_>) = (files(Drift::Edited).collect(), files(Drift::Skipped).collect());
        match (edited.is_empty(), skipped.is_empty()) {
            (true, true) => Ok(()),
            (false, _) => Err(MigrateError::Edited(edited)),
            (true, false) => Err(MigrateError::Skipped(skipped)),
        }
    }
}

/// A row as refinery wants it.
pub(crate) fn migration(row: &Row) -> Result<Migration, HistoryError> {
    let version = row.get(0);
    let unreadable = |column| HistoryError { version, column };
    let text = |column: usize, name| row.get::<_, Option<String>>(column).ok_or_else(|| unreadable(name));
    let applied_on = OffsetDateTime::parse(&text(2, "applied_on")?, &Rfc3339).map_err(|_| unreadable("applied_on"))?;
    let checksum = text(3, "checksum")?.parse().map_err(|_| unreadable("checksum"))?;
    Ok(Migration::applied(version, text(1, "name")?, applied_on, checksum))
}
