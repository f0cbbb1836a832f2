//! Documents beside a plain model: whatever is put, put again, deleted and read, versions count on, the newest are kept,
//! and each language falls back as it should.

use std::collections::BTreeMap;

use futures::future::join_all;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::document_service_client::DocumentServiceClient;
use prost::Message as _;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::random::Random;
use crate::support::{TestServer, connect, is_long};

type Client = DocumentServiceClient<Channel>;

const TENANTS: [&str; 2] = ["evopoliki", "five_deluxe"];
const LANGUAGES: [&str; 3] = ["ru", "ky", "en"];
/// Bytes decide their order: `.` before digits before `_` before letters.
const KEYS: [&str; 5] = ["a.b", "a1", "a_b", "faq", "prompt"];
/// As the contract has them.
const MOST_VERSIONS: usize = 50;
const MOST_DOCUMENTS: usize = 200;
const MOST_BYTES: usize = 1_048_576;

async fn served() -> (TestServer, Client) {
    let server = TestServer::start().await;
    let client = DocumentServiceClient::new(server.channel.clone());
    (server, client)
}

fn document(key: &str, language: &str, content: &str) -> pb::Document {
    let (key, language, content) = (key.into(), language.into(), content.into());
    pb::Document { key, language, content, ..Default::default() }
}

fn put(tenant: &str, document: pb::Document) -> pb::PutDocumentRequest {
    pb::PutDocumentRequest { tenant: tenant.into(), document: Some(document), ..Default::default() }
}

fn get(tenant: &str, key: &str, language: &str, version: i64) -> pb::GetDocumentRequest {
    pb::GetDocumentRequest { tenant: tenant.into(), key: key.into(), language: language.into(), version }
}

async fn written(client: &mut Client, request: pb::PutDocumentRequest) -> Result<pb::Document, Status> {
    Ok(client.put_document(request).await?.into_inner().document.unwrap())
}

async fn read(client: &mut Client, request: pb::GetDocumentRequest) -> Result<pb::Document, Status> {
    let answer = client.get_document(request).await?.into_inner();
    let document = answer.document.unwrap();
    assert_eq!(answer.language, document.language);
    Ok(document)
}

async fn versions(client: &mut Client, tenant: &str, key: &str, language: &str) -> Result<Vec<pb::Document>, Status> {
    let (tenant, key, language) = (tenant.into(), key.into(), language.into());
    let request = pb::ListDocumentVersionsRequest { tenant, key, language, page_size: 500, ..Default::default() };
    Ok(client.list_document_versions(request).await?.into_inner().versions)
}

fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    let status = answer.unwrap_err();
    (status.code(), status.get_error_details().error_info().unwrap().reason.clone())
}

fn refusal(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

/// One document of the model: how far it was counted, and its versions with titles and contents.
#[derive(Default)]
struct Kept {
    last: i64,
    versions: Vec<(i64, String, String)>,
}

/// By tenant, key and language.
type Model = BTreeMap<(&'static str, &'static str, &'static str), Kept>;

fn current<'a>(
    model: &'a Model,
    tenant: &'static str,
    key: &'static str,
    asked: &str,
) -> Option<(&'static str, &'a Kept)> {
    let asked = LANGUAGES.iter().find(|language| **language == asked);
    let order = asked.into_iter().chain(&LANGUAGES);
    order.copied().find_map(|language| {
        let kept = model.get(&(tenant, key, language))?;
        (!kept.versions.is_empty()).then_some((language, kept))
    })
}

/// What a list has of a version: not the content, but how long it is.
fn matches(listed: &pb::Document, (version, title, content): &(i64, String, String)) -> bool {
    (listed.version, &listed.title, listed.size_bytes) == (*version, title, content.len() as i64)
        && listed.content.is_empty()
        && listed.etag == version.to_string()
        && listed.created_at.is_some()
}

#[tokio::test]
async fn documents_are_what_a_plain_model_says_whatever_was_written() {
    let (_server, mut client) = served().await;
    let mut random = Random(0x5eed_d0c5);
    let mut model = Model::new();
    let (mut puts, mut same, mut stale, mut deletions, mut fallbacks, mut forgotten) = (0, 0, 0, 0, 0, 0);
    for step in 0..if is_long() { 500 } else { 300 } {
        let tenant = TENANTS[random.below(2)];
        // One document is written much more often than the others, so that its versions go.
        let is_often = random.below(4) > 0;
        let (key, language) =
            if is_often { ("faq", "ru") } else { (KEYS[random.below(5)], LANGUAGES[random.below(3)]) };
        let kept = model.entry((tenant, key, language)).or_default();
        let newest = kept.versions.last().map(|(version, ..)| *version);
        match random.below(12) {
            0 => {
                let languages: Vec<&str> = if random.below(2) == 0 { vec![] } else { vec![language] };
                let request = pb::DeleteDocumentRequest {
                    tenant: tenant.into(),
                    key: key.into(),
                    languages: languages.iter().map(|language| (*language).to_owned()).collect(),
                    ..Default::default()
                };
                // Of the document that is written often, seldom.
                if is_often && random.below(20) > 0 {
                    continue;
                }
                let answer = client.delete_document(request).await;
                let going = |(of, named, in_language): &(&str, &str, &str)| {
                    (*of, *named) == (tenant, key) && (languages.is_empty() || languages.contains(in_language))
                };
                let mut gone = 0;
                for (_, kept) in model.iter_mut().filter(|(place, _)| going(place)) {
                    gone += i32::from(!kept.versions.is_empty());
                    kept.versions.clear();
                }
                if gone == 0 {
                    assert_eq!(refused(answer), refusal(Code::NotFound, "DOCUMENT_NOT_FOUND"));
                } else {
                    assert_eq!(answer.unwrap().into_inner().deleted_count, gone);
                    deletions += 1;
                }
            }
            action => {
                let title = ["", "Вопросы"][random.below(8) / 7].to_owned();
                let content = format!(" № {}\n", if action < 3 { 0 } else { step });
                let etag = match random.below(6) {
                    0 => newest.map_or_else(|| "1".to_owned(), |newest| (newest - 1).to_string()),
                    1 => newest.map(|newest| newest.to_string()).unwrap_or_default(),
                    _ => String::new(),
                };
                let new = pb::Document { title: title.clone(), ..document(key, language, &content) };
                let answer =
                    written(&mut client, pb::PutDocumentRequest { etag: etag.clone(), ..put(tenant, new) }).await;
                if !etag.is_empty() && newest.map(|newest| newest.to_string()) != Some(etag) {
                    assert_eq!(refused(answer), refusal(Code::Aborted, "ETAG_MISMATCH"));
                    stale += 1;
                    continue;
                }
                let says = (title, content);
                if kept.versions.last().is_some_and(|(_, title, content)| (title, content) == (&says.0, &says.1)) {
                    same += 1;
                } else {
                    kept.last += 1;
                    kept.versions.push((kept.last, says.0, says.1));
                    if kept.versions.len() > MOST_VERSIONS {
                        kept.versions.remove(0);
                        forgotten += 1;
                    }
                    puts += 1;
                }
                let answer = answer.unwrap();
                assert!(matches(&answer, kept.versions.last().unwrap()), "{answer:?}");
            }
        }

        // What is read.
        let asked = ["ru", "ky", "en", "", "de"][random.below(5)];
        let answer = read(&mut client, get(tenant, key, asked, 0)).await;
        match current(&model, tenant, key, asked) {
            None => assert_eq!(refused(answer), refusal(Code::NotFound, "DOCUMENT_NOT_FOUND")),
            Some((found, kept)) => {
                let (version, title, content) = kept.versions.last().unwrap();
                let answer = answer.unwrap();
                let told = (answer.language.as_str(), answer.version, &answer.title, &answer.content);
                assert_eq!(told, (found, *version, title, content));
                fallbacks += usize::from(found != asked);
            }
        }
        // Another tenant's, under the same key, are its own.
        let kept = &model[&(tenant, key, language)];
        let version = 1 + random.below(usize::try_from(kept.last).unwrap() + 2) as i64;
        let answer = read(&mut client, get(tenant, key, language, version)).await;
        match kept.versions.iter().find(|(kept, ..)| *kept == version) {
            None => assert_eq!(refused(answer), refusal(Code::NotFound, "DOCUMENT_NOT_FOUND"), "{key} {version}"),
            Some((_, _, content)) => assert_eq!(&answer.unwrap().content, content),
        }
        let listed = versions(&mut client, tenant, key, language).await;
        if kept.versions.is_empty() {
            assert_eq!(refused(listed), refusal(Code::NotFound, "DOCUMENT_NOT_FOUND"));
        } else {
            let listed = listed.unwrap();
            assert_eq!(listed.len(), kept.versions.len());
            assert!(listed.iter().zip(kept.versions.iter().rev()).all(|(listed, kept)| matches(listed, kept)));
        }
        let key_prefix = ["", "a", "a_", "a.", "fa", "x", "%"][random.below(7)];
        let request =
            pb::ListDocumentsRequest { tenant: tenant.into(), key_prefix: key_prefix.into(), ..Default::default() };
        let listed = client.list_documents(request).await.unwrap().into_inner().documents;
        let there = model
            .iter()
            .filter(|((of, key, _), kept)| *of == tenant && key.starts_with(key_prefix) && !kept.versions.is_empty());
        let there: Vec<_> =
            there.map(|((_, key, language), kept)| (*key, *language, kept.versions.last().unwrap())).collect();
        assert_eq!(listed.len(), there.len(), "{key_prefix}");
        for (listed, (key, language, newest)) in listed.iter().zip(there) {
            assert_eq!((listed.key.as_str(), listed.language.as_str()), (key, language));
            assert!(matches(listed, newest), "{listed:?}");
        }
    }
    let counts = [puts, same, stale, deletions, fallbacks, forgotten];
    assert!(counts.iter().all(|count| *count > 3), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_write_at_once_never_get_one_version_and_of_one_etag_one_writes() {
    // Of one server's writes for a tenant few are under way at a time.
    let (server, mut client) = served().await;
    let others = [TestServer::over(server.config.clone()).await, TestServer::over(server.config.clone()).await];
    let others = others.each_ref().map(|other| Client::new(other.channel.clone()));
    let clients = [client.clone(), others[0].clone(), others[1].clone()];
    let writes = (0..24).map(|number| {
        let mut client = clients[number % 3].clone();
        async move {
            let language = LANGUAGES[number % 2];
            let new = document("faq", language, &number.to_string());
            (language, written(&mut client, put(TENANTS[0], new)).await.unwrap().version)
        }
    });
    let mut got = join_all(writes).await;
    got.sort_unstable();
    let expected: Vec<_> = ["ky", "ru"].into_iter().flat_map(|of| (1..=12).map(move |version| (of, version))).collect();
    assert_eq!(got, expected);
    for last in 12..20 {
        let decided = (0..6).map(|number| {
            let mut client = clients[number % 3].clone();
            async move {
                let new = document("faq", "ru", &format!("decided {last} {number}"));
                let decided = pb::PutDocumentRequest { etag: last.to_string(), ..put(TENANTS[0], new) };
                written(&mut client, decided).await
            }
        });
        let (done, late): (Vec<_>, Vec<_>) = join_all(decided).await.into_iter().partition(Result::is_ok);
        assert_eq!((done.len(), late.len()), (1, 5));
        assert!(late.into_iter().all(|late| refused(late) == refusal(Code::Aborted, "ETAG_MISMATCH")));
        assert_eq!(read(&mut client, get(TENANTS[0], "faq", "ru", 0)).await.unwrap().version, last + 1);
    }
}

#[tokio::test]
async fn a_mebibyte_comes_whole_and_one_byte_more_is_refused() {
    let (_server, mut client) = served().await;
    for longest in ["x".repeat(MOST_BYTES), "я".repeat(MOST_BYTES / 2), format!("{}\n", "\u{1}".repeat(MOST_BYTES - 1))]
    {
        let answer = written(&mut client, put(TENANTS[0], document("faq", "ru", &longest))).await.unwrap();
        assert_eq!((answer.size_bytes, answer.content.as_str()), (MOST_BYTES as i64, ""));
        // A client with the usual limits takes it.
        assert!(read(&mut client, get(TENANTS[0], "faq", "ru", 0)).await.unwrap().content == longest);
        let more = client.put_document(put(TENANTS[0], document("faq", "ru", &(longest + "x")))).await;
        assert_eq!(refused(more), refusal(Code::InvalidArgument, "FIELD_TOO_LONG"));
    }
    let kept = versions(&mut client, TENANTS[0], "faq", "").await.unwrap();
    assert_eq!(kept.iter().map(|kept| kept.version).collect::<Vec<_>>(), [3, 2, 1]);
}

#[tokio::test]
async fn the_versions_of_a_document_have_eight_mebibytes_together() {
    let (_server, mut client) = served().await;
    for number in 0..10 {
        let content = number.to_string() + &"x".repeat(MOST_BYTES - 1);
        written(&mut client, put(TENANTS[0], document("faq", "ru", &content))).await.unwrap();
        written(&mut client, put(TENANTS[0], document("faq", "ky", &number.to_string()))).await.unwrap();
    }
    let mut kept = async |language: &str| {
        let versions = versions(&mut client, TENANTS[0], "faq", language).await.unwrap();
        versions.iter().map(|kept| kept.version).rev().collect::<Vec<_>>()
    };
    assert_eq!(kept("ru").await, (3..=10).collect::<Vec<_>>());
    assert_eq!(kept("ky").await, (1..=10).collect::<Vec<_>>(), "another language's have their own");
    written(&mut client, put(TENANTS[0], document("faq", "ru", "short"))).await.unwrap();
    let left = versions(&mut client, TENANTS[0], "faq", "ru").await.unwrap();
    assert_eq!(left.iter().map(|left| left.version).rev().collect::<Vec<_>>(), (4..=11).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_retry_gets_the_first_answer_byte_for_byte_and_keeps_no_second_content() {
    let (server, mut client) = served().await;
    let owner = connect(&server.config).await;
    let request = pb::PutDocumentRequest {
        request_id: "0198c0de-0000-7000-8000-00000000d0c5".into(),
        ..put(TENANTS[0], document("faq", "ru", &"я".repeat(MOST_BYTES / 2)))
    };
    let first = client.put_document(request.clone()).await.unwrap().into_inner().encode_to_vec();
    written(&mut client, put(TENANTS[0], document("faq", "ru", "between"))).await.unwrap();
    let again = client.put_document(request).await.unwrap().into_inner().encode_to_vec();
    assert_eq!(again, first);
    assert_eq!(read(&mut client, get(TENANTS[0], "faq", "ru", 0)).await.unwrap().content, "between");
    let longest = "SELECT max(octet_length(answer)) FROM write_requests";
    let longest: i32 = owner.query_one(longest, &[]).await.unwrap().get(0);
    assert!((1..1000).contains(&longest), "{longest}");
}

#[tokio::test]
async fn a_shop_has_two_hundred_documents_and_each_counts_until_it_is_deleted() {
    let (_server, mut client) = served().await;
    for number in 0..MOST_DOCUMENTS {
        let new = document(&format!("key_{}", number / 2), LANGUAGES[number % 2], "x");
        written(&mut client, put(TENANTS[0], new)).await.unwrap();
    }
    let one_more = || put(TENANTS[0], document("key_0", "en", "x"));
    let refused_one = written(&mut client, one_more()).await;
    assert_eq!(refused(refused_one), refusal(Code::FailedPrecondition, "DOCUMENT_LIMIT"));
    // Those that are there are written, and another shop has its own.
    assert_eq!(written(&mut client, put(TENANTS[0], document("key_0", "ky", "y"))).await.unwrap().version, 2);
    written(&mut client, put(TENANTS[1], document("key_0", "en", "x"))).await.unwrap();
    let delete = pb::DeleteDocumentRequest { tenant: TENANTS[0].into(), key: "key_7".into(), ..Default::default() };
    assert_eq!(client.delete_document(delete).await.unwrap().into_inner().deleted_count, 2);
    written(&mut client, one_more()).await.unwrap();
    // Its number is counted on.
    assert_eq!(written(&mut client, put(TENANTS[0], document("key_7", "ru", "x"))).await.unwrap().version, 2);
}

#[tokio::test]
async fn a_deletion_by_etag_is_of_one_language_and_of_the_version_that_was_read() {
    let (_server, mut client) = served().await;
    for language in LANGUAGES {
        written(&mut client, put(TENANTS[0], document("faq", language, "1"))).await.unwrap();
    }
    written(&mut client, put(TENANTS[0], document("faq", "ky", "2"))).await.unwrap();
    let mut delete = async |languages: &[&str], etag: &str| {
        let languages = languages.iter().map(|language| (*language).to_owned()).collect();
        let (tenant, key, etag) = (TENANTS[0].to_owned(), "faq".to_owned(), etag.to_owned());
        let request = pb::DeleteDocumentRequest { tenant, key, languages, etag, request_id: String::new() };
        client.delete_document(request).await.map(|answer| answer.into_inner().deleted_count)
    };
    for languages in [&[][..], &["ru", "ky"]] {
        assert_eq!(refused(delete(languages, "1").await), refusal(Code::InvalidArgument, "FIELD_INVALID"));
    }
    assert_eq!(refused(delete(&["ky"], "1").await), refusal(Code::Aborted, "ETAG_MISMATCH"));
    assert_eq!(delete(&["ky", "ky"], "2").await.unwrap(), 1);
    assert_eq!(refused(delete(&["ky"], "2").await), refusal(Code::NotFound, "DOCUMENT_NOT_FOUND"));
    assert_eq!(delete(&[], "").await.unwrap(), 2);
}
