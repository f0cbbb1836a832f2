//! The spreadsheet reader (XLSX, XLSB, XLS, ODS): any bytes give a table or an error.
#![no_main]

use lekalo_documents::ReadLimits;
use lekalo_documents::sheet::read;
use libfuzzer_sys::fuzz_target;

// A panic inside a library is caught by the reader and told as damage: only what gets past it counts here.
fuzz_target!(init: std::panic::set_hook(Box::new(|_| {})), |bytes: &[u8]| {
    if let Ok(table) = read(bytes, &ReadLimits { inflated_bytes: 4 << 20 }) {
        assert!(!table.rows.is_empty());
        assert!(table.rows.iter().all(|row| row.cells.len() == table.header.len()));
    }
});
