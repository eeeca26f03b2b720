//! What a process counts: as Prometheus text, and as lines for CloudWatch.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tollgate_gateway::{Embedded, Settings};
use tollgate_service::{Memory, Tenancy};
use tollgate_tests::TestApp;

/// A tenant whose name nothing that is counted may tell.
const TENANT: &str = "acme-whose-name-stays-inside";

/// Messages 80/100, input tokens 1,000 soft.
async fn subscribed(app: &TestApp, plan: &str) {
    let features = json!([
        { "feature_key": "messages", "soft_limit": 80, "hard_limit": 100 },
        { "feature_key": "input_tokens", "soft_limit": 1000 },
    ]);
    app.put(
        &format!("/plans/{plan}"),
        json!({ "name": plan, "currency": "USD", "features": features }),
    )
    .await
    .expect(200);
    app.put(
        &format!("/tenants/{TENANT}/subscription"),
        json!({ "plan": plan }),
    )
    .await
    .expect(200);
}

/// 100 messages and 1,200 input tokens, which observe mode books past limits.
async fn filled(app: &TestApp) {
    let event = |n: u32| json!({ "id": format!("u{n}"), "tenant_id": TENANT, "operation": "agent_message", "tokens_in": if n == 0 { 1200 } else { 0 } });
    app.post(
        "/events/batch?mode=observe",
        json!({ "events": (0..100).map(event).collect::<Vec<_>>() }),
    )
    .await
    .expect(200);
}

/// The samples of `name` in the exposition format, by their labels. Each line
/// must be a comment of a known form or a sample.
fn samples(text: &str, name: &str) -> BTreeMap<String, String> {
    let mut samples = BTreeMap::new();
    let mut typed: BTreeMap<&str, &str> = BTreeMap::new();
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            match (words.next(), words.next(), words.next()) {
                (Some("TYPE"), Some(name), Some(kind @ ("counter" | "histogram"))) => {
                    assert_eq!(
                        typed.insert(name, kind),
                        None,
                        "{name} is typed once, before its samples"
                    );
                }
                (Some("HELP"), Some(_), Some(help)) => assert!(!help.is_empty()),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        let (metric, labels) = series.split_once('{').unwrap_or_else(|| panic!("{line}"));
        let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("{line}"));
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| metric.strip_suffix(end))
            .unwrap_or(metric);
        assert!(
            typed.contains_key(family) || typed.contains_key(metric),
            "{line}"
        );
        assert!(
            value.chars().all(|c| c.is_ascii_digit() || c == '.'),
            "{line}"
        );
        for label in labels.split("\",") {
            let (key, value) = label.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
            assert!(
                key.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
                "{line}"
            );
            assert!(
                !value.trim_end_matches('"').contains(['"', '\\', '\n']),
                "{line}"
            );
        }
        if metric == name {
            assert_eq!(
                samples.insert(labels.to_owned(), value.to_owned()),
                None,
                "{line}"
            );
        }
    }
    samples
}

async fn counted(app: &TestApp, name: &str) -> Vec<String> {
    let text = app.get("/metrics").await.expect(200).text;
    assert!(!text.contains(TENANT), "{text}");
    samples(&text, name)
        .into_iter()
        .map(|(labels, value)| format!("{labels} {value}"))
        .collect()
}

#[tokio::test]
async fn a_decision_and_each_limit_that_it_passes_are_counted_under_the_plan_in_lower_case() {
    // G9 and G10: hard messages and soft input tokens, of a plan named `Starter`.
    let app = TestApp::new().await;
    subscribed(&app, "Starter").await;
    filled(&app).await;
    assert_eq!(
        counted(&app, "usage_guardrail_decisions_total").await,
        [""; 0],
        "observe mode asks no limit"
    );
    app.record(TENANT, json!({ "id": "e", "tokens_in": 1 }))
        .await
        .expect(429);
    assert_eq!(
        counted(&app, "usage_guardrail_decisions_total").await,
        [r#"decision="hard_limit",plan_code="starter" 1"#]
    );
    let hits = [
        r#"plan_code="starter",limit_type="hard_limit",feature_key="messages" 1"#,
        r#"plan_code="starter",limit_type="soft_limit",feature_key="input_tokens" 1"#,
    ];
    assert_eq!(counted(&app, "usage_limit_hits_total").await, hits);
}

#[tokio::test]
async fn events_batches_and_holds_are_counted_once_each_and_checks_and_replays_never() {
    let app = TestApp::new().await;
    app.limit(TENANT, json!([{ "id": "l", "scope": "tenant", "measure": "events", "window": "day", "soft": 2, "hard": 4 }])).await;
    for _ in 0..2 {
        app.record(TENANT, json!({ "id": "e1" })).await;
        app.post(
            "/check",
            json!({ "tenant_id": TENANT, "operation": "agent_message" }),
        )
        .await
        .expect(200);
    }
    let hold =
        json!({ "id": "h1", "event": { "tenant_id": TENANT, "operation": "agent_message" } });
    app.post("/holds", hold.clone()).await.expect(201);
    app.post("/holds", hold).await.expect(200);
    let event = |id: &str| json!({ "id": id, "tenant_id": TENANT, "operation": "agent_message" });
    app.post(
        "/events/batch",
        json!({ "events": [event("e1"), event("e2"), event("e2"), event("e3"), event("e4")] }),
    )
    .await
    .expect(200);
    app.post(
        "/holds",
        json!({ "id": "h2", "event": { "tenant_id": TENANT, "operation": "agent_message" } }),
    )
    .await
    .expect(429);
    app.record(TENANT, json!({ "id": "bad", "operation": "unheard-of" }))
        .await
        .expect(422);
    let decisions = [
        r#"decision="allow",plan_code="unknown" 2"#,
        r#"decision="hard_limit",plan_code="unknown" 2"#,
        r#"decision="soft_limit",plan_code="unknown" 2"#,
    ];
    assert_eq!(
        counted(&app, "usage_guardrail_decisions_total").await,
        decisions
    );
    let hits = [
        r#"plan_code="unknown",limit_type="hard_limit",feature_key="events" 2"#,
        r#"plan_code="unknown",limit_type="soft_limit",feature_key="events" 2"#,
    ];
    assert_eq!(counted(&app, "usage_limit_hits_total").await, hits);
}

#[tokio::test]
async fn requests_are_counted_by_route_method_and_class_of_status_and_their_times_fill_buckets() {
    let app = TestApp::new().await;
    app.record(TENANT, json!({ "id": "e1" })).await.expect(201);
    app.record(TENANT, json!({ "id": "e1" })).await.expect(200);
    app.record(TENANT, json!({ "id": "e2", "operation": "unheard-of" }))
        .await
        .expect(422);
    app.get("/no-such-route").await.expect(404);
    let counts = counted(&app, "http_request_duration_seconds_count").await;
    for expected in [
        r#"route="/events",method="POST",status="2xx" 2"#,
        r#"route="/events",method="POST",status="4xx" 1"#,
        r#"route="none",method="none",status="4xx" 1"#,
    ] {
        assert!(
            counts.iter().any(|line| line == expected),
            "{expected} of {counts:?}"
        );
    }
    let buckets = counted(&app, "http_request_duration_seconds_bucket").await;
    assert!(
        buckets
            .iter()
            .any(|line| line == r#"route="/events",method="POST",status="2xx",le="+Inf" 2"#),
        "{buckets:?}"
    );
    assert_eq!(
        counted(&app, "http_request_duration_seconds_sum")
            .await
            .len(),
        counts.len() + 1,
        "the questions about metrics came between"
    );
}

/// An app as on Lambda, and the lines that it writes.
fn embedded() -> (TestApp, Arc<Mutex<Vec<Value>>>) {
    let lines: Arc<Mutex<Vec<Value>>> = Arc::default();
    let written = Arc::clone(&lines);
    let embedded = Embedded::new("tollgate-ingest", move |line| {
        assert!(!line.contains('\n') && !line.contains(TENANT), "{line}");
        written
            .lock()
            .unwrap()
            .push(serde_json::from_str(line).unwrap());
    });
    let settings = Settings {
        embedded: Some(embedded),
        ..Settings::default()
    };
    (
        TestApp::set_up(Arc::new(Memory::default()), Tenancy::Sole, settings),
        lines,
    )
}

/// Every figure of a line with its unit and labels, once what the format asks
/// for was found in it.
fn figures(line: &Value) -> Vec<String> {
    let aws = &line["_aws"];
    assert_eq!(
        aws["Timestamp"],
        json!(1_795_341_600_000_u64),
        "milliseconds of 2026-11-22T10:00:00Z"
    );
    let mut figures = Vec::new();
    for directive in aws["CloudWatchMetrics"].as_array().unwrap() {
        assert_eq!(directive["Namespace"], "Tollgate");
        let [dimensions] = directive["Dimensions"].as_array().unwrap().as_slice() else {
            panic!("{directive}")
        };
        let labels: Vec<&str> = dimensions
            .as_array()
            .unwrap()
            .iter()
            .map(|name| line[name.as_str().unwrap()].as_str().unwrap())
            .collect();
        assert!(
            labels.len() <= 30 && labels.iter().all(|label| !label.is_empty()),
            "{line}"
        );
        for metric in directive["Metrics"].as_array().unwrap() {
            let name = metric["Name"].as_str().unwrap();
            assert!(line[name].is_number(), "{line}");
            let figure = if name.ends_with("_seconds") {
                String::new()
            } else {
                line[name].to_string()
            };
            figures.push(
                format!(
                    "{name} {} [{}] {figure}",
                    metric["Unit"].as_str().unwrap(),
                    labels.join(" ")
                )
                .trim_end()
                .to_owned(),
            );
        }
    }
    figures
}

#[tokio::test]
async fn on_lambda_each_request_is_one_line_with_the_same_names() {
    let (app, lines) = embedded();
    let written = || std::mem::take(&mut *lines.lock().unwrap());
    subscribed(&app, "Starter").await;
    filled(&app).await;
    written();
    app.record(TENANT, json!({ "id": "e", "tokens_in": 1 }))
        .await
        .expect(429);
    let lines: Vec<Vec<String>> = written().iter().map(figures).collect();
    let [first, rest @ ..] = lines.as_slice() else {
        panic!("no line")
    };
    let request = [
        "http_request_duration_seconds Seconds [tollgate-ingest /events POST 4xx]",
        "tollgate_requests_total Count [tollgate-ingest /events POST 4xx] 1",
        "usage_guardrail_decisions_total Count [hard_limit starter] 1",
    ];
    assert_eq!(first, &request);
    let hits = [
        "usage_limit_hits_total Count [starter hard_limit messages] 1",
        "usage_limit_hits_total Count [starter soft_limit input_tokens] 1",
    ];
    assert_eq!(rest.concat(), hits);
    app.get("/health").await.expect(200);
    let [quiet] = written().try_into().unwrap();
    let alone = [
        "http_request_duration_seconds Seconds [tollgate-ingest /health GET 2xx]",
        "tollgate_requests_total Count [tollgate-ingest /health GET 2xx] 1",
    ];
    assert_eq!(figures(&quiet), alone, "what was told is not told again");
}
