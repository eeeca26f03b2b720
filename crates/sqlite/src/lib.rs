//! Tollgate's embedded store: one table in one SQLite file.
//!
//! One thread writes: it takes what waits and commits it as one SQLite
//! transaction, in which each request's writes are applied or refused on their own.
//! Readers have connections of their own beside it. What is acknowledged is on disk.

mod backup;
mod file;
mod item;
mod readers;
mod store;
mod writer;

pub use backup::{Progress, copy};
pub use file::FILE;
pub use store::Sqlite;
