//! A price list of a million rows, imported over the wire, beside what PostgreSQL's `\copy` needs for the same patterns.
//!
//! `cargo bench --bench volume` starts the released program with a private PostgreSQL in a temporary folder, uploads a CSV,
//! uploads it again unchanged, then copies the patterns it made into a table with the same constraints. It prints rows per
//! second and how far the server's memory rose above what it had when idle. `ROWS` changes the size.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::import_service_client::ImportServiceClient;
use lekalo_vehicles::Index;
use tonic::transport::Channel;

const LEKALO: &str = env!("CARGO_BIN_EXE_lekalo");
const CHUNK: usize = 256 << 10;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let wanted = std::env::var("ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000);
    let home = tempfile::Builder::new()
        .prefix("lekalo-volume-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()?;
    let data = home.path().join("data");
    let csv = price_list(wanted);
    let rows = csv.iter().filter(|byte| **byte == b'\n').count() - 1;
    println!("{rows} rows, {} MiB of CSV", csv.len() >> 20);

    run(Command::new(LEKALO).args(["seed", "--embedded", "--data-dir"]).arg(&data))?;
    let (server, addr) = serve(&data)?;
    let mut server = Server(server);
    let client = ImportServiceClient::connect(format!("http://{addr}")).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = resident(server.0.id());

    let csv = Arc::new(csv);
    let first = import("import", &client, &csv, server.0.id(), idle).await?;
    let again = import("the same file again", &client, &csv, server.0.id(), idle).await?;
    let copied = copy(&data, home.path())?;
    println!("{:<24} {:>10.0} rows/s {:>8.1} s", "\\copy of its patterns", copied.0 / copied.1, copied.1);
    println!("import at {:.2} of \\copy, again at {:.2}", first * copied.1 / copied.0, again * copied.1 / copied.0);
    server.stop()
}

/// The running server; it ends with the benchmark, however that ends.
struct Server(Child);

impl Server {
    fn stop(&mut self) -> anyhow::Result<()> {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.0.id().cast_signed()), nix::sys::signal::SIGTERM)?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            let _ = self.stop();
        }
    }
}

/// The released program, and where it listens.
fn serve(data: &Path) -> anyhow::Result<(Child, String)> {
    let mut server = Command::new(LEKALO)
        .args(["serve", "--insecure-no-auth", "--embedded", "--addr", "127.0.0.1:0", "--data-dir"])
        .arg(data)
        .stderr(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(server.stderr.take().context("no stderr")?).lines();
    for line in lines.by_ref() {
        if let Some(addr) = line?.strip_prefix("listening on ") {
            let addr = addr.to_owned();
            // Somebody has to read on, or the server waits.
            std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| eprintln!("{line}")));
            return Ok((server, addr));
        }
    }
    anyhow::bail!("the server does not listen")
}

/// Uploads the file and waits for its end: rows per second.
async fn import(
    what: &str,
    client: &ImportServiceClient<Channel>,
    csv: &Arc<Vec<u8>>,
    server: u32,
    idle: u64,
) -> anyhow::Result<f64> {
    let (done, peak) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let watch = {
        let (done, peak) = (done.clone(), peak.clone());
        std::thread::spawn(move || {
            while !done.load(Ordering::Relaxed) {
                peak.fetch_max(resident(server), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
            }
        })
    };
    let started = Instant::now();
    let header = pb::ImportHeader {
        tenant: "evopoliki".into(),
        category: "eva_mats".into(),
        file_name: "volume.csv".into(),
        ..Default::default()
    };
    let csv = csv.clone();
    let chunks = (0..csv.len()).step_by(CHUNK).map(move |from| csv[from..csv.len().min(from + CHUNK)].to_vec());
    let payloads = std::iter::once(pb::upload_import_request::Payload::Header(header))
        .chain(chunks.map(pb::upload_import_request::Payload::Chunk));
    let messages = payloads.map(|payload| pb::UploadImportRequest { payload: Some(payload) });
    let mut client = client.clone();
    let uploaded = client.upload_import(tokio_stream::iter(messages)).await?.into_inner();
    let id = uploaded.import.context("no import")?.id;
    let request = pb::WatchImportRequest { tenant: "evopoliki".into(), id };
    let mut updates = client.watch_import(request).await?.into_inner();
    let mut last = None;
    while let Some(update) = updates.message().await? {
        last = update.import;
    }
    let seconds = started.elapsed().as_secs_f64();
    done.store(true, Ordering::Relaxed);
    watch.join().map_err(|_| anyhow::anyhow!("the watch on memory failed"))?;
    let last = last.context("no end")?;
    anyhow::ensure!(last.state() == pb::ImportState::Succeeded, "{:?}: {:?}", last.state(), last.error);
    let counts = last.counts.unwrap_or_default();
    let per_second = counts.rows_read as f64 / seconds;
    println!(
        "{what:<24} {per_second:>10.0} rows/s {seconds:>8.1} s   {} created, {} unchanged, {} merged, {} rejected; memory +{} MiB",
        counts.created,
        counts.unchanged,
        counts.merged,
        counts.rejected,
        peak.load(Ordering::Relaxed).saturating_sub(idle) >> 10
    );
    Ok(per_second)
}

/// Copies the tenant's patterns into an empty table with the same constraints: how many, and in how many seconds.
fn copy(data: &Path, home: &Path) -> anyhow::Result<(f64, f64)> {
    const COLUMNS: &str =
        "tenant_id, id, category_id, model_id, variant_id, steering, borders, seat_rows, trunk, notes, available";
    let file = home.join("patterns.copy");
    let file = file.to_str().context("a path in UTF-8")?;
    psql(data, &format!("\\copy (SELECT {COLUMNS} FROM patterns) TO '{file}'"))?;
    psql(
        data,
        "CREATE TABLE patterns_copied (LIKE patterns INCLUDING ALL,
             FOREIGN KEY (tenant_id, category_id) REFERENCES tenant_categories (tenant_id, category_id),
             FOREIGN KEY (model_id, variant_id) REFERENCES model_variants (model_id, id),
             FOREIGN KEY (tenant_id) REFERENCES tenants (id))",
    )?;
    let rows = BufReader::new(std::fs::File::open(file)?).lines().count();
    let started = Instant::now();
    psql(data, &format!("\\copy patterns_copied ({COLUMNS}) FROM '{file}'"))?;
    Ok((rows as f64, started.elapsed().as_secs_f64()))
}

fn psql(data: &Path, command: &str) -> anyhow::Result<()> {
    run(Command::new(LEKALO).args(["psql", "--embedded", "--data-dir"]).arg(data).args([
        "--",
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        "-c",
        command,
    ]))
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.stdout(Stdio::null()).output()?;
    anyhow::ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Memory in use by a process, KiB.
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// Every model in each of its years, by steering, borders, rows and trunk, in an order that mixes them.
fn price_list(rows: usize) -> Vec<u8> {
    const STEERING: [&str; 3] = ["левый руль", "правый руль", ""];
    const BORDERS: [&str; 4] = ["с бортами", "без бортов", "высокий борт", ""];
    const SEATS: [&str; 3] = ["3 ряда", "полный салон", ""];
    const TRUNK: [&str; 2] = ["багаж", ""];
    let index = Index::shipped();
    let mut cars = Vec::new();
    for brand in &index.reference().brands {
        for model in &brand.models {
            let from = model.generations.iter().filter_map(|generation| generation.from).min().unwrap_or(2010);
            cars.extend((from.max(1985)..=2025).map(|year| (&brand.name, &model.name, year)));
        }
    }
    let kinds = STEERING.len() * BORDERS.len() * SEATS.len() * TRUNK.len();
    let mut csv = "ID,Марка,Модель,Год,Описание\n".as_bytes().to_vec();
    // A step that shares no factor with the whole visits each once.
    let whole = cars.len() * kinds;
    let mut place = 0;
    for id in 1..=rows.min(whole) {
        place = (place + 7_368_787) % whole;
        let (make, model, year) = cars[place / kinds];
        let kind = place % kinds;
        let words = [STEERING[kind % 3], BORDERS[kind / 3 % 4], SEATS[kind / 12 % 3], TRUNK[kind / 36 % 2]];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        writeln!(csv, "{id},{make},{model},{year},{}", words.join(" ")).unwrap_or_default();
    }
    csv
}
