//! Every scope x named or each x measure x window.

use crate::given::merged;
use serde_json::{Value, json};
use tollgate_tests::TestApp;

/// A limit that two events fill.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) scope: &'static str,
    pub(crate) named: bool,
    pub(crate) measure: &'static str,
    pub(crate) window: &'static str,
}

const SCOPES: [&str; 6] = [
    "tenant",
    "agent",
    "consumer",
    "session",
    "tool",
    "operation",
];
/// Each measure and how much of it one [`event`] uses.
const MEASURES: [(&str, u64); 9] = [
    ("events", 1),
    ("units", 2),
    ("tokens", 12),
    ("tokens_in", 3),
    ("tokens_out", 4),
    ("api_calls", 6),
    ("duration_ms", 7),
    ("events:agent_message", 1),
    ("units:agent_message", 2),
];
/// Each window and a time in the next one.
const WINDOWS: [(&str, &str); 4] = [
    ("hour", "2026-11-22T11:00:00Z"),
    ("day", "2026-11-23T00:00:00Z"),
    ("month", "2026-12-01T00:00:00Z"),
    ("total", "2027-01-01T00:00:00Z"),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for scope in SCOPES {
        for named in [false, true] {
            for measure in MEASURES
                .iter()
                .map(|(measure, _)| *measure)
                .chain(["spend"])
            {
                cases.extend(WINDOWS.map(|(window, _)| Case {
                    scope,
                    named,
                    measure,
                    window,
                }));
            }
        }
    }
    cases.retain(|case| case.scope != "tenant" || !case.named);
    cases
}

impl Case {
    pub(crate) fn limit(&self) -> Value {
        let limit = json!({ "id": "cap", "scope": self.scope, "measure": self.measure, "window": self.window });
        let uses = MEASURES
            .iter()
            .find(|(measure, _)| *measure == self.measure)
            .map(|(_, uses)| json!(uses * 2));
        let value = uses.map_or_else(
            || json!({ "hard": "0.002", "currency": "USD" }),
            |hard| json!({ "hard": hard }),
        );
        let ids = json!({ "agent": "a1", "consumer": "c1", "session": "s1", "tool": "srv/find", "operation": "agent_message" });
        let named = if self.named {
            json!({ "scope_id": ids[self.scope] })
        } else {
            json!({})
        };
        merged(merged(limit, value), named)
    }

    pub(crate) fn denied(&self) -> u16 {
        if self.measure == "spend" { 402 } else { 429 }
    }

    /// The fields that make an event belong to another one of the scope.
    fn elsewhere(&self) -> Value {
        match self.scope {
            "tenant" => json!({}),
            "agent" => json!({ "agent_id": "a2" }),
            "consumer" => json!({ "consumer_id": "c2" }),
            "session" => json!({ "session_id": "s2" }),
            "tool" => json!({ "tool_name": "search" }),
            _ => json!({ "operation": "audit_write" }),
        }
    }

    /// The fields that make an event belong to no one of the scope.
    fn nowhere(&self) -> Option<Value> {
        match self.scope {
            "agent" => Some(json!({ "agent_id": null })),
            "consumer" => Some(json!({ "consumer_id": null })),
            "session" => Some(json!({ "session_id": null })),
            "tool" => Some(json!({ "tool_server": null })),
            _ => None,
        }
    }
}

/// An event of 0.001 USD that uses some of every measure, and belongs to one of
/// every scope.
pub(crate) fn event(_: &Case, id: &str) -> Value {
    json!({
        "id": id, "operation": "agent_message", "units": 2, "tokens_in": 3, "tokens_out": 4, "tokens_processed": 5, "api_calls": 6,
        "duration_ms": 7, "agent_id": "a1", "consumer_id": "c1", "session_id": "s1", "tool_server": "srv", "tool_name": "find",
    })
}

#[tokio::test]
async fn a_limit_counts_its_measure_for_its_scope_in_its_window() {
    let cases = cases();
    assert_eq!(cases.len(), 11 * 10 * 4);
    for case in cases {
        let app = TestApp::new().await;
        app.limit("acme", json!([case.limit()])).await;
        for id in ["e1", "e2"] {
            app.record("acme", event(&case, id)).await.expect(201);
        }
        let third = app.record("acme", event(&case, "e3")).await;
        assert_eq!(third.status, case.denied(), "{case:?}: {}", third.text);
        let elsewhere = app
            .record("acme", merged(event(&case, "e4"), case.elsewhere()))
            .await;
        assert_eq!(
            elsewhere.status,
            if case.scope == "tenant" {
                case.denied()
            } else {
                201
            },
            "{case:?}: {}",
            elsewhere.text
        );
        if let Some(nowhere) = case.nowhere() {
            app.record("acme", merged(event(&case, "e5"), nowhere))
                .await
                .expect(201);
        }
        let next = WINDOWS
            .iter()
            .find(|(window, _)| *window == case.window)
            .expect("a window")
            .1;
        app.clock.set(next);
        let later = app.record("acme", event(&case, "e6")).await;
        assert_eq!(
            later.status,
            if case.window == "total" {
                case.denied()
            } else {
                201
            },
            "{case:?}: {}",
            later.text
        );
        app.record("other", event(&case, "e3")).await.expect(201);
    }
}

#[tokio::test]
async fn what_one_event_uses_is_what_its_limits_count() {
    let app = TestApp::new().await;
    let case = Case {
        scope: "tenant",
        named: false,
        measure: "events",
        window: "total",
    };
    let limits =
        MEASURES.map(|(measure, _)| json!({ "id": measure, "scope": "tenant", "measure": measure, "window": "total", "hard": 1000 }));
    app.limit("acme", limits.into()).await;
    app.record("acme", event(&case, "e1")).await.expect(201);
    app.record("acme", json!({ "operation": "audit_write", "units": 0 }))
        .await
        .expect(201);
    let standing = app.get("/limits/acme").await.expect(200).at("/standing");
    for (at, (measure, uses)) in standing.as_array().expect("limits").iter().zip(MEASURES) {
        let more = u64::from(measure == "events");
        assert_eq!(
            (&at["measure"], &at["used"]),
            (&json!(measure), &json!(uses + more))
        );
    }
}
