//! The recorder: what a program holds and calls.

use crate::backoff::Backoff;
use crate::batch::Undelivered;
use crate::event::RecordedEvent;
use crate::queue::Queue;
use crate::sender::Sender;
use crate::settings::{Settings, WhenFull};
use crate::stats::{Stats, Tally};
use crate::task::{Outcome, Task};
use crate::transport::Transport;
use crate::usage::Usage;
use futures::future::BoxFuture;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};
use tollgate_core::GenAi;

/// Records what calls use and sends it in the background. Cloning is cheap,
/// and clones share one queue; when the last one is dropped, what is queued is
/// still sent, as long as the runtime lives. Call [`Recorder::shutdown`] before
/// it ends.
///
/// The key of its transport needs the scope `ingest`.
#[derive(Clone, Debug)]
pub struct Recorder(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Arc<Queue>,
    tally: Arc<Tally>,
    settings: Settings,
    progress: watch::Receiver<u64>,
    sending: AbortHandle,
}

/// How long the sending takes to end at most, once it is broken off.
const ENDING_MAX: Duration = Duration::from_secs(1);

/// Why a recorder cannot start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StartError {
    /// There is no tokio runtime to send from.
    #[error("there is no tokio runtime here")]
    NoRuntime,
    /// The runtime has no timers.
    #[error("the tokio runtime has no time driver")]
    NoTime,
}

/// An event that was put into the queue, or waits for room in it.
pub(crate) enum Put {
    /// Whether it was taken.
    Done(bool),
    Waiting(BoxFuture<'static, bool>),
}

impl Put {
    async fn done(self) -> bool {
        match self {
            Self::Done(taken) => taken,
            Self::Waiting(taken) => taken.await,
        }
    }
}

impl Recorder {
    /// Starts the sending on the current tokio runtime.
    ///
    /// # Errors
    /// [`StartError`] where there is no runtime, or one without timers.
    pub fn start(transport: impl Transport, settings: Settings) -> Result<Self, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        catch_unwind(|| drop(sleep(Duration::ZERO))).map_err(|_| StartError::NoTime)?;
        let settings = settings.bounded();
        let (queue, tally) = (
            Arc::new(Queue::new(settings.queue_max, settings.clock.clone())),
            Arc::new(Tally::default()),
        );
        let (progress, observed) = watch::channel(0);
        let sender = Sender {
            queue: queue.clone(),
            tally: tally.clone(),
            transport,
            events_max: settings.batch_events,
            interval: settings.interval,
            backoff: Backoff {
                first: settings.backoff_first,
                max: settings.backoff_max,
            },
            progress,
            failures: 0,
        };
        let sending = runtime.spawn(sender.run()).abort_handle();
        Ok(Self(Arc::new(Shared {
            queue,
            tally,
            settings,
            progress: observed,
            sending,
        })))
    }

    /// Records one call that has ended, waiting for room where
    /// [`WhenFull::Wait`] is set; whether it was taken.
    pub async fn record(
        &self,
        task: Task,
        usage: Usage,
        taken: Duration,
        outcome: Outcome,
    ) -> bool {
        self.put(self.event(task, usage, taken, outcome))
            .done()
            .await
    }

    /// Records one call that has ended, without ever waiting; whether it was
    /// taken.
    pub fn offer(&self, task: Task, usage: Usage, taken: Duration, outcome: Outcome) -> bool {
        self.offer_event(self.event(task, usage, taken, outcome))
    }

    /// Records what an OpenTelemetry span says, waiting as
    /// [`Recorder::record`] does; whether it was taken. With the ids of the
    /// span in it, a repeated export counts once.
    pub async fn record_span(&self, span: GenAi) -> bool {
        self.put(RecordedEvent::of_span(&self.0.settings, span))
            .done()
            .await
    }

    /// As [`Recorder::record_span`], without ever waiting.
    pub fn offer_span(&self, span: GenAi) -> bool {
        self.offer_event(RecordedEvent::of_span(&self.0.settings, span))
    }

    /// Takes back what an earlier shutdown gave back, waiting for room as
    /// [`Recorder::record`] does; whether all of it was taken. More events than
    /// the queue holds never are.
    pub async fn resume(&self, undelivered: Undelivered) -> bool {
        let count = undelivered.events.len();
        let is_taken = match self.0.settings.when_full {
            WhenFull::Wait => self.0.queue.take_again(undelivered).await,
            WhenFull::Drop => self.0.queue.offer_again(undelivered),
        };
        if !is_taken {
            (0..count).for_each(|_| self.0.tally.dropped());
        }
        is_taken
    }

    /// What became of the events so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let (accepted, queued) = self.0.queue.counts();
        self.0.tally.stats(accepted, queued)
    }

    /// Waits until every event accepted before is answered for, however long
    /// the server is away. It sends at once what would have waited for a batch
    /// to fill.
    pub async fn flush(&self) {
        let through = self.0.queue.hurry();
        let mut progress = self.0.progress.clone();
        // An error says that the sending has ended, so nothing is waited for.
        let _ended = progress.wait_for(|first| *first >= through).await;
    }

    /// Takes no further events, sends what is queued, and gives back what could
    /// not be delivered within `patience`; without one it waits however long
    /// the server is away, and gives back nothing.
    ///
    /// What comes back may have been recorded all the same, where only its answer was
    /// lost. Recorded again by [`Recorder::resume`], or sent as it is, it counts once.
    pub async fn shutdown(&self, patience: Option<Duration>) -> Vec<Undelivered> {
        self.0.queue.close();
        let mut progress = self.0.progress.clone();
        let ended = progress.wait_for(|_| false);
        let is_late = match patience {
            Some(patience) => timeout(patience, ended).await.is_err(),
            None => ended.await.is_ok(),
        };
        if is_late {
            self.0.sending.abort();
            // Until it has ended it may still be settling what it was sending.
            let mut progress = self.0.progress.clone();
            timeout(ENDING_MAX, progress.wait_for(|_| false)).await.ok();
        }
        self.0.queue.take_rest(self.0.settings.batch_events)
    }

    fn event(
        &self,
        task: Task,
        usage: Usage,
        taken: Duration,
        outcome: Outcome,
    ) -> Option<RecordedEvent> {
        RecordedEvent::of_call(&self.0.settings, task, usage, taken, outcome)
    }

    pub(crate) fn unread(&self) {
        self.0.tally.unread();
    }

    /// Puts the event of a call into the queue, waiting or not as it is set.
    pub(crate) fn put_call(
        &self,
        task: Task,
        usage: Usage,
        taken: Duration,
        outcome: Outcome,
    ) -> Put {
        self.put(self.event(task, usage, taken, outcome))
    }

    fn put(&self, event: Option<RecordedEvent>) -> Put {
        match (self.0.settings.when_full, event) {
            (WhenFull::Wait, Some(event)) => self.put_waiting(event),
            (WhenFull::Drop, event) | (WhenFull::Wait, event @ None) => {
                Put::Done(self.offer_event(event))
            }
        }
    }

    fn put_waiting(&self, event: RecordedEvent) -> Put {
        if self.0.queue.offer(event.clone()) {
            return Put::Done(true);
        }
        let (queue, unless_taken) = (
            self.0.queue.clone(),
            CountedAsDropped(Some(self.0.tally.clone())),
        );
        Put::Waiting(Box::pin(async move {
            let is_taken = queue.take(event).await;
            if is_taken {
                unless_taken.disarm();
            }
            is_taken
        }))
    }

    fn offer_event(&self, event: Option<RecordedEvent>) -> bool {
        let is_taken = event.is_some_and(|event| self.0.queue.offer(event));
        if !is_taken {
            self.0.tally.dropped();
        }
        is_taken
    }
}

/// Counts an event as dropped when it is dropped itself.
struct CountedAsDropped(Option<Arc<Tally>>);

impl CountedAsDropped {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for CountedAsDropped {
    fn drop(&mut self) {
        if let Some(tally) = &self.0 {
            tally.dropped();
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.queue.close();
    }
}
