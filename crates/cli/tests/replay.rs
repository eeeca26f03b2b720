//! `tollgate replay --sealed` against the real service.
#![expect(clippy::expect_used, reason = "a test says what it needs")]

mod server;

use serde_json::Value;
use server::Server;
use std::path::Path;
use std::process::{Command, Output};

fn replay(server: &Server, file: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command
        .args(["replay", "--url", &server.address, "--key", &server.key])
        .args([
            "--tenant",
            "acme",
            "--operation",
            "agent_message",
            "--json",
            "--sealed",
        ])
        .args(more)
        .arg(file);
    command.output().expect("a run")
}

/// How many events it recorded, and how many had been before.
fn counts(output: &Output) -> (Value, Value) {
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let report: Value = serde_json::from_str(&text).expect("a report");
    (report["recorded"].clone(), report["replayed"].clone())
}

fn rows(count: usize, first: usize) -> String {
    let row = |number: usize| {
        format!(
            "2026-11-2{}T10:00:{:02}Z,{first},{number}\n",
            number % 9,
            number % 60
        )
    };
    let rows: String = (0..count).map(row).collect();
    format!("timestamp,tokens_in,tokens_out\n{rows}")
}

#[test]
fn a_file_sent_sealed_counts_once_and_a_changed_one_only_when_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Server::start(["--data".as_ref(), data.as_os_str()]);
    let file = folder.path().join("requests.csv");
    std::fs::write(&file, rows(250, 7)).expect("a file");
    let shift = ["--batch", "100", "--shift-to-now"];
    assert_eq!(
        counts(&replay(&server, &file, &shift)),
        (250.into(), 0.into())
    );
    // The shift of the first run is found, and used again.
    for _ in 0..2 {
        assert_eq!(
            counts(&replay(&server, &file, &shift)),
            (0.into(), 250.into())
        );
    }
    let plain = folder.path().join("plain.csv");
    let now = std::process::Command::new("date")
        .args(["-u", "+%Y-%m-%dT%H:%M:%SZ"])
        .output();
    let now = String::from_utf8(now.expect("a date").stdout).expect("text");
    let of = |tokens: u64| format!("timestamp,tokens_in\n{},{tokens}\n", now.trim());
    std::fs::write(&plain, of(1)).expect("a file");
    assert_eq!(counts(&replay(&server, &plain, &[])), (1.into(), 0.into()));
    assert_eq!(counts(&replay(&server, &plain, &[])), (0.into(), 1.into()));
    std::fs::write(&plain, of(2)).expect("a file");
    let refused = replay(&server, &plain, &[]);
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && why.contains("--again"),
        "{why}"
    );
    assert_eq!(
        counts(&replay(&server, &plain, &["--again"])),
        (1.into(), 0.into())
    );
}
