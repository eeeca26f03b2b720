//! What became of the events so far.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What became of the events so far. `accepted` = `queued` + `delivered` +
/// `replayed` + `rejected` + what a shutdown gave back.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Taken into the queue.
    pub accepted: u64,
    /// Not answered for yet.
    pub queued: u64,
    /// Not taken: the queue was full or closed.
    pub dropped: u64,
    /// Recorded by the server.
    pub delivered: u64,
    /// Recorded by the server before, by an earlier try whose answer was lost
    /// or by another program.
    pub replayed: u64,
    /// Refused by the server for good.
    pub rejected: u64,
    /// The same by problem code; codes beyond the first 64 are `other`.
    pub rejected_by: BTreeMap<String, u64>,
    /// Tries that delivered nothing and were repeated.
    pub retries: u64,
    /// Calls whose use could not be read because the closure panicked; each
    /// has its event nevertheless.
    pub unread: u64,
}

/// The counts behind [`Stats`].
#[derive(Debug, Default)]
pub(crate) struct Tally {
    dropped: AtomicU64,
    delivered: AtomicU64,
    replayed: AtomicU64,
    retries: AtomicU64,
    unread: AtomicU64,
    rejected_by: Mutex<BTreeMap<String, u64>>,
}

const CODES_MAX: usize = 64;

impl Tally {
    pub(crate) fn stats(&self, accepted: u64, queued: u64) -> Stats {
        let rejected_by = self
            .rejected_by
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let rejected = rejected_by
            .values()
            .fold(0, |sum: u64, count| sum.saturating_add(*count));
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Stats {
            accepted,
            queued,
            dropped: of(&self.dropped),
            delivered: of(&self.delivered),
            replayed: of(&self.replayed),
            rejected,
            rejected_by,
            retries: of(&self.retries),
            unread: of(&self.unread),
        }
    }

    /// Warns of the first one and then each time that the count has doubled.
    pub(crate) fn dropped(&self) {
        let count = self
            .dropped
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1);
        if count.is_power_of_two() {
            tracing::warn!(
                dropped = count,
                "usage events are dropped: the queue is full or closed"
            );
        }
    }

    pub(crate) fn delivered(&self) {
        self.delivered.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn replayed(&self) {
        self.replayed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn retried(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn unread(&self) {
        if self.unread.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!(
                "a closure of the recorder panicked; the event is recorded without what it would have said"
            );
        }
    }

    /// Logs the first rejection of each code.
    pub(crate) fn rejected(&self, code: &str, event_id: &str) {
        let mut counts = self
            .rejected_by
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let code = if counts.len() < CODES_MAX || counts.contains_key(code) {
            code
        } else {
            "other"
        };
        let count = counts.entry(code.to_owned()).or_default();
        *count = count.saturating_add(1);
        if *count == 1 {
            tracing::warn!(
                code,
                event_id,
                "a usage event was rejected; further ones of this code are only counted"
            );
        }
    }
}
