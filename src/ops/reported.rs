//! A change that was made, or that would be.

use serde::Serialize;

/// The change, with the word on a dry run beside its own fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Reported<T> {
    /// The change.
    #[serde(flatten)]
    pub done: T,
    /// True if nothing was changed.
    pub dry_run: bool,
}
