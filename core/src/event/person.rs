//! Those whose names can be erased.

use crate::event::dimensions::Dimensions;
use crate::event::event::Event;
use crate::event::name::Name;
use serde::{Deserialize, Serialize};

/// As what someone is named.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Person {
    /// An agent.
    Agent,
    /// A consumer.
    Consumer,
}

impl Person {
    /// Its name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Consumer => "consumer",
        }
    }

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
