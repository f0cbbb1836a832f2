//! The reader of web pages: any bytes give a table or an error.
#![no_main]

use lekalo_documents::html::read;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(table) = read(bytes) {
        assert!(!table.rows.is_empty());
        assert!(table.rows.iter().all(|row| row.cells.len() == table.header.len()));
    }
});
