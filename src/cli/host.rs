//! What a server needs of the machine it runs on: looked at when it starts, and said with the remedy.

use std::io::Write as _;
use std::path::Path;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::statvfs::statvfs;

use super::output::UserError;
use crate::import::memory;
use crate::import::upload::UploadLimits;

/// Makes room for as many connections as the system allows at all, and sees that uploaded files have a place.
///
/// # Errors
/// When files cannot be written where they are to wait.
pub fn prepare(uploads: &UploadLimits, connections: usize) -> anyhow::Result<()> {
    raise_open_files();
    check_open_files(connections);
    check_folder(&std::env::temp_dir(), uploads)
}

/// The soft limit on file descriptors is low for the sake of programs that number them in sets of 1024 bits; this is none.
fn raise_open_files() {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    if soft < hard
        && let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
    {
        tracing::warn!(%error, soft, hard, "the limit on open files stays as it is");
    }
}

/// What else the process has open: connections to the database, uploads, what reads them.
const OTHER_FILES: u64 = 128;

/// Each connection takes one.
fn check_open_files(connections: usize) {
    if let Ok((most, _)) = getrlimit(Resource::RLIMIT_NOFILE)
        && most < connections as u64 + OTHER_FILES
    {
        tracing::warn!(
            "this process may have {most} files open, too few for {connections} connections: raise its hard limit \
             (`ulimit -n`, LimitNOFILE= of systemd, --ulimit nofile= of docker), or lower LEKALO_MAX_CONNECTIONS"
        );
    }
}

/// Uploaded files wait in `folder`: they must fit.
#[allow(clippy::useless_conversion, reason = "not on every system are they so wide")]
fn check_folder(folder: &Path, uploads: &UploadLimits) -> anyhow::Result<()> {
    let written = tempfile::tempfile_in(folder).and_then(|mut file| file.write_all(b"price list"));
    written.map_err(|error| {
        UserError::error(
            format!("uploaded files are to wait in {}, which cannot be written to: {error}", folder.display()),
            "name a folder that this user may write to in TMPDIR; in a container with a read-only root, mount a volume there",
        )
    })?;
    let wanted = uploads.file_bytes.saturating_mul(uploads.at_once as u64) >> 20;
    let free = statvfs(folder).map(|it| (u64::from(it.blocks_available()) * u64::from(it.fragment_size())) >> 20);
    if let Ok(free) = free
        && free < wanted
    {
        tracing::warn!(
            "uploaded files may take {wanted} MiB and {} has {free} MiB left: name another folder in TMPDIR, or lower \
             LEKALO_UPLOADS or LEKALO_UPLOAD_MIB",
            folder.display()
        );
    }
    // Without a limit that is the machine's business.
    if memory::left().is_some() && is_memory(folder) {
        tracing::warn!(
            "uploaded files wait in memory, for {} is a tmpfs: name a folder on a disk in TMPDIR, or count them in the \
             container's limit",
            folder.display()
        );
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn is_memory(folder: &Path) -> bool {
    use nix::sys::statfs::{TMPFS_MAGIC, statfs};
    statfs(folder).is_ok_and(|it| it.filesystem_type() == TMPFS_MAGIC)
}

#[cfg(not(target_os = "linux"))]
fn is_memory(_: &Path) -> bool {
    false
}
