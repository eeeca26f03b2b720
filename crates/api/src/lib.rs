//! The HTTP contract as data: bytes become domain types or a precise refusal,
//! and domain types become JSON.
//!
//! Pure: no I/O, no clock, no randomness, no HTTP library, no floats. Numbers
//! are read from their text, so nothing is rounded on the way in, and every
//! refusal lists all that is wrong, each with a pointer to the field.
//!
//! Start with [`parse_event`], what a client sent, and [`Problem`], what it is
//! told when that will not do.
//!
//! ```
//! use tollgate_api::parse_event;
//! let event = parse_event(br#"{"operation":"gpt-4o","tokens_in":1200}"#);
//! assert_eq!(event.map(|new| new.contents().quantities.tokens_in), Ok(1200));
//!
//! let refused = parse_event(br#"{"operation":"gpt-4o","tokens_in":-1}"#).unwrap_err();
//! assert_eq!(refused.kind.status(), 422);
//! assert_eq!(refused.errors[0].pointer, "/tokens_in");
//! ```
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::indexing_slicing
    )
)]

mod admin;
mod alerts;
mod answer;
mod asap;
mod batches;
mod bill;
mod budgets;
mod cards;
mod cards_json;
mod cases;
mod cloud;
mod credits;
mod csv;
mod denied;
mod digest;
mod event;
mod exchange;
mod figures;
mod hold;
mod hold_json;
mod json;
mod kind;
mod limits;
mod limits_json;
mod page;
mod percent;
mod plans;
mod plans_json;
mod problem;
mod query;
mod rate_headers;
mod raw;
#[cfg(test)]
mod refusals;
mod reserved;
mod stored;
mod trees;
mod usage;
mod void;

pub use admin::{parse_key, parse_purge, parse_tenant};
pub use alerts::{alert_json, alerts_json, is_public_address, parse_alerts, webhook_url};
pub use answer::{BatchRecord, Outcome, batch, checked, recorded, with_degraded};
pub use asap::{parse_asap, parse_asap_batch, parse_either};
pub use batches::{BATCH_MAX, BadElement, NewBatch, parse_batch};
pub use bill::{BillRange, bill_json};
pub use budgets::{budget_json, parse_budget};
pub use cards::{NewCard, parse_card};
pub use cards_json::{card_json, costs_json};
pub use cloud::{parse_cloud_batch, parse_cloud_event};
pub use credits::{credits_json, grant_json, granted_json, parse_grant};
pub use csv::{csv_event, csv_header, csv_record};
pub use event::{NewEvent, parse_event};
pub use exchange::{NewExchange, exchange_json, parse_exchange};
pub use hold::{NewHold, parse_capture, parse_extension, parse_hold, parse_release};
pub use hold_json::{hold_json, taken, with_lateness, with_settlement};
pub use json::{BODY_BYTES_MAX, DEPTH_MAX, METADATA_BYTES_MAX};
pub use kind::Kind;
pub use limits::{parse_limits, parse_quota};
pub use limits_json::{limit_definition, limit_status, quota_fields};
pub use page::list;
pub use plans::{parse_plan, parse_subscription};
pub use plans_json::{entitlements_json, plan_json, subscription_json};
pub use problem::{FieldError, Problem};
pub use query::Params;
pub use reserved::is_reserved_tenant;
pub use stored::{single_event, stored_event};
pub use trees::{parse_tree, tree_json};
pub use usage::{aggregate_row, summary_json, totals_json, usage_json};
pub use void::{NewVoid, parse_void, voided};
