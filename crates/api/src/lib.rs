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
mod answers;
mod asap;
mod batches;
mod budgets;
mod cards;
mod cases;
mod catalogue;
mod cloud;
mod credits;
mod csv;
mod defaults;
mod denied;
mod digest;
mod event;
mod exchange;
mod hold;
mod json;
mod kind;
mod limits;
mod percent;
mod plans;
mod prices;
mod problem;
mod query;
mod rate_headers;
#[cfg(test)]
mod refusals;
mod reserved;
#[cfg(feature = "schema")]
mod schema;
mod trees;
mod violation;
mod void;

pub use admin::{parse_key, parse_purge, parse_tenant};
pub use alerts::{is_public_address, parse_alerts, webhook_url};
pub use answers::alert::{Alert, AlertType, AlertsState, ListedAlert};
pub use answers::audit::AuditEntry;
pub use answers::batch::{BatchAnswer, BatchRecord, BatchResult, BatchStatus, Outcome};
pub use answers::bill::{BillAnswer, BillLine, LineComponent};
pub use answers::budget::{BudgetState, ToolBudget};
pub use answers::card::{
    CardWarning, CardWarningCode, OperationPrices, OverPrices, PackagePrice, Price, RateCardPut,
    RateCardVersion, TierPrices, VolumeDiscount,
};
pub use answers::cost::{Cost, costs};
pub use answers::credit::{Allowance, Credits, GrantStanding, MadeGrant};
pub use answers::defaults::DefaultsAnswer;
pub use answers::entitlement::{Entitlement, EntitlementSource, Entitlements};
pub use answers::event::{
    CardRef, Checked, Recorded, RecordedWord, Telling, UsageBatchRecorded, UsageRecorded, Voided,
    Warning, WarningCode,
};
pub use answers::exchange::ExchangeRatesVersion;
pub use answers::figure::Figure;
pub use answers::group::{GroupName, GroupRow, Groups, People, PersonRow};
pub use answers::hold::{Captured, Hold, TakenHold};
pub use answers::key::{Key, MadeKey};
pub use answers::limit::{LimitStatus, Limits, ShownLimit};
pub use answers::list::List;
pub use answers::plan::{Feature, Override, Plan, SubscriptionState};
pub use answers::purge::{PurgeStatus, Purged};
pub use answers::quota::{QuotaLeft, QuotaSet, QuotaState, QuotaUse};
pub use answers::record::StoredEvent;
pub use answers::service::{ClockStatus, Health, HealthStatus, Service};
pub use answers::stats::Stats;
pub use answers::tenant::Tenant;
pub use answers::totals::{Asked, Summary, Task, TenantUsage, Totals};
pub use answers::tree::{Tree, TreeNode};
pub use answers::validity::Validity;
pub use asap::{parse_asap, parse_asap_batch, parse_either};
pub use batches::{BATCH_MAX, BadElement, NewBatch, parse_batch};
pub use budgets::parse_budget;
pub use cards::{NewCard, parse_card};
pub use catalogue::About;
pub use cloud::{parse_cloud_batch, parse_cloud_event};
pub use credits::parse_grant;
pub use csv::{csv_event, csv_header, csv_record};
pub use defaults::parse_defaults;
pub use event::{NewEvent, parse_event};
pub use exchange::{NewExchange, parse_exchange};
pub use hold::{NewHold, parse_capture, parse_extension, parse_hold, parse_release};
pub use json::{BODY_BYTES_MAX, DEPTH_MAX, METADATA_BYTES_MAX, merge_patch};
pub use kind::Kind;
pub use limits::{parse_limits, parse_quota};
pub use plans::{parse_plan, parse_subscription};
pub use problem::{Denied, Extra, FieldError, FirstViolation, Problem, ProblemAbout, ProblemBody};
pub use query::Params;
pub use reserved::is_reserved_tenant;
#[cfg(feature = "schema")]
pub use schema::answer_schemas;
pub use trees::parse_tree;
pub use violation::Violation;
pub use void::{NewVoid, parse_void};
