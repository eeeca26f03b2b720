//! What became of one event.

use super::batch::Outgoing;
use crate::failure::Failure;
use crate::problem::Problem;
use tollgate_api::{BatchAnswer, BatchResult, BatchStatus};
use tollgate_core::{Amount, Currency, Decision};

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Its row in the file.
    pub(crate) row: u64,
    /// Its id.
    pub(crate) id: String,
    /// Its input tokens.
    pub(crate) tokens_in: u64,
    /// Its output tokens.
    pub(crate) tokens_out: u64,
    /// What the server did with it.
    pub(crate) status: Status,
}

/// What the server did with an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    /// It was counted now.
    Recorded(Priced),
    /// It had been counted before.
    Replayed(Priced),
    /// The same, and its price is purged since.
    Forgotten,
    /// It was not counted.
    Rejected(Problem),
}

/// The price of a counted event, and what its limits said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Priced {
    /// What it cost.
    pub(crate) cost: Amount,
    /// The currency of that.
    pub(crate) currency: Currency,
    /// What its limits said; `deny` only in observe mode.
    pub(crate) decision: Decision,
}

impl Outcome {
    /// The outcomes of `events` by the answer to their batch.
    pub(crate) fn of_batch(events: &[Outgoing], answer: BatchAnswer) -> Result<Vec<Self>, Failure> {
        if answer.results.len() != events.len() {
            let (sent, got) = (events.len(), answer.results.len());
            return Err(Failure::new(format!(
                "the server answered {got} results for {sent} events"
            )));
        }
        events
            .iter()
            .zip(answer.results)
            .map(|(event, result)| Self::of(event, result))
            .collect()
    }

    /// Whether the same event may succeed a little later.
    pub(crate) fn is_transient(&self) -> bool {
        match &self.status {
            Status::Rejected(problem) => problem.is_transient(),
            Status::Recorded(_) | Status::Replayed(_) | Status::Forgotten => false,
        }
    }

    fn of(event: &Outgoing, result: BatchResult) -> Result<Self, Failure> {
        let row = event.row;
        let status = Status::of(result);
        Ok(Self {
            row,
            id: event.id.clone(),
            tokens_in: event.tokens_in,
            tokens_out: event.tokens_out,
            status: status.ok_or_else(|| {
                Failure::new(format!(
                    "the server's answer for row {row} has neither a price nor a reason"
                ))
            })?,
        })
    }
}

impl Status {
    fn of(result: BatchResult) -> Option<Self> {
        match result.status {
            BatchStatus::Recorded => Priced::of(&result).map(Self::Recorded),
            BatchStatus::Replayed if result.cost.is_none() => Some(Self::Forgotten),
            BatchStatus::Replayed => Priced::of(&result).map(Self::Replayed),
            BatchStatus::Rejected => result.problem.map(|problem| Self::Rejected(problem.into())),
        }
    }
}

impl Priced {
    fn of(result: &BatchResult) -> Option<Self> {
        Some(Self {
            cost: result.cost?,
            currency: result.currency?,
            decision: result.decision.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_api::Problem;

    fn event(row: u64) -> Outgoing {
        Outgoing {
            row,
            id: format!("replay-{row}"),
            tokens_in: 2,
            tokens_out: 3,
            json: String::new(),
        }
    }

    fn result(status: BatchStatus) -> BatchResult {
        BatchResult {
            index: 0,
            event_id: None,
            status,
            cost: None,
            currency: None,
            decision: None,
            voided: false,
            problem: None,
        }
    }

    fn answer(results: Vec<BatchResult>) -> BatchAnswer {
        BatchAnswer {
            recorded: 0,
            replayed: 0,
            rejected: 0,
            results,
        }
    }

    #[test]
    fn every_event_has_its_outcome_in_order() {
        let recorded = BatchResult {
            cost: Amount::from_units(1),
            currency: Some(Currency::USD),
            decision: Some(Decision::Deny),
            ..result(BatchStatus::Recorded)
        };
        let rejected = BatchResult {
            problem: Some(Problem::invalid_event("/units", "is wrong").in_batch()),
            ..result(BatchStatus::Rejected)
        };
        let forgotten = result(BatchStatus::Replayed);
        let answer = answer(vec![recorded, rejected, forgotten]);
        let outcomes = Outcome::of_batch(&[event(8), event(9), event(10)], answer).unwrap();
        let Status::Recorded(priced) = &outcomes[0].status else {
            panic!("recorded")
        };
        assert_eq!(
            (priced.cost.to_string().as_str(), priced.decision),
            ("0.000000000000000001", Decision::Deny)
        );
        assert_eq!(outcomes[1].row, 9);
        assert!(matches!(
            &outcomes[1].status,
            Status::Rejected(problem) if problem.code == "invalid_event"
        ));
        assert_eq!(outcomes[2].status, Status::Forgotten);
    }

    #[test]
    fn an_answer_that_lacks_an_outcome_is_refused() {
        let (short, priceless) = (Vec::new(), vec![result(BatchStatus::Recorded)]);
        for results in [short, priceless, vec![result(BatchStatus::Rejected)]] {
            assert!(Outcome::of_batch(&[event(1)], answer(results)).is_err());
        }
    }
}
