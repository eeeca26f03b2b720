//! The transfer itself: streamed, and broken off where it fails.

use super::super::five;
use super::{Thin, export};
use crate::given::refused;
use serde_json::json;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tollgate_gateway::DEFAULT_HASH;
use tollgate_service::{Memory, Tenancy};
use tollgate_tests::{Fault, Operation, TestApp};

/// The bytes of an answer, as they come over the wire.
async fn wire(app: &TestApp, path: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(app.serve().await)
        .await
        .expect("a connection");
    let head = format!(
        "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n",
        TestApp::operator()
    );
    let head = format!("{head}x-constitutional-hash: {DEFAULT_HASH}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("a request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    String::from_utf8(answer).expect("text")
}

/// An app whose export takes many slices.
async fn thin() -> TestApp {
    let app = TestApp::over(
        Arc::new(Thin {
            inner: Arc::<Memory>::default(),
            items_max: 1,
        }),
        Tenancy::Sole,
    );
    five(&app).await;
    app
}

#[tokio::test]
async fn the_whole_is_one_chunked_answer_with_its_end() {
    let app = thin().await;
    let whole = wire(&app, "/usage/export?tenant_id=acme&format=csv").await;
    assert!(whole.contains("transfer-encoding: chunked"), "{whole}");
    assert!(whole.ends_with("\r\n0\r\n\r\n"), "{whole}");
    let part = wire(&app, "/usage/export?tenant_id=acme&format=csv&limit=100").await;
    assert!(
        part.contains("content-length: ") && !part.contains("chunked"),
        "{part}"
    );
}

#[tokio::test]
async fn a_store_that_fails_in_mid_stream_breaks_the_transfer_off() {
    for format in ["csv", "json", "jsonl"] {
        let app = thin().await;
        let mut queries = 0;
        app.store.rule(move |call| {
            queries += u32::from(call.operation == Operation::Query);
            if queries > 13 {
                Fault::Before
            } else {
                Fault::None
            }
        });
        let cut = wire(
            &app,
            &format!("/usage/export?tenant_id=acme&format={format}"),
        )
        .await;
        assert!(cut.starts_with("HTTP/1.1 200"), "{cut}");
        assert!(
            cut.contains("\r\n\r\n") && cut.contains("acme"),
            "some of it was sent: {cut}"
        );
        assert!(!cut.ends_with("0\r\n\r\n"), "it looks whole: {cut}");
    }
}

#[tokio::test]
async fn a_client_is_told_that_a_broken_transfer_is_broken() {
    let app = thin().await;
    let mut queries = 0;
    app.store.rule(move |call| {
        queries += u32::from(call.operation == Operation::Query);
        if queries > 13 {
            Fault::Before
        } else {
            Fault::None
        }
    });
    let url = format!(
        "http://{}/usage/export?tenant_id=acme&format=csv",
        app.serve().await
    );
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let request = client
        .get(url)
        .header("authorization", format!("Bearer {}", TestApp::operator()));
    let reply = request
        .header("x-constitutional-hash", DEFAULT_HASH)
        .send()
        .await
        .expect("an answer");
    assert_eq!(reply.status().as_u16(), 200);
    reply.text().await.expect_err("a broken transfer");
}

#[tokio::test]
async fn a_store_that_fails_at_once_is_503() {
    let app = thin().await;
    for calls in 0..3 {
        let first = app.store.calls() + calls;
        app.store.rule(move |call| {
            if call.number >= first {
                Fault::Before
            } else {
                Fault::None
            }
        });
        for query in ["", "&limit=3", "&format=csv"] {
            refused(
                &app.get(&format!("/usage/export?tenant_id=acme{query}"))
                    .await,
                503,
                "store_unavailable",
            );
        }
    }
    app.store.heal();
    assert_eq!(export(&app, "").await.at("/count"), json!(5));
}

#[tokio::test]
async fn an_export_is_counted_and_head_has_no_body() {
    let app = thin().await;
    export(&app, "").await;
    assert_eq!(
        app.call("HEAD", "/usage/export?tenant_id=acme", "")
            .await
            .expect(200)
            .text,
        ""
    );
    let metrics = app.get("/metrics").await.text;
    assert!(
        metrics.contains("tollgate_requests_total{route=\"GET /usage/export\",status=\"200\"} 2"),
        "{metrics}"
    );
}
