//! A JSON reader that keeps the text of numbers and lists all that is wrong.
//!
//! A body is a [`Node`]; an object is read field by field from an [`Object`];
//! leaves are read by the functions of [`scalar`]. Values are slices of the
//! body until they are read, so no number passes through a float.

mod canonical;
mod errors;
mod fields;
mod merge;
mod node;
mod object;
pub(crate) mod scalar;

pub use canonical::METADATA_BYTES_MAX;
pub(crate) use canonical::canonical_or_raw;
pub(crate) use errors::{Errors, Fault};
pub use merge::merge_patch;
pub use node::{BODY_BYTES_MAX, DEPTH_MAX};
pub(crate) use node::{Node, NodeKind, below};
pub(crate) use object::Object;
