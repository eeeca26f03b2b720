//! Through the real routes, over HTTP.

use crate::given::{name, offer, offer_unnamed, task};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tollgate_core::{Attributes, GenAi, Instant, Quantities, Reported, Span};
use tollgate_recorder::{
    Clock, HttpTransport, Outcome, Recorder, Reply, Settings, Transport, Unreachable, Usage,
};
use tollgate_tests::TestApp;

/// Of three posts the first never arrives, and of the second the answer is
/// lost.
struct Lossy {
    transport: HttpTransport,
    posts: AtomicU64,
}

impl Transport for Lossy {
    fn post(&self, batch: Bytes) -> BoxFuture<'_, Result<Reply, Unreachable>> {
        let lost = || Err(Unreachable("lost".to_owned()));
        async move {
            match self.posts.fetch_add(1, Ordering::SeqCst) % 3 {
                0 => lost(),
                1 => self.transport.post(batch).await.and_then(|_| lost()),
                _ => self.transport.post(batch).await,
            }
        }
        .boxed()
    }
}

/// Small batches and short pauses, at the time of the tests' clock.
fn settings() -> Settings {
    let now: Instant = "2026-11-22T10:00:00Z".parse().unwrap();
    let (interval, pause) = (Duration::from_millis(1), Duration::from_millis(1));
    Settings {
        clock: Clock::new(move || now),
        batch_events: 20,
        interval,
        backoff_first: pause,
        backoff_max: pause,
        ..Settings::default()
    }
}

async fn transport(app: &TestApp, key: &str) -> HttpTransport {
    HttpTransport::new(&format!("http://{}", app.serve().await), key).unwrap()
}

async fn lossy(app: &TestApp) -> Recorder {
    let keys = app.keys("acme").await;
    let transport = Lossy {
        transport: transport(app, &keys.ingest).await,
        posts: AtomicU64::new(0),
    };
    Recorder::start(transport, settings()).unwrap()
}

#[tokio::test]
async fn a_transport_that_loses_requests_and_answers_makes_no_event_count_twice_or_never() {
    let app = TestApp::new().await;
    let recorder = lossy(&app).await;
    for number in 0..250_u64 {
        let usage = Usage::from(Quantities {
            tokens_in: number,
            tokens_out: 1,
            api_calls: 1,
            ..Quantities::default()
        });
        recorder.offer(
            task(&format!("e{number}")),
            usage,
            Duration::from_millis(2),
            Outcome::Success,
        );
    }
    assert_eq!(recorder.shutdown(None).await, []);
    let stats = recorder.stats();
    assert_eq!(
        (stats.delivered, stats.replayed, stats.rejected),
        (0, 250, 0),
        "each answer that came was the second"
    );
    let summary = app
        .get("/usage/summary?tenant_id=acme")
        .await
        .expect(200)
        .json();
    let totals = [
        "total_events",
        "total_tokens",
        "total_api_calls",
        "total_duration_ms",
    ]
    .map(|field| summary[field].clone());
    assert_eq!(
        totals,
        [
            json!(250),
            json!(250 * 249 / 2 + 250),
            json!(250),
            json!(500)
        ]
    );
}

#[tokio::test]
async fn sealed_batches_that_are_lost_or_whose_answers_are_count_once() {
    let app = TestApp::new().await;
    let recorder = lossy(&app).await;
    for number in 0..250 {
        offer_unnamed(&recorder, &format!("s{}", number % 7));
    }
    assert_eq!(recorder.shutdown(None).await, []);
    let stats = recorder.stats();
    assert_eq!(
        (stats.delivered, stats.replayed, stats.rejected),
        (0, 250, 0)
    );
    let summary = app.get("/usage/summary?tenant_id=acme").await;
    assert_eq!(summary.expect(200).at("/total_events"), 250);
    let list = app.get("/usage?tenant_id=acme&limit=1").await.expect(200);
    let id = list.at("/data/0/id");
    assert!(id.as_str().unwrap().starts_with("bat-"), "{id}");
}

#[tokio::test]
async fn usage_that_has_happened_is_recorded_past_a_limit() {
    let app = TestApp::new().await;
    let keys = app.keys("acme").await;
    let limit = json!([{ "id": "l1", "scope": "tenant", "measure": "events", "window": "total", "hard": 1 }]);
    app.limit("acme", limit).await;
    let recorder = Recorder::start(transport(&app, &keys.ingest).await, settings()).unwrap();
    for id in ["e1", "e2", "e3"] {
        offer(&recorder, id);
    }
    recorder.flush().await;
    assert_eq!(recorder.stats().delivered, 3);
}

#[tokio::test]
async fn a_span_is_recorded_with_its_model_and_counts_once_however_often_it_is_exported() {
    let app = TestApp::new().await;
    let operations = json!({ "claude-sonnet-4": { "token_in": "0.000003", "cached_token_in": "0.0000003", "token_out": "0.000015" } });
    app.put_card("ai", json!({ "currency": "USD", "effective_from": "2026-01-01T00:00:00Z", "operations": operations }))
        .await
        .expect(200);
    let settings = Settings {
        tenant: Some(name("acme")),
        ..settings()
    };
    let recorder = Recorder::start(transport(&app, TestApp::operator()).await, settings).unwrap();
    let attributes: Attributes<'_> = [
        ("gen_ai.provider.name", Reported::Text("anthropic")),
        ("gen_ai.request.model", Reported::Text("claude-sonnet-4")),
        ("gen_ai.agent.name", Reported::Text("Math Tutor")),
        ("gen_ai.usage.input_tokens", Reported::Integer(100)),
        (
            "gen_ai.usage.cache_read.input_tokens",
            Reported::Integer(900),
        ),
        ("gen_ai.usage.output_tokens", Reported::Text("10")),
    ]
    .into_iter()
    .collect();
    let end = "2026-11-22T09:59:59Z".parse().ok();
    let (trace, id) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let span = Span {
        trace_id: Some(trace),
        span_id: Some(id),
        end,
        ..Span::default()
    };
    for _ in 0..3 {
        assert!(recorder.record_span(GenAi::read(&span, &attributes)).await);
    }
    recorder.flush().await;
    assert_eq!(
        (recorder.stats().delivered, recorder.stats().replayed),
        (1, 2)
    );
    let event = app
        .get(&format!("/events/span-{trace}-{id}?tenant_id=acme"))
        .await
        .expect(200)
        .json();
    let event = event.get("event").unwrap_or(&event);
    for (field, value) in [
        ("operation", json!("claude-sonnet-4")),
        ("tokens_in", json!(1000)),
        ("cached_tokens_in", json!(900)),
        ("agent_id", json!("Math-Tutor")),
        ("task_id", json!(trace)),
        ("cost", json!("0.00072")),
    ] {
        assert_eq!(event[field], value, "{field}: {event}");
    }
}

#[tokio::test]
async fn an_event_that_the_server_refuses_is_counted_by_its_code() {
    let app = TestApp::new().await;
    let keys = app.keys("acme").await;
    let recorder = Recorder::start(transport(&app, &keys.ingest).await, settings()).unwrap();
    offer(&recorder, "e1");
    let tree =
        json!({ "currency": "USD", "nodes": [{ "id": "org", "enabled": true, "limits": [] }] });
    app.put("/budgets/acme/tree", tree).await.expect(200);
    let unknown = tollgate_recorder::Task {
        budget_node: Some(name("no-such-node")),
        ..task("e2")
    };
    recorder.offer(unknown, Usage::default(), Duration::ZERO, Outcome::Success);
    recorder.flush().await;
    assert_eq!(
        recorder.stats().rejected_by,
        [("invalid_event".to_owned(), 1)].into()
    );
    assert_eq!(recorder.stats().delivered, 1);
}

#[tokio::test]
async fn a_key_that_is_refused_keeps_the_events_and_the_hash_is_sent() {
    let app = TestApp::new().await;
    let keys = app.keys("acme").await;
    let no_hash = transport(&app, &keys.ingest).await.with_hash("0").unwrap();
    for transport in [
        transport(&app, "tg_wrong").await,
        transport(&app, &keys.read).await,
        no_hash,
    ] {
        let recorder = Recorder::start(transport, settings()).unwrap();
        offer(&recorder, "e1");
        let undelivered = recorder.shutdown(Some(Duration::from_millis(50))).await;
        assert_eq!((undelivered.len(), recorder.stats().rejected), (1, 0));
    }
}
