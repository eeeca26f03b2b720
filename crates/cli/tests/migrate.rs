//! `tollgate migrate`: what the release before left, and back.
#![expect(clippy::expect_used, reason = "a test says what it needs")]

mod server;

use serde_json::{Value, json};
use server::Server;
use std::path::Path;
use std::process::{Command, Output};

fn migrate(data: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.arg("migrate").arg("--data").arg(data).args(more);
    command.output().expect("a run")
}

/// Items read, and rewritten.
fn counted(output: &Output) -> (u64, u64) {
    let text = String::from_utf8_lossy(&output.stdout);
    let why = String::from_utf8_lossy(&output.stderr);
    let done: Value = serde_json::from_str(&text).expect(&why);
    let count = |name: &str| done[name].as_u64().expect("a count");
    (count("items"), count("rewritten"))
}

async fn call(server: &Server, method: &str, path: &str, body: Option<Value>) -> Value {
    let url = format!("{}{path}", server.address);
    let method = method.parse().expect("a method");
    let request = reqwest::Client::new()
        .request(method, url)
        .bearer_auth(&server.key)
        .header("x-constitutional-hash", "cdd01ef066bc6cf2")
        .header("content-type", "application/json");
    let request = match body {
        Some(body) => request.body(body.to_string()),
        None => request,
    };
    let reply = request.send().await.expect("an answer");
    assert!(reply.status().is_success(), "{path}: {}", reply.status());
    serde_json::from_slice(&reply.bytes().await.expect("a body")).expect("JSON")
}

async fn record(server: &Server, ids: std::ops::Range<u32>) {
    for id in ids {
        let event =
            json!({ "id": format!("e{id}"), "tenant_id": "acme", "operation": "agent_message" });
        call(server, "POST", "/events", Some(event)).await;
    }
}

async fn total(server: &Server) -> Value {
    let path = "/usage/summary?tenant_id=acme";
    call(server, "GET", path, None).await["total_events"].clone()
}

#[tokio::test]
async fn a_folder_of_both_versions_counts_alike_and_becomes_one_of_either() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let arguments = ["--data".as_ref(), data.as_os_str()];
    let old = Server::start_writing("before", arguments);
    record(&old, 0..20).await;
    drop(old);
    let new = Server::start(arguments);
    record(&new, 10..30).await;
    assert_eq!(total(&new).await, 30);
    let in_use = migrate(&data, &[]);
    assert!(!in_use.status.success(), "a server runs on it");
    drop(new);
    let (items, rewritten) = counted(&migrate(&data, &["--json"]));
    assert!(items > rewritten && rewritten >= 40, "{items} {rewritten}");
    assert_eq!(counted(&migrate(&data, &["--json"])), (items, 0));
    let (back, rewritten) = counted(&migrate(&data, &["--json", "--to", "before"]));
    assert!(back == items && rewritten >= 60, "{back} {rewritten}");
    let server = Server::start(arguments);
    assert_eq!(total(&server).await, 30);
    record(&server, 0..40).await;
    assert_eq!(total(&server).await, 40);
}

#[test]
fn what_is_no_used_folder_is_refused_and_nothing_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("missing");
    let refused = migrate(&missing, &[]);
    let why = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && why.contains("missing"),
        "{why}"
    );
    assert!(!missing.exists());
    assert!(!migrate(folder.path(), &["--to", "older"]).status.success());
}
