//! What is decided of events, and why.

use crate::event::name::Name;
use crate::ledger::alert::Crossing;
use crate::limit::counter::CounterKey;
use crate::limit::credit::Draw;
use crate::limit::decision::{Decision, Objection};
use crate::limit::status::Standpoint;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

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
        self.objections
            .iter()
            .any(|objection| matches!(objection, Objection::Credit { .. }))
    }
}
