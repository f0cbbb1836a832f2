//! The PDF reader: any bytes give a table or an error.
#![no_main]

use std::time::Duration;

use lekalo_documents::pdf::{PdfLimits, read};
use libfuzzer_sys::fuzz_target;

// A panic inside a library is caught by the reader and told as damage: only what gets past it counts here.
fuzz_target!(init: std::panic::set_hook(Box::new(|_| {})), |bytes: &[u8]| {
    let limits = PdfLimits {
        max_pages: 20,
        max_inflated_bytes: 4 << 20,
        max_callbacks_per_page: 20_000,
        max_time: Duration::from_secs(2),
    };
    if let Ok(table) = read(bytes, &limits) {
        assert!(!table.rows.is_empty());
        assert!(table.rows.iter().all(|row| row.cells.len() == table.header.len()));
    }
});
