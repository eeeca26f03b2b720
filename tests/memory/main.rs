//! How much memory large hours take. One test at a time in a process of its own: it
//! looks at the process as a whole.

use std::ops::Range;
use tollgate_core::Name;
use tollgate_tests::{Crowd, TestApp, TestStore, name};

/// As in the `tollgate` binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MEGABYTES_MAX: u64 = 300;

/// Megabytes of this process, at the most since the last look.
fn take_peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    std::fs::write("/proc/self/clear_refs", "5").expect("a look anew");
    kilobytes
        .and_then(|text| text.parse::<u64>().ok())
        .expect("a number")
        / 1024
}

/// Rolls up an hour of these events of such a crowd, in a file, and asks about them.
async fn fold_and_ask(crowd: Crowd, numbers: Range<u64>) {
    let folder = tempfile::tempdir().expect("a folder");
    let app = TestApp::on(TestStore::Folder(folder.path())).await;
    app.store.remember_nothing();
    let tenant: Name = name("acme");
    crowd.record(&app, &tenant, numbers.clone()).await;
    app.clock.advance(24 * 3600 + 1800);
    println!(
        "{crowd:?}, {} events: {} MB recording",
        numbers.end,
        take_peak()
    );
    assert_eq!(app.service().roll_up_all().await.expect("a rollup"), 1);
    let folded = take_peak();
    println!("  {folded} MB rolling up hour and day");
    assert!(folded < MEGABYTES_MAX, "{folded} MB");
    for question in [
        "/usage/summary?tenant_id=acme",
        "/usage/aggregate?tenant_id=acme&group_by=session&limit=1000",
        "/usage/aggregate?tenant_id=acme&group_by=agent",
        "/usage/summary?tenant_id=acme&session_id=session-7",
        "/usage/aggregate?tenant_id=acme&group_by=session&agent_id=agent-7",
        "/usage/agents?tenant_id=acme",
        "/usage?tenant_id=acme&limit=1000",
        "/billing/acme",
    ] {
        let reply = app.get(question).await.expect(200);
        let peak = take_peak();
        println!("  {peak} MB {question}");
        assert!(peak < MEGABYTES_MAX, "{question}: {peak} MB");
        if question.contains("summary?tenant_id=acme") && !question.contains("session") {
            assert_eq!(reply.at("/total_events"), numbers.end, "{}", reply.text);
        }
    }
}

#[tokio::test]
async fn an_hour_of_two_million_events_or_200_000_sessions_takes_less_than_300_megabytes() {
    let many = Crowd {
        sessions: 2_000,
        tasks: 10_000,
        agents: 200,
        metadata: 0,
    };
    fold_and_ask(many, 0..2_000_000).await;
    let wide = Crowd {
        sessions: 200_000,
        tasks: 200_000,
        agents: 200,
        metadata: 0,
    };
    fold_and_ask(wide, 0..400_000).await;
}
