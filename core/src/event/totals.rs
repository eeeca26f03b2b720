//! Sums over events.

use crate::event::event::Event;
use crate::event::quantities::{Component, Quantities};
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
    /// Σ units.
    pub units: i128,
    /// Σ input tokens.
    pub tokens_in: i128,
    /// Σ output tokens.
    pub tokens_out: i128,
    /// Σ cached input tokens.
    pub cached_tokens_in: i128,
    /// Σ other tokens.
    pub tokens_processed: i128,
    /// Σ calls.
    pub api_calls: i128,
    /// Σ milliseconds worked.
    pub duration_ms: i128,
    /// Σ bytes.
    pub data_bytes: i128,
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
            units: self.units.saturating_neg(),
            tokens_in: self.tokens_in.saturating_neg(),
            tokens_out: self.tokens_out.saturating_neg(),
            cached_tokens_in: self.cached_tokens_in.saturating_neg(),
            tokens_processed: self.tokens_processed.saturating_neg(),
            api_calls: self.api_calls.saturating_neg(),
            duration_ms: self.duration_ms.saturating_neg(),
            data_bytes: self.data_bytes.saturating_neg(),
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
        add_quantity(&mut self.units, other.units)?;
        add_quantity(&mut self.tokens_in, other.tokens_in)?;
        add_quantity(&mut self.tokens_out, other.tokens_out)?;
        add_quantity(&mut self.cached_tokens_in, other.cached_tokens_in)?;
        add_quantity(&mut self.tokens_processed, other.tokens_processed)?;
        add_quantity(&mut self.api_calls, other.api_calls)?;
        add_quantity(&mut self.duration_ms, other.duration_ms)?;
        add_quantity(&mut self.data_bytes, other.data_bytes)?;
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
        self.tokens_in
            .saturating_add(self.tokens_out)
            .saturating_add(self.tokens_processed)
    }

    /// Σ of what `component` prices.
    #[must_use]
    pub fn priced_by(&self, component: Component) -> i128 {
        match component {
            Component::Unit => self.units,
            Component::TokenIn => self.tokens_in,
            Component::CachedTokenIn => self.cached_tokens_in,
            Component::TokenOut => self.tokens_out,
            Component::TokenProcessed => self.tokens_processed,
            Component::ApiCall => self.api_calls,
            Component::DurationMs => self.duration_ms,
            Component::DataByte => self.data_bytes,
        }
    }
}

/// What one event uses, and nothing else of it.
impl From<&Quantities> for Totals {
    fn from(used: &Quantities) -> Self {
        Self {
            events: 1,
            units: i128::from(used.units),
            tokens_in: i128::from(used.tokens_in),
            tokens_out: i128::from(used.tokens_out),
            cached_tokens_in: i128::from(used.cached_tokens_in),
            tokens_processed: i128::from(used.tokens_processed),
            api_calls: i128::from(used.api_calls),
            duration_ms: i128::from(used.duration_ms),
            data_bytes: i128::from(used.data_bytes),
            ..Self::default()
        }
    }
}

fn add_count(sum: &mut i64, more: i64) -> Result<(), Overflow> {
    *sum = sum.checked_add(more).ok_or(Overflow)?;
    Ok(())
}

fn add_quantity(sum: &mut i128, more: i128) -> Result<(), Overflow> {
    *sum = sum.checked_add(more).ok_or(Overflow)?;
    Ok(())
}

fn add_amount(sum: &mut Amount, more: Amount) -> Result<(), Overflow> {
    *sum = sum.checked_add(more).ok_or(Overflow)?;
    Ok(())
}
