//! An event with its price, about to be recorded.

use crate::event::event::Event;
use crate::event::fingerprint::Fingerprint;
use crate::price::priced::Priced;

/// An event with its price, about to be recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    /// What was used.
    pub event: Event,
    /// What it costs.
    pub priced: Priced,
    /// Whether the client named the timestamp.
    pub timestamp_given: bool,
    /// Of its content.
    pub fingerprint: Fingerprint,
}

impl Draft {
    /// Takes the fingerprint of `event`.
    #[must_use]
    pub fn new(event: Event, priced: Priced, timestamp_given: bool) -> Self {
        let fingerprint = Fingerprint::of(&event);
        Self {
            event,
            priced,
            timestamp_given,
            fingerprint,
        }
    }
}
