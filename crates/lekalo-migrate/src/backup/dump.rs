//! Every row as of one moment, into a file.

use std::path::Path;

use futures::TryStreamExt as _;
use tokio_postgres::{Client, Config};

use crate::history::entries;
use crate::tls::Tls;
use crate::{Migrations, Parts};

use super::archive::{Manifest, Migration, SavedSequence, SavedTable, Tally, Writer};
use super::tables::{self, Table, check_visible, made_by};
use super::{BackupError, Progress, SETTINGS, connect, refused};

/// Writes a dump to `path`, which must not be there. Nobody waits for it, but for who would change a table.
///
/// Every row is counted and copied in one snapshot, and the two have to agree; the file is read again before it gets its
/// name.
///
/// # Errors
/// When the database is of no version that `migrations` know, the role may not see all of it, or the file cannot be written.
/// There is no file then.
pub async fn dump(
    migrations: &Migrations,
    owner: &Config,
    tls: &Tls,
    path: &Path,
    program: &str,
    mut tell: impl FnMut(Progress),
) -> Result<Manifest, BackupError> {
    let history = migrations.history(owner, tls).await?;
    migrations.verify(&history)?;
    let applied_before: Vec<Migration> = history.iter().filter(|entry| entry.is_applied()).map(applied).collect();
    let version = applied_before.last().map_or(0, |migration| migration.version);
    if version == 0 {
        return Err(refused(
            "the database has no schema yet: there is nothing to dump",
            "is it the right one? `lekalo migrate up` makes the schema",
        ));
    }
    if version > migrations.latest() {
        return Err(refused(
            format!("the database is at version {version}, this program knows {} only", migrations.latest()),
            "dump it with the program that migrated it",
        ));
    }
    // Before anything is read: a name that is taken is told at once.
    let mut writer = Writer::create(path)?;
    let client = connect(owner, tls, "lekalo dump").await?;
    let source = Source::open(client, migrations, version).await?;
    let now: Vec<Migration> =
        entries(&source.client, migrations).await?.iter().filter(|entry| entry.is_applied()).map(applied).collect();
    if now != applied_before {
        return Err(refused("somebody has migrated the database just now", "run it again"));
    }
    let mut manifest = Manifest {
        schema_version: version,
        migrations: applied_before,
        left_out: source.left_out.clone(),
        ..Manifest::new(program)
    };
    let about =
        "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), current_setting('server_version')";
    let about = source.client.query_typed_one(about, &[]).await?;
    (manifest.taken_at, manifest.server) = (about.get(0), about.get(1));

    let counts = source.counts().await?;
    let mut progress = Progress { done: 0, total: counts.iter().sum() };
    tell(progress);
    for (table, count) in source.tables.iter().zip(counts) {
        writer.begin(&table.name)?;
        let saved =
            source.copy(table, &mut writer, |rows| tell(Progress { done: progress.done + rows, ..progress })).await?;
        if saved.rows != count {
            let (name, rows) = (&table.name, saved.rows);
            return Err(refused(format!("{name} has {count} rows, of which {rows} could be copied"), ""));
        }
        progress.done += saved.rows;
        manifest.tables.push(saved);
    }
    // After the rows: no number that one of them has is given again.
    manifest.sequences = source.sequences().await?;
    source.client.batch_execute("COMMIT").await?;
    writer.finish(&manifest)?;
    Ok(manifest)
}

fn applied(entry: &crate::Entry) -> Migration {
    Migration { version: entry.version, name: entry.name.clone(), checksum: entry.checksum.clone() }
}

/// A database in one snapshot.
struct Source {
    client: Client,
    tables: Vec<Table>,
    left_out: Vec<String>,
    parts: Option<Parts>,
    /// The values that tell the parts apart, where the role sees one at a time.
    all_parts: Vec<i64>,
}

impl Source {
    async fn open(client: Client, migrations: &Migrations, version: i32) -> Result<Self, BackupError> {
        let parts = migrations.program().parts;
        let found = tables::tables(&client, parts).await?;
        let made = made_by(migrations, version);
        let (ours, others): (Vec<Table>, Vec<Table>) =
            found.iter().cloned().partition(|table| made.contains(&table.name));
        let names: Vec<String> = ours.iter().map(Table::sql_name).collect();
        // The locks come before the snapshot: what a migration does until then is seen, afterwards none can come.
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {SETTINGS}; LOCK TABLE {} IN ACCESS SHARE MODE",
            names.join(", ")
        );
        client.batch_execute(&begin).await?;
        if tables::tables(&client, parts).await? != found {
            return Err(refused("somebody has changed the tables just now", "run it again"));
        }
        let role = client.query_typed_one("SELECT current_user::text", &[]).await?;
        check_visible(&ours, role.get(0))?;
        let all_parts = match parts.filter(|_| ours.iter().any(|table| table.is_parted)) {
            Some(parts) => client.query_typed(parts.all, &[]).await?.iter().map(|row| row.get(0)).collect(),
            None => Vec::new(),
        };
        let left_out = others.into_iter().map(|table| table.name).collect();
        Ok(Self { client, tables: ours, left_out, parts, all_parts })
    }

    /// What shows all rows of a table: for each part that has to be asked for, what makes it seen, and where its rows are.
    fn views(&self, table: &Table) -> Vec<(String, String)> {
        let name = table.sql_name();
        match self.parts.filter(|_| table.is_parted) {
            None => vec![(String::new(), name)],
            // Other policies may show more: each part is asked for by name.
            Some(Parts { column, setting, .. }) => self
                .all_parts
                .iter()
                .map(|part| (format!("SET LOCAL {setting} = '{part}'"), format!("{name} WHERE {column} = {part}")))
                .collect(),
        }
    }

    async fn counts(&self) -> Result<Vec<u64>, BackupError> {
        let mut counts = Vec::new();
        for table in &self.tables {
            let mut rows = 0;
            for (show, from) in self.views(table) {
                self.client.batch_execute(&show).await?;
                let count = self.client.query_typed_one(&format!("SELECT count(*) FROM {from}"), &[]).await?;
                rows += u64::try_from(count.get::<_, i64>(0)).unwrap_or_default();
            }
            counts.push(rows);
        }
        Ok(counts)
    }

    async fn copy(
        &self,
        table: &Table,
        writer: &mut Writer,
        mut tell: impl FnMut(u64),
    ) -> Result<SavedTable, BackupError> {
        let failed = |source| BackupError::Table { doing: "read", table: table.name.clone(), source };
        let (columns, mut tally) = (table.sql_columns(), Tally::default());
        for (show, from) in self.views(table) {
            self.client.batch_execute(&show).await.map_err(failed)?;
            let copy = format!("COPY (SELECT {columns} FROM {from}) TO STDOUT");
            let mut pieces = std::pin::pin!(self.client.copy_out(&copy).await.map_err(failed)?);
            while let Some(piece) = pieces.try_next().await.map_err(failed)? {
                tally.add(&piece);
                writer.write(&piece)?;
                tell(tally.rows);
            }
        }
        Ok(tally.table(table.name.clone(), table.columns.clone()))
    }

    async fn sequences(&self) -> Result<Vec<SavedSequence>, BackupError> {
        let mut all = Vec::new();
        for name in tables::sequences(&self.client, &self.tables).await? {
            let sql = format!("SELECT last_value, is_called FROM public.{}", tables::quoted(&name));
            let row = self.client.query_typed_one(&sql, &[]).await?;
            all.push(SavedSequence { name, last_value: row.get(0), is_called: row.get(1) });
        }
        Ok(all)
    }
}
