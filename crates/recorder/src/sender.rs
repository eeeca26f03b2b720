//! The task in the background that sends the queue.

use crate::answer::{Fate, Verdict};
use crate::backoff::{Backoff, random};
use crate::batch::body;
use crate::queue::{Batch, Numbered, Queue};
use crate::stats::Tally;
use crate::transport::{Transport, Unreachable};
use bytes::Bytes;
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tollgate_core::Name;

/// Sends batch after batch, each until all of its events are settled.
pub(crate) struct Sender<T> {
    pub(crate) queue: Arc<Queue>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) transport: T,
    pub(crate) events_max: usize,
    pub(crate) interval: Duration,
    pub(crate) backoff: Backoff,
    /// The number before which all events are settled; closed when the
    /// sending has ended.
    pub(crate) progress: watch::Sender<u64>,
    /// Failed tries since the last one that settled something.
    pub(crate) failures: u32,
}

/// A batch that may have been taken is rejected once it was refused so often in a row.
const REFUSALS_MAX: u32 = 3;

/// The longest that a transport may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(120);

impl<T: Transport> Sender<T> {
    /// Sends until the queue is closed and empty.
    pub(crate) async fn run(mut self) {
        while let Some(batch) = self.queue.batch(self.events_max, self.interval).await {
            self.deliver(batch).await;
        }
    }

    /// Sends `batch`, in parts where it is refused as a whole.
    async fn deliver(&mut self, batch: Batch) {
        let mut parts = vec![batch];
        let mut refusals: u32 = 0;
        while let Some(mut part) = parts.pop() {
            match self.post(&part).await {
                Verdict::Each(fates) => {
                    refusals = 0;
                    if let Some(left) = self.settle_each(part, fates) {
                        parts.push(left);
                        self.pause("some events were put off", None, false).await;
                    }
                }
                // Its halves would count again if it was taken: as it is, or not at all.
                Verdict::Unfit(code) if part.seal.is_some() && part.is_uncertain => {
                    refusals = refusals.saturating_add(1);
                    if refusals >= REFUSALS_MAX {
                        self.reject_all(part, &code);
                        refusals = 0;
                    } else {
                        parts.push(part);
                        self.pause(&code, None, true).await;
                    }
                }
                Verdict::Unfit(code) => parts.extend(self.halves(part, &code)),
                Verdict::Later {
                    why,
                    retry_after,
                    is_misconfigured,
                } => {
                    refusals = 0;
                    part.is_uncertain = true;
                    parts.push(part);
                    self.pause(&why, retry_after, is_misconfigured).await;
                }
            }
        }
    }

    async fn post(&self, part: &Batch) -> Verdict {
        let events = part.events.iter().map(|numbered| &numbered.event);
        let body = Bytes::from(body(part.seal.as_ref(), events));
        let post = AssertUnwindSafe(async { self.transport.post(body).await }).catch_unwind();
        match timeout(ANSWER_MAX, post).await {
            Ok(Ok(Ok(reply))) => Verdict::of(&reply, part.events.len()),
            Ok(Ok(Err(Unreachable(why)))) => unanswered(why),
            Ok(Err(_)) => unanswered("the transport panicked".to_owned()),
            Err(_) => unanswered("it took too long".to_owned()),
        }
    }

    /// Settles what is settled; returns what is to be sent again. A sealed batch is sent
    /// again whole.
    fn settle_each(&mut self, part: Batch, fates: Vec<Fate>) -> Option<Batch> {
        if part.seal.is_some() && fates.contains(&Fate::Later) {
            return Some(Batch {
                is_uncertain: true,
                ..part
            });
        }
        let Batch {
            seal,
            events,
            is_uncertain,
        } = part;
        let mut left = Vec::new();
        for ((event, fate), index) in events.into_iter().zip(fates).zip(0..) {
            match fate {
                Fate::Recorded => self.tally.delivered(),
                Fate::Replayed => self.tally.replayed(),
                Fate::Rejected(code) => self.reject(seal.as_ref(), &event, index, &code),
                Fate::Later => {
                    left.push(event);
                    continue;
                }
            }
            self.settle(&event);
        }
        (!left.is_empty()).then_some(Batch {
            seal,
            events: left,
            is_uncertain,
        })
    }

    fn reject_all(&mut self, part: Batch, code: &str) {
        for (event, index) in part.events.iter().zip(0..) {
            self.reject(part.seal.as_ref(), event, index, code);
            self.settle(event);
        }
    }

    fn reject(&self, seal: Option<&Name>, event: &Numbered, index: u32, code: &str) {
        let sealed = seal.map(|seal| seal.sealed_event(index));
        let id = event.event.id().or(sealed.as_ref());
        self.tally.rejected(code, id.map_or("", Name::as_str));
    }

    fn settle(&mut self, event: &Numbered) {
        let first = self.queue.settle(event.number);
        self.progress.send_replace(first);
        if std::mem::take(&mut self.failures) > 0 {
            tracing::info!("the server answers for usage events again");
        }
    }

    /// Both halves of a batch that was refused as a whole, of which nothing was taken, the
    /// first one on top; a single event is rejected.
    fn halves(&mut self, part: Batch, code: &str) -> Vec<Batch> {
        let Batch {
            seal, mut events, ..
        } = part;
        if let [event] = events.as_slice() {
            self.reject(seal.as_ref(), event, 0, code);
            self.settle(event);
            return Vec::new();
        }
        let second = events.split_off(events.len() / 2);
        let half = |events: Vec<Numbered>| match &seal {
            Some(_) => self.queue.seal(events),
            None => Batch {
                seal: None,
                events,
                is_uncertain: false,
            },
        };
        vec![half(second), half(events)]
    }

    async fn pause(&mut self, why: &str, retry_after: Option<Duration>, is_misconfigured: bool) {
        self.tally.retried();
        self.failures = self.failures.saturating_add(1);
        if self.failures == 1 {
            tracing::warn!(
                why,
                "usage events are not delivered; they are kept and sent again"
            );
        }
        let attempt = if is_misconfigured {
            u32::MAX
        } else {
            self.failures
        };
        sleep(self.backoff.pause(attempt, retry_after, random())).await;
    }
}

fn unanswered(why: String) -> Verdict {
    Verdict::Later {
        why,
        retry_after: None,
        is_misconfigured: false,
    }
}
