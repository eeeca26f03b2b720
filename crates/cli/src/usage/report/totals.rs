//! What a tenant used in a period, by measure.

use super::model::Window;
use crate::client::{CallError, Client};
use crate::usage::figure::amount;
use serde::Deserialize;
use tollgate_api::Figure;
use tollgate_core::{Amount, Measure, Name};

/// The totals of one tenant, an operation each.
pub(super) struct Totals(Vec<Row>);

/// What was used of one operation, as far as limits count it.
#[derive(Deserialize)]
struct Row {
    /// The operation.
    key: String,
    total_events: i128,
    total_units: i128,
    total_tokens: i128,
    tokens_in: i128,
    tokens_out: i128,
    total_api_calls: i128,
    total_duration_ms: i128,
    total_data_bytes: i128,
    total_searches: i128,
    total_images: i128,
    total_cost: Amount,
}

impl Totals {
    /// Those of `tenant` in `window`.
    pub(super) async fn read(
        client: &Client,
        tenant: &Name,
        window: Window,
    ) -> Result<Self, CallError> {
        let [start, end] = [window.start, window.end].map(|at| at.map(|at| at.to_string()));
        let query = [
            ("group_by", Some("operation")),
            ("tenant_id", Some(tenant.as_str())),
            ("start", start.as_deref()),
            ("end", end.as_deref()),
        ];
        Ok(Self(client.list_where("/usage/aggregate", &query).await?))
    }

    /// What a limit of this measure counts; `None` out of range.
    pub(super) fn of(&self, measure: &Measure) -> Option<Amount> {
        let mut rows = self.0.iter();
        rows.try_fold(Amount::ZERO, |sum, row| sum.checked_add(row.of(measure)?))
    }
}

impl Row {
    fn of(&self, measure: &Measure) -> Option<Amount> {
        let of = |operation: &Name, count: i128| {
            if self.key == operation.as_str() {
                count
            } else {
                0
            }
        };
        let count = match measure {
            Measure::Spend => return Some(self.total_cost),
            Measure::Events => self.total_events,
            Measure::Units => self.total_units,
            Measure::Tokens => self.total_tokens,
            Measure::TokensIn => self.tokens_in,
            Measure::TokensOut => self.tokens_out,
            Measure::ApiCalls => self.total_api_calls,
            Measure::DurationMs => self.total_duration_ms,
            Measure::DataBytes => self.total_data_bytes,
            Measure::Searches => self.total_searches,
            Measure::Images => self.total_images,
            Measure::EventsOf(operation) => of(operation, self.total_events),
            Measure::UnitsOf(operation) => of(operation, self.total_units),
        };
        amount(Figure::Count(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_measure_has_its_total() {
        let row = |key: &str, events: u64, cost: &str| {
            let row = json!({"key": key, "operation": key, "total_events": events,
                "total_units": 10, "total_tokens": 7, "tokens_in": 4, "tokens_out": 3,
                "total_api_calls": 1, "total_duration_ms": 20, "total_data_bytes": 5,
                "total_searches": 3, "total_images": 6, "total_cost": cost});
            serde_json::from_str(&row.to_string()).unwrap()
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
            ("data_bytes", "10"),
            ("searches", "6"),
            ("images", "12"),
            ("spend", "0.75"),
            ("events:a", "2"),
            ("events:b:c", "3"),
            ("units:a", "10"),
            ("units:none", "0"),
        ] {
            let measure: Measure = measure.parse().unwrap();
            let found = totals.of(&measure).map(|total| total.to_string());
            assert_eq!(found.as_deref(), Some(total), "{measure}");
        }
    }

    #[test]
    fn figures_beyond_what_a_float_holds_keep_every_digit() {
        let [tokens, cost] = ["18446744073709551616", "0.000000000000000001"];
        let row = format!(
            r#"{{"key":"a","total_events":1,"total_units":0,"total_tokens":{tokens},
                "tokens_in":0,"tokens_out":0,"total_api_calls":0,"total_duration_ms":0,"total_data_bytes":0,"total_searches":0,"total_images":0,
                "total_cost":"{cost}"}}"#
        );
        let totals = Totals(vec![serde_json::from_str(&row).unwrap()]);
        for (measure, total) in [(Measure::Tokens, tokens), (Measure::Spend, cost)] {
            assert_eq!(totals.of(&measure).unwrap().to_string(), total);
        }
    }
}
