//! What became of the events of a batch.

use crate::problem::{Problem, ProblemBody};
use serde::{Deserialize, Serialize};
use tollgate_core::{Amount, Answer, Currency, Decision, Name};

/// What became of one event of a batch.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// It was recorded.
    Recorded(Answer),
    /// It had been recorded before.
    Replayed(Answer),
    /// The same, and it is purged since.
    Forgotten,
    /// It was not recorded.
    Rejected(Problem),
}

/// The same in a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum BatchStatus {
    /// It was recorded.
    Recorded,
    /// It had been recorded before.
    Replayed,
    /// It was not recorded.
    Rejected,
}

/// One event of a batch.
#[derive(Clone, PartialEq, Debug)]
pub struct BatchRecord {
    /// Its id, where it had one.
    pub event_id: Option<Name>,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether it was voided since.
    pub voided: bool,
}

/// What became of the events of a batch.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BatchAnswer {
    /// How many were recorded.
    pub recorded: usize,
    /// How many had been before.
    pub replayed: usize,
    /// How many were not.
    pub rejected: usize,
    /// Each, in the order of the batch.
    pub results: Vec<BatchResult>,
}

/// What became of one event.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BatchResult {
    /// Its place in the batch.
    pub index: usize,
    /// Its id; null where it has none that the service knows.
    pub event_id: Option<Name>,
    /// What became of it.
    pub status: BatchStatus,
    /// What it cost; null where it was rejected, and where it is purged since.
    pub cost: Option<Amount>,
    /// The currency of the cost.
    pub currency: Option<Currency>,
    /// What was decided of it.
    pub decision: Option<Decision>,
    /// Whether it was voided since.
    pub voided: bool,
    /// Why it was rejected, with the first violation only.
    pub problem: Option<ProblemBody>,
}

impl BatchAnswer {
    /// The answer, its results in the order of the events.
    #[must_use]
    pub fn new(records: &[BatchRecord]) -> Self {
        let results: Vec<_> = records.iter().enumerate().map(result).collect();
        let count = |status| {
            let of_it = results.iter().filter(|result| result.status == status);
            of_it.count()
        };
        Self {
            recorded: count(BatchStatus::Recorded),
            replayed: count(BatchStatus::Replayed),
            rejected: count(BatchStatus::Rejected),
            results,
        }
    }
}

fn result((index, record): (usize, &BatchRecord)) -> BatchResult {
    let (status, answer, problem) = match &record.outcome {
        Outcome::Recorded(answer) => (BatchStatus::Recorded, Some(answer), None),
        Outcome::Replayed(answer) => (BatchStatus::Replayed, Some(answer), None),
        Outcome::Forgotten => (BatchStatus::Replayed, None, None),
        Outcome::Rejected(problem) => (BatchStatus::Rejected, None, Some(problem.in_batch())),
    };
    BatchResult {
        index,
        event_id: record.event_id.clone(),
        status,
        cost: answer.map(|answer| answer.cost),
        currency: answer.map(|answer| answer.currency),
        decision: answer.map(|answer| answer.decision),
        voided: record.voided,
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tollgate_core::CardRef;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn answer() -> Answer {
        Answer {
            timestamp: "2026-11-22T10:00:00Z".parse().unwrap(),
            timestamp_given: true,
            cost: "0.0015".parse().unwrap(),
            currency: Currency::USD,
            card: Some(CardRef {
                id: name("default"),
                version: 1,
                over: 0,
                exchange: None,
            }),
            decision: Decision::Allow,
        }
    }

    #[test]
    fn a_batch_counts_its_outcomes_and_keeps_their_order() {
        let record = |id: Option<&str>, outcome| BatchRecord {
            event_id: id.map(name),
            outcome,
            voided: false,
        };
        let body = BatchAnswer::new(&[
            record(Some("e1"), Outcome::Recorded(answer())),
            record(
                None,
                Outcome::Rejected(Problem::invalid_event(
                    "/events/1/units",
                    "must not be negative",
                )),
            ),
            record(Some("e1"), Outcome::Replayed(answer())),
        ]);
        let body = serde_json::to_value(body).unwrap();
        assert_eq!(
            (&body["recorded"], &body["replayed"], &body["rejected"]),
            (&json!(1), &json!(1), &json!(1))
        );
        assert_eq!(
            body["results"][0],
            json!({"index":0,"event_id":"e1","status":"recorded","cost":"0.0015","currency":"USD",
                "decision":"allow","voided":false,"problem":null})
        );
        assert_eq!(body["results"][1]["event_id"], json!(null));
        assert_eq!(
            body["results"][1]["problem"]["errors"][0]["pointer"],
            json!("/events/1/units")
        );
        assert_eq!(body["results"][2]["status"], json!("replayed"));
    }
}
