//! The reads a bot makes most, over the wire, with 100 tenants of 2,000 patterns each.
//!
//! `cargo bench --bench reads` starts a private PostgreSQL in a temporary folder, fills it, serves on loopback and prints
//! calls per second and latencies. `TENANTS`, `PATTERNS`, `CLIENTS` and `SECONDS` change the size.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use lekalo::db::{Db, Options, migrations};
use lekalo::grpc::{self, Services};
use lekalo::import::run::Runner;
use lekalo::import::sandbox::{Extractor, SandboxLimits};
use lekalo::live_index::LiveIndex;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use lekalo::proto::lekalo::v1::pricing_service_client::PricingServiceClient;
use lekalo::proto::lekalo::v1::text_service_client::TextServiceClient;
use lekalo_migrate::tls;
use lekalo_postgres::{EmbeddedOptions, EmbeddedServer};
use tokio::net::TcpListener;
use tonic::Status;
use tonic::transport::Channel;

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let tenants = setting("TENANTS", 100);
    let patterns = setting("PATTERNS", 2_000);
    let clients = setting("CLIENTS", 8);
    let seconds = setting("SECONDS", 5);
    let home = tempfile::Builder::new()
        .prefix("lekalo-bench-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()?;
    let options = EmbeddedOptions { data_dir: Some(home.path().join("data")), ..EmbeddedOptions::default() };
    let server = EmbeddedServer::start(&options).await?;
    let config = server.config();
    migrations::up(&config, &tls::OFF).await?;
    let db = Db::new(&Options { tls: tls::OFF.clone(), ..Options::new(config.clone()) })?;
    db.apply_seed(&lekalo::seed::shipped()?, false).await?;
    fill(&config, tenants, patterns).await?;

    let live_index = Arc::new(LiveIndex::new(db.clone()));
    let extractor = Extractor { program: "unused".into(), limits: SandboxLimits::default() };
    let imports = Runner::new(db.clone(), live_index.clone(), extractor);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(grpc::serve(listener, Services::new(db, imports, live_index), std::future::pending()));

    println!("{tenants} tenants × {patterns} patterns, {clients} clients, {seconds} s each");
    println!("{:<16} {:>10} {:>10} {:>10} {:>10}", "call", "calls/s", "p50 ms", "p99 ms", "max ms");
    for name in ["ListCategories", "ListBrands", "ListModels", "FindPatterns", "QuotePrice", "BatchGetTexts"] {
        measure(name, &url, tenants, clients, Duration::from_secs(seconds as u64)).await?;
    }
    server.stop().await?;
    Ok(())
}

/// As the owner, past row-level security: what a hundred shops would have imported.
async fn fill(config: &tokio_postgres::Config, tenants: usize, patterns: usize) -> anyhow::Result<()> {
    let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
    let driver = tokio::spawn(connection);
    client
        .batch_execute(&format!(
            "INSERT INTO tenants (slug, display_name)
             SELECT 'shop' || n, 'Shop ' || n FROM generate_series(1, {tenants}) AS n;
             INSERT INTO tenant_categories (tenant_id, category_id, sort_order, options)
             SELECT t.id, tc.category_id, tc.sort_order, tc.options
             FROM tenants t, tenant_categories tc
             JOIN tenants e ON e.id = tc.tenant_id AND e.slug = 'evopoliki'
             WHERE t.slug LIKE 'shop%';
             INSERT INTO prices (tenant_id, category_id, body_type, option_id, with_value_id, amount, amount_max, currency, validity)
             SELECT t.id, p.category_id, p.body_type, p.option_id, p.with_value_id, p.amount, p.amount_max, p.currency, p.validity
             FROM tenants t, prices p
             JOIN tenants e ON e.id = p.tenant_id AND e.slug = 'evopoliki'
             WHERE t.slug LIKE 'shop%';
             INSERT INTO patterns (tenant_id, category_id, model_id, variant_id, steering)
             SELECT t.id, c.id, v.model_id, v.id, (ARRAY['left', 'right', 'both'])[1 + v.id % 3]
             FROM tenants t
             JOIN product_categories c ON c.code = 'eva_mats'
             CROSS JOIN LATERAL (
                 SELECT id, model_id FROM model_variants
                 WHERE model_id = (SELECT m.id FROM models m JOIN brands b ON b.id = m.brand_id
                                   WHERE b.slug = 'toyota' AND m.slug = 'camry')
                 UNION
                 (SELECT id, model_id FROM model_variants ORDER BY (id * 7919 + t.id) % 10007 LIMIT {patterns})
             ) v
             WHERE t.slug LIKE 'shop%';
             ANALYZE"
        ))
        .await?;
    driver.abort();
    Ok(())
}

async fn measure(name: &'static str, url: &str, tenants: usize, clients: usize, time: Duration) -> anyhow::Result<()> {
    let next = Arc::new(AtomicUsize::new(0));
    let until = Instant::now() + time;
    let mut tasks = Vec::new();
    for _ in 0..clients {
        let channel = Channel::from_shared(url.to_owned())?.connect().await?;
        let next = next.clone();
        tasks.push(tokio::spawn(async move {
            let mut latencies = Vec::new();
            while Instant::now() < until {
                let tenant = format!("shop{}", 1 + next.fetch_add(1, Ordering::Relaxed) % tenants);
                let started = Instant::now();
                call(name, channel.clone(), tenant).await?;
                latencies.push(started.elapsed());
            }
            Ok::<_, Status>(latencies)
        }));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    latencies.sort();
    let at = |part: f64| latencies.get((latencies.len() as f64 * part) as usize).map_or(0.0, |l| l.as_secs_f64() * 1e3);
    println!(
        "{name:<16} {:>10.0} {:>10.2} {:>10.2} {:>10.2}",
        latencies.len() as f64 / time.as_secs_f64(),
        at(0.5),
        at(0.99),
        latencies.last().map_or(0.0, |l| l.as_secs_f64() * 1e3)
    );
    Ok(())
}

async fn call(name: &str, channel: Channel, tenant: String) -> Result<(), Status> {
    let category = "eva_mats".to_owned();
    let (brand, model) = ("toyota".to_owned(), "camry".to_owned());
    let mut catalog = CatalogServiceClient::new(channel.clone());
    match name {
        "ListCategories" => {
            catalog.list_categories(pb::ListCategoriesRequest { tenant, ..Default::default() }).await?;
        }
        "ListBrands" => {
            let request = pb::ListBrandsRequest { tenant, category, page_size: 8, ..Default::default() };
            catalog.list_brands(request).await?;
        }
        "ListModels" => {
            let request = pb::ListModelsRequest { tenant, category, brand, page_size: 8, ..Default::default() };
            catalog.list_models(request).await?;
        }
        "FindPatterns" => {
            let request =
                pb::FindPatternsRequest { tenant, category, brand, model, year: Some(2018), ..Default::default() };
            catalog.find_patterns(request).await?;
        }
        "QuotePrice" => {
            let request = pb::QuotePriceRequest { tenant, category, body_type: "suv".into(), ..Default::default() };
            PricingServiceClient::new(channel).quote_price(request).await?;
        }
        _ => {
            let keys = ["welcome", "main_menu", "ask_brand"].map(str::to_owned).to_vec();
            let request = pb::BatchGetTextsRequest { tenant, keys, ..Default::default() };
            TextServiceClient::new(channel).batch_get_texts(request).await?;
        }
    }
    Ok(())
}
