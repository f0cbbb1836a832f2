//! What programs that are not ours see of our environment.

use std::ffi::OsString;
use std::process::Command;

/// All that PostgreSQL's own programs see of it: no passwords, no `PG*` settings of the user's.
const KEPT: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"];

/// What the names of settings begin with: the program's own, and those of where it sends its traces, which may have a token.
const SETTINGS: [&str; 4] = ["DATABASE_URL", "DB_", "LEKALO_", "OTEL_"];

/// The variables that PostgreSQL's own programs see.
pub(crate) fn kept() -> impl Iterator<Item = (&'static str, OsString)> {
    KEPT.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)))
}

/// Keeps our settings, passwords among them, from a program that works for the user and needs the rest of the environment.
pub fn hide_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_setting) {
            command.env_remove(name);
        }
    }
}

/// Whether a variable is one of ours.
pub fn is_setting(name: &str) -> bool {
    SETTINGS.iter().any(|beginning| name.starts_with(beginning))
}
