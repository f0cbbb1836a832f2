//! Is the archive whole? XLSX, XLSB and ODS are ZIP archives; reading one part of them shows nothing about the others.

use std::collections::HashSet;
use std::io::{Cursor, Read as _, Seek as _, SeekFrom};

use zip::ZipArchive;
use zip::result::ZipError;

use super::{damaged, encrypted};
use crate::{ExtractError, ReadLimits};

/// Inflates every part to its end: its checksum must hold, and all of them must stay below the limit. Returns the names.
///
/// # Errors
/// When a part is damaged or encrypted, or there is too much.
pub(super) fn check(bytes: &[u8], limits: &ReadLimits) -> Result<Vec<String>, ExtractError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| damaged("it is cut off, or no spreadsheet"))?;
    check_list(bytes, &archive)?;
    let mut left = limits.inflated_bytes;
    let mut names = Vec::new();
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).map_err(|error| match error {
            ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => encrypted(),
            _ => damaged("its list of parts is damaged"),
        })?;
        let raw_name = part.name_raw().to_vec();
        let name = String::from_utf8_lossy(&raw_name).into_owned();
        let read = std::io::copy(&mut part.by_ref().take(left.saturating_add(1)), &mut std::io::sink())
            .map_err(|_| damaged(&format!("its part {} does not match its checksum", quoted(&name))))?;
        left = left.checked_sub(read).ok_or_else(|| limits.too_much_inflated())?;
        if !is_named(bytes, part.header_start(), &raw_name) {
            return Err(damaged(&format!("its part {} has two different names", quoted(&name))));
        }
        names.push(name);
    }
    Ok(names)
}

/// No two parts have one name: programs differ in which of them they read, and the library shows one of them.
fn check_list(bytes: &[u8], archive: &ZipArchive<Cursor<&[u8]>>) -> Result<(), ExtractError> {
    const SIGNATURE: &[u8] = b"PK\x01\x02";
    const LENGTHS: std::ops::Range<usize> = 28..34;
    const NAME: usize = 46;
    let mut seen = HashSet::new();
    let mut rest = usize::try_from(archive.central_directory_start()).ok().and_then(|start| bytes.get(start..));
    while let Some(entry) = rest.filter(|entry| entry.starts_with(SIGNATURE)) {
        let lengths = entry.get(LENGTHS).unwrap_or_default();
        let mut lengths =
            lengths.chunks_exact(2).map(|pair| pair.iter().rev().fold(0, |sum, byte| sum * 256 + usize::from(*byte)));
        let name_length = lengths.next().unwrap_or(0);
        let name = entry.get(NAME..NAME + name_length).unwrap_or_default();
        // Names that differ only so are one for most programs.
        let key = String::from_utf8_lossy(name).replace('\\', "/").to_lowercase();
        if !seen.insert(key) {
            return Err(damaged(&format!("it has two parts by the name {}", quoted(&String::from_utf8_lossy(name)))));
        }
        rest = entry.get(NAME + name_length + lengths.sum::<usize>()..);
    }
    if seen.len() == archive.len() { Ok(()) } else { Err(damaged("its list of parts is damaged")) }
}

/// Whether the part's own header has the name that the archive's list has: a part under a damaged name would be missed.
fn is_named(bytes: &[u8], header_start: u64, name: &[u8]) -> bool {
    const NAME_LENGTH: u64 = 26;
    const NAME: u64 = 30;
    let mut file = Cursor::new(bytes);
    let mut length = [0; 2];
    let mut found = vec![0; name.len()];
    let mut read = |at: u64, into: &mut [u8]| {
        file.seek(SeekFrom::Start(header_start.saturating_add(at))).and_then(|_| file.read_exact(into)).is_ok()
    };
    read(NAME_LENGTH, &mut length)
        && usize::from(u16::from_le_bytes(length)) == name.len()
        && read(NAME, &mut found)
        && found == name
}

fn quoted(name: &str) -> String {
    format!("«{}»", name.chars().take(60).collect::<String>())
}
