//! Tenants, limits, plans, credit, cards, keys: what operators set.

pub(crate) mod actor;
pub(crate) mod alerts;
pub(crate) mod audit;
pub(crate) mod cards;
pub(crate) mod change;
pub(crate) mod credits;
pub(crate) mod defaults;
pub(crate) mod exchange;
pub(crate) mod keys;
pub(crate) mod plans;
pub(crate) mod replay;
pub(crate) mod subscriptions;
pub(crate) mod tenants;
