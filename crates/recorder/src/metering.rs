//! What a recorder can be laid around.

use crate::call::Call;
use crate::layer::RecorderLayer;
use crate::recorder::Recorder;
use crate::running::Running;
use crate::stream::MeteredStream;
use crate::task::Task;
use crate::usage::Usage;
use futures::Stream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

impl Recorder {
    /// Meters one call: `future` runs as it would alone, and `read` then looks
    /// at its result for what was used. `None` from it means that this was no
    /// task, and nothing is recorded. A call that is dropped before its end is
    /// recorded as cancelled, without `read`.
    pub fn call<F, R, T, E>(&self, task: Task, future: F, read: R) -> Call<F, R>
    where
        F: Future<Output = Result<T, E>>,
        R: Fn(Result<&T, &E>) -> Option<Usage>,
    {
        Call::new(future, Some(self.begin(task)), Arc::new(read))
    }

    /// Wraps an async handler. `describe` says of a request what task it is;
    /// `None` means that it is none, and it is not metered.
    pub fn handler<Q, H, F, D, R, T, E>(
        &self,
        handler: H,
        describe: D,
        read: R,
    ) -> impl Fn(Q) -> Call<F, R> + use<Q, H, F, D, R, T, E>
    where
        H: Fn(Q) -> F,
        F: Future<Output = Result<T, E>>,
        D: Fn(&Q) -> Option<Task>,
        R: Fn(Result<&T, &E>) -> Option<Usage>,
    {
        let (recorder, read) = (self.clone(), Arc::new(read));
        move |request| {
            let running = recorder.described(|| describe(&request));
            Call::new(handler(request), running, read.clone())
        }
    }

    /// A [`tower::Layer`] that meters each call of a service, as
    /// [`Recorder::handler`] does.
    pub fn layer<D, R>(&self, describe: D, read: R) -> RecorderLayer<D, R> {
        RecorderLayer::new(self.clone(), describe, read)
    }

    /// Meters a streamed call: `read` adds up what each item says, and one
    /// event is recorded when the stream ends or is dropped, with what was seen
    /// until then.
    pub fn stream<S, R>(
        &self,
        task: Task,
        stream: S,
        mut read: R,
    ) -> MeteredStream<S, impl FnMut(&S::Item, &mut Usage) -> bool>
    where
        S: Stream,
        R: FnMut(&S::Item, &mut Usage),
    {
        let read = move |item: &S::Item, usage: &mut Usage| {
            read(item, usage);
            false
        };
        MeteredStream::new(stream, self.begin(task), read)
    }

    /// As [`Recorder::stream`], for items that may be errors; the first error
    /// ends the metering.
    pub fn try_stream<S, R, T, E>(
        &self,
        task: Task,
        stream: S,
        mut read: R,
    ) -> MeteredStream<S, impl FnMut(&Result<T, E>, &mut Usage) -> bool>
    where
        S: Stream<Item = Result<T, E>>,
        R: FnMut(&T, &mut Usage),
    {
        let read = move |item: &Result<T, E>, usage: &mut Usage| {
            item.as_ref().map_or(true, |item| {
                read(item, usage);
                false
            })
        };
        MeteredStream::new(stream, self.begin(task), read)
    }

    /// Begins to meter a task by hand.
    #[must_use = "a task that is dropped is recorded as cancelled"]
    pub fn begin(&self, task: Task) -> Running {
        Running::new(self.clone(), task)
    }

    /// Begins what `describe` calls a task. A panic in it costs the event its
    /// particulars, and the call nothing.
    pub(crate) fn described(&self, describe: impl FnOnce() -> Option<Task>) -> Option<Running> {
        let described = catch_unwind(AssertUnwindSafe(describe));
        let task = described.unwrap_or_else(|_| {
            self.unread();
            Some(Task::default())
        });
        task.map(|task| self.begin(task))
    }
}
