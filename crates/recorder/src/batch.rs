//! Batches as they are sent: sealed, so that the batch counts once, or of events that each
//! count once by an id of their own.

use crate::event::RecordedEvent;
use std::hash::{BuildHasher, RandomState};
use tollgate_core::{Instant, Name};
use ulid::Ulid;

/// What frames the events of a sealed batch; of others less.
pub(crate) const FRAME: &str = r#"{"batch_id":"bat-01ARZ3NDEKTSV4RRFFQ69G5FAV","events":[]}"#;

/// What a shutdown could not deliver: sent as it is, however often, it counts once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Undelivered {
    pub(crate) seal: Option<Name>,
    pub(crate) events: Vec<RecordedEvent>,
}

impl Undelivered {
    /// The id of the sealed batch that these events are, and stay: in this order, with no
    /// other. `None` = they have ids of their own.
    #[must_use]
    pub fn batch_id(&self) -> Option<&Name> {
        self.seal.as_ref()
    }

    /// The events: at least one.
    #[must_use]
    pub fn events(&self) -> &[RecordedEvent] {
        &self.events
    }

    /// The body that `POST /events/batch?mode=observe` takes.
    #[must_use]
    pub fn body(&self) -> String {
        body(self.seal.as_ref(), self.events.iter())
    }
}

/// The batch as JSON, each event as it was recorded.
pub(crate) fn body<'a>(
    seal: Option<&Name>,
    events: impl Iterator<Item = &'a RecordedEvent>,
) -> String {
    let events: Vec<&str> = events.map(RecordedEvent::json).collect();
    let events = events.join(",");
    match seal {
        // A name needs no escaping.
        Some(seal) => format!(r#"{{"batch_id":"{seal}","events":[{events}]}}"#),
        None => format!(r#"{{"events":[{events}]}}"#),
    }
}

/// A new id of a sealed batch, a ULID. Where the system has no randomness to give, the
/// seed that every hash map takes stands in.
pub(crate) fn new_seal(at: Instant) -> Name {
    let mut random = [0; 16];
    if getrandom::fill(&mut random).is_err() {
        let half = || u128::from(RandomState::new().hash_one(at));
        random = ((half() << 64) | half()).to_be_bytes();
    }
    let ulid = Ulid::from_parts(at.unix_millis(), u128::from_be_bytes(random));
    Name::new(&format!("bat-{ulid}")).unwrap_or_else(|_| Name::standard())
}
