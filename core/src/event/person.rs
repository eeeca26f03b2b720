//! Those whose names can be erased.

use crate::event::dimensions::Dimensions;
use crate::event::event::Event;
use crate::event::name::Name;
use crate::words::words;

words! {
    /// As what someone is named.
    pub enum Person {
        /// An agent.
        Agent = "agent",
        /// A consumer.
        Consumer = "consumer",
    }
}

impl Person {
    /// The name of this person in `dimensions`.
    pub fn of(self, dimensions: &mut Dimensions) -> &mut Option<Name> {
        match self {
            Self::Agent => &mut dimensions.agent,
            Self::Consumer => &mut dimensions.consumer,
        }
    }

    /// The name of this person in `event`.
    #[must_use]
    pub fn of_event(self, event: &Event) -> Option<&Name> {
        match self {
            Self::Agent => event.dimensions.agent.as_ref(),
            Self::Consumer => event.dimensions.consumer.as_ref(),
        }
    }
}
