//! The quote engine on small price lists.

mod laws;

use std::time::SystemTime;

use super::*;
use crate::domain::tenant::Language;
use BodyType::{Coupe, Hatchback, Minivan, MinivanLarge, MinivanMedium, MinivanSmall, Sedan, Suv, Wagon};

fn sheet(lines: &[(&str, Amount)]) -> Sheet {
    let body = |code: BodyType, parent, priced_as| Body { code, parent, priced_as, display_name: code.to_string() };
    let option = |code: &str, kind, values: &[&str], body_types: &[BodyType]| ProductOption {
        id: 1,
        code: code.into(),
        display_name: code.to_uppercase(),
        emoji: String::new(),
        kind,
        values: values
            .iter()
            .map(|value| OptionValue {
                id: 1,
                code: (*value).into(),
                display_name: value.to_uppercase(),
                emoji: String::new(),
            })
            .collect(),
        retired_values: Vec::new(),
        body_types: body_types.to_vec(),
        offered: true,
        retired: false,
    };
    Sheet {
        category: "mats".into(),
        options: vec![
            option("leather", OptionKind::Choice, &["press", "croco"], &[]),
            option("borders", OptionKind::Boolean, &[], &[Sedan, Suv]),
            option("row", OptionKind::Addon, &[], &[]),
        ]
        .into(),
        lines: (1..).zip(lines).map(|(id, (target, amount))| line(id, target, *amount).into()).collect(),
        bodies: vec![
            body(Sedan, None, None),
            body(Coupe, None, Some(Sedan)),
            body(Suv, None, None),
            body(Wagon, None, None),
            body(Minivan, None, None),
            body(MinivanSmall, Some(Minivan), None),
            body(MinivanMedium, Some(Minivan), None),
            body(MinivanLarge, Some(Minivan), None),
        ]
        .into(),
    }
}

/// "body=suv brand=bmw option=row value=x with=leather/press", each part optional.
fn line(id: i64, text: &str, amount: Amount) -> PriceLine {
    let mut target = Target { category: "mats".into(), ..Target::default() };
    for (name, value) in text.split_whitespace().map(|part| part.split_once('=').unwrap()) {
        match name {
            "body" => target.body = Some(value.parse().unwrap()),
            "brand" => target.brand = Some(value.into()),
            "option" => target.option = Some(value.into()),
            "value" => target.value = Some(value.into()),
            _ => {
                let (option, value) = value.split_once('/').unwrap();
                target.with = Some(Choice { option: option.into(), value: value.into() });
            }
        }
    }
    PriceLine { id, target, amount, currency: "KGS".into(), valid_from: SystemTime::UNIX_EPOCH, valid_to: None }
}

fn fixed(amount: i64) -> Amount {
    Amount::Fixed(amount.into())
}

fn from(amount: i64) -> Amount {
    Amount::From(amount.into())
}

fn range(least: i64, most: i64) -> Amount {
    Amount::Range(least.into(), most.into())
}

fn asked(bodies: &[BodyType], selections: &[(&str, &str)]) -> Asked {
    let named = |(option, value): &(&str, &str)| Named { option: (*option).into(), value: (*value).into() };
    Asked { bodies: bodies.to_vec(), selections: selections.iter().map(named).collect(), ..Asked::default() }
}

fn total(sheet: &Sheet, asked: &Asked) -> Amount {
    sheet.quote(asked).unwrap().total
}

fn choices(sheet: &Sheet, asked: &Asked) -> Vec<BodyType> {
    match sheet.quote(asked) {
        Err(Refusal::BodyTypeRequired { choices, .. }) => choices,
        other => panic!("{other:?}"),
    }
}

fn unpriced(sheet: &Sheet, asked: &Asked) -> (Option<BodyType>, Option<String>) {
    match sheet.quote(asked) {
        Err(Refusal::NotConfigured { body, option, .. }) => (body, option.map(|named| named.option)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn amounts_add_up_exactly_and_are_no_surer_than_their_parts() {
    let cents = |cents: i64| Decimal::new(cents, 2);
    assert_eq!(Amount::Fixed(cents(10)).plus(Amount::Fixed(cents(20))), Amount::Fixed(cents(30)));
    assert_eq!(fixed(1).plus(range(2, 3)), range(3, 4));
    assert_eq!(range(1, 2).plus(range(2, 3)), range(3, 5));
    assert_eq!(range(1, 2).plus(from(5)), from(6));
    assert_eq!(Amount::least_of([fixed(3), range(1, 9)]), Some(from(1)));
    assert_eq!(Amount::least_of([range(1, 9), range(1, 9)]), Some(range(1, 9)));
}

#[test]
fn the_most_specific_line_decides() {
    let lines = [
        ("", fixed(1)),
        ("body=suv", fixed(2)),
        ("brand=bmw", fixed(3)),
        ("brand=bmw body=suv", fixed(4)),
        ("body=suv with=leather/croco", fixed(5)),
    ];
    let sheet = sheet(&lines);
    let bmw = |asked: Asked| Asked { brand: Some("bmw".into()), ..asked };
    let opel = |asked: Asked| Asked { brand: Some("opel".into()), ..asked };
    assert_eq!(total(&sheet, &opel(asked(&[Sedan], &[]))), fixed(1));
    assert_eq!(total(&sheet, &opel(asked(&[Suv], &[("leather", "press")]))), fixed(2));
    assert_eq!(total(&sheet, &opel(asked(&[Suv], &[("leather", "croco")]))), fixed(5));
    assert_eq!(total(&sheet, &opel(asked(&[Suv], &[]))), from(2));
    assert_eq!(total(&sheet, &bmw(asked(&[Wagon], &[]))), fixed(3));
    assert_eq!(total(&sheet, &bmw(asked(&[Suv], &[("leather", "croco")]))), fixed(4), "the brand goes first");
    let without_brand = sheet.quote(&asked(&[Sedan], &[])).unwrap();
    assert_eq!((without_brand.total, without_brand.assumptions), (fixed(1), vec![Assumption::BrandNotGiven]));
}

#[test]
fn a_body_without_a_price_is_priced_as_another_and_says_so() {
    let sheet = sheet(&[("body=sedan", fixed(10)), ("body=suv", fixed(20)), ("option=borders body=sedan", fixed(1))]);
    let coupe = sheet.quote(&asked(&[Coupe], &[("borders", "")])).unwrap();
    assert_eq!((coupe.total, coupe.body_type), (fixed(11), Some(Coupe)));
    assert_eq!(coupe.assumptions, [Assumption::PricedAs { body: Coupe, as_body: Sedan }]);
    assert_eq!(coupe.assumptions[0].sentence(Language::Ru, &sheet), "coupe: цена как за кузов «sedan».");
    assert_eq!(unpriced(&sheet, &asked(&[Wagon], &[])), (Some(Wagon), None));
    assert_eq!(unpriced(&sheet, &asked(&[Hatchback], &[])), (Some(Hatchback), None), "a body that is not listed");
    assert_eq!(choices(&sheet, &asked(&[], &[])), [Sedan, Suv]);
}

#[test]
fn sizes_are_asked_for_where_they_cost_differently() {
    let sizes = [("body=minivan_small", fixed(1)), ("body=minivan_medium", fixed(2)), ("body=minivan_large", fixed(2))];
    let differ = sheet(&sizes);
    assert_eq!(choices(&differ, &asked(&[Minivan], &[])), [MinivanSmall, MinivanMedium, MinivanLarge]);
    assert_eq!(total(&differ, &asked(&[MinivanLarge], &[])), fixed(2));
    let partly = sheet(&sizes[..1]);
    assert_eq!(choices(&partly, &asked(&[Minivan], &[])), [MinivanSmall], "the others have no price");

    let whole = sheet(&[("body=minivan", fixed(7)), ("body=sedan", fixed(5))]);
    let quote = whole.quote(&asked(&[Minivan], &[])).unwrap();
    assert_eq!((quote.total, quote.body_type, quote.assumptions), (fixed(7), Some(Minivan), vec![]));
    let small = whole.quote(&asked(&[MinivanSmall], &[])).unwrap();
    assert_eq!((small.total, small.assumptions), (fixed(7), vec![]), "a small minivan is a minivan");
    assert_eq!(choices(&whole, &asked(&[], &[])), [Sedan, Minivan]);
    assert_eq!(
        choices(&sheet(&[("", fixed(1)), ("body=suv", fixed(2))]), &asked(&[], &[])),
        [Sedan, Coupe, Suv, Wagon, Minivan]
    );
}

#[test]
fn the_body_does_not_matter_where_all_cost_the_same() {
    let sheet = sheet(&[("", fixed(9)), ("option=row", fixed(1))]);
    for bodies in [&[][..], &[Minivan], &[Suv]] {
        let quote = sheet.quote(&Asked { body_assumed: true, ..asked(bodies, &[("row", "true")]) }).unwrap();
        assert_eq!((quote.total, quote.body_type, quote.assumptions), (fixed(10), None, vec![]));
    }
}

#[test]
fn a_body_taken_from_the_model_is_an_assumption() {
    let sheet = sheet(&[("body=sedan", fixed(1)), ("body=suv", fixed(1)), ("body=wagon", fixed(2))]);
    let assumed = |bodies: &[BodyType]| sheet.quote(&Asked { body_assumed: true, ..asked(bodies, &[]) });
    let one = assumed(&[Sedan]).unwrap();
    assert_eq!((one.body_type, &one.assumptions[..]), (Some(Sedan), &[Assumption::BodyOfModel(vec![Sedan])][..]));
    assert_eq!(assumed(&[Sedan, Suv]).unwrap().assumptions, [Assumption::BodyOfModel(vec![Sedan, Suv])]);
    assert_eq!(choices(&sheet, &Asked { body_assumed: true, ..asked(&[Sedan, Wagon], &[]) }), [Sedan, Wagon]);
}

#[test]
fn a_choice_that_was_not_made_gives_the_least() {
    let lines = [
        ("with=leather/press", range(90, 100)),
        ("with=leather/croco", fixed(150)),
        ("option=row with=leather/press", fixed(50)),
        ("option=row with=leather/croco", fixed(70)),
    ];
    let sheet = sheet(&lines);
    let quote = sheet.quote(&asked(&[], &[("row", "")])).unwrap();
    assert_eq!((quote.base, quote.lines[0].amount, quote.total), (from(90), from(50), from(140)));
    assert_eq!(quote.assumptions, [Assumption::NotChosen("LEATHER".into())]);
    let chosen = sheet.quote(&asked(&[], &[("row", ""), ("leather", "croco")])).unwrap();
    assert_eq!((chosen.base, chosen.total), (fixed(150), fixed(220)));
    let lines: Vec<_> = chosen.lines.iter().map(|line| (line.option.as_str(), line.amount)).collect();
    assert_eq!(lines, [("row", fixed(70)), ("leather", fixed(0))], "in the order selected; the base has the leather");
    assert_eq!(chosen.lines[1].display_name, "LEATHER: CROCO");
}

#[test]
fn a_surcharge_by_value_makes_the_price_a_least_until_it_is_chosen() {
    let sheet =
        sheet(&[("", fixed(10)), ("option=leather value=press", fixed(1)), ("option=leather value=croco", fixed(5))]);
    assert_eq!(total(&sheet, &asked(&[], &[("leather", "croco")])), fixed(15));
    let open = sheet.quote(&asked(&[], &[])).unwrap();
    assert_eq!((open.total, open.assumptions), (from(10), vec![Assumption::NotChosen("LEATHER".into())]));
}

#[test]
fn an_option_without_a_price_is_not_free() {
    let sheet = sheet(&[("", fixed(10)), ("option=borders", fixed(1))]);
    assert_eq!(unpriced(&sheet, &asked(&[Suv], &[("row", "")])), (Some(Suv), Some("row".into())));
    assert_eq!(unpriced(&sheet, &asked(&[], &[("leather", "press")])), (None, Some("leather".into())));
    assert_eq!(unpriced(&sheet, &asked(&[Wagon], &[("borders", "")])).1.as_deref(), Some("borders"), "not for wagons");
    assert_eq!(total(&sheet, &asked(&[Wagon], &[("borders", "false"), ("row", "false")])), fixed(10));
    assert_eq!(total(&sheet, &asked(&[Coupe], &[("borders", "true")])), fixed(11), "a coupe is as a sedan");
    let free = self::sheet(&[("", fixed(10)), ("option=row", fixed(0))]);
    assert_eq!(total(&free, &asked(&[], &[("row", "")])), fixed(10), "unless its price is zero");
}

#[test]
fn unknown_options_and_values_are_named_all_at_once() {
    let sheet = sheet(&[("", fixed(10))]);
    let wrong = [("wings", ""), ("leather", ""), ("leather", "paper"), ("row", "yes")];
    let Err(Refusal::Selections(violations)) = sheet.quote(&asked(&[], &wrong)) else { panic!("expected violations") };
    let found: Vec<_> = violations.iter().map(|v| (v.field.as_str(), v.reason)).collect();
    assert_eq!(
        found,
        [
            ("selections[0].option", "UNKNOWN_OPTION"),
            ("selections[1].value", "UNKNOWN_OPTION_VALUE"),
            ("selections[2].value", "UNKNOWN_OPTION_VALUE"),
            ("selections[3].value", "UNKNOWN_OPTION_VALUE"),
        ]
    );
    assert!(violations[2].metadata.contains(&("allowed", "press,croco".into())));
}

#[test]
fn options_are_offered_with_what_they_cost() {
    let lines = [
        ("with=leather/press", range(90, 100)),
        ("with=leather/croco", fixed(150)),
        ("option=row with=leather/press", fixed(50)),
        ("option=row with=leather/croco", fixed(70)),
        ("option=borders body=sedan", fixed(4)),
        ("option=borders body=suv", fixed(5)),
    ];
    let sheet = sheet(&lines);
    let shown = |body| {
        let offers = sheet.offers(body);
        offers.iter().map(|offer| (offer.option.code.clone(), offer.price)).collect::<Vec<_>>()
    };
    let named = |name: &str, price| (name.to_owned(), price);
    assert_eq!(shown(None), [named("leather", None), named("borders", Some(from(4))), named("row", Some(from(50)))]);
    assert_eq!(shown(Some(Suv))[1], named("borders", Some(fixed(5))));
    assert_eq!(shown(Some(Coupe))[1], named("borders", Some(fixed(4))), "as a sedan");
    assert_eq!(shown(Some(Minivan)).len(), 2, "borders are not for minivans");
    let values: Vec<_> =
        sheet.offers(None)[0].values.iter().map(|(value, price)| (value.code.clone(), *price)).collect();
    assert_eq!(values, [named("press", Some(range(90, 100))), named("croco", Some(fixed(150)))]);

    let mut bare = self::sheet(&[("option=row", fixed(1))]);
    for option in Arc::make_mut(&mut bare.options) {
        option.offered = false;
    }
    let offers: Vec<_> = bare.offers(None).iter().map(|offer| offer.option.code.clone()).collect();
    assert_eq!(offers, ["row"], "what has a price is offered, what has neither price nor offer is not");
}
