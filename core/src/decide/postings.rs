//! What one transaction posts, counter by counter.

use crate::decide::rules::Rules;
use crate::event::name::Name;
use crate::ledger::attribute::Figure;
use crate::ledger::item::{Change, Guard, Role, Value, Write};
use crate::ledger::posting::Posting;
use crate::ledger::table;
use crate::limit::counter::CounterKey;
use crate::time::instant::Instant;
use crate::time::window::WindowKind;
use alloc::sync::Arc;
use alloc::vec::Vec;
use smallvec::SmallVec;

/// What moves on one figure, and within which bounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Amounts {
    /// What is used.
    pub used: i128,
    /// What is held.
    pub held: i128,
    /// The most that may be taken, used and held together, beforehand.
    pub taken_max: Option<i128>,
    /// The most that may be used beforehand.
    pub used_max: Option<i128>,
}

impl Amounts {
    /// Whether something is used, and be it of no size: then it announces what
    /// was reached before it.
    pub(crate) fn is_use(&self) -> bool {
        self.used > 0 || (self.used == 0 && self.held == 0)
    }

    /// What it moves of used and held together.
    #[must_use]
    pub fn taken(&self) -> i128 {
        self.used.saturating_add(self.held)
    }
}

/// What one transaction posts: by counter, then figure, both ascending. Postings
/// on the same figure add up.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Postings(Vec<(CounterKey, Figures)>);

/// What moves on the figures of one counter: mostly there is one.
pub(crate) type Figures = SmallVec<[(Figure, Amounts); 1]>;

impl Postings {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a posting.
    pub fn post(&mut self, posting: Posting) {
        let Posting {
            counter,
            figure,
            used,
            held,
        } = posting;
        self.change(counter, figure, |amounts| {
            amounts.used = amounts.used.saturating_add(used);
            amounts.held = amounts.held.saturating_add(held);
        });
    }

    /// Changes what moves on a figure.
    pub(crate) fn change(
        &mut self,
        counter: CounterKey,
        figure: Figure,
        change: impl FnOnce(&mut Amounts),
    ) {
        let at = self.0.binary_search_by(|(held, _)| held.cmp(&counter));
        let at = at.unwrap_or_else(|at| {
            self.0.insert(at, (counter, Figures::new()));
            at
        });
        let Some((_, figures)) = self.0.get_mut(at) else {
            return;
        };
        let at = figures.binary_search_by(|(held, _)| held.cmp(&figure));
        let at = at.unwrap_or_else(|at| {
            figures.insert(at, (figure, Amounts::default()));
            at
        });
        if let Some((_, amounts)) = figures.get_mut(at) {
            change(amounts);
        }
    }

    /// Whether anything moves on a figure.
    pub(crate) fn has(&self, counter: &CounterKey, figure: &Figure) -> bool {
        self.get(counter, figure).is_some()
    }

    fn get(&self, counter: &CounterKey, figure: &Figure) -> Option<&Amounts> {
        let at = self.0.binary_search_by(|(held, _)| held.cmp(counter));
        let (_, figures) = self.0.get(at.ok()?)?;
        let found = figures.iter().find(|(held, _)| held == figure);
        found.map(|(_, amounts)| amounts)
    }

    /// Posts in rates by second what `whole` does, where both post.
    pub(crate) fn take_rates_of(&mut self, whole: &Self) {
        for (counter, figure, amounts) in self.iter_mut() {
            if counter.window.kind == WindowKind::Second {
                *amounts = whole.get(counter, figure).copied().unwrap_or(*amounts);
            }
        }
    }

    /// Of counters, each once, and its figures, each once.
    pub(crate) fn of_counters(mut counters: Vec<(CounterKey, Figures)>) -> Self {
        counters.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        for (_, figures) in &mut counters {
            figures.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        }
        Self(counters)
    }

    /// The same, held where it is used, but for rates by second.
    pub(crate) fn into_held(mut self) -> Self {
        let of_seconds = |counter: &CounterKey| counter.window.kind == WindowKind::Second;
        for (_, _, amounts) in self.iter_mut().filter(|(counter, ..)| !of_seconds(counter)) {
            amounts.held = amounts.held.saturating_add(amounts.used);
            amounts.used = 0;
        }
        self
    }

    /// Every figure that moves.
    pub fn iter(&self) -> impl Iterator<Item = (&CounterKey, &Figure, &Amounts)> {
        self.0.iter().flat_map(|(counter, figures)| {
            figures
                .iter()
                .map(move |(figure, amounts)| (counter, figure, amounts))
        })
    }

    pub(crate) fn iter_mut(
        &mut self,
    ) -> impl Iterator<Item = (&CounterKey, &Figure, &mut Amounts)> {
        self.0.iter_mut().flat_map(|(counter, figures)| {
            let counter = &*counter;
            figures
                .iter_mut()
                .map(move |(figure, amounts)| (counter, &*figure, amounts))
        })
    }

    /// The counters.
    pub fn counters(&self) -> impl Iterator<Item = &CounterKey> {
        self.0.iter().map(|(counter, _)| counter)
    }

    /// How many counters there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One guarded update for each counter, as planned under `rules` at
    /// `received`: refused where a bound is passed, and where the counter was
    /// written under a later version.
    #[must_use]
    pub fn writes(&self, rules: &Rules, tenant: &Name, received: Instant) -> Vec<Write> {
        let version = i128::from(rules.config().version);
        let write = |(counter, figures): &(CounterKey, Figures)| {
            let mut guards = alloc::vec![Guard::AtMost(Arc::from(table::LIMITS_VERSION), version)];
            let mut set = alloc::vec![(Arc::from(table::LIMITS_VERSION), Value::N(version))];
            if let Some(expires) = rules.counter_expiry(counter, received) {
                let seconds = i128::from(expires.unix_seconds());
                set.push((Arc::from(table::TTL), Value::N(seconds)));
            }
            let mut add = Vec::new();
            for (figure, amounts) in figures {
                add.extend(moved(figure.taken(), amounts.taken()));
                add.extend(moved(figure.used(), amounts.used));
                guards.extend(bounded(figure.taken(), amounts.taken_max));
                guards.extend(bounded(figure.used(), amounts.used_max));
            }
            let key = table::counter(tenant, counter);
            Write {
                key,
                change: Change::Update { add, set },
                guards,
                role: Role::Counter,
            }
        };
        self.0.iter().map(write).collect()
    }
}

fn moved(name: &Arc<str>, amount: i128) -> Option<(Arc<str>, i128)> {
    (amount != 0).then(|| (Arc::clone(name), amount))
}

fn bounded(name: &Arc<str>, most: Option<i128>) -> Option<Guard> {
    most.map(|most| Guard::AtMost(Arc::clone(name), most))
}

impl IntoIterator for Postings {
    type Item = Posting;
    type IntoIter = alloc::vec::IntoIter<Posting>;

    /// Without their bounds.
    fn into_iter(self) -> Self::IntoIter {
        let posting = |(counter, figure, amounts): (&CounterKey, &Figure, &Amounts)| Posting {
            counter: counter.clone(),
            figure: figure.clone(),
            used: amounts.used,
            held: amounts.held,
        };
        let postings: Vec<Posting> = self.iter().map(posting).collect();
        postings.into_iter()
    }
}

impl FromIterator<Posting> for Postings {
    fn from_iter<I: IntoIterator<Item = Posting>>(postings: I) -> Self {
        let mut all = Self::default();
        postings.into_iter().for_each(|posting| all.post(posting));
        all
    }
}
