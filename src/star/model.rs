//! The files of the star, and the order in which they are built.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::header::Header;
use super::order;
use crate::warehouse::{Names, Schema, Select};

/// One file of the star.
#[derive(Clone, Debug)]
pub struct Model {
    /// The table's name: the file's without its ending.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// What the table is.
    pub header: Header,
    /// Where its rows come from.
    pub select: Select,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct ModelError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub why: String,
}

impl Model {
    /// Reads a file's text.
    ///
    /// # Errors
    /// When the name is no table's, or header or select cannot be read.
    pub fn parse(path: &Path, text: &str) -> Result<Model, ModelError> {
        let header = Header::parse(text).map_err(|why| ModelError { path: path.to_owned(), why })?;
        let (name, select) = read_sql_file(path, text)?;
        Ok(Model { name, path: path.to_owned(), header, select })
    }

    /// An error of this file.
    pub fn error(&self, why: impl Into<String>) -> ModelError {
        ModelError { path: self.path.clone(), why: why.into() }
    }

    /// The tables of the star that must be there before it.
    fn needs(&self, names: &Names) -> BTreeSet<String> {
        let mut needs: BTreeSet<_> = self
            .select
            .tables(names)
            .into_iter()
            .filter(|table| table.schema == Schema::Datawarehouse)
            .map(|table| table.name)
            .collect();
        if let Header::Fact { dimensions, .. } = &self.header {
            needs.extend(dimensions.values().map(|one| one.dimension().to_owned()));
        }
        needs
    }
}

/// The name and the select of a file of SQL.
///
/// # Errors
/// When the name is no table's, or the text is not one select.
pub fn read_sql_file(path: &Path, text: &str) -> Result<(String, Select), ModelError> {
    let error = |why: String| ModelError { path: path.to_owned(), why };
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let plain = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if name.is_empty() || name.len() > 50 || !plain {
        return Err(error(
            "a table's name is made of up to 50 small letters, digits and _; rename the file".to_owned(),
        ));
    }
    let select = Select::parse(text).map_err(|why| error(why.to_string()))?;
    Ok((name, select))
}

/// The models, each after those it needs; otherwise by name.
///
/// # Errors
/// When a fact names a dimension that is none, or the models need each other in a circle.
pub fn in_order(models: Vec<Model>, names: &Names) -> Result<Vec<Model>, ModelError> {
    let needs = models.iter().map(|model| (model.name.clone(), model.needs(names))).collect();
    let mut models: BTreeMap<String, Model> = models.into_iter().map(|model| (model.name.clone(), model)).collect();
    for model in models.values() {
        check_dimensions(model, &models)?;
    }
    let ordered = order::in_order(needs).map_err(|circle| {
        let why = format!("the tables need each other in a circle: {}", circle.join(" -> "));
        ModelError { path: models[&circle[0]].path.clone(), why }
    })?;
    Ok(ordered.iter().filter_map(|name| models.remove(name)).collect())
}

fn check_dimensions(model: &Model, models: &BTreeMap<String, Model>) -> Result<(), ModelError> {
    let Header::Fact { dimensions, .. } = &model.header else { return Ok(()) };
    for (column, used) in dimensions {
        let name = used.dimension();
        match models.get(name).map(|other| &other.header) {
            Some(Header::Dimension { key }) if key.len() == 1 => {}
            Some(Header::Dimension { key }) => {
                return Err(model.error(format!(
                    "dimensions: {column}: {name} is known by {} columns together ({}), a fact's column can name one; give the dimension a key of one column",
                    key.len(),
                    key.join(", ")
                )));
            }
            Some(other) => {
                return Err(
                    model.error(format!("dimensions: {column}: {name} is a {}, no dimension", other.kind().word()))
                );
            }
            None => {
                let known = models.values().filter(|other| matches!(other.header, Header::Dimension { .. }));
                let hint = nearest(name, known.map(|other| other.name.as_str()));
                return Err(model.error(format!("dimensions: {column}: there is no dimension {name}{hint}")));
            }
        }
    }
    Ok(())
}

/// `; did you mean x?`, or nothing where no name is near.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    known
        .map(|one| {
            // Two letters that changed places in a short word.
            let near = if strsim::osa_distance(name, one) == 1 { 1.0 } else { 0.0 };
            (strsim::jaro_winkler(name, one).max(near), one)
        })
        .filter(|(near, _)| *near > 0.7)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map_or_else(String::new, |(_, one)| format!("; did you mean {one}?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::Engine;

    fn order(files: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let names = Names { engine: Engine::Sqlite, staging: "staging".into(), datawarehouse: "datawarehouse".into() };
        let models =
            files.iter().map(|(name, text)| Model::parse(Path::new(name), text)).collect::<Result<Vec<_>, _>>();
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
        assert!(order(&[("x.sql", "/* kind: table */ selec 1")]).unwrap_err().starts_with("x.sql: "));
    }
}
