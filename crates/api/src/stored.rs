//! Events as they are shown once they are recorded.

use crate::raw::raw;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use tollgate_core::{Amount, Currency, Event, ExchangeRate, Instant, Label, Name, Stored, Table};

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
    StoredEvent {
        id: &event.id,
        tenant_id: tenant,
        timestamp: event.timestamp,
        operation: &d.operation,
        tier: &d.tier,
        quantities: stored.totals().quantities,
        latency_ms: event.latency_ms,
        compliance_score: event.compliance_score,
        labels: event,
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

/// Each quantity under the name of its field.
fn by_field<S: Serializer>(quantities: &Table<i128>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(
        quantities
            .iter()
            .map(|(component, figure)| (component.quantity(), figure)),
    )
}

/// Each name that it carries under the name of its field.
fn by_label<S: Serializer>(event: &Event, to: S) -> Result<S::Ok, S::Error> {
    let named = |label: Label| Some((label.field(), event.label(label)?));
    to.collect_map(Label::ALL.into_iter().filter_map(named))
}

#[derive(Serialize)]
struct StoredEvent<'a> {
    id: &'a Name,
    tenant_id: &'a Name,
    timestamp: Instant,
    operation: &'a Name,
    tier: &'a Name,
    #[serde(flatten, serialize_with = "by_field")]
    quantities: Table<i128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<Amount>,
    compliance_score: Amount,
    #[serde(flatten, serialize_with = "by_label")]
    labels: &'a Event,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::parse_event;
    use crate::page::list;
    use tollgate_core::{CardRef, Decision};

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
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
            card: CardRef {
                id: name("default"),
                version: 1,
                exchange: None,
            },
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
