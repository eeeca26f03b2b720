//! A store in a map, and the recording loop over it: plan, commit, plan again.

use crate::given::{complete, name};
use crate::naive::{Naive, Place};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tollgate_core::{
    ACTIONS_MAX, Attrs, Catalog, Circumstances, Config, Decision, Draft, Event, Instant, Key,
    Marker, Mode, Page, Planned, Reading, Role, Rules, Standing, Write, decide, plan, table,
};

/// Items, and the pages in the order they were committed.
#[derive(Clone, Default)]
pub(crate) struct Ledger {
    pub(crate) items: BTreeMap<Key, Attrs>,
    pub(crate) pages: Vec<(Key, Page, Mode)>,
}

/// Events that arrive together.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) events: Vec<Event>,
    pub(crate) mode: Mode,
    pub(crate) received: Instant,
    /// Whether counters are read before the first plan.
    pub(crate) reads: bool,
    /// What another process records between the first plan and its commit.
    pub(crate) rival: Vec<Event>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    Recorded(Decision),
    Replayed,
    Denied,
}

/// One tenant's recorder.
pub(crate) struct Recorder {
    pub(crate) ledger: Ledger,
    pub(crate) naive: Naive,
    pub(crate) rules: Rules,
    catalog: Catalog,
    plans: usize,
}

pub(crate) const TENANT: &str = "acme";
const PLANS_MAX: usize = 50;

impl Ledger {
    /// All of the writes, or none: then the numbers of those refused.
    pub(crate) fn commit(&mut self, writes: &[Write], mode: Mode) -> Result<(), Vec<usize>> {
        let keys: BTreeSet<&Key> = writes.iter().map(|write| &write.key).collect();
        assert_eq!(keys.len(), writes.len(), "two writes on one key");
        assert!(writes.len() <= ACTIONS_MAX, "{} writes", writes.len());
        let holds = |write: &Write| {
            write
                .guards
                .iter()
                .all(|guard| guard.holds(self.items.get(&write.key)))
        };
        let refused: Vec<usize> = (0..writes.len())
            .filter(|index| !holds(&writes[*index]))
            .collect();
        if !refused.is_empty() {
            return Err(refused);
        }
        for write in writes {
            match write.change.applied(self.items.get(&write.key)) {
                Some(item) => self.items.insert(write.key.clone(), item),
                None => self.items.remove(&write.key),
            };
        }
        if let Some(write) = writes.first() {
            let body = self.items[&write.key][table::BODY].as_bytes().unwrap();
            self.pages
                .push((write.key.clone(), Page::decode(body).unwrap(), mode));
        }
        Ok(())
    }

    pub(crate) fn standing(
        &self,
        rules: &Rules,
        drafts: &[Draft],
        mode: Mode,
        received: Instant,
    ) -> Standing {
        let keys = rules.counters(drafts, mode, received).into_iter();
        keys.filter_map(|key| {
            let item = self.items.get(&table::counter(&name(TENANT), &key))?;
            Some((key, Reading::of(item)))
        })
        .collect()
    }

    pub(crate) fn marker(&self, event: &Event) -> Option<Marker> {
        let item = self.items.get(&table::marker(&name(TENANT), &event.id))?;
        Some(Marker::from_attrs(item).unwrap())
    }

    /// What every counter holds that is not nothing: used alone, and together with
    /// what is held.
    pub(crate) fn counters(&self) -> BTreeMap<Place, i128> {
        let is_counter = |(key, _): &(&Key, &Attrs)| key.pk.starts_with("T|acme|C|");
        let counts = self
            .items
            .iter()
            .filter(is_counter)
            .flat_map(|(key, attrs)| {
                let place = |name: &Arc<str>| (key.pk.clone(), key.sk.clone(), name.to_string());
                let is_count = |name: &Arc<str>| name.starts_with("u:") || name.starts_with("n:");
                let counts = attrs.iter().filter(move |(name, _)| is_count(name));
                counts.map(move |(name, value)| (place(name), value.as_number().unwrap()))
            });
        counts.filter(|(_, count)| *count != 0).collect()
    }

    /// The keys of all counters, empty ones too.
    pub(crate) fn counter_items(&self) -> BTreeSet<(String, String)> {
        let keys = self
            .items
            .keys()
            .filter(|key| key.pk.starts_with("T|acme|C|"));
        keys.map(|key| (key.pk.clone(), key.sk.clone())).collect()
    }
}

impl Recorder {
    /// A tenant whose limits were set, and complete, at `from`.
    pub(crate) fn new(config: Config, from: Instant) -> Self {
        let naive = Naive::new(TENANT, &config, from);
        let config = complete(config, from);
        Self {
            ledger: Ledger::default(),
            naive,
            rules: Rules::new(Arc::new(config)),
            catalog: Catalog::built_in(),
            plans: 0,
        }
    }

    pub(crate) fn drafts(&self, events: &[Event]) -> Vec<Draft> {
        let draft = |event: &Event| {
            Draft::new(
                event.clone(),
                self.catalog.price(&[], None, event).unwrap(),
                true,
            )
        };
        events.iter().map(draft).collect()
    }

    /// A plan for the first of `drafts` on what was read.
    pub(crate) fn plan(&mut self, drafts: &[Draft], batch: &Batch, standing: &Standing) -> Planned {
        self.plans += 1;
        let at = Circumstances {
            tenant: &name(TENANT),
            mode: batch.mode,
            received: batch.received,
            page_id: &format!("P{:06}", self.plans),
            seed: [7; 32],
            standing,
        };
        let planned = plan(&self.rules, drafts, at).unwrap();
        assert!(
            !planned.events.is_empty() || drafts.is_empty(),
            "a plan takes at least one event"
        );
        assert_eq!(
            planned.writes,
            plan(&self.rules, drafts, at).unwrap().writes,
            "a plan is pure"
        );
        let decided = decide(&self.rules, standing, batch.mode, batch.received, drafts).unwrap();
        let rulings = decided.verdicts.iter().map(|verdict| &verdict.ruling);
        assert!(
            planned.rulings().eq(rulings.take(planned.events.len())),
            "a plan rules as the decision alone"
        );
        planned
    }

    /// A plan on no reading at all.
    pub(crate) fn blind_plan(&mut self, drafts: &[Draft], batch: &Batch) -> Planned {
        self.plan(drafts, batch, &Standing::new())
    }

    /// Records a batch as the service does; outcomes are in order.
    pub(crate) fn record(&mut self, mut batch: Batch) -> Vec<Outcome> {
        let mut outcomes = vec![None; batch.events.len()];
        let mut pending: Vec<usize> = (0..batch.events.len()).collect();
        let mut reads = batch.reads;
        let mut left = PLANS_MAX + batch.events.len();
        while !pending.is_empty() {
            left = left.checked_sub(1).expect("it comes to an end");
            let mut seen = BTreeSet::new();
            let is_first = |index: &usize| seen.insert(&batch.events[*index].id);
            let first: Vec<usize> = pending.iter().copied().filter(is_first).collect();
            let chosen = first.iter().map(|index| batch.events[*index].clone());
            let drafts = self.drafts(&chosen.collect::<Vec<Event>>());
            let standing = match reads {
                true => self
                    .ledger
                    .standing(&self.rules, &drafts, batch.mode, batch.received),
                false => Standing::new(),
            };
            let planned = self.plan(&drafts, &batch, &standing);
            let rival = std::mem::take(&mut batch.rival);
            let is_undisturbed = rival.is_empty();
            if !is_undisturbed {
                self.record(Batch {
                    events: rival,
                    reads: true,
                    rival: vec![],
                    ..batch.clone()
                });
            }
            let settled = match self.ledger.commit(&planned.writes, batch.mode) {
                Ok(()) => {
                    self.assert_truthful(&planned, &drafts, &batch, is_undisturbed && reads);
                    self.outcomes(&planned, &drafts)
                }
                Err(refused) => {
                    reads = true;
                    self.replayed(&planned, &drafts, &refused)
                }
            };
            for (place, outcome) in settled {
                outcomes[first[place]] = Some(outcome);
            }
            pending.retain(|index| outcomes[*index].is_none());
        }
        outcomes.into_iter().map(Option::unwrap).collect()
    }

    /// What became of each event of a plan that took effect, by its place.
    fn outcomes(&self, planned: &Planned, drafts: &[Draft]) -> Vec<(usize, Outcome)> {
        let outcome = |(place, event): (usize, &tollgate_core::PlannedEvent)| {
            let marker = self.ledger.marker(&drafts[place].event);
            let outcome = match (&event.answer, marker) {
                (Some(answer), marker) => {
                    assert_eq!(Some(answer), marker.as_ref().map(|marker| &marker.answer));
                    Outcome::Recorded(event.ruling.decision)
                }
                (None, Some(_)) => Outcome::Replayed,
                (None, None) => Outcome::Denied,
            };
            (place, outcome)
        };
        planned.events.iter().enumerate().map(outcome).collect()
    }

    /// The events, by their places, whose markers refused a plan.
    fn replayed(
        &self,
        planned: &Planned,
        drafts: &[Draft],
        refused: &[usize],
    ) -> Vec<(usize, Outcome)> {
        let mut replayed = Vec::new();
        for number in refused {
            match planned.writes[*number].role {
                Role::Marker(place) => {
                    let marker = self.ledger.marker(&drafts[place].event).unwrap();
                    assert_eq!(marker.fingerprint, drafts[place].fingerprint);
                    replayed.push((place, Outcome::Replayed));
                }
                role => assert_eq!(role, Role::Counter, "only markers and counters refuse"),
            }
        }
        replayed
    }

    /// What a plan that took effect decided is so, counted up to each event.
    pub(crate) fn assert_truthful(
        &mut self,
        planned: &Planned,
        drafts: &[Draft],
        batch: &Batch,
        is_read: bool,
    ) {
        for (planned, draft) in planned.events.iter().zip(drafts) {
            let (ruling, is_admitted) = (&planned.ruling, planned.answer.is_some());
            let (cost, event) = (draft.priced.cost.units(), &draft.event);
            let (decision, violated) = self.naive.decide(event, cost, batch.received, batch.mode);
            assert_eq!(ruling.decision, decision, "{event:?}");
            if is_read {
                let violations = ruling.violations.iter();
                let mut found: Vec<i128> = violations.map(|at| at.count.taken()).collect();
                found.sort_unstable();
                assert_eq!(found, violated, "{event:?}");
            }
            assert_eq!(
                is_admitted,
                decision != Decision::Deny || batch.mode == Mode::Observe
            );
            if is_admitted {
                self.naive.count(event, cost, batch.received, batch.mode);
            }
        }
    }
}
