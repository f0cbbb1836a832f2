//! What may be priced: all that bots offer, and nothing else.

use std::collections::BTreeMap;

use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::pricing_service_client::PricingServiceClient;
use tonic_types::StatusExt as _;

use super::calls::{SHOP, offered, set_price, told};
use super::model::Model;
use crate::support::TestServer;
use crate::support::pricing::{fields, reason, soms};

/// Each body with what it is a size of or is priced as; of `minivan` and `truck` there are sizes alone.
const SIZES: [(&str, &[&str]); 14] = [
    ("sedan", &[]),
    ("hatchback", &[]),
    ("liftback", &["sedan"]),
    ("wagon", &[]),
    ("coupe", &["sedan"]),
    ("convertible", &["coupe", "sedan"]),
    ("suv", &[]),
    ("pickup", &[]),
    ("van", &[]),
    ("minivan_small", &["minivan"]),
    ("minivan_medium", &["minivan"]),
    ("minivan_large", &["minivan"]),
    ("truck_single", &["truck"]),
    ("truck_double", &["truck"]),
];

/// Whether any car has that body's prices and the option.
fn is_possible(option: &pb::ShopOption, body: &str) -> bool {
    let has = |size: &str, further: &[&str], body: &str| size == body || further.contains(&body);
    SIZES.iter().any(|(size, further)| {
        has(size, further, body)
            && (option.body_types.is_empty() || option.body_types.iter().any(|body| has(size, further, body)))
    })
}

/// All that bots offer can be given a price and is quoted at it; all else is refused, and why.
pub async fn check_prices(server: &TestServer, model: &Model) {
    let mut pricing = PricingServiceClient::new(server.channel.clone());
    let (mut quoted, mut refused) = (0, BTreeMap::new());
    for (category, of) in &model.options {
        if !model.categories[category].active {
            let price = pb::Price { category: category.clone(), amount: soms(1), ..Default::default() };
            assert_eq!(reason(&set_price(server, price).await.unwrap_err()), "CATEGORY_NOT_SOLD");
            continue;
        }
        let base = pb::Price { category: category.clone(), amount: soms(1000), ..Default::default() };
        set_price(server, base).await.unwrap();
        for (code, option) in &of.all {
            let mut values: Vec<(String, bool)> =
                option.values.iter().map(|value| (value.code.clone(), value.retired)).collect();
            match option.kind() {
                pb::OptionKind::Choice => values.push(("no_such".into(), true)),
                _ => values = vec![(String::new(), false)],
            }
            for (value, is_retired) in values {
                for body in ["", "sedan", "suv", "minivan", "van"] {
                    let price = pb::Price {
                        category: category.clone(),
                        option: code.clone(),
                        value: value.clone(),
                        body_type: body.into(),
                        amount: soms(70),
                        ..Default::default()
                    };
                    let is_offered = offered(server, category, body, "ru").await.iter().any(|known| {
                        known.code == *code
                            && (value.is_empty() || known.values.iter().any(|known| known.code == value))
                    });
                    let expected = if of.retired.contains(code) {
                        Err(("option", "UNKNOWN_OPTION"))
                    } else if is_retired {
                        Err(("value", "UNKNOWN_OPTION_VALUE"))
                    } else if !body.is_empty() && !is_possible(option, body) {
                        Err(("body_type", "FIELD_INVALID"))
                    } else {
                        Ok(())
                    };
                    let case = format!("{category} {code} {value} {body}");
                    let set = set_price(server, price).await;
                    if let (Err((field, reason)), Err(status)) = (&expected, &set) {
                        assert_eq!(fields(status), [(format!("prices[0].{field}"), (*reason).to_owned())], "{case}");
                        let why =
                            status.get_error_details().bad_request().unwrap().field_violations[0].description.clone();
                        let says = match *field {
                            "option" => "is retired",
                            "value" if value == "no_such" => "does not allow",
                            "value" => "is retired",
                            _ => "can never be used",
                        };
                        assert!(why.contains(says), "{case}: {why}");
                        *refused.entry(format!("{field} {says}")).or_insert(0) += 1;
                        assert!(!is_offered, "{case} is offered");
                        continue;
                    }
                    assert_eq!(set.map_err(|status| told(&status)), Ok(()), "{case}: {expected:?}");
                    assert_eq!(expected, Ok(()), "{case}");
                    if !is_offered {
                        continue;
                    }
                    let selections = vec![pb::Selection { option: code.clone(), value: value.clone() }];
                    let ask = pb::QuotePriceRequest {
                        tenant: SHOP.into(),
                        category: category.clone(),
                        body_type: if body.is_empty() { "suv".into() } else { body.into() },
                        selections,
                        ..Default::default()
                    };
                    if body.is_empty() && !is_possible(option, "suv") {
                        continue;
                    }
                    let quote = pricing.quote_price(ask).await.unwrap_or_else(|status| panic!("{case}: {status:?}"));
                    let quote = quote.into_inner().quote.unwrap();
                    assert_eq!((&quote.base, &quote.lines[0].amount), (&soms(1000), &soms(70)), "{case}");
                    quoted += 1;
                }
            }
        }
    }
    assert!(quoted > 20, "{quoted}");
    assert_eq!(refused.len(), 4, "{refused:?}");
}
