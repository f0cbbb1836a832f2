//! Files on their way in: how large one may be, and how many may lie on the disk at once.
//!
//! A file has its place from the first byte on until its import has ended, so a queue of imports is bounded too. One that does
//! not move loses it to one that comes.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

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

/// A file moves when so many bytes more have come.
pub const STEP: u64 = 16 << 10;
/// For how long one may not have moved before it gives its place to another.
const STALLED: Duration = Duration::from_secs(2);

/// The files that are here.
#[derive(Debug, Default)]
struct Files {
    places: Vec<Held>,
    next: u64,
}

/// One of them.
#[derive(Debug)]
struct Held {
    number: u64,
    tenant: TenantId,
    /// Of one that still comes: when it last moved.
    moved: Option<Instant>,
    displaced: CancellationToken,
}

/// The uploads of one server.
#[derive(Debug, Clone, Default)]
pub struct Uploads {
    limits: UploadLimits,
    files: Arc<Mutex<Files>>,
}

impl Uploads {
    /// None yet.
    pub fn new(limits: UploadLimits) -> Self {
        Self { limits, files: Arc::default() }
    }

    /// Begins an upload.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED `OVERLOADED` when there are as many as may be; when the disk is not writable.
    pub fn begin(&self, tenant: TenantId) -> Result<Upload> {
        let place = self.place(tenant)?;
        let file = tempfile::tempfile().map_err(Error::internal)?;
        Ok(Upload { file, hash: Sha256::new(), bytes: 0, max_bytes: self.limits.file_bytes, place: Some(place) })
    }

    fn place(&self, tenant: TenantId) -> Result<Place> {
        let mut files = lock(&self.files);
        let own = files.places.iter().filter(|file| file.tenant == tenant).count();
        let taken = match () {
            () if own >= self.limits.per_tenant => Some((Some(tenant), "this tenant has")),
            () if files.places.len() >= self.limits.at_once => Some((None, "the server has")),
            () => None,
        };
        if let Some((by, whose)) = taken
            && !files.displace(by)
        {
            return Err(full(whose));
        }
        let (number, displaced) = (files.next, CancellationToken::new());
        files.next += 1;
        files.places.push(Held { number, tenant, moved: Some(Instant::now()), displaced: displaced.clone() });
        Ok(Place { number, files: self.files.clone(), displaced })
    }
}

impl Files {
    /// Ends the upload, of this tenant if of one, that has not moved for longest, if for long enough.
    fn displace(&mut self, tenant: Option<TenantId>) -> bool {
        let of_tenant = self.places.iter().enumerate().filter(|(_, file)| tenant.is_none_or(|it| it == file.tenant));
        let slowest = of_tenant.filter_map(|(at, file)| Some((file.moved?, at))).min();
        let Some((_, at)) = slowest.filter(|(moved, _)| moved.elapsed() >= STALLED) else { return false };
        self.places.swap_remove(at).displaced.cancel();
        true
    }
}

fn full(whose: &str) -> Error {
    Error::ResourceExhausted {
        reason: "OVERLOADED",
        message: format!("{whose} as many files waiting to be read as may be; upload again when some have been"),
        retry_after: Duration::from_secs(5),
    }
}

fn lock(files: &Mutex<Files>) -> MutexGuard<'_, Files> {
    files.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file that arrives, or is being imported. It has no name on the disk, so nothing of it is left however the process ends.
#[derive(Debug)]
pub struct Upload {
    file: File,
    hash: Sha256,
    bytes: u64,
    max_bytes: u64,
    /// None of those that were taken over: they come to the disk when it is their turn.
    place: Option<Place>,
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
        Ok(Self { file, hash: Sha256::new(), bytes: 0, max_bytes: u64::MAX, place: None })
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

    /// It has moved.
    pub fn moved(&self) {
        self.set_moved(Some(Instant::now()));
    }

    /// The whole of it is here, and keeps its place until it is read.
    pub fn arrived(&self) {
        self.set_moved(None);
    }

    fn set_moved(&self, moved: Option<Instant>) {
        if let Some(Place { number, files, .. }) = &self.place
            && let Some(file) = lock(files).places.iter_mut().find(|file| file.number == *number)
        {
            file.moved = moved;
        }
    }

    /// Resolves once another file has its place.
    pub fn displaced(&self) -> impl Future<Output = Error> + Send + use<> {
        let displaced = self.place.as_ref().map(|place| place.displaced.clone());
        async move {
            match displaced {
                Some(displaced) => displaced.cancelled().await,
                None => std::future::pending().await,
            }
            full("the file did not move any more, and there are")
        }
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
    number: u64,
    files: Arc<Mutex<Files>>,
    displaced: CancellationToken,
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.files).places.retain(|file| file.number != self.number);
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
        assert!(lock(&uploads.files).places.is_empty());
    }

    #[test]
    fn a_file_that_does_not_move_gives_its_place_to_one_that_comes() {
        let uploads = Uploads::new(UploadLimits { at_once: 3, per_tenant: 2, ..UploadLimits::default() });
        let files: Vec<Upload> = [1, 1, 2].map(|id| uploads.begin(TenantId(id)).unwrap()).into();
        let long_ago = |at: usize| {
            let since = Instant::now().checked_sub(STALLED);
            lock(&uploads.files).places.iter_mut().find(|file| file.number == at as u64).unwrap().moved = since;
        };
        let is_displaced = |at: usize| files[at].place.as_ref().unwrap().displaced.is_cancelled();
        long_ago(2);
        assert!(refusal(&uploads, 1).starts_with("this tenant has"), "another tenant's is not in its way");
        files[2].arrived();
        assert!(refusal(&uploads, 3).starts_with("the server has"), "what is here whole stays");
        long_ago(1);
        files[1].moved();
        assert!(refusal(&uploads, 3).starts_with("the server has"));
        long_ago(1);
        let _third = uploads.begin(TenantId(3)).unwrap();
        assert_eq!([0, 1, 2].map(is_displaced), [false, true, false]);
        drop(files);
        assert_eq!(lock(&uploads.files).places.len(), 1);
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
