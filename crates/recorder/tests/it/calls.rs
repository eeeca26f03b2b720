//! Calls, however they end.

use crate::given::{Does, Server, name, pair, task, tokens};
use futures::FutureExt;
use futures::future::pending;
use serde_json::json;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::time::advance;
use tollgate_core::Quantities;
use tollgate_recorder::{Outcome, Recorder, Settings, Task, Usage};
use tower::{Layer, Service, ServiceExt, service_fn};

type Answer = Result<u64, &'static str>;

/// The outcome and the output tokens of the only event.
async fn recorded(recorder: &Recorder, server: &Server) -> (String, u64) {
    recorder.flush().await;
    let event = server.only();
    (
        event["metadata"]["outcome"].as_str().unwrap().to_owned(),
        event["tokens_out"].as_u64().unwrap(),
    )
}

#[tokio::test(start_paused = true)]
async fn a_call_that_succeeds_is_recorded_once_with_what_it_used() {
    let (recorder, server) = pair(Settings::default());
    let answer = recorder
        .call(Task::default(), async { Answer::Ok(7) }, tokens)
        .await;
    assert_eq!(answer, Ok(7));
    assert_eq!(
        recorded(&recorder, &server).await,
        ("success".to_owned(), 7)
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_is_recorded_once_and_fails_as_it_would_have() {
    let (recorder, server) = pair(Settings::default());
    let read = |result: Result<&u64, &&str>| {
        Some(Usage::from(Quantities {
            tokens_out: result.map_or(3, |tokens| *tokens),
            ..Quantities::default()
        }))
    };
    let answer = recorder
        .call(Task::default(), async { Answer::Err("refused") }, read)
        .await;
    assert_eq!(answer, Err("refused"));
    assert_eq!(recorded(&recorder, &server).await, ("error".to_owned(), 3));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_is_recorded_once_as_cancelled() {
    let (recorder, server) = pair(Settings::default());
    let mut call = recorder.call(Task::default(), pending::<Answer>(), tokens);
    assert!((&mut call).now_or_never().is_none());
    drop(call);
    assert_eq!(
        recorded(&recorder, &server).await,
        ("cancelled".to_owned(), 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_is_recorded_once_as_an_error() {
    let (recorder, server) = pair(Settings::default());
    let call = recorder.call(
        Task::default(),
        async {
            if true {
                panic!("as planned")
            } else {
                Answer::Ok(1)
            }
        },
        tokens,
    );
    assert!(tokio::spawn(call).await.unwrap_err().is_panic());
    assert_eq!(recorded(&recorder, &server).await, ("error".to_owned(), 0));
}

#[tokio::test(start_paused = true)]
async fn a_panic_that_was_caught_before_the_call_is_dropped_is_still_an_error() {
    let (recorder, server) = pair(Settings::default());
    let mut call = recorder.call(
        Task::default(),
        async {
            if true {
                panic!("as planned")
            } else {
                Answer::Ok(1)
            }
        },
        tokens,
    );
    assert!(AssertUnwindSafe(&mut call).catch_unwind().await.is_err());
    drop(call);
    assert_eq!(recorded(&recorder, &server).await, ("error".to_owned(), 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_is_timed_in_milliseconds_rounded_half_to_even() {
    for (micros, millis) in [(1_234_500, 1234), (1_235_500, 1236), (0, 0), (500_000, 500)] {
        let (recorder, server) = pair(Settings::default());
        let call = async {
            advance(Duration::from_micros(micros)).await;
            Answer::Ok(1)
        };
        recorder.call(Task::default(), call, tokens).await.unwrap();
        recorder.flush().await;
        assert_eq!(server.only()["duration_ms"], millis, "{micros}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_task_is_not_recorded() {
    let (recorder, server) = pair(Settings::default());
    let requests_only = |request: &&str| (*request == "task.request").then(Task::default);
    let responses_only = |result: Result<&&str, &Infallible>| {
        result
            .is_ok_and(|reply| *reply == "task.response")
            .then(Usage::default)
    };
    let echo = |request: &'static str| async move {
        Ok(if request == "task.request" {
            "task.response"
        } else {
            "pong"
        })
    };
    let lost = |_: &'static str| async { Ok("task.error") };
    assert_eq!(
        recorder.handler(echo, requests_only, responses_only)("ping").await,
        Ok("pong")
    );
    assert_eq!(
        recorder.handler(lost, requests_only, responses_only)("task.request").await,
        Ok("task.error")
    );
    recorder.flush().await;
    assert_eq!(recorder.stats().accepted, 0);
    assert_eq!(
        recorder.handler(echo, requests_only, responses_only)("task.request").await,
        Ok("task.response")
    );
    recorder.flush().await;
    assert_eq!((recorder.stats().accepted, server.counted().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_closure_costs_the_call_nothing_and_the_event_is_still_recorded() {
    let (recorder, server) = pair(Settings::default());
    let unreadable = |_: Result<&u64, &&str>| -> Option<Usage> { panic!("as planned") };
    assert_eq!(
        recorder
            .call(task("e1"), async { Answer::Ok(7) }, unreadable)
            .await,
        Ok(7)
    );
    let undescribed = |_: &u64| -> Option<Task> { panic!("as planned") };
    let handler = recorder.handler(
        |request| async move { Answer::Ok(request) },
        undescribed,
        tokens,
    );
    assert_eq!(handler(9).await, Ok(9));
    recorder.flush().await;
    assert_eq!(
        (recorder.stats().delivered, recorder.stats().unread),
        (2, 2)
    );
    assert_eq!(server.counted()["e1"]["tokens_out"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_delays_no_call() {
    let (recorder, server) = pair(Settings {
        batch_events: 1,
        ..Settings::default()
    });
    server.plan([Does::Hang]);
    for _ in 0..100 {
        assert_eq!(
            recorder
                .call(Task::default(), async { Answer::Ok(7) }, tokens)
                .now_or_never(),
            Some(Ok(7))
        );
        tokio::task::yield_now().await;
    }
    assert_eq!((recorder.stats().queued, server.posts().len()), (100, 1));
}

#[tokio::test(start_paused = true)]
async fn a_layer_meters_each_call_of_a_service() {
    let (recorder, server) = pair(Settings::default());
    let describe = |request: &&str| {
        Some(Task {
            session: Some(name(request)),
            ..Task::default()
        })
    };
    let service = service_fn(|request: &'static str| async move {
        if request == "bad" {
            Err("refused")
        } else {
            Ok(5)
        }
    });
    let mut service = recorder.layer(describe, tokens).layer(service);
    assert_eq!(service.ready().await.unwrap().call("good").await, Ok(5));
    assert_eq!(service.clone().oneshot("bad").await, Err("refused"));
    recorder.flush().await;
    let mut events: Vec<_> = server
        .counted()
        .into_values()
        .map(|event| json!([event["session_id"], event["tokens_out"]]))
        .collect();
    events.sort_by_key(ToString::to_string);
    assert_eq!(events, [json!(["bad", 0]), json!(["good", 5])]);
}

#[tokio::test(start_paused = true)]
async fn a_task_by_hand_is_recorded_once_however_it_is_ended() {
    let (recorder, server) = pair(Settings::default());
    assert!(
        recorder
            .begin(task("done"))
            .finish(
                Outcome::Success,
                Usage::from(Quantities {
                    api_calls: 2,
                    ..Quantities::default()
                })
            )
            .await
    );
    let mut cancelled = recorder.begin(task("cancelled"));
    cancelled.usage_mut().quantities.tokens_in = 40;
    drop(cancelled);
    recorder.begin(task("none")).forget();
    recorder.flush().await;
    let counted = server.counted();
    assert_eq!(counted.keys().collect::<Vec<_>>(), ["cancelled", "done"]);
    assert_eq!(
        (
            &counted["done"]["api_calls"],
            &counted["cancelled"]["tokens_in"]
        ),
        (&json!(2), &json!(40))
    );
}
