//! The recorder as a `tower` layer.

use crate::call::Call;
use crate::recorder::Recorder;
use crate::task::Task;
use crate::usage::Usage;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Meters the calls of the services that it is laid around.
pub struct RecorderLayer<D, R> {
    recorder: Recorder,
    describe: Arc<D>,
    read: Arc<R>,
}

/// A service whose calls are metered.
pub struct RecorderService<S, D, R> {
    service: S,
    layer: RecorderLayer<D, R>,
}

impl<D, R> RecorderLayer<D, R> {
    pub(crate) fn new(recorder: Recorder, describe: D, read: R) -> Self {
        Self {
            recorder,
            describe: Arc::new(describe),
            read: Arc::new(read),
        }
    }
}

impl<S, D, R> Layer<S> for RecorderLayer<D, R> {
    type Service = RecorderService<S, D, R>;

    fn layer(&self, service: S) -> Self::Service {
        RecorderService {
            service,
            layer: self.clone(),
        }
    }
}

impl<Q, S, D, R> Service<Q> for RecorderService<S, D, R>
where
    S: Service<Q>,
    D: Fn(&Q) -> Option<Task>,
    R: Fn(Result<&S::Response, &S::Error>) -> Option<Usage>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Call<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Q) -> Self::Future {
        let running = self
            .layer
            .recorder
            .described(|| (self.layer.describe)(&request));
        Call::new(self.service.call(request), running, self.layer.read.clone())
    }
}

impl<D, R> Clone for RecorderLayer<D, R> {
    fn clone(&self) -> Self {
        Self {
            recorder: self.recorder.clone(),
            describe: self.describe.clone(),
            read: self.read.clone(),
        }
    }
}

impl<S: Clone, D, R> Clone for RecorderService<S, D, R> {
    fn clone(&self) -> Self {
        Self {
            service: self.service.clone(),
            layer: self.layer.clone(),
        }
    }
}

impl<D, R> fmt::Debug for RecorderLayer<D, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecorderLayer")
    }
}

impl<S: fmt::Debug, D, R> fmt::Debug for RecorderService<S, D, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecorderService")
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}
