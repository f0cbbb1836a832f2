//! Files that are not what was written: no row of them gets into a database.

use std::io::{Read as _, Write as _};
use std::path::Path;

use lekalo_migrate::backup::{Archive, BackupError, Manifest};
use sha2::{Digest as _, Sha256};

use super::{Dumps, filled, refused, restore, rows};
use crate::support::{connect, empty_database};

/// The file's parts, to be put together otherwise.
fn parts(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let count = zip.len();
    let part = |place| {
        let mut file = zip.by_index(place).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        (file.name().unwrap().into_owned(), bytes)
    };
    (0..count).map(part).collect()
}

fn put_together(path: &Path, parts: &[(String, Vec<u8>)]) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, bytes) in parts {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

fn is_damaged(path: &Path) -> bool {
    let read = Archive::open(path).and_then(|archive| archive.verify(|_| {}));
    matches!(read, Err(BackupError::Damaged { .. }))
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn a_damaged_dump_is_refused_before_the_database_is_touched() {
    let (owner, _) = filled().await;
    let dumps = Dumps::new();
    dumps.take("good.zip", &owner).await.unwrap();
    let good = std::fs::read(dumps.path("good.zip")).unwrap();
    let bad = dumps.path("bad.zip");
    for length in [0, 1, 100, good.len() / 2, good.len() - 1000, good.len() - 1] {
        std::fs::write(&bad, &good[..length]).unwrap();
        assert!(is_damaged(&bad), "cut off after {length} of {}", good.len());
    }
    let whole = parts(&dumps.path("good.zip"));
    // Single bits of the rows, compressed as they are. One that says the same otherwise (where else a word stands, say) does
    // no harm.
    let (from, to) = {
        let mut zip = zip::ZipArchive::new(std::fs::File::open(dumps.path("good.zip")).unwrap()).unwrap();
        let file = zip.by_name("tables/vehicle_aliases.copy").unwrap();
        (file.data_start().unwrap(), file.compressed_size())
    };
    for place in (0..40).map(|step| usize::try_from(from + to * step / 40).unwrap()) {
        let mut bytes = good.clone();
        bytes[place] ^= 16;
        std::fs::write(&bad, bytes).unwrap();
        assert!(is_damaged(&bad) || parts(&bad) == whole, "a bit at {place}");
    }
    // A file that is whole as such, with a row less, a row more, a table less or another manifest.
    let place = |name: &str| whole.iter().position(|(found, _)| found == name).unwrap();
    let customers = place("tables/customers.copy");
    let rows_of = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut parts = whole.clone();
        let mut lines: Vec<Vec<u8>> =
            parts[customers].1.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        change(&mut lines);
        parts[customers].1 = lines.concat();
        parts
    };
    let mut without = whole.clone();
    without.remove(customers);
    let mut unmanifested = whole.clone();
    unmanifested.pop();
    let changed = [
        rows_of(&|lines| drop(lines.pop())),
        rows_of(&|lines| lines.push(lines[0].clone())),
        rows_of(&|lines| lines.swap(0, 1)),
        without,
        unmanifested,
    ];
    let target = empty_database().await;
    for (number, parts) in changed.iter().enumerate() {
        put_together(&bad, parts);
        assert!(is_damaged(&bad), "{number}");
        refused(restore(&bad, &target).await, &["bad.zip is not a whole dump"]);
        assert!(rows(&connect(&target).await).await.is_empty(), "{number}: the database was touched");
    }
    std::fs::write(&bad, "no dump at all").unwrap();
    refused(restore(&bad, &target).await, &["bad.zip is not a whole dump"]);
    refused(restore(&dumps.path("none.zip"), &target).await, &["cannot read", "none.zip"]);
}

/// A dump with other rows of a table, and sums that agree with them.
fn forged(path: &Path, table: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    let mut parts = parts(path);
    let (_, manifest) = parts.pop().unwrap();
    let mut manifest: Manifest = serde_json::from_slice(&manifest).unwrap();
    let part = parts.iter_mut().find(|(name, _)| *name == format!("tables/{table}.copy")).unwrap();
    part.1 = change(std::mem::take(&mut part.1));
    let told = manifest.tables.iter_mut().find(|told| told.name == table).unwrap();
    told.rows = part.1.iter().filter(|byte| **byte == b'\n').count() as u64;
    told.bytes = part.1.len() as u64;
    told.sha256 = Sha256::digest(&part.1).iter().map(|byte| format!("{byte:02x}")).collect();
    parts.push(("manifest.json".into(), serde_json::to_vec(&manifest).unwrap()));
    put_together(path, &parts);
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn a_restore_that_fails_halfway_leaves_no_row_and_may_be_tried_again() {
    let (owner, _) = filled().await;
    let dumps = Dumps::new();
    let manifest = dumps.take("good.zip", &owner).await.unwrap();
    std::fs::copy(dumps.path("good.zip"), dumps.path("orphans.zip")).unwrap();
    // Applications of customers that are not there: found by a foreign key, long after the first rows.
    forged(&dumps.path("orphans.zip"), "customers", |_| Vec::new());
    let target = empty_database().await;
    refused(restore(&dumps.path("orphans.zip"), &target).await, &["applications could not be written", "foreign key"]);
    let client = connect(&target).await;
    let left: usize = rows(&client)
        .await
        .into_iter()
        .filter(|(name, _)| {
            !["refinery_schema_history", "vehicle_reference", "api_key_changes", "service_secrets"]
                .contains(&name.as_str())
        })
        .map(|(_, rows)| rows.len())
        .sum();
    assert_eq!(left, 0);
    assert_eq!(restore(&dumps.path("good.zip"), &target).await.unwrap().rows, manifest.rows());
}
