//! What holds in every schedule of each protocol, and that the search leaves none out.

mod list;

use crate::act::Answer;
use crate::play::Choice;
use crate::search::{Budget, Report, replay, search, written};
use list::named;

/// Runs searched of one protocol, at most.
const RUNS_MAX: usize = 100_000;

/// Searches a protocol, with one fault more if the environment asks for it;
/// each client was then told each of its answers in `told` at least once.
async fn every_schedule(name: &str, told: &[(usize, Answer)]) {
    let (protocol, faults) = named(name);
    let full = std::env::var("TOLLGATE_SCHEDULES").is_ok_and(|value| value == "full");
    let faults = faults + usize::from(full);
    let budget = Budget {
        faults,
        runs_max: RUNS_MAX,
        reduced: true,
        merged: true,
    };
    let Report {
        schedules,
        runs,
        states,
        ends,
        exhaustive,
        broken,
    } = search(&protocol, budget, true).await;
    if let Some(mut simplest) = broken.into_iter().next() {
        for faults in (0..faults).rev() {
            simplest = search(&protocol, Budget { faults, ..budget }, true)
                .await
                .broken
                .pop()
                .unwrap_or(simplest);
        }
        panic!("{}\n{}", simplest.why, written(&protocol, &simplest.path));
    }
    let clients = protocol.clients.len();
    let extent = if exhaustive {
        "exhaustive".to_owned()
    } else {
        format!("capped at {runs} runs")
    };
    println!(
        "{name}: {clients} clients, {faults} faults: {schedules} schedules in {runs} runs of {states} states, {extent}"
    );
    assert!(exhaustive || full, "{name} is capped");
    for (client, answer) in told {
        assert!(
            ends.keys()
                .any(|answers| answers[*client].each().contains(answer)),
            "{name}: {client} is never told {answer:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn events_are_counted_once_and_never_pass_the_limit_whatever_meets_and_fails() {
    for name in ["record", "record past a soft limit", "first use"] {
        every_schedule(
            name,
            &[(0, Answer::Done), (2, Answer::Done), (2, Answer::Denied)],
        )
        .await;
    }
    let told = [
        (0, Answer::Done),
        (0, Answer::Replayed),
        (0, Answer::Denied),
        (2, Answer::Done),
        (2, Answer::Denied),
    ];
    every_schedule("twins", &told).await;
}

#[tokio::test(start_paused = true)]
async fn batches_that_overlap_are_counted_once_and_never_pass_the_limit_whatever_meets_and_fails() {
    let told = [
        (0, Answer::Done),
        (1, Answer::Replayed),
        (1, Answer::Denied),
        (2, Answer::Replayed),
        (2, Answer::Denied),
    ];
    every_schedule("batch", &told).await;
    every_schedule(
        "batch with room",
        &[
            (0, Answer::Done),
            (1, Answer::Replayed),
            (2, Answer::Replayed),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_sealed_batch_is_counted_once_and_never_passes_the_limit_whatever_meets_and_fails() {
    let told = [
        (0, Answer::Done),
        (0, Answer::Replayed),
        (0, Answer::Denied),
        (2, Answer::Done),
        (2, Answer::Denied),
    ];
    every_schedule("sealed", &told).await;
    let told = [
        (0, Answer::Done),
        (0, Answer::Replayed),
        (0, Answer::Denied),
    ];
    every_schedule("sealed in parts", &told).await;
}

#[tokio::test(start_paused = true)]
async fn holds_and_events_together_never_pass_the_limit_whatever_meets_and_fails() {
    every_schedule(
        "hold",
        &[(0, Answer::Done), (2, Answer::Done), (2, Answer::Denied)],
    )
    .await;
    every_schedule("first hold", &[(0, Answer::Done), (1, Answer::Denied)]).await;
    every_schedule(
        "hold and record",
        &[
            (0, Answer::Done),
            (0, Answer::Denied),
            (2, Answer::Done),
            (2, Answer::Denied),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn credit_is_drawn_once_and_from_no_source_beyond_what_it_has_whatever_meets_and_fails() {
    every_schedule(
        "credit spent",
        &[(0, Answer::Done), (2, Answer::Done), (2, Answer::Denied)],
    )
    .await;
    every_schedule(
        "credit held and spent",
        &[
            (0, Answer::Done),
            (0, Answer::Denied),
            (2, Answer::Done),
            (2, Answer::Denied),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn one_idempotency_key_makes_one_key_whatever_meets_and_fails() {
    every_schedule(
        "one idempotency key",
        &[(0, Answer::Done), (0, Answer::Replayed), (2, Answer::Done)],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn of_capture_release_and_expiry_exactly_one_wins_whatever_meets_and_fails() {
    every_schedule("capture and expiry", &[(0, Answer::Done)]).await;
    let told = [
        (0, Answer::Done),
        (0, Answer::Closed),
        (1, Answer::Done),
        (1, Answer::Closed),
    ];
    every_schedule("capture, release and expiry", &told).await;
    every_schedule("release and two expiries", &[(0, Answer::Done)]).await;
}

#[tokio::test(start_paused = true)]
async fn captures_and_extensions_of_a_hold_that_ends_are_told_what_stands() {
    let told = [
        (0, Answer::Done),
        (0, Answer::Closed),
        (1, Answer::Done),
        (1, Answer::Closed),
    ];
    every_schedule("two captures and expiry", &told).await;
    // It is booked late where it expired before.
    let told = [(0, Answer::Done), (1, Answer::Done), (1, Answer::Closed)];
    every_schedule("capture, extension and expiry", &told).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_hold_frees_is_taken_once_and_no_denial_is_without_a_reason() {
    every_schedule("capture and take", &[(0, Answer::Done), (1, Answer::Done)]).await;
    every_schedule(
        "expiry and two takes",
        &[(1, Answer::Done), (2, Answer::Done), (2, Answer::Denied)],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn in_several_processes_what_is_counted_is_within_the_limit_it_was_planned_under() {
    for name in ["limit lowered", "limit raised"] {
        every_schedule(
            name,
            &[(0, Answer::Done), (1, Answer::Done), (1, Answer::Denied)],
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn in_one_process_the_limit_in_force_holds_at_every_instant() {
    for name in [
        "limit lowered in one process",
        "limit raised in one process",
    ] {
        every_schedule(
            name,
            &[(0, Answer::Done), (1, Answer::Done), (1, Answer::Denied)],
        )
        .await;
    }
    every_schedule(
        "record in one process",
        &[(2, Answer::Done), (2, Answer::Denied)],
    )
    .await;
    every_schedule(
        "capture and release in one process",
        &[(0, Answer::Done), (0, Answer::Closed)],
    )
    .await;
}

/// Ends as they are but for the names of clients.
fn nameless(report: &Report) -> Vec<Vec<Answer>> {
    let mut ends: Vec<Vec<Answer>> = report.ends.keys().cloned().collect();
    ends.iter_mut().for_each(|answers| answers.sort_unstable());
    ends.sort_unstable();
    ends.dedup();
    ends
}

#[tokio::test(start_paused = true)]
async fn neither_reduction_loses_an_end() {
    const ALL: Budget = Budget {
        faults: 1,
        runs_max: RUNS_MAX,
        reduced: false,
        merged: false,
    };
    // Three clients that are alike have six orders of first calls.
    for (name, faults, orders) in [("record", 1, 6), ("hold", 0, 6), ("twins", 1, 2)] {
        let (protocol, _) = named(name);
        let all = search(&protocol, Budget { faults, ..ALL }, true).await;
        let reduced = search(
            &protocol,
            Budget {
                faults,
                reduced: true,
                ..ALL
            },
            true,
        )
        .await;
        let merged = search(
            &protocol,
            Budget {
                faults,
                reduced: true,
                merged: true,
                ..ALL
            },
            true,
        )
        .await;
        let reports = [&all, &reduced, &merged];
        assert!(
            reports
                .iter()
                .all(|report| report.exhaustive && report.broken.is_empty())
        );
        assert_eq!(all.schedules, reduced.schedules * orders, "{name}");
        assert_eq!(reduced.schedules, merged.schedules, "{name}");
        assert_eq!(nameless(&all), nameless(&reduced), "{name}");
        assert_eq!(
            reduced.ends.keys().collect::<Vec<_>>(),
            merged.ends.keys().collect::<Vec<_>>(),
            "{name}"
        );
        println!(
            "{name}: {} runs of all schedules, {} reduced, {} merged",
            all.runs, reduced.runs, merged.runs
        );
    }
}

/// Plays the schedule that the environment names, as a failure prints it; else
/// one that overspends where a write has no guard.
#[tokio::test(start_paused = true)]
async fn a_schedule_is_played_again_from_its_text() {
    let asked = std::env::var("TOLLGATE_SCHEDULE");
    let text = asked
        .as_deref()
        .unwrap_or("check, then record: 0 1 1 0 0 1");
    let (name, steps) = text.split_once(':').expect("a name, a colon and steps");
    let path: Option<Vec<Choice>> = steps.split_whitespace().map(Choice::parse).collect();
    let (steps, outcome) = replay(&named(name).0, &path.expect("steps")).await;
    steps.iter().for_each(|step| println!("{step}"));
    match asked {
        Ok(_) => println!(
            "{:?}",
            outcome.expect("a schedule that keeps every promise")
        ),
        Err(_) => assert_eq!(
            outcome,
            Err("100 tokens stand where Some(80) are allowed".to_owned())
        ),
    }
}
