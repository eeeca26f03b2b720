//! What was used: totals, lists, exports, bills.

pub(crate) mod billing;
pub(crate) mod cover;
pub(crate) mod cursor;
pub(crate) mod export;
pub(crate) mod hour;
pub(crate) mod limits;
pub(crate) mod list;
pub(crate) mod listing;
pub(crate) mod pages;
pub(crate) mod partials;
pub(crate) mod pseudonym;
pub(crate) mod rosters;
pub(crate) mod rows;
pub(crate) mod scan;
pub(crate) mod stats;
pub(crate) mod tasks;
pub(crate) mod usage;
pub(crate) mod watermark;
