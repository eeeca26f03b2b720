//! A store whose calls end in time: what does not answer is given up, and who
//! asks next is not kept waiting as long again.

use crate::store::store::{Commit, Query, Slice, Store, StoreError, Together};
use async_trait::async_trait;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tollgate_core::{Attrs, Key, Write};

/// The longest that a call takes. What waits for commits counts on it.
const CALL_MAX: Duration = Duration::from_secs(5);
/// The longest that a call takes while the store is known to fail.
const PROBE_MAX: Duration = Duration::from_millis(800);
/// How long after the first call that the store did not serve a request is
/// given up: less than the six seconds in which it is answered.
const PATIENCE: Duration = Duration::from_millis(5_500);
/// What a commit needs at least.
const COMMIT_MIN: Duration = Duration::from_secs(1);

tokio::task_local! {
    /// When the request's first call began that the store did not serve.
    static UNSERVED: Mutex<Option<Instant>>;
}

/// Runs a request, whose calls all together have so much patience.
pub(crate) async fn with_patience<T>(request: impl Future<Output = T>) -> T {
    UNSERVED.scope(Mutex::new(None), request).await
}

/// Notes that a call which began at `began` was not served.
pub(crate) fn note_unserved(began: Instant) {
    let note = |unserved: &Mutex<Option<Instant>>| {
        let mut unserved = unserved.lock().unwrap_or_else(PoisonError::into_inner);
        unserved.get_or_insert(began);
    };
    // Outside of a request nobody waits for an answer.
    UNSERVED.try_with(note).unwrap_or_default();
}

/// What is left of the request's patience.
pub(crate) fn patience_left() -> Duration {
    let since = |unserved: &Mutex<Option<Instant>>| {
        *unserved.lock().unwrap_or_else(PoisonError::into_inner)
    };
    let since = UNSERVED.try_with(since).ok().flatten();
    since.map_or(CALL_MAX, |since| PATIENCE.saturating_sub(since.elapsed()))
}

/// A [`Store`] around another one.
pub(crate) struct Steady {
    inner: Arc<dyn Store>,
    reads: Health,
    writes: Health,
}

/// Whether calls of one kind are served.
struct Health {
    failing: Mutex<bool>,
    /// Who may ask while they are not: one at a time.
    probe: Semaphore,
}

impl Health {
    fn new() -> Self {
        Self {
            failing: Mutex::new(false),
            probe: Semaphore::new(1),
        }
    }

    fn is_failing(&self) -> bool {
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_failing(&self, failing: bool) {
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = failing;
    }

    /// Makes a call, in time.
    async fn call<T>(
        &self,
        needed: Duration,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let left = patience_left();
        if left < needed {
            return Err(late("too late to begin"));
        }
        let (mut most, mut permit) = (left.min(CALL_MAX), None);
        if self.is_failing() {
            let most_waited = left.min(PROBE_MAX);
            let waited = timeout(most_waited, self.probe.acquire()).await;
            permit = waited.ok().and_then(Result::ok);
            if self.is_failing() {
                let rest = most_waited.saturating_sub(began.elapsed());
                if permit.is_none() || rest.is_zero() {
                    note_unserved(began);
                    return Err(late("it did not answer others"));
                }
                most = rest;
            } else {
                permit = None;
            }
        }
        let answer = timeout(most, call)
            .await
            .unwrap_or_else(|_| Err(late("it did not answer")));
        drop(permit);
        let unserved = matches!(answer, Err(StoreError::Unavailable(_)));
        self.set_failing(unserved);
        if unserved {
            note_unserved(began);
        }
        answer
    }
}

fn late(why: &str) -> StoreError {
    StoreError::Unavailable(why.to_owned())
}

impl Steady {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            reads: Health::new(),
            writes: Health::new(),
        }
    }

    /// Whether the last commit was not served.
    pub(crate) fn fails_to_write(&self) -> bool {
        self.writes.is_failing()
    }
}

#[async_trait]
impl Store for Steady {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Attrs>>, StoreError> {
        self.reads.call(Duration::ZERO, self.inner.read(keys)).await
    }

    async fn read_together(&self, keys: &[Key]) -> Result<Together, StoreError> {
        self.reads
            .call(Duration::ZERO, self.inner.read_together(keys))
            .await
    }

    async fn query(&self, query: &Query) -> Result<Slice, StoreError> {
        self.reads
            .call(Duration::ZERO, self.inner.query(query))
            .await
    }

    async fn commit(&self, writes: &[Write]) -> Result<Commit, StoreError> {
        self.writes
            .call(COMMIT_MIN, self.inner.commit(writes))
            .await
    }
}
