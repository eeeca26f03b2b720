//! Recording events: load, plan, commit, and plan again.

use crate::engine::attempt::{Attempt, Committed};
use crate::engine::service::Service;
use crate::engine::snapshot::Snapshot;
use crate::engine::submission::{Options, Outcome, Submission};
use crate::record::course::{Course, State, first_of_each};
use crate::store::clock::{random, ulid};
use crate::store::failure::Failure;
use std::collections::BTreeSet;
use tollgate_core::{
    Circumstances, CounterKey, HOUR_SECONDS, Instant, Lanes, Mode, Name, PlanError, Planned,
    PriceError, Ruling,
};

impl Service {
    /// Records events of one tenant in order, each exactly once by its id, in
    /// transactions of up to 100 writes. Sending any of them again, in any
    /// split, changes nothing.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store does not take a transaction in
    /// the tries allowed: earlier ones stand, and sending all again converges.
    pub async fn record(
        &self,
        tenant: &Name,
        submissions: Vec<Submission>,
        options: Options,
    ) -> Result<Vec<Outcome>, Failure> {
        let _passage = self.enter(tenant).await?;
        let mut outcomes: Vec<Option<Outcome>> = vec![None; submissions.len()];
        let mut known = None;
        // One pass settles the first event of every id, so passes end.
        while outcomes.iter().any(Option::is_none) {
            let unsettled = outcomes
                .iter()
                .enumerate()
                .filter(|(_, outcome)| outcome.is_none());
            let open: Vec<usize> = unsettled.map(|(place, _)| place).collect();
            let again = open
                .iter()
                .filter_map(|place| submissions.get(*place).cloned())
                .collect();
            let course = Course::new(tenant, again, options);
            let (course, firsts) = self.record_firsts(course, &mut known).await?;
            let settled = course.finish(&firsts);
            for (place, outcome) in open.into_iter().zip(settled) {
                if let Some(slot) = outcomes.get_mut(place) {
                    *slot = outcome;
                }
            }
        }
        Ok(outcomes.into_iter().flatten().collect())
    }

    /// Records the first event of every id, and says which is the first of each. What
    /// was read for earlier passes is not read again.
    pub(crate) async fn record_firsts<'a>(
        &self,
        mut course: Course<'a>,
        known: &mut Option<(Snapshot, Option<State>)>,
    ) -> Result<(Course<'a>, Vec<usize>), Failure> {
        let (mut snapshot, mut state) = match known.take() {
            Some((snapshot, state)) if !self.is_outdated(&snapshot) => (snapshot, state),
            _ => (self.snapshot_for(&course).await?, None),
        };
        let firsts = first_of_each(&course.submissions);
        let now = self.now();
        for submission in course.submissions.iter().filter(|of| of.timestamp_given) {
            self.compare_clock(submission.event.timestamp, now);
        }
        course.price(&snapshot, now, &firsts);
        self.settle_rejections(&mut course).await?;
        while course.goes_on() {
            state = state
                .filter(|state| course.is_read_by(state))
                .map(State::of_later_pass);
            (snapshot, state) = self.record_pack(&mut course, snapshot, state).await?;
        }
        *known = Some((snapshot, state));
        Ok((course, firsts))
    }

    /// What is known of the tenant, with the prices of the oldest event.
    async fn snapshot_for(&self, course: &Course<'_>) -> Result<Snapshot, Failure> {
        let snapshot = self.snapshot(course.tenant).await?;
        self.reach(snapshot, course.events(), course.ages(self.now()))
            .await
    }

    /// Records as many of the first waiting events as one transaction takes.
    async fn record_pack(
        &self,
        course: &mut Course<'_>,
        mut snapshot: Snapshot,
        mut state: Option<State>,
    ) -> Result<(Snapshot, Option<State>), Failure> {
        let mut attempt = Attempt::new();
        // Before the first page of an hour it is registered: a repeat or a refusal,
        // which has no page, is found by reading first.
        let hour = self.now().floor_to(HOUR_SECONDS);
        let is_first = !self.cache.is_registered(course.tenant, hour, Lanes::ONE);
        if state.is_none() && (is_first || self.cache.is_pressed(course.tenant)) {
            state = Some(self.read_state(course, &mut attempt, &snapshot).await?);
        }
        while course.goes_on() {
            if self.is_outdated(&snapshot) || course.is_resumed() {
                (snapshot, state) = (self.snapshot_for(course).await?, None);
                course.price_again(&snapshot, self.now());
                continue;
            }
            let pack = self.plan_pack(course, &snapshot, state.as_ref()).await?;
            let Some((page, received, planned)) = pack else {
                break;
            };
            if let Some(more) = self
                .read_more(course, &planned, state.as_ref(), &snapshot)
                .await?
            {
                state = Some(
                    self.read_anew(course, &mut attempt, &snapshot, more)
                        .await?,
                );
                continue;
            }
            let is_pressed = planned.refuses() || planned.is_pressed;
            self.cache.set_pressed(course.tenant, is_pressed);
            if planned.writes.is_empty() {
                course.take_unwritten(planned);
                break;
            }
            let first = planned.first_admitted();
            if let Some(first) = first.filter(|_| snapshot.rules.config().currency.is_none()) {
                (snapshot, state) = (self.use_first(course, snapshot, first).await?, None);
                continue;
            }
            let lanes = snapshot.rules.config().lanes();
            self.register_hour(course.tenant, received, lanes).await?;
            course.note_tried(page, &planned);
            match self
                .commit_planned(&mut attempt, &snapshot, &planned.writes)
                .await?
            {
                Committed::Done => {
                    self.cache.note_crossings(course.tenant, &planned.crossings);
                    course.take(planned);
                    self.note_page(course.tenant).await;
                    state = None;
                    break;
                }
                Committed::Refused(refused) => {
                    if course.learn(&refused)? {
                        snapshot = self.snapshot_for(course).await?;
                        state = Some(self.read_state(course, &mut attempt, &snapshot).await?);
                    }
                }
                Committed::Again => {}
            }
        }
        Ok((snapshot, state))
    }

    /// Plans a page of the first waiting events, received now; nothing where the
    /// first cannot be counted, and is rejected for that.
    async fn plan_pack(
        &self,
        course: &mut Course<'_>,
        snapshot: &Snapshot,
        state: Option<&State>,
    ) -> Result<Option<(String, Instant, Planned)>, Failure> {
        let received = self.stamp(snapshot).await?;
        let drafts = course.drafts(state);
        let page = ulid(received);
        let announced = self.cache.announced(course.tenant, &snapshot.rules);
        let standing = state.map_or(&*announced, |state| &state.standing);
        let at = Circumstances {
            tenant: course.tenant,
            mode: course.options.mode,
            received,
            page_id: &page,
            seed: random(),
            standing,
        };
        match course.plan(&snapshot.rules, &drafts, at) {
            // A plan stops before an event that it cannot count, so only the
            // first can be at fault.
            Err(PlanError::Overflow(_)) if course.reject_first(PriceError::Range) => Ok(None),
            planned => Ok(Some((page, received, planned?))),
        }
    }

    /// What must be read before the plan may stand: markers and counters before
    /// any refusal that depends on them, as a duplicate wins over a limit, and
    /// before any alert, which tells of them. A refusal for want of credit rests
    /// on sources that all stood so at once.
    async fn read_more(
        &self,
        course: &mut Course<'_>,
        planned: &Planned,
        state: Option<&State>,
        snapshot: &Snapshot,
    ) -> Result<Option<More>, Failure> {
        let Some(state) = state else {
            let asks = planned.refuses() || !planned.crossings.is_empty();
            return Ok(asks.then_some(More::Each));
        };
        if course.options.mode != Mode::Enforce {
            return Ok(None);
        }
        if !course.freed && planned.rulings().any(Ruling::is_held) {
            course.freed = true;
            let refusing = refusing(planned.rulings());
            if self.free_due(course.tenant, snapshot, &refusing).await? {
                return Ok(Some(More::Each));
            }
        }
        let lacks = planned.rulings().any(Ruling::lacks_credit);
        let apart = state.standing.sources() > 1 && !state.together;
        Ok((lacks && apart).then_some(More::Together))
    }

    /// The state as it is now, read as `more` says.
    async fn read_anew(
        &self,
        course: &mut Course<'_>,
        attempt: &mut Attempt,
        snapshot: &Snapshot,
        more: More,
    ) -> Result<State, Failure> {
        match more {
            More::Each => self.read_state(course, attempt, snapshot).await,
            More::Together => self.read_state_together(course, attempt, snapshot).await,
        }
    }

    /// Makes the tenant known: the first event to be admitted fixes its
    /// currency, and a refused one leaves no trace.
    async fn use_first(
        &self,
        course: &mut Course<'_>,
        snapshot: Snapshot,
        first: usize,
    ) -> Result<Snapshot, Failure> {
        let Some((_, draft)) = course.waiting.get(first) else {
            return Ok(snapshot);
        };
        let currency = draft.priced.currency;
        let snapshot = self.register(course.tenant, snapshot, currency).await?;
        let ages = course.ages(self.now());
        let snapshot = self.reach(snapshot, course.events(), ages).await?;
        course.match_currency(&snapshot);
        self.settle_rejections(course).await?;
        Ok(snapshot)
    }
}

/// How further readings are made.
enum More {
    /// Each item alone.
    Each,
    /// All at one instant.
    Together,
}

/// The counters that refuse anything, and whether credit does.
pub(crate) struct Refusing {
    pub(crate) counters: BTreeSet<CounterKey>,
    pub(crate) credit: bool,
}

/// What refuses by these rulings.
pub(crate) fn refusing<'a>(rulings: impl Iterator<Item = &'a Ruling>) -> Refusing {
    let mut refusing = Refusing {
        counters: BTreeSet::new(),
        credit: false,
    };
    for ruling in rulings {
        refusing.credit |= ruling.lacks_credit();
        refusing
            .counters
            .extend(ruling.violations.iter().map(|at| at.counter()));
    }
    refusing
}
