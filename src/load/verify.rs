//! The checks of an input whose rows are copied: all of it was read, as it was profiled, and its rows add up.

use super::copy::Copied;
use super::ready::Ready;
use super::staging::{Plan, is_headed};
use super::{LoadError, Work};
use crate::catalog::RowCounts;
use crate::dataset::Dataset;
use crate::source::{Input, Profile};

/// The whole input, once all of it was read.
pub(super) struct Seen {
    pub(super) profile: Profile,
    /// Plan of its columns.
    pub(super) plan: Plan,
}

/// Checks that the rows come from all bytes of the input, and that the beginning had told what the columns are; `None`
/// if it had not.
pub(super) async fn verify(
    dataset: &Dataset,
    input: &mut Input,
    ready: &Ready<'_>,
    copied: &Copied,
) -> Result<Option<Seen>, LoadError> {
    if input.spans().is_some_and(|spans| (spans.records, spans.rejects) != copied.bytes) {
        return Err(LoadError::Unbalanced { read: copied.books.read, books: copied.books });
    }
    if let Some(said) = input.window().and_then(|window| window.count)
        && said != copied.books.read
    {
        return Err(LoadError::Miscounted { said, read: copied.books.read });
    }
    // The profile of the whole input, if only its beginning was read before.
    let profile = input.profile().await?;
    let plan = Plan::of(dataset, &profile, &ready.known)?;
    if !plan.is_like(&ready.plan) {
        return Ok(None);
    }
    if profile.rows == 0 {
        is_headed(dataset, &profile, &ready.known)?;
    }
    Ok(Some(Seen { profile, plan }))
}

/// Merges the rows of an upsert, and gives the row counts of the load once they add up; and, of a window, the number of its records whose
/// key came again.
pub(super) async fn balance(
    work: &mut Work<'_>,
    input: &Input,
    ready: &Ready<'_>,
    copied: &Copied,
    seen: &Seen,
) -> Result<(RowCounts, u64), LoadError> {
    let (mut books, mut repeated) = (copied.books, 0);
    if let Some(upsert) = &ready.upsert {
        let (now, is_window) = (work.loader.clock.utc(), input.window().is_some());
        let merged = upsert.merge(&mut *work.transaction, books.loaded, now, is_window).await?;
        let touched = merged.0;
        repeated = if is_window { merged.1 } else { 0 };
        books.duplicate = books.loaded - touched;
        books.loaded = touched;
    }
    adds_up(&books, &seen.profile, work.dataset, copied.first_reject.as_deref())?;
    Ok((books, repeated))
}

/// Checks rows read = loaded + rejected + duplicate + filtered, the profile's count, and the limit of rejects.
fn adds_up(books: &RowCounts, profile: &Profile, dataset: &Dataset, first: Option<&str>) -> Result<(), LoadError> {
    let RowCounts { read, loaded, rejected, duplicate, filtered, .. } = *books;
    if read != profile.rows || read != loaded + rejected + duplicate + filtered {
        return Err(LoadError::Unbalanced { read: profile.rows, books: *books });
    }
    match dataset.max_rejects {
        Some(limit) if limit.is_exceeded(rejected, read) => {
            Err(LoadError::TooManyRejects { rejected, read, first: first.unwrap_or_default().to_owned() })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn rows_that_do_not_add_up_are_not_loaded() {
        let parts = Input::parts_of_bytes(b"a\n1\n2\n", "x.csv", crate::format::Limits::default()).await;
        let profile = parts.unwrap()[0].profile().await.unwrap();
        let adds_up = |read, loaded, rejected, duplicate, filtered| {
            let books = RowCounts { read, loaded, rejected, duplicate, filtered, ..RowCounts::default() };
            super::adds_up(&books, &profile, &Dataset::of_file("x.csv"), None).is_ok()
        };
        assert!(adds_up(2, 2, 0, 0, 0) && adds_up(2, 0, 1, 1, 0) && adds_up(2, 1, 0, 0, 1));
        assert!(
            !adds_up(2, 1, 0, 0, 0) && !adds_up(2, 2, 1, 0, 0) && !adds_up(3, 3, 0, 0, 0) && !adds_up(1, 1, 0, 0, 0)
        );
    }
}
