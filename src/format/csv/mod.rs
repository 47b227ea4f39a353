//! Delimited text. The only place that reads or writes it.
//!
//! The reader is our own because Sluice promises things that the usual readers do not tell: whether an empty cell was
//! quoted (`""` is an empty text, nothing between two delimiters is NULL), the raw text and the line of a bad record,
//! and the place to go on after a quote that is never closed.

mod escaped;
pub(super) mod loose;
mod other;
#[cfg(test)]
mod properties;
mod read;
pub(super) mod sampled;
pub(super) mod split;
mod stretch;
mod swallowed;

pub use read::Reader;
#[doc(hidden)]
pub use split::count_cells;
