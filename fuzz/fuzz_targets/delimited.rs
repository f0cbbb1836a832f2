//! The text reader: any bytes give a table or an error, and every table survives raw.csv.
#![no_main]

use lekalo_documents::delimited::read;
use lekalo_documents::{read_raw, write_raw};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(table) = read(bytes) {
        assert!(!table.rows.is_empty());
        assert!(table.rows.iter().all(|row| row.cells.len() == table.header.len()));
        let mut file = Vec::new();
        write_raw(&table, &mut file).unwrap();
        let back = read_raw(file.as_slice()).unwrap();
        assert_eq!((back.header, back.rows), (table.header, table.rows));
    }
});
