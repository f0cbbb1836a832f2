//! Files on their way in: how large one may be, and how many may lie on the disk at once.
//!
//! A file has its place from the first byte on until its import has ended, so a queue of imports is bounded too.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::domain::error::{Error, Result, Violation};
use crate::domain::tenant::TenantId;

/// What uploads may take of the disk: at most `at_once` times `file_bytes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadLimits {
    /// The largest file.
    pub file_bytes: u64,
    /// Files that arrive or are being imported, on this server.
    pub at_once: usize,
    /// Of these, one tenant's.
    pub per_tenant: usize,
}

impl Default for UploadLimits {
    /// 128 MiB, 16 files, 8 of one tenant.
    fn default() -> Self {
        Self { file_bytes: 128 << 20, at_once: 16, per_tenant: 8 }
    }
}

/// How many files each tenant has here.
type Counts = HashMap<TenantId, usize>;

/// The uploads of one server.
#[derive(Debug, Clone, Default)]
pub struct Uploads {
    limits: UploadLimits,
    counts: Arc<Mutex<Counts>>,
}

impl Uploads {
    /// None yet.
    pub fn new(limits: UploadLimits) -> Self {
        Self { limits, counts: Arc::default() }
    }

    /// Begins an upload.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED `OVERLOADED` when there are as many as may be; when the disk is not writable.
    pub fn begin(&self, tenant: TenantId) -> Result<Upload> {
        let place = self.place(tenant)?;
        let file = tempfile::tempfile().map_err(Error::internal)?;
        Ok(Upload { file, hash: Sha256::new(), bytes: 0, max_bytes: self.limits.file_bytes, _place: Some(place) })
    }

    fn place(&self, tenant: TenantId) -> Result<Place> {
        let mut counts = lock(&self.counts);
        let (all, own) = (counts.values().sum::<usize>(), counts.get(&tenant).copied().unwrap_or(0));
        let whose = match () {
            () if own >= self.limits.per_tenant => "this tenant has",
            () if all >= self.limits.at_once => "the server has",
            () => {
                *counts.entry(tenant).or_default() += 1;
                return Ok(Place { tenant, counts: self.counts.clone() });
            }
        };
        Err(Error::ResourceExhausted {
            reason: "OVERLOADED",
            message: format!("{whose} as many files waiting to be read as may be; upload again when some have been"),
            retry_after: Duration::from_secs(5),
        })
    }
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file that arrives, or is being imported. It has no name on the disk, so nothing of it is left however the process ends.
#[derive(Debug)]
pub struct Upload {
    file: File,
    hash: Sha256,
    bytes: u64,
    max_bytes: u64,
    /// None of those that were taken over: they come to the disk when it is their turn.
    _place: Option<Place>,
}

/// The largest piece in which a file is kept in the database.
const PIECE: usize = 1 << 20;

impl Upload {
    /// Begins a file that comes out of the database, where it was let in.
    ///
    /// # Errors
    /// When the disk is not writable.
    pub fn kept() -> Result<Self> {
        let file = tempfile::tempfile().map_err(Error::internal)?;
        Ok(Self { file, hash: Sha256::new(), bytes: 0, max_bytes: u64::MAX, _place: None })
    }

    /// The file in pieces.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn pieces(&self) -> std::io::Result<impl Iterator<Item = std::io::Result<Vec<u8>>> + Send + use<>> {
        let file = self.file()?;
        Ok(std::iter::from_fn(move || {
            let mut piece = Vec::with_capacity(PIECE);
            match (&file).take(PIECE as u64).read_to_end(&mut piece) {
                Ok(0) => None,
                Ok(_) => Some(Ok(piece)),
                Err(error) => Some(Err(error)),
            }
        }))
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// INVALID_ARGUMENT `FILE_TOO_LARGE`; when the disk is full.
    pub fn append(&mut self, chunk: &[u8]) -> Result<()> {
        self.bytes += chunk.len() as u64;
        if self.bytes > self.max_bytes {
            let description = format!("the file must have at most {} MiB; split it", self.max_bytes >> 20);
            let violation = Violation::new("chunk", "FILE_TOO_LARGE", description);
            let metadata = vec![("max_bytes", self.max_bytes.to_string())];
            return Err(Error::Invalid(vec![Violation { metadata, ..violation }]));
        }
        self.hash.update(chunk);
        self.file.write_all(chunk).map_err(Error::internal)
    }

    /// How many bytes have come.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The SHA-256 of what has come.
    pub fn sha256(&self) -> Vec<u8> {
        self.hash.clone().finalize().to_vec()
    }

    /// The file, from its beginning.
    pub fn file(&self) -> std::io::Result<File> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }
}

/// One file's place among those that may be here.
#[derive(Debug)]
struct Place {
    tenant: TenantId,
    counts: Arc<Mutex<Counts>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        if let Some(count) = counts.get_mut(&self.tenant) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(uploads: &Uploads, id: i64) -> String {
        uploads.begin(TenantId(id)).unwrap_err().to_string()
    }

    #[test]
    fn files_are_counted_per_tenant_and_in_all_until_they_are_read() {
        let uploads = Uploads::new(UploadLimits { at_once: 3, per_tenant: 2, ..UploadLimits::default() });
        let own: Vec<Upload> = (0..2).map(|_| uploads.begin(TenantId(1)).unwrap()).collect();
        assert!(refusal(&uploads, 1).starts_with("this tenant has"));
        let others = uploads.begin(TenantId(2)).unwrap();
        assert!(refusal(&uploads, 3).starts_with("the server has"));
        drop(own);
        assert!(uploads.begin(TenantId(3)).is_ok());
        drop(others);
        assert!(lock(&uploads.counts).is_empty());
    }

    #[test]
    fn a_file_ends_at_the_limit() {
        let uploads = Uploads::new(UploadLimits { file_bytes: 10, ..UploadLimits::default() });
        let mut upload = uploads.begin(TenantId(1)).unwrap();
        upload.append(b"0123456789").unwrap();
        let Error::Invalid(violations) = upload.append(b"x").unwrap_err() else { panic!() };
        assert_eq!(violations[0].metadata, [("max_bytes", "10".to_owned())]);
    }
}
