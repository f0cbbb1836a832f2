//! The process that reads a stranger's file: what it is given, what of its answer counts, and how each of its limits ends it.
//!
//! Instead of the program there is a shell here, which runs the "file" that it is to read.

use std::io::{BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use lekalo::import::sandbox::{Answer, Extractor, SandboxLimits, write_answer};
use lekalo_documents::table::{HeaderRow, Table, TableRow};
use lekalo_documents::{ExtractError, Notice, NoticeKind};

use crate::support::documents::{read, whole};
use crate::support::{LEKALO, limit};

/// Written by another process: a file that this one had open for writing could not be run while a test forks.
static SHELL: LazyLock<PathBuf> = LazyLock::new(|| script("shell", r#"eval "$(/bin/cat)""#));

/// A child that has something to say of itself.
static SAYS_SO: LazyLock<PathBuf> =
    LazyLock::new(|| script("says-so", r#"echo 'without Landlock: the kernel has none' >&2; echo '"end"'"#));

fn script(name: &str, line: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let write = r#"printf '#!/bin/sh\n%s\n' "$1" > "$0" && chmod 700 "$0""#;
    let made = Command::new("/bin/sh").args(["-c", write]).args([path.as_os_str(), line.as_ref()]).status().unwrap();
    assert!(made.success());
    path
}

fn open(script: &str, limits: SandboxLimits) -> Answer {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(script.as_bytes()).unwrap();
    file.rewind().unwrap();
    Extractor { program: SHELL.clone(), limits }.open(file).unwrap()
}

/// All that a script answers, in the batches it came in.
async fn batches(script: &str, limits: SandboxLimits) -> Result<Vec<Vec<u8>>, ExtractError> {
    let mut answer = open(script, limits);
    let mut batches = Vec::new();
    while let Some(lines) = answer.next().await? {
        batches.push(lines);
    }
    // After the end there is nothing more.
    assert_eq!(answer.next().await, Ok(None));
    Ok(batches)
}

async fn answer(script: &str, limits: SandboxLimits) -> Result<String, ExtractError> {
    Ok(String::from_utf8(batches(script, limits).await?.concat()).unwrap())
}

fn unreadable() -> ExtractError {
    ExtractError::new(
        "FILE_UNREADABLE",
        "the file could not be read: reading it broke off",
        "save the price list anew, as XLSX or CSV, and upload that",
    )
}

fn stopped(limits: &SandboxLimits) -> ExtractError {
    let (memory, seconds) = (limits.memory_bytes >> 20, limits.seconds);
    let message = format!("reading the file took more than {memory} MiB of memory or {seconds} s and was stopped");
    ExtractError::new("LIMIT_EXCEEDED", message, "split the file, or save it as CSV")
}

#[tokio::test]
async fn it_gets_its_limits_the_file_and_nothing_else() {
    limit();
    let limits = SandboxLimits { memory_bytes: 1, seconds: 20, inflated_bytes: 300, ..SandboxLimits::default() };
    let script = r#"printf '%s\n' "$@"; /usr/bin/wc -c < /proc/$$/environ; /bin/pwd; echo '"end"'"#;
    let told = answer(script, limits).await.unwrap();
    let expected =
        "extract\n--json\n--limit-memory=1\n--limit-seconds=20\n--limit-inflated=300\n--\n/dev/stdin\n0\n/\n";
    assert_eq!(told, format!("{expected}\"end\"\n"));
    let usual = SandboxLimits::default();
    assert_eq!((usual.memory_bytes, usual.seconds), (1 << 30, 60));
    assert_eq!((usual.answer_bytes, usual.inflated_bytes), (256 << 20, 256 << 20));
}

#[tokio::test]
async fn an_answer_without_its_last_line_counts_for_nothing() {
    limit();
    assert_eq!(answer("echo '\"end\"'", SandboxLimits::default()).await.unwrap(), "\"end\"\n");
    assert_eq!(answer("echo row; echo '\"end\"'", SandboxLimits::default()).await.unwrap(), "row\n\"end\"\n");
    // A refusal is an answer, however the process ends.
    let refused = "echo '{\"error\": {}}'; exit 1";
    assert_eq!(answer(refused, SandboxLimits::default()).await.unwrap(), "{\"error\": {}}\n");
    for script in [
        "",
        "exit 3",
        "echo row",
        "printf row",
        "printf '\"end\"'",
        "echo '\"end\"'; echo row",
        "echo '\"end\"'; printf row",
        "echo ' \"end\"'",
        "echo '\"end\" '",
        "echo '{\"row\":[1,1,[]]}'; exit 0",
        "kill -SEGV $$",
        "echo row; kill -ABRT $$",
    ] {
        assert_eq!(answer(script, SandboxLimits::default()).await.unwrap_err(), unreadable(), "{script}");
    }
    let nowhere = Extractor { program: "/nowhere/lekalo".into(), limits: SandboxLimits::default() };
    let error = nowhere.open(tempfile::tempfile().unwrap()).unwrap_err();
    assert_eq!((error.code.as_str(), error.hint.as_str()), ("INTERNAL", "try again"));
}

#[tokio::test]
async fn a_process_that_the_system_ends_met_a_limit() {
    limit();
    let limits = SandboxLimits { memory_bytes: 7 << 20, seconds: 9, ..SandboxLimits::default() };
    for script in [
        "kill -KILL $$",
        "echo row; kill -XCPU $$",
        "echo 'memory allocation of 9 bytes failed' >&2; kill -ABRT $$",
        "echo 'cannot fork: out of memory' >&2; exit 1",
        "echo 'Cannot allocate memory (os error 12)' >&2; exit 1",
    ] {
        assert_eq!(answer(script, limits.clone()).await.unwrap_err(), stopped(&limits), "{script}");
    }
    // What it says beside its answer is heard to the end, or it would wait, but no more than the beginning is kept.
    let talk = "/usr/bin/head -c 300000 /dev/zero >&2";
    assert_eq!(answer(&format!("{talk}; echo '\"end\"'"), limits.clone()).await.unwrap(), "\"end\"\n");
    assert_eq!(answer(&format!("{talk}; echo 'out of memory' >&2"), limits.clone()).await.unwrap_err(), unreadable());
    let some = "/usr/bin/head -c 4000 /dev/zero >&2; echo 'out of memory' >&2";
    assert_eq!(answer(some, limits.clone()).await.unwrap_err(), stopped(&limits));
}

#[tokio::test]
async fn an_answer_may_be_as_long_as_allowed_and_not_a_byte_longer() {
    limit();
    // Lines of 1,000 bytes, with the last one all together so long.
    let lines = "line=$(/usr/bin/head -c 999 /dev/zero | /usr/bin/tr '\\0' x); n=0; while [ $n -lt 3146 ]; do echo $line; n=$((n+1)); done; echo '\"end\"'";
    let length = 3146 * 1000 + 6;
    let within = |answer_bytes: u64| SandboxLimits { answer_bytes, ..SandboxLimits::default() };
    let read = batches(lines, within(length)).await.unwrap();
    // A batch is whole lines, and as much as is worth the trouble.
    let (last, before) = read.split_last().unwrap();
    assert!(last.ends_with(b"x\n\"end\"\n"));
    assert_eq!(before.len(), length as usize / (132 * 1000));
    assert!(before.iter().all(|batch| batch.len() == 132 * 1000 && batch.ends_with(b"x\n")));
    assert_eq!(read.concat().len() as u64, length);
    let error = answer(lines, within(length - 1)).await.unwrap_err();
    let expected = "the rows of the file have more than 3 MiB of text";
    assert_eq!(error, ExtractError::new("LIMIT_EXCEEDED", expected, "split the file"));
}

#[tokio::test]
async fn a_line_may_be_a_mebibyte_long_and_not_a_byte_longer() {
    limit();
    let line =
        |bytes: usize| format!("/usr/bin/head -c {} /dev/zero | /usr/bin/tr '\\0' x; echo; echo '\"end\"'", bytes - 1);
    assert_eq!(answer(&line(1 << 20), SandboxLimits::default()).await.unwrap().len(), (1 << 20) + 6);
    let error = answer(&line((1 << 20) + 1), SandboxLimits::default()).await.unwrap_err();
    let message = "a row of the file has more than 1 MiB of text";
    assert_eq!(error, ExtractError::new("LIMIT_EXCEEDED", message, "delete the text that is no part of the table"));
}

#[tokio::test]
async fn it_is_waited_for_twice_its_time_but_its_reader_costs_it_none() {
    limit();
    let limits = SandboxLimits { seconds: 1, ..SandboxLimits::default() };
    let never = async {
        let started = Instant::now();
        let error = answer("echo row; exec /bin/sleep 600", limits.clone()).await.unwrap_err();
        assert_eq!(error, stopped(&limits));
        let elapsed = started.elapsed();
        assert!((Duration::from_secs(2)..Duration::from_secs(10)).contains(&elapsed), "{elapsed:?}");
    };
    let late = async {
        let told = answer("/bin/sleep 1.2; echo '\"end\"'", limits.clone()).await;
        assert_eq!(told.unwrap(), "\"end\"\n", "it may take longer than its processor time");
    };
    let slow_reader = async {
        let more = "/usr/bin/head -c 200000 /dev/zero | /usr/bin/tr '\\0' x; echo";
        let mut answer = open(&format!("{more}; {more}; {more}; echo '\"end\"'"), limits.clone());
        let first = answer.next().await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_millis(2100)).await;
        let mut length = first.len();
        while let Some(lines) = answer.next().await.unwrap() {
            length += lines.len();
        }
        assert_eq!(length, 3 * 200_001 + 6);
    };
    // However often something comes, in all it is waited for as long.
    let trickle = async {
        let script = format!(
            "while :; do {}; /bin/sleep 0.3; done",
            "/usr/bin/head -c 140000 /dev/zero | /usr/bin/tr '\\0' x; echo"
        );
        let started = Instant::now();
        assert_eq!(answer(&script, limits.clone()).await.unwrap_err(), stopped(&limits));
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    };
    tokio::join!(never, late, slow_reader, trickle);
}

#[tokio::test]
async fn it_ends_when_nobody_wants_its_answer() {
    limit();
    let row = "/usr/bin/head -c 200000 /dev/zero | /usr/bin/tr '\\0' x; echo";
    let mut answer = open(&format!("echo $$; {row}; exec /bin/sleep 600"), SandboxLimits::default());
    let lines = answer.next().await.unwrap().unwrap();
    let line = lines.split(|byte| *byte == b'\n').next().unwrap();
    let state = PathBuf::from(format!("/proc/{}/stat", String::from_utf8_lossy(line)));
    let is_alive = || std::fs::read_to_string(&state).is_ok_and(|stat| !stat.contains(") Z "));
    assert!(is_alive());
    drop(answer);
    let started = Instant::now();
    while is_alive() {
        assert!(started.elapsed() < Duration::from_secs(20), "it goes on");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What the system holds a process to.
fn system_limit(pid: u32, name: &str) -> Option<String> {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find(|line| line.starts_with(name))?;
    let values: Vec<&str> = line[name.len()..].split_whitespace().collect();
    Some(values[..2].join(" "))
}

#[test]
fn the_program_limits_itself_before_it_reads() {
    let mut child = Command::new(LEKALO)
        .args([
            "extract",
            "--json",
            "--limit-memory=900000000",
            "--limit-data=800000000",
            "--limit-seconds=77",
            "/dev/stdin",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It waits for its file; the last that it does before is to have its system calls filtered.
    let started = Instant::now();
    let status = || std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    while !status().contains("\nSeccomp:\t2\n") {
        assert!(started.elapsed() < Duration::from_secs(20), "{}", status());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(status().contains("\nNoNewPrivs:\t1\n"), "{}", status());
    let chosen = [("Max address space", 900_000_000), ("Max data size", 800_000_000), ("Max cpu time", 77)];
    let none = ["Max file size", "Max processes", "Max open files", "Max core file size"].map(|name| (name, 0));
    for (name, most) in chosen.into_iter().chain(none) {
        assert_eq!(system_limit(child.id(), name).unwrap(), format!("{most} {most}"), "{name}");
    }
    child.stdin.take().unwrap().write_all("Марка,Модель\nКедр,А6\n".as_bytes()).unwrap();
    let mut told = String::new();
    child.stdout.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(child.wait().unwrap().success());
    let table = r#"{"table":[["Марка","Модель"],[{"page_number":1,"cells":["Марка","Модель"]}],[],1]}"#;
    assert_eq!(told, format!("{table}\n{{\"row\":[1,1,[\"Кедр\",\"А6\"]]}}\n\"end\"\n"));
}

#[tokio::test]
async fn a_server_is_told_what_its_children_lack() {
    limit();
    let child = |program: &Path| Extractor { program: program.to_owned(), limits: SandboxLimits::default() };
    assert_eq!(child(Path::new(LEKALO)).try_out().await.unwrap(), "");
    let said = child(&SAYS_SO).try_out().await.unwrap();
    assert_eq!(said, "without Landlock: the kernel has none\n");
    let error = child(Path::new("/nowhere/lekalo")).try_out().await.unwrap_err();
    assert_eq!(error.code, "INTERNAL");
}

/// All its rows at once would take 150 MB.
#[test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
fn a_text_of_many_short_rows_takes_little_more_than_itself() {
    let (head, rows) = ("Марка,Модель\n", 1_000_000);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(format!("{head}{}", "Kia,Rio\n".repeat(rows)).as_bytes()).unwrap();
    file.rewind().unwrap();
    let mut child = Command::new(LEKALO)
        .args(["extract", "--json", "--limit-data=25000000", "/dev/stdin"])
        .stdin(file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let answer = BufReader::new(child.stdout.take().unwrap());
    let mut lines = answer.lines().map(Result::unwrap);
    assert!(lines.next().unwrap().ends_with(&format!(",{rows}]}}")));
    let last = lines.by_ref().take(rows).last().unwrap();
    assert_eq!(last, format!("{{\"row\":[1,{rows},[\"Kia\",\"Rio\"]]}}"));
    assert_eq!(lines.collect::<Vec<_>>(), ["\"end\""]);
    assert!(child.wait().unwrap().success());
}

#[tokio::test]
async fn what_it_answers_is_what_it_read() {
    limit();
    let table = Table {
        header: vec!["Марка".into(), "Модель".into()],
        headers: vec![HeaderRow { page_number: 2, cells: vec!["Марка".into(), "Модель".into()] }],
        rows: (1..=3)
            .map(|row_number| TableRow { page_number: 2, row_number, cells: vec!["\"\n".into(), String::new()] })
            .collect(),
        notices: vec![Notice {
            kind: NoticeKind::HiddenSheet,
            page_number: 1,
            sheet: "Склад".into(),
            count: 2,
            text: "тел. | \"5\"".into(),
        }],
    };
    let mut written = Vec::new();
    write_answer(Ok(table.clone().into()), &mut written).unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "/bin/cat <<'LAST'\n{}LAST\n", String::from_utf8(written).unwrap()).unwrap();
    let shell = Extractor { program: SHELL.clone(), limits: SandboxLimits::default() };
    assert_eq!(whole(&shell, file.path()).await.unwrap(), table);

    let mut refusal = Vec::new();
    write_answer(Err(ExtractError::new("NO_ROWS", "none", "look")), &mut refusal).unwrap();
    let expected = r#"{"error":{"code":"NO_ROWS","message":"none","hint":"look"}}"#;
    assert_eq!(String::from_utf8(refusal).unwrap(), format!("{expected}\n"));
    // The program itself refuses in the same words as the reader does.
    let error = read(b"x,y\n1,2\n", SandboxLimits::default()).await.unwrap_err();
    assert_eq!(error, lekalo_documents::extract(b"x,y\n1,2\n").unwrap_err());
    assert_eq!(error.code, "NO_HEADER");
}
