//! What a bot asks, over the wire.

use std::collections::BTreeMap;

use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use lekalo::proto::lekalo::v1::tenant_service_client::TenantServiceClient;
use lekalo_vehicles::Reference;
use lekalo_vehicles::vehicle::slug;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::support::catalog::served;
use crate::support::{TestServer, connect};

fn brands(request: pb::ListBrandsRequest) -> pb::ListBrandsRequest {
    pb::ListBrandsRequest { tenant: "evopoliki".into(), category: "eva_mats".into(), ..request }
}

#[tokio::test]
async fn categories_are_the_tenants_own_in_its_order_and_language() {
    let server = TestServer::start().await;
    let mut client = CatalogServiceClient::new(server.channel.clone());
    let mut list = async |tenant: &str, language: &str| {
        let request = pb::ListCategoriesRequest { tenant: tenant.into(), language: language.into() };
        client.list_categories(request).await.unwrap().into_inner()
    };
    let codes = |response: &pb::ListCategoriesResponse| {
        response.categories.iter().map(|category| category.code.clone()).collect::<Vec<_>>()
    };
    let own = list("evopoliki", "").await;
    assert_eq!(codes(&own), ["eva_mats", "5d_mats", "seat_covers", "dashboard_covers", "trunk_mats"]);
    assert_eq!((own.language.as_str(), own.categories[0].display_name.as_str()), ("ru", "EVA-коврики"));
    assert_eq!(codes(&list("five_deluxe", "").await), ["5d_mats", "premium_covers", "alcantara_dash"]);
    let kyrgyz = list("evopoliki", "ky").await;
    assert_eq!((kyrgyz.language.as_str(), kyrgyz.categories[0].display_name.as_str()), ("ky", "EVA килемчелер"));
    assert_eq!(list("evopoliki", "en-US").await.language, "en");
    assert_eq!(list("evopoliki", "de").await.language, "ru", "an unserved language falls back");
}

#[tokio::test]
async fn a_model_is_told_as_the_reference_has_it() {
    let server = TestServer::start().await;
    let mut client = CatalogServiceClient::new(server.channel.clone());
    let mut get = async |brand: &str, model: &str, language: &str| {
        let (tenant, brand, model) = ("evopoliki".into(), brand.into(), model.into());
        let request = pb::GetModelRequest { tenant, brand, model, language: language.into() };
        client.get_model(request).await.map(tonic::Response::into_inner)
    };
    let camry = get("toyota", "camry", "en").await.unwrap();
    assert_eq!((camry.brand.unwrap().display_name, camry.language.as_str()), ("Toyota".into(), "en"));
    assert_eq!(camry.body_types, ["sedan"]);
    let known = camry.generations.iter().find(|generation| generation.name == "XV70").unwrap();
    assert!(known.names.iter().any(|name| name == "70"), "{known:?}");
    assert_eq!((known.year_from, known.body_type.as_str()), (2017, "sedan"));
    for (brand, model, reason) in [("tayota", "camry", "BRAND_NOT_FOUND"), ("toyota", "camri", "MODEL_NOT_FOUND")] {
        let status = get(brand, model, "").await.unwrap_err();
        assert_eq!(status.get_error_details().error_info().unwrap().reason, reason);
    }

    // Whatever model it is: what the reference says, and no more.
    let mut told = 0;
    for brand in &Reference::shipped().brands {
        for model in brand.models.iter().step_by(11) {
            let answer = get(&slug(&brand.name), &slug(&model.name), "ru").await.unwrap();
            let named = answer.model.clone().unwrap();
            assert_eq!((named.name.as_str(), named.pattern_count), (model.name.as_str(), 0));
            assert!(answer.spellings.iter().eq(model.spellings()), "{answer:?}");
            let years = model.years();
            let year = |year: Option<i16>| year.map_or(0, i32::from);
            assert_eq!((named.year_from, named.year_to), (year(years.from), year(years.to)));
            assert_eq!(answer.generations.len(), model.generations.len());
            for (found, known) in answer.generations.iter().zip(&model.generations) {
                assert_eq!((found.year_from, found.year_to), (year(known.from), year(known.to)), "{found:?}");
                assert!(found.names.iter().cloned().eq(known.names()), "{found:?}");
            }
            told += 1;
        }
    }
    assert!(told > 200, "{told}");
}

#[tokio::test]
async fn on_request_every_brand_and_model_is_listed_with_what_there_is_for_it() {
    let (server, mut client) = served().await;
    let mut list = async |all| {
        let (mut listed, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = pb::ListBrandsRequest { page_size: 100, page_token, all, ..Default::default() };
            let page = client.list_brands(brands(request)).await.unwrap().into_inner();
            listed.extend(page.brands);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                assert_eq!(listed.len() as i32, page.total_size);
                return listed;
            }
        }
    };
    let (stocked, all) = (list(false).await, list(true).await);
    let owner = connect(&server.config).await;
    let known = "SELECT b.slug, count(*) FROM brands b JOIN models m ON m.brand_id = b.id GROUP BY b.slug";
    let known: BTreeMap<String, i64> =
        owner.query(known, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect();
    let listed = all.iter().map(|brand| (brand.slug.clone(), i64::from(brand.model_count)));
    assert_eq!(listed.collect::<BTreeMap<_, _>>(), known);
    assert!(stocked.len() < all.len() && stocked.iter().all(|brand| known.contains_key(&brand.slug)));

    let mut models = async |all| {
        let request = pb::ListModelsRequest {
            tenant: "evopoliki".into(),
            category: "eva_mats".into(),
            brand: "toyota".into(),
            page_size: 500,
            order_by: pb::OrderBy::Popularity.into(),
            all,
            ..Default::default()
        };
        client.list_models(request).await.unwrap().into_inner().models
    };
    let (stocked, all) = (models(false).await, models(true).await);
    assert_eq!(all.len() as i64, known["toyota"]);
    // What there is comes first, as it is listed by itself; the rest has nothing.
    let (first, rest) = all.split_at(stocked.len());
    assert_eq!(first, stocked);
    assert!(rest.iter().all(|model| (model.pattern_count, model.year_from, model.year_to) == (0, 0, 0)), "{rest:?}");
}

#[tokio::test]
async fn pages_put_together_are_the_whole_list_in_either_order() {
    let (_server, mut client) = served().await;
    for order in [pb::OrderBy::Name, pb::OrderBy::Popularity] {
        let all = brands(pb::ListBrandsRequest { page_size: 500, order_by: order.into(), ..Default::default() });
        let all = client.list_brands(all).await.unwrap().into_inner();
        assert!(all.brands.len() > 20);
        assert_eq!((all.brands.len() as i32, all.next_page_token.as_str()), (all.total_size, ""));
        assert!(all.brands.iter().all(|brand| brand.model_count > 0), "no brand without a pattern is offered");

        let (mut paged, mut token) = (Vec::new(), String::new());
        loop {
            let request =
                pb::ListBrandsRequest { page_size: 7, page_token: token, order_by: order.into(), ..Default::default() };
            let page = client.list_brands(brands(request)).await.unwrap().into_inner();
            assert_eq!(page.total_size, all.total_size);
            paged.extend(page.brands);
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(paged, all.brands);

        let jump = pb::ListBrandsRequest { page_size: 7, skip: 14, order_by: order.into(), ..Default::default() };
        let jump = client.list_brands(brands(jump)).await.unwrap().into_inner();
        assert_eq!(jump.brands, all.brands[14..21]);
        let past = pb::ListBrandsRequest { skip: 1000, order_by: order.into(), ..Default::default() };
        let past = client.list_brands(brands(past)).await.unwrap().into_inner();
        assert_eq!((past.brands.len(), past.total_size), (0, all.total_size), "past the end the total is still known");
    }
}

#[tokio::test]
async fn names_are_found_by_prefix_in_any_language_and_wildcards_are_letters() {
    let (_server, mut client) = served().await;
    let mut find = async |prefix: &str| {
        let request = brands(pb::ListBrandsRequest { name_prefix: prefix.into(), ..Default::default() });
        let found = client.list_brands(request).await.unwrap().into_inner();
        found.brands.into_iter().map(|brand| brand.slug).collect::<Vec<_>>()
    };
    assert_eq!(find("toy").await, ["toyota"]);
    assert_eq!(find("ТОЙ").await, ["toyota"]);
    for wildcard in ["%", "_oyota", "toyota%"] {
        assert!(find(wildcard).await.is_empty(), "{wildcard}");
    }
}

#[tokio::test]
async fn spellings_are_found_and_an_english_reader_reads_english() {
    let (server, mut client) = served().await;
    let owner = crate::support::connect(&server.config).await;
    owner.batch_execute("UPDATE brands SET names = '{\"ru\": \"Лёксус\"}' WHERE slug = 'lexus'").await.unwrap();
    let mut find = async |prefix: &str, language: &str| {
        let request =
            pb::ListBrandsRequest { name_prefix: prefix.into(), language: language.into(), ..Default::default() };
        let found = client.list_brands(brands(request)).await.unwrap().into_inner();
        found.brands.into_iter().map(|brand| (brand.slug, brand.display_name)).collect::<Vec<_>>()
    };
    assert_eq!(find("лек", "ru").await, [("lexus".to_owned(), "Лёксус".to_owned())]);
    assert_eq!(find("ЛЁКСУС", "en").await, [("lexus".to_owned(), "Lexus".to_owned())]);
    assert!(find("vw", "").await.iter().any(|(slug, _)| slug == "volkswagen"));
}

#[tokio::test]
async fn a_model_still_made_has_no_last_year() {
    let (server, mut client) = served().await;
    let owner = crate::support::connect(&server.config).await;
    owner
        .batch_execute(
            "WITH v AS (
                INSERT INTO model_variants (model_id, year_from)
                SELECT m.id, 2018 FROM models m JOIN brands b ON b.id = m.brand_id WHERE b.slug = 'toyota' AND m.slug = 'camry'
                RETURNING id, model_id)
             INSERT INTO patterns (tenant_id, category_id, model_id, variant_id)
             SELECT t.id, c.id, v.model_id, v.id FROM v, tenants t, product_categories c
             WHERE t.slug = 'evopoliki' AND c.code = 'eva_mats'",
        )
        .await
        .unwrap();
    let request = pb::ListModelsRequest {
        tenant: "evopoliki".into(),
        category: "eva_mats".into(),
        brand: "toyota".into(),
        ..Default::default()
    };
    let models = client.list_models(request).await.unwrap().into_inner().models;
    let camry = models.iter().find(|model| model.slug == "camry").unwrap();
    assert!(camry.year_from > 0 && camry.year_to == 0, "{camry:?}");
}

#[tokio::test]
async fn a_page_token_serves_only_the_request_it_came_from() {
    let (_server, mut client) = served().await;
    let first = brands(pb::ListBrandsRequest { page_size: 2, ..Default::default() });
    let token = client.list_brands(first).await.unwrap().into_inner().next_page_token;
    let other = pb::ListBrandsRequest { page_token: token, name_prefix: "t".into(), ..Default::default() };
    for request in [brands(other), brands(pb::ListBrandsRequest { page_token: "AAAA".into(), ..Default::default() })] {
        let status = client.list_brands(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "PAGE_TOKEN_INVALID");
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, "page_token");
    }
}

#[tokio::test]
async fn models_have_their_patterns_counted_and_aliases_name_categories() {
    let (_server, mut client) = served().await;
    let request = pb::ListModelsRequest {
        tenant: "evopoliki".into(),
        category: "eva_mats".into(),
        brand: "toyota".into(),
        order_by: pb::OrderBy::Popularity.into(),
        language: "en".into(),
        ..Default::default()
    };
    let models = client.list_models(request).await.unwrap().into_inner();
    assert_eq!((models.models[0].slug.as_str(), models.models[0].display_name.as_str()), ("camry", "Camry"));
    assert!(models.models[0].pattern_count > models.models[1].pattern_count);
    assert!(models.models[0].year_from > 1980 && models.models[0].year_to <= 2026);

    let alias = pb::ListBrandsRequest { tenant: "evopoliki".into(), category: "mats_5d".into(), ..Default::default() };
    assert_eq!(client.list_brands(alias).await.unwrap().into_inner().total_size, 0, "nothing is imported there");
}

#[tokio::test]
async fn the_four_verdicts() {
    let (_server, mut client) = served().await;
    let mut find = async |category: &str, model: &str, year: Option<i32>, generation: &str| {
        let request = pb::FindPatternsRequest {
            tenant: "evopoliki".into(),
            category: category.into(),
            brand: "toyota".into(),
            model: model.into(),
            year,
            generation: Some(generation.into()),
            ..Default::default()
        };
        client.find_patterns(request).await.unwrap().into_inner()
    };
    let found = find("eva_mats", "camry", None, "XV70").await;
    assert_eq!(found.verdict(), pb::Verdict::Found);
    assert!(found.patterns.iter().all(|pattern| ["70", "75"].contains(&pattern.generation.as_str())), "{found:?}");
    let possible = find("eva_mats", "camry", Some(1950), "").await;
    assert_eq!(possible.verdict(), pb::Verdict::Possible);
    assert!(!possible.patterns.is_empty(), "the nearest come back");
    for pattern in &possible.patterns {
        assert_eq!(pattern.mismatches.len(), 1, "only a year was asked for: {pattern:?}");
        assert_eq!(pattern.mismatches[0].field, "year");
        assert!(pattern.mismatches[0].reason.contains("год"), "{pattern:?}");
    }
    assert!(found.patterns.iter().all(|pattern| pattern.mismatches.is_empty()), "{found:?}");
    assert_eq!(find("eva_mats", "tundra", None, "").await.verdict(), pb::Verdict::NotFound);
    assert_eq!(find("premium_covers", "camry", None, "").await.verdict(), pb::Verdict::NotSold);
}

#[tokio::test]
async fn what_does_not_exist_is_named() {
    let (_server, mut client) = served().await;
    let good = pb::FindPatternsRequest {
        tenant: "evopoliki".into(),
        category: "eva_mats".into(),
        brand: "toyota".into(),
        model: "camry".into(),
        ..Default::default()
    };
    let cases = [
        (pb::FindPatternsRequest { tenant: "nobody".into(), ..good.clone() }, "tenant", "TENANT_NOT_FOUND"),
        (pb::FindPatternsRequest { category: "boats".into(), ..good.clone() }, "category", "CATEGORY_NOT_FOUND"),
        (pb::FindPatternsRequest { brand: "tayota".into(), ..good.clone() }, "brand", "BRAND_NOT_FOUND"),
        (pb::FindPatternsRequest { model: "camri".into(), ..good.clone() }, "model", "MODEL_NOT_FOUND"),
    ];
    for (request, kind, reason) in cases {
        let status = client.find_patterns(request).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound);
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, reason);
        assert_eq!(details.resource_info().unwrap().resource_type, kind);
    }
    let bad = pb::FindPatternsRequest {
        tenant: String::new(),
        year: Some(99),
        body_type: Some("boat".into()),
        steering: Some(77),
        ..good
    };
    let status = client.find_patterns(bad).await.unwrap_err();
    let details = status.get_error_details();
    let fields: Vec<_> = details.bad_request().unwrap().field_violations.iter().map(|v| v.field.clone()).collect();
    assert_eq!(fields, ["tenant", "year", "steering", "body_type"], "all at once");
}

#[tokio::test]
async fn tenants_are_read_and_listed() {
    let server = TestServer::start().await;
    let mut client = TenantServiceClient::new(server.channel.clone());
    let request = pb::GetTenantRequest { tenant: "five_deluxe".into() };
    let tenant = client.get_tenant(request).await.unwrap().into_inner().tenant.unwrap();
    assert_eq!((tenant.display_name.as_str(), tenant.prices_visible, tenant.active), ("5Deluxe", false, Some(true)));
    assert_eq!(tenant.categories, ["5d_mats", "premium_covers", "alcantara_dash"]);

    let first = pb::ListTenantsRequest { page_size: 1, ..Default::default() };
    let first = client.list_tenants(first).await.unwrap().into_inner();
    assert_eq!((first.tenants[0].slug.as_str(), first.total_size), ("evopoliki", 2));
    let second = pb::ListTenantsRequest { page_size: 1, page_token: first.next_page_token, ..Default::default() };
    let second = client.list_tenants(second).await.unwrap().into_inner();
    assert_eq!((second.tenants[0].slug.as_str(), second.next_page_token.as_str()), ("five_deluxe", ""));
}
