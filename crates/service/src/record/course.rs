//! The course of one request's events: which are still to be recorded, and
//! what became of the others.

use crate::engine::service::Snapshot;
use crate::engine::submission::{Options, Outcome, Rejection, Submission, timely};
use crate::store::store::{Reason, Refusal};
use std::collections::BTreeMap;
use tollgate_core::{Attrs, Draft, Instant, Marker, Name, Planned, PriceError, Standing, table};

/// Events on their way: what is still to be recorded, and what became of the
/// others.
pub(crate) struct Course<'a> {
    pub(crate) tenant: &'a Name,
    pub(crate) options: Options,
    pub(crate) submissions: Vec<Submission>,
    outcomes: Vec<Option<Outcome>>,
    /// The events still to be recorded, by their place in the list.
    pub(crate) waiting: Vec<(usize, Draft)>,
    /// The pages that this request tried to write, newest last.
    pub(crate) pages: Vec<String>,
    /// Whether holds that were over were freed for it already.
    pub(crate) freed: bool,
    /// What credit stood at when it was found not to suffice.
    pub(crate) short: Option<Standing>,
}

/// What was read before a decision: where the counters stand for the waiting
/// events up to the place `last`. Their markers were read too.
pub(crate) struct State {
    pub(crate) standing: Standing,
    pub(crate) last: usize,
}

/// What a refused commit asks to be read again.
#[derive(Default)]
pub(crate) struct Reread {
    pub(crate) duplicates: bool,
    pub(crate) counters: bool,
    version: i128,
}

impl Reread {
    pub(crate) fn limits_changed(&self, snapshot: &Snapshot) -> bool {
        self.version > i128::from(snapshot.pack.config().version)
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
            short: None,
        }
    }

    /// Prices every first event of its id, or rejects it.
    pub(crate) fn price(&mut self, snapshot: &Snapshot, now: Instant, firsts: &[usize]) {
        for (place, submission) in self.submissions.iter().enumerate() {
            if firsts.get(place) != Some(&place) {
                continue;
            }
            let timely = timely(
                submission.event.timestamp,
                now,
                self.options.age_seconds_max,
            );
            let priced = timely.and_then(|()| snapshot.accept(&submission.event));
            match priced {
                Ok(priced) => self.waiting.push((
                    place,
                    Draft::new(submission.event.clone(), priced, submission.timestamp_given),
                )),
                Err(rejection) => set(&mut self.outcomes, place, Outcome::Rejected(rejection)),
            }
        }
    }

    /// The first waiting events, as many as a transaction may take; of those
    /// only what `state` was read for.
    pub(crate) fn drafts(&self, state: Option<&State>) -> Vec<Draft> {
        let first = self.waiting.iter().take(tollgate_core::ACTIONS_MAX);
        let known = first.take_while(|(place, _)| state.is_none_or(|state| *place <= state.last));
        known.map(|(_, draft)| draft.clone()).collect()
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
        let Some(tenant) = snapshot.pack.config().currency else {
            return;
        };
        for (place, draft) in std::mem::take(&mut self.waiting) {
            if draft.priced.currency == tenant {
                self.waiting.push((place, draft));
                continue;
            }
            match snapshot.price(&draft.event) {
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
    /// `false` for a marker that cannot be read: then nothing is settled.
    pub(crate) fn settle_duplicate(&mut self, place: usize, attrs: &Attrs) -> bool {
        let (Some(submission), Some(marker)) =
            (self.submissions.get(place), Marker::from_attrs(attrs))
        else {
            return false;
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
        true
    }

    /// Sets the outcomes of a plan that happened.
    pub(crate) fn take_written(&mut self, plan: Planned, write_units: u64) {
        tracing::debug!(write_units, events = plan.markers.len(), "recorded");
        self.take(plan);
    }

    /// Sets the outcomes of a plan that happened or needed no write.
    pub(crate) fn take(&mut self, plan: Planned) {
        let Planned {
            taken,
            rulings,
            answers,
            ..
        } = plan;
        let taken = self.waiting.drain(..taken.min(self.waiting.len()));
        for (((place, _), ruling), answer) in taken.zip(rulings).zip(answers) {
            let ruling = Box::new(ruling);
            let outcome = match answer {
                Some(answer) => Outcome::Recorded(answer, ruling),
                None => Outcome::Denied(ruling),
            };
            set(&mut self.outcomes, place, outcome);
        }
    }

    /// Learns from a refused commit, duplicates first.
    pub(crate) fn learn(&mut self, plan: &Planned, refusals: &[Refusal]) -> Reread {
        let places: Vec<usize> = plan
            .markers
            .iter()
            .filter_map(|index| self.waiting.get(*index).map(|(place, _)| *place))
            .collect();
        let mut reread = Reread::default();
        for refusal in refusals {
            let Reason::Guard(standing) = &refusal.reason else {
                continue;
            };
            let marker = refusal
                .index
                .checked_sub(1)
                .and_then(|index| places.get(index));
            match (refusal.index, marker, standing) {
                (0, ..) => {}
                (_, Some(place), Some(attrs)) => {
                    reread.duplicates |= self.settle_duplicate(*place, attrs);
                }
                (_, Some(_), None) => {}
                (_, None, standing) => {
                    reread.counters = true;
                    let version = standing
                        .as_ref()
                        .and_then(|attrs| attrs.get(table::LIMITS_VERSION)?.as_number());
                    reread.version = reread.version.max(version.unwrap_or(0));
                }
            }
        }
        reread
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

fn set(outcomes: &mut [Option<Outcome>], place: usize, outcome: Outcome) {
    if let Some(slot) = outcomes.get_mut(place) {
        *slot = Some(outcome);
    }
}
