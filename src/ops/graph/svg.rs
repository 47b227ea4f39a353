//! The graph as a picture for browsers, in light and in dark.

use std::fmt::Write;

use super::layout::{HEAD, Layout, Place, ROW, layout};
use super::{Edge, Graph, Node};

const MARGIN: f64 = 24.0;

const STYLE: &str = "\
text{font:13px system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif;fill:#1f2328}
.kind,.column{font-size:12px;fill:#59636e}
.kind{font-style:italic}
:root{background:#fff}.page{fill:#fff}
.rule{stroke:#8c959f;stroke-opacity:.45}
rect.node{fill:#f6f8fa;stroke:#8c959f;stroke-width:1.2}
.files rect.node{fill:#fff;stroke-dasharray:4 3}
.dimension rect.node,.calendar rect.node{fill:#ddf4ff;stroke:#218bff}
.fact rect.node,.bridge rect.node{fill:#fff1e5;stroke:#e16f24}
.analysis rect.node,.view rect.node{fill:#dafbe1;stroke:#2da44e}
.edge{fill:none;stroke:#8c959f;stroke-width:1.4}
.refers{stroke:#218bff;stroke-dasharray:5 4}
.head{fill:#8c959f}.head.refers{fill:#218bff}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}.kind,.column{fill:#9198a1}.page{fill:#0d1117}:root{background:#0d1117}
rect.node{fill:#151b23;stroke:#656c76}.files rect.node{fill:#0d1117}
.dimension rect.node,.calendar rect.node{fill:#0c2d4d;stroke:#388bfd}
.fact rect.node,.bridge rect.node{fill:#3d1f0a;stroke:#db6d28}
.analysis rect.node,.view rect.node{fill:#0f2f1a;stroke:#3fb950}
.edge{stroke:#656c76}.refers{stroke:#388bfd}.head{fill:#656c76}.head.refers{fill:#388bfd}
}
";

/// Draws the graph from left to right.
pub fn svg(graph: &Graph) -> String {
    let placed = layout(graph);
    let (width, height) = (placed.width + 2.0 * MARGIN, placed.height + 2.0 * MARGIN);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 \
         {width:.0} {height:.0}\" role=\"img\" aria-label=\"Files, staging, star and views\">\n<style>{STYLE}</style>\n"
    );
    for (id, class) in [("reads", "head"), ("refers", "head refers")] {
        let _ = writeln!(
            text,
            "<marker id=\"{id}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" \
             markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"{class}\" d=\"M0 0L8 4L0 8z\"/></marker>"
        );
    }
    let _ = writeln!(
        text,
        "<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n<g transform=\"translate({MARGIN} {MARGIN})\">"
    );
    for (edge, way) in graph.edges.iter().zip(&placed.ways) {
        draw_edge(&mut text, graph, &placed, edge, way);
    }
    for (node, place) in graph.nodes.iter().zip(&placed.nodes) {
        draw_node(&mut text, node, place);
    }
    text.push_str("</g>\n</svg>\n");
    text
}

fn draw_edge(text: &mut String, graph: &Graph, placed: &Layout, edge: &Edge, way: &[Place]) {
    let none = [(String::new(), String::new())].into();
    let columns = if edge.columns.is_empty() { &none } else { &edge.columns };
    let (class, marker) = if edge.refers { ("edge refers", "refers") } else { ("edge", "reads") };
    for (from, to) in columns {
        let (start, end) = (placed.nodes[edge.from], placed.nodes[edge.to]);
        let (mut x, mut y) = (start.x + start.width, height_of(&graph.nodes[edge.from], &start, from));
        let mut path = format!("M{x:.1} {y:.1}");
        let last = Place { x: end.x - 1.0, y: height_of(&graph.nodes[edge.to], &end, to), ..Place::default() };
        for by in way.iter().chain([&last]) {
            let (near, level) = (by.x, by.y + by.height / 2.0);
            let middle = f64::midpoint(x, near);
            let _ = write!(path, "C{middle:.1} {y:.1} {middle:.1} {level:.1} {near:.1} {level:.1}");
            (x, y) = (by.x + by.width, level);
            if by.width > 0.0 {
                let _ = write!(path, "H{x:.1}");
            }
        }
        let names = [&graph.nodes[edge.from].name, &graph.nodes[edge.to].name].map(|name| escaped(name));
        let columns = if from.is_empty() { String::new() } else { format!(": {} → {}", escaped(from), escaped(to)) };
        let title = format!("{} → {}{columns}", names[0], names[1]);
        let _ = writeln!(
            text,
            "<path class=\"{class}\" marker-end=\"url(#{marker})\" d=\"{path}\"><title>{title}</title></path>"
        );
    }
}

/// Returns the height at which an edge meets a node: at the column, or at the head.
fn height_of(node: &Node, place: &Place, column: &str) -> f64 {
    match node.columns.iter().position(|one| one == column) {
        Some(row) => place.y + HEAD + (row as f64 + 0.55) * ROW,
        None if node.columns.is_empty() => place.y + place.height / 2.0,
        None => place.y + HEAD / 2.0,
    }
}

fn draw_node(text: &mut String, node: &Node, place: &Place) {
    let Place { x, y, width, height } = place;
    let (left, word) = (x + 14.0, node.kind.word());
    let _ = write!(
        text,
        "<g class=\"{word}\"><rect class=\"node\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"6\"/>\
         <text x=\"{left:.1}\" y=\"{:.1}\">{}</text><text class=\"kind\" x=\"{left:.1}\" y=\"{:.1}\">{word}</text>",
        y + 19.0,
        escaped(&node.name),
        y + 35.0
    );
    if !node.columns.is_empty() {
        let (right, level) = (x + width, y + HEAD - 3.0);
        let _ = write!(text, "<path class=\"rule\" d=\"M{x:.1} {level:.1}H{right:.1}\"/>");
    }
    for (row, column) in node.columns.iter().enumerate() {
        let y = y + HEAD + (row as f64 + 0.8) * ROW;
        let _ = write!(text, "<text class=\"column\" x=\"{left:.1}\" y=\"{y:.1}\">{}</text>", escaped(column));
    }
    text.push_str("</g>\n");
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // XML does not allow these.
            letter if letter.is_control() || matches!(letter, '\u{FFFE}' | '\u{FFFF}') => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::tests::example;
    use super::*;

    #[test]
    fn a_picture() {
        let text = svg(&example(true));
        assert!(text.contains(">staging.x&quot;&gt;&lt;b&gt;{|}#</text>"), "{text}");
        assert!(!text.contains("<b>"));
        assert_eq!(text.matches("<path class=\"edge refers\"").count(), 2);
        assert_eq!(text.matches("<rect class=\"node\"").count(), 6);
        assert_eq!(text.matches("<g").count(), text.matches("</g>").count());
    }
}
