//! Sending batches until every event has its outcome.

use super::batch::{Batch, Outgoing, body};
use super::outcome::Outcome;
use crate::call::{Call, target};
use crate::client::{CallError, Client};
use crate::failure::Failure;
use crate::retry::{Patience, random};

/// Where batches go.
pub(crate) struct Sender<'a> {
    /// The API.
    pub(crate) client: &'a Client,
    /// `observe` or `enforce`.
    pub(crate) mode: &'static str,
    /// Whether events may be older than is usual.
    pub(crate) backfill: bool,
}

/// Why a batch has no outcome.
#[derive(Debug)]
pub(crate) enum SendError {
    /// The whole batch was refused, or no answer came.
    Call(CallError),
    /// The answer cannot be read, or the file could not.
    Other(Failure),
}

impl Sender<'_> {
    /// Sends a batch, of one that is not sealed the events that met a passing fault
    /// again, until each has an outcome. An event that was counted before its answer
    /// got lost comes back as replayed.
    pub(crate) async fn send(&self, mut pending: Batch) -> Result<Vec<Outcome>, SendError> {
        let mut settled = Vec::new();
        let mut attempt = 1;
        loop {
            let outcomes = self.send_once(&pending).await?;
            if pending.id.is_some() {
                return Ok(outcomes);
            }
            let pause = Patience::LONG.pause(attempt, None, random());
            let (faulted, done): (Vec<_>, Vec<_>) =
                outcomes.into_iter().partition(Outcome::is_transient);
            settled.extend(done);
            let Some(pause) = pause.filter(|_| !faulted.is_empty()) else {
                settled.extend(faulted);
                return Ok(settled);
            };
            let is_left = |event: &Outgoing| faulted.iter().any(|outcome| outcome.row == event.row);
            pending.events.retain(is_left);
            tokio::time::sleep(pause).await;
            attempt = attempt.saturating_add(1);
        }
    }

    async fn send_once(&self, batch: &Batch) -> Result<Vec<Outcome>, SendError> {
        let backfill = self.backfill.then_some("true");
        let path = target(
            "/events/batch",
            &[("mode", Some(self.mode)), ("backfill", backfill)],
        );
        let answer = self.client.send(&Call::post(path, body(batch))).await?;
        Outcome::of_batch(&batch.events, answer).map_err(SendError::Other)
    }
}

impl SendError {
    /// Why, in one line.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Call(error) => error.reason(),
            Self::Other(failure) => failure.to_string(),
        }
    }

    /// Whether the same batch may succeed a little later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Call(error) => error.is_transient(),
            Self::Other(_) => false,
        }
    }

    /// The status of the server's refusal, if it was one.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Call(CallError::Refused(problem)) => Some(problem.status),
            Self::Call(CallError::Unreachable(_) | CallError::Unreadable(_)) | Self::Other(_) => {
                None
            }
        }
    }
}

impl From<CallError> for SendError {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<Failure> for SendError {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
    }
}
