//! The rows of a model as a select: that of its file, with columns or arrays turned into rows and repeats left out.

use std::collections::BTreeMap;

use crate::project::{Header, Kind};
use crate::schema::{LINE_COLUMN, LOAD_COLUMN, SYSTEM_COLUMNS, Type};
use crate::sql::{Engine, TableColumn, quote, type_of};
use crate::text::nearest;

/// The way from a select's rows to a model's.
#[derive(Clone, Debug)]
pub struct Source {
    engine: Engine,
    columns: Vec<TableColumn>,
    lineage: bool,
    shape: Shape,
    distinct: bool,
    /// The types that the select gives of columns that have others.
    given: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
enum Shape {
    Plain,
    /// The columns that become rows, and the one that receives their values.
    Unpivot(Vec<TableColumn>, String),
    /// The column with the array, and the one that receives the elements.
    Explode(String, String),
}

impl Source {
    /// Prepares a select with these columns. `row_wise` is true if each row comes from one staged row.
    ///
    /// # Errors
    /// In words, if the header names a column that the select lacks, or two columns have one name.
    pub fn new(header: &Header, engine: Engine, given: &[TableColumn], row_wise: bool) -> Result<Source, String> {
        let is_lineage = |column: &&TableColumn| column.name == LOAD_COLUMN || column.name == LINE_COLUMN;
        // A table or view keeps its select's lineage columns; other kinds have their own.
        let is_as_given = matches!(header.kind, Kind::Table | Kind::View);
        let keeps = |column: &&TableColumn| is_as_given || !is_lineage(column);
        let mut columns: Vec<_> = given.iter().filter(keeps).cloned().collect();
        for (at, column) in columns.iter().enumerate() {
            if columns[..at].iter().any(|other| other.name == column.name) {
                return Err(format!("the select gives two columns the name {}", column.name));
            }
        }
        let into = header.unpivot.iter().map(|unpivot| &unpivot.into).chain(header.explode.iter().map(|one| &one.into));
        let mut all = columns.iter().map(|column| &column.name).chain(into);
        if let Some(name) = all.find(|name| header.kind != Kind::View && SYSTEM_COLUMNS.contains(&name.as_str())) {
            return Err(format!("every table of PostgreSQL has a column {name} already: call it otherwise, with as"));
        }
        let shape = match (&header.unpivot, &header.explode) {
            (Some(unpivot), _) => {
                let from = stretch(&unpivot.columns, &columns)?;
                columns.retain(|column| !from.contains(column));
                let declared = match &from[..] {
                    [first, rest @ ..] if rest.iter().all(|one| one.declared == first.declared) => {
                        first.declared.clone()
                    }
                    _ => "text".to_owned(),
                };
                columns.push(TableColumn { name: unpivot.into.clone(), declared });
                Shape::Unpivot(from, unpivot.into.clone())
            }
            (None, Some(explode)) => {
                find("explode", &explode.column, &columns)?;
                columns.retain(|column| column.name != explode.column);
                columns.push(TableColumn { name: explode.into.clone(), declared: "text".to_owned() });
                Shape::Explode(explode.column.clone(), explode.into.clone())
            }
            (None, None) => Shape::Plain,
        };
        let lineage = row_wise && !header.distinct && header.kind != Kind::View;
        Ok(Source { engine, columns, lineage, shape, distinct: header.distinct, given: BTreeMap::new() })
    }

    /// Gives columns other types than the select does.
    pub fn give_types(&mut self, types: &[TableColumn]) {
        for TableColumn { name, declared } in types {
            for column in self.columns.iter_mut().filter(|column| column.name == *name) {
                let given = std::mem::replace(&mut column.declared, declared.clone());
                self.given.insert(name.clone(), given);
            }
        }
    }

    /// Returns the columns of its rows, without [lineage](Source::has_lineage) unless a table or view selects it.
    pub fn columns(&self) -> &[TableColumn] {
        &self.columns
    }

    /// Returns true if each row has the load and line of a staged row.
    pub fn has_lineage(&self) -> bool {
        self.lineage
    }

    /// Returns true if each row of the select gives one row.
    pub fn is_plain(&self) -> bool {
        matches!(self.shape, Shape::Plain) && !self.distinct
    }

    /// Returns the query for the rows, out of the select in the engine's dialect; with lineage if this has it.
    pub fn sql(&self, select: &str) -> String {
        let kept: Vec<_> = self.columns.iter().map(|column| quote(&column.name)).collect();
        let lineage: Vec<_> = [LOAD_COLUMN, LINE_COLUMN]
            .map(quote)
            .into_iter()
            .filter(|name| self.lineage && !kept.contains(name))
            .collect();
        let others = |but: &str| {
            let names = kept.iter().filter(|name| **name != quote(but)).chain(&lineage);
            names.map(|name| format!("s.{name}")).collect::<Vec<_>>()
        };
        let rows = match &self.shape {
            Shape::Plain => format!("select {} from ({select}) as s", others("").join(", ")),
            Shape::Unpivot(from, into) => {
                let is_text = |column: &TableColumn| type_of(&column.declared) == Some(Type::Text);
                let (mut cases, mut places) = (String::new(), Vec::new());
                let same = from.iter().all(|one| one.declared == from[0].declared);
                for (place, column) in from.iter().enumerate() {
                    let name = format!("s.{}", quote(&column.name));
                    let value = match (is_text(column), same) {
                        (true, _) => format!("nullif(trim({name}), '')"),
                        (false, true) => name,
                        (false, false) => format!("cast({name} as text)"),
                    };
                    cases.push_str(&format!(" when {place} then {value}"));
                    places.push(format!("select {place} as place"));
                }
                let mut list = others(into);
                list.push(format!("case p.place{cases} end as {}", quote(into)));
                let rows = format!(
                    "select {} from ({select}) as s cross join ({}) as p",
                    list.join(", "),
                    places.join(" union all ")
                );
                let all: Vec<_> = kept.iter().chain(&lineage).map(|name| format!("u.{name}")).collect();
                format!("select {} from ({rows}) as u where u.{} is not null", all.join(", "), quote(into))
            }
            Shape::Explode(column, into) => {
                let (array, mut list) = (format!("s.{}", quote(column)), others(into));
                let (element, value) = self.engine.elements(&array);
                list.push(format!("{value} as {}", quote(into)));
                let rows = format!("select {} from ({select}) as s {element}", list.join(", "));
                let all: Vec<_> = kept.iter().chain(&lineage).map(|name| format!("u.{name}")).collect();
                format!("select {} from ({rows}) as u where u.{} is not null", all.join(", "), quote(into))
            }
        };
        let rows = if self.given.is_empty() { rows } else { self.converted(&rows) };
        if self.distinct { without_repeats(self.engine, &self.columns, &format!("({rows})")) } else { rows }
    }

    /// Returns these rows with the types that columns were given.
    fn converted(&self, rows: &str) -> String {
        let value = |TableColumn { name, declared }: &TableColumn| {
            let name_of = format!("c.{}", quote(name));
            let Some(given) = self.given.get(name) else { return name_of };
            format!("{} as {}", self.engine.converted(given, declared, &name_of), quote(name))
        };
        let mut list: Vec<_> = self.columns.iter().map(value).collect();
        list.extend(
            [LOAD_COLUMN, LINE_COLUMN].iter().filter(|_| self.lineage).map(|name| format!("c.{}", quote(name))),
        );
        format!("select {} from ({rows}) as c", list.join(", "))
    }
}

/// Returns the query for rows without repeats: decimals are compared by value, and shown with the most digits.
pub(super) fn without_repeats(engine: Engine, columns: &[TableColumn], rows: &str) -> String {
    let (mut kept, mut values, mut has_decimals) = (Vec::new(), Vec::new(), false);
    for TableColumn { name, declared } in columns {
        let name = quote(name);
        let column = format!("u.{name}");
        has_decimals |= type_of(declared) == Some(Type::Numeric);
        kept.push(format!("{} as {name}", engine.of_equal(declared, &column)));
        values.push(engine.by_value(declared, &column));
    }
    match has_decimals {
        true => format!("select {} from {rows} as u group by {}", kept.join(", "), values.join(", ")),
        false => format!("select distinct {} from {rows} as u", values.join(", ")),
    }
}

fn find<'a>(word: &str, name: &str, columns: &'a [TableColumn]) -> Result<(usize, &'a TableColumn), String> {
    columns.iter().enumerate().find(|(_, column)| column.name == name).ok_or_else(|| {
        let hint = nearest(name, columns.iter().map(|column| column.name.as_str()));
        format!("{word}: the select gives no column {name}{hint}")
    })
}

/// Returns the columns of a list; `a..c` stands for those from a to c.
pub(super) fn stretch(names: &[String], columns: &[TableColumn]) -> Result<Vec<TableColumn>, String> {
    let mut found = Vec::new();
    for name in names {
        let (first, last) = name.split_once("..").unwrap_or((name, name));
        let (first, _) = find("unpivot", first.trim(), columns)?;
        let (last, _) = find("unpivot", last.trim(), columns)?;
        if last < first {
            return Err(format!("unpivot: {name}: the columns stand the other way round in the select"));
        }
        found.extend(columns[first..=last].iter().cloned());
    }
    if found.is_empty() { Err("unpivot: names no column".to_owned()) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &[&str]) -> Vec<TableColumn> {
        names.iter().map(|name| TableColumn { name: (*name).to_owned(), declared: "text".to_owned() }).collect()
    }

    fn source(header: &str, given: &[&str]) -> Result<Source, String> {
        Source::new(&Header::parse(header).unwrap(), Engine::of_url("postgres:"), &columns(given), true)
    }

    #[test]
    fn columns_become_rows() {
        let unpivot =
            source("/*\nkind: table\nunpivot: {into: skill, columns: [a, c..d]}\n*/", &["id", "a", "b", "c", "d"])
                .unwrap();
        let names: Vec<_> = unpivot.columns().iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["id", "b", "skill"]);
        assert!(unpivot.has_lineage());
        let distinct = source("/*\nkind: dimension\nkey: [id]\ndistinct: true\n*/", &["id", "_load_id"]).unwrap();
        assert_eq!(
            distinct.sql("select 1"),
            "select distinct u.\"id\" from (select s.\"id\" from (select 1) as s) as u"
        );
    }

    #[test]
    fn lineage_that_a_table_asks_for_is_its_own() {
        let rows = |header: &str| source(header, &["id", "_load_id"]).unwrap().sql("select 1");
        let table = rows("/* kind: table */");
        assert_eq!(table, "select s.\"id\", s.\"_load_id\", s.\"_line\" from (select 1) as s");
        let fact = rows("/*\nkind: fact\ngrain: [id]\n*/");
        assert_eq!(fact, "select s.\"id\", s.\"_load_id\", s.\"_line\" from (select 1) as s");
    }

    #[test]
    fn what_the_select_does_not_give() {
        let error = |header: &str| source(header, &["id", "alpha", "beta"]).unwrap_err();
        assert!(error("/*\nkind: table\nunpivot: {into: x, columns: [alpah]}\n*/").contains("did you mean alpha?"));
        assert!(error("/*\nkind: table\nunpivot: {into: x, columns: [beta..alpha]}\n*/").contains("other way round"));
        assert!(error("/*\nkind: table\nexplode: {into: x, column: gamma}\n*/").contains("no column gamma"));
        let system = source("/* kind: table */", &["xmin"]).unwrap_err();
        assert_eq!(system, "every table of PostgreSQL has a column xmin already: call it otherwise, with as");
        assert!(source("/* kind: view */", &["xmin"]).is_ok());
        assert!(source("/* kind: table */", &["a", "a"]).unwrap_err().contains("two columns the name a"));
    }
}
