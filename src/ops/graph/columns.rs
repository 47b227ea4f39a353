//! The columns of tables that are not there yet, by the files that make and read them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Parts, called};
use crate::project::key_column;
use crate::project::{Kind, Missing, Model};
use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::sql::{Names, Schema, Select, Table, TableColumn};
use crate::star::calendar_columns;

/// Adds the columns of tables without known ones, as far as the files tell: for staging, the columns that selects name;
/// for the star, those that its files give.
pub(super) fn add(parts: &mut Parts, names: &Names) {
    let selects: Vec<Select> = parts
        .models
        .iter()
        .filter_map(|model| model.select.clone())
        .chain(parts.questions.iter().map(|(_, select)| select.clone()))
        .collect();
    let mut named: BTreeMap<Table, Vec<String>> = BTreeMap::new();
    for (table, columns) in selects.iter().flat_map(|select| select.named_columns(names)) {
        let known = named.entry(table).or_default();
        for column in columns {
            if !known.contains(&column) {
                known.push(column);
            }
        }
    }
    named.retain(|table, _| table.schema == Schema::Staging);
    for (table, columns) in named {
        set(parts, table, columns);
    }
    let uses = parts.models.iter().filter_map(Model::dimensions).flat_map(BTreeMap::values);
    let inferring: BTreeSet<String> =
        uses.filter(|used| used.missing() == Missing::Infer).map(|used| used.dimension().to_owned()).collect();
    for place in 0..parts.models.len() {
        let model = &parts.models[place];
        let columns = of_model(model, parts, names, inferring.contains(&model.name));
        set(parts, Table::datawarehouse(&model.name), columns);
    }
    for (name, select) in parts.questions.clone() {
        let columns = given(&select, parts, names);
        set(parts, Table::datawarehouse(&name), columns);
    }
}

fn set(parts: &mut Parts, table: Table, columns: impl IntoIterator<Item = String>) {
    let known = parts.columns.entry(table).or_default();
    if known.is_empty() {
        known.extend(columns.into_iter().map(|name| TableColumn { name, declared: String::new() }));
    }
}

fn given(select: &Select, parts: &Parts, names: &Names) -> Vec<String> {
    select.outputs_by_name(names, &parts.columns).into_iter().map(|output| output.name).collect()
}

/// Returns the columns of a model's table, in their order.
fn of_model(model: &Model, parts: &Parts, names: &Names, infers: bool) -> Vec<String> {
    let Some(select) = &model.select else {
        let days = calendar_columns(names.engine).into_iter().map(|column| column.name);
        return std::iter::once(key_column(&model.name)).chain(days).collect();
    };
    let of_select = given(select, parts, names);
    let all: Vec<&str> = of_select.iter().map(String::as_str).collect();
    let mut columns: Vec<String> = Vec::new();
    for column in all.iter().map(|column| called(model, &all, column)) {
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    // Unknown columns of the select leave the table's unknown.
    if columns.is_empty() {
        return columns;
    }
    match &model.header.kind {
        Kind::Dimension(header) => {
            columns.retain(|column| column != "valid_from");
            columns.insert(0, key_column(&model.name));
            let own = ["valid_from", "valid_to", "is_current"];
            columns.extend(own.iter().filter(|_| !header.history.is_empty()).map(|name| (*name).to_owned()));
            columns.extend(infers.then(|| "is_inferred".to_owned()));
        }
        Kind::Fact(_) | Kind::Bridge(..) if select.row_wise(names).is_some() && !model.header.distinct => {
            columns.retain(|column| column != LOAD_COLUMN && column != LINE_COLUMN);
            columns.extend([LOAD_COLUMN, LINE_COLUMN].map(str::to_owned));
        }
        _ => {}
    }
    columns
}
