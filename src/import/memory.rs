//! How much memory the container has left: the least that the limits of this process's control groups leave.
//!
//! Groups are nested, and each may have a limit; which of their files say so depends on the system's version of them.

/// Memory that may still be taken, and the limit behind that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// What is not in use, or in use only as a copy of what is on the disk.
    pub bytes: u64,
    /// The limit that leaves so little.
    pub limit: u64,
}

/// What is left to this process; nothing to say where nobody limits it.
#[cfg(target_os = "linux")]
pub fn left() -> Option<Left> {
    groups::left(std::path::Path::new("/"))
}

/// Elsewhere there are no such groups.
#[cfg(not(target_os = "linux"))]
pub fn left() -> Option<Left> {
    None
}

#[cfg(target_os = "linux")]
mod groups {
    use std::collections::HashMap;
    use std::fs;
    use std::path::{Path, PathBuf};

    use procfs::process::{MountInfo, MountInfos};
    use procfs::{FromRead as _, ProcessCGroups};

    use super::Left;

    /// What the files of a version are called.
    struct Version {
        file_system: &'static str,
        limit: &'static str,
        usage: &'static str,
        /// The lines of `memory.stat`, of a group with those in it, about files that can be read from the disk again.
        files: [&'static str; 2],
    }

    const V1: Version = Version {
        file_system: "cgroup",
        limit: "memory.limit_in_bytes",
        usage: "memory.usage_in_bytes",
        files: ["total_inactive_file", "total_active_file"],
    };
    const V2: Version = Version {
        file_system: "cgroup2",
        limit: "memory.max",
        usage: "memory.current",
        files: ["inactive_file", "active_file"],
    };

    /// As the first version says that there is no limit: the most whole pages that a signed number can count.
    const NO_LIMIT: u64 = 1 << 62;

    /// What is left on a machine whose files are under `root`.
    pub(super) fn left(root: &Path) -> Option<Left> {
        let (top, own, version) = own_group(root)?;
        let groups = own.ancestors().take_while(|group| group.starts_with(&top));
        groups.filter_map(|group| left_in(group, version)).min_by_key(|left| left.bytes)
    }

    /// The folder of all groups that can be seen, of this process's own in it, and of which version they are.
    fn own_group(root: &Path) -> Option<(PathBuf, PathBuf, &'static Version)> {
        let mounts = MountInfos::from_file(root.join("proc/self/mountinfo")).ok()?.0;
        let groups = ProcessCGroups::from_file(root.join("proc/self/cgroup")).ok()?.0;
        let has_memory =
            |mount: &&MountInfo| mount.fs_type == V1.file_system && mount.super_options.contains_key("memory");
        // Where both versions are there, memory is limited by the one that has it.
        let (mount, version) = match mounts.iter().find(has_memory) {
            Some(mount) => (mount, &V1),
            None => (mounts.iter().find(|mount| mount.fs_type == V2.file_system)?, &V2),
        };
        let is_own = |controllers: &[String]| match version.file_system {
            "cgroup" => controllers.iter().any(|controller| controller == "memory"),
            _ => controllers.is_empty(),
        };
        let own = groups.iter().find(|group| is_own(&group.controllers))?;
        let top = root.join(mount.mount_point.strip_prefix("/").ok()?);
        // A container may see its own group alone, mounted as if there were no other.
        let below = Path::new(&own.pathname).strip_prefix(&mount.root).ok();
        let below = below.filter(|below| !below.starts_with("..") && top.join(below).is_dir());
        let own = below.map_or_else(|| top.clone(), |below| top.join(below));
        Some((top, own, version))
    }

    /// What one group's limit leaves, if it has one.
    fn left_in(group: &Path, version: &Version) -> Option<Left> {
        let number = |name| fs::read_to_string(group.join(name)).ok()?.trim().parse::<u64>().ok();
        let limit = number(version.limit).filter(|limit| *limit < NO_LIMIT)?;
        let usage = number(version.usage)?;
        let stat = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
        let stat: HashMap<&str, u64> = stat
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter_map(|(name, value)| Some((name, value.parse().ok()?)))
            .collect();
        let files: u64 = version.files.iter().filter_map(|name| stat.get(name)).sum();
        Some(Left { bytes: limit.saturating_sub(usage.saturating_sub(files)), limit })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::groups::left;

    const MIB: u64 = 1 << 20;

    /// A machine with these files.
    fn machine(files: &[(&str, &str)]) -> TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn mib(root: &TempDir) -> Option<(u64, u64)> {
        left(root.path()).map(|left| (left.bytes / MIB, left.limit / MIB))
    }

    const V2_MOUNT: &str = "24 1 0:21 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";

    #[test]
    fn a_container_that_sees_its_own_group_alone() {
        let files = [
            ("proc/self/mountinfo", V2_MOUNT),
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/memory.max", "134217728\n"),
            ("sys/fs/cgroup/memory.current", "94371840\n"),
            ("sys/fs/cgroup/memory.stat", "anon 41943040\ninactive_file 20971520\nactive_file 10485760\nslab 1\n"),
        ];
        assert_eq!(mib(&machine(&files)), Some((68, 128)), "a file's copy makes room when it is needed");
        let unlimited: Vec<_> =
            files.iter().map(|(path, text)| (*path, if path.ends_with("max") { "max\n" } else { *text })).collect();
        assert_eq!(mib(&machine(&unlimited)), None);
    }

    #[test]
    fn the_least_on_the_way_up_holds() {
        let group = |limits: [&str; 3]| {
            machine(&[
                ("proc/self/mountinfo", V2_MOUNT),
                ("proc/self/cgroup", "0::/shop/bot\n"),
                ("sys/fs/cgroup/memory.stat", ""),
                ("sys/fs/cgroup/shop/memory.max", limits[0]),
                ("sys/fs/cgroup/shop/memory.current", "104857600"),
                ("sys/fs/cgroup/shop/bot/memory.max", limits[1]),
                ("sys/fs/cgroup/shop/bot/memory.current", "52428800"),
                ("sys/fs/cgroup/shop/other/memory.max", limits[2]),
                ("sys/fs/cgroup/shop/other/memory.current", "1"),
            ])
        };
        assert_eq!(mib(&group(["max", "max", "1"])), None);
        assert_eq!(mib(&group(["209715200", "max", "1"])), Some((100, 200)));
        assert_eq!(mib(&group(["209715200", "104857600", "1"])), Some((50, 100)));
        assert_eq!(mib(&group(["115343360", "1073741824", "1"])), Some((10, 110)));
        assert_eq!(mib(&group(["52428800", "max", "1"])), Some((0, 50)), "more is in use than may be");
    }

    #[test]
    fn the_first_version_says_it_in_files_of_other_names() {
        let mounts = |root| {
            format!(
                "35 31 0:32 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                 36 31 0:33 {root} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                 38 31 0:41 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
            )
        };
        let own = "5:memory:/docker/abc\n1:cpu:/elsewhere\n0::/elsewhere\n";
        let stat = "inactive_file 1\ntotal_inactive_file 10485760\ntotal_active_file 1048576\n";
        for (mount, folder) in [("/", "sys/fs/cgroup/memory/docker/abc"), ("/docker/abc", "sys/fs/cgroup/memory")] {
            let path = |name: &str| format!("{folder}/{name}");
            let (limit, usage, details) =
                (path("memory.limit_in_bytes"), path("memory.usage_in_bytes"), path("memory.stat"));
            let mounts = mounts(mount);
            let with = |limited| {
                machine(&[
                    ("proc/self/mountinfo", mounts.as_str()),
                    ("proc/self/cgroup", own),
                    (&limit, limited),
                    (&usage, "73400320\n"),
                    (&details, stat),
                    ("sys/fs/cgroup/unified/elsewhere/memory.max", "1"),
                    ("sys/fs/cgroup/unified/elsewhere/memory.current", "1"),
                ])
            };
            assert_eq!(mib(&with("536870912\n")), Some((453, 512)), "{mount}");
            assert_eq!(mib(&with("9223372036854771712\n")), None, "{mount}");
        }
    }

    #[test]
    fn a_machine_that_says_nothing_limits_nothing() {
        assert_eq!(mib(&machine(&[])), None);
        assert_eq!(mib(&machine(&[("proc/self/mountinfo", V2_MOUNT), ("proc/self/cgroup", "garbage")])), None);
        assert_eq!(mib(&machine(&[("proc/self/mountinfo", ""), ("proc/self/cgroup", "0::/\n")])), None);
    }
}
