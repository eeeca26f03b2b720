//! The harness finds a refusal that rests on a torn reading: markers that were
//! read before the counters, so that a repeat sees its own use and not its event.

use crate::act::{Act, Answer, Bounds};
use crate::play::{Client, Processes, Protocol};
use crate::search::{Budget, search, written};

const fn twin() -> Client {
    Client {
        act: Act::Record(("e0", 70)),
        // In a new hour a process reads before it writes.
        seconds: 3_600,
        alike: 0,
    }
}

/// One event, sent twice at once; it fits, and nothing else is asked for.
const TWINS: Protocol = Protocol {
    name: "one event twice",
    limit: Bounds {
        soft: None,
        hard: Some(100),
    },
    before: &[Act::Record(("b", 20))],
    clients: &[twin(), twin()],
    processes: Processes::Each,
    is_torn: false,
};

/// As it was: the markers stand as before the counters were read.
const TORN: Protocol = Protocol {
    name: "one event twice, read the other way around",
    is_torn: true,
    ..TWINS
};

const BUDGET: Budget = Budget {
    faults: 1,
    runs_max: 100_000,
    reduced: true,
    merged: true,
};

/// In how many ends somebody is denied an event that was recorded.
async fn denied(protocol: &Protocol) -> usize {
    let report = search(protocol, BUDGET, false).await;
    assert!(report.exhaustive, "{}", protocol.name);
    let shortest = report.broken.iter().min_by_key(|broken| broken.path.len());
    if let Some(broken) = shortest {
        println!("{}\n  {}", written(protocol, &broken.path), broken.why);
    }
    let ends = report.ends.keys();
    ends.filter(|answers| answers.contains(&Answer::Denied))
        .count()
}

#[tokio::test(start_paused = true)]
async fn a_repeat_that_is_refused_for_its_own_use_is_found() {
    assert!(denied(&TORN).await > 0);
}

#[tokio::test(start_paused = true)]
async fn a_repeat_is_never_refused_for_its_own_use() {
    assert_eq!(denied(&TWINS).await, 0);
}
