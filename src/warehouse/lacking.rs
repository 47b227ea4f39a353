//! Rights that the role lacks for the loads of one table, and the statements that grant them.

use super::{Warehouse, WarehouseError};
use crate::sql::Table;

/// Adds to the refusal of a statement that makes tables like these the statements that grant it.
pub async fn with_grants(warehouse: &dyn Warehouse, tables: &[Table], error: WarehouseError) -> WarehouseError {
    let WarehouseError::Denied(why) = error else { return error };
    let grants = warehouse.lacking(tables, &[]).await.map(Lacking::grants).unwrap_or_default();
    match grants.as_slice() {
        [] => WarehouseError::Denied(why),
        grants => WarehouseError::Barred(format!("{why}: {}", grants.join("; "))),
    }
}

/// Rights that the role lacks. Empty where the engine has no rights, or the refusal came from elsewhere: a trigger, a
/// function, a policy for rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lacking {
    /// Statements for what every load needs: the schema, or the right to make it.
    pub of_all: Vec<String>,
    /// Statements for the tables that were asked for.
    pub of_tables: Vec<String>,
}

impl Lacking {
    /// The statements that grant rights; where none is lacking, those that make the role the owner.
    fn grants(self) -> Vec<String> {
        let all: Vec<_> = self.of_all.into_iter().chain(self.of_tables).collect();
        let grants: Vec<_> = all.iter().filter(|one| one.starts_with("grant ")).cloned().collect();
        if grants.is_empty() { all } else { grants }
    }

    /// The remedy for the tables, in words.
    pub fn fix(&self) -> String {
        let grants = match self.of_tables.as_slice() {
            [] => "let the owner of what the message names grant it to the role".to_owned(),
            grants => grants.join("; "),
        };
        format!("{grants}; the file is loaded by itself then")
    }
}
