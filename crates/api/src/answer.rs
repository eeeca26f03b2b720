//! Answers about events.

use crate::denied::reason;
use crate::exchange::with_exchange;
use crate::figures::amount;
use crate::limits_json::limit_status;
use crate::problem::Problem;
use crate::usage::with_hash;
use serde_json::{Map, Value, json};
use tollgate_core::{Answer, Name, Priced, Ruling, Standpoint};

/// The answer to a recorded event (201) or its replay (200).
#[must_use]
pub fn recorded(
    event_id: &Name,
    answer: &Answer,
    operation: &Name,
    tier: &Name,
    replayed: bool,
    warnings: &[Standpoint],
    hash: Option<&str>,
) -> Value {
    let mut body = json!({
        "event_id": event_id.as_str(),
        "recorded": true,
        "replayed": replayed,
        "timestamp": answer.timestamp.to_string(),
        "operation": operation.as_str(),
        "tier": tier.as_str(),
        "cost": amount(answer.cost),
        "currency": answer.currency.code(),
        "rate_card": {"id": answer.card.id.as_str(), "version": answer.card.version},
        "decision": answer.decision.as_str(),
        "warnings": warnings.iter().map(limit_status).collect::<Vec<_>>(),
    });
    with_exchange(&mut body, &answer.card);
    with_hash(&mut body, hash);
    body
}

/// The answer to `POST /check`; `degraded` = the store was out of reach.
#[must_use]
pub fn checked(priced: &Priced, ruling: &Ruling, degraded: bool) -> Value {
    let mut body = json!({
        "decision": ruling.decision.as_str(),
        "reason": ruling.objections.first().map(reason),
        "cost": amount(priced.cost),
        "currency": priced.currency.code(),
        "rate_card": {"id": priced.card.id.as_str(), "version": priced.card.version},
        "limits": ruling.limits.iter().map(limit_status).collect::<Vec<_>>(),
    });
    with_exchange(&mut body, &priced.card);
    if degraded {
        with_degraded(&mut body);
    }
    body
}

/// Says that the store was out of reach and no limit was read.
pub fn with_degraded(body: &mut Value) {
    if let Some(body) = body.as_object_mut() {
        body.insert("degraded".to_owned(), true.into());
    }
}

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

/// One event of a batch.
#[derive(Clone, PartialEq, Debug)]
pub struct BatchRecord {
    /// Its id, where it had one.
    pub event_id: Option<Name>,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether it was voided since; of events of sealed batches alone.
    pub voided: Option<bool>,
}

impl Outcome {
    fn word(&self) -> &'static str {
        match self {
            Self::Recorded(_) => "recorded",
            Self::Replayed(_) | Self::Forgotten => "replayed",
            Self::Rejected(_) => "rejected",
        }
    }

    fn fields(&self) -> Value {
        match self {
            Self::Recorded(answer) | Self::Replayed(answer) => json!({
                "cost": amount(answer.cost),
                "currency": answer.currency.code(),
                "decision": answer.decision.as_str(),
            }),
            Self::Forgotten => json!({ "cost": null }),
            Self::Rejected(problem) => json!({"problem": problem.in_batch()}),
        }
    }
}

/// The answer to a batch, its results in the order of its events.
#[must_use]
pub fn batch(records: &[BatchRecord]) -> Value {
    let counted = |word: &str| {
        records
            .iter()
            .filter(|record| record.outcome.word() == word)
            .count()
    };
    let results: Vec<Value> = records.iter().enumerate().map(batch_result).collect();
    json!({
        "recorded": counted("recorded"),
        "replayed": counted("replayed"),
        "rejected": counted("rejected"),
        "results": results,
    })
}

fn batch_result((index, record): (usize, &BatchRecord)) -> Value {
    let mut result = Map::from_iter([
        ("index".to_owned(), Value::from(index)),
        (
            "event_id".to_owned(),
            record.event_id.as_ref().map(Name::as_str).into(),
        ),
        ("status".to_owned(), record.outcome.word().into()),
    ]);
    if let Value::Object(fields) = record.outcome.fields() {
        result.extend(fields);
    }
    if let Some(voided) = record.voided {
        result.insert("voided".to_owned(), voided.into());
    }
    Value::Object(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_core::{CardRef, Currency, Decision};

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn answer() -> Answer {
        Answer {
            timestamp: "2026-11-22T10:00:00Z".parse().unwrap(),
            timestamp_given: true,
            cost: "0.0015".parse().unwrap(),
            currency: Currency::USD,
            card: CardRef {
                id: name("default"),
                version: 1,
                exchange: None,
            },
            decision: Decision::Allow,
        }
    }

    #[test]
    fn a_recorded_event_is_answered_as_the_contract_says() {
        let body = recorded(
            &name("e1"),
            &answer(),
            &name("x"),
            &name("standard"),
            false,
            &[],
            Some("cdd0"),
        );
        let expected = json!({"event_id":"e1","recorded":true,"replayed":false,
            "timestamp":"2026-11-22T10:00:00Z","operation":"x","tier":"standard",
            "cost":"0.0015","currency":"USD",
            "rate_card":{"id":"default","version":1},"decision":"allow",
            "warnings":[],"constitutional_hash":"cdd0"});
        assert_eq!(body, expected);
        let without = recorded(
            &name("e1"),
            &answer(),
            &name("x"),
            &name("standard"),
            true,
            &[],
            None,
        );
        assert_eq!(without.get("constitutional_hash"), None);
    }

    #[test]
    fn a_batch_counts_its_outcomes_and_keeps_their_order() {
        let record = |id: Option<&str>, outcome| BatchRecord {
            event_id: id.map(name),
            outcome,
            voided: None,
        };
        let body = batch(&[
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
        assert_eq!(
            (&body["recorded"], &body["replayed"], &body["rejected"]),
            (&json!(1), &json!(1), &json!(1))
        );
        assert_eq!(
            body["results"][0],
            json!({"index":0,"event_id":"e1","status":"recorded","cost":"0.0015","currency":"USD",
                "decision":"allow"})
        );
        assert_eq!(body["results"][1]["event_id"], json!(null));
        assert_eq!(
            body["results"][1]["problem"]["errors"][0]["pointer"],
            json!("/events/1/units")
        );
        assert_eq!(body["results"][2]["status"], json!("replayed"));
    }
}
