//! What became of one event.

use super::batch::Outgoing;
use crate::failure::Failure;
use crate::problem::Problem;
use serde_json::Value;
use tollgate_core::{Amount, Decision};

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
    pub(crate) currency: String,
    /// What its limits said; `deny` only in observe mode.
    pub(crate) decision: Decision,
}

impl Outcome {
    /// The outcomes of `events` by the body of a batch's answer.
    pub(crate) fn of_batch(events: &[Outgoing], answer: &Value) -> Result<Vec<Self>, Failure> {
        let results = answer["results"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        if results.len() != events.len() {
            let (sent, got) = (events.len(), results.len());
            return Err(Failure::new(format!(
                "the server answered {got} results for {sent} events"
            )));
        }
        events
            .iter()
            .zip(results)
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

    fn of(event: &Outgoing, result: &Value) -> Result<Self, Failure> {
        let status = match result["status"].as_str() {
            Some("recorded") => Priced::of(result).map(Status::Recorded),
            Some("replayed") if result["cost"].is_null() => Some(Status::Forgotten),
            Some("replayed") => Priced::of(result).map(Status::Replayed),
            Some("rejected") => Some(Status::Rejected(Problem::inside(&result["problem"]))),
            _ => None,
        };
        let row = event.row;
        Ok(Self {
            row,
            id: event.id.clone(),
            tokens_in: event.tokens_in,
            tokens_out: event.tokens_out,
            status: status.ok_or_else(|| {
                Failure::new(format!(
                    "the server's answer for row {row} cannot be read: {result}"
                ))
            })?,
        })
    }
}

impl Priced {
    fn of(result: &Value) -> Option<Self> {
        Some(Self {
            cost: serde_json::from_value(result["cost"].clone()).ok()?,
            currency: result["currency"].as_str()?.to_string(),
            decision: serde_json::from_value(result["decision"].clone()).unwrap_or(Decision::Allow),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(row: u64) -> Outgoing {
        Outgoing {
            row,
            id: format!("replay-{row}"),
            tokens_in: 2,
            tokens_out: 3,
            json: String::new(),
        }
    }

    #[test]
    fn every_event_has_its_outcome_in_order() {
        let answer = json!({"results":[
            {"index":0,"status":"recorded","cost":"0.000000000000000001","currency":"USD",
             "decision":"deny","problem":null},
            {"index":1,"status":"rejected","cost":null,
             "problem":{"status":422,"code":"invalid_event","detail":"no"}},
        ]});
        let outcomes = Outcome::of_batch(&[event(8), event(9)], &answer).unwrap();
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
            Status::Rejected(problem) if problem.code() == "invalid_event"
        ));
    }

    #[test]
    fn an_answer_of_another_shape_is_refused() {
        let short = json!({"results":[]});
        assert!(Outcome::of_batch(&[event(1)], &short).is_err());
        let priceless = json!({"results":[{"status":"recorded","cost":null}]});
        assert!(Outcome::of_batch(&[event(1)], &priceless).is_err());
    }
}
