//! Leads over the wire: taken down once, and moved by one.

use std::time::Duration;

use futures::future::join_all;
use lekalo::proto::lekalo::v1 as pb;
use tonic::Code;
use tonic_types::StatusExt as _;
use uuid::Uuid;

use crate::support::applications::{
    callback, create, created, customer, customer_id, moved, order, pairs, reason, served, transition, violations,
};
use crate::support::connect;

fn list() -> pb::ListApplicationsRequest {
    pb::ListApplicationsRequest { tenant: "evopoliki".into(), ..Default::default() }
}

#[tokio::test]
async fn an_order_comes_back_as_understood() {
    let (_server, mut client) = served().await;
    let application = created(&mut client, order()).await;
    assert_eq!(application.status(), pb::ApplicationStatus::New);
    assert_eq!((application.category.as_str(), application.year), ("5d_mats", 2018), "the alias became the code");
    assert_eq!((application.brand.as_str(), application.model.as_str()), ("toyota", "camry"));
    assert_eq!(application.selections[1].value, "true");
    let money = application.quoted_total.clone().unwrap();
    assert_eq!((money.currency_code.as_str(), money.units, money.nanos), ("KGS", 16_500, 500_000_000));
    let customer = application.customer.clone().unwrap();
    assert_eq!((customer.phone.as_str(), customer.username.as_str()), ("+996555123456", "aibek"));
    assert_eq!((customer.language.as_str(), customer.external_id.as_str()), ("ru", "7012345678901"));
    assert_eq!(application.created_at, application.updated_at);

    let get = |tenant: &str, id: &str| pb::GetApplicationRequest {
        tenant: tenant.into(),
        id: id.into(),
        ..Default::default()
    };
    let read = client.get_application(get("evopoliki", &application.id)).await.unwrap().into_inner();
    assert_eq!(read.application.unwrap(), application);
    for (tenant, id) in
        [("five_deluxe", application.id.as_str()), ("evopoliki", "x"), ("evopoliki", &Uuid::nil().to_string())]
    {
        let refused = client.get_application(get(tenant, id)).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::NotFound, "APPLICATION_NOT_FOUND".into()));
        assert_eq!(refused.get_error_details().resource_info().unwrap().resource_name, id);
    }
}

#[tokio::test]
async fn a_customer_is_updated_and_not_doubled() {
    let (server, mut client) = served().await;
    let first = created(&mut client, order()).await;
    let again =
        pb::Customer { name: String::new(), phone: "+996700111222".into(), language: "ky".into(), ..customer() };
    let second = created(&mut client, pb::Application { customer: Some(again), ..order() }).await;
    let customer = second.customer.unwrap();
    assert_eq!((customer.name.as_str(), customer.phone.as_str()), ("Айбек", "+996700111222"));
    assert_eq!(customer.language, "ky");
    // On the web a phone will do.
    let web = pb::Customer { channel: pb::Channel::Web.into(), external_id: String::new(), ..self::customer() };
    let web = created(&mut client, pb::Application { customer: Some(web), ..order() }).await;
    assert_eq!(web.customer.unwrap().external_id, "+996555123456");
    let owner = connect(&server.config).await;
    let customers: i64 = owner.query_one("SELECT count(*) FROM customers", &[]).await.unwrap().get(0);
    assert_eq!(customers, 2);
    let list = client.list_applications(list()).await.unwrap().into_inner();
    assert_eq!(list.total_size, 3);
    assert_eq!(list.applications[2].id, first.id, "newest first");
}

#[tokio::test]
async fn fifty_at_once_with_one_request_id_make_one_application() {
    let (server, client) = served().await;
    let request = create(order());
    let calls = (0..50).map(|_| {
        let (mut client, request) = (client.clone(), request.clone());
        async move { client.create_application(request).await.unwrap().into_inner() }
    });
    let answers = join_all(calls).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let owner = connect(&server.config).await;
    for table in ["applications", "application_events", "customers"] {
        let count: i64 = owner.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0);
        assert_eq!(count, 1, "{table}");
    }

    // The first answer stays the answer, whatever became of the application since.
    let mut client = client.clone();
    let first = answers[0].application.clone().unwrap();
    moved(&mut client, &first, pb::ApplicationStatus::Cancelled).await;
    owner.batch_execute("UPDATE tenants SET active = false").await.unwrap();
    assert_eq!(client.create_application(request.clone()).await.unwrap().into_inner(), answers[0]);
    let other = pb::CreateApplicationRequest { application: Some(callback("0555123456")), ..request.clone() };
    let other = client.create_application(other).await.unwrap_err();
    assert_eq!(reason(&other), (Code::AlreadyExists, "REQUEST_ID_REUSED".into()));

    // When the answer is forgotten nothing is made twice either: the application comes back, as it is now.
    owner.batch_execute("DELETE FROM write_requests").await.unwrap();
    let late = client.create_application(request.clone()).await.unwrap().into_inner().application.unwrap();
    assert_eq!((late.id.as_str(), late.status()), (first.id.as_str(), pb::ApplicationStatus::Cancelled));
    let again = client.create_application(request.clone()).await.unwrap().into_inner().application.unwrap();
    assert_eq!(again, late, "and is remembered again");
    owner.batch_execute("DELETE FROM write_requests").await.unwrap();
    let other = pb::CreateApplicationRequest { application: Some(callback("0555123456")), ..request };
    let other = client.create_application(other).await.unwrap_err();
    assert_eq!(reason(&other), (Code::AlreadyExists, "REQUEST_ID_REUSED".into()));
    let count: i64 = owner.query_one("SELECT count(*) FROM applications", &[]).await.unwrap().get(0);
    assert_eq!(count, 1);
}

#[tokio::test]
async fn what_a_customer_says_later_changes_no_earlier_application() {
    let (server, mut client) = served().await;
    let first = created(&mut client, order()).await;
    let sister = pb::Customer {
        name: "Айгуль".into(),
        phone: "+996700111222".into(),
        username: "aigul".into(),
        language: "ky".into(),
        ..customer()
    };
    let second = created(&mut client, pb::Application { customer: Some(sister.clone()), ..order() }).await;
    let sister = pb::Customer { id: customer_id(&first), ..sister };
    assert_eq!(second.customer.as_ref(), Some(&sister));

    let get = pb::GetApplicationRequest { tenant: "evopoliki".into(), id: first.id.clone(), ..Default::default() };
    let got = client.get_application(get).await.unwrap().into_inner().application.unwrap();
    assert_eq!(got, first);
    let listed = client.list_applications(list()).await.unwrap().into_inner().applications;
    assert_eq!(listed, [second, first.clone()]);
    let watch = pb::WatchApplicationsRequest { tenant: "evopoliki".into(), ..Default::default() };
    let mut events = client.watch_applications(watch).await.unwrap().into_inner();
    let event = events.message().await.unwrap().unwrap().event.unwrap();
    assert_eq!(event.application.as_ref(), Some(&first));
    let moved = moved(&mut client, &first, pb::ApplicationStatus::InProgress).await;
    assert_eq!(moved.customer, first.customer);

    // What is left empty is as known when the application is created.
    let bare = pb::Customer { name: String::new(), phone: String::new(), username: String::new(), ..customer() };
    let third = created(&mut client, pb::Application { customer: Some(bare), ..order() }).await;
    assert_eq!(third.customer, Some(sister));
    drop(server);
}

#[tokio::test]
async fn lists_are_filtered_and_stable() {
    let (_server, mut client) = served().await;
    let mut all = Vec::new();
    for number in 0..9 {
        let application = if number % 3 == 0 { order() } else { callback("0555123456") };
        all.push(created(&mut client, application).await);
    }
    all.reverse();
    let ids = |applications: &[pb::Application]| applications.iter().map(|a| a.id.clone()).collect::<Vec<_>>();
    let first = client.list_applications(pb::ListApplicationsRequest { page_size: 4, ..list() }).await.unwrap();
    let first = first.into_inner();
    assert_eq!((ids(&first.applications), first.total_size), (ids(&all[..4]), 9));
    // An insert in between shifts nothing.
    let newest = created(&mut client, order()).await;
    let next = pb::ListApplicationsRequest { page_size: 4, page_token: first.next_page_token, ..list() };
    let second = client.list_applications(next.clone()).await.unwrap().into_inner();
    assert_eq!((ids(&second.applications), second.total_size), (ids(&all[4..8]), 10));
    let skipped = client.list_applications(pb::ListApplicationsRequest { skip: 4, ..next.clone() }).await.unwrap();
    assert_eq!(ids(&skipped.get_ref().applications), ids(&all[8..]));
    assert_eq!(skipped.get_ref().next_page_token, "");
    let kind = pb::ApplicationKind::Order.into();
    let foreign = client.list_applications(pb::ListApplicationsRequest { kind, ..next }).await.unwrap_err();
    assert_eq!(violations(&foreign), pairs([("page_token", "PAGE_TOKEN_INVALID")]));

    let orders = client.list_applications(pb::ListApplicationsRequest { kind, ..list() }).await.unwrap().into_inner();
    assert_eq!(ids(&orders.applications), ids(&[newest, all[2].clone(), all[5].clone(), all[8].clone()]));
    moved(&mut client, &all[3], pb::ApplicationStatus::InProgress).await;
    let status = pb::ApplicationStatus::InProgress.into();
    let busy = client.list_applications(pb::ListApplicationsRequest { status, ..list() }).await.unwrap().into_inner();
    assert_eq!((ids(&busy.applications), busy.total_size), (ids(&all[3..4]), 1));
    let (after, before) = (all[6].created_at, all[2].created_at);
    let between = pb::ListApplicationsRequest { created_after: after, created_before: before, ..list() };
    let between = client.list_applications(between).await.unwrap().into_inner();
    assert_eq!(ids(&between.applications), ids(&all[3..7]), "from the first time on, up to the second");
    let backwards =
        pb::ListApplicationsRequest { created_after: before, created_before: after, page_size: -1, ..list() };
    let backwards = client.list_applications(backwards).await.unwrap_err();
    assert_eq!(
        violations(&backwards),
        pairs([("created_before", "FIELD_OUT_OF_RANGE"), ("page_size", "FIELD_OUT_OF_RANGE")])
    );
}

#[tokio::test]
async fn an_application_goes_its_way_and_no_other() {
    use pb::ApplicationStatus::{Cancelled, Completed, InProgress, New};
    let (server, mut client) = served().await;
    let mut application = created(&mut client, order()).await;
    for to in [Cancelled, New, InProgress, New, InProgress, Completed] {
        let before = application.etag.clone();
        application = moved(&mut client, &application, to).await;
        assert_eq!(application.status(), to);
        assert_ne!(application.etag, before);
    }
    let refused = client.transition_application(transition(&application, Cancelled)).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::FailedPrecondition, "ILLEGAL_TRANSITION".into()));
    let details = refused.get_error_details();
    let metadata = &details.error_info().unwrap().metadata;
    assert_eq!((metadata["from"].as_str(), metadata["to"].as_str()), ("COMPLETED", "CANCELLED"));
    assert_eq!(metadata["allowed"], "");

    let other = created(&mut client, order()).await;
    let refused = client.transition_application(transition(&other, Completed)).await.unwrap_err();
    assert_eq!(refused.get_error_details().error_info().unwrap().metadata["allowed"], "IN_PROGRESS,CANCELLED");
    let stale = pb::TransitionApplicationRequest { etag: "17".into(), ..transition(&other, InProgress) };
    let stale = client.transition_application(stale).await.unwrap_err();
    assert_eq!(reason(&stale), (Code::Aborted, "ETAG_MISMATCH".into()));
    let nobody = pb::TransitionApplicationRequest { actor: " ".into(), to: 0, ..transition(&other, New) };
    let nobody = client.transition_application(nobody).await.unwrap_err();
    assert_eq!(violations(&nobody), pairs([("to", "FIELD_REQUIRED"), ("actor", "FIELD_REQUIRED")]));
    let foreign = pb::TransitionApplicationRequest { tenant: "five_deluxe".into(), ..transition(&other, InProgress) };
    let foreign = client.transition_application(foreign).await.unwrap_err();
    assert_eq!(reason(&foreign), (Code::NotFound, "APPLICATION_NOT_FOUND".into()));

    // A retry gets the first answer.
    let request_id = Uuid::now_v7().to_string();
    let request = pb::TransitionApplicationRequest { request_id, ..transition(&other, InProgress) };
    let first = client.transition_application(request.clone()).await.unwrap().into_inner();
    assert_eq!(client.transition_application(request).await.unwrap().into_inner(), first);
    let owner = connect(&server.config).await;
    let events = "SELECT count(*) FROM application_events WHERE application_id = $1::text::uuid";
    let events: i64 = owner.query_one(events, &[&other.id]).await.unwrap().get(0);
    assert_eq!(events, 2, "each change once");
}

#[tokio::test]
async fn of_managers_who_claim_at_once_exactly_one_wins() {
    let (_server, mut client) = served().await;
    for _ in 0..5 {
        let application = created(&mut client, order()).await;
        let claims = (0..8).map(|_| {
            let (mut client, request) = (client.clone(), transition(&application, pb::ApplicationStatus::InProgress));
            async move { client.transition_application(request).await }
        });
        let claims = join_all(claims).await;
        let lost: Vec<_> = claims.iter().filter_map(|claim| claim.as_ref().err()).collect();
        assert_eq!(lost.len(), 7);
        for status in lost {
            let (code, reason) = reason(status);
            assert_eq!(code, Code::Aborted, "{status:?}");
            assert!(["APPLICATION_CHANGED", "ETAG_MISMATCH"].contains(&reason.as_str()), "{reason} is retried blindly");
            let details = status.get_error_details();
            assert_eq!(details.error_info().unwrap().metadata["assignee"], "Нурлан", "who was faster");
        }
    }
}

#[tokio::test]
async fn what_looks_for_no_lead_is_refused() {
    let (_server, mut client) = served().await;
    let bad = pb::ListApplicationsRequest {
        channel: 99,
        phone: "нет".into(),
        number: "2F7E".into(),
        external_id: "x".repeat(129),
        assignee: "x".repeat(121),
        text: "x".repeat(121),
        ..list()
    };
    let mut refused = violations(&client.list_applications(bad).await.unwrap_err());
    refused.sort();
    let expected = [
        ("assignee", "FIELD_TOO_LONG"),
        ("channel", "FIELD_INVALID"),
        ("external_id", "FIELD_TOO_LONG"),
        ("number", "FIELD_INVALID"),
        ("phone", "FIELD_INVALID"),
        ("text", "FIELD_TOO_LONG"),
    ];
    assert_eq!(refused, pairs(expected));
    // What only the tenant's country can tell.
    let short = client.list_applications(pb::ListApplicationsRequest { phone: "0555 1234".into(), ..list() }).await;
    assert_eq!(violations(&short.unwrap_err()), pairs([("phone", "FIELD_INVALID")]));
}

#[tokio::test]
async fn who_moves_what_another_is_moving_is_aborted_without_an_etag_too() {
    let (server, mut client) = served().await;
    let application = created(&mut client, order()).await;
    let owner = connect(&server.config).await;
    owner.batch_execute("BEGIN; UPDATE applications SET revision = revision + 1, status = 'cancelled'").await.unwrap();
    let mut claimer = client.clone();
    let blind = pb::TransitionApplicationRequest {
        etag: String::new(),
        ..transition(&application, pb::ApplicationStatus::InProgress)
    };
    let claim = tokio::spawn(async move { claimer.transition_application(blind).await });
    let observer = connect(&server.config).await;
    let waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while observer.query(waiting, &[]).await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    owner.batch_execute("COMMIT").await.unwrap();
    let lost = claim.await.unwrap().unwrap_err();
    // Not the reason that says to try again: of two who decide, one would undo the other's decision.
    assert_eq!(reason(&lost), (Code::Aborted, "APPLICATION_CHANGED".into()));
}
