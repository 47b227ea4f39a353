//! The files of `sql/pipeline/` and `sql/analysis/`, each read as far as possible.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::project::Problem;
use crate::project::{
    Header, HeaderError, Kind, Lines, Model, ModelError, QuestionHeader, SqlFile, check_dimension, names_in_order,
};
use crate::project::{first_step, has_sql, sql_file, sql_paths};
use crate::sql::{Engine, Names, Schema, Select};

/// The number of wrong words of a header after which no more are looked for.
const WORDS: usize = 50;

/// One file that can be read.
#[derive(Clone, Debug)]
pub(super) enum Readable {
    /// A table of the star.
    Model(Box<Model>),
    /// A question, with its header if that can be read.
    Question(Option<Box<QuestionHeader>>, Select),
}

/// The files and their problems.
#[derive(Debug, Default)]
pub struct Files {
    /// The files with their texts, by path.
    pub(super) texts: BTreeMap<PathBuf, String>,
    /// The files that overrule the selects of others on the engine in use.
    pub(super) own: BTreeMap<PathBuf, PathBuf>,
    /// The readable files, by the name of their table or view.
    pub(super) readable: BTreeMap<String, (PathBuf, Readable)>,
    /// The selects of files without a readable header.
    pub(super) headless: Vec<(PathBuf, Select)>,
    /// The names of unreadable files.
    pub(super) unreadable: BTreeSet<String>,
    /// Files that are not checked: their tables and views are taken over from the database.
    pub(super) skipped: BTreeSet<PathBuf>,
    /// The problems of each file by itself.
    pub(super) problems: Vec<Problem>,
}

impl Files {
    /// Reads all files.
    ///
    /// # Errors
    /// In words, if there is none.
    pub fn read(sql: &Path, engine: Engine) -> Result<Files, String> {
        let mut files = Files::default();
        files.read_folder(&sql.join("pipeline"), engine, Files::read_model);
        files.read_folder(&sql.join("analysis"), engine, Files::read_question);
        if files.texts.is_empty() {
            let fix = first_step(&sql.join("pipeline"));
            return Err(format!("{}: there is no .sql file in pipeline/ or analysis/ in it: {fix}", sql.display()));
        }
        Ok(files)
    }

    fn read_folder(&mut self, folder: &Path, engine: Engine, read_one: fn(&mut Files, &SqlFile)) {
        if !has_sql(folder) {
            return;
        }
        let paths = sql_paths(folder, engine).unwrap_or_else(|error| {
            self.unread(error);
            Vec::new()
        });
        for path in paths {
            match sql_file(path, engine) {
                Ok(file) => {
                    read_one(self, &file);
                    self.own.extend(file.own.as_ref().map(|(own, _)| (file.path.clone(), own.clone())));
                    self.texts.extend(file.own);
                    self.texts.insert(file.path, file.text);
                }
                Err(error) => self.unread(error),
            }
        }
    }

    fn unread(&mut self, error: ModelError) {
        self.texts.insert(error.path.clone(), String::new());
        self.unreadable.extend(error.path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        self.problem(error);
    }

    /// Returns the paths of the files.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.texts.keys().map(PathBuf::as_path)
    }

    /// Returns the same, with files to be skipped.
    #[must_use]
    pub(super) fn without(mut self, skip: impl Fn(&Path) -> bool) -> Files {
        self.skipped = self.texts.keys().filter(|path| skip(path)).cloned().collect();
        self
    }

    fn problem(&mut self, problem: impl Into<Problem>) {
        let problem = problem.into();
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn read_model(&mut self, file: &SqlFile) {
        let SqlFile { path, text, own } = file;
        let first = match Model::parse(file) {
            Ok(model) => {
                self.readable.insert(model.name.clone(), (path.clone(), Readable::Model(Box::new(model))));
                return;
            }
            Err(first) => first,
        };
        self.unreadable.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        let header = self.header(path, text);
        let is_calendar = header.as_ref().is_some_and(|header| matches!(header.kind, Kind::Calendar(_)));
        let has_select = text.split_once("*/").is_some_and(|(_, rest)| !rest.trim().is_empty());
        match file.read() {
            Ok((_, select)) => self.headless.push((path.clone(), select)),
            Err(error) if !is_calendar && (has_select || own.is_some() || header.is_some()) => self.problem(error),
            Err(_) => {}
        }
        for check in header.iter().flat_map(|header| &header.checks).flat_map(|group| group.sql.texts()) {
            if let Err(error) = Select::parse(check) {
                let line = Lines::of(text).of_header("sql", check.lines().next().unwrap_or_default());
                self.problem(Problem::at(path, line, format!("checks: sql: {error}: {check}")));
            }
        }
        if self.problems.iter().all(|problem| problem.file != *path) {
            self.problem(first);
        }
    }

    /// Returns the header; reports every unknown word in it.
    fn header(&mut self, path: &Path, text: &str) -> Option<Header> {
        let mut rest = text.to_owned();
        for round in 0..WORDS {
            let error = match Header::parse(&rest) {
                Ok(header) => return Some(header).filter(|_| round == 0),
                Err(error) => error,
            };
            // A word that is missing after a wrong one was left out is that word.
            if round == 0 || error.is_alone {
                self.problem(Problem::at(path, error.line, error.why));
            }
            let line = error.line.filter(|_| error.is_alone)?;
            let without: Vec<_> = rest
                .split('\n')
                .enumerate()
                .map(|(place, one)| if place as u64 + 1 == line && !one.contains("/*") { "" } else { one })
                .collect();
            let without = without.join("\n");
            if without == rest {
                return None;
            }
            rest = without;
        }
        None
    }

    fn read_question(&mut self, file: &SqlFile) {
        let SqlFile { path, text, .. } = file;
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let header = match QuestionHeader::parse(&name, text) {
            Ok(header) => Some(Box::new(header)),
            Err(HeaderError { line, why, .. }) => {
                self.problem(Problem::at(path, line, why));
                None
            }
        };
        match file.read() {
            Ok((name, _)) if self.readable.contains_key(&name) || self.unreadable.contains(&name) => {
                let why = format!("sql/pipeline has a table of that name, {name}: rename the file");
                self.problem(Problem::at(path, None, why));
            }
            Ok((name, select)) => {
                self.readable.insert(name, (path.clone(), Readable::Question(header, select)));
            }
            Err(error) => {
                self.unreadable.insert(name);
                self.problem(error);
            }
        }
    }

    pub(super) fn models(&self) -> impl Iterator<Item = &Model> {
        self.readable.values().filter_map(|(_, one)| match one {
            Readable::Model(model) => Some(&**model),
            Readable::Question(..) => None,
        })
    }

    /// Returns the names of readable files, each after those that it needs; reports circles, and references to tables
    /// that are no dimensions.
    pub(super) fn in_order(&self, names: &Names, problems: &mut Vec<Problem>) -> Vec<&str> {
        let models: BTreeMap<String, Model> = self.models().map(|model| (model.name.clone(), model.clone())).collect();
        for model in models.values() {
            for (column, used) in model.dimensions().into_iter().flatten() {
                let lines = Lines::of(&self.texts[&model.path]);
                if let Err(error) = check_dimension(model, column, used, &models)
                    && !self.unreadable.contains(used.dimension())
                {
                    let line = lines.of_header("dimensions", column);
                    problems.push(Problem::at(&error.path, line, error.why));
                }
            }
        }
        let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, (_, one)) in &self.readable {
            let of_star = |select: &Select| {
                let tables = select.tables(names).into_iter();
                tables.filter(|table| table.schema == Schema::Datawarehouse).map(|table| table.name).collect()
            };
            let of_one = match one {
                Readable::Model(model) => model.needs(names),
                Readable::Question(_, select) => of_star(select),
            };
            needs.insert(name.clone(), of_one);
        }
        loop {
            let circle = match names_in_order(needs.clone()) {
                Ok(ordered) => {
                    return ordered
                        .iter()
                        .filter_map(|name| Some(self.readable.get_key_value(name)?.0.as_str()))
                        .collect();
                }
                Err(circle) => circle,
            };
            let (file, _) = &self.readable[&circle[0]];
            let line = Lines::of(&self.texts[file]).of_select(circle.get(1).map_or("", String::as_str), false);
            let why = format!("the tables need each other in a circle: {}", circle.join(" -> "));
            problems.push(Problem::at(file, line, why));
            needs.retain(|name, _| !circle.contains(name));
        }
    }
}
