//! Orders to erase: of one person, told before, answered once, and repeated without effect.

use super::{NAME, erase, history};
use crate::given::{Open, merged, operators, pointers, refused};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tollgate_core::{Attrs, Key};

/// All but what says that there was an order.
fn settled(items: BTreeMap<Key, Attrs>) -> BTreeMap<Key, Attrs> {
    items
        .into_iter()
        .filter(|(key, _)| {
            let is_of_orders = key.pk.ends_with("|W") || key.pk.contains("|Z|");
            !is_of_orders && !key.pk.starts_with("A|AUDIT") && !key.pk.starts_with("L|DIRTY")
        })
        .collect()
}

#[tokio::test]
async fn a_dry_run_counts_and_changes_nothing_and_so_does_a_repeat() {
    let open = Open::new();
    history(&open, false).await;
    let app = &open.app;
    let before = open.dump();
    let dry = erase(app, json!({ "agent_id": NAME, "dry_run": true })).await;
    assert_eq!(open.dump(), before);
    let real = erase(app, json!({ "agent_id": NAME, "dry_run": false })).await;
    assert_eq!(
        (&dry["status"], &dry["dry_run"]),
        (&json!("dry_run"), &json!(true))
    );
    let done = json!({ "status": "pseudonymised", "dry_run": false });
    assert_eq!(real, merged(dry, done));
    let before = settled(open.dump());
    let repeat = erase(app, json!({ "agent_id": NAME })).await;
    assert_eq!(
        (
            &repeat["pseudonymised"],
            &repeat["pages"],
            &repeat["pseudonym"]
        ),
        (&json!(0), &json!(0), &real["pseudonym"])
    );
    let itself = erase(app, json!({ "agent_id": real["pseudonym"] })).await;
    assert_eq!(
        (&itself["pseudonymised"], &itself["pseudonym"]),
        (&json!(0), &real["pseudonym"])
    );
    assert_eq!(settled(open.dump()), before);
}

#[tokio::test]
async fn a_name_that_nobody_has_is_erased_from_nothing() {
    let open = Open::new();
    history(&open, true).await;
    let before = settled(open.dump());
    for order in [
        json!({ "agent_id": "nobody" }),
        json!({ "consumer_id": "ann" }),
        json!({ "tenant_id": "nobody", "agent_id": NAME }),
    ] {
        let answer = erase(&open.app, order).await;
        assert_eq!(
            (
                &answer["pseudonymised"],
                &answer["pages"],
                &answer["status"]
            ),
            (&json!(0), &json!(0), &json!("pseudonymised"))
        );
    }
    let after = settled(open.dump());
    let changed: Vec<_> = after
        .iter()
        .filter(|(key, attrs)| before.get(key) != Some(attrs))
        .collect();
    assert!(changed.is_empty(), "{changed:?}");
    assert_eq!(after.len(), before.len());
}

/// Orders that are refused, and the field at fault.
fn bad_orders() -> [(Value, &'static str); 10] {
    [
        (
            json!({ "tenant_id": "acme", "agent_id": "a", "consumer_id": "c", "pseudonymise": true }),
            "/consumer_id",
        ),
        (
            json!({ "tenant_id": "acme", "agent_id": "a" }),
            "/pseudonymise",
        ),
        (
            json!({ "tenant_id": "acme", "consumer_id": "c", "pseudonymise": false }),
            "/pseudonymise",
        ),
        (
            json!({ "tenant_id": "acme", "pseudonymise": true }),
            "/pseudonymise",
        ),
        (
            json!({ "agent_id": "a", "pseudonymise": true }),
            "/tenant_id",
        ),
        (
            json!({ "tenant_id": "acme", "agent_id": "a", "pseudonymise": true, "older_than_days": 40 }),
            "/older_than_days",
        ),
        (
            json!({ "tenant_id": "acme", "agent_id": "a|b", "pseudonymise": true }),
            "/agent_id",
        ),
        (
            json!({ "tenant_id": "acme", "agent_id": "", "pseudonymise": true }),
            "/agent_id",
        ),
        (
            json!({ "tenant_id": "acme", "agent_id": null, "pseudonymise": true }),
            "/pseudonymise",
        ),
        (
            json!({ "tenant_id": "acme", "agent_id": "a", "pseudonymise": "yes" }),
            "/pseudonymise",
        ),
    ]
}

#[tokio::test]
async fn an_order_names_one_person_of_one_tenant() {
    let open = Open::new();
    history(&open, false).await;
    let app = &open.app;
    let before = open.dump();
    for (order, pointer) in bad_orders() {
        let reply = app.post("/usage/purge", order.clone()).await;
        assert!(matches!(reply.status, 400 | 422), "{order}: {}", reply.text);
        assert_eq!(pointers(&reply.json()), pointer, "{order}");
    }
    for key in [&app.keys("acme").await.ingest, &app.keys("acme").await.read] {
        let order =
            json!({ "tenant_id": "acme", "agent_id": NAME, "pseudonymise": true }).to_string();
        refused(
            &app.call_with(key, "POST", "/usage/purge", order).await,
            403,
            "forbidden",
        );
    }
    let keys =
        |key: &Key| key.pk.starts_with("K|") || key.pk == "L|KEYS" || key.pk.starts_with("A|AUDIT");
    let after: BTreeMap<Key, Attrs> = open
        .dump()
        .into_iter()
        .filter(|(key, _)| !keys(key))
        .collect();
    assert_eq!(
        after,
        before.into_iter().filter(|(key, _)| !keys(key)).collect()
    );
}

#[tokio::test]
async fn an_order_is_answered_once_and_enters_the_audit_trail_without_the_name() {
    let open = Open::new();
    history(&open, true).await;
    let order = json!({ "tenant_id": "acme", "agent_id": NAME, "pseudonymise": true });
    let once = || operators("POST", "/usage/purge", &order, "idempotency-key", "order-1");
    let first = open.app.send(once()).await.expect(200);
    assert_eq!(
        (
            open.app.send(once()).await.expect(200).json(),
            first.at("/pseudonymised")
        ),
        (first.json(), json!(8))
    );
    let trail = open.app.get("/audit").await.expect(200);
    let entries = trail.at("/data");
    let entries: Vec<&Value> = entries
        .as_array()
        .expect("data")
        .iter()
        .filter(|entry| entry["action"] == "usage.erase")
        .collect();
    assert_eq!(entries.len(), 1);
    assert_eq!(
        (&entries[0]["tenant_id"], &entries[0]["detail"]["pseudonym"]),
        (&json!("acme"), &first.at("/pseudonym"))
    );
    assert!(!trail.text.contains(NAME));
}
