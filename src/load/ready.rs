//! The table made ready for an input's rows.

use std::sync::PoisonError;

use tracing::{info, warn};

use super::staging::{Plan, ReadyTable, TableChange, ready_table, shares_columns};
use super::upsert::{Upsert, drop_keys, keeps_its_key, numbers_to_texts};
use super::{LoadError, Work};
use crate::dataset::Mode;
use crate::schema::{Column, Type};
use crate::source::{Input, Profile};
use crate::sql::Table;

/// The table for an input's rows.
pub(super) struct Ready<'a> {
    pub(super) table: Table,
    /// The columns that the table had, as the catalog knows them.
    pub(super) known: Vec<Column>,
    pub(super) plan: Plan,
    /// Rows that the input is to take the place of.
    pub(super) replaced: u64,
    /// The changes of the table, to be told after the commit.
    pub(super) changes: Vec<TableChange>,
    /// Types of the columns that are copied: the plan's, then the number of the load and the line.
    pub(super) types: Vec<Type>,
    /// The way of the rows into the table, if their keys are to be compared with those there.
    pub(super) upsert: Option<Upsert<'a>>,
}

impl Ready<'_> {
    /// The table that the rows are copied into.
    pub(super) fn into(&self) -> &Table {
        self.upsert.as_ref().map_or(&self.table, Upsert::into)
    }
}

/// Creates or grows the table, and tells the input which types its records have to be of.
pub(super) async fn ready<'a>(
    work: &mut Work<'a>,
    input: &mut Input,
    profile: &Profile,
) -> Result<Ready<'a>, LoadError> {
    let Work { loader, dataset, load_id, .. } = *work;
    let transaction = &mut *work.transaction;
    let known = loader.catalog.columns(transaction, &dataset.table).await?;
    let plan = Plan::of(dataset, profile, &known)?;
    if let Err(error) = shares_columns(dataset, profile, &plan, &known)
        && !loader.catalog.with_rows(transaction, &dataset.table).await?.is_empty()
    {
        return Err(error);
    }
    keeps_its_key(&dataset.key, &plan.evolution).map_err(LoadError::Shape)?;
    let made = ready_table(loader, transaction, dataset, &plan, load_id, input.claim()).await?;
    let ReadyTable { table, is_new, replaced, mut changes } = made;
    say_names(work, input.name(), profile, is_new);
    input.expect_types(plan.held());
    let kinds = plan.shape.columns.iter().map(|one| one.column.kind());
    let types: Vec<_> = kinds.chain([Type::Bigint, Type::Bigint]).collect();
    let transaction = &mut *work.transaction;
    let upsert = match dataset.mode {
        Mode::Upsert => {
            let (names, there) = (loader.warehouse.names(), transaction.columns(&table).await?);
            let mut numbers = loader.catalog.numbers(transaction, &dataset.table).await?;
            for column in numbers_to_texts(&dataset.key, &plan.evolution) {
                changes.push(TableChange::KeySpelled { column: column.clone() });
                numbers.push(column);
            }
            let known = (there.as_slice(), numbers.as_slice());
            let key = (dataset.key.as_slice(), dataset.optional_key.as_slice());
            let upsert = Upsert::new(names, &table, &plan.shape, known, key, is_new, load_id);
            upsert.begin(transaction).await?;
            loader.keyless.lock().unwrap_or_else(PoisonError::into_inner).remove(&dataset.table);
            Some(upsert)
        }
        Mode::Append | Mode::Replace => {
            // Another program's upsert of the table is seen by the next start.
            let is_keyless = || loader.keyless.lock().unwrap_or_else(PoisonError::into_inner);
            if !is_new
                && !is_keyless().contains(&dataset.table)
                && !drop_keys(transaction, loader.warehouse.names(), &table, None).await?
            {
                is_keyless().insert(dataset.table.clone());
            }
            None
        }
    };
    for column in &plan.shape.absent {
        let shown = &column.shown;
        warn!(file.path = input.name(), load.id = load_id, "the file has no column {shown}, which its plugin names");
    }
    Ok(Ready { table, known, plan, replaced, changes, types, upsert })
}

/// Logs what nothing proves of the names of the columns.
fn say_names(work: &Work<'_>, name: &str, profile: &Profile, is_new: bool) {
    if work.dataset.stated.header_rows.is_some() {
        return;
    }
    if is_new && let Some(names) = profile.likely_header() {
        info!(
            file.path = name,
            "taken for the header: {}; every column is text, so nothing proves it",
            names.escape_debug()
        );
    }
    if let Some(names) = profile.doubtful_names() {
        warn!(file.path = name, load.id = work.load_id, "{names}");
    }
}
