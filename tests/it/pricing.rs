//! Prices over the wire: quotes, what is refused, options, pages and bad input.

use std::time::Duration;

use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use tonic::Code;

use crate::support::TestServer;
use crate::support::pricing::{
    ALCANTARA, DELUXE_5D, EVA, EVO_5D, PREMIUM, ask, fields, metadata, noon, quote, reason, refused, selections,
    served, set, soms, suv,
};

#[tokio::test]
async fn what_is_missing_is_refused_precisely() {
    let (_server, mut client) = served().await;
    // No price for the body, or for the option; an option that the body does not have.
    for (product, car, selected, body, option) in [
        (EVA, "wagon", "", "wagon", ""),
        (EVA, "wagon", "with_borders", "wagon", ""),
        (EVA, "minivan_small", "with_borders", "minivan_small", "with_borders"),
        (EVA, "minivan", "third_row", "minivan", "third_row"),
        (EVA, "sedan", "third_row", "sedan", "third_row"),
        ("evopoliki/seat_covers", "", "heating", "", "heating"),
        ("evopoliki/seat_covers", "suv", "perforated", "suv", "perforated"),
        ("evopoliki/trunk_mats", "suv", "", "suv", ""),
        ("evopoliki/trunk_mats", "", "", "", ""),
        (DELUXE_5D, "minivan_small", "", "minivan_small", ""),
        (DELUXE_5D, "sedan", "leather=press", "sedan", "leather"),
        (ALCANTARA, "hatchback", "", "hatchback", ""),
    ] {
        let status = refused(&mut client, ask(product, car, selected)).await;
        let case = format!("{product} {car} {selected}: {status:?}");
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::FailedPrecondition, "PRICE_NOT_CONFIGURED"),
            "{case}"
        );
        assert_eq!(metadata(&status, "category"), product.split('/').nth(1).unwrap(), "{case}");
        assert_eq!(
            (metadata(&status, "body_type"), metadata(&status, "option")),
            (body.into(), option.into()),
            "{case}"
        );
    }
    for (product, car, selected, bodies) in [
        (EVA, "minivan", "", "minivan_small,minivan_medium,minivan_large"),
        (EVA, "truck", "", "truck_single,truck_double"),
        (EVA, "toyota/alphard", "", "minivan_small,minivan_medium,minivan_large"),
        (EVA, "", "", "sedan,hatchback,suv,minivan_small,minivan_medium,minivan_large,truck_single,truck_double"),
        (EVA, "toyota", "third_row", "suv"),
        (DELUXE_5D, "", "trunk", "sedan,hatchback,suv"),
        (ALCANTARA, "toyota", "", "sedan,suv"),
    ] {
        let status = refused(&mut client, ask(product, car, selected)).await;
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::FailedPrecondition, "BODY_TYPE_REQUIRED"),
            "{car}"
        );
        assert_eq!(metadata(&status, "body_types"), bodies, "{product} {car} {selected}");
    }
    let status = refused(&mut client, ask("five_deluxe/eva_mats", "sedan", "")).await;
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "CATEGORY_NOT_SOLD"));
    for (request, expected) in [
        (ask("nobody/eva_mats", "sedan", ""), "TENANT_NOT_FOUND"),
        (ask("evopoliki/boats", "sedan", ""), "CATEGORY_NOT_FOUND"),
        (ask(EVA, "tayota", ""), "BRAND_NOT_FOUND"),
        (ask(EVA, "toyota/camri", ""), "MODEL_NOT_FOUND"),
    ] {
        let status = refused(&mut client, request).await;
        assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, expected));
    }
}

#[tokio::test]
async fn what_is_taken_for_granted_is_said() {
    let (_server, mut client) = served().await;
    let mut client_for_open = client.clone();
    let mut assumed = async |product: &str, car: &str, selected: &str, language: &str| {
        let request = pb::QuotePriceRequest { language: language.into(), ..ask(product, car, selected) };
        let answer = client.quote_price(request).await.unwrap().into_inner();
        let quote = answer.quote.unwrap();
        (quote.kind(), quote.total.unwrap().units, quote.body_type, quote.assumptions.join(" "))
    };
    // Neither the base price nor the surcharge is exact while the leather is open.
    let open = quote(&mut client_for_open, ask(EVO_5D, "", "third_row")).await;
    assert_eq!((open.base_kind(), open.lines[0].kind()), (pb::PriceKind::From, pb::PriceKind::From));
    let (kind, total, body, said) = assumed(EVO_5D, "", "third_row", "").await;
    assert_eq!((kind, total, body.as_str()), (pb::PriceKind::From, 14000, ""));
    assert_eq!(said, "Ещё не выбрано: Кожа. Показана наименьшая цена.");
    let (kind, total, _, said) = assumed(PREMIUM, "", "", "en").await;
    assert_eq!((kind, total), (pb::PriceKind::From, 15000));
    assert_eq!(said, "Not chosen yet: Material. This is the least price.");
    let (_, _, body, said) = assumed(EVA, "convertible", "", "ru").await;
    assert_eq!((body.as_str(), said.as_str()), ("convertible", "Кабриолет: цена как за кузов «седан»."));
    let (_, total, body, said) = assumed(EVA, "toyota/rav4", "with_borders", "ky").await;
    assert_eq!((total, body.as_str()), (3000, "suv"));
    assert_eq!(said, "Кузов аталган эмес: бул моделдин кадимки кузову алынды — жол тандабас.");
    let (_, _, _, said) = assumed(ALCANTARA, "sedan", "", "").await;
    assert_eq!(said, "Марка не названа: у некоторых марок своя цена.");
    let (_, _, body, said) = assumed(ALCANTARA, "bmw/x5", "", "").await;
    assert_eq!((body.as_str(), said.as_str()), ("", ""), "the brand alone decides");

    // The body of the generation and the year; a body that is given goes first.
    let camry = pb::QuotePriceRequest { generation: "70".into(), ..ask(EVA, "toyota/camry", "") };
    assert_eq!(quote(&mut client, camry.clone()).await.body_type, "sedan");
    let by_year = pb::QuotePriceRequest { generation: String::new(), year: 2019, ..camry.clone() };
    assert_eq!(quote(&mut client, by_year).await.body_type, "sedan");
    let given = quote(&mut client, pb::QuotePriceRequest { body_type: "suv".into(), ..camry }).await;
    assert_eq!((given.total, given.assumptions.len()), (soms(2500), 0));
}

#[tokio::test]
async fn every_bad_field_of_a_request_for_a_quote_is_named() {
    let (_server, mut client) = served().await;
    let quote = pb::QuotePriceRequest {
        tenant: String::new(),
        model: "camry".into(),
        year: 1,
        body_type: "boat".into(),
        selections: selections("leather=press leather=stitched"),
        at_time: noon(0),
        language: "%".into(),
        ..ask(EVA, "", "")
    };
    let expected = ["tenant", "brand", "year", "body_type", "selections[1].option", "at_time", "language"];
    assert_eq!(
        fields(&refused(&mut client, quote).await).into_iter().map(|(field, _)| field).collect::<Vec<_>>(),
        expected
    );
    let many = pb::QuotePriceRequest { selections: vec![pb::Selection::default(); 33], ..ask(EVA, "suv", "") };
    assert_eq!(fields(&refused(&mut client, many).await), [("selections".to_owned(), "FIELD_TOO_LONG".to_owned())]);
    let status = refused(&mut client, ask(EVO_5D, "suv", "leather=paper")).await;
    assert_eq!((reason(&status).as_str(), status.code()), ("UNKNOWN_OPTION_VALUE", Code::InvalidArgument));
    assert_eq!(metadata(&status, "allowed"), "press,stitched,crocodile");
}

#[tokio::test]
async fn names_come_in_the_language_asked_for() {
    let (_server, mut client) = served().await;
    for (language, used, name) in
        [("", "ru", "Кожа: Крокодил"), ("ky", "ky", "Булгаары: Крокодил"), ("de", "ru", "Кожа: Крокодил")]
    {
        let request = pb::QuotePriceRequest { language: language.into(), ..ask(EVO_5D, "", "leather=crocodile") };
        let answer = client.quote_price(request).await.unwrap().into_inner();
        assert_eq!((answer.language.as_str(), answer.quote.unwrap().lines[0].display_name.as_str()), (used, name));
    }
}

#[tokio::test]
async fn options_are_listed_with_their_prices() {
    let server = TestServer::start().await;
    let mut client = CatalogServiceClient::new(server.channel.clone());
    let mut list = async |product: &str, body_type: &str, language: &str| {
        let (tenant, category) = product.split_once('/').unwrap();
        let request = pb::ListOptionsRequest {
            tenant: tenant.into(),
            category: category.into(),
            body_type: body_type.into(),
            language: language.into(),
        };
        client.list_options(request).await.unwrap().into_inner()
    };
    let shown = |response: &pb::ListOptionsResponse| {
        let option = |o: &pb::ProductOption| (o.code.clone(), o.price_kind(), o.price.as_ref().map_or(0, |m| m.units));
        response.options.iter().map(option).collect::<Vec<_>>()
    };
    let named = |code: &str, kind, units| (code.to_owned(), kind, units);
    use pb::PriceKind::{Fixed, From, Range, Unspecified};
    let all = list(EVA, "", "").await;
    assert!(all.prices_visible);
    assert_eq!(shown(&all), [named("with_borders", From, 400), named("third_row", Fixed, 1000)]);
    assert_eq!(all.options[0].body_types, ["sedan", "hatchback", "suv"]);
    assert_eq!((all.options[0].display_name.as_str(), all.options[0].kind()), ("С бортами", pb::OptionKind::Boolean));
    assert_eq!(shown(&list(EVA, "suv", "").await)[0], named("with_borders", Fixed, 500));
    assert_eq!(shown(&list(EVA, "coupe", "").await), [named("with_borders", Fixed, 400)]);
    assert_eq!(shown(&list(EVA, "minivan", "").await), []);
    assert_eq!(shown(&list("evopoliki/seat_covers", "", "").await)[1], named("heating", Unspecified, 0));

    let leather = list("evopoliki/mats_5d", "", "ky").await;
    assert_eq!(leather.language, "ky");
    assert_eq!(shown(&leather)[1..], [named("third_row", From, 5000), named("trunk", Fixed, 6000)]);
    let values: Vec<_> = leather.options[0].values.iter().map(|v| (v.code.as_str(), v.price.clone())).collect();
    assert_eq!(values, [("press", soms(9000)), ("stitched", soms(10500)), ("crocodile", soms(15000))]);
    assert_eq!(leather.options[0].values[1].display_name, "Тигилген");

    let deluxe = list(DELUXE_5D, "", "").await;
    assert!(!deluxe.prices_visible, "this tenant's customers see none");
    assert_eq!(shown(&deluxe), [named("trunk", Range, 2000)], "leather is not this tenant's");
    assert_eq!(deluxe.options[0].price_max, soms(3000));
    let material = list(PREMIUM, "", "").await;
    assert_eq!(material.options[0].values[1].price_max, soms(35000));
}

#[tokio::test]
async fn pages_of_prices_put_together_are_the_whole_list() {
    let (_server, mut client) = served().await;
    let request = |tenant: &str, category: &str| pb::ListPricesRequest {
        tenant: tenant.into(),
        category: category.into(),
        page_size: 500,
        ..Default::default()
    };
    let all = client.list_prices(request("evopoliki", "")).await.unwrap().into_inner();
    assert_eq!((all.total_size, all.prices.len(), all.next_page_token.as_str()), (21, 21, ""));
    let shown: Vec<_> = all.prices.iter().take(4).map(|p| (p.body_type.as_str(), p.option.as_str())).collect();
    assert_eq!(shown, [("sedan", ""), ("sedan", "with_borders"), ("hatchback", ""), ("hatchback", "with_borders")]);
    let condition = |price: &pb::Price| price.conditions.first().map(|c| c.value.clone()).unwrap_or_default();
    let leather: Vec<_> =
        all.prices.iter().filter(|p| p.category == "5d_mats" && p.option.is_empty()).map(condition).collect();
    assert_eq!(leather, ["press", "stitched", "crocodile"]);

    let (mut paged, mut token) = (Vec::new(), String::new());
    loop {
        let page = pb::ListPricesRequest { page_size: 4, page_token: token, ..request("evopoliki", "") };
        let page = client.list_prices(page).await.unwrap().into_inner();
        paged.extend(page.prices);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
        // What comes in between is neither skipped nor makes others come twice.
        if paged.len() == 8 {
            set(&mut client, vec![pb::Price { body_type: "pickup".into(), ..suv(1) }]).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(paged.len(), 21 + usize::from(paged.iter().any(|price| price.body_type == "pickup")));
    paged.retain(|price| price.body_type != "pickup");
    assert_eq!(paged, all.prices);

    let jump = pb::ListPricesRequest { page_size: 3, skip: 2, ..request("five_deluxe", "alcantara_covers") };
    let jump = client.list_prices(jump).await.unwrap().into_inner();
    assert_eq!((jump.prices.len(), jump.total_size), (3, 7));
    let past = pb::ListPricesRequest { skip: 50, ..request("five_deluxe", "5d_mats") };
    let past = client.list_prices(past).await.unwrap().into_inner();
    assert_eq!((past.prices.len(), past.total_size), (0, 4));
    let early = pb::ListPricesRequest { at_time: noon(12_000), ..request("evopoliki", "") };
    assert_eq!(client.list_prices(early).await.unwrap().into_inner().total_size, 0);

    let other = pb::ListPricesRequest { page_token: jump.next_page_token, ..request("evopoliki", "5d_mats") };
    assert_eq!(reason(&client.list_prices(other).await.unwrap_err()), "PAGE_TOKEN_INVALID");
    let bad = pb::ListPricesRequest { page_size: -1, skip: -1, at_time: noon(0), ..request("", "") };
    let found: Vec<_> =
        fields(&client.list_prices(bad).await.unwrap_err()).into_iter().map(|(field, _)| field).collect();
    assert_eq!(found, ["page_size", "skip", "tenant", "at_time"]);
    let status = client.list_prices(request("evopoliki", "premium_covers")).await.unwrap_err();
    assert_eq!(reason(&status), "CATEGORY_NOT_SOLD");
}
