//! `tollgate backup` while a server is written to, and `tollgate restore`.
#![expect(clippy::expect_used, reason = "a test says what it needs")]

mod server;

use serde_json::{Value, json};
use server::Server;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tollgate_core::{Attrs, Key};
use tollgate_service::Scan;
use tollgate_sqlite::{FILE, Sqlite};

fn tollgate(arguments: &[&OsStr]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.args(arguments).output().expect("a run")
}

fn back_up(data: &Path, to: &Path) -> Output {
    tollgate(&[
        "backup".as_ref(),
        "--data".as_ref(),
        data.as_ref(),
        to.as_ref(),
    ])
}

fn restore(from: &Path, data: &Path) -> Output {
    tollgate(&[
        "restore".as_ref(),
        from.as_ref(),
        "--data".as_ref(),
        data.as_ref(),
    ])
}

/// Every item of the folder's database.
async fn items(folder: &Path) -> BTreeMap<Key, Attrs> {
    let store = Sqlite::open(folder.join(FILE)).expect("a store");
    let mut all = BTreeMap::new();
    loop {
        let after = all.keys().next_back().cloned();
        let items = store.scan(after, 1_000).await.expect("items");
        if items.is_empty() {
            return all;
        }
        all.extend(items);
    }
}

async fn ask(server: &(String, String), method: &str, path: &str, body: String) -> Value {
    let (address, key) = server;
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let request = client
        .request(
            method.parse().expect("a method"),
            format!("{address}{path}"),
        )
        .body(body)
        .header("authorization", format!("Bearer {key}"))
        .header("x-constitutional-hash", "cdd01ef066bc6cf2");
    let reply = request.send().await.expect("an answer");
    assert!(reply.status().is_success(), "{}", reply.status());
    serde_json::from_slice(&reply.bytes().await.expect("a body")).expect("JSON")
}

/// Records batches until told to stop; how many events were acknowledged is told
/// after each.
async fn produce(server: (String, String), acknowledged: Arc<AtomicU64>, stop: Arc<AtomicBool>) {
    for batch in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let event = |number: u32| json!({ "id": format!("{batch}-{number}"), "tenant_id": "acme", "operation": "hitl_approval" });
        let events: Vec<Value> = (0..50).map(event).collect();
        ask(
            &server,
            "POST",
            "/events/batch",
            json!({ "events": events }).to_string(),
        )
        .await;
        acknowledged.fetch_add(50, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_is_whole_and_a_restored_folder_is_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let [data, backup, restored, idle] =
        ["data", "backup", "restored", "idle"].map(|name| folder.path().join(name));
    let server = Server::start([OsStr::new("--data"), data.as_os_str()]);
    let at = (server.address.clone(), server.key.clone());
    let (acknowledged, stop) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let producer = tokio::spawn(produce(at.clone(), acknowledged.clone(), stop.clone()));
    while acknowledged.load(Ordering::SeqCst) < 5_000 {
        tokio::task::yield_now().await;
    }
    let before = acknowledged.load(Ordering::SeqCst);
    let (from, to) = (data.clone(), backup.clone());
    let done = tokio::task::spawn_blocking(move || back_up(&from, &to));
    let done = done.await.expect("a backup");
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let after = acknowledged.load(Ordering::SeqCst);
    stop.store(true, Ordering::SeqCst);
    producer.await.expect("a producer");
    // Once nobody writes, a backup is the same, item by item.
    assert!(back_up(&data, &idle).status.success());
    drop(server);
    assert_eq!(items(&data).await, items(&idle).await);
    assert!(restore(&backup, &restored).status.success());
    assert_eq!(items(&backup).await, items(&restored).await);
    // What was acknowledged before is in it, and it serves with the same key.
    let server = Server::start([OsStr::new("--data"), restored.as_os_str()]);
    assert_eq!(server.key, at.1);
    let usage = ask(
        &(server.address.clone(), server.key.clone()),
        "GET",
        "/usage/acme",
        String::new(),
    )
    .await;
    let found = usage["total_events"].as_u64().expect("events");
    println!("{before} events before the backup, {found} in it, {after} after");
    assert!(
        (before..=after + 50).contains(&found),
        "{before} {found} {after}"
    );
}

#[test]
fn what_is_no_backup_and_what_is_in_use_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let [empty, used] = ["empty", "used"].map(|name| folder.path().join(name));
    std::fs::create_dir(&empty).expect("a folder");
    let refused = |output: Output, words: &str| {
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains(words), "{text}");
    };
    refused(
        back_up(&empty, &folder.path().join("to")),
        "is no data folder",
    );
    drop(Server::start([OsStr::new("--data"), used.as_os_str()]));
    refused(restore(&used, &used), "is not empty");
}
