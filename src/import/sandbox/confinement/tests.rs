//! Children that confine themselves as the reader does, and then try what a hostile file might have them do.
//!
//! A child is this test binary again. What a kernel lacks is taken from it by a filter of its own, beforehand.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use libc::{EACCES, EBADF, EMFILE, ENOSYS, EPERM};

use super::*;
use crate::import::sandbox::{OwnLimits, limit_self};

/// Names the folder that a child works in.
const FOLDER: &str = "LEKALO_TEST_CONFINED_IN";
/// Names the system call that a child's kernel lacks.
const LACKING: &str = "LEKALO_TEST_LACKING";
const TEXT: &str = "Марка,Модель\nКедр,А6\n";

/// How each attempt of a child ended: with an error's number, or none where it succeeded.
type Attempts = BTreeMap<String, Option<i32>>;

struct Outcome {
    attempts: Attempts,
    /// What it could read of its file.
    read: String,
    /// What it said of itself.
    said: String,
    has_no_new_privs: bool,
    /// The numbers of system calls that its filter, if it has one, let through beside those that reading needs.
    let_through: Option<Vec<c_long>>,
}

/// Runs a child on a kernel that lacks this call.
fn confined(lacking: &str) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["given", "other"] {
        fs::write(path(name), TEXT).unwrap();
    }
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let _unix = UnixListener::bind(path("socket")).unwrap();
    fs::write(path("addr"), tcp.local_addr().unwrap().to_string()).unwrap();
    // As the server's handle of an upload, it could be written to.
    let stdin = File::options().read(true).write(true).open(path("given")).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "import::sandbox::confinement::tests::child", "--ignored", "--nocapture"])
        .envs([(FOLDER, folder.path().as_os_str()), (LACKING, lacking.as_ref())])
        .stdin(stdin)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{}: {said}", output.status);
    assert_eq!(fs::read_to_string(path("given")).unwrap(), TEXT);
    let stdout = String::from_utf8(output.stdout).unwrap();
    let answer = stdout.lines().find(|line| line.starts_with("[{")).unwrap();
    let (attempts, read, has_no_new_privs, let_through) = serde_json::from_str(answer).unwrap();
    Outcome { attempts, read, said, has_no_new_privs, let_through }
}

#[test]
#[ignore = "what the children of the other tests run"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let lacking = match std::env::var(LACKING).unwrap().as_str() {
        "" => None,
        "landlock" => Some(libc::SYS_landlock_create_ruleset),
        "seccomp" => Some(libc::SYS_seccomp),
        other => panic!("{other}"),
    };
    if let Some(call) = lacking {
        let arch = std::env::consts::ARCH.try_into().unwrap();
        let missing = SeccompAction::Errno(ENOSYS as u32);
        let filter = SeccompFilter::new([(call, vec![])].into(), SeccompAction::Allow, missing, arch).unwrap();
        seccompiler::apply_filter_all_threads(&BpfProgram::try_from(filter).unwrap()).unwrap();
    }
    // What is said at the end is no part of what is tried.
    let parent = nix::unistd::getppid();
    let mut status = File::open("/proc/thread-self/status").unwrap();
    let folder = Path::new(&folder);
    let addr = fs::read_to_string(folder.join("addr")).unwrap();
    let mut given = File::open(folder.join("given")).unwrap();
    limit_self(limits(), &given).unwrap();
    let attempts = attempts(folder, &addr, parent);
    let (mut read, mut state) = (String::new(), String::new());
    given.read_to_string(&mut read).unwrap();
    status.read_to_string(&mut state).unwrap();
    let has_no_new_privs = state.contains("NoNewPrivs:\t1\n");
    // Without a filter they would all be carried out.
    let let_through = lacking != Some(libc::SYS_seccomp) && state.contains("Seccomp:\t2\n");
    let let_through = let_through.then(let_through_calls);
    let answer = serde_json::to_string(&(attempts, read, has_no_new_privs, let_through)).unwrap();
    io::stdout().lock().write_all(format!("\n{answer}\n").as_bytes()).unwrap();
    std::process::exit(0);
}

fn limits() -> OwnLimits {
    use clap::{Args as _, FromArgMatches as _};
    let command = OwnLimits::augment_args(clap::Command::new("child"));
    OwnLimits::from_arg_matches(&command.get_matches_from(["child", "--limit-seconds=60"])).unwrap()
}

fn attempts(folder: &Path, addr: &str, parent: nix::unistd::Pid) -> Attempts {
    let other = folder.join("other");
    let nothing = Command::new("/bin/true");
    let kill = nix::sys::signal::kill(parent, None).map_err(io::Error::from);
    let stdin = nix::unistd::write(io::stdin(), b"x").map_err(io::Error::from);
    let tried = [
        ("open", File::open(&other).map(drop)),
        ("create", File::create(folder.join("new")).map(drop)),
        ("write to stdin", stdin.map(drop)),
        ("look", fs::metadata(&other).map(drop)),
        ("list", fs::read_dir("/").map(drop)),
        ("make a folder", fs::create_dir(folder.join("folder"))),
        ("delete", fs::remove_file(&other)),
        ("connect by TCP", TcpStream::connect(addr).map(drop)),
        ("listen", TcpListener::bind("127.0.0.1:0").map(drop)),
        ("connect by a path", UnixStream::connect(folder.join("socket")).map(drop)),
        ("signal", kill),
        ("execute", Err({ nothing }.exec())),
        ("start a process", Command::new("/bin/true").status().map(drop)),
        ("start a thread", std::thread::Builder::new().spawn(|| {}).map(drop)),
        ("map code", call(libc::SYS_mmap, [0, 4096, (libc::PROT_READ | libc::PROT_EXEC).into(), 0x22, -1, 0])),
        ("make code of data", call(libc::SYS_mprotect, [0, 4096, libc::PROT_EXEC.into(), 0, 0, 0])),
        ("signal a neighbour", call(libc::SYS_tgkill, [parent.as_raw().into(), parent.as_raw().into(), 0, 0, 0, 0])),
    ];
    tried.map(|(name, tried)| (name.to_owned(), tried.err().map(|error| error.raw_os_error().unwrap_or(-1)))).into()
}

/// Which of all system calls, and of the x32 twins for them, are not refused; those that reading needs left out.
fn let_through_calls() -> Vec<c_long> {
    const X32: c_long = 0x4000_0000;
    let needed = [&ALLOWED[..], &[libc::SYS_mmap, libc::SYS_mprotect, libc::SYS_tgkill]].concat();
    // By uretprobe and uprobe x86's kernel enters probed code; no filter is asked, and from elsewhere they end the process.
    let is_probe = |number: &c_long| (335..=336).contains(number);
    let numbers = (0..700).filter(|number| !needed.contains(number) && !is_probe(number)).chain(X32..X32 + 700);
    let is_refused = |number: &c_long| call(*number, [0; 6]).is_err_and(|error| error.raw_os_error() == Some(EPERM));
    numbers.filter(|number| !is_refused(number)).collect()
}

/// Any system call, as what has taken over the child would make it.
#[allow(unsafe_code, reason = "calls that no library makes")]
fn call(number: c_long, arguments: [c_long; 6]) -> io::Result<()> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: no memory of ours is named, and what would harm this child is what has to fail.
    let answer = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Every attempt is refused, and the file it was given is read.
fn assert_refused(outcome: &Outcome) {
    assert_eq!(outcome.read, TEXT);
    assert!(outcome.has_no_new_privs);
    assert_eq!(outcome.let_through, Some(Vec::new()));
    assert_eq!(outcome.attempts.len(), 17);
    for (name, error) in &outcome.attempts {
        let expected = if name == "write to stdin" { EBADF } else { EPERM };
        assert_eq!(*error, Some(expected), "{name}");
    }
}

#[test]
fn a_confined_child_reads_its_file_and_does_nothing_else() {
    let outcome = confined("");
    assert_refused(&outcome);
    assert!(!outcome.said.contains("seccomp"), "{}", outcome.said);
}

#[test]
fn without_landlock_it_goes_on_and_says_so() {
    let outcome = confined("landlock");
    assert_refused(&outcome);
    assert!(outcome.said.contains("without Landlock: the kernel has none\n"), "{}", outcome.said);
}

#[test]
fn without_seccomp_it_is_confined_by_landlock_and_says_so() {
    let outcome = confined("seccomp");
    assert!(outcome.said.contains("without seccomp: "), "{}", outcome.said);
    assert!(outcome.has_no_new_privs);
    assert_eq!(outcome.read, TEXT);
    let error = |name: &str| outcome.attempts[name];
    assert_eq!(error("write to stdin"), Some(EBADF));
    for name in ["open", "create", "list", "connect by TCP", "listen", "connect by a path"] {
        assert_eq!(error(name), Some(EMFILE), "{name}");
    }
    if outcome.said.contains("without Landlock") {
        println!("this kernel has no Landlock");
        return;
    }
    for name in ["make a folder", "delete", "execute"] {
        assert_eq!(error(name), Some(EACCES), "{name}");
    }
}
