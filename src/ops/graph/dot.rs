//! The graph as text for Graphviz.

use std::fmt::Write;

use super::{Graph, Node, NodeKind};

/// Returns the graph from left to right; tables with columns are records with a port for each.
pub fn dot(graph: &Graph) -> String {
    let mut text =
        "digraph sluice {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\", fontsize=11];\n".to_owned();
    for (place, node) in graph.nodes.iter().enumerate() {
        let shape = match node.kind {
            _ if !node.columns.is_empty() => "record",
            NodeKind::Files => "note",
            NodeKind::Staging => "cylinder",
            NodeKind::Star("fact" | "bridge") => "box3d",
            NodeKind::Analysis | NodeKind::Star("view") => "ellipse",
            NodeKind::Star(_) => "box",
            NodeKind::Other => "plaintext",
        };
        let _ = writeln!(text, "  {} [shape={shape}, label=\"{}\"];", Graph::id(place), label(node));
    }
    for edge in &graph.edges {
        let (from, to) = (Graph::id(edge.from), Graph::id(edge.to));
        let style = if edge.refers { " [style=dashed]" } else { "" };
        if edge.columns.is_empty() {
            let _ = writeln!(text, "  {from} -> {to}{style};");
        }
        let port = |place: usize, column: &str| {
            let node = &graph.nodes[place];
            node.columns.iter().position(|one| one == column).map_or_else(String::new, |port| format!(":c{port}"))
        };
        for (one, other) in &edge.columns {
            let (start, end) = (port(edge.from, one), port(edge.to, other));
            let _ = writeln!(text, "  {from}{start} -> {to}{end}{style};");
        }
    }
    text.push_str("}\n");
    text
}

fn label(node: &Node) -> String {
    let (is_record, word) = (!node.columns.is_empty(), node.kind.word());
    let mut label = format!("{}\\n{word}", escaped(&node.name, is_record));
    for (place, column) in node.columns.iter().enumerate() {
        let _ = write!(label, "|<c{place}> {}", escaped(column, true));
    }
    label
}

/// Returns a text for use within quotes; in a record, its special characters are escaped, too.
fn escaped(text: &str, in_record: bool) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '"' | '\\' => escaped.extend(['\\', letter]),
            '{' | '}' | '|' | '<' | '>' if in_record => escaped.extend(['\\', letter]),
            letter if letter.is_control() => escaped.push(' '),
            // Graphviz reads entities.
            '&' => escaped.push_str("&amp;"),
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
    fn a_digraph() {
        let text = dot(&example(false));
        assert!(text.contains("  n0 [shape=note, label=\"orders_*.csv\\nfiles\"];\n"), "{text}");
        assert!(text.contains("label=\"staging.x\\\"><b>{|}#\\nstaging\""), "{text}");
        assert!(text.contains("  n3 -> n4 [style=dashed];\n"), "{text}");
        let text = dot(&example(true));
        assert!(text.contains("|<c3> a\\|b\\<c\\>\""), "{text}");
        assert!(text.contains("  n3:c0 -> n4:c1 [style=dashed];\n"), "{text}");
    }
}
