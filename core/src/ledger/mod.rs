//! What is stored: items, keys, and the forms of pages, markers, holds and alerts.

pub(crate) mod actual;
pub(crate) mod alert;
pub(crate) mod attribute;
pub(crate) mod batch;
pub(crate) mod form;
pub(crate) mod hold;
pub(crate) mod item;
pub(crate) mod marker;
pub(crate) mod open_hold;
pub(crate) mod page;
pub(crate) mod posting;
pub(crate) mod renewal;
pub(crate) mod standing;
pub mod table;
pub(crate) mod tasks;
pub(crate) mod view;
