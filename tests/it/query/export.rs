//! `GET /usage/export`: everything, in every form.

mod parts;
mod purged;
mod transfer;

use super::five;
use crate::given::{get_as, merged, pointers, refused};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tollgate_core::{Attrs, Key, Write};
use tollgate_service::{Commit, Memory, Query, Slice, Store, StoreError, Together};
use tollgate_tests::{TestApp, TestReply, TestStore};

/// A store that gives few items at once, so that little takes many slices.
struct Thin {
    inner: Arc<Memory>,
    items_max: usize,
}

#[async_trait]
impl Store for Thin {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Attrs>>, StoreError> {
        self.inner.read(keys).await
    }

    async fn read_together(&self, keys: &[Key]) -> Result<Together, StoreError> {
        self.inner.read_together(keys).await
    }

    /// Gives way, as a store that has to wait does, so that what is ready is sent.
    async fn query(&self, query: &Query) -> Result<Slice, StoreError> {
        tokio::task::yield_now().await;
        let limit = query.limit.min(self.items_max);
        self.inner
            .query(&Query {
                limit,
                ..query.clone()
            })
            .await
    }

    async fn commit(&self, writes: &[Write]) -> Result<Commit, StoreError> {
        self.inner.commit(writes).await
    }
}

async fn export(app: &TestApp, query: &str) -> TestReply {
    app.get(&format!("/usage/export?tenant_id=acme&{query}"))
        .await
        .expect(200)
}

/// The ids of an export as JSON, in order, one space between.
fn ids(reply: &TestReply) -> String {
    let data = reply.at("/data");
    let data = data.as_array().expect("data");
    assert_eq!(reply.at("/count"), data.len());
    data.iter()
        .map(|event| event["id"].as_str().expect("an id"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Events by their id.
fn by_id(events: impl IntoIterator<Item = Value>) -> BTreeMap<String, Value> {
    events
        .into_iter()
        .map(|event| (event["id"].as_str().expect("an id").to_owned(), event))
        .collect()
}

fn lines(reply: &TestReply) -> Vec<Value> {
    reply
        .text
        .lines()
        .map(|line| serde_json::from_str(line).expect("an event"))
        .collect()
}

/// The rows, each cell with its column.
fn rows(csv: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    reader
        .deserialize()
        .map(|row| row.expect("a row"))
        .collect()
}

/// What an event lacks where it is 0, and a row shows all the same.
const QUANTITIES: &str = "tokens_in cached_tokens_in tokens_out tokens_processed api_calls \
    duration_ms data_bytes cache_write_tokens_in cache_write_1h_tokens_in audio_tokens_in cached_audio_tokens_in image_tokens_in video_tokens_in reasoning_tokens_out audio_tokens_out image_tokens_out searches images pages characters";

/// An event as a row shows it.
fn row(event: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let mut row: BTreeMap<String, String> = event
        .as_object()
        .expect("an event")
        .iter()
        .map(|(name, value)| (name.clone(), text(value)))
        .collect();
    for quantity in QUANTITIES.split(' ') {
        row.entry(quantity.into()).or_insert("0".into());
    }
    row.remove("rate_card");
    row.insert("rate_card_id".to_owned(), text(&event["rate_card"]["id"]));
    row.insert(
        "rate_card_version".to_owned(),
        event["rate_card"]["version"].to_string(),
    );
    if let Some(metadata) = event.get("metadata") {
        row.insert("metadata".to_owned(), metadata.to_string());
    }
    row
}

/// A history that has some of everything.
async fn history(app: &TestApp) -> BTreeMap<String, Value> {
    five(app).await;
    app.post(
        "/events",
        merged(
            crate::ingest::full(),
            json!({ "id": "full", "tenant_id": "acme" }),
        ),
    )
    .await
    .expect(201);
    app.clock.advance(3 * 3600);
    app.record(
        "acme",
        json!({ "id": "text", "metadata": "a \"quoted\", text\nof\r\ntwo lines; é" }),
    )
    .await
    .expect(201);
    app.clock.advance(2 * 86_400);
    let event = |n: usize| json!({ "id": format!("n{n}"), "tenant_id": "acme", "operation": "agent_message", "tokens_in": n });
    app.post(
        "/events/batch",
        json!({ "events": (0..250).map(event).collect::<Vec<_>>() }),
    )
    .await
    .expect(200);
    let listed = app
        .get("/usage?tenant_id=acme&limit=1000")
        .await
        .expect(200)
        .at("/data");
    by_id(listed.as_array().expect("data").iter().cloned())
}

#[tokio::test]
async fn every_form_has_the_events_of_the_list() {
    for store in [TestStore::Memory, TestStore::Embedded] {
        let app = TestApp::on(store).await;
        let listed = history(&app).await;
        assert_eq!(listed.len(), 257);
        let json = export(&app, "format=json").await;
        assert_eq!(json.at("/count"), 257);
        assert_eq!(
            by_id(json.at("/data").as_array().expect("data").clone()),
            listed
        );
        assert_eq!(json.at("/next_cursor"), Value::Null);
        assert_eq!(by_id(lines(&export(&app, "format=jsonl").await)), listed);
        let csv = rows(&export(&app, "format=csv").await.text);
        let found: BTreeMap<_, _> = csv
            .iter()
            .map(|row| (row["id"].clone(), row.clone()))
            .collect();
        assert_eq!((csv.len(), found.len()), (257, 257));
        for (id, event) in &listed {
            let filled: BTreeMap<_, _> = found[id]
                .clone()
                .into_iter()
                .filter(|(_, cell)| !cell.is_empty())
                .collect();
            assert_eq!(filled, row(event), "{id}");
        }
    }
}

#[tokio::test]
async fn events_come_in_the_order_of_their_receipt() {
    let app = TestApp::new().await;
    for (id, timestamp) in [
        ("c", "2026-11-22T09:00:00Z"),
        ("a", "2026-11-21T09:00:00Z"),
        ("b", "2026-11-22T10:04:00Z"),
    ] {
        app.record("acme", json!({ "id": id, "timestamp": timestamp }))
            .await
            .expect(201);
        app.clock.advance(1);
    }
    assert_eq!(ids(&export(&app, "").await), "c a b");
}

#[tokio::test]
async fn an_answer_names_its_type_and_its_file() {
    let app = TestApp::new().await;
    five(&app).await;
    for (query, media_type, file) in [
        ("", "application/json", "usage_export.json"),
        ("format=json", "application/json", "usage_export.json"),
        ("format=csv", "text/csv; charset=utf-8", "usage_export.csv"),
        (
            "export_format=csv&limit=1",
            "text/csv; charset=utf-8",
            "usage_export.csv",
        ),
        ("format=jsonl", "application/x-ndjson", "usage_export.jsonl"),
    ] {
        let reply = export(&app, query).await;
        let disposition = format!("attachment; filename=\"{file}\"");
        assert_eq!(
            (
                reply.header("content-type"),
                reply.header("content-disposition")
            ),
            (media_type, disposition.as_str()),
            "{query}"
        );
        assert_eq!(reply.header("x-request-id").len(), 26);
    }
    let csv = export(&app, "format=csv").await.text;
    assert!(
        csv.starts_with(
            "task_id,agent_id,consumer_id,tokens_in,tokens_out,duration_ms,api_calls,timestamp,"
        ),
        "{csv}"
    );
    assert_eq!(csv.matches("\r\n").count(), 6);
}

#[tokio::test]
async fn an_export_of_nothing_is_whole() {
    let app = TestApp::new().await;
    let nothing = async |query: &str| {
        assert_eq!(
            export(&app, &format!("format=json&{query}")).await.text,
            r#"{"data":[],"count":0,"next_cursor":null}"#
        );
        assert_eq!(
            export(&app, &format!("format=jsonl&{query}")).await.text,
            ""
        );
        let csv = export(&app, &format!("format=csv&{query}")).await.text;
        assert!(
            csv.starts_with("task_id,") && csv.matches("\r\n").count() == 1,
            "{csv}"
        );
    };
    nothing("").await;
    nothing("limit=5").await;
    five(&app).await;
    nothing("agent=nobody").await;
    nothing("start=2026-11-23").await;
    nothing("end=2026-11-22").await;
}

#[tokio::test]
async fn filters_and_ranges_pick_what_they_pick_in_the_list() {
    let app = TestApp::new().await;
    five(&app).await;
    for query in [
        "agent_id=a1",
        "agent=a1",
        "consumer=c1",
        "session_id=s1",
        "task_id=t1",
        "task_id=t/2",
        "operation=hitl_approval",
        "tier=enhanced",
        "tool_server=srv",
        "tool_name=find",
        "model=m2",
        "id=d",
        "agent=a1&consumer=c1",
        "agent=a1&model=m1",
        "start=2026-11-22T07:00:00.000000001Z",
        "end=2026-11-22T09:00:00Z",
        "start_date=2026-11-22T07:30:00Z&end_date=2026-11-22T09:00:00.000000001Z",
        "start=2026-11-22&end=2026-11-23&agent=a1",
    ] {
        let set = |ids: String| {
            ids.split_whitespace()
                .map(str::to_owned)
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(
            set(ids(&export(&app, query).await)),
            set(super::listed(&app, query).await),
            "{query}"
        );
    }
}

#[tokio::test]
async fn no_text_cell_is_a_formula_and_every_number_is_one() {
    let app = TestApp::new().await;
    for (id, metadata) in [
        ("e1", json!(-5)),
        ("e2", json!("=1+1")),
        ("e3", json!({ "=cmd": "@SUM(A1)\t" })),
    ] {
        app.record(
            "acme",
            json!({ "id": id, "metadata": metadata, "latency_ms": "12.5" }),
        )
        .await
        .expect(201);
        app.clock.advance(1);
    }
    let found: Vec<String> = rows(&export(&app, "format=csv").await.text)
        .into_iter()
        .map(|row| row["metadata"].clone())
        .collect();
    assert_eq!(found, ["'-5", r#""=1+1""#, r#"{"=cmd":"@SUM(A1)\t"}"#]);
    for row in rows(&export(&app, "format=csv").await.text) {
        assert!(
            row.values()
                .all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\0'])),
            "{row:?}"
        );
        assert_eq!(
            (row["latency_ms"].as_str(), row["cost"].as_str()),
            ("12.5", "0.0005")
        );
    }
}

#[tokio::test]
async fn a_parameter_that_is_wrong_is_named() {
    let app = TestApp::new().await;
    for (query, pointer) in [
        ("format=xml", "?format"),
        ("export_format=CSV", "?export_format"),
        ("format=csv&export_format=csv", "?export_format"),
        ("limit=0", "?limit"),
        ("limit=100001", "?limit"),
        ("start=2026-11-23&end=2026-11-22", "?start"),
        ("offset=1", "?offset"),
        ("agent=", "?agent"),
    ] {
        let reply = app
            .get(&format!("/usage/export?tenant_id=acme&{query}"))
            .await;
        assert_eq!(
            pointers(&refused(&reply, 400, "invalid_request")),
            pointer,
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_key_exports_its_own_tenant() {
    let app = TestApp::new().await;
    five(&app).await;
    let (own, other) = (app.keys("acme").await, app.keys("other").await);
    assert_eq!(
        get_as(&app, &own.read, "/usage/export")
            .await
            .expect(200)
            .at("/count"),
        5
    );
    assert_eq!(
        get_as(&app, &other.read, "/usage/export")
            .await
            .expect(200)
            .at("/count"),
        0
    );
    refused(
        &get_as(&app, &other.read, "/usage/export?tenant_id=acme").await,
        404,
        "not_found",
    );
    refused(
        &get_as(&app, &own.ingest, "/usage/export").await,
        403,
        "forbidden",
    );
    assert_eq!(
        pointers(&refused(
            &app.get("/usage/export").await,
            400,
            "invalid_request"
        )),
        "?tenant_id"
    );
}
