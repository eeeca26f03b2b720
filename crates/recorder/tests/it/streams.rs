//! Streamed calls, however they end.

use crate::given::{Does, Server, pair, task};
use futures::{FutureExt, StreamExt, stream};
use tollgate_recorder::{Recorder, Settings, Usage, WhenFull};

fn add(tokens: &u64, usage: &mut Usage) {
    usage.quantities.tokens_out += tokens;
}

async fn recorded(recorder: &Recorder, server: &Server) -> (String, u64) {
    recorder.flush().await;
    let event = server.only();
    (
        event["metadata"]["outcome"].as_str().unwrap().to_owned(),
        event["tokens_out"].as_u64().unwrap(),
    )
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_recorded_once_when_it_ends() {
    let (recorder, server) = pair(Settings::default());
    let mut metered = recorder.stream(task("e1"), stream::iter([3_u64, 4]), add);
    assert_eq!(
        (metered.next().await, metered.next().await),
        (Some(3), Some(4))
    );
    assert_eq!(recorder.stats().accepted, 0);
    assert_eq!(metered.next().await, None);
    assert_eq!(recorder.stats().accepted, 1);
    drop(metered);
    assert_eq!(
        recorded(&recorder, &server).await,
        ("success".to_owned(), 7)
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_dropped_is_recorded_with_what_was_seen() {
    let (recorder, server) = pair(Settings::default());
    let mut metered = recorder.stream(
        task("e1"),
        stream::iter([3_u64, 4, 5]).chain(stream::pending()),
        add,
    );
    assert_eq!(
        (metered.next().await, metered.next().await),
        (Some(3), Some(4))
    );
    drop(metered);
    assert_eq!(
        recorded(&recorder, &server).await,
        ("cancelled".to_owned(), 7)
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_fails_is_recorded_with_what_was_seen() {
    let (recorder, server) = pair(Settings::default());
    let items = [Ok(3_u64), Err("broken"), Ok(9)];
    let seen: Vec<_> = recorder
        .try_stream(task("e1"), stream::iter(items), add)
        .collect()
        .await;
    assert_eq!(seen, items);
    assert_eq!(recorded(&recorder, &server).await, ("error".to_owned(), 3));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_never_polled_is_recorded_as_cancelled() {
    let (recorder, server) = pair(Settings::default());
    drop(recorder.stream(task("e1"), stream::iter([3_u64]), add));
    assert_eq!(
        recorded(&recorder, &server).await,
        ("cancelled".to_owned(), 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_reading_costs_the_stream_nothing() {
    let (recorder, server) = pair(Settings::default());
    let read = |tokens: &u64, usage: &mut Usage| {
        assert!(*tokens < 4, "as planned");
        usage.quantities.tokens_out += tokens;
    };
    let seen: Vec<_> = recorder
        .stream(task("e1"), stream::iter([3_u64, 4, 1]), read)
        .collect()
        .await;
    assert_eq!((seen, recorder.stats().unread), (vec![3, 4, 1], 1));
    assert_eq!(
        recorded(&recorder, &server).await,
        ("success".to_owned(), 3)
    );
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_stream_waits_for_room_where_that_is_chosen() {
    let (recorder, server) = pair(Settings {
        queue_max: 1,
        batch_events: 1,
        when_full: WhenFull::Wait,
        ..Settings::default()
    });
    server.plan([Does::Lose]);
    let mut first = recorder.stream(task("e1"), stream::iter([1_u64]), add);
    let mut second = recorder.stream(task("e2"), stream::iter([2_u64]), add);
    assert_eq!((first.next().await, first.next().await), (Some(1), None));
    assert_eq!(second.next().await, Some(2));
    assert_eq!(second.next().now_or_never(), None);
    assert_eq!(second.next().await, None);
    recorder.flush().await;
    assert_eq!((server.counted().len(), recorder.stats().dropped), (2, 0));
}
