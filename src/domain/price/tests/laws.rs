//! The quote against a naive reading of the same lines: every car and every choice that there may be, one by one.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const TARGETS: &[&str] = &[
    "",
    "body=sedan",
    "body=suv",
    "brand=bmw",
    "brand=bmw body=suv",
    "with=leather/press",
    "with=leather/croco",
    "body=suv with=leather/croco",
    "brand=bmw with=leather/press",
    "option=row",
    "option=row body=sedan",
    "option=row with=leather/press",
    "option=row with=leather/croco",
    "option=row brand=bmw",
    "option=borders",
    "option=borders body=suv",
    "option=leather value=press",
    "option=leather value=croco",
];

fn amount() -> impl Strategy<Value = Amount> {
    let least = 0i64..4;
    prop_oneof![
        4 => least.clone().prop_map(|amount| Amount::Fixed((amount * 10).into())),
        1 => least.clone().prop_map(|amount| Amount::From((amount * 10).into())),
        1 => least.prop_map(|amount| Amount::Range((amount * 10).into(), (amount * 10 + 5).into())),
    ]
}

/// One line for each of some targets: the same thing has one price at a time.
fn lines() -> impl Strategy<Value = Vec<(&'static str, Amount)>> {
    let line =
        |target: &'static str| prop::option::weighted(0.4, amount()).prop_map(move |amount| Some((target, amount?)));
    let lines: Vec<_> = TARGETS.iter().map(|target| line(target)).collect();
    // A base price for any nearly always, so that there is something to quote.
    (lines, prop::option::weighted(0.5, Just(fixed(30)))).prop_map(|(lines, base)| {
        let mut lines: Vec<_> = lines.into_iter().flatten().collect();
        if let Some(base) = base.filter(|_| !lines.iter().any(|(target, _)| target.is_empty())) {
            lines.push(("", base));
        }
        lines
    })
}

fn question() -> impl Strategy<Value = Asked> {
    let selected = |option: &'static str, values: Vec<&'static str>| {
        prop::option::of(select(values)).prop_map(move |value| value.map(|value| (option, value)))
    };
    let selections = (
        selected("leather", vec!["press", "croco"]),
        selected("row", vec!["", "false"]),
        selected("borders", vec!["true"]),
    );
    let bodies = select(vec![vec![Sedan], vec![Coupe], vec![Suv], vec![Wagon], vec![Sedan, Suv], vec![]]);
    (bodies, selections, select(vec!["bmw", "opel"])).prop_map(|(bodies, (leather, row, borders), brand)| {
        let selections: Vec<_> = [leather, row, borders].into_iter().flatten().collect();
        Asked { brand: Some(brand.into()), ..asked(&bodies, &selections) }
    })
}

/// What one car costs with one choice of leather, read line by line: the base price, then what is selected.
fn naive(sheet: &Sheet, asked: &Asked, body: BodyType, leather: &str) -> Option<Vec<Amount>> {
    // A coupe is as a sedan; the other bodies of the sheet are as themselves.
    let near = |line: &PriceLine| match line.target.body {
        None => Some(0),
        Some(other) if other == body => Some(2),
        Some(Sedan) if body == Coupe => Some(1),
        Some(Minivan) if [MinivanSmall, MinivanMedium, MinivanLarge].contains(&body) => Some(1),
        Some(_) => None,
    };
    let fits = |line: &&PriceLine| {
        let target = &line.target;
        near(line).is_some()
            && target.brand.as_ref().is_none_or(|brand| Some(brand) == asked.brand.as_ref())
            && target.with.as_ref().is_none_or(|with| with.value == leather)
    };
    let best = |option: Option<&str>, value: Option<&str>| {
        let of = |line: &&PriceLine| line.target.option.as_deref() == option && line.target.value.as_deref() == value;
        let lines = sheet.lines.iter().map(|line| &**line).filter(of).filter(fits);
        lines
            .max_by_key(|line| (line.target.brand.is_some(), near(line), line.target.with.is_some()))
            .map(|line| line.amount)
    };
    let mut parts = vec![best(None, None)?];
    for Named { option, value } in &asked.selections {
        let added = match (option.as_str(), value.as_str()) {
            (_, "false") => continue,
            ("leather", value) => {
                let depends = |line: &PriceLine| {
                    let target = &line.target;
                    let brand = target.brand.as_ref().is_none_or(|brand| Some(brand) == asked.brand.as_ref());
                    target.option.is_none() && target.with.is_some() && near(line).is_some() && brand
                };
                best(Some("leather"), Some(value))
                    .or_else(|| sheet.lines.iter().any(|line| depends(line)).then_some(Amount::ZERO))?
            }
            ("borders", _) if ![Sedan, Coupe, Suv].contains(&body) => return None,
            (option, _) => best(Some(option), None)?,
        };
        parts.push(added);
    }
    Some(parts)
}

fn total_of(parts: &[Amount]) -> Amount {
    parts.iter().fold(Amount::ZERO, |total, part| total.plus(*part))
}

/// Whether leather that is not chosen yet may cost something on its own.
fn may_cost_more(sheet: &Sheet, asked: &Asked) -> bool {
    let is_chosen = asked.selections.iter().any(|named| named.option == "leather");
    let costs = |line: &PriceLine| line.target.option.as_deref() == Some("leather") && !line.amount.least().is_zero();
    !is_chosen && sheet.lines.iter().any(|line| costs(line))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_quote_is_the_price_of_every_car_and_choice_that_there_may_be_or_their_least(lines in lines(), asked in question()) {
        let sheet = sheet(&lines);
        let chosen = asked.selections.iter().find(|named| named.option == "leather").map(|named| named.value.as_str());
        let leathers = chosen.map_or(vec!["press", "croco"], |value| vec![value]);
        let bodies = if asked.bodies.is_empty() { sheet.all_sizes() } else { asked.bodies.clone() };
        let prices: Vec<Vec<Option<Vec<Amount>>>> = bodies
            .iter()
            .map(|body| leathers.iter().map(|leather| naive(&sheet, &asked, *body, leather)).collect())
            .collect();
        let least = |prices: &[Option<Vec<Amount>>]| prices.iter().flatten().map(|parts| total_of(parts).least()).min();
        match sheet.quote(&asked) {
            Ok(quote) => {
                for prices in &prices {
                    prop_assert_eq!(least(prices), Some(quote.total.least()), "{:?}", prices);
                }
                let all: Vec<_> = prices.iter().flatten().collect();
                let is_sure = all.iter().all(|price| **price == *all[0]) && !may_cost_more(&sheet, &asked);
                let sure = all[0].as_deref().filter(|_| is_sure).map(total_of);
                prop_assert_eq!(quote.total, sure.unwrap_or(Amount::From(quote.total.least())), "{:?}", prices);
                // What makes it a least is said.
                let says = quote.assumptions.iter().any(|assumption| matches!(assumption, Assumption::NotChosen(_)));
                prop_assert!(is_sure || says, "{:?}", quote);
            }
            Err(Refusal::NotConfigured { .. }) => {
                prop_assert!(prices.iter().all(|prices| least(prices).is_none()), "{:?}", prices);
            }
            Err(Refusal::BodyTypeRequired { choices, .. }) => {
                let first = least(&prices[0]);
                let differ = prices.iter().any(|prices| least(prices) != first) || prices.iter().any(|other| *other != prices[0]);
                prop_assert!(differ && !choices.is_empty(), "{:?}", prices);
            }
            Err(other) => prop_assert!(false, "{:?}", other),
        }
    }
}

#[test]
fn what_was_assumed_is_said_word_for_word_in_three_languages() {
    let sheet = sheet(&[]);
    for (assumption, ru, ky, en) in [
        (
            Assumption::BodyOfModel(vec![Sedan, Suv]),
            "Кузов не назван: взят обычный для этой модели — sedan / suv.",
            "Кузов аталган эмес: бул моделдин кадимки кузову алынды — sedan / suv.",
            "The body was not given: the model's usual one was taken, sedan / suv.",
        ),
        (
            Assumption::PricedAs { body: Coupe, as_body: Sedan },
            "coupe: цена как за кузов «sedan».",
            "coupe: баасы «sedan» кузовунукундай.",
            "coupe: priced as sedan.",
        ),
        (
            Assumption::BrandNotGiven,
            "Марка не названа: у некоторых марок своя цена.",
            "Марка аталган эмес: айрым маркалардын өз баасы бар.",
            "The brand was not given: some brands have a price of their own.",
        ),
        (
            Assumption::NotChosen("Кожа".into()),
            "Ещё не выбрано: Кожа. Показана наименьшая цена.",
            "Азырынча тандалган жок: Кожа. Эң төмөнкү баа көрсөтүлдү.",
            "Not chosen yet: Кожа. This is the least price.",
        ),
    ] {
        let said = [Language::Ru, Language::Ky, Language::En].map(|language| assumption.sentence(language, &sheet));
        assert_eq!(said, [ru, ky, en]);
    }
}
