//! Columns that never had a value: a select, and the header above it, read them as columns of the types that they want.

use std::collections::{BTreeMap, BTreeSet};

use super::given::{Known, fault_of};
use crate::schema::{Fits, Type};
use crate::sql::{EmptyColumns, Names, Place, Schema, Select, Table, quote};
use crate::warehouse::{Transaction, WarehouseError};

/// The types as which such a column is tried, in this order.
const TRIED: [Type; 6] = [Type::Bigint, Type::Numeric, Type::Date, Type::Timestamp, Type::Timestamptz, Type::Boolean];

/// The greatest number of such columns of a select of which two are tried together.
const MET: usize = 8;

/// The columns of staging tables that no load brought a value for. They are texts until one does.
pub(crate) type WithoutValues = BTreeMap<Table, BTreeSet<String>>;

/// Reads the columns of all staging tables that never had a value.
///
/// # Errors
/// The database's error.
pub(crate) async fn without_values(
    transaction: &mut dyn Transaction,
    names: &Names,
) -> Result<WithoutValues, WarehouseError> {
    let catalog = Table { schema: Schema::Catalog, name: "column".to_owned() };
    let mut found = WithoutValues::new();
    if transaction.columns(&catalog).await?.is_empty() {
        return Ok(found);
    }
    let query = format!("select dataset, name, fits from {} where {} = 'text'", names.table(&catalog), quote("type"));
    for row in transaction.query(&query, &[]).await? {
        let (table, fits) = (row.get::<String>(0)?, row.get::<String>(2)?);
        if Fits::from_words(&fits).is_undecided() {
            found.entry(Table::staging(&table)).or_default().insert(row.get(1)?);
        }
    }
    Ok(found)
}

/// Returns the select with types for the columns without a value that it reads: those that it takes, and `wanted` by
/// its outputs where it gives them as they are. A select that takes no types at all is returned as it is.
///
/// # Errors
/// The database's error that is not the select's fault.
pub(crate) async fn reading_empty(
    transaction: &mut dyn Transaction,
    names: &Names,
    select: &Select,
    known: (&Known, &BTreeSet<Table>),
    without_values: &WithoutValues,
    wanted: &BTreeMap<String, Type>,
) -> Result<Select, WarehouseError> {
    let is_text = |table: &Table, name: &String| {
        let mut columns = known.0.get(table).into_iter().flatten();
        columns.any(|column| column.name == *name && column.declared == names.declared(Type::Text))
    };
    let read = without_values.iter().flat_map(|(table, columns)| columns.iter().map(move |name| (table, name)));
    let columns: Vec<_> = read.filter(|(table, name)| is_text(table, name)).collect();
    if columns.is_empty() {
        return Ok(select.clone());
    }
    // Faults are found again by their words in this form of the select.
    let all_texts =
        columns.iter().fold(EmptyColumns::new(), |types, (table, name)| with(&types, table, name, Type::Text));
    let text = select.reading_empty(&all_texts).sql(names, known.0).unwrap_or_default();
    let mut trial = Trial { transaction, names, select, text, known };
    let mut types = EmptyColumns::new();
    let mut at_fault = trial.fault(&types).await?;
    while let Some(refused) = &at_fault {
        // A type that moves the fault elsewhere is right for the place where it was.
        let Some((better, left)) = trial.better(&types, &columns, *refused).await? else {
            return Ok(select.clone());
        };
        (types, at_fault) = (better, left);
    }
    for output in select.reading_empty(&types).outputs(names, known.0) {
        let Some(wanted) = wanted.get(&output.name) else { continue };
        let Some((table, name)) = output.sources.first().filter(|_| output.sources.len() == 1) else { continue };
        if !columns.contains(&(table, name)) || types.get(table).is_some_and(|types| types.contains_key(name)) {
            continue;
        }
        let with = with(&types, table, name, *wanted);
        if trial.fault(&with).await?.is_none() {
            types = with;
        }
    }
    Ok(select.reading_empty(&types))
}

/// Returns the columns of a select's result that are columns without a value as they stand.
pub(crate) fn gives_empty(
    names: &Names,
    select: &Select,
    known: &Known,
    without_values: &WithoutValues,
) -> BTreeSet<String> {
    select.gives_empty(names, known, |table, name| {
        without_values.get(table).is_some_and(|columns| columns.contains(name))
    })
}

fn with(types: &EmptyColumns, table: &Table, name: &str, of: Type) -> EmptyColumns {
    let mut types = types.clone();
    types.entry(table.clone()).or_default().insert(name.to_owned(), of);
    types
}

/// A select that is asked about with one type after the other.
struct Trial<'t> {
    transaction: &'t mut dyn Transaction,
    names: &'t Names,
    select: &'t Select,
    text: String,
    known: (&'t Known, &'t BTreeSet<Table>),
}

/// The place of a fault, if it is told.
type At = Option<Place>;

impl Trial<'_> {
    /// Returns the fault of the select with these types; `None` if there is none.
    async fn fault(&mut self, types: &EmptyColumns) -> Result<Option<At>, WarehouseError> {
        let select = self.select.reading_empty(types);
        fault_of(self.transaction, self.names, (&self.text, &select), self.known.0, self.known.1).await
    }

    /// Returns the types with one more column, or two, by which the select has no fault, or none at this place.
    async fn better(
        &mut self,
        types: &EmptyColumns,
        columns: &[(&Table, &String)],
        at: At,
    ) -> Result<Option<(EmptyColumns, Option<At>)>, WarehouseError> {
        let one_more = |types: &EmptyColumns| {
            let is_free =
                |(table, name): &&(&Table, &String)| types.get(*table).is_none_or(|types| !types.contains_key(*name));
            let free = columns.iter().filter(is_free);
            free.flat_map(|(table, name)| TRIED.map(|of| with(types, table, name, of))).collect::<Vec<_>>()
        };
        let one = one_more(types);
        // Two columns may meet at one place.
        let two = one.iter().filter(|_| columns.len() <= MET).flat_map(&one_more).collect::<Vec<_>>();
        let mut moved = None;
        for (place, with) in one.iter().chain(&two).enumerate() {
            if place >= one.len() && moved.is_some() {
                break;
            }
            match self.fault(with).await? {
                None => return Ok(Some((with.clone(), None))),
                Some(left) if left != at && left.is_some() && moved.is_none() => {
                    moved = Some((with.clone(), Some(left)));
                }
                Some(_) => {}
            }
        }
        Ok(moved)
    }
}
