//! A store in a map, and the recording loop over it: plan, commit, plan again.

use crate::given::name;
use crate::naive::{Naive, Place};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tollgate_core::{
    ACTIONS_MAX, Attrs, Catalog, Circumstances, Config, Decision, Draft, Event, Instant, Key,
    Marker, Mode, Pack, Page, Planned, Standing, Write, plan, table,
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
    pub(crate) pack: Pack,
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
        pack: &Pack,
        drafts: &[Draft],
        mode: Mode,
        received: Instant,
    ) -> Standing {
        let keys = pack.counters(drafts, mode, received).into_iter();
        keys.filter_map(|key| {
            let item = self.items.get(&table::counter(&name(TENANT), &key))?;
            Some((key, pack.counts(item)))
        })
        .collect()
    }

    pub(crate) fn marker(&self, event: &Event) -> Option<Marker> {
        let item = self.items.get(&table::marker(&name(TENANT), &event.id))?;
        Some(Marker::from_attrs(item).unwrap())
    }

    /// What every counter holds.
    pub(crate) fn counters(&self) -> BTreeMap<Place, i128> {
        let counters = self
            .items
            .iter()
            .filter(|(key, _)| key.pk.starts_with("T|acme|C|"));
        let counts = counters.flat_map(|(key, attrs)| {
            let taken = attrs
                .iter()
                .filter(|(attribute, _)| attribute.starts_with("u:"));
            taken.map(|(attribute, value)| {
                (
                    (key.pk.clone(), key.sk.clone(), attribute.to_string()),
                    value.as_number().unwrap(),
                )
            })
        });
        counts.collect()
    }
}

impl Recorder {
    /// A tenant whose limits were set, and complete, at `from`.
    pub(crate) fn new(config: Config, from: Instant) -> Self {
        let naive = Naive::new(TENANT, &config, from);
        let config = config.renewed(from).unwrap().activated();
        Self {
            ledger: Ledger::default(),
            naive,
            pack: Pack::new(Arc::new(config)),
            catalog: Catalog::built_in(),
            plans: 0,
        }
    }

    pub(crate) fn drafts(&self, events: &[Event]) -> Vec<Draft> {
        let draft = |event: &Event| {
            Draft::new(
                event.clone(),
                self.catalog.price(None, event).unwrap(),
                true,
            )
        };
        events.iter().map(draft).collect()
    }

    /// A plan for the first of `drafts`, read beforehand if `standing` is some.
    pub(crate) fn plan(
        &mut self,
        drafts: &[Draft],
        batch: &Batch,
        standing: Option<&Standing>,
    ) -> Planned {
        self.plans += 1;
        let at = Circumstances {
            tenant: &name(TENANT),
            mode: batch.mode,
            received: batch.received,
            page_id: &format!("P{:06}", self.plans),
            standing,
        };
        let planned = plan(&self.pack, drafts, at).unwrap();
        assert!(
            planned.taken > 0 || drafts.is_empty(),
            "a plan takes at least one event"
        );
        assert_eq!(
            planned.writes,
            plan(&self.pack, drafts, at).unwrap().writes,
            "a plan is pure"
        );
        planned
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
            let first: Vec<usize> = pending
                .iter()
                .copied()
                .filter(|index| seen.insert(&batch.events[*index].id))
                .collect();
            let chosen: Vec<Event> = first
                .iter()
                .map(|index| batch.events[*index].clone())
                .collect();
            let drafts = self.drafts(&chosen);
            let standing = reads.then(|| {
                self.ledger
                    .standing(&self.pack, &drafts, batch.mode, batch.received)
            });
            let planned = self.plan(&drafts, &batch, standing.as_ref());
            let rival = std::mem::take(&mut batch.rival);
            let is_undisturbed = rival.is_empty();
            if !is_undisturbed {
                let (mode, received) = (batch.mode, batch.received);
                self.record(Batch {
                    events: rival,
                    mode,
                    received,
                    reads: true,
                    rival: vec![],
                });
            }
            match self.ledger.commit(&planned.writes, batch.mode) {
                Ok(()) => {
                    self.assert_truthful(&planned, &drafts, &batch, is_undisturbed && reads);
                    for (place, ruling) in planned.rulings.iter().enumerate() {
                        let is_admitted = planned.markers.contains(&place);
                        outcomes[first[place]] = Some(
                            match (is_admitted, self.ledger.marker(&drafts[place].event)) {
                                (true, _) => Outcome::Recorded(ruling.decision),
                                (false, Some(_)) => Outcome::Replayed,
                                (false, None) => Outcome::Denied,
                            },
                        );
                    }
                }
                Err(refused) => {
                    for write in refused {
                        let marker = write
                            .checked_sub(1)
                            .and_then(|place| planned.markers.get(place));
                        let Some(place) = marker else { continue };
                        assert_eq!(
                            self.ledger
                                .marker(&drafts[*place].event)
                                .unwrap()
                                .fingerprint,
                            drafts[*place].fingerprint
                        );
                        outcomes[first[*place]] = Some(Outcome::Replayed);
                    }
                    reads = true;
                }
            }
            pending.retain(|index| outcomes[*index].is_none());
        }
        outcomes.into_iter().map(Option::unwrap).collect()
    }

    /// What a plan that took effect decided is so, counted up to each event.
    pub(crate) fn assert_truthful(
        &mut self,
        planned: &Planned,
        drafts: &[Draft],
        batch: &Batch,
        is_read: bool,
    ) {
        for (place, (ruling, draft)) in planned.rulings.iter().zip(drafts).enumerate() {
            let (cost, event) = (draft.priced.cost.units(), &draft.event);
            let (decision, violated) = self.naive.decide(event, cost, batch.received, batch.mode);
            assert_eq!(ruling.decision, decision, "{event:?}");
            if is_read {
                let mut found: Vec<i128> = ruling
                    .violations
                    .iter()
                    .map(|standpoint| standpoint.count.taken)
                    .collect();
                found.sort_unstable();
                assert_eq!(found, violated, "{event:?}");
            }
            let is_admitted = planned.markers.contains(&place);
            assert_eq!(
                is_admitted,
                decision != Decision::Deny || batch.mode == Mode::Observe
            );
            assert_eq!(planned.answers[place].is_some(), is_admitted);
            if is_admitted {
                self.naive.count(event, cost, batch.received, batch.mode);
            }
        }
    }
}
