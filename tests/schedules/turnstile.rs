//! A store at which every call of every client waits for its turn.

use async_trait::async_trait;
use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use tollgate_core::{Attrs, Key, Write, table};
use tollgate_service::{Commit, Memory, Query, Reason, Slice, Store, StoreError, Together};
use tollgate_tests::{Fault, Faults, Operation};

use crate::digest::Digest;

/// What becomes of a call that is let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// What the store makes of it.
    Goes,
    /// It fails before it does anything.
    Fails,
    /// It does its work, and its answer is lost.
    Lost,
    /// A commit is cancelled: another transaction was at its first item.
    Conflict,
}

impl Fate {
    /// What can become of a call, faults included.
    pub(crate) fn of(operation: Operation) -> &'static [Fate] {
        match operation {
            Operation::Read | Operation::Query => &[Fate::Goes, Fate::Fails],
            Operation::ReadTogether => &[Fate::Goes, Fate::Fails, Fate::Conflict],
            Operation::Commit => &[Fate::Goes, Fate::Fails, Fate::Lost, Fate::Conflict],
        }
    }

    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Fate::Goes => "goes",
            Fate::Fails => "fails",
            Fate::Lost => "goes, and its answer is lost",
            Fate::Conflict => "meets a conflict",
        }
    }

    fn fault(self) -> Fault {
        match self {
            Fate::Goes => Fault::None,
            Fate::Fails => Fault::Before,
            Fate::Lost => Fault::After,
            Fate::Conflict => Fault::Refuse(vec![Some(Reason::Conflict)]),
        }
    }
}

/// In a schedule: nothing, `-`, `~`, `x`.
impl fmt::Display for Fate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Fate::Goes => "",
            Fate::Fails => "-",
            Fate::Lost => "~",
            Fate::Conflict => "x",
        })
    }
}

/// Where clients stand before the store.
#[derive(Default)]
struct Desk {
    /// Whose code is running.
    acting: usize,
    /// Whether nobody has to wait.
    open: bool,
    waiting: BTreeMap<usize, Operation>,
    let_go: BTreeMap<usize, Fate>,
    /// What the store held before each client's last reading began.
    before: BTreeMap<usize, BTreeMap<Key, Attrs>>,
    /// What each has heard from the store.
    heard: BTreeMap<usize, Digest>,
    /// The ids by chance that writes had, by who made them and in which order.
    made: BTreeMap<String, (usize, usize)>,
}

/// The store of all clients. They run one at a time, each named before it runs.
pub(crate) struct Turnstile {
    faults: Arc<Faults>,
    memory: Arc<Memory>,
    /// Whether what is read together stood so before what was read alone.
    is_torn: bool,
    desk: Mutex<Desk>,
}

impl Turnstile {
    pub(crate) fn before(memory: Arc<Memory>, is_torn: bool) -> Arc<Self> {
        let (faults, desk) = (Faults::around(memory.clone()), Mutex::default());
        Arc::new(Self {
            faults,
            memory,
            is_torn,
            desk,
        })
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().expect("the desk")
    }

    /// From now on `client` makes the calls.
    pub(crate) fn acts(&self, client: usize) {
        self.desk().acting = client;
    }

    /// Whether calls pass without waiting.
    pub(crate) fn open(&self, open: bool) {
        self.desk().open = open;
    }

    /// The call that `client` waits with.
    pub(crate) fn waiting(&self, client: usize) -> Option<Operation> {
        self.desk().waiting.get(&client).copied()
    }

    /// Lets the call of `client` go, once it is polled.
    pub(crate) fn let_go(&self, client: usize, fate: Fate) {
        let mut desk = self.desk();
        desk.waiting.remove(&client).expect("a call that waits");
        desk.let_go.insert(client, fate);
    }

    /// All that `client` has heard; what comes after depends on nothing else.
    pub(crate) fn heard(&self, client: usize) -> Digest {
        self.desk().heard.get(&client).cloned().unwrap_or_default()
    }

    /// The digest of `items`, alike whichever ids chance made.
    pub(crate) fn digest(&self, items: &BTreeMap<Key, Attrs>) -> Digest {
        let desk = self.desk();
        // Chance also orders them.
        let mut digests: Vec<Digest> = items
            .iter()
            .map(|(key, attrs)| Digest::default().item(key, attrs, &desk.made))
            .collect();
        digests.sort_unstable();
        digests
            .into_iter()
            .fold(Digest::default(), |all, one| all.with(&one))
    }

    async fn turn(&self, operation: Operation) -> usize {
        let client = {
            let mut desk = self.desk();
            let client = desk.acting;
            if desk.open {
                return client;
            }
            desk.waiting.insert(client, operation);
            client
        };
        let fate = poll_fn(|_| {
            self.desk()
                .let_go
                .remove(&client)
                .map_or(Poll::Pending, Poll::Ready)
        })
        .await;
        self.faults.plan([fate.fault()]);
        client
    }

    /// Notes what `client` hears.
    fn hears(
        &self,
        client: usize,
        what: impl FnOnce(Digest, &BTreeMap<String, (usize, usize)>) -> Digest,
    ) {
        let mut desk = self.desk();
        let before = desk.heard.remove(&client).unwrap_or_default();
        let after = what(before, &desk.made);
        desk.heard.insert(client, after);
    }

    fn hear_items(
        &self,
        client: usize,
        keys: &[Key],
        answer: &Result<Vec<Option<Attrs>>, StoreError>,
    ) {
        self.hears(client, |mut heard, made| {
            heard = heard.with(&failed(answer));
            for (key, item) in keys.iter().zip(answer.iter().flatten()) {
                heard = match item {
                    Some(attrs) => heard.item(key, attrs, made),
                    None => heard.with(&()),
                };
            }
            heard
        });
    }

    /// Names the ids by chance among the keys of what `client` writes.
    fn names(&self, client: usize, writes: &[Write]) {
        let mut desk = self.desk();
        let pages = table::pages(&crate::act::name(crate::act::TENANT), "");
        for write in writes
            .iter()
            .filter(|write| write.key.pk.starts_with(&pages) || write.key.pk.starts_with("A|AUDIT"))
        {
            let count = desk
                .made
                .values()
                .filter(|(maker, _)| *maker == client)
                .count();
            desk.made
                .entry(write.key.sk.clone())
                .or_insert((client, count));
        }
    }
}

fn failed<T>(answer: &Result<T, StoreError>) -> bool {
    answer.is_err()
}

#[async_trait]
impl Store for Turnstile {
    /// Key by key: between two of them anything may happen.
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Attrs>>, StoreError> {
        let mut items = Vec::new();
        for (place, key) in keys.iter().enumerate() {
            if place == 0 && self.is_torn {
                let before = self.memory.dump();
                let mut desk = self.desk();
                let acting = desk.acting;
                desk.before.insert(acting, before);
            }
            let client = self.turn(Operation::Read).await;
            let answer = self.faults.read(std::slice::from_ref(key)).await;
            self.hear_items(client, std::slice::from_ref(key), &answer);
            items.extend(answer?);
        }
        Ok(items)
    }

    async fn read_together(&self, keys: &[Key]) -> Result<Together, StoreError> {
        let torn = {
            let desk = self.desk();
            desk.before
                .get(&desk.acting)
                .filter(|_| self.is_torn && !desk.open)
                .cloned()
        };
        if let Some(before) = torn {
            return Ok(Some(
                keys.iter().map(|key| before.get(key).cloned()).collect(),
            ));
        }
        let client = self.turn(Operation::ReadTogether).await;
        let answer = self.faults.read_together(keys).await;
        match &answer {
            Ok(Some(items)) => self.hear_items(client, keys, &Ok(items.clone())),
            Ok(None) => self.hears(client, |heard, _| heard.with(&2)),
            Err(_) => self.hears(client, |heard, _| heard.with(&true)),
        }
        answer
    }

    async fn query(&self, query: &Query) -> Result<Slice, StoreError> {
        let client = self.turn(Operation::Query).await;
        let answer = self.faults.query(query).await;
        self.hears(client, |mut heard, made| {
            heard = heard.with(&failed(&answer));
            for (sk, attrs) in answer.iter().flat_map(|slice| &slice.items) {
                heard = heard.item(&Key::new(query.pk.clone(), sk.clone()), attrs, made);
            }
            heard
        });
        answer
    }

    async fn commit(&self, writes: &[Write]) -> Result<Commit, StoreError> {
        let client = self.turn(Operation::Commit).await;
        self.names(client, writes);
        let answer = self.faults.commit(writes).await;
        self.faults.take_commits();
        self.hears(client, |mut heard, made| {
            heard = heard.with(&failed(&answer));
            let Ok(Commit::Refused(refusals)) = &answer else {
                return heard;
            };
            for refusal in refusals {
                heard = heard.with(&refusal.index);
                heard = match &refusal.reason {
                    Reason::Guard(Some(attrs)) => {
                        heard.item(&writes[refusal.index].key, attrs, made)
                    }
                    Reason::Guard(None) => heard.with(&1),
                    Reason::Conflict => heard.with(&2),
                    Reason::Throttled => heard.with(&3),
                };
            }
            heard
        });
        answer
    }
}
