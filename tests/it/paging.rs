//! Lists stay whole while others write: whoever was there before the first page is seen once, on one page. And no answer is too
//! large ([`largest`]).

mod largest;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::application_service_client::ApplicationServiceClient;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use lekalo::proto::lekalo::v1::text_service_client::TextServiceClient;
use tokio::task::JoinHandle;
use tokio_postgres::Config;

use crate::support::applications::SOME_APPLICATIONS;
use crate::support::{TestServer, connect};

const TENANT: &str = "evopoliki";

/// Every 3rd model of the reference has a pattern.
const SOME_PATTERNS: &str = "INSERT INTO patterns (tenant_id, category_id, model_id, variant_id, steering)
    SELECT t.id, c.id, v.model_id, min(v.id), 'left'
    FROM tenants t, product_categories c, model_variants v
    WHERE t.slug = 'evopoliki' AND c.code = 'eva_mats' AND v.model_id % 3 = 0
    GROUP BY t.id, c.id, v.model_id";

/// A pattern for one model that has none yet.
const ONE_PATTERN: &str = "INSERT INTO patterns (tenant_id, category_id, model_id, variant_id, steering)
    SELECT t.id, c.id, v.model_id, v.id, 'left'
    FROM tenants t, product_categories c, model_variants v
    WHERE t.slug = 'evopoliki' AND c.code = 'eva_mats'
      AND NOT EXISTS (SELECT FROM patterns p WHERE p.tenant_id = t.id AND p.model_id = v.model_id)
    ORDER BY hashtext(v.id::text)
    LIMIT 1";

const ONE_APPLICATION: &str =
    "INSERT INTO applications (tenant_id, id, request_id, request_sha256, customer_id, kind, created_at)
    SELECT tenant_id, gen_random_uuid(), gen_random_uuid(), sha256('x'), id, 'callback', clock_timestamp()
    FROM customers WHERE external_id = 'paging'";

const SOME_TEXTS: &str = "INSERT INTO bot_texts (tenant_id, key, language, value)
    SELECT id, 'paging_' || n, 'ru', 'x' FROM tenants, generate_series(100, 900, 10) AS n WHERE slug = 'evopoliki'";

const ONE_TEXT: &str = "INSERT INTO bot_texts (tenant_id, key, language, value)
    SELECT id, 'paging_' || (random() * 900)::int, 'ru', 'x' FROM tenants WHERE slug = 'evopoliki'
    ON CONFLICT DO NOTHING";

/// Runs a statement again and again, as the owner, until told to stop.
fn write_on(config: &Config, sql: &'static str, done: &Arc<AtomicBool>) -> JoinHandle<u64> {
    let (config, done) = (config.clone(), done.clone());
    tokio::spawn(async move {
        let client = connect(&config).await;
        let mut written = 0;
        while !done.load(Ordering::Relaxed) {
            written += client.execute(sql, &[]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        written
    })
}

/// One page: the items' keys and the next page's token.
type Page = (Vec<String>, String);

/// Walks a list while a writer adds to it: no item comes twice, and none that was there from the start is left out.
async fn stays_whole(server: &TestServer, sql: &'static str, mut page: impl AsyncFnMut(String, i32) -> Page) {
    let before: BTreeSet<String> = page(String::new(), 500).await.0.into_iter().collect();
    assert!(before.len() > 40, "enough to walk through: {}", before.len());
    let done = Arc::new(AtomicBool::new(false));
    let writer = write_on(&server.config, sql, &done);
    for _ in 0..2 {
        let (mut seen, mut token) = (BTreeSet::new(), String::new());
        loop {
            let (items, next) = page(token, 7).await;
            for item in items {
                assert!(seen.insert(item.clone()), "{item} came twice");
            }
            token = next;
            if token.is_empty() {
                break;
            }
        }
        let missing: Vec<_> = before.difference(&seen).collect();
        assert!(missing.is_empty(), "left out: {missing:?}");
    }
    done.store(true, Ordering::Relaxed);
    assert!(writer.await.unwrap() > 0, "nothing was written meanwhile");
}

#[tokio::test]
async fn makes_and_models() {
    let server = TestServer::reading_through().await;
    connect(&server.config).await.batch_execute(SOME_PATTERNS).await.unwrap();
    let client = CatalogServiceClient::new(server.channel.clone());
    let category = "eva_mats".to_owned();
    stays_whole(&server, ONE_PATTERN, async |page_token, page_size| {
        let request = pb::ListBrandsRequest {
            tenant: TENANT.into(),
            category: category.clone(),
            page_token,
            page_size,
            ..Default::default()
        };
        let page = client.clone().list_brands(request).await.unwrap().into_inner();
        (page.brands.into_iter().map(|brand| brand.slug).collect(), page.next_page_token)
    })
    .await;
    stays_whole(&server, ONE_PATTERN, async |page_token, page_size| {
        let request = pb::ListModelsRequest {
            tenant: TENANT.into(),
            category: category.clone(),
            brand: "toyota".into(),
            page_token,
            page_size,
            ..Default::default()
        };
        let page = client.clone().list_models(request).await.unwrap().into_inner();
        (page.models.into_iter().map(|model| model.slug).collect(), page.next_page_token)
    })
    .await;
}

#[tokio::test]
async fn applications() {
    let server = TestServer::reading_through().await;
    connect(&server.config).await.batch_execute(SOME_APPLICATIONS).await.unwrap();
    let client = ApplicationServiceClient::new(server.channel.clone());
    stays_whole(&server, ONE_APPLICATION, async |page_token, page_size| {
        let request =
            pb::ListApplicationsRequest { tenant: TENANT.into(), page_token, page_size, ..Default::default() };
        let page = client.clone().list_applications(request).await.unwrap().into_inner();
        (page.applications.into_iter().map(|application| application.id).collect(), page.next_page_token)
    })
    .await;
}

#[tokio::test]
async fn texts() {
    let server = TestServer::reading_through().await;
    connect(&server.config).await.batch_execute(SOME_TEXTS).await.unwrap();
    let client = TextServiceClient::new(server.channel.clone());
    stays_whole(&server, ONE_TEXT, async |page_token, page_size| {
        let request = pb::ListTextsRequest { tenant: TENANT.into(), page_token, page_size, ..Default::default() };
        let page = client.clone().list_texts(request).await.unwrap().into_inner();
        (page.texts.into_iter().map(|text| text.key).collect(), page.next_page_token)
    })
    .await;
}
