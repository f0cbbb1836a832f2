//! Running PostgreSQL's programs: as whom, with which environment, and never longer than we live.

use std::{
    fs::File,
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{SigHandler, Signal, kill},
    unistd::Pid,
};
use tokio::{sync::watch, time::timeout};

use crate::data_dir::Account;
use crate::environment;

/// How long a fast shutdown (SIGINT) may take before an immediate one (SIGQUIT) follows, and that one before we give up.
const SHUTDOWN: Duration = Duration::from_secs(10);

/// A command for one of PostgreSQL's programs. It runs as `account` where there is one, in a process group of its own
/// (a Ctrl-C in the terminal is ours to handle, not the server's), and is told to stop when the calling thread ends.
pub(crate) fn command(program: &Path, account: Option<&Account>) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(environment::kept())
        .env("LC_ALL", "C") // macOS refuses to start a server without one
        .current_dir("/") // ours may be closed to `account`
        .stdin(Stdio::null())
        .process_group(0);
    if let Some(account) = account {
        // Given a uid, the standard library drops root's supplementary groups too.
        command.uid(account.uid).gid(account.gid);
    }
    stop_with_parent(&mut command);
    command
}

/// Has the kernel send SIGINT (fast shutdown) to the child when the thread that starts it ends, however it ends.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "PR_SET_PDEATHSIG has to be set between fork and exec")]
fn stop_with_parent(command: &mut Command) {
    let parent = Pid::this();
    let set_signal = move || {
        nix::sys::prctl::set_pdeathsig(Signal::SIGINT)?;
        // In the background of a script we ignore them, and so would the server until it has handlers of its own.
        for ignored in [Signal::SIGINT, Signal::SIGQUIT] {
            // SAFETY: the default is no handler that could be called.
            unsafe { nix::sys::signal::signal(ignored, SigHandler::SigDfl) }?;
        }
        // The parent may have died before the line above: then no signal will ever come.
        if nix::unistd::getppid() != parent {
            return Err(io::Error::from(nix::errno::Errno::ESRCH));
        }
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe work is allowed; the closure makes plain system calls,
    // allocates nothing and takes no lock. It runs after setuid, which would clear the signal.
    unsafe { command.pre_exec(set_signal) };
}

/// Other kernels have no such signal: a server left behind is stopped by the next start.
#[cfg(not(target_os = "linux"))]
fn stop_with_parent(_command: &mut Command) {}

/// A running `postgres` that is ours. Dropped, it is asked to stop, without waiting.
pub(crate) struct Postmaster {
    pid: Pid,
    exited: watch::Receiver<Option<ExitStatus>>,
}

impl Postmaster {
    /// Starts `command` from a thread that lives as long as the server (the kernel watches that thread, see
    /// [`stop_with_parent`]) and holds `lock` until the server is gone.
    pub(crate) fn spawn(mut command: Command, lock: File) -> io::Result<Self> {
        let (report, started) = mpsc::channel();
        let (exit, exited) = watch::channel(None);
        thread::Builder::new().name("postgres".into()).spawn(move || match command.spawn() {
            Err(error) => drop(report.send(Err(error))),
            Ok(mut child) => {
                // A starter that has gone away leaves the receiver closed: then the server is not wanted either.
                let unwanted = report.send(Ok(child.id())).is_err();
                if unwanted {
                    drop(child.kill());
                }
                let status = child.wait();
                drop(lock);
                exit.send_replace(status.ok());
            }
        })?;
        let id = started.recv().map_err(io::Error::other)??;
        let pid = Pid::from_raw(i32::try_from(id).map_err(io::Error::other)?);
        Ok(Self { pid, exited })
    }

    /// The server's end, once it has come.
    pub(crate) fn exit_status(&self) -> Option<ExitStatus> {
        *self.exited.borrow()
    }

    /// Waits for the server's end.
    pub(crate) fn ended(&self) -> impl Future<Output = Option<ExitStatus>> + Send + use<> {
        let mut exited = self.exited.clone();
        async move { exited.wait_for(Option::is_some).await.ok().and_then(|status| *status) }
    }

    /// Fast shutdown, then an immediate one. False when neither ended the server.
    pub(crate) async fn stop(&mut self) -> bool {
        for signal in [Signal::SIGINT, Signal::SIGQUIT] {
            self.signal(signal);
            if timeout(SHUTDOWN, self.exited.changed()).await.is_ok() {
                return true;
            }
        }
        self.has_ended()
    }

    /// The watching thread is gone once the server is: a closed channel says so even where the status was lost.
    fn has_ended(&self) -> bool {
        self.exit_status().is_some() || self.exited.has_changed().is_err()
    }

    fn signal(&self, signal: Signal) {
        // Only a living child is signalled: a reaped one's number may be somebody else's by now.
        if !self.has_ended() {
            let _ = kill(self.pid, signal); // it may be gone by now
        }
    }
}

impl Drop for Postmaster {
    fn drop(&mut self) {
        self.signal(Signal::SIGINT);
    }
}
