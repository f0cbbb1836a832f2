//! A catalog in plain Rust beside the service: random small catalogs, random questions, and every answer compared, item by
//! item. It is written from the contract (`proto/`), not from the SQL. Where they part, one of them is wrong.
//!
//! To teach it more: rows in `rows`, how they are made up in `random`, how they are written in `write`; a read is a
//! function of [`Catalog`] from the request to the answer or a [`Refusal`], and an arm of [`Question`].

mod fit;
mod lists;
mod options;
mod questions;
mod random;
mod rows;
mod walk;
mod write;

use std::sync::atomic::{AtomicUsize, Ordering};

use lekalo::domain::vehicle::slug;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::admin_service_client::AdminServiceClient;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use lekalo::proto::lekalo::v1::tenant_service_client::TenantServiceClient;
use lekalo_vehicles::Index;
use lekalo_vehicles::resolve::{Query, Resolution, Resolver};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestCaseResult, TestError, TestRunner};
use tokio_postgres::Client;
use tonic::transport::Channel;

use crate::support::catalog::RAISE_SHARED;
use crate::support::{TestServer, connect, is_long};
use lists::Refusal;
use questions::{Dice, Question};
use rows::{Brand, Catalog, Category, Model, Names, Pattern, Seeded, Sold, Tenant};
use walk::{Page, same, walk};

/// Where the questions go.
struct Service {
    catalog: CatalogServiceClient<Channel>,
    tenants: TenantServiceClient<Channel>,
    admin: AdminServiceClient<Channel>,
}

impl Service {
    fn of(server: &TestServer) -> Self {
        Self {
            catalog: CatalogServiceClient::new(server.channel.clone()),
            tenants: TenantServiceClient::new(server.channel.clone()),
            admin: AdminServiceClient::new(server.channel.clone()),
        }
    }

    /// Asks, and compares the answer with the catalog's.
    async fn check(&self, catalog: &Catalog, question: &Question) -> TestCaseResult {
        let (mut reads, mut tenants) = (self.catalog.clone(), self.tenants.clone());
        macro_rules! compared {
            ($request:ident, $expected:expr, $answer:expr) => {{
                let answer = $answer.await.map(tonic::Response::into_inner).map_err(|status| Refusal::of(&status));
                same($request, &$expected, &answer)
            }};
        }
        match question {
            Question::Tenant(request) => {
                let answer = tenants.get_tenant(request.clone()).await;
                let answer = answer.map(|answer| answer.into_inner().tenant.unwrap()).map_err(|it| Refusal::of(&it));
                let answer = answer.map(|tenant| pb::Tenant { catalog_version: String::new(), ..tenant });
                same(request, &catalog.get_tenant(request), &answer)
            }
            Question::Categories(request) => {
                compared!(request, catalog.list_categories(request), reads.list_categories(request.clone()))
            }
            Question::Options(request) => {
                compared!(request, catalog.list_options(request), reads.list_options(request.clone()))
            }
            Question::Patterns(request, generation) => {
                let expected = catalog.find_patterns(request, generation);
                compared!(request, expected, reads.find_patterns(request.clone()))
            }
            Question::Vehicle(request) => {
                compared!(request, catalog.resolve_vehicle(request), reads.resolve_vehicle(request.clone()))
            }
            Question::Brands(request, steps) => {
                walk(request, catalog.list_brands(request), steps, async |step| {
                    let mut request = request.clone();
                    (request.page_size, request.skip, request.page_token) =
                        (step.page_size, step.skip, step.page_token);
                    let page = reads.list_brands(request).await?.into_inner();
                    let (next_page_token, total_size) = (page.next_page_token, page.total_size);
                    Ok(Page { items: page.brands, next_page_token, total_size, language: page.language })
                })
                .await
            }
            Question::Aliases(request, steps) => {
                walk(request, catalog.list_aliases(request), steps, async |step| {
                    let mut request = request.clone();
                    (request.page_size, request.skip, request.page_token) =
                        (step.page_size, step.skip, step.page_token);
                    let page = self.admin.clone().list_aliases(request).await?.into_inner();
                    let items = page.aliases.into_iter().map(|alias| pb::Alias { created_at: None, ..alias }).collect();
                    let (next_page_token, total_size) = (page.next_page_token, page.total_size);
                    Ok(Page { items, next_page_token, total_size, language: String::new() })
                })
                .await
            }
            Question::Models(request, steps) => {
                walk(request, catalog.list_models(request), steps, async |step| {
                    let mut request = request.clone();
                    (request.page_size, request.skip, request.page_token) =
                        (step.page_size, step.skip, step.page_token);
                    let page = reads.list_models(request).await?.into_inner();
                    let (next_page_token, total_size) = (page.next_page_token, page.total_size);
                    Ok(Page { items: page.models, next_page_token, total_size, language: page.language })
                })
                .await
            }
        }
    }
}

/// How many catalogs, and how many questions about each.
const CATALOGS: u32 = 24;
const QUESTIONS: usize = 45;
const MANY_CATALOGS: u32 = 600;

/// The same ones in every run, so that it says the same of the same program; the long one makes up others.
fn config() -> Config {
    let seed = if is_long() { RngSeed::Random } else { RngSeed::Fixed(1) };
    Config {
        cases: if is_long() { MANY_CATALOGS } else { CATALOGS },
        rng_seed: seed,
        failure_persistence: None,
        max_shrink_iters: 200,
        max_shrink_time: 3000,
        ..Config::default()
    }
}

async fn compare(
    service: &Service,
    owner: &Client,
    catalog: &Catalog,
    dice: &[Dice],
    seen: &mut [usize; Question::KINDS],
) -> TestCaseResult {
    owner.batch_execute(&catalog.sql()).await.unwrap();
    // Its tenants are new to the server; what it adds for all of them is to be read anew.
    owner.batch_execute(RAISE_SHARED).await.unwrap();
    for dice in dice {
        let question = Question::about(catalog, *dice);
        seen[question.kind()] += 1;
        let answer = service.check(catalog, &question).await;
        answer.map_err(|error| TestCaseError::fail(format!("{error}\nof {catalog:?}")))?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_read_of_a_catalog_is_what_its_rows_and_the_contract_say() {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let seeded = Seeded::read(&owner).await;
    let service = Service::of(&server);
    let cases = (random::made(), vec(any::<Dice>(), QUESTIONS));
    let seen = std::sync::Mutex::new([0; Question::KINDS]);
    let run = || {
        TestRunner::new(config())
            .run(&cases, |(made, dice)| {
                let catalog = made.catalog(NEXT.fetch_add(1, Ordering::Relaxed), &seeded);
                let mut seen = seen.lock().unwrap();
                tokio::runtime::Handle::current().block_on(compare(&service, &owner, &catalog, &dice, &mut seen))
            })
            .map_err(|error| match error {
                TestError::Fail(why, _) | TestError::Abort(why) => why.to_string(),
            })
    };
    if let Err(why) = tokio::task::block_in_place(run) {
        panic!("{why}");
    }
    let seen = *seen.lock().unwrap();
    assert!(seen.iter().all(|questions| *questions >= 20), "each kind of question was asked: {seen:?}");
}

/// A shop called `one` with these patterns in a category called `one`.
fn one_shop(seeded: Seeded, patterns: Vec<Pattern>) -> Catalog {
    let one = || "one".to_owned();
    let names = Names::default().with_russian("Коврики");
    let tenant = Tenant { slug: one(), language: "ru", currency: "KGS", prices_visible: true, active: true };
    let category = Category { code: one(), aliases: Vec::new(), names, descriptions: Names::default() };
    Catalog {
        tenants: vec![tenant],
        categories: vec![category],
        sold: vec![Sold { tenant: 0, category: 0, sort_order: 0, active: true, options: Vec::new() }],
        patterns,
        brands: seeded.brands,
        models: seeded.models,
        bodies: seeded.bodies,
        ..Catalog::default()
    }
}

/// A pattern that says nothing.
fn plain(id: i64, model: usize) -> Pattern {
    Pattern {
        id,
        tenant: 0,
        category: 0,
        model,
        generation: "",
        from: None,
        to: None,
        body: None,
        steering: None,
        borders: None,
        seat_rows: None,
        trunk: None,
        notes: "",
        available: true,
    }
}

#[tokio::test]
async fn more_patterns_than_an_answer_holds_are_counted_and_the_nearest_come_back() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let pattern = |place: i16| {
        let year = Some(1980 + place / 3);
        let steering = [None, Some("left"), Some("right")][usize::try_from(place).unwrap() % 3];
        Pattern { from: year, to: year, steering, ..plain(20_000 - i64::from(place), 0) }
    };
    let catalog = one_shop(Seeded::read(&owner).await, (0..103).map(pattern).collect());
    owner.batch_execute(&catalog.sql()).await.unwrap();
    let car = (catalog.brands[0].slug.clone(), catalog.models[0].slug.clone());
    let all = pb::FindPatternsRequest {
        tenant: "one".into(),
        category: "one".into(),
        brand: car.0,
        model: car.1,
        ..Default::default()
    };
    assert_eq!(catalog.find_patterns(&all, "").unwrap().total_size, 103);
    for year in [None, Some(2050)] {
        let question = Question::Patterns(pb::FindPatternsRequest { year, ..all.clone() }, String::new());
        Service::of(&server).check(&catalog, &question).await.unwrap();
    }
}

/// A text that names several cars as clearly, by the shipped reference.
fn unclear_text(index: &Index) -> (String, Resolution) {
    let models = index.reference().brands.iter().flat_map(|brand| &brand.models);
    let texts = models.flat_map(|model| model.ambiguous.iter().chain([&model.name]));
    let resolved = texts.map(|text| {
        let query = Query { text, max_candidates: 20, ..Query::default() };
        (text.clone(), Resolver::new(index).resolve(&query))
    });
    let is_unclear = |found: &(String, Resolution)| {
        let equals: Vec<_> = found.1.candidates.iter().take_while(|candidate| candidate.is_equal).collect();
        equals.len() > 1 && equals.iter().all(|candidate| candidate.model.is_some())
    };
    resolved.into_iter().find(is_unclear).unwrap()
}

#[tokio::test]
async fn of_cars_that_a_text_names_as_clearly_the_one_with_patterns_comes_first() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let index = Index::shipped();
    let (text, found) = unclear_text(index);
    let mut seeded = Seeded::read(&owner).await;
    let cars = found.candidates.iter().take_while(|candidate| candidate.is_equal);
    for car in cars.clone() {
        let (brand, model) = (index.brand(car.brand).name.clone(), index.model(car.model.unwrap()).name.clone());
        let (names, aliases) = (Names::default(), Vec::new());
        let brand_slug = slug(&brand);
        seeded.brands.push(Brand { is_known: true, slug: brand_slug, name: brand, names, aliases });
        let (brand, names, aliases) = (seeded.brands.len() - 1, Names::default(), Vec::new());
        seeded.models.push(Model { is_known: true, brand, slug: slug(&model), name: model, names, aliases });
    }
    // The first has withdrawn patterns alone, the last has one.
    let (first, last) = (seeded.models.len() - cars.count(), seeded.models.len() - 1);
    let withdrawn = Pattern { available: false, ..plain(20_001, first) };
    let catalog = one_shop(seeded, vec![withdrawn, plain(20_002, last)]);
    owner.batch_execute(&catalog.sql()).await.unwrap();
    let request = |tenant: &str, category: &str, max_candidates| pb::ResolveVehicleRequest {
        tenant: tenant.into(),
        category: category.into(),
        text: text.clone(),
        max_candidates,
        ..Default::default()
    };
    let preferred = catalog.resolve_vehicle(&request("one", "one", 1)).unwrap().candidates.remove(0);
    assert_eq!((&preferred.model, preferred.pattern_count), (&catalog.models[last].slug, 1), "{text}");
    for (tenant, category) in [("", ""), ("one", ""), ("one", "one")] {
        for most in [0, 1, 20] {
            let question = Question::Vehicle(request(tenant, category, most));
            Service::of(&server).check(&catalog, &question).await.unwrap();
        }
    }
}
