//! Making a cluster with `initdb`, and the command that serves it.

use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::{EmbeddedError, EmbeddedOptions, IoContext, SUPERUSER, data_dir::DataDir, locate::Binaries, process};

/// What a half-made cluster's folder is called, before our process number.
const UNFINISHED: &str = "pgdata.new-";

/// Ways to ask for "UTF-8, sorted by code point, knows Cyrillic letters", best first, each with the oldest version that
/// understands it. Systems differ in the locales they have; plain `C` is left out because its `lower()` knows ASCII only.
const LOCALES: [(u32, &[&str]); 4] = [
    (15, &["--locale=C.UTF-8"]),
    (15, &["--locale=C", "--lc-ctype=UTF-8"]), // macOS
    (17, &["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]),
    (15, &["--locale=C", "--locale-provider=icu", "--icu-locale=und"]),
];

/// Makes the cluster if there is none. One that is interrupted leaves nothing that looks like a cluster.
pub(crate) fn ensure(dir: &DataDir, binaries: &Binaries, durable: bool) -> Result<(), EmbeddedError> {
    remove_unfinished(dir);
    if dir.pgdata().exists() {
        return Ok(());
    }
    let new = dir.path.join(format!("{UNFINISHED}{}", std::process::id()));
    let mut first_failure = None;
    for (since, locale) in LOCALES {
        if binaries.major < since {
            continue;
        }
        dir.make_private_dir(&new)?;
        let output = initdb(dir, binaries, &new, locale, durable)?;
        if output.status.success() {
            fs::rename(&new, dir.pgdata()).doing("rename", &new)?;
            return File::open(&dir.path).and_then(|folder| folder.sync_all()).doing("sync", &dir.path);
        }
        first_failure.get_or_insert(output);
        drop(fs::remove_dir_all(&new));
    }
    let said = first_failure.map(|output| [output.stdout, output.stderr].concat());
    let said = said.unwrap_or_default();
    Err(EmbeddedError::Initdb {
        version: binaries.version.clone(),
        output: String::from_utf8_lossy(&said).trim().to_owned(),
    })
}

/// What earlier processes left behind half made. What cannot be removed harms nobody, it only takes room.
fn remove_unfinished(dir: &DataDir) {
    for entry in dir.path.read_dir().into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

/// Whoever can reach the socket is let in: only the server's own account (and root) can, see [`DataDir::make_socket_dir`].
fn initdb(
    dir: &DataDir,
    binaries: &Binaries,
    pgdata: &Path,
    locale: &[&str],
    durable: bool,
) -> Result<Output, EmbeddedError> {
    let program = binaries.dir.join("initdb");
    process::command(&program, dir.account.as_ref())
        .arg("--pgdata")
        .arg(pgdata)
        .args(["--username", SUPERUSER])
        .args(["--encoding", "UTF8"])
        .args(locale)
        .args(["--auth-local", "trust", "--auth-host", "reject"])
        .args(["--data-checksums", "--no-instructions"])
        // Less to write where a cluster does not last.
        .args(if durable { &[][..] } else { &["--no-sync", "--wal-segsize=1"] })
        .output()
        .doing("run", &program)
}

/// The server's command: reached over the socket alone, careful with the disk, its log in a file of its own.
pub(crate) fn server(
    dir: &DataDir,
    binaries: &Binaries,
    socket_dir: &Path,
    options: &EmbeddedOptions,
) -> Result<Command, EmbeddedError> {
    let log = dir.create_log()?;
    let errors = log.try_clone().doing("open", &dir.log_path())?;
    // A list of names: unquoted, a space or a quote in one would be misread.
    let sockets = socket_dir.display().to_string().replace('"', "\"\"");
    let ours = [
        ("listen_addresses", String::new()),
        ("unix_socket_directories", format!("\"{sockets}\"")),
        ("unix_socket_permissions", "0700".into()),
        ("port", "5432".into()), // names the socket, whatever postgresql.conf says
        ("fsync", on(options.durable)),
        ("full_page_writes", on(options.durable)), // of use only where a write may be torn by a crash of the machine
        ("logging_collector", "off".into()),
        ("log_destination", "stderr".into()),
        ("log_line_prefix", "%m [%p] ".into()),
        ("cluster_name", "lekalo".into()),
    ];
    let ours = ours.map(|(name, value)| (name.to_owned(), value));
    let mut command = process::command(&binaries.dir.join("postgres"), dir.account.as_ref());
    command.arg("-D").arg(dir.pgdata());
    for (name, value) in options.settings.iter().chain(&ours) {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    command.stdout(Stdio::from(log)).stderr(Stdio::from(errors));
    Ok(command)
}

fn on(on: bool) -> String {
    if on { "on" } else { "off" }.into()
}
