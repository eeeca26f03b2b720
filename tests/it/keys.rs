//! `/keys`: shown once, ended at will.

use crate::given::{Open, get_as, merged, operators, pointers, post_as, refused};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

fn asked(fields: Value) -> Value {
    merged(json!({ "tenant_id": "acme", "scopes": ["read"] }), fields)
}

#[tokio::test]
async fn a_key_is_shown_once_and_kept_as_a_digest() {
    let open = Open::new();
    let app = &open.app;
    let body = asked(
        json!({ "scopes": ["read", "ingest"], "name": "Billing job", "expires_at": "2026-12-01T01:00:00+01:00" }),
    );
    let made = app.post("/keys", body).await.expect(201);
    let (id, key) = (made.at("/key_id"), made.at("/key"));
    let shown = json!({
        "key_id": id, "tenant_id": "acme", "scopes": ["ingest", "read"], "name": "Billing job",
        "created_at": "2026-11-22T10:00:00Z",
        "expires_at": "2026-12-01T00:00:00Z", "revoked_at": null,
    });
    assert_eq!(made.json(), merged(shown.clone(), json!({ "key": key })));
    assert_eq!(
        app.get("/keys").await.expect(200).json(),
        json!({ "data": [shown], "count": 1, "next_cursor": null })
    );
    let key = key.as_str().expect("a key");
    let secret = key.rsplit('_').next().expect("a secret");
    assert_eq!(secret.len(), 64, "256 bits");
    let kept = format!("{:?}", open.dump());
    let bytes = format!("{:?}", secret.as_bytes());
    assert!(
        !kept.contains(secret) && !kept.contains(bytes.trim_matches(['[', ']'])),
        "the store holds the secret"
    );
    assert!(
        !app.get("/audit").await.text.contains(secret),
        "the audit trail holds the secret"
    );
}

#[tokio::test]
async fn a_key_works_until_it_is_revoked() {
    let app = TestApp::new().await;
    let made = app.post("/keys", asked(json!({}))).await.expect(201);
    let (id, key) = (made.at("/key_id"), made.at("/key"));
    let (id, key) = (id.as_str().expect("an id"), key.as_str().expect("a key"));
    get_as(&app, key, "/usage").await.expect(200);
    app.clock.advance(60);
    let revoked = app
        .call("DELETE", &format!("/keys/{id}"), "")
        .await
        .expect(200);
    assert_eq!(revoked.at("/revoked_at"), "2026-11-22T10:01:00Z");
    refused(&get_as(&app, key, "/usage").await, 401, "unauthenticated");
    app.clock.advance(60);
    let again = app
        .call("DELETE", &format!("/keys/{id}"), "")
        .await
        .expect(200);
    assert_eq!(again.json(), revoked.json(), "it is safe to repeat");
    assert_eq!(
        app.get("/keys").await.at("/data/0/revoked_at"),
        "2026-11-22T10:01:00Z"
    );
    refused(
        &app.call("DELETE", "/keys/0000000000000000", "").await,
        404,
        "not_found",
    );
}

#[tokio::test]
async fn a_key_ends_at_its_expiry() {
    let app = TestApp::new().await;
    let made = app
        .post(
            "/keys",
            asked(json!({ "expires_at": "2026-11-22T11:00:00Z" })),
        )
        .await
        .expect(201);
    let key = made.at("/key");
    app.clock.set("2026-11-22T10:59:59.999999999Z");
    get_as(&app, key.as_str().expect("a key"), "/usage")
        .await
        .expect(200);
    app.clock.set("2026-11-22T11:00:00Z");
    refused(
        &get_as(&app, key.as_str().expect("a key"), "/usage").await,
        401,
        "unauthenticated",
    );
}

#[tokio::test]
async fn a_repeat_under_an_idempotency_key_names_the_key_and_never_shows_it() {
    let open = Open::new();
    let app = &open.app;
    let send = |body: Value| app.send(operators("POST", "/keys", &body, "idempotency-key", "k1"));
    let made = send(asked(json!({}))).await.expect(201);
    let before = open.dump();
    for _ in 0..2 {
        let reply = send(asked(json!({}))).await;
        let problem = refused(&reply, 409, "key_repeated");
        assert_eq!(problem["key_id"], made.at("/key_id"));
        assert!(
            !reply
                .text
                .contains(made.at("/key").as_str().expect("a key"))
        );
    }
    refused(
        &send(asked(json!({ "scopes": ["ingest"] }))).await,
        422,
        "idempotency_key_reused",
    );
    assert_eq!(open.dump(), before);
}

#[tokio::test]
async fn an_operators_key_is_for_all_tenants() {
    let app = TestApp::new().await;
    app.record("acme", json!({})).await.expect(201);
    let made = app
        .post("/keys", json!({ "scopes": ["operator"] }))
        .await
        .expect(201);
    assert_eq!(made.at("/tenant_id"), Value::Null);
    let key = made.at("/key");
    let key = key.as_str().expect("a key");
    assert_eq!(
        get_as(&app, key, "/usage?tenant_id=acme")
            .await
            .expect(200)
            .at("/count"),
        1
    );
    post_as(&app, key, "/keys", &asked(json!({})))
        .await
        .expect(201);
    get_as(&app, key, "/audit").await.expect(200);
}

#[tokio::test]
async fn a_bad_request_for_a_key_is_named_and_makes_none() {
    let open = Open::new();
    let app = &open.app;
    let before = open.dump();
    for (fields, status, pointer) in [
        (json!({ "scopes": [] }), 400, "/scopes"),
        (json!({ "scopes": null }), 400, "/scopes"),
        (json!({ "scopes": "read" }), 400, "/scopes"),
        (json!({ "scopes": ["read", "admin"] }), 422, "/scopes/1"),
        (
            json!({ "scopes": ["read", "operator"] }),
            422,
            "/scopes /tenant_id",
        ),
        (json!({ "scopes": ["operator"] }), 422, "/tenant_id"),
        (json!({ "tenant_id": null }), 400, "/tenant_id"),
        (json!({ "tenant_id": "a/b" }), 422, "/tenant_id"),
        (json!({ "expires_at": "2026-12-01" }), 422, "/expires_at"),
        (json!({ "name": "" }), 422, "/name"),
        (json!({ "key": "tg_mine" }), 400, "/key"),
    ] {
        let code = if status == 400 {
            "invalid_request"
        } else {
            "invalid_value"
        };
        assert_eq!(
            pointers(&refused(
                &app.post("/keys", asked(fields)).await,
                status,
                code
            )),
            pointer
        );
    }
    assert_eq!(open.dump(), before);
}

#[tokio::test]
async fn a_key_with_one_character_changed_is_no_key() {
    let app = TestApp::new().await;
    let key = app.key("acme", &["read"]).await;
    for index in 0..key.len() {
        let other = if key[index..].starts_with('0') {
            '1'
        } else {
            '0'
        };
        let changed = format!("{}{other}{}", &key[..index], &key[index + 1..]);
        refused(
            &get_as(&app, &changed, "/usage").await,
            401,
            "unauthenticated",
        );
    }
    for other in [
        key.to_uppercase(),
        format!("{key}0"),
        key[..key.len() - 1].to_owned(),
        format!("{key} "),
        String::new(),
    ] {
        refused(
            &get_as(&app, &other, "/usage").await,
            401,
            "unauthenticated",
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_is_told_late_and_as_late_whether_its_id_is_known_or_not() {
    let app = TestApp::new().await;
    let good = app.key("acme", &["read"]).await;
    let mut known = good.clone();
    known.replace_range(
        known.len() - 4..,
        if good.ends_with("zzzz") {
            "yyyy"
        } else {
            "zzzz"
        },
    );
    let unknown = format!("tg_unknown_{}", "x".repeat(40));
    let mut took = Vec::new();
    for key in [&known, &known, &unknown, "nonsense"] {
        let began = tokio::time::Instant::now();
        app.call_with(key, "GET", "/usage/acme", axum::body::Body::empty())
            .await
            .expect(401);
        took.push(began.elapsed());
    }
    assert!(took.iter().all(|each| *each == took[0]), "{took:?}");
    assert!(took[0] >= std::time::Duration::from_millis(100), "{took:?}");
    let began = tokio::time::Instant::now();
    app.call_with(&good, "GET", "/usage/acme", axum::body::Body::empty())
        .await
        .expect(200);
    assert!(began.elapsed().is_zero());
}
