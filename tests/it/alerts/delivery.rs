//! Webhooks: signed, tried again, and given up.

use super::limit;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use hmac::{Hmac, KeyInit, Mac};
use http::StatusCode;
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tollgate_core::Instant;
use tollgate_tests::TestApp;

/// What a receiver was sent.
#[derive(Clone, Debug)]
struct Received {
    path: String,
    id: String,
    timestamp: String,
    signature: String,
    body: String,
}

/// A webhook that answers as it is told, then 200.
#[derive(Clone, Default)]
struct Receiver {
    answers: Arc<Mutex<VecDeque<u16>>>,
    received: Arc<Mutex<Vec<Received>>>,
    pause: Duration,
}

impl Receiver {
    async fn listen(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let receiver = self.clone();
        let take = move |uri: http::Uri, headers: HeaderMap, body: Bytes| {
            let receiver = receiver.clone();
            async move { receiver.take(&uri, &headers, &body).await }
        };
        let router = axum::Router::new().fallback(take);
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    async fn take(
        &self,
        uri: &http::Uri,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> impl IntoResponse + use<> {
        let header = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_owned()
        };
        assert_eq!(header("content-type"), "application/json");
        self.received.lock().expect("received").push(Received {
            path: uri.path().to_owned(),
            id: header("tollgate-alert-id"),
            timestamp: header("tollgate-timestamp"),
            signature: header("tollgate-signature"),
            body: String::from_utf8(body.to_vec()).expect("text"),
        });
        tokio::time::sleep(self.pause).await;
        let status = self
            .answers
            .lock()
            .expect("answers")
            .pop_front()
            .unwrap_or(200);
        (
            StatusCode::from_u16(status).expect("a status"),
            [("location", "/elsewhere")],
            "an answer that nobody reads",
        )
    }

    fn answers(&self, statuses: &[u16]) {
        self.answers.lock().expect("answers").extend(statuses);
    }

    fn taken(&self) -> Vec<Received> {
        std::mem::take(&mut *self.received.lock().expect("received"))
    }
}

/// Whether a receiver that knows `secret` may believe what it was sent at `now`.
fn believes(received: &Received, secret: &str, now: i64) -> bool {
    let Received {
        id,
        timestamp,
        signature,
        body,
        ..
    } = received;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    let digits = |text: &str| -> Option<Vec<u8>> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
            .collect()
    };
    let recent = timestamp
        .parse::<i64>()
        .is_ok_and(|at| (now - at).abs() <= 300);
    let signed = signature
        .strip_prefix("v1=")
        .and_then(digits)
        .is_some_and(|bytes| mac.verify_slice(&bytes).is_ok());
    recent && signed
}

async fn put_url(app: &TestApp, tenant: &str, address: SocketAddr) -> String {
    let order = json!({ "url": format!("http://{address}/hook/{tenant}") });
    let put = app
        .put(&format!("/alerts/{tenant}"), order)
        .await
        .expect(200);
    put.at("/secret").as_str().expect("a new secret").to_owned()
}

/// `tenant` is told at `receiver`, and has used 5 of 10.
async fn crossed(app: &TestApp, tenant: &str, address: SocketAddr) -> String {
    let secret = put_url(app, tenant, address).await;
    app.put(
        &format!("/limits/{tenant}"),
        json!({ "limits": [limit("l", "tenant", "tokens_in", 10)] }),
    )
    .await
    .expect(200);
    app.record(tenant, json!({ "id": "five", "tokens_in": 5 }))
        .await
        .expect(201);
    secret
}

async fn round(app: &TestApp) -> (u64, u64) {
    let done = tollgate_purge::scheduled(&app.app, &json!({ "action": "deliver_alerts" }))
        .await
        .expect("a round");
    (
        done["delivered"].as_u64().expect("a count"),
        done["failed"].as_u64().expect("a count"),
    )
}

async fn shown(app: &TestApp, tenant: &str) -> Value {
    app.get(&format!("/alerts/{tenant}"))
        .await
        .expect(200)
        .at("/alerts/0")
}

fn seconds(app: &TestApp) -> i64 {
    app.service().now().unix_seconds()
}

#[tokio::test]
async fn an_alert_is_delivered_once_and_signed_over_id_time_and_body() {
    let (app, receiver) = (TestApp::new().await, Receiver::default());
    let secret = crossed(&app, "acme", receiver.listen().await).await;
    assert_eq!(shown(&app, "acme").await["state"], "pending");
    app.clock.advance(20);
    assert_eq!((round(&app).await, round(&app).await), ((1, 0), (0, 0)));
    let [received] = receiver.taken().try_into().expect("one delivery");
    assert_eq!(received.path, "/hook/acme");
    assert!(believes(&received, &secret, seconds(&app)));
    assert!(
        !believes(&received, &secret, seconds(&app) + 301),
        "a replay of later is told by its time"
    );
    for forged in [
        Received {
            id: "0".repeat(64),
            ..received.clone()
        },
        Received {
            timestamp: (seconds(&app) + 1).to_string(),
            ..received.clone()
        },
        Received {
            body: received.body.replace("50", "80"),
            ..received.clone()
        },
    ] {
        assert!(!believes(&forged, &secret, seconds(&app)), "{forged:?}");
    }
    let body: Value = serde_json::from_str(&received.body).expect("JSON");
    let limit = json!({ "limit_id": "l", "source": "limits", "scope": "tenant", "scope_id": null,
        "measure": "tokens_in", "currency": null, "window": "day",
        "window_start": "2026-11-22T00:00:00Z", "window_end": "2026-11-23T00:00:00Z",
        "soft": null, "hard": 10, "used": 5, "held": 0, "remaining": 5, "percent": "50.00", "status": "ok" });
    let expected = json!({ "id": received.id, "type": "limit.threshold_crossed", "tenant_id": "acme", "threshold": 50, "limit": limit,
        "crossed_at": "2026-11-22T10:00:00Z" });
    assert_eq!(body, expected);
    let shown = shown(&app, "acme").await;
    assert_eq!(
        (&shown["state"], &shown["attempts"], &shown["next_try_at"]),
        (&json!("delivered"), &json!(1), &Value::Null)
    );
}

#[tokio::test]
async fn what_fails_is_tried_again_with_growing_pauses_and_the_same_id_and_body() {
    let (app, receiver) = (TestApp::new().await, Receiver::default());
    let secret = crossed(&app, "acme", receiver.listen().await).await;
    // A redirect is a failure, and nobody follows it.
    receiver.answers(&[500, 302, 404, 503]);
    let mut all = Vec::new();
    for pause in [60, 120, 240, 480] {
        assert_eq!(round(&app).await, (0, 1));
        let due = app.service().now().plus_seconds(pause).to_string();
        let shown = shown(&app, "acme").await;
        assert_eq!(
            (&shown["state"], &shown["next_try_at"]),
            (&json!("pending"), &json!(due))
        );
        app.clock.advance(pause - 1);
        assert_eq!(round(&app).await, (0, 0), "not before its time");
        app.clock.advance(1);
        let [received] = receiver.taken().try_into().expect("one try");
        assert_eq!(received.path, "/hook/acme");
        all.push(received);
    }
    assert_eq!(round(&app).await, (1, 0));
    let [last] = receiver.taken().try_into().expect("one try");
    assert!(
        all.iter()
            .all(|other| (&other.id, &other.body) == (&last.id, &last.body)
                && other.timestamp != last.timestamp)
    );
    assert!(
        believes(&last, &secret, seconds(&app)),
        "each try is signed anew"
    );
    assert_eq!(shown(&app, "acme").await["attempts"], 5);
}

#[tokio::test]
async fn after_three_days_in_vain_it_is_given_up_and_still_shown() {
    let (app, receiver) = (TestApp::new().await, Receiver::default());
    crossed(&app, "acme", receiver.listen().await).await;
    receiver.answers(&[500; 100]);
    let began = seconds(&app);
    for attempt in 1..=16 {
        assert_eq!(round(&app).await, (0, 1), "{attempt}");
        let shown = shown(&app, "acme").await;
        assert_eq!(shown["attempts"], attempt);
        if attempt < 16 {
            let next: Instant = shown["next_try_at"]
                .as_str()
                .expect("a time")
                .parse()
                .expect("a time");
            assert!(
                (60..=43_200).contains(&(next.unix_seconds() - seconds(&app))),
                "{shown}"
            );
            app.clock.set(&next.to_string());
        }
    }
    let hours = (seconds(&app) - began) / 3600;
    assert!((70..80).contains(&hours), "{hours} hours");
    app.clock.advance(7 * 86_400);
    assert_eq!(round(&app).await, (0, 0));
    assert_eq!(receiver.taken().len(), 16);
    assert_eq!(shown(&app, "acme").await["state"], "failed");
}

#[tokio::test]
async fn a_receiver_that_is_away_delays_no_other_tenant_and_is_called_once_a_round() {
    let (app, receiver) = (TestApp::new().await, Receiver::default());
    let gone = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        listener.local_addr().expect("an address")
    };
    crossed(&app, "gone", gone).await;
    app.record("gone", json!({ "id": "more", "tokens_in": 5 }))
        .await
        .expect(201);
    crossed(&app, "here", receiver.listen().await).await;
    assert_eq!(round(&app).await, (1, 1));
    assert_eq!(receiver.taken().len(), 1);
    let tried = app.get("/alerts/gone").await.at("/alerts");
    let attempts: u64 = tried
        .as_array()
        .expect("alerts")
        .iter()
        .map(|alert| alert["attempts"].as_u64().expect("a count"))
        .sum();
    assert_eq!(attempts, 1, "{tried}");
}

#[tokio::test]
async fn two_workers_at_once_deliver_once() {
    let (app, receiver) = (
        TestApp::new().await,
        Receiver {
            pause: Duration::from_millis(100),
            ..Receiver::default()
        },
    );
    crossed(&app, "acme", receiver.listen().await).await;
    app.record("acme", json!({ "id": "more", "tokens_in": 5 }))
        .await
        .expect(201);
    let ((one, failed), (other, also_failed)) = tokio::join!(round(&app), round(&app));
    assert_eq!((one + other, failed + also_failed), (3, 0));
    let mut ids: Vec<String> = receiver
        .taken()
        .into_iter()
        .map(|received| received.id)
        .collect();
    ids.sort();
    let all = ids.len();
    ids.dedup();
    assert_eq!((all, ids.len()), (3, 3));
}

#[tokio::test]
async fn what_is_pending_goes_to_the_url_of_now_under_its_secret_and_without_one_nowhere() {
    let (app, receiver) = (TestApp::new().await, Receiver::default());
    let before = crossed(&app, "acme", "127.0.0.1:9".parse().expect("an address")).await;
    assert_eq!(round(&app).await, (0, 1));
    let secret = put_url(&app, "acme", receiver.listen().await).await;
    app.clock.advance(60);
    assert_eq!(round(&app).await, (1, 0));
    let [received] = receiver.taken().try_into().expect("one delivery");
    assert!(
        believes(&received, &secret, seconds(&app)) && !believes(&received, &before, seconds(&app))
    );
    app.record("acme", json!({ "id": "more", "tokens_in": 3 }))
        .await
        .expect(201);
    app.put("/alerts/acme", json!({})).await.expect(200);
    assert_eq!(round(&app).await, (0, 0));
    app.record("acme", json!({ "id": "last", "tokens_in": 2 }))
        .await
        .expect(201);
    app.clock.advance(1);
    assert_eq!(round(&app).await, (0, 0));
    let alerts = app.get("/alerts/acme").await.at("/alerts");
    let states: Vec<&str> = alerts
        .as_array()
        .expect("alerts")
        .iter()
        .map(|alert| alert["state"].as_str().expect("a state"))
        .collect();
    assert_eq!(
        (
            states.iter().filter(|state| **state == "kept").count(),
            states.len()
        ),
        (2, 3)
    );
    assert!(receiver.taken().is_empty());
}
