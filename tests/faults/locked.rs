//! The embedded store while another program writes to its file.

use rusqlite::Connection;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tollgate_tests::{TestApp, TestStore};

/// The file that the store keeps in `folder`.
fn database(folder: &Path) -> PathBuf {
    let files = std::fs::read_dir(folder).expect("a folder");
    let mut files = files.map(|file| file.expect("a file").path());
    let is_database = |path: &PathBuf| {
        std::fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3"))
    };
    files.find(is_database).expect("a database")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_beside_another_writer_is_503_in_time_and_booked_once_it_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = TestApp::on(TestStore::Folder(folder.path())).await;
    app.record("acme", json!({ "id": "e1" })).await.expect(201);
    let other = Connection::open(database(folder.path())).expect("a connection");
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    let event = || json!({ "tenant_id": "acme", "operation": "agent_message", "id": "e2" });
    // The first waits for the store, later ones hardly; a reading may come through.
    // Two seconds are for a busy machine: paused time tests the bounds themselves.
    for (most, path) in [
        (8, "/events"),
        (3, "/events"),
        (3, "/holds"),
        (3, "/usage?tenant_id=acme"),
    ] {
        let began = Instant::now();
        let reply = match path {
            "/events" => app.post(path, event()).await.expect(503),
            "/holds" => app.post(path, json!({ "event": event() })).await,
            _ => app.get(path).await,
        };
        println!("{path}: {} after {:?}", reply.status, began.elapsed());
        assert!(began.elapsed() < Duration::from_secs(most), "{path}");
        assert!(matches!(reply.status, 200 | 503), "{}", reply.text);
        assert_eq!(reply.status == 503, !reply.header("retry-after").is_empty());
    }
    app.get("/health").await.expect(503);
    other.execute_batch("ROLLBACK").expect("no lock");
    let mut statuses = Vec::new();
    while statuses.last().is_none_or(|status| *status == 503) && statuses.len() < 50 {
        statuses.push(app.post("/events", event()).await.status);
    }
    // What was under way at the end of the lock may have been booked by then.
    assert!(matches!(statuses.last(), Some(200 | 201)), "{statuses:?}");
    app.get("/health").await.expect(200);
    let usage = app.get("/usage/acme").await.expect(200);
    assert_eq!(usage.at("/total_events"), 2);
}
