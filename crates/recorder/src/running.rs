//! A task under way.

use crate::recorder::{Put, Recorder};
use crate::task::{Outcome, Task};
use crate::usage::Usage;
use tokio::time::Instant;

/// A task under way, timed from its beginning. It records one event: when it is
/// finished, or, as cancelled, when it is dropped.
#[derive(Debug)]
#[must_use = "a task that is dropped is recorded as cancelled"]
pub struct Running {
    recorder: Recorder,
    task: Option<Task>,
    usage: Usage,
    began: Instant,
    /// Code of the call is running: if this is dropped now, it panicked.
    is_inside: bool,
}

impl Running {
    pub(crate) fn new(recorder: Recorder, task: Task) -> Self {
        Self {
            recorder,
            task: Some(task),
            usage: Usage::default(),
            began: Instant::now(),
            is_inside: false,
        }
    }

    /// What it has used so far, for the case that it is cancelled.
    pub fn usage_mut(&mut self) -> &mut Usage {
        &mut self.usage
    }

    /// Records that it ended with `outcome` and what it used; whether the event
    /// was taken. It waits only where `WhenFull::Wait` is set.
    pub async fn finish(mut self, outcome: Outcome, usage: Usage) -> bool {
        self.usage = usage;
        match self.end(outcome) {
            Put::Done(taken) => taken,
            Put::Waiting(taken) => taken.await,
        }
    }

    /// Ends it without an event: it was no task.
    pub fn forget(mut self) {
        self.task = None;
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Marks whether code of the call is running.
    pub(crate) fn inside(&mut self, is_inside: bool) {
        self.is_inside = is_inside;
    }

    pub(crate) fn end(&mut self, outcome: Outcome) -> Put {
        let Some(task) = self.task.take() else {
            return Put::Done(false);
        };
        let usage = std::mem::take(&mut self.usage);
        self.recorder
            .put_call(task, usage, self.began.elapsed(), outcome)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(task) = self.task.take() else { return };
        let has_panicked = self.is_inside || std::thread::panicking();
        let outcome = if has_panicked {
            Outcome::Error
        } else {
            Outcome::Cancelled
        };
        let usage = std::mem::take(&mut self.usage);
        self.recorder
            .offer(task, usage, self.began.elapsed(), outcome);
    }
}
