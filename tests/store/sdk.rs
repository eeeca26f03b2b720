//! What DynamoDB's answers mean, told through the real SDK by a server that
//! says what it is given to say.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use axum::Router;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tollgate_core::{Attrs, Guard, Key, Value as Attribute, Write};
use tollgate_dynamo::Dynamo;
use tollgate_service::{Commit, Query, Reason, Refusal, Store, StoreError};

/// A server that gives `answers` in turn, the last one for ever.
async fn server(answers: Vec<(u16, Value)>) -> SocketAddr {
    let left = Arc::new(Mutex::new(VecDeque::from(answers)));
    let answer = move || {
        let mut left = left.lock().expect("answers");
        let (status, body) = if left.len() > 1 {
            left.pop_front()
        } else {
            left.front().cloned()
        }
        .expect("an answer");
        let status = StatusCode::from_u16(status).expect("a status");
        let answer: Response = (
            status,
            [(header::CONTENT_TYPE, "application/x-amz-json-1.0")],
            body.to_string(),
        )
            .into_response();
        async move { answer }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    address
}

fn dynamo(address: SocketAddr) -> Dynamo {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("tests", "tests", None, None, "tests"))
        .endpoint_url(format!("http://{address}"))
        .retry_config(RetryConfig::disabled())
        .build();
    Dynamo::new(Client::from_conf(config), "table")
}

fn writes(count: usize) -> Vec<Write> {
    let write = |i| Write::put(Key::new(format!("k{i}"), "x"), Attrs::new()).when(Guard::Absent);
    (0..count).map(write).collect()
}

async fn commit(status: u16, body: Value) -> Result<Commit, StoreError> {
    dynamo(server(vec![(status, body)]).await)
        .commit(&writes(5))
        .await
}

fn cancelled(reasons: Value) -> Value {
    json!({ "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "Message": "cancelled", "CancellationReasons": reasons })
}

fn failed(code: &str) -> Value {
    json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "it failed" })
}

#[tokio::test]
async fn every_reason_of_a_cancelled_transaction_is_told_apart() {
    let stood = json!({ "pk": { "S": "k1" }, "sk": { "S": "x" }, "u": { "N": "-99999999999999999999999999999999999999" }, "b": { "B": "AP8=" } });
    let reasons = json!([
        { "Code": "None" },
        { "Code": "ConditionalCheckFailed", "Item": stood, "Message": "the condition failed" },
        { "Code": "TransactionConflict", "Message": "a conflict" },
        { "Code": "ThrottlingError", "Message": "throttled" },
        { "Code": "ProvisionedThroughputExceeded", "Message": "throttled" },
        { "Code": "ConditionalCheckFailed" },
    ]);
    let item = Attrs::from([
        ("u".into(), Attribute::N(1 - 10_i128.pow(38))),
        ("b".into(), Attribute::B(vec![0, 255])),
    ]);
    let expected = [
        Reason::Guard(Some(item)),
        Reason::Conflict,
        Reason::Throttled,
        Reason::Throttled,
        Reason::Guard(None),
    ];
    let expected = (1..)
        .zip(expected)
        .map(|(index, reason)| Refusal { index, reason })
        .collect();
    assert_eq!(
        commit(400, cancelled(reasons)).await,
        Ok(Commit::Refused(expected))
    );
}

#[tokio::test]
async fn a_throttle_or_conflict_alone_is_no_guard_that_did_not_hold() {
    for (code, reason) in [
        ("TransactionConflict", Reason::Conflict),
        ("ThrottlingError", Reason::Throttled),
        ("ProvisionedThroughputExceeded", Reason::Throttled),
    ] {
        let reasons = json!([{ "Code": "None" }, { "Code": code }]);
        assert_eq!(
            commit(400, cancelled(reasons)).await,
            Ok(Commit::Refused(vec![Refusal { index: 1, reason }]))
        );
    }
}

/// A Put, a Delete and an Update of one item.
fn single_writes() -> [Write; 3] {
    let key = || Key::new("k", "x");
    let set = vec![("a".into(), Attribute::N(1))];
    let writes = [
        Write::put(key(), Attrs::new()),
        Write::delete(key()),
        Write::set(key(), set),
    ];
    writes.map(|write| write.when(Guard::Present))
}

#[tokio::test]
async fn a_write_of_one_item_is_no_transaction_and_says_why_it_did_not_happen() {
    let stood = json!({ "pk": { "S": "k" }, "sk": { "S": "x" }, "u": { "N": "7" } });
    let mut refused = failed("ConditionalCheckFailedException");
    refused["Item"] = stood;
    let item = Attrs::from([("u".into(), Attribute::N(7))]);
    let cases = [
        (refused, Reason::Guard(Some(item))),
        (
            failed("ConditionalCheckFailedException"),
            Reason::Guard(None),
        ),
        (failed("TransactionConflictException"), Reason::Conflict),
        (
            failed("ProvisionedThroughputExceededException"),
            Reason::Throttled,
        ),
        (failed("ThrottlingException"), Reason::Throttled),
    ];
    for (body, reason) in cases {
        for write in single_writes() {
            let store = dynamo(server(vec![(400, body.clone())]).await);
            let reason = reason.clone();
            let expected = Commit::Refused(vec![Refusal { index: 0, reason }]);
            assert_eq!(store.commit(&[write]).await, Ok(expected), "{body}");
        }
    }
    for write in single_writes() {
        let units = json!({ "ConsumedCapacity": { "TableName": "t", "CapacityUnits": 3.0 } });
        let store = dynamo(server(vec![(200, units)]).await);
        assert_eq!(
            store.commit(std::slice::from_ref(&write)).await,
            Ok(Commit::Done { write_units: 3 })
        );
        let store = dynamo(server(vec![(400, failed("AccessDeniedException"))]).await);
        let broken = store.commit(std::slice::from_ref(&write)).await;
        assert!(matches!(broken, Err(StoreError::Broken(_))), "{broken:?}");
        let store = dynamo(server(vec![(500, failed("InternalServerError"))]).await);
        let lost = store.commit(&[write]).await;
        assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    }
}

#[tokio::test]
async fn a_read_without_room_says_so_and_of_a_commit_nobody_knows() {
    for code in [
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
    ] {
        let store = dynamo(server(vec![(400, failed(code))]).await);
        let read = store.read(&[Key::new("k", "x")]).await.map(|_| ());
        let query = store.query(&Query::of("k")).await.map(|_| ());
        for outcome in [read, query] {
            let is_throttled = matches!(outcome, Err(StoreError::Throttled(_)));
            assert!(is_throttled, "{code}: {outcome:?}");
        }
        let commit = store.commit(&writes(2)).await;
        assert!(
            matches!(commit, Err(StoreError::Unavailable(_))),
            "{code}: {commit:?}"
        );
    }
}

#[tokio::test]
async fn what_passes_is_unavailable_and_what_stays_is_broken() {
    for (status, code, passes) in [
        (400, "TransactionInProgressException", true),
        (500, "InternalServerError", true),
        (503, "ServiceUnavailable", true),
        (502, "SomethingNew", true),
        (400, "ValidationException", false),
        (400, "IdempotentParameterMismatchException", false),
        (400, "ResourceNotFoundException", false),
        (400, "AccessDeniedException", false),
        (400, "UnrecognizedClientException", false),
    ] {
        let store = dynamo(server(vec![(status, failed(code))]).await);
        let read = store.read(&[Key::new("k", "x")]).await.map(|_| ());
        let query = store.query(&Query::of("k")).await.map(|_| ());
        let commit = store.commit(&writes(2)).await.map(|_| ());
        for outcome in [read, query, commit] {
            match outcome {
                Err(StoreError::Unavailable(_)) => assert!(passes, "{code} stays"),
                Err(StoreError::Broken(_)) => assert!(!passes, "{code} passes"),
                other => panic!("{code}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn an_error_says_code_and_message_and_never_the_item_that_came_with_it() {
    let stood = json!({ "pk": { "S": "k" }, "sk": { "S": "x" }, "who": { "S": "a-person" } });
    for status in [400, 500] {
        let mut answer = failed("SomethingException");
        answer["message"] = json!("it went wrong");
        answer["Item"] = stood.clone();
        let why = "SomethingException: it went wrong".to_owned();
        let error = match status {
            400 => StoreError::Broken(why),
            _ => StoreError::Unavailable(why),
        };
        assert_eq!(commit(status, answer).await, Err(error));
    }
}

#[tokio::test]
async fn a_reason_that_is_not_known_is_broken_and_none_at_all_unavailable() {
    let unknown = commit(
        400,
        cancelled(json!([{ "Code": "ValidationError", "Message": "a key is too long" }])),
    )
    .await;
    assert!(matches!(unknown, Err(StoreError::Broken(_))), "{unknown:?}");
    let none = commit(
        400,
        cancelled(json!([{ "Code": "None" }, { "Code": "None" }])),
    )
    .await;
    assert!(matches!(none, Err(StoreError::Unavailable(_))), "{none:?}");
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable_and_one_that_makes_no_sense_broken() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let away = listener.local_addr().expect("an address");
    drop(listener);
    let away = dynamo(away).commit(&writes(1)).await;
    assert!(matches!(away, Err(StoreError::Unavailable(_))), "{away:?}");
    let nonsense = commit(200, json!("nonsense")).await;
    assert!(
        matches!(nonsense, Err(StoreError::Broken(_))),
        "{nonsense:?}"
    );
}

#[tokio::test]
async fn keys_that_stayed_unprocessed_are_asked_for_again_and_given_up_in_the_end() {
    let item = |pk: &str| json!({ "pk": { "S": pk }, "sk": { "S": "x" }, "v": { "N": "7" } });
    let left = json!({ "table": { "Keys": [{ "pk": { "S": "b" }, "sk": { "S": "x" } }], "ConsistentRead": true } });
    let part = json!({ "Responses": { "table": [item("a")] }, "UnprocessedKeys": left });
    let rest = json!({ "Responses": { "table": [item("b")] }, "UnprocessedKeys": {} });
    let keys = [Key::new("a", "x"), Key::new("b", "x"), Key::new("c", "x")];
    let found = dynamo(server(vec![(200, part.clone()), (200, rest)]).await)
        .read(&keys)
        .await
        .expect("a read");
    let seven = Some(Attrs::from([("v".into(), Attribute::N(7))]));
    assert_eq!(found, [seven.clone(), seven, None]);
    let never = dynamo(server(vec![(200, part)]).await).read(&keys).await;
    assert!(matches!(never, Err(StoreError::Throttled(_))), "{never:?}");
}
