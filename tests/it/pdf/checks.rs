//! Is the file whole? Every check at its boundary: what is whole is read exactly, what is not is refused, each with its own words.

use std::time::Duration;

use lekalo_documents::pdf::{self, PdfError, PdfLimits};
use lekalo_documents::{Format, NoticeKind, detect};

use super::made::{
    CATALOG, deflated, document, font, form_name, hex, listed, page, page_of, pages, resources, show, stream, tree,
    with_trailer,
};
use super::read;

const ROWS: [[&str; 3]; 2] = [["7", "Novus", "S-14"], ["8", "Zenit", "Mini"]];

/// The cells of a document's rows, each after its page and its number there.
fn cells(bytes: &[u8]) -> Result<Vec<String>, PdfError> {
    let table = read(bytes)?;
    assert_eq!(table.header, ["ID", "Make", "Model"]);
    Ok(table.rows.iter().map(|row| format!("{}.{} {}", row.page_number, row.row_number, row.cells.join(" "))).collect())
}

#[track_caller]
fn whole(bytes: &[u8]) {
    assert_eq!(cells(bytes).unwrap(), ["1.1 7 Novus S-14", "1.2 8 Zenit Mini"]);
}

#[track_caller]
fn damaged(bytes: &[u8], page: Option<i32>, check: &str) {
    let error = read(bytes).unwrap_err();
    assert_eq!(error, PdfError::Damaged { page, check: check.into() }, "{error}");
    assert_eq!(error.code(), "FILE_DAMAGED");
    let place = page.map(|page| format!(" (page {page})")).unwrap_or_default();
    let said = format!("the PDF file is damaged{place}: {check}; download or export it again");
    assert_eq!(error.to_string(), said);
}

/// A document of one page with the table, and these objects from number 6 on.
fn with_objects(more: &[Vec<u8>]) -> Vec<u8> {
    let mut objects = vec![
        CATALOG.to_vec(),
        tree(&[4], 1),
        font("Helvetica"),
        page_of(&format!("/Contents 5 0 R {}", resources(0, 0))),
        stream("", listed(&ROWS).as_bytes()),
    ];
    objects.extend(more.iter().cloned());
    document(&objects)
}

/// One page whose content stream has these filters and is this.
fn filtered(filters: &str, content: &[u8]) -> Vec<u8> {
    let mut objects = vec![CATALOG.to_vec(), tree(&[4], 1), font("Helvetica")];
    objects.push(page_of(&format!("/Contents 5 0 R {}", resources(0, 0))));
    objects.push(stream(&format!("/Filter {filters}"), content));
    document(&objects)
}

/// The same document behind so many bytes that are no PDF, its places moved along.
fn behind(junk: usize) -> Vec<u8> {
    let moved = |line: &str| match line.strip_suffix(" 00000 n ").and_then(|offset| offset.parse::<usize>().ok()) {
        Some(offset) => format!("{:010} 00000 n \n", offset + junk),
        None => format!("{line}\n"),
    };
    let file = String::from_utf8(page(&listed(&ROWS), &[])).unwrap();
    let start = file.find("xref\n").unwrap();
    let file: String = file.lines().map(moved).collect();
    let file = file.replace(&format!("startxref\n{start}\n"), &format!("startxref\n{}\n", start + junk));
    ["-".repeat(junk).into_bytes(), file.into_bytes()].concat()
}

#[test]
fn the_marks_of_beginning_and_end_stand_within_a_kibibyte() {
    whole(&behind(0));
    whole(&behind(1024 - 5));
    assert_eq!(detect(&behind(1024 - 5)), Ok(Format::Pdf));
    let late = behind(1024 - 4);
    assert_eq!(read(&late).unwrap_err(), PdfError::NotPdf);
    assert_eq!(detect(&late), Ok(Format::Delimited));

    // The end mark's own newline counts.
    let followed = |by: usize| [page(&listed(&ROWS), &[]), vec![b' '; by]].concat();
    whole(&followed(1024 - 6));
    assert_eq!(read(&followed(1024 - 5)).unwrap_err(), PdfError::Truncated);
    assert_eq!(read(b"").unwrap_err(), PdfError::Empty);
}

#[test]
fn as_many_pages_as_allowed_are_read_and_not_one_more() {
    let row = |id: &'static str| listed(&[[id, "Novus", "S-14"]]);
    let three = pages(&[&row("1"), &row("2"), &row("3")]);
    let table = pdf::read(&three, &PdfLimits { max_pages: 3, ..PdfLimits::default() }).unwrap();
    assert_eq!(table.rows.len(), 3);
    let error = pdf::read(&three, &PdfLimits { max_pages: 2, ..PdfLimits::default() }).unwrap_err();
    assert_eq!(error, PdfError::TooLarge { what: "pages", max: 2 });
    assert_eq!(error.to_string(), "the PDF file is too large: more than 2 pages; split it, or export the table alone");
}

#[test]
fn pages_are_read_in_their_order_and_pages_alike_count_each() {
    let row = |id: &'static str| listed(&[[id, "Novus", "S-14"], ["9", "Zenit", "Mini"]]);
    let (one, two) = (row("1"), row("2"));
    let expected = |ids: [&str; 3]| -> Vec<String> {
        let page = |(page, id): (i32, &str)| [format!("{page}.1 {id} Novus S-14"), format!("{page}.2 9 Zenit Mini")];
        (1..).zip(ids).flat_map(page).collect()
    };
    assert_eq!(cells(&pages(&[&two, &one, &two])).unwrap(), expected(["2", "1", "2"]));
    // The order is the tree's, not that of the objects.
    let mut objects = vec![CATALOG.to_vec(), tree(&[8, 4, 6], 3), font("Helvetica")];
    for (place, content) in [(4, &two), (6, &one), (8, &one)] {
        objects.push(page_of(&format!("/Contents {} 0 R {}", place + 1, resources(0, 0))));
        objects.push(stream("", content.as_bytes()));
    }
    assert_eq!(cells(&document(&objects)).unwrap(), expected(["1", "2", "1"]));
}

#[test]
fn a_page_count_that_disagrees_is_damage() {
    let of = |tree: Vec<u8>| {
        let mut objects = vec![CATALOG.to_vec(), tree, font("Helvetica")];
        for place in [4, 6] {
            objects.push(page_of(&format!("/Contents {} 0 R {}", place + 1, resources(0, 0))));
            objects.push(stream("", listed(&ROWS).as_bytes()));
        }
        document(&objects)
    };
    assert_eq!(read(&of(tree(&[4, 6], 2))).unwrap().rows.len(), 4);
    damaged(&of(tree(&[4, 6], 3)), None, "it says it has 3 pages, 2 could be read");
    damaged(&of(tree(&[4], 2)), None, "it says it has 2 pages, 1 could be read");
    damaged(&of(tree(&[4, 99], 2)), None, "it says it has 2 pages, 1 could be read");
    damaged(
        &of(b"<< /Type /Pages /Kids [4 0 R 6 0 R] >>".to_vec()),
        None,
        "it says it has an unknown number of pages, 2 could be read",
    );
}

#[test]
fn a_page_without_its_content_is_damage() {
    let second = |contents: &str| {
        let mut objects = vec![CATALOG.to_vec(), tree(&[4, 6], 2), font("Helvetica")];
        objects.push(page_of(&format!("/Contents 5 0 R {}", resources(0, 0))));
        objects.push(stream("", listed(&ROWS).as_bytes()));
        objects.push(page_of(&format!("{contents} {}", resources(0, 0))));
        objects.push(stream("", show(&super::HEADER).as_bytes()));
        objects.push(stream("", show(&[(20, 360, "9"), (100, 360, "Kedr"), (200, 360, "A6")]).as_bytes()));
        document(&objects)
    };
    let read = cells(&second("/Contents [7 0 R 8 0 R]")).unwrap();
    assert_eq!(read, ["1.1 7 Novus S-14", "1.2 8 Zenit Mini", "2.1 9 Kedr A6"]);
    for contents in ["", "/Contents []", "/Contents 99 0 R", "/Contents [7 0 R 99 0 R]", "/Contents [99 0 R 8 0 R]"] {
        damaged(&second(contents), Some(2), "its content is missing");
    }
    // One wrong reference, and a page's rows would come twice and another's never.
    for contents in ["/Contents 5 0 R", "/Contents [5 0 R]"] {
        damaged(&second(contents), Some(2), "it shows the same content as another page");
    }
}

#[test]
fn every_stream_is_checked_whether_it_is_shown_or_not() {
    let mut wrong_sum = deflated(b"never shown");
    *wrong_sum.last_mut().unwrap() ^= 1;
    let cut_off = deflated(b"never shown");
    let cut_off = &cut_off[..cut_off.len() - 5];
    let unsound = "the stream of object 6 does not decompress to its end or fails its checksum";
    for (filters, content, check) in [
        ("/FlateDecode", wrong_sum.as_slice(), unsound),
        ("/Fl", cut_off, unsound),
        ("[/ASCIIHexDecode /FlateDecode]", &hex(&wrong_sum), unsound),
        ("/ASCIIHexDecode", b"4x>", "the stream of object 6 is no valid hexadecimal text"),
        ("/AHx", b"4x>", "the stream of object 6 is no valid hexadecimal text"),
        ("/ASCII85Decode", b"87c\xffRD~>", "the stream of object 6 is no valid ASCII85 text"),
        ("[/A85 /Fl]", b"87c\xffRD~>", "the stream of object 6 is no valid ASCII85 text"),
    ] {
        damaged(&with_objects(&[stream(&format!("/Filter {filters}"), content)]), None, check);
        // The list of objects and what is said about the document hold no text, and may be encrypted otherwise.
        for kind in ["XRef", "Metadata"] {
            whole(&with_objects(&[stream(&format!("/Type /{kind} /Filter {filters}"), content)]));
        }
    }
    // A picture's own compression holds no text either.
    for filter in ["CCITTFaxDecode", "CCF", "JBIG2Decode", "DCTDecode", "DCT", "JPXDecode"] {
        whole(&with_objects(&[stream(&format!("/Filter /{filter}"), b"a picture")]));
    }
    for filter in ["LZWDecode", "RunLengthDecode", "Unheard"] {
        let error = read(&with_objects(&[stream(&format!("/Filter /{filter}"), b"text")])).unwrap_err();
        assert_eq!(error, PdfError::UnsupportedCompression { filter: filter.into() });
        assert_eq!(error.code(), "UNSUPPORTED_FORMAT");
        assert!(error.to_string().contains(&format!("compresses text with {filter}, which")), "{error}");
    }
}

#[test]
fn text_is_read_through_every_coding_it_may_have() {
    let content = listed(&ROWS);
    let packed = deflated(content.as_bytes());
    whole(&filtered("/FlateDecode", &packed));
    whole(&filtered("/ASCIIHexDecode", &hex(content.as_bytes())));
    whole(&filtered("[/AHx /Fl]", &hex(&packed)));
    whole(&filtered("[/FlateDecode /FlateDecode]", &deflated(&packed)));
    let mut flipped = packed;
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x55;
    assert_eq!(read(&filtered("/FlateDecode", &flipped)).unwrap_err().code(), "FILE_DAMAGED");
}

#[test]
fn streams_may_inflate_to_as_much_as_allowed_and_not_a_byte_more() {
    let content = listed(&ROWS);
    let never_shown = deflated(&[b'x'; 3000]);
    let of = |objects: &[Vec<u8>], max_inflated_bytes: usize| {
        pdf::read(
            &with_objects(objects),
            &PdfLimits { max_inflated_bytes: max_inflated_bytes as u64, ..PdfLimits::default() },
        )
    };
    let twice = [stream("/Filter /FlateDecode", &never_shown), stream("/Filter /Fl", &never_shown)];
    // What is hidden in a text coding is not seen from outside, only when it is decoded.
    let hidden = [stream("/Filter [/AHx /Fl]", &hex(&never_shown)), stream("/Filter [/AHx /Fl]", &hex(&never_shown))];
    for objects in [&twice, &hidden] {
        assert_eq!(of(objects, 6000).unwrap().rows.len(), 2);
        let error = of(objects, 5999).unwrap_err();
        assert_eq!(error, PdfError::TooLarge { what: "bytes once decompressed", max: 5999 });
        assert_eq!(error.code(), "LIMIT_EXCEEDED");
    }
    // Each layer of what is packed over and over counts.
    let packed = deflated(&deflated(content.as_bytes()));
    let inflated = content.len() + deflated(content.as_bytes()).len();
    let layered = filtered("[/FlateDecode /FlateDecode]", &packed);
    let within =
        |max: usize| pdf::read(&layered, &PdfLimits { max_inflated_bytes: max as u64, ..PdfLimits::default() });
    assert_eq!(within(inflated).unwrap().rows.len(), 2);
    assert_eq!(within(inflated - 1).unwrap_err().code(), "LIMIT_EXCEEDED");
    // Nothing is inflated before it is measured: a bomb in a file that is none besides.
    let bomb = [b"%PDF-1.4\nstream\r\n".as_slice(), &deflated(&[0; 9000]), b"\n%%EOF"].concat();
    let limits = PdfLimits { max_inflated_bytes: 8999, ..PdfLimits::default() };
    assert_eq!(pdf::read(&bomb, &limits).unwrap_err().code(), "LIMIT_EXCEEDED");
    assert_eq!(read(&bomb).unwrap_err().code(), "FILE_DAMAGED");
}

#[test]
fn content_must_make_sense_to_its_end() {
    let with = |damage: &str| page(&format!("{}{damage}", listed(&ROWS)), &[]);
    damaged(&with("1 2 Tk"), Some(1), "its content has an instruction that makes no sense (\"Tk\")");
    let long = "a".repeat(30);
    damaged(&with(&long), Some(1), &format!("its content has an instruction that makes no sense ({:?})", &long[..20]));
    damaged(&with("BT /G 10 Tf ET"), Some(1), "the font \"G\" is missing");
    damaged(&with("/Z Do"), Some(1), "the drawing \"Z\" is missing");
    for cut in ["(never closed", "[(never) 3", "<< /A 1", "BT (a"] {
        damaged(&with(cut), Some(1), "its content breaks off in the middle of an instruction");
    }
    // Instructions of programs to come are allowed where the content says so, and only there.
    whole(&with("BX 1 Tk BX 2 Tk EX 3 Tk EX"));
    damaged(&with("BX 1 Tk EX 2 Tj2"), Some(1), "its content has an instruction that makes no sense (\"Tj2\")");
}

#[test]
fn forms_are_checked_as_pages_are_as_deep_as_they_are_shown() {
    let table = listed(&ROWS);
    // Each form shows the next one, the last one the table.
    let chain = |depth: usize| {
        let mut forms: Vec<String> = (1..depth).map(|next| format!("/{} Do", form_name(next))).collect();
        forms.push(table.clone());
        page("/A Do", &forms.iter().map(String::as_str).collect::<Vec<_>>())
    };
    whole(&chain(1));
    whole(&chain(40));
    damaged(&chain(41), Some(1), "its drawings contain each other too deeply");
    for (form, check) in [
        ("1 Tk", "its content has an instruction that makes no sense (\"Tk\")"),
        ("BT /G 10 Tf ET", "the font \"G\" is missing"),
        ("(never closed", "its content breaks off in the middle of an instruction"),
        ("/Z Do", "the drawing \"Z\" is missing"),
    ] {
        damaged(&page(&format!("{table} /A Do"), &["/B Do", form]), Some(1), check);
    }
    // What is never shown is not looked at.
    whole(&page(&format!("{table} /A Do"), &["", "1 Tk"]));

    // A form without resources of its own has the page's; a picture is no form.
    let with_form = |dictionary: &str, content: &str| {
        let mut objects = vec![CATALOG.to_vec(), tree(&[4], 1), font("Helvetica")];
        objects.push(page_of(&format!("/Contents 5 0 R {}", resources(6, 1))));
        objects.push(stream("", b"/A Do"));
        objects.push(stream(dictionary, content.as_bytes()));
        document(&objects)
    };
    let form = "/Type /XObject /Subtype /Form /BBox [0 0 600 400]";
    whole(&with_form(form, &table));
    let own = format!("{form} /Resources << >>");
    damaged(&with_form(&own, &table), Some(1), "the font \"F\" is missing");
    let picture = "/Type /XObject /Subtype /Image /Width 1 /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray";
    assert_eq!(read(&with_form(picture, "x")).unwrap_err(), PdfError::NoText);
}

#[test]
fn as_many_operations_as_allowed_are_drawn_and_not_one_more() {
    // The fewest that suffice; a table of three rows draws a text for each cell.
    let needed = |content: &str, forms: &[&str]| {
        let file = page(content, forms);
        let read = |most: usize| pdf::read(&file, &PdfLimits { max_callbacks_per_page: most, ..PdfLimits::default() });
        let least = (0..200).find(|most| read(*most).is_ok()).unwrap();
        let error = read(least - 1).unwrap_err();
        assert_eq!(error, PdfError::TooLarge { what: "drawing operations on one page", max: least as u64 - 1 });
        least
    };
    let table = listed(&ROWS);
    let usual = needed(&table, &[]);
    assert!((9..=12).contains(&usual), "{usual}");
    assert_eq!(needed(&format!("{table} 0 0 9 9 re f"), &[]), usual + 1, "a path");
    assert_eq!(needed(&format!("{table} 0 0 m 9 9 l S"), &[]), usual + 1, "a line");
    assert_eq!(needed(&format!("{table} BT /F 9 Tf 3 Tr (x) Tj ET"), &[]), usual + 1, "invisible text");
    assert_eq!(
        needed(&format!("{table} 0 0 m 90 0 l 40 90 l h W n 0 0 9 9 re f"), &[]),
        usual + 2,
        "a clip and a path"
    );
    // What a form draws counts each time it is shown.
    let once = needed(&format!("{table} /A Do"), &["0 0 9 9 re f"]);
    let thrice = needed(&format!("{table} /A Do /A Do /A Do"), &["0 0 9 9 re f"]);
    assert!(once > usual && thrice - usual == 3 * (once - usual), "{usual} {once} {thrice}");
    // Each page has all of them.
    let file = pages(&[&table, &table]);
    assert_eq!(
        pdf::read(&file, &PdfLimits { max_callbacks_per_page: usual, ..PdfLimits::default() }).unwrap().rows.len(),
        4
    );
}

#[test]
fn drawing_ends_when_its_time_is_up() {
    let file = page(&format!("{}{}", listed(&ROWS), "0 0 9 9 re f ".repeat(200)), &[]);
    let read = |max_time: Duration| pdf::read(&file, &PdfLimits { max_time, ..PdfLimits::default() });
    assert_eq!(read(Duration::ZERO).unwrap_err(), PdfError::TooLarge { what: "seconds of drawing", max: 0 });
    assert_eq!(read(Duration::from_secs(60)).unwrap().rows.len(), 2);
}

#[test]
fn what_is_encrypted_otherwise_is_told_apart() {
    let objects = [CATALOG.to_vec(), tree(&[4], 1), font("Helvetica"), page_of("/Contents 5 0 R"), stream("", b"")];
    let encrypted = |how: &str| read(&with_trailer(&objects, &format!("/ID [<00> <00>] /Encrypt << {how} >>")));
    let error = encrypted("/Filter /Unheard /V 1 /R 2").unwrap_err();
    assert_eq!(error, PdfError::UnsupportedEncryption);
    assert_eq!(error.code(), "FILE_ENCRYPTED");
    let no_list = [b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\n".as_slice(), b"%%EOF"].concat();
    damaged(&no_list, None, "its table of contents or its list of pages cannot be read");
}

#[test]
fn text_that_nobody_sees_is_none_and_text_that_nobody_can_read_is_told() {
    assert_eq!(read(&page(&format!("3 Tr {}", listed(&ROWS)), &[])).unwrap_err(), PdfError::NoText);
    // A picture's page among others, wherever it stands, is passed over and told; one that should show text and does not is
    // damage.
    let table = listed(&ROWS);
    for picture in ["0 0 9 9 re f", "", "BT /F 10 Tf 3 Tr (guessed) Tj ET", "BT /F 10 Tf ( ) Tj ET"] {
        for (at, contents) in [(1, [picture, &table]), (2, [&table, picture])] {
            let read = read(&pages(&contents)).unwrap();
            let told: Vec<_> = read.notices.iter().map(|notice| (notice.kind, notice.page_number)).collect();
            assert_eq!((read.rows.len(), told), (2, vec![(NoticeKind::PageWithoutText, at)]), "{picture}");
        }
    }
    assert_eq!(read(&pages(&[&table, "BT /F 10 Tf () Tj ET"])).unwrap_err(), PdfError::PageWithoutText { page: 2 });
    // Bold as some draw it, twice and a hair apart, is there once; the same a line's height away is there twice.
    let bold = show(&[(20, 330, "9"), (100, 330, "Kedr"), (200, 330, "A6")]);
    let bold = format!("{table}{bold} q 1 0 0 1 0.3 0.2 cm {bold} Q");
    assert_eq!(cells(&page(&bold, &[])).unwrap()[2], "1.3 9 Kedr A6");
    // Text at a slant is a stamp.
    for matrix in ["0.7 0.7 -0.7 0.7", "0.94 0.34 -0.34 0.94"] {
        whole(&page(&format!("{table} BT /F 30 Tf {matrix} 100 100 Tm (SAMPLE) Tj ET"), &[]));
    }
}
