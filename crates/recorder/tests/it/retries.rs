//! What is tried again, and what is given up.

use crate::given::{Does, offer, pair};
use serde_json::{Value, json};
use std::time::Duration;
use tollgate_recorder::{Settings, Stats};

fn says(status: u16, code: &str) -> Does {
    Does::Say(status, None, json!({ "status": status, "code": code }))
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_sent_again_with_the_same_ids_and_bodies_until_it_is_answered() {
    let (recorder, server) = pair(Settings::default());
    let unreadable = Does::Say(200, None, json!("a page of a proxy"));
    let trouble = [
        Does::Lose,
        Does::LoseAnswer,
        Does::Panic,
        says(503, "store_unavailable"),
        says(500, "internal"),
        unreadable,
    ];
    server.plan(trouble);
    offer(&recorder, "e1");
    offer(&recorder, "e2");
    recorder.flush().await;
    let bodies: Vec<Vec<Value>> = server.posts().into_iter().map(|post| post.events).collect();
    assert_eq!(bodies.len(), 7);
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    assert_eq!(
        recorder.stats(),
        Stats {
            accepted: 2,
            replayed: 2,
            retries: 6,
            ..Stats::default()
        }
    );
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_and_have_jitter_and_never_end() {
    let settings = Settings {
        backoff_first: Duration::from_secs(1),
        backoff_max: Duration::from_secs(8),
        ..Settings::default()
    };
    let (recorder, server) = pair(settings);
    server.plan(std::iter::repeat_n(Does::Lose, 50));
    offer(&recorder, "e1");
    recorder.flush().await;
    let posts = server.posts();
    let pauses: Vec<Duration> = posts
        .windows(2)
        .map(|pair| pair[1].at - pair[0].at)
        .collect();
    for (pause, step) in pauses.iter().zip([1, 2, 4, 8, 8, 8]) {
        let step = Duration::from_secs(step);
        assert!(
            *pause >= step / 2 && *pause <= step + Duration::from_millis(1),
            "{pauses:?}"
        );
    }
    assert_eq!((pauses.len(), recorder.stats().delivered), (50, 1));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_patience_gets_it() {
    let (recorder, server) = pair(Settings::default());
    server.plan([
        Does::Say(503, Some(90), json!({})),
        Does::Say(429, Some(20), json!({})),
    ]);
    offer(&recorder, "e1");
    recorder.flush().await;
    let posts = server.posts();
    assert!(posts[1].at - posts[0].at >= Duration::from_secs(90));
    assert!(posts[2].at - posts[1].at >= Duration::from_secs(20));
    assert_eq!(recorder.stats().delivered, 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_asked_again() {
    let (recorder, server) = pair(Settings::default());
    server.plan([Does::Hang]);
    offer(&recorder, "e1");
    recorder.flush().await;
    assert_eq!((server.posts().len(), recorder.stats().delivered), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_rejected_is_counted_by_its_code_and_holds_up_no_other() {
    let (recorder, server) = pair(Settings::default());
    server.refuses("e2", 422, "invalid_event");
    server.refuses("e3", 409, "event_id_reused");
    for id in ["e1", "e2", "e3", "e4"] {
        offer(&recorder, id);
    }
    recorder.flush().await;
    assert_eq!(server.counted().keys().collect::<Vec<_>>(), ["e1", "e4"]);
    let rejected_by = [
        ("event_id_reused".to_owned(), 1),
        ("invalid_event".to_owned(), 1),
    ]
    .into();
    assert_eq!(
        recorder.stats(),
        Stats {
            accepted: 4,
            delivered: 2,
            rejected: 2,
            rejected_by,
            ..Stats::default()
        }
    );
    assert_eq!(server.posts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_put_off_alone_is_sent_again_alone() {
    let (recorder, server) = pair(Settings::default());
    let result = |index: u64, status: &str, problem: Value| json!({ "index": index, "status": status, "problem": problem });
    let put_off = result(
        1,
        "rejected",
        json!({ "status": 503, "code": "store_unavailable" }),
    );
    server.plan([Does::Say(
        200,
        None,
        json!({ "results": [result(0, "recorded", Value::Null), put_off] }),
    )]);
    offer(&recorder, "e1");
    offer(&recorder, "e2");
    recorder.flush().await;
    assert_eq!(server.counted().keys().collect::<Vec<_>>(), ["e2"]);
    assert_eq!(recorder.stats().delivered, 2);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_too_large_is_split_until_it_fits() {
    let (recorder, server) = pair(Settings::default());
    server.takes_at_most(3);
    for number in 0..10 {
        offer(&recorder, &format!("e{number}"));
    }
    recorder.flush().await;
    assert_eq!(
        (server.counted().len(), recorder.stats().delivered),
        (10, 10)
    );
    let order: Vec<String> = server
        .posts()
        .iter()
        .filter(|post| post.events.len() <= 3)
        .flat_map(|post| post.events.clone())
        .map(|event| event["id"].to_string())
        .collect();
    assert_eq!(
        order,
        (0..10)
            .map(|number| format!("\"e{number}\""))
            .collect::<Vec<_>>(),
        "in order"
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_that_no_batch_may_hold_is_rejected_alone() {
    let (recorder, server) = pair(Settings::default());
    server.plan([says(400, "invalid_request"), says(400, "invalid_request")]);
    offer(&recorder, "bad");
    offer(&recorder, "good");
    recorder.flush().await;
    assert_eq!(server.counted().keys().collect::<Vec<_>>(), ["good"]);
    assert_eq!(
        recorder.stats().rejected_by,
        [("invalid_request".to_owned(), 1)].into()
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_not_accepted_loses_nothing_and_is_asked_for_rarely() {
    let (recorder, server) = pair(Settings::default());
    server.plan([
        says(401, "unauthenticated"),
        says(403, "forbidden"),
        says(404, "not_found"),
    ]);
    offer(&recorder, "e1");
    recorder.flush().await;
    let posts = server.posts();
    assert!(
        posts
            .windows(2)
            .all(|pair| pair[1].at - pair[0].at >= Duration::from_secs(15))
    );
    assert_eq!(
        recorder.stats(),
        Stats {
            accepted: 1,
            delivered: 1,
            retries: 3,
            ..Stats::default()
        }
    );
}
