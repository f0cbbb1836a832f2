//! What managers change of applications and note about them, and how many there were on which day.

use std::collections::BTreeMap;

use lekalo::proto::lekalo::v1 as pb;
use tonic::{Code, Status};

use super::application_wishes::some_application;
use super::applications::{Done, Shop, now, reason, stamp};
use super::random::Random;
use crate::support::applications::{Client, mask, note};
use crate::support::methods::APPLICATION_FIELDS;

impl Shop {
    /// The application with these fields of another one.
    fn with(&self, before: &pb::Application, given: &pb::Application, fields: &[&str]) -> pb::Application {
        let given = normalized(given);
        let mut after = before.clone();
        let (contact, new) = (after.customer.as_mut().unwrap(), given.customer.clone().unwrap());
        for field in fields {
            match *field {
                "customer.name" => contact.name.clone_from(&new.name),
                "customer.phone" => contact.phone.clone_from(&new.phone),
                "brand" => after.brand.clone_from(&given.brand),
                "model" => after.model.clone_from(&given.model),
                "generation" => after.generation.clone_from(&given.generation),
                "year" => after.year = given.year,
                "vehicle_text" => after.vehicle_text.clone_from(&given.vehicle_text),
                "selections" => after.selections.clone_from(&given.selections),
                "quoted_total" => {
                    after.quoted_total.clone_from(&given.quoted_total);
                    after.quoted_total_max.clone_from(&given.quoted_total_max);
                    after.quoted_kind = given.quoted_kind;
                }
                "message" => after.message.clone_from(&given.message),
                _ => after.external_refs.clone_from(&given.external_refs),
            }
        }
        after
    }
}

/// What the service makes of what is written.
pub fn normalized(given: &pb::Application) -> pb::Application {
    let mut made = given.clone();
    let customer = made.customer.as_mut().unwrap();
    customer.phone = match customer.phone.as_str() {
        "0555 123 456" => "+996555123456",
        "+7 912 345-67-89" => "+79123456789",
        "0700111222" => "+996700111222",
        _ => "",
    }
    .into();
    for selection in &mut made.selections {
        if selection.value.is_empty() {
            selection.value = "true".into();
        }
    }
    for money in [&mut made.quoted_total, &mut made.quoted_total_max].into_iter().flatten() {
        money.currency_code = "KGS".into();
    }
    made
}

/// Why an application cannot become so; none: it can.
fn refusal(before: &pb::Application, after: &pb::Application) -> Option<&'static str> {
    let others = pb::Application { external_refs: vec![], ..after.clone() };
    let is_completed = before.status() == pb::ApplicationStatus::Completed;
    let (is_order, has_model) = (before.kind() == pb::ApplicationKind::Order, !after.model.is_empty());
    let phone = &after.customer.as_ref().unwrap().phone;
    let lacks = is_order && !has_model && after.vehicle_text.is_empty()
        || has_model && after.brand.is_empty()
        || !after.selections.is_empty() && after.category.is_empty()
        || before.kind() == pb::ApplicationKind::Callback && phone.is_empty();
    let of_brand = match after.model.as_str() {
        "camry" => "toyota",
        "fit" => "honda",
        _ => &after.brand,
    };
    match () {
        () if is_completed && others != (pb::Application { external_refs: vec![], ..before.clone() }) => {
            Some("APPLICATION_COMPLETED")
        }
        () if lacks => Some("FIELDS_INVALID"),
        () if of_brand != after.brand => Some("MODEL_NOT_FOUND"),
        () => None,
    }
}

fn refused(status: &Status) -> &'static str {
    let (code, reason) = reason(status);
    match (code, reason.as_str()) {
        (Code::InvalidArgument, _) => "FIELDS_INVALID",
        (Code::NotFound, "MODEL_NOT_FOUND") => "MODEL_NOT_FOUND",
        (Code::FailedPrecondition, "APPLICATION_COMPLETED") => "APPLICATION_COMPLETED",
        _ => panic!("{status:?}"),
    }
}

/// Writes some fields of an application.
pub async fn changed(client: &mut Client, shop: &mut Shop, tenant: &str, place: usize, random: &mut Random) {
    let before = shop.applications[place].clone();
    let given = some_application(tenant, random);
    let mut fields: Vec<&str> = APPLICATION_FIELDS.into_iter().filter(|_| random.below(4) == 0).collect();
    if fields.is_empty() {
        fields.push(random.of(&APPLICATION_FIELDS));
    }
    let after = shop.with(&before, &given, &fields);
    let request = pb::UpdateApplicationRequest {
        tenant: tenant.into(),
        id: before.id.clone(),
        application: Some(given),
        update_mask: Some(mask(&fields)),
        actor: random.of(&["Нурлан", "Бермет"]).into(),
        etag: random.of(&["", &before.etag]).to_owned(),
        ..Default::default()
    };
    let began = now();
    let answer = client.update_application(request.clone()).await;
    if after == before {
        let same = answer.unwrap().into_inner().application.unwrap();
        assert_eq!(same, before, "nothing was to be changed: {request:?}");
        return;
    }
    if let Some(why) = refusal(&before, &after) {
        let status = answer.expect_err(&format!("{why}: {request:?}"));
        assert_eq!(refused(&status), why, "{request:?}: {status:?}");
        return;
    }
    let made = answer.unwrap_or_else(|status| panic!("{request:?}: {status:?}")).into_inner().application.unwrap();
    assert_ne!(made.etag, before.etag);
    assert!(began <= (stamp(&made.updated_at).0, stamp(&made.updated_at).1 + 999));
    let expected = pb::Application { etag: made.etag.clone(), updated_at: made.updated_at, ..after };
    assert_eq!(made, expected, "{request:?}");
    // The mask's fields that made a difference, in its order.
    let given = request.application.as_ref().unwrap();
    fields.retain(|field| shop.with(&before, given, &[*field]) != before);
    let written = fields.into_iter().map(str::to_owned).collect();
    shop.feed.push(Done {
        id: before.id.clone(),
        kind: pb::ApplicationEventKind::Updated,
        from: before.status(),
        to: before.status(),
        actor: request.actor,
        note: String::new(),
        fields: written,
        between: (began, now()),
    });
    shop.applications[place] = made;
}

/// Puts a note into an application's history.
pub async fn noted(client: &mut Client, shop: &mut Shop, tenant: &str, place: usize, random: &mut Random) {
    let before = shop.applications[place].clone();
    let text = random.of(&["созвонились", "Перезвонить завтра"]);
    let began = now();
    let request = pb::AddApplicationNoteRequest { tenant: tenant.into(), ..note(&before, text) };
    let answer = client.add_application_note(request.clone()).await.unwrap().into_inner();
    assert_eq!(answer.application.as_ref(), Some(&before), "it stays as it is");
    shop.feed.push(Done {
        id: before.id.clone(),
        kind: pb::ApplicationEventKind::Noted,
        from: before.status(),
        to: before.status(),
        actor: request.actor,
        note: text.to_owned(),
        fields: vec![],
        between: (began, now()),
    });
}

/// The counts of the last days are those of a plain list.
pub async fn counted(client: &mut Client, shop: &Shop, tenant: &str) {
    let request = pb::GetApplicationStatsRequest { tenant: tenant.into(), ..Default::default() };
    let stats = client.get_application_stats(request).await.unwrap().into_inner();
    assert_eq!(stats.total, i32::try_from(shop.applications.len()).unwrap());
    let mut expected: BTreeMap<(i32, String, i32, i32), i32> = BTreeMap::new();
    for application in &shop.applications {
        let channel = application.customer.as_ref().unwrap().channel;
        *expected.entry((application.status, application.category.clone(), channel, application.kind)).or_default() +=
            1;
    }
    let mut told: BTreeMap<(i32, String, i32, i32), i32> = BTreeMap::new();
    for count in stats.counts {
        assert!(stats.first_day <= count.day && count.day <= stats.last_day && count.count > 0, "{count:?}");
        *told.entry((count.status, count.category, count.channel, count.kind)).or_default() += count.count;
    }
    assert_eq!(told, expected);
}
