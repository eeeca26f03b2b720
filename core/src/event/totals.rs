//! Sums over events.

use crate::event::event::Event;
use crate::event::quantities::{Component, Quantities, Table};
use crate::money::amount::Amount;
use crate::money::sum::Sum;
use serde::{Deserialize, Serialize};

/// A sum left the range of exact arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the total is out of range")]
pub struct Overflow;

/// Sums over any number of events, less those that were voided; adding is
/// associative and commutative. A part of what was recorded may hold more voids
/// than events, and then is negative.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Events.
    pub events: i64,
    /// Events without a `task_id`, each a task of its own.
    pub taskless: i64,
    /// Σ of each quantity.
    pub quantities: Table<i128>,
    /// Σ cost.
    pub cost: Sum,
    /// Σ latency over the events that carry one.
    pub latency_ms: Sum,
    /// How many carry one.
    pub latency_events: i64,
    /// Σ compliance score.
    pub compliance_score: Amount,
}

impl Totals {
    /// The totals of one event that cost `cost`.
    #[must_use]
    pub fn of(event: &Event, cost: Amount) -> Self {
        Self {
            taskless: i64::from(event.task.is_none()),
            cost: Sum::from(cost),
            latency_ms: event.latency_ms.map(Sum::from).unwrap_or_default(),
            latency_events: i64::from(event.latency_ms.is_some()),
            compliance_score: event.compliance_score,
            ..Self::from(&event.quantities)
        }
    }

    /// The same against it.
    #[must_use]
    pub fn negated(self) -> Self {
        Self {
            events: self.events.saturating_neg(),
            taskless: self.taskless.saturating_neg(),
            quantities: self.quantities.map(i128::saturating_neg),
            cost: self.cost.negated(),
            latency_ms: self.latency_ms.negated(),
            latency_events: self.latency_events.saturating_neg(),
            compliance_score: self.compliance_score.negated(),
        }
    }

    /// Adds `other`.
    ///
    /// # Errors
    /// [`Overflow`], which leaves `self` in an unspecified state.
    pub fn add(&mut self, other: &Self) -> Result<(), Overflow> {
        add_count(&mut self.events, other.events)?;
        add_count(&mut self.taskless, other.taskless)?;
        add_count(&mut self.latency_events, other.latency_events)?;
        for (sum, more) in self.quantities.0.iter_mut().zip(other.quantities.0) {
            *sum = sum.checked_add(more).ok_or(Overflow)?;
        }
        self.cost.add(other.cost);
        self.latency_ms.add(other.latency_ms);
        add_amount(&mut self.compliance_score, other.compliance_score)
    }

    /// Σ cost as an amount.
    ///
    /// # Errors
    /// [`Overflow`] where it is out of range.
    pub fn cost(&self) -> Result<Amount, Overflow> {
        self.cost.to_amount().ok_or(Overflow)
    }

    /// `tokens_in + tokens_out + tokens_processed`.
    #[must_use]
    pub fn tokens(&self) -> i128 {
        let tokens = [
            Component::TokenIn,
            Component::TokenOut,
            Component::TokenProcessed,
        ];
        let sums = tokens.map(|component| self.priced_by(component));
        sums.into_iter().fold(0, i128::saturating_add)
    }

    /// Σ of what `component` prices.
    #[must_use]
    pub fn priced_by(&self, component: Component) -> i128 {
        self.quantities.of(component)
    }
}

/// What one event uses, and nothing else of it.
impl From<&Quantities> for Totals {
    fn from(used: &Quantities) -> Self {
        Self {
            events: 1,
            quantities: used.to_table().map(i128::from),
            ..Self::default()
        }
    }
}

fn add_count(sum: &mut i64, more: i64) -> Result<(), Overflow> {
    *sum = sum.checked_add(more).ok_or(Overflow)?;
    Ok(())
}

fn add_amount(sum: &mut Amount, more: Amount) -> Result<(), Overflow> {
    *sum = sum.checked_add(more).ok_or(Overflow)?;
    Ok(())
}
