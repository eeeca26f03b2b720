//! The course of one request's events: which are still to be recorded, and
//! what became of the others.

use crate::engine::attempt::Refused;
use crate::engine::snapshot::Snapshot;
use crate::engine::submission::{Options, Outcome, Rejection, Submission, timely};
use crate::record::batch::Batch;
use crate::store::failure::Failure;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_core::{
    Attrs, Circumstances, Draft, Event, Instant, Key, Marker, Name, PlanError, Planned, PriceError,
    Role, Rules, Sealing, Standing, plan, plan_sealed, table,
};

/// Events on their way: what is still to be recorded, and what became of the
/// others.
pub(crate) struct Course<'a> {
    pub(crate) tenant: &'a Name,
    pub(crate) options: Options,
    pub(crate) submissions: Vec<Submission>,
    pub(crate) outcomes: Vec<Option<Outcome>>,
    /// The events still to be recorded, by their place in the list.
    pub(crate) waiting: Vec<(usize, Draft)>,
    /// The pages that this request tried to write, newest last.
    pub(crate) pages: Vec<String>,
    /// Whether holds that were over were freed for it already.
    pub(crate) freed: bool,
    /// The sealed batch that they are, if they are one.
    pub(crate) batch: Option<Batch>,
}

/// What was read before a decision: where the counters stand for the waiting
/// events up to the place `last`. Their markers were read too.
pub(crate) struct State {
    pub(crate) standing: Standing,
    pub(crate) last: usize,
    /// Whether all of it stood so at one instant.
    pub(crate) together: bool,
    /// The ids whose markers were read.
    pub(crate) ids: BTreeSet<Name>,
}

impl State {
    /// The same for the next pass, in which places are others.
    pub(crate) fn of_later_pass(self) -> Self {
        Self {
            last: usize::MAX,
            ..self
        }
    }
}

/// The first place of each id; a later one with the same id shares its fate.
pub(crate) fn first_of_each(submissions: &[Submission]) -> Vec<usize> {
    let mut seen: BTreeMap<&Name, usize> = BTreeMap::new();
    let places = submissions.iter().enumerate();
    places
        .map(|(place, submission)| *seen.entry(&submission.event.id).or_insert(place))
        .collect()
}

impl<'a> Course<'a> {
    /// Nothing is decided yet.
    pub(crate) fn new(tenant: &'a Name, submissions: Vec<Submission>, options: Options) -> Self {
        let outcomes = vec![None; submissions.len()];
        Self {
            tenant,
            options,
            submissions,
            outcomes,
            waiting: Vec::new(),
            pages: Vec::new(),
            freed: false,
            batch: None,
        }
    }

    /// The events of a sealed batch; nothing is decided yet.
    pub(crate) fn of_batch(
        tenant: &'a Name,
        submissions: Vec<Submission>,
        options: Options,
        batch: Batch,
    ) -> Self {
        Self {
            batch: Some(batch),
            ..Self::new(tenant, submissions, options)
        }
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        self.submissions.iter().map(|of| &of.event)
    }

    /// By which time they are to be timely, and how old they may be: what was cut off
    /// is timed by its first sending.
    pub(crate) fn ages(&self, now: Instant) -> (Instant, i64) {
        let sent = self.batch.as_ref().and_then(Batch::sent_before);
        (sent.unwrap_or(now), self.options.age_seconds_max)
    }

    /// Prices every first event of its id, or rejects it.
    pub(crate) fn price(&mut self, snapshot: &Snapshot, now: Instant, firsts: &[usize]) {
        let (now, age_seconds_max) = self.ages(now);
        for (place, submission) in self.submissions.iter().enumerate() {
            if firsts.get(place) != Some(&place) {
                continue;
            }
            let timely = timely(submission.event.timestamp, now, age_seconds_max);
            let given = submission.timestamp_given;
            match timely.and_then(|()| snapshot.draft(&submission.event, given, self.options.mode))
            {
                Ok(draft) => self.waiting.push((place, draft)),
                Err(rejection) => {
                    set(&mut self.outcomes, place, Outcome::Rejected(rejection));
                }
            }
        }
    }

    /// The first waiting events, as many as a transaction may take; of those
    /// only what `state` was read for.
    pub(crate) fn drafts(&self, state: Option<&State>) -> Vec<Draft> {
        let most = match self.batch {
            Some(_) => usize::MAX,
            None => tollgate_core::ACTIONS_MAX,
        };
        let first = self.waiting.iter().take(most);
        let known = first.take_while(|(place, _)| state.is_none_or(|state| *place <= state.last));
        known.map(|(_, draft)| draft.clone()).collect()
    }

    /// Whether the markers of all waiting events were read for `state`.
    pub(crate) fn is_read_by(&self, state: &State) -> bool {
        self.waiting
            .iter()
            .all(|(_, draft)| state.ids.contains(&draft.event.id))
    }

    /// Rejects the first waiting event.
    pub(crate) fn reject_first(&mut self, error: PriceError) -> bool {
        if self.waiting.is_empty() {
            return false;
        }
        let (place, _) = self.waiting.remove(0);
        set(&mut self.outcomes, place, Outcome::Rejected(error.into()));
        true
    }

    /// Prices what waits in another currency than the tenant's anew, now that
    /// this is fixed, or rejects it.
    pub(crate) fn match_currency(&mut self, snapshot: &Snapshot) {
        let Some(tenant) = snapshot.rules.config().currency else {
            return;
        };
        for (place, draft) in std::mem::take(&mut self.waiting) {
            if draft.priced.currency == tenant {
                self.waiting.push((place, draft));
                continue;
            }
            match snapshot.price(&draft.event, self.options.mode) {
                Ok(priced) => self.waiting.push((place, Draft { priced, ..draft })),
                Err(rejection) => set(&mut self.outcomes, place, Outcome::Rejected(rejection)),
            }
        }
    }

    pub(crate) fn rejected(&self) -> impl Iterator<Item = usize> + '_ {
        let places = self.outcomes.iter().enumerate();
        places
            .filter(|(_, outcome)| matches!(outcome, Some(Outcome::Rejected(_))))
            .map(|(place, _)| place)
    }

    /// An event whose marker stands: recorded before, by this very request
    /// where its own page says so, or another event of the same id.
    pub(crate) fn settle_duplicate(&mut self, place: usize, attrs: &Attrs) -> Result<(), Failure> {
        let marker = Marker::from_attrs(attrs).ok_or(Failure::damaged("a marker"))?;
        let Some(submission) = self.submissions.get(place) else {
            return Ok(());
        };
        let own = self.pages.iter().any(|page| marker.is_in_page(page));
        let same = marker.matches(&submission.event, submission.timestamp_given);
        let outcome = match (own, same) {
            (true, _) => Outcome::Recorded(marker.answer, Box::default()),
            (false, true) => Outcome::Replayed(marker.answer),
            (false, false) => Outcome::Rejected(Rejection::Reused),
        };
        set(&mut self.outcomes, place, outcome);
        self.waiting.retain(|(waiting, _)| *waiting != place);
        Ok(())
    }

    /// The keys of what marks these events as recorded.
    pub(crate) fn markers(&self, drafts: &[Draft]) -> Vec<Key> {
        match &self.batch {
            Some(batch) => vec![table::batch(self.tenant, &batch.id)],
            None => drafts
                .iter()
                .map(|draft| table::marker(self.tenant, &draft.event.id))
                .collect(),
        }
    }

    /// Settles the first `count` waiting events by their markers, as they were found;
    /// the place of the last of them.
    pub(crate) fn settle_found(
        &mut self,
        count: usize,
        found: Vec<Option<Attrs>>,
    ) -> Result<usize, Failure> {
        let places = self.waiting.iter().take(count).map(|(place, _)| *place);
        let places: Vec<usize> = places.collect();
        let last = places.last().copied().unwrap_or(0);
        if self.batch.is_some() {
            if let Some(attrs) = found.into_iter().next().flatten() {
                self.settle_batch(&attrs)?;
            }
            return Ok(last);
        }
        for (place, attrs) in places.into_iter().zip(found) {
            if let Some(attrs) = attrs {
                self.settle_duplicate(place, &attrs)?;
            }
        }
        Ok(last)
    }

    /// Sets the outcomes of a plan that happened or needed no write.
    pub(crate) fn take(&mut self, planned: Planned) {
        if let Some(batch) = &mut self.batch {
            batch.advance(&planned);
        }
        let taken = planned.events.len().min(self.waiting.len());
        for ((place, _), event) in self.waiting.drain(..taken).zip(planned.events) {
            let ruling = Box::new(event.ruling);
            let outcome = match event.answer {
                Some(answer) => Outcome::Recorded(answer, ruling),
                None => Outcome::Denied(ruling),
            };
            set(&mut self.outcomes, place, outcome);
        }
    }

    /// Plans the first waiting events, as what they are.
    pub(crate) fn plan(
        &self,
        rules: &Rules,
        drafts: &[Draft],
        at: Circumstances<'_>,
    ) -> Result<Planned, PlanError> {
        match &self.batch {
            Some(batch) => {
                let marker = batch.with_rejected(&self.outcomes);
                let rest = self.waiting.get(drafts.len());
                let rest = rest.map(|(place, _)| batch.index(*place));
                let all = if rules.has_rates() {
                    self.drafts(None)
                } else {
                    Vec::new()
                };
                let sealing = Sealing {
                    id: &batch.id,
                    marker: &marker,
                    all: &all,
                    rest,
                    is_stored: batch.is_stored,
                };
                plan_sealed(rules, drafts, at, sealing)
            }
            None => plan(rules, drafts, at),
        }
    }

    /// Notes the page that a plan is about to write.
    pub(crate) fn note_tried(&mut self, page: String, planned: &Planned) {
        if let Some(batch) = &mut self.batch {
            let places: Vec<usize> = self.waiting.iter().map(|(place, _)| *place).collect();
            batch.note_tried(&page, &places, planned);
        }
        self.pages.push(page);
    }

    /// Sets the outcomes of a plan that needs no write: none of its events is admitted,
    /// or a rate refuses a sealed batch as a whole.
    pub(crate) fn take_unwritten(&mut self, mut planned: Planned) {
        match (&mut self.batch, planned.too_fast.take()) {
            (Some(batch), Some(ruling)) => {
                batch.too_fast = Some(ruling);
                self.waiting.clear();
            }
            _ => self.take(planned),
        }
    }

    /// Learns from a refused commit, duplicates first; whether counters are to
    /// be read again.
    pub(crate) fn learn(&mut self, refused: &[Refused]) -> Result<bool, Failure> {
        let places: Vec<usize> = self.waiting.iter().map(|(place, _)| *place).collect();
        let mut counters = false;
        for Refused { role, guard, .. } in refused {
            match (role, guard) {
                (Role::Marker(index), Some(Some(attrs))) => {
                    if let Some(place) = places.get(*index) {
                        self.settle_duplicate(*place, attrs)?;
                    }
                }
                (Role::Batch, Some(Some(attrs))) => self.settle_batch(attrs)?,
                (Role::Counter, Some(_)) => counters = true,
                _ => {}
            }
        }
        Ok(counters)
    }

    /// The outcomes in order. A repeat of an event in the list is a replay of
    /// its first, or another event under its id; `None` where the first was
    /// not recorded and the repeat is another event: it is still to be tried.
    pub(crate) fn finish(self, firsts: &[usize]) -> Vec<Option<Outcome>> {
        let fate = |place: usize, first: usize| -> Option<Outcome> {
            let outcome = self.outcomes.get(first).cloned().flatten()?;
            if place == first {
                return Some(outcome);
            }
            let same = is_repeat(self.submissions.get(first)?, self.submissions.get(place)?);
            match (outcome, same) {
                (Outcome::Recorded(answer, _) | Outcome::Replayed(answer), true) => {
                    Some(Outcome::Replayed(answer))
                }
                (Outcome::Recorded(..) | Outcome::Replayed(_), false) => {
                    Some(Outcome::Rejected(Rejection::Reused))
                }
                (refused, true) => Some(refused),
                (Outcome::Denied(_) | Outcome::Rejected(_), false) => None,
            }
        };
        firsts
            .iter()
            .enumerate()
            .map(|(place, first)| fate(place, *first))
            .collect()
    }
}

fn is_repeat(original: &Submission, repeat: &Submission) -> bool {
    let mut repeat_event = repeat.event.clone();
    if !(original.timestamp_given && repeat.timestamp_given) {
        repeat_event.timestamp = original.event.timestamp;
    }
    repeat_event == original.event
}

pub(crate) fn set(outcomes: &mut [Option<Outcome>], place: usize, outcome: Outcome) {
    if let Some(slot) = outcomes.get_mut(place) {
        *slot = Some(outcome);
    }
}
