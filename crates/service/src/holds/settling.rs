//! How holds move on: captured, released, extended.

use crate::engine::attempt::{Attempt, Committed, Refused};
use crate::engine::service::Service;
use crate::engine::snapshot::Snapshot;
use crate::engine::submission::Rejection;
use crate::store::clock::{random, ulid};
use crate::store::failure::Failure;
use tollgate_core::{
    Actual, Answer, Attrs, Circumstances, Closing, Draft, Event, Fingerprint, Hold, HoldState,
    Marker, Mismatch, Mode, Name, Priced, Role, Settled, Stored, capture, capture_reads,
    capture_recorded, extend, release,
};

/// What became of a capture.
#[derive(Clone, Debug)]
pub enum CaptureOutcome {
    /// Booked: the hold, its event, the answer, and whether it was before.
    Captured {
        /// The hold, captured.
        hold: Box<Hold>,
        /// What was booked.
        event: Box<Event>,
        /// The event's answer.
        answer: Box<Answer>,
        /// Whether the hold's time was over by then.
        late: bool,
        /// The tier that was named, where the card of the hold lacks it: it is
        /// booked at the hold's.
        lacks_tier: Option<Name>,
        /// Whether it used tokens that the card of the hold has no price for.
        unpriced: bool,
        /// Whether an earlier request had booked it.
        replayed: bool,
    },
    /// The hold had ended otherwise, or by a capture of something else.
    Closed(Box<Hold>),
    /// A field is not as the hold has it.
    Mismatched(Mismatch),
    /// The event, under this id, cannot be booked for what it is.
    Rejected(Name, Rejection),
}

/// A hold after it was to be moved on: as asked, or closed otherwise.
#[derive(Clone, Debug)]
pub enum HoldMoved {
    /// As asked, now or before.
    Done(Box<Hold>),
    /// It had ended otherwise.
    Closed(Box<Hold>),
}

/// One capture on its way.
struct Course<'a> {
    tenant: &'a Name,
    actual: &'a Actual,
    attempt: Attempt,
    /// The pages that it tried to write.
    pages: Vec<String>,
    /// The event's marker, where it was seen to stand.
    marker: Option<Marker>,
}

impl Service {
    /// Books what was really used for a hold, also above it and after its time,
    /// and frees the rest, in one transaction and once. It is priced by what
    /// priced the hold.
    ///
    /// # Errors
    /// [`Failure::NotFound`]; [`Failure::Unavailable`]: it is booked or not,
    /// and asking again settles which.
    pub async fn capture_hold(
        &self,
        tenant: &Name,
        id: &Name,
        actual: &Actual,
    ) -> Result<CaptureOutcome, Failure> {
        let _passage = self.enter(tenant).await?;
        let (attempt, pages) = (Attempt::new(), Vec::new());
        let mut course = Course {
            tenant,
            actual,
            attempt,
            pages,
            marker: None,
        };
        loop {
            let hold = self.read_hold(tenant, id).await?;
            if let Some(outcome) = self.try_capture(&mut course, hold).await? {
                return Ok(outcome);
            }
        }
    }

    /// One try on `hold` as it was read; `None` = something had changed.
    async fn try_capture(
        &self,
        course: &mut Course<'_>,
        hold: Hold,
    ) -> Result<Option<CaptureOutcome>, Failure> {
        let tenant = course.tenant;
        if !matches!(hold.closing, None | Some(Closing::Expired(_))) {
            return course.end(self, hold).await.map(Some);
        }
        let event = match course.actual.of(&hold) {
            Ok(event) => event,
            Err(mismatch) => return Ok(Some(CaptureOutcome::Mismatched(mismatch))),
        };
        let snapshot = self.snapshot(tenant).await?;
        // The marker stood before the hold was read open: another recorded it.
        if let Some(marker) = course.marker.take() {
            return self
                .capture_by_marker(course, &snapshot, hold, event, marker)
                .await;
        }
        let id = event.id.clone();
        let draft = match self.make_draft(&snapshot, &hold, event, course).await? {
            Ok(draft) => draft,
            Err(rejection) => return Ok(Some(CaptureOutcome::Rejected(id, rejection))),
        };
        let settled = self.plan_capture(course, &snapshot, &hold, &draft).await?;
        match self
            .commit_planned(&mut course.attempt, &snapshot, &settled.writes)
            .await?
        {
            Committed::Done => {
                self.note_page(tenant).await;
                return course.end(self, settled.hold).await.map(Some);
            }
            Committed::Refused(refused) => {
                let marker = refused.iter().find_map(standing_marker);
                let read = |attrs| Marker::from_attrs(attrs).ok_or(Failure::damaged("a marker"));
                course.marker = marker.map(read).transpose()?;
            }
            Committed::Again => {}
        }
        Ok(None)
    }

    /// One try on a hold whose event's id is recorded already: if as the very
    /// event, the hold ends with it.
    async fn capture_by_marker(
        &self,
        course: &mut Course<'_>,
        snapshot: &Snapshot,
        hold: Hold,
        event: Event,
        marker: Marker,
    ) -> Result<Option<CaptureOutcome>, Failure> {
        if !marker.matches(&event, course.actual.timestamp.is_some()) {
            return Ok(Some(CaptureOutcome::Rejected(event.id, Rejection::Reused)));
        }
        let (recorded, now) = ((event.id, marker), self.now());
        let settled = capture_recorded(&snapshot.rules, course.tenant, &hold, recorded, now)?;
        let committed = self.commit_planned(&mut course.attempt, snapshot, &settled.writes);
        if matches!(committed.await?, Committed::Done) {
            return course.end(self, settled.hold).await.map(Some);
        }
        Ok(None)
    }

    async fn plan_capture(
        &self,
        course: &mut Course<'_>,
        snapshot: &Snapshot,
        hold: &Hold,
        draft: &Draft,
    ) -> Result<Settled, Failure> {
        let (tenant, received) = (course.tenant, self.stamp(snapshot).await?);
        let page = ulid(received);
        let reads = capture_reads(&snapshot.rules, hold, draft, received);
        let standing = self.read_counters(tenant, &reads).await?;
        self.cache.note_readings(tenant, &standing);
        let (mode, page_id, standing) = (Mode::Observe, page.as_str(), &standing);
        let at = Circumstances {
            tenant,
            mode,
            received,
            page_id,
            seed: random(),
            standing,
        };
        let settled = capture(&snapshot.rules, hold, draft, at)?;
        let lanes = snapshot.rules.config().lanes();
        self.register_hour(tenant, received, lanes).await?;
        course.pages.push(page);
        Ok(settled)
    }

    /// The event with its price by what priced its hold, and under the names
    /// that are left of its hold's.
    async fn make_draft(
        &self,
        snapshot: &Snapshot,
        hold: &Hold,
        mut event: Event,
        course: &Course<'_>,
    ) -> Result<Result<Draft, Rejection>, Failure> {
        let Stored {
            event: held,
            cost,
            card,
            ..
        } = hold.estimate.clone();
        let like = Priced {
            cost,
            currency: hold.currency,
            card,
        };
        let tier = &held.dimensions.tier;
        let fingerprint = Fingerprint::of(&event);
        let catalog = self.find_cards(&snapshot.catalog, like.card.iter()).await?;
        let priced = match catalog.price_like(&like, tier, &event) {
            Ok((priced, lacks_tier)) => {
                if lacks_tier {
                    event.dimensions.tier = tier.clone();
                }
                priced
            }
            Err(error) => return Ok(Err(error.into())),
        };
        event.dimensions.path = held.dimensions.path;
        self.forget_erased(course.tenant, &mut event.dimensions, hold.created)
            .await?;
        let draft = Draft::new(event, priced, course.actual.timestamp.is_some());
        Ok(Ok(Draft {
            fingerprint,
            ..draft
        }))
    }

    /// Gives back what a hold holds. One that is expired or released already
    /// stays so; one that is captured is closed.
    ///
    /// # Errors
    /// As [`Service::capture_hold`].
    pub async fn release_hold(&self, tenant: &Name, id: &Name) -> Result<HoldMoved, Failure> {
        let mut attempt = Attempt::new();
        loop {
            let _passage = self.enter_again(&attempt, tenant).await?;
            let hold = self.read_hold(tenant, id).await?;
            let now = self.now();
            match hold.state(now) {
                HoldState::Captured => return Ok(HoldMoved::Closed(Box::new(hold))),
                HoldState::Released | HoldState::Expired => {
                    return Ok(HoldMoved::Done(Box::new(hold)));
                }
                HoldState::Open => {}
            }
            let snapshot = self.snapshot(tenant).await?;
            let released = release(&snapshot.rules, tenant, &hold, now)?;
            let committed = self.commit_planned(&mut attempt, &snapshot, &released.writes);
            if matches!(committed.await?, Committed::Done) {
                return Ok(HoldMoved::Done(Box::new(released.hold)));
            }
        }
    }

    /// Lets an open hold live `ttl_seconds` from now, never shorter than it
    /// would and at most 30 days in all.
    ///
    /// # Errors
    /// As [`Service::capture_hold`].
    pub async fn extend_hold(
        &self,
        tenant: &Name,
        id: &Name,
        ttl_seconds: u32,
    ) -> Result<HoldMoved, Failure> {
        let mut attempt = Attempt::new();
        loop {
            let hold = self.read_hold(tenant, id).await?;
            let now = self.now();
            if hold.state(now) != HoldState::Open {
                return Ok(HoldMoved::Closed(Box::new(hold)));
            }
            let snapshot = self.snapshot(tenant).await?;
            let Some(extended) = extend(tenant, &hold, ttl_seconds, now)? else {
                return Ok(HoldMoved::Done(Box::new(hold)));
            };
            self.note_holding(tenant, extended.hold.expires).await?;
            let committed = self.commit_planned(&mut attempt, &snapshot, &extended.writes);
            if matches!(committed.await?, Committed::Done) {
                return Ok(HoldMoved::Done(Box::new(extended.hold)));
            }
        }
    }
}

/// The event's marker, where it refused a write.
fn standing_marker(refused: &Refused) -> Option<&Attrs> {
    let standing = refused.guard.as_ref()?.as_ref();
    standing.filter(|_| matches!(refused.role, Role::Marker(_)))
}

impl Course<'_> {
    /// The outcome on a hold that has ended: the capture that was asked for,
    /// now or before, or something else.
    async fn end(&self, service: &Service, hold: Hold) -> Result<CaptureOutcome, Failure> {
        let closing = hold.closing.clone();
        let (
            Some(Closing::Captured {
                event: id,
                marker,
                late,
                ..
            }),
            Ok(mut event),
        ) = (closing, self.actual.of(&hold))
        else {
            return Ok(CaptureOutcome::Closed(Box::new(hold)));
        };
        if id != event.id || !marker.matches(&event, self.actual.timestamp.is_some()) {
            return Ok(CaptureOutcome::Closed(Box::new(hold)));
        }
        let replayed = !self.pages.iter().any(|page| marker.is_in_page(page));
        // Recorded on its own, it has its own time.
        event.timestamp = marker.answer.timestamp;
        let card = match &marker.answer.card {
            Some(by) => service.find_card(&by.id, Some(by.version)).await?,
            None => None,
        };
        let lacks = card.as_ref().is_some_and(|card| !card.has_tier_of(&event));
        let lacks_tier = lacks.then(|| event.dimensions.tier.clone());
        if lacks_tier.is_some() {
            event.dimensions.tier = hold.estimate.event.dimensions.tier.clone();
        }
        let unpriced = card.is_some_and(|card| card.lacks_a_price_of(&event));
        service
            .forget_erased(self.tenant, &mut event.dimensions, hold.created)
            .await?;
        let (hold, event, answer) = (Box::new(hold), Box::new(event), Box::new(marker.answer));
        Ok(CaptureOutcome::Captured {
            hold,
            event,
            answer,
            late,
            lacks_tier,
            unpriced,
            replayed,
        })
    }
}
