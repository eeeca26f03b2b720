//! Recording events: load, plan, commit, and plan again.

use crate::engine::service::{Service, Snapshot};
use crate::engine::submission::{Options, Outcome, Submission};
use crate::engine::tries::Tries;
use crate::record::course::{Course, State, first_of_each};
use crate::settings::credits::credit_of;
use crate::store::clock::ulid;
use crate::store::failure::Failure;
use crate::store::store::{Commit, StoreError};
use tollgate_core::{
    Attrs, Circumstances, Decision, Instant, Mode, Name, PlanError, Planned, PriceError, Ruling,
    plan, table,
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
        let _passage = self.gate.read().await;
        let mut outcomes: Vec<Option<Outcome>> = vec![None; submissions.len()];
        // One pass settles the first event of every id, so passes end.
        while outcomes.iter().any(Option::is_none) {
            let open: Vec<usize> = outcomes
                .iter()
                .enumerate()
                .filter(|(_, outcome)| outcome.is_none())
                .map(|(place, _)| place)
                .collect();
            let again = open
                .iter()
                .filter_map(|place| submissions.get(*place).cloned())
                .collect();
            for (place, outcome) in open
                .into_iter()
                .zip(self.record_firsts(tenant, again, options).await?)
            {
                if let Some(slot) = outcomes.get_mut(place) {
                    *slot = outcome;
                }
            }
        }
        Ok(outcomes.into_iter().flatten().collect())
    }

    /// Records the first event of every id, and settles what repeats those.
    async fn record_firsts(
        &self,
        tenant: &Name,
        submissions: Vec<Submission>,
        options: Options,
    ) -> Result<Vec<Option<Outcome>>, Failure> {
        let mut snapshot = self.snapshot(tenant).await?;
        let firsts = first_of_each(&submissions);
        let mut course = Course::new(tenant, submissions, options);
        course.price(&snapshot, self.now(), &firsts);
        self.settle_rejections(&mut course).await?;
        while !course.waiting.is_empty() {
            snapshot = self.record_pack(&mut course, snapshot).await?;
        }
        Ok(course.finish(&firsts))
    }

    /// Records as many of the first waiting events as one transaction takes.
    async fn record_pack(
        &self,
        course: &mut Course<'_>,
        mut snapshot: Snapshot,
    ) -> Result<Snapshot, Failure> {
        let mut tries = Tries::new();
        let pressed = self.is_pressed(course.tenant);
        let mut state: Option<State> = if pressed {
            Some(self.read_state(course, &snapshot, self.now()).await?)
        } else {
            None
        };
        loop {
            if self.is_outdated(&snapshot) {
                snapshot = self.snapshot(course.tenant).await?;
                state = None;
            }
            let received = self.now();
            let page = ulid(received);
            let drafts = course.drafts(state.as_ref());
            let announced = self.announced(course.tenant, &snapshot);
            let standing = state
                .as_ref()
                .map(|state| &state.standing)
                .or(announced.as_deref());
            let at = Circumstances {
                tenant: course.tenant,
                mode: course.options.mode,
                received,
                page_id: &page,
                standing,
            };
            let plan = match plan(&snapshot.pack, &drafts, at) {
                // A plan stops before an event that it cannot count, so only
                // the first can be at fault.
                Err(PlanError::Overflow(_)) if course.reject_first(PriceError::Range) => {
                    return Ok(snapshot);
                }
                plan => plan?,
            };
            let refuses = plan
                .rulings
                .iter()
                .any(|ruling| ruling.decision != Decision::Allow);
            if (refuses || !plan.crossings.is_empty()) && state.is_none() {
                // Markers and counters before any refusal that depends on them,
                // as a duplicate wins over a limit, and any alert, which tells of them.
                state = Some(self.read_state(course, &snapshot, received).await?);
                if course.waiting.is_empty() {
                    return Ok(snapshot);
                }
                continue;
            }
            if refuses
                && (self.frees(course, &plan).await?
                    || is_unconfirmed(course, &plan, state.as_ref()))
            {
                state = Some(self.read_state(course, &snapshot, received).await?);
                continue;
            }
            self.set_pressed(course.tenant, refuses || plan.is_pressed);
            if plan.writes.is_empty() {
                course.take(plan);
                return Ok(snapshot);
            }
            if snapshot.pack.config().currency.is_none() {
                snapshot = self.first_use(course, snapshot).await?;
                state = None;
                continue;
            }
            course.pages.push(page);
            match self.store.commit(&plan.writes).await {
                Ok(Commit::Done { write_units }) => {
                    self.note_crossings(course.tenant, &plan.crossings);
                    course.take_written(plan, write_units);
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
                Err(StoreError::Unavailable(why)) => tries.lost(&why).await?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Before a limit refuses what holds take of it: frees those whose time is
    /// over, once a request. Whether there were any.
    async fn frees(&self, course: &mut Course<'_>, plan: &Planned) -> Result<bool, Failure> {
        let is_held = |ruling: &Ruling| {
            ruling.lacks_credit() || ruling.violations.iter().any(|at| at.count.held > 0)
        };
        if course.freed || course.options.mode != Mode::Enforce || !plan.rulings.iter().any(is_held)
        {
            return Ok(false);
        }
        course.freed = true;
        self.free_due(course.tenant).await
    }

    /// Makes the tenant known: the first event to be admitted fixes its
    /// currency, and a refused one leaves no trace.
    async fn first_use(
        &self,
        course: &mut Course<'_>,
        snapshot: Snapshot,
    ) -> Result<Snapshot, Failure> {
        let snapshot = self
            .registered(course.tenant, snapshot, &course.waiting)
            .await?;
        course.match_currency(&snapshot);
        self.settle_rejections(course).await?;
        Ok(snapshot)
    }

    /// Reads the markers and counters of the first waiting events, settles the
    /// duplicates among them, and says where the counters stand.
    async fn read_state(
        &self,
        course: &mut Course<'_>,
        snapshot: &Snapshot,
        received: Instant,
    ) -> Result<State, Failure> {
        let count = course.waiting.len().min(tollgate_core::ACTIONS_MAX);
        let drafts = course.drafts(None);
        let counters = snapshot
            .pack
            .counters(&drafts, course.options.mode, received);
        let markers = drafts
            .iter()
            .map(|draft| table::marker(course.tenant, &draft.event.id));
        let keys: Vec<_> = markers
            .chain(
                counters
                    .iter()
                    .map(|key| table::counter(course.tenant, key)),
            )
            .collect();
        let mut items = self.store.read(&keys).await?.into_iter();
        let found: Vec<Option<Attrs>> = items.by_ref().take(count).collect();
        let places: Vec<usize> = course
            .waiting
            .iter()
            .take(count)
            .map(|(place, _)| *place)
            .collect();
        let last = places.last().copied().unwrap_or(0);
        for (place, attrs) in places.into_iter().zip(found) {
            if let Some(attrs) = attrs {
                course.settle_duplicate(place, &attrs);
            }
        }
        let counts = items.map(|attrs| snapshot.pack.counts(&attrs.unwrap_or_default()));
        let standing = counters.into_iter().zip(counts).collect();
        self.note_standing(course.tenant, snapshot, &standing);
        Ok(State { standing, last })
    }

    /// Before an event is rejected for its time or price, its marker is read:
    /// the same event may have been recorded when it was still acceptable.
    async fn settle_rejections(&self, course: &mut Course<'_>) -> Result<(), Failure> {
        let rejected: Vec<usize> = course.rejected().collect();
        if rejected.is_empty() {
            return Ok(());
        }
        let id = |place: &usize| {
            course
                .submissions
                .get(*place)
                .map(|submission| table::marker(course.tenant, &submission.event.id))
        };
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

/// Whether a refusal for want of credit rests on one reading of its sources,
/// which are several items: two that agree show that it all stood so at once.
fn is_unconfirmed(course: &mut Course<'_>, plan: &Planned, state: Option<&State>) -> bool {
    let lacks =
        course.options.mode == Mode::Enforce && plan.rulings.iter().any(Ruling::lacks_credit);
    let Some(state) = state.filter(|_| lacks) else {
        return false;
    };
    let credit = Some(credit_of(&state.standing));
    let agrees = course.short == credit;
    course.short = credit;
    !agrees
}
