//! Every price of the first tenants, amount by amount, and that they have no others.

use lekalo::proto::google::r#type::Money;
use lekalo::proto::lekalo::v1 as pb;

use crate::support::pricing::{ALCANTARA, DELUXE_5D, EVA, EVO_5D, PREMIUM, ask, quote, served};

/// Every price that the business gave: product, car, selections, then the base price and what each selection adds.
const PRICES: &[(&str, &str, &str, &str)] = &[
    (EVA, "sedan", "", "2400"),
    (EVA, "hatchback", "", "2400"),
    (EVA, "suv", "", "2500"),
    (EVA, "minivan_small", "", "6300"),
    (EVA, "minivan_medium", "", "6500"),
    (EVA, "minivan_large", "", "7000"),
    (EVA, "truck_single", "", "2000"),
    (EVA, "truck_double", "", "3500"),
    (EVA, "sedan", "with_borders", "2400 + 400"),
    (EVA, "hatchback", "with_borders=true", "2400 + 400"),
    (EVA, "suv", "with_borders", "2500 + 500"),
    (EVA, "suv", "third_row", "2500 + 1000"),
    (EVA, "suv", "with_borders third_row", "2500 + 500 + 1000"),
    (EVA, "suv", "with_borders=false third_row", "2500 + 1000"),
    (EVA, "coupe", "", "2400"),
    (EVA, "convertible", "with_borders", "2400 + 400"),
    (EVA, "liftback", "", "2400"),
    (EVO_5D, "sedan", "leather=press", "9000 + 0"),
    (EVO_5D, "", "leather=stitched", "10500 + 0"),
    (EVO_5D, "minivan", "leather=crocodile", "15000 + 0"),
    (EVO_5D, "", "leather=press third_row", "9000 + 0 + 5000"),
    (EVO_5D, "", "third_row leather=stitched", "10500 + 5000 + 0"),
    (EVO_5D, "", "leather=crocodile third_row", "15000 + 0 + 7000"),
    (EVO_5D, "", "leather=press trunk", "9000 + 0 + 6000"),
    (EVO_5D, "", "leather=stitched trunk", "10500 + 0 + 6000"),
    (EVO_5D, "toyota/camry", "leather=crocodile third_row trunk", "15000 + 0 + 7000 + 6000"),
    ("evopoliki/mats_5d", "", "leather=press", "9000 + 0"),
    ("evopoliki/seat_covers", "", "", "4000-19000"),
    ("evopoliki/dashboard_covers", "", "", "1800-3000"),
    ("evopoliki/dash_mats", "suv", "", "1800-3000"),
    (DELUXE_5D, "sedan", "", "6000-9000"),
    (DELUXE_5D, "hatchback", "", "6000-9000"),
    (DELUXE_5D, "suv", "", "8000-12000"),
    (DELUXE_5D, "sedan", "trunk", "6000-9000 + 2000-3000"),
    (DELUXE_5D, "hatchback", "trunk", "6000-9000 + 2000-3000"),
    (DELUXE_5D, "suv", "trunk", "8000-12000 + 2000-3000"),
    (PREMIUM, "", "material=eco_leather", "15000-25000 + 0"),
    (PREMIUM, "", "material=nappa", "25000-35000 + 0"),
    (PREMIUM, "", "material=combined", "28000-40000 + 0"),
    (PREMIUM, "", "material=eco_leather logo", "15000-25000 + 0 + 2000"),
    (PREMIUM, "", "material=nappa logo", "25000-35000 + 0 + 2000"),
    (PREMIUM, "", "material=nappa contrast_stitch", "25000-35000 + 0 + 1500"),
    (PREMIUM, "", "material=nappa heating", "25000-35000 + 0 + 5000"),
    (PREMIUM, "", "material=combined logo contrast_stitch heating", "28000-40000 + 0 + 2000 + 1500 + 5000"),
    (ALCANTARA, "sedan", "", "4500-6500"),
    (ALCANTARA, "suv", "", "5500-8000"),
    (ALCANTARA, "mercedes-benz", "", "7000-10000"),
    (ALCANTARA, "bmw", "", "7000-10000"),
    (ALCANTARA, "lexus/rx", "", "7000-10000"),
    (ALCANTARA, "sedan", "contrast_stitch", "4500-6500 + 1000"),
    (ALCANTARA, "sedan", "logo", "4500-6500 + 1500"),
    (ALCANTARA, "suv", "logo", "5500-8000 + 1500"),
    (ALCANTARA, "mercedes-benz", "logo", "7000-10000 + 1500"),
    (ALCANTARA, "lexus/rx", "logo", "7000-10000 + 1500"),
    (ALCANTARA, "bmw", "logo contrast_stitch", "7000-10000 + 1500 + 1000"),
    ("five_deluxe/alcantara_covers", "toyota/rav4", "", "5500-8000"),
];

/// An amount as the table writes it, or as a quote has it: kind, least, upper end of a range.
type Shown = (pb::PriceKind, i64, Option<i64>);

fn written(amount: &str) -> Shown {
    match amount.split_once('-') {
        Some((least, most)) => (pb::PriceKind::Range, least.parse().unwrap(), Some(most.parse().unwrap())),
        None => (pb::PriceKind::Fixed, amount.parse().unwrap(), None),
    }
}

fn shown(kind: pb::PriceKind, amount: Option<&Money>, max: Option<&Money>) -> Shown {
    let units = |money: &Money| {
        assert_eq!((money.currency_code.as_str(), money.nanos), ("KGS", 0));
        money.units
    };
    (kind, units(amount.unwrap()), max.map(units))
}

#[tokio::test]
async fn every_price_of_the_first_tenants_is_quoted() {
    let (_server, mut client) = served().await;
    for (product, car, selected, amounts) in PRICES {
        let case = format!("{product} {car} {selected}");
        let quote = quote(&mut client, ask(product, car, selected)).await;
        let amounts: Vec<Shown> = amounts.split(" + ").map(written).collect();
        let mut quoted = vec![shown(quote.base_kind(), quote.base.as_ref(), quote.base_max.as_ref())];
        quoted
            .extend(quote.lines.iter().map(|line| shown(line.kind(), line.amount.as_ref(), line.amount_max.as_ref())));
        assert_eq!(quoted, amounts, "{case}");

        let least: i64 = amounts.iter().map(|(_, least, _)| least).sum();
        let most: i64 = amounts.iter().map(|(_, least, most)| most.unwrap_or(*least)).sum();
        let total =
            if most == least { (pb::PriceKind::Fixed, least, None) } else { (pb::PriceKind::Range, least, Some(most)) };
        assert_eq!(shown(quote.kind(), quote.total.as_ref(), quote.total_max.as_ref()), total, "{case}");
        assert_eq!(quote.currency, "KGS", "{case}");
        assert_eq!(quote.prices_visible, product.starts_with("evopoliki"), "{case}");
        let chosen = selected.split_whitespace().filter(|part| !part.ends_with("=false"));
        assert!(chosen.map(|part| part.split('=').next().unwrap()).eq(quote.lines.iter().map(|line| &line.option)));
    }
}

#[tokio::test]
async fn the_prices_listed_are_those_of_the_seed_and_no_others() {
    let (_server, mut client) = served().await;
    let seed = lekalo::seed::shipped().unwrap();
    assert_eq!(
        seed.tenants.iter().map(|tenant| tenant.slug.as_str()).collect::<Vec<_>>(),
        ["evopoliki", "five_deluxe"]
    );
    for tenant in &seed.tenants {
        let text = |row: &serde_json::Value, column: &str| row[column].as_str().unwrap_or_default().to_owned();
        let words = ["category", "body_type", "brand", "option", "with_option", "with_value", "currency"];
        let seeded = tenant.prices.iter().map(|row| {
            (words.map(|column| text(row, column)), row["amount"].as_i64().unwrap(), row["amount_max"].as_i64())
        });
        let mut seeded: Vec<_> = seeded.collect();
        let request = pb::ListPricesRequest { tenant: tenant.slug.clone(), page_size: 500, ..Default::default() };
        let listed = client.list_prices(request).await.unwrap().into_inner().prices.into_iter().map(|price| {
            let (kind, amount, max) = shown(price.kind(), price.amount.as_ref(), price.amount_max.as_ref());
            assert_eq!(kind, if max.is_some() { pb::PriceKind::Range } else { pb::PriceKind::Fixed });
            assert!(price.value.is_empty() && price.valid_to.is_none() && !price.withdrawn, "{price:?}");
            let with = price.conditions.first().cloned().unwrap_or_default();
            let currency = price.amount.unwrap().currency_code;
            let words = [price.category, price.body_type, price.brand, price.option, with.option, with.value, currency];
            (words, amount, max)
        });
        let mut listed: Vec<_> = listed.collect();
        seeded.sort();
        listed.sort();
        assert_eq!(listed, seeded, "{}", tenant.slug);
    }
}
