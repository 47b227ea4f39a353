//! Inputs, and the folder that they land in. A source never sees a warehouse.

mod claimed;
mod dir;
mod failed;
mod folder;
mod free_name;
mod given;
mod input;
mod intake;
mod leftovers;
mod owner;
mod partly;
mod places;
mod reading;
mod spool;
mod stamp;
mod upload;
mod window;

pub use claimed::{ClaimedFile, Failure};
pub use dir::Dir;
pub(crate) use dir::{NOTE_MAX, why_not};
pub use failed::{FailedFile, Note, failed_files};
pub use folder::Folder;
pub(crate) use folder::{CLAIMS, FAILED, OWN_FAILED, STATE, STATE_NEW};
pub(crate) use free_name::{move_to_free_name, rename_to_free_name};
pub use input::Input;
pub use intake::Intake;
pub use owner::{Foreign, foreign_claims, foreign_failed, open_to_others};
pub(crate) use owner::{Us, random};
pub use partly::Partly;
pub(crate) use places::{Place, places};
pub use places::{WaitingWindow, is_watched, waiting_windows};
pub use reading::Next;
pub use spool::{Bounds, Spool};
pub(crate) use stamp::{Stamp, Writer, writer};
pub use upload::{About, Received, Upload, claimed_file};
pub use window::{Cursor, Identity, Position, Stream, Window};

use crate::format::{Digest, FormatError, FormatProfile, Layout, Preview};
use crate::schema::{Column, Type, column_names};

/// Profile of an input.
#[derive(Clone, Debug)]
pub struct Profile {
    /// BLAKE3 of its bytes, 64 hexadecimal digits.
    pub hash: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Layout of the format.
    pub layout: Layout,
    /// Header as it stands in the input, without the line end.
    pub header_text: Vec<u8>,
    /// Columns, in the input's order.
    pub columns: Vec<Column>,
    /// Number of records, the bad ones included, the header not.
    pub rows: u64,
    /// Preview, seen on the way.
    pub preview: Preview,
    /// True if all of it was read; else types and rows are those of its beginning.
    pub whole: bool,
}

impl From<FormatProfile> for Profile {
    fn from(found: FormatProfile) -> Self {
        let FormatProfile { digest: Digest { hash, bytes }, layout, header_text, columns, rows, preview, whole } =
            found;
        let own = columns.len() - usize::from(layout.has_surplus());
        let headers: Vec<_> = columns[..own].iter().map(|(header, _)| header.as_str()).collect();
        let mut names = column_names(&headers, layout.joint());
        names.extend(columns[own..].iter().map(|(header, _)| header.clone()));
        let columns = names
            .into_iter()
            .zip(&columns)
            .map(|(name, (header, inference))| Column { name, header: header.clone(), fits: inference.fits() })
            .collect();
        Profile { hash, bytes, layout, header_text, columns, rows, preview, whole }
    }
}

impl Profile {
    /// The names in the first row if only its place tells that they are a header: every column is text.
    pub fn likely_header(&self) -> Option<String> {
        let (Layout::Csv(dialect) | Layout::Excel(dialect)) = &self.layout else { return None };
        let is_likely = dialect.header_rows == 1 && self.columns.iter().all(|column| column.kind() == Type::Text);
        let names: Vec<_> = self.columns.iter().map(|column| column.header.as_str()).collect();
        is_likely.then(|| names.join(", "))
    }

    /// A sentence on the names of the columns if the header is one short and nothing proves which cell has none.
    pub fn doubtful_names(&self) -> Option<String> {
        let (Layout::Csv(dialect) | Layout::Excel(dialect)) = &self.layout else { return None };
        let taken = match dialect.row_names {
            true => "the first cell of each is taken for the row's name",
            false => "the last column has no name, as a comma rather stands within a value",
        };
        dialect.doubtful_names.then(|| {
            format!(
                "the header is one name short of the cells of the records: {taken}; quotes around values with a comma, or a name \
                 more, tell it"
            )
        })
    }
}

/// Error of a source, after which it gives no more records.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A content that cannot be loaded; another try gives the same.
    #[error(transparent)]
    Unreadable(FormatError),
    /// A file that is not there any more.
    #[error("the file is gone")]
    Gone,
    /// Bytes that changed while they were read; nothing of the input was loaded.
    #[error("the file changed while it was read")]
    Changed,
    /// A lease of another program to write, so that the file cannot be opened without a wait for it.
    #[error("it is still being written: somebody holds a lease on it")]
    Leased,
    /// Error of the reading itself.
    #[error("cannot read: {0}")]
    Io(std::io::Error),
}

impl From<FormatError> for SourceError {
    fn from(error: FormatError) -> Self {
        match error {
            FormatError::Io(error) => error.into(),
            other => SourceError::Unreadable(other),
        }
    }
}

impl From<std::io::Error> for SourceError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound => SourceError::Gone,
            // No other reading of a regular file gives this error.
            std::io::ErrorKind::WouldBlock => SourceError::Leased,
            _ => SourceError::Io(error),
        }
    }
}
