//! What a call used, read from its result.

use serde_json::Value;
use tollgate_core::{GenAi, Name, QUANTITY_MAX, Reported};

/// What a call used. Quantities above 2^53 - 1 are held to it, and cached
/// tokens to `tokens_in`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Usage {
    /// The operation's own unit; 1 unless it is set.
    pub units: u64,
    /// Input tokens, cached ones included.
    pub tokens_in: u64,
    /// Output tokens.
    pub tokens_out: u64,
    /// Takes the place of `tokens_out` where that is 0: for results that give
    /// one sum only.
    pub tokens_used: u64,
    /// The part of `tokens_in` that came from a cache.
    pub cached_tokens_in: u64,
    /// Tokens that are neither input nor output.
    pub tokens_processed: u64,
    /// Calls made to other APIs.
    pub api_calls: u64,
    /// Bytes moved.
    pub data_bytes: u64,
    /// What was used, where only the result tells; goes before the task's.
    pub operation: Option<Name>,
    /// The model that answered; goes before the task's.
    pub model: Option<Name>,
    /// Who sold it; goes before the task's.
    pub provider: Option<Name>,
}

impl Default for Usage {
    fn default() -> Self {
        Self {
            units: 1,
            tokens_in: 0,
            tokens_out: 0,
            tokens_used: 0,
            cached_tokens_in: 0,
            tokens_processed: 0,
            api_calls: 0,
            data_bytes: 0,
            operation: None,
            model: None,
            provider: None,
        }
    }
}

impl Usage {
    /// From the metrics that a result carries as JSON: `tokens_in`,
    /// `tokens_out`, `tokens_used`, `cached_tokens_in`, `tokens_processed`,
    /// `api_calls`, `data_bytes`, and `units` or `requests`.
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
        Self {
            units: of("units", of("requests", 1)),
            tokens_in: of("tokens_in", 0),
            tokens_out: of("tokens_out", 0),
            tokens_used: of("tokens_used", 0),
            cached_tokens_in: of("cached_tokens_in", 0),
            tokens_processed: of("tokens_processed", 0),
            api_calls: of("api_calls", 0),
            data_bytes: of("data_bytes", 0),
            ..Self::default()
        }
    }

    /// As it is recorded.
    pub(crate) fn settled(self) -> Self {
        let held = |quantity: u64| quantity.min(QUANTITY_MAX);
        let tokens_out = if self.tokens_out == 0 {
            self.tokens_used
        } else {
            self.tokens_out
        };
        let tokens_in = held(self.tokens_in);
        Self {
            units: held(self.units),
            tokens_in,
            tokens_out: held(tokens_out),
            tokens_used: 0,
            cached_tokens_in: self.cached_tokens_in.min(tokens_in),
            tokens_processed: held(self.tokens_processed),
            api_calls: held(self.api_calls),
            data_bytes: held(self.data_bytes),
            ..self
        }
    }
}

/// What a span says that was used. The model becomes the operation, too.
impl From<&GenAi> for Usage {
    fn from(span: &GenAi) -> Self {
        Self {
            tokens_in: span.tokens_in,
            tokens_out: span.tokens_out,
            cached_tokens_in: span.cached_tokens_in,
            api_calls: span.api_calls,
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
            let usage = Usage::from_json(&metrics).settled();
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
            assert_eq!(Usage::from_json(&metrics).units, units, "{metrics}");
        }
    }

    #[test]
    fn cached_tokens_are_held_to_the_tokens_in() {
        let usage = Usage {
            tokens_in: 5,
            cached_tokens_in: 9,
            ..Usage::default()
        }
        .settled();
        assert_eq!((usage.tokens_in, usage.cached_tokens_in), (5, 5));
    }
}
