//! Damaged files by the thousand: each is read, or refused with a reason; none takes the reader with it.
//!
//! A few hundred in every run, ten thousand with `LEKALO_TEST_LONG=1 cargo test --release --test it mutated`. The same seed
//! makes the same files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures::StreamExt as _;
use lekalo::import::sandbox::SandboxLimits;
use lekalo_documents::extract;
use lekalo_documents::table::Table;

use crate::support::documents::{fixtures, read};
use crate::support::is_long;
use crate::support::random::Random;

const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

/// Damages a file in one of the ways files get damaged, or a stranger would.
fn mutate(file: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = file.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        let length = 1 + random.below(64).min(bytes.len().saturating_sub(at + 1));
        match random.below(8) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.byte(),
            2 => bytes[at..at + length].iter_mut().for_each(|byte| *byte = random.byte()),
            3 => drop(bytes.drain(at..at + length)),
            4 => bytes.truncate(at.max(1)),
            5 => {
                let piece = bytes[at..at + length].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            6 => {
                let from = random.below(other.len());
                let piece = &other[from..(from + length).min(other.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
            // Lengths, counts and places are what readers trust.
            _ => {
                let value = [0, 1, 0x7f, 0x80, 0xff][random.below(5)];
                bytes[at..at + length.min(4)].iter_mut().for_each(|byte| *byte = value);
            }
        }
        if bytes.is_empty() {
            bytes.push(b' ');
        }
    }
    bytes
}

fn pdfs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pdf");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|kind| kind == "pdf"));
    files.sort();
    files
}

/// Where a table first differs from what it should be.
fn difference(whole: Option<&Table>, read: &Table) -> String {
    let Some(whole) = whole else { return "read, though the whole file is not".into() };
    if (&whole.header, &whole.headers) != (&read.header, &read.headers) {
        return format!("the header is {:?}, not {:?}", read.headers, whole.headers);
    }
    let pairs = whole.rows.iter().zip(&read.rows).find(|(whole, read)| whole != read);
    pairs.map_or_else(
        || format!("{} of {} rows", read.rows.len(), whole.rows.len()),
        |(whole, read)| format!("{read:?}, not {whole:?}"),
    )
}

#[tokio::test]
async fn damaged_files_are_read_or_refused_with_a_reason() {
    let count = if is_long() { 10_000 } else { 300 };
    let files: Vec<(String, Vec<u8>)> = [fixtures(), pdfs()]
        .concat()
        .into_iter()
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap()))
        .collect();
    let tables: Vec<Option<Table>> = files.iter().map(|(_, bytes)| extract(bytes).ok()).collect();
    assert!(tables.iter().flatten().count() >= 20);
    let limits = SandboxLimits { seconds: 10, ..SandboxLimits::default() };
    let files = &files;
    let tries = futures::stream::iter(0..count).map(|number| {
        let mut random = Random(SEED.wrapping_mul(2 * number as u64 + 1));
        let which = number % files.len();
        let other = &files[random.below(files.len())].1;
        let bytes = mutate(&files[which].1, other, &mut random);
        let limits = limits.clone();
        async move { (number, which, read(&bytes, limits).await) }
    });
    let mut ended: BTreeMap<String, usize> = BTreeMap::new();
    let mut lost = Vec::new();
    let mut tries = tries.buffer_unordered(4);
    while let Some((number, which, read)) = tries.next().await {
        let name = &files[which].0;
        let code = match read {
            Ok(table) => {
                // Archives and PDFs carry checksums: what is read of them is all there was.
                let is_checked = [".xlsx", ".ods", ".docx", ".pdf"].into_iter().any(|kind| name.ends_with(kind));
                if is_checked && tables[which].as_ref() != Some(&table) {
                    lost.push(format!("{name}, try {number}: {}", difference(tables[which].as_ref(), &table)));
                }
                "read".to_owned()
            }
            Err(error) => {
                assert!(!error.message.is_empty(), "{name}, try {number}: {error:?}");
                if ["FILE_UNREADABLE", "LIMIT_EXCEEDED", "INTERNAL"].contains(&error.code.as_str()) {
                    println!("{name}, try {number}: {error:?}");
                }
                error.code
            }
        };
        *ended.entry(code).or_default() += 1;
    }
    println!("{ended:?}");
    assert!(lost.is_empty(), "read otherwise in silence:\n{}", lost.join("\n"));
    assert_eq!(ended.values().sum::<usize>(), count);
    assert!(!ended.contains_key("INTERNAL"), "{ended:?}");
    // Readers that die or meet a limit are the exception.
    let died = ["FILE_UNREADABLE", "LIMIT_EXCEEDED"].into_iter().filter_map(|code| ended.get(code)).sum::<usize>();
    assert!(died * 50 <= count, "{ended:?}");
}
