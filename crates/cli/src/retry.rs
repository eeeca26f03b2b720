//! When to try a request again.

use std::time::Duration;

/// How often and how patiently a request is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patience {
    /// Tries in all, the first one included.
    pub(crate) tries: u32,
}

/// The longest `Retry-After` that a 429 is waited for.
const THROTTLE_SECONDS_MAX: u64 = 5;
/// The longest `Retry-After` that any other status is waited for.
const RETRY_AFTER_SECONDS_MAX: u64 = 30;
const FIRST_STEP_MILLIS: u64 = 100;
const STEP_MILLIS_MAX: u64 = 10_000;

impl Patience {
    /// For a long run, which outlives a restart of the server.
    pub(crate) const LONG: Self = Self { tries: 8 };
    /// For a command that someone waits for.
    pub(crate) const SHORT: Self = Self { tries: 3 };
    /// For a request whose repetition is decided elsewhere.
    pub(crate) const ONCE: Self = Self { tries: 1 };

    /// How long to wait after failed try number `attempt` (from 1), jittered
    /// by `random`; `None` when that was the last.
    pub(crate) fn pause(
        self,
        attempt: u32,
        retry_after: Option<u64>,
        random: u32,
    ) -> Option<Duration> {
        if attempt >= self.tries {
            return None;
        }
        let step = FIRST_STEP_MILLIS.saturating_mul(
            1_u64
                .checked_shl(attempt.saturating_sub(1))
                .unwrap_or(u64::MAX),
        );
        let step = step.min(STEP_MILLIS_MAX);
        let jittered = step.saturating_mul(u64::from(random)) / u64::from(u32::MAX);
        let asked = retry_after.unwrap_or(0).saturating_mul(1000);
        Some(Duration::from_millis(asked.saturating_add(jittered)))
    }
}

/// Whether an answer of this status is worth another try. The ids of events
/// make every repetition count once.
pub(crate) fn is_retryable(status: u16, retry_after: Option<u64>) -> bool {
    match status {
        429 => retry_after.is_some_and(|seconds| seconds <= THROTTLE_SECONDS_MAX),
        500..=599 => retry_after.is_none_or(|seconds| seconds <= RETRY_AFTER_SECONDS_MAX),
        _ => false,
    }
}

/// A random number for the jitter; the middle where the system has none.
pub(crate) fn random() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_end() {
        let patience = Patience { tries: 9 };
        let longest = |attempt| {
            patience
                .pause(attempt, None, u32::MAX)
                .map(|pause| pause.as_millis())
        };
        assert_eq!(longest(1), Some(100));
        assert_eq!(longest(2), Some(200));
        assert_eq!(longest(8), Some(10_000));
        assert_eq!(longest(9), None);
        assert_eq!(Patience::ONCE.pause(1, None, 0), None);
    }

    #[test]
    fn a_pause_is_never_shorter_than_the_server_asked() {
        assert_eq!(
            Patience::LONG.pause(1, Some(2), 0),
            Some(Duration::from_secs(2))
        );
    }

    #[test]
    fn only_what_may_pass_soon_is_tried_again() {
        for (status, retry_after, again) in [
            (429, Some(5), true),
            (429, Some(6), false),
            (429, None, false),
            (503, Some(1), true),
            (503, Some(3600), false),
            (500, None, true),
            (504, None, true),
            (400, None, false),
            (409, Some(1), false),
            (402, Some(1), false),
        ] {
            assert_eq!(
                is_retryable(status, retry_after),
                again,
                "{status} {retry_after:?}"
            );
        }
    }
}
