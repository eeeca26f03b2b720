//! The events that are not answered for yet, in order.

use crate::batch::{FRAME, Undelivered, new_seal};
use crate::clock::Clock;
use crate::event::RecordedEvent;
use crate::settings::BATCH_BYTES_MAX;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, sleep_until};
use tollgate_core::Name;

/// An event and its number, in the order of acceptance from 0.
#[derive(Clone, Debug)]
pub(crate) struct Numbered {
    pub(crate) number: u64,
    pub(crate) event: RecordedEvent,
}

/// Events that are sent together.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    /// The id by which they count once; `None` = they have ids of their own.
    pub(crate) seal: Option<Name>,
    pub(crate) events: Vec<Numbered>,
    /// Whether the server may have taken it: it was sent before, and what became of that
    /// is not known.
    pub(crate) is_uncertain: bool,
}

/// Events stay in it until they are settled, so what is under way is not lost
/// when the sending is broken off.
///
/// Invariant: `room` has a permit for each event that it may still take.
#[derive(Debug)]
pub(crate) struct Queue {
    lines: Mutex<Lines>,
    room: Semaphore,
    arrived: Notify,
    /// How many events it takes at most.
    max: usize,
    clock: Clock,
}

#[derive(Debug, Default)]
struct Lines {
    slots: VecDeque<Slot>,
    /// The number of the first slot: all before it are settled.
    first: u64,
    settled: usize,
    bytes: usize,
    /// Everything before this number is to be sent without waiting for more.
    hurried: u64,
    is_closed: bool,
}

#[derive(Debug)]
struct Slot {
    event: RecordedEvent,
    is_settled: bool,
    /// The sealed batch that it was sent in, or will be: with the same others for ever.
    seal: Option<Name>,
}

/// What stands between two events of a batch.
const COMMA: usize = 1;

impl Queue {
    pub(crate) fn new(max: usize, clock: Clock) -> Self {
        Self {
            lines: Mutex::default(),
            room: Semaphore::new(max),
            arrived: Notify::new(),
            max,
            clock,
        }
    }

    /// Takes `event` if there is room at once; says whether it did.
    pub(crate) fn offer(&self, event: RecordedEvent) -> bool {
        let Ok(permit) = self.room.try_acquire() else {
            return false;
        };
        permit.forget();
        self.push(None, vec![event])
    }

    /// Takes `event` when there is room; false where it is closed before.
    pub(crate) async fn take(&self, event: RecordedEvent) -> bool {
        let Ok(permit) = self.room.acquire().await else {
            return false;
        };
        permit.forget();
        self.push(None, vec![event])
    }

    /// Takes what a shutdown gave back if there is room for all at once; whether it did.
    pub(crate) fn offer_again(&self, undelivered: Undelivered) -> bool {
        let permits = u32::try_from(undelivered.events.len()).ok();
        let permits = permits.and_then(|count| self.room.try_acquire_many(count).ok());
        let Some(permits) = permits else { return false };
        permits.forget();
        self.push(undelivered.seal.as_ref(), undelivered.events)
    }

    /// Takes it when there is room; false where it is closed before, or too small.
    pub(crate) async fn take_again(&self, undelivered: Undelivered) -> bool {
        let count = undelivered.events.len();
        let Some(count) = u32::try_from(count).ok().filter(|_| count <= self.max) else {
            return false;
        };
        let Ok(permits) = self.room.acquire_many(count).await else {
            return false;
        };
        permits.forget();
        self.push(undelivered.seal.as_ref(), undelivered.events)
    }

    fn push(&self, seal: Option<&Name>, events: Vec<RecordedEvent>) -> bool {
        let mut lines = self.lines();
        if lines.is_closed {
            return false;
        }
        if seal.is_some() && lines.slots.iter().any(|slot| slot.seal.as_ref() == seal) {
            // It was taken back already; the same events twice are another batch.
            drop(lines);
            self.room.add_permits(events.len());
            return true;
        }
        for event in events {
            lines.bytes = lines
                .bytes
                .saturating_add(event.json().len())
                .saturating_add(COMMA);
            lines.slots.push_back(Slot {
                event,
                is_settled: false,
                seal: seal.cloned(),
            });
        }
        drop(lines);
        self.arrived.notify_one();
        true
    }

    /// Takes no further events.
    pub(crate) fn close(&self) {
        self.lines().is_closed = true;
        self.room.close();
        self.arrived.notify_one();
    }

    /// Has everything accepted so far sent at once; the number after it.
    pub(crate) fn hurry(&self) -> u64 {
        let mut lines = self.lines();
        lines.hurried = lines.accepted();
        let through = lines.hurried;
        drop(lines);
        self.arrived.notify_one();
        through
    }

    /// The next batch, when it is full, old enough, hurried or the last;
    /// `None` once the queue is closed and empty.
    pub(crate) async fn batch(&self, events_max: usize, interval: Duration) -> Option<Batch> {
        let mut due = None;
        loop {
            let readiness = self.lines().readiness(events_max);
            match readiness {
                Readiness::Ended => return None,
                Readiness::Ready => return Some(self.next(events_max)),
                Readiness::Empty => self.arrived.notified().await,
                Readiness::Filling => {
                    let due = *due.get_or_insert_with(|| Instant::now() + interval);
                    tokio::select! {
                        () = self.arrived.notified() => {}
                        () = sleep_until(due) => return Some(self.next(events_max)),
                    }
                }
            }
        }
    }

    fn next(&self, events_max: usize) -> Batch {
        // The clock is the program's own: it is asked before anything is locked.
        let seal = new_seal(self.clock.now());
        self.lines().batch(events_max, seal)
    }

    /// Seals events anew, of which nothing was taken.
    pub(crate) fn seal(&self, events: Vec<Numbered>) -> Batch {
        let seal = new_seal(self.clock.now());
        let mut lines = self.lines();
        for event in &events {
            lines.seal(event.number, &seal);
        }
        Batch {
            seal: Some(seal),
            events,
            is_uncertain: false,
        }
    }

    /// The event of this number is answered for; the number before which all
    /// are.
    pub(crate) fn settle(&self, number: u64) -> u64 {
        let mut lines = self.lines();
        if lines.settle(number) {
            self.room.add_permits(1);
        }
        lines.first
    }

    /// How many were accepted, and how many of them are not settled.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let lines = self.lines();
        (
            lines.accepted(),
            count(lines.slots.len().saturating_sub(lines.settled)),
        )
    }

    /// Whatever is not settled, taken out, in batches of so many events.
    pub(crate) fn take_rest(&self, events_max: usize) -> Vec<Undelivered> {
        let mut rest = Vec::new();
        loop {
            let Batch { seal, events, .. } = self.next(events_max);
            if events.is_empty() {
                return rest;
            }
            let mut lines = self.lines();
            for event in &events {
                lines.settle(event.number);
            }
            let events = events.into_iter().map(|numbered| numbered.event);
            rest.push(Undelivered {
                seal,
                events: events.collect(),
            });
        }
    }

    /// No code can panic while it holds the lock, so a poisoned one is sound.
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Readiness {
    Ended,
    Empty,
    Filling,
    Ready,
}

impl Lines {
    fn accepted(&self) -> u64 {
        self.first.saturating_add(count(self.slots.len()))
    }

    fn readiness(&self, events_max: usize) -> Readiness {
        if self.slots.is_empty() {
            return if self.is_closed {
                Readiness::Ended
            } else {
                Readiness::Empty
            };
        }
        let is_full = self.slots.len().saturating_sub(self.settled) >= events_max
            || self.bytes >= BATCH_BYTES_MAX;
        let is_ready = is_full || self.is_closed || self.hurried > self.first;
        if is_ready {
            Readiness::Ready
        } else {
            Readiness::Filling
        }
    }

    /// The first events that are not settled and can go together: those of a sealed batch
    /// of before, those that `seal` is new for, or those that have ids of their own. The
    /// latter two within the bounds of a batch; at least one, however large.
    fn batch(&mut self, events_max: usize, seal: Name) -> Batch {
        let mut bytes = FRAME.len();
        let mut events = Vec::new();
        let mut first: Option<(Option<Name>, bool)> = None;
        for (slot, number) in self.slots.iter_mut().zip(self.first..) {
            let kind = (slot.seal.clone(), slot.event.id().is_some());
            let first = first.get_or_insert_with(|| kind.clone());
            if slot.is_settled || kind != *first {
                continue;
            }
            bytes = bytes
                .saturating_add(slot.event.json().len())
                .saturating_add(COMMA);
            let is_full = events.len() >= events_max || bytes > BATCH_BYTES_MAX;
            if first.0.is_none() && is_full && !events.is_empty() {
                break;
            }
            if !kind.1 {
                slot.seal.get_or_insert_with(|| seal.clone());
            }
            events.push(Numbered {
                number,
                event: slot.event.clone(),
            });
        }
        let (sealed, has_ids) = first.unwrap_or_default();
        let is_uncertain = sealed.is_some();
        let seal = sealed.or((!has_ids).then_some(seal));
        Batch {
            seal,
            events,
            is_uncertain,
        }
    }

    fn seal(&mut self, number: u64, seal: &Name) {
        let place = number.checked_sub(self.first).map(usize::try_from);
        let slot = place.and_then(|place| self.slots.get_mut(place.ok()?));
        if let Some(slot) = slot {
            slot.seal = Some(seal.clone());
        }
    }

    fn settle(&mut self, number: u64) -> bool {
        let place = number
            .checked_sub(self.first)
            .and_then(|place| usize::try_from(place).ok());
        let Some(slot) = place
            .and_then(|place| self.slots.get_mut(place))
            .filter(|slot| !slot.is_settled)
        else {
            return false;
        };
        slot.is_settled = true;
        self.bytes = self
            .bytes
            .saturating_sub(slot.event.json().len())
            .saturating_sub(COMMA);
        self.settled = self.settled.saturating_add(1);
        while self.slots.front().is_some_and(|slot| slot.is_settled) {
            self.slots.pop_front();
            self.first = self.first.saturating_add(1);
            self.settled = self.settled.saturating_sub(1);
        }
        true
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
