//! What the child that reads a stranger's file may still do once it has opened it: take memory, read that file, write its
//! answer.
//!
//! Landlock closes files and the network, seccomp all of the kernel that reading does not need; either also sees to it that
//! nothing is executed with more rights (`no_new_privs`). Each holds by itself: a kernel or a container may lack the other.

use std::collections::BTreeMap;
use std::error::Error;

use landlock::{ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetStatus, Scope};
use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

/// Closes every path, TCP, and signals to other processes, as far as the kernel can; what is open stays so.
///
/// # Errors
/// When the kernel has no Landlock, or refuses it.
pub(super) fn restrict_files() -> Result<(), Box<dyn Error>> {
    let newest = ABI::V10;
    let restricted = Ruleset::default()
        .handle_access(AccessFs::from_all(newest))?
        .handle_access(AccessNet::from_all(newest))?
        .scope(Scope::from_all(newest))?
        .create()?
        .restrict_self()?;
    match restricted.ruleset {
        RulesetStatus::NotEnforced => Err("the kernel has none".into()),
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
    }
}

/// What reading, in any C library, is made of: memory, what is open, time, random numbers, and how a process ends.
const ALLOWED: [c_long; 21] = [
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_read,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_yield,
    libc::SYS_sigaltstack,
    libc::SYS_write,
    libc::SYS_writev,
];

/// Refuses (EPERM) every system call but those that reading needs, to all threads, and takes nothing back.
///
/// # Errors
/// When the kernel has no filters, or there are none for this processor.
pub(super) fn restrict_calls() -> Result<(), Box<dyn Error>> {
    let arch = std::env::consts::ARCH.try_into()?;
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> = ALLOWED.map(|call| (call, Vec::new())).into();
    // Memory may hold data, never new code.
    let no_code = SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64);
    rules.insert(libc::SYS_mmap, vec![rule(2, no_code.clone(), 0)?]);
    rules.insert(libc::SYS_mprotect, vec![rule(2, no_code, 0)?]);
    // A panic ends the process by a signal to itself.
    rules.insert(libc::SYS_tgkill, vec![rule(0, SeccompCmpOp::Eq, std::process::id().into())?]);
    // A list of what is allowed is short and the same on every processor, while one of what is forbidden would miss the x32
    // twins of calls and those of the next kernel. EPERM and no signal: a C library that tries another call goes on without.
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let filter: BpfProgram = SeccompFilter::new(rules, refused, SeccompAction::Allow, arch)?.try_into()?;
    Ok(seccompiler::apply_filter_all_threads(&filter)?)
}

/// An argument of a call that has to be so.
fn rule(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)?])
}

#[cfg(test)]
mod tests;
