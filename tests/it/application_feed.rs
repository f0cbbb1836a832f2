//! The feed of what happens to applications: in order, without a gap, whoever writes and whatever restarts.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use lekalo::db::idempotency::IdempotencyKey;
use lekalo::domain::application::{Customer, Kind, Wish};
use lekalo::domain::tenant::Language;
use lekalo::feeds::MAX_WATCHERS;
use lekalo::proto::lekalo::v1 as pb;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use crate::support::applications::{Client, created, customer, moved, order, pairs, reason, served, violations};
use crate::support::{TestServer, connect};

async fn watch(client: &mut Client, after: &str) -> Streaming<pb::WatchApplicationsResponse> {
    let request =
        pb::WatchApplicationsRequest { tenant: "evopoliki".into(), after: after.into(), ..Default::default() };
    client.watch_applications(request).await.unwrap().into_inner()
}

async fn next(events: &mut Streaming<pb::WatchApplicationsResponse>) -> Result<pb::ApplicationEvent, Status> {
    let message = tokio::time::timeout(Duration::from_secs(10), events.message()).await.expect("no event came");
    message.map(|message| message.unwrap().event.unwrap())
}

#[tokio::test]
async fn a_watch_tells_what_was_and_then_what_comes() {
    let (server, mut client) = served().await;
    let first = created(&mut client, order()).await;
    moved(&mut client, &first, pb::ApplicationStatus::InProgress).await;
    let mut events = watch(&mut client, "").await;
    let event = next(&mut events).await.unwrap();
    assert_eq!(
        (event.kind(), event.from(), event.to()),
        (pb::ApplicationEventKind::Created, pb::ApplicationStatus::Unspecified, pb::ApplicationStatus::New)
    );
    assert_eq!(event.application.as_ref().unwrap().status(), pb::ApplicationStatus::InProgress, "as it is now");
    let event = next(&mut events).await.unwrap();
    assert_eq!(
        (event.kind(), event.from(), event.to()),
        (pb::ApplicationEventKind::Transitioned, pb::ApplicationStatus::New, pb::ApplicationStatus::InProgress)
    );
    assert_eq!((event.actor.as_str(), event.note.as_str()), ("Нурлан", "созвонились"));
    let second = created(&mut client, order()).await;
    let live = next(&mut events).await.unwrap();
    assert_eq!(live.application.unwrap(), second);

    // Resumed, it goes on behind the cursor; another tenant's cursor, or one from the future, is refused.
    let mut resumed = watch(&mut client, &event.cursor).await;
    assert_eq!(next(&mut resumed).await.unwrap().cursor, live.cursor);
    let refuse = async |client: &mut Client, tenant: &str, after: &str| {
        let request = pb::WatchApplicationsRequest { tenant: tenant.into(), after: after.into(), ..Default::default() };
        client.watch_applications(request).await.unwrap_err()
    };
    let tenant = server.db.find_tenant("evopoliki").await.unwrap();
    let ahead = lekalo::domain::application::cursor(tenant.id, 4);
    for (tenant, after) in [("five_deluxe", live.cursor.as_str()), ("evopoliki", "nonsense"), ("evopoliki", &ahead)] {
        assert_eq!(violations(&refuse(&mut client, tenant, after).await), pairs([("after", "CURSOR_INVALID")]));
    }
    let long = refuse(&mut client, "evopoliki", &"x".repeat(129)).await;
    assert_eq!(violations(&long), pairs([("after", "FIELD_TOO_LONG")]));
}

#[tokio::test]
async fn a_watch_may_begin_with_what_happens_from_now_on() {
    let (_server, mut client) = served().await;
    let request =
        |after: &str| pb::WatchApplicationsRequest { tenant: "evopoliki".into(), after: after.into(), from_now: true };
    // Before the first event of all, and behind those that were.
    let mut first = client.watch_applications(request("")).await.unwrap().into_inner();
    let old = created(&mut client, order()).await;
    let event = next(&mut first).await.unwrap();
    assert_eq!(event.application.as_ref(), Some(&old));
    let mut events = client.watch_applications(request("")).await.unwrap().into_inner();
    let new = created(&mut client, order()).await;
    assert_eq!(next(&mut events).await.unwrap().application, Some(new));
    let both = client.watch_applications(request(&event.cursor)).await.unwrap_err();
    assert_eq!(violations(&both), pairs([("from_now", "FIELD_INVALID")]));
}

#[tokio::test]
async fn so_many_may_watch_a_tenant_and_who_leaves_makes_room() {
    let (_server, mut client) = served().await;
    let mut watches = Vec::new();
    for _ in 0..MAX_WATCHERS {
        watches.push(watch(&mut client, "").await);
    }
    let request = |tenant: &str| pb::WatchApplicationsRequest { tenant: tenant.into(), ..Default::default() };
    let refused = client.watch_applications(request("evopoliki")).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::ResourceExhausted, "OVERLOADED".into()));
    assert!(refused.get_error_details().retry_info().unwrap().retry_delay.is_some());
    client.watch_applications(request("five_deluxe")).await.unwrap();

    let application = created(&mut client, order()).await;
    for events in &mut watches {
        assert_eq!(next(events).await.unwrap().application.unwrap().id, application.id, "each is woken");
    }
    watches.pop();
    let began = Instant::now();
    while client.watch_applications(request("evopoliki")).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(5), "nobody has left");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn who_watches_while_nothing_happens_costs_the_database_nothing() {
    let (server, mut client) = served().await;
    let mut watches = Vec::new();
    for _ in 0..60 {
        watches.push(watch(&mut client, "").await);
    }
    let owner = connect(&server.config).await;
    // What a backend did is counted at most a second later.
    let transactions = async || {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let count = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()";
        owner.query_one(count, &[]).await.unwrap().get::<_, i64>(0)
    };
    let before = transactions().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let made = transactions().await - before;
    println!("{made} transactions in 4.5 s with 60 watchers");
    assert!(made < 200, "{made} transactions: each asks for itself");
    let application = created(&mut client, order()).await;
    for events in &mut watches {
        assert_eq!(next(events).await.unwrap().application.unwrap().id, application.id);
    }
}

#[tokio::test]
async fn nothing_is_lost_across_a_restart() {
    let (server, mut client) = served().await;
    let config = server.config.clone();
    let mut events = watch(&mut client, "").await;
    created(&mut client, order()).await;
    let seen = next(&mut events).await.unwrap();
    let ((), ended) = tokio::join!(server.stop(), next(&mut events));
    assert_eq!(reason(&ended.unwrap_err()), (Code::Unavailable, "SHUTTING_DOWN".into()));

    let server = TestServer::over(config).await;
    let mut client = Client::new(server.channel.clone());
    let missed = created(&mut client, order()).await;
    let mut events = watch(&mut client, &seen.cursor).await;
    assert_eq!(next(&mut events).await.unwrap().application.unwrap().id, missed.id);
}

#[tokio::test]
async fn an_event_never_becomes_visible_before_an_earlier_one() {
    let (server, mut client) = served().await;
    let mut events = watch(&mut client, "").await;
    // Somebody has appended and takes his time to commit.
    let tenant = server.db.find_tenant("evopoliki").await.unwrap();
    let slow = server.db.tenant(tenant.id).transaction(Duration::from_secs(10)).await.unwrap();
    let customer = Customer {
        id: None,
        channel: "web".into(),
        external_id: "slow".into(),
        name: String::new(),
        phone: String::new(),
        username: String::new(),
        language: None,
    };
    let wish = Wish {
        external_refs: Vec::new(),
        kind: Kind::Callback,
        category: String::new(),
        brand: String::new(),
        model: String::new(),
        generation: String::new(),
        year: None,
        vehicle_text: String::new(),
        selections: Vec::new(),
        quoted: None,
        message: String::new(),
    };
    let request = IdempotencyKey { method: "test", request_id: Uuid::now_v7(), body_sha256: vec![0; 32] };
    let subject = slow.find_subject(&wish).await.unwrap();
    let first = slow.create_application(&customer, Language::Ru, &wish, &subject, &request).await.unwrap();

    let mut other = client.clone();
    let second = tokio::spawn(async move { created(&mut other, order()).await });
    let early = tokio::time::timeout(Duration::from_millis(700), events.message()).await;
    assert!(early.is_err(), "nothing may be seen yet: {early:?}");
    slow.commit().await.unwrap();
    let second = second.await.unwrap();
    assert_eq!(next(&mut events).await.unwrap().application.unwrap().id, first.id.to_string());
    assert_eq!(next(&mut events).await.unwrap().application.unwrap().id, second.id);
}

#[tokio::test]
async fn watchers_of_two_servers_see_the_same_events_in_the_same_order() {
    let (server, mut client) = served().await;
    let twin = TestServer::over(server.config.clone()).await;
    let mut twin_client = Client::new(twin.channel.clone());
    let mut watches = [watch(&mut client, "").await, watch(&mut twin_client, "").await];
    let writes = (0..40).map(|number| {
        let mut client = if number % 2 == 0 { client.clone() } else { twin_client.clone() };
        async move {
            let customer = pb::Customer { external_id: format!("customer-{number}"), ..customer() };
            let application = created(&mut client, pb::Application { customer: Some(customer), ..order() }).await;
            moved(&mut client, &application, pb::ApplicationStatus::InProgress).await;
        }
    });
    futures::stream::iter(writes).buffer_unordered(10).collect::<Vec<_>>().await;
    let mut seen = [Vec::new(), Vec::new()];
    for (events, seen) in watches.iter_mut().zip(&mut seen) {
        for _ in 0..80 {
            let event = next(events).await.unwrap();
            seen.push((event.cursor.clone(), event.application.as_ref().unwrap().id.clone(), event.to()));
        }
    }
    assert_eq!(seen[0], seen[1]);
    let distinct: std::collections::BTreeSet<_> = seen[0].iter().map(|(cursor, ..)| cursor).collect();
    assert_eq!(distinct.len(), 80);
    for (place, (_, id, to)) in seen[0].iter().enumerate() {
        let created_before = seen[0][..place].iter().any(|(_, other, _)| other == id);
        assert_eq!(created_before, *to == pb::ApplicationStatus::InProgress, "each is created before it moves");
    }
}
