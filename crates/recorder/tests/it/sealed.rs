//! Batches are sealed: each counts once, whole.

use crate::given::{Does, named, offer, offer_unnamed, pair};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tollgate_recorder::{Settings, Stats};

fn settings(batch_events: usize) -> Settings {
    Settings {
        batch_events,
        ..Settings::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_one_id_however_often_it_is_sent_and_its_events_have_none() {
    let (recorder, server) = pair(settings(2));
    server.plan([Does::Lose, Does::LoseAnswer]);
    for session in ["s1", "s2", "s3"] {
        offer_unnamed(&recorder, session);
    }
    recorder.flush().await;
    let posts = server.posts();
    let seals: Vec<&str> = posts
        .iter()
        .filter_map(|post| post.seal.as_deref())
        .collect();
    assert_eq!(seals.len(), 4);
    assert!(seals[0].starts_with("bat-"), "{seals:?}");
    assert!(seals[..3].iter().all(|seal| *seal == seals[0]));
    assert_ne!(seals[3], seals[0]);
    assert!(
        posts
            .iter()
            .flat_map(|post| &post.events)
            .all(|event| event.get("id").is_none())
    );
    let told = Stats {
        accepted: 3,
        delivered: 1,
        replayed: 2,
        retries: 2,
        ..Stats::default()
    };
    assert_eq!(recorder.stats(), told);
}

#[tokio::test(start_paused = true)]
async fn events_with_ids_of_their_own_go_in_batches_of_their_own() {
    let (recorder, server) = pair(settings(10));
    for number in 0..6 {
        offer(&recorder, &format!("e{number}"));
        offer_unnamed(&recorder, &format!("s{number}"));
    }
    recorder.flush().await;
    let posts = server.posts();
    let sent: Vec<(bool, usize)> = posts
        .iter()
        .map(|post| (post.seal.is_some(), post.events.len()))
        .collect();
    assert_eq!(sent, [(false, 6), (true, 6)]);
    assert_eq!(server.counted().len(), 12);
}

#[tokio::test(start_paused = true)]
async fn a_sealed_batch_is_sent_again_whole_until_all_of_it_is_answered() {
    let (recorder, server) = pair(settings(10));
    let half = json!({ "results": [{ "index": 0, "status": "recorded" }] });
    server.plan([Does::Say(200, None, half)]);
    offer_unnamed(&recorder, "s1");
    offer_unnamed(&recorder, "s2");
    recorder.flush().await;
    let posts = server.posts();
    assert_eq!(posts.len(), 2);
    assert_eq!(
        (&posts[0].seal, &posts[0].events),
        (&posts[1].seal, &posts[1].events)
    );
    assert_eq!(recorder.stats().delivered, 2);
}

#[tokio::test(start_paused = true)]
async fn halves_of_a_batch_that_was_not_taken_are_batches_of_their_own() {
    let (recorder, server) = pair(settings(8));
    server.takes_at_most(2);
    for number in 0..8 {
        offer_unnamed(&recorder, &format!("s{number}"));
    }
    recorder.flush().await;
    let taken: Vec<_> = server
        .posts()
        .into_iter()
        .filter(|post| post.events.len() <= 2)
        .collect();
    let seals: BTreeSet<_> = taken.iter().map(|post| post.seal.clone()).collect();
    assert_eq!(
        (taken.len(), seals.len(), server.counted().len()),
        (4, 4, 8)
    );
    assert_eq!(recorder.stats().delivered, 8);
}

#[tokio::test(start_paused = true)]
async fn what_comes_back_stays_the_batch_that_it_was_sent_in() {
    let (recorder, server) = pair(settings(3));
    // It counts, and nobody hears of it.
    server.plan([Does::LoseAnswer, Does::Hang]);
    for number in 0..5 {
        offer_unnamed(&recorder, &format!("s{number}"));
    }
    offer(&recorder, "e1");
    let undelivered = recorder.shutdown(Some(Duration::from_secs(1))).await;
    assert_eq!(named(&undelivered), ["s0", "s1", "s2", "s3", "s4", "e1"]);
    let batches: Vec<(bool, usize)> = undelivered
        .iter()
        .map(|of| (of.batch_id().is_some(), of.events().len()))
        .collect();
    assert_eq!(batches, [(true, 3), (true, 2), (false, 1)]);
    let body: Value = serde_json::from_str(&undelivered[0].body()).unwrap();
    let first = &server.posts()[0];
    assert_eq!(body["batch_id"].as_str(), first.seal.as_deref());
    assert_eq!(body["events"], json!(first.events));

    let next = tollgate_recorder::Recorder::start(server.clone(), settings(100)).unwrap();
    offer_unnamed(&next, "other");
    for undelivered in undelivered {
        assert!(next.resume(undelivered).await);
    }
    assert_eq!(next.shutdown(None).await, []);
    assert_eq!(server.counted().len(), 7);
    let told = next.stats();
    assert_eq!((told.delivered, told.replayed), (4, 3));
}

#[tokio::test(start_paused = true)]
async fn what_is_more_than_the_queue_holds_is_not_taken_back_in_part() {
    let (recorder, server) = pair(settings(5));
    server.plan([Does::Hang]);
    for number in 0..5 {
        offer_unnamed(&recorder, &format!("s{number}"));
    }
    let undelivered = recorder.shutdown(Some(Duration::from_secs(1))).await;
    for when_full in [
        tollgate_recorder::WhenFull::Drop,
        tollgate_recorder::WhenFull::Wait,
    ] {
        let small = Settings {
            queue_max: 4,
            when_full,
            ..Settings::default()
        };
        let (next, server) = pair(small);
        assert!(!next.resume(undelivered[0].clone()).await);
        assert_eq!((next.stats().accepted, next.stats().dropped), (0, 5));
        assert!(server.posts().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_may_have_been_taken_is_never_split() {
    let refuses = || Does::Say(413, None, json!({ "code": "too_large" }));
    let (recorder, server) = pair(settings(4));
    server.plan([Does::LoseAnswer, refuses(), refuses()]);
    for number in 0..4 {
        offer_unnamed(&recorder, &format!("s{number}"));
    }
    recorder.flush().await;
    let seals: BTreeSet<_> = server.posts().into_iter().map(|post| post.seal).collect();
    assert_eq!((seals.len(), server.counted().len()), (1, 4));
    assert_eq!(recorder.stats().replayed, 4);

    // Refused for good it is rejected whole.
    server.plan([Does::LoseAnswer, refuses(), refuses(), refuses()]);
    for number in 4..8 {
        offer_unnamed(&recorder, &format!("s{number}"));
    }
    recorder.flush().await;
    assert_eq!(server.counted().len(), 8);
    let rejected = [("too_large".to_owned(), 4)].into();
    assert_eq!(recorder.stats().rejected_by, rejected);
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_back_twice_is_one_batch() {
    let (recorder, server) = pair(settings(3));
    server.plan([Does::Hang]);
    for number in 0..3 {
        offer_unnamed(&recorder, &format!("s{number}"));
    }
    let undelivered = recorder.shutdown(Some(Duration::from_secs(1))).await;
    let next = tollgate_recorder::Recorder::start(server.clone(), settings(3)).unwrap();
    for _ in 0..2 {
        assert!(next.resume(undelivered[0].clone()).await);
    }
    next.flush().await;
    // And again once it is settled: the server knows it.
    assert!(next.resume(undelivered[0].clone()).await);
    assert_eq!(next.shutdown(None).await, []);
    let told = next.stats();
    assert_eq!((told.accepted, told.delivered, told.replayed), (6, 3, 3));
    assert_eq!(server.counted().len(), 3);
}
