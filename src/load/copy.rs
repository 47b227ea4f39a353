//! The copy of an input's rows into the table.

use super::feed::Feed;
use super::ready::Ready;
use super::record::reject_file;
use super::reject_file::RejectFile;
use super::{LoadError, Work};
use crate::catalog::RowCounts;
use crate::record::Beside;
use crate::source::{Input, Profile};

/// The copied rows, and all that was found on the way.
pub(super) struct Copied {
    /// Row counts; duplicates in the table are not known yet.
    pub(super) books: RowCounts,
    /// Bytes of the records and of the rejects.
    pub(super) bytes: (u64, u64),
    /// Text beside the records.
    pub(super) beside: Vec<Beside>,
    /// The first reject, in words.
    pub(super) first_reject: Option<String>,
    /// File of the rejects.
    pub(super) rejected: RejectFile,
}

/// Copies all rows and writes the rejects; `None` if a record contradicts what the beginning had decided.
pub(super) async fn copy(
    work: &mut Work<'_>,
    input: &mut Input,
    profile: &Profile,
    ready: &Ready<'_>,
) -> Result<Option<Copied>, LoadError> {
    let mut rejected = reject_file(work.loader, input, profile);
    let mut feed = Feed::new(input, ready.plan.shape.clone(), work.load_id, profile.bytes);
    let mut loaded = 0;
    while !feed.is_done() {
        loaded += work.transaction.copy_in(ready.into(), &ready.types, &mut feed).await?;
        let rejects = feed.rejects()?;
        if feed.contradicted {
            return Ok(None);
        }
        work.loader.catalog.reject(&mut *work.transaction, work.load_id, &rejects).await?;
        rejected.write(&rejects).map_err(LoadError::Rejects)?;
        fail::fail_point!("copied");
    }
    let Feed { books, bytes, beside, first_reject, .. } = feed;
    Ok(Some(Copied { books: RowCounts { loaded, ..books }, bytes, beside, first_reject, rejected }))
}
