//! `/alerts`: what crosses a threshold, and who hears of it.

mod crossing;
mod delivery;
mod law;
mod settings;

use serde_json::{Value, json};
use tollgate_tests::TestApp;

/// A tenant that is told at 50, 80 and 100 % of `limits`.
async fn watched(limits: Value) -> TestApp {
    let app = TestApp::new().await;
    app.put("/alerts/acme", json!({})).await.expect(200);
    app.limit("acme", limits).await;
    app
}

/// The alerts so far, in the order of their limit and threshold: limit, scope
/// id, threshold, used, held.
async fn told(app: &TestApp) -> Vec<String> {
    let shown = app.get("/alerts/acme").await.expect(200);
    let alerts = shown.at("/alerts").as_array().expect("alerts").clone();
    let line = |alert: &Value| {
        let limit = &alert["limit"];
        let scope_id = limit["scope_id"].as_str().unwrap_or("-");
        let threshold = alert["threshold"].as_u64().expect("a percent");
        let id = limit["limit_id"].as_str().expect("an id");
        (
            id.to_owned(),
            scope_id.to_owned(),
            threshold,
            format!(
                "{id} {scope_id} {threshold} {} {}",
                limit["used"], limit["held"]
            ),
        )
    };
    let mut lines: Vec<_> = alerts.iter().map(line).collect();
    lines.sort();
    lines.into_iter().map(|(.., line)| line).collect()
}

fn limit(id: &str, scope: &str, measure: &str, hard: u64) -> Value {
    json!({ "id": id, "scope": scope, "measure": measure, "window": "day", "hard": hard })
}
