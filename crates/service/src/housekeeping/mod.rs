//! What schedules do: rollups, purges, erasure, delivery of alerts.

pub(crate) mod alerts;
pub(crate) mod chores;
pub(crate) mod erase;
pub(crate) mod fold;
pub(crate) mod hours;
pub(crate) mod partials;
pub(crate) mod purge;
