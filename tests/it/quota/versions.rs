//! What has a version: it changes with its own settings alone, and conditions go by it.

use crate::given::{operators, refused};
use serde_json::{Value, json};
use tollgate_tests::{TestApp, TestReply};

/// Each route of settings, with a body that may be put there again and again.
fn resources() -> [(&'static str, Value); 8] {
    let node =
        json!({ "id": "n", "limits": [{ "measure": "spend", "window": "day", "hard": "9" }] });
    let limit =
        json!({ "id": "l", "scope": "agent", "measure": "events", "window": "day", "hard": 9 });
    [
        ("/limits/acme", json!({ "limits": [limit] })),
        (
            "/budgets/acme",
            json!({ "max_total": "9", "currency": "USD" }),
        ),
        (
            "/budgets/acme/tree",
            json!({ "currency": "USD", "nodes": [node] }),
        ),
        ("/tenants/acme", json!({ "name": "Acme" })),
        ("/tenants/acme/subscription", json!({ "plan": "p" })),
        ("/alerts/acme", json!({ "thresholds": [50] })),
        (
            "/plans/p",
            json!({ "name": "P", "currency": "USD", "features": [] }),
        ),
        (
            "/rate-cards/c",
            json!({ "currency": "USD", "operations": { "x": { "unit": "1" } } }),
        ),
    ]
}

async fn put(
    app: &TestApp,
    path: &str,
    body: &Value,
    name: &'static str,
    value: &str,
) -> TestReply {
    app.send(operators("PUT", path, body, name, value)).await
}

/// The entity tag of what stands at `path`; empty where there is nothing.
async fn tag(app: &TestApp, path: &str) -> String {
    app.get(path).await.header("etag").to_owned()
}

#[tokio::test]
async fn each_has_a_version_of_its_own_and_conditions_go_by_it() {
    let app = TestApp::new().await;
    let plan = json!({ "name": "P", "currency": "USD", "features": [] });
    app.put("/plans/p", plan).await.expect(200);
    for (path, body) in resources() {
        let first = put(&app, path, &body, "if-none-match", "*").await;
        let first = match path {
            "/plans/p" => app.get(path).await,
            _ => first,
        };
        let old = first.expect(200).header("etag").to_owned();
        assert_eq!(tag(&app, path).await, old, "{path}");
        let others: Vec<_> = resources().map(|(other, _)| other).into();
        let mut before = Vec::new();
        for other in &others {
            before.push((*other, tag(&app, other).await));
        }
        let second = put(&app, path, &body, "if-match", &old).await.expect(200);
        let new = second.header("etag").to_owned();
        assert!(new != old && new.len() > 2, "{path}: {old} {new}");
        let version = second.at("/version");
        assert_eq!(format!("\"{version}\""), new, "{path}");
        for (other, stood) in before {
            let stands = tag(&app, other).await;
            assert_eq!(stands == stood, other != path, "{path} changes {other}");
        }
        for (name, value) in [
            ("if-match", old.as_str()),
            ("if-match", "W/\"1\""),
            ("if-match", "\"abc\""),
            ("if-none-match", "*"),
            ("if-none-match", new.as_str()),
        ] {
            let reply = put(&app, path, &body, name, value).await;
            let problem = refused(&reply, 412, "precondition_failed");
            assert_eq!(problem["version"], version, "{path} {name}: {value}");
        }
        for (name, value) in [
            ("if-match", format!("{old}, {new}")),
            ("if-match", "*".to_owned()),
            ("if-none-match", old.clone()),
        ] {
            put(&app, path, &body, name, &value).await.expect(200);
        }
    }
}

#[tokio::test]
async fn use_changes_no_version() {
    let app = TestApp::new().await;
    app.put("/tenants/acme", json!({ "name": "Acme" }))
        .await
        .expect(200);
    let before = (
        tag(&app, "/tenants/acme").await,
        tag(&app, "/limits/acme").await,
    );
    app.record("acme", json!({ "id": "e1" })).await.expect(201);
    let grant = json!({ "id": "g", "amount": "5", "currency": "USD" });
    app.post("/credits/acme", grant).await.expect(201);
    let after = (
        tag(&app, "/tenants/acme").await,
        tag(&app, "/limits/acme").await,
    );
    assert_eq!(after, before);
    assert_eq!(before.1, "\"0\"", "limits were never set");
}
