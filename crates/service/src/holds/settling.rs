//! How holds move on: captured, released, extended.

use crate::engine::service::Service;
use crate::engine::submission::Rejection;
use crate::engine::tries::Tries;
use crate::store::clock::ulid;
use crate::store::failure::Failure;
use crate::store::store::{Commit, Reason, StoreError};
use tollgate_core::{
    Actual, Answer, Circumstances, Closing, Draft, Event, Hold, HoldState, Mismatch, Mode, Name,
    Standing, capture, capture_reads, extend, release, table,
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
    tries: Tries,
    /// The pages that it tried to write.
    pages: Vec<String>,
    /// Whether the event's marker was seen to stand.
    marked: bool,
}

impl Service {
    /// Books what was really used for a hold, also above it, and frees the
    /// rest, in one transaction and once. A hold whose time is over is closed.
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
        let _passage = self.gate.read().await;
        let mut course = Course {
            tenant,
            actual,
            tries: Tries::new(),
            pages: Vec::new(),
            marked: false,
        };
        loop {
            let hold = self.hold(tenant, id).await?;
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
        let received = self.now();
        if hold.closing.is_some() {
            return Ok(Some(course.ended(hold)));
        }
        if hold.is_due(received) {
            return self
                .expire_hold(tenant, hold)
                .await
                .map(|hold| Some(course.ended(hold)));
        }
        let event = match course.actual.of(&hold) {
            Ok(event) => event,
            Err(mismatch) => return Ok(Some(CaptureOutcome::Mismatched(mismatch))),
        };
        // The marker stood before the hold was read open: it is another's.
        if course.marked {
            return Ok(Some(CaptureOutcome::Rejected(event.id, Rejection::Reused)));
        }
        let snapshot = self.snapshot(tenant).await?;
        let priced = match snapshot.price(&event) {
            Ok(priced) => priced,
            Err(rejection) => return Ok(Some(CaptureOutcome::Rejected(event.id, rejection))),
        };
        let page = ulid(received);
        let draft = Draft::new(event, priced, course.actual.timestamp.is_some());
        let keys = capture_reads(&snapshot.pack, &hold, &draft, received);
        let standing = if keys.is_empty() {
            Standing::new()
        } else {
            self.standing(tenant, &snapshot, keys).await?
        };
        let at = Circumstances {
            tenant,
            mode: Mode::Observe,
            received,
            page_id: &page,
            standing: Some(&standing),
        };
        let settled = capture(&snapshot.pack, &hold, &draft, at)?;
        if self.is_outdated(&snapshot) {
            course.tries.again("slow readings").await?;
            return Ok(None);
        }
        course.pages.push(page);
        match self.store.commit(&settled.writes).await {
            Ok(Commit::Done { write_units }) => {
                tracing::debug!(write_units, "captured");
                return Ok(Some(course.ended(settled.hold)));
            }
            Ok(Commit::Refused(refusals)) => {
                let marker = table::marker(tenant, &draft.event.id);
                course.marked = refusals.iter().any(|refusal| {
                    let of_marker = settled
                        .writes
                        .get(refusal.index)
                        .is_some_and(|write| write.key == marker);
                    of_marker && matches!(refusal.reason, Reason::Guard(_))
                });
                self.learn_limits(tenant, &snapshot, &refusals);
                course.tries.again("too many conflicts").await?;
            }
            Err(StoreError::Unavailable(why)) => course.tries.lost(&why).await?,
            Err(error) => return Err(error.into()),
        }
        Ok(None)
    }

    /// Gives back what a hold holds. One that is expired or released already
    /// stays so; one that is captured is closed.
    ///
    /// # Errors
    /// As [`Service::capture_hold`].
    pub async fn release_hold(&self, tenant: &Name, id: &Name) -> Result<HoldMoved, Failure> {
        let mut tries = Tries::new();
        loop {
            let hold = self.hold(tenant, id).await?;
            let now = self.now();
            match hold.state(now) {
                HoldState::Captured => return Ok(HoldMoved::Closed(Box::new(hold))),
                HoldState::Released => return Ok(HoldMoved::Done(Box::new(hold))),
                HoldState::Expired => {
                    return Ok(HoldMoved::Done(Box::new(
                        self.expire_hold(tenant, hold).await?,
                    )));
                }
                HoldState::Open => {}
            }
            let snapshot = self.snapshot(tenant).await?;
            let released = release(&snapshot.pack, tenant, &hold, now)?;
            if self.settle(&released.writes).await? {
                return Ok(HoldMoved::Done(Box::new(released.hold)));
            }
            tries.again("the hold moved").await?;
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
        let mut tries = Tries::new();
        loop {
            let hold = self.hold(tenant, id).await?;
            let now = self.now();
            if hold.is_due(now) {
                let hold = self.expire_hold(tenant, hold).await?;
                return Ok(HoldMoved::Closed(Box::new(hold)));
            }
            if hold.closing.is_some() {
                return Ok(HoldMoved::Closed(Box::new(hold)));
            }
            let Some(extended) = extend(tenant, &hold, ttl_seconds, now)? else {
                return Ok(HoldMoved::Done(Box::new(hold)));
            };
            if self.settle(&extended.writes).await? {
                return Ok(HoldMoved::Done(Box::new(extended.hold)));
            }
            tries.again("the hold moved").await?;
        }
    }
}

impl Course<'_> {
    /// The outcome on a hold that has ended: the capture that was asked for,
    /// now or before, or something else.
    fn ended(&self, hold: Hold) -> CaptureOutcome {
        let (
            Some(Closing::Captured {
                event: id, marker, ..
            }),
            Ok(event),
        ) = (&hold.closing, self.actual.of(&hold))
        else {
            return CaptureOutcome::Closed(Box::new(hold));
        };
        if *id != event.id || !marker.matches(&event, self.actual.timestamp.is_some()) {
            return CaptureOutcome::Closed(Box::new(hold));
        }
        let replayed = !self.pages.iter().any(|page| marker.is_in_page(page));
        let answer = Box::new(marker.answer.clone());
        CaptureOutcome::Captured {
            hold: Box::new(hold),
            event: Box::new(event),
            answer,
            replayed,
        }
    }
}
