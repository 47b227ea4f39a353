//! Records that were read and are not loaded, and the closed list of reasons for it.

/// A record that was read and is not loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The line of the input on which the record starts, from 1.
    pub line: u64,
    /// The header of the column at fault; `None` if the fault is not one column's.
    pub column: Option<String>,
    /// The reason for the refusal.
    pub reason: Reason,
    /// Further words on the fault; empty if there are none.
    pub detail: String,
    /// The record's bytes as they stand in the input, without the line end.
    pub text: Vec<u8>,
}

/// The reason why a record is not loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A quote that is never closed; only its own line is lost.
    UnclosedQuote,
    /// Text behind a closing quote, as in `"x"y`.
    TextAfterQuote,
    /// A byte that is wrong in the text's encoding.
    WrongByte,
    /// A NUL, which PostgreSQL cannot store.
    Nul,
    /// The header once more, as in files that were put together.
    HeaderAgain,
    /// A record of another table, above the table or below it after a blank line.
    OtherTable,
    /// A record longer than is kept in memory.
    TooLong,
    /// A value that is not of the type of the table or of the plugin.
    NotOfType,
    /// An empty cell in a column that a plugin requires, or that is part of its key.
    Required,
    /// A key of more bytes than an index takes.
    KeyTooLong,
    /// A text that cannot be read as JSON.
    NotJson,
    /// A record that the file's end cuts off.
    Unended,
    /// A key that stands twice in an object of JSON.
    RepeatedKey,
    /// Text behind the array of records.
    AfterRecords,
}

impl Reason {
    /// The words in the catalog and in listings.
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
            Reason::KeyTooLong => "a key longer than an index takes",
            Reason::NotJson => "no JSON",
            Reason::Unended => "does not end",
            Reason::RepeatedKey => "a key stands in it twice",
            Reason::AfterRecords => "stands behind the records",
        }
    }
}

impl Reject {
    /// A reject for the record that starts on this line.
    pub(crate) fn new(line: u64, reason: Reason, text: impl Into<Vec<u8>>) -> Self {
        Reject { line, column: None, reason, detail: String::new(), text: text.into() }
    }

    /// The place and the reason, on one line.
    pub fn shown(&self) -> String {
        let column = self.column.as_ref().map_or_else(String::new, |column| format!(", column {column:?}"));
        let detail = if self.detail.is_empty() { String::new() } else { format!(": {}", self.detail) };
        format!("on line {}{column}: {}{detail}", self.line, self.reason.words())
    }

    /// Adds further words.
    pub(crate) fn detail(self, detail: impl Into<String>) -> Self {
        Reject { detail: detail.into(), ..self }
    }

    /// Adds the column at fault.
    pub(crate) fn column(self, column: Option<String>) -> Self {
        Reject { column, ..self }
    }
}
