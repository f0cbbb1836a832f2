//! A cell's runs into its text.

use super::lines::{Line, lines};
use super::text_run::{TextRun, WORD_GAP};

/// What a cell says: its lines joined by a space; none after a hyphen inside a word, which goes if it only breaks the word.
pub(super) fn cell_text(runs: Vec<TextRun>) -> String {
    let mut text = String::new();
    for line in lines(runs) {
        let line = line_text(&line);
        let line = line.trim();
        if breaks_word(&text, line) {
            text.pop();
        } else if !(text.is_empty() || is_hyphenated(&text, line)) {
            text.push(' ');
        }
        text.push_str(line);
    }
    text.trim().to_string()
}

/// Whether a line ends with a hyphen inside a word.
fn is_hyphenated(text: &str, next: &str) -> bool {
    let mut end = text.chars().rev();
    end.next() == Some('-') && end.next().is_some_and(char::is_alphanumeric) && next.starts_with(char::is_alphanumeric)
}

/// Whether that hyphen stands for the line's end alone: small letters on both sides, two at least. `Мерседес-Бенц`, `С-класс`
/// and `2012-2016` have theirs themselves.
fn breaks_word(text: &str, next: &str) -> bool {
    let two_small =
        |letters: &mut dyn Iterator<Item = char>| letters.take(2).filter(|ch| ch.is_lowercase()).count() == 2;
    let Some(word) = text.strip_suffix(['-', '\u{ad}', '\u{2010}']) else { return false };
    let starts_small = |word: &str| two_small(&mut word.chars().rev());
    starts_small(word) && two_small(&mut next.chars())
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
        for (one, two, whole) in [
            ("с бор-", "тами", "с бортами"),
            ("Volks-", "wagen", "Volkswagen"),
            ("2012-", "2016", "2012-2016"),
            ("С-", "класс", "С-класс"),
            ("2-", "дверный", "2-дверный"),
            ("GLC-", "класс", "GLC-класс"),
        ] {
            assert_eq!(text(&[(0.0, 10.0, one), (0.0, 22.0, two)]), whole);
        }
    }

    #[test]
    fn words_drawn_apart_get_a_space_and_touching_ones_none() {
        assert_eq!(text(&[(0.0, 10.0, "Ленд"), (23.0, 10.0, "Крузер")]), "Ленд Крузер");
        assert_eq!(text(&[(0.0, 10.0, "Ка"), (20.5, 10.0, "мри")]), "Камри");
    }
}
