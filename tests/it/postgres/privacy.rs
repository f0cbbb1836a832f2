//! A private server asks for no password: nobody else may get at it, whatever is set, planted or left behind.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;

use nix::unistd::{Pid, getpgid};

use super::*;

#[tokio::test]
async fn no_setting_opens_it_or_lets_it_forget() {
    let folder = folder();
    let data_dir = folder.path().join("data");
    copy_cluster(&data_dir).await;
    let against = [
        ("listen_addresses", "127.0.0.1"),
        ("port", "6543"),
        ("unix_socket_permissions", "0777"),
        ("unix_socket_directories", "/tmp"),
        ("fsync", "off"),
        ("full_page_writes", "off"),
        ("logging_collector", "on"),
        ("log_destination", "syslog"),
        ("cluster_name", "other"),
        ("max_connections", "20"),
    ];
    let settings = against.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let opened = EmbeddedOptions { durable: true, settings, ..options(data_dir.clone()) };
    let server = EmbeddedServer::start(&opened).await.unwrap();
    let client = connect(&server).await;
    let mut found = Vec::new();
    for (name, _) in against {
        found.push(ask(&client, &format!("SELECT current_setting('{name}')")).await);
    }
    let sockets = format!("\"{}\"", data_dir.join("run").display());
    assert_eq!(found, ["", "5432", "0700", sockets.as_str(), "on", "on", "off", "stderr", "lekalo", "20"]);
    assert_eq!(ask(&client, "SELECT current_setting('data_checksums')").await, "on");
    let rules =
        "SELECT string_agg(DISTINCT concat_ws(' ', type, auth_method), ', ' ORDER BY concat_ws(' ', type, auth_method))
                 FROM pg_hba_file_rules";
    assert_eq!(ask(&client, rules).await, "host reject, local trust");

    let pid = server_pid(&data_dir);
    // Nothing of ours: no password, no PG* setting. Its own name for the data is PostgreSQL's.
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let names: BTreeSet<String> = environment
        .split(|byte| *byte == 0)
        .filter_map(|variable| String::from_utf8_lossy(variable).split_once('=').map(|(name, _)| name.to_owned()))
        .collect();
    let known = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LC_ALL"];
    assert!(names.iter().all(|name| known.contains(&name.as_str())), "{names:?}");
    // A Ctrl-C in the terminal goes to a process group, and is not the server's.
    let pid = Pid::from_raw(pid.parse().unwrap());
    assert_eq!(getpgid(Some(pid)).unwrap(), pid);
    // Stopping waits for nobody who is connected.
    let began = Instant::now();
    server.stop().await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_link_in_the_place_of_a_file_is_not_followed() {
    let folder = folder();
    let data_dir = folder.path().join("data");
    copy_cluster(&data_dir).await;
    let victim = folder.path().join("victim");
    for file in ["lekalo.lock", "postgres.log", "running.json"] {
        fs::write(&victim, "precious").unwrap();
        let file = data_dir.join(file);
        let _ = fs::remove_file(&file);
        symlink(&victim, &file).unwrap();
        let error = start(data_dir.clone()).await.err().unwrap();
        assert!(matches!(error, EmbeddedError::Io { doing: "open", .. }), "{error}");
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious", "{}", file.display());
        fs::remove_file(&file).unwrap();
        fs::write(data_dir.join("lekalo.lock"), "").unwrap();
    }
    start(data_dir).await.unwrap().stop().await.unwrap();
}

/// Somebody holds the lock, and what is said of where their server is may be anybody's word.
#[tokio::test]
async fn a_socket_that_others_may_enter_is_not_talked_to_and_not_waited_for_without_end() {
    let folder = folder();
    let real = prepared(folder.path().join("real")).await.unwrap();
    let data_dir = folder.path().join("data");
    fs::create_dir(&data_dir).unwrap();
    let lock = fs::File::create(data_dir.join("lekalo.lock")).unwrap();
    lock.lock().unwrap();
    fs::copy(folder.path().join("real/running.json"), data_dir.join("running.json")).unwrap();
    let run = folder.path().join("real/run");
    let impatient = EmbeddedOptions { start_timeout: Duration::from_millis(200), ..options(data_dir.clone()) };
    for (mode, trusted) in [(0o755, false), (0o710, false), (0o701, false), (0o700, true)] {
        fs::set_permissions(&run, Permissions::from_mode(mode)).unwrap();
        let started = tokio::time::timeout(Duration::from_secs(20), EmbeddedServer::start(&impatient)).await.unwrap();
        match started {
            Ok(server) => assert!(trusted && !server.is_owner(), "{mode:o}"),
            Err(error) => assert!(!trusted && matches!(error, EmbeddedError::Silent { .. }), "{mode:o}: {error}"),
        }
    }
    // A link to the folder is as good as nothing.
    fs::rename(&run, folder.path().join("real/moved")).unwrap();
    symlink(folder.path().join("real/moved"), &run).unwrap();
    assert!(matches!(EmbeddedServer::start(&impatient).await, Err(EmbeddedError::Silent { .. })));
    fs::remove_file(&run).unwrap();
    fs::rename(folder.path().join("real/moved"), &run).unwrap();
    real.stop().await.unwrap();
}
