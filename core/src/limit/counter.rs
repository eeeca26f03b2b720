//! Counters: what limits have counted.

use crate::limit::scope::Scope;
use crate::time::window::Window;
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

/// What a counter holds of one figure, in units of its measure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count {
    /// What happened.
    pub used: i128,
    /// What is set aside by open holds.
    pub held: i128,
}

impl Count {
    /// Both together: what limits are tested against.
    #[must_use]
    pub fn taken(self) -> i128 {
        self.used.saturating_add(self.held)
    }
}
