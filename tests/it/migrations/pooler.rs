//! Behind a real PgBouncer in transaction mode.

use std::time::Duration;

use lekalo::db::Options;
use lekalo::db::migrations;
use lekalo::proto::lekalo::v1 as pb;
use lekalo_migrate::MigrateError;
use nix::sys::signal::Signal;

use super::NO_TLS;
use crate::support::pooler::Pooler;
use crate::support::service::{Service, channel};
use crate::support::{
    LEKALO, SAMPLE_PDF, TestServer, applications, connect, database, db_options, empty_database, folder, is_long,
    uploads,
};

/// What a loaded machine may need.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn migrations_refuse_a_pooler_and_say_what_to_do() {
    let config = empty_database().await;
    let Some(pooler) = Pooler::start(&config, "postgres").await else { return };
    let error = migrations::up(&pooler.config, NO_TLS).await.unwrap_err();
    assert!(matches!(error, MigrateError::Pooler), "{error}");
    assert!(migrations::hint(&error).unwrap().contains("LEKALO_OWNER_DATABASE_URL"));
    // Also while others keep the pooler busy.
    let (began, has_begun) = tokio::sync::oneshot::channel();
    let busy = tokio::spawn({
        let config = pooler.config.clone();
        async move {
            let clients = futures::future::join_all((0..6).map(|_| connect(&config))).await;
            began.send(()).unwrap();
            let all = || clients.iter().map(|client| client.simple_query("SELECT pg_sleep(0.002)"));
            // Ends with the pooler: a loop whose every answer is there at once could not be aborted.
            while futures::future::try_join_all(all()).await.is_ok() {}
        }
    });
    has_begun.await.unwrap();
    for _ in 0..5 {
        let error = migrations::up(&pooler.config, NO_TLS).await.unwrap_err();
        assert!(matches!(error, MigrateError::Pooler), "{error}");
    }
    busy.abort();
    assert_eq!(migrations::current(&pooler.config, NO_TLS).await.unwrap().current, 0);
    // Past it, they go through.
    migrations::up(&config, NO_TLS).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_reads_and_writes_through_a_pooler() {
    let config = database().await;
    let owner = connect(&config).await;
    let bot = format!("{}_bot", config.get_dbname().unwrap());
    let role = format!("DROP ROLE IF EXISTS {bot}; CREATE ROLE {bot} LOGIN IN ROLE lekalo_app");
    owner.batch_execute(&role).await.unwrap();
    let Some(pooler) = Pooler::start(&config, &bot).await else { return };
    let options = Options {
        config: pooler.config.clone(),
        switch_role: false,
        pool_timeout: Duration::from_secs(60),
        ..db_options(&config)
    };
    lekalo::db::check::role(&options).await.unwrap();
    let report = lekalo::db::check::report(&options, &db_options(&config)).await;
    assert!(report.iter().all(|finding| finding.ok), "{report:#?}");
    assert!(report.iter().any(|finding| finding.detail.contains("transaction mode")), "{report:#?}");

    // Two replicas, whose statements meet on the same three connections.
    let servers =
        [TestServer::through(options.clone(), config.clone()).await, TestServer::through(options, config).await];
    let calls = servers.iter().flat_map(|server| {
        (0..20).map(move |number| async move {
            let mut client = applications::Client::new(server.channel.clone());
            let application = pb::Application { message: number.to_string(), ..applications::order() };
            applications::created(&mut client, application).await
        })
    });
    futures::future::join_all(calls).await;
    let count: i64 = owner.query_one("SELECT count(*) FROM applications", &[]).await.unwrap().get(0);
    assert_eq!(count, 40);
    for server in &servers {
        let import = uploads::upload_and_wait(server, SAMPLE_PDF, uploads::header()).await;
        assert_eq!(import.state(), pb::ImportState::Succeeded, "{import:#?}");
    }
}

/// With nothing but the service's own credentials, as a pod has them.
#[tokio::test(flavor = "multi_thread")]
async fn the_service_needs_no_owners_password_behind_a_pooler() {
    let config = database().await;
    let owner = connect(&config).await;
    let bot = format!("{}_bot", config.get_dbname().unwrap());
    let role = format!("DROP ROLE IF EXISTS {bot}; CREATE ROLE {bot} LOGIN IN ROLE lekalo_app");
    owner.batch_execute(&role).await.unwrap();
    let through = async |user: &str| {
        let pooler = Pooler::start(&config, user).await?;
        let port = pooler.config.get_ports()[0].to_string();
        Some((pooler, port))
    };
    let Some((_pooler, port)) = through(&bot).await else { return };
    let name = config.get_dbname().unwrap();
    let own = [("DB_HOST", "127.0.0.1"), ("DB_PORT", &port), ("DB_NAME", name), ("DB_USER", &bot)];
    let as_it_is = [&own[..], &[("LEKALO_SWITCH_ROLE", "never"), ("LEKALO_ADMIN_ADDR", "off")]].concat();

    let seed = tokio::process::Command::new(LEKALO)
        .args(["seed", "--no-migrate", "--json"])
        .env_clear()
        .envs(as_it_is.iter().copied())
        .current_dir("/")
        .output();
    let seed = seed.await.unwrap();
    assert!(seed.status.success(), "{seed:?}");
    let folder = folder();
    let args = ["--no-migrate", "--addr", "127.0.0.1:0"];
    let mut service = Service::run(folder.path(), &args, &as_it_is);
    let channel = channel(service.addr().await).await;
    applications::created(&mut applications::Client::new(channel), applications::order()).await;
    service.signal(Signal::SIGTERM);
    assert!(service.ended(PATIENCE).await.0.success());

    // Who has not said so is told to, and a role that must not serve does not serve, either.
    let (status, said) = Service::run(folder.path(), &args, &own).ended(PATIENCE).await;
    assert!(status.code() == Some(2) && said.contains("LEKALO_SWITCH_ROLE=never"), "{said}");
    let Some((_pooler, port)) = through("postgres").await else { return };
    let superuser = [&as_it_is[..], &[("DB_PORT", &port), ("DB_USER", "postgres")]].concat();
    let (status, said) = Service::run(folder.path(), &args, &superuser).ended(PATIENCE).await;
    assert!(status.code() == Some(2) && said.contains("`postgres` must not serve: it is a superuser"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_stops_behind_the_pooler_which_goes_on() {
    let config = database().await;
    let owner = connect(&config).await;
    let Some(pooler) = Pooler::start(&config, "postgres").await else { return };
    let options = Options { config: pooler.config.clone(), switch_role: false, ..db_options(&config) };
    let db = lekalo::db::Db::new(&options).unwrap();
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg\\_sleep(60)%' AND state = 'active'
                    AND datname = current_database() AND pid <> pg_backend_pid()";
    let until = async |count: i64| {
        let began = std::time::Instant::now();
        while owner.query_one(sleeping, &[]).await.unwrap().get::<_, i64>(0) != count {
            assert!(began.elapsed() < Duration::from_secs(30), "there are never {count}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    // One is left over each time, which a pooler that ends takes along.
    let other = connect(&pooler.config).await;
    for _ in 0..5 {
        let query = || {
            let db = db.clone();
            tokio::spawn(
                async move { db.read([lekalo::db::Query::new("-- sleep\nSELECT pg_sleep(60)")]).await.map(|_| ()) },
            )
        };
        let queries = [query(), query()];
        until(2).await;
        queries.iter().for_each(tokio::task::JoinHandle::abort);
        until(0).await;
        other.simple_query("SELECT 1").await.unwrap();
        db.ping().await.unwrap();
    }
}

#[tokio::test]
async fn credentials_that_would_have_to_switch_their_role_are_told_about_the_pooler() {
    let config = database().await;
    let Some(pooler) = Pooler::start(&config, "postgres").await else { return };
    let options = Options { config: pooler.config.clone(), ..db_options(&config) };
    let error = lekalo::db::check::role(&options).await.unwrap_err();
    let advice = lekalo::db::advice::advise(error.as_ref(), &pooler.config, "lekalo_app").unwrap();
    assert!(advice.problem.contains("pooler"), "{advice:?}");
    assert!(advice.remedy.contains("LEKALO_OWNER_DATABASE_URL"), "{advice:?}");
}

#[tokio::test]
async fn a_pooler_of_sessions_serves_unless_it_has_too_few() {
    let config = empty_database().await;
    if is_long() {
        let Some(pooler) = Pooler::in_mode(&config, "postgres", "session", 1).await else { return };
        let error = migrations::up(&pooler.config, NO_TLS).await.unwrap_err();
        assert!(matches!(error, MigrateError::PoolerFull), "{error}");
        assert!(migrations::hint(&error).unwrap().contains("LEKALO_OWNER_DATABASE_URL"));
    }
    let Some(pooler) = Pooler::in_mode(&config, "postgres", "session", 2).await else { return };
    assert!(migrations::up(&pooler.config, NO_TLS).await.unwrap().position.current > 0);
    for mode in ["statement", "transaction"] {
        let Some(pooler) = Pooler::in_mode(&config, "postgres", mode, 1).await else { return };
        let error = migrations::up(&pooler.config, NO_TLS).await.unwrap_err();
        assert!(matches!(error, MigrateError::Pooler), "{mode}: {error}");
    }
}
