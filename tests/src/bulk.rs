//! Events by the million, in sealed batches of 1,000.

use tollgate_core::{Event, Mode, Name};
use tollgate_service::{Clock, Options, SealedBatch, SealedOutcome, SealedPart, Submission};

use crate::app::TestApp;

/// Events of one batch.
const BATCH: u64 = 1_000;

/// So many different names of each kind that a crowd of events has.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// Sessions.
    pub sessions: u64,
    /// Tasks.
    pub tasks: u64,
    /// Agents.
    pub agents: u64,
    /// Bytes of metadata of each event.
    pub metadata: usize,
}

/// A name.
///
/// # Panics
/// Where it cannot be one.
#[must_use]
pub fn name(text: impl AsRef<str>) -> Name {
    Name::new(text.as_ref()).expect("a name")
}

impl Crowd {
    /// Few of each.
    pub const SMALL: Self = Self {
        sessions: 100,
        tasks: 100,
        agents: 10,
        metadata: 0,
    };

    /// The event of this number, now.
    #[must_use]
    pub fn event(self, app: &TestApp, id: Name, number: u64) -> Event {
        let mut event = Event::new(id, app.clock.now(), name("agent_message"));
        // Spread by a prime, so that every kind meets every other.
        let mixed = number.wrapping_mul(7_919);
        event.dimensions.session = Some(name(format!("session-{}", number % self.sessions)));
        event.task = Some(name(format!("task-{}", number % self.tasks)));
        event.dimensions.agent = Some(name(format!("agent-{}", mixed / 3 % self.agents)));
        event.dimensions.model = Some(name(format!("model-{}", mixed / 13 % 4)));
        if self.metadata > 0 {
            event.metadata = Some(format!("{:?}", "x".repeat(self.metadata)));
        }
        event.quantities.tokens_in = mixed % 4_000;
        event.quantities.tokens_out = mixed % 900;
        event
    }

    /// Records the events of these numbers, now.
    ///
    /// # Panics
    /// Where one is not recorded.
    pub async fn record(self, app: &TestApp, tenant: &Name, numbers: std::ops::Range<u64>) {
        let mut from = numbers.start;
        while from < numbers.end {
            let to = numbers.end.min(from + BATCH);
            let id = name(format!("batch-{from}"));
            let part = |number: u64| {
                let index = u32::try_from(number - from).expect("an index");
                let id = id.sealed_event(index);
                SealedPart::Event(Submission {
                    event: self.event(app, id, number),
                    timestamp_given: true,
                })
            };
            let parts = (from..to).map(part).collect();
            let (sent, options) = (
                app.clock.now(),
                Options {
                    mode: Mode::Enforce,
                    age_seconds_max: 35 * 86_400,
                },
            );
            let batch = SealedBatch { id, sent, parts };
            let done = app.service().record_sealed(tenant, batch, options).await;
            assert!(matches!(done, Ok(SealedOutcome::Settled(_))), "{done:?}");
            from = to;
        }
    }
}
