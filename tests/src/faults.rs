//! A store that fails as it is told, and remembers what it was asked.

use crate::gate::Gate;
use async_trait::async_trait;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tollgate_core::{Attrs, Key, Write};
use tollgate_service::{Commit, Query, Reason, Refusal, Slice, Store, StoreError, Together};

/// What goes wrong with one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The call fails before it does anything.
    Before,
    /// The call does its work, and then its answer is lost.
    After,
    /// A commit is refused for these reasons, by write; `None` = no reason of
    /// its own. Refusals that the guards ask for are added.
    Refuse(Vec<Option<Reason>>),
    /// The same, but these reasons hide what the guards say of their writes.
    Mask(Vec<Option<Reason>>),
    /// The call does its work, and takes so long for it.
    Slow(Duration),
    /// The call waits at the gate before it does anything.
    HeldBefore(Gate),
    /// The call does its work, and waits at the gate before it answers.
    HeldAfter(Gate),
}

/// How a commit went: its writes and its outcome.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// What was to be written.
    pub writes: Vec<Write>,
    /// What came of it, as the caller saw it.
    pub outcome: Result<Commit, StoreError>,
}

type Rule = Box<dyn FnMut(Call) -> Fault + Send>;

/// A [`Store`] around another one: faults in the order they were planned, or
/// as a plan by call number says.
pub struct Faults {
    inner: Arc<dyn Store>,
    planned: Mutex<VecDeque<Fault>>,
    rule: Mutex<Option<Rule>>,
    calls: Mutex<u64>,
    commits: Mutex<Vec<Recorded>>,
    /// Whether commits are remembered.
    remembers: AtomicBool,
}

/// Which call is about to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// [`Store::read`].
    Read,
    /// [`Store::read_together`].
    ReadTogether,
    /// [`Store::query`].
    Query,
    /// [`Store::commit`].
    Commit,
}

/// One call: its operation and its number among all.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// What is asked.
    pub operation: Operation,
    /// 0 for the first call ever.
    pub number: u64,
    /// How many writes a commit has.
    pub writes: usize,
}

impl Faults {
    /// No faults yet.
    #[must_use]
    pub fn around(inner: Arc<dyn Store>) -> Arc<Self> {
        let (planned, rule, calls, commits) = Default::default();
        Arc::new(Self {
            inner,
            planned,
            rule,
            calls,
            commits,
            remembers: AtomicBool::new(true),
        })
    }

    /// The next calls go wrong like this, one fault a call.
    pub fn plan(&self, faults: impl IntoIterator<Item = Fault>) {
        self.planned.lock().expect("plan").extend(faults);
    }

    /// Every call without a planned fault goes wrong as `rule` says.
    pub fn rule(&self, rule: impl FnMut(Call) -> Fault + Send + 'static) {
        *self.rule.lock().expect("rule") = Some(Box::new(rule));
    }

    /// Remembers no commits from now on: they are too many.
    pub fn remember_nothing(&self) {
        self.remembers.store(false, Ordering::Relaxed);
    }

    /// No further faults.
    pub fn heal(&self) {
        self.planned.lock().expect("plan").clear();
        *self.rule.lock().expect("rule") = None;
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        *self.calls.lock().expect("calls")
    }

    /// The commits so far, emptied.
    pub fn take_commits(&self) -> Vec<Recorded> {
        std::mem::take(&mut *self.commits.lock().expect("commits"))
    }

    fn next(&self, operation: Operation, writes: usize) -> Fault {
        let mut calls = self.calls.lock().expect("calls");
        let call = Call {
            operation,
            number: *calls,
            writes,
        };
        *calls += 1;
        if let Some(fault) = self.planned.lock().expect("plan").pop_front() {
            return fault;
        }
        self.rule
            .lock()
            .expect("rule")
            .as_mut()
            .map_or(Fault::None, |rule| rule(call))
    }
}

fn lost() -> StoreError {
    StoreError::Unavailable("injected".to_owned())
}

/// What a fault leaves of a call that only reads.
async fn reading<T>(
    fault: Fault,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match fault {
        Fault::Before | Fault::After => Err(lost()),
        Fault::None | Fault::Refuse(_) | Fault::Mask(_) => work.await,
        Fault::Slow(time) => {
            tokio::time::sleep(time).await;
            work.await
        }
        Fault::HeldBefore(gate) => {
            gate.pass().await;
            work.await
        }
        Fault::HeldAfter(gate) => {
            let answer = work.await;
            gate.pass().await;
            answer
        }
    }
}

#[async_trait]
impl Store for Faults {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Attrs>>, StoreError> {
        reading(self.next(Operation::Read, 0), self.inner.read(keys)).await
    }

    async fn read_together(&self, keys: &[Key]) -> Result<Together, StoreError> {
        match self.next(Operation::ReadTogether, 0) {
            // Whatever refuses it, nothing is known.
            Fault::Refuse(_) | Fault::Mask(_) => Ok(None),
            fault => reading(fault, self.inner.read_together(keys)).await,
        }
    }

    async fn query(&self, query: &Query) -> Result<Slice, StoreError> {
        reading(self.next(Operation::Query, 0), self.inner.query(query)).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<Commit, StoreError> {
        let outcome = match self.next(Operation::Commit, writes.len()) {
            Fault::After => self.inner.commit(writes).await.and(Err(lost())),
            Fault::Refuse(reasons) => Ok(Commit::Refused(
                self.refusals(writes, &reasons, false).await?,
            )),
            Fault::Mask(reasons) => Ok(Commit::Refused(
                self.refusals(writes, &reasons, true).await?,
            )),
            fault => reading(fault, self.inner.commit(writes)).await,
        };
        if self.remembers.load(Ordering::Relaxed) {
            self.commits.lock().expect("commits").push(Recorded {
                writes: writes.to_vec(),
                outcome: outcome.clone(),
            });
        }
        outcome
    }
}

impl Faults {
    /// The injected reasons, and those of guards that do not hold, unless an
    /// injected one hides them.
    async fn refusals(
        &self,
        writes: &[Write],
        reasons: &[Option<Reason>],
        hide: bool,
    ) -> Result<Vec<Refusal>, StoreError> {
        let keys: Vec<Key> = writes.iter().map(|write| write.key.clone()).collect();
        let standing = self.inner.read(&keys).await?;
        let mut refusals = Vec::new();
        for (index, (write, item)) in writes.iter().zip(standing).enumerate() {
            let injected = reasons.get(index).cloned().flatten();
            let holds = write.guards.iter().all(|guard| guard.holds(item.as_ref()));
            let own = if holds {
                None
            } else {
                Some(Reason::Guard(item))
            };
            let reason = if hide {
                injected.or(own)
            } else {
                own.or(injected)
            };
            refusals.extend(reason.map(|reason| Refusal { index, reason }));
        }
        if refusals.is_empty() {
            refusals.push(Refusal {
                index: 0,
                reason: Reason::Conflict,
            });
        }
        Ok(refusals)
    }
}
