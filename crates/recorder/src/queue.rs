//! The events that are not answered for yet, in order.

use crate::event::RecordedEvent;
use crate::settings::BATCH_BYTES_MAX;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, sleep_until};

/// An event and its number, in the order of acceptance from 0.
#[derive(Clone, Debug)]
pub(crate) struct Numbered {
    pub(crate) number: u64,
    pub(crate) event: RecordedEvent,
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
}

/// What frames the events of a batch, and what stands between two.
const FRAME: &str = r#"{"events":[]}"#;
const COMMA: usize = 1;

impl Queue {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            lines: Mutex::default(),
            room: Semaphore::new(max),
            arrived: Notify::new(),
        }
    }

    /// Takes `event` if there is room at once; says whether it did.
    pub(crate) fn offer(&self, event: RecordedEvent) -> bool {
        let Ok(permit) = self.room.try_acquire() else {
            return false;
        };
        permit.forget();
        self.push(event)
    }

    /// Takes `event` when there is room; false where it is closed before.
    pub(crate) async fn take(&self, event: RecordedEvent) -> bool {
        let Ok(permit) = self.room.acquire().await else {
            return false;
        };
        permit.forget();
        self.push(event)
    }

    fn push(&self, event: RecordedEvent) -> bool {
        let mut lines = self.lines();
        if lines.is_closed {
            return false;
        }
        lines.bytes = lines
            .bytes
            .saturating_add(event.json().len())
            .saturating_add(COMMA);
        lines.slots.push_back(Slot {
            event,
            is_settled: false,
        });
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
    pub(crate) async fn batch(
        &self,
        events_max: usize,
        interval: Duration,
    ) -> Option<Vec<Numbered>> {
        let mut due = None;
        loop {
            let readiness = self.lines().readiness(events_max);
            match readiness {
                Readiness::Ended => return None,
                Readiness::Ready => return Some(self.lines().batch(events_max)),
                Readiness::Empty => self.arrived.notified().await,
                Readiness::Filling => {
                    let due = *due.get_or_insert_with(|| Instant::now() + interval);
                    tokio::select! {
                        () = self.arrived.notified() => {}
                        () = sleep_until(due) => return Some(self.lines().batch(events_max)),
                    }
                }
            }
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

    /// Whatever is not settled, taken out.
    pub(crate) fn take_rest(&self) -> Vec<RecordedEvent> {
        let mut lines = self.lines();
        lines.first = lines.accepted();
        lines.settled = 0;
        lines
            .slots
            .drain(..)
            .filter(|slot| !slot.is_settled)
            .map(|slot| slot.event)
            .collect()
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

    /// The first events that are not settled, within the bounds of a batch; at
    /// least one, however large.
    fn batch(&self, events_max: usize) -> Vec<Numbered> {
        let mut bytes = FRAME.len();
        let mut batch = Vec::new();
        for (slot, number) in self
            .slots
            .iter()
            .zip(self.first..)
            .filter(|(slot, _)| !slot.is_settled)
            .take(events_max)
        {
            bytes = bytes
                .saturating_add(slot.event.json().len())
                .saturating_add(COMMA);
            if bytes > BATCH_BYTES_MAX && !batch.is_empty() {
                break;
            }
            batch.push(Numbered {
                number,
                event: slot.event.clone(),
            });
        }
        batch
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
