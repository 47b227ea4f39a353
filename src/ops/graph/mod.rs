//! The lineage of tables: files, staging tables, the star and its views, as a picture or as text for tools that draw.

mod columns;
mod dot;
mod layout;
mod mermaid;
mod read;
mod svg;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::project::key_column;
use crate::project::{Dimension, Kind, Model};
use crate::sql::{Names, Schema, Select, Table, TableColumn};
pub use dot::dot;
pub use mermaid::mermaid;
pub use read::read;
pub use svg::svg;

/// The kinds of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// Files that are loaded.
    Files,
    /// A staging table.
    Staging,
    /// A table of the star, by the word in its header.
    Star(&'static str),
    /// A view out of `sql/analysis/`.
    Analysis,
    /// A table that is read and that no file of the project makes.
    Other,
}

impl NodeKind {
    /// Returns the kind as one word.
    pub fn word(self) -> &'static str {
        match self {
            NodeKind::Files => "files",
            NodeKind::Staging => "staging",
            NodeKind::Star(word) => word,
            NodeKind::Analysis => "analysis",
            NodeKind::Other => "other",
        }
    }
}

/// A set of files, a table or a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The name, as people write it.
    pub name: String,
    /// The kind.
    pub kind: NodeKind,
    /// The columns, where they are known and wanted.
    pub columns: Vec<String>,
}

/// A connection of two nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The index of the node that is read.
    pub from: usize,
    /// The index of the node that reads, greater than `from`.
    pub to: usize,
    /// True if one refers to the other by its key, instead of taking rows from it.
    pub refers: bool,
    /// The pairs of columns, source first, where they are known and wanted.
    pub columns: BTreeSet<(String, String)>,
}

/// The nodes, each behind those that it is made of, and the edges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// All nodes, in that order.
    pub nodes: Vec<Node>,
    /// All edges.
    pub edges: Vec<Edge>,
}

/// The material of a graph.
#[derive(Debug, Default)]
pub struct Parts {
    /// The files of staging tables: patterns, or the newest file.
    pub files: BTreeMap<String, String>,
    /// The tables of the star, each after those that it needs.
    pub models: Vec<Model>,
    /// The views of the analysis, each after those that it reads.
    pub questions: Vec<(String, Select)>,
    /// The columns of existing tables; empty where they are not wanted.
    pub columns: HashMap<Table, Vec<TableColumn>>,
}

impl Graph {
    /// Makes the graph of these parts.
    pub fn of(parts: &Parts, names: &Names) -> Graph {
        let mut made = Making { parts, names, graph: Graph::default(), places: BTreeMap::new() };
        let reads = |select: &Select| select.tables(names);
        let by_models = parts.models.iter().flat_map(|model| model.reads(names));
        let read: BTreeSet<Table> =
            by_models.chain(parts.questions.iter().flat_map(|(_, select)| reads(select))).collect();
        let own: BTreeSet<&str> = parts
            .models
            .iter()
            .map(|model| model.name.as_str())
            .chain(parts.questions.iter().map(|(name, _)| name.as_str()))
            .collect();
        for table in parts.files.keys() {
            made.staging(table);
        }
        for table in &read {
            match table.schema {
                Schema::Staging => made.staging(&table.name),
                Schema::Datawarehouse if own.contains(table.name.as_str()) => {}
                _ => made.node(table, NodeKind::Other),
            }
        }
        for model in &parts.models {
            let table = Table::datawarehouse(&model.name);
            made.node(&table, NodeKind::Star(model.header.kind.word()));
            for (column, used) in model.dimensions().into_iter().flatten() {
                let columns = (key_column(used.dimension()), used.key_column(column));
                made.edge(&Table::datawarehouse(used.dimension()), &table, true, Some(columns));
            }
            if let Some(select) = &model.select {
                let given = select.outputs_by_name(names, &parts.columns);
                let given: Vec<&str> = given.iter().map(|output| output.name.as_str()).collect();
                made.reads(select, &table, |column| called(model, &given, column));
            }
        }
        for (name, select) in &parts.questions {
            let table = Table::datawarehouse(name);
            made.node(&table, NodeKind::Analysis);
            made.reads(select, &table, str::to_owned);
        }
        made.graph
    }

    /// Returns the identifier of the node at an index in texts.
    fn id(place: usize) -> String {
        format!("n{place}")
    }
}

/// Returns the table's name for a column of a model's select, among all of them.
fn called(model: &Model, given: &[&str], column: &str) -> String {
    let place = |name: &str| given.iter().position(|one| *one == name.trim());
    let is_among = |list: &String| {
        let (first, last) = list.split_once("..").unwrap_or((list, list));
        let (Some(first), Some(last), Some(own)) = (place(first), place(last), place(column)) else { return false };
        (first..=last).contains(&own)
    };
    let column = match (&model.header.unpivot, &model.header.explode) {
        (Some(unpivot), _) if unpivot.columns.iter().any(is_among) => unpivot.into.as_str(),
        (_, Some(explode)) if explode.column == column => explode.into.as_str(),
        _ => column,
    };
    if let Kind::Dimension(Dimension { history, at: Some(at), .. }) = &model.header.kind
        && !history.is_empty()
        && at == column
    {
        return "valid_from".to_owned();
    }
    match model.dimensions().and_then(|uses| uses.get(column)) {
        Some(used) => used.key_column(column),
        None => column.to_owned(),
    }
}

struct Making<'a> {
    parts: &'a Parts,
    names: &'a Names,
    graph: Graph,
    places: BTreeMap<Table, usize>,
}

impl Making<'_> {
    fn node(&mut self, table: &Table, kind: NodeKind) {
        if self.places.contains_key(table) {
            return;
        }
        self.places.insert(table.clone(), self.graph.nodes.len());
        let columns = self.parts.columns.get(table).into_iter().flatten().map(|column| column.name.clone()).collect();
        self.graph.nodes.push(Node { name: self.names.shown(table), kind, columns });
    }

    /// Adds a staging table, behind its files.
    fn staging(&mut self, name: &str) {
        let table = Table::staging(name);
        if self.places.contains_key(&table) {
            return;
        }
        let files = self.parts.files.get(name).map(|files| {
            let node = Node { name: files.clone(), kind: NodeKind::Files, columns: Vec::new() };
            self.graph.nodes.push(node);
            self.graph.nodes.len() - 1
        });
        self.node(&table, NodeKind::Staging);
        if let Some(from) = files {
            let to = self.places[&table];
            self.graph.edges.push(Edge { from, to, refers: false, columns: BTreeSet::new() });
        }
    }

    /// Adds the tables that a select reads, and the pairs of columns; `called` gives the table's name for a column of
    /// the select.
    fn reads(&mut self, select: &Select, table: &Table, called: impl Fn(&str) -> String) {
        for from in select.tables(self.names) {
            self.edge(&from, table, false, None);
        }
        let has = |column: &String| {
            self.parts.columns.get(table).is_some_and(|columns| columns.iter().any(|one| one.name == *column))
        };
        let mut pairs = Vec::new();
        for output in select.outputs_by_name(self.names, &self.parts.columns) {
            let column = called(&output.name);
            if has(&column) {
                pairs.extend(output.sources.into_iter().map(|(from, source)| (from, (source, column.clone()))));
            }
        }
        for (from, pair) in pairs {
            self.edge(&from, table, false, Some(pair));
        }
    }

    fn edge(&mut self, from: &Table, to: &Table, refers: bool, columns: Option<(String, String)>) {
        let (Some(&from), Some(&to)) = (self.places.get(from), self.places.get(to)) else { return };
        let columns = columns.filter(|_| !self.parts.columns.is_empty());
        let same = |edge: &&mut Edge| (edge.from, edge.to, edge.refers) == (from, to, refers);
        match self.graph.edges.iter_mut().find(same) {
            Some(edge) => edge.columns.extend(columns),
            None => self.graph.edges.push(Edge { from, to, refers, columns: columns.into_iter().collect() }),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::project::SqlFile;
    use crate::sql::Engine;

    /// Returns a star with all that is hard to draw: a hostile name, an edge over several layers, two roles of one
    /// dimension.
    pub(crate) fn example(columns: bool) -> Graph {
        let names = Names {
            engine: Engine::of_url("sqlite:"),
            staging: "staging".into(),
            datawarehouse: "datawarehouse".into(),
        };
        let model = |name: &str, text: &str| {
            Model::parse(&SqlFile { path: name.into(), text: text.to_owned(), own: None }).unwrap()
        };
        let models = vec![
            model("dim_city.sql", "/*\nkind: dimension\nkey: [city]\n*/ select city from staging.orders"),
            model(
                "fact_order.sql",
                "/*\nkind: fact\ngrain: [id]\ndimensions:\n  origin: dim_city\n  target: dim_city\n*/ select id, \
                 origin, target from staging.orders",
            ),
        ];
        let top =
            Select::parse("select * from datawarehouse.fact_order join staging.\"x\"\"><b>{|}#\" on true").unwrap();
        let mut parts = Parts { models, questions: vec![("top".to_owned(), top)], ..Parts::default() };
        parts.files.insert("orders".to_owned(), "orders_*.csv".to_owned());
        if columns {
            let column = |name: &&str| TableColumn { name: (*name).to_owned(), declared: "text".to_owned() };
            let list = |names: &[&str]| names.iter().map(column).collect::<Vec<_>>();
            parts.columns.insert(Table::staging("orders"), list(&["id", "city", "origin", "target"]));
            parts.columns.insert(Table::datawarehouse("dim_city"), list(&["dim_city_key", "city"]));
            parts
                .columns
                .insert(Table::datawarehouse("fact_order"), list(&["id", "origin_key", "target_key", "a|b<c>"]));
        }
        Graph::of(&parts, &names)
    }

    #[test]
    fn columns_that_become_rows_are_called_as_these() {
        let text = "/*\nkind: fact\ngrain: [id]\ndimensions: {skill: dim_skill}\nunpivot: {into: skill, columns: [a, c..d]}\n*/ select 1";
        let model = Model::parse(&SqlFile { path: "f.sql".into(), text: text.to_owned(), own: None }).unwrap();
        let given = ["id", "a", "b", "c", "x", "d"];
        let names: Vec<_> = given.iter().map(|column| called(&model, &given, column)).collect();
        assert_eq!(names, ["id", "skill_key", "b", "skill_key", "skill_key", "skill_key"]);
    }

    #[test]
    fn what_is_made_of_what() {
        let graph = example(false);
        let name = |place: usize| graph.nodes[place].name.as_str();
        let edges: Vec<_> = graph.edges.iter().map(|edge| (name(edge.from), name(edge.to), edge.refers)).collect();
        assert_eq!(
            edges,
            [
                ("orders_*.csv", "staging.orders", false),
                ("staging.orders", "datawarehouse.dim_city", false),
                ("datawarehouse.dim_city", "datawarehouse.fact_order", true),
                ("staging.orders", "datawarehouse.fact_order", false),
                ("staging.x\"><b>{|}#", "datawarehouse.top", false),
                ("datawarehouse.fact_order", "datawarehouse.top", false),
            ]
        );
        assert!(graph.edges.iter().all(|edge| edge.from < edge.to));
        let columns = |graph: &Graph, place: usize| {
            let pairs = graph.edges[place].columns.iter();
            pairs.map(|(from, to)| format!("{from} {to}")).collect::<Vec<_>>().join(", ")
        };
        let graph = example(true);
        assert_eq!(columns(&graph, 1), "city city");
        assert_eq!(columns(&graph, 2), "dim_city_key origin_key, dim_city_key target_key");
        assert_eq!(columns(&graph, 3), "id id, origin origin_key, target target_key");
    }
}
