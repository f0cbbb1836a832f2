//! Every list of the contract: its pages put together are the whole, a jump lands where it should, and a token serves
//! the request that it came from.

use prost::Message as _;
use prost_reflect::{DynamicMessage, Kind, ReflectMessage as _, Value};
use tonic::Code;

use super::requests::{Filled, Method, filled, time, violations};
use super::rules::{Leaf, differ, leaves};

/// A page of a list.
struct Page {
    items: Vec<Vec<u8>>,
    next: String,
    total: usize,
}

/// The methods that answer in pages.
fn lists(filled: &Filled) -> Vec<&Method> {
    let has_pages = |method: &&Method| method.descriptor.input().get_field_by_name("page_token").is_some();
    filled.methods.iter().filter(has_pages).collect()
}

async fn page(filled: &Filled, method: &Method, size: i32, token: &str, skip: i32) -> Page {
    let mut request = method.good.clone();
    request.set_field_by_name("page_size", Value::I32(size));
    request.set_field_by_name("page_token", Value::String(token.into()));
    request.set_field_by_name("skip", Value::I32(skip));
    read(&method.answer(&filled.server, &request).await)
}

fn read(answer: &DynamicMessage) -> Page {
    let items = answer.descriptor().fields().find(|field| field.is_list()).unwrap();
    let items = answer.get_field(&items);
    let items = items.as_list().unwrap().iter().map(|item| item.as_message().unwrap().encode_to_vec()).collect();
    let next = answer.get_field_by_name("next_page_token").unwrap().as_str().unwrap().to_owned();
    let total = answer.get_field_by_name("total_size").unwrap().as_i32().unwrap();
    Page { items, next, total: usize::try_from(total).unwrap() }
}

#[tokio::test]
async fn every_list_is_paged_and_every_language_is_written_as_people_do() {
    let filled = filled().await;
    pages_put_together_are_the_whole_list_and_a_jump_lands_where_it_should(&filled).await;
    a_token_serves_the_request_it_came_from_and_no_other(&filled).await;
    a_language_is_the_same_however_it_is_written(&filled).await;
}

async fn pages_put_together_are_the_whole_list_and_a_jump_lands_where_it_should(filled: &Filled) {
    let lists = lists(filled);
    assert_eq!(lists.len(), 17, "every list is here");
    for method in lists {
        let name = &method.name;
        let all = page(filled, method, 500, "", 0).await;
        assert!(all.items.len() >= 3, "{name}: enough to part: {}", all.items.len());
        assert_eq!((all.items.len(), all.next.as_str()), (all.total, ""), "{name}");

        // Pages that end exactly with the list, one before it, and of many sizes.
        let len = all.items.len();
        for size in [len.div_ceil(3), len - 1, len] {
            let (mut paged, mut token) = (Vec::new(), String::new());
            loop {
                let page = page(filled, method, i32::try_from(size).unwrap(), &token, 0).await;
                assert!((1..=size).contains(&page.items.len()), "{name} {size}: no page is empty or too large");
                assert_eq!(page.total, len, "{name}: the whole list, whatever the page");
                assert_eq!(page.next.is_empty(), paged.len() + page.items.len() == len, "{name} {size}");
                paged.extend(page.items);
                token = page.next;
                if token.is_empty() {
                    break;
                }
            }
            assert!(paged == all.items, "{name} {size}: pages are not the list");
        }
        let one = page(filled, method, 1, "", 0).await;
        for skip in [1, len - 2, len - 1] {
            let jumped = page(filled, method, 1, "", i32::try_from(skip).unwrap()).await;
            assert!(jumped.items == all.items[skip..=skip], "{name} {skip}");
            assert_eq!((jumped.total, jumped.next.is_empty()), (len, skip == len - 1), "{name} {skip}");
        }
        // Counted from where the page would begin.
        let behind = page(filled, method, 1, &one.next, 1).await;
        assert!(behind.items == all.items[2..=2], "{name}: a jump from a token");
        for skip in [len, 100_000] {
            let past = page(filled, method, 0, "", i32::try_from(skip).unwrap()).await;
            assert_eq!((past.items.len(), past.next.as_str(), past.total), (0, "", len), "{name} {skip}");
        }
        // 0 is 50, and more than 500 is 500.
        assert_eq!(page(filled, method, 0, "", 0).await.items.len(), len.min(50), "{name}");
        assert!(page(filled, method, i32::MAX, "", 0).await.items == all.items, "{name}");
    }
}

/// Other values for a field, each of them good in form.
fn others(leaf: &Leaf) -> Vec<Value> {
    match leaf.field.kind() {
        Kind::String => vec![Value::String("ky".into()), Value::String(String::new())],
        Kind::Enum(_) => (0..3).map(Value::EnumNumber).collect(),
        Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp" => {
            vec![leaf.message(&time(1_700_000_000, 0)), leaf.message(&time(1_700_000_000, 1000))]
        }
        _ => vec![],
    }
}

async fn a_token_serves_the_request_it_came_from_and_no_other(filled: &Filled) {
    let (mut compared, mut foreign) = (0, Vec::new());
    for method in lists(filled) {
        let token = page(filled, method, 1, "", 0).await.next;
        foreign.push((method, token.clone()));
        for leaf in leaves(&method.good) {
            if ["page_size", "page_token", "skip"].contains(&leaf.name.as_str()) {
                continue;
            }
            // Each value's own token is refused with every other value.
            let values = others(&leaf);
            for value in values {
                let mut request = leaf.with(&method.good, value);
                if !differ(&request, &method.good) {
                    continue;
                }
                request.set_field_by_name("page_token", Value::String(token.clone()));
                let case = format!("{} {}", method.name, leaf.name);
                let status = method.call(&filled.server, &request).await.expect_err(&case);
                assert_eq!(status.code(), Code::InvalidArgument, "{case}: {status:?}");
                let named = violations(&status);
                let is_named = named.contains(&("page_token".to_owned(), "PAGE_TOKEN_INVALID".to_owned()));
                assert!(is_named, "{case}: {named:?}");
                compared += 1;
            }
        }
    }
    assert!(compared > 30, "{compared}");
    for (method, _) in &foreign {
        for (other, token) in &foreign {
            let mut request = method.good.clone();
            request.set_field_by_name("page_token", Value::String(token.clone()));
            let answer = method.call(&filled.server, &request).await;
            let case = format!("{} with {}", method.name, other.name);
            match answer {
                Ok(_) => assert_eq!(method.name, other.name),
                Err(status) => {
                    assert_ne!(method.name, other.name);
                    assert_eq!(
                        violations(&status),
                        [("page_token".to_owned(), "PAGE_TOKEN_INVALID".to_owned())],
                        "{case}"
                    );
                }
            }
        }
    }
}

/// How languages are written, and as which of the served ones they are answered; none: the tenant's default.
const LANGUAGES: &[(&str, &str)] = &[
    ("ru-KG", "ru"),
    ("ru_KG", "ru"),
    ("KY", "ky"),
    ("ky_KG", "ky"),
    ("en-US", "en"),
    ("EN_us", "en"),
    ("ky-Cyrl-KG", "ky"),
    ("de", ""),
    ("zh-Hant-TW", ""),
    ("", "ru"),
];

async fn a_language_is_the_same_however_it_is_written(filled: &Filled) {
    let mut compared = 0;
    for method in &filled.methods {
        let Some(leaf) = leaves(&method.good).into_iter().find(|leaf| leaf.name == "language") else { continue };
        for (written, served) in LANGUAGES {
            let with = |language: &str| leaf.with(&method.good, Value::String(language.into()));
            let answer = method.answer(&filled.server, &with(written)).await;
            let expected = method.answer(&filled.server, &with(served)).await;
            assert!(answer == expected, "{} {written}: {answer:?}", method.name);
            let language = answer.get_field_by_name("language").unwrap().as_str().unwrap().to_owned();
            let served = if served.is_empty() { "ru" } else { served };
            // A name without a Kyrgyz or English form falls back.
            assert!(language == served || language == "ru", "{} {written}: {language}", method.name);
            compared += 1;
        }
    }
    assert!(compared >= 60, "{compared}");
}
