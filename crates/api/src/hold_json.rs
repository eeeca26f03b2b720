//! Holds in answers.

use crate::exchange::with_exchange;
use crate::figures::{amount, limit_value};
use crate::limits_json::limit_status;
use crate::usage::with_hash;
use serde_json::{Map, Value, json};
use tollgate_core::{Closing, Event, Hold, Instant, Measure, Name, Standpoint};

/// A hold as it is at `now`.
#[must_use]
pub fn hold_json(hold: &Hold, now: Instant, hash: Option<&str>) -> Value {
    let event = &hold.estimate.event;
    let (ended, booked) = match &hold.closing {
        None => (None, None),
        Some(Closing::Released(at) | Closing::Expired(at)) => (Some(*at), None),
        Some(Closing::Captured { at, event, .. }) => (Some(*at), Some(event.as_str())),
    };
    let mut body = json!({
        "hold_id": hold.id().as_str(),
        "state": hold.state(now).as_str(),
        "timestamp": event.timestamp.to_string(),
        "operation": event.dimensions.operation.as_str(),
        "tier": event.dimensions.tier.as_str(),
        "tokens_out": event.quantities.tokens_out,
        "max_tokens_out": hold.max_tokens_out,
        "cost": amount(hold.estimate.cost),
        "currency": hold.currency.code(),
        "rate_card": {"id": hold.estimate.card.id.as_str(), "version": hold.estimate.card.version},
        "decision": hold.estimate.decision.as_str(),
        "created_at": hold.created.to_string(),
        "expires_at": hold.expires.to_string(),
        "ended_at": ended.map(|at| at.to_string()),
        "event_id": booked,
    });
    with_exchange(&mut body, &hold.estimate.card);
    with_hash(&mut body, hash);
    body
}

/// The answer to `POST /holds`: the hold, and the limits as it found them; none
/// on a replay.
#[must_use]
pub fn taken(
    hold: &Hold,
    now: Instant,
    replayed: bool,
    limits: &[Standpoint],
    hash: Option<&str>,
) -> Value {
    let mut body = hold_json(hold, now, hash);
    if let Some(body) = body.as_object_mut() {
        body.insert("replayed".to_owned(), replayed.into());
        body.insert(
            "limits".to_owned(),
            limits.iter().map(limit_status).collect(),
        );
    }
    body
}

/// Adds to the answer about the event that a capture booked whether the hold's
/// time was over, and which tier its card lacks: it is booked at the hold's.
pub fn with_lateness(answer: &mut Value, late: bool, lacks_tier: Option<&Name>) {
    let Some(answer) = answer.as_object_mut() else {
        return;
    };
    answer.insert("late".to_owned(), late.into());
    let warnings = answer.get_mut("warnings").and_then(Value::as_array_mut);
    if let (Some(warnings), Some(tier)) = (warnings, lacks_tier) {
        warnings.push(json!({ "code": "unknown_tier", "tier": tier }));
    }
}

/// Adds to the answer about the event that a capture booked what the hold did
/// not need and what it lacked, by measure.
pub fn with_settlement(answer: &mut Value, hold: &Hold, used: &Event, cost: tollgate_core::Amount) {
    let (mut released, mut overage) = (Map::new(), Map::new());
    for (measure, left, above) in hold.settlement(used, cost.units()) {
        let figure = |value: i128| limit_value(measure == Measure::Spend, Some(value));
        released.insert(measure.to_string(), figure(left));
        overage.insert(measure.to_string(), figure(above));
    }
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("hold_id".to_owned(), hold.id().as_str().into());
        answer.insert("released".to_owned(), Value::Object(released));
        answer.insert("overage".to_owned(), Value::Object(overage));
    }
}
