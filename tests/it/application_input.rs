//! Leads over the wire: what is understood, and what is refused with every bad field named.

use lekalo::proto::google::r#type::Money;
use lekalo::proto::lekalo::v1 as pb;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::support::applications::{
    Client, callback, create, created, customer, order, pairs, reason, served, violations,
};
use crate::support::connect;
use crate::support::pricing::soms;

#[tokio::test]
async fn phones_are_understood_or_refused() {
    let (server, mut client) = served().await;
    for (typed, e164) in [
        ("0555 123 456", "+996555123456"),
        ("0555-12-34-56", "+996555123456"),
        ("996 555 123456", "+996555123456"),
        ("+7 (912) 345-67-89", "+79123456789"),
    ] {
        let application = created(&mut client, callback(typed)).await;
        assert_eq!(application.customer.unwrap().phone, e164, "{typed}");
    }
    for typed in ["54321", "0555 123 45", "позвоните мне", "+996 555", "0555 123 456 доб. 2", "+000000000000"]
    {
        let refused = client.create_application(create(callback(typed))).await.unwrap_err();
        assert_eq!(violations(&refused), pairs([("application.customer.phone", "FIELD_INVALID")]), "{typed}");
        assert!(!refused.message().contains(typed), "{}", refused.message());
    }
    let missing = client.create_application(create(callback(""))).await.unwrap_err();
    assert_eq!(violations(&missing), pairs([("application.customer.phone", "FIELD_REQUIRED")]));
    // Another country, another way to write.
    let owner = connect(&server.config).await;
    owner.batch_execute("UPDATE tenants SET time_zone = 'Asia/Almaty'").await.unwrap();
    let application = created(&mut client, callback("8 701 123 45 67")).await;
    assert_eq!(application.customer.unwrap().phone, "+77011234567");
}

#[tokio::test]
async fn every_bad_field_is_named() {
    let (_server, mut client) = served().await;
    let bad = pb::Application {
        customer: Some(pb::Customer { language: "de".into(), phone: "нет".into(), ..Default::default() }),
        kind: 99,
        model: "camry".into(),
        year: 1800,
        selections: vec![pb::Selection::default()],
        quoted_total: Some(Money { units: -1, ..Default::default() }),
        message: "ы".repeat(4097),
        ..Default::default()
    };
    let refused = client.create_application(pb::CreateApplicationRequest { request_id: String::new(), ..create(bad) });
    assert_eq!(
        violations(&refused.await.unwrap_err()),
        pairs([
            ("request_id", "FIELD_REQUIRED"),
            ("application.kind", "FIELD_INVALID"),
            ("application.customer.channel", "FIELD_REQUIRED"),
            ("application.customer.language", "FIELD_INVALID"),
            ("application.customer.phone", "FIELD_INVALID"),
            ("application.customer.external_id", "FIELD_REQUIRED"),
            ("application.year", "FIELD_OUT_OF_RANGE"),
            ("application.selections[0].option", "FIELD_REQUIRED"),
            ("application.quoted_total", "FIELD_OUT_OF_RANGE"),
            ("application.message", "FIELD_TOO_LONG"),
            ("application.brand", "FIELD_REQUIRED"),
            ("application.selections", "FIELD_INVALID"),
        ])
    );
    let nothing = pb::CreateApplicationRequest { application: None, ..create(order()) };
    let nothing = client.create_application(nothing).await.unwrap_err();
    assert_eq!(violations(&nothing), pairs([("application", "FIELD_REQUIRED")]));
    let bare = pb::Application { kind: pb::ApplicationKind::Order.into(), ..Default::default() };
    let bare = client.create_application(create(bare)).await.unwrap_err();
    assert_eq!(
        violations(&bare),
        pairs([
            ("application.customer", "FIELD_REQUIRED"),
            ("application.category", "FIELD_REQUIRED"),
            ("application.vehicle_text", "FIELD_REQUIRED"),
        ])
    );
    // What only the tenant can tell comes together, too.
    let foreign = pb::Application {
        quoted_total: Some(Money { currency_code: "USD".into(), units: 1, nanos: 0 }),
        ..callback("0555 1234")
    };
    let foreign = client.create_application(create(foreign)).await.unwrap_err();
    assert_eq!(
        violations(&foreign),
        pairs([("application.customer.phone", "FIELD_INVALID"), ("application.quoted_total", "FIELD_INVALID")])
    );
}

#[tokio::test]
async fn what_an_application_names_must_exist_and_be_sold() {
    let (server, mut client) = served().await;
    let refuse = async |client: &mut Client, application: pb::Application| {
        client.create_application(create(application)).await.unwrap_err()
    };
    let named = |category: &str, brand: &str, model: &str| pb::Application {
        category: category.into(),
        brand: brand.into(),
        model: model.into(),
        selections: Vec::new(),
        ..order()
    };
    for (application, code, expected) in [
        (named("skis", "toyota", "camry"), Code::NotFound, "CATEGORY_NOT_FOUND"),
        (named("eva_mats", "tesla-motors", "camry"), Code::NotFound, "BRAND_NOT_FOUND"),
        (named("eva_mats", "honda", "camry"), Code::NotFound, "MODEL_NOT_FOUND"),
        (named("premium_covers", "toyota", "camry"), Code::FailedPrecondition, "CATEGORY_NOT_SOLD"),
    ] {
        assert_eq!(reason(&refuse(&mut client, application).await), (code, expected.to_owned()));
    }
    let select = |option: &str, value: &str| pb::Selection { option: option.into(), value: value.into() };
    let options = pb::Application {
        selections: vec![select("leather", "velvet"), select("sunroof", ""), select("trunk", "maybe")],
        ..order()
    };
    let refused = refuse(&mut client, options).await;
    assert_eq!(
        violations(&refused),
        pairs([
            ("application.selections[0].value", "UNKNOWN_OPTION_VALUE"),
            ("application.selections[1].option", "UNKNOWN_OPTION"),
            ("application.selections[2].value", "UNKNOWN_OPTION_VALUE"),
        ])
    );
    let details = refused.get_error_details();
    assert_eq!(details.error_info().unwrap().metadata["allowed"], "press,stitched,crocodile");

    // The brand alone is kept, and a refused request_id is free again.
    let request = create(pb::Application { model: "nothing".into(), ..order() });
    client.create_application(request.clone()).await.unwrap_err();
    let brand_only = pb::Application { model: String::new(), vehicle_text: "камрюха 70".into(), ..order() };
    let request = pb::CreateApplicationRequest { application: Some(brand_only), ..request };
    let application = client.create_application(request).await.unwrap().into_inner().application.unwrap();
    assert_eq!((application.brand.as_str(), application.model.as_str()), ("toyota", ""));
    assert_eq!(application.vehicle_text, "камрюха 70");

    let owner = connect(&server.config).await;
    owner.batch_execute("UPDATE tenants SET active = false WHERE slug = 'evopoliki'").await.unwrap();
    let refused = refuse(&mut client, order()).await;
    assert_eq!(reason(&refused), (Code::FailedPrecondition, "TENANT_INACTIVE".into()));
}

#[tokio::test]
async fn what_was_quoted_keeps_how_exact_it_was() {
    let (_server, mut client) = served().await;
    use pb::PriceKind::{Fixed, From, Range, Unspecified};
    let quoted = |kind: pb::PriceKind, total: i64, max: i64| pb::Application {
        quoted_kind: kind.into(),
        quoted_total: soms(total).filter(|_| total != 0),
        quoted_total_max: soms(max).filter(|_| max != 0),
        ..order()
    };
    for (given, kind, max) in [
        (quoted(Fixed, 16_500, 0), Fixed, None),
        (quoted(From, 16_500, 0), From, None),
        (quoted(Range, 16_500, 19_000), Range, soms(19_000)),
        (quoted(Range, 16_500, 16_500), Range, soms(16_500)),
        // The kind has a default.
        (quoted(Unspecified, 16_500, 0), Fixed, None),
        (quoted(Unspecified, 16_500, 19_000), Range, soms(19_000)),
    ] {
        let application = created(&mut client, given).await;
        assert_eq!((application.quoted_kind(), &application.quoted_total_max), (kind, &max));
        assert_eq!(application.quoted_total, soms(16_500));
        let get =
            pb::GetApplicationRequest { tenant: "evopoliki".into(), id: application.id.clone(), ..Default::default() };
        assert_eq!(client.get_application(get).await.unwrap().into_inner().application.unwrap(), application);
    }
    let nothing = created(&mut client, quoted(Unspecified, 0, 0)).await;
    assert_eq!((nothing.quoted_kind(), nothing.quoted_total, nothing.quoted_total_max), (Unspecified, None, None));

    let dollars = |units| Some(Money { currency_code: "USD".into(), units, nanos: 0 });
    let unknown = pb::Application { quoted_kind: 9, ..quoted(Unspecified, 1, 0) };
    for (given, expected) in [
        (quoted(Fixed, 0, 0), pairs([("quoted_total", "FIELD_REQUIRED")])),
        (quoted(Unspecified, 0, 2), pairs([("quoted_total", "FIELD_REQUIRED")])),
        (quoted(Range, 1, 0), pairs([("quoted_total_max", "FIELD_REQUIRED")])),
        (quoted(Range, 2, 1), pairs([("quoted_total_max", "FIELD_OUT_OF_RANGE")])),
        (quoted(Range, 1, 100_000_001), pairs([("quoted_total_max", "FIELD_OUT_OF_RANGE")])),
        (quoted(From, 1, 2), pairs([("quoted_total_max", "FIELD_INVALID")])),
        (quoted(Fixed, 1, 2), pairs([("quoted_total_max", "FIELD_INVALID")])),
        (unknown, pairs([("quoted_kind", "FIELD_INVALID")])),
        (
            pb::Application { quoted_total_max: dollars(2), ..quoted(Range, 1, 0) },
            pairs([("quoted_total_max", "FIELD_INVALID")]),
        ),
    ] {
        let refused = client.create_application(create(given)).await.unwrap_err();
        let expected: Vec<_> =
            expected.into_iter().map(|(field, reason)| (format!("application.{field}"), reason)).collect();
        assert_eq!(violations(&refused), expected);
    }
}

#[tokio::test]
async fn on_the_web_either_an_id_or_a_phone_will_do() {
    let (_server, mut client) = served().await;
    let web = |external_id: &str, phone: &str| pb::Application {
        customer: Some(pb::Customer {
            channel: pb::Channel::Web.into(),
            external_id: external_id.into(),
            phone: phone.into(),
            ..customer()
        }),
        ..order()
    };
    created(&mut client, web("visitor-1", "")).await;
    created(&mut client, web("", "0555 123 456")).await;
    let both = pairs([
        ("application.customer.external_id", "FIELD_REQUIRED"),
        ("application.customer.phone", "FIELD_REQUIRED"),
    ]);
    let neither = client.create_application(create(web("", ""))).await.unwrap_err();
    assert_eq!(violations(&neither), both);
    let callback = pb::Application { kind: pb::ApplicationKind::Callback.into(), ..web("", "") };
    let mut callback = violations(&client.create_application(create(callback)).await.unwrap_err());
    callback.sort();
    assert_eq!(callback, both, "each field once");
}

#[tokio::test]
async fn who_complains_or_is_to_be_measured_need_not_name_a_car() {
    let (_server, mut client) = served().await;
    let of = |kind: pb::ApplicationKind, external_id: &str, phone: &str| pb::Application {
        kind: kind.into(),
        customer: Some(pb::Customer { external_id: external_id.into(), phone: phone.into(), ..customer() }),
        message: "Шов разошёлся".into(),
        ..Default::default()
    };
    let complaint = created(&mut client, of(pb::ApplicationKind::Complaint, "70", "")).await;
    assert_eq!((complaint.kind(), complaint.vehicle_text.as_str()), (pb::ApplicationKind::Complaint, ""));
    let by_phone = created(&mut client, of(pb::ApplicationKind::Complaint, "", "0555 123 456 Айгуль")).await;
    assert_eq!(by_phone.customer.unwrap().external_id, "+996555123456");
    created(&mut client, of(pb::ApplicationKind::IndividualMeasure, "70", "")).await;
    let neither = client.create_application(create(of(pb::ApplicationKind::Complaint, "", ""))).await.unwrap_err();
    let both =
        [("application.customer.external_id", "FIELD_REQUIRED"), ("application.customer.phone", "FIELD_REQUIRED")];
    assert_eq!(violations(&neither), pairs(both));
    let nobody = client.create_application(create(of(pb::ApplicationKind::IndividualMeasure, "", "0555123456"))).await;
    assert_eq!(violations(&nobody.unwrap_err()), pairs([("application.customer.external_id", "FIELD_REQUIRED")]));
}

#[tokio::test]
async fn options_are_those_that_the_tenant_has_for_the_car() {
    let (_server, mut client) = served().await;
    let mut take = async |product: &str, car: &str, option: &str, value: &str| {
        let (tenant, category) = product.split_once('/').unwrap();
        let (brand, model) = car.split_once('/').unwrap_or(("", ""));
        let application = pb::Application {
            category: category.into(),
            brand: brand.into(),
            model: model.into(),
            year: 0,
            vehicle_text: "машина".into(),
            selections: vec![pb::Selection { option: option.into(), value: value.into() }],
            ..order()
        };
        let request = pb::CreateApplicationRequest { tenant: tenant.into(), ..create(application) };
        client.create_application(request).await.map_err(|status| violations(&status))
    };
    let unknown = |what: &str, reason: &str| {
        let field = format!("application.selections[0].{what}");
        vec![(field, reason.to_owned())]
    };
    // Offered, be it without a price; for any car where the car is not known.
    take("evopoliki/seat_covers", "", "heating", "").await.unwrap();
    take("evopoliki/eva_mats", "toyota/rav4", "third_row", "").await.unwrap();
    take("evopoliki/eva_mats", "", "third_row", "").await.unwrap();
    // Leather is the category's, but not this tenant's.
    let leather = take("five_deluxe/5d_mats", "", "leather", "press").await.unwrap_err();
    assert_eq!(leather, unknown("option", "UNKNOWN_OPTION"));
    take("five_deluxe/5d_mats", "", "trunk", "").await.unwrap();
    // No minivan has borders; what is not selected does not matter.
    let borders = take("evopoliki/eva_mats", "toyota/alphard", "with_borders", "").await.unwrap_err();
    assert_eq!(borders, unknown("option", "UNKNOWN_OPTION"));
    take("evopoliki/eva_mats", "toyota/alphard", "with_borders", "false").await.unwrap();
    let paper = take("evopoliki/5d_mats", "", "leather", "paper").await.unwrap_err();
    assert_eq!(paper, unknown("value", "UNKNOWN_OPTION_VALUE"));
}
