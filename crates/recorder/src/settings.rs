//! How a recorder queues, batches and retries.

use crate::clock::Clock;
use std::time::Duration;
use tollgate_core::Name;

/// The most events of one batch.
pub const BATCH_EVENTS_MAX: usize = 1000;
/// The most bytes of one batch: 1 MiB, all of its JSON counted.
pub const BATCH_BYTES_MAX: usize = 1 << 20;
/// The largest queue, in events.
pub const QUEUE_MAX: usize = 1_000_000;

const HOUR: Duration = Duration::from_secs(3600);

/// What happens to an event that finds the queue full.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum WhenFull {
    /// It is dropped and counted, and the call goes on at once.
    #[default]
    Drop,
    /// The call waits, with its result in hand, until there is room. A call
    /// that is cancelled cannot wait: its event is dropped and counted.
    Wait,
}

/// How a recorder queues, batches and retries. Values out of bounds are held
/// to them.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The operation of events that name none. Default `agent_task`.
    pub operation: Name,
    /// Whose the events are; needed with an operator's key only.
    pub tenant: Option<Name>,
    /// How many events wait at most, those under way included: 1 to
    /// [`QUEUE_MAX`], default 10,000.
    pub queue_max: usize,
    /// Default [`WhenFull::Drop`].
    pub when_full: WhenFull,
    /// A batch is sent when it has this many events: 1 to
    /// [`BATCH_EVENTS_MAX`], default 100. One that has fewer is sent when it
    /// would pass [`BATCH_BYTES_MAX`], or after `interval`.
    pub batch_events: usize,
    /// How long the first event of a batch waits for others: up to an hour,
    /// default 1 s.
    pub interval: Duration,
    /// The pause after a first failed try, doubled with each further one.
    /// Default 200 ms.
    pub backoff_first: Duration,
    /// The longest pause, unless the server asks for more: up to an hour,
    /// default 30 s.
    pub backoff_max: Duration,
    /// What events are stamped with when they are recorded.
    pub clock: Clock,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            operation: agent_task(),
            tenant: None,
            queue_max: 10_000,
            when_full: WhenFull::default(),
            batch_events: 100,
            interval: Duration::from_secs(1),
            backoff_first: Duration::from_millis(200),
            backoff_max: Duration::from_secs(30),
            clock: Clock::default(),
        }
    }
}

impl Settings {
    /// Every value within its bounds.
    pub(crate) fn bounded(self) -> Self {
        Self {
            queue_max: self.queue_max.clamp(1, QUEUE_MAX),
            batch_events: self.batch_events.clamp(1, BATCH_EVENTS_MAX),
            interval: self.interval.min(HOUR),
            backoff_first: self.backoff_first.clamp(Duration::from_millis(1), HOUR),
            backoff_max: self.backoff_max.clamp(Duration::from_millis(1), HOUR),
            ..self
        }
    }
}

/// `agent_task` is a valid name; a tier is one too, should that ever change.
fn agent_task() -> Name {
    Name::new("agent_task").unwrap_or_else(|_| Name::standard())
}
