//! The task in the background that sends the queue.

use crate::answer::{Fate, Verdict};
use crate::backoff::{Backoff, random};
use crate::event::RecordedEvent;
use crate::queue::{Numbered, Queue};
use crate::stats::Tally;
use crate::transport::{Transport, Unreachable};
use bytes::Bytes;
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

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
    async fn deliver(&mut self, batch: Vec<Numbered>) {
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            match self.post(&part).await {
                Verdict::Each(fates) => {
                    let left = self.settle_each(part, fates);
                    if !left.is_empty() {
                        parts.push(left);
                        self.pause("some events were put off", None, false).await;
                    }
                }
                Verdict::Unfit(code) => parts.extend(self.halves(part, &code)),
                Verdict::Later {
                    why,
                    retry_after,
                    is_misconfigured,
                } => {
                    parts.push(part);
                    self.pause(&why, retry_after, is_misconfigured).await;
                }
            }
        }
    }

    async fn post(&self, part: &[Numbered]) -> Verdict {
        let post = AssertUnwindSafe(async { self.transport.post(body(part)).await }).catch_unwind();
        match timeout(ANSWER_MAX, post).await {
            Ok(Ok(Ok(reply))) => Verdict::of(&reply, part.len()),
            Ok(Ok(Err(Unreachable(why)))) => unanswered(why),
            Ok(Err(_)) => unanswered("the transport panicked".to_owned()),
            Err(_) => unanswered("it took too long".to_owned()),
        }
    }

    /// Settles what is settled; returns what is to be sent again.
    fn settle_each(&mut self, part: Vec<Numbered>, fates: Vec<Fate>) -> Vec<Numbered> {
        let mut left = Vec::new();
        for (event, fate) in part.into_iter().zip(fates) {
            match fate {
                Fate::Recorded => self.tally.delivered(),
                Fate::Replayed => self.tally.replayed(),
                Fate::Rejected(code) => self.tally.rejected(&code, event.event.id().as_str()),
                Fate::Later => {
                    left.push(event);
                    continue;
                }
            }
            self.settle(&event);
        }
        left
    }

    fn settle(&mut self, event: &Numbered) {
        let first = self.queue.settle(event.number);
        self.progress.send_replace(first);
        if std::mem::take(&mut self.failures) > 0 {
            tracing::info!("the server answers for usage events again");
        }
    }

    /// Both halves of a batch that was refused as a whole, the first one on
    /// top; a single event is rejected.
    fn halves(&mut self, mut part: Vec<Numbered>, code: &str) -> Vec<Vec<Numbered>> {
        if let [event] = part.as_slice() {
            self.tally.rejected(code, event.event.id().as_str());
            self.settle(event);
            return Vec::new();
        }
        let second = part.split_off(part.len() / 2);
        vec![second, part]
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

/// `{"events":[…]}`, each event as it was recorded.
fn body(part: &[Numbered]) -> Bytes {
    let events: Vec<&str> = part
        .iter()
        .map(|numbered| RecordedEvent::json(&numbered.event))
        .collect();
    Bytes::from(format!(r#"{{"events":[{}]}}"#, events.join(",")))
}
