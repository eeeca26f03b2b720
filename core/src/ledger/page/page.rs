//! Pages: the stored form of the events of one write.

use crate::event::event::Event;
use crate::event::name::Name;
use crate::event::totals::Totals;
use crate::ledger::posting::Posting;
use crate::limit::decision::Decision;
use crate::money::amount::Amount;
use crate::money::currency::Currency;
use crate::price::draft::Draft;
use crate::price::priced::CardRef;
use crate::time::instant::Instant;
use alloc::vec::Vec;

/// The events that one transaction recorded. Only erasing a
/// name changes it, and only that name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// When the service received them.
    pub received: Instant,
    /// The configuration version under which they were decided.
    pub config_version: u64,
    /// The currency of all costs.
    pub currency: Currency,
    /// The events, in the order they were admitted.
    pub events: Vec<Stored>,
    /// What is kept of them beside, if they are a sealed batch's, which have no
    /// markers.
    pub sealed: Option<Sealed>,
}

/// What a page keeps of events of a sealed batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sealed {
    /// The batch.
    pub batch: Name,
    /// Of each event, in the order of the page's.
    pub events: Vec<SealedEvent>,
}

/// One of a sealed batch's events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedEvent {
    /// Its place in the batch, from 0.
    pub index: u32,
    /// What it took of credit.
    pub draws: Vec<Posting>,
}

/// An event as it was recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    /// What was used.
    pub event: Event,
    /// What it cost, unrounded.
    pub cost: Amount,
    /// By which card version; `None` = nothing had a price for it.
    pub card: Option<CardRef>,
    /// What was decided.
    pub decision: Decision,
    /// The event that this one takes back: then all figures, which are as that
    /// event has them, count with a minus.
    pub voids: Option<Name>,
}

impl Stored {
    /// `draft` as it is recorded.
    #[must_use]
    pub fn of(draft: &Draft, decision: Decision) -> Self {
        Self {
            event: draft.event.clone(),
            cost: draft.priced.cost,
            card: draft.priced.card.clone(),
            decision,
            voids: None,
        }
    }

    /// What it adds to spending: where it voids an event, its cost with a minus.
    #[must_use]
    pub fn signed_cost(&self) -> Amount {
        if self.voids.is_some() {
            self.cost.negated()
        } else {
            self.cost
        }
    }

    /// The cost that was given with it: where it voids an event, with a minus.
    #[must_use]
    pub fn signed_override(&self) -> Option<Amount> {
        let given = self.event.cost_override;
        if self.voids.is_some() {
            given.map(Amount::negated)
        } else {
            given
        }
    }

    /// What it adds up to: where it voids an event, its figures with a minus.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let totals = Totals::of(&self.event, self.cost);
        if self.voids.is_some() {
            totals.negated()
        } else {
            totals
        }
    }
}
