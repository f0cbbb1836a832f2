//! What customers ask for, at random.

use lekalo::proto::google::r#type::Money;
use lekalo::proto::lekalo::v1 as pb;
use prost_types::Timestamp;

use super::random::Random;

fn some_customer(random: &mut Random) -> pb::Customer {
    let channel = random.of(&[pb::Channel::Telegram, pb::Channel::Whatsapp, pb::Channel::Web, pb::Channel::Instagram]);
    let text = |text: &str| text.to_owned();
    pb::Customer {
        channel: channel.into(),
        external_id: text(random.of(&["1", "2", "7012345678901"])),
        name: text(random.of(&["", "Айбек", "Айгуль"])),
        phone: text(random.of(&["", "0555 123 456", "+7 912 345-67-89", "0700111222"])),
        username: text(random.of(&["", "@aibek", "aigul"])),
        language: text(random.of(&["", "", "ru", "ky", "en"])),
        // What is ours to say is not taken.
        id: "x".into(),
        etag: "x".into(),
        created_at: Some(Timestamp::default()),
        updated_at: Some(Timestamp::default()),
        application_count: 9,
    }
}

pub fn some_application(tenant: &str, random: &mut Random) -> pb::Application {
    use pb::ApplicationKind::{Callback, Complaint, IndividualMeasure, Order};
    let kind = random.of(&[Order, IndividualMeasure, Callback, Complaint]);
    let mut customer = some_customer(random);
    if kind == Callback && customer.phone.is_empty() {
        customer.phone = "0555 123 456".into();
    }
    let phone_will_do = customer.channel() == pb::Channel::Web || kind == Complaint;
    if phone_will_do && !customer.phone.is_empty() && random.below(2) == 0 {
        customer.external_id.clear();
    }
    let has_category = kind == Order || random.below(2) == 0;
    let trunk = pb::Selection { option: "trunk".into(), value: random.of(&["", "true", "false"]).into() };
    let (brand, model) = random.of(&[("", ""), ("toyota", ""), ("toyota", "camry"), ("honda", "fit")]);
    let cents = random.below(10_000_000);
    let money = |cents: i64, currency: &str| {
        let nanos = i32::try_from(cents % 100).unwrap() * 10_000_000;
        Some(Money { currency_code: currency.into(), units: cents / 100, nanos })
    };
    let kinds = [pb::PriceKind::Unspecified, pb::PriceKind::Fixed, pb::PriceKind::From, pb::PriceKind::Range];
    let quoted = random.of(&kinds);
    let ids: Vec<&str> = (0..2).map(|_| random.of(&["1", "2"])).collect();
    let external_ref = |system: &str| crate::support::applications::external_ref(system, ids[system.len() % 2]);
    pb::Application {
        kind: kind.into(),
        customer: Some(customer),
        category: if has_category { random.of(&["mats_5d", "5d_mats"]).into() } else { String::new() },
        brand: brand.into(),
        model: model.into(),
        generation: random.of(&["", "XV70"]).into(),
        year: random.of(&[0, 1900, 2018, 2100]),
        vehicle_text: random.of(&["камрюха", if kind == Order && model.is_empty() { "моя" } else { "" }]).into(),
        selections: if has_category && random.below(2) == 0 { vec![trunk] } else { vec![] },
        quoted_kind: quoted.into(),
        quoted_total: money(cents, random.of(&["", "KGS"])).filter(|_| quoted != pb::PriceKind::Unspecified),
        quoted_total_max: money(cents + random.below(2), "").filter(|_| quoted == pb::PriceKind::Range),
        message: format!("{tenant} {}", random.below(1000)),
        external_refs: ["amocrm", "bitrix"].into_iter().filter(|_| random.below(3) == 0).map(external_ref).collect(),
        // What is ours to say is not taken.
        id: "x".into(),
        status: pb::ApplicationStatus::Completed.into(),
        etag: "x".into(),
        created_at: Some(Timestamp::default()),
        updated_at: Some(Timestamp::default()),
        assignee: "x".into(),
        number: "x".into(),
        customer_deleted: true,
    }
}
