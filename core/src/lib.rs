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
//! let priced = catalog.price(&[], None, &event)?;
//! assert_eq!(priced.cost, "0.05".parse::<Amount>()?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]

extern crate alloc;
#[cfg(any(test, doctest))]
extern crate std;

mod bill;
mod decide;
mod event;
mod ledger;
mod limit;
mod money;
mod order;
mod price;
#[cfg(feature = "schema")]
mod schema;
mod time;
mod usage;
mod words;

pub use bill::bill::{Bill, BillError, bill};
pub use bill::group::Group;
pub use bill::line::{Charge, Item, Line};
pub use decide::afford::{affordable, with_tokens_out};
pub use decide::capture::{capture, capture_reads, capture_recorded};
pub use decide::decide::decide;
pub use decide::plan::{Planned, PlannedEvent, plan};
pub use decide::postings::{Amounts, Postings};
pub use decide::rules::Rules;
pub use decide::ruling::{Decided, Ruling, Verdict};
pub use decide::sealed::{Sealing, plan_sealed};
pub use decide::settle::{Expiring, count_anew, expire, extend, release};
pub use decide::take::{Settled, Taking, take};
pub use decide::void::{VOID_PREFIX, Voidable, Voided, void, void_id};
pub use decide::writes::{Circumstances, PlanError};
pub use event::dimension::{Counted, Dimension};
pub use event::dimensions::Dimensions;
pub use event::event::Event;
pub use event::fingerprint::{Fingerprint, Part};
pub use event::gen_ai::{Attributes, CachedTokens, GenAi, Span, nearest_name};
pub use event::label::Label;
pub use event::name::{Name, NameError};
pub use event::number::{Reported, whole_millis};
pub use event::person::Person;
pub use event::quantities::{Component, QUANTITY_MAX, Quantities, Table};
pub use event::totals::{Overflow, Totals};
pub use ledger::actual::{Actual, Mismatch};
pub use ledger::alert::{ATTEMPTS_MAX, Alert, AlertState, Crossing};
pub use ledger::attribute::{Figure, Reading, announced};
pub use ledger::batch::{BatchMarker, Refused};
pub use ledger::form::{Form, FormError, FormVersion};
pub use ledger::hold::{Asked, Closing, HOLD_SECONDS_MAX, Hold, HoldState};
pub use ledger::item::{ACTIONS_MAX, Attrs, Change, Guard, Key, Role, Value, Write};
pub use ledger::marker::{Answer, Marker};
pub use ledger::open_hold::OpenHold;
pub use ledger::page::page::{Page, Sealed, SealedEvent, Stored};
pub use ledger::posting::Posting;
pub use ledger::renewal::renew;
pub use ledger::standing::Standing;
pub use ledger::table;
pub use ledger::tasks::{DayOfTasks, TaskHash};
pub use ledger::view::{Kept, View};
pub use limit::alerts::{Alerts, Secret};
pub use limit::allowance::{Earlier, Moved};
pub use limit::budget::Budget;
pub use limit::config::{Config, LIMITS_MAX, Lanes, LanesError, LimitsError};
pub use limit::counter::{Count, CounterKey};
pub use limit::credit::uncovered_counter;
pub use limit::decision::{Decision, Mode, Objection, ObjectionReason};
pub use limit::grant::{GRANTS_MAX, Grant};
pub use limit::limit::{Layer, Limit, OnUnavailable, SoftMode};
pub use limit::measure::Measure;
pub use limit::quota::Quota;
pub use limit::revision::Resource;
pub use limit::scope::{Scope, tool_key};
pub use limit::series::{Series, State};
pub use limit::status::{Fullness, LimitStatus, LimitType, Standpoint};
pub use limit::subscription::{Feature, Override, Plan, Status, Subscription};
pub use limit::tree::{Node, NodeLimit, TREE_DEPTH_MAX, Tree, TreeError};
pub use money::amount::{Amount, AmountError};
pub use money::currency::Currency;
pub use money::rate::Rate;
pub use money::sum::Sum;
pub use order::alerts::AlertsOrder;
pub use order::grant::GrantOrder;
pub use order::key::{KeyOrder, KeyScope};
pub use order::purge::{EraseOrder, PurgeOrder, Removal};
pub use order::subscription::{OverrideOrder, SubscriptionOrder};
pub use order::tenant::TenantSettings;
pub use price::card::{Card, Source, Unpriced};
pub use price::catalog::Catalog;
pub use price::class::{Class, Uncosted};
pub use price::defaults::Defaults;
pub use price::draft::Draft;
pub use price::exchange::{ExchangeRate, ExchangeTable};
pub use price::factor::Factor;
pub use price::operation::{
    DiscountMode, Operation, Over, Packages, Price, Prices, Tier, VolumeDiscount,
};
pub use price::priced::{CardRef, PriceError, Priced};
pub use time::calendar::{Calendar, Zone, ZoneError};
pub use time::instant::{DAY_SECONDS, HOUR_SECONDS, Instant, InstantError};
pub use time::range::Range;
pub use time::window::{Window, WindowKind};
pub use usage::aggregate::{Aggregate, GroupBy, GroupPart, NO_KEY};
pub use usage::filter::{Filter, RowFilter};
pub use usage::members::Members;
pub use usage::place::Place;
pub use usage::rollup::{Chunk, Rows};
pub use usage::roster::{Extent, Joined, Renumbering, Roster};
pub use usage::tally::Tally;
pub use usage::usage::Usage;
