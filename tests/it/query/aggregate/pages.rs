//! Pages of groups together are all of them, and a cursor answers its own question only.

use super::super::five;
use crate::given::refused;
use serde_json::{Value, json};
use tollgate_tests::TestApp;

const GROUPS: [&str; 11] = [
    "agent",
    "consumer",
    "operation",
    "tier",
    "session",
    "tool",
    "model",
    "hour",
    "day",
    "week",
    "month",
];

/// All rows, `limit` at a time.
async fn in_parts(app: &TestApp, path: &str, limit: usize) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let reply = app
            .get(&format!("{path}&limit={limit}{cursor}"))
            .await
            .expect(200);
        let part = reply.at("/data");
        assert_eq!(
            reply.at("/count"),
            part.as_array().map(Vec::len).expect("rows")
        );
        rows.extend(part.as_array().expect("rows").iter().cloned());
        match reply.at("/next_cursor").as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

#[tokio::test]
async fn pages_of_groups_together_are_all_of_them() {
    let app = TestApp::new().await;
    five(&app).await;
    let paths = GROUPS.map(|by| format!("/usage/aggregate?tenant_id=acme&group_by={by}"));
    let people = [
        "/usage/agents?tenant_id=acme",
        "/usage/consumers?tenant_id=acme&start=2026-11-22T07:30:00Z",
    ]
    .map(str::to_owned);
    for path in paths.iter().chain(&people) {
        let whole = app.get(path).await.expect(200).at("/data");
        for limit in 1..=4 {
            assert_eq!(
                json!(in_parts(&app, path, limit).await),
                whole,
                "{path} by {limit}"
            );
        }
    }
}

#[tokio::test]
async fn a_cursor_of_groups_answers_its_own_question_only() {
    let app = TestApp::new().await;
    five(&app).await;
    let first = app
        .get("/usage/aggregate?tenant_id=acme&group_by=agent&limit=1")
        .await
        .expect(200)
        .at("/next_cursor");
    let cursor = first.as_str().expect("a cursor");
    for index in 0..cursor.len() {
        let other = if &cursor[index..=index] == "A" {
            "B"
        } else {
            "A"
        };
        let changed = format!("{}{other}{}", &cursor[..index], &cursor[index + 1..]);
        let reply = app
            .get(&format!(
                "/usage/aggregate?tenant_id=acme&group_by=agent&cursor={changed}"
            ))
            .await;
        refused(&reply, 400, "invalid_cursor");
    }
    for path in [
        "/usage/aggregate?tenant_id=acme&group_by=consumer",
        "/usage/aggregate?tenant_id=acme&group_by=agent&tier=standard",
        "/usage/aggregate?tenant_id=beta&group_by=agent",
        "/usage/agents?tenant_id=acme",
        "/usage/consumers?tenant_id=acme",
        "/usage?tenant_id=acme",
    ] {
        refused(
            &app.get(&format!("{path}&cursor={cursor}")).await,
            400,
            "invalid_cursor",
        );
    }
}
