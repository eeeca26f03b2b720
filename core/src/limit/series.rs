//! What is counted: a measure in a scope and kind of window.

use crate::event::dimensions::Dimensions;
use crate::limit::limit::Limit;
use crate::limit::measure::Measure;
use crate::limit::scope::Scope;
use crate::limit::tree::Tree;
use crate::time::calendar::Calendar;
use crate::time::instant::Instant;
use crate::time::window::{Window, WindowKind};
use alloc::format;
use alloc::string::String;
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
    /// Whether limits test it yet.
    pub state: State,
}

/// How far a series is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Writers add; what its open windows held before is still being added.
    Counting,
    /// Its counters are complete; limits test them.
    Active,
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

    /// The counter attribute that holds used and held together.
    #[must_use]
    pub fn taken_attribute(&self) -> String {
        format!("u:{}:{}", self.measure, self.since)
    }

    /// The counter attribute that holds the held part.
    #[must_use]
    pub fn held_attribute(&self) -> String {
        format!("h:{}:{}", self.measure, self.since)
    }

    /// The window and the one of the scope in which it counts use at `at`, of
    /// time `timestamp`, received at `received`; `None` = it does not. Nodes are
    /// those of `tree`.
    #[must_use]
    pub fn place(
        &self,
        tree: Option<&Tree>,
        at: &Dimensions,
        timestamp: Instant,
        received: Instant,
    ) -> Option<(Arc<str>, Window)> {
        if !self.measure.concerns(&at.operation) {
            return None;
        }
        let by = if self.window == WindowKind::Second {
            received
        } else {
            timestamp
        };
        let window = self.calendar.holding(self.window, by);
        if window.end().is_some_and(|end| end <= self.from) {
            return None;
        }
        if self.scope == Scope::Node {
            let node = self
                .scope_id
                .as_ref()
                .filter(|node| tree.is_some_and(|tree| tree.holds(at, node)))?;
            return Some((Arc::clone(node), window));
        }
        let scope_id = self.scope.of(at)?;
        let named = self
            .scope_id
            .as_ref()
            .is_none_or(|named| *named == scope_id);
        named.then_some((scope_id, window))
    }
}
