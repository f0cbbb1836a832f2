//! Rulings: the long lines of a table, whatever they are painted with.
//!
//! Programs draw them as strokes, as thin rectangles, or not at all but as the edges of the cells' backgrounds, in pieces and in
//! any colour, white included. So every painted edge counts, and what lies within two points is one ruling.

use super::glyphs::Edge;

/// Edges closer than this belong to one ruling, in points.
const TOLERANCE: f64 = 2.0;

/// Collinear edges, taken together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ruling {
    /// The coordinate across.
    pub at: f64,
    /// What the edges cover along it: disjoint intervals in ascending order.
    covered: Vec<(f64, f64)>,
}

impl Ruling {
    /// How much of the interval it covers, in points.
    pub(super) fn covers(&self, from: f64, to: f64) -> f64 {
        self.covered.iter().map(|(start, end)| (end.min(to) - start.max(from)).max(0.0)).sum()
    }
}

/// Gathers parallel edges into rulings, in ascending order.
pub(super) fn gather(edges: &[Edge]) -> Vec<Ruling> {
    let mut edges = edges.to_vec();
    edges.sort_by(|a, b| a.at.total_cmp(&b.at));
    let mut rulings = Vec::new();
    let mut group: Vec<Edge> = Vec::new();
    for edge in edges {
        if group.first().is_some_and(|first| edge.at - first.at > TOLERANCE) {
            rulings.extend(ruling(&mut group));
        }
        group.push(edge);
    }
    rulings.extend(ruling(&mut group));
    rulings
}

/// Makes one ruling of edges in ascending order, and empties the group.
fn ruling(group: &mut Vec<Edge>) -> Option<Ruling> {
    let at = (group.first()?.at + group.last()?.at) / 2.0;
    group.sort_by(|a, b| a.from.total_cmp(&b.from));
    let mut covered: Vec<(f64, f64)> = Vec::new();
    for edge in group.drain(..) {
        match covered.last_mut() {
            Some((_, end)) if edge.from <= *end + TOLERANCE => *end = end.max(edge.to),
            _ => covered.push((edge.from, edge.to)),
        }
    }
    Some(Ruling { at, covered })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_a_line_and_both_edges_of_a_thin_rectangle_are_one_ruling() {
        let edge = |at, from, to| Edge { at, from, to };
        let rulings =
            gather(&[edge(50.5, 20.0, 40.0), edge(50.0, 0.0, 20.0), edge(51.0, 0.0, 20.0), edge(90.0, 0.0, 5.0)]);
        assert_eq!(rulings.iter().map(|ruling| ruling.at).collect::<Vec<_>>(), [50.5, 90.0]);
        assert_eq!(rulings[0].covers(0.0, 100.0), 40.0);
        assert_eq!(rulings[0].covers(30.0, 100.0), 10.0);
        assert_eq!(rulings[1].covers(10.0, 100.0), 0.0);
    }
}
