//! The readers of raw.csv and clean.csv: any bytes give rows or an error, and what is escaped is itself again.
#![no_main]

use lekalo::import::files::{escape, read_clean, read_raw, unescape};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = read_raw(bytes);
    let _ = read_clean(bytes);
    if let Ok(cell) = std::str::from_utf8(bytes) {
        assert_eq!(unescape(&escape(cell)), cell);
    }
});
