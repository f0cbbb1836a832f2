//! What a shop sells, kept by hand: what is written is what is listed, offered and priced; another shop sees nothing of it.

mod calls;
mod limits;
mod model;
mod prices;

use std::collections::BTreeMap;

use futures::future::join_all;
use lekalo::db::migrations;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::application_service_client::ApplicationServiceClient;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use lekalo::proto::lekalo::v1::pattern_service_client::PatternServiceClient;
use lekalo::proto::lekalo::v1::pricing_service_client::PricingServiceClient;
use lekalo::proto::lekalo::v1::tenant_service_client::TenantServiceClient;
use lekalo_migrate::{DownTo, tls};
use tonic::{Code, Status};

use crate::support::applications::{create, order};
use crate::support::methods::{CATEGORY_FIELDS, OPTION_FIELDS};
use crate::support::pricing::{fields, metadata, reason, soms};
use crate::support::random::Random;
use crate::support::uploads::{header, upload_and_wait};
use crate::support::{TestServer, connect};
use calls::*;
use model::{Model, Options, any_category, any_etag, any_option, some_of};
use prices::check_prices;

/// What another shop reads, byte for byte.
async fn others(server: &TestServer) -> Vec<String> {
    let tenant = || "five_deluxe".to_owned();
    let mut client = Client::new(server.channel.clone());
    let mut catalog = CatalogServiceClient::new(server.channel.clone());
    let mut answers = vec![format!("{:?}", categories(&mut client, &tenant()).await)];
    let sold = pb::ListCategoriesRequest { tenant: tenant(), ..Default::default() };
    answers.push(format!("{:?}", catalog.list_categories(sold).await.unwrap().into_inner()));
    for category in ["5d_mats", "door_panels", "seat_pads", "no_such"] {
        let of_bot = pb::ListOptionsRequest { tenant: tenant(), category: category.into(), ..Default::default() };
        let told = match catalog.list_options(of_bot).await {
            Ok(answer) => format!("{:?}", answer.into_inner()),
            Err(status) => format!("{:?} {}", status.code(), status.message()),
        };
        let of_shop = pb::ListShopOptionsRequest { tenant: tenant(), category: category.into() };
        let of_shop = match client.list_shop_options(of_shop).await {
            Ok(answer) => format!("{:?}", answer.into_inner()),
            Err(status) => format!("{:?} {}", status.code(), status.message()),
        };
        answers.extend([told.replace(category, "…"), of_shop.replace(category, "…")]);
    }
    assert_eq!(answers[4], answers[8], "one of another shop is as one that there is not");
    assert_eq!(answers[5], answers[9]);
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_what_is_listed_offered_and_priced() {
    let server = TestServer::start().await;
    let mut client = Client::new(server.channel.clone());
    open(&server).await;
    let mut model = Model::default();
    for category in categories(&mut client, SHOP).await {
        let shared = (category.display_names.clone().unwrap(), words(&category.descriptions).unwrap());
        model.shared.insert(category.code.clone(), shared);
        model.categories.insert(category.code.clone(), category);
    }
    let before = others(&server).await;
    let mut random = Random(0x0ca7_a106);
    let mut refused = BTreeMap::new();
    for number in 0..180 {
        let codes = ["eva_mats", "5d_mats", "premium_covers", "door_panels", "seat_pads", "mats_5d"];
        let code = codes[random.below(codes.len())];
        let sold = model.categories.get(code).is_some_and(|category| category.active);
        if sold && !model.options.contains_key(code) {
            model.options.insert(code.into(), Options::of(options(&mut client, code).await.unwrap()));
        }
        let (answer, expected): (Result<(), Status>, Result<(), &str>) = match random.below(if sold { 9 } else { 4 }) {
            0 => {
                let new = any_category(&mut random);
                let expected = model.create_category(code, &new);
                (create_category(&mut client, code, new).await.map(|_| ()), expected)
            }
            1 | 2 if code != "mats_5d" => {
                let now = model.categories.get(code).map(|category| category.etag.clone()).unwrap_or_default();
                let to = pb::ShopCategory {
                    code: code.into(),
                    etag: any_etag(&mut random, &now),
                    ..any_category(&mut random)
                };
                let paths = some_of(&mut random, CATEGORY_FIELDS);
                let expected = model.update_category(&to, &paths);
                (update_category(&mut client, to, &paths).await.map(|_| ()), expected)
            }
            1..4 if code != "mats_5d" && random.below(3) == 0 => {
                let expected = model.delete_category(code);
                (delete_category(&mut client, code).await, expected)
            }
            1..4 => continue,
            kind => {
                let of = model.options.get_mut(code).unwrap();
                let option = ["edging", "leather", "trunk", "with_borders", "heel_pad"][random.below(5)];
                if kind == 4 {
                    let kind = [pb::OptionKind::Choice, pb::OptionKind::Choice, pb::OptionKind::Addon][random.below(3)];
                    let new = pb::ShopOption { kind: kind.into(), ..any_option(&mut random) };
                    let new = if kind == pb::OptionKind::Addon && random.below(4) > 0 {
                        pb::ShopOption { values: Vec::new(), ..new }
                    } else {
                        new
                    };
                    let expected = of.create(option, &new);
                    (create_option(&mut client, code, option, new).await.map(|_| ()), expected)
                } else {
                    let now = of.all.get(option).map(|option| option.etag.clone()).unwrap_or_default();
                    let etag = any_etag(&mut random, &now);
                    let to = pb::ShopOption { code: option.into(), etag, ..any_option(&mut random) };
                    let paths = some_of(&mut random, OPTION_FIELDS);
                    let expected = of.update(&to, &paths);
                    (update_option(&mut client, code, to, &paths).await.map(|_| ()), expected)
                }
            }
        };
        let answer = answer.map_err(|status| told(&status));
        assert_eq!(answer, expected.map_err(str::to_owned), "{number} {code}");
        if let Err(reason) = answer {
            *refused.entry(reason).or_insert(0) += 1;
        }
        let language = ["ru", "ky", "en"][number % 3];
        check(&server, &model, language, |touched| touched == code).await;
    }
    assert_eq!(
        refused.keys().map(String::as_str).collect::<Vec<_>>(),
        [
            "CATEGORY_EXISTS",
            "CATEGORY_NOT_FOUND",
            "CATEGORY_SHARED",
            "ETAG_MISMATCH",
            "FIELD_INVALID",
            "FIELD_REQUIRED",
            "OPTION_EXISTS",
            "OPTION_NOT_FOUND"
        ],
        "each refusal came about"
    );
    assert_eq!(others(&server).await, before, "another shop has seen something");
    settle(&mut client, &mut model).await;
    for language in ["ru", "ky", "en"] {
        check(&server, &model, language, |_| true).await;
    }
    check_prices(&server, &model).await;
    assert_eq!(others(&server).await, before, "another shop has seen a price");
}

/// Whatever came about, there is an option for some bodies alone, one that is retired, and a value that is.
async fn settle(client: &mut Client, model: &mut Model) {
    let code = || "eva_mats".to_owned();
    let sold = pb::ShopCategory { code: code(), active: true, ..Default::default() };
    model.update_category(&sold, &["active"]).unwrap();
    update_category(client, sold, &["active"]).await.unwrap();
    let listed = options(client, "eva_mats").await.unwrap();
    let of = model.options.entry(code()).or_insert_with(|| Options::of(listed));
    let borders = pb::ShopOption {
        code: "with_borders".into(),
        body_types: vec!["coupe".into(), "suv".into()],
        active: true,
        ..Default::default()
    };
    of.update(&borders, &["body_types", "active"]).unwrap();
    update_option(client, "eva_mats", borders, &["body_types", "active"]).await.unwrap();
    let third_row = pb::ShopOption { code: "third_row".into(), ..Default::default() };
    of.update(&third_row, &["active"]).unwrap();
    update_option(client, "eva_mats", third_row, &["active"]).await.unwrap();
    let mut stitch = choice("Строчка", &["red", "black"]);
    of.create("stitch", &stitch).unwrap();
    create_option(client, "eva_mats", "stitch", stitch.clone()).await.unwrap();
    stitch.code = "stitch".into();
    stitch.values.pop();
    of.update(&stitch, &["values"]).unwrap();
    update_option(client, "eva_mats", stitch, &["values"]).await.unwrap();
}

/// What managers and bots read is what the shop should have.
async fn check(server: &TestServer, model: &Model, language: &str, is_looked_at: impl Fn(&str) -> bool) {
    let mut client = Client::new(server.channel.clone());
    let mut catalog = CatalogServiceClient::new(server.channel.clone());
    assert_eq!(categories(&mut client, SHOP).await, model.in_order());
    let sold: Vec<pb::ShopCategory> = model.in_order().into_iter().filter(|category| category.active).collect();
    let request = pb::ListCategoriesRequest { tenant: SHOP.into(), language: language.into() };
    let listed = catalog.list_categories(request).await.unwrap().into_inner().categories;
    let expected = sold.iter().map(|category| pb::Category {
        code: category.code.clone(),
        display_name: shown(&category.display_names, language),
        description: shown(&words(&category.descriptions), language),
        sort_order: category.sort_order,
        model_count: 0,
        emoji: category.emoji.clone(),
    });
    assert_eq!(listed, expected.collect::<Vec<_>>(), "{language}");
    let request = pb::GetTenantRequest { tenant: SHOP.into() };
    let tenant = TenantServiceClient::new(server.channel.clone()).get_tenant(request).await.unwrap().into_inner();
    assert_eq!(tenant.tenant.unwrap().categories, sold.iter().map(|it| it.code.clone()).collect::<Vec<_>>());
    for (code, of) in model.options.iter().filter(|(code, _)| is_looked_at(code)) {
        if !model.categories[code].active {
            assert_eq!(reason(&options(&mut client, code).await.unwrap_err()), "CATEGORY_NOT_SOLD");
            continue;
        }
        let listed = options(&mut client, code).await.unwrap();
        assert_eq!(listed, of.listed(), "{code}");
        let expected: Vec<_> = listed.iter().filter(|option| option.active).map(|it| in_menu(it, language)).collect();
        let told = offered(server, code, "", language).await;
        assert_eq!(told.into_iter().map(without_prices).collect::<Vec<_>>(), expected, "{code}");
    }
}

/// An option as a bot sees it, prices aside.
fn in_menu(option: &pb::ShopOption, language: &str) -> pb::ProductOption {
    let value = |value: &pb::ShopOptionValue| pb::OptionValue {
        code: value.code.clone(),
        display_name: shown(&value.display_names, language),
        emoji: value.emoji.clone(),
        ..Default::default()
    };
    pb::ProductOption {
        code: option.code.clone(),
        display_name: shown(&option.display_names, language),
        kind: option.kind,
        values: option.values.iter().filter(|value| !value.retired).map(value).collect(),
        body_types: option.body_types.clone(),
        emoji: option.emoji.clone(),
        ..Default::default()
    }
}

fn without_prices(option: pb::ProductOption) -> pb::ProductOption {
    let value = |value: pb::OptionValue| pb::OptionValue { price: None, price_kind: 0, price_max: None, ..value };
    let values = option.values.into_iter().map(value).collect();
    pb::ProductOption { values, price: None, price_kind: 0, price_max: None, ..option }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_managers_day_needs_no_restart() {
    let server = TestServer::start().await;
    let mut client = Client::new(server.channel.clone());
    open(&server).await;
    // A new category, with patterns of a list and one by hand, and its price.
    create_category(&mut client, "door_panels", named("Дверные карты")).await.unwrap();
    let list = "Марка,Модель,Год\nТойота,Камри,2018\nХонда,Фит,2010\n".as_bytes();
    let of_shop = pb::ImportHeader { tenant: SHOP.into(), category: "door_panels".into(), ..header() };
    let done = upload_and_wait(&server, list, of_shop).await;
    assert_eq!((done.category.as_str(), done.counts.unwrap().created), ("door_panels", 2));
    let by_hand = pb::CreatePatternRequest {
        tenant: SHOP.into(),
        category: "door_panels".into(),
        brand: "toyota".into(),
        model: "corolla".into(),
        ..Default::default()
    };
    let mut patterns = PatternServiceClient::new(server.channel.clone());
    let added = patterns.create_pattern(by_hand).await.unwrap().into_inner().pattern.unwrap();
    assert_eq!(added.category, "door_panels");
    set_price(&server, priced("door_panels", "", "", 5000)).await.unwrap();
    let mut catalog = CatalogServiceClient::new(server.channel.clone());
    let found = pb::FindPatternsRequest {
        tenant: SHOP.into(),
        category: "door_panels".into(),
        brand: "toyota".into(),
        model: "camry".into(),
        year: Some(2018),
        ..Default::default()
    };
    assert_eq!(catalog.find_patterns(found.clone()).await.unwrap().into_inner().verdict(), pb::Verdict::Found);

    // A new option with values and a price, which is quoted and ordered.
    create_option(&mut client, "door_panels", "thread", choice("Нить", &["red", "black"])).await.unwrap();
    set_price(&server, priced("door_panels", "thread", "red", 300)).await.unwrap();
    let selections = vec![pb::Selection { option: "thread".into(), value: "red".into() }];
    let ask = pb::QuotePriceRequest {
        tenant: SHOP.into(),
        category: "door_panels".into(),
        selections: selections.clone(),
        ..Default::default()
    };
    let mut pricing = PricingServiceClient::new(server.channel.clone());
    let quote = pricing.quote_price(ask.clone()).await.unwrap().into_inner().quote.unwrap();
    assert_eq!((quote.total, quote.lines[0].display_name.as_str()), (soms(5300), "Нить: red"));
    let ordered = pb::Application {
        category: "door_panels".into(),
        brand: "toyota".into(),
        model: "camry".into(),
        selections: selections.clone(),
        quoted_total: None,
        quoted_kind: 0,
        ..order()
    };
    let ordered = pb::CreateApplicationRequest { tenant: SHOP.into(), ..create(ordered) };
    let mut applications = ApplicationServiceClient::new(server.channel.clone());
    let ordered = applications.create_application(ordered).await.unwrap().into_inner().application.unwrap();

    // Renamed and moved: at once for bots.
    let to = pb::ShopCategory {
        code: "door_panels".into(),
        display_names: text("Обшивка дверей", "", "Door panels"),
        sort_order: 0,
        emoji: "🚪".into(),
        ..Default::default()
    };
    update_category(&mut client, to, &["display_names", "sort_order", "emoji"]).await.unwrap();
    let listed = pb::ListCategoriesRequest { tenant: SHOP.into(), language: "en".into() };
    let listed = catalog.list_categories(listed).await.unwrap().into_inner().categories;
    let door = listed.iter().find(|category| category.code == "door_panels").unwrap();
    assert_eq!((door.display_name.as_str(), door.emoji.as_str(), door.model_count), ("Door panels", "🚪", 3));

    // Retired: it is no longer offered, quoted or priced, and the order keeps its words.
    let retired = pb::ShopOption { code: "thread".into(), active: false, ..Default::default() };
    update_option(&mut client, "door_panels", retired.clone(), &["active"]).await.unwrap();
    assert_eq!(offered(&server, "door_panels", "", "ru").await, []);
    let refused = pricing.quote_price(ask.clone()).await.unwrap_err();
    assert_eq!(fields(&refused), [("selections[0].option".into(), "UNKNOWN_OPTION".into())]);
    assert!(refused.message().contains("is retired"), "{}", refused.message());
    let prices = pb::ListPricesRequest { tenant: SHOP.into(), ..Default::default() };
    assert_eq!(pricing.list_prices(prices.clone()).await.unwrap().into_inner().total_size, 1);
    let kept = pb::GetApplicationRequest { tenant: SHOP.into(), id: ordered.id.clone(), ..Default::default() };
    let shown = applications.get_application(kept.clone()).await.unwrap().into_inner().application.unwrap();
    assert_eq!((&shown.category, &shown.selections), (&ordered.category, &selections));
    let gone = pb::ShopCategory { code: "door_panels".into(), active: false, ..Default::default() };
    update_category(&mut client, gone, &["active"]).await.unwrap();
    assert_eq!(catalog.find_patterns(found.clone()).await.unwrap().into_inner().verdict(), pb::Verdict::NotSold);
    assert_eq!(reason(&pricing.quote_price(ask.clone()).await.unwrap_err()), "CATEGORY_NOT_SOLD");
    let shown = applications.get_application(kept).await.unwrap().into_inner().application.unwrap();
    assert_eq!(shown.category, "door_panels");

    // Nothing of it may be deleted; taken back, all is as before.
    let used = delete_category(&mut client, "door_panels").await.unwrap_err();
    assert_eq!((used.code(), reason(&used).as_str()), (Code::FailedPrecondition, "CATEGORY_IN_USE"));
    let counts = ["patterns", "prices", "imports", "applications"].map(|name| metadata(&used, name));
    assert_eq!(counts, ["3", "2", "1", "1"]);
    assert!(used.message().contains("3 patterns, 2 prices, 1 imports, 1 applications"), "{}", used.message());
    let back = pb::ShopCategory { code: "door_panels".into(), active: true, ..Default::default() };
    update_category(&mut client, back, &["active"]).await.unwrap();
    let back = pb::ShopOption { active: true, ..retired };
    update_option(&mut client, "door_panels", back, &["active"]).await.unwrap();
    assert_eq!(catalog.find_patterns(found).await.unwrap().into_inner().verdict(), pb::Verdict::Found);
    assert_eq!(pricing.quote_price(ask).await.unwrap().into_inner().quote.unwrap().total, soms(5300));
    assert_eq!(pricing.list_prices(prices).await.unwrap().into_inner().total_size, 2);

    // An older program has none of it but what was ordered.
    let config = server.config.clone();
    server.stop().await;
    migrations::shipped().down(&config, &tls::OFF, DownTo::Version(21)).await.unwrap();
    let of = "WHERE tenant_id = (SELECT id FROM tenants WHERE slug = 'new_shop')";
    let tables = ["tenant_categories", "patterns", "prices", "imports", "import_rows", "applications"];
    let counts = tables.map(|table| format!("(SELECT count(*) FROM {table} {of})")).join(", ");
    let row = connect(&config).await.query_one(&format!("SELECT {counts}"), &[]).await.unwrap();
    assert_eq!((0..6).map(|column| row.get(column)).collect::<Vec<i64>>(), [2, 0, 0, 0, 0, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_has_something_to_choose() {
    let server = TestServer::start().await;
    let mut client = Client::new(server.channel.clone());
    open(&server).await;
    let retired = |option: pb::ShopOption| {
        let values = option.values.into_iter().map(|value| pb::ShopOptionValue { retired: true, ..value });
        pb::ShopOption { values: values.collect(), ..option }
    };
    let thread = choice("Нить", &["red", "black"]);
    let told = |refused: Result<pb::ShopOption, Status>| fields(&refused.unwrap_err());
    let required = [("option.values".to_owned(), "FIELD_REQUIRED".to_owned())];
    assert_eq!(told(create_option(&mut client, "eva_mats", "thread", retired(thread.clone())).await), required);
    let made = create_option(&mut client, "eva_mats", "thread", thread).await.unwrap();
    assert_eq!(told(update_option(&mut client, "eva_mats", retired(made.clone()), &["values"]).await), required);
    let none = pb::ShopOption { values: Vec::new(), ..made.clone() };
    assert_eq!(told(update_option(&mut client, "eva_mats", none, &["values"]).await), required);
    let one = pb::ShopOption { values: made.values[..1].to_vec(), ..made };
    let values = update_option(&mut client, "eva_mats", one, &["values"]).await.unwrap().values;
    assert_eq!(values.iter().map(|value| value.retired).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_at_once_one_adds_and_the_others_are_told() {
    let server = TestServer::start().await;
    let client = Client::new(server.channel.clone());
    open(&server).await;
    let adding = (0..6).map(|_| {
        let mut client = client.clone();
        async move { create_category(&mut client, "door_panels", named("Карты")).await }
    });
    let (added, refused): (Vec<_>, Vec<_>) = join_all(adding).await.into_iter().partition(Result::is_ok);
    assert_eq!(added.len(), 1);
    assert!(refused.iter().all(|it| reason(it.as_ref().unwrap_err()) == "CATEGORY_EXISTS"), "{refused:?}");
    // Each gets a number of its own, whichever comes first.
    let codes: Vec<String> = (0..6).map(|number| format!("own_{number}")).collect();
    let adding = codes.iter().map(|code| {
        let mut client = client.clone();
        async move {
            create_category(&mut client, code, named(code)).await.unwrap();
            create_option(&mut client, code, "thread", choice("Нить", &["red", "black"])).await.unwrap();
        }
    });
    join_all(adding).await;
    let mut client = client.clone();
    let listed = categories(&mut client, SHOP).await;
    assert_eq!(listed.iter().filter(|category| !category.shared).count(), 7);
    let mut orders: Vec<i32> = listed.iter().filter(|category| category.active).map(|it| it.sort_order).collect();
    orders.dedup();
    assert_eq!(orders, (0..9).collect::<Vec<_>>(), "each behind the others");
    for code in &codes {
        assert_eq!(options(&mut client, code).await.unwrap()[0].values.len(), 2, "{code}");
    }
    // What is deleted while prices are set is there for both or for neither.
    let price = set_price(&server, priced("own_0", "", "", 10));
    let mut deleting = client.clone();
    let (priced, deleted) = tokio::join!(price, delete_category(&mut deleting, "own_0"));
    assert!(priced.is_ok() != deleted.is_ok(), "{priced:?} {deleted:?}");
    for status in priced.err().into_iter().chain(deleted.err()) {
        let known = ["CATEGORY_IN_USE", "CATEGORY_NOT_FOUND", "CONCURRENT_CHANGE"];
        assert!(known.contains(&reason(&status).as_str()), "{status:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_category_that_comes_later_stands_behind_the_shops_own() {
    let server = TestServer::start().await;
    let mut client = Client::new(server.channel.clone());
    open(&server).await;
    create_category(&mut client, "door_panels", named("Свои карты")).await.unwrap();
    create_option(&mut client, "eva_mats", "edging", choice("Свой кант", &["red"])).await.unwrap();
    let owner = connect(&server.config).await;
    owner
        .batch_execute(
            r#"INSERT INTO product_categories (code, names) VALUES ('door_panels', '{"ru": "Общие карты"}'), ('new', '{"ru": "Новое"}');
            INSERT INTO category_aliases SELECT 'own_alias', id FROM product_categories WHERE code = 'door_panels';
            INSERT INTO product_options (category_id, code, kind, names)
            SELECT id, 'edging', 'addon', '{"ru": "Общий кант"}' FROM product_categories WHERE code = 'eva_mats';
            UPDATE vehicle_reference SET catalog_version = catalog_version + 1"#,
        )
        .await
        .unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    let listed = categories(&mut client, SHOP).await;
    let of_code = |code: &str| listed.iter().filter(|it| it.code == code).map(|it| it.shared).collect::<Vec<_>>();
    assert_eq!((of_code("door_panels"), of_code("new")), (vec![false], vec![true]));
    let sold = pb::ListCategoriesRequest { tenant: SHOP.into(), ..Default::default() };
    let mut catalog = CatalogServiceClient::new(server.channel.clone());
    let sold = catalog.list_categories(sold).await.unwrap().into_inner().categories;
    assert_eq!(sold.iter().find(|it| it.code == "door_panels").unwrap().display_name, "Свои карты");
    set_price(&server, priced("door_panels", "", "", 10)).await.unwrap();
    assert_eq!(offered(&server, "door_panels", "", "ru").await, []);
    let edging = offered(&server, "eva_mats", "", "ru").await;
    let edging: Vec<_> = edging.iter().filter(|it| it.code == "edging").map(|it| &it.display_name).collect();
    assert_eq!(edging, ["Свой кант"]);
    // A name that is the shared one follows it.
    let mats = listed.into_iter().find(|it| it.code == "eva_mats").unwrap();
    let mats = pb::ShopCategory { emoji: "🚗".into(), ..mats };
    update_category(&mut client, mats, &["display_names", "emoji"]).await.unwrap();
    let renamed =
        "UPDATE product_categories SET names = names || jsonb_build_object('ru', 'Ковры') WHERE code = 'eva_mats'";
    owner.batch_execute(renamed).await.unwrap();
    let listed = categories(&mut client, SHOP).await;
    let mats = listed.iter().find(|it| it.code == "eva_mats").unwrap();
    assert_eq!(mats.display_names.clone().unwrap().ru, "Ковры");
    // What UpdateTenant names is the shop's own too.
    let to =
        pb::Tenant { slug: SHOP.into(), categories: vec!["door_panels".into(), "new".into()], ..Default::default() };
    let to = pb::UpdateTenantRequest { tenant: Some(to), update_mask: mask(&["categories"]), ..Default::default() };
    let mut tenants = TenantServiceClient::new(server.channel.clone());
    let tenant = tenants.update_tenant(to).await.unwrap().into_inner().tenant.unwrap();
    assert_eq!(tenant.categories, ["door_panels", "new"]);
    let listed = categories(&mut client, SHOP).await;
    let active: Vec<_> = listed.iter().filter(|it| it.active).map(|it| (it.code.as_str(), it.shared)).collect();
    assert_eq!(active, [("door_panels", false), ("new", true)]);
}
