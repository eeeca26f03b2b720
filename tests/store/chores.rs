//! Housekeeping through a queue: what is sent to SQS, and what a worker answers.

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use axum::Router;
use axum::response::IntoResponse;
use http::{StatusCode, header};
use serde_json::{Value, json};
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tollgate_core::{Instant, table};
use tollgate_service::{Chore, ChoreQueue, Memory, Tenancy};
use tollgate_sqs::SqsQueue;
use tollgate_tests::{Fault, TestApp, name};

type Asked = Arc<Mutex<Vec<Value>>>;

/// A queue whose server gives these answers in turn, and what it was asked.
async fn queue(answers: Vec<Value>) -> (SqsQueue, Asked) {
    let (asked, answers) = (Asked::default(), Mutex::new(VecDeque::from(answers)));
    let (hears, answers) = (asked.clone(), Arc::new(answers));
    let answer = move |body: String| {
        hears
            .lock()
            .expect("asked")
            .push(serde_json::from_str(&body).expect("JSON"));
        let answer = answers.lock().expect("answers").pop_front();
        async move {
            let kind = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
            match answer {
                Some(answer) => (kind, answer.to_string()).into_response(),
                None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            }
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("tests", "tests", None, None, "tests"))
        .endpoint_url(format!("http://{address}"))
        .retry_config(RetryConfig::disabled())
        .build();
    let url = format!("http://{address}/1/chores.fifo");
    (SqsQueue::new(Client::from_conf(config), url), asked)
}

fn chores(count: usize) -> Vec<Chore> {
    let chore = |number: usize| Chore::RollUp {
        tenant_id: name(format!("t{number}")),
    };
    (0..count).map(chore).collect()
}

fn noon(second: i64) -> Instant {
    let noon: Instant = "2026-11-22T12:00:00Z".parse().expect("a time");
    noon.plus_seconds(second)
}

fn taken(ids: impl IntoIterator<Item = usize>) -> Value {
    let entry =
        |id: usize| json!({ "Id": id.to_string(), "MessageId": "m", "MD5OfMessageBody": "" });
    json!({ "Successful": ids.into_iter().map(entry).collect::<Vec<_>>() })
}

#[tokio::test]
async fn chores_go_to_sqs_ten_at_a_time_and_what_was_not_taken_goes_again() {
    let mut first = taken((0..10).filter(|id| *id != 3));
    first["Failed"] = json!([{ "Id": "3", "SenderFault": false, "Code": "InternalError" }]);
    let (queue, asked) = queue(vec![first, taken([3]), taken(0..2)]).await;
    queue.send(chores(12), noon(0)).await.expect("sent");
    let asked = asked.lock().expect("asked").clone();
    let entries = |at: usize| asked[at]["Entries"].as_array().expect("entries").clone();
    assert_eq!(
        (entries(0).len(), entries(1).len(), entries(2).len()),
        (10, 1, 2)
    );
    assert_eq!(entries(1)[0], entries(0)[3]);
    let body = entries(0)[0]["MessageBody"]
        .as_str()
        .expect("a body")
        .to_owned();
    assert_eq!(body, r#"{"chore":"roll_up","tenant_id":"t0"}"#);
    let groups: BTreeSet<String> = [entries(0), entries(2)]
        .concat()
        .iter()
        .map(|entry| {
            entry["MessageGroupId"]
                .as_str()
                .expect("a group")
                .to_owned()
        })
        .collect();
    assert_eq!(groups.len(), 12, "one a tenant");
    assert!(groups.iter().all(|group| group.len() == 64));
}

#[tokio::test]
async fn a_chore_is_the_same_message_within_a_minute_and_another_afterwards() {
    let (queue, asked) = queue(vec![taken([0]), taken([0]), taken([0])]).await;
    for second in [0, 59, 60] {
        queue.send(chores(1), noon(second)).await.expect("sent");
    }
    let asked = asked.lock().expect("asked").clone();
    let once = |at: usize| asked[at]["Entries"][0]["MessageDeduplicationId"].clone();
    assert_eq!(once(0), once(1));
    assert_ne!(once(0), once(2));
}

#[tokio::test]
async fn a_queue_that_takes_nothing_is_told() {
    let failed =
        json!({ "Failed": [{ "Id": "0", "SenderFault": false, "Code": "InternalError" }] });
    let (queue_, _) = queue(vec![failed; 4]).await;
    let told = queue_.send(chores(1), noon(0)).await.unwrap_err();
    assert_eq!(told, "SQS did not take 1 chores");
    let refused = json!({ "Failed": [{ "Id": "0", "SenderFault": true, "Code": "InvalidParameterValue", "Message": "too long" }] });
    let (queue_, asked) = queue(vec![refused]).await;
    let told = queue_.send(chores(1), noon(0)).await.unwrap_err();
    assert_eq!(told, "SQS refuses a chore: InvalidParameterValue: too long");
    assert_eq!(asked.lock().expect("asked").len(), 1);
}

/// A queue in memory.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Vec<Chore>>);

impl Kept {
    /// What waits, as an event of SQS.
    pub(crate) fn take(&self) -> Value {
        let chores = std::mem::take(&mut *self.0.lock().expect("chores"));
        let record = |(number, chore): (usize, &Chore)| {
            json!({
                "messageId": format!("m{number}"), "eventSource": "aws:sqs",
                "body": serde_json::to_string(chore).expect("JSON"),
            })
        };
        json!({ "Records": chores.iter().enumerate().map(record).collect::<Vec<_>>() })
    }
}

#[async_trait]
impl ChoreQueue for Kept {
    async fn send(&self, chores: Vec<Chore>, _: Instant) -> Result<(), String> {
        self.0.lock().expect("chores").extend(chores);
        Ok(())
    }
}

#[tokio::test]
async fn a_worker_answers_which_of_its_messages_come_again() {
    let settle = Duration::ZERO;
    let app = TestApp::over(Arc::new(Memory::default()), Tenancy::Shared { settle });
    for tenant in ["good", "bad", "fine"] {
        app.record(tenant, json!({ "id": "e" })).await.expect(201);
    }
    app.clock.advance(2 * 3600);
    let queue = Kept::default();
    let rollup = json!({ "action": "rollup" });
    let sent = tollgate_purge::dispatch(&app.app, &rollup, &queue).await;
    assert_eq!(sent, Ok(json!({ "action": "rollup", "chores": 3 })));
    let mut event = queue.take();
    let foreign = json!({ "messageId": "foreign", "body": "{\"chore\":\"paint\"}" });
    event["Records"]
        .as_array_mut()
        .expect("records")
        .push(foreign);
    let of_bad = |record: &&Value| {
        record["body"]
            .as_str()
            .is_some_and(|body| body.contains("bad"))
    };
    let records = event["Records"].as_array().expect("records");
    let bad = records.iter().find(of_bad).expect("a record")["messageId"].clone();
    // A page of this tenant cannot be read.
    let hour = noon(0).plus_seconds(-2 * 3600);
    let page = table::pages(&name("bad"), &table::stretch(hour, 0));
    app.damage(&page).await;
    let failed = tollgate_purge::work(&app.app, &event).await;
    let items = json!([{ "itemIdentifier": "foreign" }, { "itemIdentifier": bad }]);
    assert_eq!(failed, json!({ "batchItemFailures": items }));
    tollgate_purge::dispatch(&app.app, &rollup, &queue)
        .await
        .expect("sent");
    let again = queue.take();
    assert_eq!(
        again["Records"].as_array().map(Vec::len),
        Some(1),
        "the others are done"
    );
}

#[tokio::test]
async fn a_queue_that_is_away_loses_nothing() {
    let app = TestApp::new().await;
    app.record("acme", json!({ "id": "e" })).await.expect(201);
    app.clock.advance(2 * 3600);
    let (away, _) = queue(Vec::new()).await;
    let rollup = json!({ "action": "rollup" });
    let sent = tollgate_purge::dispatch(&app.app, &rollup, &away).await;
    assert!(sent.unwrap_err().starts_with("the store is unavailable"));
    let queue = Kept::default();
    let sent = tollgate_purge::dispatch(&app.app, &rollup, &queue).await;
    assert_eq!(sent, Ok(json!({ "action": "rollup", "chores": 1 })));
    app.store.rule(|_| Fault::Before);
    let failed = tollgate_purge::work(&app.app, &queue.take()).await;
    assert_eq!(
        failed["batchItemFailures"].as_array().map(Vec::len),
        Some(1)
    );
    app.store.heal();
    let sent = tollgate_purge::dispatch(&app.app, &rollup, &queue).await;
    assert_eq!(sent, Ok(json!({ "action": "rollup", "chores": 1 })));
    let failed = tollgate_purge::work(&app.app, &queue.take()).await;
    assert_eq!(failed, json!({ "batchItemFailures": [] }));
    let idle = tollgate_purge::dispatch(&app.app, &rollup, &queue).await;
    assert_eq!(idle, Ok(json!({ "action": "rollup", "chores": 0 })));
}
