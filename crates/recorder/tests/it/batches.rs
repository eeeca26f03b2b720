//! When a batch is sent, and how large it is.

use crate::given::{name, offer, pair, task};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tollgate_core::Quantities;
use tollgate_recorder::{BATCH_BYTES_MAX, Outcome, Settings, Task, Usage};

#[tokio::test(start_paused = true)]
async fn a_batch_is_sent_when_it_is_full() {
    let (recorder, server) = pair(Settings {
        batch_events: 3,
        interval: Duration::from_secs(60),
        ..Settings::default()
    });
    let began = Instant::now();
    for id in ["e1", "e2", "e3", "e4"] {
        offer(&recorder, id);
    }
    sleep(Duration::from_secs(1)).await;
    let posts = server.posts();
    assert_eq!(
        posts
            .iter()
            .map(|post| post.events.len())
            .collect::<Vec<_>>(),
        [3]
    );
    assert_eq!(posts[0].at, began);
    assert_eq!(recorder.stats().queued, 1);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_does_not_fill_is_sent_after_the_interval() {
    let (recorder, server) = pair(Settings {
        interval: Duration::from_secs(5),
        ..Settings::default()
    });
    let began = Instant::now();
    offer(&recorder, "e1");
    sleep(Duration::from_secs(3)).await;
    offer(&recorder, "e2");
    assert_eq!(server.posts().len(), 0);
    sleep(Duration::from_secs(3)).await;
    let posts = server.posts();
    assert_eq!((posts.len(), posts[0].events.len()), (1, 2));
    assert_eq!(posts[0].at - began, Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn no_batch_has_more_than_1000_events() {
    let (recorder, server) = pair(Settings {
        batch_events: 5000,
        ..Settings::default()
    });
    for number in 0..2500 {
        offer(&recorder, &format!("e{number}"));
    }
    recorder.flush().await;
    assert_eq!(
        server
            .posts()
            .iter()
            .map(|post| post.events.len())
            .collect::<Vec<_>>(),
        [1000, 1000, 500]
    );
    assert_eq!(server.counted().len(), 2500);
}

#[tokio::test(start_paused = true)]
async fn no_batch_is_larger_than_1_mib() {
    let (recorder, server) = pair(Settings {
        batch_events: 1000,
        ..Settings::default()
    });
    for number in 0..1000 {
        let mut metadata = serde_json::Map::new();
        metadata.insert("note".to_owned(), json!("x".repeat(1900)));
        let task = Task {
            metadata,
            ..task(&format!("e{number}"))
        };
        recorder.offer(task, Usage::default(), Duration::ZERO, Outcome::Success);
    }
    recorder.flush().await;
    let posts = server.posts();
    assert!(
        posts.iter().all(|post| post.bytes <= BATCH_BYTES_MAX),
        "{:?}",
        posts.iter().map(|post| post.bytes).collect::<Vec<_>>()
    );
    assert!(posts[0].bytes > BATCH_BYTES_MAX - 4096, "a batch is filled");
    assert_eq!(server.counted().len(), 1000);
}

#[tokio::test(start_paused = true)]
async fn metadata_that_the_api_would_refuse_costs_no_event() {
    let (recorder, server) = pair(Settings::default());
    for (id, length) in [
        ("fits", 2048 - r#"{"note":"","outcome":"success"}"#.len()),
        ("too-long", 2048),
    ] {
        let mut metadata = serde_json::Map::new();
        metadata.insert("note".to_owned(), json!("x".repeat(length)));
        recorder.offer(
            Task {
                metadata,
                ..task(id)
            },
            Usage::default(),
            Duration::ZERO,
            Outcome::Success,
        );
    }
    recorder.flush().await;
    let counted = server.counted();
    assert_eq!(counted["fits"]["metadata"].to_string().len(), 2048);
    assert_eq!(
        counted["too-long"]["metadata"],
        json!({ "outcome": "success" })
    );
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_panics_costs_no_event() {
    let (recorder, server) = pair(Settings {
        clock: tollgate_recorder::Clock::new(|| panic!("as planned")),
        ..Settings::default()
    });
    drop(recorder.begin(task("e1")));
    recorder.flush().await;
    assert!(server.only()["timestamp"].is_string());
}

#[tokio::test(start_paused = true)]
async fn events_are_stamped_when_they_are_recorded_and_carry_what_the_task_said() {
    let noon = "2026-11-22T12:00:00Z".parse().unwrap();
    let clock = tollgate_recorder::Clock::new(move || noon);
    let (recorder, server) = pair(Settings {
        clock,
        tenant: Some(name("acme")),
        ..Settings::default()
    });
    let task = Task {
        agent: Some(name("a1")),
        consumer: Some(name("c1")),
        session: Some(name("s1")),
        task: Some(name("t1")),
        tool_server: Some(name("srv")),
        tool_name: Some(name("search")),
        tier: Some(name("enhanced")),
        budget_node: Some(name("team-x")),
        ..task("e1")
    };
    let usage = Usage {
        quantities: Quantities {
            tokens_in: 10,
            api_calls: 2,
            searches: 3,
            ..Quantities::default()
        },
        tokens_used: 55,
        latency: Some(std::time::Duration::from_micros(12_500)),
        compliance_score: "0.97".parse().ok(),
        ..Usage::default()
    };
    recorder.offer(
        task,
        usage,
        Duration::from_micros(1_235_500),
        Outcome::Success,
    );
    recorder.flush().await;
    let event = json!({
        "id": "e1", "tenant_id": "acme", "timestamp": "2026-11-22T12:00:00Z", "operation": "agent_task", "tier": "enhanced",
        "units": 1, "tokens_in": 10, "tokens_out": 55, "api_calls": 2, "searches": 3, "duration_ms": 1236, "latency_ms": "12.5",
        "compliance_score": "0.97", "agent_id": "a1", "consumer_id": "c1", "session_id": "s1", "task_id": "t1",
        "tool_server": "srv", "tool_name": "search", "budget_node": "team-x", "metadata": { "outcome": "success" }
    });
    assert_eq!(server.only(), event);
}
