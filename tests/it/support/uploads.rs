//! Price lists on their way in: uploaded, held up, watched to their end.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use lekalo::domain::import::{CleanRow, Confidence, Mode, NewImport};
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::import_service_client::ImportServiceClient;
use lekalo::proto::lekalo::v1::upload_import_request::Payload;
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;
use tonic::Status;
use tonic::transport::Channel;

use super::TestServer;
use super::raw::encoded;
use super::service::channel;

/// What a loaded machine may need for one import.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn header() -> pb::ImportHeader {
    pb::ImportHeader {
        tenant: "evopoliki".into(),
        category: "eva_mats".into(),
        file_name: "price.pdf".into(),
        ..Default::default()
    }
}

pub async fn upload(server: &TestServer, file: &[u8], header: pb::ImportHeader) -> Result<pb::Import, Status> {
    upload_to(server.channel.clone(), file, header).await
}

pub async fn upload_to(channel: Channel, file: &[u8], header: pb::ImportHeader) -> Result<pb::Import, Status> {
    let chunks = file.chunks(64 << 10).map(|chunk| Payload::Chunk(chunk.to_vec()));
    let messages: Vec<_> = std::iter::once(Payload::Header(header))
        .chain(chunks)
        .map(|payload| pb::UploadImportRequest { payload: Some(payload) })
        .collect();
    let mut client = ImportServiceClient::new(channel);
    let response = client.upload_import(futures::stream::iter(messages)).await?;
    Ok(response.into_inner().import.unwrap())
}

/// Watches an import until it ends.
pub async fn wait(server: &TestServer, import: &pb::Import) -> pb::Import {
    let mut client = ImportServiceClient::new(server.channel.clone());
    let request = pb::WatchImportRequest { tenant: import.tenant.clone(), id: import.id.clone() };
    let mut watched = client.watch_import(request).await.unwrap().into_inner();
    let mut last = None;
    while let Some(response) = watched.message().await.unwrap() {
        last = response.import;
    }
    last.expect("the watch ended without a message")
}

pub async fn upload_and_wait(server: &TestServer, file: &[u8], header: pb::ImportHeader) -> pb::Import {
    let import = upload(server, file, header).await.unwrap();
    wait(server, &import).await
}

pub async fn rows(server: &TestServer, import: &pb::Import, outcome: pb::RowOutcome) -> Vec<pb::ImportRow> {
    let mut client = ImportServiceClient::new(server.channel.clone());
    let (mut rows, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListImportRowsRequest {
            tenant: import.tenant.clone(),
            id: import.id.clone(),
            outcome: outcome.into(),
            page_size: 100,
            page_token,
            ..Default::default()
        };
        let page = client.list_import_rows(request).await.unwrap().into_inner();
        rows.extend(page.rows);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            assert_eq!(rows.len() as i32, page.total_size);
            return rows;
        }
    }
}

/// The import once it has ended.
pub async fn ended(addr: SocketAddr, id: &str) -> pb::Import {
    let mut client = ImportServiceClient::new(channel(addr).await);
    let request = pb::WatchImportRequest { tenant: "evopoliki".into(), id: id.into() };
    let mut watched = client.watch_import(request).await.unwrap().into_inner();
    let mut last = None;
    while let Some(response) = timeout(PATIENCE, watched.message()).await.unwrap().unwrap() {
        last = response.import;
    }
    last.unwrap()
}

/// Holds what an import into evopoliki's category needs to write, until it is released.
pub async fn hold(client: &Client, sql: &str) {
    let sql = format!(
        "SELECT {sql}(hashtextextended(format('lekalo import %s %s', t.id, c.id), 0))
         FROM tenants t, product_categories c WHERE t.slug = 'evopoliki' AND c.code = 'eva_mats'"
    );
    client.batch_execute(&sql).await.unwrap();
}

pub async fn get(server: &TestServer, import: &pb::Import) -> pb::Import {
    let request = pb::GetImportRequest { tenant: import.tenant.clone(), id: import.id.clone() };
    let answer = ImportServiceClient::new(server.channel.clone()).get_import(request).await;
    answer.unwrap().into_inner().import.unwrap()
}

pub async fn reaches(server: &TestServer, import: &pb::Import, state: pb::ImportState) -> pb::Import {
    let began = Instant::now();
    loop {
        let now = get(server, import).await;
        if now.state() == state {
            return now;
        }
        assert!(began.elapsed() < PATIENCE, "{:?} never came to {state:?}", now.state());
        sleep(Duration::from_millis(20)).await;
    }
}

pub fn file(car: &str) -> Vec<u8> {
    format!("Марка,Модель\n{car}\n").into_bytes()
}

/// A price list of these "make,model,year" lines.
pub fn list(lines: &[&str]) -> Vec<u8> {
    format!("Марка,Модель,Год\n{}\n", lines.join("\n")).into_bytes()
}

/// Waits until no import is under way; one that was interrupted is not.
pub async fn imports_end(owner: &Client) {
    for _ in 0..1000 {
        let open = "SELECT count(*) FROM imports WHERE state IN ('queued', 'running') AND lease_until > now()";
        if owner.query_one(open, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("an import does not end");
}

/// An upload's messages.
pub fn messages(header: pb::ImportHeader, file: Vec<u8>) -> Vec<Bytes> {
    let messages = [Payload::Header(header), Payload::Chunk(file)];
    messages.map(|payload| encoded(&pb::UploadImportRequest { payload: Some(payload) })).to_vec()
}

/// An import of rows that come from nowhere.
pub fn new_import(category_id: i64) -> NewImport {
    NewImport {
        category_id,
        file_name: "rows".into(),
        sha256: vec![0; 32],
        mode: Mode::Merge,
        validate_only: false,
        allow_large_withdrawal: false,
        request_id: None,
    }
}

/// A row of which nothing is in doubt.
pub fn clean_row() -> CleanRow {
    CleanRow {
        page_number: 1,
        row_number: 1,
        brand: "Toyota".into(),
        model: "Camry".into(),
        confidence: Confidence::High,
        ..CleanRow::default()
    }
}
