//! A depth-first search through every schedule of a protocol.

use crate::act::Answer;
use crate::digest::Digest;
use crate::ends;
use crate::play::{Beginning, Choice, Play, Protocol};
use futures::FutureExt;
use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;

/// How far the search goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// Faults in one schedule, at most.
    pub(crate) faults: usize,
    /// Schedules run, at most.
    pub(crate) runs_max: usize,
    /// Whether clients that are alike stand for each other.
    pub(crate) reduced: bool,
    /// Whether a state that was met before is not searched again.
    pub(crate) merged: bool,
}

/// A schedule that breaks a promise.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub(crate) path: Vec<Choice>,
    pub(crate) why: String,
}

/// What the search found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Complete schedules, those counted that pass through a state met before.
    pub(crate) schedules: u128,
    /// Schedules that were run, to the end or to a state met before.
    pub(crate) runs: usize,
    /// States met.
    pub(crate) states: usize,
    /// Whether none is left out.
    pub(crate) exhaustive: bool,
    /// What the clients can be told, and by how many ends.
    pub(crate) ends: BTreeMap<Vec<Answer>, usize>,
    /// Those that break a promise.
    pub(crate) broken: Vec<Broken>,
}

/// A state on the way to the present one.
struct Fork {
    state: Option<Digest>,
    options: Vec<Choice>,
    /// Which option is being searched.
    at: usize,
    /// Schedules found behind it.
    schedules: u128,
}

struct Search<'a> {
    protocol: &'a Protocol,
    beginning: &'a Beginning,
    budget: Budget,
    /// The schedules behind each state that is done.
    done: HashMap<Digest, u128>,
    forks: Vec<Fork>,
    report: Report,
}

/// Searches `protocol`; ends at the first broken schedule if `first` is set.
pub(crate) async fn search(protocol: &Protocol, budget: Budget, first: bool) -> Report {
    let beginning = Beginning::of(protocol).await;
    let mut search = Search {
        protocol,
        beginning: &beginning,
        budget,
        done: HashMap::new(),
        forks: Vec::new(),
        report: Report::default(),
    };
    loop {
        let found = search.run().await;
        search.report.runs += 1;
        let more = search.back(found);
        if !more
            || (first && !search.report.broken.is_empty())
            || search.report.runs >= budget.runs_max
        {
            search.report.exhaustive = !more;
            if more {
                search.abandon();
            }
            return search.report;
        }
    }
}

impl Search<'_> {
    /// Goes down the forks to the present option, and from there on by first
    /// options to the end, or to a state that is done. The schedules found.
    async fn run(&mut self) -> u128 {
        let path: Vec<Choice> = self
            .forks
            .iter()
            .map(|fork| fork.options[fork.at])
            .collect();
        let blame = Blame {
            protocol: self.protocol,
            path: std::cell::RefCell::new(path.clone()),
        };
        let mut play = Play::begin(self.protocol, self.beginning).await;
        let mut next = path.into_iter();
        let last = self.forks.len();
        loop {
            if let Some(choice) = next.next() {
                let stepped = play.step(choice).await;
                // Only the last step is new.
                if let (Err(why), true) = (stepped, play.path.len() == last) {
                    return self.breaks(&play, why);
                }
                continue;
            }
            let options = play.options(self.budget.faults, self.budget.reduced);
            if options.is_empty() {
                return self.end(&play).await;
            }
            let state = if self.budget.merged {
                play.state()
            } else {
                None
            };
            if let Some(schedules) = state.as_ref().and_then(|state| self.done.get(state)) {
                return *schedules;
            }
            self.report.states += 1;
            let choice = options[0];
            self.forks.push(Fork {
                state,
                options,
                at: 0,
                schedules: 0,
            });
            blame.path.borrow_mut().push(choice);
            if let Err(why) = play.step(choice).await {
                return self.breaks(&play, why);
            }
        }
    }

    async fn end(&mut self, play: &Play<'_>) -> u128 {
        // The ledger panics where it does not balance.
        let judged = AssertUnwindSafe(ends::judge(play)).catch_unwind().await;
        if let Err(why) = judged.unwrap_or_else(|_| Err("the ledger does not balance".to_owned())) {
            return self.breaks(play, why);
        }
        *self
            .report
            .ends
            .entry(play.answers().expect("judged"))
            .or_default() += 1;
        1
    }

    fn breaks(&mut self, play: &Play<'_>, why: String) -> u128 {
        self.report.broken.push(Broken {
            path: play.path.clone(),
            why,
        });
        1
    }

    /// Goes back to the last fork with another option. Whether there is one.
    fn back(&mut self, found: u128) -> bool {
        let mut schedules = found;
        while let Some(mut fork) = self.forks.pop() {
            fork.schedules += schedules;
            fork.at += 1;
            if fork.at < fork.options.len() {
                self.forks.push(fork);
                return true;
            }
            schedules = fork.schedules;
            if let Some(state) = fork.state {
                self.done.insert(state, schedules);
            }
        }
        self.report.schedules = schedules;
        false
    }

    /// Counts what was found where the search ends early.
    fn abandon(&mut self) {
        self.report.schedules = self.forks.iter().map(|fork| fork.schedules).sum();
    }
}

/// Names the schedule if something panics in it.
struct Blame<'a> {
    protocol: &'a Protocol,
    path: std::cell::RefCell<Vec<Choice>>,
}

impl Drop for Blame<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "the schedule was: {}",
                written(self.protocol, &self.path.borrow())
            );
        }
    }
}

/// A schedule as it can be replayed.
pub(crate) fn written(protocol: &Protocol, path: &[Choice]) -> String {
    let steps: Vec<String> = path.iter().map(ToString::to_string).collect();
    format!("TOLLGATE_SCHEDULE='{}: {}'", protocol.name, steps.join(" "))
}

/// Plays one schedule, by first options where `path` ends; each step as text,
/// and what is wrong.
pub(crate) async fn replay(
    protocol: &Protocol,
    path: &[Choice],
) -> (Vec<String>, Result<Vec<Answer>, String>) {
    let beginning = Beginning::of(protocol).await;
    let mut play = Play::begin(protocol, &beginning).await;
    let mut steps = Vec::new();
    loop {
        let options = play.options(usize::MAX, false);
        let Some(choice) = path.get(steps.len()).or(options.first()).copied() else {
            break;
        };
        assert!(
            options.contains(&choice),
            "{choice} is no option after {steps:?}"
        );
        steps.push(play.describe(choice));
        if let Err(why) = play.step(choice).await {
            return (steps, Err(why));
        }
    }
    let judged = ends::judge(&play).await;
    (steps, judged.map(|()| play.answers().expect("judged")))
}
