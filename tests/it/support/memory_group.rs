//! A control group with a limit on its memory, as a container has one. Only root can make it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{fs, io};

/// Goes when it is dropped, once its processes have ended.
pub struct MemoryGroup {
    folder: PathBuf,
    is_v2: bool,
}

impl MemoryGroup {
    /// A group that may have `mib` MiB.
    ///
    /// # Errors
    /// When the system does not let us.
    pub fn new(mib: u64) -> io::Result<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let is_v2 = !Path::new("/sys/fs/cgroup/memory").exists();
        let top = if is_v2 { "/sys/fs/cgroup" } else { "/sys/fs/cgroup/memory" };
        let name = format!("lekalo-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let group = Self { folder: Path::new(top).join(name), is_v2 };
        fs::create_dir(&group.folder)?;
        fs::write(group.file("memory.limit_in_bytes", "memory.max"), (mib << 20).to_string())?;
        Ok(group)
    }

    fn file(&self, v1: &str, v2: &str) -> PathBuf {
        self.folder.join(if self.is_v2 { v2 } else { v1 })
    }

    /// What a shell does to be in it.
    pub fn enter(&self) -> String {
        format!("echo $$ > {}", self.folder.join("cgroup.procs").display())
    }

    /// The most that was in use at once, in bytes, with copies of files.
    pub fn most(&self) -> u64 {
        let most = fs::read_to_string(self.file("memory.max_usage_in_bytes", "memory.peak")).unwrap_or_default();
        most.trim().parse().unwrap_or_default()
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        for _ in 0..100 {
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
