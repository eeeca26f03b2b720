//! What AI agents used, what it costs and whether it may go on: the whole
//! decision, without I/O, clock, randomness or floats.
//!
//! A caller loads a snapshot (the tenant's [`Config`], the [`Catalog`] of rate
//! cards, what counters stand at), hands it over with the events and the time,
//! and gets back rulings and [`Write`]s: data that a store turns into one
//! transaction. Nothing here reads or changes anything outside its arguments,
//! so the same bytes come out natively, on Lambda and in WebAssembly.
//!
//! Start with [`Event`], what was used, and [`plan()`], what to do about it.
//!
//! ```
//! use tollgate_core::{Amount, Catalog, Event, Instant, Name};
//! let at: Instant = "2026-11-22T10:00:00Z".parse()?;
//! let event = Event::new(Name::new("evt-1")?, at, Name::new("hitl_approval")?);
//! let catalog = Catalog::built_in();
//! let priced = catalog.price(None, &event)?;
//! assert_eq!(priced.cost, "0.05".parse::<Amount>()?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]

extern crate alloc;
#[cfg(any(test, doctest))]
extern crate std;

mod aggregate;
mod alert;
mod amount;
mod bill;
mod budget;
mod card;
mod catalog;
mod config;
mod counter;
mod credit;
mod currency;
mod decide;
mod draft;
mod event;
mod exchange;
mod filter;
mod gen_ai;
mod hold;
mod instant;
mod item;
mod limit;
mod marker;
mod members;
mod name;
mod number;
mod outbox;
mod page;
mod place;
mod plan;
mod rate;
mod rollup;
mod roster;
mod ruling;
mod settle;
mod status;
mod subscription;
pub mod table;
mod take;
mod totals;
mod tree;
mod usage;
mod void;
mod window;

pub use aggregate::{Aggregate, GroupBy, NO_KEY};
pub use alert::{Alerts, Crossing, Secret};
pub use amount::{Amount, AmountError};
pub use bill::{Bill, BillError, Group, Line, bill};
pub use budget::Budget;
pub use card::{Card, Component, DiscountMode, Factor, Operation, Price, Unpriced, VolumeDiscount};
pub use catalog::{CardRef, Catalog, PriceError, Priced};
pub use config::{Config, LIMITS_MAX, LimitsError, Quota, Series, State};
pub use counter::{Count, CounterKey, Standing};
pub use credit::{Draw, GRANTS_MAX, Grant, credit_attribute, credit_held_attribute, uncovered_counter};
pub use currency::Currency;
pub use draft::{Draft, Fingerprint};
pub use event::{Event, QUANTITY_MAX, Quantities};
pub use exchange::{ExchangeRate, ExchangeTable};
pub use filter::{Filter, RowFilter};
pub use gen_ai::{Attributes, CachedTokens, GenAi, Span, nearest_name};
pub use hold::{Actual, Asked, Closing, HOLD_SECONDS_MAX, Hold, HoldState, Mismatch, Part};
pub use instant::{Instant, InstantError};
pub use item::{Attrs, Change, Guard, Key, Value, Write};
pub use limit::{Layer, Limit, Measure, OnUnavailable, Scope, SoftMode, tool_key};
pub use marker::{Answer, Marker};
pub use members::Members;
pub use name::{Name, NameError};
pub use number::{Reported, whole_millis};
pub use outbox::{ATTEMPTS_MAX, Alert, AlertState};
pub use page::{Page, PageError, Stored};
pub use place::{Kept, Place, View};
pub use plan::{ACTIONS_MAX, Circumstances, Pack, PlanError, Planned, plan};
pub use rate::Rate;
pub use rollup::{Chunk, DAY_SECONDS, HOUR_SECONDS, Rows};
pub use roster::{Extent, Joined, Renumbering, Roster, TaskHash};
pub use ruling::{Addition, Decided, Decision, Mode, Objection, Ruling};
pub use settle::{Settled, capture, capture_reads, expire, extend, release};
pub use status::{LimitStatus, Standpoint};
pub use subscription::{Feature, Override, Plan, Status, Subscription};
pub use take::{Taking, affordable, take};
pub use totals::{Dimensions, Overflow, Tally, Totals};
pub use tree::{Node, NodeLimit, TREE_DEPTH_MAX, Tree, TreeError};
pub use usage::Usage;
pub use void::{VOID_PREFIX, Voidable, Voided, void, void_id};
pub use window::{Calendar, Window, WindowKind, Zone, ZoneError};
