//! Glyphs that continue each other make runs of text.
//!
//! Programs draw a cell at a time, a word, or a glyph; what belongs together shows in the gaps.

/// A run goes on over such a gap within one show operation, in em.
const GAP_WITHIN_OPERATION: std::ops::RangeInclusive<f64> = -0.3..=0.8;
/// And over such a gap from one operation to the next.
const GAP_ACROSS_OPERATIONS: std::ops::RangeInclusive<f64> = -0.3..=0.15;
/// From this gap on, in em, two words stand apart even if no space is drawn between them.
pub(super) const WORD_GAP: f64 = 0.18;
/// Glyphs that continue each other on one baseline; neither begins nor ends with a space.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TextRun {
    /// Never empty.
    pub glyphs: Vec<Glyph>,
    /// The left end.
    pub x0: f64,
    /// The right end.
    pub x1: f64,
    /// The baseline.
    pub y: f64,
    /// The font size.
    pub em: f64,
}

/// One glyph, its advance from `x0` to `x1`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Glyph {
    pub text: String,
    pub x0: f64,
    pub x1: f64,
    /// Which of the page's show operations drew it.
    pub operation: usize,
}

/// A glyph as the page's content draws it, in that order.
#[derive(Debug, Clone)]
pub(super) struct DrawnGlyph {
    pub glyph: Glyph,
    /// The baseline.
    pub y: f64,
    /// The font size.
    pub em: f64,
}

impl TextRun {
    /// A run of these glyphs without the spaces around them; `None` if nothing else is left.
    pub(super) fn new(glyphs: &[Glyph], y: f64, em: f64) -> Option<Self> {
        let shown = |glyph: &Glyph| !glyph.text.trim().is_empty();
        let first = glyphs.iter().position(shown)?;
        let last = glyphs.iter().rposition(shown)?;
        let glyphs = glyphs.get(first..=last)?.to_vec();
        let x0 = glyphs.iter().map(|glyph| glyph.x0).fold(f64::INFINITY, f64::min);
        let x1 = glyphs.iter().map(|glyph| glyph.x1).fold(f64::NEG_INFINITY, f64::max);
        Some(Self { glyphs, x0, x1, y, em })
    }

    /// What it says.
    pub(super) fn text(&self) -> String {
        self.glyphs.iter().map(|glyph| glyph.text.as_str()).collect()
    }

    /// Whether one show operation drew it all.
    pub(super) fn is_one_operation(&self) -> bool {
        self.glyphs.windows(2).all(|pair| pair.first().map(|g| g.operation) == pair.last().map(|g| g.operation))
    }
}

/// Joins glyphs, in the order of drawing, as long as the baseline holds and the gap continues.
pub(super) fn runs(drawn: &[DrawnGlyph]) -> Vec<TextRun> {
    let mut runs = Vec::new();
    let mut glyphs: Vec<Glyph> = Vec::new();
    let mut previous: Option<&DrawnGlyph> = None;
    for next in drawn {
        if let Some(last) = previous {
            let gap = (next.glyph.x0 - last.glyph.x1) / last.em;
            let same_operation = next.glyph.operation == last.glyph.operation;
            let allowed = if same_operation { GAP_WITHIN_OPERATION } else { GAP_ACROSS_OPERATIONS };
            if !allowed.contains(&gap) || (next.y - last.y).abs() > last.em * 0.25 {
                runs.extend(TextRun::new(&glyphs, last.y, last.em));
                glyphs.clear();
            } else if gap > WORD_GAP && !last.glyph.text.ends_with(' ') && !next.glyph.text.starts_with(' ') {
                let (x0, x1) = (last.glyph.x1, next.glyph.x0);
                glyphs.push(Glyph { text: " ".into(), x0, x1, operation: next.glyph.operation });
            }
        }
        glyphs.push(next.glyph.clone());
        previous = Some(next);
    }
    runs.extend(previous.and_then(|last| TextRun::new(&glyphs, last.y, last.em)));
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(words: &[(&str, f64, usize)]) -> Vec<DrawnGlyph> {
        let mut glyphs = Vec::new();
        for (word, at, operation) in words {
            for (index, ch) in word.chars().enumerate() {
                let x0 = at + 5.0 * index as f64;
                let glyph = Glyph { text: ch.to_string(), x0, x1: x0 + 5.0, operation: *operation };
                glyphs.push(DrawnGlyph { glyph, y: 100.0, em: 10.0 });
            }
        }
        glyphs
    }

    fn texts(words: &[(&str, f64, usize)]) -> Vec<String> {
        runs(&drawn(words)).iter().map(TextRun::text).collect()
    }

    #[test]
    fn glyph_by_glyph_text_joins_and_cells_stay_apart() {
        assert_eq!(texts(&[("Ка", 0.0, 0), ("м", 10.0, 1), ("ри", 15.4, 2)]), ["Камри"]);
        assert_eq!(texts(&[("2018", 0.0, 0), ("с бортами", 22.0, 1)]), ["2018", "с бортами"]);
    }

    #[test]
    fn a_word_gap_within_one_operation_becomes_a_space_and_a_wide_one_parts() {
        assert_eq!(texts(&[("Ленд", 0.0, 0), ("Крузер", 22.5, 0)]), ["Ленд Крузер"]);
        assert_eq!(texts(&[("Ленд", 0.0, 0), ("Крузер", 29.0, 0)]), ["Ленд", "Крузер"]);
    }

    #[test]
    fn spaces_around_a_piece_do_not_count() {
        let run = &runs(&drawn(&[(" А6 ", 0.0, 0)]))[0];
        assert_eq!((run.text().as_str(), run.x0, run.x1), ("А6", 5.0, 15.0));
    }
}
