//! What is stored: items, keys, and the forms of pages, markers, holds and alerts.

pub(crate) mod alert;
pub(crate) mod hold;
pub(crate) mod item;
pub(crate) mod marker;
pub(crate) mod page;
pub mod table;
pub(crate) mod view;
