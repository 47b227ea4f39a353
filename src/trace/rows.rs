//! Which records a member of a dimension comes from: those with its natural key.

use super::{Cells, TraceError, instead, number};
use crate::app::App;
use crate::pipeline::{columns_read, sql_files};
use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::star::{self, Kind, Model, ModelError, SqlFile, UNKNOWN, key_column, nearest};
use crate::warehouse::{Schema, Select, SqlError, Table, Transaction, described, quote};

/// A dimension's rows with load and line.
pub(super) struct Source {
    table: String,
    id: String,
    key: Vec<String>,
    rows: String,
}

/// How the records of a dimension's members are found.
///
/// # Errors
/// When the table is no dimension, or no record can be told for its rows: why, and what can be traced instead.
pub(super) async fn of_members(
    app: &App,
    transaction: &mut dyn Transaction,
    table: &Table,
) -> Result<Source, TraceError> {
    let names = app.warehouse.names();
    let (shown, path) = (names.shown(table), app.sql.join("pipeline").join(format!("{}.sql", table.name)));
    let files = sql_files(&app.sql.join("pipeline"), names.engine).unwrap_or_default();
    let Some(file) = files.into_iter().find(|file| file.path == path) else {
        let why = match app.sql.join("analysis").join(format!("{}.sql", table.name)).is_file() {
            true => "it is a view: trace a table that it reads".to_owned(),
            false => format!("its rows do not say from where they are, and there is no {} that tells", path.display()),
        };
        return Err(TraceError::Asked(format!("{shown}: {why}")));
    };
    let model = Model::parse(&file)?;
    let no = |why: &str| TraceError::Asked(format!("{shown}: {why}{}", instead(names, &model)));
    let (Kind::Dimension(header), Some(select)) = (&model.header.kind, &model.select) else {
        return Err(no(match model.header.kind {
            Kind::Calendar(_) => "a calendar's days are made, no file has brought them",
            Kind::View => "a view has no rows of its own",
            Kind::Table => {
                "kind: table keeps rows as the select gives them, and not where they are from; kind: fact does"
            }
            _ => "its select groups or combines rows, or leaves out repeats, so no row of it is one staged row's",
        }));
    };
    let SqlFile { text, own, .. } = &file;
    let repeated = match own {
        Some((_, own)) => Select::with_repeats(own).map(Select::for_its_engine),
        None => Select::with_repeats(text),
    };
    let row_wise = [Some(select), repeated.as_ref()].into_iter().flatten().find(|one| one.row_wise(names).is_some());
    let Some(select) = row_wise else {
        return Err(no("its select groups or combines rows, so no row of it is one staged row's"));
    };
    let wrong = |why: String| TraceError::from(model.error(why));
    let columns = columns_read(transaction, names, select).await.map_err(wrong)?;
    let unwritten = |error: SqlError| TraceError::from(ModelError::of_sql(&path, &error));
    let given = transaction.describe(&select.sql(names, &columns).map_err(unwritten)?).await?;
    let given = described(given, &select.outputs(names, &columns));
    let mut every = model.header.clone();
    every.distinct = false;
    let source = star::Source::new(&every, names.engine, &given, true).map_err(wrong)?;
    if let Some(missing) = header.key.iter().find(|key| !source.columns().iter().any(|column| column.name == **key)) {
        let hint = nearest(missing, source.columns().iter().map(|column| column.name.as_str()));
        return Err(wrong(format!("key: the select gives no column {missing}{hint}")));
    }
    let gives = |name: &str| given.iter().any(|column| column.name == name);
    let select = if gives(LOAD_COLUMN) && gives(LINE_COLUMN) { select.clone() } else { select.with_lineage() };
    Ok(Source {
        table: names.table(&Table { schema: Schema::Datawarehouse, name: table.name.clone() }),
        id: quote(&key_column(&table.name)),
        key: header.key.iter().map(|key| quote(key)).collect(),
        rows: source.sql(&select.sql(names, &columns).map_err(unwritten)?),
    })
}

/// Load and line of the records of a member.
pub(super) async fn of_member(
    transaction: &mut dyn Transaction,
    source: &Source,
    id: i64,
    limit: u64,
) -> Result<Vec<(i64, i64)>, TraceError> {
    let Source { table, id: column, key, rows } = source;
    let same: Vec<_> = key.iter().map(|key| format!("n.{key} = d.{key}")).collect();
    let (load, line) = (quote(LOAD_COLUMN), quote(LINE_COLUMN));
    let sql = format!(
        "select distinct n.{load}, n.{line} from ({rows}) as n join {table} as d on {} where d.{column} = {id} and d.{column} <> {UNKNOWN} \
         order by 1, 2 limit {limit}",
        same.join(" and ")
    );
    let places = transaction.query(&sql, &[]).await?;
    let number = |cell: &Option<String>| cell.as_deref()?.parse::<i64>().ok();
    Ok(places.iter().filter_map(|row| Some((number(row.first()?)?, number(row.get(1)?)?))).collect())
}

/// Why a row comes from no record.
pub(super) fn why_none(table: &Table, row: &Cells) -> String {
    let is_inferred =
        row.get("is_inferred").and_then(|cell| cell.as_str()).is_some_and(|text| text == "true" || text == "1");
    if number(row, &key_column(&table.name)) == Some(UNKNOWN) {
        "it stands for what is unknown".to_owned()
    } else if is_inferred {
        "a fact names it, and no row of its own has come yet".to_owned()
    } else {
        "no row that is in staging now names it: those that did were replaced or taken back".to_owned()
    }
}
