//! The PDF reader on whole documents: exact rows, or an error; never fewer rows in silence.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lekalo_documents::pdf::{self, PdfError, PdfLimits};
use lekalo_documents::table::Table;

use crate::support::shared_data;
use made::{HEADER, page, show};

mod checks;
mod layout;
pub mod made;
mod merged;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pdf")
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(name)).unwrap()
}

fn read(bytes: &[u8]) -> Result<Table, PdfError> {
    pdf::read(bytes, &PdfLimits::default())
}

/// CSV with quoted fields, a byte order mark allowed.
fn csv(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    let (mut records, mut record, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.trim_start_matches('\u{feff}').chars().filter(|ch| *ch != '\r').peekable();
    while let Some(ch) = chars.next() {
        match ch {
            '"' if quoted && chars.peek() == Some(&'"') => field.push(chars.next().unwrap()),
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            _ => field.push(ch),
        }
    }
    assert!(record.is_empty() && field.is_empty(), "{} does not end with a newline", path.display());
    records
}

fn records(table: &Table) -> Vec<Vec<String>> {
    let head = ["page_number", "row_number"].map(String::from).into_iter().chain(table.header.clone()).collect();
    let row = |row: &lekalo_documents::table::TableRow| {
        [row.page_number.to_string(), row.row_number.to_string()].into_iter().chain(row.cells.clone()).collect()
    };
    std::iter::once(head).chain(table.rows.iter().map(row)).collect()
}

#[test]
fn every_fixture_is_read_exactly() {
    let mut count = 0;
    for entry in std::fs::read_dir(fixtures()).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("protected.pdf") {
            let error = read(&std::fs::read(&path).unwrap()).unwrap_err();
            assert_eq!((&error, error.code()), (&PdfError::PasswordProtected, "FILE_ENCRYPTED"));
        } else if path.extension().is_some_and(|extension| extension == "pdf") {
            let table =
                read(&std::fs::read(&path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            for (got, wanted) in records(&table).iter().zip(csv(&path.with_extension("csv"))) {
                assert_eq!(*got, wanted, "{}", path.display());
            }
            assert_eq!(records(&table).len(), csv(&path.with_extension("csv")).len(), "{}", path.display());
            count += 1;
        }
    }
    assert!(count >= 12, "only {count} fixtures");
}

#[test]
fn header_pages_say_where_the_header_stands() {
    let pages = |name| read(&fixture(name)).unwrap().headers.iter().map(|row| row.page_number).collect::<Vec<_>>();
    assert_eq!(pages("reportlab-ruled.pdf"), [1, 2, 3]);
    assert_eq!(pages("canvas-continued.pdf"), [1]);
}

#[test]
fn a_real_price_list_equals_its_labels() {
    let Some(list) = shared_data("price-list-odd-pages.pdf") else { return };
    let table = read(&std::fs::read(list).unwrap()).unwrap();
    let labels = csv(&shared_data("vehicles-gold-odd-pages.csv").unwrap());
    assert_eq!(table.header, ["ID", "Марка", "Модель", "Год", "Описание"]);
    assert_eq!(table.rows.len(), labels.len() - 1);
    for (row, label) in table.rows.iter().zip(&labels[1..]) {
        let page = (label[0].parse::<i32>().unwrap() + 1) / 2;
        assert_eq!((row.page_number, row.row_number.to_string()), (page, label[1].clone()));
        assert_eq!(row.cells, label[2..7], "page {page}, row {}", row.row_number);
    }
}

#[test]
fn what_is_no_pdf_is_said_to_be_none() {
    assert_eq!(read(b"").unwrap_err().code(), "FILE_EMPTY");
    assert_eq!(read(b"ID,\xd0\x9c\n1,2\n").unwrap_err().code(), "UNSUPPORTED_FORMAT");
    assert_eq!(read(b"%PDF-1.7\n%%EOF").unwrap_err().code(), "FILE_DAMAGED");
}

#[test]
fn a_truncated_file_is_an_error_wherever_it_is_cut() {
    for name in ["reportlab-ruled.pdf", "chromium-plain.pdf"] {
        let bytes = fixture(name);
        for percent in (5..100).step_by(5) {
            let error = read(&bytes[..bytes.len() * percent / 100]).unwrap_err();
            assert_eq!(error, PdfError::Truncated, "{name} cut at {percent} %: {error}");
        }
        // Even with its end mark glued on again.
        let cut = [&bytes[..bytes.len() / 2], b"\n%%EOF\n"].concat();
        let error = read(&cut).unwrap_err();
        assert!(matches!(error, PdfError::Damaged { .. }), "{error}");
    }
}

#[test]
fn a_flipped_byte_is_an_error_or_changes_no_cell() {
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let mut refused = 0;
    for name in ["reportlab-ruled.pdf", "chromium-plain.pdf"] {
        let bytes = fixture(name);
        let whole = read(&bytes).unwrap();
        for _ in 0..50 {
            let mut flipped = bytes.clone();
            let at = random() as usize % flipped.len();
            flipped[at] ^= 1 + (random() % 255) as u8;
            match read(&flipped) {
                Ok(table) => assert_eq!(table, whole, "{name}: byte {at} changed what is read in silence"),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > 20, "only {refused} of 100 flips were noticed: do the checks still run?");
}

#[test]
fn a_table_of_plain_text_is_read() {
    let row = [(20, 360, "7"), (100, 360, "Novus"), (200, 360, "S-14")];
    let table = read(&page(&show(&[HEADER, row].concat()), &[])).unwrap();
    assert_eq!(table.rows[0].cells, ["7", "Novus", "S-14"]);
    // The same out of a form.
    let table = read(&page("q /A Do Q", &[&show(&[HEADER, row].concat())])).unwrap();
    assert_eq!(table.rows[0].cells, ["7", "Novus", "S-14"]);
}

#[test]
fn documents_without_a_table_say_what_is_missing() {
    assert_eq!(read(&page("0 0 100 100 re f", &[])).unwrap_err().code(), "FILE_HAS_NO_TEXT");
    let error = read(&page(&show(&[(20, 380, "Invoice")]), &[])).unwrap_err();
    assert_eq!(error.code(), "NO_HEADER");
    assert!(error.to_string().contains("Invoice"), "{error}");
    assert_eq!(read(&page(&show(&HEADER), &[])).unwrap_err(), PdfError::NoRows { header_page: 1 });
}

#[test]
fn content_that_breaks_off_or_makes_no_sense_is_damage() {
    let whole = show(&[HEADER, [(20, 360, "7"), (100, 360, "Novus"), (200, 360, "S-14")]].concat());
    for damage in ["BT /F 10 Tf 20 340 Td (8", "BT /F 10 Tf 20 340 Td (8) Tk ET", "BT /G 10 Tf (8) Tj ET", "/Z Do"] {
        let error = read(&page(&format!("{whole}{damage}"), &[])).unwrap_err();
        assert!(matches!(error, PdfError::Damaged { page: Some(1), .. }), "{damage}: {error}");
    }
}

#[test]
fn forms_that_show_themselves_or_multiply_are_stopped() {
    let started = Instant::now();
    let limits = PdfLimits { max_callbacks_per_page: 20_000, max_time: Duration::from_secs(5), ..PdfLimits::default() };
    // Each of twelve forms shows the next one ten times; a million million drawings in all.
    let levels: Vec<String> =
        ('B'..='L').map(|next| format!("/{next} Do ").repeat(10)).chain([show(&HEADER)]).collect();
    let levels: Vec<&str> = levels.iter().map(String::as_str).collect();
    let error = pdf::read(&page("/A Do", &levels), &limits).unwrap_err();
    assert_eq!(error.code(), "LIMIT_EXCEEDED", "{error}");
    for file in [page("/A Do", &["/A Do /A Do"]), page("/A Do", &["/B Do /B Do", "/A Do /A Do"])] {
        let error = pdf::read(&file, &limits).unwrap_err();
        assert!(matches!(error.code(), "LIMIT_EXCEEDED" | "FILE_DAMAGED" | "FILE_HAS_NO_TEXT"), "{error}");
    }
    assert!(started.elapsed() < Duration::from_secs(20), "it took {:?}", started.elapsed());
}

#[test]
fn a_decompression_bomb_meets_the_cap() {
    let zeros = vec![0; 64 << 20];
    let mut packed = zeros;
    for _ in 0..2 {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&packed).unwrap();
        packed = encoder.finish().unwrap();
    }
    let mut file = b"%PDF-1.4\n1 0 obj\n<< /Type /ObjStm /Filter [/FlateDecode /FlateDecode] >>\nstream\n".to_vec();
    file.extend(packed);
    file.extend(b"\nendstream\nendobj\n%%EOF\n");
    let limits = PdfLimits { max_inflated_bytes: 16 << 20, ..PdfLimits::default() };
    assert_eq!(pdf::read(&file, &limits).unwrap_err().code(), "LIMIT_EXCEEDED");
}

#[test]
fn every_limit_is_kept() {
    let bytes = fixture("reportlab-ruled.pdf");
    let refused =
        |limits: PdfLimits| assert_eq!(pdf::read(&bytes, &limits).unwrap_err().code(), "LIMIT_EXCEEDED", "{limits:?}");
    refused(PdfLimits { max_pages: 2, ..PdfLimits::default() });
    refused(PdfLimits { max_inflated_bytes: 10_000, ..PdfLimits::default() });
    refused(PdfLimits { max_callbacks_per_page: 10, ..PdfLimits::default() });
}
