//! Small PDFs, written by hand: every object stands where the cross-reference table says.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// The names of the smallest table, each with its place.
pub const HEADER: [(i32, i32, &str); 3] = [(20, 380, "ID"), (100, 380, "Make"), (200, 380, "Model")];

/// The catalog, which is the first object of every document here.
pub const CATALOG: &[u8] = b"<< /Type /Catalog /Pages 2 0 R >>";

/// Objects numbered from 1, the first of them the catalog.
pub fn document(objects: &[Vec<u8>]) -> Vec<u8> {
    with_trailer(objects, "")
}

/// The same with something more in its trailer.
pub fn with_trailer(objects: &[Vec<u8>], trailer: &str) -> Vec<u8> {
    let mut file = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    for (number, object) in (1..).zip(objects) {
        offsets.push(file.len());
        writeln!(file, "{number} 0 obj").unwrap();
        file.extend(object);
        file.extend(b"\nendobj\n");
    }
    let start = file.len();
    let size = objects.len() + 1;
    write!(file, "xref\n0 {size}\n0000000000 65535 f \n").unwrap();
    offsets.iter().for_each(|offset| writeln!(file, "{offset:010} 00000 n ").unwrap());
    write!(file, "trailer << /Root 1 0 R /Size {size} {trailer} >>\nstartxref\n{start}\n%%EOF\n").unwrap();
    file
}

/// A stream with this in its dictionary.
pub fn stream(dictionary: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("<< {dictionary} /Length {} >>\nstream\n", content.len());
    [head.as_bytes(), content, b"\nendstream"].concat()
}

/// Compressed, as FlateDecode undoes it.
pub fn deflated(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// As hexadecimal digits, as ASCIIHexDecode undoes them.
pub fn hex(content: &[u8]) -> Vec<u8> {
    content.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).chain(*b">").collect()
}

/// A page tree of these pages.
pub fn tree(pages: &[usize], count: usize) -> Vec<u8> {
    let kids: String = pages.iter().map(|page| format!("{page} 0 R ")).collect();
    format!("<< /Type /Pages /Kids [{kids}] /Count {count} >>").into_bytes()
}

/// A page of 600 × 400 points with this in its dictionary.
pub fn page_of(dictionary: &str) -> Vec<u8> {
    format!("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 400] {dictionary} >>").into_bytes()
}

/// A font of the fourteen that every reader knows.
pub fn font(name: &str) -> Vec<u8> {
    format!("<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>").into_bytes()
}

/// What pages and forms find their fonts and forms in: object 3 is the font /F, those from `forms` on are /A, /B, ….
pub fn resources(forms: usize, count: usize) -> String {
    let name = |number: usize| format!("/{} {} 0 R ", form_name(number), forms + number);
    format!("/Resources << /Font << /F 3 0 R >> /XObject << {} >> >>", (0..count).map(name).collect::<String>())
}

/// A, B, … Z, AA, AB, ….
pub fn form_name(number: usize) -> String {
    let letter = char::from(b'A' + (number % 26) as u8);
    if number < 26 { letter.to_string() } else { format!("{}{letter}", form_name(number / 26 - 1)) }
}

/// Pages that show these contents, in this order, in Helvetica; the pages are the objects 4, 6, … and their contents those after them.
pub fn pages(contents: &[&str]) -> Vec<u8> {
    pages_in("Helvetica", contents)
}

/// The same in another of the fourteen fonts.
pub fn pages_in(name: &str, contents: &[&str]) -> Vec<u8> {
    let places: Vec<usize> = (0..contents.len()).map(|page| 4 + 2 * page).collect();
    let mut objects = vec![CATALOG.to_vec(), tree(&places, places.len()), font(name)];
    for (place, content) in places.iter().zip(contents) {
        objects.push(page_of(&format!("/Contents {} 0 R {}", place + 1, resources(0, 0))));
        objects.push(stream("", content.as_bytes()));
    }
    document(&objects)
}

/// One page that shows this content, and the forms it may show as /A, /B, ….
pub fn page(content: &str, forms: &[&str]) -> Vec<u8> {
    let resources = resources(6, forms.len());
    let mut objects = vec![
        CATALOG.to_vec(),
        tree(&[4], 1),
        font("Helvetica"),
        page_of(&format!("/Contents 5 0 R {resources}")),
        stream("", content.as_bytes()),
    ];
    let dictionary = format!("/Type /XObject /Subtype /Form /BBox [0 0 600 400] {resources}");
    objects.extend(forms.iter().map(|form| stream(&dictionary, form.as_bytes())));
    document(&objects)
}

/// Shows each text at its place.
pub fn show(texts: &[(i32, i32, &str)]) -> String {
    texts.iter().map(|(x, y, text)| format!("BT /F 10 Tf {x} {y} Td ({text}) Tj ET\n")).collect()
}

/// A header, and below it a row for each of these.
pub fn listed(rows: &[[&str; 3]]) -> String {
    let mut texts = HEADER.to_vec();
    for (cells, y) in rows.iter().zip((0..=360).rev().step_by(15)) {
        texts.extend(HEADER.iter().zip(cells).map(|((x, ..), text)| (*x, y, *text)));
    }
    show(&texts)
}
