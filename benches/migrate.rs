//! What a migration costs those who read meanwhile: an index on a million patterns, built concurrently; and a new column,
//! for which the migration waits until somebody's long transaction ends.
//!
//! `cargo bench --bench migrate` starts a private PostgreSQL in a temporary folder, fills one shop with patterns, and prints
//! latencies of FindPatterns' query: when nothing else happens, and during each `migrate up`. `PATTERNS`, `CLIENTS`, `ROUNDS`
//! and `PAUSE_MS`, which a reader makes after each read, change the size. Each connection has to learn of the new index three
//! or four times, a millisecond or two each: with few reads in the time that the build takes, these alone are the p99.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use lekalo::db::migrations;
use lekalo_migrate::tls;
use lekalo_migrate::{DownTo, UpTo};
use lekalo_postgres::{EmbeddedOptions, EmbeddedServer};
use tokio::sync::Barrier;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, NoTls};

const NO_TLS: &tls::Tls = &tls::OFF;

const INDEX: &str = "-- no-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS patterns_by_change ON patterns (tenant_id, updated_at, notes);";

/// Reads of each connection that do not count.
const WARM_UP: usize = 50;
/// How long somebody's transaction is in the way.
const HELD: Duration = Duration::from_secs(5);

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let patterns = setting("PATTERNS", 1_000_000);
    let clients = setting("CLIENTS", 4);
    let pause = Duration::from_millis(setting("PAUSE_MS", 1) as u64);
    let rounds = setting("ROUNDS", 5);
    let home = tempfile::Builder::new()
        .prefix("lekalo-migrate-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()?;
    let options = EmbeddedOptions { data_dir: Some(home.path().join("data")), ..EmbeddedOptions::default() };
    let server = EmbeddedServer::start(&options).await?;
    let config = server.config();
    let shipped = migrations::shipped();
    let next = shipped.latest() + 1;
    shipped.up(&config, NO_TLS, UpTo::Head).await?;
    let ids = fill(&config, patterns).await?;

    println!("{patterns} patterns, {clients} readers");
    println!("{:<12} {:>8} {:>9} {:>9} {:>9}", "", "reads", "p50 ms", "p99 ms", "max ms");
    let back = "DROP INDEX patterns_by_change";
    let migrations = shipped.clone().and(&format!("V{next}__index"), INDEX, back)?;
    let alter = "ALTER TABLE patterns ADD COLUMN bench text";
    let waits = shipped.and(&format!("V{next}__column"), alter, "ALTER TABLE patterns DROP COLUMN bench")?;
    let (mut idle, mut during, mut waiting, mut took) = (Vec::new(), Vec::new(), Vec::new(), Duration::ZERO);
    for _ in 0..rounds {
        let readers = Readers::start(&config, ids, clients, pause).await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        idle.extend(readers.stop().await?);

        let readers = Readers::start(&config, ids, clients, pause).await?;
        let began = Instant::now();
        migrations.up(&config, NO_TLS, UpTo::Head).await?;
        took += began.elapsed();
        during.extend(readers.stop().await?);
        migrations.down(&config, NO_TLS, DownTo::Steps(1)).await?;

        let readers = Readers::start(&config, ids, clients, pause).await?;
        let holder = connect(&config).await?;
        holder.batch_execute("BEGIN; SELECT FROM patterns LIMIT 1").await?;
        let release = async {
            tokio::time::sleep(HELD).await;
            holder.batch_execute("COMMIT").await.map_err(anyhow::Error::from)
        };
        let up = async { waits.up(&config, NO_TLS, UpTo::Head).await.map_err(anyhow::Error::from) };
        tokio::try_join!(up, release)?;
        waiting.extend(readers.stop().await?);
        waits.down(&config, NO_TLS, DownTo::Steps(1)).await?;
    }
    let (idle, during, waiting) = (describe("idle", idle)?, describe("index", during)?, describe("waiting", waiting)?);
    let seconds = took.as_secs_f64() / rounds as f64;
    println!("the index took {seconds:.1} s; p99 rose {:.2} times", during / idle);
    println!("waiting {} s for its lock; p99 rose {:.2} times", HELD.as_secs(), waiting / idle);
    server.stop().await?;
    Ok(())
}

async fn connect(config: &Config) -> anyhow::Result<Client> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// One shop with so many patterns over a thousand models; its id, the category's and the last model's.
async fn fill(config: &Config, patterns: usize) -> anyhow::Result<(i64, i64, i64)> {
    let client = connect(config).await?;
    client
        .batch_execute(&format!(
            "INSERT INTO tenants (slug, display_name) VALUES ('bench', 'bench');
             INSERT INTO brands (slug, name) VALUES ('bench', 'bench');
             INSERT INTO product_categories (code, names) VALUES ('bench', '{{\"ru\": \"bench\"}}');
             INSERT INTO tenant_categories (tenant_id, category_id) SELECT t.id, c.id FROM tenants t, product_categories c;
             INSERT INTO models (brand_id, slug, name) SELECT b.id, 'm' || n, 'M' || n FROM brands b, generate_series(1, 1000) n;
             INSERT INTO model_variants (model_id) SELECT id FROM models;
             INSERT INTO patterns (tenant_id, category_id, model_id, variant_id, notes)
             SELECT tc.tenant_id, tc.category_id, v.model_id, v.id, n::text
             FROM tenant_categories tc, model_variants v, generate_series(1, {patterns} / 1000) n;"
        ))
        .await?;
    client.batch_execute("VACUUM ANALYZE").await?;
    client.batch_execute("CHECKPOINT").await?;
    let ids =
        "SELECT (SELECT max(id) FROM tenants), (SELECT max(id) FROM product_categories), (SELECT max(id) FROM models)";
    let row = client.query_one(ids, &[]).await?;
    Ok((row.get(0), row.get(1), row.get(2)))
}

/// Clients who read without a pause.
struct Readers {
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<Result<Vec<Duration>, tokio_postgres::Error>>>,
}

impl Readers {
    async fn start(
        config: &Config,
        (shop, category, models): (i64, i64, i64),
        clients: usize,
        pause: Duration,
    ) -> anyhow::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (mut tasks, warm) = (Vec::new(), Arc::new(Barrier::new(clients + 1)));
        for number in 0..clients as i64 {
            let (client, stop, warm) = (connect(config).await?, stop.clone(), warm.clone());
            tasks.push(tokio::spawn(async move {
                let sql = "SELECT p.id, p.notes FROM patterns p JOIN model_variants v ON v.id = p.variant_id
                           WHERE p.tenant_id = $1 AND p.category_id = $2 AND p.model_id = $3 LIMIT 50";
                client.batch_execute("SET ROLE lekalo_app").await?;
                let (mut latencies, mut model) = (Vec::new(), number * 17);
                for count in 0.. {
                    // A new connection's first reads are slow whatever else happens.
                    if count == WARM_UP {
                        warm.wait().await;
                    } else if count > WARM_UP && stop.load(Ordering::Relaxed) {
                        break;
                    }
                    model = (model * 31 + 7) % 1000;
                    let began = Instant::now();
                    let begin = format!("BEGIN READ ONLY; SET LOCAL app.current_tenant_id = '{shop}'");
                    let model_id = models - model;
                    // Unnamed, as the service sends it.
                    let parameters: [(&(dyn ToSql + Sync), Type); 3] =
                        [(&shop, Type::INT8), (&category, Type::INT8), (&model_id, Type::INT8)];
                    let (begun, rows, committed) = futures::join!(
                        client.batch_execute(&begin),
                        client.query_typed(sql, &parameters),
                        client.batch_execute("COMMIT")
                    );
                    begun?;
                    rows?;
                    committed?;
                    if count >= WARM_UP {
                        latencies.push(began.elapsed());
                    }
                    tokio::time::sleep(pause).await;
                }
                Ok(latencies)
            }));
        }
        warm.wait().await;
        Ok(Self { stop, tasks })
    }

    /// How long each read took.
    async fn stop(self) -> anyhow::Result<Vec<Duration>> {
        self.stop.store(true, Ordering::Relaxed);
        let mut latencies = Vec::new();
        for task in self.tasks {
            latencies.extend(task.await??);
        }
        Ok(latencies)
    }
}

/// Prints what readers saw; p99 in milliseconds.
fn describe(name: &str, mut latencies: Vec<Duration>) -> anyhow::Result<f64> {
    latencies.sort();
    let at = |part: f64| latencies.get((latencies.len() as f64 * part) as usize).map_or(0.0, |l| l.as_secs_f64() * 1e3);
    let max = latencies.last().context("nobody read")?.as_secs_f64() * 1e3;
    println!("{name:<12} {:>8} {:>9.2} {:>9.2} {max:>9.2}", latencies.len(), at(0.5), at(0.99));
    Ok(at(0.99))
}
