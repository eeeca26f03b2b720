//! What may be used: limits, plans, credit, and the configuration that holds them.

pub(crate) mod alerts;
pub(crate) mod allowance;
pub(crate) mod budget;
pub(crate) mod config;
pub(crate) mod counter;
pub(crate) mod credit;
pub(crate) mod decision;
pub(crate) mod grant;
pub(crate) mod limit;
pub(crate) mod measure;
pub(crate) mod quota;
pub(crate) mod revision;
pub(crate) mod scope;
pub(crate) mod series;
pub(crate) mod status;
pub(crate) mod subscription;
pub(crate) mod tree;
