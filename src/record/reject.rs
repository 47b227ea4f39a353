//! Records that were read and are not loaded, and the closed list of reasons for it.

/// A record that was read and is not loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The line of the input on which the record starts, from 1.
    pub line: u64,
    /// The header of the column at fault, where it is one column's.
    pub column: Option<String>,
    /// Why.
    pub reason: Reason,
    /// What is to be said besides; empty where nothing is.
    pub detail: String,
    /// The record's bytes as they stand in the input, without the line end.
    pub text: Vec<u8>,
}

/// Why a record is not loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Only its own line is lost to it.
    UnclosedQuote,
    /// As in `"x"y`.
    TextAfterQuote,
    /// Wrong in the text's encoding.
    WrongByte,
    /// Which PostgreSQL cannot store.
    Nul,
    /// As where files were put together.
    HeaderAgain,
    /// Above the table, or below it after a blank line.
    OtherTable,
    /// More than is kept in memory.
    TooLong,
    /// Of the table or of the plugin.
    NotOfType,
    /// A column that a plugin requires, or that is of its key.
    Required,
    /// Cannot be read as JSON.
    NotJson,
    /// The file ends first.
    Unended,
    /// In JSON.
    RepeatedKey,
    /// Something stands behind the array of records.
    AfterRecords,
}

impl Reason {
    /// The words for it in the catalog and in listings.
    pub fn words(self) -> &'static str {
        match self {
            Reason::UnclosedQuote => "a quote is opened and never closed",
            Reason::TextAfterQuote => "text follows the closing quote",
            Reason::WrongByte => "a byte is wrong in its encoding",
            Reason::Nul => "holds a NUL byte",
            Reason::HeaderAgain => "the header once more",
            Reason::OtherTable => "belongs to another table",
            Reason::TooLong => "longer than a record may be",
            Reason::NotOfType => "not of the column's type",
            Reason::Required => "required and empty",
            Reason::NotJson => "no JSON",
            Reason::Unended => "does not end",
            Reason::RepeatedKey => "a key stands in it twice",
            Reason::AfterRecords => "stands behind the records",
        }
    }
}

impl Reject {
    /// Of the record that starts on this line.
    pub(crate) fn new(line: u64, reason: Reason, text: impl Into<Vec<u8>>) -> Self {
        Reject { line, column: None, reason, detail: String::new(), text: text.into() }
    }

    /// Where and why, on one line.
    pub fn shown(&self) -> String {
        let column = self.column.as_ref().map_or_else(String::new, |column| format!(", column {column:?}"));
        let detail = if self.detail.is_empty() { String::new() } else { format!(": {}", self.detail) };
        format!("on line {}{column}: {}{detail}", self.line, self.reason.words())
    }

    /// With something to say besides.
    pub(crate) fn detail(self, detail: impl Into<String>) -> Self {
        Reject { detail: detail.into(), ..self }
    }

    /// With the column at fault.
    pub(crate) fn column(self, column: Option<String>) -> Self {
        Reject { column, ..self }
    }
}
