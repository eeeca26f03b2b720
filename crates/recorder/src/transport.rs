//! How batches reach the API.

use bytes::Bytes;
use futures::future::BoxFuture;
use std::time::Duration;

/// Carries batches to the API. One that answers late or never, or panics, only
/// holds up the sending, never a metered call.
pub trait Transport: Send + Sync + 'static {
    /// Posts `batch`, the JSON `{"batch_id":"…","events":[…]}` or
    /// `{"events":[…]}`, to `/events/batch?mode=observe`, once.
    ///
    /// # Errors
    /// [`Unreachable`] where no answer came; the batch may have arrived
    /// nevertheless, and will be posted again.
    fn post(&self, batch: Bytes) -> BoxFuture<'_, Result<Reply, Unreachable>>;
}

/// An answer of the API.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// Its HTTP status.
    pub status: u16,
    /// How long to wait before another try, where it says so.
    pub retry_after: Option<Duration>,
    /// Its body, JSON if the API itself answered.
    pub body: Bytes,
}

/// No answer came.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreachable(
    /// Why.
    pub String,
);
