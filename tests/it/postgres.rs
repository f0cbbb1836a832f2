//! The embedded server, with a real PostgreSQL: run as root and as an ordinary user.

mod privacy;

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use lekalo_postgres::{EmbeddedError, EmbeddedOptions, EmbeddedServer};
use tokio_postgres::{Client, NoTls};

use crate::support::{copy_cluster, folder, limit, skipped};

/// A small server in `data_dir`.
fn options(data_dir: PathBuf) -> EmbeddedOptions {
    let settings = [("shared_buffers", "16MB"), ("max_connections", "20")];
    EmbeddedOptions {
        data_dir: Some(data_dir),
        pg_bin: std::env::var_os("LEKALO_PG_BIN").map(PathBuf::from),
        settings: settings.map(|(name, value)| (name.into(), value.into())).into(),
        durable: false,
        ..EmbeddedOptions::default()
    }
}

async fn start(data_dir: PathBuf) -> Result<EmbeddedServer, EmbeddedError> {
    limit();
    EmbeddedServer::start(&options(data_dir)).await
}

/// The same with a cluster that is there already.
async fn prepared(data_dir: PathBuf) -> Result<EmbeddedServer, EmbeddedError> {
    copy_cluster(&data_dir).await;
    start(data_dir).await
}

async fn connect(server: &EmbeddedServer) -> Client {
    let (client, connection) = server.config().connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn ask(client: &Client, query: &str) -> String {
    client.query_one(query, &[]).await.unwrap().get(0)
}

/// The number in `postmaster.pid`.
fn server_pid(data_dir: &Path) -> String {
    let file = fs::read_to_string(data_dir.join("pgdata/postmaster.pid")).unwrap();
    file.lines().next().unwrap().to_owned()
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0)
}

#[tokio::test]
async fn starts_afresh_keeps_its_data_and_stops() {
    let folder = folder();
    let data_dir = folder.path().join("data");
    let began = Instant::now();
    let durable = EmbeddedOptions { durable: true, ..options(data_dir.clone()) };
    let server = EmbeddedServer::start(&durable).await.unwrap();
    assert!(server.is_owner());
    let client = connect(&server).await;
    let settings = "SELECT concat_ws(' ', current_database(), current_user, current_setting('server_encoding'),
        current_setting('fsync'), current_setting('data_checksums'), current_setting('listen_addresses'),
        current_setting('max_connections'), lower('ЖУК'))";
    let expected = "car_chatbot postgres UTF8 on on  20 жук";
    assert_eq!(ask(&client, settings).await, expected);
    // As initdb made it just now: nobody comes in over a network, whatever is set.
    let rules = "SELECT string_agg(DISTINCT type || ' ' || auth_method, ', ') FROM pg_hba_file_rules";
    assert_eq!(ask(&client, rules).await, "host reject, local trust");
    println!("fresh cluster to first answer: {:?}", began.elapsed());
    client.batch_execute("CREATE TABLE kept AS SELECT 'да' AS word").await.unwrap();
    let pid = server_pid(&data_dir);
    server.stop().await.unwrap();
    assert!(!Path::new("/proc").join(pid).exists());
    assert!(!data_dir.join("pgdata/postmaster.pid").exists());

    let began = Instant::now();
    let server = start(data_dir).await.unwrap();
    let client = connect(&server).await;
    assert_eq!(ask(&client, "SELECT word FROM kept").await, "да");
    println!("existing cluster to first answer: {:?}", began.elapsed());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn only_its_own_account_can_reach_it() {
    let folder = folder();
    let server = start(folder.path().join("data")).await.unwrap();
    for private in ["data/pgdata", "data/run"] {
        let mode = fs::metadata(folder.path().join(private)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{private}");
    }
    let log = fs::metadata(folder.path().join("data/postgres.log")).unwrap();
    assert_eq!(log.permissions().mode() & 0o777, 0o600);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn psql_takes_the_url() {
    let folder = folder();
    let server = start(folder.path().join("a \"name\" with % & «signs»")).await.unwrap();
    let config: tokio_postgres::Config = server.url().parse().unwrap();
    assert_eq!(config, {
        let mut expected = tokio_postgres::Config::new();
        expected.user("postgres").dbname("car_chatbot").host_path(server.data_dir().join("run"));
        expected
    });
    let beside = Some(server.bin_dir().join("psql")).filter(|path| path.exists());
    let psql = beside.unwrap_or_else(|| "psql".into());
    match Command::new(psql).args(["-XAtc", "SELECT current_database()", &server.url()]).output() {
        Err(_) => skipped("there is no psql"),
        Ok(output) => {
            let (said, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert_eq!(said.trim(), "car_chatbot", "{error}");
        }
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_second_start_attaches_to_the_first() {
    let folder = folder();
    let data_dir = folder.path().join("data");
    // At the same moment on an empty folder: one makes the cluster, the others wait for it.
    let (one, two, three) = tokio::join!(start(data_dir.clone()), start(data_dir.clone()), start(data_dir.clone()));
    let servers = [one.unwrap(), two.unwrap(), three.unwrap()];
    assert_eq!(servers.iter().filter(|it| it.is_owner()).count(), 1);
    let mut started = Vec::new();
    for server in &servers {
        let client = connect(server).await;
        started.push(ask(&client, "SELECT pg_postmaster_start_time()::text").await);
    }
    assert_eq!(started[0], started[1]);
    assert_eq!(started[0], started[2]);

    let (owners, attached): (Vec<_>, Vec<_>) = servers.into_iter().partition(|it| it.is_owner());
    let client = connect(&owners[0]).await;
    for server in attached {
        server.stop().await.unwrap(); // detaches: the owner's server goes on
    }
    assert_eq!(ask(&client, "SELECT 'on'").await, "on");
    for server in owners {
        server.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_start_during_the_owners_stop_takes_over() {
    let folder = folder();
    let data_dir = folder.path().join("data");
    let first = prepared(data_dir.clone()).await.unwrap();
    let client = connect(&first).await; // makes the shutdown take its time
    let (stopped, second) = tokio::join!(first.stop(), async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        start(data_dir.clone()).await
    });
    stopped.unwrap();
    drop(client);
    let second = second.unwrap();
    assert!(second.is_owner());
    assert_eq!(ask(&connect(&second).await, "SELECT 'on'").await, "on");
    second.stop().await.unwrap();
}

#[tokio::test]
async fn dropping_the_owner_stops_the_server() {
    let folder = folder();
    let data_dir = folder.path().join("data");
    drop(prepared(data_dir.clone()).await.unwrap());
    let next = start(data_dir).await.unwrap();
    assert!(next.is_owner());
    next.stop().await.unwrap();
}

/// Not a test: the process that [`a_killed_owner_takes_its_server_along`] kills.
#[tokio::test]
#[ignore = "run by another test, as a process of its own"]
async fn owner_process() {
    let Some(data_dir) = std::env::var_os("LEKALO_TEST_OWNER") else {
        return;
    };
    let server = start(data_dir.into()).await.unwrap();
    connect(&server).await.batch_execute("CREATE TABLE kept AS SELECT 'да' AS word").await.unwrap();
    fs::write(server.data_dir().join("ready"), "").unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn a_killed_owner_takes_its_server_along() {
    let folder = folder();
    let data_dir = folder.path().join("data");
    let (_, module) = module_path!().split_once("::").unwrap();
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args([&format!("{module}::owner_process"), "--exact", "--ignored"])
        .env("LEKALO_TEST_OWNER", &data_dir)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the owner serves", || data_dir.join("ready").exists()).await;
    let attached = start(data_dir.clone()).await.unwrap();
    assert!(!attached.is_owner());
    let client = connect(&attached).await;
    let pid = server_pid(&data_dir);

    owner.kill().unwrap(); // SIGKILL
    owner.wait().unwrap();
    if cfg!(target_os = "linux") {
        // By itself: no next start is needed for it. A zombie has no command line.
        let command_line = format!("/proc/{pid}/cmdline");
        wait_until("the server has ended", || fs::read(&command_line).unwrap_or_default().is_empty()).await;
    }
    let next = start(data_dir.clone()).await.unwrap();
    assert!(next.is_owner());
    assert_ne!(server_pid(&data_dir), pid);
    let command_line = fs::read(format!("/proc/{pid}/cmdline"));
    assert!(command_line.unwrap_or_default().is_empty()); // gone, or a zombie
    assert!(client.query_one("SELECT 1", &[]).await.is_err());
    assert_eq!(ask(&connect(&next).await, "SELECT word FROM kept").await, "да");
    next.stop().await.unwrap();
}

#[tokio::test]
async fn an_interrupted_initdb_leaves_nothing_in_the_way() {
    let folder = folder();
    let data_dir = folder.path().join("data");
    fs::create_dir_all(data_dir.join("pgdata.new-1/base")).unwrap();
    fs::write(data_dir.join("lekalo.lock"), "").unwrap();
    let server = prepared(data_dir.clone()).await.unwrap();
    assert!(!data_dir.join("pgdata.new-1").exists());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_long_path_gets_a_short_socket() {
    let folder = folder();
    for name in ["d".repeat(120), "one, two".into()] {
        gets_a_short_socket(folder.path().join(name)).await;
    }
}

async fn gets_a_short_socket(data_dir: PathBuf) {
    let server = prepared(data_dir.clone()).await.unwrap();
    let attached = start(data_dir.clone()).await.unwrap();
    assert!(!attached.is_owner());
    assert_eq!(attached.url(), server.url());
    assert_eq!(ask(&connect(&attached).await, "SELECT 'on'").await, "on");
    let hosts = server.config();
    let socket_dir = match &hosts.get_hosts()[0] {
        tokio_postgres::config::Host::Unix(path) => path.clone(),
        other => panic!("{other:?}"),
    };
    assert!(!socket_dir.starts_with(&data_dir));
    assert_eq!(fs::metadata(&socket_dir).unwrap().permissions().mode() & 0o777, 0o700);
    server.stop().await.unwrap();
    assert!(!socket_dir.exists());
}

#[tokio::test]
async fn a_name_in_russian_and_one_with_quotes_make_databases() {
    let folder = folder();
    for database in ["чехлы", "a \"b\"; -- c"] {
        let options = EmbeddedOptions { database: database.into(), ..options(folder.path().join("data")) };
        let server = EmbeddedServer::start(&options).await.unwrap();
        let client = connect(&server).await;
        assert_eq!(ask(&client, "SELECT current_database()::text").await, database);
        server.stop().await.unwrap();
    }
}

#[tokio::test]
async fn missing_programs_are_said_with_the_remedies() {
    let folder = folder();
    let wrong = EmbeddedOptions { pg_bin: Some("/nowhere/bin".into()), ..options(folder.path().join("data")) };
    let text = EmbeddedServer::start(&wrong).await.err().unwrap().to_string();
    for part in ["/nowhere/bin", "apt-get install postgresql", "LEKALO_PG_BIN", "lekalo db fetch"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[tokio::test]
async fn data_of_another_version_is_said_so() {
    let folder = folder();
    let data_dir = folder.path().join("data");
    let server = prepared(data_dir.clone()).await.unwrap();
    server.stop().await.unwrap();
    fs::write(data_dir.join("pgdata/PG_VERSION"), "99\n").unwrap();
    let error = start(data_dir).await.err().unwrap();
    assert!(matches!(error, EmbeddedError::Locate(_)));
    assert!(error.to_string().contains("PostgreSQL 99"), "{error}");
}

#[tokio::test]
async fn a_failed_start_shows_the_log() {
    let folder = folder();
    let mut options = options(folder.path().join("data"));
    options.settings = vec![("shared_buffers".into(), "plenty".into())];
    let error = EmbeddedServer::start(&options).await.err().unwrap();
    assert!(matches!(error, EmbeddedError::Exited { .. }), "{error}");
    assert!(error.to_string().contains("shared_buffers"), "{error}");
}

#[tokio::test]
async fn other_peoples_folders_are_left_alone() {
    let folder = folder();
    fs::write(folder.path().join("theirs"), "").unwrap();
    let error = start(folder.path().to_owned()).await.err().unwrap();
    assert!(matches!(error, EmbeddedError::NotOurs { .. }), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn as_root_a_closed_folder_on_the_way_is_named() {
    if !is_root() {
        return skipped("an ordinary user runs the server as itself: this is about root");
    }
    let folder = folder();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
    let data_dir = closed.join("new/data");
    let text = start(data_dir).await.err().unwrap().to_string();
    let closed = closed.to_str().unwrap();
    for part in [&format!("{closed} (mode 0700)"), &format!("chmod o+x {closed}"), "--data-dir"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    assert!(!Path::new(closed).join("new").exists());
}

#[tokio::test]
async fn as_root_an_empty_private_folder_is_opened_for_the_server() {
    let folder = folder();
    let data_dir = folder.path().join("data");
    fs::create_dir(&data_dir).unwrap();
    fs::set_permissions(&data_dir, Permissions::from_mode(0o700)).unwrap();
    start(data_dir).await.unwrap().stop().await.unwrap();
}

async fn wait_until(what: &str, done: impl Fn() -> bool) {
    for _ in 0..3000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited 30 s until {what}");
}
