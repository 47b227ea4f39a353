//! Where records come from. A source never sees a warehouse.

mod claimed;
mod dir;
mod failed;
mod file;
mod folder;
mod free_name;
mod memory;
mod owner;
mod partly;
mod places;
mod stamp;

pub use claimed::{ClaimedFile, Failure};
pub use dir::Dir;
pub(crate) use dir::{NOTE_MAX, why_not};
pub use failed::{FailedFile, Note, failed_files};
pub use file::FileSource;
pub use folder::Folder;
pub(crate) use folder::{CLAIMS, FAILED, OWN_FAILED, STATE, STATE_NEW};
pub(crate) use free_name::{move_to_free_name, rename_to_free_name};
pub use memory::MemorySource;
pub use owner::{Foreign, foreign_claims, foreign_failed, open_to_others};
pub(crate) use owner::{Us, random};
pub use partly::Partly;
pub use places::is_watched;
pub(crate) use places::{Place, places};
pub(crate) use stamp::{Stamp, Writer, writer};

use async_trait::async_trait;

use crate::format::{Digest, ExpectedTypes, FormatError, FormatProfile, Layout, Preview, SpanBytes};
use crate::record::{Beside, Chunk};
use crate::schema::{Column, Type, column_names};

/// Something that can be loaded: it is read twice, first to know what it is, as far as that is needed, then for its records.
#[async_trait]
pub trait Source: Send + Sync {
    /// What it is called in the ledger and in messages.
    fn name(&self) -> &str;

    /// The name that its table is called by, where nobody says otherwise.
    fn table_hint(&self) -> &str {
        self.name()
    }

    /// Whether the input has other parts besides this one.
    fn is_part(&self) -> bool {
        false
    }

    /// Whether a decoder reads it, which takes a share of the memory that all decoders have.
    fn is_decoded(&self) -> bool {
        false
    }

    /// The place in which it lies while it is loaded, where it has one of its own.
    fn claim(&self) -> Option<&str> {
        None
    }

    /// The places in which it lay before, and came back from after some of its parts were loaded: those are not loaded again.
    fn earlier_claims(&self) -> &[String] {
        &[]
    }

    /// Reads everything once: identity, dialect, columns and the types that all values fit. Cheap after the first call, and after
    /// all records were given.
    ///
    /// # Errors
    /// When it cannot be read, or is nothing that can be loaded.
    async fn profile(&mut self) -> Result<Profile, SourceError>;

    /// Like [`Source::profile`], but of a long input perhaps only what its beginning shows; its identity is that of all of it.
    ///
    /// # Errors
    /// As [`Source::profile`].
    async fn sample(&mut self) -> Result<Profile, SourceError> {
        self.profile().await
    }

    /// Says what the columns are taken for, before the records are asked for. Where that was decided by a beginning, what comes
    /// may not go with it: [`SourceError::TypesContradicted`].
    fn expect_types(&mut self, _: Vec<ExpectedTypes>) {}

    /// The next records, in the order of the input; `None` after the last, when everything was
    /// as the profile found it, or goes with what the columns are taken for.
    ///
    /// # Errors
    /// When it cannot be read, or is no longer what was profiled.
    async fn next_batch(&mut self) -> Result<Option<Chunk>, SourceError>;

    /// Makes sure that the input lies where its claim says also after a power cut: a content that may be loaded again is known by its claim
    /// alone.
    ///
    /// # Errors
    /// When it cannot be brought to stable storage.
    async fn make_claim_durable(&self) -> std::io::Result<()> {
        Ok(())
    }

    /// What stands in the file beside this part and is not loaded.
    fn beside(&self) -> &[Beside] {
        &[]
    }

    /// What the bytes are that the records were cut from, once all were given; `None` where the source does not tell.
    fn spans(&self) -> Option<SpanBytes> {
        None
    }

    /// Looks, before the commit, whether anybody has touched the input since it was claimed, or might.
    ///
    /// # Errors
    /// [`SourceError::Changed`] where somebody has.
    fn verify_unchanged(&self) -> Result<(), SourceError> {
        Ok(())
    }

    /// The rows are committed: the input may go.
    ///
    /// # Errors
    /// When it cannot be. The rows stay; loaded again, it is a duplicate.
    async fn ack(&mut self) -> std::io::Result<()>;
}

/// What a source holds.
#[derive(Clone, Debug)]
pub struct Profile {
    /// BLAKE3 of its bytes, 64 hexadecimal digits.
    pub hash: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// How it is written.
    pub layout: Layout,
    /// Its header as it stands in it, without the line end.
    pub header_text: Vec<u8>,
    /// Its columns, in its order.
    pub columns: Vec<Column>,
    /// Records, the bad ones included, the header not.
    pub rows: u64,
    /// What else was seen on the way.
    pub preview: Preview,
    /// Whether all of it was looked at; else types and rows are those of its beginning.
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
    /// The names in the first row where nothing but its place tells that they are a header: every column is text.
    pub fn likely_header(&self) -> Option<String> {
        let (Layout::Csv(dialect) | Layout::Excel(dialect)) = &self.layout else { return None };
        let is_likely = dialect.header_rows == 1 && self.columns.iter().all(|column| column.kind() == Type::Text);
        let names: Vec<_> = self.columns.iter().map(|column| column.header.as_str()).collect();
        is_likely.then(|| names.join(", "))
    }
}

/// Why a source gives nothing more.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It is not what can be loaded; trying again gives the same.
    #[error(transparent)]
    Unreadable(FormatError),
    /// It is not there any more.
    #[error("the file is gone")]
    Gone,
    /// It is not what its beginning showed; read whole, it can be loaded.
    #[error("a later value is not of the type that the first ones are of")]
    TypesContradicted,
    /// Its bytes changed while it was read; nothing of it was loaded.
    #[error("the file changed while it was read")]
    Changed,
    /// Somebody holds a lease on it to write, so that it cannot be opened without waiting for them.
    #[error("it is still being written: somebody holds a lease on it")]
    Leased,
    /// The reading itself failed.
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
            // No other reading of a regular file answers so.
            std::io::ErrorKind::WouldBlock => SourceError::Leased,
            _ => SourceError::Io(error),
        }
    }
}
