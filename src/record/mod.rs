//! Records as readers give them and as types are decided over them: cells over one buffer or in typed columns, rejects,
//! and the contents beside the records.

mod beside;
mod column_text;
mod columns;
pub(crate) mod moment;
mod records;
mod reject;
mod write;

pub use beside::{Beside, BesideKind};
pub(crate) use column_text::column_text;
pub(crate) use columns::Columns;
pub(crate) use records::{Cell, Row};
pub use records::{Chunk, Records, Width};
pub use reject::{Reason, Reject};
pub use write::write_record;

/// The joint between the name of an object and the name of a value in it.
pub const JOINT: &str = "__";
