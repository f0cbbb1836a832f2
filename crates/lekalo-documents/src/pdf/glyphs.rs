//! What a page shows: its glyphs, and the axis-parallel edges of its painted paths.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use hayro_interpret::font::{Glyph as FontGlyph, GlyphRun};
use hayro_interpret::hayro_cmap::BfString;
use hayro_interpret::kurbo::{Affine, BezPath, PathEl, Point, Rect, Vec2};
use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
    InterpreterSettings, InterpreterWarning, SoftMask, TransformExt, interpret_page,
};
use hayro_syntax::Pdf;
use hayro_syntax::page::Page;

use super::text_run::{DrawnGlyph, Glyph, TextRun, runs};
use super::{PdfError, PdfLimits};

/// Font units per em, in which widths are given.
const UNITS_PER_EM: f64 = 1000.0;
/// Edges that leave their axis by less are axis-parallel, in points.
const AXIS_TOLERANCE: f64 = 0.5;

/// What is drawn on one page.
#[derive(Debug, Clone, Default)]
pub(super) struct PageMarks {
    /// Counted from 1 in the file.
    pub number: i32,
    /// In the order of drawing.
    pub runs: Vec<TextRun>,
    /// Vertical edges: x, and from which y to which.
    pub vertical: Vec<Edge>,
    /// Horizontal edges: y, and from which x to which.
    pub horizontal: Vec<Edge>,
}

/// An axis-parallel edge of a painted path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edge {
    /// The coordinate that is the same all along.
    pub at: f64,
    /// Where it begins (the lesser end).
    pub from: f64,
    /// Where it ends.
    pub to: f64,
}

/// Draws every page into marks; of each is known whether its content shows text.
pub(super) fn pages(pdf: &Pdf, has_text: &[bool], limits: &PdfLimits) -> Result<Vec<PageMarks>, PdfError> {
    let cache = InterpreterCache::new();
    let deadline = Instant::now().checked_add(limits.max_time);
    let mut pages = Vec::new();
    let mut without_text = None;
    for ((number, page), has_text) in (1..).zip(pdf.pages().iter()).zip(has_text) {
        let mut ink = draw(page, number, 0, &cache, limits, deadline)?;
        // A page that is written sideways is turned until most of its text runs to the right.
        let turn = (0..4).max_by_key(|turn| (ink.turned.get(*turn), 4 - turn)).unwrap_or(0);
        if turn != 0 {
            ink = draw(page, number, turn, &cache, limits, deadline)?;
        }
        if let Some(near) = ink.unreadable {
            return Err(PdfError::UnreadableText { page: number, near });
        }
        let marks = PageMarks { number, runs: runs(&ink.glyphs), vertical: ink.vertical, horizontal: ink.horizontal };
        // A picture or a blank page has no instruction to show text; one whose text is not shown hides something.
        if marks.runs.is_empty() && *has_text && ink.operations == 0 {
            without_text.get_or_insert(number);
        }
        pages.push(marks);
    }
    match without_text {
        _ if pages.iter().all(|page| page.runs.is_empty()) => Err(PdfError::NoText),
        Some(page) => Err(PdfError::PageWithoutText { page }),
        None => Ok(pages),
    }
}

/// Interprets one page, turned by so many quarters; the library offers no way to stop it, so the device unwinds at a limit.
fn draw<'a>(
    page: &Page<'a>,
    number: i32,
    quarters: usize,
    cache: &InterpreterCache<'a>,
    limits: &PdfLimits,
    deadline: Option<Instant>,
) -> Result<Ink, PdfError> {
    let font_missing = Arc::new(AtomicBool::new(false));
    let sink = font_missing.clone();
    let settings = InterpreterSettings {
        warning_sink: Arc::new(move |warning| {
            if matches!(warning, InterpreterWarning::UnsupportedFont) {
                sink.store(true, Ordering::Relaxed);
            }
        }),
        ..InterpreterSettings::default()
    };
    let turn = Affine::rotate(-std::f64::consts::FRAC_PI_2 * quarters as f64);
    let (width, height) = page.render_dimensions();
    let area = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
    let transform = turn * page.initial_transform(true).to_kurbo();
    let mut context = Context::new(transform, turn.transform_rect_bbox(area), cache, page.xref(), settings);
    let mut ink = Ink { callbacks_left: limits.max_callbacks_per_page, deadline, ..Ink::default() };
    let drawn = catch_unwind(AssertUnwindSafe(|| interpret_page(page, &mut context, &mut ink)));
    match drawn {
        Err(stop) if stop.is::<TooManyCallbacks>() => Err(PdfError::TooLarge {
            what: "drawing operations on one page",
            max: limits.max_callbacks_per_page as u64,
        }),
        Err(stop) if stop.is::<TooLate>() => {
            Err(PdfError::TooLarge { what: "seconds of drawing", max: limits.max_time.as_secs() })
        }
        Err(_) => Err(PdfError::damaged(Some(number), "it cannot be drawn")),
        Ok(()) if font_missing.load(Ordering::Relaxed) => {
            Err(PdfError::damaged(Some(number), "one of its fonts cannot be read"))
        }
        Ok(()) => Ok(ink),
    }
}

struct TooManyCallbacks;
struct TooLate;

/// The device that collects what is drawn.
#[derive(Default)]
struct Ink {
    callbacks_left: usize,
    deadline: Option<Instant>,
    operations: usize,
    glyphs: Vec<DrawnGlyph>,
    seen: HashSet<(String, i64, i64)>,
    /// Glyphs by the direction they run in: right, down, left, up.
    turned: [usize; 4],
    vertical: Vec<Edge>,
    horizontal: Vec<Edge>,
    /// The text before the first glyph that stands for no character.
    unreadable: Option<String>,
}

impl Ink {
    fn count(&mut self) {
        self.callbacks_left = match self.callbacks_left.checked_sub(1) {
            Some(left) => left,
            None => resume_unwind(Box::new(TooManyCallbacks)),
        };
        if self.callbacks_left.is_multiple_of(64) && self.deadline.is_some_and(|deadline| Instant::now() > deadline) {
            resume_unwind(Box::new(TooLate));
        }
    }

    fn add_glyph(&mut self, glyph: &FontGlyph<'_>, transform: Affine) {
        let origin = transform * Point::ZERO;
        let along = transform * Point::new(1.0, 0.0) - origin;
        let em = (transform * Point::new(0.0, 1.0) - origin).hypot() * UNITS_PER_EM;
        if !(origin.is_finite() && along.is_finite() && em.is_finite() && em > 0.0) {
            return;
        }
        let Some(turn) = quarter(along) else { return };
        if let Some(count) = self.turned.get_mut(turn) {
            *count += 1;
        }
        if turn != 0 {
            return;
        }
        let (text, advance) = match glyph {
            FontGlyph::Outline(outline) => {
                let blank = || outline.outline().elements().is_empty().then(|| " ".to_string());
                (readable(outline.as_unicode()).or_else(blank), outline.advance_width())
            }
            FontGlyph::Type3(type3) => (readable(type3.as_unicode()), type3.advance_width()),
        };
        let Some(text) = text else {
            let before = self.glyphs.len().saturating_sub(20);
            let near =
                self.glyphs.get(before..).unwrap_or_default().iter().map(|drawn| drawn.glyph.text.as_str()).collect();
            self.unreadable.get_or_insert(near);
            return;
        };
        // Bold is sometimes drawn as the same glyph twice, a hair apart.
        let cell = em * 0.08;
        let (column, row) = ((origin.x / cell).round() as i64, (origin.y / cell).round() as i64);
        let twice = (-1..=1).any(|dx| (-1..=1).any(|dy| self.seen.contains(&(text.clone(), column + dx, row + dy))));
        if twice && !text.trim().is_empty() {
            return;
        }
        self.seen.insert((text.clone(), column, row));
        let x1 = origin.x + f64::from(advance.unwrap_or(0.0)) * along.hypot();
        let glyph = Glyph { text, x0: origin.x, x1: x1.max(origin.x), operation: self.operations };
        self.glyphs.push(DrawnGlyph { glyph, y: origin.y, em });
    }

    fn add_edge(&mut self, a: Point, b: Point) {
        if !(a.is_finite() && b.is_finite()) {
            return;
        }
        let (dx, dy) = ((a.x - b.x).abs(), (a.y - b.y).abs());
        if dx <= AXIS_TOLERANCE && dy > AXIS_TOLERANCE {
            self.vertical.push(Edge { at: (a.x + b.x) / 2.0, from: a.y.min(b.y), to: a.y.max(b.y) });
        } else if dy <= AXIS_TOLERANCE && dx > AXIS_TOLERANCE {
            self.horizontal.push(Edge { at: (a.y + b.y) / 2.0, from: a.x.min(b.x), to: a.x.max(b.x) });
        }
    }
}

impl<'a> Device<'a> for Ink {
    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, _: &DrawMode) {
        self.count();
        let (mut start, mut last) = (Point::ZERO, Point::ZERO);
        for element in path.elements() {
            match *element {
                PathEl::MoveTo(point) => (start, last) = (point, point),
                PathEl::LineTo(point) => {
                    self.add_edge(props.transform * last, props.transform * point);
                    last = point;
                }
                PathEl::QuadTo(_, point) | PathEl::CurveTo(_, _, point) => last = point,
                PathEl::ClosePath => {
                    self.add_edge(props.transform * last, props.transform * start);
                    last = start;
                }
            }
        }
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        self.count();
        self.operations += 1;
        // Text that nobody sees is what a scanner's program guessed.
        if matches!(mode, DrawMode::Invisible) {
            return;
        }
        for glyph in run.glyphs() {
            self.add_glyph(glyph, props.transform * glyph.transform());
        }
    }

    fn push_clip_path(&mut self, _: &ClipPath) {
        self.count();
    }

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {
        self.count();
    }

    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {
        self.count();
    }

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}
}

/// The quarter turn (clockwise, from running to the right) in which text runs; `None` if it is slanted.
fn quarter(along: Vec2) -> Option<usize> {
    let slack = along.hypot() * 0.05;
    match (along.x.abs() <= slack, along.y.abs() <= slack) {
        (false, true) => Some(if along.x > 0.0 { 0 } else { 2 }),
        (true, false) => Some(if along.y > 0.0 { 1 } else { 3 }),
        _ => None,
    }
}

fn readable(text: Option<BfString>) -> Option<String> {
    let text = match text? {
        BfString::Char(ch) => ch.to_string(),
        BfString::String(text) => text,
    };
    (!text.is_empty() && !text.contains(['\u{FFFD}', '\0'])).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_runs_in_quarters() {
        assert_eq!(quarter(Vec2::new(1.0, 0.0)), Some(0));
        assert_eq!(quarter(Vec2::new(0.0, -2.0)), Some(3));
        assert_eq!(quarter(Vec2::new(1.0, 1.0)), None);
    }
}
