//! By how much a file's times are moved.

use super::trace::Survey;
use crate::call::{Call, target};
use crate::client::{CallError, Client};
use crate::failure::Failure;
use std::time::{SystemTime, UNIX_EPOCH};
use tollgate_api::StoredEvent;
use tollgate_core::{Instant, Name};

/// A move of all times of a file by the same whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shift {
    /// Seconds later; negative is earlier.
    pub(crate) seconds: i64,
    /// Whether an earlier run chose it.
    pub(crate) is_found: bool,
}

/// How old an event may be without leave to backfill.
pub(crate) const ACCEPTED_DAYS: i64 = 35;
const DAY_SECONDS: i64 = 86_400;

impl Shift {
    /// No move.
    pub(crate) const NONE: Self = Self {
        seconds: 0,
        is_found: false,
    };

    /// The move that an earlier run used, which the first row tells, sent as `first_id`;
    /// on a first run the one that makes the newest row happen now.
    pub(crate) async fn to_now(
        client: &Client,
        tenant: &Name,
        (survey, first_id): (&Survey, &str),
        now: Instant,
    ) -> Result<Self, Failure> {
        let (Some(first), Some((_, newest))) = (survey.first.timestamp, survey.span) else {
            return Err(Failure::new(
                "--shift-to-now needs a column of times; name it with --map timestamp=COLUMN",
            ));
        };
        let path = format!("/events/{first_id}");
        let call = Call::get(target(&path, &[("tenant_id", Some(tenant.as_str()))]));
        let stored: Option<StoredEvent> = client.find(&call).await.map_err(unreadable)?;
        match stored {
            Some(stored) => earlier(stored.timestamp, first),
            None => Ok(Self {
                seconds: whole_seconds(newest, now),
                is_found: false,
            }),
        }
    }

    /// Whether times that begin at `oldest` are then too old to come in as new.
    pub(crate) fn needs_backfill(self, oldest: Instant, now: Instant) -> bool {
        oldest.plus_seconds(self.seconds)
            < now.plus_seconds(ACCEPTED_DAYS.saturating_mul(-DAY_SECONDS))
    }
}

/// What the clock shows; read once per run, for the shift and the age of rows.
pub(crate) fn now() -> Result<Instant, Failure> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    let millis = since.and_then(|since| i64::try_from(since.as_millis()).ok());
    let at = millis.and_then(|millis| Instant::from_millis(millis).ok());
    at.ok_or_else(|| Failure::new("the clock of this machine shows no usable time"))
}

fn unreadable(error: CallError) -> Failure {
    match &error {
        CallError::Refused(problem) if problem.status == 403 => {
            let reason = problem.reason();
            Failure::new(format!(
                "--shift-to-now looks for an earlier run, which takes a key that may read: {reason}"
            ))
        }
        CallError::Refused(_) | CallError::Unreachable(_) | CallError::Unreadable(_) => {
            error.into()
        }
    }
}

/// The shift that brought `first` to `at`.
fn earlier(at: Instant, first: Instant) -> Result<Shift, Failure> {
    let shift = Shift {
        seconds: whole_seconds(first, at),
        is_found: true,
    };
    if first.plus_seconds(shift.seconds) != at {
        return Err(Failure::new(format!(
            "the first row is stored at {at}, which is no whole-second shift of {first}"
        )));
    }
    Ok(shift)
}

/// Whole seconds from `start` to `end`, cut towards zero.
fn whole_seconds(start: Instant, end: Instant) -> i64 {
    end.timestamp().duration_since(start.timestamp()).as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn the_newest_row_lands_in_the_last_second() {
        let (newest, now) = (
            at("2023-11-16T19:14:08.402527Z"),
            at("2026-11-22T10:00:00.1Z"),
        );
        let moved = newest.plus_seconds(whole_seconds(newest, now));
        assert_eq!(moved.to_string(), "2026-11-22T09:59:59.402527Z");
    }

    #[test]
    fn an_earlier_shift_is_found_to_the_second() {
        let (first, day) = (at("2023-11-16T18:15:46.68059Z"), 86_400);
        for seconds in [day, 0, -day] {
            let is_found = true;
            assert_eq!(
                earlier(first.plus_seconds(seconds), first),
                Ok(Shift { seconds, is_found })
            );
        }
    }

    #[test]
    fn a_stored_time_that_is_no_shift_is_refused() {
        let first = at("2023-11-16T18:15:46.68059Z");
        assert!(earlier(at("2023-11-17T18:15:46.5Z"), first).is_err());
    }

    #[test]
    fn events_older_than_35_days_need_backfill() {
        let (now, day) = (at("2026-11-22T10:00:00Z"), 86_400);
        assert!(!Shift::NONE.needs_backfill(now.plus_seconds(-35 * day), now));
        assert!(Shift::NONE.needs_backfill(now.plus_seconds(-35 * day - 1), now));
        let shift = Shift {
            seconds: day,
            is_found: false,
        };
        assert!(!shift.needs_backfill(now.plus_seconds(-36 * day), now));
    }
}
