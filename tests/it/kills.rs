//! `kill -9` at any moment of an import: nothing of it or all of it, and once it has been run again the same patterns as
//! if nothing had happened. A few kills of the command in every run; `LEKALO_TEST_LONG=1 cargo test --release` has a
//! hundred of it and a hundred of the server.

use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lekalo::domain::import::{CleanRow, Confidence};
use lekalo::domain::tenant::Language;
use lekalo::domain::vehicle::{Attributes, Steering, Years};
use lekalo::import::clean_csv;
use lekalo::proto::lekalo::v1 as pb;
use lekalo_vehicles::Index;
use nix::sys::signal::Signal;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config};

use crate::support::service::{Service, channel};
use crate::support::uploads::{self, ended, header};
use crate::support::{self, LEKALO, folder, is_long, skipped_unless_long};

/// What a loaded machine may need for one import.
const PATIENCE: Duration = Duration::from_secs(60);

/// A clean.csv and a price list that mean the same: each model in three years, some rows twice, some unknown.
fn lists(models: usize) -> (Vec<u8>, Vec<u8>) {
    let brands = &Index::shipped().reference().brands;
    let cars = brands.iter().flat_map(|brand| brand.models.iter().map(move |model| (&brand.name, &model.name)));
    let cars: Vec<_> = cars.take(models).collect();
    let mut rows: Vec<CleanRow> = Vec::new();
    for (at, (brand, model)) in (0..).zip(cars.iter().chain(cars.iter().step_by(7)).cycle().take(3 * models)) {
        let year = Some(2010 + at / i16::try_from(models).unwrap());
        rows.push(CleanRow {
            page_number: 1,
            row_number: i32::try_from(rows.len()).unwrap() + 1,
            brand: (*brand).clone(),
            model: if at % 50 == 0 { "Нет такой".into() } else { (*model).clone() },
            years: Years { from: year, to: year },
            attributes: Attributes { steering: (at % 3 == 0).then_some(Steering::Right), ..Attributes::default() },
            confidence: Confidence::High,
            ..CleanRow::default()
        });
    }
    let (mut clean, mut list) = (Vec::new(), "Марка,Модель,Год,Описание\n".as_bytes().to_vec());
    clean_csv::write_clean(&rows, &[], Language::Ru, &mut clean).unwrap();
    for row in &rows {
        let steering = if row.attributes.steering.is_some() { "правый руль" } else { "" };
        let year = row.years.from.unwrap_or_default();
        list.extend(format!("\"{}\",\"{}\",{year},{steering}\n", row.brand, row.model).into_bytes());
    }
    (clean, list)
}

/// All that the tenant's patterns mean, without the numbers that the database gives and the times.
async fn state(owner: &Client) -> String {
    let lines = "SELECT coalesce(string_agg(line, E'\\n' ORDER BY line COLLATE \"C\"), '')
                 FROM (SELECT concat_ws('|', p.tenant_id, p.category_id, b.name, m.name, v.generation, v.year_from,
                                        v.year_to, v.body_type, p.steering, p.borders, p.seat_rows, p.trunk, p.notes,
                                        p.available) AS line
                       FROM patterns p
                       JOIN models m ON m.id = p.model_id
                       JOIN brands b ON b.id = m.brand_id
                       JOIN model_variants v ON v.id = p.variant_id) lines";
    owner.query_one(lines, &[]).await.unwrap().get(0)
}

/// Forgets what was imported.
async fn forget(owner: &Client) {
    owner
        .batch_execute("TRUNCATE imports, import_rows, import_issues, import_changes, patterns CASCADE")
        .await
        .unwrap();
}

/// The imports' states after one was killed: none of them goes on once its lease has run out.
async fn after_a_kill(owner: &Client) -> Vec<String> {
    owner
        .batch_execute("UPDATE imports SET lease_until = now() - interval '1 s' WHERE lease_until IS NOT NULL")
        .await
        .unwrap();
    let states = owner.query("SELECT state FROM imports ORDER BY id", &[]).await.unwrap();
    states.iter().map(|row| row.get(0)).collect()
}

/// Moments spread over an import of this length, the same in each run.
fn moments(count: u32, length: Duration) -> impl Iterator<Item = Duration> {
    (0..count).map(move |at| length.mul_f64((f64::from(at * 37 % count) + 0.5) / f64::from(count) * 1.1))
}

/// Looks at the number of patterns, as a bot would, until told to stop: none or all are there, never some.
async fn watch(reader: Client, all: i64, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let seen: i64 = reader.query_one("SELECT count(*) FROM patterns", &[]).await.unwrap().get(0);
        assert!(seen == 0 || seen == all, "{seen} of {all} patterns");
        sleep(Duration::from_millis(5)).await;
    }
}

fn load(config: &Config, file: &Path) -> Child {
    let Host::Unix(socket_dir) = &config.get_hosts()[0] else { panic!("{config:?}") };
    Command::new(LEKALO)
        .args(["load", "--tenant", "evopoliki", "--category", "eva_mats"])
        .arg(file)
        .env("DB_HOST", socket_dir)
        .env("DB_NAME", config.get_dbname().unwrap())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn a_killed_load_leaves_nothing_half_done() {
    let config = support::database().await;
    let owner = support::connect(&config).await;
    let folder = folder();
    let file = folder.path().join("list.clean.csv");
    std::fs::write(&file, lists(600).0).unwrap();

    let began = Instant::now();
    assert!(load(&config, &file).wait().await.unwrap().success());
    let length = began.elapsed();
    let undisturbed = state(&owner).await;
    let all: i64 = owner.query_one("SELECT count(*) FROM patterns", &[]).await.unwrap().get(0);
    assert!(all > 1000, "{all}");
    forget(&owner).await;

    let stop = AtomicBool::new(false);
    let kills = async {
        let (mut before, mut after) = (0, 0);
        for moment in moments(if is_long() { 100 } else { 8 }, length) {
            let mut process = load(&config, &file);
            sleep(moment).await;
            process.kill().await.unwrap();
            after_a_kill(&owner).await;
            let left = state(&owner).await;
            assert!(left.is_empty() || left == undisturbed, "killed after {moment:?}");
            *(if left.is_empty() { &mut before } else { &mut after }) += 1;
            assert!(timeout(PATIENCE, load(&config, &file).wait()).await.unwrap().unwrap().success());
            assert_eq!(state(&owner).await, undisturbed, "killed after {moment:?}");
            forget(&owner).await;
        }
        println!("killed before the end {before} times, after it {after}");
        assert!(before > 0);
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(kills, watch(support::connect(&config).await, all, &stop));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_leaves_nothing_half_done() {
    if skipped_unless_long("a hundred kills of the server") {
        return;
    }
    let config = support::database().await;
    let owner = support::connect(&config).await;
    let folder = folder();
    let list = lists(2000).1;

    let mut service = Service::configured(folder.path(), &config);
    let addr = service.addr().await;
    let began = Instant::now();
    let import = uploads::upload_to(channel(addr).await, &list, header()).await.unwrap();
    assert_eq!(ended(addr, &import.id).await.state(), pb::ImportState::Succeeded);
    let length = began.elapsed();
    let undisturbed = state(&owner).await;
    let (mut addr, mut cut_off, mut taken_over, mut done) = (addr, 0, 0, 0);
    for moment in moments(100, length) {
        forget(&owner).await;
        let uploading = {
            let (channel, list) = (channel(addr).await, list.clone());
            tokio::spawn(async move { uploads::upload_to(channel, &list, header()).await })
        };
        sleep(moment).await;
        service.signal(Signal::SIGKILL);
        service.ended(PATIENCE).await;
        let _ = uploading.await.unwrap();

        let states = after_a_kill(&owner).await;
        let left = state(&owner).await;
        assert!(left.is_empty() || left == undisturbed, "killed after {moment:?}");
        service = Service::configured(folder.path(), &config);
        addr = service.addr().await;
        if let Some(first) = states.first() {
            let id: String = owner.query_one("SELECT id::text FROM imports", &[]).await.unwrap().get(0);
            let import = ended(addr, &id).await;
            assert_eq!(import.state(), pb::ImportState::Succeeded, "{first}: {:?}", import.error);
            *(if left.is_empty() { &mut taken_over } else { &mut done }) += 1;
        } else {
            cut_off += 1;
        }
        let import = uploads::upload_to(channel(addr).await, &list, header()).await.unwrap();
        assert_eq!(ended(addr, &import.id).await.state(), pb::ImportState::Succeeded);
        assert_eq!(state(&owner).await, undisturbed, "killed after {moment:?}");
    }
    println!("cut off while uploading {cut_off}, taken over {taken_over}, ended before {done}");
}
