//! Words for people and the texts given to parsers: counts, near names, foreign names, secrets, faults of YAML, owners
//! of paths. The lowest folder: it depends on no other.

mod chain;
mod counted;
mod double;
pub mod heard;
mod nearest;
pub mod nesting;
pub(crate) mod rights;
pub mod secrets;
pub mod shown;
pub(crate) mod words;
pub(crate) mod yaml_fault;

pub use chain::chain;
pub(crate) use counted::counted;
pub use double::double_text;
pub(crate) use nearest::nearest;
