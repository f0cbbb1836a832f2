//! Where values come from: the environment, `.env`, files with secrets, defaults; and what is wrong with them, all at once.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use lekalo_migrate::tls;
use nix::fcntl::OFlag;

use super::{KNOWN, SECRETS, Shown, address};
use crate::import::{sandbox, upload};
use crate::jwt;
use crate::tls_server;

/// Values with where each came from.
#[derive(Default)]
pub(super) struct Source {
    pub(super) values: BTreeMap<String, (String, String)>,
    pub(super) errors: Vec<String>,
    pub(super) warnings: Vec<String>,
}

impl Source {
    /// What stands in the working directory may be a stranger's, and says where passwords go.
    pub(super) fn read_file(&mut self, path: &Path) {
        // A pipe would be waited for.
        let file = std::fs::OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path);
        let file = match file {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(_) => return self.errors.push(format!("{}: the file cannot be read", path.display())),
        };
        // The one that is read, and the link that leads to it.
        for metadata in [file.metadata(), std::fs::symlink_metadata(path)] {
            let problem = metadata.map_or_else(|error| Some(error.to_string()), |metadata| distrust(&metadata));
            if let Some(problem) = problem {
                return self.errors.push(format!("{}: {problem}", path.display()));
            }
        }
        let entries = dotenvy::from_read_iter(file);
        for entry in entries {
            match entry {
                Ok((name, _)) if name == "LEKALO_PG_BIN" => self.errors.push(format!(
                    "{}: LEKALO_PG_BIN says which programs are run, so it is read from the environment alone",
                    path.display()
                )),
                Ok((name, value)) => {
                    self.values.insert(name, (value, path.display().to_string()));
                }
                // The line may hold a secret: only its name-like beginning is repeated.
                Err(_) => {
                    self.errors.push(format!("{}: a line is not NAME=value", path.display()));
                    break;
                }
            }
        }
    }

    /// Takes secrets out of the files that are named instead of them.
    pub(super) fn read_secrets(&mut self) {
        for name in SECRETS {
            let file_name = format!("{name}_FILE");
            let Some((path, origin)) = self.values.remove(&file_name).filter(|(path, _)| !path.is_empty()) else {
                continue;
            };
            if self.values.get(name).is_some_and(|(value, _)| !value.is_empty()) {
                self.errors.push(format!("{file_name} ({origin}): {name} is set too; unset one of them"));
                continue;
            }
            match read_line(Path::new(&path)) {
                Ok(value) if value.trim().is_empty() => {
                    self.errors.push(format!("{file_name} ({origin}): {path} is empty"));
                }
                Ok(value) => {
                    let value = value.trim_end_matches(['\r', '\n']).to_owned();
                    if value.contains(char::is_control) {
                        self.errors.push(format!("{file_name} ({origin}): {path} has more than one line"));
                        continue;
                    }
                    self.values.insert(name.to_owned(), (value, path));
                }
                Err(error) => self.errors.push(format!("{file_name} ({origin}): {path} cannot be read: {error}")),
            }
        }
    }

    pub(super) fn warn_of_unknown_names(&mut self) {
        for name in self.values.keys() {
            let ours = name.starts_with("DB_") || name.starts_with("LEKALO_");
            if !ours || KNOWN.iter().any(|(known, ..)| known == name) {
                continue;
            }
            let nearest = KNOWN
                .iter()
                .max_by(|(a, ..), (b, ..)| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
            let hint = nearest.map(|(known, ..)| format!("; did you mean {known}?")).unwrap_or_default();
            self.warnings.push(format!("{name} is not a setting of this program{hint}"));
        }
    }

    /// The value and where it came from.
    fn get(&self, name: &str) -> (String, String) {
        match self.values.get(name) {
            Some((value, origin)) if !value.is_empty() => (value.clone(), origin.clone()),
            _ => {
                let default = KNOWN.iter().find(|(known, ..)| *known == name).map_or("", |(_, default, _)| default);
                (default.to_owned(), "default".to_owned())
            }
        }
    }

    /// What may be told of the settings: of secrets only whether there are any.
    pub(super) fn shown(&self) -> BTreeMap<&'static str, Shown> {
        let show = |(name, ..): &(&'static str, &str, &str)| {
            let (value, from) = self.get(name);
            let value = if SECRETS.contains(name) && !value.is_empty() { "(secret)".to_owned() } else { value };
            (*name, Shown { value, from })
        };
        KNOWN.iter().map(show).collect()
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.get(name).0
    }

    pub(super) fn parse<T: Default>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> T {
        self.parse_or(name, T::default(), parse)
    }

    pub(super) fn parse_or<T>(&mut self, name: &str, fallback: T, parse: impl Fn(&str) -> Result<T, String>) -> T {
        let (value, origin) = self.get(name);
        parse(value.trim()).unwrap_or_else(|problem| {
            // What looks like a URL with a password in it is not repeated.
            let shown = if value.contains('@') { "…" } else { &value };
            self.errors.push(format!("{name}={shown} ({origin}): {problem}"));
            fallback
        })
    }

    /// A database's address, with `mode` where it does not say how to encrypt. The value is never repeated: it may hold a
    /// password.
    pub(super) fn database(&mut self, name: &str, mode: tls::Mode) -> Option<(tokio_postgres::Config, tls::Tls)> {
        let (text, origin) = self.get(name);
        if text.is_empty() {
            return None;
        }
        match address::read(&text, mode) {
            Ok(address) => {
                if !address.ignored.is_empty() {
                    self.warnings.push(format!("{name} ({origin}): of no effect: {}", address.ignored.join(", ")));
                }
                Some((address.config, address.tls))
            }
            Err(problem) => {
                self.errors.push(format!("{name} ({origin}): {problem}"));
                Some(Default::default())
            }
        }
    }

    /// The files of the server's TLS, where any is set; that one is missing is said with what else is wrong with them.
    pub(super) fn tls_server(&self) -> Option<tls_server::Files> {
        let [certificate, key, roots] =
            ["LEKALO_TLS_CERT", "LEKALO_TLS_KEY", "LEKALO_TLS_CLIENT_CA"].map(|name| PathBuf::from(self.text(name)));
        let client_roots = Some(roots).filter(|path| !path.as_os_str().is_empty());
        let files = tls_server::Files { certificate, key, client_roots };
        (files != tls_server::Files::default()).then_some(files)
    }

    /// What is asked of JWTs; what is missing there is said by who needs it.
    pub(super) fn jwt(&mut self) -> jwt::Settings {
        let audiences = self.text("LEKALO_JWT_AUDIENCE");
        let audiences = audiences.split(',').map(str::trim).filter(|audience| !audience.is_empty());
        jwt::Settings {
            issuer: self.text("LEKALO_JWT_ISSUER"),
            audiences: audiences.map(str::to_owned).collect(),
            keys: self.parse(
                "LEKALO_JWT_JWKS",
                |value| {
                    if value.is_empty() { Ok(None) } else { value.parse().map(Some) }
                },
            ),
            role_claim: self.text("LEKALO_JWT_ROLE_CLAIM"),
            tenants_claim: self.text("LEKALO_JWT_TENANTS_CLAIM"),
        }
    }

    pub(super) fn uploads(&mut self) -> upload::UploadLimits {
        upload::UploadLimits {
            file_bytes: self.mebibytes("LEKALO_UPLOAD_MIB", 1),
            at_once: self.parse("LEKALO_UPLOADS", |value| count(value, 1)),
            per_tenant: self.parse("LEKALO_UPLOADS_PER_TENANT", |value| count(value, 1)),
        }
    }

    pub(super) fn extract(&mut self) -> sandbox::SandboxLimits {
        sandbox::SandboxLimits {
            // With less, not even the program itself fits.
            memory_bytes: self.mebibytes("LEKALO_EXTRACT_MEMORY_MIB", 128),
            seconds: self.parse("LEKALO_EXTRACT_SECONDS", |value| whole(value, 1, 3600)),
            inflated_bytes: self.mebibytes("LEKALO_EXTRACT_INFLATED_MIB", 1),
            answer_bytes: self.mebibytes("LEKALO_EXTRACT_ANSWER_MIB", 1),
        }
    }

    /// A number of MiB, as bytes.
    pub(super) fn mebibytes(&mut self, name: &str, least: u64) -> u64 {
        self.parse(name, |value| whole(value, least, 65_536)) << 20
    }

    pub(super) fn database_parts(&mut self) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        let port = self.parse_or("DB_PORT", 5432, |value| {
            if value.contains("://") {
                return Err(
                    "is a service address that Kubernetes injects for a service called `db`; set DB_PORT to a \
                            port number in the pod, or `enableServiceLinks: false`"
                        .to_owned(),
                );
            }
            whole(value, 1, u16::MAX).map_err(|_| "must be a port number, 1 to 65535".to_owned())
        });
        config.host(self.text("DB_HOST")).port(port).dbname(self.text("DB_NAME")).user(self.text("DB_USER"));
        let password = self.text("DB_PASSWORD");
        if !password.is_empty() {
            config.password(password);
        }
        if !address::has_plain_hosts(&config) {
            let (_, origin) = self.get("DB_HOST");
            self.errors.push(format!("DB_HOST ({origin}): must be a host's name or address, or a socket's folder"));
        }
        config
    }
}

/// Why a file is nobody's but who runs this, if it is not.
fn distrust(metadata: &std::fs::Metadata) -> Option<String> {
    let me = nix::unistd::geteuid().as_raw();
    if metadata.uid() != me {
        return Some(format!(
            "it belongs to the user {}, so it is not read; run this elsewhere, or chown it",
            metadata.uid()
        ));
    }
    if !metadata.is_file() && !metadata.is_symlink() {
        return Some("it is no file".to_owned());
    }
    // What a link leads to has its own mode.
    let writable = !metadata.is_symlink() && metadata.mode() & 0o022 != 0;
    writable.then(|| "others may write it, so it is not read; chmod go-w it".to_owned())
}

/// What a file of one line says; no more of it is read than a line may have.
fn read_line(path: &Path) -> std::io::Result<String> {
    const LONGEST: u64 = 64 << 10;
    let mut text = String::new();
    std::fs::File::open(path)?.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

pub(super) fn count(value: &str, least: usize) -> Result<usize, String> {
    whole(value, least, 1000)
}

pub(super) fn whole<T: FromStr + PartialOrd + fmt::Display>(value: &str, least: T, most: T) -> Result<T, String> {
    match value.parse() {
        Ok(number) if (&least..=&most).contains(&&number) => Ok(number),
        _ => Err(format!("must be a number from {least} to {most}")),
    }
}

/// How long something is kept; none: for ever. The database itself lets nothing go that is younger than the least of it.
pub(super) fn retention(value: &str) -> Result<Option<Duration>, String> {
    const DAY: u64 = 24 * 3600;
    if value == "0" {
        return Ok(None);
    }
    match humantime::parse_duration(value) {
        Ok(time) if (30 * DAY..=36_500 * DAY).contains(&time.as_secs()) => Ok(Some(time)),
        _ => Err("must be a time from 30d to 36500d, such as 400d, or 0 to keep everything".to_owned()),
    }
}

/// How long something may be out of date.
pub(super) fn stale(value: &str) -> Result<Duration, String> {
    match humantime::parse_duration(value) {
        Ok(time) if time <= Duration::from_secs(7 * 24 * 3600) => Ok(time),
        _ => Err("must be a time from 0s to 7d, such as 1h".to_owned()),
    }
}

pub(super) fn boolean(value: &str) -> Result<bool, String> {
    match value.to_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}
