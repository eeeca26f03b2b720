//! Events as clients send them, and what becomes of them.

use tollgate_core::{Answer, Currency, Event, Instant, Mode, Name, PriceError, Ruling};

/// An event as a client sent it.
#[derive(Clone, Debug)]
pub struct Submission {
    /// What was used.
    pub event: Event,
    /// Whether the client named the timestamp.
    pub timestamp_given: bool,
}

/// How a list of events is to be recorded.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether limits hold.
    pub mode: Mode,
    /// The oldest event accepted, in seconds before now.
    pub age_seconds_max: i64,
}

/// What became of one event.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Recorded now.
    Recorded(Answer, Box<Ruling>),
    /// Recorded before, with this answer.
    Replayed(Answer),
    /// Refused by a limit; nothing was recorded.
    Denied(Box<Ruling>),
    /// Refused for what it is; nothing was recorded.
    Rejected(Rejection),
}

/// Why an event is refused for what it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Its id belongs to another event.
    #[error("the id was used for an event with other content")]
    Reused,
    /// Its time is too long ago: more than so many seconds.
    #[error("lies more than {} back", span(*.0))]
    TooOld(i64),
    /// Its time is yet to come.
    #[error("lies more than 5 minutes ahead")]
    TooNew,
    /// The node of the tree of budgets that it names is none.
    #[error("is no node of the tenant's tree of budgets: `{0}`")]
    UnknownNode(Name),
    /// It cannot be priced.
    #[error(transparent)]
    Price(#[from] PriceError),
    /// Its price is in another currency than the tenant's.
    #[error("the price is in {card}, but the tenant's currency is {tenant}")]
    Currency {
        /// The currency that first use fixed.
        tenant: Currency,
        /// The card's.
        card: Currency,
    },
}

/// How far ahead of the clock an event may lie.
pub const AHEAD_SECONDS_MAX: i64 = 300;

/// How far back an event may lie, unless an operator backfills.
pub const AGE_SECONDS_MAX: i64 = 35 * 86_400;

/// A span for people: whole days, else whole minutes.
fn span(seconds: i64) -> String {
    if seconds >= 86_400 {
        format!("{} days", seconds / 86_400)
    } else {
        format!("{} minutes", seconds / 60)
    }
}

/// Whether an event's time lies within what is accepted now.
pub(crate) fn timely(
    timestamp: Instant,
    now: Instant,
    age_seconds_max: i64,
) -> Result<(), Rejection> {
    if timestamp < now.plus_seconds(age_seconds_max.saturating_neg()) {
        return Err(Rejection::TooOld(age_seconds_max));
    }
    if timestamp > now.plus_seconds(AHEAD_SECONDS_MAX) {
        return Err(Rejection::TooNew);
    }
    Ok(())
}
