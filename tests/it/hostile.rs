//! Files made to harm: each ends in an answer that says what is wrong, and costs the server next to nothing.
//!
//! Small ones under small limits in every run; `LEKALO_TEST_LONG=1 cargo test --release` has them in full size.

use std::io::{Cursor, Write};
use std::time::Duration;

use lekalo::import::sandbox::SandboxLimits;
use lekalo::proto::lekalo::v1::import_service_client::ImportServiceClient;
use lekalo::proto::lekalo::v1::upload_import_request::Payload;
use lekalo::proto::lekalo::v1::{ImportState, UploadImportRequest};
use tonic::Code;
use tonic_types::StatusExt as _;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::support::documents::{inflating, read, row, workbook};
use crate::support::service::{Service, channel};
use crate::support::uploads::{ended, header, upload, upload_to};
use crate::support::{self, SAMPLE_PDF, TestServer, folder, is_long};

async fn refused(file: &[u8], code: &str, words: &str) {
    let error = read(file, SandboxLimits::default()).await.unwrap_err();
    assert_eq!(error.code, code, "{error:?}");
    assert!(error.message.contains(words), "{error:?}");
}

/// Zeros, deflated over and over.
fn deflated(length: usize, times: usize) -> Vec<u8> {
    let mut packed = Vec::new();
    for layer in 0..times {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        if layer == 0 {
            let zeros = vec![0; 1 << 20];
            (0..length >> 20).for_each(|_| encoder.write_all(&zeros).unwrap());
        } else {
            encoder.write_all(&packed).unwrap();
        }
        packed = encoder.finish().unwrap();
    }
    packed
}

/// A PDF whose only stream is this one.
fn pdf(dictionary: &str, stream: &[u8]) -> Vec<u8> {
    let mut file = format!("%PDF-1.5\n1 0 obj\n<< {dictionary} /Length {} >>\nstream\n", stream.len()).into_bytes();
    file.extend(stream);
    file.extend(b"\nendstream\nendobj\n%%EOF\n");
    file
}

/// An ODS with one row of this XML.
fn ods(rows: &str) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let content = format!(
        "<office:document-content><office:body><office:spreadsheet><table:table table:name=\"S\">{rows}</table:table>\
         </office:spreadsheet></office:body></office:document-content>"
    );
    for (name, text) in [
        ("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
        ("META-INF/manifest.xml", "<manifest:manifest/>"),
        ("content.xml", &content),
    ] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[tokio::test]
async fn streams_that_inflate_without_end_are_told() {
    let (limit, pdf_size, sheet_size) = if is_long() { (256, 2048, 500) } else { (8, 16, 10) };
    let limits = SandboxLimits { inflated_bytes: limit << 20, ..SandboxLimits::default() };
    for times in 1..=3 {
        let filters = "/FlateDecode ".repeat(times);
        let bomb = pdf(&format!("/Type /ObjStm /Filter [{filters}]"), &deflated(pdf_size << 20, times));
        let error = read(&bomb, limits.clone()).await.unwrap_err();
        assert_eq!(error.code, "LIMIT_EXCEEDED", "{error:?}");
        assert!(error.message.contains("once decompressed"), "{error:?}");
    }
    let error = read(&inflating(sheet_size), limits).await.unwrap_err();
    assert_eq!(error.code, "LIMIT_EXCEEDED", "{error:?}");
    assert!(error.message.contains(&format!("inflates to more than {limit} MiB")), "{error:?}");
    assert_eq!(read(&inflating(2), SandboxLimits::default()).await.unwrap().rows.len(), 1);
}

#[tokio::test]
async fn cells_far_away_and_rows_repeated_without_end_are_told() {
    let start = [row(1, &[("A", "Марка"), ("B", "Модель")]), row(2, &[("A", "Кедр"), ("B", "А6")])].concat();
    refused(&workbook(&[&(start + &row(1_048_576, &[("XFD", "x")]))]), "LIMIT_EXCEEDED", "XFD1048576").await;

    let cell = |text: &str| {
        format!("<table:table-cell office:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>")
    };
    let line = |attributes: &str, cells: &str| format!("<table:table-row {attributes}>{cells}</table:table-row>");
    let head = line("", &(cell("Марка") + &cell("Модель")));
    let repeated = |rows: u32| line(&format!("table:number-rows-repeated=\"{rows}\""), &(cell("Кедр") + &cell("А6")));
    assert_eq!(read(&ods(&(head + &repeated(3))), SandboxLimits::default()).await.unwrap().rows.len(), 3);
    refused(&repeating(1, 1_000_000), "LIMIT_EXCEEDED", "repeats its rows").await;
    refused(&repeating(3000, 1), "LIMIT_EXCEEDED", "1024 MiB of memory").await;
}

/// An ODS with this many lines, each of which the library makes 16,384 cells of, or a million times as many.
fn repeating(lines: usize, rows: u32) -> Vec<u8> {
    let cell =
        "<table:table-cell table:number-columns-repeated=\"16384\" office:value-type=\"float\" office:value=\"1\"/>";
    ods(&format!("<table:table-row table:number-rows-repeated=\"{rows}\">{cell}</table:table-row>").repeat(lines))
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn text_without_end_is_told() {
    refused(&b"x\n".repeat(8 << 20), "NO_HEADER", "x / x / x").await;
    let header: String = (0..254).map(|column| format!(",Цена {column}")).collect();
    let rows = format!("Марка,Модель{header}\n{}", "а,б\n".repeat(40_000));
    refused(rows.as_bytes(), "LIMIT_EXCEEDED", "more than 10000000 cells (256 columns)").await;
    refused(&["Марка,Модель\n".as_bytes(), &b"x,".repeat(1 << 20)].concat(), "LIMIT_EXCEEDED", "line 2").await;
    let long = ["Марка,Модель\nКедр,".as_bytes(), &vec![b'x'; 31 << 20], b"\nA,B\n"].concat();
    refused(&long, "LIMIT_EXCEEDED", "a row of the file has more than 1 MiB of text").await;
    let error = read(&long, SandboxLimits { answer_bytes: 1 << 20, ..SandboxLimits::default() }).await.unwrap_err();
    assert_eq!(error.message, "the rows of the file have more than 1 MiB of text");
}

#[tokio::test]
async fn a_zero_character_is_told_where_it_stands() {
    let rows = [row(1, &[("A", "Марка"), ("B", "Модель")]), row(2, &[("A", "Кедр"), ("B", "А_x0000_6")])].concat();
    refused(&workbook(&[&rows]), "FILE_DAMAGED", "line 2 holds a zero character").await;
}

#[tokio::test]
async fn nesting_without_end_is_an_answer_too() {
    let arrays = [b"<< /Root ".as_slice(), &b"[".repeat(2 << 20)].concat();
    let dictionaries = b"<< /A ".repeat(1 << 20);
    for depth in [arrays, dictionaries] {
        let text = String::from_utf8(depth).unwrap();
        let file = format!("%PDF-1.5\n1 0 obj\n{text}\nendobj\ntrailer {text}\nstartxref\n0\n%%EOF\n");
        // A stack that overflows, or a reader that takes too long: both end with the process.
        let error = read(file.as_bytes(), SandboxLimits { seconds: 2, ..SandboxLimits::default() }).await.unwrap_err();
        assert!(["FILE_DAMAGED", "FILE_UNREADABLE", "LIMIT_EXCEEDED"].contains(&error.code.as_str()), "{error:?}");
    }
    let nested = "<a>".repeat(1 << 20);
    let error = read(&workbook(&[&nested]), SandboxLimits::default()).await.unwrap_err();
    assert!(["FILE_DAMAGED", "NO_ROWS"].contains(&error.code.as_str()), "{error:?}");
}

/// How much memory a server may ever have had, whatever it was sent.
const MOST_MEMORY: u64 = 256 << 20;

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn the_server_outlives_files_that_no_process_does_and_stays_small() {
    let config = support::database().await;
    let folder = folder();
    let mut service = Service::configured(folder.path(), &config);
    let addr = service.addr().await;
    let channel = channel(addr).await;
    let lines = if is_long() { 40 << 20 } else { 2 << 20 };
    let mut refused = vec![
        (repeating(3000, 1), "LIMIT_EXCEEDED"),
        (b"x\n".repeat(lines), "NO_HEADER"),
        (["Марка,Модель\nКедр,".as_bytes(), &vec![b'x'; lines], b"\nA,B\n"].concat(), "LIMIT_EXCEEDED"),
    ];
    if is_long() {
        refused.extend([
            (inflating(500), "LIMIT_EXCEEDED"),
            (workbook(&[&"<a>".repeat(1 << 20)]), "NO_ROWS"),
            (["Марка,Модель\n".as_bytes(), &b"x,".repeat(1 << 20)].concat(), "LIMIT_EXCEEDED"),
        ]);
    }
    for (file, code) in refused {
        let import = upload_to(channel.clone(), &file, header()).await.unwrap();
        let import = ended(addr, &import.id).await;
        assert_eq!(import.state(), ImportState::Failed);
        assert_eq!(import.error.unwrap().code, code);
    }

    // 200 MB are refused as soon as they are too many, and nothing of them stays on the disk.
    let chunk = UploadImportRequest { payload: Some(Payload::Chunk(vec![b'x'; 1 << 20])) };
    let first = UploadImportRequest { payload: Some(Payload::Header(header())) };
    let messages = futures::stream::iter(std::iter::once(first).chain(std::iter::repeat_n(chunk, 200)));
    let status = ImportServiceClient::new(channel.clone()).upload_import(messages).await.unwrap_err();
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!((status.code(), info.reason.as_str()), (Code::InvalidArgument, "FILE_TOO_LARGE"));
    assert_eq!(info.metadata.get("max_bytes").map(String::as_str), Some("134217728"));

    let import = upload_to(channel, SAMPLE_PDF, header()).await.unwrap();
    let counts = ended(addr, &import.id).await.counts.unwrap();
    assert!(counts.created > 200, "{counts:?}");
    let most = service.most_memory();
    println!("the server had at most {} MiB", most >> 20);
    assert!(most < MOST_MEMORY, "{most} bytes");
}

#[tokio::test]
async fn a_tenant_cannot_fill_the_disk_with_uploads_that_never_end() {
    let server = TestServer::start().await;
    let (mut senders, mut calls) = (Vec::new(), Vec::new());
    for _ in 0..12 {
        let (sender, receiver) = tokio::sync::mpsc::channel(2);
        sender.send(UploadImportRequest { payload: Some(Payload::Header(header())) }).await.unwrap();
        sender.send(UploadImportRequest { payload: Some(Payload::Chunk(b"x".to_vec())) }).await.unwrap();
        let mut client = ImportServiceClient::new(server.channel.clone());
        let messages = tokio_stream::wrappers::ReceiverStream::new(receiver);
        senders.push(sender);
        calls.push(Box::pin(async move { client.upload_import(messages).await }));
    }
    // Eight go on for as long as they like.
    for _ in 0..4 {
        let (ended, _, others) = futures::future::select_all(calls).await;
        let status = ended.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "OVERLOADED");
        assert!(details.retry_info().unwrap().retry_delay.is_some());
        calls = others;
    }
    let file = "Марка,Модель\nТойота,Камри\n".as_bytes();
    assert_eq!(upload(&server, file, header()).await.unwrap_err().code(), Code::ResourceExhausted);
    // Another tenant is served, and so is this one once its uploads are gone.
    let others = lekalo::proto::lekalo::v1::ImportHeader {
        tenant: "five_deluxe".into(),
        category: "5d_mats".into(),
        ..header()
    };
    upload(&server, file, others).await.unwrap();
    drop((calls, senders));
    for attempt in 0.. {
        match upload(&server, file, header()).await {
            Ok(_) => break,
            Err(status) => assert!(attempt < 50, "{status:?}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
