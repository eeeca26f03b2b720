//! Flushing and shutting down.

use crate::given::{Does, Server, named, offer, pair};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tollgate_recorder::{Recorder, Settings, Stats, Undelivered};

#[tokio::test(start_paused = true)]
async fn a_flush_sends_at_once_and_waits_for_the_answer() {
    let (recorder, server) = pair(Settings {
        interval: Duration::from_secs(60),
        batch_events: 2,
        ..Settings::default()
    });
    let began = Instant::now();
    for number in 0..7 {
        offer(&recorder, &format!("e{number}"));
    }
    recorder.flush().await;
    assert_eq!((server.counted().len(), Instant::now()), (7, began));
    recorder.flush().await;
    assert_eq!(server.posts().len(), 4, "there was nothing more to send");
}

#[tokio::test(start_paused = true)]
async fn a_flush_waits_for_no_later_event() {
    let (recorder, server) = pair(Settings {
        batch_events: 1,
        ..Settings::default()
    });
    offer(&recorder, "e1");
    let flushing = recorder.clone();
    let flush = tokio::spawn(async move { flushing.flush().await });
    tokio::task::yield_now().await;
    server.plan([Does::Hang]);
    offer(&recorder, "e2");
    timeout(Duration::from_secs(1), flush)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_loses_nothing_that_was_accepted() {
    let (recorder, server) = pair(Settings {
        batch_events: 10,
        ..Settings::default()
    });
    server.plan([Does::Lose, Does::LoseAnswer]);
    for number in 0..105 {
        assert!(offer(&recorder, &format!("e{number}")));
    }
    assert_eq!(recorder.shutdown(None).await, []);
    assert_eq!(server.counted().len(), 105);
    assert!(!offer(&recorder, "late"));
    assert_eq!(
        recorder.stats(),
        Stats {
            accepted: 105,
            delivered: 95,
            replayed: 10,
            dropped: 1,
            retries: 2,
            ..Stats::default()
        }
    );
    assert_eq!(
        recorder.shutdown(None).await,
        [],
        "a second one finds it done"
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_shutdown_cannot_deliver_in_time_comes_back_and_can_be_resumed() {
    let (recorder, server) = pair(Settings {
        batch_events: 2,
        ..Settings::default()
    });
    server.plan([
        Does::Say(
            200,
            None,
            serde_json::json!({"results": [{"index": 0, "status": "recorded"}]}),
        ),
        Does::Hang,
    ]);
    for id in ["e1", "e2", "e3"] {
        offer(&recorder, id);
    }
    let began = Instant::now();
    let undelivered = recorder.shutdown(Some(Duration::from_secs(5))).await;
    assert_eq!(Instant::now() - began, Duration::from_secs(5));
    assert_eq!(named(&undelivered), ["e2", "e3"]);
    assert_eq!(
        recorder.stats(),
        Stats {
            accepted: 3,
            delivered: 1,
            retries: 1,
            ..Stats::default()
        }
    );

    let (next, server) = pair(Settings::default());
    for event in &undelivered {
        assert!(next.resume(event.clone()).await);
    }
    assert_eq!(next.shutdown(None).await, []);
    let counted = server.counted();
    assert_eq!(
        counted
            .values()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        undelivered
            .iter()
            .flat_map(Undelivered::events)
            .map(|event| event.json().to_owned())
            .collect::<Vec<_>>()
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_queued_is_sent_after_the_last_clone_is_dropped() {
    let (recorder, server) = pair(Settings {
        interval: Duration::from_secs(60),
        ..Settings::default()
    });
    let clone = recorder.clone();
    offer(&recorder, "e1");
    drop(recorder);
    offer(&clone, "e2");
    drop(clone);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(server.counted().len(), 2);
}

#[test]
fn a_flush_ends_with_the_runtime_that_sends() {
    let server = Server::default();
    server.plan([Does::Hang]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let recorder =
        runtime.block_on(async { Recorder::start(server, Settings::default()).unwrap() });
    offer(&recorder, "e1");
    drop(runtime);
    let other = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    other.block_on(recorder.flush());
    let undelivered = other.block_on(recorder.shutdown(None));
    assert_eq!(
        undelivered.len(),
        1,
        "what the runtime took with it comes back"
    );
}
