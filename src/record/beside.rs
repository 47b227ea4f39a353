//! Contents of an input beside its records, such as titles and footers: kept with the load, so that nothing of a file
//! that goes is lost.

/// The place of contents beside the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BesideKind {
    /// A line above the table: a title, a unit, a letterhead, `sep=;`.
    Above,
    /// A line below the table: a footer, a note.
    Below,
    /// A key of the object that holds the array of records.
    Key,
    /// A sheet of the workbook that is not loaded.
    Sheet,
    /// A member of the archive that is not loaded.
    Member,
    /// A column that the plugin does not take.
    Column,
    /// A column of earlier files of the table that this one does not have.
    Lacking,
    /// The encoding, if it is a guess.
    Encoding,
    /// The key of records that came again in a window of a pull.
    Repeated,
}

impl BesideKind {
    /// The word in the catalog and in listings.
    pub fn word(self) -> &'static str {
        match self {
            BesideKind::Above => "above",
            BesideKind::Below => "below",
            BesideKind::Key => "key",
            BesideKind::Sheet => "sheet",
            BesideKind::Member => "member",
            BesideKind::Column => "column",
            BesideKind::Lacking => "lacking",
            BesideKind::Encoding => "encoding",
            BesideKind::Repeated => "repeated",
        }
    }
}

/// One content beside the records of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beside {
    /// The place beside the records.
    pub kind: BesideKind,
    /// The line of the input on which it starts, from 1; `None` if no line is known.
    pub line: Option<u64>,
    /// The key, or the sheet's, member's or column's name; `None` for a line.
    pub name: Option<String>,
    /// The line or the key's value as it stands in the input, or the reason why the sheet, member or column is not
    /// loaded.
    pub text: String,
}

impl Beside {
    /// A line of text.
    pub(crate) fn line(kind: BesideKind, line: u64, text: impl Into<String>) -> Beside {
        Beside { kind, line: Some(line), name: None, text: text.into() }
    }

    /// A key, sheet, member or column by its name.
    pub(crate) fn named(kind: BesideKind, name: impl Into<String>, text: impl Into<String>) -> Beside {
        Beside { kind, line: None, name: Some(name.into()), text: text.into() }
    }
}
