//! Catalogs in memory: as new as what was written, whole, each its own tenant's, and within their bounds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use lekalo::catalog::{Catalogs, Limits};
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::admin_service_client::AdminServiceClient;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use lekalo::proto::lekalo::v1::pricing_service_client::PricingServiceClient;
use lekalo::proto::lekalo::v1::tenant_service_client::TenantServiceClient;
use lekalo::proto::lekalo::v1::text_service_client::TextServiceClient;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::time::sleep;
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use crate::support::catalog::RAISE_SHARED;
use crate::support::pricing::{EVA, ask, fields, quote, set, soms, suv};
use crate::support::random::Random;
use crate::support::{TestServer, connect, database, db_options, is_long};

/// What a loaded machine may need for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that keeps so much, and its catalogs.
async fn keeping(config: tokio_postgres::Config, bytes: u64) -> (TestServer, Arc<Catalogs>) {
    let mut kept = None;
    let limits = Limits { bytes, ..Limits::default() };
    let server = TestServer::with(db_options(&config), config, |services| {
        let catalogs = Catalogs::new(services.db.clone(), services.live_index.clone(), limits);
        kept = Some(catalogs.clone());
        lekalo::grpc::Services { catalogs, ..services }
    })
    .await;
    (server, kept.unwrap())
}

/// What one of the catalogs' metrics says.
fn metric(catalogs: &Arc<Catalogs>, name: &str) -> u64 {
    let (mut registry, mut page) = (Registry::default(), String::new());
    catalogs.register_metrics(&mut registry);
    encode(&mut page, &registry).unwrap();
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {name} in {page}")).parse::<f64>().unwrap() as u64
}

fn version(metadata: &MetadataMap) -> i64 {
    metadata.get("lekalo-catalog-version").unwrap().to_str().unwrap().parse().unwrap()
}

/// Has a tenant's bot say something under each of these keys, in one write; the version that makes.
async fn say(channel: &Channel, tenant: &str, keys: &[&str], value: &str) -> i64 {
    let text =
        |key: &&str| pb::Text { key: (*key).into(), value: value.into(), language: "ru".into(), ..Default::default() };
    let texts = keys.iter().map(text).collect();
    let request = pb::UpsertTextsRequest { tenant: tenant.into(), texts, ..Default::default() };
    version(TextServiceClient::new(channel.clone()).upsert_texts(request).await.unwrap().metadata())
}

/// What it says under these keys, and of which version that is.
async fn said(channel: &Channel, tenant: &str, keys: &[&str]) -> (Vec<String>, i64) {
    said_at(channel, tenant, keys, None).await.unwrap()
}

/// The same of that version or a later one.
async fn said_at(
    channel: &Channel,
    tenant: &str,
    keys: &[&str],
    least: Option<&str>,
) -> Result<(Vec<String>, i64), Status> {
    let keys = keys.iter().map(|key| (*key).into()).collect();
    let mut request = Request::new(pb::BatchGetTextsRequest { tenant: tenant.into(), keys, ..Default::default() });
    if let Some(least) = least {
        request.metadata_mut().insert("lekalo-min-catalog-version", least.parse().unwrap());
    }
    let answer = TextServiceClient::new(channel.clone()).batch_get_texts(request).await?;
    let version = version(answer.metadata());
    Ok((answer.into_inner().texts.into_iter().map(|text| text.value).collect(), version))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_read_at_once_where_it_was_written_and_soon_elsewhere() {
    let here = TestServer::start().await;
    let there = TestServer::over(here.config.clone()).await;
    let mut slowest = Duration::ZERO;
    let (mut last_here, mut last_there) = (0, 0);
    for step in 0..12 {
        let value = format!("{step}");
        for tenant in ["evopoliki", "five_deluxe"] {
            said(&there.channel, tenant, &["menu"]).await;
            say(&here.channel, tenant, &["menu"], &value).await;
        }
        let (now, version) = said(&here.channel, "evopoliki", &["menu"]).await;
        assert_eq!(now, [value.as_str()], "{step}: read where it was written");
        assert!(version > last_here, "{version} after {last_here}");
        last_here = version;
        let written = Instant::now();
        loop {
            let (now, version) = said(&there.channel, "evopoliki", &["menu"]).await;
            assert!(version >= last_there, "{version} after {last_there}: it goes back");
            last_there = version;
            if now == [value.as_str()] {
                assert_eq!(version, last_here, "what is the same is of the same version");
                break;
            }
            assert!(written.elapsed() < PATIENCE, "{step}: {now:?} is still said elsewhere");
            sleep(Duration::from_millis(5)).await;
        }
        while said(&there.channel, "five_deluxe", &["menu"]).await.0 != [value.as_str()] {
            assert!(written.elapsed() < PATIENCE, "{step}: of another shop it is not said");
            sleep(Duration::from_millis(5)).await;
        }
        slowest = slowest.max(written.elapsed());
    }
    println!("seen on the other server {} ms later at most", slowest.as_millis());

    // Prices, tenants and spellings are no other.
    let (mut prices, mut quotes) =
        (PricingServiceClient::new(here.channel.clone()), PricingServiceClient::new(there.channel.clone()));
    let list =
        || pb::ListPricesRequest { tenant: "evopoliki".into(), category: "eva_mats".into(), ..Default::default() };
    quotes.list_prices(list()).await.unwrap();
    set(&mut prices, vec![suv(7777)]).await.unwrap();
    let has = |answer: pb::ListPricesResponse| answer.prices.iter().any(|price| price.amount == soms(7777));
    assert!(has(prices.list_prices(list()).await.unwrap().into_inner()), "set here");
    let (began, mut seen) = (Instant::now(), false);
    while !seen {
        seen = has(quotes.list_prices(list()).await.unwrap().into_inner());
        assert!(began.elapsed() < PATIENCE, "no price elsewhere");
    }
    let tenant = pb::Tenant { slug: "evopoliki".into(), display_name: "Коврики".into(), ..Default::default() };
    let mask = prost_types::FieldMask { paths: vec!["display_name".into()] };
    let update = pb::UpdateTenantRequest { tenant: Some(tenant), update_mask: Some(mask), ..Default::default() };
    TenantServiceClient::new(here.channel.clone()).update_tenant(update).await.unwrap();
    let get = || pb::GetTenantRequest { tenant: "evopoliki".into() };
    let named = async |channel: &Channel| {
        let answer = TenantServiceClient::new(channel.clone()).get_tenant(get()).await.unwrap();
        answer.into_inner().tenant.unwrap().display_name
    };
    assert_eq!(named(&here.channel).await, "Коврики");
    let began = Instant::now();
    while named(&there.channel).await != "Коврики" {
        assert!(began.elapsed() < PATIENCE, "no name elsewhere");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_which_version_they_know_is_answered_of_no_older_one_by_any_server() {
    let here = TestServer::start().await;
    let there = TestServer::over(here.config.clone()).await;
    for step in 0..12 {
        said(&there.channel, "evopoliki", &["menu"]).await;
        let made = say(&here.channel, "evopoliki", &["menu"], &step.to_string()).await;
        let (now, version) = said_at(&there.channel, "evopoliki", &["menu"], Some(&made.to_string())).await.unwrap();
        assert_eq!((now, version), (vec![step.to_string()], made));
    }
    let (_, newest) = said(&here.channel, "evopoliki", &["menu"]).await;
    for wrong in [&*(newest + 1).to_string(), "0", "-1", "x", "1.5", "+1", "01", "9223372036854775808"] {
        let refused = said_at(&there.channel, "evopoliki", &["menu"], Some(wrong)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{wrong}: {refused:?}");
        assert_eq!(fields(&refused)[0].0, "lekalo-min-catalog-version");
    }
    said_at(&there.channel, "evopoliki", &["menu"], Some("1")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_together_is_read_together() {
    let here = TestServer::start().await;
    let there = TestServer::over(here.config.clone()).await;
    const KEYS: [&str; 3] = ["first", "second", "third"];
    say(&here.channel, "evopoliki", &KEYS, "0").await;
    let until = Instant::now() + Duration::from_secs(if is_long() { 60 } else { 2 });
    let writer = tokio::spawn({
        let channel = here.channel.clone();
        async move {
            let mut step = 0_u32;
            while Instant::now() < until {
                step += 1;
                say(&channel, "evopoliki", &KEYS, &step.to_string()).await;
            }
            step
        }
    });
    let readers: Vec<_> = [&here, &there]
        .map(|server| {
            let channel = server.channel.clone();
            tokio::spawn(async move {
                let (mut last, mut seen) = (0_u32, BTreeMap::new());
                while Instant::now() < until {
                    let (values, version) = said(&channel, "evopoliki", &KEYS).await;
                    assert!(values.iter().all(|value| *value == values[0]), "{values:?}: two versions in one answer");
                    let now = values[0].parse().unwrap();
                    assert!(now >= last, "{now} after {last}");
                    assert_eq!(*seen.entry(version).or_insert(now), now, "two catalogs are called {version}");
                    last = now;
                }
                seen
            })
        })
        .into();
    let mut all = BTreeMap::new();
    for reader in readers {
        let seen = reader.await.unwrap();
        assert!(seen.len() > 1, "nothing moved");
        for (version, value) in seen {
            assert_eq!(*all.entry(version).or_insert(value), value, "two catalogs are called {version}");
        }
    }
    println!("{} writes", writer.await.unwrap());
}

/// So many tenants, each with its name as a text and in its patterns, of which the last has the most.
const SHOPS: usize = 20;

const FILL: &str = "
    INSERT INTO tenants (slug, display_name) SELECT 'shop' || n, 'Shop ' || n FROM generate_series(1, 20) n;
    INSERT INTO tenant_categories (tenant_id, category_id, sort_order, options)
    SELECT t.id, tc.category_id, tc.sort_order, tc.options
    FROM tenants t, tenant_categories tc
    JOIN tenants e ON e.id = tc.tenant_id AND e.slug = 'evopoliki'
    WHERE t.slug LIKE 'shop%';
    INSERT INTO bot_texts (tenant_id, key, language, value)
    SELECT id, 'name', 'ru', slug FROM tenants WHERE slug LIKE 'shop%'
    UNION ALL SELECT id, 'count', 'ru', '0' FROM tenants WHERE slug LIKE 'shop%';
    INSERT INTO patterns (tenant_id, category_id, model_id, variant_id, notes)
    SELECT t.id, c.id, v.model_id, v.id, t.slug
    FROM tenants t
    JOIN product_categories c ON c.code = 'eva_mats'
    CROSS JOIN LATERAL (
        SELECT id, model_id FROM model_variants ORDER BY id LIMIT 40 * substr(t.slug, 5)::int
    ) v
    WHERE t.slug LIKE 'shop%'";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn many_tenants_under_a_small_bound_are_never_mixed_up_nor_answered_with_less_than_they_wrote() {
    let config = database().await;
    connect(&config).await.batch_execute(FILL).await.unwrap();
    // Room for a few of them.
    let bytes = 512 << 10;
    let (server, catalogs) = keeping(config, bytes).await;
    let steps = if is_long() { 60_000 } else { 150 };
    let tasks: Vec<_> = (0..4_usize)
        .map(|task| {
            let channel = server.channel.clone();
            tokio::spawn(async move {
                let mut random = Random(7 + task as u64);
                // Each task writes to tenants of its own and reads all of them.
                let mut written = [0_u32; SHOPS];
                for _ in 0..steps {
                    let shop = 1 + random.below(SHOPS);
                    let slug = format!("shop{shop}");
                    let own = shop % 4 == task;
                    match random.below(8) {
                        0 if own => {
                            let count = &mut written[shop - 1];
                            *count += 1;
                            say(&channel, &slug, &["count"], &count.to_string()).await;
                        }
                        // Given up half-way.
                        1 => {
                            let reading = said(&channel, &slug, &["name"]);
                            let _ = tokio::time::timeout(Duration::from_micros(300), reading).await;
                        }
                        2 | 3 => {
                            let (texts, _) = said(&channel, &slug, &["name", "count"]).await;
                            assert_eq!(texts[0], slug);
                            if own {
                                assert_eq!(texts[1], written[shop - 1].to_string(), "{slug}");
                            }
                        }
                        4 | 5 => {
                            let request = pb::ListBrandsRequest {
                                tenant: slug.clone(),
                                category: "eva_mats".into(),
                                page_size: 500,
                                ..Default::default()
                            };
                            let answer = CatalogServiceClient::new(channel.clone()).list_brands(request).await.unwrap();
                            assert!(answer.into_inner().total_size > 0, "{slug}");
                        }
                        _ => {
                            let request = pb::FindPatternsRequest {
                                tenant: slug.clone(),
                                category: "eva_mats".into(),
                                brand: "audi".into(),
                                model: "100".into(),
                                ..Default::default()
                            };
                            let answer = CatalogServiceClient::new(channel.clone()).find_patterns(request).await;
                            let found = answer.unwrap().into_inner().patterns;
                            assert!(found.iter().all(|pattern| pattern.notes == slug), "{slug}: {found:?}");
                        }
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let (kept, taken) = (metric(&catalogs, "lekalo_catalogs"), metric(&catalogs, "lekalo_catalogs_bytes"));
    println!("{kept} catalogs of {SHOPS} are kept, {taken} bytes of {bytes}");
    assert!(kept > 0 && kept < SHOPS as u64 && taken <= bytes, "{kept} {taken}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_is_loaded_once_however_many_wait_for_it() {
    let config = database().await;
    connect(&config).await.batch_execute(FILL).await.unwrap();
    let (server, catalogs) = keeping(config, 64 << 20).await;
    let reads = (0..60).map(|_| {
        let mut client = CatalogServiceClient::new(server.channel.clone());
        let request =
            pb::ListBrandsRequest { tenant: "shop20".into(), category: "eva_mats".into(), ..Default::default() };
        async move { client.list_brands(request).await.unwrap().into_inner().total_size }
    });
    let totals = futures::future::join_all(reads).await;
    assert!(totals.iter().all(|total| *total == totals[0] && *total > 0), "{totals:?}");
    // What is small once, then the patterns.
    let loads = metric(&catalogs, "lekalo_catalog_load_duration_seconds_count");
    assert!(loads <= 2, "{loads} loads");
    let [hits, misses] = ["lekalo_catalog_hits_total", "lekalo_catalog_misses_total"];
    let before = (metric(&catalogs, hits), metric(&catalogs, misses));
    assert!(before.1 >= loads, "{before:?}");
    said(&server.channel, "shop20", &["name"]).await;
    assert_eq!((metric(&catalogs, hits), metric(&catalogs, misses)), (before.0 + 1, before.1), "the next one is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_kept_each_read_is_of_the_database() {
    let (server, catalogs) = keeping(database().await, 0).await;
    let owner = connect(&server.config).await;
    for value in ["a", "b"] {
        let sql = format!(
            "INSERT INTO bot_texts (tenant_id, key, language, value)
             SELECT id, 'menu', 'ru', '{value}' FROM tenants WHERE slug = 'evopoliki'
             ON CONFLICT (tenant_id, key, language) DO UPDATE SET value = excluded.value"
        );
        owner.batch_execute(&sql).await.unwrap();
        assert_eq!(said(&server.channel, "evopoliki", &["menu"]).await.0, [value]);
    }
    assert_eq!(metric(&catalogs, "lekalo_catalogs"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_all_shops_share_is_read_anew_for_each_of_them() {
    let here = TestServer::start().await;
    let owner = connect(&here.config).await;
    owner.batch_execute(FILL).await.unwrap();
    let there = TestServer::over(here.config.clone()).await;
    let makes = async |server: &TestServer, tenant: &str, name_prefix: &str| {
        let request = pb::ListBrandsRequest {
            tenant: tenant.into(),
            category: "eva_mats".into(),
            name_prefix: name_prefix.into(),
            ..Default::default()
        };
        let answer = CatalogServiceClient::new(server.channel.clone()).list_brands(request).await.unwrap();
        answer.into_inner().brands.into_iter().map(|brand| brand.slug).collect::<Vec<_>>()
    };
    let make = makes(&here, "shop9", "").await.remove(0);
    let until_known = async |tenant: &str, alias: &str| {
        let began = Instant::now();
        while makes(&there, tenant, alias).await != [make.as_str()] {
            assert!(began.elapsed() < PATIENCE, "{tenant} does not know {alias}");
            sleep(Duration::from_millis(5)).await;
        }
    };
    assert_eq!(makes(&there, "shop9", "щщжк").await, [""; 0], "nobody has taught it");
    // Nobody has asked for this shop yet; what all share is loaded with it, and stands for the other one, too. By hand it takes
    // no time: the other one is not looked at in between.
    let by_hand = format!(
        "INSERT INTO vehicle_aliases (brand_id, alias, source) SELECT id, 'щщжкабр', 'shop' FROM brands WHERE slug = '{make}';
         {RAISE_SHARED}"
    );
    owner.batch_execute(&by_hand).await.unwrap();
    assert_eq!(makes(&there, "shop10", "щщжк").await, [make.as_str()]);
    until_known("shop9", "щщжк").await;
    let taught = pb::CreateAliasRequest { brand: make.clone(), alias: "фырчавка".into(), ..Default::default() };
    AdminServiceClient::new(here.channel.clone()).create_alias(taught).await.unwrap();
    for tenant in ["shop9", "shop10"] {
        until_known(tenant, "фырч").await;
    }

    // The seed puts right what is not as shipped.
    let shared = async |server: &TestServer, tenant: &str| said(&server.channel, tenant, &["back"]).await.0;
    let shipped = shared(&here, "shop9").await;
    let other = format!("UPDATE shared_texts SET value = 'канарейка' WHERE key = 'back'; {RAISE_SHARED}");
    owner.batch_execute(&other).await.unwrap();
    let both = [(&here, "shop9"), (&there, "shop9"), (&there, "shop10")];
    let until_said = async |expected: &[String]| {
        let began = Instant::now();
        for (server, tenant) in both {
            while shared(server, tenant).await != expected {
                assert!(began.elapsed() < PATIENCE, "{tenant} does not say {expected:?}");
                sleep(Duration::from_millis(5)).await;
            }
        }
    };
    until_said(&["канарейка".to_owned()]).await;
    here.db.apply_seed(&lekalo::seed::shipped().unwrap(), false).await.unwrap();
    assert_eq!(shared(&here, "shop9").await, shipped, "at once where it was written");
    until_said(&shipped).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_begin_by_the_clock_of_the_database() {
    let before = TestServer::start().await;
    let tonight = SystemTime::now() + Duration::from_secs(12 * 3600);
    let coming = pb::Price { valid_from: Some(tonight.into()), ..suv(7777) };
    set(&mut PricingServiceClient::new(before.channel.clone()), vec![coming]).await.unwrap();
    // From now on its clock is a day ahead of this machine's.
    let ahead = "CREATE OR REPLACE FUNCTION pg_catalog.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
                 AS $$ SELECT pg_catalog.statement_timestamp() + interval '1 day' $$";
    connect(&before.config).await.batch_execute(ahead).await.unwrap();
    let server = TestServer::over(before.config.clone()).await;
    let mut prices = PricingServiceClient::new(server.channel.clone());
    let request =
        pb::ListPricesRequest { tenant: "evopoliki".into(), category: "eva_mats".into(), ..Default::default() };
    let listed = prices.list_prices(request).await.unwrap().into_inner().prices;
    assert!(listed.iter().any(|price| price.amount == soms(7777)), "{listed:?}");
    let quoted = quote(&mut prices, ask(EVA, "suv", "")).await;
    assert_eq!(quoted.total, soms(7777));
}
