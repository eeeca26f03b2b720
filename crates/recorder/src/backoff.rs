//! How long to wait before another try.

use std::time::Duration;

/// The longest `Retry-After` that is honoured; one that asks for more is
/// taken for a mistake.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// Pauses that double from `first` up to `max`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) max: Duration,
}

impl Backoff {
    /// The pause after failed try number `attempt` (from 1): between half of
    /// the step and all of it, as `random` of `u32::MAX` says, after what the
    /// server asked for.
    pub(crate) fn pause(
        self,
        attempt: u32,
        retry_after: Option<Duration>,
        random: u32,
    ) -> Duration {
        let doubled = 1_u32
            .checked_shl(attempt.saturating_sub(1))
            .unwrap_or(u32::MAX);
        let half = self.first.saturating_mul(doubled).min(self.max) / 2;
        let jitter = half.as_millis().saturating_mul(random.into()) / u128::from(u32::MAX);
        let jitter = Duration::from_millis(u64::try_from(jitter).unwrap_or(u64::MAX));
        let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
        asked.saturating_add(half).saturating_add(jitter)
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
    fn pauses_double_up_to_a_bound_and_come_after_what_the_server_asked() {
        let backoff = Backoff {
            first: Duration::from_millis(200),
            max: Duration::from_secs(30),
        };
        let seconds = Duration::from_secs;
        for (attempt, asked, random, pause) in [
            (1, None, 0, Duration::from_millis(100)),
            (1, None, u32::MAX, Duration::from_millis(200)),
            (2, None, u32::MAX, Duration::from_millis(400)),
            (9, None, u32::MAX, seconds(30)),
            (u32::MAX, None, u32::MAX, seconds(30)),
            (1, Some(seconds(7)), 0, Duration::from_millis(7100)),
            (1, Some(Duration::MAX), 0, Duration::from_millis(3_600_100)),
        ] {
            assert_eq!(
                backoff.pause(attempt, asked, random),
                pause,
                "{attempt} {asked:?} {random}"
            );
        }
    }
}
