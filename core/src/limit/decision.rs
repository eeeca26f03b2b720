//! What is decided of an event, and what refuses it apart from limits.

use crate::event::name::Name;
use crate::money::currency::Currency;
use crate::words::words;

words! {
    /// What was decided of an event.
    #[derive(Default)]
    pub enum Decision {
        /// Within all limits.
        #[default]
        Allow = "allow",
        /// Past a soft limit.
        Warn = "warn",
        /// Past a hard limit: refused, or in observe mode recorded all the same.
        Deny = "deny",
    }
}

/// Whether limits hold or only look on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// An event past a hard limit is not recorded.
    Enforce,
    /// An event that has already happened is recorded past any limit, and says so.
    Observe,
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

words! {
    /// What refuses an event apart from limits, in a word.
    pub enum ObjectionReason {
        /// The tenant needs a plan and has none.
        NoPlan = "no_plan",
        /// Its subscription is cancelled.
        SubscriptionCancelled = "subscription_cancelled",
        /// A node of the tree of budgets is disabled.
        NodeDisabled = "node_disabled",
        /// No credit covers it.
        CreditExhausted = "credit_exhausted",
    }
}

impl Objection {
    /// The same in a word.
    #[must_use]
    pub fn reason(&self) -> ObjectionReason {
        match self {
            Self::NoPlan => ObjectionReason::NoPlan,
            Self::Cancelled => ObjectionReason::SubscriptionCancelled,
            Self::NodeDisabled(_) => ObjectionReason::NodeDisabled,
            Self::Credit { .. } => ObjectionReason::CreditExhausted,
        }
    }
}
