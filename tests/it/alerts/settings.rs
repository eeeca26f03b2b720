//! `PUT /alerts/{tenant_id}` and `GET`.

use crate::given::{pointers, refused};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

#[tokio::test]
async fn what_is_put_is_shown_and_the_secret_only_when_it_is_new() {
    let app = TestApp::new().await;
    let empty = app.get("/alerts/acme").await.expect(200);
    assert_eq!(
        (
            empty.at("/thresholds"),
            empty.at("/url"),
            empty.at("/has_secret")
        ),
        (json!([]), Value::Null, json!(false))
    );
    let plain = app.put("/alerts/acme", json!({})).await.expect(200);
    assert_eq!(
        (
            plain.at("/thresholds"),
            plain.at("/secret"),
            plain.at("/has_secret")
        ),
        (json!([50, 80, 100]), Value::Null, json!(false))
    );
    let hook = |rotate: bool, path: &str| json!({ "thresholds": [90], "url": format!("https://hooks.example.com/{path}"), "rotate_secret": rotate });
    let first = app.put("/alerts/acme", hook(false, "a")).await.expect(200);
    let secret = first.at("/secret").as_str().expect("a secret").to_owned();
    assert!(secret.starts_with("tgs_") && secret.len() == 68, "256 bits");
    let same = app.put("/alerts/acme", hook(false, "a")).await.expect(200);
    assert_eq!(
        (same.at("/secret"), same.at("/has_secret")),
        (Value::Null, json!(true))
    );
    let rotated = app
        .put("/alerts/acme", hook(true, "a"))
        .await
        .expect(200)
        .at("/secret");
    let moved = app
        .put("/alerts/acme", hook(false, "b"))
        .await
        .expect(200)
        .at("/secret");
    assert!(
        rotated.is_string() && moved.is_string() && rotated != moved && rotated != json!(secret)
    );
    let shown = app.get("/alerts/acme").await.expect(200);
    assert_eq!(
        (shown.at("/thresholds"), shown.at("/url")),
        (json!([90]), json!("https://hooks.example.com/b"))
    );
    for path in [
        "/alerts/acme",
        "/audit",
        "/tenants/acme",
        "/limits/acme",
        "/metrics",
    ] {
        let text = app.get(path).await.expect(200).text;
        assert!(
            ![&json!(secret), &rotated, &moved]
                .into_iter()
                .any(|secret| text.contains(secret.as_str().unwrap())),
            "{path}"
        );
    }
    let off = app
        .put("/alerts/acme", json!({ "thresholds": [] }))
        .await
        .expect(200);
    assert_eq!(
        (off.at("/thresholds"), off.at("/url"), off.at("/has_secret")),
        (json!([]), Value::Null, json!(false))
    );
}

#[tokio::test]
async fn a_change_is_made_under_its_version_and_stands_in_the_audit_trail() {
    let app = TestApp::new().await;
    let version = app
        .put("/alerts/acme", json!({}))
        .await
        .expect(200)
        .at("/version")
        .as_u64()
        .unwrap();
    let put = |version: u64| {
        crate::given::operators(
            "PUT",
            "/alerts/acme",
            &json!({ "thresholds": [10] }),
            "if-match",
            &version.to_string(),
        )
    };
    app.clock.advance(1);
    refused(
        &app.send(put(version + 1)).await,
        412,
        "precondition_failed",
    );
    app.send(put(version)).await.expect(200);
    let entry = app.get("/audit").await.expect(200).at("/data/0");
    assert_eq!(
        (&entry["action"], &entry["detail"]["thresholds"]),
        (&json!("alerts.put"), &json!([10]))
    );
}

#[tokio::test]
async fn a_url_that_leads_inside_is_refused_by_its_field() {
    let app = TestApp::new().await;
    for url in [
        "http://hooks.example.com/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::ffff:a00:1]/",
        "https://db.internal/",
    ] {
        let refusal = refused(
            &app.put("/alerts/acme", json!({ "url": url })).await,
            422,
            "invalid_value",
        );
        assert_eq!(pointers(&refusal), "/url", "{url}");
    }
    assert_eq!(
        app.get("/alerts/acme").await.at("/thresholds"),
        json!([]),
        "nothing was set"
    );
}
