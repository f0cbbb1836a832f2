//! Column boundaries without rulings: a dynamic programme over all lines of the body.
//!
//! Between two names a boundary may stand in the middle of any interval between edges of runs. All boundaries are chosen
//! together so that they cut few runs and leave few wide gaps inside cells; equal solutions differ in how many runs end or
//! start right beside a boundary, which finds the side where a column is aligned.

use super::lines::Line;
use super::text_run::TextRun;

/// Gaps wider than this, in em, part two cells.
const WIDE_GAP: f64 = 0.6;
/// What cutting a run costs; a wide gap left inside a cell costs 1.
const CUT_COST: u32 = 3;
/// Candidates for a boundary are taken from edges this far apart, in points.
const GRAIN: f64 = 0.25;
/// A boundary is tried at no more places than this.
const MAX_CANDIDATES: usize = 600;
/// By so much, in em, text may stick out of its column.
pub(super) const OVERHANG: f64 = 0.15;
/// Whether a boundary here cuts through the run.
pub(super) fn is_cut(run: &TextRun, x: f64) -> bool {
    let overhang = OVERHANG * run.em;
    run.x0 + overhang < x && x < run.x1 - overhang
}

/// A place where a boundary may be: what it cuts, and how many runs end or start right beside it.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    x: f64,
    cuts: u32,
    edges: u32,
}

/// The best partial solution that ends in one candidate.
#[derive(Debug, Clone, Copy)]
struct Best {
    cost: u32,
    edges: u32,
    previous: usize,
}

/// Chooses all boundaries together so that they cost least; of equals, those beside which most runs end or start.
pub(super) fn unruled_boundaries(lines: &[&Line], gaps: &[(f64, f64)], known: &[Option<f64>]) -> Vec<f64> {
    let runs: Vec<&TextRun> = lines.iter().flat_map(|line| &line.runs).collect();
    let mut wide: Vec<(f64, f64)> = lines
        .iter()
        .flat_map(|line| line.runs.windows(2))
        .filter_map(|pair| Some((pair.first()?, pair.last()?)))
        .filter(|(left, right)| right.x0 - left.x1 > WIDE_GAP * left.em)
        .map(|(left, right)| (left.x1, right.x0))
        .collect();
    wide.sort_by(|a, b| a.1.total_cmp(&b.1));

    // Two fixed candidates stand for the table's outer sides.
    let side = |x| vec![Candidate { x, cuts: 0, edges: 0 }];
    let between = gaps.iter().zip(known).map(|(gap, known)| known.map_or_else(|| candidates(&runs, *gap), side));
    let steps: Vec<Vec<Candidate>> =
        std::iter::once(side(f64::NEG_INFINITY)).chain(between).chain([side(f64::INFINITY)]).collect();
    let mut best = vec![vec![Best { cost: 0, edges: 0, previous: 0 }]];
    for pair in steps.windows(2) {
        let ([lefts, rights], Some(before)) = (pair, best.last()) else {
            break;
        };
        let mut next: Vec<Option<Best>> = vec![None; rights.len()];
        for (previous, (left, so_far)) in lefts.iter().zip(before).enumerate() {
            // Gaps come in the order of their right ends, so one pass serves all candidates to the right.
            let mut gaps = wide.iter().filter(|gap| gap.0 >= left.x).peekable();
            let mut inside = 0;
            for (right, slot) in rights.iter().zip(&mut next) {
                while gaps.next_if(|gap| gap.1 <= right.x).is_some() {
                    inside += 1;
                }
                let cost = so_far.cost + inside + CUT_COST * right.cuts;
                let edges = so_far.edges + right.edges;
                let better = slot.is_none_or(|slot| (cost, slot.edges) < (slot.cost, edges));
                if left.x <= right.x && better {
                    *slot = Some(Best { cost, edges, previous });
                }
            }
        }
        let unreachable = Best { cost: u32::MAX / 2, edges: 0, previous: 0 };
        best.push(next.into_iter().map(|slot| slot.unwrap_or(unreachable)).collect());
    }
    // Back from the right side to the left one.
    let mut boundaries = Vec::new();
    let mut at = 0;
    for (step, best) in steps.iter().zip(&best).skip(1).rev() {
        boundaries.extend(step.get(at).map(|candidate| candidate.x));
        at = best.get(at).map_or(0, |best| best.previous);
    }
    boundaries.reverse();
    boundaries.pop();
    boundaries
}

/// The middles of the intervals between neighbouring edges of runs, in ascending order; never none.
fn candidates(runs: &[&TextRun], (left, right): (f64, f64)) -> Vec<Candidate> {
    let grain = GRAIN.max((right - left) / MAX_CANDIDATES as f64);
    let slots = ((right - left) / grain).ceil().max(1.0) as usize;
    let slot = |x: f64| (left < x && x < right).then(|| (((x - left) / grain) as usize).min(slots - 1));
    let (mut starts, mut ends) = (vec![0_u32; slots], vec![0_u32; slots]);
    for run in runs {
        if let Some(count) = slot(run.x0).and_then(|slot| starts.get_mut(slot)) {
            *count += 1;
        }
        if let Some(count) = slot(run.x1).and_then(|slot| ends.get_mut(slot)) {
            *count += 1;
        }
    }
    // Where edges are: the slot's place, how many runs start in it, how many end; both names count as edges, with the
    // runs that are aligned with them.
    let aligned = |x: f64, name: f64| (x - name).abs() <= 2.0 * GRAIN;
    let under = |edge: &dyn Fn(&TextRun) -> bool| u32::try_from(runs.iter().filter(|run| edge(run)).count());
    let ends_left = under(&|run| aligned(run.x1, left)).unwrap_or(0);
    let starts_right = under(&|run| aligned(run.x0, right)).unwrap_or(0);
    let mut edges = vec![(left, 0, ends_left)];
    let counted = starts.iter().zip(&ends).enumerate().filter(|(_, (starts, ends))| **starts + **ends > 0);
    edges.extend(counted.map(|(slot, (starts, ends))| (left + (slot as f64 + 0.5) * grain, *starts, *ends)));
    edges.push((right, starts_right, 0));
    let between = edges.windows(2).filter_map(|pair| Some((pair.first()?, pair.last()?)));
    let candidate = |(a, b): (&(f64, u32, u32), &(f64, u32, u32))| {
        let x = (a.0 + b.0) / 2.0;
        let cuts = runs.iter().filter(|run| is_cut(run, x)).count();
        Candidate { x, cuts: u32::try_from(cuts).unwrap_or(u32::MAX / 8).min(1 << 20), edges: a.2 + b.1 }
    };
    between.map(candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::super::lines::made::line;
    use super::*;

    #[test]
    fn right_aligned_numbers_get_a_boundary_right_after_them() {
        // The year's name stands at the left (50..70) of its column, the numbers at its right end (90..110), close to the text at 114.
        let lines = [
            line(&[("1", 0.0), ("2018", 90.0), ("седан", 114.0)]),
            line(&[("2", 0.0), ("2021", 90.0), ("купе", 114.0)]),
        ];
        let lines: Vec<&Line> = lines.iter().collect();
        let found = unruled_boundaries(&lines, &[(10.0, 50.0), (70.0, 120.0)], &[None, None]);
        assert!(found[0] > 10.0 && found[0] < 50.0, "{found:?}");
        assert!(found[1] >= 109.0 && found[1] <= 115.0, "{found:?}");
    }

    #[test]
    fn a_cut_costs_more_than_a_gap_left() {
        let lines = [line(&[("длинный текст", 0.0), ("x", 100.0)]), line(&[("a", 0.0), ("b", 30.0)])];
        let lines: Vec<&Line> = lines.iter().collect();
        let found = unruled_boundaries(&lines, &[(10.0, 90.0)], &[None]);
        assert!(found[0] > 65.0, "{found:?}");
    }
}
