//! A clock that tests set.

use std::sync::Mutex;
use tollgate_core::Instant;
use tollgate_service::Clock;

/// Stands still until a test moves it.
#[derive(Debug)]
pub struct TestClock(Mutex<Instant>);

impl TestClock {
    /// Stands at `at`.
    #[must_use]
    pub fn at(at: &str) -> Self {
        Self(Mutex::new(at.parse().expect("a time")))
    }

    /// Moves on (back, when negative).
    pub fn advance(&self, seconds: i64) {
        let mut now = self.0.lock().expect("clock");
        *now = now.plus_seconds(seconds);
    }

    /// Stands at `at` from now on.
    pub fn set(&self, at: &str) {
        *self.0.lock().expect("clock") = at.parse().expect("a time");
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        *self.0.lock().expect("clock")
    }
}
