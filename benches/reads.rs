//! The reads a bot makes most, over the wire, with 100 tenants of 2,000 patterns each.
//!
//! `cargo bench --bench reads` starts a private PostgreSQL in a temporary folder, fills it, has the program serve on loopback
//! and prints, for the first read of each tenant, for each read and for two of them in turn: answers a second, latencies, and the
//! processor time that the server and PostgreSQL took for each; then what memory the server took. `TENANTS`, `PATTERNS`, `CALLS`
//! (in flight), `CONNECTIONS` and `SECONDS` change the size. `WRITES=1` has each tenant write something once a second meanwhile.
//! `BIG=1000000` adds a tenant with so many patterns, half of them of one model. `IMPORTS=2` has so many shops import a price list
//! of `IMPORT_MIB` over and over meanwhile; `MEMORY_MIB` holds the server, as a container would, to so much memory (on Linux, by
//! root).

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use lekalo::db::{Db, Options, migrations};
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use lekalo::proto::lekalo::v1::import_service_client::ImportServiceClient;
use lekalo::proto::lekalo::v1::pricing_service_client::PricingServiceClient;
use lekalo::proto::lekalo::v1::text_service_client::TextServiceClient;
use lekalo::proto::lekalo::v1::upload_import_request::Payload;
use lekalo_migrate::tls;
use lekalo_postgres::{EmbeddedOptions, EmbeddedServer};
use memory_group::MemoryGroup;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tonic::Status;
use tonic::transport::Channel;

#[path = "../tests/it/support/memory_group.rs"]
mod memory_group;

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let tenants = setting("TENANTS", 100);
    let patterns = setting("PATTERNS", 2_000);
    let load = Load { tenants, calls: setting("CALLS", 32), connections: setting("CONNECTIONS", 4) };
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

    let group = match setting("MEMORY_MIB", 0) {
        0 => None,
        mib => Some(MemoryGroup::new(mib as u64).context("no group with a limit can be made (as root it can)")?),
    };
    let (mut program, addr) = serve(&config, home.path(), group.as_ref()).await?;
    let url = format!("http://{addr}");
    // What starting took has been given back by then.
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!("the server when idle: {}", memory(&program)?);

    let processes =
        Processes { server: program.id().context("the server has ended")?, postgres: postmaster(home.path())? };
    println!(
        "{tenants} tenants × {patterns} patterns, {} calls in flight on {} connections, {seconds} s each",
        load.calls, load.connections
    );
    println!(
        "{:<26} {:>10} {:>8} {:>8} {:>8} {:>8} {:>11} {:>9}",
        "call", "answers/s", "p50 ms", "p99 ms", "p99.9", "max ms", "server µs", "PG µs"
    );
    let imports = setting("IMPORTS", 0);
    let mib = setting("IMPORT_MIB", 4);
    let importing: Vec<_> = (1..=imports).map(|shop| tokio::spawn(import(url.clone(), shop, mib))).collect();
    let first = Asked { name: "ListModels", until: Until::Each };
    measure("the first of each tenant", &[first], &url, &load, &processes).await?;
    let until = Until::Elapsed(Duration::from_secs(seconds as u64));
    let writing = (setting("WRITES", 0) > 0).then(|| tokio::spawn(write(url.clone(), tenants)));
    for name in
        ["ListCategories", "ListBrands", "ListModels", "FindPatterns", "QuotePrice", "BatchGetTexts", "ResolveVehicle"]
    {
        measure(name, &[Asked { name, until }], &url, &load, &processes).await?;
    }
    let mix = ["ListModels", "FindPatterns"].map(|name| Asked { name, until });
    measure("ListModels, FindPatterns", &mix, &url, &load, &processes).await?;
    if let Some(writing) = writing {
        writing.abort();
    }
    println!("the server now: {}", memory(&program)?);
    let big = setting("BIG", 0);
    if big > 0 {
        fill_big(&config, big).await?;
        let load = Load { tenants: 1, calls: 1, connections: 1 };
        let of_big = |until| Asked { name: "big", until };
        measure(&format!("the first, of {big} patterns"), &[of_big(Until::Each)], &url, &load, &processes).await?;
        measure("the next ones", &[of_big(until)], &url, &load, &processes).await?;
        println!("the server now: {}", memory(&program)?);
    }
    if let Some(group) = &group {
        println!("all of its processes at once, with copies of files: {} MiB at most", group.most() >> 20);
    }
    for importing in importing {
        if importing.is_finished() {
            importing.await??;
        } else {
            importing.abort();
        }
    }
    program.kill().await?;
    server.stop().await?;
    Ok(())
}

/// The program on this database, once it listens; `SERVER` names another one.
async fn serve(
    config: &tokio_postgres::Config,
    folder: &Path,
    group: Option<&MemoryGroup>,
) -> anyhow::Result<(Child, SocketAddr)> {
    let Some(tokio_postgres::config::Host::Unix(socket_dir)) = config.get_hosts().first() else {
        anyhow::bail!("the private server has no socket");
    };
    let program = std::env::var("SERVER").unwrap_or_else(|_| env!("CARGO_BIN_EXE_lekalo").to_owned());
    let enter = group.map_or_else(|| "true".to_owned(), MemoryGroup::enter);
    let mut child = Command::new("sh")
        .args(["-c", &format!("{enter} && exec \"$0\" \"$@\""), &program])
        .args(["serve", "--insecure-no-auth", "--no-migrate", "--addr", "127.0.0.1:0", "--admin-addr", "off"])
        .env("DB_HOST", socket_dir)
        .env("DB_NAME", config.get_dbname().unwrap_or("postgres"))
        .env("TMPDIR", folder)
        .env("LEKALO_LOG", "warn")
        .current_dir(folder)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(child.stderr.take().context("no stderr")?).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some((_, addr)) = line.split_once("listening on ") {
            let addr = addr.parse()?;
            tokio::spawn(async move {
                while let Ok(Some(line)) = lines.next_line().await {
                    eprintln!("{line}");
                }
            });
            return Ok((child, addr));
        }
        eprintln!("{line}");
    }
    anyhow::bail!("the server ended before it listened")
}

/// What a process has in memory, now and at most, where the system says so.
fn memory(program: &Child) -> anyhow::Result<String> {
    let id = program.id().context("the server has ended")?;
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() >> 10
    };
    Ok(format!(
        "{} MiB in memory ({} of its own), {} at most, {} threads",
        of("VmRSS:"),
        of("RssAnon:"),
        of("VmHWM:"),
        status.lines().find_map(|line| line.strip_prefix("Threads:")).unwrap_or_default().trim()
    ))
}

/// One shop's price list of so many MiB, imported over and over.
async fn import(url: String, shop: usize, mib: usize) -> anyhow::Result<()> {
    let mut client = ImportServiceClient::connect(url).await?;
    let tenant = format!("shop{shop}");
    loop {
        let header = pb::ImportHeader {
            tenant: tenant.clone(),
            category: "eva_mats".into(),
            file_name: "price.csv".into(),
            ..Default::default()
        };
        let rows = "Toyota,Camry,2018\nKia,Rio,2019\nLada,Granta,2020\n".repeat(20_000);
        let chunk = |text: &str| Payload::Chunk(text.as_bytes().to_vec());
        let chunks: Vec<Payload> =
            std::iter::once(chunk("Марка,Модель,Год\n")).chain((0..mib).map(|_| chunk(&rows))).collect();
        let messages = std::iter::once(Payload::Header(header)).chain(chunks);
        let messages: Vec<_> = messages.map(|payload| pb::UploadImportRequest { payload: Some(payload) }).collect();
        let uploaded = client.upload_import(futures::stream::iter(messages)).await?.into_inner().import;
        let id = uploaded.unwrap_or_default().id;
        let request = pb::WatchImportRequest { tenant: tenant.clone(), id };
        let mut watched = client.watch_import(request).await?.into_inner();
        let mut last = None;
        while let Some(response) = watched.message().await? {
            last = response.import;
        }
        let import = last.unwrap_or_default();
        let (rows, failure) = (import.counts.unwrap_or_default().rows_read, import.error.clone().unwrap_or_default());
        println!("{tenant}: {} of {rows} rows {} {}", import.state().as_str_name(), failure.message, failure.hint);
    }
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

/// Who asks, and how much at once.
struct Load {
    tenants: usize,
    calls: usize,
    connections: usize,
}

/// What is asked, for how long.
#[derive(Clone, Copy)]
struct Asked {
    name: &'static str,
    until: Until,
}

#[derive(Clone, Copy)]
enum Until {
    /// Every tenant was asked once.
    Each,
    Elapsed(Duration),
}

/// Whose processor time is counted.
struct Processes {
    server: u32,
    postgres: u32,
}

impl Processes {
    /// What both have taken, PostgreSQL with all of its processes, ended ones too.
    fn taken(&self) -> (Duration, Duration) {
        let mut postgres = processor_time(self.postgres, true);
        let children = format!("/proc/{0}/task/{0}/children", self.postgres);
        for child in std::fs::read_to_string(children).unwrap_or_default().split_whitespace() {
            postgres += child.parse().map_or(Duration::ZERO, |id| processor_time(id, false));
        }
        (processor_time(self.server, false), postgres)
    }
}

fn processor_time(id: u32, with_ended_children: bool) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // Behind the name, which may have spaces: from the third field on.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
    let ended = if with_ended_children { ticks(13) + ticks(14) } else { 0 };
    // A hundredth of a second each, on every Linux of today.
    Duration::from_millis((ticks(11) + ticks(12) + ended) * 10)
}

fn postmaster(home: &Path) -> anyhow::Result<u32> {
    let file = std::fs::read_to_string(home.join("data/pgdata/postmaster.pid"))?;
    Ok(file.lines().next().unwrap_or_default().parse()?)
}

/// Asks these in turn, and prints what that came to.
async fn measure(title: &str, asked: &[Asked], url: &str, load: &Load, processes: &Processes) -> anyhow::Result<()> {
    let (next, began) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let (server_before, postgres_before) = processes.taken();
    let mut channels = Vec::new();
    for _ in 0..load.connections {
        channels.push(Channel::from_shared(url.to_owned())?.connect().await?);
    }
    let mut tasks = Vec::new();
    for place in 0..load.calls {
        let (channel, next, asked) = (channels[place % channels.len()].clone(), next.clone(), asked.to_vec());
        let tenants = load.tenants;
        tasks.push(tokio::spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Asked { name, until } = asked[number % asked.len()];
                let is_over = match until {
                    Until::Each => number >= tenants,
                    Until::Elapsed(time) => began.elapsed() >= time,
                };
                if is_over {
                    return Ok::<_, Status>(latencies);
                }
                let tenant = format!("shop{}", 1 + number / asked.len() % tenants);
                let started = Instant::now();
                call(name, channel.clone(), tenant).await?;
                latencies.push(started.elapsed());
            }
        }));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    let took = began.elapsed().as_secs_f64();
    let (server, postgres) = processes.taken();
    latencies.sort();
    let count = latencies.len().max(1) as f64;
    let at = |part: f64| latencies.get((count * part) as usize).map_or(0.0, |l| l.as_secs_f64() * 1e3);
    println!(
        "{title:<26} {:>10.0} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>11.1} {:>9.1}",
        count / took,
        at(0.5),
        at(0.99),
        at(0.999),
        latencies.last().map_or(0.0, |l| l.as_secs_f64() * 1e3),
        (server - server_before).as_secs_f64() * 1e6 / count,
        (postgres - postgres_before).as_secs_f64() * 1e6 / count,
    );
    Ok(())
}

/// Each tenant's bot says something new once a second.
async fn write(url: String, tenants: usize) -> anyhow::Result<()> {
    let mut client = TextServiceClient::connect(url).await?;
    let mut every = tokio::time::interval(Duration::from_secs(1) / u32::try_from(tenants)?);
    for number in 0_usize.. {
        every.tick().await;
        let text =
            pb::Text { key: "bench".into(), language: "ru".into(), value: number.to_string(), ..Default::default() };
        let tenant = format!("shop{}", 1 + number % tenants);
        client.upsert_texts(pb::UpsertTextsRequest { tenant, texts: vec![text], ..Default::default() }).await?;
    }
    Ok(())
}

/// One tenant with many patterns, half of them of one model.
async fn fill_big(config: &tokio_postgres::Config, patterns: usize) -> anyhow::Result<()> {
    let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
    let driver = tokio::spawn(connection);
    client
        .batch_execute(&format!(
            "INSERT INTO tenants (slug, display_name) VALUES ('big', 'Big');
             INSERT INTO tenant_categories (tenant_id, category_id, sort_order)
             SELECT t.id, c.id, 1 FROM tenants t, product_categories c WHERE t.slug = 'big' AND c.code = 'eva_mats';
             WITH camry AS (
                 SELECT v.id, v.model_id, row_number() OVER () AS place, count(*) OVER () AS many
                 FROM model_variants v
                 JOIN models m ON m.id = v.model_id AND m.slug = 'camry'
             ), others AS (
                 SELECT v.id, v.model_id, row_number() OVER () AS place, count(*) OVER () AS many FROM model_variants v
             )
             INSERT INTO patterns (tenant_id, category_id, model_id, variant_id, steering, notes)
             SELECT t.id, c.id, v.model_id, v.id, (ARRAY['left', 'right', 'both'])[1 + n % 3], 'вариант ' || n
             FROM tenants t, product_categories c, generate_series(1, {patterns}) AS n
             JOIN LATERAL (
                 SELECT id, model_id FROM camry WHERE n % 2 = 0 AND place = 1 + n / 2 % many
                 UNION ALL
                 SELECT id, model_id FROM others WHERE n % 2 = 1 AND place = 1 + n / 2 % many
             ) v ON true
             WHERE t.slug = 'big' AND c.code = 'eva_mats';
             ANALYZE patterns"
        ))
        .await?;
    driver.abort();
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
        "big" => {
            let tenant = "big".to_owned();
            let request = pb::FindPatternsRequest { tenant, category, brand, model, ..Default::default() };
            catalog.find_patterns(request).await?;
        }
        "ResolveVehicle" => {
            let request =
                pb::ResolveVehicleRequest { tenant, category, text: "камри 70".into(), ..Default::default() };
            catalog.resolve_vehicle(request).await?;
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
