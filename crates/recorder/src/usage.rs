//! What a call used, read from its result.

use serde_json::Value;
use std::time::Duration;
use tollgate_core::{Amount, Component, GenAi, Name, QUANTITY_MAX, Quantities, Reported};

/// What a call used. Quantities above 2^53 - 1 are held to it, and parts of tokens to
/// their whole.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// How much of what; one unit unless it is set. Its `duration_ms` is measured.
    pub quantities: Quantities,
    /// Takes the place of `tokens_out` where that is 0: for results that give
    /// one sum only.
    pub tokens_used: u64,
    /// How long the caller waited, where that is another time than the call took.
    pub latency: Option<Duration>,
    /// From 0 to 1; what is above is held to 1. 1 where it is not set.
    pub compliance_score: Option<Amount>,
    /// What was used, where only the result tells; goes before the task's.
    pub operation: Option<Name>,
    /// The model that answered; goes before the task's.
    pub model: Option<Name>,
    /// Who sold it; goes before the task's.
    pub provider: Option<Name>,
}

impl Usage {
    /// From the metrics that a result carries as JSON: the quantities by the names that
    /// they have in an event, such as `tokens_in`, with `requests` for `units`, and
    /// `tokens_used`.
    ///
    /// Numbers may be text, and nothing is an error: one that is missing or no
    /// number is 0, or 1 for `units`; a negative one is 0; a JSON number loses
    /// its fraction.
    #[must_use]
    pub fn from_json(metrics: &Value) -> Self {
        let of = |field: &str, default: u64| {
            metrics
                .get(field)
                .map_or(default, |value| quantity(value, default))
        };
        let mut table = Quantities::NONE.to_table();
        for component in Component::ALL {
            table.set(component, of(component.quantity(), 0));
        }
        table.set(Component::Unit, of("units", of("requests", 1)));
        Self {
            quantities: Quantities::from_table(table),
            tokens_used: of("tokens_used", 0),
            ..Self::default()
        }
    }

    /// As it is recorded, of a call that took so many milliseconds.
    pub(crate) fn settled(mut self, duration_ms: u64) -> Self {
        let used = &mut self.quantities;
        if used.tokens_out == 0 {
            used.tokens_out = self.tokens_used;
        }
        used.duration_ms = duration_ms;
        let table = used.to_table().map(|quantity| quantity.min(QUANTITY_MAX));
        Self {
            quantities: Quantities::from_table(table).with_parts_that_fit(),
            tokens_used: 0,
            ..self
        }
    }
}

/// So much, and nothing else is known.
impl From<Quantities> for Usage {
    fn from(quantities: Quantities) -> Self {
        Self {
            quantities,
            ..Self::default()
        }
    }
}

/// What a span says that was used. The model becomes the operation, too.
impl From<&GenAi> for Usage {
    fn from(span: &GenAi) -> Self {
        Self {
            quantities: Quantities {
                tokens_in: span.tokens_in,
                tokens_out: span.tokens_out,
                cached_tokens_in: span.cached_tokens_in,
                api_calls: span.api_calls,
                ..Quantities::default()
            },
            operation: span.operation.clone(),
            model: span.model.clone(),
            provider: span.provider.clone(),
            ..Self::default()
        }
    }
}

fn quantity(value: &Value, default: u64) -> u64 {
    match value {
        Value::String(text) => Reported::Text(text).quantity_or(default),
        Value::Number(number) => {
            let text = number.to_string();
            let is_plain = !text.contains(['e', 'E']);
            let whole = text
                .split('.')
                .next()
                .filter(|_| is_plain)
                .unwrap_or_default();
            Reported::Text(whole).quantity_or(default)
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => default,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn metrics_are_read_as_the_tables_of_the_sources_say() {
        let read = |metrics: Value| {
            let usage = Usage::from_json(&metrics).settled(0).quantities;
            (usage.tokens_in, usage.tokens_out, usage.api_calls)
        };
        for (metrics, quantities) in [
            (
                json!({"tokens_in": 10, "tokens_out": 0, "tokens_used": 55}),
                (10, 55, 0),
            ),
            (
                json!({"tokens_in": 10, "tokens_out": 3, "tokens_used": 55}),
                (10, 3, 0),
            ),
            (
                json!({"tokens_in": 1500, "tokens_out": 2300, "api_calls": 5}),
                (1500, 2300, 5),
            ),
            (
                json!({"tokens_in": null, "tokens_out": -5, "api_calls": "10"}),
                (0, 0, 10),
            ),
            (
                json!({"tokens_in": "10.5", "tokens_out": "abc", "api_calls": []}),
                (0, 0, 0),
            ),
            (
                json!({"tokens_in": 10.9, "tokens_out": 1e30, "api_calls": true}),
                (10, 0, 0),
            ),
            (json!({"tokens_in": u64::MAX}), (QUANTITY_MAX, 0, 0)),
            (json!({}), (0, 0, 0)),
            (json!("none"), (0, 0, 0)),
        ] {
            assert_eq!(read(metrics.clone()), quantities, "{metrics}");
        }
    }

    #[test]
    fn a_call_is_one_request_unless_it_says_otherwise() {
        for (metrics, units) in [
            (json!({}), 1),
            (json!({"requests": null}), 1),
            (json!({"requests": -3}), 0),
            (json!({"requests": 2}), 2),
            (json!({"units": 7, "requests": 2}), 7),
        ] {
            assert_eq!(
                Usage::from_json(&metrics).quantities.units,
                units,
                "{metrics}"
            );
        }
    }

    #[test]
    fn parts_are_held_to_their_whole() {
        let metrics = json!({"tokens_in": 5, "cached_tokens_in": 3, "cache_write_tokens_in": 9,
            "audio_tokens_in": 1, "tokens_out": 2, "reasoning_tokens_out": 7, "searches": 4});
        let used = Usage::from_json(&metrics).settled(12).quantities;
        let expected = Quantities {
            tokens_in: 5,
            cached_tokens_in: 3,
            cache_write_tokens_in: 2,
            tokens_out: 2,
            reasoning_tokens_out: 2,
            searches: 4,
            duration_ms: 12,
            ..Quantities::default()
        };
        assert_eq!(used, expected);
    }
}
