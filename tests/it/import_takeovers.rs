//! Imports outlive the servers that took them: whoever comes next carries them out, a few times at most, and nobody twice.

use std::time::{Duration, Instant};

use lekalo::db::imports::Start;
use lekalo::db::{Db, Tenant};
use lekalo::domain::import::{Failure, Import, NewImport, State};
use lekalo::proto::lekalo::v1 as pb;
use nix::sys::signal::Signal;
use sha2::{Digest as _, Sha256};
use tokio::time::sleep;
use tokio_postgres::{Client, Config};
use uuid::Uuid;

use crate::support::service::{Service, channel};
use crate::support::uploads::{clean_row, ended, file, get, header, hold, list, new_import, reaches, upload_to, wait};
use crate::support::{self, TestServer, connect, folder};

const PATIENCE: Duration = Duration::from_secs(60);

/// A process's way to the database.
fn process(config: &Config) -> Db {
    Db::new(&support::db_options(config)).unwrap()
}

async fn own(db: &Db) -> Tenant<'_> {
    db.tenant(db.find_tenant("evopoliki").await.unwrap().id)
}

/// An import of this file, kept in pieces.
async fn kept(own: Tenant<'_>, file: &[u8], pieces: usize) -> Import {
    let category_id = own.find_category("eva_mats").await.unwrap().id;
    let new = NewImport { sha256: Sha256::digest(file).to_vec(), ..new_import(category_id) };
    let pieces = file.chunks(file.len().div_ceil(pieces)).map(|piece| Ok(piece.to_vec()));
    let (import, is_new) = own.create_import_of_file(&new, pieces.collect::<Vec<_>>().into_iter()).await.unwrap();
    assert!(is_new);
    import
}

/// Its process has died, a lease ago.
async fn expire(owner: &Client, import: Uuid) {
    let sql = "UPDATE imports SET lease_until = clock_timestamp() - interval '1 ms' WHERE id = $1";
    assert_eq!(owner.execute(sql, &[&import]).await.unwrap(), 1);
}

async fn pieces(owner: &Client) -> i64 {
    owner.query_one("SELECT count(*) FROM import_files", &[]).await.unwrap().get(0)
}

/// The models that have patterns, in the order of imports.
async fn models(owner: &Client) -> String {
    let sql =
        "SELECT coalesce(string_agg(m.slug, ' ' ORDER BY p.id), '') FROM patterns p JOIN models m ON m.id = p.model_id";
    owner.query_one(sql, &[]).await.unwrap().get(0)
}

async fn is_running(owner: &Client, import: &pb::Import) {
    let began = Instant::now();
    let sql = "SELECT count(*) = 1 FROM imports WHERE state = 'running' AND id::text = $1";
    while !owner.query_one(sql, &[&import.id]).await.unwrap().get::<_, bool>(0) {
        assert!(began.elapsed() < PATIENCE, "it does not run");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_servers_imports_are_carried_out_by_another_in_their_order() {
    let config = support::database().await;
    let (owner, holder) = (connect(&config).await, connect(&config).await);
    let folder = folder();
    let settings = [("LEKALO_IMPORT_LEASE_SECONDS", "2")];
    let mut first = Service::with(folder.path(), &config, &settings);
    let mut second = Service::with(folder.path(), &config, &settings);
    let (addr, other) = tokio::join!(first.addr(), second.addr());
    hold(&holder, "pg_advisory_lock").await;
    let mut imports = Vec::new();
    // Larger than a piece, so that pieces are put together.
    let mut large = file("Тойота,Камри");
    large.resize(3 << 19, b'\n');
    for file in [large, file("Киа,Рио"), file("Киа,Сид")] {
        imports.push(upload_to(channel(addr).await, &file, header()).await.unwrap());
    }
    is_running(&owner, &imports[0]).await;
    assert_eq!(pieces(&owner).await, 4);
    first.signal(Signal::SIGKILL);
    first.ended(PATIENCE).await;
    hold(&holder, "pg_advisory_unlock").await;
    for import in &imports {
        let import = ended(other, &import.id).await;
        assert_eq!(import.state(), pb::ImportState::Succeeded, "{:?}", import.error);
        assert_eq!(import.counts.unwrap().created, 1);
    }
    assert_eq!(models(&owner).await, "camry rio ceed");
    assert_eq!(pieces(&owner).await, 0, "what has ended keeps no file");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_begins_no_import_and_gives_those_it_has_back() {
    let config = support::database().await;
    let (owner, holder) = (connect(&config).await, connect(&config).await);
    let folder = folder();
    // Not found by their leases: those go on for long.
    let settings = [("LEKALO_IMPORT_LEASE_SECONDS", "600"), ("LEKALO_DRAIN_SECONDS", "1")];
    let mut first = Service::with(folder.path(), &config, &settings);
    let addr = first.addr().await;
    hold(&holder, "pg_advisory_lock").await;
    let mut imports = Vec::new();
    for file in [file("Тойота,Камри"), file("Киа,Рио")] {
        imports.push(upload_to(channel(addr).await, &file, header()).await.unwrap());
    }
    is_running(&owner, &imports[0]).await;
    first.signal(Signal::SIGTERM);
    let (status, said) = first.ended(Duration::from_secs(10)).await;
    assert!(status.success(), "{status}:\n{said}");
    hold(&holder, "pg_advisory_unlock").await;
    let given_back = "SELECT count(*) FROM imports WHERE state = 'queued' AND lease_until < now() AND tries_left = 3";
    assert_eq!(owner.query_one(given_back, &[]).await.unwrap().get::<_, i64>(0), 2, "a stop is no failed try");
    assert_eq!(models(&owner).await, "");
    let mut second = Service::with(folder.path(), &config, &settings);
    let other = second.addr().await;
    for import in &imports {
        assert_eq!(ended(other, &import.id).await.state(), pb::ImportState::Succeeded);
    }
    assert_eq!((models(&owner).await.as_str(), pieces(&owner).await), ("camry rio", 0));
}

/// A file that ends whoever reads it does not end one server after the other for ever.
#[tokio::test]
async fn an_import_is_begun_three_times_at_most() {
    let config = support::database().await;
    let owner = connect(&config).await;
    let first = process(&config);
    let import = kept(own(&first).await, &file("Тойота,Камри"), 2).await;
    for time in 1..=3 {
        let next = process(&config);
        let own = own(&next).await;
        // While it waits, servers may come and go as they please.
        for _ in 0..2 {
            expire(&owner, import.id).await;
            let (taken, _) = own.take_over_import(import.id).await.unwrap().expect("it cannot be had");
            assert_eq!(taken.state, State::Queued);
        }
        assert_eq!(own.start_import(import.id).await.unwrap(), Start::Started, "{time}");
        assert!(own.take_over_import(import.id).await.unwrap().is_none(), "it lives");
        expire(&owner, import.id).await;
        let seen = own.get_import(import.id).await.unwrap();
        assert_eq!(seen.state, if time < 3 { State::Running } else { State::Failed }, "{time}");
        let ended = next.end_interrupted_imports().await.unwrap();
        assert_eq!(ended.len(), usize::from(time == 3), "{time}");
    }
    let last = process(&config);
    assert!(own(&last).await.take_over_import(import.id).await.unwrap().is_none());
    let seen = own(&last).await.get_import(import.id).await.unwrap();
    assert_eq!((seen.state, seen.error.unwrap().code.as_str()), (State::Failed, "INTERRUPTED"));
    assert_eq!(pieces(&owner).await, 0);
}

/// A process that was away for longer than the lease, and comes back, has no say any more.
#[tokio::test]
async fn who_has_lost_an_import_to_another_server_cannot_touch_it() {
    let config = support::database().await;
    let owner = connect(&config).await;
    let (slow, other) = (process(&config), process(&config));
    let (slow, other) = (own(&slow).await, own(&other).await);
    let import = kept(slow, &file("Тойота,Камри"), 1).await;
    assert_eq!(slow.start_import(import.id).await.unwrap(), Start::Started);
    let category_id = slow.find_category("eva_mats").await.unwrap().id;
    let merging = slow.begin_merge(&import, category_id).await.unwrap();
    merging.stage(1, &[clean_row()]).await.unwrap();
    expire(&owner, import.id).await;
    other.take_over_import(import.id).await.unwrap().unwrap();
    assert_eq!(other.start_import(import.id).await.unwrap(), Start::Started);
    let before = other.get_import(import.id).await.unwrap();

    assert!(!slow.renew_import(import.id, Default::default()).await.unwrap());
    slow.fail_import(import.id, &Failure::new("OTHER", "", "")).await.unwrap();
    slow.hand_over_import(import.id).await.unwrap();
    let refused = merging.finish(&import).await.unwrap_err();
    assert!(refused.to_string().contains("ended by somebody else"), "{refused}");
    assert_eq!(other.get_import(import.id).await.unwrap(), before);
    assert_eq!((models(&owner).await.as_str(), pieces(&owner).await), ("", 1));

    let merging = other.begin_merge(&import, category_id).await.unwrap();
    merging.stage(1, &[clean_row()]).await.unwrap();
    merging.finish(&import).await.unwrap();
    assert_eq!(other.get_import(import.id).await.unwrap().state, State::Succeeded);
    assert_eq!((models(&owner).await.as_str(), pieces(&owner).await), ("camry", 0));
}

#[tokio::test]
async fn what_waits_for_another_server_keeps_its_turn_and_can_be_cancelled() {
    let config = support::database().await;
    let owner = connect(&config).await;
    let (died, lives) = (process(&config), process(&config));
    let (died, lives) = (own(&died).await, own(&lives).await);
    let left = kept(died, &list(&["Тойота,Камри,2018"]), 1).await;
    expire(&owner, left.id).await;
    let later = kept(lives, &file("Киа,Рио"), 1).await;
    assert_eq!(lives.start_import(later.id).await.unwrap(), Start::WaitsFor(left.id), "lists go in in their order");
    assert_eq!(lives.get_import(left.id).await.unwrap().state, State::Queued);
    assert_eq!(lives.cancel_import(left.id).await.unwrap().state, State::Cancelled);
    assert_eq!(pieces(&owner).await, 1, "the other one's");
    assert_eq!(lives.start_import(later.id).await.unwrap(), Start::Started);
    lives.fail_import(later.id, &Failure::new("OTHER", "", "")).await.unwrap();
    assert_eq!(pieces(&owner).await, 0);
}

/// A file that is not as it was uploaded is not imported.
#[tokio::test]
async fn a_file_of_which_a_piece_is_gone_fails_its_import() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let died = process(&server.config);
    let file = list(&["Тойота,Камри,2018", "Киа,Рио,2019"]);
    let (whole, cut) = (kept(own(&died).await, &file, 3).await, kept(own(&died).await, &file, 3).await);
    let sql = "DELETE FROM import_files WHERE import_id = $1 AND number = 3";
    owner.execute(sql, &[&cut.id]).await.unwrap();
    expire(&owner, cut.id).await;
    expire(&owner, whole.id).await;
    let on_the_wire =
        |import: &Import| pb::Import { tenant: "evopoliki".into(), id: import.id.to_string(), ..Default::default() };
    let failed = reaches(&server, &on_the_wire(&cut), pb::ImportState::Failed).await;
    assert_eq!(failed.error.unwrap().code, "INTERNAL");
    let ended = wait(&server, &on_the_wire(&whole)).await;
    assert_eq!((ended.state(), ended.counts.unwrap().created), (pb::ImportState::Succeeded, 2));
    assert_eq!(get(&server, &on_the_wire(&whole)).await.file_name, "rows");
    assert_eq!(pieces(&owner).await, 0);
}
