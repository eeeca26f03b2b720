//! The harness bites: it finds what a check before an unguarded write lets
//! through.

use crate::act::{Act, Bounds};
use crate::play::{Choice, Client, Processes, Protocol};
use crate::search::{Broken, Budget, replay, search, written};

const fn naive(act: Act) -> Client {
    Client {
        act,
        seconds: 0,
        alike: 0,
    }
}

/// Each fits, both do not.
pub(crate) const CHECK_THEN_RECORD: Protocol = Protocol {
    name: "check, then record",
    limit: Bounds {
        soft: None,
        hard: Some(80),
    },
    before: &[Act::Record(("b", 0))],
    clients: &[
        naive(Act::CheckThenRecord(("e0", 50))),
        naive(Act::CheckThenRecord(("e1", 50))),
    ],
    processes: Processes::Each,
    is_torn: false,
};

/// The same, asked of what Tollgate has.
const RECORD: Protocol = Protocol {
    name: "record, as check then record does",
    clients: &[
        naive(Act::Record(("e0", 50))),
        naive(Act::Record(("e1", 50))),
    ],
    ..CHECK_THEN_RECORD
};

const BUDGET: Budget = Budget {
    faults: 0,
    runs_max: 10_000,
    reduced: true,
    merged: false,
};

/// The shortest first, and of those the one that changes clients least.
fn shortest(broken: &[Broken]) -> &Broken {
    let changes = |path: &[Choice]| {
        path.windows(2)
            .filter(|pair| pair[0].client != pair[1].client)
            .count()
    };
    broken
        .iter()
        .min_by_key(|broken| (broken.path.len(), changes(&broken.path)))
        .expect("a broken schedule")
}

#[tokio::test(start_paused = true)]
async fn a_check_before_a_write_without_a_guard_is_found_to_overspend() {
    let report = search(&CHECK_THEN_RECORD, BUDGET, false).await;
    assert!(report.exhaustive);
    let found = shortest(&report.broken);
    println!(
        "check, then record: {} of {} schedules overspend, shortest:",
        report.broken.len(),
        report.schedules
    );
    println!(
        "{}\n  {}",
        written(&CHECK_THEN_RECORD, &found.path),
        found.why
    );
    assert_eq!(
        found
            .path
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["0", "0", "1", "1", "1", "0", "0", "0", "0", "0"],
        "both check, both record; the last reads, and tries again"
    );
    assert_eq!(found.why, "100 tokens stand where Some(80) are allowed");
    let (steps, outcome) = replay(&CHECK_THEN_RECORD, &found.path).await;
    assert_eq!(
        outcome,
        Err(found.why.clone()),
        "it can be replayed: {steps:#?}"
    );
    steps.iter().for_each(|step| println!("  {step}"));
    // One after the other is right: that is why no ordinary test finds it.
    assert!(report.broken.len() < usize::try_from(report.schedules).expect("few"));
}

#[tokio::test(start_paused = true)]
async fn the_same_two_events_never_overspend_where_the_write_is_guarded() {
    let report = search(
        &RECORD,
        Budget {
            faults: 2,
            ..BUDGET
        },
        true,
    )
    .await;
    assert!(report.exhaustive && report.broken.is_empty(), "{report:?}");
}
