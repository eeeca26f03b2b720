//! What it costs: rate cards, exchange rates.

pub(crate) mod built_in;
pub(crate) mod card;
pub(crate) mod catalog;
pub(crate) mod class;
pub(crate) mod defaults;
pub(crate) mod draft;
pub(crate) mod exchange;
pub(crate) mod factor;
pub(crate) mod operation;
pub(crate) mod priced;
