//! Messages about an input's columns, and the staging table made ready for them.

mod changes;
mod header;
mod plan;
mod there;

use std::collections::BTreeMap;

use super::LoadError;
use super::Loader;
use crate::catalog::staged::is_empty;
use crate::catalog::{ChangedView, History, ViewsOver};
use crate::dataset::plugin::Series;
use crate::dataset::{Dataset, Mode};
use crate::format::Preview;
use crate::record::{Beside, BesideKind};
use crate::schema::{
    Clue, Column, EXTRA_COLUMN, Evolution, LINE_COLUMN, LOAD_COLUMN, ProjectedColumn, Projection, Type,
};
use crate::source::{Input, Profile};
use crate::sql::{Names, Schema, Table, TableColumn, TableDef, quote};
use crate::warehouse::{Alteration, Transaction, Value, WarehouseError};

pub(crate) use self::changes::TableChange;
pub(crate) use self::header::{is_headed, shares_columns};
pub(crate) use self::plan::Plan;
use self::there::{check_types, is_ours};

/// A table that is made ready for an input.
pub(crate) struct ReadyTable {
    pub(crate) table: Table,
    /// True if it was made for this input.
    pub(crate) is_new: bool,
    /// Rows that the input is to take the place of.
    pub(crate) replaced: u64,
    /// The changes, to be told after the commit.
    pub(crate) changes: Vec<TableChange>,
}

/// Greatest number of headers in a line of the log.
const HEADERS: usize = 30;

/// The input's columns that the plugin leaves out.
pub(crate) fn columns_left_out(profile: &Profile, shape: &Projection) -> Vec<Beside> {
    let taken = |place: usize| shape.columns.iter().any(|one| one.place == place);
    let columns = profile.columns.iter().enumerate().filter(|(place, _)| !taken(*place));
    let left_out = |(_, column): (usize, &Column)| {
        Beside::named(BesideKind::Column, column.header.clone(), "the plugin does not select it")
    };
    columns.map(left_out).collect()
}

/// Hints to columns of texts that would be of another type in a stated notation: a line for each.
pub(crate) fn hints(dataset: &Dataset, profile: &Profile, shape: &Projection) -> Vec<String> {
    let table = Series::of(&[&dataset.table]).map_or_else(|| dataset.table.clone(), |series| series.table);
    let how = match dataset.plugin.as_str() {
        "" => format!("app plugin new {table} --from FILE writes it"),
        plugin => format!("the plugin {plugin} can say it"),
    };
    let may = if dataset.plugin.is_empty() { "a plugin can say it" } else { &how };
    let texts = shape.columns.iter().filter(|one| !one.declared && !one.kept && one.column.kind() == Type::Text);
    let hint = |shaped: &ProjectedColumn| {
        let (Preview { clues, strays, .. }, name) = (&profile.preview, &shaped.column.name);
        if let Some(likely) = clues.get(shaped.place).and_then(Clue::likely) {
            return Some(format!("{}; {how}", likely.hint(name)));
        }
        Some(format!("{}; {may}", strays.get(shaped.place).and_then(|strays| strays.hint(name))?))
    };
    texts.filter_map(hint).collect()
}

/// The columns that earlier inputs of the table had and this one lacks; those that its plugin names are told apart.
fn lacking<'a>(known: &'a [Column], plan: &Plan) -> Vec<&'a Column> {
    let is_there = |column: &&Column| {
        plan.shape.columns.iter().any(|one| one.column.name == column.name)
            || plan.shape.absent.iter().any(|one| one.column.name == column.name)
    };
    known.iter().filter(|column| column.name != EXTRA_COLUMN && !is_there(column)).collect()
}

/// The same, to be kept with the load.
pub(crate) fn columns_lacking(known: &[Column], plan: &Plan) -> Vec<Beside> {
    let why = "earlier files of the table had it";
    let one = |column: &Column| Beside::named(BesideKind::Lacking, column.name.clone(), why);
    lacking(known, plan).into_iter().map(one).collect()
}

/// The columns in which an input differs from those before it, with both headers; and true if it lacks one.
pub(crate) fn header_change(known: &[Column], plan: &Plan) -> Option<(String, bool)> {
    let is_own = |column: &&Column| column.name != EXTRA_COLUMN;
    let present: Vec<_> = plan.shape.columns.iter().map(|one| &one.column).filter(is_own).collect();
    let is_among = |columns: &[&Column], name: &str| columns.iter().any(|column| column.name == name);
    let absent: Vec<_> = plan.shape.absent.iter().map(|one| &one.column).collect();
    let before: Vec<_> = known.iter().filter(is_own).filter(|column| !is_among(&absent, &column.name)).collect();
    if before.is_empty() {
        return None;
    }
    let lacking = lacking(known, plan);
    let new: Vec<_> = present.iter().filter(|column| !is_among(&before, &column.name)).copied().collect();
    let list = |columns: &[&Column]| {
        let shown = |column: &&Column| match column.header.as_str() {
            "" => column.name.clone(),
            header => format!("{header:?}"),
        };
        let some: Vec<_> = columns.iter().take(HEADERS).map(shown).collect();
        let more =
            if columns.len() > HEADERS { format!(" and {} more", columns.len() - HEADERS) } else { String::new() };
        some.join(", ") + &more
    };
    let what = match (lacking.is_empty(), new.is_empty()) {
        (true, true) => return None,
        (false, true) => {
            let columns = if lacking.len() == 1 { "column" } else { "columns" };
            let what = format!("the file lacks the {columns} {}, which earlier files of the table had", list(&lacking));
            return Some((format!("{what}; before: {}; now: {}", list(&before), list(&present)), true));
        }
        (true, false) => format!("{} new", list(&new)),
        (false, false) => format!("without {}, {} new", list(&lacking), list(&new)),
    };
    let hint = match (lacking.as_slice(), new.as_slice()) {
        ([one], [other]) if !one.header.is_empty() && !other.header.is_empty() => {
            format!(
                "; where it was renamed, from: [{:?}, {:?}] in a plugin makes both one column",
                one.header, other.header
            )
        }
        _ => String::new(),
    };
    Some((
        format!(
            "the header is another one than before: {what}; before: {}; now: {}{hint}",
            list(&before),
            list(&present)
        ),
        !lacking.is_empty(),
    ))
}

/// New columns whose headers ask for the name of a column that the table has from another header, in words.
pub(crate) fn columns_apart(known: &[Column], evolution: &Evolution) -> Option<String> {
    let one = |(place, other): &(usize, usize)| {
        let Column { name, header, .. } = &evolution.columns[*place];
        format!("{header:?} is {name}, as {:?} is {}", known[*other].header, known[*other].name)
    };
    let shown: Vec<_> = evolution.apart.iter().take(HEADERS).map(one).collect();
    let more = evolution.apart.len() - shown.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!shown.is_empty())
        .then(|| format!("headers that give one name, each a column of its own: {}{more}", shown.join(", ")))
}

/// Logs once that files which look like a series of one table make several.
pub(crate) async fn tell_series(
    loader: &Loader,
    transaction: &mut dyn Transaction,
    dataset: &Dataset,
    name: &str,
    columns: &[Column],
) -> Result<Option<String>, WarehouseError> {
    let Some(series) = Series::of(&[name]).filter(|_| dataset.plugin.is_empty()) else { return Ok(None) };
    let pattern = |table: &str| Series::of(&[table]).map(|series| series.files);
    let wanted = pattern(&dataset.table);
    let mut alike = Vec::new();
    for table in loader.catalog.datasets_in(transaction).await? {
        if table == dataset.table || wanted.is_none() || pattern(&table) != wanted {
            continue;
        }
        let known = loader.catalog.columns(transaction, &table).await?;
        if known.len() == columns.len() && known.iter().all(|one| columns.iter().any(|other| one.name == other.name)) {
            alike.push(table);
        }
    }
    let [other] = alike.as_slice() else { return Ok(None) };
    let (Series { files, table }, this) = (series, &dataset.table);
    Ok(Some(format!(
        "{other} and {this} look like a series of one table: app plugin new {table} --from FILE... writes a plugin \
         that loads {files} into {table}"
    )))
}

/// Notes with the first part of a file the parts that no plugin takes.
pub(crate) fn leave_out(first: &mut Input, passed: &[Input]) {
    for left_out in passed {
        left_out.beside().iter().cloned().for_each(|one| first.leave_out(one));
        let sheet = left_out.sheet().unwrap_or_default();
        first.leave_out(Beside::named(BesideKind::Sheet, sheet, "the plugin takes another sheet"));
    }
}

/// Creates or grows the table for the input. If a file replaces all, old rows are deleted.
pub(crate) async fn ready_table(
    loader: &Loader,
    transaction: &mut dyn Transaction,
    dataset: &Dataset,
    plan: &Plan,
    load_id: i64,
    claim: Option<&str>,
) -> Result<ReadyTable, LoadError> {
    let table = Table::staging(&dataset.table);
    let names = loader.warehouse.names();
    let (mut changes, mut replaced) = (Vec::new(), 0);
    let evolution = &plan.evolution;
    let there = transaction.columns(&table).await?;
    let is_new = there.is_empty();
    // A table that was dropped by hand leaves SQLite's views; a column that was, comes as a new one.
    let is_retyped = is_new || evolution.widened().next().is_some();
    let views = match is_retyped {
        true => loader.catalog.views_over(transaction, std::slice::from_ref(&table)).await?,
        false => ViewsOver::default(),
    };
    let mut dropped = Vec::new();
    if is_new {
        let columns: Vec<_> = (0..evolution.columns.len()).map(|place| column(names, evolution, place)).collect();
        let def = TableDef::new(table.clone(), columns).with_counts(&[LOAD_COLUMN, LINE_COLUMN]);
        ready_schema(transaction, names).await?;
        changes.extend(lost_rows(loader, transaction, dataset, &table, load_id).await?);
        transaction.execute(&names.create_table(&def), &[]).await?;
    } else {
        // The rows of a file that takes the place of all are moot.
        if dataset.mode != Mode::Replace && is_empty(transaction, names, &table).await? {
            changes.extend(lost_rows(loader, transaction, dataset, &table, load_id).await?);
        }
        let there = check_types(transaction, names, &table, evolution, there).await?;
        is_ours(names, &table, evolution, &there)?;
        let alterations = alterations(names, evolution, &there);
        for one in &alterations {
            match one {
                Alteration::Widen { name, from, to } if !from.is_undecided() => {
                    changes.push(TableChange::Widened { column: name.clone(), from: from.narrowest(), to: *to });
                }
                Alteration::Add(TableColumn { name, .. }) if !is_added(evolution, name) => {
                    loader.catalog.column_again(transaction, &dataset.table, name, load_id).await?;
                    changes.push(TableChange::MadeAgain { column: name.clone() });
                }
                Alteration::Add(TableColumn { name, .. }) => {
                    changes.push(TableChange::Added { column: name.clone() });
                }
                _ => {}
            }
        }
        if !alterations.is_empty() {
            let history = History::of(names, &table);
            let kept = transaction.columns(history.kept()).await?;
            if !kept.is_empty() {
                transaction.alter(history.kept(), &self::alterations(names, evolution, &kept), &[]).await?;
            }
            let own_views: Vec<_> = crate::project::own_views(&loader.sql).into_iter().chain(views.tables()).collect();
            dropped = transaction.alter(&table, &alterations, &own_views).await?.dropped;
        }
    }
    for ChangedView { view, dropped } in
        loader.catalog.translate_views(transaction, &views, dropped, BTreeMap::new()).await?
    {
        let view = names.shown(&view);
        changes.push(match dropped {
            Some(why) => TableChange::ViewDropped { view, why },
            None => TableChange::ViewTranslated { view },
        });
    }
    if dataset.mode == Mode::Replace {
        // The rows of a file's other parts stay.
        let kept = loader.catalog.replace(transaction, &dataset.table, load_id, claim).await?;
        let kept: Vec<_> = kept.iter().map(i64::to_string).collect();
        let sql = format!("delete from {} where {LOAD_COLUMN} not in ({})", names.table(&table), kept.join(", "));
        replaced = transaction.execute(&sql, &[]).await?;
    }
    Ok(ReadyTable { table, is_new, replaced, changes })
}

/// The alterations that bring a table with these columns to the input's. A hand-dropped column is added like a new one.
fn alterations(names: &Names, evolution: &Evolution, there: &[TableColumn]) -> Vec<Alteration> {
    let is_there = |place: usize| names.engine.has_column(there, &evolution.columns[place].name);
    let add = evolution.places.iter().filter(|place| evolution.added.contains(place) || !is_there(**place));
    // A plugin names columns that no file has yet.
    let named = evolution.added.iter().filter(|place| !evolution.places.contains(place));
    let add = add.chain(named).map(|place| Alteration::Add(column(names, evolution, *place)));
    let widen = evolution.widened().filter(|(place, _)| is_there(*place)).map(|(place, from)| {
        let Column { name, fits, .. } = &evolution.columns[place];
        Alteration::Widen { name: name.clone(), from, to: fits.narrowest() }
    });
    add.chain(widen).collect()
}

fn column(names: &Names, evolution: &Evolution, place: usize) -> TableColumn {
    let column = &evolution.columns[place];
    TableColumn { name: column.name.clone(), declared: names.declared(column.kind()).to_owned() }
}

/// True if the input brings a column of this name that the ledger does not know yet.
fn is_added(evolution: &Evolution, name: &str) -> bool {
    evolution.added.iter().any(|place| evolution.columns[*place].name == name)
}

/// Finds out that a table with loaded rows was dropped or emptied by hand, and marks its files as new again.
async fn lost_rows(
    loader: &Loader,
    transaction: &mut dyn Transaction,
    dataset: &Dataset,
    table: &Table,
    load_id: i64,
) -> Result<Option<TableChange>, WarehouseError> {
    let names = loader.warehouse.names();
    let lost = loader.catalog.with_rows(transaction, &dataset.table).await?;
    let is_there = !transaction.columns(table).await?.is_empty();
    if !is_there || !lost.is_empty() {
        History::of(names, table).forget(transaction).await?;
    }
    if lost.is_empty() {
        return Ok(None);
    }
    let (state, how) = if is_there { ("empty", "emptied") } else { ("not there any more", "dropped") };
    let why = format!("the table was {state} when load {load_id} came");
    loader.catalog.lose(transaction, &lost, &why).await?;
    Ok(Some(TableChange::LostRows { shown: names.shown(table), how, loads: lost.len() as u64 }))
}

/// Creates PostgreSQL's schema if it was dropped since the program began.
async fn ready_schema(transaction: &mut dyn Transaction, names: &Names) -> Result<(), WarehouseError> {
    let Some(schema) = names.schema_to_make(Schema::Staging) else { return Ok(()) };
    let known = "select nspname::text from pg_namespace where nspname = $1";
    if transaction.query(known, &[Value::from(schema)]).await?.is_empty() {
        transaction.execute(&format!("create schema {}", quote(schema)), &[]).await?;
    }
    Ok(())
}
