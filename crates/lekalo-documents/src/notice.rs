//! What a reader has to know of a document beside its rows.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How many are told one by one.
const MAX_NOTICES: usize = 100;
/// How much is quoted of what was passed over, in characters.
const MAX_QUOTED: usize = 120;

/// Text that is in no row and no header, or cells that were read otherwise than they show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    pub kind: NoticeKind,
    /// Page (or sheet number), from 1; the first of them.
    pub page_number: i32,
    /// The sheet's name; empty if it has none.
    pub sheet: String,
    /// How many cells it concerns; on a PDF's page, lines.
    pub count: usize,
    /// How the text begins, or what was taken for what.
    pub text: String,
}

/// Why something is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Nobody sees the sheet.
    HiddenSheet,
    /// No line of the sheet names a table's columns, or no row follows.
    SheetWithoutTable,
    /// The page has text, but no row.
    PageWithoutTable,
    /// The page is blank or a picture.
    PageWithoutText,
    /// Titles, and what runs along at the head or the foot of pages.
    AroundTable,
    /// Lines of a single cell that follow the table after an empty one.
    BelowTable,
    /// Dates in a column of years: their year was taken.
    DatesAsYears,
    /// Numbers that show as dates, for their cells have such a format.
    NumbersShownAsDates,
    /// The text's encoding was told by its letters.
    EncodingGuessed,
}

impl Notice {
    pub(crate) fn new(kind: NoticeKind, page_number: i32, count: usize, text: &str) -> Self {
        let mut quoted: String =
            text.chars().take(MAX_QUOTED).map(|ch| if ch.is_control() { ' ' } else { ch }).collect();
        if quoted.len() < text.len() {
            quoted.push('…');
        }
        Self { kind, page_number, sheet: String::new(), count, text: quoted }
    }

    /// Puts it last. Of very many only the number grows, and what one page says as another did is told once.
    pub(crate) fn add_to(self, notices: &mut Vec<Self>) {
        let is_full = notices.len() >= MAX_NOTICES;
        let runs_on = |other: &&mut Self| {
            other.kind == self.kind
                && (is_full || self.kind == NoticeKind::AroundTable && masked(&other.text) == masked(&self.text))
        };
        match notices.iter_mut().rev().find(runs_on) {
            Some(other) => other.count += self.count,
            None if is_full => {}
            None => notices.push(self),
        }
    }

    /// Whether something was left out that may have been meant to be read.
    pub fn is_passed_over(&self) -> bool {
        !matches!(self.kind, NoticeKind::DatesAsYears | NoticeKind::NumbersShownAsDates | NoticeKind::EncodingGuessed)
    }
}

/// Without numbers, in which pages differ.
fn masked(text: &str) -> String {
    text.chars().filter(|ch| !ch.is_ascii_digit()).collect()
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, page_number, sheet, count, text } = self;
        let place = if sheet.is_empty() { format!("page {page_number}") } else { format!("sheet «{sheet}»") };
        let counted = |what: &str| format!("{count} {what}{}", if *count == 1 { "" } else { "s" });
        match kind {
            NoticeKind::HiddenSheet => write!(f, "{place} is hidden and was passed over ({}: {text})", counted("cell")),
            NoticeKind::SheetWithoutTable => {
                write!(f, "{place} has no table and was passed over ({}: {text})", counted("cell"))
            }
            NoticeKind::PageWithoutTable => {
                write!(f, "{place} has no row of the table and was passed over ({}: {text})", counted("line"))
            }
            NoticeKind::PageWithoutText => write!(f, "{place} has no text and was passed over"),
            NoticeKind::AroundTable => write!(f, "{place}: {} around the table: {text}", counted("line")),
            NoticeKind::BelowTable => write!(f, "{place}: {} below the table: {text}", counted("cell")),
            NoticeKind::DatesAsYears => {
                write!(f, "{place}: {} with a date in a column of years: the year was taken ({text})", counted("cell"))
            }
            NoticeKind::NumbersShownAsDates => {
                write!(f, "{place}: {} with a number shown as a date: the number was taken ({text})", counted("cell"))
            }
            NoticeKind::EncodingGuessed => write!(f, "the text was read as {text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn very_many_are_counted_and_what_runs_along_is_told_once() {
        let mut notices = Vec::new();
        for page in 1..=500 {
            Notice::new(NoticeKind::AroundTable, page, 1, &format!("Стр. {page}")).add_to(&mut notices);
            Notice::new(NoticeKind::PageWithoutTable, page, 2, &format!("Адрес {page}")).add_to(&mut notices);
        }
        assert_eq!(notices.len(), MAX_NOTICES);
        assert_eq!((notices[0].page_number, notices[0].count), (1, 500));
        assert_eq!(notices[1..].iter().map(|notice| notice.count).sum::<usize>(), 1000);
    }
}
