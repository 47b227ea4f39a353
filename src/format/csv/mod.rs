//! Delimited text. The only place that reads or writes it.
//!
//! It is our own because what Sluice promises needs what the usual readers do not tell: whether an empty cell was quoted
//! (`""` is an empty text, nothing between two delimiters is NULL), the raw text and the line of a bad record, and where to
//! go on after a quote that is never closed.

mod escaped;
pub(super) mod loose;
mod other;
#[cfg(test)]
mod properties;
mod read;
pub(super) mod split;
mod stretch;
mod swallowed;

pub use read::Reader;
#[doc(hidden)]
pub use split::count_cells;
