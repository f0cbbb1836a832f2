//! A cell's runs into its text.

use super::lines::{Line, lines};
use super::text_run::{TextRun, WORD_GAP};

/// What a cell says: its lines joined by a space, none after a hyphen inside a word.
pub(super) fn cell_text(runs: Vec<TextRun>) -> String {
    let mut text = String::new();
    for line in lines(runs) {
        let line = line_text(&line);
        let mut end = text.chars().rev();
        let hyphen = end.next() == Some('-') && end.next().is_some_and(char::is_alphanumeric);
        if !(text.is_empty() || hyphen && line.starts_with(char::is_alphanumeric)) {
            text.push(' ');
        }
        text.push_str(line.trim());
    }
    text.trim().to_string()
}

fn line_text(line: &Line) -> String {
    let mut text = String::new();
    let mut end = None;
    for run in &line.runs {
        if end.is_some_and(|end| run.x0 - end > WORD_GAP * run.em) {
            text.push(' ');
        }
        text.push_str(&run.text());
        end = Some(run.x1);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::text_run::Glyph;
    use super::*;

    fn text(lines: &[(f64, f64, &str)]) -> String {
        let run = |(x, y, text): &(f64, f64, &str)| {
            let glyph = Glyph { text: text.to_string(), x0: *x, x1: x + 20.0, operation: 0 };
            TextRun::new(&[glyph], *y, 10.0)
        };
        cell_text(lines.iter().filter_map(run).collect())
    }

    #[test]
    fn wrapped_lines_join_with_a_space_and_none_after_a_hyphen_inside_a_word() {
        assert_eq!(text(&[(0.0, 10.0, "левый"), (0.0, 22.0, "руль")]), "левый руль");
        assert_eq!(text(&[(0.0, 22.0, "Бенц"), (0.0, 10.0, "Мерседес-")]), "Мерседес-Бенц");
        assert_eq!(text(&[(0.0, 10.0, "седан -"), (0.0, 22.0, "купе")]), "седан - купе");
    }

    #[test]
    fn words_drawn_apart_get_a_space_and_touching_ones_none() {
        assert_eq!(text(&[(0.0, 10.0, "Ленд"), (23.0, 10.0, "Крузер")]), "Ленд Крузер");
        assert_eq!(text(&[(0.0, 10.0, "Ка"), (20.5, 10.0, "мри")]), "Камри");
    }
}
