//! The system clock, read here and nowhere else.

use jiff::Timestamp;
use tollgate_core::Instant;
use tollgate_service::Clock;

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::from(Timestamp::now())
    }
}
