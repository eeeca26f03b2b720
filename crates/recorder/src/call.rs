//! A metered call.

use crate::recorder::Put;
use crate::running::Running;
use crate::task::Outcome;
use crate::usage::Usage;
use futures::future::BoxFuture;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// A metered call: it gives what the call gives, and records one event when the
/// call ends or is dropped.
#[must_use = "a call does nothing until it is awaited"]
pub struct Call<F: Future, R> {
    call: Option<Pin<Box<F>>>,
    running: Option<Running>,
    read: Arc<R>,
    /// The result in hand, while its event waits for room.
    waiting: Option<(F::Output, BoxFuture<'static, bool>)>,
}

/// Nothing in it is pinned but the call, which has a box of its own.
impl<F: Future, R> Unpin for Call<F, R> {}

impl<F: Future, R> Call<F, R> {
    /// Without `running` the call is not metered.
    pub(crate) fn new(call: F, running: Option<Running>, read: Arc<R>) -> Self {
        Self {
            call: Some(Box::pin(call)),
            running,
            read,
            waiting: None,
        }
    }

    fn inside(&mut self, is_inside: bool) {
        if let Some(running) = &mut self.running {
            running.inside(is_inside);
        }
    }
}

impl<F, R, T, E> Call<F, R>
where
    F: Future<Output = Result<T, E>>,
    R: Fn(Result<&T, &E>) -> Option<Usage>,
{
    fn end(&mut self, result: Result<&T, &E>) -> Put {
        let Some(mut running) = self.running.take() else {
            return Put::Done(false);
        };
        let outcome = if result.is_ok() {
            Outcome::Success
        } else {
            Outcome::Error
        };
        match catch_unwind(AssertUnwindSafe(|| (self.read)(result))) {
            Ok(Some(usage)) => *running.usage_mut() = usage,
            Ok(None) => {
                running.forget();
                return Put::Done(false);
            }
            Err(_) => running.recorder().unread(),
        }
        running.end(outcome)
    }
}

impl<F, R, T, E> Future for Call<F, R>
where
    F: Future<Output = Result<T, E>>,
    R: Fn(Result<&T, &E>) -> Option<Usage>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        this.inside(true);
        if let Some(call) = &mut this.call {
            let polled = call.as_mut().poll(cx);
            this.inside(false);
            let result = ready!(polled);
            this.call = None;
            match this.end(result.as_ref()) {
                Put::Done(_) => return Poll::Ready(result),
                Put::Waiting(taken) => this.waiting = Some((result, taken)),
            }
        }
        if let Some((_, taken)) = &mut this.waiting {
            ready!(taken.as_mut().poll(cx));
        }
        // One that is polled again after its end never ends again.
        this.waiting
            .take()
            .map_or(Poll::Pending, |(result, _)| Poll::Ready(result))
    }
}
