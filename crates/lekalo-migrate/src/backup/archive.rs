//! The file: a zip with the rows of each table, and a manifest that says how many they are and what they sum up to.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::leftovers;

use super::{BackupError, Progress, io_error};

/// The file's layout; one that is newer is refused.
const FORMAT: u32 = 1;
const MANIFEST: &str = "manifest.json";
/// A manifest has some hundred bytes for each table.
const MAX_MANIFEST: u64 = 16 << 20;
/// How much is read and sent at once.
const PIECE: usize = 64 * 1024;

/// What a dump says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// The program that wrote it, with its version.
    pub program: String,
    /// The moment that the rows are of, RFC 3339.
    pub taken_at: String,
    /// PostgreSQL's version.
    pub server: String,
    pub schema_version: i32,
    pub migrations: Vec<Migration>,
    pub tables: Vec<SavedTable>,
    pub sequences: Vec<SavedSequence>,
    /// Tables that no migration makes: they are not in the dump.
    pub left_out: Vec<String>,
}

/// An applied migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    pub version: i32,
    pub name: String,
    pub checksum: String,
}

/// The rows of a table, in COPY's text format: one line each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedTable {
    pub name: String,
    pub columns: Vec<String>,
    pub rows: u64,
    pub bytes: u64,
    pub sha256: String,
}

/// Where a sequence stood once all rows had been read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSequence {
    pub name: String,
    pub last_value: i64,
    pub is_called: bool,
}

impl Manifest {
    /// Of all tables.
    pub fn rows(&self) -> u64 {
        // Whoever writes a manifest by hand may write any number.
        self.tables.iter().fold(0, |rows, table| rows.saturating_add(table.rows))
    }

    /// A manifest of this layout, without anything in it yet.
    pub(crate) fn new(program: &str) -> Self {
        Self {
            format: FORMAT,
            program: program.to_owned(),
            taken_at: String::new(),
            server: String::new(),
            schema_version: 0,
            migrations: Vec::new(),
            tables: Vec::new(),
            sequences: Vec::new(),
            left_out: Vec::new(),
        }
    }
}

/// Rows as they go by: how many, how much, and their sum.
#[derive(Default)]
pub(crate) struct Tally {
    pub rows: u64,
    pub bytes: u64,
    sum: Sha256,
}

impl Tally {
    pub(crate) fn add(&mut self, piece: &[u8]) {
        // A line break within a value is written as `\n`: each of these ends a row.
        self.rows += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.bytes += piece.len() as u64;
        self.sum.update(piece);
    }

    pub(crate) fn table(self, name: String, columns: Vec<String>) -> SavedTable {
        let sha256 = self.sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        SavedTable { name, columns, rows: self.rows, bytes: self.bytes, sha256 }
    }
}

/// What a dump is called until it is whole.
const UNFINISHED: &str = ".lekalo-dump-";
/// No dump takes so long.
const ABANDONED: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// Removes what killed programs left: customers' numbers are in it, and room is wanted.
fn remove_abandoned(folder: &Path) {
    for (found, _) in leftovers::find(folder, UNFINISHED, ABANDONED).filter(|(_, metadata)| metadata.is_file()) {
        // The dump does not depend on it.
        let _ = std::fs::remove_file(found);
    }
}

/// A dump on its way: it has no name until it is whole, and is gone if it never is.
pub(crate) struct Writer {
    zip: ZipWriter<BufWriter<NamedTempFile>>,
    path: PathBuf,
}

impl Writer {
    /// Beside the place where it is to be. The file is this user's alone: customers' numbers are in it.
    pub(crate) fn create(path: &Path) -> Result<Self, BackupError> {
        if path.symlink_metadata().is_ok() {
            return Err(exists(path));
        }
        let folder = folder_of(path);
        if !folder.is_dir() {
            let problem = format!("there is no folder {} for the dump", folder.display());
            return Err(super::refused(
                problem,
                format!("make it, or give one that is there: mkdir -p {}", folder.display()),
            ));
        }
        remove_abandoned(folder);
        let file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder);
        let file = file.map_err(io_error("make a file in", folder))?;
        Ok(Self { zip: ZipWriter::new(BufWriter::with_capacity(1 << 20, file)), path: path.to_owned() })
    }

    pub(crate) fn begin(&mut self, table: &str) -> Result<(), BackupError> {
        self.start(&entry(table))
    }

    pub(crate) fn write(&mut self, piece: &[u8]) -> Result<(), BackupError> {
        self.zip.write_all(piece).map_err(io_error("write", &self.path))
    }

    fn start(&mut self, name: &str) -> Result<(), BackupError> {
        // How large it will be is not known beforehand.
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true);
        self.zip.start_file(name, options).map_err(io::Error::from).map_err(io_error("write", &self.path))
    }

    /// The file gets its name once it is on the disk and all of it was read again.
    pub(crate) fn finish(mut self, manifest: &Manifest) -> Result<(), BackupError> {
        self.start(MANIFEST)?;
        let text = serde_json::to_vec_pretty(manifest).map_err(io::Error::other);
        let text = text.map_err(io_error("write", &self.path))?;
        self.write(&text)?;
        let path = self.path;
        let file = self.zip.finish().map_err(io::Error::from).map_err(io_error("write", &path))?;
        let file = file.into_inner().map_err(|error| error.into_error()).map_err(io_error("write", &path))?;
        file.as_file().sync_all().map_err(io_error("write", &path))?;
        let written = Archive::open(file.path())?;
        if written.manifest != *manifest {
            return Err(damaged(&path, "its manifest reads otherwise than it was written"));
        }
        written.verify(|_| {})?;
        file.persist_noclobber(&path).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => exists(&path),
            _ => io_error("write", &path)(error.error),
        })?;
        let folder = folder_of(&path);
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_error("write", folder))
    }
}

/// A dump that is there.
pub struct Archive {
    path: PathBuf,
    pub manifest: Manifest,
}

impl Archive {
    /// Reads the manifest. It is the last thing that is written: a file that was cut off has none.
    ///
    /// # Errors
    /// When there is no such file, or it is no dump, or one of a layout that this program does not know.
    pub fn open(path: &Path) -> Result<Self, BackupError> {
        let mut archive = read(path)?;
        let manifest = archive.by_name(MANIFEST).map_err(|_| damaged(path, "there is no manifest in it"))?;
        // The layout first: another one may say everything else otherwise.
        let manifest: serde_json::Value = serde_json::from_reader(manifest.take(MAX_MANIFEST))
            .map_err(|error| damaged(path, format!("its manifest: {error}")))?;
        if manifest["format"] != FORMAT {
            return Err(super::refused(
                format!("{} is a dump of another layout than this program reads", path.display()),
                "take the program that wrote it, or a newer one",
            ));
        }
        let manifest =
            serde_json::from_value(manifest).map_err(|error| damaged(path, format!("its manifest: {error}")))?;
        Ok(Self { path: path.to_owned(), manifest })
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// When a table's rows are not those that the manifest speaks of.
    pub fn verify(&self, mut tell: impl FnMut(Progress)) -> Result<(), BackupError> {
        let mut progress = Progress { done: 0, total: self.manifest.rows() };
        for table in &self.manifest.tables {
            let mut archive = read(&self.path)?;
            let mut rows = self.rows(&mut archive, table)?;
            while rows.piece()?.is_some() {}
            progress.done += table.rows;
            tell(progress);
        }
        Ok(())
    }

    pub(crate) fn archive(&self) -> Result<ZipArchive<File>, BackupError> {
        read(&self.path)
    }

    /// The rows of a table, piece by piece.
    pub(crate) fn rows<'a>(
        &'a self,
        archive: &'a mut ZipArchive<File>,
        table: &'a SavedTable,
    ) -> Result<Rows<'a, impl Read + use<'a>>, BackupError> {
        let missing = |_| damaged(&self.path, format!("the rows of {} are not in it", table.name));
        let file = archive.by_name(&entry(&table.name)).map_err(missing)?;
        Ok(Rows { file, table, path: &self.path, tally: Tally::default() })
    }
}

/// A table's rows while they are read.
pub(crate) struct Rows<'a, R> {
    file: R,
    table: &'a SavedTable,
    path: &'a Path,
    tally: Tally,
}

impl<R: Read> Rows<'_, R> {
    /// How many were read.
    pub(crate) fn read(&self) -> u64 {
        self.tally.rows
    }

    /// The next piece; none after the last.
    ///
    /// # Errors
    /// When it cannot be read, or the last was read and they are not what the manifest speaks of.
    pub(crate) fn piece(&mut self) -> Result<Option<Vec<u8>>, BackupError> {
        let name = &self.table.name;
        let mut piece = Vec::with_capacity(PIECE);
        let read = self.file.by_ref().take(PIECE as u64).read_to_end(&mut piece);
        read.map_err(|error| damaged(self.path, format!("the rows of {name}: {error}")))?;
        if !piece.is_empty() {
            self.tally.add(&piece);
            return Ok(Some(piece));
        }
        let found = std::mem::take(&mut self.tally).table(name.clone(), self.table.columns.clone());
        if found != *self.table {
            return Err(damaged(self.path, format!("the rows of {name} are not those that were dumped")));
        }
        Ok(None)
    }
}

fn read(path: &Path) -> Result<ZipArchive<File>, BackupError> {
    let file = File::open(path).map_err(io_error("read", path))?;
    ZipArchive::new(file).map_err(|error| damaged(path, error.to_string()))
}

fn entry(table: &str) -> String {
    format!("tables/{table}.copy")
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn damaged(path: &Path, problem: impl Into<String>) -> BackupError {
    BackupError::Damaged { path: path.to_owned(), problem: problem.into() }
}

fn exists(path: &Path) -> BackupError {
    super::refused(format!("{} is there already", path.display()), "choose another name: no dump is overwritten")
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn of_unfinished_dumps_the_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let made = [(".lekalo-dump-old", 2.0), (".lekalo-dump-young", 0.5), ("a.zip", 2.0)].map(|(name, ages)| {
            let path = folder.path().join(name);
            let modified = SystemTime::now() - ABANDONED.mul_f64(ages);
            File::create(&path).unwrap().set_modified(modified).unwrap();
            path
        });
        drop(Writer::create(&folder.path().join("b.zip")).unwrap());
        assert_eq!(made.map(|path| path.exists()), [false, true, true]);
    }
}
