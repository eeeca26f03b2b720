//! The sums over all outcomes.

use super::outcome::{Outcome, Priced, Status};
use crate::failure::Failure;
use crate::problem::Problem;
use std::collections::BTreeMap;
use tollgate_core::{Amount, Currency, Decision};

/// The sums over all outcomes so far, in whatever order they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Events counted now.
    pub(crate) recorded: u64,
    /// Events that had been counted before.
    pub(crate) replayed: u64,
    /// Events not counted.
    pub(crate) rejected: u64,
    /// Rejected events that a limit refused.
    pub(crate) denied: u64,
    /// Counted events that stand past a hard limit.
    pub(crate) past_limits: u64,
    /// Input tokens sent.
    pub(crate) tokens_in: u64,
    /// Output tokens sent.
    pub(crate) tokens_out: u64,
    /// The cost of what was counted now.
    pub(crate) cost_recorded: Amount,
    /// The cost of all that is counted, now or before.
    pub(crate) cost: Amount,
    /// The tenant's currency, once a cost is known.
    pub(crate) currency: Option<Currency>,
    /// The rejections of the lowest rows, by row: id and reason.
    pub(crate) rejections: BTreeMap<u64, (String, Problem)>,
}

/// How many rejections are kept to be shown.
pub(crate) const REJECTIONS_SHOWN_MAX: usize = 5;

impl Tally {
    /// Adds `outcomes`.
    pub(crate) fn add(&mut self, outcomes: Vec<Outcome>) -> Result<(), Failure> {
        outcomes
            .into_iter()
            .try_for_each(|outcome| self.add_one(outcome))
    }

    /// How many events were sent.
    pub(crate) fn sent(&self) -> u64 {
        self.recorded
            .saturating_add(self.replayed)
            .saturating_add(self.rejected)
    }

    /// Whether a rule, not a limit, refused every event.
    pub(crate) fn is_all_refused(&self) -> bool {
        self.rejected > self.denied && self.rejected == self.sent()
    }

    fn add_one(&mut self, outcome: Outcome) -> Result<(), Failure> {
        self.tokens_in = sum(self.tokens_in, outcome.tokens_in)?;
        self.tokens_out = sum(self.tokens_out, outcome.tokens_out)?;
        match outcome.status {
            Status::Recorded(priced) => {
                self.recorded = sum(self.recorded, 1)?;
                self.cost_recorded = total(self.cost_recorded, priced.cost)?;
                self.price(priced)
            }
            Status::Replayed(priced) => {
                self.replayed = sum(self.replayed, 1)?;
                self.price(priced)
            }
            Status::Forgotten => {
                self.replayed = sum(self.replayed, 1)?;
                Ok(())
            }
            Status::Rejected(problem) => self.reject(outcome.row, outcome.id, problem),
        }
    }

    fn price(&mut self, priced: Priced) -> Result<(), Failure> {
        self.cost = total(self.cost, priced.cost)?;
        self.past_limits = sum(
            self.past_limits,
            u64::from(priced.decision == Decision::Deny),
        )?;
        match &self.currency {
            Some(currency) if *currency != priced.currency => Err(Failure::new(format!(
                "the server priced in {currency} and in {}, which have no sum",
                priced.currency
            ))),
            _ => {
                self.currency = Some(priced.currency);
                Ok(())
            }
        }
    }

    fn reject(&mut self, row: u64, id: String, problem: Problem) -> Result<(), Failure> {
        self.rejected = sum(self.rejected, 1)?;
        self.denied = sum(self.denied, u64::from(problem.is_denial()))?;
        self.rejections.insert(row, (id, problem));
        if self.rejections.len() > REJECTIONS_SHOWN_MAX {
            self.rejections.pop_last();
        }
        Ok(())
    }
}

fn sum(a: u64, b: u64) -> Result<u64, Failure> {
    a.checked_add(b)
        .ok_or_else(|| Failure::new("the sum of tokens is out of range"))
}

fn total(a: Amount, b: Amount) -> Result<Amount, Failure> {
    a.checked_add(b)
        .ok_or_else(|| Failure::new("the sum of costs is out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn priced(cost: &str, currency: &str) -> Priced {
        Priced {
            cost: cost.parse().unwrap(),
            currency: currency.parse().unwrap(),
            decision: Decision::Allow,
        }
    }

    fn outcome(row: u64, status: Status) -> Outcome {
        Outcome {
            row,
            id: format!("replay-{row}"),
            tokens_in: 2,
            tokens_out: 1,
            status,
        }
    }

    fn rejected(row: u64, status: u16) -> Outcome {
        outcome(row, Status::Rejected(Problem::read(status, "{}")))
    }

    #[test]
    fn costs_are_summed_exactly() {
        let mut tally = Tally::default();
        let tenth = || Status::Recorded(priced("0.1", "USD"));
        tally
            .add((0..3).map(|row| outcome(row, tenth())).collect())
            .unwrap();
        tally
            .add(vec![outcome(
                3,
                Status::Replayed(priced("0.000000000000001", "USD")),
            )])
            .unwrap();
        assert_eq!(tally.cost_recorded.to_string(), "0.3");
        assert_eq!(tally.cost.to_string(), "0.300000000000001");
        assert_eq!((tally.sent(), tally.tokens_in, tally.tokens_out), (4, 8, 4));
    }

    #[test]
    fn the_lowest_rejected_rows_are_kept_whatever_the_order() {
        let mut tally = Tally::default();
        for row in [90, 3, 80, 1, 70, 2, 60, 4] {
            tally.add(vec![rejected(row, 422)]).unwrap();
        }
        assert_eq!(
            tally.rejections.keys().copied().collect::<Vec<_>>(),
            [1, 2, 3, 4, 60]
        );
        assert_eq!(tally.rejected, 8);
    }

    #[test]
    fn a_denial_by_a_limit_is_no_refusal_of_everything() {
        let mut tally = Tally::default();
        tally.add(vec![rejected(1, 429), rejected(2, 402)]).unwrap();
        assert!(!tally.is_all_refused());
        tally.add(vec![rejected(3, 422)]).unwrap();
        assert!(tally.is_all_refused());
    }

    #[test]
    fn two_currencies_have_no_sum() {
        let mut tally = Tally::default();
        let mixed = vec![
            outcome(1, Status::Recorded(priced("1", "USD"))),
            outcome(2, Status::Recorded(priced("1", "EUR"))),
        ];
        assert!(tally.add(mixed).is_err());
    }
}
