//! What is decided of events, and why.

use crate::alert::Crossing;
use crate::{CounterKey, Currency, Draw, Name, Standpoint};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What was decided of an event.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Within all limits.
    #[default]
    Allow,
    /// Past a soft limit.
    Warn,
    /// Past a hard limit: refused, or in observe mode recorded all the same.
    Deny,
}

/// Whether limits hold or only look on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// An event past a hard limit is not recorded.
    Enforce,
    /// An event that has already happened is recorded past any limit, and says so.
    Observe,
}

/// The decision on one event, and what led to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruling {
    /// The decision.
    pub decision: Decision,
    /// What refuses it apart from limits.
    pub objections: Vec<Objection>,
    /// Every limit it passes that refuses.
    pub violations: Vec<Standpoint>,
    /// Every soft limit it passes that warns.
    pub warnings: Vec<Standpoint>,
    /// Every limit that applies, as the event found it; none where several
    /// events are decided together.
    pub limits: Vec<Standpoint>,
    /// The plan that it was decided under.
    pub plan_code: Option<Name>,
}

/// What refuses an event apart from limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objection {
    /// The tenant needs a plan and has none.
    NoPlan,
    /// Its subscription is cancelled.
    Cancelled,
    /// The node of the tree of budgets, or one above it, is disabled.
    NodeDisabled(Name),
    /// No credit covers it. Figures are in units of 1e-18 of the currency.
    Credit {
        /// What there was in all: of the allowance and of grants that are open.
        capacity: i128,
        /// What was used or held of it.
        taken: i128,
        /// What the event costs.
        requested: i128,
        /// The tenant's currency.
        currency: Currency,
    },
}

/// What a pack of admitted events adds to one attribute of one counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// How much.
    pub amount: i128,
    /// The most the attribute may hold beforehand for every decision to stand.
    pub at_most: i128,
}

/// The rulings on a pack, and what its admitted events add.
#[derive(Clone, Debug, Default)]
pub struct Decided {
    /// In the order of the events.
    pub rulings: Vec<Ruling>,
    /// By counter, then attribute.
    pub additions: BTreeMap<CounterKey, BTreeMap<Arc<str>, Addition>>,
    /// In the order of the events, what each took of credit; nothing where it
    /// was not admitted.
    pub draws: Vec<Vec<Draw>>,
    /// Whether anything was drawn beyond the first source.
    pub is_pressed: bool,
    /// What the additions cross of what is watched.
    pub crossings: Vec<Crossing>,
}

impl Ruling {
    /// Whether no credit covers it.
    #[must_use]
    pub fn lacks_credit(&self) -> bool {
        self.objections.iter().any(|objection| matches!(objection, Objection::Credit { .. }))
    }
}

impl Decision {
    /// Its name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Warn => "warn",
            Self::Deny => "deny",
        }
    }
}
