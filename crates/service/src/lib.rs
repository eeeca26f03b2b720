//! Tollgate's use cases over a store: load, plan, commit.
//!
//! A [`Service`] reads what a decision needs, lets `tollgate-core` decide, and
//! commits the writes it gets back in one transaction, again from the start
//! where the store says that something had changed. It never decides by
//! itself, never speaks HTTP and never reads the system clock: it is given a
//! [`Clock`].
//!
//! Start with [`Service::record`] and the trait [`Store`].
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! use std::sync::Arc;
//! use tollgate_core::{Event, Instant, Mode, Name};
//! use tollgate_service::{Clock, Memory, Options, Outcome, Service, Submission, Tenancy};
//! struct Noon(Instant);
//! impl Clock for Noon {
//!     fn now(&self) -> Instant { self.0 }
//! }
//! let noon: Instant = "2026-11-22T12:00:00Z".parse()?;
//! let service = Service::new(Arc::new(Memory::default()), Arc::new(Noon(noon)), Tenancy::Sole, [0; 32]);
//! let event = Event::new(Name::new("evt-1")?, noon, Name::new("hitl_approval")?);
//! let submission = Submission { event, timestamp_given: true };
//! let options = Options { mode: Mode::Enforce, age_seconds_max: 3600 };
//! let outcomes = service.record(&Name::new("acme")?, vec![submission], options).await?;
//! assert!(matches!(outcomes[..], [Outcome::Recorded(..)]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod alerts;
mod allowance;
mod audit;
mod backfill;
mod billing;
mod cards;
mod check;
mod clock;
mod course;
mod credits;
mod cursor;
mod erase;
mod exchange;
mod expiry;
mod export;
mod failure;
mod fold;
mod holds;
mod hours;
mod keys;
mod limits;
mod list;
mod memory;
mod outage;
mod pages;
mod plans;
mod pseudonym;
mod purge;
mod range;
mod record;
mod replay;
mod rosters;
mod scan;
mod service;
mod settling;
mod stats;
mod store;
mod submission;
mod tenants;
mod tries;
mod usage;
mod void;
mod watermark;

pub use alerts::{AlertsOrder, Courier, Delivered};
pub use audit::AuditEntry;
pub use check::Estimate;
pub use clock::{Clock, random, ulid};
pub use credits::{CreditView, GrantOrder};
pub use erase::{EraseOrder, Erased};
pub use export::{Export, Step};
pub use failure::Failure;
pub use holds::{HoldOutcome, HoldRequest};
pub use hours::Hour;
pub use keys::{KeyRecord, NewKey, Scope, fresh_key};
pub use limits::LimitsView;
pub use memory::Memory;
pub use plans::SubscriptionOrder;
pub use pseudonym::Person;
pub use purge::{LastPurge, PurgeOrder, Purged};
pub use range::Range;
pub use replay::{Question, StoredAnswer};
pub use service::{Service, Tenancy};
pub use settling::{CaptureOutcome, HoldMoved};
pub use stats::Stats;
pub use store::{Commit, Query, Reason, Refusal, Slice, Store, StoreError};
pub use submission::{AGE_SECONDS_MAX, AHEAD_SECONDS_MAX, Options, Outcome, Rejection, Submission};
pub use tenants::{Actor, TenantSettings};
pub use usage::{Entry, Groups, Position};
pub use void::VoidOutcome;
