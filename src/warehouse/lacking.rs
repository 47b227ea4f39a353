//! Rights that the role lacks for the loads of one table, and the statements that grant them.

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
    /// The remedy for the tables, in words.
    pub fn fix(&self) -> String {
        let grants = match self.of_tables.as_slice() {
            [] => "let the owner of what the message names grant it to the role".to_owned(),
            grants => grants.join("; "),
        };
        format!("{grants}; the file is loaded by itself then")
    }
}
