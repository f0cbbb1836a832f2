//! The rows of a document on their way into the database: understood a batch at a time, so that little of them is in
//! memory, however many there are.

use std::iter::Peekable;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::{self, BoxFuture};
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::clean::issues::issue;
use super::clean::{Cache, CleanError, Cleaner, Columns, Headings, PlacedRow, SAMPLE, clean};
use super::sandbox::{Answer, Extractor, Line, MAX_LINE_BYTES, long_row};
use super::upload::Upload;
use crate::domain::error::Result;
use crate::domain::import::{CleanRow, Confidence, Failure, IssueCode};
use crate::live_index::{LiveIndex, Shared};
use lekalo_documents::table::{Column, HeaderRow, Table, TableRow};
use lekalo_documents::{ExtractError, Notice, NoticeKind};
use lekalo_vehicles::Index;

/// Batches in the document's order, or why there are no more of them.
pub type Rows<'a> = BoxStream<'a, Result<Batch, Failure>>;
/// Beginning to read them, which fails while the database is away.
pub type Opening<'a> = BoxFuture<'a, Result<Rows<'a>>>;

/// Some of a document's rows.
#[derive(Debug, PartialEq, Eq)]
pub struct Batch {
    pub rows: Vec<CleanRow>,
    /// How many the whole document has.
    pub total: usize,
}

/// How many rows at once of those that are in memory already.
const BATCH: usize = 1000;
/// How many batches are understood at once, and how many may wait to be written.
const AT_ONCE: usize = 2;
const AHEAD: usize = 2;

/// Rows that are in memory; none of them longer than one that a child reads.
pub fn in_memory(rows: &[CleanRow]) -> Opening<'_> {
    let batches = rows.chunks(BATCH).map(|some| match some.iter().find(|row| length(row) > MAX_LINE_BYTES) {
        None => Ok(Batch { rows: some.to_vec(), total: rows.len() }),
        Some(_) => Err(long_row().into()),
    });
    future::ready(Ok(stream::iter(batches).boxed())).boxed()
}

/// How many bytes of text a row has.
fn length(row: &CleanRow) -> usize {
    let issues = row.issues.iter().flat_map(|issue| [&issue.message, &issue.suggestion]);
    let texts = row.cells.iter().chain(issues).chain([&row.source_id, &row.generation]);
    texts.map(String::len).sum()
}

/// The rows of an uploaded file: a child reads it, what it says is understood as it comes, and both stop when the stream
/// is dropped.
pub fn of_file(extractor: Extractor, file: Arc<Upload>, live_index: Arc<LiveIndex>) -> Opening<'static> {
    let open = async move {
        let index = live_index.current().await?;
        let opened = file.file().map_err(|_| not_kept()).and_then(|file| extractor.open(file));
        let lines = match opened {
            Ok(answer) => lines_of(answer),
            Err(error) => stream::once(future::ready(Err(error))).boxed(),
        };
        // On a task of its own, so that it goes on while rows are written.
        Ok(prefetch(understand(lines, index), AHEAD))
    };
    open.boxed()
}

/// A stream that goes on by itself, on a task of its own and so many items ahead, until it ends or is dropped.
fn prefetch<T: Send + 'static>(items: impl Stream<Item = T> + Send + 'static, count: usize) -> BoxStream<'static, T> {
    let (sender, received) = mpsc::channel(count);
    let going_on = AbortOnDropHandle::new(tokio::spawn(async move {
        let mut items = pin!(items);
        while let Some(item) = items.next().await {
            if sender.send(item).await.is_err() {
                break;
            }
        }
    }));
    stream::unfold((received, going_on), |(mut received, going_on)| async move {
        let item = received.recv().await?;
        Some((item, (received, going_on)))
    })
    .boxed()
}

/// A child's answer, some whole lines at a time, or why it breaks off.
type Lines = BoxStream<'static, Result<Vec<u8>, ExtractError>>;

/// Listened to on a task of its own: while nobody wants more of it, no time runs.
fn lines_of(answer: Answer) -> Lines {
    let lines =
        stream::try_unfold(answer, |mut answer| async move { Ok(answer.next().await?.map(|lines| (lines, answer))) });
    prefetch(lines, 1)
}

/// Understands the lines of a child's answer, several batches at once and in their order, up to the first failure.
fn understand(lines: Lines, index: Shared) -> impl Stream<Item = Result<Batch, Failure>> {
    async_stream::try_stream! {
        let mut lines = lines.fuse();
        let mut first = match lines.next().await {
            Some(lines) => lines?,
            None => Err(not_understood())?,
        };
        let rest = first.split_off(first.iter().position(|byte| *byte == b'\n').map_or(first.len(), |end| end + 1));
        let (header, headers, notices, count) = match serde_json::from_slice(&first) {
            Ok(Line::Table(header, headers, notices, count)) => (header, headers, notices, count),
            Ok(Line::Error(error)) => Err(error)?,
            _ => Err(not_understood())?,
        };
        let mut headings = Headings::new(&headers);
        let headers = header_rows(named_by(&header, headers), &notices);
        let total = count + headers.len();
        let mut ahead = vec![rest];
        while ahead.iter().map(|lines| line_count(lines)).sum::<usize>() < SAMPLE
            && let Some(lines) = lines.next().await
        {
            ahead.push(lines?);
        }
        let mut headers = headers.into_iter().peekable();
        let sample = ahead.concat();
        let cleaner = tokio::task::spawn_blocking(move || BatchCleaner::new(&header, &sample, index));
        let cleaner = Arc::new(cleaner.await.unwrap_or_else(|_| Err(not_understood()))?);
        let (mut left, mut is_complete) = (count, false);
        let placer = cleaner.clone();
        // In the rows' order, for they may say something of those below.
        let placed = async_stream::stream! {
            let mut lines = stream::iter(ahead).map(Ok).chain(lines);
            while let Some(some) = lines.next().await {
                let (cleaner, mut own) = (placer.clone(), std::mem::take(&mut headings));
                let place = move |lines: Vec<u8>| (cleaner.place(&lines, &mut own), own);
                let placed = match some {
                    Ok(lines) => tokio::task::spawn_blocking(move || place(lines)).await,
                    Err(error) => {
                        yield Err(Failure::from(error));
                        return;
                    }
                };
                let Ok((placed, own)) = placed else {
                    yield Err(not_understood());
                    return;
                };
                headings = own;
                yield placed;
            }
        };
        let batches = placed.map(|placed| {
            let cleaner = cleaner.clone();
            async move {
                let (placed, ends) = placed?;
                let understand = move || (cleaner.understand(placed), ends);
                tokio::task::spawn_blocking(understand).await.map_err(|_| not_understood())
            }
        });
        let mut batches = pin!(batches.buffered(AT_ONCE));
        while let Some(batch) = batches.next().await {
            let (cleaned, ends) = batch?;
            left = left.checked_sub(cleaned.len()).ok_or_else(not_understood)?;
            let mut rows = among_headers(&mut headers, cleaned);
            if ends {
                is_complete = left == 0;
                rows.extend(headers.by_ref());
            }
            yield Batch { rows, total };
        }
        if !is_complete {
            Err(not_understood())?;
        }
    }
}

fn line_count(lines: &[u8]) -> usize {
    lines.iter().filter(|byte| **byte == b'\n').count()
}

/// Where the rows of one document are understood.
struct BatchCleaner {
    columns: Arc<Columns>,
    index: Shared,
    /// Of those who are not at work.
    caches: Mutex<Vec<Cache>>,
}

impl BatchCleaner {
    /// One for a document that begins with these rows.
    fn new(header: &[String], rows: &[u8], index: Shared) -> Result<Self, Failure> {
        let (rows, _) = parse(rows)?;
        let cleaner = Cleaner::new(header, &rows, &index).map_err(|error| no_table(&error))?;
        let (columns, cache) = (cleaner.columns().clone(), cleaner.into_cache());
        Ok(Self { columns, index, caches: Mutex::new(vec![cache]) })
    }

    /// The rows of these lines in their places, and whether the document ends with them.
    fn place(&self, lines: &[u8], headings: &mut Headings) -> Result<(Vec<PlacedRow>, bool), Failure> {
        let (rows, ends) = parse(lines)?;
        let placed = self.work(|cleaner| rows.into_iter().map(|row| cleaner.place(row, headings)).collect());
        Ok((placed, ends))
    }

    fn understand(&self, rows: Vec<PlacedRow>) -> Vec<CleanRow> {
        self.work(|cleaner| rows.into_iter().map(|row| cleaner.row(row)).collect())
    }

    fn work<T>(&self, work: impl FnOnce(&Cleaner<'_>) -> T) -> T {
        let caches = || self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        let cache = caches().pop().unwrap_or_default();
        let cleaner = Cleaner::resume(self.columns.clone(), &self.index, cache);
        let done = work(&cleaner);
        caches().push(cleaner.into_cache());
        done
    }
}

/// The rows of these lines, and whether the document ends with them.
fn parse(lines: &[u8]) -> Result<(Vec<TableRow>, bool), Failure> {
    let (mut rows, mut ends) = (Vec::new(), false);
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        match serde_json::from_slice(line) {
            Ok(Line::Row(page_number, row_number, cells)) if !ends => {
                rows.push(TableRow { page_number, row_number, cells });
            }
            Ok(Line::End) if !ends => ends = true,
            _ => return Err(not_understood()),
        }
    }
    Ok((rows, ends))
}

/// Cleans a table and puts its header rows in their places, so that every row of the document is accounted for.
///
/// # Errors
/// When the table lacks columns without which nothing is understood.
pub fn clean_table(table: &Table, index: &Index) -> Result<Vec<CleanRow>, Failure> {
    let rows = clean(table, index).map_err(|error| no_table(&error))?;
    Ok(with_headers(table, rows))
}

/// Adds the header rows of a table's pages before the rows of their page.
pub fn with_headers(table: &Table, rows: Vec<CleanRow>) -> Vec<CleanRow> {
    let headers = named_by(&table.header, table.headers.clone());
    let mut headers = header_rows(headers, &table.notices).into_iter().peekable();
    let mut all = among_headers(&mut headers, rows);
    all.extend(headers);
    all
}

/// The header rows of a document, and what was passed over in it, by pages.
fn header_rows(headers: Vec<HeaderRow>, notices: &[Notice]) -> Vec<CleanRow> {
    let mut rows: Vec<CleanRow> = headers.into_iter().map(header_row).chain(notices.iter().filter_map(told)).collect();
    rows.sort_by_key(|row| row.page_number);
    rows
}

/// What is to be known of a document, as a row that is none, with an issue in the shop's language; nothing of what is as it
/// should be.
fn told(Notice { kind, page_number, sheet, text, .. }: &Notice) -> Option<CleanRow> {
    let (code, message) = match kind {
        NoticeKind::HiddenSheet => (IssueCode::HeaderRow, format!("скрытый лист «{sheet}» не прочитан")),
        NoticeKind::SheetWithoutTable => {
            (IssueCode::HeaderRow, format!("на листе «{sheet}» нет таблицы, он не прочитан"))
        }
        NoticeKind::PageWithoutTable => {
            (IssueCode::HeaderRow, format!("на странице {page_number} нет строк таблицы, она не прочитана"))
        }
        NoticeKind::PageWithoutText => {
            (IssueCode::HeaderRow, format!("на странице {page_number} нет текста, она не прочитана"))
        }
        NoticeKind::BelowTable => (IssueCode::HeaderRow, "текст под таблицей не прочитан".to_owned()),
        NoticeKind::NumbersShownAsDates => {
            (IssueCode::CellError, "число в ячейке показано как дата, прочитано число".to_owned())
        }
        NoticeKind::AroundTable | NoticeKind::DatesAsYears | NoticeKind::EncodingGuessed => return None,
    };
    let issues = vec![issue(code, &message, "")];
    let row = header_row(HeaderRow { page_number: *page_number, cells: vec![text.clone()] });
    Some(CleanRow { issues, ..row })
}

/// Rows, each with the header rows before it that come no later than its page.
fn among_headers(headers: &mut Peekable<std::vec::IntoIter<CleanRow>>, rows: Vec<CleanRow>) -> Vec<CleanRow> {
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        while let Some(header) = headers.next_if(|header| header.page_number <= row.page_number) {
            all.push(header);
        }
        all.push(row);
    }
    all
}

/// Header rows, of which the one that names the columns has all the names that the rows are read by: those of two lines, of all
/// sheets, and those that were said to be something.
fn named_by(header: &[String], mut headers: Vec<HeaderRow>) -> Vec<HeaderRow> {
    if let Some(row) = naming_row(&headers).and_then(|at| headers.get_mut(at)) {
        row.cells = header.to_vec();
    }
    headers
}

/// Which header row names the columns: others may be titles above it.
pub fn naming_row(headers: &[HeaderRow]) -> Option<usize> {
    let names = |row: &HeaderRow| Column::is_header(row.cells.iter().map(String::as_str));
    let page = headers.first()?.page_number;
    headers.iter().position(names).or_else(|| headers.iter().rposition(|row| row.page_number == page))
}

/// A header row, as number 0 of its page.
pub fn header_row(HeaderRow { page_number, cells }: HeaderRow) -> CleanRow {
    CleanRow { page_number, is_header: true, confidence: Confidence::High, cells, ..CleanRow::default() }
}

fn no_table(error: &CleanError) -> Failure {
    Failure::new("NO_TABLE", &error.to_string(), &error.hint())
}

fn not_kept() -> ExtractError {
    ExtractError::new("INTERNAL", "the uploaded file could not be opened", "upload it again with a new request_id")
}

fn not_understood() -> Failure {
    Failure::new("INTERNAL", "understanding the rows failed; nothing of them was written", "report this file")
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt as _;

    use super::*;
    use crate::import::sandbox::write_answer;

    fn table() -> Table {
        let row = |page_number, row_number| TableRow {
            page_number,
            row_number,
            cells: vec!["Тойота".into(), "«Камри»\n\"70\"".into()],
        };
        let header = vec!["Марка".to_owned(), "Модель".into()];
        Table {
            rows: vec![row(1, 1), row(1, 2), row(3, 1)],
            headers: (1..=4).map(|page_number| HeaderRow { page_number, cells: header.clone() }).collect(),
            header,
            notices: Vec::new(),
        }
    }

    /// What becomes of an answer, given in pieces of whole lines.
    async fn understood(answer: &[u8]) -> Result<Vec<CleanRow>, Failure> {
        let lines: Vec<_> = answer.split_inclusive(|byte| *byte == b'\n').map(|line| Ok(line.to_vec())).collect();
        let batches = understand(stream::iter(lines).boxed(), Shared::Shipped(Index::shipped()));
        Ok(batches.try_collect::<Vec<_>>().await?.into_iter().flat_map(|batch| batch.rows).collect())
    }

    #[test]
    fn headers_stand_before_the_rows_of_their_page() {
        let all = clean_table(&table(), Index::shipped()).unwrap();
        let places: Vec<_> = all.iter().map(|row| (row.page_number, row.row_number, row.is_header)).collect();
        let (header, row) = (true, false);
        assert_eq!(
            places,
            [(1, 0, header), (1, 1, row), (1, 2, row), (2, 0, header), (3, 0, header), (3, 1, row), (4, 0, header)]
        );
    }

    #[tokio::test]
    async fn an_answer_is_understood_as_its_table_is() {
        let mut answer = Vec::new();
        let notice =
            |kind, page_number| Notice {
                kind, page_number, sheet: "Склад".into(), count: 2, text: "тел.".into()
            };
        let kinds = [(NoticeKind::HiddenSheet, 2), (NoticeKind::AroundTable, 3), (NoticeKind::PageWithoutTable, 5)];
        let table = || Table { notices: kinds.map(|(kind, page)| notice(kind, page)).into(), ..table() };
        let told: Vec<_> = clean_table(&table(), Index::shipped())
            .unwrap()
            .into_iter()
            .filter(|row| !row.issues.is_empty() && row.is_header)
            .collect();
        assert_eq!(
            told.iter().map(|row| (row.page_number, row.issues[0].message.as_str())).collect::<Vec<_>>(),
            [(2, "скрытый лист «Склад» не прочитан"), (5, "на странице 5 нет строк таблицы, она не прочитана"),]
        );
        write_answer(Ok(table().into()), &mut answer).unwrap();
        assert_eq!(understood(&answer).await, clean_table(&table(), Index::shipped()));
        for lines in 0..5 {
            let cut: Vec<u8> = answer.split_inclusive(|byte| *byte == b'\n').take(lines).flatten().copied().collect();
            assert_eq!(understood(&cut).await.unwrap_err().code, "INTERNAL", "cut after {lines} lines");
        }
    }

    #[tokio::test]
    async fn no_row_is_longer_than_an_answer_has_room_for() {
        let row =
            |length: usize| CleanRow { cells: vec!["x".repeat(length)], source_id: "1".into(), ..CleanRow::default() };
        for (length, is_taken) in [(MAX_LINE_BYTES - 1, true), (MAX_LINE_BYTES, false)] {
            let rows = [row(3), row(length)];
            let taken = in_memory(&rows).await.unwrap().try_collect::<Vec<_>>().await;
            assert_eq!(taken.map_err(|failure| failure.code).is_ok(), is_taken, "{length}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_file_is_said() {
        let mut answer = Vec::new();
        write_answer(Err(ExtractError::new("NO_ROWS", "no rows", "")), &mut answer).unwrap();
        assert_eq!(understood(&answer).await.unwrap_err().code, "NO_ROWS");
    }
}
