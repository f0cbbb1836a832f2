//! Every row of a file into an empty database: all of them, or none.

use crate::tls::Tls;
use crate::{Migrations, Parts, UpTo};
use bytes::Bytes;
use futures::SinkExt as _;
use tokio_postgres::{Client, Config};

use super::archive::{Archive, Manifest, SavedTable};
use super::tables::{self, Table, filled_by, list};
use super::{BackupError, Progress, SETTINGS, connect, refused};

/// What a restore came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    pub schema_version: i32,
    /// The newest version that the program knows.
    pub latest: i32,
    pub rows: u64,
}

/// Makes the schema at the dump's version and fills it with the dump's rows, in one transaction, as the owner.
///
/// The database has to be empty: without any table, or with the schema of the dump's version and no rows. The file is read
/// whole before the database is touched.
///
/// # Errors
/// When the dump is of migrations that this program does not have, the file is damaged or the database is not empty; nothing
/// is written then. When it fails later no row remains, but the empty schema does, and the same restore may be tried again.
pub async fn restore(
    migrations: &Migrations,
    owner: &Config,
    tls: &Tls,
    archive: &Archive,
    mut tell: impl FnMut(Progress),
) -> Result<Restored, BackupError> {
    let manifest = &archive.manifest;
    check_migrations(migrations, manifest)?;
    archive.verify(|_| {})?;
    let current = migrations.position(owner, tls).await?.current;
    let client = connect(owner, tls, "lekalo restore").await?;
    let parts = migrations.program().parts;
    check_emptiness(&client, current, manifest.schema_version, parts).await?;
    if current < manifest.schema_version {
        migrations.up(owner, tls, UpTo::Version(manifest.schema_version)).await?;
    } else {
        migrations.verify(&migrations.history(owner, tls).await?)?;
    }
    client.batch_execute(&format!("BEGIN; {SETTINGS}")).await?;
    let target = Target::lock(&client, migrations, manifest).await?;
    target.check_that_no_row_is_there(migrations).await?;
    target.fill(archive, &mut tell).await?;
    target.check_counts(manifest).await?;
    target.set_sequences(manifest).await?;
    target.alter("FORCE ROW LEVEL SECURITY").await?;
    client.batch_execute("COMMIT").await?;
    // Without statistics the first queries would be planned for empty tables.
    if let Err(error) = client.batch_execute("SET statement_timeout = 0; SET lock_timeout = 0; ANALYZE").await {
        tracing::warn!(%error, "all rows are restored; run ANALYZE, without which queries are slow until autovacuum comes");
    }
    let version = manifest.schema_version;
    Ok(Restored { schema_version: version, latest: migrations.latest(), rows: manifest.rows() })
}

/// The schema that the rows are of has to be one that this program makes.
fn check_migrations(migrations: &Migrations, manifest: &Manifest) -> Result<(), BackupError> {
    let (version, latest) = (manifest.schema_version, migrations.latest());
    if version > latest {
        return Err(refused(
            format!("the dump is of schema version {version}, this program knows {latest} only"),
            format!("take a program that is as new as the one that wrote it, {}", manifest.program),
        ));
    }
    let ours = migrations.steps().iter().filter(|step| step.version() <= version);
    let ours = ours.map(|step| (step.version(), step.name().to_owned(), step.checksum().to_string()));
    let theirs = manifest.migrations.iter();
    let theirs = theirs.map(|applied| (applied.version, applied.name.clone(), applied.checksum.clone()));
    if !ours.eq(theirs) {
        return Err(refused(
            "the dump's migrations are not those of this program",
            format!("take the program that wrote it, {}", manifest.program),
        ));
    }
    Ok(())
}

/// A schema on its way to the dump's version, without rows, is what a restore leaves that was cut off.
async fn check_emptiness(client: &Client, current: i32, wanted: i32, parts: Option<Parts>) -> Result<(), BackupError> {
    let elsewhere = "restore into a database of its own: CREATE DATABASE …, or another --data-dir";
    let is_on_its_way = match parts {
        Some(parts) if (1..wanted).contains(&current) => client.query_typed(parts.all, &[]).await?.is_empty(),
        _ => false,
    };
    if current != 0 && current != wanted && !is_on_its_way {
        return Err(refused(
            format!("the database has a schema already, of version {current}, and the dump is of {wanted}"),
            elsewhere,
        ));
    }
    let mut found = tables::tables(client, None).await?;
    found.retain(|table| table.name != "refinery_schema_history");
    if current == 0 && !found.is_empty() {
        let names: Vec<&str> = found.iter().map(|table| table.name.as_str()).collect();
        return Err(refused(format!("the database is not empty: it has {}", names.join(", ")), elsewhere));
    }
    Ok(())
}

/// The tables to fill, locked until the transaction ends.
struct Target<'a> {
    client: &'a Client,
    tables: Vec<Table>,
}

impl<'a> Target<'a> {
    /// All of them, with every row in sight: row-level security, which binds the owner, refuses COPY.
    async fn lock(client: &'a Client, migrations: &Migrations, manifest: &Manifest) -> Result<Self, BackupError> {
        let parts = migrations.program().parts;
        let made = tables::made_by(migrations, manifest.schema_version);
        let found = tables::tables(client, parts).await?;
        let ours: Vec<Table> = found.into_iter().filter(|table| made.contains(&table.name)).collect();
        let same = ours.iter().map(|table| &table.name).eq(manifest.tables.iter().map(|table| &table.name));
        if !same {
            return Err(refused("the dump's tables are not those that the migrations make", ""));
        }
        let target = Self { client, tables: tables::in_order(client, ours).await? };
        client.batch_execute(&format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", target.names())).await?;
        target.alter("NO FORCE ROW LEVEL SECURITY").await?;
        Ok(target)
    }

    fn names(&self) -> String {
        self.tables.iter().map(Table::sql_name).collect::<Vec<_>>().join(", ")
    }

    async fn alter(&self, action: &str) -> Result<(), BackupError> {
        for table in self.tables.iter().filter(|table| table.is_parted) {
            self.client.batch_execute(&format!("ALTER TABLE {} {action}", table.sql_name())).await?;
        }
        Ok(())
    }

    async fn count(&self, table: &Table) -> Result<u64, BackupError> {
        let sql = format!("SELECT count(*) FROM {}", table.sql_name());
        let count: i64 = self.client.query_typed_one(&sql, &[]).await?.get(0);
        Ok(u64::try_from(count).unwrap_or_default())
    }

    async fn check_that_no_row_is_there(&self, migrations: &Migrations) -> Result<(), BackupError> {
        let filled = filled_by(migrations, migrations.latest());
        for table in self.tables.iter().filter(|table| !filled.contains(&table.name)) {
            let rows = self.count(table).await?;
            if rows > 0 {
                return Err(refused(
                    format!("the database is not empty: {} has {rows} rows", table.name),
                    "restore into a database of its own; where nothing of this one is wanted, `lekalo reset --yes-delete-everything` empties it",
                ));
            }
        }
        self.client.batch_execute(&format!("TRUNCATE {}", self.names())).await?;
        Ok(())
    }

    async fn fill(&self, archive: &Archive, tell: &mut impl FnMut(Progress)) -> Result<(), BackupError> {
        let mut progress = Progress { done: 0, total: archive.manifest.rows() };
        for table in &self.tables {
            let Some(saved) = archive.manifest.tables.iter().find(|saved| saved.name == table.name) else { continue };
            self.copy(table, saved, archive, |rows| tell(Progress { done: progress.done + rows, ..progress })).await?;
            progress.done += saved.rows;
        }
        Ok(())
    }

    async fn copy(
        &self,
        table: &Table,
        saved: &SavedTable,
        archive: &Archive,
        mut tell: impl FnMut(u64),
    ) -> Result<(), BackupError> {
        let failed = |source| BackupError::Table { doing: "written", table: table.name.clone(), source };
        let mut file = archive.archive()?;
        let mut rows = archive.rows(&mut file, saved)?;
        let copy = format!("COPY {} ({}) FROM STDIN", table.sql_name(), list(&saved.columns));
        let mut sink = std::pin::pin!(self.client.copy_in(&copy).await.map_err(failed)?);
        while let Some(piece) = rows.piece()? {
            sink.send(Bytes::from(piece)).await.map_err(failed)?;
            tell(rows.read());
        }
        sink.finish().await.map_err(failed)?;
        Ok(())
    }

    async fn check_counts(&self, manifest: &Manifest) -> Result<(), BackupError> {
        for saved in &manifest.tables {
            let found = match self.tables.iter().find(|table| table.name == saved.name) {
                Some(table) => self.count(table).await?,
                None => 0,
            };
            if found != saved.rows {
                let problem = format!("{} has {found} rows after all, the dump has {}", saved.name, saved.rows);
                return Err(refused(problem, "nothing was written"));
            }
        }
        Ok(())
    }

    async fn set_sequences(&self, manifest: &Manifest) -> Result<(), BackupError> {
        for sequence in &manifest.sequences {
            let name = tables::quoted(&sequence.name).replace('\'', "''");
            let (value, is_called) = (sequence.last_value, sequence.is_called);
            let sql = format!("SELECT setval('public.{name}', {value}, {is_called})");
            self.client.batch_execute(&sql).await?;
        }
        Ok(())
    }
}
