//! Uploads over the wire: what a stream of messages may be, how large and how many files, and what one `request_id` stands for.

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use lekalo::grpc::Services;
use lekalo::import::upload::{UploadLimits, Uploads};
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::import_service_client::ImportServiceClient;
use lekalo::proto::lekalo::v1::upload_import_request::Payload;
use sha2::{Digest as _, Sha256};
use tokio::time::{sleep, timeout};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use crate::support::uploads::{file, header, hold, upload, upload_and_wait, wait};
use crate::support::{self, TestServer, connect};

const PATIENCE: Duration = Duration::from_secs(30);
/// The largest chunk and, here, the largest file.
const CHUNK: usize = 3 << 20;
const FILE: usize = CHUNK + 1000;

/// Sends messages as they are, in order or not.
async fn send(server: &TestServer, messages: Vec<Option<Payload>>) -> Result<pb::Import, Status> {
    let messages: Vec<_> = messages.into_iter().map(|payload| pb::UploadImportRequest { payload }).collect();
    let mut client = ImportServiceClient::new(server.channel.clone());
    Ok(client.upload_import(stream::iter(messages)).await?.into_inner().import.unwrap())
}

fn head(header: pb::ImportHeader) -> Option<Payload> {
    Some(Payload::Header(header))
}

fn chunk(bytes: impl Into<Vec<u8>>) -> Option<Payload> {
    Some(Payload::Chunk(bytes.into()))
}

async fn imports(server: &TestServer, tenant: &str) -> Vec<pb::Import> {
    let request = pb::ListImportsRequest { tenant: tenant.into(), ..Default::default() };
    let list = ImportServiceClient::new(server.channel.clone()).list_imports(request).await.unwrap().into_inner();
    assert_eq!(list.imports.len() as i32, list.total_size);
    list.imports
}

/// One file at a time may be there, so that a place which an upload does not give back is missed by the next one.
async fn narrow() -> TestServer {
    let config = support::database().await;
    let limits = UploadLimits { file_bytes: FILE as u64, at_once: 1, per_tenant: 1 };
    TestServer::with(support::db_options(&config), config, |services| Services {
        uploads: Uploads::new(limits),
        ..services
    })
    .await
}

#[tokio::test]
async fn an_upload_is_one_header_then_chunks_or_refused_with_nothing_left() {
    let server = narrow().await;
    let h = || head(header());
    let with = |change: &dyn Fn(&mut pb::ImportHeader)| {
        let mut changed = header();
        change(&mut changed);
        vec![head(changed), chunk("x")]
    };
    let out_of_order = "UPLOAD_OUT_OF_ORDER";
    let cases: Vec<(&str, Vec<Option<Payload>>, &str, &str)> = vec![
        ("nothing", vec![], out_of_order, "payload"),
        ("an empty message", vec![None], out_of_order, "payload"),
        ("a chunk first", vec![chunk("x"), h()], out_of_order, "payload"),
        ("two headers", vec![h(), h(), chunk("x")], out_of_order, "payload"),
        ("a header at the end", vec![h(), chunk("x"), h()], out_of_order, "payload"),
        ("an empty message among chunks", vec![h(), chunk("x"), None, chunk("x")], out_of_order, "payload"),
        ("a header alone", vec![h()], "FIELD_REQUIRED", "chunk"),
        ("empty chunks", vec![h(), chunk(""), chunk("")], "FIELD_REQUIRED", "chunk"),
        ("a chunk too long", vec![h(), chunk(vec![b'x'; CHUNK + 1])], "FIELD_TOO_LONG", "chunk"),
        ("a file too long", vec![h(), chunk(vec![b'x'; CHUNK]), chunk(vec![b'x'; 1001])], "FILE_TOO_LARGE", "chunk"),
        ("no tenant", with(&|header| header.tenant.clear()), "FIELD_REQUIRED", "header.tenant"),
        ("no category", with(&|header| header.category.clear()), "FIELD_REQUIRED", "header.category"),
        ("no name", with(&|header| header.file_name.clear()), "FIELD_REQUIRED", "header.file_name"),
        ("a folder", with(&|header| header.file_name = "lists/".into()), "FIELD_REQUIRED", "header.file_name"),
        ("a long name", with(&|header| header.file_name = "ж".repeat(256)), "FIELD_TOO_LONG", "header.file_name"),
        ("a mode of no meaning", with(&|header| header.mode = 3), "FIELD_INVALID", "header.mode"),
        (
            "a request_id that is none",
            with(&|header| header.request_id = "7".into()),
            "FIELD_INVALID",
            "header.request_id",
        ),
    ];
    for (what, messages, reason, field) in cases {
        let status = send(&server, messages).await.expect_err(what);
        let details = status.get_error_details();
        assert_eq!(
            (status.code(), details.error_info().unwrap().reason.as_str()),
            (Code::InvalidArgument, reason),
            "{what}"
        );
        let fields: Vec<_> =
            details.bad_request().unwrap().field_violations.iter().map(|bad| bad.field.as_str()).collect();
        assert_eq!(fields, [field], "{what}");
        if reason == "FILE_TOO_LARGE" {
            assert_eq!(details.error_info().unwrap().metadata["max_bytes"], FILE.to_string());
        }
    }
    assert_eq!(imports(&server, "evopoliki").await, [], "what was refused left an import");

    // At the limits: a file in chunks of any length, among them the longest and empty ones.
    let mut list = file("Тойота,Камри");
    list.resize(FILE, b'\n');
    let messages =
        [h(), chunk(""), chunk(&list[..7]), chunk(&list[7..1000]), chunk(""), chunk(&list[1000..]), chunk("")];
    let import = send(&server, messages.into()).await.unwrap();
    let ended = wait(&server, &import).await;
    assert_eq!((ended.state(), ended.counts.unwrap().created), (pb::ImportState::Succeeded, 1), "{:?}", ended.error);
    let sha256: String = Sha256::digest(&list).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((import.state(), &import.sha256, &ended.sha256), (pb::ImportState::Queued, &sha256, &sha256));

    let long = "ж".repeat(255);
    for (name, kept) in [("C:\\цены\\май.csv", "май.csv"), ("/home/../май.csv", "май.csv"), (&long, &long)]
    {
        let named = pb::ImportHeader { file_name: name.into(), ..header() };
        assert_eq!(upload_and_wait(&server, &file("Тойота,Камри"), named).await.file_name, kept);
    }
}

/// What the header asks for is what is done.
#[tokio::test]
async fn what_the_header_says_reaches_the_import() {
    let server = narrow().await;
    let owner = connect(&server.config).await;
    for mode in [pb::ImportMode::Unspecified, pb::ImportMode::Merge, pb::ImportMode::Replace] {
        for (validate_only, allow_large_withdrawal) in [(false, false), (true, false), (false, true)] {
            let asked = pb::ImportHeader { mode: mode.into(), validate_only, allow_large_withdrawal, ..header() };
            let import = upload_and_wait(&server, &file("Тойота,Камри"), asked).await;
            let meant = if mode == pb::ImportMode::Replace { mode } else { pb::ImportMode::Merge };
            let state = if validate_only { pb::ImportState::Validated } else { pb::ImportState::Succeeded };
            assert_eq!((import.mode(), import.validate_only, import.state()), (meant, validate_only, state));
            assert_eq!((import.tenant.as_str(), import.category.as_str()), ("evopoliki", "eva_mats"));
            let sql = "SELECT allow_large_withdrawal FROM imports WHERE id::text = $1";
            let allowed: bool = owner.query_one(sql, &[&import.id]).await.unwrap().get(0);
            assert_eq!(allowed, allow_large_withdrawal);
        }
    }
}

#[tokio::test]
async fn files_at_once_are_limited_per_tenant_and_in_all_until_they_are_read() {
    let config = support::database().await;
    let limits = UploadLimits { at_once: 3, per_tenant: 2, ..UploadLimits::default() };
    let server = TestServer::with(support::db_options(&config), config, |services| Services {
        uploads: Uploads::new(limits),
        ..services
    })
    .await;
    let owner = connect(&server.config).await;
    let own = async |car: &str| upload(&server, &file(car), header()).await;
    let others = pb::ImportHeader { tenant: "five_deluxe".into(), category: "5d_mats".into(), ..header() };
    let other = async |car: &str| upload(&server, &file(car), others.clone()).await;
    let refused = |tried: Result<pb::Import, Status>, whose: &str| {
        let status = tried.unwrap_err();
        let details = status.get_error_details();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(details.error_info().unwrap().reason, "OVERLOADED");
        assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_secs(5)));
        assert!(status.message().starts_with(whose), "{status:?}");
    };
    hold(&owner, "pg_advisory_lock").await;
    let (first, second) = (own("Тойота,Камри").await.unwrap(), own("Тойота,Королла").await.unwrap());
    refused(own("Киа,Рио").await, "this tenant has");
    // The other tenant's ends at once, which gives its place back; one that breaks off does so too.
    let theirs = other("Тойота,Камри").await.unwrap();
    assert_eq!(wait(&server, &theirs).await.state(), pb::ImportState::Succeeded);
    let begin = || {
        let messages = [Payload::Header(others.clone()), Payload::Chunk(b"x".to_vec())];
        let messages = messages.map(|payload| pb::UploadImportRequest { payload: Some(payload) });
        let mut client = ImportServiceClient::new(server.channel.clone());
        tokio::spawn(async move { client.upload_import(stream::iter(messages).chain(stream::pending())).await })
    };
    let mut pending = begin();
    let full = async {
        loop {
            match other("Киа,Рио").await {
                Ok(import) => drop(wait(&server, &import).await),
                refusal => return refusal,
            }
            // It may have been refused itself, where the other one was faster.
            if pending.is_finished() {
                pending = begin();
            }
        }
    };
    refused(timeout(PATIENCE, full).await.unwrap(), "the server has");
    let before = imports(&server, "five_deluxe").await.len();
    pending.abort();
    let freed = async {
        while other("Киа,Рио").await.is_err() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, freed).await.expect("an upload that broke off keeps its place");
    let now = imports(&server, "five_deluxe").await;
    assert_eq!(now.len(), before + 1, "what broke off left something behind: {now:#?}");
    hold(&owner, "pg_advisory_unlock").await;
    for import in [&first, &second] {
        assert_eq!(wait(&server, import).await.state(), pb::ImportState::Succeeded);
    }
    let freed = async {
        while own("Киа,Рио").await.is_err() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, freed).await.expect("a file that was read keeps its place");
}

/// One `request_id` is one upload of one tenant: each thing that differs makes it another one.
#[tokio::test]
async fn a_request_id_stands_for_one_file_and_one_header() {
    let server = TestServer::start().await;
    let id = "6f1c9f5e-9a3f-4d6e-8a51-0d5b5f0f7a11";
    let first = pb::ImportHeader { category: "5d_mats".into(), request_id: id.into(), ..header() };
    let list = file("Тойота,Камри");
    let done = upload_and_wait(&server, &list, first.clone()).await;
    assert_eq!(done.counts.unwrap().created, 1);

    // The same again is the import as it is by now, and is not carried out again.
    let spelled = pb::ImportHeader { request_id: id.to_uppercase(), file_name: "x/price.pdf".into(), ..first.clone() };
    let alias = pb::ImportHeader { category: "mats_5d".into(), ..first.clone() };
    for same in [first.clone(), spelled, alias] {
        assert_eq!(upload(&server, &list, same).await.unwrap(), done);
    }
    let other_list = file("Тойота,Королла");
    let others: [(&str, &[u8], pb::ImportHeader); 6] = [
        ("file", &other_list, first.clone()),
        ("name", &list, pb::ImportHeader { file_name: "other.pdf".into(), ..first.clone() }),
        ("category", &list, pb::ImportHeader { category: "eva_mats".into(), ..first.clone() }),
        ("mode", &list, pb::ImportHeader { mode: pb::ImportMode::Replace.into(), ..first.clone() }),
        ("preview", &list, pb::ImportHeader { validate_only: true, ..first.clone() }),
        ("withdrawal", &list, pb::ImportHeader { allow_large_withdrawal: true, ..first.clone() }),
    ];
    for (what, file, header) in others {
        let status = upload(&server, file, header).await.expect_err(what);
        let info = status.get_error_details().error_info().unwrap().clone();
        assert_eq!((status.code(), info.reason.as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"), "{what}");
        assert_eq!(info.metadata["request_id"], id);
    }
    assert_eq!(imports(&server, "evopoliki").await, std::slice::from_ref(&done), "none of them left an import");

    let theirs = pb::ImportHeader { tenant: "five_deluxe".into(), ..first.clone() };
    let theirs = upload_and_wait(&server, &list, theirs).await;
    assert_ne!(theirs.id, done.id, "an id is its tenant's own");
    assert_eq!(theirs.counts.unwrap().created, 1);
    // Without one each upload stands for itself.
    let unnamed = pb::ImportHeader { request_id: String::new(), ..first };
    let [one, two] =
        [upload_and_wait(&server, &list, unnamed.clone()).await, upload_and_wait(&server, &list, unnamed).await];
    assert_ne!(one.id, two.id);
    let ids: Vec<_> = imports(&server, "evopoliki").await.into_iter().map(|import| import.id).collect();
    assert_eq!(ids, [two.id, one.id, done.id]);
}

/// Whoever's call ends while it is recorded asks again with the same id.
#[tokio::test]
async fn an_upload_that_is_given_up_while_it_is_recorded_begins_all_the_same() {
    let server = TestServer::start().await;
    for attempt in 0..30 {
        let header = pb::ImportHeader { request_id: Uuid::now_v7().to_string(), ..header() };
        let file = file("Тойота,Камри");
        let first = upload(&server, &file, header.clone());
        let _ = tokio::time::timeout(Duration::from_millis(2 + attempt % 15), first).await;
        let import = upload(&server, &file, header).await.unwrap();
        // By the server that took it, long before its lease is over.
        let ended = tokio::time::timeout(Duration::from_secs(15), wait(&server, &import)).await;
        assert_eq!(ended.expect("nobody begins it").state(), pb::ImportState::Succeeded);
    }
}
