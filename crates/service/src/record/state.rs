//! What is read before a decision: counters, then markers.

use crate::engine::attempt::Attempt;
use crate::engine::service::Service;
use crate::engine::snapshot::Snapshot;
use crate::record::course::{Course, State};
use crate::store::failure::Failure;
use crate::store::store::TOGETHER_MAX;
use futures::future::BoxFuture;
use std::collections::BTreeSet;
use tollgate_core::{
    ACTIONS_MAX, Attrs, CounterKey, Draft, Instant, Key, Name, Reading, Standing, table,
};

impl Service {
    /// Reads the counters of the first waiting events, then their markers, and
    /// settles the duplicates among them.
    ///
    /// A marker that is absent then was absent, and not on its way, when the
    /// counters were read, since markers only appear: so none of what the
    /// counters show is the event's own.
    pub(crate) async fn read_state(
        &self,
        course: &mut Course<'_>,
        attempt: &mut Attempt,
        snapshot: &Snapshot,
    ) -> Result<State, Failure> {
        let waiting = course.drafts(None);
        let (drafts, counters) = choose(snapshot, &waiting, course, self.now(), ACTIONS_MAX);
        let standing = self.read_counters(course.tenant, &counters).await?;
        let markers = course.markers(drafts);
        let found = self.read_at_once(attempt, &markers).await?;
        let ids = drafts.iter().map(|draft| draft.event.id.clone()).collect();
        let last = course.settle_found(drafts.len(), found)?;
        self.cache.note_readings(course.tenant, &standing);
        Ok(State {
            standing,
            last,
            together: false,
            ids,
        })
    }

    /// The same with all counters and markers as they stood at one instant.
    pub(crate) async fn read_state_together(
        &self,
        course: &mut Course<'_>,
        attempt: &mut Attempt,
        snapshot: &Snapshot,
    ) -> Result<State, Failure> {
        let waiting = course.drafts(None);
        let (drafts, counters) = choose(snapshot, &waiting, course, self.now(), TOGETHER_MAX);
        let mut keys = course.markers(drafts);
        let count = keys.len();
        keys.extend(
            counters
                .iter()
                .map(|counter| table::counter(course.tenant, counter)),
        );
        let mut found = self.read_at_once(attempt, &keys).await?;
        let readings = found.split_off(count);
        let standing = standing_of(counters, readings);
        let ids = drafts.iter().map(|draft| draft.event.id.clone()).collect();
        let last = course.settle_found(drafts.len(), found)?;
        self.cache.note_readings(course.tenant, &standing);
        Ok(State {
            standing,
            last,
            together: true,
            ids,
        })
    }

    /// Where these counters stand, each read alone.
    pub(crate) fn read_counters<'a>(
        &'a self,
        tenant: &'a Name,
        counters: &'a [CounterKey],
    ) -> BoxFuture<'a, Result<Standing, Failure>> {
        Box::pin(async move {
            if counters.is_empty() {
                return Ok(Standing::new());
            }
            let keys: Vec<Key> = counters
                .iter()
                .map(|key| table::counter(tenant, key))
                .collect();
            Ok(standing_of(
                counters.to_vec(),
                self.store.read(&keys).await?,
            ))
        })
    }

    /// Reads items as they stood at one instant, again while transactions are
    /// under way at them.
    pub(crate) fn read_at_once<'a>(
        &'a self,
        attempt: &'a mut Attempt,
        keys: &'a [Key],
    ) -> BoxFuture<'a, Result<Vec<Option<Attrs>>, Failure>> {
        Box::pin(async move {
            if keys.is_empty() {
                return Ok(Vec::new());
            }
            loop {
                if let Some(items) = self.store.read_together(keys).await? {
                    return Ok(items);
                }
                attempt.again("others are at what is read").await?;
            }
        })
    }
}

/// Counters as they were read.
pub(crate) fn standing_of(counters: Vec<CounterKey>, items: Vec<Option<Attrs>>) -> Standing {
    let reading = |attrs: Option<Attrs>| attrs.as_ref().map(Reading::of).unwrap_or_default();
    counters
        .into_iter()
        .zip(items.into_iter().map(reading))
        .collect()
}

/// The first of `waiting` whose markers and counters are at most `most` items,
/// and those counters: what one transaction can use.
fn choose<'a>(
    snapshot: &Snapshot,
    waiting: &'a [Draft],
    course: &Course<'_>,
    received: Instant,
    most: usize,
) -> (&'a [Draft], Vec<CounterKey>) {
    let mut counters = BTreeSet::new();
    for (place, draft) in waiting.iter().enumerate() {
        let drafts = std::slice::from_ref(draft);
        let more = snapshot
            .rules
            .counters(drafts, course.options.mode, received);
        let added = more
            .iter()
            .filter(|counter| !counters.contains(*counter))
            .count();
        // A sealed batch has one marker.
        let markers = if course.batch.is_some() { 2 } else { place + 1 };
        if place > 0 && markers + counters.len() + added > most {
            let chosen = waiting.get(..place).unwrap_or(waiting);
            return (chosen, counters.into_iter().collect());
        }
        counters.extend(more);
    }
    (waiting, counters.into_iter().collect())
}

impl Service {
    /// Before an event is rejected for its time or price, its marker is read:
    /// the same event may have been recorded when it was still acceptable.
    pub(crate) async fn settle_rejections(&self, course: &mut Course<'_>) -> Result<(), Failure> {
        let rejected: Vec<usize> = course.rejected().collect();
        if rejected.is_empty() && !course.submissions.is_empty() {
            return Ok(());
        }
        if let Some(batch) = &course.batch {
            if !batch.is_stored
                && let Some(attrs) = self
                    .read_item(table::batch(course.tenant, &batch.id))
                    .await?
            {
                course.settle_batch(&attrs)?;
            }
            return Ok(());
        }
        let key = |place: &usize| {
            let submission = course.submissions.get(*place);
            submission.map(|submission| table::marker(course.tenant, &submission.event.id))
        };
        let keys: Vec<Key> = rejected.iter().filter_map(key).collect();
        let items = self.store.read(&keys).await?;
        for (place, attrs) in rejected.into_iter().zip(items) {
            if let Some(attrs) = attrs {
                course.settle_duplicate(place, &attrs)?;
            }
        }
        Ok(())
    }
}
