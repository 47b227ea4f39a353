//! The places of nodes: layers from left to right, each node right of all that it is made of, with few edges crossing.

use super::{Graph, Node, NodeKind};

const NAME: f64 = 13.0;
const PADDING: f64 = 14.0;
/// The gap between two layers.
const ACROSS: f64 = 64.0;
/// The gap between two nodes of a layer.
const DOWN: f64 = 18.0;
/// The number of passes that improve the order and the places.
const SWEEPS: usize = 12;

/// The height of a node's head: its name and its kind.
pub(super) const HEAD: f64 = 44.0;
/// The height of a column's name.
pub(super) const ROW: f64 = 17.0;

/// The space below the last column.
const FOOT: f64 = 7.0;

/// A rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Place {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Place {
    fn middle(&self) -> f64 {
        self.y + self.height / 2.0
    }
}

/// The places of all nodes, and for each edge the places that it passes by.
pub(super) struct Layout {
    pub(super) nodes: Vec<Place>,
    pub(super) ways: Vec<Vec<Place>>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Returns the greatest width of a text in a proportional font of this size.
fn width(text: &str, size: f64) -> f64 {
    text.chars().map(|letter| if u32::from(letter) < 0x1100 { 0.6 } else { 1.05 }).sum::<f64>() * size
}

/// The layers' contents: nodes, and the points at which long edges pass by.
struct Layers {
    layers: Vec<Vec<usize>>,
    places: Vec<Place>,
    before: Vec<Vec<usize>>,
    after: Vec<Vec<usize>>,
}

pub(super) fn layout(graph: &Graph) -> Layout {
    let ranks = ranks(graph);
    let size = |node: &Node| Place {
        width: node.columns.iter().fold(width(&node.name, NAME), |widest, one| widest.max(width(one, 12.0))).max(70.0)
            + 2.0 * PADDING,
        height: HEAD + if node.columns.is_empty() { 0.0 } else { node.columns.len() as f64 * ROW + FOOT },
        ..Place::default()
    };
    let mut all = Layers {
        layers: vec![Vec::new(); ranks.iter().max().map_or(0, |rank| rank + 1)],
        places: graph.nodes.iter().map(size).collect(),
        before: vec![Vec::new(); graph.nodes.len()],
        after: vec![Vec::new(); graph.nodes.len()],
    };
    for (node, rank) in ranks.iter().enumerate() {
        all.layers[*rank].push(node);
    }
    let mut chains = Vec::new();
    for edge in &graph.edges {
        let (mut last, mut chain) = (edge.from, Vec::new());
        for rank in ranks[edge.from] + 1..ranks[edge.to] {
            let by = all.places.len();
            all.places.push(Place { height: 6.0, ..Place::default() });
            all.before.push(Vec::new());
            all.after.push(Vec::new());
            all.layers[rank].push(by);
            all.join(last, by);
            chain.push(by);
            last = by;
        }
        all.join(last, edge.to);
        chains.push(chain);
    }
    all.order();
    all.set_across();
    all.set_down();
    let ways = chains.iter().map(|chain| chain.iter().map(|by| all.places[*by]).collect()).collect();
    let end = |of: fn(&Place) -> f64| all.places.iter().map(of).fold(0.0, f64::max);
    let (width, height) = (end(|place| place.x + place.width), end(|place| place.y + place.height));
    all.places.truncate(graph.nodes.len());
    Layout { nodes: all.places, ways, width, height }
}

/// Returns the layer of each node: behind all that it is made of, staging before the star before the analysis.
fn ranks(graph: &Graph) -> Vec<usize> {
    let mut ranks: Vec<usize> = Vec::with_capacity(graph.nodes.len());
    let mut star = 2;
    for (place, node) in graph.nodes.iter().enumerate() {
        let least = match node.kind {
            NodeKind::Files => 0,
            NodeKind::Staging | NodeKind::Other => 1,
            NodeKind::Star(_) => 2,
            NodeKind::Analysis => star + 1,
        };
        let before = graph.edges.iter().filter(|edge| edge.to == place).map(|edge| ranks[edge.from] + 1);
        let rank = before.max().unwrap_or_default().max(least);
        if matches!(node.kind, NodeKind::Star(_)) {
            star = star.max(rank);
        }
        ranks.push(rank);
    }
    // Empty layers are left out.
    let used: Vec<usize> =
        (0..=ranks.iter().copied().max().unwrap_or_default()).filter(|rank| ranks.contains(rank)).collect();
    ranks.iter().map(|rank| used.iter().position(|one| one == rank).unwrap_or_default()).collect()
}

impl Layers {
    fn join(&mut self, from: usize, to: usize) {
        self.after[from].push(to);
        self.before[to].push(from);
    }

    /// Puts each node where the mean of its neighbours is, layer by layer, there and back.
    fn order(&mut self) {
        let mut at = vec![0.0; self.places.len()];
        for layer in &self.layers {
            for (place, node) in layer.iter().enumerate() {
                at[*node] = place as f64;
            }
        }
        for sweep in 0..SWEEPS {
            let forth = sweep % 2 == 0;
            let count = self.layers.len();
            for step in 0..count {
                let rank = if forth { step } else { count - 1 - step };
                let neighbours = if forth { &self.before } else { &self.after };
                let mut layer = std::mem::take(&mut self.layers[rank]);
                let wanted: Vec<f64> = (0..at.len())
                    .map(|node| mean(neighbours[node].iter().map(|one| at[*one])).unwrap_or(at[node]))
                    .collect();
                layer.sort_by(|one, other| wanted[*one].total_cmp(&wanted[*other]));
                for (place, node) in layer.iter().enumerate() {
                    at[*node] = place as f64;
                }
                self.layers[rank] = layer;
            }
        }
    }

    fn set_across(&mut self) {
        let mut x = 0.0;
        for layer in &self.layers {
            let widest = layer.iter().map(|node| self.places[*node].width).fold(0.0, f64::max);
            for node in layer {
                let place = &mut self.places[*node];
                place.x = x;
                place.width = widest;
            }
            x += widest + ACROSS;
        }
    }

    /// Moves each node to the height of its neighbours, as far as those above and below leave room.
    fn set_down(&mut self) {
        for layer in &self.layers {
            let mut y = 0.0;
            for node in layer {
                self.places[*node].y = y;
                y += self.places[*node].height + DOWN;
            }
        }
        for sweep in 0..SWEEPS {
            for step in 0..self.layers.len() {
                let rank = if sweep % 2 == 0 { step } else { self.layers.len() - 1 - step };
                let layer = &self.layers[rank];
                let wanted: Vec<f64> = layer
                    .iter()
                    .map(|node| {
                        let near = self.before[*node].iter().chain(&self.after[*node]);
                        let place = self.places[*node];
                        mean(near.map(|one| self.places[*one].middle())).map_or(place.y, |y| y - place.height / 2.0)
                    })
                    .collect();
                let (mut down, mut up) = (wanted.clone(), wanted);
                let height = |at: usize| self.places[layer[at]].height + DOWN;
                for at in 1..layer.len() {
                    down[at] = down[at].max(down[at - 1] + height(at - 1));
                }
                for at in (1..layer.len()).rev() {
                    up[at - 1] = up[at - 1].min(up[at] - height(at - 1));
                }
                // Both leave room, and so does their midpoint.
                for (at, node) in layer.iter().enumerate() {
                    self.places[*node].y = f64::midpoint(down[at], up[at]);
                }
            }
        }
        let top = self.places.iter().map(|place| place.y).fold(f64::INFINITY, f64::min);
        for place in &mut self.places {
            place.y -= top;
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

#[cfg(test)]
mod tests {
    use super::super::tests::example;
    use super::*;

    #[test]
    fn nodes_stand_apart_and_from_left_to_right() {
        for graph in [example(false), example(true)] {
            let layout = layout(&graph);
            for edge in &graph.edges {
                let (from, to) = (layout.nodes[edge.from], layout.nodes[edge.to]);
                assert!(from.x + from.width < to.x);
            }
            for (at, one) in layout.nodes.iter().enumerate() {
                for other in &layout.nodes[at + 1..] {
                    let apart = one.x != other.x || one.y + one.height <= other.y || other.y + other.height <= one.y;
                    assert!(apart, "{one:?} {other:?}");
                }
                assert!(
                    one.x >= 0.0
                        && one.y >= 0.0
                        && one.x + one.width <= layout.width
                        && one.y + one.height <= layout.height
                );
            }
        }
    }
}
