//! Prices and bills.

mod acgs;
mod bill;
mod cards;
mod choice;
mod costs;
mod discounts;
mod exchange;
mod models;
mod prices;
mod versions;
mod voids;

use serde_json::{Value, json};
use tollgate_tests::{TestApp, TestReply};

/// Records `count` events of `operation`, `fields` over each.
async fn events(app: &TestApp, tenant: &str, count: usize, fields: Value) {
    let base = crate::given::merged(json!({ "tenant_id": tenant }), fields);
    for chunk in vec![base; count].chunks(1000) {
        let reply = app
            .post("/events/batch", json!({ "events": chunk }))
            .await
            .expect(200);
        assert_eq!(reply.at("/recorded"), chunk.len(), "{}", reply.text);
    }
}

/// The bill of `acme` for the current month.
async fn bill(app: &TestApp) -> TestReply {
    app.get("/billing/acme").await.expect(200)
}

/// The cost of one event of `acme`.
async fn cost(app: &TestApp, fields: Value) -> Value {
    app.record("acme", fields).await.expect(201).at("/cost")
}
