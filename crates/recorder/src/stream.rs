//! A metered stream.

use crate::recorder::Put;
use crate::running::Running;
use crate::task::Outcome;
use crate::usage::Usage;
use futures::Stream;
use futures::future::BoxFuture;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A metered stream: it gives what the stream gives, and records one event when
/// the stream ends, fails or is dropped, with what was seen until then.
#[must_use = "a stream does nothing until it is polled"]
pub struct MeteredStream<S: Stream, R> {
    stream: Pin<Box<S>>,
    running: Option<Running>,
    read: R,
    is_unreadable: bool,
    /// What comes next, while the event waits for room.
    waiting: Option<(Option<S::Item>, BoxFuture<'static, bool>)>,
}

/// Nothing in it is pinned but the stream, which has a box of its own.
impl<S: Stream, R> Unpin for MeteredStream<S, R> {}

impl<S, R> MeteredStream<S, R>
where
    S: Stream,
    R: FnMut(&S::Item, &mut Usage) -> bool,
{
    /// `read` says of each item whether it is a failure.
    pub(crate) fn new(stream: S, running: Running, read: R) -> Self {
        Self {
            stream: Box::pin(stream),
            running: Some(running),
            read,
            is_unreadable: false,
            waiting: None,
        }
    }

    fn inside(&mut self, is_inside: bool) {
        if let Some(running) = &mut self.running {
            running.inside(is_inside);
        }
    }

    /// How the stream ended, if it did with `item`.
    fn seen(&mut self, item: Option<&S::Item>) -> Option<Outcome> {
        let running = self.running.as_mut()?;
        let Some(item) = item else {
            return Some(Outcome::Success);
        };
        if self.is_unreadable {
            return None;
        }
        let usage = running.usage_mut();
        let is_failure = catch_unwind(AssertUnwindSafe(|| (self.read)(item, usage)))
            .unwrap_or_else(|_| {
                self.is_unreadable = true;
                running.recorder().unread();
                false
            });
        is_failure.then_some(Outcome::Error)
    }

    fn end(&mut self, outcome: Option<Outcome>) -> Put {
        let Some(outcome) = outcome else {
            return Put::Done(false);
        };
        self.running
            .take()
            .map_or(Put::Done(false), |mut running| running.end(outcome))
    }
}

impl<S, R> Stream for MeteredStream<S, R>
where
    S: Stream,
    R: FnMut(&S::Item, &mut Usage) -> bool,
{
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.get_mut();
        if this.waiting.is_none() {
            this.inside(true);
            let polled = this.stream.as_mut().poll_next(cx);
            this.inside(false);
            let item = ready!(polled);
            let outcome = this.seen(item.as_ref());
            match this.end(outcome) {
                Put::Done(_) => return Poll::Ready(item),
                Put::Waiting(taken) => this.waiting = Some((item, taken)),
            }
        }
        if let Some((_, taken)) = &mut this.waiting {
            ready!(taken.as_mut().poll(cx));
        }
        Poll::Ready(this.waiting.take().and_then(|(item, _)| item))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.waiting.is_some() {
            (0, None)
        } else {
            self.stream.size_hint()
        }
    }
}
