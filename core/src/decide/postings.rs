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
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

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

/// What one transaction posts: by counter, then figure. Postings on the same
/// figure add up.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Postings(BTreeMap<CounterKey, BTreeMap<Figure, Amounts>>);

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
        let amounts = self.amounts(counter, figure);
        amounts.used = amounts.used.saturating_add(used);
        amounts.held = amounts.held.saturating_add(held);
    }

    /// What moves on a figure, to be changed.
    pub(crate) fn amounts(&mut self, counter: CounterKey, figure: Figure) -> &mut Amounts {
        self.0
            .entry(counter)
            .or_default()
            .entry(figure)
            .or_default()
    }

    /// Whether anything moves on a figure.
    pub(crate) fn has(&self, counter: &CounterKey, figure: &Figure) -> bool {
        self.0
            .get(counter)
            .is_some_and(|figures| figures.contains_key(figure))
    }

    /// Adds all that moves on a counter.
    pub(crate) fn insert(&mut self, counter: CounterKey, figures: BTreeMap<Figure, Amounts>) {
        self.0.insert(counter, figures);
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
        let of = |(counter, figures): (_, _)| Self::figures(counter, figures);
        self.0.iter().flat_map(of)
    }

    fn figures<'a>(
        counter: &'a CounterKey,
        figures: &'a BTreeMap<Figure, Amounts>,
    ) -> impl Iterator<Item = (&'a CounterKey, &'a Figure, &'a Amounts)> {
        figures
            .iter()
            .map(move |(figure, amounts)| (counter, figure, amounts))
    }

    pub(crate) fn iter_mut(
        &mut self,
    ) -> impl Iterator<Item = (&CounterKey, &Figure, &mut Amounts)> {
        self.0.iter_mut().flat_map(|(counter, figures)| {
            figures
                .iter_mut()
                .map(move |(figure, amounts)| (counter, figure, amounts))
        })
    }

    /// The counters.
    pub fn counters(&self) -> impl Iterator<Item = &CounterKey> {
        self.0.keys()
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
        let write = |(counter, figures): (&CounterKey, &BTreeMap<Figure, Amounts>)| {
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
