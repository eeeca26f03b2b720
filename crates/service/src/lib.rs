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
//! let (store, clock) = (Arc::new(Memory::default()), Arc::new(Noon(noon)));
//! let service = Service::new(store, clock, Tenancy::Sole, [0; 32]);
//! let event = Event::new(Name::new("evt-1")?, noon, Name::new("hitl_approval")?);
//! let submission = Submission { event, timestamp_given: true };
//! let options = Options { mode: Mode::Enforce, age_seconds_max: 3600 };
//! let outcomes = service.record(&Name::new("acme")?, vec![submission], options).await?;
//! assert!(matches!(outcomes[..], [Outcome::Recorded(..)]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod changes;
mod engine;
mod holds;
mod housekeeping;
mod record;
mod settings;
mod store;
mod usage;

pub use engine::key::{KeyRecord, fresh_key};
pub use engine::service::{Health, Service, Tenancy};
pub use engine::submission::{
    AGE_SECONDS_MAX, AHEAD_SECONDS_MAX, Options, Outcome, Rejection, Submission,
};
pub use holds::holds::{HoldOutcome, HoldRequest};
pub use holds::settling::{CaptureOutcome, HoldMoved};
pub use housekeeping::alerts::{Courier, Delivered, Deliveries};
pub use housekeeping::chores::{Chore, ChoreQueue, Housekeeping};
pub use housekeeping::erase::Erased;
pub use housekeeping::purge::Purged;
pub use record::check::Estimate;
pub use record::sealed::{SealedBatch, SealedEventOutcome, SealedOutcome, SealedPart};
pub use record::void::VoidOutcome;
pub use settings::actor::{Actor, Precondition};
pub use settings::audit::AuditEntry;
pub use settings::cards::{CardPut, Putting};
pub use settings::credits::CreditView;
pub use settings::replay::{Once, Question, StoredAnswer};
pub use store::clock::{Clock, random, ulid};
pub use store::copy::{CopyError, Scan, copy};
pub use store::failure::Failure;
pub use store::memory::Memory;
pub use store::migrate::{Migrated, migrate};
pub use store::store::{
    Commit, Query, Reason, Refusal, Slice, Store, StoreError, TOGETHER_MAX, Together,
    check_together, check_writes,
};
pub use usage::export::{Export, Step};
pub use usage::hour::{Hour, LastPurge};
pub use usage::limits::LimitsView;
pub use usage::stats::Stats;
pub use usage::usage::{Entry, Groups, Position};
