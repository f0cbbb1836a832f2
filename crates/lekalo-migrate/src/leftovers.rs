//! What killed programs have left behind in a folder.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is called like that, is older than `age` and of this user; links are not followed.
pub(crate) fn find(folder: &Path, prefix: &str, age: Duration) -> impl Iterator<Item = (PathBuf, Metadata)> {
    let me = nix::unistd::Uid::current().as_raw();
    std::fs::read_dir(folder).into_iter().flatten().flatten().filter_map(move |entry| {
        let metadata = entry.path().symlink_metadata().ok()?;
        let is_old = metadata.modified().ok()?.elapsed().is_ok_and(|elapsed| elapsed > age);
        let is_so_called = entry.file_name().to_string_lossy().starts_with(prefix);
        (is_so_called && is_old && metadata.uid() == me).then(|| (entry.path(), metadata))
    })
}
