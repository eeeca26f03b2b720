//! A store whose calls end in time: what does not answer is given up, and who
//! asks next is not kept waiting as long again.

use crate::store::store::{Commit, Query, Reason, Refusal, Slice, Store, StoreError, Together};
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
/// The same where the store stalls and was known to fail before, or what is asked
/// for was refused to others all the time.
const LITTLE_PATIENCE: Duration = Duration::from_millis(900);
/// The most owners that are remembered.
const OWNERS_MAX: usize = 10_000;
/// What a commit needs at least.
pub(crate) const COMMIT_MIN: Duration = Duration::from_millis(500);

/// A request, as far as its patience goes.
struct Request {
    owners: Arc<Owners>,
    patience: Mutex<Patience>,
}

#[derive(Default)]
struct Patience {
    /// When the request is given up, once the store did not serve a call of it.
    given_up: Option<Instant>,
    /// The same while what it asks for was refused to others all the time.
    hurried: Option<Instant>,
    /// Whose items the last call was for that was not served.
    owner: Option<String>,
}

tokio::task_local! {
    static REQUEST: Request;
}

fn with_request<T>(then: impl FnOnce(&Owners, &mut Patience) -> T) -> Option<T> {
    // Outside of a request nobody waits for an answer.
    let then = |request: &Request| {
        let patience = request.patience.lock();
        let mut patience = patience.unwrap_or_else(PoisonError::into_inner);
        then(&request.owners, &mut patience)
    };
    REQUEST.try_with(then).ok()
}

fn earlier(known: Option<Instant>, at: Instant) -> Option<Instant> {
    Some(known.map_or(at, |known| known.min(at)))
}

/// Notes that a call which began at `began` was not served.
pub(crate) fn note_unserved(began: Instant) {
    give_up_at(began + PATIENCE);
}

fn give_up_at(at: Instant) {
    with_request(|_, patience| patience.given_up = earlier(patience.given_up, at));
}

/// Notes that the request is given up: who asks for the same owner's next is not
/// kept waiting as long.
pub(crate) fn note_given_up() {
    with_request(|owners, patience| {
        if let Some(owner) = &patience.owner {
            owners.insert(owner);
        }
    });
}

/// What is left of the request's patience.
pub(crate) fn patience_left() -> Duration {
    let at = with_request(|_, patience| {
        let known = [patience.given_up, patience.hurried];
        known.into_iter().flatten().min()
    });
    let at = at.flatten();
    at.map_or(CALL_MAX, |at| at.saturating_duration_since(Instant::now()))
}

/// A [`Store`] around another one.
pub(crate) struct Steady {
    inner: Arc<dyn Store>,
    reads: Health,
    writes: Health,
    owners: Arc<Owners>,
}

/// The owners of items of whom a request was given up and no commit was served
/// since: by conflicts, throttles and faults. One owner's heat takes no other down.
#[derive(Default)]
struct Owners(Mutex<BTreeSet<String>>);

impl Owners {
    /// The tenant that the first of these items belong to which belong to any; else
    /// what they are.
    fn of<'a>(keys: impl Iterator<Item = &'a Key> + Clone) -> &'a str {
        let mut keys = keys.map(|key| key.pk.as_str());
        let tenant = keys.clone().find(|pk| pk.starts_with("T|"));
        let (pk, parts) = tenant.map_or_else(|| (keys.next().unwrap_or(""), 1), |pk| (pk, 2));
        let end = pk.match_indices('|').nth(parts - 1);
        end.and_then(|(end, _)| pk.get(..end)).unwrap_or(pk)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, owner: &str) {
        let mut owners = self.lock();
        if owners.len() >= OWNERS_MAX {
            owners.clear();
        }
        owners.insert(owner.to_owned());
    }

    /// Notes a call that began at `began`, and whether it was served. One that was
    /// not leaves its request little patience, if none was served before.
    fn note(&self, owner: &str, began: Instant, served: bool) {
        let is_known = match served {
            true => {
                self.lock().remove(owner);
                false
            }
            false => self.lock().contains(owner),
        };
        with_request(|_, patience| {
            patience.owner = (!served).then(|| owner.to_owned());
            patience.hurried = match (served, is_known) {
                (true, _) => None,
                (false, true) => earlier(patience.hurried, began + LITTLE_PATIENCE),
                (false, false) => patience.hurried,
            };
        });
    }
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

    /// Makes a call, in time; in less of it while calls of the other kind fail.
    async fn call<T>(
        &self,
        other: &Health,
        needed: Duration,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let left = patience_left();
        if left < needed {
            return Err(late("too late to begin"));
        }
        let is_known = self.is_failing() || other.is_failing();
        let (mut most, mut permit) = (left.min(CALL_MAX), None);
        if other.is_failing() {
            most = most.min(PROBE_MAX);
        }
        if self.is_failing() {
            let most_waited = left.min(PROBE_MAX);
            let waited = timeout(most_waited, self.probe.acquire()).await;
            permit = waited.ok().and_then(Result::ok);
            if self.is_failing() {
                let rest = most_waited.saturating_sub(began.elapsed());
                if permit.is_none() || rest.is_zero() {
                    give_up_at(began + LITTLE_PATIENCE);
                    return Err(late("it did not answer others"));
                }
                most = rest;
            } else {
                permit = None;
            }
        }
        let answer = timeout(most, call).await;
        let stalls = answer.is_err();
        let answer = answer.unwrap_or_else(|_| Err(late("it did not answer")));
        drop(permit);
        let unserved = matches!(answer, Err(StoreError::Unavailable(_)));
        self.set_failing(unserved);
        if stalls && is_known {
            give_up_at(began + LITTLE_PATIENCE);
        } else if unserved {
            note_unserved(began);
        }
        answer
    }
}

/// Whether a commit was done, or refused for what stands.
fn is_served(committed: &Result<Commit, StoreError>) -> bool {
    let by_guard = |refusal: &Refusal| matches!(refusal.reason, Reason::Guard(_));
    match committed {
        Ok(Commit::Refused(refusals)) => refusals.iter().any(by_guard),
        committed => !matches!(committed, Err(StoreError::Unavailable(_))),
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
            owners: Arc::default(),
        }
    }

    /// Runs a request, whose calls all together have so much patience.
    pub(crate) async fn with_patience<T>(&self, request: impl Future<Output = T>) -> T {
        let asked = Request {
            owners: Arc::clone(&self.owners),
            patience: Mutex::default(),
        };
        REQUEST.scope(asked, request).await
    }

    /// Whether the last commit was not served.
    pub(crate) fn fails_to_write(&self) -> bool {
        self.writes.is_failing()
    }
}

#[async_trait]
impl Store for Steady {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Attrs>>, StoreError> {
        let call = self.inner.read(keys);
        self.reads.call(&self.writes, Duration::ZERO, call).await
    }

    async fn read_together(&self, keys: &[Key]) -> Result<Together, StoreError> {
        let (call, began) = (self.inner.read_together(keys), Instant::now());
        let items = self.reads.call(&self.writes, Duration::ZERO, call).await;
        // One that is served says nothing of commits, which may still be refused.
        if !matches!(items, Ok(Some(_))) {
            self.owners.note(Owners::of(keys.iter()), began, false);
        }
        items
    }

    async fn query(&self, query: &Query) -> Result<Slice, StoreError> {
        let call = self.inner.query(query);
        self.reads.call(&self.writes, Duration::ZERO, call).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<Commit, StoreError> {
        let (call, began) = (self.inner.commit(writes), Instant::now());
        let committed = self.writes.call(&self.reads, COMMIT_MIN, call).await;
        let owner = Owners::of(writes.iter().map(|write| &write.key));
        self.owners.note(owner, began, is_served(&committed));
        committed
    }
}
