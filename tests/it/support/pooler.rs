//! A real PgBouncer in front of a test's database.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::skipped;

/// A running PgBouncer with three connections to the server, and a way through it.
pub struct Pooler {
    process: Child,
    pub config: Config,
    _folder: TempDir,
}

impl Pooler {
    /// In front of the test's database, for this role; none where PgBouncer is not installed.
    pub async fn start(config: &Config, user: &str) -> Option<Self> {
        Self::in_mode(config, user, "transaction", 3).await
    }

    /// The same in another mode, with so many connections.
    pub async fn in_mode(config: &Config, user: &str, mode: &str, size: usize) -> Option<Self> {
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].into_iter().find(|path| Path::new(path).exists());
        let Some(program) = program else {
            skipped("there is no PgBouncer (Debian: apt-get install pgbouncer)");
            return None;
        };
        let Host::Unix(socket_dir) = &config.get_hosts()[0] else { panic!("{config:?}") };
        let folder = tempfile::Builder::new()
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .tempdir()
            .unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (users, settings) = (folder.path().join("users.txt"), folder.path().join("pgbouncer.ini"));
        std::fs::write(&users, format!("\"{user}\" \"\"\n")).unwrap();
        let text = format!(
            "[databases]\n* = host={} port=5432\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = {mode}\ndefault_pool_size = {size}\n\
             server_login_retry = 1\n",
            socket_dir.display(),
            users.display()
        );
        std::fs::write(&settings, text).unwrap();
        let mut command = Command::new(program);
        if nix::unistd::Uid::current().is_root() {
            // It refuses to be root; the socket lets the server's own account in.
            let owner =
                std::fs::metadata(socket_dir).map(|folder| std::os::unix::fs::MetadataExt::uid(&folder)).unwrap();
            let owner = nix::unistd::User::from_uid(owner.into()).unwrap().unwrap();
            command.args(["-u", &owner.name]);
        }
        let process = command.arg("-q").arg(&settings).stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut through = Config::new();
        through.host("127.0.0.1").port(port).user(user).dbname(config.get_dbname().unwrap());
        let pooler = Self { process, config: through, _folder: folder };
        for _ in 0..200 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return Some(pooler);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("PgBouncer does not listen");
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
