//! Documents of `docs/` that are made from the code: tests keep them.

use std::path::Path;

/// Sees that a document is what `make` makes of it; writes it anew where `LEKALO_TEST_WRITE` is set. Returns its text.
pub fn keep(name: &str, make: impl FnOnce(&str) -> String) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    let manual = std::fs::read_to_string(&path).unwrap();
    let made = make(&manual);
    if made != manual {
        let may_write = std::env::var_os("LEKALO_TEST_WRITE").is_some();
        assert!(may_write, "docs/{name} is not what the code says; LEKALO_TEST_WRITE=1 mends it");
        std::fs::write(&path, &made).unwrap();
    }
    made
}
