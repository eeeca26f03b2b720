//! Where the periods of an allowance began before they came to begin elsewhere.

use crate::limit::counter::CounterKey;
use crate::time::calendar::Calendar;
use crate::time::instant::Instant;
use serde::{Deserialize, Serialize};

/// A calendar that held for the periods of before.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Earlier {
    /// The first instant at which it holds no more.
    pub until: Instant,
    /// It.
    pub calendar: Calendar,
    /// How many there were before it.
    pub number: u32,
}

/// An allowance whose period was cut: all that was drawn from it stands in
/// another one since, comes back to there, and what its period still has is
/// drawn from there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Moved {
    /// The counter that is empty since.
    pub from: CounterKey,
    /// The counter that took over.
    pub to: CounterKey,
}
