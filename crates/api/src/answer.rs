//! Answers about events.

use crate::denied::reason;
use crate::exchange::with_exchange;
use crate::figures::amount;
use crate::limits_json::limit_status;
use crate::problem::Problem;
use crate::usage::with_hash;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use tollgate_core::{
    Amount, Answer, Currency, ExchangeRate, Instant, Name, Priced, Ruling, Standpoint, Stored,
};

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
}

impl Outcome {
    fn word(&self) -> &'static str {
        match self {
            Self::Recorded(_) => "recorded",
            Self::Replayed(_) => "replayed",
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
    Value::Object(result)
}

/// An event as lists show it: the shape that it was sent in, what it cost and
/// when it came. Fields that it lacks are left out; the figures of one that
/// voids another have a minus. Raw, as its metadata keeps numbers that no
/// `Value` holds.
#[must_use]
pub fn stored_event(
    stored: &Stored,
    received: Instant,
    tenant: &Name,
    currency: Currency,
) -> Box<RawValue> {
    raw(&shown(stored, received, tenant, currency))
}

/// The same of an event asked for alone, which says whether it was voided.
#[must_use]
pub fn single_event(
    stored: &Stored,
    received: Instant,
    tenant: &Name,
    currency: Currency,
    voided: bool,
) -> Box<RawValue> {
    raw(&StoredEvent {
        voided: voided.then_some(true),
        ..shown(stored, received, tenant, currency)
    })
}

fn shown<'a>(
    stored: &'a Stored,
    received: Instant,
    tenant: &'a Name,
    currency: Currency,
) -> StoredEvent<'a> {
    let event = &stored.event;
    let d = &event.dimensions;
    let totals = stored.totals();
    StoredEvent {
        id: &event.id,
        tenant_id: tenant,
        timestamp: event.timestamp,
        operation: &d.operation,
        tier: &d.tier,
        units: totals.units,
        tokens_in: totals.tokens_in,
        tokens_out: totals.tokens_out,
        cached_tokens_in: totals.cached_tokens_in,
        tokens_processed: totals.tokens_processed,
        api_calls: totals.api_calls,
        duration_ms: totals.duration_ms,
        data_bytes: totals.data_bytes,
        latency_ms: event.latency_ms,
        compliance_score: event.compliance_score,
        agent_id: d.agent.as_ref(),
        consumer_id: d.consumer.as_ref(),
        session_id: d.session.as_ref(),
        task_id: event.task.as_ref(),
        tool_server: d.tool_server.as_ref(),
        tool_name: d.tool_name.as_ref(),
        model: d.model.as_ref(),
        provider: event.provider.as_ref(),
        budget_node: d.node.as_ref(),
        cost_override: stored.signed_override(),
        metadata: event
            .metadata
            .as_deref()
            .and_then(|text| serde_json::from_str(text).ok()),
        cost: stored.signed_cost(),
        currency,
        rate_card: CardVersion {
            id: &stored.card.id,
            version: stored.card.version,
        },
        exchange_rate: stored.card.exchange,
        decision: stored.decision.as_str(),
        received_at: received,
        voids: stored.voids.as_ref(),
        voided: None,
    }
}

#[derive(Serialize)]
struct StoredEvent<'a> {
    id: &'a Name,
    tenant_id: &'a Name,
    timestamp: Instant,
    operation: &'a Name,
    tier: &'a Name,
    units: i128,
    tokens_in: i128,
    tokens_out: i128,
    cached_tokens_in: i128,
    tokens_processed: i128,
    api_calls: i128,
    duration_ms: i128,
    data_bytes: i128,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<Amount>,
    compliance_score: Amount,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_id: Option<&'a Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumer_id: Option<&'a Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<&'a Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_server: Option<&'a Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_name: Option<&'a Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'a Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget_node: Option<&'a Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_override: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
    cost: Amount,
    currency: Currency,
    rate_card: CardVersion<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange_rate: Option<ExchangeRate>,
    decision: &'a str,
    received_at: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    voids: Option<&'a Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    voided: Option<bool>,
}

#[derive(Serialize)]
struct CardVersion<'a> {
    id: &'a Name,
    version: u32,
}

/// A page of a list: `{data, count, next_cursor}`.
#[must_use]
pub fn list<T: Serialize>(data: &[T], next_cursor: Option<&str>) -> Box<RawValue> {
    raw(&Page {
        data,
        count: data.len(),
        next_cursor,
    })
}

#[derive(Serialize)]
struct Page<'a, T> {
    data: &'a [T],
    count: usize,
    next_cursor: Option<&'a str>,
}

/// Names, numbers and strings always have a JSON form, so null never shows.
fn raw(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::parse_event;
    use tollgate_core::{CardRef, Decision};

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
        let expected = json!({"event_id":"e1","recorded":true,"replayed":false,"timestamp":"2026-11-22T10:00:00Z","operation":"x",
            "tier":"standard","cost":"0.0015","currency":"USD","rate_card":{"id":"default","version":1},"decision":"allow",
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
            json!({"index":0,"event_id":"e1","status":"recorded","cost":"0.0015","currency":"USD","decision":"allow"})
        );
        assert_eq!(body["results"][1]["event_id"], json!(null));
        assert_eq!(
            body["results"][1]["problem"]["errors"][0]["pointer"],
            json!("/events/1/units")
        );
        assert_eq!(body["results"][2]["status"], json!("replayed"));
    }

    #[test]
    fn a_stored_event_can_be_sent_again_but_for_what_was_added() {
        let sent = r#"{"operation":"x","units":3,"latency_ms":"1.5","agent_id":"a1","budget_node":"n1","metadata":{"n":[1e400,12345678901234567890123]}}"#;
        let event = parse_event(sent.as_bytes())
            .unwrap()
            .into_event(name("e1"), Instant::EPOCH);
        let stored = Stored {
            event: event.clone(),
            cost: Amount::ZERO,
            card: answer().card,
            decision: Decision::Warn,
            voids: None,
        };
        let shown = stored_event(&stored, Instant::EPOCH, &name("acme"), Currency::USD);
        assert!(
            shown
                .get()
                .contains(r#""metadata":{"n":[1e400,12345678901234567890123]}"#),
            "{shown}"
        );
        let cut = shown
            .get()
            .split(r#","cost":"0","currency":"USD","rate_card":"#)
            .next()
            .unwrap();
        let again = parse_event(format!("{cut}}}").as_bytes()).unwrap();
        assert_eq!(again.id, Some(name("e1")));
        assert_eq!(again.into_event(name("e1"), Instant::EPOCH), event);
        let page = list(&[shown], Some("next"));
        assert!(
            page.get().ends_with(r#"],"count":1,"next_cursor":"next"}"#),
            "{page}"
        );
    }
}
