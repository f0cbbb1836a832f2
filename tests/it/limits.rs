//! Where the program must live: in a container with little memory, with few files, without rights, as process 1.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::ListTenantsRequest;
use lekalo::proto::lekalo::v1::tenant_service_client::TenantServiceClient;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::process::Command;
use tokio::time::{sleep, timeout};
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::support::service::{Service, channel};
use crate::support::uploads::{ended, header, hold, upload_to};
use crate::support::{LEKALO, SAMPLE_PDF, connect, database, folder, http, limit, memory_group, skipped};

/// What a loaded machine may need.
const PATIENCE: Duration = Duration::from_secs(60);

/// A price list that is read as it comes, in little memory.
fn large(mib: usize) -> Vec<u8> {
    let rows = "Toyota,Camry,2018\nKia,Rio,2019\nLada,Granta,2020\n";
    format!("Марка,Модель,Год\n{}", rows.repeat((mib << 20) / rows.len())).into_bytes()
}

/// The same in an encoding that is decoded whole.
fn large_in_cp1251(mib: usize) -> Vec<u8> {
    let text = String::from_utf8(large(mib)).unwrap();
    encoding_rs::WINDOWS_1251.encode(&text).0.into_owned()
}

async fn answers(addr: SocketAddr) {
    let mut client = TenantServiceClient::new(channel(addr).await);
    let listed = timeout(PATIENCE, client.list_tenants(ListTenantsRequest::default())).await.unwrap().unwrap();
    assert!(!listed.into_inner().tenants.is_empty());
}

/// Uploads a file and waits for the import's end.
async fn import(addr: SocketAddr, file: &[u8]) -> pb::Import {
    let import = upload_to(channel(addr).await, file, header()).await.unwrap();
    ended(addr, &import.id).await
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn a_file_too_large_for_the_container_fails_alone_and_says_what_to_do() {
    let config = database().await;
    let Some(group) = memory_group(128) else { return };
    let folder = folder();
    let settings = [("TMPDIR", env!("CARGO_TARGET_TMPDIR"))];
    let mut service = Service::after(&format!("{} && exec", group.enter()), folder.path(), &config, &settings);
    let addr = service.addr().await;
    let failed = import(addr, &large_in_cp1251(90)).await;
    let error = failed.error.clone().unwrap();
    assert_eq!((failed.state(), error.code.as_str()), (pb::ImportState::Failed, "LIMIT_EXCEEDED"), "{error:?}");
    assert!(error.message.contains("MiB of memory"), "{error:?}");
    assert!(error.hint.ends_with("or give the server's container more than 128 MiB of memory"), "{error:?}");
    // It is the same server, and it reads what fits.
    let fits = import(addr, SAMPLE_PDF).await;
    assert_eq!(fits.state(), pb::ImportState::Succeeded, "{:?}", fits.error);
    answers(addr).await;
    println!("at most {} MiB", group.most() >> 20);
    service.signal(Signal::SIGTERM);
    let (status, said) = service.ended(PATIENCE).await;
    assert!(status.success(), "{status} {said}");
}

/// The processes that this one began and that have not ended.
fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let of_task = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default());
    of_task.flat_map(|line| line.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<_>>()).collect()
}

#[tokio::test]
async fn where_memory_ends_all_the_same_the_reading_process_goes_and_the_server_stays() {
    let config = database().await;
    let Some(group) = memory_group(256) else { return };
    let owner = connect(&config).await;
    let folder = folder();
    let settings = [("TMPDIR", env!("CARGO_TARGET_TMPDIR"))];
    let mut service = Service::after(&format!("{} && exec", group.enter()), folder.path(), &config, &settings);
    let addr = service.addr().await;
    // Nobody writes its rows, so the child has to keep them.
    hold(&owner, "pg_advisory_lock").await;
    let import = upload_to(channel(addr).await, &large(3), header()).await.unwrap();
    let server = service.process.id().unwrap();
    let began = Instant::now();
    let child = loop {
        if let [child] = children(server)[..]
            && fs::read_to_string(format!("/proc/{child}/oom_score_adj"))
                .is_ok_and(|adjusted| adjusted.trim() == "1000")
        {
            break child;
        }
        assert!(began.elapsed() < PATIENCE, "no process reads the file");
        sleep(Duration::from_millis(5)).await;
    };
    assert_ne!(fs::read_to_string(format!("/proc/{server}/oom_score_adj")).unwrap().trim(), "1000");
    // Somebody else in the container takes all that there is.
    let greedy = format!("{} && exec tail /dev/zero", group.enter());
    let greedy = Command::new("sh").args(["-c", &greedy]).kill_on_drop(true).status().await.unwrap();
    assert!(!greedy.success(), "{greedy}");
    owner.batch_execute("SELECT pg_advisory_unlock_all()").await.unwrap();
    let failed = ended(addr, &import.id).await;
    let error = failed.error.clone().unwrap();
    assert_eq!((failed.state(), error.code.as_str()), (pb::ImportState::Failed, "LIMIT_EXCEEDED"), "{error:?}");
    assert!(!fs::exists(format!("/proc/{child}")).unwrap());
    assert_eq!(service.process.id(), Some(server));
    answers(addr).await;
}

/// How much processor time a process has had.
fn processor_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 1000 / 100)
}

/// The value of one of the metrics.
async fn metric(admin: SocketAddr, name: &str) -> f64 {
    let (_, page) = http::get(admin, "/metrics").await;
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap();
    line.parse().unwrap()
}

#[tokio::test]
async fn without_a_file_to_spare_it_says_so_once_waits_and_goes_on() {
    let config = database().await;
    let folder = folder();
    let mut service = Service::after("ulimit -Sn 40; ulimit -Hn 96; exec", folder.path(), &config, &[]);
    let addr = service.addr().await;
    assert_eq!(metric(service.admin.unwrap(), "process_max_fds").await, 96.0, "the soft limit was not raised");
    // More than there are files for; the system takes the others, and the server does not.
    let mut connections = Vec::new();
    for _ in 0..120 {
        connections.push(TcpStream::connect(addr).await.unwrap());
    }
    let pid = service.process.id().unwrap();
    let open = || fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    let began = Instant::now();
    while open() < 96 {
        assert!(began.elapsed() < PATIENCE, "{} are open", open());
        sleep(Duration::from_millis(10)).await;
    }
    let before = processor_time(pid);
    sleep(Duration::from_secs(3)).await;
    let spent = processor_time(pid) - before;
    assert!(spent < Duration::from_secs(1), "{spent:?} of 3 s");
    drop(connections);
    let began = Instant::now();
    let reaches = async || {
        let mut client = TenantServiceClient::new(channel(addr).await);
        client.list_tenants(ListTenantsRequest::default()).await.is_ok()
    };
    while !timeout(PATIENCE, reaches()).await.unwrap() {
        assert!(began.elapsed() < PATIENCE, "it takes no connections again");
        sleep(Duration::from_millis(50)).await;
    }
    service.signal(Signal::SIGTERM);
    let (_, said) = service.ended(PATIENCE).await;
    let told: Vec<&str> = said.lines().filter(|line| line.contains("new connections wait")).collect();
    assert_eq!(told.len(), 1, "{said}");
    assert!(told[0].contains("all 96 files") && told[0].contains("LimitNOFILE="), "{told:?}");
}

#[tokio::test]
async fn a_folder_for_uploads_that_is_not_to_be_written_ends_the_start() {
    let config = database().await;
    let folder = folder();
    let service = Service::with(folder.path(), &config, &[("TMPDIR", "/proc/nowhere")]);
    let (status, said) = service.ended(PATIENCE).await;
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("error: uploaded files are to wait in /proc/nowhere, which cannot be written to"), "{said}");
    assert!(said.contains("hint: name a folder that this user may write to in TMPDIR"), "{said}");
}

#[tokio::test]
async fn uploads_that_will_not_fit_are_told_at_start() {
    let config = database().await;
    let folder = folder();
    let settings = [("TMPDIR", folder.path().to_str().unwrap())];
    let told = async |settings: &[(&str, &str)]| {
        let mut service = Service::with(folder.path(), &config, settings);
        let addr = service.addr().await;
        answers(addr).await;
        service.said.iter().find(|line| line.contains("uploaded files may take")).cloned()
    };
    let many = [&settings[..], &[("LEKALO_UPLOADS", "1000"), ("LEKALO_UPLOAD_MIB", "65536")]].concat();
    let line = told(&many).await.unwrap();
    let named = format!("may take 65536000 MiB and {} has ", folder.path().display());
    assert!(line.contains(&named) && line.contains("lower LEKALO_UPLOADS or LEKALO_UPLOAD_MIB"), "{line}");
    let few = [&settings[..], &[("LEKALO_UPLOADS", "1"), ("LEKALO_UPLOAD_MIB", "1")]].concat();
    assert_eq!(told(&few).await, None);
}

/// The same server behind a socket that everybody may use.
async fn for_everybody(config: &Config, folder: &Path) -> Config {
    let Host::Unix(socket_dir) = &config.get_hosts()[0] else { panic!("{config:?}") };
    let (theirs, ours) = (socket_dir.join(".s.PGSQL.5432"), folder.join(".s.PGSQL.5432"));
    let listener = UnixListener::bind(&ours).unwrap();
    fs::set_permissions(&ours, fs::Permissions::from_mode(0o777)).unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = UnixStream::connect(&theirs).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
        }
    });
    let mut open = Config::new();
    open.host_path(folder).dbname(config.get_dbname().unwrap());
    open
}

#[tokio::test]
async fn without_rights_a_name_or_a_home_it_serves_and_imports() {
    if !nix::unistd::Uid::effective().is_root() {
        return skipped("only root can become a user without a name");
    }
    let folder = folder();
    let config = for_everybody(&database().await, folder.path()).await;
    let nobody =
        "exec setpriv --reuid=54321 --regid=54321 --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs";
    let mut service = Service::after(nobody, folder.path(), &config, &[]);
    let addr = service.addr().await;
    let status = fs::read_to_string(format!("/proc/{}/status", service.process.id().unwrap())).unwrap();
    for line in ["Uid:\t54321", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000"] {
        assert!(status.contains(line), "{status}");
    }
    let imported = import(addr, SAMPLE_PDF).await;
    assert_eq!(imported.state(), pb::ImportState::Succeeded, "{:?}", imported.error);
    service.signal(Signal::SIGTERM);
    let (status, said) = service.ended(PATIENCE).await;
    assert!(status.success(), "{status} {said}");
}

/// What begins a program as process 1 of its own, where that may be done.
fn as_process_one() -> Option<&'static str> {
    const UNSHARE: &str = "unshare --pid --fork --kill-child --mount-proc";
    let may = std::process::Command::new("sh").args(["-c", &format!("{UNSHARE} true")]).output();
    if !may.as_ref().is_ok_and(|ran| ran.status.success()) {
        skipped("no process can be the first of its own here");
        return None;
    }
    Some(UNSHARE)
}

#[tokio::test]
async fn as_process_one_it_ends_when_it_is_told_to() {
    let config = database().await;
    let Some(first) = as_process_one() else { return };
    let folder = folder();
    let mut service = Service::after(&format!("exec {first}"), folder.path(), &config, &[]);
    let addr = service.addr().await;
    let imported = import(addr, SAMPLE_PDF).await;
    assert_eq!(imported.state(), pb::ImportState::Succeeded, "{:?}", imported.error);
    let [server] = children(service.process.id().unwrap())[..] else { panic!() };
    let status = fs::read_to_string(format!("/proc/{server}/status")).unwrap();
    assert!(status.lines().any(|line| line.starts_with("NSpid:") && line.ends_with("\t1")), "{status}");
    assert_eq!(children(server), [0_u32; 0], "what read the file is not waited for");
    kill(Pid::from_raw(server.cast_signed()), Signal::SIGTERM).unwrap();
    let (status, said) = service.ended(PATIENCE).await;
    assert!(status.success(), "{status} {said}");
}

#[tokio::test]
async fn as_process_one_a_command_that_hears_no_signal_ends_by_it_all_the_same() {
    limit();
    let Some(first) = as_process_one() else { return };
    for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGINT, 130)] {
        // A database that takes connections and says nothing.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut command = Command::new("sh")
            .args(["-c", &format!("exec {first} \"$0\" \"$@\""), LEKALO, "migrate", "up"])
            .env("DB_HOST", "127.0.0.1")
            .env("DB_PORT", silent.local_addr().unwrap().port().to_string())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let _waits = timeout(PATIENCE, silent.accept()).await.unwrap().unwrap();
        let [program] = children(command.id().unwrap())[..] else { panic!() };
        kill(Pid::from_raw(program.cast_signed()), signal).unwrap();
        let status = timeout(Duration::from_secs(5), command.wait()).await.expect("it goes on").unwrap();
        assert_eq!(status.code(), Some(code), "{signal}");
    }
}

/// No time is measured by the machine's clock, which may be set back or forth: it names dumps, says whether certificates, API
/// keys and JWTs hold, and how far back people look.
#[test]
fn the_wall_clock_names_dumps_and_ends_what_has_an_end() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src"), root.join("crates")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let (code, _) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
                if ["SystemTime::now", "now_utc", "Utc::now", "Local::now"].iter().any(|clock| code.contains(clock)) {
                    found.push(path.display().to_string());
                }
            }
        }
    }
    found.sort();
    let known = [
        "src/api_keys.rs",
        "src/catalog/cache.rs",
        "src/cli/audit.rs",
        "src/cli/dump.rs",
        "src/cli/key.rs",
        "src/grpc/services/api_keys.rs",
        "src/jwt.rs",
        "src/jwt/claims.rs",
        "src/tls_server.rs",
    ];
    assert_eq!(found, known.map(|file| root.join(file).display().to_string()));
}
