//! What bots say, over the wire.

use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::text_service_client::TextServiceClient;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::catalog::RAISE_SHARED;
use crate::support::{TestServer, connect};

async fn served() -> (TestServer, TextServiceClient<Channel>) {
    let server = TestServer::reading_through().await;
    let client = TextServiceClient::new(server.channel.clone());
    (server, client)
}

fn get(keys: &[&str], language: &str) -> pb::BatchGetTextsRequest {
    pb::BatchGetTextsRequest {
        tenant: "evopoliki".into(),
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        language: language.into(),
        ..Default::default()
    }
}

fn text(key: &str, language: &str, value: &str) -> pb::Text {
    pb::Text { key: key.into(), value: value.into(), language: language.into(), ..Default::default() }
}

fn list(key: &str, language: &str, items: &[&str]) -> pb::Text {
    let items = items.iter().map(|item| (*item).to_owned()).collect();
    pb::Text { list: Some(pb::TextList { items }), ..text(key, language, "") }
}

fn flag(key: &str, language: &str, flag: bool) -> pb::Text {
    pb::Text { flag: Some(flag), ..text(key, language, "") }
}

fn upsert(texts: &[pb::Text]) -> pb::UpsertTextsRequest {
    pb::UpsertTextsRequest { tenant: "evopoliki".into(), texts: texts.to_vec(), ..Default::default() }
}

fn violations(status: &Status) -> Vec<(String, String)> {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let details = status.get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    violations.iter().map(|violation| (violation.field.clone(), violation.reason.clone())).collect()
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(field, reason)| (field.to_owned(), reason.to_owned())).to_vec()
}

#[tokio::test]
async fn texts_come_in_order_and_missing_keys_are_named() {
    let (_server, mut client) = served().await;
    let keys = ["welcome", "no_such_text", "forward", "welcome", "back"];
    let answer = client.batch_get_texts(get(&keys, "ky")).await.unwrap().into_inner();
    let found: Vec<_> = answer.texts.iter().map(|text| (text.key.as_str(), text.language.as_str())).collect();
    assert_eq!(found, [("welcome", "ky"), ("forward", "ky"), ("back", "ky")]);
    assert!(answer.texts[0].value.contains("Саламатсызбы"), "{:?}", answer.texts[0]);
    assert_eq!((answer.missing_keys, answer.language.as_str()), (vec!["no_such_text".to_owned()], "ky"));
    assert!(answer.texts.iter().all(|text| text.source() == pb::TextSource::Shared && !text.value.is_empty()));

    let all = pb::BatchGetTextsRequest { key_prefix: "ask_".into(), keys: vec![], ..get(&[], "de") };
    let answer = client.batch_get_texts(all).await.unwrap().into_inner();
    assert!(answer.texts.len() >= 7 && answer.texts.iter().all(|text| text.key.starts_with("ask_")));
    assert!(answer.texts.is_sorted_by_key(|text| text.key.clone()));
    assert_eq!(answer.language, "ru", "an unserved language falls back");
    // `_` is a character, not a wildcard.
    let none = pb::BatchGetTextsRequest { key_prefix: "as%".into(), ..get(&[], "") };
    assert_eq!(client.batch_get_texts(none).await.unwrap().into_inner().texts, []);
}

#[tokio::test]
async fn the_tenants_own_goes_before_the_shared_one_in_one_language() {
    let (server, mut client) = served().await;
    let own = [text("welcome", "ru", "Салам из {shop}!"), text("only_ours", "en", "  Just this.\n")];
    let written = client.upsert_texts(upsert(&own)).await.unwrap().into_inner().texts;
    assert!(written.iter().all(|text| text.source() == pb::TextSource::Tenant));
    assert_eq!(written[1].value, "  Just this.\n", "white space is part of a text");

    let read = async |client: &mut TextServiceClient<Channel>, tenant: &str, key: &str, language: &str| {
        let request = pb::BatchGetTextsRequest { tenant: tenant.into(), ..get(&[key], language) };
        let text = client.batch_get_texts(request).await.unwrap().into_inner().texts.pop();
        text.map(|text| (text.value.chars().take(5).collect::<String>(), text.language.clone(), text.source()))
    };
    let found = |value: &str, language: &str, source| Some((value.to_owned(), language.to_owned(), source));
    let (own, shared) = (pb::TextSource::Tenant, pb::TextSource::Shared);
    assert_eq!(read(&mut client, "evopoliki", "welcome", "").await, found("Салам", "ru", own));
    assert_eq!(read(&mut client, "evopoliki", "welcome", "en").await, found("Hello", "en", shared));
    assert_eq!(read(&mut client, "five_deluxe", "welcome", "").await, found("Здрав", "ru", shared));
    assert_eq!(read(&mut client, "evopoliki", "only_ours", "ky").await, found("  Jus", "en", own));
    assert_eq!(read(&mut client, "five_deluxe", "only_ours", "en").await, None);

    // What is missing in the language asked for comes in the tenant's default before Russian.
    let owner = connect(&server.config).await;
    let written_past_it = format!(
        "DELETE FROM shared_texts WHERE key = 'back' AND language = 'en';
         UPDATE tenants SET default_language = 'ky'; {RAISE_SHARED}"
    );
    owner.batch_execute(&written_past_it).await.unwrap();
    let (_, language, _) = read(&mut client, "five_deluxe", "back", "en").await.unwrap();
    assert_eq!(language, "ky");
    let (_, language, _) = read(&mut client, "five_deluxe", "back", "").await.unwrap();
    assert_eq!(language, "ky");
}

#[tokio::test]
async fn the_version_changes_with_any_text_and_only_then() {
    let (server, mut client) = served().await;
    let owner = connect(&server.config).await;
    let version = async |client: &mut TextServiceClient<Channel>| {
        client.batch_get_texts(get(&["back"], "")).await.unwrap().into_inner().version
    };
    let mut seen = vec![version(&mut client).await];
    client.upsert_texts(upsert(&[text("note", "ru", "Раз")])).await.unwrap();
    seen.push(version(&mut client).await);
    client.upsert_texts(upsert(&[text("note", "ru", "Два")])).await.unwrap();
    seen.push(version(&mut client).await);
    client.upsert_texts(upsert(&[text("note", "ru", "Два")])).await.unwrap();
    assert_eq!(version(&mut client).await, seen[2], "nothing changed");
    for change in [
        "UPDATE shared_texts SET value = value || '.' WHERE key = 'forward' AND language = 'ky'",
        "DELETE FROM shared_texts WHERE key = 'forward' AND language = 'ky'",
        "UPDATE tenants SET default_language = 'en' WHERE slug = 'evopoliki'",
    ] {
        owner.batch_execute(&format!("{change}; {RAISE_SHARED}")).await.unwrap();
        seen.push(version(&mut client).await);
    }
    let mut others = pb::UpsertTextsRequest { tenant: "five_deluxe".into(), ..upsert(&[text("note", "ru", "Три")]) };
    others.texts.push(text("note", "ky", "Үч"));
    client.upsert_texts(others).await.unwrap();
    assert_eq!(version(&mut client).await, seen[5], "another tenant's text is none of ours");
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), seen.len(), "{seen:?}");
}

#[tokio::test]
async fn pages_put_together_are_all_texts() {
    let (_server, mut client) = served().await;
    client.upsert_texts(upsert(&[text("zz", "ru", "Я"), text("back", "en", "Return")])).await.unwrap();
    let list = |size, token: String, skip, language: &str| pb::ListTextsRequest {
        tenant: "evopoliki".into(),
        language: language.into(),
        page_size: size,
        page_token: token,
        skip,
    };
    let all = client.list_texts(list(500, String::new(), 0, "en")).await.unwrap().into_inner();
    assert_eq!((all.texts.len() as i32, all.next_page_token.as_str()), (all.total_size, ""));
    assert!(all.total_size > 25);
    let back = all.texts.iter().find(|text| text.key == "back").unwrap();
    assert_eq!((back.value.as_str(), back.source()), ("Return", pb::TextSource::Tenant));
    assert_eq!(all.texts.last().unwrap().language, "ru");

    let (mut paged, mut token) = (Vec::new(), String::new());
    loop {
        let page = client.list_texts(list(7, token, 0, "en")).await.unwrap().into_inner();
        paged.extend(page.texts);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, all.texts);
    let jumped = client.list_texts(list(3, String::new(), 9, "en")).await.unwrap().into_inner();
    assert_eq!(jumped.texts, all.texts[9..12]);
    let other = client.list_texts(list(3, jumped.next_page_token, 0, "ru")).await.unwrap_err();
    assert_eq!(violations(&other), pairs([("page_token", "PAGE_TOKEN_INVALID")]));
}

#[tokio::test]
async fn placeholders_are_the_same_in_every_language_or_nothing_is_written() {
    let (_server, mut client) = served().await;
    let request = upsert(&[text("greeting", "ru", "Привет"), text("welcome", "en", "Hello from {name}")]);
    let refused = client.upsert_texts(request).await.unwrap_err();
    assert_eq!(violations(&refused), pairs([("texts[1].value", "PLACEHOLDERS_DIFFER")]));
    let details = refused.get_error_details();
    let metadata = &details.error_info().unwrap().metadata;
    assert_eq!((metadata["key"].as_str(), metadata["language"].as_str()), ("welcome", "en"));
    assert_eq!(metadata["expected"], "shop");
    let nothing = client.batch_get_texts(get(&["greeting"], "")).await.unwrap().into_inner();
    assert_eq!(nothing.missing_keys, ["greeting"], "all or nothing");

    // In all its languages they may change; then the tenant's own decide.
    let all = ["ru", "ky", "en"].map(|language| text("welcome", language, "{name} @ {shop}"));
    client.upsert_texts(upsert(&all)).await.unwrap();
    client.upsert_texts(upsert(&[text("welcome", "ky", "{shop}, {name}, {shop}")])).await.unwrap();
    let refused = client.upsert_texts(upsert(&[text("welcome", "ky", "{shop}")])).await.unwrap_err();
    assert_eq!(refused.get_error_details().error_info().unwrap().metadata["expected"], "name,shop");

    // Two who write different languages of one key at once do not end up with different placeholders.
    let pair = ["ru", "ky"].map(|language| {
        let mut client = client.clone();
        let value = format!("{{{language}}}");
        async move { client.upsert_texts(upsert(&[text("raced", language, &value)])).await }
    });
    let [one, other] = pair;
    let (one, other) = tokio::join!(one, other);
    assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1);
}

#[tokio::test]
async fn every_bad_field_is_named() {
    let (_server, mut client) = served().await;
    let bad = upsert(&[
        text("Ask Brand", "ru", "x"),
        text("", "de", " "),
        text("ok", "", "{"),
        text("ok", "ru", &"ы".repeat(65_537)),
        text("ok", "ru", "x"),
        text("ok", "ru", "\0"),
    ]);
    let refused = client.upsert_texts(pb::UpsertTextsRequest { request_id: "1".into(), ..bad }).await.unwrap_err();
    assert_eq!(
        violations(&refused),
        pairs([
            ("request_id", "FIELD_INVALID"),
            ("texts[0].key", "FIELD_INVALID"),
            ("texts[1].key", "FIELD_REQUIRED"),
            ("texts[1].language", "FIELD_INVALID"),
            ("texts[1].value", "FIELD_REQUIRED"),
            ("texts[2].language", "FIELD_REQUIRED"),
            ("texts[2].value", "FIELD_INVALID"),
            ("texts[3].value", "FIELD_TOO_LONG"),
            ("texts[4]", "FIELD_INVALID"),
            ("texts[5].value", "FIELD_INVALID"),
            ("texts[5]", "FIELD_INVALID"),
        ])
    );
    let none = client.batch_get_texts(get(&[], "")).await.unwrap_err();
    assert_eq!(violations(&none), pairs([("keys", "FIELD_REQUIRED")]));
    let both = pb::BatchGetTextsRequest { key_prefix: "a".into(), ..get(&["b", ""], "") };
    let both = client.batch_get_texts(both).await.unwrap_err();
    assert_eq!(violations(&both), pairs([("keys[1]", "FIELD_INVALID"), ("key_prefix", "FIELD_INVALID")]));
    let many = client.batch_get_texts(get(&["x"; 201], "")).await.unwrap_err();
    assert_eq!(violations(&many), pairs([("keys", "FIELD_TOO_LONG")]));
    assert_eq!(many.get_error_details().error_info().unwrap().metadata["max"], "200");
    let unknown = pb::BatchGetTextsRequest { tenant: "nobody".into(), ..get(&["x"], "") };
    assert_eq!(client.batch_get_texts(unknown).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_write_that_comes_twice_is_done_once() {
    let (_server, mut client) = served().await;
    let request_id = "0198b5d2-8c1e-7f6a-9d43-5b0c2f7e1a90".to_owned();
    let request = pb::UpsertTextsRequest { request_id, ..upsert(&[text("note", "ru", "Раз")]) };
    let first = client.upsert_texts(request.clone()).await.unwrap().into_inner();
    client.upsert_texts(upsert(&[text("note", "ru", "Два")])).await.unwrap();
    assert_eq!(client.upsert_texts(request.clone()).await.unwrap().into_inner(), first);
    let now = client.batch_get_texts(get(&["note"], "")).await.unwrap().into_inner();
    assert_eq!(now.texts[0].value, "Два", "the retry changed nothing");
    let other = pb::UpsertTextsRequest { texts: vec![text("note", "ru", "Три")], ..request };
    let other = client.upsert_texts(other).await.unwrap_err();
    assert_eq!(other.code(), Code::AlreadyExists);
    assert_eq!(other.get_error_details().error_info().unwrap().reason, "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn lists_and_switches_are_read_as_they_were_written() {
    let (_server, mut client) = served().await;
    let new = [
        list("cities", "ru", &["Бишкек", " Ош\n(центр) "]),
        flag("wants_phone", "ru", false),
        flag("wants_year", "ru", true),
    ];
    let told_as = ["Бишкек\n Ош\n(центр) ", "false", "true"];
    let source = pb::TextSource::Tenant.into();
    let told = |(text, value): (&pb::Text, &str)| pb::Text { value: value.into(), source, ..text.clone() };
    let own: Vec<_> = new.iter().zip(told_as).map(told).collect();
    assert_eq!(client.upsert_texts(upsert(&new)).await.unwrap().into_inner().texts, own);
    let read = get(&["cities", "wants_phone", "wants_year"], "ky");
    let answer = client.batch_get_texts(read.clone()).await.unwrap().into_inner();
    assert_eq!(answer.texts, own);
    let listed = pb::ListTextsRequest { tenant: "evopoliki".into(), page_size: 500, ..Default::default() };
    let listed = client.list_texts(listed).await.unwrap().into_inner().texts;
    assert!(own.iter().all(|text| listed.contains(text)));

    // What was read can be written back, and changes nothing.
    assert_eq!(client.upsert_texts(upsert(&own)).await.unwrap().into_inner().texts, own);
    assert_eq!(client.batch_get_texts(read.clone()).await.unwrap().into_inner().version, answer.version);
    // Nothing else may stand beside it.
    let refused = client.upsert_texts(upsert(&[
        pb::Text { value: "Бишкек".into(), ..list("cities", "ru", &["Бишкек", "Ош"]) },
        pb::Text { value: "true".into(), ..flag("wants_phone", "ru", false) },
        pb::Text { flag: Some(true), ..list("both", "ru", &["a"]) },
    ]));
    assert_eq!(
        violations(&refused.await.unwrap_err()),
        pairs([
            ("texts[0].value", "FIELD_INVALID"),
            ("texts[1].value", "FIELD_INVALID"),
            ("texts[2].flag", "FIELD_INVALID")
        ])
    );
    // The lines of a list are another text than the list, and a word than a flag.
    for (text, key) in
        [(text("cities", "ru", told_as[0]), "cities"), (text("wants_phone", "ru", "false"), "wants_phone")]
    {
        let version = client.batch_get_texts(read.clone()).await.unwrap().into_inner().version;
        client.upsert_texts(upsert(std::slice::from_ref(&text))).await.unwrap();
        let answer = client.batch_get_texts(get(&[key], "")).await.unwrap().into_inner();
        assert_eq!((&answer.texts[0].list, answer.texts[0].flag), (&None, None));
        assert_ne!(answer.version, version);
    }
}

#[tokio::test]
async fn a_key_is_of_one_kind_in_every_language() {
    let (server, mut client) = served().await;
    client.upsert_texts(upsert(&[list("cities", "ru", &["Бишкек", "{more}"])])).await.unwrap();
    let refused = client.upsert_texts(upsert(&[
        text("cities", "ky", "{more}"),
        list("cities", "en", &["Bishkek"]),
        flag("welcome", "en", true),
    ]));
    let refused = refused.await.unwrap_err();
    assert_eq!(
        violations(&refused),
        pairs([
            ("texts[0].value", "TEXT_KINDS_DIFFER"),
            ("texts[1].list", "PLACEHOLDERS_DIFFER"),
            ("texts[2].flag", "TEXT_KINDS_DIFFER")
        ])
    );
    let info = refused.get_error_details().error_info().cloned().unwrap();
    let metadata = ["key", "language", "expected"].map(|name| info.metadata[name].clone());
    assert_eq!((info.reason.as_str(), metadata), ("TEXT_KINDS_DIFFER", ["cities", "ky", "list"].map(str::to_owned)));

    // Given in all its languages it may become another.
    let both = [flag("cities", "ru", true), flag("cities", "ky", true)];
    client.upsert_texts(upsert(&both)).await.unwrap();
    let all = ["ru", "ky", "en"].map(|language| list("welcome", language, &["{shop}", language]));
    client.upsert_texts(upsert(&all)).await.unwrap();
    // A shared text of another kind returns in all languages or in none.
    let delete = |languages: &[&str]| pb::DeleteTextsRequest {
        tenant: "evopoliki".into(),
        keys: vec!["cities".into(), "welcome".into()],
        languages: languages.iter().map(|language| (*language).to_owned()).collect(),
        ..Default::default()
    };
    let refused = client.delete_texts(delete(&["ru"])).await.unwrap_err();
    assert_eq!(violations(&refused), pairs([("keys[1]", "TEXT_KINDS_DIFFER")]));
    let info = refused.get_error_details().error_info().cloned().unwrap();
    assert_eq!((info.metadata["language"].as_str(), info.metadata["expected"].as_str()), ("ru", "list"));
    assert_eq!(client.delete_texts(delete(&[])).await.unwrap().into_inner().deleted_count, 5);

    // The database itself keeps a text to one kind, and to what whoever knows phrases alone reads.
    let owner = connect(&server.config).await;
    for row in
        ["'a\nb', '{a,b}', true", "'a,b', '{a,b}', NULL", "'yes', NULL, true", "'', '{}', NULL", "'', '{NULL}', NULL"]
    {
        for table in ["bot_texts (tenant_id, key,", "shared_texts (key,"] {
            let tenant = if table.starts_with("bot") { "1, " } else { "" };
            let insert =
                format!("INSERT INTO {table} language, value, items, flag) VALUES ({tenant}'odd', 'ru', E{row})");
            let refused = owner.batch_execute(&insert).await.unwrap_err();
            assert_eq!(refused.code().map(|code| code.code()), Some("23514"), "{insert}");
        }
    }
}

#[tokio::test]
async fn every_bad_item_is_named() {
    let (_server, mut client) = served().await;
    let many: Vec<&str> = vec!["x"; 101];
    let (long, whole) = ("ы".repeat(4097), "ы".repeat(4096));
    let together = vec![whole.as_str(); 16];
    let rest = "ы".repeat(4096 - 15);
    let fits = [&together[..15], &[rest.as_str()]].concat();
    let refused = client.upsert_texts(upsert(&[
        list("a", "ru", &[]),
        list("b", "ru", &["x", " ", "{", "\0", &long]),
        list("c", "ru", &many),
        list("d", "ru", &together),
        list("e", "ru", &fits),
    ]));
    assert_eq!(
        violations(&refused.await.unwrap_err()),
        pairs([
            ("texts[0].list.items", "FIELD_REQUIRED"),
            ("texts[1].list.items[1]", "FIELD_INVALID"),
            ("texts[1].list.items[2]", "FIELD_INVALID"),
            ("texts[1].list.items[3]", "FIELD_INVALID"),
            ("texts[1].list.items[4]", "FIELD_TOO_LONG"),
            ("texts[2].list.items", "FIELD_TOO_LONG"),
            ("texts[3].list.items", "FIELD_TOO_LONG"),
        ])
    );
    client.upsert_texts(upsert(&[list("e", "ru", &fits), list("f", "ru", &many[1..])])).await.unwrap();
}
