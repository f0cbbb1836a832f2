//! Customers: found, changed, and erased with everything they said, wherever it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use lekalo::proto::FILE_DESCRIPTOR_SET;
use lekalo::proto::lekalo::v1 as pb;
use prost_reflect::{DescriptorPool, Kind};
use tokio_postgres::Client as Owner;
use tonic::Code;
use uuid::Uuid;

use crate::support::applications::{
    Client, application_update, callback, create, created, customer, customer_id, customer_update, moved, note, order,
    pairs, reason, served, transition, violations,
};
use crate::support::connect;
use crate::support::random::Random;

/// What somebody has said, by who it was. Each word is said once.
#[derive(Default)]
struct Said {
    words: Vec<(usize, String)>,
    count: usize,
    phones: usize,
}

/// What each word begins with.
const WORD: &str = "канарейка";
/// What each number begins with, as nobody else's in the database does.
const PHONE: &str = "+99655577";

impl Said {
    fn word(&mut self, who: usize) -> String {
        self.count += 1;
        let word = format!("{WORD}{who}n{}n", self.count);
        self.words.push((who, word.clone()));
        word
    }

    fn phone(&mut self, who: usize) -> String {
        self.phones += 1;
        let phone = format!("{PHONE}{:04}", 1000 + self.phones);
        self.words.push((who, phone.clone()));
        phone
    }
}

/// Those of these words that stand anywhere in the database: in any column of any row of any table, as text or as bytes.
async fn found(owner: &Owner, words: &[(usize, String)]) -> Vec<(usize, String)> {
    let tables = "SELECT format('%I.%I', n.nspname, c.relname)
                  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')";
    let hex = |word: &str| word.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let marks = [WORD.to_owned(), PHONE.to_owned(), hex(WORD), hex(PHONE)];
    let (mut read, mut marked) = (0, String::new());
    for table in owner.query(tables, &[]).await.unwrap() {
        let table: String = table.get(0);
        let rows = owner.query(&format!("SELECT t::text FROM {table} t"), &[]).await.unwrap();
        for row in rows {
            let row: &str = row.get(0);
            read += row.len();
            // Each word has one of them: the rest need not be looked at for every word.
            if marks.iter().any(|mark| row.contains(mark)) {
                marked.extend([row, "\n"]);
            }
        }
    }
    assert!(read > 100_000, "the reference at least is there");
    assert!(words.iter().all(|(_, word)| word.starts_with(WORD) || word.starts_with(PHONE)), "{words:?}");
    words.iter().filter(|(_, word)| marked.contains(word) || marked.contains(&hex(word))).cloned().collect()
}

/// A customer's own way to the shop: two of them have one id, on two channels.
fn contact(who: usize) -> pb::Customer {
    let channels = [pb::Channel::Telegram, pb::Channel::Whatsapp, pb::Channel::Web, pb::Channel::Instagram];
    let external_id = if who < 2 { "one id".to_owned() } else { format!("{WORD}{who}n0n") };
    pb::Customer { channel: channels[who % 4].into(), external_id, ..Default::default() }
}

fn external_refs(said: &mut Said, who: usize) -> Vec<pb::ExternalRef> {
    let url = format!("https://crm.example/{}", said.word(who));
    vec![pb::ExternalRef { system: said.word(who), id: said.word(who), url }]
}

/// Something new to say in every field that takes words.
fn application(said: &mut Said, who: usize) -> pb::Application {
    let customer =
        pb::Customer { name: said.word(who), phone: said.phone(who), username: said.word(who), ..contact(who) };
    pb::Application {
        customer: Some(customer),
        brand: String::new(),
        model: String::new(),
        generation: said.word(who),
        vehicle_text: said.word(who),
        message: said.word(who),
        external_refs: external_refs(said, who),
        ..order()
    }
}

const FIELDS: [&str; 7] =
    ["customer.name", "customer.phone", "generation", "vehicle_text", "selections", "message", "external_refs"];

fn request_id() -> String {
    Uuid::now_v7().to_string()
}

/// One of four things that people do with a customer's application, with words of its own.
async fn do_something(client: &mut Client, said: &mut Said, who: usize, lead: &pb::Application, what: usize) {
    let request_id = request_id();
    match what {
        0 => {
            let note = pb::AddApplicationNoteRequest { request_id, ..note(lead, &said.word(who)) };
            client.add_application_note(note).await.unwrap();
        }
        1 => {
            let changed = pb::UpdateApplicationRequest {
                request_id,
                ..application_update(lead, application(said, who), &FIELDS)
            };
            match client.update_application(changed).await {
                Ok(_) => {
                    // All but the username, which is the customer's alone.
                    let username = said.words.len() - 7;
                    said.words.remove(username);
                }
                Err(status) => {
                    assert_eq!(reason(&status).1, "APPLICATION_COMPLETED");
                    // What was refused is nowhere, and nobody's to erase.
                    said.words.truncate(said.words.len() - 9);
                }
            }
        }
        2 => {
            let to =
                pb::Customer { name: said.word(who), phone: said.phone(who), username: said.word(who), ..contact(who) };
            let id = customer_id(lead);
            let changed = customer_update(&id, to, &["name", "phone", "username"]);
            client.update_customer(pb::UpdateCustomerRequest { request_id, ..changed }).await.unwrap();
        }
        _ => {
            let get =
                pb::GetApplicationRequest { tenant: "evopoliki".into(), id: lead.id.clone(), ..Default::default() };
            let now = client.get_application(get).await.unwrap().into_inner().application.unwrap();
            let to = match now.status() {
                pb::ApplicationStatus::New => pb::ApplicationStatus::InProgress,
                pb::ApplicationStatus::InProgress => pb::ApplicationStatus::Completed,
                _ => return,
            };
            let note = said.word(who);
            let to = pb::TransitionApplicationRequest { request_id, note, ..transition(&now, to) };
            client.transition_application(to).await.unwrap();
        }
    }
}

async fn delete(client: &mut Client, id: &str) -> i32 {
    let request = pb::DeleteCustomerRequest { tenant: "evopoliki".into(), id: id.into(), ..Default::default() };
    let request = pb::DeleteCustomerRequest { request_id: request_id(), ..request };
    let first = client.delete_customer(request.clone()).await.unwrap().into_inner();
    assert_eq!(client.delete_customer(request).await.unwrap().into_inner(), first, "a retry");
    first.application_count
}

/// Of the messages that say something of a customer: the fields in which people say what they like, all of which the law
/// fills; and those that take a code, an id or what is the shop's own.
const TEXTS: [(&str, &[&str], &[&str]); 7] = [
    (
        "Application",
        &["generation", "vehicle_text", "message"],
        &["id", "category", "brand", "model", "etag", "assignee", "number"],
    ),
    ("Customer", &["external_id", "name", "phone", "username"], &["language", "id", "etag"]),
    ("ExternalRef", &["system", "id", "url"], &[]),
    ("TransitionApplicationRequest", &["note"], &["tenant", "id", "actor", "etag", "request_id"]),
    ("AddApplicationNoteRequest", &["note"], &["tenant", "id", "actor", "request_id"]),
    ("UpdateApplicationRequest", &[], &["tenant", "id", "actor", "etag", "request_id"]),
    ("UpdateCustomerRequest", &[], &["tenant", "id", "etag", "request_id"]),
];

#[test]
fn every_field_that_takes_words_is_known_here() {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    for (message, words, others) in TEXTS {
        let message = pool.get_message_by_name(&format!("lekalo.v1.{message}")).unwrap();
        let texts = message.fields().filter(|field| field.kind() == Kind::String).map(|field| field.name().to_owned());
        let known = words.iter().chain(others).map(|field| (*field).to_owned());
        assert_eq!(texts.collect::<BTreeSet<_>>(), known.collect(), "{}", message.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_deleted_is_nowhere_and_everybody_else_stays() {
    let (server, mut client) = served().await;
    let owner = connect(&server.config).await;
    let (mut said, mut random) = (Said::default(), Random(20_261_203));
    let mut leads: BTreeMap<usize, Vec<pb::Application>> = BTreeMap::new();
    let mut added = Vec::new();
    for step in 0..60 {
        let who = random.below(5);
        let lead = application(&mut said, who);
        if step < 15 || random.below(4) == 0 {
            let lead = created(&mut client, lead).await;
            leads.entry(who).or_default().push(lead);
            continue;
        }
        // Not said after all.
        said.words.truncate(said.words.len() - 9);
        if let Some(of_one) = leads.get(&who) {
            let lead = &of_one[random.below(of_one.len())];
            do_something(&mut client, &mut said, who, lead, random.below(4)).await;
        }
    }
    assert_eq!(leads.len(), 5);
    // Whatever may be done was done with everybody's.
    for who in leads.keys() {
        let fresh = created(&mut client, application(&mut said, *who)).await;
        for what in 0..4 {
            do_something(&mut client, &mut said, *who, &fresh, what).await;
        }
        added.push((*who, fresh));
    }
    for (who, lead) in added {
        leads.entry(who).or_default().push(lead);
    }
    said.words.extend((2..5).map(|who| (who, contact(who).external_id)));
    let there = found(&owner, &said.words).await;
    let lost: Vec<_> = said.words.iter().filter(|word| !there.contains(word)).collect();
    assert!(lost.is_empty(), "all that was said is there, but for {lost:?}");

    for gone in [1, 3] {
        let ids: Vec<&str> = leads[&gone].iter().map(|lead| lead.id.as_str()).collect();
        let count = delete(&mut client, &customer_id(&leads[&gone][0])).await;
        assert_eq!(count, i32::try_from(ids.len()).unwrap());
        said.words.retain(|(who, _)| *who != gone);
        let all: Vec<_> = said.words.clone();
        assert_eq!(found(&owner, &all).await, all, "whoever else said something");
    }
    let gone: Vec<(usize, String)> =
        (0..=said.count).flat_map(|number| [1, 3].map(|who| (who, format!("{WORD}{who}n{number}n")))).collect();
    assert_eq!(found(&owner, &gone).await, []);
    let phones: Vec<(usize, String)> =
        (1..=said.phones).map(|number| (9, format!("{PHONE}{:04}", 1000 + number))).collect();
    let phones = found(&owner, &phones).await;
    assert!(phones.iter().all(|(_, phone)| said.words.iter().any(|(_, word)| word == phone)), "{phones:?}");
    let traces = "SELECT count(*) FROM applications WHERE customer_id IS NULL AND request_sha256 IS NOT NULL";
    assert_eq!(owner.query_one(traces, &[]).await.unwrap().get::<_, i64>(0), 0, "a phone can be guessed from a hash");

    // The feed and the lists say nothing of them either, and go on.
    let deleted: Vec<&str> = [1, 3].iter().flat_map(|who| &leads[who]).map(|lead| lead.id.as_str()).collect();
    let watch = pb::WatchApplicationsRequest { tenant: "evopoliki".into(), ..Default::default() };
    let mut events = client.watch_applications(watch).await.unwrap().into_inner();
    let mut told: Vec<String> = Vec::new();
    while told.len() < deleted.len() {
        let event = tokio::time::timeout(Duration::from_secs(10), events.message()).await.expect("all are told of");
        let event = event.unwrap().unwrap().event.unwrap();
        let text = format!("{event:?}");
        assert!(!text.contains("канарейка1n") && !text.contains("канарейка3n"), "{text}");
        let application = event.application.as_ref().unwrap();
        assert_eq!(application.customer_deleted, deleted.contains(&application.id.as_str()), "{event:?}");
        if event.kind() == pb::ApplicationEventKind::CustomerDeleted {
            assert_eq!((event.from(), event.actor.as_str()), (application.status(), ""));
            told.push(application.id.clone());
        }
    }
    told.sort();
    let mut expected: Vec<String> = deleted.iter().map(|id| (*id).to_owned()).collect();
    expected.sort();
    assert_eq!(told, expected, "each of theirs once");
    drop(events);
    let list = pb::ListApplicationsRequest { tenant: "evopoliki".into(), page_size: 500, ..Default::default() };
    let listed = client.list_applications(list).await.unwrap().into_inner().applications;
    assert_eq!(listed.len(), leads.values().map(Vec::len).sum::<usize>(), "they are counted as before");
    for lead in listed.iter().filter(|lead| lead.customer_deleted) {
        let before = leads.values().flatten().find(|before| before.id == lead.id).unwrap();
        let who = pb::Customer { channel: before.customer.as_ref().unwrap().channel, ..Default::default() };
        assert_eq!(lead.customer.as_ref(), Some(&who), "the channel alone");
        let left = pb::Application {
            customer: Some(who),
            generation: String::new(),
            vehicle_text: String::new(),
            message: String::new(),
            external_refs: vec![],
            customer_deleted: true,
            status: lead.status,
            assignee: lead.assignee.clone(),
            updated_at: lead.updated_at,
            etag: lead.etag.clone(),
            ..before.clone()
        };
        assert_eq!(lead, &left);
        assert_ne!(lead.etag, before.etag);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_comes_while_a_customer_is_deleted_is_erased_or_somebodys() {
    let (server, client) = served().await;
    let owner = connect(&server.config).await;
    let mut said = Said::default();
    for round in 0..6 {
        let mut client = client.clone();
        let lead = created(&mut client, application(&mut said, 0)).await;
        let id = customer_id(&lead);
        let calls = (0..4).map(|number| {
            let (mut client, lead, id) = (client.clone(), lead.clone(), id.clone());
            let (new, word) = (application(&mut said, 0), said.word(0));
            async move {
                let request_id = request_id();
                match number {
                    0 => drop(client.create_application(create(new)).await.unwrap()),
                    1 => {
                        let note = pb::AddApplicationNoteRequest { request_id, ..note(&lead, &word) };
                        drop(client.add_application_note(note).await);
                    }
                    2 => {
                        let update =
                            pb::UpdateApplicationRequest { request_id, ..application_update(&lead, new, &FIELDS) };
                        drop(client.update_application(update).await);
                    }
                    _ => {
                        let to = transition(&lead, pb::ApplicationStatus::InProgress);
                        let to = pb::TransitionApplicationRequest { note: word, request_id, ..to };
                        drop(client.transition_application(to).await);
                    }
                }
                let update = customer_update(&id, pb::Customer { name: "Имя".into(), ..Default::default() }, &["name"]);
                drop(client.update_customer(update).await);
            }
        });
        let calls: Vec<_> = calls.collect();
        let mut deleting = client.clone();
        let deleted = async {
            tokio::time::sleep(Duration::from_millis(round * 3)).await;
            delete(&mut deleting, &id).await
        };
        let (_, erased) = tokio::join!(join_all(calls), deleted);
        assert!(erased >= 1);
        // Who came after the end is somebody new, with whom the rest goes.
        let rest = pb::ListCustomersRequest { tenant: "evopoliki".into(), ..Default::default() };
        for customer in client.list_customers(rest).await.unwrap().into_inner().customers {
            delete(&mut client, &customer.id).await;
        }
        assert_eq!(found(&owner, &said.words).await, [], "in round {round}");
    }
}

#[tokio::test]
async fn a_deleted_customers_applications_go_on_and_are_written_upon_no_more() {
    let (_server, mut client) = served().await;
    let request = create(callback("0555 123 456"));
    let lead = client.create_application(request.clone()).await.unwrap().into_inner().application.unwrap();
    let claimed = moved(&mut client, &lead, pb::ApplicationStatus::InProgress).await;
    let id = customer_id(&claimed);
    for (etag, tenant, expected) in [
        ("9", "evopoliki", (Code::Aborted, "ETAG_MISMATCH")),
        ("", "five_deluxe", (Code::NotFound, "CUSTOMER_NOT_FOUND")),
    ] {
        let etag = etag.into();
        let refused = pb::DeleteCustomerRequest { tenant: tenant.into(), id: id.clone(), etag, ..Default::default() };
        let refused = client.delete_customer(refused).await.unwrap_err();
        assert_eq!(reason(&refused), (expected.0, expected.1.to_owned()));
    }
    assert_eq!(delete(&mut client, &id).await, 1);
    let get = pb::GetCustomerRequest { tenant: "evopoliki".into(), id: id.clone() };
    assert_eq!(reason(&client.get_customer(get).await.unwrap_err()), (Code::NotFound, "CUSTOMER_NOT_FOUND".into()));

    // A retry that comes late makes nobody anew.
    let again = client.create_application(request).await.unwrap().into_inner().application.unwrap();
    assert_eq!((again.id.as_str(), again.customer_deleted, again.message.as_str()), (lead.id.as_str(), true, ""));
    let deleted = (Code::FailedPrecondition, "CUSTOMER_DELETED".to_owned());
    let refused = client.add_application_note(note(&lead, "x")).await.unwrap_err();
    assert_eq!(reason(&refused), deleted);
    let completed = transition(&again, pb::ApplicationStatus::Completed);
    let noted =
        pb::TransitionApplicationRequest { note: "Айбек просил не звонить".into(), ..completed };
    assert_eq!(reason(&client.transition_application(noted.clone()).await.unwrap_err()), deleted);
    let to = pb::Application { message: "x".into(), ..Default::default() };
    let refused = client.update_application(application_update(&lead, to, &["message"])).await.unwrap_err();
    assert_eq!(reason(&refused), deleted);
    let bare = pb::TransitionApplicationRequest { note: String::new(), ..noted };
    let done = client.transition_application(bare).await.unwrap().into_inner().application.unwrap();
    assert_eq!((done.status(), done.assignee.as_str()), (pb::ApplicationStatus::Completed, "Нурлан"));

    // Who writes again is somebody new.
    let back = created(&mut client, callback("0555 123 456")).await;
    assert_ne!(customer_id(&back), id);
    let list = pb::ListApplicationsRequest {
        tenant: "evopoliki".into(),
        channel: pb::Channel::Telegram.into(),
        ..Default::default()
    };
    let of_channel = client.list_applications(list.clone()).await.unwrap().into_inner().applications;
    assert_eq!(of_channel.len(), 2, "what is left is of its channel still");
    let of_one = pb::ListApplicationsRequest { external_id: "7012345678901".into(), ..list };
    assert_eq!(client.list_applications(of_one).await.unwrap().into_inner().applications, [back]);
}

#[tokio::test]
async fn customers_are_found_changed_and_told_apart() {
    let (_server, mut client) = served().await;
    let first = created(&mut client, order()).await;
    let other =
        pb::Customer {
            external_id: "2".into(), name: "Бермет_%".into(), phone: "0700 111 222".into(), ..customer()
        };
    let web = pb::Customer { channel: pb::Channel::Web.into(), username: "Aigul".into(), ..other.clone() };
    for customer in [other, web] {
        created(&mut client, pb::Application { customer: Some(customer), ..order() }).await;
    }
    created(&mut client, order()).await;
    let list = || pb::ListCustomersRequest { tenant: "evopoliki".into(), ..Default::default() };
    let all = client.list_customers(list()).await.unwrap().into_inner();
    assert_eq!(all.total_size, 3);
    let names: Vec<_> =
        all.customers.iter().map(|customer| (customer.name.as_str(), customer.application_count)).collect();
    assert_eq!(names, [("Бермет_%", 1), ("Бермет_%", 1), ("Айбек", 2)], "the newest first");
    let [web, second, aibek] = &all.customers[..] else { panic!("{all:?}") };
    assert_eq!((aibek.id.as_str(), aibek.phone.as_str()), (customer_id(&first).as_str(), "+996555123456"));
    for (request, expected) in [
        (pb::ListCustomersRequest { channel: pb::Channel::Web.into(), ..list() }, vec![web]),
        (pb::ListCustomersRequest { external_id: "2".into(), ..list() }, vec![web, second]),
        (pb::ListCustomersRequest { phone: "0555123456".into(), ..list() }, vec![aibek]),
        (pb::ListCustomersRequest { text: "АЙБ".into(), ..list() }, vec![aibek]),
        (pb::ListCustomersRequest { text: "aigul".into(), ..list() }, vec![web]),
        (pb::ListCustomersRequest { text: "_%".into(), ..list() }, vec![web, second]),
        (pb::ListCustomersRequest { text: "_%\nAigul".into(), ..list() }, vec![]),
        (pb::ListCustomersRequest { tenant: "five_deluxe".into(), ..list() }, vec![]),
    ] {
        let listed = client.list_customers(request.clone()).await.unwrap().into_inner().customers;
        assert_eq!(listed.iter().collect::<Vec<_>>(), expected, "{request:?}");
    }
    let wrong = pb::ListCustomersRequest { phone: "911".into(), channel: 9, ..list() };
    let wrong = client.list_customers(wrong).await.unwrap_err();
    assert_eq!(violations(&wrong), pairs([("channel", "FIELD_INVALID"), ("phone", "FIELD_INVALID")]));

    let called = pb::Customer { username: " @ @aigul ".into(), ..Default::default() };
    let called = client.update_customer(customer_update(&web.id, called, &["username"])).await.unwrap().into_inner();
    assert_eq!(called.customer.unwrap().username, "aigul");

    let get = |tenant: &str| pb::GetCustomerRequest { tenant: tenant.into(), id: aibek.id.clone() };
    assert_eq!(client.get_customer(get("evopoliki")).await.unwrap().into_inner().customer.as_ref(), Some(aibek));
    let foreign = client.get_customer(get("five_deluxe")).await.unwrap_err();
    assert_eq!(reason(&foreign), (Code::NotFound, "CUSTOMER_NOT_FOUND".into()));

    // What the mask names is written, an empty phone is no longer known, and no application changes with it.
    let to = pb::Customer { name: "Айбек Асанов".into(), username: "@asanov".into(), ..Default::default() };
    let request = customer_update(&aibek.id, to, &["name", "phone", "username", "language"]);
    let request = pb::UpdateCustomerRequest { etag: aibek.etag.clone(), ..request };
    let changed = client.update_customer(request.clone()).await.unwrap().into_inner().customer.unwrap();
    let expected = pb::Customer {
        name: "Айбек Асанов".into(),
        phone: String::new(),
        username: "asanov".into(),
        etag: changed.etag.clone(),
        updated_at: changed.updated_at,
        ..aibek.clone()
    };
    assert_eq!(changed, expected);
    let stale = client.update_customer(request.clone()).await.unwrap_err();
    assert_eq!(reason(&stale), (Code::Aborted, "ETAG_MISMATCH".into()));
    let again = pb::UpdateCustomerRequest { etag: String::new(), ..request };
    assert_eq!(client.update_customer(again).await.unwrap().into_inner().customer.unwrap(), changed, "nothing changes");
    let read = pb::GetApplicationRequest { tenant: "evopoliki".into(), id: first.id.clone(), ..Default::default() };
    assert_eq!(client.get_application(read).await.unwrap().into_inner().application.unwrap(), first);
    let bare = pb::Customer { name: String::new(), phone: String::new(), username: String::new(), ..customer() };
    let next = created(&mut client, pb::Application { customer: Some(bare), ..order() }).await;
    assert_eq!(next.customer.unwrap().name, "Айбек Асанов", "the next one begins with it");
    let same = client.get_customer(get("evopoliki")).await.unwrap().into_inner().customer.unwrap();
    assert_eq!((same.etag, same.application_count), (changed.etag, 3), "who says nothing new is not changed");

    let bad = customer_update(&aibek.id, pb::Customer { phone: "911".into(), ..Default::default() }, &["phone", "id"]);
    let bad = client.update_customer(bad).await.unwrap_err();
    assert_eq!(violations(&bad), pairs([("update_mask", "FIELD_INVALID"), ("customer.phone", "FIELD_INVALID")]));
    let none = pb::UpdateCustomerRequest { tenant: "evopoliki".into(), id: "1".into(), ..Default::default() };
    let none = client.update_customer(none).await.unwrap_err();
    assert_eq!(violations(&none), pairs([("update_mask", "FIELD_REQUIRED"), ("customer", "FIELD_REQUIRED")]));
}
