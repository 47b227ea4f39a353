//! Columns that never had a value: a select, and the header above it, read them as columns of the types that they want.

use std::collections::{BTreeMap, BTreeSet};

use super::given::{Known, fault_of};
use crate::schema::{Fits, Type};
use crate::sql::{EmptyColumns, Names, Output, Place, Schema, Select, Table, TableColumn, quote, type_of};
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

/// Returns the select with types for the columns without a value that it reads: those that it takes, and those `wanted`
/// of the columns that it gives, where it gives them as they are. A select that takes no types at all is returned as it is.
///
/// # Errors
/// The database's error that is not the select's fault.
pub(crate) async fn reading_empty(
    transaction: &mut dyn Transaction,
    names: &Names,
    select: &Select,
    known: (&Known, &BTreeSet<Table>),
    without_values: &WithoutValues,
    wanted: impl Fn(&[TableColumn]) -> BTreeMap<String, Type>,
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
    let mut trial = Trial { transaction, names, select, text, known, columns };
    let mut types = EmptyColumns::new();
    let mut at_fault = trial.fault(&types).await?;
    // What the header wants decides first: many types would do for the select itself.
    let by_name = select.outputs_by_name(names, known.0);
    (types, at_fault) = trial.with_wanted(types, at_fault, &by_name, &wanted).await?;
    while let Some(refused) = &at_fault {
        // A type that moves the fault elsewhere is right for the place where it was.
        let Some((better, left)) = trial.better(&types, *refused).await? else {
            return Ok(select.clone());
        };
        (types, at_fault) = (better, left);
    }
    let outputs = select.reading_empty(&types).outputs(names, known.0);
    let (types, _) = trial.with_wanted(types, None, &outputs, &wanted).await?;
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
    /// The columns without a value.
    columns: Vec<(&'t Table, &'t String)>,
}

/// The place of a fault, if it is told.
type At = Option<Place>;

impl<'t> Trial<'t> {
    /// Returns the fault of the select with these types; `None` if there is none.
    async fn fault(&mut self, types: &EmptyColumns) -> Result<Option<At>, WarehouseError> {
        let select = self.select.reading_empty(types);
        fault_of(self.transaction, self.names, (&self.text, &select), self.known.0, self.known.1).await
    }

    /// Returns the types with those that are `wanted` of the outputs, for columns that have none yet, as far as the
    /// select takes them; and its fault with them.
    async fn with_wanted(
        &mut self,
        mut types: EmptyColumns,
        mut at: Option<At>,
        outputs: &[Output],
        wanted: &impl Fn(&[TableColumn]) -> BTreeMap<String, Type>,
    ) -> Result<(EmptyColumns, Option<At>), WarehouseError> {
        let given = outputs.iter().map(|output| TableColumn::new(&*output.name, output.declared.unwrap_or_default()));
        let wanted = wanted(&given.collect::<Vec<_>>());
        for output in outputs {
            let Some(of) = wanted.get(&output.name) else { continue };
            let sources: Vec<_> = output.sources.iter().map(|(table, name)| (table, name)).collect();
            let free: Vec<_> = self.free(&types).into_iter().filter(|column| sources.contains(column)).collect();
            if free.is_empty() {
                continue;
            }
            let all = free.iter().fold(types.clone(), |types, (table, name)| with(&types, table, name, *of));
            let left = self.fault(&all).await?;
            let fits = match (left, at) {
                (None, _) => sources.len() == 1 || self.gives(&all, &output.name, *of),
                // The fault is another one's, as far as it is told.
                (Some(left), Some(at)) => sources.len() == free.len() && (left == at || is_behind(left, at)),
                (Some(_), None) => false,
            };
            if fits {
                (types, at) = (all, left);
            }
        }
        Ok((types, at))
    }

    /// Returns true if the select gives a column of this type.
    fn gives(&self, types: &EmptyColumns, name: &str, of: Type) -> bool {
        let outputs = self.select.reading_empty(types).outputs(self.names, self.known.0);
        outputs.iter().any(|output| output.name == name && output.declared.and_then(type_of) == Some(of))
    }

    /// Returns the columns without a value that have no type yet.
    fn free(&self, types: &EmptyColumns) -> Vec<(&'t Table, &'t String)> {
        let is_free =
            |(table, name): &&(&Table, &String)| types.get(*table).is_none_or(|types| !types.contains_key(*name));
        self.columns.iter().filter(is_free).copied().collect()
    }

    /// Returns the types with one more column, or with several that meet in an expression; and those with two more.
    fn candidates(&self, types: &EmptyColumns) -> (Vec<EmptyColumns>, Vec<EmptyColumns>) {
        let one_more = |types: &EmptyColumns| {
            let free = self.free(types).into_iter();
            free.flat_map(|(table, name)| TRIED.map(|of| with(types, table, name, of))).collect::<Vec<_>>()
        };
        let mut first = one_more(types);
        // Two columns may meet at one place.
        let second = first.iter().filter(|_| self.columns.len() <= MET).flat_map(one_more).collect();
        for names in self.select.meeting_columns() {
            let free: Vec<_> = self.free(types).into_iter().filter(|(_, name)| names.contains(*name)).collect();
            let all = |of: Type| free.iter().fold(types.clone(), |types, (table, name)| with(&types, table, name, of));
            first.extend(TRIED.map(all).into_iter().filter(|_| free.len() > 1));
        }
        (first, second)
    }

    /// Returns those types by which the select has no fault, or none at this place.
    async fn better(
        &mut self,
        types: &EmptyColumns,
        at: At,
    ) -> Result<Option<(EmptyColumns, Option<At>)>, WarehouseError> {
        let (first, second) = self.candidates(types);
        for candidates in [first, second] {
            let mut moved: Option<(EmptyColumns, At)> = None;
            for with in candidates {
                let left = self.fault(&with).await?;
                let Some(left) = left else { return Ok(Some((with, None))) };
                // Types that go together leave the next fault further on than one of them alone.
                let is_further = moved.as_ref().is_none_or(|(_, best)| is_behind(left, *best));
                if left != at && left.is_some() && is_further {
                    moved = Some((with, left));
                }
            }
            if let Some((with, left)) = moved {
                return Ok(Some((with, Some(left))));
            }
        }
        Ok(None)
    }
}

/// Returns true if one place is told to be behind another in the text.
fn is_behind(one: At, other: At) -> bool {
    let order = |place: Place| (place.line, place.column);
    one.map(order) > other.map(order)
}
