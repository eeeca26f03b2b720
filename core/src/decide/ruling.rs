//! What is decided of events, and why.

use crate::decide::postings::Postings;
use crate::event::name::Name;
use crate::ledger::posting::Posting;
use crate::limit::decision::{Decision, Objection};
use crate::limit::status::Standpoint;
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

/// The ruling on one event, and what it draws if it is admitted.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// The ruling.
    pub ruling: Ruling,
    /// What it draws of credit, in the order of the sources; nothing where it is
    /// not admitted.
    pub draws: Vec<Posting>,
}

/// What is decided of a list of events.
#[derive(Clone, Debug, Default)]
pub struct Decided {
    /// In the order of the events.
    pub verdicts: Vec<Verdict>,
    /// What all that are admitted post, as used.
    pub postings: Postings,
    /// Whether anything was drawn beyond the first source.
    pub is_pressed: bool,
}

impl Ruling {
    /// Whether no credit covers it.
    #[must_use]
    pub fn lacks_credit(&self) -> bool {
        let lacks = |objection: &Objection| matches!(objection, Objection::Credit { .. });
        self.objections.iter().any(lacks)
    }

    /// Whether anything that refuses it is held, or may be.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.lacks_credit() || self.violations.iter().any(|at| at.count.held > 0)
    }
}
