//! Setting prices over the wire: periods, races, retries and bad input.

use futures::future::join_all;
use lekalo::proto::google::r#type::Money;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::admin_service_client::AdminServiceClient;
use lekalo::proto::lekalo::v1::tenant_service_client::TenantServiceClient;
use prost_types::Timestamp;
use tonic::Code;

use crate::support::pricing::{
    Client, EVA, EVO_5D, ask, fields, metadata, noon, quote, reason, refused, selections, served, set, soms, suv,
};
use crate::support::{TestServer, connect};

async fn suv_at(client: &mut Client, at_time: Option<Timestamp>) -> i64 {
    quote(client, pb::QuotePriceRequest { at_time, ..ask(EVA, "suv", "") }).await.total.unwrap().units
}

/// The periods of EVA mats in a SUV as the database has them, from first to last.
async fn suv_periods(server: &TestServer) -> Vec<(i64, i64, Option<i64>)> {
    let owner = connect(&server.config).await;
    let rows = owner
        .query(
            "SELECT amount::bigint, extract(epoch FROM lower(validity))::bigint, extract(epoch FROM upper(validity))::bigint
             FROM prices p JOIN product_categories c ON c.id = p.category_id
             WHERE c.code = 'eva_mats' AND p.body_type = 'suv' AND p.option_id IS NULL ORDER BY lower(validity)",
            &[],
        )
        .await
        .unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

fn no_gap_no_overlap(periods: &[(i64, i64, Option<i64>)]) {
    for pair in periods.windows(2) {
        assert_eq!(pair[0].2, Some(pair[1].1), "{periods:?}");
    }
    assert_eq!(periods.last().unwrap().2, None);
}

#[tokio::test]
async fn a_new_price_ends_the_one_before_and_the_past_keeps_its_own() {
    let (server, mut client) = served().await;
    let version = async |server: &TestServer| {
        let request = pb::GetTenantRequest { tenant: "evopoliki".into() };
        let answer = TenantServiceClient::new(server.channel.clone()).get_tenant(request).await.unwrap().into_inner();
        answer.tenant.unwrap().catalog_version
    };
    let before = version(&server).await;
    assert_eq!(suv_at(&mut client, None).await, 2500);
    let set_now = set(&mut client, vec![suv(2600)]).await.unwrap().remove(0);
    assert_ne!(version(&server).await, before, "bots see that something changed");
    assert_eq!((set_now.valid_to.as_ref(), set_now.amount.as_ref()), (None, soms(2600).as_ref()));
    let began = set_now.valid_from.unwrap();
    assert_eq!(suv_at(&mut client, None).await, 2600);
    assert_eq!(suv_at(&mut client, Some(began)).await, 2600, "from its very beginning");
    let just_before = Timestamp { seconds: began.seconds - 1, nanos: began.nanos };
    assert_eq!(suv_at(&mut client, Some(just_before)).await, 2500, "the past keeps its price");
    no_gap_no_overlap(&suv_periods(&server).await);

    // 2090-01-01 and 2095-01-01: prices to come. The one set now ends as the first of them begins.
    let (y2090, y2095) = (43_829, 45_655);
    let later = |amount, day| pb::Price { valid_from: noon(day), ..suv(amount) };
    set(&mut client, vec![later(3000, y2095)]).await.unwrap();
    let between = set(&mut client, vec![later(2900, y2090)]).await.unwrap().remove(0);
    assert_eq!(between.valid_to, noon(y2095), "until the next that is set already");
    set(&mut client, vec![suv(2700)]).await.unwrap();
    assert_eq!(suv_at(&mut client, None).await, 2700);
    assert_eq!(suv_at(&mut client, noon(y2090 - 1)).await, 2700);
    assert_eq!(suv_at(&mut client, noon(y2090)).await, 2900);
    assert_eq!(suv_at(&mut client, noon(y2095 + 300)).await, 3000);
    no_gap_no_overlap(&suv_periods(&server).await);

    // A price for some days: the one around it holds before and after.
    let some_days = pb::Price { valid_to: noon(y2090 + 20), ..later(1000, y2090 + 10) };
    set(&mut client, vec![some_days]).await.unwrap();
    let mut seen = Vec::new();
    for day in [y2090 + 9, y2090 + 10, y2090 + 19, y2090 + 20] {
        seen.push(suv_at(&mut client, noon(day)).await);
    }
    assert_eq!(seen, [2900, 1000, 1000, 2900]);
    no_gap_no_overlap(&suv_periods(&server).await);

    // One for the whole time of others takes their place.
    let all = pb::Price { valid_to: noon(y2095), ..later(2950, y2090) };
    set(&mut client, vec![all]).await.unwrap();
    assert_eq!(suv_periods(&server).await.len(), 5);
    assert_eq!(suv_at(&mut client, noon(y2090 + 15)).await, 2950);
    no_gap_no_overlap(&suv_periods(&server).await);
    assert_eq!(suv_at(&mut client, Some(just_before)).await, 2500);

    // Before there was any price there is none.
    let early = pb::QuotePriceRequest { at_time: noon(12_000), ..ask(EVA, "suv", "") };
    assert_eq!(reason(&refused(&mut client, early).await), "PRICE_NOT_CONFIGURED");
}

#[tokio::test]
async fn what_held_in_the_past_stays() {
    let (server, mut client) = served().await;
    let days_ago = |days: i64| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp { seconds: i64::try_from(now.as_secs()).unwrap() - days * 86_400, nanos: 0 }
    };
    let before = suv_periods(&server).await;
    let wrong = |amount, valid_from, valid_to| pb::Price { valid_from: Some(valid_from), valid_to, ..suv(amount) };
    let year_2024 = Timestamp { seconds: 1_704_067_200, nanos: 0 };
    for price in [
        wrong(1, days_ago(30), None),
        wrong(1, days_ago(30), Some(days_ago(29))),
        wrong(1, year_2024, Some(days_ago(-1))),
        pb::Price { kind: 0, amount: None, withdrawn: true, ..wrong(1, days_ago(30), None) },
    ] {
        let status =
            set(&mut client, vec![pb::Price { body_type: "pickup".into(), ..suv(1) }, price]).await.unwrap_err();
        assert_eq!(fields(&status), [("prices[1].valid_from".to_owned(), "FIELD_OUT_OF_RANGE".to_owned())]);
        // The seed's prices hold since 2025-01-01 in Bishkek.
        assert!(status.message().contains("has held since 2024-12-31T18:00:00Z"), "{}", status.message());
        assert_eq!(metadata(&status, "held_since"), "2024-12-31T18:00:00Z");
    }
    assert_eq!(suv_periods(&server).await, before);

    // Before there was a price one may be given afterwards: up to where the first begins.
    let early = set(&mut client, vec![wrong(2000, year_2024, None)]).await.unwrap().remove(0);
    assert_eq!(early.valid_to.unwrap().seconds, 1_735_668_000);
    assert_eq!(suv_at(&mut client, Some(Timestamp { seconds: 1_735_667_999, nanos: 0 })).await, 2000);
    assert_eq!(suv_at(&mut client, Some(days_ago(30))).await, 2500);
    let wagon = pb::Price { body_type: "wagon".into(), ..wrong(2600, days_ago(30), None) };
    set(&mut client, vec![wagon]).await.unwrap();
    let at_time = Some(days_ago(29));
    let quoted = quote(&mut client, pb::QuotePriceRequest { at_time, ..ask(EVA, "wagon", "") }).await;
    assert_eq!(quoted.total, soms(2600));

    // Clocks differ by some seconds; that is now, and holds from now on.
    set(&mut client, vec![suv(2700)]).await.unwrap();
    let mut lately = days_ago(0);
    lately.seconds -= 30;
    let set_lately = set(&mut client, vec![wrong(2800, lately, None)]).await.unwrap().remove(0);
    assert_eq!((set_lately.valid_from, set_lately.valid_to), (Some(lately), None));
    assert_eq!(suv_at(&mut client, None).await, 2800);
    no_gap_no_overlap(&suv_periods(&server).await);
}

#[tokio::test]
async fn a_price_that_is_withdrawn_ends_and_nothing_takes_its_place() {
    let (server, mut client) = served().await;
    let withdrawn = || pb::Price { withdrawn: true, kind: 0, amount: None, ..suv(0) };
    let listed = async |client: &mut Client, at_time| {
        let request = pb::ListPricesRequest {
            tenant: "evopoliki".into(),
            category: "eva_mats".into(),
            at_time,
            ..Default::default()
        };
        let prices = client.list_prices(request).await.unwrap().into_inner().prices;
        prices.iter().filter(|price| price.body_type == "suv" && price.option.is_empty()).count()
    };
    let unpriced = async |client: &mut Client, at_time| {
        let request = pb::QuotePriceRequest { at_time, ..ask(EVA, "suv", "") };
        reason(&refused(client, request).await)
    };
    // 2090-01-01 to 2090-01-11 there is none; around it there is.
    let (from, to) = (43_829, 43_839);
    let gap = pb::Price { valid_from: noon(from), valid_to: noon(to), ..withdrawn() };
    let answer = set(&mut client, vec![gap]).await.unwrap().remove(0);
    assert!(answer.withdrawn && answer.id.is_empty() && answer.amount.is_none(), "{answer:?}");
    assert_eq!((answer.valid_from, answer.valid_to), (noon(from), noon(to)));
    for (day, held) in [(from - 1, true), (from, false), (to - 1, false), (to, true)] {
        assert_eq!(listed(&mut client, noon(day)).await, usize::from(held), "{day}");
        if held {
            assert_eq!(suv_at(&mut client, noon(day)).await, 2500);
        } else {
            assert_eq!(unpriced(&mut client, noon(day)).await, "PRICE_NOT_CONFIGURED");
        }
    }
    // From now on, up to what is set for later; twice is once.
    for _ in 0..2 {
        let answer = set(&mut client, vec![withdrawn()]).await.unwrap().remove(0);
        assert_eq!(answer.valid_to, noon(to));
        assert_eq!(unpriced(&mut client, None).await, "PRICE_NOT_CONFIGURED");
        assert_eq!(listed(&mut client, None).await, 0);
        assert_eq!(suv_at(&mut client, noon(to)).await, 2500);
    }
    // A surcharge alone; the product keeps its price. And what was withdrawn can be set again.
    let third_row = pb::Price { option: "third_row".into(), ..withdrawn() };
    set(&mut client, vec![third_row, suv(2600)]).await.unwrap();
    assert_eq!(suv_at(&mut client, None).await, 2600);
    let status = refused(&mut client, ask(EVA, "suv", "third_row")).await;
    assert_eq!((reason(&status).as_str(), metadata(&status, "option").as_str()), ("PRICE_NOT_CONFIGURED", "third_row"));
    drop(server);

    let priced = pb::Price { withdrawn: true, amount_max: soms(2), ..suv(1) };
    let status = set(&mut client, vec![priced, pb::Price { body_type: "boat".into(), ..withdrawn() }]).await;
    let expected = [
        ("prices[0].kind", "FIELD_INVALID"),
        ("prices[0].amount", "FIELD_INVALID"),
        ("prices[0].amount_max", "FIELD_INVALID"),
        ("prices[1].body_type", "FIELD_INVALID"),
    ];
    assert_eq!(fields(&status.unwrap_err()), expected.map(|(field, reason)| (field.to_owned(), reason.to_owned())));
}

#[tokio::test]
async fn every_kind_of_price_can_be_set_and_comes_back_as_set() {
    let (_server, mut client) = served().await;
    let with = |text: &str| selections(text);
    let cents = Some(Money { currency_code: String::new(), units: 99, nanos: 990_000_000 });
    let prices = vec![
        pb::Price { body_type: "wagon".into(), amount: cents, ..suv(0) },
        pb::Price { body_type: String::new(), kind: pb::PriceKind::From.into(), ..suv(100) },
        pb::Price { brand: "lexus".into(), kind: pb::PriceKind::Range.into(), amount_max: soms(300), ..suv(200) },
        pb::Price { option: "third_row".into(), body_type: String::new(), ..suv(7) },
        pb::Price { category: "mats_5d".into(), option: "leather".into(), value: "press".into(), ..suv(50) },
        pb::Price {
            category: "5d_mats".into(),
            option: "trunk".into(),
            conditions: with("leather=crocodile"),
            ..suv(8)
        },
        pb::Price { category: "seat_covers".into(), body_type: String::new(), option: "heating".into(), ..suv(0) },
    ];
    let set = set(&mut client, prices.clone()).await.unwrap();
    let plain = |price: &pb::Price| pb::Price { id: String::new(), valid_from: None, ..price.clone() };
    let mut expected = prices;
    expected[0].amount.as_mut().unwrap().currency_code = "KGS".into();
    expected[4].category = "5d_mats".into();
    assert_eq!(set.iter().map(plain).collect::<Vec<_>>(), expected);

    let list = pb::ListPricesRequest { tenant: "evopoliki".into(), page_size: 500, ..Default::default() };
    let listed = client.list_prices(list).await.unwrap().into_inner().prices;
    for price in &set {
        assert!(listed.contains(price), "{price:?}");
    }
    let mut total = async |product: &str, car: &str, selected: &str| {
        let quote = quote(&mut client, ask(product, car, selected)).await;
        let total = quote.total.as_ref().unwrap().clone();
        (quote.kind(), total.units, total.nanos)
    };
    use pb::PriceKind::{Fixed, From, Range};
    assert_eq!(total(EVA, "wagon", "").await, (Fixed, 99, 990_000_000));
    assert_eq!(total(EVA, "pickup", "").await, (From, 100, 0));
    assert_eq!(total(EVA, "lexus/rx", "").await, (Range, 200, 0));
    assert_eq!(total(EVO_5D, "suv", "leather=press").await, (Fixed, 9050, 0));
    assert_eq!(total(EVO_5D, "suv", "leather=crocodile trunk").await, (Fixed, 15008, 0));
    assert_eq!(total(EVO_5D, "sedan", "leather=crocodile trunk").await, (Fixed, 21000, 0));
    assert_eq!(total("evopoliki/seat_covers", "", "heating").await, (Range, 4000, 0));
}

#[tokio::test]
async fn prices_are_set_all_or_none_and_every_bad_field_is_named() {
    let (server, mut client) = served().await;
    let bad_form = vec![
        pb::Price { body_type: "boat".into(), value: "press".into(), ..suv(1) },
        pb::Price { kind: 0, amount: None, category: String::new(), ..suv(1) },
        pb::Price { kind: pb::PriceKind::Range.into(), ..suv(-1) },
        pb::Price { amount_max: soms(2), conditions: selections("leather=press trunk"), ..suv(100_000_001) },
        pb::Price { kind: pb::PriceKind::Range.into(), amount_max: soms(1), valid_to: noon(0), ..suv(2) },
        pb::Price { valid_from: noon(20_000), valid_to: noon(19_999), kind: 9, ..suv(1) },
        pb::Price { amount: Some(Money { nanos: 1, ..Money::default() }), brand: "x".repeat(65), ..suv(1) },
    ];
    let status = set(&mut client, bad_form).await.unwrap_err();
    let expected = [
        ("prices[0].body_type", "FIELD_INVALID"),
        ("prices[0].value", "UNKNOWN_OPTION_VALUE"),
        ("prices[1].category", "FIELD_REQUIRED"),
        ("prices[1].kind", "FIELD_REQUIRED"),
        ("prices[1].amount", "FIELD_REQUIRED"),
        ("prices[2].amount_max", "FIELD_REQUIRED"),
        ("prices[2].amount", "FIELD_OUT_OF_RANGE"),
        ("prices[3].conditions", "FIELD_TOO_LONG"),
        ("prices[3].amount_max", "FIELD_INVALID"),
        ("prices[3].amount", "FIELD_OUT_OF_RANGE"),
        ("prices[4].amount_max", "FIELD_OUT_OF_RANGE"),
        ("prices[4].valid_to", "FIELD_OUT_OF_RANGE"),
        ("prices[5].kind", "FIELD_INVALID"),
        ("prices[5].valid_to", "FIELD_OUT_OF_RANGE"),
        ("prices[6].brand", "FIELD_TOO_LONG"),
        ("prices[6].amount", "FIELD_INVALID"),
    ];
    assert_eq!(fields(&status), expected.map(|(field, reason)| (field.to_owned(), reason.to_owned())));

    let eva = |text: &str| pb::Price { conditions: selections(text), ..suv(1) };
    let bad_names = vec![
        suv(1),
        pb::Price { option: "leather".into(), ..suv(1) },
        pb::Price { category: "5d_mats".into(), option: "leather".into(), ..suv(1) },
        pb::Price { category: "5d_mats".into(), option: "leather".into(), value: "paper".into(), ..suv(1) },
        pb::Price { option: "third_row".into(), value: "big".into(), ..suv(1) },
        eva("with_borders"),
        pb::Price { category: "5d_mats".into(), ..eva("leather=paper") },
        suv(2),
    ];
    let status = set(&mut client, bad_names).await.unwrap_err();
    let expected = [
        ("prices[1].option", "UNKNOWN_OPTION"),
        ("prices[2].value", "FIELD_REQUIRED"),
        ("prices[3].value", "UNKNOWN_OPTION_VALUE"),
        ("prices[4].value", "UNKNOWN_OPTION_VALUE"),
        ("prices[5].conditions[0].option", "FIELD_INVALID"),
        ("prices[6].conditions[0].value", "UNKNOWN_OPTION_VALUE"),
        ("prices[7]", "PRICES_OVERLAP"),
    ];
    assert_eq!(fields(&status), expected.map(|(field, reason)| (field.to_owned(), reason.to_owned())));
    assert_eq!((metadata(&status, "category"), metadata(&status, "option")), ("eva_mats".into(), "leather".into()));

    let dollars = pb::Price { amount: Some(Money { currency_code: "USD".into(), units: 1, nanos: 0 }), ..suv(1) };
    for (prices, expected) in [
        (vec![suv(1), pb::Price { category: "boats".into(), ..suv(1) }], "CATEGORY_NOT_FOUND"),
        (vec![suv(1), pb::Price { category: "premium_covers".into(), ..suv(1) }], "CATEGORY_NOT_SOLD"),
        (vec![suv(1), pb::Price { brand: "tayota".into(), ..suv(1) }], "BRAND_NOT_FOUND"),
        (vec![suv(1), dollars], "FIELD_INVALID"),
        (vec![], "FIELD_REQUIRED"),
        (vec![suv(1); 501], "FIELD_TOO_LONG"),
        (vec![pb::Price { valid_to: noon(20_000), ..suv(1) }], "FIELD_OUT_OF_RANGE"),
    ] {
        assert_eq!(reason(&set(&mut client, prices).await.unwrap_err()), expected);
    }
    assert_eq!(suv_periods(&server).await.len(), 1, "nothing of all that was set");
}

#[tokio::test]
async fn whoever_sets_prices_at_once_they_neither_overlap_nor_leave_a_gap() {
    let (server, client) = served().await;
    let calls = (1..=20).map(|amount| {
        let mut client = client.clone();
        async move { set(&mut client, vec![suv(amount)]).await.unwrap().remove(0) }
    });
    let mut prices = join_all(calls).await;
    let periods = suv_periods(&server).await;
    assert_eq!(periods.len(), 21);
    let owner = connect(&server.config).await;
    let gaps: i64 = owner
        .query_one(
            "SELECT count(*) FROM (
                 SELECT lower(validity) AS begins, lag(upper(validity)) OVER (ORDER BY lower(validity)) AS ended
                 FROM prices WHERE body_type = 'suv' AND option_id IS NULL AND brand_id IS NULL AND tenant_id = 1
             ) p WHERE begins <> ended",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert_eq!(gaps, 0);
    prices.sort_by_key(|price| price.valid_from.map(|time| (time.seconds, time.nanos)));
    let last = prices.pop().unwrap().amount.unwrap().units;
    assert_eq!(suv_at(&mut client.clone(), None).await, last, "the last to be set holds");
}

#[tokio::test]
async fn the_same_request_again_changes_nothing() {
    let (server, client) = served().await;
    let request = |amount| pb::SetPricesRequest {
        tenant: "evopoliki".into(),
        prices: vec![suv(amount)],
        request_id: "0198c0de-0000-7000-8000-000000000001".into(),
    };
    let calls = (0..10).map(|_| {
        let mut client = client.clone();
        async move { client.set_prices(request(2600)).await.unwrap().into_inner() }
    });
    let answers = join_all(calls).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]), "one answer for all");
    assert_eq!(suv_periods(&server).await.len(), 2);
    let status = client.clone().set_prices(request(2601)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));
}

/// The version of the catalog as GetTenant has it.
async fn catalog_version(server: &TestServer) -> String {
    let request = pb::GetTenantRequest { tenant: "evopoliki".into() };
    let answer = TenantServiceClient::new(server.channel.clone()).get_tenant(request).await.unwrap().into_inner();
    answer.tenant.unwrap().catalog_version
}

/// Waits until another version than that one is told.
async fn until_moved(server: &TestServer, before: &str) -> String {
    let began = std::time::Instant::now();
    loop {
        let now = catalog_version(server).await;
        if now != before {
            return now;
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(20), "it is {before} still");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_catalog_version_moves_as_a_price_begins_and_ends_and_as_a_spelling_is_taught_and_forgotten() {
    let (server, mut client) = served().await;
    let listed = async || {
        let mut tenants = TenantServiceClient::new(server.channel.clone());
        let answer = tenants.list_tenants(pb::ListTenantsRequest::default()).await.unwrap().into_inner();
        answer.tenants.into_iter().find(|tenant| tenant.slug == "evopoliki").unwrap().catalog_version
    };
    let in_ms = |ms: u64| Timestamp::from(std::time::SystemTime::now() + std::time::Duration::from_millis(ms));
    let passing = pb::Price { valid_from: Some(in_ms(4000)), valid_to: Some(in_ms(8000)), ..suv(1234) };
    set(&mut client, vec![passing]).await.unwrap();
    let set_for_later = catalog_version(&server).await;
    let begun = until_moved(&server, &set_for_later).await;
    assert_eq!(suv_at(&mut client, None).await, 1234);
    let ended = until_moved(&server, &begun).await;
    assert_eq!(suv_at(&mut client, None).await, 2500);

    let mut admin = AdminServiceClient::new(server.channel.clone());
    let (brand, alias) = ("toyota".to_owned(), "щщжкабр".to_owned());
    let teach = pb::CreateAliasRequest { brand: brand.clone(), alias: alias.clone(), ..Default::default() };
    admin.create_alias(teach).await.unwrap();
    let taught = until_moved(&server, &ended).await;
    let forget = pb::DeleteAliasRequest { brand, alias, ..Default::default() };
    admin.delete_alias(forget).await.unwrap();
    let forgotten = until_moved(&server, &taught).await;

    assert_eq!(listed().await, forgotten, "all methods tell the same");
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert_eq!(catalog_version(&server).await, forgotten, "and nothing moves it while nothing changes");
}
