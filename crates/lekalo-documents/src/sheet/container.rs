//! Is the container whole? XLS files are compound files: a small file system whose chains of sectors may be made to run in
//! circles. A protected XLSX stands in such a container too.

use std::io::Cursor;

use cfb::CompoundFile;

use super::{damaged, encrypted};
use crate::ExtractError;

/// Reads every stream to its end.
///
/// # Errors
/// When one is damaged, or what is inside is encrypted.
pub(super) fn check(bytes: &[u8]) -> Result<(), ExtractError> {
    let is_damaged = |_| damaged("it is cut off, damaged, or no spreadsheet");
    let mut container = CompoundFile::open(Cursor::new(bytes)).map_err(is_damaged)?;
    let streams: Vec<_> = container.walk().filter(cfb::Entry::is_stream).map(|entry| entry.path().to_owned()).collect();
    if container.is_stream("/EncryptedPackage") {
        return Err(encrypted());
    }
    for path in streams {
        let mut stream = container.open_stream(&path).map_err(is_damaged)?;
        std::io::copy(&mut stream, &mut std::io::sink()).map_err(is_damaged)?;
    }
    Ok(())
}
