//! Whatever goes wrong, every event counts once or comes back.

use crate::given::{Does, Server, named, offer, offer_unnamed, pair};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use tollgate_recorder::{Recorder, Settings};

/// What a program and its server do.
#[derive(Clone, Debug)]
enum Step {
    /// So many events, with ids of their own or without.
    Offer(usize, bool),
    Flush,
    Pass(Duration),
    Trouble(Does),
}

fn step() -> impl Strategy<Value = Step> {
    let says = |status: u16| Does::Say(status, None, json!({ "code": "c" }));
    let trouble = prop_oneof![
        Just(Does::Lose),
        Just(Does::LoseAnswer),
        Just(Does::Hang),
        Just(Does::Panic),
        Just(says(200)),
        Just(says(401)),
        Just(says(413)),
        Just(says(503)),
    ];
    prop_oneof![
        4 => (1..20_usize, any::<bool>()).prop_map(|(count, has_ids)| Step::Offer(count, has_ids)),
        1 => Just(Step::Flush),
        1 => (0..5000_u64).prop_map(|millis| Step::Pass(Duration::from_millis(millis))),
        4 => trouble.prop_map(Step::Trouble),
    ]
}

/// Does the steps; the ids that were accepted.
async fn done(steps: Vec<Step>, recorder: &Recorder, server: &Server) -> BTreeSet<String> {
    let mut accepted = BTreeSet::new();
    let mut numbers = 0..;
    for step in steps {
        match step {
            Step::Offer(count, has_ids) => {
                let ids = numbers
                    .by_ref()
                    .take(count)
                    .map(|number: u32| format!("e{number}"));
                let offer = if has_ids { offer } else { offer_unnamed };
                accepted.extend(ids.filter(|id| offer(recorder, id)));
            }
            Step::Flush => recorder.flush().await,
            Step::Pass(time) => tokio::time::sleep(time).await,
            Step::Trouble(does) => server.plan([does]),
        }
    }
    accepted
}

proptest! {
    #[test]
    fn every_event_that_was_accepted_is_delivered_rejected_or_given_back(
        steps in prop::collection::vec(step(), 1..40),
        queue_max in 1..60_usize,
        batch_events in 1..20_usize,
        patience in prop::option::of(0..3_000_u64),
        takes_at_most in prop::option::of(1..20_usize),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (recorder, server) = pair(Settings { queue_max, batch_events, ..Settings::default() });
            if let Some(events) = takes_at_most {
                server.takes_at_most(events);
            }
            let accepted = done(steps, &recorder, &server).await;
            let undelivered = recorder.shutdown(patience.map(Duration::from_millis)).await;
            let returned: BTreeSet<String> = named(&undelivered).into_iter().collect();
            let counted: BTreeSet<String> = server.counted().into_keys().collect();
            let stats = recorder.stats();
            let settled = stats.delivered + stats.replayed + stats.rejected;
            assert_eq!(stats.accepted, accepted.len() as u64);
            assert_eq!(stats.accepted, settled + returned.len() as u64);
            assert_eq!(stats.queued, 0);
            assert!(counted.is_subset(&accepted), "nothing else is sent");
            assert!(patience.is_some() || returned.is_empty(), "without a deadline nothing comes back");
            let accounted = counted.union(&returned).count() as u64;
            assert!(accounted >= stats.accepted - stats.rejected, "nothing is lost");
            assert!(stats.delivered + stats.replayed <= counted.len() as u64, "what is delivered has counted");
            // What came back is taken up again, and nothing counts twice or never.
            server.heal();
            let next = Recorder::start(server.clone(), Settings::default()).unwrap();
            for undelivered in undelivered {
                assert!(next.resume(undelivered).await);
            }
            assert_eq!(next.shutdown(None).await, []);
            let counted: BTreeSet<String> = server.counted().into_keys().collect();
            let rejected = stats.rejected + next.stats().rejected;
            assert!(counted.len() as u64 >= stats.accepted - rejected, "nothing is lost");
        });
    }
}
