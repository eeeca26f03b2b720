//! `GET /holds`.

use super::{capture, event, extend, hold, limited, release};
use crate::given::{pointers, refused};
use serde_json::{Value, json};

async fn ids(app: &tollgate_tests::TestApp, query: &str) -> (Vec<String>, Value) {
    let list = app
        .get(&format!("/holds?tenant_id=acme{query}"))
        .await
        .expect(200);
    let ids = list
        .at("/data")
        .as_array()
        .unwrap()
        .iter()
        .map(|hold| hold["hold_id"].as_str().unwrap().to_owned())
        .collect();
    (ids, list.at("/next_cursor"))
}

#[tokio::test]
async fn open_holds_are_listed_by_expiry_and_others_are_not() {
    let app = limited().await;
    for (id, ttl) in [
        ("late", 600),
        ("soon", 60),
        ("sooner", 30),
        ("captured", 600),
        ("released", 600),
    ] {
        app.post(
            "/holds",
            json!({ "id": id, "ttl_seconds": ttl, "event": event(json!({ "tokens_out": 1 })) }),
        )
        .await
        .expect(201);
    }
    capture(&app, "captured", json!({})).await.expect(201);
    release(&app, "released").await.expect(200);
    assert_eq!(ids(&app, "&state=open").await.0, ["sooner", "soon", "late"]);
    app.clock.advance(30);
    assert_eq!(
        ids(&app, "").await.0,
        ["soon", "late"],
        "what is over is not open, swept or not"
    );
    extend(&app, "soon", 3600).await.expect(200);
    assert_eq!(ids(&app, "").await.0, ["late", "soon"]);
}

#[tokio::test]
async fn a_list_comes_in_parts_and_its_cursor_is_its_own() {
    let app = limited().await;
    for i in 0..7 {
        hold(&app, &format!("h{i}"), 1).await.expect(201);
    }
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let (ids, next) = ids(&app, &format!("&limit=3{cursor}")).await;
        all.extend(ids);
        let Some(next) = next.as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(all, (0..7).map(|i| format!("h{i}")).collect::<Vec<_>>());
    refused(
        &app.get(&format!("/holds?tenant_id=beta{cursor}")).await,
        400,
        "invalid_cursor",
    );
    let unknown = refused(
        &app.get("/holds?tenant_id=acme&state=closed").await,
        400,
        "invalid_request",
    );
    assert_eq!(pointers(&unknown), "?state");
}
