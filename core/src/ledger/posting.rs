//! Postings: so much on one figure of one counter, used or held.

use crate::ledger::attribute::Figure;
use crate::limit::counter::CounterKey;
use serde::{Deserialize, Serialize};

/// So much moves on one figure of one counter. Recording posts what is used, a
/// hold what is held; what ends a hold, and what takes an event back, posts the
/// same with a minus.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Posting {
    /// The counter.
    pub counter: CounterKey,
    /// Which of its figures.
    pub figure: Figure,
    /// What is used, in units of the measure.
    pub used: i128,
    /// What is held.
    pub held: i128,
}

impl Posting {
    /// `amount` used.
    #[must_use]
    pub fn used(counter: CounterKey, figure: Figure, amount: i128) -> Self {
        Self {
            counter,
            figure,
            used: amount,
            held: 0,
        }
    }

    /// What is used of it, held instead.
    #[must_use]
    pub fn into_held(self) -> Self {
        let held = self.held.saturating_add(self.used);
        Self {
            used: 0,
            held,
            ..self
        }
    }

    /// What undoes it.
    #[must_use]
    pub fn negated(&self) -> Self {
        let (used, held) = (self.used.saturating_neg(), self.held.saturating_neg());
        Self {
            used,
            held,
            ..self.clone()
        }
    }
}
