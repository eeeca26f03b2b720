//! Whether an event would be accepted.

use crate::problem::{FieldError, Problem};
use serde::{Deserialize, Serialize};
use tollgate_core::{Amount, Currency, Event, Name, Priced};

/// Whether an event would be accepted, and its price; else what is wrong with it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Validity {
    /// Whether it would be.
    pub valid: bool,
    /// The task.
    pub task_id: Option<Name>,
    /// The agent.
    pub agent_id: Option<Name>,
    /// The consumer.
    pub consumer_id: Option<Name>,
    /// What it would cost, exact.
    pub cost: Option<Amount>,
    /// The currency of the cost.
    pub currency: Option<Currency>,
    /// All that is wrong with it.
    pub errors: Vec<FieldError>,
}

impl Validity {
    /// It would be accepted at this price.
    #[must_use]
    pub fn accepted(event: &Event, priced: &Priced) -> Self {
        Self {
            valid: true,
            task_id: event.task.clone(),
            agent_id: event.dimensions.agent.clone(),
            consumer_id: event.dimensions.consumer.clone(),
            cost: Some(priced.cost),
            currency: Some(priced.currency),
            errors: Vec::new(),
        }
    }

    /// It would be refused with this problem.
    #[must_use]
    pub fn refused(problem: &Problem) -> Self {
        let mut errors = problem.errors.clone();
        if errors.is_empty() {
            errors.push(FieldError::new("", problem.detail.clone()));
        }
        Self {
            valid: false,
            task_id: None,
            agent_id: None,
            consumer_id: None,
            cost: None,
            currency: None,
            errors,
        }
    }
}
