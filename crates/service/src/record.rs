//! Recording events: load, plan, commit, and plan again.

use crate::clock::ulid;
use crate::failure::Failure;
use crate::service::{Service, Snapshot};
use crate::store::{Commit, Reason, Refusal, StoreError};
use crate::tries::Tries;
use std::collections::BTreeMap;
use tollgate_core::{
    Answer, Attrs, Circumstances, Currency, Decision, Draft, Event, Instant, Marker, Mode, Name, Plan, PlanError, PriceError, Ruling,
    Standing, plan, table,
};

/// An event as a client sent it.
#[derive(Clone, Debug)]
pub struct Submission {
    /// What was used.
    pub event: Event,
    /// Whether the client named the timestamp.
    pub timestamp_given: bool,
}

/// How a list of events is to be recorded.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether limits hold.
    pub mode: Mode,
    /// The oldest event accepted, in seconds before now.
    pub age_seconds_max: i64,
}

/// What became of one event.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Recorded now.
    Recorded(Answer, Box<Ruling>),
    /// Recorded before, with this answer.
    Replayed(Answer),
    /// Refused by a limit; nothing was recorded.
    Denied(Box<Ruling>),
    /// Refused for what it is; nothing was recorded.
    Rejected(Rejection),
}

/// Why an event is refused for what it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Its id belongs to another event.
    #[error("the id was used for an event with other content")]
    Reused,
    /// Its time is too long ago.
    #[error("lies more than {0} days back")]
    TooOld(i64),
    /// Its time is yet to come.
    #[error("lies more than 5 minutes ahead")]
    TooNew,
    /// It cannot be priced.
    #[error(transparent)]
    Price(#[from] PriceError),
    /// Its price is in another currency than the tenant's.
    #[error("the price is in {card}, but the tenant's currency is {tenant}")]
    Currency {
        /// The currency that first use fixed.
        tenant: Currency,
        /// The card's.
        card: Currency,
    },
}

/// How far ahead of the clock an event may lie.
pub const AHEAD_SECONDS_MAX: i64 = 300;
/// How far back an event may lie, unless an operator backfills.
pub const AGE_SECONDS_MAX: i64 = 35 * 86_400;

/// Events on their way: what is still to be recorded, and what became of the
/// others.
struct Course<'a> {
    tenant: &'a Name,
    options: Options,
    submissions: Vec<Submission>,
    outcomes: Vec<Option<Outcome>>,
    /// The events still to be recorded, by their place in the list.
    waiting: Vec<(usize, Draft)>,
    /// The pages that this request tried to write, newest last.
    pages: Vec<String>,
}

impl Service {
    /// Records events of one tenant in order, each exactly once by its id, in
    /// transactions of up to 100 writes. Sending any of them again, in any
    /// split, changes nothing.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store does not take a transaction in
    /// the tries allowed: earlier ones stand, and sending all again converges.
    pub async fn record(&self, tenant: &Name, submissions: Vec<Submission>, options: Options) -> Result<Vec<Outcome>, Failure> {
        let _passage = self.gate.read().await;
        let mut snapshot = self.snapshot(tenant).await?;
        let firsts = first_of_each(&submissions);
        let outcomes = vec![None; submissions.len()];
        let mut course = Course { tenant, options, submissions, outcomes, waiting: Vec::new(), pages: Vec::new() };
        course.price(&snapshot, self.now(), &firsts);
        self.settle_rejections(&mut course).await?;
        if !course.waiting.is_empty() {
            snapshot = self.registered(tenant, snapshot, &course.waiting).await?;
            course.match_currency(&snapshot);
            self.settle_rejections(&mut course).await?;
        }
        while !course.waiting.is_empty() {
            snapshot = self.record_pack(&mut course, snapshot).await?;
        }
        Ok(course.finish(&firsts))
    }

    /// Records as many of the first waiting events as one transaction takes.
    async fn record_pack(&self, course: &mut Course<'_>, mut snapshot: Snapshot) -> Result<Snapshot, Failure> {
        let mut tries = Tries::new();
        let mut state: Option<State> = None;
        if self.is_pressed(course.tenant) {
            state = Some(self.read_state(course, &snapshot, self.now()).await?);
        }
        loop {
            if self.is_outdated(&snapshot) {
                snapshot = self.snapshot(course.tenant).await?;
                state = None;
            }
            let received = self.now();
            let page = ulid(received);
            let drafts = course.drafts(state.as_ref());
            let standing = state.as_ref().map(|state| &state.standing);
            let at = Circumstances { tenant: course.tenant, mode: course.options.mode, received, page_id: &page, standing };
            let plan = match plan(&snapshot.pack, &drafts, at) {
                // A plan stops before an event that it cannot count, so only
                // the first can be at fault.
                Err(PlanError::Overflow(_)) if course.reject_first(PriceError::Range) => return Ok(snapshot),
                plan => plan?,
            };
            let refuses = plan.rulings.iter().any(|ruling| ruling.decision != Decision::Allow);
            if refuses && state.is_none() {
                // Before any refusal that depends on state: markers and
                // counters, since a duplicate wins over a limit.
                state = Some(self.read_state(course, &snapshot, received).await?);
                if course.waiting.is_empty() {
                    return Ok(snapshot);
                }
                continue;
            }
            self.set_pressed(course.tenant, refuses);
            if plan.writes.is_empty() {
                course.take(plan);
                return Ok(snapshot);
            }
            course.pages.push(page);
            match self.store.commit(&plan.writes).await {
                Ok(Commit::Done { write_units }) => {
                    tracing::debug!(write_units, events = plan.markers.len(), "recorded");
                    course.take(plan);
                    return Ok(snapshot);
                }
                Ok(Commit::Refused(refusals)) => {
                    let reread = course.learn(&plan, &refusals);
                    if reread.limits_changed(&snapshot) {
                        self.forget(course.tenant);
                        snapshot = self.snapshot(course.tenant).await?;
                        state = None;
                    } else if reread.counters {
                        state = Some(self.read_state(course, &snapshot, received).await?);
                    }
                    if course.waiting.is_empty() {
                        return Ok(snapshot);
                    }
                    // A duplicate found shortens the list: that is progress.
                    if !reread.duplicates {
                        tries.again("too many conflicts").await?;
                    }
                }
                Err(StoreError::Unavailable(why)) => tries.again(&why).await?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads the markers and counters of the first waiting events, settles the
    /// duplicates among them, and says where the counters stand.
    async fn read_state(&self, course: &mut Course<'_>, snapshot: &Snapshot, received: Instant) -> Result<State, Failure> {
        let count = course.waiting.len().min(tollgate_core::ACTIONS_MAX);
        let drafts = course.drafts(None);
        let counters = snapshot.pack.counters(&drafts, course.options.mode, received);
        let markers = drafts.iter().map(|draft| table::marker(course.tenant, &draft.event.id));
        let keys: Vec<_> = markers.chain(counters.iter().map(|key| table::counter(course.tenant, key))).collect();
        let mut items = self.store.read(&keys).await?.into_iter();
        let found: Vec<Option<Attrs>> = items.by_ref().take(count).collect();
        let places: Vec<usize> = course.waiting.iter().take(count).map(|(place, _)| *place).collect();
        let last = places.last().copied().unwrap_or(0);
        for (place, attrs) in places.into_iter().zip(found) {
            if let Some(attrs) = attrs {
                course.settle_duplicate(place, &attrs);
            }
        }
        let counts = items.map(|attrs| snapshot.pack.counts(&attrs.unwrap_or_default()));
        Ok(State { standing: counters.into_iter().zip(counts).collect(), last })
    }

    /// Before an event is rejected for its time or price, its marker is read:
    /// the same event may have been recorded when it was still acceptable.
    async fn settle_rejections(&self, course: &mut Course<'_>) -> Result<(), Failure> {
        let rejected: Vec<usize> = course.rejected().collect();
        if rejected.is_empty() {
            return Ok(());
        }
        let id = |place: &usize| course.submissions.get(*place).map(|submission| table::marker(course.tenant, &submission.event.id));
        let keys: Vec<_> = rejected.iter().filter_map(id).collect();
        let items = self.store.read(&keys).await?;
        for (place, attrs) in rejected.into_iter().zip(items) {
            if let Some(attrs) = attrs {
                course.settle_duplicate(place, &attrs);
            }
        }
        Ok(())
    }
}

/// What was read before a decision: where the counters stand for the waiting
/// events up to the place `last`. Their markers were read too.
struct State {
    standing: Standing,
    last: usize,
}

/// What a refused commit asks to be read again.
#[derive(Default)]
struct Reread {
    duplicates: bool,
    counters: bool,
    version: i128,
}

impl Reread {
    fn limits_changed(&self, snapshot: &Snapshot) -> bool {
        self.version > i128::from(snapshot.pack.config().version)
    }
}

/// The first place of each id; a later one with the same id shares its fate.
fn first_of_each(submissions: &[Submission]) -> Vec<usize> {
    let mut seen: BTreeMap<&Name, usize> = BTreeMap::new();
    let places = submissions.iter().enumerate();
    places.map(|(place, submission)| *seen.entry(&submission.event.id).or_insert(place)).collect()
}

impl Course<'_> {
    /// Prices every first event of its id, or rejects it.
    fn price(&mut self, snapshot: &Snapshot, now: Instant, firsts: &[usize]) {
        for (place, submission) in self.submissions.iter().enumerate() {
            if firsts.get(place) != Some(&place) {
                continue;
            }
            let timely = timely(submission.event.timestamp, now, self.options.age_seconds_max);
            let priced = timely.and_then(|()| snapshot.price(&submission.event));
            match priced {
                Ok(priced) => self.waiting.push((place, Draft::new(submission.event.clone(), priced, submission.timestamp_given))),
                Err(rejection) => set(&mut self.outcomes, place, Outcome::Rejected(rejection)),
            }
        }
    }

    /// The first waiting events, as many as a transaction may take; of those
    /// only what `state` was read for.
    fn drafts(&self, state: Option<&State>) -> Vec<Draft> {
        let first = self.waiting.iter().take(tollgate_core::ACTIONS_MAX);
        let known = first.take_while(|(place, _)| state.is_none_or(|state| *place <= state.last));
        known.map(|(_, draft)| draft.clone()).collect()
    }

    /// Rejects the first waiting event.
    fn reject_first(&mut self, error: PriceError) -> bool {
        if self.waiting.is_empty() {
            return false;
        }
        let (place, _) = self.waiting.remove(0);
        set(&mut self.outcomes, place, Outcome::Rejected(error.into()));
        true
    }

    fn match_currency(&mut self, snapshot: &Snapshot) {
        let Some(tenant) = snapshot.pack.config().currency else { return };
        let (fit, other) =
            std::mem::take(&mut self.waiting).into_iter().partition(|(_, draft): &(usize, Draft)| draft.priced.currency == tenant);
        self.waiting = fit;
        let other: Vec<(usize, Draft)> = other;
        for (place, draft) in other {
            let rejection = Rejection::Currency { tenant, card: draft.priced.currency };
            set(&mut self.outcomes, place, Outcome::Rejected(rejection));
        }
    }

    fn rejected(&self) -> impl Iterator<Item = usize> + '_ {
        let places = self.outcomes.iter().enumerate();
        places.filter(|(_, outcome)| matches!(outcome, Some(Outcome::Rejected(_)))).map(|(place, _)| place)
    }

    /// An event whose marker stands: recorded before, by this very request
    /// where its own page says so, or another event of the same id.
    fn settle_duplicate(&mut self, place: usize, attrs: &Attrs) {
        let (Some(submission), Some(marker)) = (self.submissions.get(place), Marker::from_attrs(attrs)) else {
            return;
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
    }

    /// Sets the outcomes of a plan that happened or needed no write.
    fn take(&mut self, plan: Plan) {
        let Plan { taken, rulings, answers, .. } = plan;
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
    fn learn(&mut self, plan: &Plan, refusals: &[Refusal]) -> Reread {
        let places: Vec<usize> = plan.markers.iter().filter_map(|index| self.waiting.get(*index).map(|(place, _)| *place)).collect();
        let mut reread = Reread::default();
        for refusal in refusals {
            let Reason::Guard(standing) = &refusal.reason else { continue };
            let marker = refusal.index.checked_sub(1).and_then(|index| places.get(index));
            match (refusal.index, marker, standing) {
                (0, ..) => {}
                (_, Some(place), Some(attrs)) => {
                    self.settle_duplicate(*place, attrs);
                    reread.duplicates = true;
                }
                (_, Some(_), None) => {}
                (_, None, standing) => {
                    reread.counters = true;
                    let version = standing.as_ref().and_then(|attrs| attrs.get(table::LIMITS_VERSION)?.as_number());
                    reread.version = reread.version.max(version.unwrap_or(0));
                }
            }
        }
        reread
    }

    /// The outcomes in order; a repeat of an event in the list is a replay of
    /// its first, or another event under its id.
    fn finish(self, firsts: &[usize]) -> Vec<Outcome> {
        let fate = |place: usize, first: usize| -> Outcome {
            let outcome = self.outcomes.get(first).cloned().flatten().unwrap_or(Outcome::Rejected(Rejection::Reused));
            if place == first {
                return outcome;
            }
            let (Some(original), Some(repeat)) = (self.submissions.get(first), self.submissions.get(place)) else {
                return outcome;
            };
            match outcome {
                _ if !is_repeat(original, repeat) => Outcome::Rejected(Rejection::Reused),
                Outcome::Recorded(answer, _) => Outcome::Replayed(answer),
                other => other,
            }
        };
        firsts.iter().enumerate().map(|(place, first)| fate(place, *first)).collect()
    }
}

fn is_repeat(original: &Submission, repeat: &Submission) -> bool {
    let mut repeat_event = repeat.event.clone();
    if !(original.timestamp_given && repeat.timestamp_given) {
        repeat_event.timestamp = original.event.timestamp;
    }
    repeat_event == original.event
}

/// Whether an event's time lies within what is accepted now.
pub(crate) fn timely(timestamp: Instant, now: Instant, age_seconds_max: i64) -> Result<(), Rejection> {
    if timestamp < now.plus_seconds(age_seconds_max.saturating_neg()) {
        return Err(Rejection::TooOld(age_seconds_max / 86_400));
    }
    if timestamp > now.plus_seconds(AHEAD_SECONDS_MAX) {
        return Err(Rejection::TooNew);
    }
    Ok(())
}

fn set(outcomes: &mut [Option<Outcome>], place: usize, outcome: Outcome) {
    if let Some(slot) = outcomes.get_mut(place) {
        *slot = Some(outcome);
    }
}
