//! The types that a header wants of its select's columns, for columns that never had a value.

use std::collections::BTreeMap;

use super::fact::Target;
use super::literal::type_of_values;
use crate::project::{DimensionUse, Fact, Header, Kind};
use crate::schema::Type;
use crate::sql::type_of;

/// Returns the types that a header wants, by column: of keys, times, weights, and of what its values are compared with.
pub fn wanted_types(header: &Header, targets: &BTreeMap<String, Target>) -> BTreeMap<String, Type> {
    let mut wanted = BTreeMap::new();
    for checks in &header.checks {
        let accepted = checks.accepted.iter().map(|(name, values)| (name, type_of_values(values)));
        let ranges = checks.range.iter().map(|(name, (from, to))| (name, type_of_values([from, to])));
        wanted.extend(accepted.chain(ranges).filter_map(|(name, of)| Some((name.clone(), of?))));
    }
    match &header.kind {
        Kind::Dimension(dimension) => {
            let unknown = dimension.unknown.iter().map(|(name, value)| (name, type_of_values([value])));
            wanted.extend(unknown.filter_map(|(name, of)| Some((name.clone(), of?))));
            wanted.extend(dimension.at.iter().map(|at| (at.clone(), Type::Date)));
        }
        Kind::Fact(fact) => of_fact(fact, targets, &mut wanted),
        Kind::Bridge(fact, weight) => {
            of_fact(fact, targets, &mut wanted);
            wanted.extend(weight.iter().map(|weight| (weight.column.clone(), Type::Numeric)));
        }
        Kind::Calendar(_) | Kind::Table | Kind::View => {}
    }
    wanted
}

fn of_fact(fact: &Fact, targets: &BTreeMap<String, Target>, wanted: &mut BTreeMap<String, Type>) {
    let target = |used: &DimensionUse| targets.get(used.dimension());
    let keys = fact.dimensions.iter().filter_map(|(name, used)| Some((name, type_of(&target(used)?.key.declared)?)));
    wanted.extend(keys.map(|(name, of)| (name.clone(), of)));
    let valid = fact.dimensions.values().filter_map(|used| type_of(target(used)?.valid.as_ref()?)).next();
    wanted.extend(fact.at.iter().map(|at| (at.clone(), valid.unwrap_or(Type::Date))));
}
