//! A sealed batch that was sent before: what is left of it goes on.

use crate::engine::snapshot::Snapshot;
use crate::record::course::{Course, set};
use crate::store::failure::Failure;
use tollgate_core::{Attrs, Instant};

impl Course<'_> {
    /// A sealed batch of which something is recorded: what is settled waits no more, and
    /// what is left is to be timed and priced as its first sending was.
    pub(crate) fn settle_batch(&mut self, attrs: &Attrs) -> Result<(), Failure> {
        let Some(batch) = &mut self.batch else {
            return Ok(());
        };
        for (place, outcome) in batch.meet(attrs)? {
            set(&mut self.outcomes, place, outcome);
        }
        for (place, submission) in self.submissions.iter_mut().enumerate() {
            if batch.is_settled(place) && !batch.is_own(place) {
                // Told from what is stored.
                if let Some(slot) = self.outcomes.get_mut(place) {
                    *slot = None;
                }
            }
            if !submission.timestamp_given {
                submission.event.timestamp = batch.marker.received;
            }
        }
        self.waiting.retain(|(place, _)| !batch.is_settled(*place));
        Ok(())
    }

    /// Whether what is left of a sealed batch is to be priced again.
    pub(crate) fn is_resumed(&self) -> bool {
        self.batch.as_ref().is_some_and(|batch| batch.is_resumed)
    }

    /// Whether anything is still to be recorded, or priced again for it.
    pub(crate) fn goes_on(&self) -> bool {
        !self.waiting.is_empty() || self.is_resumed()
    }

    /// Prices what is left of a sealed batch as its first sending was.
    pub(crate) fn price_again(&mut self, snapshot: &Snapshot, now: Instant) {
        let Some(batch) = &mut self.batch else {
            return;
        };
        batch.is_resumed = false;
        let open = |place: &usize| !batch.is_settled(*place);
        let open: Vec<usize> = (0..self.submissions.len()).filter(open).collect();
        let mut firsts = vec![usize::MAX; self.submissions.len()];
        for place in open {
            if let Some(first) = firsts.get_mut(place) {
                *first = place;
            }
            if let Some(slot) = self.outcomes.get_mut(place) {
                *slot = None;
            }
        }
        self.waiting.clear();
        self.price(snapshot, now, &firsts);
    }
}
