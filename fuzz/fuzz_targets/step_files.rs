//! The reader of raw.csv: any bytes give rows or an error, and what is escaped is itself again. clean.csv is read by the same
//! `Sheet`; what its cells may be is tested with the service.
#![no_main]

use lekalo_documents::read_raw;
use lekalo_documents::step_file::{escape, unescape};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = read_raw(bytes);
    if let Ok(cell) = std::str::from_utf8(bytes) {
        assert_eq!(unescape(&escape(cell)), cell);
    }
});
