//! Reading a stranger's file in a process of its own: a hostile file kills the child, not the server.
//!
//! The child is this same program (`lekalo extract FILE --json`). It answers in JSON lines: the header, one line per
//! row, and the header rows as the last line, without which the answer is not complete.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use super::extract::ExtractError;
use super::table::{HeaderRow, Table, TableRow};

/// How much of what a child says is kept for the log, in bytes.
const MAX_SAID: u64 = 4 << 10;

/// What reading one file may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Address space of the child.
    pub memory_bytes: u64,
    /// Processor time and, twice that, wall time.
    pub seconds: u64,
    /// Length of the child's answer, which is the text of all rows: the server holds it in memory.
    pub answer_bytes: u64,
    /// What all compressed parts of the file together may inflate to.
    pub inflated_bytes: u64,
}

impl Default for Limits {
    /// 1 GiB of address space, 60 s, 32 MiB of answer, 256 MiB inflated.
    fn default() -> Self {
        Self { memory_bytes: 1 << 30, seconds: 60, answer_bytes: 32 << 20, inflated_bytes: 256 << 20 }
    }
}

/// One line of the answer.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Header(Vec<String>),
    Row(i32, i32, Vec<String>),
    Headers(Vec<HeaderRow>),
    Error(ExtractError),
}

/// The program to run as the child.
#[derive(Debug, Clone)]
pub struct Extractor {
    pub program: PathBuf,
    pub limits: Limits,
}

impl Extractor {
    /// Reads the table of `file` in a child process.
    ///
    /// # Errors
    /// What the child says is wrong with the file, `LIMIT_EXCEEDED` if it met a limit, `FILE_UNREADABLE` if it ended
    /// without an answer for another reason.
    pub async fn extract(&self, file: &Path) -> Result<Table, ExtractError> {
        let mut child = Command::new(&self.program)
            .arg("extract")
            .arg("--json")
            .arg(format!("--limit-memory={}", self.limits.memory_bytes))
            .arg(format!("--limit-seconds={}", self.limits.seconds))
            .arg(format!("--limit-inflated={}", self.limits.inflated_bytes))
            .arg("--")
            .arg(file)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                tracing::error!(%error, program = %self.program.display(), "cannot start the extracting process");
                ExtractError::new("INTERNAL", "the file could not be read: no process could be started", "try again")
            })?;
        let (mut answer, mut said) = (Vec::new(), Vec::new());
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let work = async {
            let listen = async {
                match stderr {
                    Some(mut stderr) => {
                        (&mut stderr).take(MAX_SAID).read_to_end(&mut said).await?;
                        tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await
                    }
                    None => Ok(0),
                }
            };
            let read = async {
                match stdout {
                    Some(stdout) => stdout.take(self.limits.answer_bytes).read_to_end(&mut answer).await.map(drop),
                    None => Ok(()),
                }
            };
            tokio::try_join!(read, listen)?;
            child.wait().await
        };
        let ended = tokio::time::timeout(Duration::from_secs(self.limits.seconds * 2), work).await;
        if let (Some(answer), Ok(Ok(_))) = (read_answer(&answer), &ended) {
            return answer;
        }
        let said = String::from_utf8_lossy(&said);
        tracing::warn!(ended = ?ended, bytes = answer.len(), said = %said.trim(), "an extracting process gave no answer");
        let met_limit = match &ended {
            Err(_) => true,
            Ok(Ok(status)) => was_limited(*status, &said),
            Ok(Err(_)) => false,
        };
        if answer.len() as u64 >= self.limits.answer_bytes {
            let message = format!("the rows of the file have more than {} MiB of text", self.limits.answer_bytes >> 20);
            return Err(ExtractError::new("LIMIT_EXCEEDED", message, "split the file"));
        }
        if met_limit {
            return Err(ExtractError::new(
                "LIMIT_EXCEEDED",
                format!(
                    "reading the file took more than {} MiB of memory or {} s and was stopped",
                    self.limits.memory_bytes >> 20,
                    self.limits.seconds
                ),
                "split the file, or save it as CSV",
            ));
        }
        Err(ExtractError::new(
            "FILE_UNREADABLE",
            "the file could not be read: reading it broke off",
            "save the price list anew, as XLSX or CSV, and upload that",
        ))
    }
}

/// Whether a process ended so because of a limit: the system kills one that has used its processor time up (or all of the
/// machine's memory), and who does not get memory says so before giving up.
fn was_limited(status: ExitStatus, said: &str) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    let is_killed = |signal| [Signal::SIGKILL as i32, Signal::SIGXCPU as i32].contains(&signal);
    status.signal().is_some_and(is_killed)
        || ["memory allocation of", "out of memory"].into_iter().any(|words| said.contains(words))
}

/// Writes the child's answer.
///
/// # Errors
/// When it cannot be written.
pub fn write_answer(result: &Result<Table, ExtractError>, out: &mut impl Write) -> std::io::Result<()> {
    let mut line = |line: Line| -> std::io::Result<()> {
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")
    };
    match result {
        Err(error) => line(Line::Error(error.clone()))?,
        Ok(table) => {
            line(Line::Header(table.header.clone()))?;
            for row in &table.rows {
                line(Line::Row(row.page_number, row.row_number, row.cells.clone()))?;
            }
            line(Line::Headers(table.headers.clone()))?;
        }
    }
    out.flush()
}

/// Reads the child's answer; none if it is not complete.
fn read_answer(answer: &[u8]) -> Option<Result<Table, ExtractError>> {
    let mut table = Table::default();
    for line in answer.lines() {
        match serde_json::from_str(&line.ok()?).ok()? {
            Line::Header(header) => table.header = header,
            Line::Row(page_number, row_number, cells) => table.rows.push(TableRow { page_number, row_number, cells }),
            Line::Headers(headers) => return Some(Ok(Table { headers, ..table })),
            Line::Error(error) => return Some(Err(error)),
        }
    }
    None
}

/// Lowers this process's limits; the child does so before it opens the file.
///
/// # Errors
/// When the system refuses.
#[cfg(unix)]
pub fn limit_self(memory_bytes: Option<u64>, seconds: Option<u64>) -> std::io::Result<()> {
    use nix::sys::resource::{Resource, setrlimit};
    if let Some(bytes) = memory_bytes {
        setrlimit(Resource::RLIMIT_AS, bytes, bytes)?;
    }
    if let Some(seconds) = seconds {
        setrlimit(Resource::RLIMIT_CPU, seconds, seconds)?;
    }
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table {
            header: vec!["ID".into(), "Марка".into()],
            rows: vec![TableRow {
                page_number: 1, row_number: 1, cells: vec!["7".into(), "«Нива»\n\"2\"".into()]
            }],
            headers: vec![HeaderRow { page_number: 1, cells: vec!["ID".into(), "Марка".into()] }],
        }
    }

    #[test]
    fn an_answer_comes_back_as_it_was() {
        for result in [Ok(table()), Err(ExtractError::new("NO_ROWS", "no rows", ""))] {
            let mut answer = Vec::new();
            write_answer(&result, &mut answer).unwrap();
            assert_eq!(read_answer(&answer), Some(result));
        }
    }

    #[test]
    fn a_cut_answer_is_no_answer() {
        let mut answer = Vec::new();
        write_answer(&Ok(table()), &mut answer).unwrap();
        for length in 0..answer.len() - 1 {
            assert_eq!(read_answer(&answer[..length]), None, "cut at {length}");
        }
    }
}
