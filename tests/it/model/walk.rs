//! Pages of a list, compared with the whole of it: for every list of the contract.

use proptest::test_runner::{TestCaseError, TestCaseResult};
use tonic::Status;

use super::lists::{Refusal, language_used};

/// A list as a model has it.
#[derive(Debug)]
pub struct List<T> {
    pub items: Vec<T>,
    /// The language of each item's name; empty for a list that names no language.
    pub languages: Vec<&'static str>,
    /// The language asked for.
    pub asked: &'static str,
}

/// What the service answered.
#[derive(Debug, PartialEq)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next_page_token: String,
    pub total_size: i32,
    pub language: String,
}

/// A page to ask for: its size, how many to pass over, and the token of the page before.
pub struct Step {
    pub page_size: i32,
    pub skip: i32,
    pub page_token: String,
}

/// What differs, with what was asked.
pub fn same<T: PartialEq + std::fmt::Debug>(asked: &dyn std::fmt::Debug, expected: &T, answered: &T) -> TestCaseResult {
    if expected == answered {
        return Ok(());
    }
    Err(TestCaseError::fail(format!("asked {asked:#?}\nexpected {expected:#?}\nanswered {answered:#?}")))
}

/// Goes through a list by pages of these sizes, passing over as many items before each, in turn, up to the last page.
/// Every page must be what the whole list has there; a refused list must be refused on its first page.
pub async fn walk<T: PartialEq + std::fmt::Debug>(
    asked: &dyn std::fmt::Debug,
    whole: Result<List<T>, Refusal>,
    steps: &[(i32, i32)],
    mut ask: impl AsyncFnMut(Step) -> Result<Page<T>, Status>,
) -> TestCaseResult {
    let whole = match whole {
        Ok(whole) => whole,
        Err(refusal) => {
            let answer = ask(Step { page_size: 0, skip: 0, page_token: String::new() }).await;
            return same(asked, &Err(refusal), &answer.map(|page| page.total_size).map_err(|it| Refusal::of(&it)));
        }
    };
    let (mut place, mut page_token) = (0, String::new());
    for (page_size, skip) in steps.iter().copied().cycle().take(whole.items.len() + 100) {
        place += usize::try_from(skip).unwrap();
        let page = ask(Step { page_size, skip, page_token }).await;
        let mut page = page.map_err(|status| TestCaseError::fail(format!("asked {asked:#?}\nanswered {status:?}")))?;
        page_token = std::mem::take(&mut page.next_page_token);
        let size = if page_size == 0 { 50 } else { usize::try_from(page_size).unwrap().min(500) };
        let end = (place + size).min(whole.items.len());
        let start = place.min(end);
        let items = whole.items.get(start..end).unwrap_or_default();
        let languages = whole.languages.get(start..end).unwrap_or_default();
        let expected =
            (items, whole.items.len() as i32, language_used(whole.asked, languages), end < whole.items.len());
        let answered = (&*page.items, page.total_size, page.language, !page_token.is_empty());
        same(&(asked, page_size, skip), &expected, &answered)?;
        place = end.max(place);
        if page_token.is_empty() {
            return Ok(());
        }
    }
    Err(TestCaseError::fail(format!("asked {asked:#?}\nthe pages do not end")))
}
