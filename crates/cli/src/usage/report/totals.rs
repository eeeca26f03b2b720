//! What a tenant used in a period, by measure.

use super::model::Window;
use crate::client::{CallError, Client};
use crate::output::cell;
use serde_json::Value;
use tollgate_core::Amount;

/// The totals of one tenant, an operation each.
pub(super) struct Totals(Vec<Value>);

impl Totals {
    /// Those of `tenant` in `window`.
    pub(super) async fn read(
        client: &Client,
        tenant: &str,
        window: &Window,
    ) -> Result<Self, CallError> {
        let [start, end] = window.each_ref().map(Option::as_deref);
        let query = [
            ("group_by", Some("operation")),
            ("tenant_id", Some(tenant)),
            ("start", start),
            ("end", end),
        ];
        Ok(Self(client.list_where("/usage/aggregate", &query).await?))
    }

    /// What a limit of this measure counts; `None` of a measure that is none.
    pub(super) fn of(&self, measure: &str) -> Option<Amount> {
        let (name, operation) = measure
            .split_once(':')
            .map_or((measure, None), |(name, operation)| (name, Some(operation)));
        let field = match name {
            "events" => "total_events",
            "units" => "total_units",
            "tokens" => "total_tokens",
            "tokens_in" => "tokens_in",
            "tokens_out" => "tokens_out",
            "api_calls" => "total_api_calls",
            "duration_ms" => "total_duration_ms",
            "spend" => "total_cost",
            _ => return None,
        };
        let rows = self
            .0
            .iter()
            .filter(|row| operation.is_none_or(|operation| row["key"] == operation));
        let amounts = rows.map(|row| cell(&row[field]).parse::<Amount>().unwrap_or(Amount::ZERO));
        amounts
            .into_iter()
            .try_fold(Amount::ZERO, Amount::checked_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_measure_has_its_total() {
        let row = |key: &str, events: u64, cost: &str| {
            json!({"key": key, "total_events": events, "total_units": 10, "total_tokens": 7,
                "tokens_in": 4, "tokens_out": 3,
                "total_api_calls": 1, "total_duration_ms": 20, "total_cost": cost})
        };
        let totals = Totals(vec![row("a", 2, "0.5"), row("b:c", 3, "0.25")]);
        for (measure, total) in [
            ("events", "5"),
            ("units", "20"),
            ("tokens", "14"),
            ("tokens_in", "8"),
            ("tokens_out", "6"),
            ("api_calls", "2"),
            ("duration_ms", "40"),
            ("spend", "0.75"),
            ("events:a", "2"),
            ("events:b:c", "3"),
            ("units:a", "10"),
            ("units:none", "0"),
        ] {
            assert_eq!(
                totals.of(measure).map(|total| total.to_string()).as_deref(),
                Some(total),
                "{measure}"
            );
        }
        assert_eq!(totals.of("seats"), None);
    }
}
