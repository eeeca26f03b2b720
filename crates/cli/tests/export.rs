//! `tollgate usage export` against the real service, and against servers that
//! answer in parts or break off.
#![expect(clippy::expect_used, reason = "a test says what it needs")]

mod server;

use serde_json::{Value, json};
use server::Server;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

const HASH: &str = "cdd01ef066bc6cf2";

async fn record(server: &Server, events: usize) {
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let event = |n: usize| json!({ "id": format!("e{n}"), "tenant_id": "acme", "operation": "agent_message", "metadata": ["a\"b,\r\n", n] });
    let body = json!({ "events": (0..events).map(event).collect::<Vec<_>>() }).to_string();
    let request = client
        .post(format!("{}/events/batch", server.address))
        .body(body)
        .header("authorization", format!("Bearer {}", server.key));
    let reply = request
        .header("x-constitutional-hash", HASH)
        .send()
        .await
        .expect("an answer");
    assert_eq!(reply.status().as_u16(), 200);
}

fn export(address: &str, key: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command
        .args(["usage", "export", "--url", address, "--key", key])
        .args(arguments);
    command.output().expect("a run")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn files(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}

#[tokio::test]
async fn every_form_is_written_whole_with_its_figures() {
    let server = Server::start(["--memory"]);
    record(&server, 700).await;
    let folder = tempfile::tempdir().expect("a folder");
    for form in ["csv", "json", "jsonl"] {
        let path = folder.path().join(format!("usage.{form}"));
        let target = path.to_str().expect("a path");
        let done = export(
            &server.address,
            &server.key,
            &[
                "--tenant", "acme", "--format", form, "--output", target, "--json",
            ],
        );
        assert!(done.status.success(), "{}", text(&done.stderr));
        let written = std::fs::read_to_string(&path).expect("a file");
        let figures: Value = serde_json::from_slice(&done.stdout).expect("figures");
        assert_eq!(
            (&figures["events"], &figures["bytes"]),
            (&json!(700), &json!(written.len())),
            "{form}"
        );
        let count = match form {
            "csv" => csv::Reader::from_reader(written.as_bytes())
                .records()
                .filter(Result::is_ok)
                .count(),
            "json" => serde_json::from_str::<Value>(&written).expect("JSON")["data"]
                .as_array()
                .expect("data")
                .len(),
            _ => written
                .lines()
                .filter(|line| serde_json::from_str::<Value>(line).is_ok())
                .count(),
        };
        assert_eq!(count, 700, "{form}");
        let piped = export(
            &server.address,
            &server.key,
            &["--tenant", "acme", "--format", form],
        );
        assert_eq!(text(&piped.stdout), written, "{form}");
        assert!(
            text(&piped.stderr).starts_with("700 events, "),
            "{}",
            text(&piped.stderr)
        );
    }
    assert_eq!(files(folder.path()).len(), 3);
    let one = export(
        &server.address,
        &server.key,
        &[
            "--tenant",
            "acme",
            "--format",
            "jsonl",
            "--id",
            "e7",
            "--start",
            "2020-01-01",
        ],
    );
    assert_eq!(text(&one.stdout).lines().count(), 1);
}

#[tokio::test]
async fn a_refusal_is_one_sentence_and_leaves_what_was_there() {
    let server = Server::start(["--memory"]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("usage.csv");
    std::fs::write(&path, "before").expect("a file");
    let target = path.to_str().expect("a path");
    for arguments in [
        &["--output", target][..],
        &[
            "--tenant",
            "acme",
            "--output",
            target,
            "--start",
            "yesterday",
        ],
    ] {
        let refused = export(&server.address, &server.key, arguments);
        assert_eq!(
            (refused.status.code(), text(&refused.stdout).as_str()),
            (Some(1), "")
        );
        assert_eq!(text(&refused.stderr).lines().count(), 1);
        assert!(
            text(&refused.stderr).starts_with("error: the server refused: "),
            "{}",
            text(&refused.stderr)
        );
    }
    assert_eq!(
        (
            std::fs::read_to_string(&path).expect("a file").as_str(),
            files(folder.path()).len()
        ),
        ("before", 1)
    );
}

/// A server that gives these answers, one a connection; with what it was asked.
fn scripted(answers: Vec<String>) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/base", listener.local_addr().expect("an address"));
    let asked = std::thread::spawn(move || {
        let serve = |answer: &String| {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut lines = BufReader::new(stream.try_clone().expect("a stream"))
                .lines()
                .map(|line| line.expect("a line"));
            let first = lines.next().expect("a request");
            lines.find(String::is_empty).expect("the end of the head");
            stream.write_all(answer.as_bytes()).expect("an answer");
            first
        };
        answers.iter().map(serve).collect()
    });
    (address, asked)
}

fn part(link: &str, body: &str) -> String {
    let link = if link.is_empty() {
        String::new()
    } else {
        format!("link: {link}\r\n")
    };
    format!(
        "HTTP/1.1 200 OK\r\n{link}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn parts_are_put_behind_each_other_and_the_key_goes_nowhere_else() {
    let parts = vec![
        part(
            "<https://elsewhere.invalid/usage/export?format=csv&cursor=one>; rel=\"next\"",
            "task_id\r\nt1\r\n",
        ),
        part("</usage/export?format=csv&cursor=two>; rel=\"next\"", ""),
        part("", "t2\r\n"),
    ];
    let (address, asked) = scripted(parts);
    let done = export(&address, "k", &["--tenant", "acme"]);
    assert_eq!(
        text(&done.stdout),
        "task_id\r\nt1\r\nt2\r\n",
        "{}",
        text(&done.stderr)
    );
    assert!(
        text(&done.stderr).starts_with("2 events, 17 bytes, "),
        "{}",
        text(&done.stderr)
    );
    let asked = asked.join().expect("requests");
    assert_eq!(
        asked[0],
        "GET /base/usage/export?format=csv&tenant_id=acme HTTP/1.1"
    );
    assert_eq!(
        asked[1..],
        [
            "GET /base/usage/export?format=csv&cursor=one HTTP/1.1",
            "GET /base/usage/export?format=csv&cursor=two HTTP/1.1"
        ]
    );
}

#[test]
fn a_transfer_that_breaks_off_leaves_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("usage.jsonl");
    let chunk = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n";
    let whole_line = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{}\n\r\n";
    let short = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}\n";
    let half = part("", "{\"half\":");
    let first_of_two = part("</usage/export?cursor=one>; rel=\"next\"", "{}\n");
    let gone =
        "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}".to_owned();
    for answers in [
        vec![chunk.to_owned()],
        vec![whole_line.to_owned()],
        vec![short.to_owned()],
        vec![half],
        vec![first_of_two, gone],
    ] {
        let (address, asked) = scripted(answers);
        let broken = export(
            &address,
            "k",
            &[
                "--tenant",
                "acme",
                "--format",
                "jsonl",
                "--output",
                path.to_str().expect("a path"),
            ],
        );
        asked.join().expect("requests");
        assert_eq!(
            (broken.status.code(), text(&broken.stderr).lines().count()),
            (Some(1), 1),
            "{}",
            text(&broken.stderr)
        );
        assert_eq!(files(folder.path()), [""; 0], "{}", text(&broken.stderr));
    }
}
