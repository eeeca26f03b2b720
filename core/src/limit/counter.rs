//! Counters: what limits have counted.

use crate::limit::scope::Scope;
use crate::time::window::Window;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use serde::{Deserialize, Serialize};

/// One counter: the use of one of a scope within one window.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct CounterKey {
    /// Whose use.
    pub scope: Scope,
    /// Which one of the scope; empty for the tenant.
    pub scope_id: Arc<str>,
    /// When.
    pub window: Window,
}

/// What a counter holds for one measure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count {
    /// Used and held together: what limits are tested against.
    pub taken: i128,
    /// The held part of it.
    pub held: i128,
}

impl Count {
    /// The used part.
    #[must_use]
    pub fn used(self) -> i128 {
        self.taken.saturating_sub(self.held)
    }
}

/// What counters stood at when they were read, by counter and attribute. What
/// is not in it stood at nothing.
pub type Standing = BTreeMap<CounterKey, BTreeMap<Arc<str>, Count>>;
