//! What requests are answered with: types that handlers make, that clients read, and
//! that the schemas of openapi.json are made of.
//!
//! Every field is there in every answer, null where there is nothing to say; only
//! events leave out what they lack.

pub(crate) mod alert;
pub(crate) mod audit;
pub(crate) mod batch;
pub(crate) mod bill;
pub(crate) mod budget;
pub(crate) mod card;
pub(crate) mod cost;
pub(crate) mod credit;
pub(crate) mod defaults;
pub(crate) mod entitlement;
pub(crate) mod event;
pub(crate) mod exchange;
pub(crate) mod figure;
pub(crate) mod group;
pub(crate) mod hold;
pub(crate) mod key;
pub(crate) mod limit;
pub(crate) mod list;
pub(crate) mod plan;
pub(crate) mod purge;
pub(crate) mod quota;
pub(crate) mod record;
pub(crate) mod service;
pub(crate) mod stats;
pub(crate) mod tenant;
pub(crate) mod totals;
pub(crate) mod tree;
pub(crate) mod validity;
