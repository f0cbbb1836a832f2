//! Price lists over the wire: what becomes of every row, and of files that are none.

use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::import_service_client::ImportServiceClient;
use lekalo::proto::lekalo::v1::upload_import_request::Payload;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::support::neighbours::Neighbours;
use crate::support::uploads::{header, rows, upload, upload_and_wait, wait};
use crate::support::{SAMPLE_PDF, TestServer, connect};

/// How many data rows and pages the sample price list has.
const SAMPLE_ROWS: i32 = 241;
const SAMPLE_PAGES: i32 = 10;

fn sum(counts: &pb::ImportCounts) -> i32 {
    counts.created + counts.updated + counts.unchanged + counts.merged + counts.rejected + counts.headers
}

#[tokio::test]
async fn every_row_of_a_price_list_is_accounted_for_and_a_second_import_changes_nothing() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let neighbours = Neighbours::fill(&owner).await;
    let first = upload_and_wait(&server, SAMPLE_PDF, header()).await;
    let counts = first.counts.unwrap();
    assert_eq!(first.state(), pb::ImportState::Succeeded, "{:?}", first.error);
    assert_eq!((counts.rows_read, counts.headers), (SAMPLE_ROWS + SAMPLE_PAGES, SAMPLE_PAGES));
    assert_eq!(sum(&counts), counts.rows_read);
    assert!(counts.created > 200 && counts.rejected > 0 && counts.merged > 0, "{counts:?}");

    let all = rows(&server, &first, pb::RowOutcome::Unspecified).await;
    assert_eq!(all.len() as i32, counts.rows_read);
    let mut places: Vec<_> = all.iter().map(|row| (row.page_number, row.row_number)).collect();
    assert!(places.is_sorted(), "rows come in the document's order");
    places.dedup();
    assert_eq!(places.len(), all.len(), "each place once");
    for row in &all {
        let has_pattern = !row.pattern_id.is_empty();
        let understood = !row.brand.is_empty() && !row.model.is_empty();
        match row.outcome() {
            pb::RowOutcome::Rejected => assert!(!row.issues.is_empty() && !has_pattern, "unexplained: {row:?}"),
            pb::RowOutcome::Header => assert!(row.cells.contains(&"Марка".to_owned()) && !has_pattern, "{row:?}"),
            pb::RowOutcome::Merged => assert!(row.same_as_row > 0 && row.same_as_page > 0 && has_pattern, "{row:?}"),
            _ => assert!(has_pattern && understood, "{row:?}"),
        }
    }

    let again = upload_and_wait(&server, SAMPLE_PDF, header()).await;
    let second = again.counts.unwrap();
    assert_eq!((second.created, second.updated, second.unchanged), (0, 0, counts.created));
    assert_eq!((second.merged, second.rejected, second.rows_read), (counts.merged, counts.rejected, counts.rows_read));
    neighbours.are_untouched().await;
}

#[tokio::test]
async fn a_preview_changes_nothing() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let neighbours = Neighbours::fill(&owner).await;
    let preview = pb::ImportHeader { validate_only: true, ..header() };
    let preview = upload_and_wait(&server, SAMPLE_PDF, preview).await;
    assert_eq!(preview.state(), pb::ImportState::Validated);
    let would_create = preview.counts.unwrap().created;
    let done = upload_and_wait(&server, SAMPLE_PDF, header()).await;
    assert_eq!(done.counts.unwrap().created, would_create, "what was previewed is still to be done");
    neighbours.are_untouched().await;
}

#[tokio::test]
async fn replace_withdraws_what_the_file_no_longer_has_and_refuses_to_withdraw_much() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let neighbours = Neighbours::fill(&owner).await;
    upload_and_wait(&server, SAMPLE_PDF, header()).await;
    let short = "Марка,Модель,Год\nТойота,Камри,2018\n".as_bytes();
    let replace = pb::ImportHeader { mode: pb::ImportMode::Replace.into(), ..header() };

    let refused = upload_and_wait(&server, short, replace.clone()).await;
    assert_eq!(refused.state(), pb::ImportState::Failed);
    assert_eq!(refused.error.unwrap().code, "LARGE_WITHDRAWAL");

    let meant = pb::ImportHeader { allow_large_withdrawal: true, ..replace };
    let counts = upload_and_wait(&server, short, meant).await.counts.unwrap();
    assert!(counts.withdrawn > 200, "{counts:?}");

    let back = upload_and_wait(&server, SAMPLE_PDF, header()).await.counts.unwrap();
    assert_eq!(
        back.updated + back.unchanged,
        counts.withdrawn + back.unchanged,
        "withdrawn patterns come back: {back:?}"
    );
    assert_eq!(back.created, 0);
    neighbours.are_untouched().await;
}

#[tokio::test]
async fn files_that_are_no_price_list_fail_with_a_clear_reason() {
    let server = TestServer::start().await;
    let truncated = &SAMPLE_PDF[..SAMPLE_PDF.len() / 2];
    let cases: [(&[u8], &str, &str); 5] = [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "UNSUPPORTED_FORMAT", "neither PDF"),
        (truncated, "", "cut off"),
        (b"just a letter to the shop", "NO_HEADER", "just a letter"),
        ("Марка,Модель\n".as_bytes(), "NO_ROWS", "no rows"),
        (b"PK\x03\x04 not really a workbook", "FILE_DAMAGED", "workbook"),
    ];
    for (file, code, message) in cases {
        let import = upload_and_wait(&server, file, header()).await;
        assert_eq!(import.state(), pb::ImportState::Failed);
        let error = import.error.unwrap();
        assert!(error.message.contains(message), "{error:?}");
        assert!(code.is_empty() || error.code == code, "{error:?}");
        assert_eq!(import.counts.unwrap(), pb::ImportCounts::default());
    }
}

#[tokio::test]
async fn what_can_be_refused_before_the_import_is_refused_by_the_call() {
    let server = TestServer::start().await;
    let refuse = async |file: &[u8], header: pb::ImportHeader| {
        let status = upload(&server, file, header).await.unwrap_err();
        (status.code(), status.get_error_details().error_info().unwrap().reason.clone())
    };
    let invalid = |reason: &str| (Code::InvalidArgument, reason.to_owned());
    assert_eq!(refuse(b"", header()).await, invalid("FIELD_REQUIRED"));
    assert_eq!(
        refuse(b"x", pb::ImportHeader { tenant: "nobody".into(), ..header() }).await,
        (Code::NotFound, "TENANT_NOT_FOUND".into())
    );
    assert_eq!(
        refuse(b"x", pb::ImportHeader { category: "boats".into(), ..header() }).await,
        (Code::NotFound, "CATEGORY_NOT_FOUND".into())
    );
    assert_eq!(
        refuse(b"x", pb::ImportHeader { category: "premium_covers".into(), ..header() }).await,
        (Code::FailedPrecondition, "CATEGORY_NOT_SOLD".into())
    );
    assert_eq!(refuse(b"x", pb::ImportHeader { request_id: "7".into(), ..header() }).await, invalid("FIELD_INVALID"));

    let mut client = ImportServiceClient::new(server.channel.clone());
    let chunk_first = pb::UploadImportRequest { payload: Some(Payload::Chunk(b"x".to_vec())) };
    let status = client.upload_import(futures::stream::iter([chunk_first])).await.unwrap_err();
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "UPLOAD_OUT_OF_ORDER");
}

#[tokio::test]
async fn the_same_request_id_is_the_same_import() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let neighbours = Neighbours::fill(&owner).await;
    let request_id = "6f1c9f5e-9a3f-4d6e-8a51-0d5b5f0f7a11";
    let header = pb::ImportHeader { request_id: request_id.into(), ..header() };
    let file = "Марка,Модель\nТойота,Камри\n".as_bytes();
    let uploads = (0..5).map(|_| upload(&server, file, header.clone()));
    let imports = futures::future::try_join_all(uploads).await.unwrap();
    assert!(imports.iter().all(|import| import.id == imports[0].id), "five uploads at once made one import");
    assert_eq!(wait(&server, &imports[0]).await.counts.unwrap().created, 1);

    let other = "Марка,Модель\nТойота,Королла\n".as_bytes();
    let status = upload(&server, other, header).await.unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists);
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "REQUEST_ID_REUSED");
    neighbours.are_untouched().await;
}

#[tokio::test]
async fn imports_at_once_lose_nothing_and_double_nothing() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let neighbours = Neighbours::fill(&owner).await;
    let imports = futures::future::join_all((0..4).map(|_| upload_and_wait(&server, SAMPLE_PDF, header()))).await;
    let counts: Vec<_> = imports.iter().map(|import| import.counts.unwrap()).collect();
    let created: i32 = counts.iter().map(|counts| counts.created).sum();
    assert!(counts.iter().any(|counts| counts.created == created), "one of them created all: {counts:?}");
    assert!(counts.iter().all(|counts| counts.created + counts.unchanged == created), "{counts:?}");
    neighbours.are_untouched().await;
}

#[tokio::test]
async fn an_interrupted_import_says_so_and_another_tenant_sees_none() {
    let server = TestServer::start().await;
    let import = upload_and_wait(&server, SAMPLE_PDF, header()).await;
    let owner = connect(&server.config).await;
    let neighbours = Neighbours::fill(&owner).await;
    owner
        .execute("UPDATE imports SET state = 'running', finished_at = NULL, lease_until = now() - interval '1 s', tries_left = 0", &[])
        .await
        .unwrap();
    let mut client = ImportServiceClient::new(server.channel.clone());
    let get = pb::GetImportRequest { tenant: "evopoliki".into(), id: import.id.clone() };
    let interrupted = client.get_import(get).await.unwrap().into_inner().import.unwrap();
    assert_eq!(interrupted.state(), pb::ImportState::Failed);
    assert_eq!(interrupted.error.unwrap().code, "INTERRUPTED");

    let others = pb::GetImportRequest { tenant: "five_deluxe".into(), id: import.id };
    assert_eq!(client.get_import(others).await.unwrap_err().code(), Code::NotFound);
    let list = pb::ListImportsRequest { tenant: "five_deluxe".into(), ..Default::default() };
    assert_eq!(client.list_imports(list).await.unwrap().into_inner().total_size, 0);
    neighbours.are_untouched().await;
}

#[tokio::test]
async fn a_text_too_long_for_a_pattern_costs_its_row_alone() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let neighbours = Neighbours::fill(&owner).await;
    let long: String = (0..400).map(|word| format!("слово{word} ")).collect();
    let file = format!("Марка,Модель,Описание\nТойота,Камри,{long}\nКиа,Рио,\n");
    let import = upload_and_wait(&server, file.as_bytes(), header()).await;
    let counts = import.counts.unwrap();
    assert_eq!((counts.created, counts.rejected), (1, 1), "{:?}", import.error);
    let rejected = rows(&server, &import, pb::RowOutcome::Rejected).await.remove(0);
    assert_eq!(rejected.issues[0].code, "VALUE_INVALID");
    assert_eq!(rejected.cells[2], long.trim());
    neighbours.are_untouched().await;
}
