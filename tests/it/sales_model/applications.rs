//! Applications beside a plain list of them: what customers ask for, what managers do with it, every list of it, and the
//! feed of it all.

use std::collections::BTreeMap;
use std::time::Duration;

use lekalo::proto::lekalo::v1 as pb;
use prost_types::Timestamp;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use super::application_changes::{changed, counted, normalized, noted};
use super::application_wishes::some_application;
use super::random::Random;
use super::requests::violations;
use crate::support::applications::{Client, served};
use crate::support::{connect, is_long};

const TENANTS: [&str; 2] = ["evopoliki", "five_deluxe"];

pub type Stamp = (i64, i32);

pub fn stamp(time: &Option<Timestamp>) -> Stamp {
    time.map(|time| (time.seconds, time.nanos)).unwrap()
}

pub fn now() -> Stamp {
    let now = Timestamp::from(std::time::SystemTime::now());
    (now.seconds, now.nanos)
}

/// Something that was done to an application.
#[derive(Debug)]
pub struct Done {
    pub id: String,
    pub kind: pb::ApplicationEventKind,
    pub from: pb::ApplicationStatus,
    pub to: pb::ApplicationStatus,
    pub actor: String,
    pub note: String,
    pub fields: Vec<String>,
    pub between: (Stamp, Stamp),
}

#[derive(Default)]
pub struct Shop {
    /// As they are now, in the order of their creation.
    pub applications: Vec<pb::Application>,
    /// By channel and id.
    ids: BTreeMap<(i32, String), String>,
    /// By channel and id: name, phone, username, language.
    customers: BTreeMap<(i32, String), [String; 4]>,
    pub feed: Vec<Done>,
}

impl Shop {
    /// What is to be answered to a new application, but for what the service makes.
    fn expected(&mut self, given: &pb::Application) -> pb::Application {
        let mut expected = normalized(given);
        let customer = expected.customer.as_mut().unwrap();
        customer.username = customer.username.trim_start_matches('@').to_owned();
        if customer.external_id.is_empty() {
            customer.external_id.clone_from(&customer.phone);
        }
        let known = self.customers.entry((customer.channel, customer.external_id.clone())).or_default();
        let given = [&customer.name, &customer.phone, &customer.username, &customer.language];
        for (known, given) in known.iter_mut().zip(given) {
            if !given.is_empty() {
                known.clone_from(given);
            }
        }
        if known[3].is_empty() {
            known[3] = "ru".into();
        }
        [customer.name, customer.phone, customer.username, customer.language] = known.clone();
        if !expected.category.is_empty() {
            expected.category = "5d_mats".into();
        }
        expected.status = pb::ApplicationStatus::New.into();
        expected.customer_deleted = false;
        expected
    }

    /// Whether the filters that find one lead among many let it through.
    fn is_found(&self, filter: &pb::ListApplicationsRequest, application: &pb::Application) -> bool {
        let customer = application.customer.as_ref().unwrap();
        let is = |asked: &str, has: &str| asked.is_empty() || asked == has;
        let phone = if filter.phone.is_empty() { "" } else { "+996555123456" };
        let number = filter.number.trim_start_matches("№ ").to_uppercase();
        let text = filter.text.to_lowercase();
        let has = |said: &str| said.to_lowercase().contains(&text);
        let notes = self.feed.iter().filter(|done| done.id == application.id).any(|done| has(&done.note));
        (filter.channel == 0 || filter.channel == customer.channel)
            && is(&filter.external_id, &customer.external_id)
            && is(phone, &customer.phone)
            && is(&number, &application.number)
            && is(&filter.assignee, &application.assignee)
            && (filter.external_ref_system.is_empty()
                || application
                    .external_refs
                    .iter()
                    .any(|known| known.system == filter.external_ref_system && is(&filter.external_ref_id, &known.id)))
            && (has(&application.message) || has(&application.vehicle_text) || has(&customer.name) || notes)
    }

    /// The newest first.
    fn list(&self, filter: &pb::ListApplicationsRequest) -> Vec<&pb::Application> {
        let matches = |application: &&pb::Application| {
            let created = stamp(&application.created_at);
            (filter.status == 0 || application.status == filter.status)
                && (filter.kind == 0 || application.kind == filter.kind)
                && filter.created_after.is_none_or(|after| created >= (after.seconds, after.nanos))
                && filter.created_before.is_none_or(|before| created < (before.seconds, before.nanos))
                && self.is_found(filter, application)
        };
        let mut listed: Vec<_> = self.applications.iter().filter(matches).collect();
        let key =
            |application: &&pb::Application| (stamp(&application.created_at), application.id.parse::<Uuid>().unwrap());
        listed.sort_by_key(|application| std::cmp::Reverse(key(application)));
        listed
    }
}

async fn create(client: &mut Client, tenant: &str, application: pb::Application) -> Result<pb::Application, Status> {
    let request_id = Uuid::now_v7().to_string();
    let request = pb::CreateApplicationRequest { tenant: tenant.into(), application: Some(application), request_id };
    Ok(client.create_application(request).await?.into_inner().application.unwrap())
}

async fn created(client: &mut Client, shop: &mut Shop, tenant: &str, random: &mut Random) {
    let given = some_application(tenant, random);
    let mut expected = shop.expected(&given);
    let began = now();
    let answer = create(client, tenant, given).await.unwrap();
    let between = (began, now());
    let who = expected.customer.as_mut().unwrap();
    let id = answer.customer.as_ref().unwrap().id.clone();
    assert!(!id.is_empty() && shop.ids.values().filter(|known| **known == id).count() <= 1);
    let known = shop.ids.entry((who.channel, who.external_id.clone())).or_insert(id).clone();
    *who = pb::Customer { id: known, etag: String::new(), created_at: None, updated_at: None, ..who.clone() };
    who.application_count = 0;
    let created = stamp(&answer.created_at);
    assert!(
        between.0 <= (created.0, created.1 + 999) && created <= between.1,
        "{created:?} is not between {between:?}"
    );
    assert_eq!(answer.created_at, answer.updated_at);
    assert!(!answer.etag.is_empty() && shop.applications.iter().all(|other| other.id != answer.id));
    let ours = pb::Application {
        id: answer.id.clone(),
        created_at: answer.created_at,
        updated_at: answer.updated_at,
        etag: answer.etag.clone(),
        assignee: String::new(),
        number: answer.id[answer.id.len() - 8..].to_uppercase(),
        ..expected
    };
    assert_eq!(answer, ours);
    let (from, to) = (pb::ApplicationStatus::Unspecified, pb::ApplicationStatus::New);
    let (actor, note) = (String::new(), String::new());
    let kind = pb::ApplicationEventKind::Created;
    shop.feed.push(Done { id: answer.id.clone(), kind, from, to, actor, note, fields: vec![], between });
    shop.applications.push(answer);
}

/// Where an application may go, as the contract says it.
fn ways(from: pb::ApplicationStatus) -> Vec<pb::ApplicationStatus> {
    use pb::ApplicationStatus::{Cancelled, Completed, InProgress, New, Unspecified};
    match from {
        New => vec![InProgress, Cancelled],
        InProgress => vec![Completed, Cancelled, New],
        Cancelled => vec![New],
        Completed | Unspecified => vec![],
    }
}

pub fn reason(status: &Status) -> (Code, String) {
    (status.code(), status.get_error_details().error_info().unwrap().reason.clone())
}

async fn moved(
    client: &mut Client,
    shop: &mut Shop,
    tenant: &str,
    place: usize,
    to: pb::ApplicationStatus,
    random: &mut Random,
) {
    let before = shop.applications[place].clone();
    let stale = shop.applications.iter().map(|other| other.etag.clone()).find(|etag| *etag != before.etag);
    let etag = match random.below(6) {
        0 => stale.unwrap_or_else(|| "x".into()),
        1 | 2 => String::new(),
        _ => before.etag.clone(),
    };
    let request = pb::TransitionApplicationRequest {
        tenant: tenant.into(),
        id: before.id.clone(),
        to: to.into(),
        actor: random.of(&["Нурлан", "Бермет"]).into(),
        note: random.of(&["", "созвонились"]).into(),
        etag: etag.clone(),
        ..Default::default()
    };
    let began = now();
    let answer = client.transition_application(request.clone()).await;
    if !etag.is_empty() && etag != before.etag {
        let status = answer.unwrap_err();
        assert_eq!(reason(&status), (Code::Aborted, "ETAG_MISMATCH".into()), "{request:?}");
        let info = status.get_error_details().error_info().cloned().unwrap();
        assert_eq!(info.metadata.get("assignee").map_or("", String::as_str), before.assignee, "who has it");
        return;
    }
    let ways = ways(before.status());
    if !ways.contains(&to) {
        let status = answer.unwrap_err();
        assert_eq!(reason(&status), (Code::FailedPrecondition, "ILLEGAL_TRANSITION".into()), "{request:?}");
        let name = |status: pb::ApplicationStatus| status.as_str_name().replace("APPLICATION_STATUS_", "");
        let info = status.get_error_details().error_info().cloned().unwrap();
        let allowed = ways.into_iter().map(name).collect::<Vec<_>>().join(",");
        let mut metadata = vec![("from", name(before.status())), ("to", name(to)), ("allowed", allowed)];
        if !before.assignee.is_empty() {
            metadata.push(("assignee", before.assignee));
        }
        assert_eq!(info.metadata, metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect());
        return;
    }
    let after = answer.unwrap_or_else(|status| panic!("{request:?}: {status:?}")).into_inner().application.unwrap();
    let between = (began, now());
    let updated = stamp(&after.updated_at);
    assert!(
        between.0 <= (updated.0, updated.1 + 999) && updated <= between.1,
        "{updated:?} is not between {between:?}"
    );
    assert_ne!(after.etag, before.etag);
    let (updated_at, etag) = (after.updated_at, after.etag.clone());
    let assignee = match to {
        pb::ApplicationStatus::InProgress => request.actor.clone(),
        pb::ApplicationStatus::New => String::new(),
        _ => before.assignee.clone(),
    };
    assert_eq!(after, pb::Application { status: to.into(), updated_at, etag, assignee, ..before.clone() });
    let (from, actor, note) = (before.status(), request.actor, request.note);
    let kind = pb::ApplicationEventKind::Transitioned;
    shop.feed.push(Done { id: before.id, kind, from, to, actor, note, fields: vec![], between });
    shop.applications[place] = after;
}

/// One random list, page by page, and one application by its id, here and at the other shop.
async fn compare(client: &mut Client, shop: &Shop, tenant: &str, random: &mut Random) {
    let any = |random: &mut Random| {
        &shop.applications[usize::try_from(random.below(shop.applications.len() as i64)).unwrap()]
    };
    let border = |random: &mut Random| {
        let created = any(random).created_at.unwrap();
        Timestamp { nanos: (created.nanos + i32::try_from(random.below(3) * 1000 - 1000).unwrap()).max(0), ..created }
    };
    let after = (random.below(2) == 0).then(|| border(random));
    let before = (random.below(2) == 0).then(|| border(random));
    let mut filter = pb::ListApplicationsRequest {
        tenant: tenant.into(),
        status: random.of(&[0, 0, 1, 2, 3, 4]),
        kind: random.of(&[0, 0, 1, 2, 3, 4]),
        created_after: after,
        created_before: before.filter(|before| after.is_none_or(|after| stamp(&Some(after)) < stamp(&Some(*before)))),
        page_size: random.of(&[1, 3, 500]),
        ..Default::default()
    };
    match random.below(9) {
        0 => filter.channel = random.of(&[1, 2, 3, 4]),
        1 => filter.external_id = random.of(&["1", "2", "9"]).into(),
        2 => filter.phone = random.of(&["0555 123 456", "тел. +996 (555) 123456 Айгуль"]).into(),
        3 => filter.number = format!("№ {}", any(random).number.to_lowercase()),
        4 => filter.assignee = random.of(&["Нурлан", "Бермет", "x"]).into(),
        6 => {
            filter.external_ref_system = random.of(&["amocrm", "bitrix", "x"]).into();
            filter.external_ref_id = random.of(&["", "1", "2"]).into();
        }
        5 => filter.text = random.of(&["КАМРЮ", "айГ", "СОЗВОН", "моя", "1", "%"]).into(),
        _ => {}
    }
    let expected = shop.list(&filter);
    let mut listed = Vec::new();
    loop {
        let page = client.list_applications(filter.clone()).await.unwrap().into_inner();
        assert_eq!(page.total_size, i32::try_from(expected.len()).unwrap(), "{filter:?}");
        listed.extend(page.applications);
        filter.page_token = page.next_page_token;
        if filter.page_token.is_empty() {
            break;
        }
    }
    assert!(listed.iter().eq(expected), "{filter:?}");

    let one = any(random);
    let with_history = random.below(2) == 0;
    let get = |tenant: &str| pb::GetApplicationRequest { tenant: tenant.into(), id: one.id.clone(), with_history };
    let answer = client.get_application(get(tenant)).await.unwrap().into_inner();
    assert_eq!(answer.application.as_ref(), Some(one));
    let history: Vec<_> =
        answer.events.iter().map(|event| (event.from(), event.to(), &event.actor, &event.note)).collect();
    let done = shop.feed.iter().filter(|done| with_history && done.id == one.id);
    assert_eq!(history, done.map(|done| (done.from, done.to, &done.actor, &done.note)).collect::<Vec<_>>());
    assert!(answer.events.iter().all(|event| event.application.is_none() && !event.cursor.is_empty()));
    let other = TENANTS.into_iter().find(|other| *other != tenant).unwrap();
    let status = client.get_application(get(other)).await.unwrap_err();
    assert_eq!(reason(&status), (Code::NotFound, "APPLICATION_NOT_FOUND".into()));
    let foreign = pb::TransitionApplicationRequest {
        tenant: other.into(),
        id: one.id.clone(),
        to: pb::ApplicationStatus::InProgress.into(),
        actor: "x".into(),
        ..Default::default()
    };
    let status = client.transition_application(foreign).await.unwrap_err();
    assert_eq!(reason(&status), (Code::NotFound, "APPLICATION_NOT_FOUND".into()));
}

async fn watch(client: &mut Client, tenant: &str, after: &str) -> Streaming<pb::WatchApplicationsResponse> {
    let request = pb::WatchApplicationsRequest { tenant: tenant.into(), after: after.into(), ..Default::default() };
    client.watch_applications(request).await.unwrap().into_inner()
}

async fn next(events: &mut Streaming<pb::WatchApplicationsResponse>) -> pb::ApplicationEvent {
    let message = tokio::time::timeout(Duration::from_secs(10), events.message()).await.expect("no event came");
    message.unwrap().unwrap().event.unwrap()
}

/// Replays the feed from the first event on: every one once, in order, told as it was.
async fn replay(client: &mut Client, shop: &Shop, tenant: &str) -> Vec<String> {
    let mut events = watch(client, tenant, "").await;
    let (mut cursors, mut last) = (Vec::new(), (0, 0));
    for done in &shop.feed {
        let event = next(&mut events).await;
        let application = event.application.as_ref().unwrap();
        assert_eq!(application.id, done.id, "{done:?}");
        assert!(shop.applications.contains(application), "as it is now: {application:?}");
        assert_eq!((event.from(), event.to()), (done.from, done.to), "{done:?}");
        assert_eq!((event.kind(), &event.actor, &event.note), (done.kind, &done.actor, &done.note), "{done:?}");
        assert_eq!(event.fields, done.fields, "{done:?}");
        let occurred = stamp(&event.occurred_at);
        assert!(last <= occurred && occurred <= done.between.1, "{occurred:?} {done:?}");
        assert!(done.between.0 <= (occurred.0, occurred.1 + 999), "{occurred:?} {done:?}");
        last = occurred;
        cursors.push(event.cursor);
    }
    cursors
}

#[tokio::test]
async fn applications_their_lists_and_their_feed_are_what_a_plain_list_says() {
    let (server, mut client) = served().await;
    let owner = connect(&server.config).await;
    let mut random = Random::new();
    let mut shops = [Shop::default(), Shop::default()];
    for (shop, tenant) in shops.iter_mut().zip(TENANTS) {
        created(&mut client, shop, tenant, &mut random).await;
    }
    let steps = if is_long() { 240 } else { 120 };
    for step in 0..steps {
        let which = usize::try_from(random.below(2)).unwrap();
        let (shop, tenant) = (&mut shops[which], TENANTS[which]);
        let place = usize::try_from(random.below(shop.applications.len() as i64)).unwrap();
        match random.below(8) {
            0..=2 => created(&mut client, shop, tenant, &mut random).await,
            3 | 4 => changed(&mut client, shop, tenant, place, &mut random).await,
            5 => noted(&mut client, shop, tenant, place, &mut random).await,
            _ => {
                let status = shop.applications[place].status();
                let anywhere = [1, 2, 3, 4].map(|number| pb::ApplicationStatus::try_from(number).unwrap());
                let ways = ways(status);
                let to = if ways.is_empty() || random.below(3) == 0 { random.of(&anywhere) } else { random.of(&ways) };
                moved(&mut client, shop, tenant, place, to, &mut random).await;
            }
        }
        if step % 3 == 0 {
            compare(&mut client, shop, tenant, &mut random).await;
        }
        if step == steps / 2 {
            // Many at the same time: their ids decide.
            let seconds = "UPDATE applications SET created_at = date_trunc('second', created_at)";
            owner.batch_execute(seconds).await.unwrap();
            for shop in &mut shops {
                for application in &mut shop.applications {
                    application.created_at.as_mut().unwrap().nanos = 0;
                }
            }
        }
    }
    // Closed, a shop takes nothing; what it has goes on.
    owner.batch_execute("UPDATE tenants SET active = false WHERE slug = 'five_deluxe'").await.unwrap();
    let status = create(&mut client, TENANTS[1], some_application(TENANTS[1], &mut random)).await.unwrap_err();
    assert_eq!(reason(&status), (Code::FailedPrecondition, "TENANT_INACTIVE".into()));
    compare(&mut client, &shops[1], TENANTS[1], &mut random).await;
    owner.batch_execute("UPDATE tenants SET active = true").await.unwrap();

    let counts = shops.each_ref().map(|shop| (shop.applications.len(), shop.feed.len()));
    assert!(counts.iter().all(|(applications, events)| *applications > 10 && *events > applications + 8), "{counts:?}");
    for which in [0, 1] {
        let other = 1 - which;
        counted(&mut client, &shops[which], TENANTS[which]).await;
        let cursors = replay(&mut client, &shops[which], TENANTS[which]).await;
        let distinct: std::collections::BTreeSet<_> = cursors.iter().collect();
        assert_eq!(distinct.len(), cursors.len());
        // Behind a cursor the next one comes, and no other tenant takes it.
        for place in [0, cursors.len() / 2, cursors.len() - 2] {
            let mut resumed = watch(&mut client, TENANTS[which], &cursors[place]).await;
            assert_eq!(next(&mut resumed).await.cursor, cursors[place + 1]);
            let request = pb::WatchApplicationsRequest {
                tenant: TENANTS[other].into(),
                after: cursors[place].clone(),
                ..Default::default()
            };
            let status = client.watch_applications(request).await.unwrap_err();
            assert_eq!(violations(&status), [("after".to_owned(), "CURSOR_INVALID".to_owned())]);
        }
        // Then what comes, of this shop alone.
        let mut live = watch(&mut client, TENANTS[which], cursors.last().unwrap()).await;
        created(&mut client, &mut shops[other], TENANTS[other], &mut random).await;
        created(&mut client, &mut shops[which], TENANTS[which], &mut random).await;
        let event = next(&mut live).await;
        assert_eq!(event.application.as_ref(), shops[which].applications.last());
    }
}
