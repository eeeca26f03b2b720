//! A receiver that is gone, with thousands of alerts due to it.

use super::{name, record};
use async_trait::async_trait;
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;
use tollgate_core::Alert;
use tollgate_service::{Courier, Delivered, Memory, Tenancy};
use tollgate_tests::TestApp;

const DUE: usize = 10_000;
const OTHERS: usize = 100;
/// How long it takes to find that a receiver is gone.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Delivers to all but one, and notes when.
struct Carrier {
    began: Instant,
    delivered: Mutex<Vec<Duration>>,
    calls_of_gone: Mutex<usize>,
}

#[async_trait]
impl Courier for Carrier {
    async fn post(&self, url: &str, _: &[(&'static str, String)], _: String) -> Result<(), String> {
        if url.ends_with("/gone") {
            *self.calls_of_gone.lock().expect("calls") += 1;
            tokio::time::sleep(TIMEOUT).await;
            return Err("it does not answer".to_owned());
        }
        self.delivered
            .lock()
            .expect("delivered")
            .push(self.began.elapsed());
        Ok(())
    }
}

async fn watched(app: &TestApp, tenant: &str, url: &str) {
    let alerts = json!({ "thresholds": [100], "url": format!("https://hooks.example.com/{url}") });
    app.put(&format!("/alerts/{tenant}"), alerts)
        .await
        .expect(200);
    let limit =
        json!([{ "id": "l", "scope": "agent", "measure": "events", "window": "day", "hard": 1 }]);
    app.limit(tenant, limit).await;
}

async fn cross(app: &TestApp, tenant: &str, agents: usize) {
    record(app, tenant, agents, |number, event| {
        event.dimensions.agent = Some(name(&format!("a{number}")));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_gone_with_10_000_alerts_due_delays_no_other_tenants() {
    let app = TestApp::over(Arc::new(Memory::default()), Tenancy::Sole);
    watched(&app, "gone", "gone").await;
    cross(&app, "gone", DUE).await;
    app.clock.advance(60);
    for number in 0..OTHERS {
        let tenant = format!("t{number}");
        watched(&app, &tenant, "there").await;
        cross(&app, &tenant, 2).await;
    }
    app.clock.advance(60);
    let body = |alert: &Alert| alert.id.clone();
    let carrier = Carrier {
        began: Instant::now(),
        delivered: Mutex::default(),
        calls_of_gone: Mutex::default(),
    };
    let done = app.service().deliver_alerts(&carrier, body).await;
    let expected = Delivered {
        delivered: 2 * OTHERS as u64,
        failed: 1,
    };
    assert_eq!(done.expect("a round"), expected);
    assert_eq!(*carrier.calls_of_gone.lock().expect("calls"), 1);
    let delivered = carrier.delivered.lock().expect("delivered");
    let last = delivered.iter().max().copied().unwrap_or_default();
    println!(
        "{DUE} alerts due to who is gone: {} others within {last:?}",
        delivered.len()
    );
    assert!(last < Duration::from_secs(1), "{last:?}");
}
