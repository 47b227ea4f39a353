//! The files of the star, and the order in which they are built.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::header::{DimensionUse, HeaderError, is_plain_name};
use super::{Lines, order};
use crate::project::{Dimension, Header, Kind, Missing};
use crate::sql::{Engine, Names, Schema, Select, SqlError, Table, overruled_by};
use crate::text::nearest;

/// A file of SQL, and the one that overrules its select on the engine in use, if there is one.
#[derive(Clone, Debug, Default)]
pub struct SqlFile {
    /// The path.
    pub path: PathBuf,
    /// The text.
    pub text: String,
    /// The path and text of `name.sqlite.sql` or `name.postgres.sql`.
    pub own: Option<(PathBuf, String)>,
}

impl SqlFile {
    /// Returns the name and the select.
    ///
    /// # Errors
    /// When the name is no table's, or the text is not a single select.
    pub fn read(&self) -> Result<(String, Select), ModelError> {
        let name = table_of_file(&self.path)?;
        let select = match &self.own {
            Some((path, text)) => read_select(path, text)?.for_its_engine(),
            None => read_select(&self.path, &self.text)?,
        };
        Ok((name, select))
    }
}

/// One file of the star.
#[derive(Clone, Debug)]
pub struct Model {
    /// The table's name: the file's without its extension.
    pub name: String,
    /// The path of the file.
    pub path: PathBuf,
    /// The header.
    pub header: Header,
    /// The select; a calendar has none.
    pub select: Option<Select>,
    /// The selects over the table that must return no row.
    pub checks: Vec<Select>,
    /// The text up to the end of the header.
    head: String,
}

/// An error in a file.
#[derive(Debug, thiserror::Error)]
#[error("{}{}{}: {why}", crate::text::shown::path(path), part(*line), part(*column))]
pub struct ModelError {
    /// The path of the file.
    pub path: PathBuf,
    /// The line, from 1, if the error is in one.
    pub line: Option<u64>,
    /// The column, from 1, where it is known.
    pub column: Option<u64>,
    /// The reason, in words.
    pub why: String,
}

/// Formats a part of a place: `:3`.
fn part(number: Option<u64>) -> String {
    number.map_or_else(String::new, |number| format!(":{number}"))
}

impl ModelError {
    /// Makes the error of a file as a whole.
    pub fn of(path: &Path, why: impl Into<String>) -> ModelError {
        ModelError::at(path, None, why)
    }

    /// Makes the error of a line of a file.
    pub fn at(path: &Path, line: Option<u64>, why: impl Into<String>) -> ModelError {
        ModelError { path: path.to_owned(), line, column: None, why: why.into() }
    }

    /// Makes the error of the select in a file, with its remedy.
    pub fn of_sql(path: &Path, error: &SqlError) -> ModelError {
        let fix = match error {
            SqlError::Refused { hint, .. } => {
                let or = if hint.is_empty() { ";" } else { " Else" };
                format!("{or} write {} for this engine", overruled_by(path, Engine::plainer()).display())
            }
            _ => String::new(),
        };
        let (line, column) = (error.place().map(|place| place.line), error.place().map(|place| place.column));
        ModelError { path: path.to_owned(), line, column, why: format!("{}{fix}", error.what()) }
    }
}

impl Model {
    /// Reads a file's text.
    ///
    /// # Errors
    /// When the name is no table's, or header or select cannot be read.
    pub fn parse(file: &SqlFile) -> Result<Model, ModelError> {
        let SqlFile { path, text, .. } = file;
        let wrong = |wrong: HeaderError| ModelError::at(path, wrong.line, wrong.why);
        let header = Header::parse(text).map_err(wrong)?;
        let (name, select) = match header.kind {
            Kind::Calendar(_) if !has_sql(text) => (table_of_file(path)?, None),
            Kind::Calendar(_) => {
                let line = Lines::of(text).of_the_select();
                return Err(ModelError::at(path, line, "a calendar has no select: its days are made"));
            }
            _ => file.read().map(|(name, select)| (name, Some(select)))?,
        };
        let check = |check: &String| {
            let line = Lines::of(text).of_header("sql", check.lines().next().unwrap_or_default());
            let wrong = |error| ModelError::at(path, line, format!("checks: sql: {error}: {check}"));
            Select::parse(check).map_err(wrong)
        };
        let checks = header.checks.iter().flat_map(|group| group.sql.texts()).map(check).collect::<Result<_, _>>()?;
        let head = text.split_inclusive("*/").next().unwrap_or_default().to_owned();
        Ok(Model { name, path: path.to_owned(), header, select, checks, head })
    }

    /// Makes an error of this file.
    pub fn error(&self, why: impl Into<String>) -> ModelError {
        ModelError::of(&self.path, why)
    }

    /// Makes an error of a word of the header, with its line: the reason begins with the word, or with a name in its
    /// value.
    pub fn error_of_word(&self, why: impl Into<String>) -> ModelError {
        let why = why.into();
        let mut words = why.split(':').map(str::trim).skip_while(|word| *word == "checks");
        let (word, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        ModelError::at(&self.path, Lines::of(&self.head).of_header(word, name), why)
    }

    /// Returns the dimensions that it refers to, by the select's column.
    pub fn dimensions(&self) -> Option<&BTreeMap<String, DimensionUse>> {
        match &self.header.kind {
            Kind::Fact(fact) | Kind::Bridge(fact, _) => Some(&fact.dimensions),
            _ => None,
        }
    }

    /// Returns the tables that its select reads.
    pub fn reads(&self, names: &Names) -> BTreeSet<Table> {
        self.select.as_ref().map(|select| select.tables(names)).unwrap_or_default()
    }

    /// Returns the tables of the star that must exist before it.
    pub fn needs(&self, names: &Names) -> BTreeSet<String> {
        let checked = self.checks.iter().flat_map(|check| check.tables(names));
        let read = self.reads(names).into_iter().chain(checked);
        let mut needs: BTreeSet<_> =
            read.filter(|table| table.schema == Schema::Datawarehouse).map(|table| table.name).collect();
        needs.extend(self.dimensions().into_iter().flat_map(BTreeMap::values).map(|one| one.dimension().to_owned()));
        needs.remove(&self.name);
        needs
    }
}

/// Returns true if anything follows the header.
fn has_sql(text: &str) -> bool {
    text.split_once("*/").is_some_and(|(_, rest)| !rest.trim().is_empty())
}

/// Returns the table that a file is named after.
///
/// # Errors
/// When the name is no table's.
fn table_of_file(path: &Path) -> Result<String, ModelError> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if !is_plain_name(&name) {
        return Err(ModelError::of(
            path,
            "a table's name is made of up to 50 small letters, digits and _; rename the file",
        ));
    }
    Ok(name)
}

fn read_select(path: &Path, text: &str) -> Result<Select, ModelError> {
    Select::parse(text).map_err(|error| {
        let (wrong, lines) = (ModelError::of_sql(path, &error), Lines::of(text));
        let elsewhere = if error.is_at_end() { lines.last() } else { lines.of_the_select() };
        ModelError { line: wrong.line.or(elsewhere), ..wrong }
    })
}

/// Sorts the models by name, each after those that it needs.
///
/// # Errors
/// When a fact names a table that is no dimension, or the models need each other in a circle.
pub fn in_order(models: Vec<Model>, names: &Names) -> Result<Vec<Model>, ModelError> {
    let needs = models.iter().map(|model| {
        let mut needs = model.needs(names);
        needs.extend(makers(model, &models));
        (model.name.clone(), needs)
    });
    let needs = needs.collect();
    let mut models: BTreeMap<String, Model> = models.into_iter().map(|model| (model.name.clone(), model)).collect();
    for model in models.values() {
        check_dimensions(model, &models)?;
    }
    let ordered = order::in_order(needs).map_err(|circle| {
        let why = format!("the tables need each other in a circle: {}", circle.join(" -> "));
        models[&circle[0]].error(why)
    })?;
    Ok(ordered.iter().filter_map(|name| models.remove(name)).collect())
}

/// Returns the facts that make members of a dimension which this one only looks up: they come first, so that it finds
/// the members.
fn makers<'a>(model: &Model, models: &'a [Model]) -> impl Iterator<Item = String> + 'a {
    let infers = |used: &DimensionUse| used.missing() == Missing::Infer;
    let uses = model.dimensions().into_iter().flat_map(BTreeMap::values);
    let is_maker = uses.clone().any(infers);
    let looked_up: BTreeSet<String> = uses.filter(|_| !is_maker).map(|used| used.dimension().to_owned()).collect();
    let makes = move |other: &&Model| {
        let mut uses = other.dimensions().into_iter().flat_map(BTreeMap::values);
        uses.any(|used| infers(used) && looked_up.contains(used.dimension()))
    };
    models.iter().filter(makes).map(|other| other.name.clone())
}

fn check_dimensions(model: &Model, models: &BTreeMap<String, Model>) -> Result<(), ModelError> {
    model.dimensions().into_iter().flatten().try_for_each(|(column, used)| check_dimension(model, column, used, models))
}

/// Checks that a model's column refers to a dimension with a key of one column.
///
/// # Errors
/// When it does not.
pub fn check_dimension(
    model: &Model,
    column: &str,
    used: &DimensionUse,
    models: &BTreeMap<String, Model>,
) -> Result<(), ModelError> {
    let name = used.dimension();
    match models.get(name).map(|other| &other.header.kind) {
        Some(Kind::Dimension(dimension)) if dimension.key.len() == 1 => {}
        Some(Kind::Calendar(_)) if used.missing() == Missing::Infer => {
            return Err(model.error_of_word(format!(
                "dimensions: {column}: a day that is not in {name} cannot be inferred; let the calendar reach farther"
            )));
        }
        Some(Kind::Calendar(_)) => {}
        Some(Kind::Dimension(Dimension { key, .. })) => {
            return Err(model.error_of_word(format!(
                "dimensions: {column}: {name} is known by {} columns together ({}), a fact's column can name one; \
                     give the dimension a key of one column",
                key.len(),
                key.join(", ")
            )));
        }
        Some(other) => {
            return Err(
                model.error_of_word(format!("dimensions: {column}: {name} is a {}, no dimension", other.word()))
            );
        }
        None => {
            let is = |other: &&Model| matches!(other.header.kind, Kind::Dimension(_) | Kind::Calendar(_));
            let hint = nearest(name, models.values().filter(is).map(|other| other.name.as_str()));
            return Err(model.error_of_word(format!("dimensions: {column}: there is no dimension {name}{hint}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Engine;

    fn file(name: &str, text: &str) -> SqlFile {
        SqlFile { path: name.into(), text: text.to_owned(), own: None }
    }

    fn order(files: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let names = Names {
            engine: Engine::of_url("sqlite:"),
            staging: "staging".into(),
            datawarehouse: "datawarehouse".into(),
        };
        let models = files.iter().map(|(name, text)| Model::parse(&file(name, text))).collect::<Result<Vec<_>, _>>();
        let ordered =
            in_order(models.map_err(|error| error.to_string())?, &names).map_err(|error| error.to_string())?;
        Ok(ordered.into_iter().map(|model| model.name).collect())
    }

    const DIMENSION: &str = "/*\nkind: dimension\nkey: [a]\n*/ select a from staging.x";

    #[test]
    fn a_table_comes_after_what_it_needs() {
        let files = [
            ("agg.sql", "/* kind: table */ select * from datawarehouse.fact_x"),
            ("fact_x.sql", "/*\nkind: fact\ngrain: [a]\ndimensions: {a: zdim}\n*/ select a from staging.x"),
            ("zdim.sql", DIMENSION),
        ];
        assert_eq!(order(&files).unwrap(), ["zdim", "fact_x", "agg"]);
    }

    #[test]
    fn a_circle_is_named() {
        let files = [
            ("a.sql", "/* kind: table */ select * from datawarehouse.b"),
            ("b.sql", "/* kind: table */ select * from datawarehouse.c"),
            ("c.sql", "/* kind: table */ select * from datawarehouse.b"),
        ];
        assert!(order(&files).unwrap_err().ends_with("in a circle: b -> c -> b"));
    }

    #[test]
    fn a_dimension_that_is_none_is_an_error_with_the_nearest() {
        let fact = "/*\nkind: fact\ngrain: [a]\ndimensions: {a: dim_titel}\n*/ select a from staging.x";
        let error = order(&[("fact_x.sql", fact), ("dim_title.sql", DIMENSION)]).unwrap_err();
        assert!(error.ends_with("there is no dimension dim_titel; did you mean dim_title?"), "{error}");
        assert!(order(&[("Bad Name.sql", DIMENSION)]).unwrap_err().contains("rename the file"));
        assert!(order(&[("x.sql", "/* kind: table */ selec 1")]).unwrap_err().starts_with("x.sql:1:19: "));
    }
}
