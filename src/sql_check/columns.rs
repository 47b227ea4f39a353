//! The columns of each file's table, and checks of the header against them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::empty::{WithoutValues, gives_empty, reading_empty};
use super::files::{Files, Readable};
use super::given::{Known, TWO, Wrong, given};
use crate::project::{Fact, HeaderError, Kind, Lines, Missing, Model, Problem, key_column};
use crate::schema::LOAD_COLUMN;
use crate::sql::{Names, Schema, Select, Table, TableColumn};
use crate::star::{self, DimensionSql, FactSql, OWN, Source, Target, calendar_columns};
use crate::text::nearest;
use crate::warehouse::{Transaction, WarehouseError};

/// The star of the files that have been checked so far.
pub(super) struct Star<'a> {
    files: &'a Files,
    pub(super) names: &'a Names,
    transaction: &'a mut dyn Transaction,
    pub(super) problems: &'a mut Vec<Problem>,
    /// The columns of each table or view, `None` where they cannot be told.
    pub(super) tables: BTreeMap<String, Option<Vec<TableColumn>>>,
    /// The facts about each dimension that lookups need.
    targets: BTreeMap<String, Target>,
    inferring: BTreeSet<String>,
    without_values: WithoutValues,
}

impl<'a> Star<'a> {
    pub(super) fn new(
        files: &'a Files,
        ordered: &[&str],
        names: &'a Names,
        transaction: &'a mut dyn Transaction,
        problems: &'a mut Vec<Problem>,
        without_values: WithoutValues,
    ) -> Star<'a> {
        let uses = files.models().filter_map(Model::dimensions).flat_map(BTreeMap::values);
        let inferring = uses.filter(|used| used.missing() == Missing::Infer).map(|used| used.dimension().to_owned());
        let circling = files.readable.keys().filter(|name| !ordered.contains(&name.as_str()));
        let unknown = files.unreadable.iter().chain(circling).map(|name| (name.clone(), None));
        Star {
            inferring: inferring.collect(),
            tables: unknown.collect(),
            targets: BTreeMap::new(),
            files,
            names,
            transaction,
            problems,
            without_values,
        }
    }

    /// Checks one file, after those that it needs.
    pub(super) async fn look_at(&mut self, name: &str) -> Result<(), WarehouseError> {
        let Some((path, one)) = self.files.readable.get(name) else { return Ok(()) };
        if self.files.skipped.contains(path) {
            return self.pass(name, path, one).await;
        }
        let columns = match one {
            Readable::Question(header, select) => {
                let columns = self.select(path, select, None).await?;
                let given: Vec<_> = columns.iter().flatten().map(|column| column.name.as_str()).collect();
                let text = self.files.texts.get(path).map_or("", String::as_str);
                if let (Some(_), Some(Err(HeaderError { line, why, .. }))) =
                    (&columns, header.as_ref().map(|header| header.check(&given, text)))
                {
                    self.problem(path, line, why);
                }
                columns
            }
            Readable::Model(model) => self.model(model).await?,
        };
        self.tables.insert(name.to_owned(), columns);
        if let Readable::Model(model) = one {
            self.checks(model).await?;
        }
        Ok(())
    }

    /// Takes over a table or view from the database, with types for a view's computed columns, which SQLite does not
    /// know.
    async fn pass(&mut self, name: &str, path: &Path, one: &Readable) -> Result<(), WarehouseError> {
        let select = match one {
            Readable::Question(_, select) => Some(select),
            Readable::Model(model) => model.select.as_ref().filter(|_| model.header.kind == Kind::View),
        };
        let Some(select) = select else { return Ok(()) };
        let stands = self.transaction.columns(&Table::datawarehouse(name)).await?;
        if let (Some(columns), _) = self.given(path, select, None).await?
            && columns.iter().map(|column| &column.name).eq(stands.iter().map(|column| &column.name))
        {
            self.tables.insert(name.to_owned(), Some(columns));
        }
        Ok(())
    }

    fn lines(&self, path: &Path) -> Lines<'a> {
        Lines::of(self.files.texts.get(path).map_or("", String::as_str))
    }

    fn problem(&mut self, path: &Path, line: Option<u64>, why: String) {
        self.problems.push(Problem::at(path, line, why));
    }

    /// Reports a problem of a word of the header and a name in its value.
    pub(super) fn of_header(&mut self, model: &Model, word: &str, name: &str, why: String) {
        let line = self.lines(&model.path).of_header(word, name);
        self.problem(&model.path, line, why);
    }

    /// Returns the columns of a select; reports its problems.
    pub(super) async fn select(
        &mut self,
        path: &Path,
        select: &Select,
        model: Option<&Model>,
    ) -> Result<Option<Vec<TableColumn>>, WarehouseError> {
        let (found, wrong) = self.given(path, select, model).await?;
        // The file for the engine in use is at fault.
        let path = self.files.own.get(path).map_or(path, PathBuf::as_path);
        for Wrong { place, word, why } in wrong {
            let lines = self.lines(path);
            let of_word = word.as_deref().and_then(|word| lines.of_select(word, why.starts_with(TWO)));
            let line = place.map(|place| place.line).or(of_word).or_else(|| lines.of_the_select());
            let column = place.map(|place| place.column);
            self.problems.push(Problem { file: path.to_owned(), line, column, why });
        }
        let Some(columns) = found else { return Ok(None) };
        let mut differ = true;
        for (place, column) in columns.iter().enumerate() {
            if columns[..place].iter().any(|other| other.name == column.name) {
                let line = self.lines(path).of_select(&column.name, true);
                let why = format!("{TWO} {}", column.name);
                self.problem(path, line.or_else(|| self.lines(path).of_the_select()), why);
                differ = false;
            }
        }
        Ok(Some(columns).filter(|_| differ))
    }

    /// Returns the columns of a select of a model's or a question's file, and its problems.
    pub(super) async fn given(
        &mut self,
        path: &Path,
        select: &Select,
        model: Option<&Model>,
    ) -> Result<(Option<Vec<TableColumn>>, Vec<Wrong>), WarehouseError> {
        let (mut known, mut stands_in, mut wrong, mut can_be_told) = (Known::new(), BTreeSet::new(), Vec::new(), true);
        for table in select.tables(self.names) {
            let of_file = self.tables.get(&table.name).filter(|_| table.schema == Schema::Datawarehouse);
            match of_file {
                Some(Some(columns)) => {
                    let columns = columns.clone();
                    if self.transaction.columns(&table).await? != columns {
                        stands_in.insert(table.clone());
                    }
                    known.insert(table, columns);
                }
                Some(None) => can_be_told = false,
                None => {
                    let columns = self.transaction.columns(&table).await?;
                    if columns.is_empty() {
                        wrong.push(self.missing_table(path, &table).await?);
                        can_be_told = false;
                    }
                    known.insert(table, columns);
                }
            }
        }
        if !can_be_told {
            return Ok((None, wrong));
        }
        let own = self.files.own.get(path).map_or(path, PathBuf::as_path);
        let text = self.files.texts.get(own).map_or("", String::as_str);
        let select = match model.filter(|model| model.header.kind != Kind::View) {
            Some(model) => {
                let wanted = |given: &[TableColumn]| star::wanted_types(&model.header, &self.targets, given);
                let (tables, empty) = ((&known, &stands_in), &self.without_values);
                let read = reading_empty(self.transaction, self.names, select, tables, empty, wanted).await?;
                // The select of a check has no table.
                if model.select.as_ref().is_some_and(|own| std::ptr::eq(own, select)) {
                    let given = gives_empty(self.names, &read, &known, &self.without_values);
                    self.without_values.insert(Table::datawarehouse(&model.name), given);
                }
                read
            }
            None => select.clone(),
        };
        given(self.transaction, self.names, (path, text), &select, &known, &stands_in).await
    }

    async fn missing_table(&mut self, path: &Path, table: &Table) -> Result<Wrong, WarehouseError> {
        let shown = self.names.shown(table);
        let why = match table.schema {
            Schema::Staging => {
                let datasets = self.names.table(&Table { schema: Schema::Catalog, name: "dataset".to_owned() });
                let known = self.transaction.query(&format!("select name from {datasets}"), &[]).await?;
                let known: Vec<String> = known.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect();
                let hint = nearest(&table.name, known.iter().map(String::as_str));
                format!("there is no table {shown}: no file has been loaded into it{hint}")
            }
            Schema::Datawarehouse => {
                let known = || self.files.readable.keys().chain(&self.files.unreadable);
                let is_itself = path.file_stem().is_some_and(|name| *name == *table.name);
                match known().any(|name| *name == table.name) {
                    true if is_itself => {
                        format!("the select reads {shown}, the table that it makes, and there is none yet")
                    }
                    true => format!("there is no table {shown} yet: app --pipeline makes it"),
                    false => {
                        let hint = nearest(&table.name, known().map(String::as_str));
                        format!("there is no table {shown}, and no file of sql/ makes one{hint}")
                    }
                }
            }
            _ => format!("there is no table {shown}"),
        };
        Ok(Wrong { place: None, word: Some(table.name.clone()), why })
    }

    /// Returns the name for load or line that the select gives to other values, in a table with its own lineage.
    async fn lineage_of_others(
        &mut self,
        model: &Model,
        select: &Select,
    ) -> Result<Option<&'static str>, WarehouseError> {
        if matches!(model.header.kind, Kind::Table | Kind::View) {
            return Ok(None);
        }
        let mut known = HashMap::new();
        for table in select.tables(self.names) {
            let columns = self.transaction.columns(&table).await?;
            known.insert(table, columns);
        }
        Ok(select.lineage_of_others(self.names, &known))
    }

    /// Returns the columns of a model's table.
    async fn model(&mut self, model: &Model) -> Result<Option<Vec<TableColumn>>, WarehouseError> {
        let id = TableColumn { name: key_column(&model.name), declared: self.names.engine.key_type().to_owned() };
        let Some(select) = &model.select else {
            let mut columns = calendar_columns(self.names.engine);
            let key = columns[0].clone();
            self.targets
                .insert(model.name.clone(), Target { key, valid: None, is_calendar: true, infers: self.infers(model) });
            columns.insert(0, id);
            return Ok(Some(columns));
        };
        let Some(columns) = self.select(&model.path, select, Some(model)).await? else { return Ok(None) };
        if let Some(name) = self.lineage_of_others(model, select).await? {
            let kind = model.header.kind.word();
            let line = self.lines(&model.path).of_select(name, false);
            let why =
                format!("{name} is a name of the {kind}'s own columns, its staged row's: give this one another name");
            self.problem(&model.path, line.or_else(|| self.lines(&model.path).of_the_select()), why);
            return Ok(None);
        }
        let row_wise = select.row_wise(self.names).is_some();
        let source = match Source::new(&model.header, self.names.engine, &columns, row_wise) {
            Ok(source) => source,
            Err(why) => {
                let word = why.split(':').next().unwrap_or_default().to_owned();
                self.of_header(model, &word, "", why);
                return Ok(None);
            }
        };
        let columns = source.columns();
        let after = match &model.header.kind {
            Kind::Dimension(header) => {
                self.must_give(model, columns, "key", &header.key);
                self.must_give(model, columns, "history", &header.history);
                let at = header.at.iter().filter(|at| *at != LOAD_COLUMN || !source.has_lineage());
                self.must_give(model, columns, "at", at);
                self.must_give(model, columns, "unknown", header.unknown.keys());
                self.must_give(model, columns, "was", header.was.keys());
                self.must_fit(model, header.fits(columns));
                let infers = self.infers(model);
                let sql = DimensionSql::new(self.names, &model.name, header, columns, source.has_lineage(), infers);
                self.must_fit(model, sql.fits_engine());
                let valid = sql.is_historic().then(|| sql.valid());
                // A fact's column cannot name a member by several columns: the model's own check says so.
                let key = columns.iter().find(|column| header.key.len() == 1 && header.key[0] == column.name);
                if let Some(key) = key.cloned() {
                    self.targets.insert(model.name.clone(), Target { key, valid, is_calendar: false, infers });
                }
                let mut after = sql.table_columns();
                after.insert(0, id);
                after
            }
            Kind::Fact(header) => self.fact(model, header, &source),
            Kind::Bridge(header, weight) => {
                if let Some(weight) = weight {
                    self.must_give(model, columns, "weight", [&weight.column]);
                    self.must_give(model, columns, "group", &weight.group);
                    self.must_fit(model, weight.fits(columns));
                }
                self.fact(model, header, &source)
            }
            _ => columns.to_vec(),
        };
        let differ = self.must_differ(model, &after);
        Ok(Some(after).filter(|_| differ))
    }

    fn fact(&mut self, model: &Model, header: &Fact, source: &Source) -> Vec<TableColumn> {
        let columns = source.columns();
        self.must_give(model, columns, "grain", &header.grain);
        self.must_give(model, columns, "at", &header.at);
        self.must_give(model, columns, "dimensions", header.dimensions.keys());
        self.must_fit(model, header.fits(columns));
        let mut targets = self.targets.clone();
        for (column, used) in &header.dimensions {
            let name = used.dimension();
            let given = columns.iter().find(|one| one.name == *column);
            if let (Some(target), Some(given)) = (self.targets.get(name), given)
                && !target.is_comparable(given)
            {
                let Target { key, .. } = target;
                let why = format!(
                    "dimensions: {column} is {}, and {name} knows its members by {}, which is {}: cast one of them in its select",
                    given.declared, key.name, key.declared
                );
                self.of_header(model, "dimensions", column, why);
            }
            // The dimension's problems are reported there; the fact has its key all the same.
            let key = TableColumn { name: column.clone(), declared: String::new() };
            let any = Target { key, valid: None, is_calendar: false, infers: false };
            targets.entry(name.to_owned()).or_insert(any);
        }
        let sql = FactSql::new(self.names, &model.name, header, &targets, columns, source.has_lineage());
        self.must_fit(model, sql.fits_engine(model.reads(self.names).len()));
        sql.columns().to_vec()
    }

    /// Reports a contradiction between the header and its columns.
    fn must_fit(&mut self, model: &Model, fits: Result<(), String>) {
        if let Err(why) = fits {
            let word = why.split(':').next().unwrap_or_default().to_owned();
            self.of_header(model, &word, "", why);
        }
    }

    /// Reports the names of a header's word that the select lacks.
    fn must_give<'b>(
        &mut self,
        model: &Model,
        columns: &[TableColumn],
        word: &str,
        named: impl IntoIterator<Item = &'b String>,
    ) {
        for name in named {
            if !columns.iter().any(|column| column.name == *name) {
                let hint = nearest(name, columns.iter().map(|column| column.name.as_str()));
                self.of_header(model, word, name, format!("{word}: the select gives no column {name}{hint}"));
            }
        }
    }

    /// Reports columns of the same name; returns true if there are none.
    fn must_differ(&mut self, model: &Model, columns: &[TableColumn]) -> bool {
        let mut taken = BTreeSet::new();
        let repeated: Vec<_> = columns.iter().filter(|column| !taken.insert(&column.name)).collect();
        // A dimension's reserved names are reported already.
        let is_said = |name: &str| matches!(model.header.kind, Kind::Dimension(_)) && OWN.contains(&name);
        for column in repeated.iter().filter(|column| !is_said(&column.name)) {
            let lines = self.lines(&model.path);
            let line = lines.of_select(&column.name, true).or_else(|| lines.of_the_select());
            let why = format!("two columns would be called {}: rename one, or give a role", column.name);
            self.problem(&model.path, line, why);
        }
        repeated.is_empty()
    }

    fn infers(&self, model: &Model) -> bool {
        self.inferring.contains(&model.name)
    }
}
