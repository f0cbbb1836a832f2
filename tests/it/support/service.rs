//! `lekalo serve` as a process of its own, and calls of it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, OwnedMutexGuard, mpsc};
use tokio::time::timeout;
use tokio_postgres::Config;
use tokio_postgres::config::Host;
use tonic::transport::Channel;

use super::LEKALO;

/// What a loaded machine may need to start it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A `lekalo serve` of its own.
pub struct Service {
    pub process: Child,
    /// What it says, read as it comes: who waits for nothing would hold it up.
    stderr: mpsc::UnboundedReceiver<String>,
    reads: Arc<Mutex<()>>,
    /// What it said before it listened.
    pub said: Vec<String>,
    /// Where its admin port is, once it listens and if it has one.
    pub admin: Option<SocketAddr>,
}

impl Service {
    /// Starts it on a free port, with these arguments and variables and nothing of ours.
    fn spawn(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Self {
        // Its own unless a test asks for one.
        let variables = [&[("LEKALO_ADMIN_ADDR", "off")], variables].concat();
        Self::run(folder, &[&["--addr", "127.0.0.1:0"], args].concat(), &variables)
    }

    /// Starts it with these arguments and variables alone.
    pub fn run(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::begin(Command::new(LEKALO), folder, args, variables)
    }

    /// Starts it on a database of the tests' server, for who shows a key.
    pub fn asking(folder: &Path, config: &Config) -> Self {
        Self::asking_with(folder, config, &[])
    }

    /// The same with further settings.
    pub fn asking_with(folder: &Path, config: &Config, settings: &[(&str, &str)]) -> Self {
        let variables = [&database(config)[..], &[("LEKALO_ADMIN_ADDR", "127.0.0.1:0")], settings].concat();
        Self::start(Command::new(LEKALO), &["serve", "--addr", "127.0.0.1:0"], folder, &variables)
    }

    /// Starts what becomes it, for whoever reaches it.
    fn begin(program: Command, folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start(program, &[&["serve", "--insecure-no-auth"], args].concat(), folder, variables)
    }

    fn start(mut program: Command, args: &[&str], folder: &Path, variables: &[(&str, &str)]) -> Self {
        super::limit();
        let kept = ["PATH", "LEKALO_PG_BIN"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let mut process = program
            .args(args)
            .env_clear()
            .envs(kept)
            .envs(variables.iter().copied())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let (said, stderr) = mpsc::unbounded_channel();
        let reads = Arc::new(Mutex::new(()));
        let may_read = reads.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let _ = said.send(line);
                drop(may_read.lock().await);
            }
        });
        Self { process, stderr, reads, said: Vec::new(), admin: None }
    }

    /// Starts it on the embedded server in `folder`, whose cluster is there already.
    pub async fn prepared(folder: &Path) -> Self {
        super::copy_cluster(&data_dir(folder)).await;
        Self::embedded(folder)
    }

    /// Starts it on the embedded server in `folder`.
    pub fn embedded(folder: &Path) -> Self {
        Self::spawn(folder, &["--embedded", "--data-dir", data_dir(folder).to_str().unwrap()], &[])
    }

    /// Starts it on a database of the tests' server.
    pub fn configured(folder: &Path, config: &Config) -> Self {
        Self::with(folder, config, &[])
    }

    /// The same with further settings.
    pub fn with(folder: &Path, config: &Config, settings: &[(&str, &str)]) -> Self {
        Self::spawn(folder, &[], &[&database(config)[..], settings].concat())
    }

    /// The same by a shell that does something first, as `ulimit -n 64`, and begins its last line: `exec` or what goes
    /// before a program.
    pub fn after(shell: &str, folder: &Path, config: &Config, settings: &[(&str, &str)]) -> Self {
        let mut program = Command::new("sh");
        program.args(["-c", &format!("{shell} \"$0\" \"$@\""), LEKALO]);
        let settings = [&database(config)[..], &[("LEKALO_ADMIN_ADDR", "127.0.0.1:0")], settings].concat();
        Self::begin(program, folder, &["--addr", "127.0.0.1:0"], &settings)
    }

    /// Where it listens, once it does.
    pub async fn addr(&mut self) -> SocketAddr {
        let listening = async {
            while let Some(line) = self.stderr.recv().await {
                if let Some((_, addr)) = line.split_once("listening on ") {
                    return addr.trim_end_matches(|ch: char| !ch.is_ascii_digit() && ch != ']').parse().unwrap();
                }
                if let Some((_, addr)) = line.split_once("more at http://") {
                    self.admin = addr.split_once('/').map(|(addr, _)| addr.parse().unwrap());
                }
                self.said.push(line);
            }
            panic!("it ended before it listened: {:#?}", self.said);
        };
        timeout(PATIENCE, listening).await.expect("it does not listen")
    }

    /// The next line that it says with these words in it.
    pub async fn line(&mut self, words: &str) -> String {
        let saying = async {
            loop {
                let line = self.stderr.recv().await.expect("it ended");
                if line.contains(words) {
                    return line;
                }
            }
        };
        timeout(PATIENCE, saying).await.unwrap_or_else(|_| panic!("it never says {words}"))
    }

    /// Nobody reads what it says as long as this is held.
    pub async fn unread(&self) -> OwnedMutexGuard<()> {
        self.reads.clone().lock_owned().await
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.process.id().unwrap().cast_signed());
        kill(pid, signal).unwrap();
    }

    /// The most memory that it ever had, in bytes.
    pub fn most_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id().unwrap())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() << 10
    }

    /// Waits for its end; returns how it ended and what else it said.
    pub async fn ended(mut self, within: Duration) -> (ExitStatus, String) {
        let began = Instant::now();
        let mut said = String::new();
        let ending = async {
            while let Some(line) = self.stderr.recv().await {
                said.push_str(&line);
                said.push('\n');
            }
            self.process.wait().await.unwrap()
        };
        let Ok(status) = timeout(within, ending).await else { panic!("it still runs after {within:?}:\n{said}") };
        println!("ended {:?} later: {status}", began.elapsed());
        (status, said)
    }
}

/// The settings that lead to a database.
fn database(config: &Config) -> [(&str, &str); 2] {
    let Host::Unix(socket_dir) = &config.get_hosts()[0] else { panic!("{config:?}") };
    [("DB_HOST", socket_dir.to_str().unwrap()), ("DB_NAME", config.get_dbname().unwrap())]
}

pub fn data_dir(folder: &Path) -> PathBuf {
    folder.join("data")
}

pub async fn channel(addr: SocketAddr) -> Channel {
    Channel::from_shared(format!("http://{addr}")).unwrap().connect().await.unwrap()
}

/// Whether a call was never taken: its connection closed just before it left, or said goodbye before it came. Every gRPC library
/// sends such a call again by itself, over another connection; tonic's channel leaves it to its caller.
pub fn never_left(status: &tonic::Status) -> bool {
    causes(status).any(|error| {
        let is_canceled = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled);
        let goodbye = |error: &h2::Error| error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
        is_canceled || error.downcast_ref::<h2::Error>().is_some_and(goodbye)
    })
}

/// Whether a call is to be tried again, as clients do by their service config. A connection that breaks is UNAVAILABLE to every
/// gRPC library but tonic's.
pub fn is_unavailable(status: &tonic::Status) -> bool {
    status.code() == tonic::Code::Unavailable
        || never_left(status)
        || causes(status).any(|error| error.is::<std::io::Error>())
}

fn causes(status: &tonic::Status) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(status), |error| error.source())
}
