//! A store whose calls end in time: what does not answer is given up, and who
//! asks next is not kept waiting as long again.

use crate::store::owners::{Course, Owners};
use crate::store::store::{Commit, Query, Slice, Store, StoreError, Together};
use async_trait::async_trait;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tollgate_core::{Attrs, Key, Name, Write, table};

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
/// The longest that a commit waits for its place where those of its owner are paced, and
/// that one has to wait so that a request begins.
const WAIT_MAX: Duration = Duration::from_millis(400);
const WAIT_BEFORE_MAX: Duration = Duration::from_millis(100);
/// The most tries of a commit where those of its owner are paced.
const PACED_TRIES_MAX: u32 = 5;
/// What a commit needs at least.
pub(crate) const COMMIT_MIN: Duration = Duration::from_millis(500);

/// A request, as far as its patience goes.
struct Request {
    owners: Arc<Owners>,
    /// When it is given up, however it goes.
    deadline: Instant,
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

fn with_request<T>(then: impl FnOnce(&Request, &mut Patience) -> T) -> Option<T> {
    // Outside of a request nobody waits for an answer.
    let then = |request: &Request| {
        let patience = request.patience.lock();
        let mut patience = patience.unwrap_or_else(PoisonError::into_inner);
        then(request, &mut patience)
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
    with_request(|request, patience| {
        if let Some(owner) = &patience.owner {
            request.owners.give_up(owner);
        }
    });
}

/// What is left of the request's patience.
pub(crate) fn patience_left() -> Duration {
    let at = with_request(|request, patience| {
        let known = [patience.given_up, patience.hurried];
        let known = known.into_iter().flatten();
        known.fold(request.deadline, std::cmp::Ord::min)
    });
    at.map_or(CALL_MAX, |at| at.saturating_duration_since(Instant::now()))
}

/// The owner of all that is a tenant's.
fn owner_of(tenant: &Name) -> String {
    Owners::of(std::iter::once(&table::version(tenant))).to_owned()
}

/// A tenant's commits are paced, and no place is free soon.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Crowded;

/// A [`Store`] around another one.
pub(crate) struct Steady {
    inner: Arc<dyn Store>,
    reads: Health,
    writes: Health,
    owners: Arc<Owners>,
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
        if left.is_zero() || left < needed {
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
        // A request that had no time left says nothing of the store.
        if !stalls || is_known || most >= PROBE_MAX {
            self.set_failing(unserved);
        }
        if stalls && is_known {
            give_up_at(began + LITTLE_PATIENCE);
        } else if unserved || matches!(answer, Err(StoreError::Throttled(_))) {
            note_unserved(began);
        }
        answer
    }
}

fn late(why: &str) -> StoreError {
    StoreError::Unavailable(why.to_owned())
}

impl Steady {
    /// The store that it is around.
    pub(crate) fn inner(&self) -> Arc<dyn Store> {
        Arc::clone(&self.inner)
    }

    pub(crate) fn new(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            reads: Health::new(),
            writes: Health::new(),
            owners: Arc::default(),
        }
    }

    /// Runs a request that takes `most`; once a call of it is not served, it has little
    /// patience.
    pub(crate) async fn with_patience<T>(
        &self,
        most: Duration,
        request: impl Future<Output = T>,
    ) -> T {
        let asked = Request {
            owners: Arc::clone(&self.owners),
            deadline: Instant::now() + most,
            patience: Mutex::default(),
        };
        REQUEST.scope(asked, request).await
    }

    /// Waits for the place of the tenant's next commit, where its commits are paced.
    ///
    /// # Errors
    /// There is none soon, or the commit was tried often.
    pub(crate) async fn take_place(&self, tenant: &Name, tries: u32) -> Result<(), Crowded> {
        let most = match tries < PACED_TRIES_MAX {
            true => WAIT_MAX.min(patience_left()),
            false => Duration::ZERO,
        };
        let wait = self.owners.take_place(&owner_of(tenant), most);
        if wait > most {
            return Err(Crowded);
        }
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// Whether a place comes soon enough to begin with a request.
    ///
    /// # Errors
    /// It does not.
    pub(crate) fn check_place(&self, tenant: &Name) -> Result<(), Crowded> {
        match self.owners.wait_for_place(&owner_of(tenant)) <= WAIT_BEFORE_MAX {
            true => Ok(()),
            false => Err(Crowded),
        }
    }

    /// Notes how a call went that began at `began`. One that was not served leaves its
    /// request little patience, if none of its owner's was served before.
    fn note(&self, owner: &str, began: Instant, course: Course) {
        let served = course == Course::Served;
        let is_known = !served && self.owners.is_given_up(owner);
        self.owners.note(owner, course);
        with_request(|_, patience| {
            patience.owner = (!served).then(|| owner.to_owned());
            patience.hurried = match (served, is_known) {
                (true, _) => None,
                (false, true) => earlier(patience.hurried, began + LITTLE_PATIENCE),
                (false, false) => patience.hurried,
            };
        });
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
        let course = match &items {
            // One that is served says nothing of commits, which may still be refused.
            Ok(Some(_)) => return items,
            Err(StoreError::Unavailable(_)) => Course::Lost,
            _ => Course::Met,
        };
        self.note(Owners::of(keys.iter()), began, course);
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
        self.note(owner, began, Course::of(&committed));
        committed
    }
}
