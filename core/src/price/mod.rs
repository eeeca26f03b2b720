//! What it costs: rate cards, exchange rates.

pub(crate) mod built_in;
pub(crate) mod card;
pub(crate) mod catalog;
pub(crate) mod draft;
pub(crate) mod exchange;
