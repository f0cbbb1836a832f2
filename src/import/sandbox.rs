//! Reading a stranger's file in a process of its own: a hostile file kills the child, not the server.
//!
//! The child is this same program (`lekalo extract FILE --json`). It answers in JSON lines: what there is to come,
//! one line per row, and the end, without which the answer is not complete. The answer is read as it is used: however
//! long, little of it is in memory. What the child holds itself to, and is confined to, is in `own_limits`.

#[cfg(target_os = "linux")]
mod confinement;
mod own_limits;

use std::fs::File;
use std::io::{Seek as _, Write};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio_util::task::AbortOnDropHandle;

use lekalo_documents::table::{HeaderRow, TableRow};
use lekalo_documents::{ExtractError, Notice, Rows};

use super::memory::{self, Left};
use super::run::AT_ONCE;
pub use own_limits::{OwnLimits, limit_self};

/// How much of what a child says is kept for the log, in bytes.
const MAX_STDERR: u64 = 4 << 10;
/// How long a child that has ended may still be heard.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How much of an answer is taken at once, in bytes; a line that crosses it is taken whole.
const BATCH_BYTES: usize = 128 << 10;
/// The longest line: no row of a price list has so much text, and an answer has to have room for it.
pub const MAX_LINE_BYTES: usize = 1 << 20;
/// What the server keeps of its container's memory for itself: it grows while it writes rows and answers calls.
const KEPT: u64 = 32 << 20;
/// With less, no file can be read.
const LEAST: u64 = 12 << 20;

/// A price list to try reading with.
const SAMPLE: &str = "Марка,Модель\nКедр,А6\n";

/// What reading one file may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxLimits {
    /// Address space of the child.
    pub memory_bytes: u64,
    /// Processor time and, twice that, how long it may be waited for in all.
    pub seconds: u64,
    /// Length of the child's answer, which is the text of all rows.
    pub answer_bytes: u64,
    /// What all compressed parts of the file together may inflate to.
    pub inflated_bytes: u64,
}

impl Default for SandboxLimits {
    /// 1 GiB of address space, 60 s, 256 MiB of answer, 256 MiB inflated.
    fn default() -> Self {
        Self { memory_bytes: 1 << 30, seconds: 60, answer_bytes: 256 << 20, inflated_bytes: 256 << 20 }
    }
}

/// One line of the answer.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The columns, the header rows, what there is to know besides, and how many rows follow.
    Table(Vec<String>, Vec<HeaderRow>, Vec<Notice>, usize),
    /// Page, row, cells.
    Row(i32, i32, Vec<String>),
    /// After the last row.
    End,
    Error(ExtractError),
}

/// The program to run as the child.
#[derive(Debug, Clone)]
pub struct Extractor {
    pub program: PathBuf,
    pub limits: SandboxLimits,
}

impl Extractor {
    /// Begins to read the table of `file` in a child process, which ends when the answer is dropped.
    ///
    /// # Errors
    /// When no process can be started, `LIMIT_EXCEEDED` when the container has no memory left for one.
    pub fn open(&self, file: File) -> Result<Answer, ExtractError> {
        let share = memory::left().map(Share::of).filter(|share| share.bytes < self.limits.memory_bytes);
        if let Some(share) = share.filter(|share| share.bytes < LEAST) {
            let message = "the file could not be read: the server's container has no memory left for it".to_owned();
            return Err(ExtractError::new("LIMIT_EXCEEDED", message, share.more()));
        }
        let mut child = Command::new(&self.program)
            .arg("extract")
            .arg("--json")
            .arg(format!("--limit-memory={}", self.limits.memory_bytes))
            .args(share.map(|share| format!("--limit-data={}", share.bytes)))
            .arg(format!("--limit-seconds={}", self.limits.seconds))
            .arg(format!("--limit-inflated={}", self.limits.inflated_bytes))
            .arg("--")
            .arg("/dev/stdin")
            .env_clear()
            .current_dir("/")
            .stdin(file)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                tracing::error!(%error, program = %self.program.display(), "cannot start the extracting process");
                not_started()
            })?;
        let (stdout, stderr) = child.stdout.take().zip(child.stderr.take()).ok_or_else(not_started)?;
        Ok(Answer {
            stderr_text: AbortOnDropHandle::new(tokio::spawn(listen(stderr))),
            child,
            stdout: BufReader::with_capacity(BATCH_BYTES, stdout),
            limits: self.limits.clone(),
            share,
            bytes: 0,
            waited: Duration::ZERO,
            is_complete: false,
        })
    }

    /// Reads a small price list, as a server does when it starts, and answers what the child had to say beside: what of its
    /// confinement this machine does not have.
    ///
    /// # Errors
    /// As of any file.
    pub async fn try_out(&self) -> Result<String, ExtractError> {
        let file = tempfile::tempfile().and_then(|mut file| {
            file.write_all(SAMPLE.as_bytes())?;
            file.rewind()?;
            Ok(file)
        });
        let mut answer = self.open(file.map_err(|_| not_started())?)?;
        while answer.next().await?.is_some() {}
        Ok(answer.stderr_text.await.unwrap_or_default())
    }
}

/// A child's share of what its container has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Share {
    bytes: u64,
    /// All that the container may have.
    limit: u64,
}

impl Share {
    /// As many children as may be at work at once find room: the next one's share is of what this one leaves.
    fn of(left: Left) -> Self {
        Self { bytes: left.bytes.saturating_sub(KEPT) / AT_ONCE as u64, limit: left.limit }
    }

    /// What to do for a larger one.
    fn more(self) -> String {
        format!("give the server's container more than {} MiB of memory", self.limit >> 20)
    }
}

/// What a child answers, as it comes.
#[derive(Debug)]
pub struct Answer {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr_text: AbortOnDropHandle<String>,
    limits: SandboxLimits,
    /// What its container lets it have, where that is less.
    share: Option<Share>,
    /// How much has come.
    bytes: u64,
    /// How long was waited for it: a child that waits for its reader uses up no time of its own.
    waited: Duration,
    /// Whether the line that ends an answer has come.
    is_complete: bool,
}

/// Why an answer breaks off.
enum Break {
    /// By itself: how the process ended, where that is known.
    Ended(Option<ExitStatus>),
    /// It took too long.
    Late,
    /// One line is too long.
    LongLine,
    /// All lines together are too long.
    LongAnswer,
}

impl Answer {
    /// The next lines, whole ones; none after the last.
    ///
    /// # Errors
    /// `LIMIT_EXCEEDED` if the child met a limit, `FILE_UNREADABLE` if it ended without a complete answer for another
    /// reason.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ExtractError> {
        let started = Instant::now();
        let left = Duration::from_secs(self.limits.seconds * 2).saturating_sub(self.waited);
        let read = tokio::time::timeout(left, self.read()).await;
        self.waited += started.elapsed();
        match read {
            Ok(Ok(lines)) if lines.is_empty() => Ok(None),
            Ok(Ok(lines)) => Ok(Some(lines)),
            Ok(Err(reason)) => Err(self.broken(reason).await),
            Err(_) => Err(self.broken(Break::Late).await),
        }
    }

    /// The next lines; nothing at the end of a complete answer.
    async fn read(&mut self) -> Result<Vec<u8>, Break> {
        let mut lines = Vec::with_capacity(BATCH_BYTES);
        while lines.len() < BATCH_BYTES {
            let begin = lines.len();
            let mut line = (&mut self.stdout).take(MAX_LINE_BYTES as u64);
            let length = line.read_until(b'\n', &mut lines).await.map_err(|_| Break::Ended(None))?;
            self.bytes += length as u64;
            if self.bytes > self.limits.answer_bytes {
                return Err(Break::LongAnswer);
            }
            let line = lines.get(begin..).unwrap_or_default();
            match line.last() {
                Some(b'\n') => self.is_complete = line == b"\"end\"\n" || line.starts_with(b"{\"error\""),
                Some(_) if length == MAX_LINE_BYTES => return Err(Break::LongLine),
                None if self.is_complete => break,
                Some(_) | None => return Err(Break::Ended(self.child.wait().await.ok())),
            }
        }
        Ok(lines)
    }

    async fn broken(&mut self, reason: Break) -> ExtractError {
        // Nothing more is wanted of it, and what it said is complete only when it has ended.
        let _ = self.child.start_kill();
        let stderr_text = tokio::time::timeout(LAST_WORDS, &mut self.stderr_text).await;
        let stderr_text = stderr_text.ok().and_then(Result::ok).unwrap_or_default();
        let SandboxLimits { memory_bytes, seconds, answer_bytes, .. } = self.limits;
        let status = if let Break::Ended(status) = reason { status } else { None };
        tracing::warn!(?status, bytes = self.bytes, stderr_text = %stderr_text.trim(), "an extracting process gave no answer");
        let exceeded = |message, hint: &str| ExtractError::new("LIMIT_EXCEEDED", message, hint);
        match reason {
            Break::LongAnswer => {
                let message = format!("the rows of the file have more than {} MiB of text", answer_bytes >> 20);
                exceeded(message, "split the file")
            }
            Break::LongLine => long_row(),
            Break::Ended(status) if !status.is_some_and(|status| was_limited(status, &stderr_text)) => {
                ExtractError::new(
                    "FILE_UNREADABLE",
                    "the file could not be read: reading it broke off",
                    "save the price list anew, as XLSX or CSV, and upload that",
                )
            }
            Break::Ended(_) | Break::Late => {
                let bytes = self.share.map_or(memory_bytes, |share| share.bytes);
                let message = format!(
                    "reading the file took more than {} MiB of memory or {seconds} s and was stopped",
                    bytes >> 20
                );
                let hint = "split the file, or save it as CSV";
                match self.share {
                    None => exceeded(message, hint),
                    Some(share) => exceeded(message, &format!("{hint}; or {}", share.more())),
                }
            }
        }
    }
}

/// The beginning of what a child says beside its answer; the rest is read too, or the child would wait.
async fn listen(mut stderr: ChildStderr) -> String {
    let mut stderr_text = Vec::new();
    let _ = (&mut stderr).take(MAX_STDERR).read_to_end(&mut stderr_text).await;
    let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&stderr_text).into_owned()
}

/// A row that is longer than any of a price list.
pub fn long_row() -> ExtractError {
    let message = format!("a row of the file has more than {} MiB of text", MAX_LINE_BYTES >> 20);
    ExtractError::new("LIMIT_EXCEEDED", message, "delete the text that is no part of the table")
}

fn not_started() -> ExtractError {
    ExtractError::new("INTERNAL", "the file could not be read: no process could be started", "try again")
}

/// Whether a process ended so because of a limit: the system kills one that has used its processor time up (or all of the
/// machine's memory), and who does not get memory says so before giving up.
fn was_limited(status: ExitStatus, stderr_text: &str) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    let is_killed = |signal| [Signal::SIGKILL as i32, Signal::SIGXCPU as i32].contains(&signal);
    status.signal().is_some_and(is_killed)
        || ["memory allocation", "out of memory", "os error 12"].into_iter().any(|words| stderr_text.contains(words))
}

/// Writes the child's answer.
///
/// # Errors
/// When it cannot be written.
pub fn write_answer(result: Result<Rows, ExtractError>, out: &mut impl Write) -> std::io::Result<()> {
    let mut line = |line: Line| -> std::io::Result<()> {
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")
    };
    match result {
        Err(error) => line(Line::Error(error))?,
        Ok(Rows { header, headers, notices, count, rows }) => {
            line(Line::Table(header, headers, notices, count))?;
            for row in rows {
                let TableRow { page_number, row_number, cells } = row.map_err(std::io::Error::other)?;
                line(Line::Row(page_number, row_number, cells))?;
            }
            line(Line::End)?;
        }
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_shares_together_leave_the_server_its_own() {
        let share = |left: u64| Share::of(Left { bytes: left << 20, limit: 512 << 20 }).bytes >> 20;
        assert_eq!(share(432), 200);
        // The first has used all of its share when the second begins.
        assert_eq!(share(432 - 200), 100);
        assert_eq!(share(20), 0);
    }
}
