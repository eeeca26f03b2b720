//! `tollgate serve` beside those who only hold connections open.
#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "a test says what it needs")]

mod server;

use serde_json::json;
use server::Server;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const STALLED: usize = 2_500;
const KEYLESS: usize = 1_000;
const BODY: usize = 1 << 20;
const MEMORY_MAX_KB: u64 = 300_000;

fn connect(server: &Server) -> TcpStream {
    let address = server.address.trim_start_matches("http://");
    TcpStream::connect(address).expect("a connection")
}

/// The most memory that the process had, in KB.
fn peak(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id()));
    let status = status.expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let digits = line.expect("its memory").split_whitespace().nth(1);
    digits
        .and_then(|digits| digits.parse().ok())
        .expect("a number")
}

async fn record(server: &Server, id: &str) -> u16 {
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let event = json!({ "id": id, "tenant_id": "acme", "operation": "hitl_approval" });
    let request = client
        .post(format!("{}/events", server.address))
        .body(event.to_string())
        .header("authorization", format!("Bearer {}", server.key))
        .header("x-constitutional-hash", "cdd01ef066bc6cf2");
    request.send().await.expect("an answer").status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stalled_and_keyless_connections_keep_nobody_from_being_served() {
    let server = Server::start(["--memory"]);
    raise_open_files();
    let mut held = Vec::new();
    for number in 0..STALLED {
        let mut stream = connect(&server);
        // Some never end the head of their request, some begin none.
        if number % 2 == 0 {
            stream
                .write_all(b"POST /events HTTP/1.1\r\nHost: x\r\n")
                .expect("a write");
        }
        held.push(stream);
    }
    let body = vec![b'x'; BODY];
    let mut refused = 0;
    for _ in 0..KEYLESS {
        let mut stream = connect(&server);
        let head = format!("POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: {BODY}\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("a write");
        stream
            .set_read_timeout(Some(Duration::from_secs(5)))
            .expect("a timeout");
        // It is refused by its head; what is still sent may be cut off.
        stream
            .set_write_timeout(Some(Duration::from_millis(20)))
            .expect("a timeout");
        stream.write_all(&body).ok();
        let mut answer = [0; 12];
        let told = stream.read_exact(&mut answer).is_ok();
        refused += usize::from(told && &answer == b"HTTP/1.1 401");
        held.push(stream);
    }
    let began = Instant::now();
    for number in 0..20 {
        assert_eq!(record(&server, &format!("e{number}")).await, 201);
    }
    println!(
        "beside {STALLED} stalled and {KEYLESS} keyless connections ({refused} told 401): 20 events in {:?}, at most {} KB",
        began.elapsed(),
        peak(&server)
    );
    assert!(peak(&server) < MEMORY_MAX_KB, "{} KB", peak(&server));
    // Those that never end their head are let go.
    std::thread::sleep(Duration::from_secs(12));
    let mut stalled = held.swap_remove(0);
    stalled
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("a timeout");
    let mut rest = Vec::new();
    stalled.read_to_end(&mut rest).expect("its end");
}

fn raise_open_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limits = getrlimit(Resource::Nofile);
    limits.current = limits.maximum;
    setrlimit(Resource::Nofile, limits).expect("more files");
}

fn terminate(server: &Server) {
    use rustix::process::{Pid, Signal, kill_process};
    let id = i32::try_from(server.child.id()).expect("an id");
    let id = Pid::from_raw(id).expect("a process");
    kill_process(id, Signal::TERM).expect("a signal");
}

/// Begins a request that is never finished.
fn stall(server: &Server) -> TcpStream {
    let mut stream = connect(server);
    let head = format!(
        "POST /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nX-Constitutional-Hash: cdd01ef066bc6cf2\r\nContent-Length: 100\r\n\r\n{{",
        server.key
    );
    stream.write_all(head.as_bytes()).expect("a write");
    std::thread::sleep(Duration::from_millis(200));
    stream
}

#[test]
fn a_server_ends_within_seconds_of_a_signal_and_at_once_at_a_second_one() {
    for (signals, most) in [(1, 12), (2, 3)] {
        let mut server = Server::start(["--memory"]);
        let _stalled = stall(&server);
        let began = Instant::now();
        for _ in 0..signals {
            terminate(&server);
            std::thread::sleep(Duration::from_millis(300));
        }
        server.child.wait().expect("an end");
        let took = began.elapsed();
        assert!(
            took < Duration::from_secs(most),
            "{signals} signals: {took:?}"
        );
    }
}
