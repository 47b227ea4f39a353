//! The graph as text for Mermaid, which GitHub and GitLab draw.

use std::fmt::Write;

use super::{Graph, Node, NodeKind};

/// Returns the graph as a flow chart.
pub fn mermaid(graph: &Graph) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for (place, node) in graph.nodes.iter().enumerate() {
        let (open, close) = match node.kind {
            NodeKind::Files => ("[/", "/]"),
            NodeKind::Staging => ("[(", ")]"),
            NodeKind::Star("fact" | "bridge") => ("[[", "]]"),
            NodeKind::Analysis | NodeKind::Star("view") => ("([", "])"),
            NodeKind::Star(_) => ("[", "]"),
            NodeKind::Other => (">", "]"),
        };
        let _ = writeln!(text, "  {}{open}\"{}\"{close}", Graph::id(place), label(node));
    }
    for edge in &graph.edges {
        let (from, to) = (Graph::id(edge.from), Graph::id(edge.to));
        let arrow = if edge.refers { "-.->" } else { "-->" };
        if edge.columns.is_empty() {
            let _ = writeln!(text, "  {from} {arrow} {to}");
        } else {
            let pairs: Vec<_> =
                edge.columns.iter().map(|(one, other)| format!("{} → {}", escaped(one), escaped(other))).collect();
            let _ = writeln!(text, "  {from} {arrow}|\"{}\"| {to}", pairs.join("<br/>"));
        }
    }
    text
}

fn label(node: &Node) -> String {
    let mut label = format!("{}<br/><i>{}</i>", escaped(&node.name), node.kind.word());
    for column in &node.columns {
        label.push_str("<br/>");
        label.push_str(&escaped(column));
    }
    label
}

/// Returns a text in which any letter that Mermaid or a browser could interpret is written as its number.
fn escaped(text: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || " _.,-:/".contains(letter);
    text.chars()
        .map(|letter| if plain(letter) { letter.to_string() } else { format!("#{};", u32::from(letter)) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::example;
    use super::*;

    #[test]
    fn a_flow_chart() {
        let text = mermaid(&example(false));
        assert!(
            text.starts_with("flowchart LR\n  n0[/\"orders_#42;.csv<br/><i>files</i>\"/]\n  n1[(\"staging.orders<br/>"),
            "{text}"
        );
        assert!(text.contains("staging.x#34;#62;#60;b#62;#123;#124;#125;#35;<br/>"), "{text}");
        assert!(text.contains("\n  n3 -.-> n4\n") && text.contains("\n  n1 --> n3\n"), "{text}");
        let text = mermaid(&example(true));
        assert!(text.contains("-.->|\"dim_city_key → origin_key<br/>dim_city_key → target_key\"|"), "{text}");
        assert!(text.contains("<br/>a#124;b#60;c#62;\""), "{text}");
    }
}
