//! What the child that reads a stranger's file holds itself to.

use std::fs::File;

use nix::sys::resource::{Resource, setrlimit};

#[cfg(target_os = "linux")]
use super::confinement;

/// What the child holds itself to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::Args)]
pub struct OwnLimits {
    /// Address space this process may use
    #[arg(long, value_name = "BYTES", hide = true)]
    limit_memory: Option<u64>,
    /// Memory of its own this process may use, without what it shares, such as the program itself
    #[arg(long, value_name = "BYTES", hide = true)]
    limit_data: Option<u64>,
    /// Processor time this process may use
    #[arg(long, value_name = "SECONDS", hide = true)]
    limit_seconds: Option<u64>,
}

/// Lowers this process's limits; the child does so when it has opened `file` and before it reads it.
///
/// From then on it can open nothing, start nothing, connect to nothing and write to nothing but pipes, as far as the system
/// can hold it to that; what the system cannot is said on stderr.
///
/// # Errors
/// When the system refuses a limit.
pub fn limit_self(limits: OwnLimits, file: &File) -> std::io::Result<()> {
    if limits == OwnLimits::default() {
        return Ok(());
    }
    // The server's own handle of the file, which could be written to, may be what stdin is.
    nix::unistd::dup2_stdin(file)?;
    #[cfg(target_os = "linux")]
    {
        // Should the container's memory end all the same, the kernel is to take this process and not the server.
        if let Err(error) = std::fs::write("/proc/self/oom_score_adj", "1000") {
            eprintln!("the kernel could not be told whom to end first: {error}");
        }
        if let Err(error) = confinement::restrict_files() {
            eprintln!("without Landlock: {error}");
        }
    }
    let chosen = [
        (Resource::RLIMIT_AS, limits.limit_memory),
        (Resource::RLIMIT_DATA, limits.limit_data),
        (Resource::RLIMIT_CPU, limits.limit_seconds),
    ];
    let none = [Resource::RLIMIT_FSIZE, Resource::RLIMIT_NPROC, Resource::RLIMIT_NOFILE, Resource::RLIMIT_CORE];
    let chosen = chosen.into_iter().filter_map(|(resource, most)| Some((resource, most?)));
    for (resource, most) in chosen.chain(none.map(|resource| (resource, 0))) {
        setrlimit(resource, most, most)?;
    }
    // Last, for none of the above would be allowed any more.
    #[cfg(target_os = "linux")]
    if let Err(error) = confinement::restrict_calls() {
        eprintln!("without seccomp: {error}");
    }
    Ok(())
}
