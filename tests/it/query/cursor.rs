//! Cursors: exact, signed, and bound to one question of one tenant.

use super::{five, ids};
use crate::given::{get_as, refused};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

async fn page(app: &TestApp, query: &str) -> (String, Option<String>) {
    let reply = app
        .get(&format!("/usage?tenant_id=acme&{query}"))
        .await
        .expect(200);
    (
        ids(&reply),
        reply.at("/next_cursor").as_str().map(str::to_owned),
    )
}

#[tokio::test]
async fn pages_together_are_the_list_whatever_their_size() {
    let app = TestApp::new().await;
    five(&app).await;
    for filter in [
        "",
        "&start=2026-11-22T07:30:00Z&end=2026-11-22T09:00:00.000000001Z",
        "&agent=a1",
        "&tier=none",
    ] {
        let (whole, _) = page(&app, filter).await;
        for limit in 1..=6 {
            let (mut found, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
            loop {
                let (ids, next) = page(&app, &format!("limit={limit}{filter}{cursor}")).await;
                found.extend(
                    ids.split(' ')
                        .filter(|id| !id.is_empty())
                        .map(str::to_owned),
                );
                pages += 1;
                let Some(next) = next else { break };
                cursor = format!("&cursor={next}");
            }
            assert_eq!(found.join(" "), whole);
            assert_eq!(
                pages,
                found.len().div_ceil(limit).max(1),
                "no page is empty but the only one"
            );
        }
    }
}

#[tokio::test]
async fn a_cursor_with_any_byte_changed_is_refused() {
    let app = TestApp::new().await;
    five(&app).await;
    let (_, cursor) = page(&app, "limit=2").await;
    let cursor = cursor.expect("a cursor");
    for index in 0..cursor.len() {
        for other in "AQgw09-_"
            .chars()
            .filter(|other| !cursor[index..].starts_with(*other))
        {
            let changed = format!("{}{other}{}", &cursor[..index], &cursor[index + 1..]);
            let reply = app
                .get(&format!("/usage?tenant_id=acme&cursor={changed}"))
                .await;
            refused(&reply, 400, "invalid_cursor");
        }
        let shorter = app
            .get(&format!(
                "/usage?tenant_id=acme&cursor={}",
                &cursor[..index]
            ))
            .await;
        refused(&shorter, 400, "invalid_cursor");
    }
    for longer in [
        format!("{cursor}A"),
        format!("{cursor}="),
        format!("{cursor}{cursor}"),
        format!("{cursor}%0A"),
        "*".to_owned(),
    ] {
        assert_eq!(
            app.get(&format!("/usage?tenant_id=acme&cursor={longer}"))
                .await
                .status,
            400,
            "{longer}"
        );
    }
}

#[tokio::test]
async fn a_cursor_answers_its_own_question_only() {
    let app = TestApp::new().await;
    five(&app).await;
    for id in ["x", "y"] {
        app.record("other", json!({ "id": id })).await.expect(201);
    }
    let (_, cursor) = page(&app, "limit=1&agent=a1").await;
    let cursor = cursor.expect("a cursor");
    let same = page(&app, &format!("agent_id=a1&cursor={cursor}&limit=7")).await;
    assert_eq!(
        same.0, "d",
        "another limit and another spelling are the same question"
    );
    let other_key = app.keys("other").await.read;
    for query in [
        "",
        "agent=a2",
        "agent=a1&start=2026-11-22",
        "agent=a1&tier=standard",
    ] {
        refused(
            &app.get(&format!("/usage?tenant_id=acme&{query}&cursor={cursor}"))
                .await,
            400,
            "invalid_cursor",
        );
    }
    refused(
        &app.get(&format!("/usage?tenant_id=other&agent=a1&cursor={cursor}"))
            .await,
        400,
        "invalid_cursor",
    );
    refused(
        &get_as(
            &app,
            &other_key,
            &format!("/usage?agent=a1&cursor={cursor}"),
        )
        .await,
        400,
        "invalid_cursor",
    );
    for path in ["/keys", "/tenants", "/rate-cards", "/audit"] {
        refused(
            &app.get(&format!("{path}?cursor={cursor}")).await,
            400,
            "invalid_cursor",
        );
    }
}

#[tokio::test]
async fn what_arrives_behind_the_cursor_is_not_shown() {
    let app = TestApp::new().await;
    five(&app).await;
    let (first, cursor) = page(&app, "limit=3").await;
    assert_eq!(first, "a b c");
    for (id, hour) in [
        ("aa", "07:15:00"),
        ("bz", "09:00:00"),
        ("cc", "09:00:00"),
        ("z", "09:30:00"),
    ] {
        app.record(
            "acme",
            json!({ "id": id, "timestamp": format!("2026-11-22T{hour}Z") }),
        )
        .await
        .expect(201);
    }
    let (rest, next) = page(
        &app,
        &format!("limit=9&cursor={}", cursor.expect("a cursor")),
    )
    .await;
    assert_eq!((rest.as_str(), next), ("cc d e z", None));
}

#[tokio::test]
async fn every_list_pages_exactly() {
    let app = TestApp::new().await;
    for n in 0..5 {
        app.put(&format!("/tenants/t{n}"), json!({}))
            .await
            .expect(200);
        app.key(&format!("t{n}"), &["read"]).await;
        crate::given::card(&app, &format!("card{n}"), json!({})).await;
    }
    for (path, id, count) in [
        ("/tenants", "id", 5),
        ("/keys", "key_id", 5),
        ("/rate-cards", "id", 6),
        ("/audit", "created_at", 20),
    ] {
        let whole = app.get(path).await.expect(200);
        assert_eq!(
            whole.at("/data").as_array().map(Vec::len),
            Some(count),
            "{path}"
        );
        let (mut found, mut query) = (Vec::<Value>::new(), "?limit=2".to_owned());
        loop {
            let reply = app.get(&format!("{path}{query}")).await.expect(200);
            found.extend(reply.at("/data").as_array().expect("data").iter().cloned());
            let next = reply.at("/next_cursor");
            let Some(next) = next.as_str() else { break };
            query = format!("?limit=2&cursor={next}");
        }
        assert_eq!(Value::Array(found.clone()), whole.at("/data"), "{path}");
        assert!(found.iter().all(|entry| entry[id].is_string()));
    }
}
