//! One schedule: who goes next at each step, and with which fate.

mod standing;

use crate::act::{Act, Answer, BEGINNING, Bounds, TENANT, TTL_SECONDS, beginning_at, name};
use crate::digest::Digest;
use crate::turnstile::{Fate, Turnstile};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tollgate_core::{Attrs, CounterKey, FormVersion, Key, Scope, WindowKind, Write, table};
use tollgate_service::{Memory, Service, Store, Tenancy};
use tollgate_tests::TestClock;

/// What meets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Protocol {
    pub(crate) name: &'static str,
    /// The limit on the tenant's tokens.
    pub(crate) limit: Bounds,
    /// What was done before, by someone alone.
    pub(crate) before: &'static [Act],
    pub(crate) clients: &'static [Client],
    pub(crate) processes: Processes,
    /// Whether markers are read before the counters that a refusal rests on: a
    /// fault that is planted.
    pub(crate) is_torn: bool,
}

/// One who meets others: it asks once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    pub(crate) act: Act,
    /// By how much its clock is ahead, in seconds.
    pub(crate) seconds: i64,
    /// Clients with the same number differ in nothing but the id of their event.
    pub(crate) alike: usize,
}

/// Where the clients' requests are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Processes {
    /// Each in a process of its own that knows the configuration, and that the tenant
    /// is on the lists. Reads of what nobody changes change nothing for others:
    /// schedules with them say no more.
    Each,
    /// Each in a process of its own that knows the configuration alone.
    New,
    /// Each in a process of its own that reads the configuration every time.
    Shared,
    /// All in one, by the clock of the first.
    One,
}

/// One step of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Choice {
    pub(crate) client: usize,
    pub(crate) fate: Fate,
}

impl fmt::Display for Choice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.client, self.fate)
    }
}

impl Choice {
    /// Reads what [`Choice`] writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
        let client = digits.parse().ok()?;
        let fates = [Fate::Goes, Fate::Fails, Fate::Lost, Fate::Conflict];
        let fate = fates
            .into_iter()
            .find(|fate| fate.to_string() == text[digits.len()..])?;
        Some(Self { client, fate })
    }
}

/// The store as every schedule of a protocol begins.
pub(crate) struct Beginning {
    items: Vec<Write>,
    counter: Key,
}

impl Beginning {
    pub(crate) async fn of(protocol: &Protocol) -> Self {
        let memory = Arc::new(Memory::default());
        let service = service(memory.clone(), 0, Tenancy::Sole);
        assert_eq!(Act::Limit(protocol.limit).ask(&service).await, Answer::Done);
        for act in protocol.before {
            let answer = act.ask(&service).await;
            assert!(
                answer.each().iter().all(|one| *one == Answer::Done),
                "{act:?}: {answer:?}"
            );
        }
        let put = |(key, attrs): (Key, Attrs)| Write::put(key, attrs);
        let window = WindowKind::Total.holding(beginning_at());
        let counter = table::counter(
            &name(TENANT),
            &CounterKey {
                scope: Scope::Tenant,
                scope_id: Arc::from(""),
                window,
            },
        );
        Self {
            items: memory.dump().into_iter().map(put).collect(),
            counter,
        }
    }
}

fn service(store: Arc<dyn Store>, seconds: i64, tenancy: Tenancy) -> Service {
    let clock = TestClock::at(BEGINNING);
    clock.advance(seconds);
    Service::new(store, Arc::new(clock), tenancy, [7; 32])
}

/// Where the limit stood while a request was on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Seen {
    /// The most that was taken.
    taken: i128,
    /// The least that was allowed.
    hard: i128,
    /// How far above the limit it stood at most: below 0 there was room.
    above: i128,
}

/// A client's request on its way.
struct Request {
    asking: Option<BoxFuture<'static, Answer>>,
    answer: Option<Answer>,
    started: bool,
    /// Where the limit stood since its first call; `None` = no call went yet.
    seen: Option<Seen>,
}

/// A protocol that is played step by step.
pub(crate) struct Play<'a> {
    pub(crate) protocol: &'a Protocol,
    pub(crate) memory: Arc<Memory>,
    beginning: &'a Beginning,
    turnstile: Arc<Turnstile>,
    requests: Vec<Request>,
    /// The hard limit that each version tests.
    hards: BTreeMap<i128, Option<i128>>,
    faults: usize,
    /// The steps so far.
    pub(crate) path: Vec<Choice>,
}

impl<'a> Play<'a> {
    /// All clients are ready, and none has made a call.
    pub(crate) async fn begin(protocol: &'a Protocol, beginning: &'a Beginning) -> Self {
        let memory = Arc::new(Memory::default());
        for writes in beginning.items.chunks(100) {
            memory.commit(writes).await.expect("the beginning");
        }
        let turnstile = Turnstile::before(memory.clone(), protocol.is_torn);
        turnstile.open(true);
        let tenancy = match protocol.processes {
            Processes::Shared => Tenancy::Shared {
                settle: Duration::ZERO,
            },
            Processes::Each | Processes::New | Processes::One => Tenancy::Sole,
        };
        let mut services: Vec<Arc<Service>> = Vec::new();
        for client in protocol.clients {
            let service = match services.first() {
                Some(first) if protocol.processes == Processes::One => first.clone(),
                _ => {
                    let service = service(turnstile.clone(), client.seconds, tenancy);
                    // Old and new functions beside each other.
                    Arc::new(service.writing(match services.len() % 2 {
                        0 => FormVersion::Current,
                        _ => FormVersion::Before,
                    }))
                }
            };
            // It has read limits, prices and the newest receipt before.
            service.read_config(&name(TENANT)).await.expect("a tenant");
            service.trusts_clock().await.expect("a clock");
            if protocol.processes != Processes::New {
                let expires = beginning_at().plus_seconds(2 * i64::from(TTL_SECONDS));
                service
                    .note_holding(&name(TENANT), expires)
                    .await
                    .expect("a list");
            }
            services.push(service);
        }
        turnstile.open(false);
        let request = |(client, service): (&Client, Arc<Service>)| {
            let act = client.act;
            let asking = tokio::task::unconstrained(async move { act.ask(&service).await }).boxed();
            Request {
                asking: Some(asking),
                answer: None,
                started: false,
                seen: None,
            }
        };
        let requests = protocol.clients.iter().zip(services).map(request).collect();
        let (hards, faults, path) = (BTreeMap::new(), 0, Vec::new());
        let mut play = Self {
            protocol,
            memory,
            beginning,
            turnstile,
            requests,
            hards,
            faults,
            path,
        };
        play.note_limit();
        if protocol.processes != Processes::One {
            // What comes before the first call is nobody else's business.
            for client in 0..protocol.clients.len() {
                play.run(client).await;
            }
        }
        play
    }

    /// What can come next, with at most so many faults in all. Of clients that
    /// are alike and have made no call the first stands for all: the others'
    /// schedules are the same but for names.
    pub(crate) fn options(&self, faults_max: usize, reduced: bool) -> Vec<Choice> {
        let mut options = Vec::new();
        let mut fresh = Vec::new();
        for (client, request) in self.requests.iter().enumerate() {
            let alike = self.protocol.clients[client].alike;
            let is_fresh = !self.path.iter().any(|step| step.client == client);
            if is_fresh && reduced && fresh.contains(&alike) {
                continue;
            }
            if is_fresh {
                fresh.push(alike);
            }
            let fates = match self.turnstile.waiting(client) {
                Some(call) => Fate::of(call),
                None if !request.started => &[Fate::Goes],
                None => continue,
            };
            let affordable = fates
                .iter()
                .filter(|fate| **fate == Fate::Goes || self.faults < faults_max);
            options.extend(affordable.map(|fate| Choice {
                client,
                fate: *fate,
            }));
        }
        options
    }

    /// What came of each client's request, if all are done.
    pub(crate) fn answers(&self) -> Option<Vec<Answer>> {
        self.requests
            .iter()
            .map(|request| request.answer.clone())
            .collect()
    }

    /// All that the future depends on; `None` where processes share memory.
    pub(crate) fn state(&self) -> Option<Digest> {
        if self.protocol.processes == Processes::One {
            return None;
        }
        let mut state = self
            .turnstile
            .digest(&self.memory.dump())
            .with(&self.faults);
        for (client, request) in self.requests.iter().enumerate() {
            state = match &request.answer {
                Some(answer) => state.with(answer),
                None => state.with(&(self.turnstile.heard(client), request.seen)),
            };
        }
        Some(state)
    }

    /// Takes one step: one call of the store is made, with all that its client
    /// then does before the next.
    ///
    /// # Errors
    /// What is wrong after it.
    pub(crate) async fn step(&mut self, choice: Choice) -> Result<(), String> {
        let Choice { client, fate } = choice;
        let before = self.standing();
        self.path.push(choice);
        self.faults += usize::from(fate != Fate::Goes);
        if self.requests[client].started {
            self.requests[client].seen.get_or_insert(Seen {
                taken: i128::MIN,
                hard: i128::MAX,
                above: i128::MIN,
            });
            self.note_seen(before);
            self.turnstile.let_go(client, fate);
        }
        self.run(client).await;
        // Whoever waited for it to end can go on to its next call.
        for other in 0..self.requests.len() {
            let request = &self.requests[other];
            if request.started
                && request.answer.is_none()
                && self.turnstile.waiting(other).is_none()
            {
                self.run(other).await;
            }
        }
        self.note_limit();
        let after = self.standing();
        self.note_seen(after);
        self.judge_step(client, before, after)
    }

    /// Runs `client` until it waits with a call, waits for another, or is done.
    async fn run(&mut self, client: usize) {
        let request = &mut self.requests[client];
        request.started = true;
        let Some(asking) = &mut request.asking else {
            return;
        };
        // Pauses before another try end at once, and take little of the time after
        // which a call of another client would be given up.
        for millis in [20, 40, 400] {
            self.turnstile.acts(client);
            if let Poll::Ready(answer) = asking.poll_unpin(&mut Context::from_waker(Waker::noop()))
            {
                (request.answer, request.asking) = (Some(answer), None);
                return;
            }
            if self.turnstile.waiting(client).is_some() {
                return;
            }
            tokio::time::advance(Duration::from_millis(millis)).await;
        }
    }

    /// A step that could be taken now, in words.
    pub(crate) fn describe(&self, choice: Choice) -> String {
        let call = self
            .turnstile
            .waiting(choice.client)
            .map_or("starts".to_owned(), |call| {
                format!("{call:?}").to_lowercase()
            });
        format!(
            "{choice}: {:?}: {call} {}",
            self.protocol.clients[choice.client].act,
            choice.fate.in_words()
        )
    }

    /// Asks again for the client, alone, in a new process.
    pub(crate) async fn ask_again(&self, client: usize) -> Answer {
        let Client { act, seconds, .. } = self.protocol.clients[client];
        act.ask(&service(self.memory.clone(), seconds, Tenancy::Sole))
            .await
    }

    /// A process that nobody meets.
    pub(crate) fn alone(&self) -> Service {
        service(self.memory.clone(), 0, Tenancy::Sole)
    }
}
