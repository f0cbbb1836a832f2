//! A bar for each step of a long command, with rate and time left where the amount is known: on a terminal only.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use super::output::printable;
use crate::domain::import;

const WAITING: &str = "{prefix:8} {spinner} {msg} {elapsed}";
const COUNTING: &str = "{prefix:8} [{bar:30}] {human_pos}/{human_len} rows, {rate}, {eta} left";
const ENDED: &str = "{prefix:8} {human_pos} rows in {elapsed}";
const ENDED_UNCOUNTED: &str = "{prefix:8} done in {elapsed}";

/// The steps of one command.
#[derive(Default)]
pub struct Progress(MultiProgress);

impl Progress {
    /// Begins a step.
    pub fn step(&self, name: &'static str) -> Step {
        let bar = self.0.add(ProgressBar::new_spinner().with_style(style(WAITING)).with_prefix(name));
        bar.enable_steady_tick(Duration::from_millis(100));
        Step(bar)
    }

    /// Says something beside the bars.
    pub fn say(&self, line: &str) {
        self.0.suspend(|| talk!("{}", printable(line)));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // The last bar ends without a line break.
        if !self.0.is_hidden() {
            talk!("");
        }
    }
}

/// A step under way. It ends when it is dropped; what it did stays in view.
pub struct Step(ProgressBar);

impl Step {
    /// So many rows of so many are done.
    pub fn set(&self, done: u64, total: u64) {
        if self.0.length() != Some(total) {
            self.0.set_style(style(COUNTING));
            self.0.set_length(total);
        }
        self.0.set_position(done);
    }

    /// Shows how far a running import has come.
    pub fn follow(&self, progress: import::Progress) {
        let rows = |count: i64| u64::try_from(count).unwrap_or_default();
        match progress.step {
            import::Step::Reading => self.set(rows(progress.rows), rows(progress.total)),
            import::Step::Writing => {
                self.set(rows(progress.rows), rows(progress.total));
                self.0.set_style(style(WAITING));
                self.0.set_message("writing patterns and rows");
            }
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.0.set_style(style(if self.0.length().is_some() { ENDED } else { ENDED_UNCOUNTED }));
        self.0.finish();
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
    style.with_key("rate", |state: &ProgressState, to: &mut dyn std::fmt::Write| {
        let _ = write!(to, "{:.0}/s", state.per_sec());
    })
}
