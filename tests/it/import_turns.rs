//! Imports on their way: in turn, cancelled from elsewhere, patient with a busy database, and files that kill their reader.

use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::{self, FutureExt as _};
use futures::stream::{self, StreamExt as _};
use lekalo::db::{Db, Options};
use lekalo::domain::import::{CleanRow, Progress, State, Step};
use lekalo::import::rows::{Batch, in_memory};
use lekalo::import::run::carry_out;
use lekalo::import::sandbox::{Extractor, SandboxLimits};
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::import_service_client::ImportServiceClient;
use tokio::time::sleep;
use tokio_postgres::Client;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::support::decisions::{apply, cancel, patterns, revert};
use crate::support::documents::whole;
use crate::support::neighbours::{Neighbours, own_patterns};
use crate::support::uploads::{clean_row, file, get, header, hold, new_import, reaches, upload, upload_and_wait, wait};
use crate::support::{self, LEKALO, TestServer, connect};

const PATIENCE: Duration = Duration::from_secs(30);

async fn waiting_merges(client: &Client) -> i64 {
    let sql =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%wait_for_turn%'
               AND state = 'active' AND pid <> pg_backend_pid()";
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn one_import_runs_at_a_time_and_the_next_says_whom_it_waits_for() {
    let server = TestServer::start().await;
    let second = TestServer::over(server.config.clone()).await;
    let owner = connect(&server.config).await;
    let neighbours = Neighbours::fill(&owner).await;
    let done = upload_and_wait(&server, &file("Киа,Рио"), header()).await;
    let preview =
        upload_and_wait(&server, &file("Киа,Сид"), pb::ImportHeader { validate_only: true, ..header() }).await;
    hold(&owner, "pg_advisory_lock").await;
    let first = upload(&server, &file("Тойота,Камри"), header()).await.unwrap();
    let first = reaches(&server, &first, pb::ImportState::Running).await;
    assert_eq!(first.waits_for, "");
    let next = upload(&second, &file("Тойота,Камри"), header()).await.unwrap();
    let last = upload(&server, &file("Тойота,Камри"), header()).await.unwrap();
    sleep(Duration::from_millis(1500)).await;
    for queued in [&next, &last] {
        let queued = get(&server, queued).await;
        assert_eq!((queued.state(), &queued.waits_for), (pb::ImportState::Queued, &first.id));
    }
    // Another category does not wait.
    let elsewhere = pb::ImportHeader { category: "trunk_mats".into(), ..header() };
    assert_eq!(upload_and_wait(&second, &file("Тойота,Камри"), elsewhere).await.state(), pb::ImportState::Succeeded);
    // Who wants to decide something meanwhile is told who runs.
    for refused in [apply(&server, &preview, "").await, revert(&second, &done, "").await] {
        let status = refused.unwrap_err();
        let info = status.get_error_details().error_info().unwrap().clone();
        assert_eq!((status.code(), info.reason.as_str()), (Code::FailedPrecondition, "IMPORT_RUNNING"));
        assert_eq!(info.metadata["import"], first.id);
    }
    hold(&owner, "pg_advisory_unlock").await;
    let [first, next, last] = [wait(&server, &first).await, wait(&server, &next).await, wait(&server, &last).await];
    let created = [&first, &next, &last].map(|import| import.counts.unwrap().created);
    assert_eq!(created, [1, 0, 0], "in the order of uploads");
    let ended = [&first, &next, &last].map(|import| import.finished_at.map(|at| (at.seconds, at.nanos)));
    assert!(ended.is_sorted(), "{ended:?}");
    neighbours.are_untouched().await;
}

#[tokio::test]
async fn an_import_is_cancelled_from_any_server_with_nothing_written() {
    let server = TestServer::start().await;
    let second = TestServer::over(server.config.clone()).await;
    let owner = connect(&server.config).await;
    let neighbours = Neighbours::fill(&owner).await;
    let before = patterns(&owner).await;
    hold(&owner, "pg_advisory_lock").await;
    let running = upload(&server, &file("Тойота,Камри"), header()).await.unwrap();
    let queued = upload(&server, &file("Тойота,Королла"), header()).await.unwrap();
    reaches(&server, &running, pb::ImportState::Running).await;
    let began = Instant::now();
    while waiting_merges(&owner).await == 0 {
        assert!(began.elapsed() < PATIENCE, "it does not come to merging");
        sleep(Duration::from_millis(20)).await;
    }
    for import in [&queued, &running] {
        let cancelled = cancel(&second, import).await.unwrap();
        assert_eq!((cancelled.state(), &cancelled.error), (pb::ImportState::Cancelled, &None));
        assert_eq!(wait(&server, import).await.state(), pb::ImportState::Cancelled, "a watch ends with it");
    }
    let began = Instant::now();
    while waiting_merges(&owner).await > 0 {
        assert!(began.elapsed() < Duration::from_secs(8), "its server goes on with it");
        sleep(Duration::from_millis(20)).await;
    }
    println!("stopped {:?} after it was cancelled", began.elapsed());
    hold(&owner, "pg_advisory_unlock").await;
    let after = upload_and_wait(&server, &file("Киа,Рио"), pb::ImportHeader { validate_only: true, ..header() }).await;
    assert_eq!(after.state(), pb::ImportState::Validated, "the next one runs");
    assert_eq!(patterns(&owner).await, before);
    for import in [&queued, &running] {
        assert_eq!(get(&second, import).await.state(), pb::ImportState::Cancelled);
    }
    neighbours.are_untouched().await;
}

/// Cancelling while it is being written: either all of it or nothing, and the state says which.
#[tokio::test]
async fn a_cancel_at_any_moment_leaves_all_or_nothing() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let neighbours = Neighbours::fill(&owner).await;
    let (mut cancelled, mut done) = (0, 0);
    for delay in [0u64, 20, 60, 120, 180, 240, 300, 400, 600, 1500] {
        let import = upload(&server, support::SAMPLE_PDF, header()).await.unwrap();
        sleep(Duration::from_millis(delay)).await;
        let tried = cancel(&server, &import).await;
        let ended = wait(&server, &import).await;
        let count = own_patterns(&owner).await;
        match tried {
            Ok(_) => {
                assert_eq!((ended.state(), count), (pb::ImportState::Cancelled, 0));
                cancelled += 1;
            }
            Err(_) => {
                assert_eq!((ended.state(), count), (pb::ImportState::Succeeded, 228));
                revert(&server, &ended, "").await.unwrap();
                done += 1;
            }
        }
    }
    println!("{cancelled} cancelled, {done} done");
    assert!(cancelled > 0);
    neighbours.are_untouched().await;
}

#[tokio::test]
async fn a_busy_moment_does_not_end_an_import() {
    let config = support::database().await;
    let wait = Duration::from_millis(200);
    let db = Db::new(&Options { pool_size: 1, max_overflow: 0, pool_timeout: wait, ..support::db_options(&config) })
        .unwrap();
    let tenant = db.find_tenant("evopoliki").await.unwrap();
    let own = db.tenant(tenant.id);
    let category = own.find_category("eva_mats").await.unwrap();
    // At its start, then again between its start and its end: longer than a call waits for a connection.
    let (import, _) = own.create_import(&new_import(category.id)).await.unwrap();
    let taken = db.transaction().await.unwrap();
    let busy = async move {
        sleep(3 * wait).await;
        drop(taken);
    };
    let is_first = AtomicBool::new(true);
    let (rows, db) = (&[clean_row()], &db);
    let rows = || {
        let is_first = is_first.swap(false, Ordering::Relaxed);
        async move {
            if is_first {
                let taken = db.transaction().await.unwrap();
                tokio::spawn(async move {
                    sleep(3 * wait).await;
                    drop(taken);
                });
            }
            in_memory(rows).await
        }
        .boxed()
    };
    let (ended, ()) = tokio::join!(carry_out(db, tenant.id, &import, category.id, rows, &|_| {}), busy);
    let ended = ended.unwrap();
    assert_eq!((ended.state, ended.error, ended.counts.created), (State::Succeeded, None, 1));
}

#[tokio::test]
async fn a_reader_that_dies_is_told_from_one_that_met_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.csv");
    std::fs::write(&list, file("Тойота,Камри")).unwrap();
    for (script, code) in [
        ("exit 3", "FILE_UNREADABLE"),
        ("kill -SEGV $$", "FILE_UNREADABLE"),
        ("yes x | head -c 100000 >&2; echo '{\"header\":[]}'", "FILE_UNREADABLE"),
        ("kill -KILL $$", "LIMIT_EXCEEDED"),
        ("kill -XCPU $$", "LIMIT_EXCEEDED"),
        ("echo memory allocation of 12 bytes failed >&2; kill -ABRT $$", "LIMIT_EXCEEDED"),
        ("sleep 30", "LIMIT_EXCEEDED"),
    ] {
        let program = folder.path().join("reader");
        std::fs::write(&program, format!("#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        let limits = SandboxLimits { seconds: 1, ..SandboxLimits::default() };
        let error = whole(&Extractor { program, limits }, &list).await.unwrap_err();
        assert_eq!(error.code, code, "{script}: {error:?}");
        assert!(!error.hint.is_empty());
    }
    // The program itself: a file that is read into memory meets the limit of it.
    let long = folder.path().join("long.csv");
    std::fs::write(&long, format!("Марка,Модель\n{}", "Тойота,Камри\n".repeat(6_000_000))).unwrap();
    let limits = SandboxLimits { memory_bytes: 128 << 20, ..SandboxLimits::default() };
    let error = whole(&Extractor { program: LEKALO.into(), limits }, &long).await.unwrap_err();
    assert_eq!(error.code, "LIMIT_EXCEEDED", "{error:?}");
}

#[tokio::test]
async fn a_watch_tells_how_far_an_import_has_come() {
    let server = TestServer::start().await;
    let tenant = server.db.find_tenant("evopoliki").await.unwrap();
    let own = server.db.tenant(tenant.id);
    let category = own.find_category("eva_mats").await.unwrap();
    let (import, _) = own.create_import(&new_import(category.id)).await.unwrap();
    // Three rows of ten, and then no more.
    let rows = || {
        let batch = Batch { rows: vec![CleanRow::default(); 3], total: 10 };
        let rows = stream::iter([Ok(batch)]).chain(stream::pending()).boxed();
        future::ready(Ok(rows)).boxed()
    };
    let heard = Mutex::new(Vec::new());
    let hear = |progress| heard.lock().unwrap().push(progress);
    let watched = async {
        let mut client = ImportServiceClient::new(server.channel.clone());
        let request = pb::WatchImportRequest { tenant: "evopoliki".into(), id: import.id.to_string() };
        let mut updates = client.watch_import(request).await.unwrap().into_inner();
        loop {
            let update = updates.message().await.unwrap().unwrap().import.unwrap();
            let Some(progress) = update.progress else { continue };
            assert_eq!(update.state(), pb::ImportState::Running);
            if progress.rows_done > 0 {
                own.cancel_import(import.id).await.unwrap();
                return progress;
            }
        }
    };
    let carried = carry_out(&server.db, tenant.id, &import, category.id, rows, &hear);
    let (ended, seen) =
        tokio::time::timeout(Duration::from_secs(30), async { tokio::join!(carried, watched) }).await.unwrap();
    let ended = ended.unwrap();
    assert_eq!((ended.state, ended.progress), (State::Cancelled, None));
    assert_eq!((seen.step(), seen.rows_done, seen.rows_total), (pb::ImportStep::Reading, 3, 10));
    assert_eq!(heard.into_inner().unwrap(), [Progress { step: Step::Reading, rows: 3, total: 10 }]);
}
