//! The queue and what happens when it is full.

use crate::given::{Does, offer, pair, task, tokens};
use futures::FutureExt;
use std::time::Duration;
use tollgate_recorder::{Outcome, Recorder, Settings, StartError, Stats, Usage, WhenFull};

#[tokio::test(start_paused = true)]
async fn a_full_queue_drops_and_counts() {
    let (recorder, server) = pair(Settings {
        queue_max: 2,
        ..Settings::default()
    });
    let taken: Vec<bool> = ["e1", "e2", "e3", "e4", "e5"]
        .iter()
        .map(|id| offer(&recorder, id))
        .collect();
    assert_eq!(taken, [true, true, false, false, false]);
    assert_eq!(
        recorder.stats(),
        Stats {
            accepted: 2,
            queued: 2,
            dropped: 3,
            ..Stats::default()
        }
    );
    recorder.flush().await;
    assert_eq!(server.counted().keys().collect::<Vec<_>>(), ["e1", "e2"]);
    assert!(offer(&recorder, "e6"), "there is room again");
}

#[tokio::test(start_paused = true)]
async fn events_under_way_take_room_until_they_are_answered_for() {
    let (recorder, server) = pair(Settings {
        queue_max: 2,
        batch_events: 1,
        ..Settings::default()
    });
    server.plan([Does::Hang]);
    assert!(offer(&recorder, "e1"));
    tokio::task::yield_now().await;
    assert_eq!(server.posts().len(), 1);
    assert!(offer(&recorder, "e2"));
    assert!(!offer(&recorder, "e3"));
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_room_where_that_is_chosen_and_nothing_is_lost() {
    let (recorder, server) = pair(Settings {
        queue_max: 1,
        when_full: WhenFull::Wait,
        ..Settings::default()
    });
    let work = async { Ok::<u64, ()>(7) };
    assert!(
        recorder
            .record(
                task("e1"),
                Usage::default(),
                Duration::ZERO,
                Outcome::Success
            )
            .await
    );
    let mut waiting = recorder.call(task("e2"), work, tokens);
    assert_eq!((&mut waiting).now_or_never(), None);
    assert_eq!(waiting.await, Ok(7));
    recorder.flush().await;
    assert_eq!((server.counted().len(), recorder.stats().dropped), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_cancelled_cannot_wait_and_is_counted() {
    let (recorder, server) = pair(Settings {
        queue_max: 1,
        when_full: WhenFull::Wait,
        ..Settings::default()
    });
    server.plan([Does::Hang]);
    assert!(offer(&recorder, "e1"));
    drop(recorder.begin(task("e2")));
    let mut waiting = recorder.call(task("e3"), async { Ok::<u64, ()>(7) }, tokens);
    assert_eq!((&mut waiting).now_or_never(), None);
    drop(waiting);
    assert_eq!(
        recorder.stats(),
        Stats {
            accepted: 1,
            queued: 1,
            dropped: 2,
            ..Stats::default()
        }
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_may_come_from_a_thread_without_a_runtime() {
    let (recorder, server) = pair(Settings::default());
    let elsewhere = recorder.clone();
    let taken = std::thread::spawn(move || {
        drop(elsewhere.begin(task("e1")));
        offer(&elsewhere, "e2")
    });
    assert!(taken.join().unwrap());
    recorder.flush().await;
    assert_eq!(server.counted().len(), 2);
}

#[test]
fn a_recorder_needs_a_runtime_with_timers() {
    let start = || Recorder::start(crate::given::Server::default(), Settings::default()).map(drop);
    assert_eq!(start().unwrap_err(), StartError::NoRuntime);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    assert_eq!(
        runtime.block_on(async { start() }).unwrap_err(),
        StartError::NoTime
    );
}
