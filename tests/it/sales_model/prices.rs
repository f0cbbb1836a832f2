//! Prices over time beside a plain list of what held when: random prices set at random times, then every list and quote
//! at random times is what the list says.

use std::collections::{BTreeMap, BTreeSet};

use lekalo::proto::google::r#type::Money;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::tenant_service_client::TenantServiceClient;

use super::price_periods::{
    Amount, Held, Model, TENANTS, Thing, Time, Wanted, leather, now, read_time, some_price, some_question, some_time,
    wire,
};
use super::random::Random;
use crate::support::connect;
use crate::support::pricing::{Client, fields, reason, served};

/// Where things stand in a list, by what the database says of their order.
struct Order(BTreeMap<String, i64>);

impl Order {
    async fn read(config: &tokio_postgres::Config) -> Self {
        let sql = "SELECT 'body/' || code, sort_order::bigint FROM body_types
             UNION ALL SELECT t.slug || '/' || c.code, tc.sort_order::bigint FROM tenant_categories tc
                       JOIN tenants t ON t.id = tc.tenant_id JOIN product_categories c ON c.id = tc.category_id
             UNION ALL SELECT c.code || '/' || o.code, o.sort_order::bigint FROM product_options o
                       JOIN product_categories c ON c.id = o.category_id
             UNION ALL SELECT c.code || '/' || o.code || '/' || v.code, v.sort_order::bigint FROM option_values v
                       JOIN product_options o ON o.id = v.option_id JOIN product_categories c ON c.id = o.category_id";
        let rows = connect(config).await.query(sql, &[]).await.unwrap();
        Self(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// None before all.
    fn of(&self, key: &str, is_given: bool) -> Option<i64> {
        is_given.then(|| *self.0.get(key).unwrap_or_else(|| panic!("{key} is not known")))
    }

    fn key(&self, tenant: &str, price: &pb::Price) -> impl Ord + use<> {
        let option = format!("{}/{}", price.category, price.option);
        let with = price.conditions.first();
        let with_key = with.map(|with| format!("{}/{}/{}", price.category, with.option, with.value));
        (
            self.of(&format!("{tenant}/{}", price.category), true),
            self.of(&format!("body/{}", price.body_type), !price.body_type.is_empty()),
            price.brand.clone(),
            self.of(&option, !price.option.is_empty()),
            self.of(&format!("{option}/{}", price.value), !price.value.is_empty()),
            with_key.and_then(|key| self.of(&key, true)),
        )
    }
}

/// The whole list at a time, page by page.
async fn listed(client: &mut Client, tenant: &str, category: &str, at: Option<Time>, page_size: i32) -> Vec<pb::Price> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListPricesRequest {
            tenant: tenant.into(),
            category: category.into(),
            at_time: at.map(wire),
            page_size,
            page_token,
            skip: 0,
        };
        let page = client.list_prices(request).await.unwrap().into_inner();
        all.extend(page.prices);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            assert_eq!(page.total_size, i32::try_from(all.len()).unwrap());
            return all;
        }
    }
}

async fn compare_list(
    client: &mut Client,
    model: &Model,
    order: &Order,
    tenant: &'static str,
    at: Option<Time>,
    random: &mut Random,
) {
    let category = random.of(&["", "", "eva_mats", "5d_mats"]);
    let category = if tenant == TENANTS[1] && category == "eva_mats" { "5d_mats" } else { category };
    let size = random.of(&[3, 50, 500]);
    let listed = listed(client, tenant, category, at, size).await;
    let others = |price: &&pb::Price| !["eva_mats", "5d_mats"].contains(&price.category.as_str());
    assert!(category.is_empty() || !listed.iter().any(|price| others(&price)), "{category} alone");
    assert!(listed.is_sorted_by_key(|price| order.key(tenant, price)), "by category, body, make, option: {listed:#?}");
    let ids: std::collections::BTreeSet<_> = listed.iter().map(|price| price.id.clone()).collect();
    assert_eq!(ids.len(), listed.len(), "an id of its own");
    let mut seen: Vec<pb::Price> = listed.into_iter().filter(|price| !others(&price)).collect();
    for (thing, held) in model.at(tenant, category, at.unwrap_or_else(now)) {
        let expected = thing.wire(Some(held.amount), Some(held.from), held.to);
        let place = seen.iter().position(|price| pb::Price { id: String::new(), ..price.clone() } == expected);
        let place = place.unwrap_or_else(|| panic!("not listed at {at:?}: {expected:?}\n{seen:#?}"));
        let found = seen.swap_remove(place);
        assert!(held.id.is_none() || held.id == Some(found.id.clone()), "a price keeps its id: {found:?}");
    }
    assert_eq!(seen, [], "listed at {at:?}, and held then by nobody");
}

async fn compare_quote(
    client: &mut Client,
    model: &Model,
    tenant: &'static str,
    at: Option<Time>,
    random: &mut Random,
) -> bool {
    let asked = some_question(tenant, random);
    let mut selections = leather(asked.leather);
    selections
        .extend(asked.options.iter().map(|option| pb::Selection { option: (*option).into(), value: String::new() }));
    let request = pb::QuotePriceRequest {
        tenant: tenant.into(),
        category: asked.category.into(),
        brand: asked.brand.into(),
        body_type: asked.body.into(),
        selections,
        at_time: at.map(wire),
        ..Default::default()
    };
    let expected = model.quote(tenant, &asked, at.unwrap_or_else(now));
    match (client.quote_price(request.clone()).await, expected) {
        (Ok(answer), Some(amounts)) => {
            let quote = answer.into_inner().quote.unwrap();
            let base = (quote.base_kind, quote.base.clone(), quote.base_max.clone());
            let lines = quote.lines.iter().map(|line| (line.kind, line.amount.clone(), line.amount_max.clone()));
            let quoted: Vec<_> = std::iter::once(base).chain(lines).collect();
            let expected: Vec<_> = amounts.iter().map(|amount| amount.wire()).collect();
            assert_eq!(quoted, expected, "{request:?}");
            let total = (quote.kind, quote.total.clone(), quote.total_max.clone());
            assert_eq!(total, Amount::sum(&amounts).wire(), "{request:?}");
            assert_eq!((quote.currency.as_str(), quote.prices_visible), ("KGS", tenant == TENANTS[0]));
            true
        }
        (Err(status), None) => {
            assert_eq!(reason(&status), "PRICE_NOT_CONFIGURED", "{request:?}");
            false
        }
        (answer, expected) => panic!("{request:?}\nanswered {answer:?}\nexpected {expected:?}"),
    }
}

#[tokio::test]
async fn whatever_is_set_when_lists_and_quotes_are_what_a_plain_list_of_periods_says() {
    let (server, mut client) = served().await;
    let order = Order::read(&server.config).await;
    let mut random = Random::new();
    let mut model = Model::default();
    for tenant in TENANTS {
        for price in listed(&mut client, tenant, "", None, 500).await {
            let leak = |text: &str| -> &'static str { text.to_owned().leak() };
            let with = price.conditions.first().map(|with| with.value.clone()).unwrap_or_default();
            let thing = Thing {
                category: leak(&price.category),
                body: leak(&price.body_type),
                brand: leak(&price.brand),
                option: leak(&price.option),
                value: leak(&price.value),
                with: leak(&with),
            };
            if !["eva_mats", "5d_mats"].contains(&thing.category) {
                continue;
            }
            let cents = |money: &Money| money.units * 100 + i64::from(money.nanos) / 10_000_000;
            let least = cents(price.amount.as_ref().unwrap());
            let amount =
                price.amount_max.as_ref().map_or(Amount::Fixed(least), |most| Amount::Range(least, cents(most)));
            let from = read_time(price.valid_from.unwrap());
            model.held.entry((tenant, thing)).or_default().push(Held { id: Some(price.id), from, to: None, amount });
        }
    }
    assert!(model.held.len() > 20, "the seed's");

    let (mut set, mut refused, mut quoted, mut unpriced) = (0, BTreeMap::<&str, usize>::new(), 0, 0);
    for step in 0..70 {
        let tenant = random.of(&[TENANTS[0], TENANTS[0], TENANTS[1]]);
        let mut wanted: Vec<Wanted> = (0..=random.below(3)).map(|_| some_price(tenant, &mut random)).collect();
        if random.below(3) == 0 {
            let twin = some_price(tenant, &mut random);
            wanted.push(Wanted { thing: wanted[0].thing.clone(), ..twin });
        }
        if random.below(3) == 0 {
            // Some days of something that has a price, which goes on afterwards.
            let known: Vec<&Thing> =
                model.held.keys().filter(|(name, _)| *name == tenant).map(|(_, thing)| thing).collect();
            let thing = known[usize::try_from(random.below(known.len() as i64)).unwrap()].clone();
            let from = some_time(&mut random).max(now() + 1);
            wanted = vec![Wanted { thing, from: Some(from), to: Some(from + 1000), ..some_price(tenant, &mut random) }];
        }
        let prices = wanted.iter().map(|price| price.thing.wire(price.amount, price.from, price.to)).collect();
        let request = pb::SetPricesRequest { tenant: tenant.into(), prices, ..Default::default() };
        let began = now();
        let expected = model.refusal(tenant, &wanted, began);
        match client.set_prices(request.clone()).await {
            Err(status) => {
                let expected: Vec<_> = expected.into_iter().map(|(field, reason)| (field, reason.to_owned())).collect();
                assert_eq!(fields(&status), expected, "{step}: {request:?}: {status:?}");
                *refused.entry(random_name(&expected[0].1)).or_default() += 1;
            }
            Ok(answer) => {
                assert_eq!(expected, [], "{step}: {request:?}");
                let answer = answer.into_inner().prices;
                assert_eq!(answer.len(), wanted.len());
                // Each as it was before any of them: they do not touch each other.
                let ends: Vec<_> = wanted
                    .iter()
                    .zip(&answer)
                    .map(|(price, set)| {
                        let from = read_time(set.valid_from.unwrap());
                        price.to.or_else(|| model.next(tenant, &price.thing, from, began))
                    })
                    .collect();
                for ((price, given), to) in wanted.iter().zip(&answer).zip(ends) {
                    let from = read_time(given.valid_from.unwrap());
                    match price.from {
                        Some(asked) => assert_eq!(from, asked),
                        None => assert!((began..=now()).contains(&from), "{from} is not now"),
                    }
                    let expected = price.thing.wire(price.amount, Some(from), to);
                    assert_eq!(pb::Price { id: String::new(), ..given.clone() }, expected, "{step}: {request:?}");
                    assert_eq!(given.id.is_empty(), price.amount.is_none(), "an id for a price: {given:?}");
                    model.set(tenant, &price.thing, from, to, price.amount.map(|amount| (given.id.clone(), amount)));
                    set += 1;
                }
            }
        }
        // On the borders, of what was just set and of the rest, and just before them; anywhere, and now.
        let borders_of = |held: &Held| std::iter::once(held.from).chain(held.to).collect::<Vec<Time>>();
        let touched: Vec<Time> =
            wanted.iter().flat_map(|price| model.of(tenant, &price.thing)).flat_map(borders_of).collect();
        let all: Vec<Time> = model.held.values().flatten().flat_map(borders_of).collect();
        for borders in [touched.clone(), touched, all].into_iter().filter(|borders| !borders.is_empty()) {
            let tenant = if borders.len() < 50 { tenant } else { random.of(&TENANTS) };
            let at = match random.below(4) {
                0 => None,
                1 => Some(some_time(&mut random)),
                _ => Some(borders[usize::try_from(random.below(borders.len() as i64)).unwrap()] - random.below(2)),
            };
            compare_list(&mut client, &model, &order, tenant, at, &mut random).await;
            for _ in 0..2 {
                if compare_quote(&mut client, &model, tenant, at, &mut random).await {
                    quoted += 1;
                } else {
                    unpriced += 1;
                }
            }
        }
    }
    // What a shop no longer sells is kept, out of sight.
    let sold = listed(&mut client, TENANTS[0], "", None, 500).await;
    let sold = sold.into_iter().map(|price| price.category).filter(|code| code != "5d_mats").collect::<BTreeSet<_>>();
    let retired = pb::UpdateTenantRequest {
        tenant: Some(pb::Tenant {
            slug: TENANTS[0].into(),
            categories: sold.into_iter().collect(),
            ..Default::default()
        }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["categories".into()] }),
        ..Default::default()
    };
    TenantServiceClient::new(server.channel.clone()).update_tenant(retired).await.unwrap();
    assert!(model.held.keys().any(|(tenant, thing)| *tenant == TENANTS[0] && thing.category == "5d_mats"));
    let listed = listed(&mut client, TENANTS[0], "", None, 500).await;
    assert!(!listed.is_empty() && listed.iter().all(|price| price.category != "5d_mats"), "{listed:?}");
    println!("{set} set, {refused:?} refused, {quoted} quoted, {unpriced} without a price");
    assert!(set > 30 && quoted > 20 && unpriced > 20, "{set} {quoted} {unpriced}");
    assert_eq!(refused.len(), 2, "{refused:?}");
}

fn random_name(reason: &str) -> &'static str {
    if reason == "PRICES_OVERLAP" { "PRICES_OVERLAP" } else { "FIELD_OUT_OF_RANGE" }
}
