//! Copies between stores: every item, and nothing that is not there.

use serde_json::json;
use std::sync::Arc;
use tollgate_core::{Attrs, Key, Value, Write};
use tollgate_dynamo::embedded;
use tollgate_service::{CopyError, Memory, Scan, Store, Tenancy, copy};
use tollgate_tests::{TestApp, file_in};

/// The day of these stores, in seconds since the epoch.
const NOW: i64 = 1_795_000_000;

/// A store with some of everything: more than one slice of items.
async fn used() -> Arc<Memory> {
    let memory = Arc::new(Memory::default());
    let app = TestApp::over(memory.clone(), Tenancy::Sole);
    let cap = json!([{ "id": "cap", "scope": "agent", "measure": "tokens", "window": "day", "hard": 1_000_000 }]);
    app.limit("acme", cap).await;
    for number in 0..150 {
        let event = json!({ "id": format!("e{number}"), "agent_id": format!("a{number}"), "tokens_in": number });
        app.record("acme", event).await.expect(201);
    }
    let event = json!({ "tenant_id": "acme", "operation": "agent_message" });
    let sealed = json!({ "batch_id": "b-1", "events": vec![event; 300] });
    app.post("/events/batch", sealed).await.expect(200);
    app.clock.advance(90_000);
    app.service().roll_up_all().await.expect("a rollup");
    memory
}

async fn all(store: &dyn Scan) -> Vec<(Key, Attrs)> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let slice = store.scan(after, 70).await.expect("a slice");
        let Some((last, _)) = slice.last() else { break };
        after = Some(last.clone());
        all.extend(slice);
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

#[tokio::test]
async fn a_folder_goes_to_dynamodb_and_back_item_by_item_and_works_there() {
    let memory = used().await;
    let folder = tempfile::tempdir().expect("a folder");
    let dynamo = embedded::open(None).await.expect("a store");
    let (first, back) = (folder.path().join("a"), folder.path().join("b"));
    for path in [&first, &back] {
        std::fs::create_dir(path).expect("a folder");
    }
    let (file, back) = (file_in(&first), file_in(&back));
    let items = memory.dump().len() as u64;
    let copied = [
        copy(&*memory, &file, NOW, |_| {}).await,
        copy(&file, &dynamo, NOW, |_| {}).await,
        copy(&dynamo, &back, NOW, |_| {}).await,
    ];
    assert_eq!(copied, [Ok(items), Ok(items), Ok(items)]);
    let expected: Vec<(Key, Attrs)> = memory.dump().into_iter().collect();
    assert!(all(&file).await == expected && all(&dynamo).await == expected);
    assert!(all(&back).await == expected);
    let app = TestApp::over(Arc::new(dynamo), Tenancy::Sole);
    app.clock.advance(90_000);
    let usage = app
        .get("/usage/acme?start=2026-01-01&end=2027-01-01")
        .await
        .expect(200);
    assert_eq!(usage.at("/total_events"), 450);
}

#[tokio::test]
async fn a_copy_goes_on_where_it_broke_off_and_never_over_something_else() {
    let memory = used().await;
    let target = Memory::default();
    let part = memory
        .dump()
        .into_iter()
        .take(120)
        .map(|(key, attrs)| Write::put(key, attrs));
    for write in part {
        target.commit(&[write]).await.expect("a commit");
    }
    let items = memory.dump().len() as u64;
    assert_eq!(copy(&*memory, &target, NOW, |_| {}).await, Ok(items));
    assert!(target.dump() == memory.dump());
    let (key, mut attrs) = memory.dump().into_iter().nth(77).expect("an item");
    attrs.insert("more".into(), Value::N(1));
    let other = Write::put(key.clone(), attrs);
    target.commit(&[other]).await.expect("a commit");
    assert_eq!(
        copy(&*memory, &target, NOW, |_| {}).await,
        Err(CopyError::Differs(key))
    );
    let target = Memory::default();
    let extra = Key::new("T|other|I|e", "I");
    target
        .commit(&[Write::put(extra.clone(), Attrs::new())])
        .await
        .expect("a commit");
    assert_eq!(
        copy(&*memory, &target, NOW, |_| {}).await,
        Err(CopyError::Extra(extra))
    );
}
