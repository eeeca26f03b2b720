//! What is counted: a measure in a scope and kind of window.

use crate::event::dimensions::Dimensions;
use crate::event::event::Event;
use crate::limit::counter::CounterKey;
use crate::limit::limit::Limit;
use crate::limit::measure::Measure;
use crate::limit::scope::Scope;
use crate::time::calendar::Calendar;
use crate::time::instant::Instant;
use crate::time::window::{Window, WindowKind};
use crate::words::words;
use alloc::sync::Arc;
use serde::{Deserialize, Serialize};

/// One thing counted: a measure in a scope and kind of window.
///
/// Its attribute in counters carries the version `since` which it is counted,
/// so what an earlier, interrupted count left behind is never mixed in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Series {
    /// Whose use.
    pub scope: Scope,
    /// Which one of the scope; absent = each.
    pub scope_id: Option<Arc<str>>,
    /// When it starts anew.
    pub window: WindowKind,
    /// Where its windows begin, as far as it depends on that.
    #[serde(default)]
    pub calendar: Calendar,
    /// What.
    pub measure: Measure,
    /// The configuration version since which writers count it.
    pub since: u64,
    /// When that was: windows that had ended by then are outside.
    pub from: Instant,
    /// The first receipt hour that was not rolled up by then: what was received
    /// before it was planned before.
    #[serde(default = "epoch")]
    pub rolled: Instant,
    /// Whether its counters are complete.
    pub state: State,
}

words! {
    /// How far a series is.
    pub enum State {
        /// Writers add; what its open windows held before is still being added. Limits
        /// test what there is so far, which is never more than the truth.
        Counting = "counting",
        /// Its counters are complete.
        Active = "active",
    }
}

fn epoch() -> Instant {
    Instant::EPOCH
}

impl Series {
    /// Whether it is what `limit` tests, whatever windows begin where.
    #[must_use]
    pub fn is_for(&self, limit: &Limit) -> bool {
        self.scope == limit.scope
            && self.scope_id == limit.scope_id
            && self.window == limit.window
            && self.measure == limit.measure
    }

    /// Whether it surely counts `event` in `key`, one of its own counters; a tool
    /// whose parts hold a `/` is left to [`Series::counter`].
    pub(crate) fn counts_in(&self, key: &CounterKey, event: &Event, received: Instant) -> bool {
        let at = &event.dimensions;
        let by = self.counts_by(event.timestamp, received);
        key.window.holds(by)
            && self.measure.concerns(&at.operation)
            && key.scope.is(at, &key.scope_id)
    }

    /// The counter in which it counts use at `at`, of time `timestamp`, received
    /// at `received`; `None` = it does not.
    #[must_use]
    pub fn counter(
        &self,
        at: &Dimensions,
        timestamp: Instant,
        received: Instant,
    ) -> Option<CounterKey> {
        let by = self.counts_by(timestamp, received);
        self.counter_in(at, self.calendar.holding(self.window, by))
    }

    /// The time by which it counts: that of the event, or of its receipt.
    pub(crate) fn counts_by(&self, timestamp: Instant, received: Instant) -> Instant {
        match self.window {
            WindowKind::Second => received,
            _ => timestamp,
        }
    }

    /// The counter in which it counts use at `at` within `window`, one of its own.
    pub(crate) fn counter_in(&self, at: &Dimensions, window: Window) -> Option<CounterKey> {
        if !self.measure.concerns(&at.operation) {
            return None;
        }
        if window.end().is_some_and(|end| end <= self.from) {
            return None;
        }
        let scope_id = match (self.scope, &self.scope_id) {
            (Scope::Node, named) => {
                let named = named.as_ref()?;
                let counts = at.path.iter().any(|node| node.as_str() == &**named);
                counts.then(|| Arc::clone(named))?
            }
            (scope, None) => scope.of(at)?,
            (scope, Some(named)) => scope.of(at).filter(|scope_id| scope_id == named)?,
        };
        Some(CounterKey {
            scope: self.scope,
            scope_id,
            window,
        })
    }
}
