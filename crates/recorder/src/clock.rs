//! The time of day, for timestamps.

use jiff::Timestamp;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tollgate_core::Instant;

/// Tells the time that events are stamped with.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Instant + Send + Sync>);

impl Clock {
    /// A clock that asks `now`; where that panics, the clock of the machine
    /// stands in.
    #[must_use]
    pub fn new(now: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> Instant {
        catch_unwind(AssertUnwindSafe(|| (self.0)())).unwrap_or_else(|_| Instant::from(system()))
    }
}

/// What the clock of the machine says; it is read nowhere else.
pub(crate) fn system() -> Timestamp {
    Timestamp::now()
}

/// The clock of the machine.
impl Default for Clock {
    fn default() -> Self {
        Self::new(|| Instant::from(system()))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
