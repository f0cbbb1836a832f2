//! What failed, in one line that repeats no value.

use std::error::Error;
use std::fmt::Write as _;

use tokio_postgres::error::{DbError, SqlState};

/// An error with its causes in one line, without the values that PostgreSQL repeats.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = own_text(error);
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = own_text(cause);
        if !text.contains(&cause_text) {
            let _ = write!(text, ": {cause_text}");
        }
        source = cause.source();
    }
    text
}

fn own_text(error: &(dyn Error + 'static)) -> String {
    match error.downcast_ref::<DbError>() {
        Some(error) => format!("{}: {}", error.severity(), message(error)),
        None => error.to_string(),
    }
}

/// What PostgreSQL says, without details, which repeat rows (but for what depends on what); nor are messages on data told,
/// which repeat the data.
pub fn message(error: &DbError) -> String {
    let state = error.code().code();
    match error.detail() {
        _ if state.starts_with("22") => format!("a value was refused ({state})"),
        Some(detail) if *error.code() == SqlState::DEPENDENT_OBJECTS_STILL_EXIST => {
            format!("{}: {}", error.message(), detail.replace('\n', "; "))
        }
        _ => error.message().to_owned(),
    }
}
