//! Many clients at once.

use super::{capture, event, hold, limited, stands};
use futures::future::join_all;
use serde_json::json;

#[tokio::test]
async fn of_many_who_hold_at_once_exactly_as_many_as_fit_are_taken() {
    let app = limited().await;
    let ids: Vec<String> = (0..20).map(|i| format!("h{i}")).collect();
    let replies = join_all(ids.iter().map(|id| hold(&app, id, 150))).await;
    assert_eq!(
        replies.iter().filter(|reply| reply.status == 201).count(),
        6
    );
    assert!(
        replies
            .iter()
            .all(|reply| matches!(reply.status, 201 | 402))
    );
    assert_eq!(stands(&app).await, json!([["0", "0.9"], [0, 900]]));
    for (id, _) in ids
        .iter()
        .zip(&replies)
        .filter(|(_, reply)| reply.status == 201)
    {
        capture(&app, id, json!({ "tokens_out": 100 }))
            .await
            .expect(201);
    }
    assert_eq!(stands(&app).await, json!([["0.6", "0"], [600, 0]]));
}

/// P28: a second request while the first holds the worst case.
#[tokio::test]
async fn the_second_request_waits_for_what_the_first_does_not_need() {
    let app = limited().await;
    app.record("acme", event(json!({ "id": "e", "tokens_out": 900 })))
        .await
        .expect(201);
    hold(&app, "first", 100).await.expect(201);
    hold(&app, "second", 50).await.expect(402);
    capture(&app, "first", json!({ "tokens_out": 20 }))
        .await
        .expect(201);
    hold(&app, "second", 50).await.expect(201);
}
