//! Pages: the stored form of the events of one write.

mod body;
mod codec;
mod column;
#[expect(clippy::module_inception, reason = "a page is what the folder is of")]
pub(crate) mod page;
mod people;
mod read;
mod write;
