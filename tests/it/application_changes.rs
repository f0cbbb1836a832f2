//! Applications changed and noted upon, known elsewhere, and counted by day.

use std::collections::BTreeMap;

use futures::future::join_all;
use lekalo::proto::google::r#type::Money;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::category_service_client::CategoryServiceClient;
use tonic::Code;
use uuid::Uuid;

use crate::support::applications::{
    Client, application_update, callback, create, created, customer, customer_id, external_ref, mask, moved, note,
    order, pairs, reason, served, violations,
};
use crate::support::connect;
use crate::support::random::Random;

fn list() -> pb::ListApplicationsRequest {
    pb::ListApplicationsRequest { tenant: "evopoliki".into(), page_size: 500, ..Default::default() }
}

async fn history(client: &mut Client, id: &str) -> Vec<pb::ApplicationEvent> {
    let get = pb::GetApplicationRequest { tenant: "evopoliki".into(), id: id.into(), with_history: true };
    client.get_application(get).await.unwrap().into_inner().events
}

#[tokio::test]
async fn a_note_stands_in_the_history_and_changes_nothing_else() {
    let (_server, mut client) = served().await;
    let application = created(&mut client, order()).await;
    let done = moved(&mut client, &application, pb::ApplicationStatus::Cancelled).await;
    let request =
        pb::AddApplicationNoteRequest { request_id: Uuid::now_v7().to_string(), ..note(&done, "Шов на руле") };
    for _ in 0..2 {
        let noted = client.add_application_note(request.clone()).await.unwrap().into_inner();
        assert_eq!(noted.application.as_ref(), Some(&done), "its etag, too");
    }
    let events = history(&mut client, &done.id).await;
    use pb::ApplicationEventKind::{Created, Noted, Transitioned};
    let kinds: Vec<_> = events.iter().map(pb::ApplicationEvent::kind).collect();
    assert_eq!(kinds, [Created, Transitioned, Noted]);
    assert_eq!((events[2].actor.as_str(), events[2].note.as_str()), ("Нурлан", "Шов на руле"));
    let cancelled = pb::ApplicationStatus::Cancelled;
    assert_eq!((events[2].from(), events[2].to()), (cancelled, cancelled));
    let after = events[1].cursor.clone();
    let watch = pb::WatchApplicationsRequest { tenant: "evopoliki".into(), after, ..Default::default() };
    let mut watched = client.watch_applications(watch).await.unwrap().into_inner();
    assert_eq!(watched.message().await.unwrap().unwrap().event.unwrap().kind(), Noted);
    let found = pb::ListApplicationsRequest { text: "ШОВ НА".into(), ..list() };
    assert_eq!(client.list_applications(found).await.unwrap().into_inner().applications, std::slice::from_ref(&done));

    let blank = pb::AddApplicationNoteRequest { actor: " ".into(), ..note(&done, " ") };
    let blank = client.add_application_note(blank).await.unwrap_err();
    assert_eq!(violations(&blank), pairs([("actor", "FIELD_REQUIRED"), ("note", "FIELD_REQUIRED")]));
    let foreign = pb::AddApplicationNoteRequest { tenant: "five_deluxe".into(), ..note(&done, "x") };
    let foreign = client.add_application_note(foreign).await.unwrap_err();
    assert_eq!(reason(&foreign), (Code::NotFound, "APPLICATION_NOT_FOUND".into()));
}

#[tokio::test]
async fn what_is_changed_could_have_been_created() {
    let (server, mut client) = served().await;
    let selections = vec![pb::Selection { option: "third_row".into(), value: String::new() }];
    let suv = pb::Application {
        category: "eva_mats".into(),
        model: "rav4".into(),
        selections,
        quoted_total: None,
        ..order()
    };
    let before = created(&mut client, suv.clone()).await;
    // For the other car the option is not offered, be it new or changed.
    let sedan = pb::Application { model: "camry".into(), ..suv };
    let new = client.create_application(create(sedan.clone())).await.unwrap_err();
    let changed = application_update(&before, sedan.clone(), &["model", "year"]);
    let changed = client.update_application(changed).await.unwrap_err();
    assert_eq!(violations(&changed), violations(&new));
    assert_eq!(violations(&new)[0].1, "UNKNOWN_OPTION");
    let both = pb::Application { selections: vec![], message: "x".into(), ..sedan };
    let both = application_update(&before, both, &["model", "selections"]);
    client.update_application(both).await.unwrap();

    // What is offered no more stays in what was asked for, which is changed in all else.
    let before = created(&mut client, before).await;
    let retired = pb::UpdateOptionRequest {
        tenant: "evopoliki".into(),
        category: "eva_mats".into(),
        code: "third_row".into(),
        option: Some(pb::ShopOption::default()),
        update_mask: Some(mask(&["active"])),
        ..Default::default()
    };
    CategoryServiceClient::new(server.channel.clone()).update_option(retired).await.unwrap();
    let to = pb::Application { message: "к субботе".into(), year: 2019, ..before.clone() };
    let fields = ["message", "model", "selections"];
    let after = client.update_application(application_update(&before, to.clone(), &fields)).await.unwrap();
    let after = after.into_inner().application.unwrap();
    assert_eq!((after.message.as_str(), &after.selections), ("к субботе", &before.selections));
    let moved = client.update_application(application_update(&before, to, &["year"])).await.unwrap_err();
    assert_eq!(violations(&moved)[0].1, "UNKNOWN_OPTION");
}

#[tokio::test]
async fn a_text_is_found_by_its_words_in_one_place() {
    let (_server, mut client) = served().await;
    let said =
        pb::Application { message: "alpha \n\u{a0} beta".into(), vehicle_text: "gamma\tdelta".into(), ..order() };
    let application = created(&mut client, said).await;
    client.add_application_note(note(&application, "epsilon\nzeta")).await.unwrap();
    for (text, is_there) in [
        ("ALPHA beta", true),
        ("alpha\nbeta", true),
        (" a \t B", true),
        ("a  d", true),
        ("epsilon  zeta", true),
        ("beta\ngamma", false),
        ("beta gamma", false),
        ("alphabeta", false),
    ] {
        let found = pb::ListApplicationsRequest { text: text.into(), ..list() };
        let found = client.list_applications(found).await.unwrap().into_inner().applications;
        assert_eq!(!found.is_empty(), is_there, "{text:?}");
    }
}

#[tokio::test]
async fn what_the_mask_names_is_changed_and_kept_nowhere() {
    let (server, mut client) = served().await;
    let before = created(&mut client, order()).await;
    let contact =
        pb::Customer { name: "Айбек Асанов".into(), phone: "0700 111 222".into(), ..Default::default() };
    let to = pb::Application {
        customer: Some(contact),
        message: "Хочу к субботе".into(),
        model: "rav4".into(),
        year: 2020,
        ..Default::default()
    };
    let fields = ["message", "customer.phone", "year", "message", "brand"];
    let refused = client.update_application(application_update(&before, to.clone(), &fields)).await.unwrap_err();
    assert_eq!(violations(&refused), pairs([("application.brand", "FIELD_REQUIRED")]), "the model is of a brand");
    let fields = &fields[..4];
    let request = pb::UpdateApplicationRequest { etag: before.etag.clone(), ..application_update(&before, to, fields) };
    let after = client.update_application(request.clone()).await.unwrap().into_inner().application.unwrap();
    let mut expected = pb::Application {
        message: "Хочу к субботе".into(),
        year: 2020,
        etag: after.etag.clone(),
        updated_at: after.updated_at,
        ..before.clone()
    };
    expected.customer.as_mut().unwrap().phone = "+996700111222".into();
    assert_eq!(after, expected);
    let stale = client.update_application(request.clone()).await.unwrap_err();
    assert_eq!(reason(&stale), (Code::Aborted, "ETAG_MISMATCH".into()));
    let again = pb::UpdateApplicationRequest { etag: String::new(), ..request };
    assert_eq!(client.update_application(again).await.unwrap().into_inner().application.unwrap(), after);
    let events = history(&mut client, &before.id).await;
    assert_eq!(events.len(), 2, "what changed nothing is no event");
    assert_eq!((events[1].kind(), events[1].actor.as_str()), (pb::ApplicationEventKind::Updated, "Нурлан"));
    assert_eq!(events[1].fields, ["message", "customer.phone", "year"]);
    let get = pb::GetCustomerRequest { tenant: "evopoliki".into(), id: customer_id(&before) };
    let who = client.get_customer(get).await.unwrap().into_inner().customer.unwrap();
    assert_eq!(who.phone, "+996555123456", "the customer is as before");
    let owner = connect(&server.config).await;
    let old = "SELECT count(*) FROM application_events WHERE application_events::text LIKE '%пятнице%'";
    assert_eq!(owner.query_one(old, &[]).await.unwrap().get::<_, i64>(0), 0, "nor what it was before");

    let bad = application_update(&before, pb::Application::default(), &["category", "assignee"]);
    let bad =
        client.update_application(pb::UpdateApplicationRequest { actor: String::new(), ..bad }).await.unwrap_err();
    let expected =
        pairs([("actor", "FIELD_REQUIRED"), ("update_mask", "FIELD_INVALID"), ("update_mask", "FIELD_INVALID")]);
    assert_eq!(violations(&bad), expected);
    // Options are those of the tenant, as in a new one.
    let selections = vec![pb::Selection { option: "leather".into(), value: "no such".into() }];
    let to = pb::Application { selections, ..Default::default() };
    let bad = client.update_application(application_update(&before, to, &["selections"])).await.unwrap_err();
    assert_eq!(violations(&bad), pairs([("application.selections[0].value", "UNKNOWN_OPTION_VALUE")]));

    // So are amounts, which are called as they are here.
    let som = |units| Some(Money { units, ..Default::default() });
    let to = pb::Application { quoted_total: som(5), quoted_total_max: som(4), ..Default::default() };
    let bad = client.update_application(application_update(&before, to, &["quoted_total"])).await.unwrap_err();
    assert!(bad.message().contains("must not be less than quoted_total"), "{bad:?}");

    // The end is the end, but for where it is known elsewhere.
    moved(&mut client, &after, pb::ApplicationStatus::InProgress).await;
    let done = created(&mut client, callback("0555123456")).await;
    let taken = moved(&mut client, &done, pb::ApplicationStatus::InProgress).await;
    moved(&mut client, &taken, pb::ApplicationStatus::Completed).await;
    let to = pb::Application {
        message: "x".into(),
        external_refs: vec![external_ref("amocrm", "1042")],
        ..Default::default()
    };
    let late = application_update(&done, to.clone(), &["external_refs", "message"]);
    let late = client.update_application(late).await.unwrap_err();
    assert_eq!(reason(&late), (Code::FailedPrecondition, "APPLICATION_COMPLETED".into()));
    let known =
        client.update_application(application_update(&done, to, &["external_refs"])).await.unwrap().into_inner();
    assert_eq!(known.application.unwrap().external_refs, [external_ref("amocrm", "1042")]);
}

#[tokio::test]
async fn of_many_who_change_what_they_read_one_wins() {
    let (_server, mut client) = served().await;
    let before = created(&mut client, order()).await;
    let calls = (0..8).map(|number| {
        let (mut client, before) = (client.clone(), before.clone());
        let to = pb::Application { message: format!("Вариант {number}"), ..Default::default() };
        let update = application_update(&before, to, &["message"]);
        async move { client.update_application(pb::UpdateApplicationRequest { etag: before.etag, ..update }).await }
    });
    let answers = join_all(calls).await;
    let won: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert_eq!(won.len(), 1);
    for lost in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!(reason(lost), (Code::Aborted, "ETAG_MISMATCH".into()));
    }
    let listed = client.list_applications(list()).await.unwrap().into_inner().applications;
    assert_eq!(Some(&listed[0]), won[0].get_ref().application.as_ref());

    // Without an etag the last one wins, and all of them are told of.
    let calls = (0..8).map(|number| {
        let (mut client, before) = (client.clone(), before.clone());
        let to = pb::Application { year: 2001 + number, ..Default::default() };
        async move { client.update_application(application_update(&before, to, &["year"])).await.unwrap() }
    });
    join_all(calls).await;
    assert_eq!(history(&mut client, &before.id).await.len(), 2 + 8);
}

#[tokio::test]
async fn what_it_is_called_elsewhere_finds_it() {
    let (_server, mut client) = served().await;
    let refs = vec![external_ref("amocrm", "1"), external_ref("telegram_managers", "9")];
    let first = created(&mut client, pb::Application { external_refs: refs.clone(), ..order() }).await;
    assert_eq!(first.external_refs, refs);
    let second =
        created(&mut client, pb::Application { external_refs: vec![external_ref("amocrm", "9")], ..order() }).await;
    let by = |system: &str, id: &str| pb::ListApplicationsRequest {
        external_ref_system: system.into(),
        external_ref_id: id.into(),
        ..list()
    };
    for (system, id, expected) in [
        ("amocrm", "", vec![&second, &first]),
        ("amocrm", "1", vec![&first]),
        ("amocrm", "9", vec![&second]),
        ("telegram_managers", "9", vec![&first]),
        ("telegram_managers", "1", vec![]),
    ] {
        let found = client.list_applications(by(system, id)).await.unwrap().into_inner();
        assert_eq!(found.applications.iter().collect::<Vec<_>>(), expected, "{system} {id}");
        assert_eq!(found.total_size as usize, expected.len());
    }
    let nowhere = client.list_applications(by("", "1")).await.unwrap_err();
    assert_eq!(violations(&nowhere), pairs([("external_ref_system", "FIELD_REQUIRED")]));

    let bad = vec![
        external_ref("amocrm", "1"),
        external_ref("amocrm", "2"),
        pb::ExternalRef { url: "javascript:alert(1)".into(), ..Default::default() },
    ];
    let bad =
        application_update(&first, pb::Application { external_refs: bad, ..Default::default() }, &["external_refs"]);
    let bad = client.update_application(bad).await.unwrap_err();
    let expected = pairs([
        ("application.external_refs[1].system", "FIELD_INVALID"),
        ("application.external_refs[2].system", "FIELD_REQUIRED"),
        ("application.external_refs[2].id", "FIELD_REQUIRED"),
        ("application.external_refs[2].url", "FIELD_INVALID"),
    ]);
    assert_eq!(violations(&bad), expected);
    let many = (0..17).map(|number| external_ref(&number.to_string(), "1")).collect();
    let many =
        application_update(&first, pb::Application { external_refs: many, ..Default::default() }, &["external_refs"]);
    let many = client.update_application(many).await.unwrap_err();
    assert_eq!(violations(&many), pairs([("application.external_refs", "FIELD_TOO_LONG")]));
    let none = application_update(&first, pb::Application::default(), &["external_refs"]);
    let none = client.update_application(none).await.unwrap().into_inner().application.unwrap();
    assert_eq!(none.external_refs, []);
}

/// 2026-03-01 in UTC.
const MARCH: i64 = 1_772_323_200;
const DAY: i64 = 86_400;
/// Bishkek is six hours ahead, all year.
const AHEAD: i64 = 6 * 3600;

fn day(number: i64) -> String {
    format!("2026-03-{:02}", number + 1)
}

#[tokio::test]
async fn counts_by_day_are_those_of_what_is_listed() {
    let (server, mut client) = served().await;
    let owner = connect(&server.config).await;
    let mut random = Random(31_337);
    let channels = [pb::Channel::Telegram, pb::Channel::Whatsapp, pb::Channel::Web, pb::Channel::Instagram];
    for number in 0..60 {
        let who = pb::Customer {
            channel: channels[random.below(4)].into(),
            external_id: random.below(6).to_string(),
            ..customer()
        };
        let asked = if random.below(2) == 0 { order() } else { callback("0555123456") };
        let lead = created(&mut client, pb::Application { customer: Some(who), ..asked }).await;
        // Around midnights most of all.
        let near = [0, 1, DAY - 1, random.below(86_400) as i64][random.below(4)];
        let at = MARCH - AHEAD + random.below(12) as i64 * DAY + near;
        let at = format!("UPDATE applications SET created_at = to_timestamp({at}) WHERE id = '{}'", lead.id);
        owner.batch_execute(&at).await.unwrap();
        if number % 3 == 0 {
            moved(&mut client, &lead, pb::ApplicationStatus::InProgress).await;
        }
        if number == 40 {
            let delete =
                pb::DeleteCustomerRequest { tenant: "evopoliki".into(), id: customer_id(&lead), ..Default::default() };
            client.delete_customer(delete).await.unwrap();
        }
    }
    let listed = client.list_applications(list()).await.unwrap().into_inner().applications;
    assert_eq!(listed.len(), 60);
    assert!(listed.iter().any(|lead| lead.customer_deleted));
    for (first, last) in [(0, 11), (0, 0), (3, 7), (11, 30), (5, 5)] {
        let mut expected: BTreeMap<_, i32> = BTreeMap::new();
        for lead in &listed {
            let on = (lead.created_at.unwrap().seconds - MARCH + AHEAD).div_euclid(DAY);
            if (first..=last).contains(&on) {
                let channel = lead.customer.as_ref().unwrap().channel;
                *expected.entry((day(on), lead.status, lead.category.clone(), channel, lead.kind)).or_default() += 1;
            }
        }
        let request = pb::GetApplicationStatsRequest {
            tenant: "evopoliki".into(),
            first_day: day(first),
            last_day: format!(" {} ", day(last)),
        };
        let stats = client.get_application_stats(request).await.unwrap().into_inner();
        let told: Vec<_> = stats
            .counts
            .iter()
            .map(|told| ((told.day.clone(), told.status, told.category.clone(), told.channel, told.kind), told.count))
            .collect();
        assert!(told.is_sorted_by_key(|((day, ..), _)| day.clone()), "the first day first");
        assert_eq!(told.len(), expected.len());
        assert_eq!(told.into_iter().collect::<BTreeMap<_, _>>(), expected, "{first} to {last}");
        assert_eq!((&stats.first_day, &stats.last_day), (&day(first), &day(last)));
        assert_eq!(stats.time_zone, "Asia/Bishkek");
        let time = |day: i64| Some(prost_types::Timestamp { seconds: MARCH - AHEAD + day * DAY, nanos: 0 });
        let between =
            pb::ListApplicationsRequest { created_after: time(first), created_before: time(last + 1), ..list() };
        assert_eq!(client.list_applications(between).await.unwrap().into_inner().total_size, stats.total);
    }

    // By default the 30 days that end today, where the shop is.
    let today = pb::GetApplicationStatsRequest { tenant: "evopoliki".into(), ..Default::default() };
    created(&mut client, order()).await;
    let stats = client.get_application_stats(today.clone()).await.unwrap().into_inner();
    let days =
        "SELECT ($1::text::date - $2::text::date)::int, (now() AT TIME ZONE 'Asia/Bishkek')::date = $1::text::date";
    let days = owner.query_one(days, &[&stats.last_day, &stats.first_day]).await.unwrap();
    assert_eq!((days.get::<_, i32>(0), days.get::<_, bool>(1), stats.total), (29, true, 1));
    let other = pb::GetApplicationStatsRequest { tenant: "five_deluxe".into(), ..today.clone() };
    assert_eq!(client.get_application_stats(other).await.unwrap().into_inner().counts, []);
    let wrong = pb::GetApplicationStatsRequest { first_day: "01.12.2026".into(), ..today };
    let wrong = client.get_application_stats(wrong).await.unwrap_err();
    assert_eq!(violations(&wrong), pairs([("first_day", "FIELD_INVALID"), ("last_day", "FIELD_REQUIRED")]));
}
