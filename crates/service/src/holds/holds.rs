//! Holds: taken before a call whose cost is unknown, and looked at.

use crate::engine::service::{Service, Snapshot};
use crate::engine::submission::{Rejection, Submission, timely};
use crate::engine::tries::Tries;
use crate::settings::credits::credit_of;
use crate::store::clock::ulid;
use crate::store::failure::Failure;
use crate::store::store::{Commit, Query, Reason, Refusal, StoreError};
use tollgate_core::{
    Asked, Circumstances, Decision, Draft, Hold, Instant, Mode, Name, PlanError, PriceError,
    Ruling, Standing, Taking, affordable, table, take,
};

/// What is to be held. The event's id is the hold's.
#[derive(Clone, Debug)]
pub struct HoldRequest {
    /// What is expected to be used.
    pub estimate: Submission,
    /// For how long, in seconds.
    pub ttl_seconds: u32,
    /// Whether it may be cut to the output tokens that the money left pays for.
    pub max_affordable: bool,
    /// The oldest estimate accepted, in seconds before now.
    pub age_seconds_max: i64,
}

/// What became of a request to hold.
#[derive(Clone, Debug)]
pub enum HoldOutcome {
    /// Taken now; the ruling has each limit as the request found it.
    Taken(Box<Hold>, Box<Ruling>),
    /// Taken before by the same request.
    Replayed(Box<Hold>),
    /// The id belongs to another hold.
    Reused,
    /// Let pass while the store is out of reach; nothing is held.
    Degraded(Box<Hold>),
    /// Refused by a limit; nothing is held.
    Denied(Box<Ruling>),
    /// Refused for what it is; nothing is held.
    Rejected(Rejection),
}

/// One request on its way.
struct Course<'a> {
    tenant: &'a Name,
    request: HoldRequest,
    asked: Asked,
    tries: Tries,
    /// Whether what was over was freed for it already.
    freed: bool,
    /// What credit stood at when it was found not to suffice.
    short: Option<Standing>,
    /// When its commits of unknown outcome were made.
    lost: Vec<Instant>,
    ruling: Ruling,
}

impl Service {
    /// Holds an estimate: priced, tested against every limit and counted in one
    /// transaction, once by its id. While the store is out of reach, limits that
    /// are open then let it pass, and nothing is held.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store does not take it in the tries
    /// allowed and any limit that applies is closed then: it is held or not, and
    /// asking again settles which.
    pub async fn take_hold(
        &self,
        tenant: &Name,
        request: HoldRequest,
    ) -> Result<HoldOutcome, Failure> {
        match self.taken_hold(tenant, request.clone()).await {
            Err(Failure::Unavailable(why)) => self
                .degraded_hold(tenant, &request)?
                .ok_or(Failure::Unavailable(why)),
            outcome => outcome,
        }
    }

    async fn taken_hold(
        &self,
        tenant: &Name,
        request: HoldRequest,
    ) -> Result<HoldOutcome, Failure> {
        let _passage = self.gate.read().await;
        let Submission {
            event,
            timestamp_given,
        } = &request.estimate;
        let asked = Asked::new(
            event,
            *timestamp_given,
            request.ttl_seconds,
            request.max_affordable,
        );
        let (tries, lost, ruling) = (Tries::new(), Vec::new(), Ruling::default());
        let mut course = Course {
            tenant,
            request,
            asked,
            tries,
            freed: false,
            short: None,
            lost,
            ruling,
        };
        loop {
            if let Some(outcome) = self.try_hold(&mut course).await? {
                return Ok(outcome);
            }
        }
    }

    /// One try: load, plan, commit; `None` = something had changed.
    async fn try_hold(&self, course: &mut Course<'_>) -> Result<Option<HoldOutcome>, Failure> {
        let tenant = course.tenant;
        let snapshot = self.snapshot(tenant).await?;
        let (draft, standing, received) = match self.look(course, &snapshot).await? {
            Ok(found) => found,
            Err(outcome) => return Ok(Some(outcome)),
        };
        if snapshot.pack.config().currency.is_none() {
            // The first hold or event of a tenant fixes its currency.
            self.registered(tenant, snapshot, &[(0, draft)]).await?;
            return Ok(None);
        }
        let page = ulid(received);
        let at = Circumstances {
            tenant,
            mode: Mode::Enforce,
            received,
            page_id: &page,
            standing: Some(&standing),
        };
        let taking = match planned(course, &snapshot, &draft, at) {
            Err(PlanError::Overflow(_)) => {
                return Ok(Some(HoldOutcome::Rejected(PriceError::Range.into())));
            }
            taking => taking?,
        };
        let is_cut = taking
            .taken
            .as_ref()
            .is_some_and(|taken| taken.hold.estimate.event.quantities != draft.event.quantities);
        if (taking.taken.is_none() || is_cut) && !course.freed {
            course.freed = true;
            let of_credit = is_cut
                && credit_of(&standing)
                    .values()
                    .flat_map(|counts| counts.values())
                    .any(|count| count.held > 0);
            if (of_credit || is_held(&taking.ruling)) && self.free_due(tenant).await? {
                return Ok(None);
            }
        }
        let Taking { ruling, taken } = taking;
        let Some(taken) = taken else {
            // The sources of credit are several items: two readings that agree
            // show that it all stood so at once.
            let credit = Some(credit_of(&standing)).filter(|_| ruling.lacks_credit());
            if course.short != credit {
                course.short = credit;
                return Ok(None);
            }
            return Ok(Some(HoldOutcome::Denied(Box::new(ruling))));
        };
        if self.is_outdated(&snapshot) {
            course.tries.again("slow readings").await?;
            return Ok(None);
        }
        course.ruling = ruling;
        match self.store.commit(&taken.writes).await {
            Ok(Commit::Done { write_units }) => {
                tracing::debug!(write_units, "held");
                return Ok(Some(HoldOutcome::Taken(
                    Box::new(taken.hold),
                    Box::new(std::mem::take(&mut course.ruling)),
                )));
            }
            Ok(Commit::Refused(refusals)) => {
                self.learn_limits(tenant, &snapshot, &refusals);
                course.tries.again("too many conflicts").await?;
            }
            Err(StoreError::Unavailable(why)) => {
                course.lost.push(received);
                course.tries.lost(&why).await?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(None)
    }

    /// Reads the hold and the counters: what is to be decided, on what, and
    /// when; or the outcome, if the id is taken or the estimate no good.
    async fn look(
        &self,
        course: &Course<'_>,
        snapshot: &Snapshot,
    ) -> Result<Result<(Draft, Standing, Instant), HoldOutcome>, Failure> {
        let received = self.now();
        let Submission {
            event,
            timestamp_given,
        } = &course.request.estimate;
        let timely = timely(event.timestamp, received, course.request.age_seconds_max);
        let priced = timely.and_then(|()| snapshot.accept(event));
        let draft = priced.map(|priced| Draft::new(event.clone(), priced, *timestamp_given));
        let drafts = draft.as_ref().map(std::slice::from_ref).unwrap_or_default();
        let counters = snapshot.pack.counters(drafts, Mode::Enforce, received);
        let mut keys = vec![table::hold(course.tenant, &event.id)];
        keys.extend(
            counters
                .iter()
                .map(|key| table::counter(course.tenant, key)),
        );
        let mut items = self.store.read(&keys).await?.into_iter();
        // A duplicate wins over any other refusal.
        if let Some(attrs) = items.next().flatten() {
            let hold = Hold::from_attrs(&attrs).ok_or_else(damaged)?;
            return Ok(Err(course.repeated(hold)));
        }
        let counts = items.map(|attrs| snapshot.pack.counts(&attrs.unwrap_or_default()));
        let standing = counters.into_iter().zip(counts).collect();
        self.note_standing(course.tenant, snapshot, &standing);
        Ok(draft
            .map(|draft| (draft, standing, received))
            .map_err(HoldOutcome::Rejected))
    }

    /// Forgets the tenant's configuration where a counter was written under a
    /// later one.
    pub(crate) fn learn_limits(&self, tenant: &Name, snapshot: &Snapshot, refusals: &[Refusal]) {
        let version = i128::from(snapshot.pack.config().version);
        let newer = |refusal: &Refusal| match &refusal.reason {
            Reason::Guard(Some(attrs)) => attrs
                .get(table::LIMITS_VERSION)
                .and_then(|v| v.as_number())
                .is_some_and(|v| v > version),
            _ => false,
        };
        if refusals.iter().any(newer) {
            self.forget(tenant);
        }
    }

    /// A hold as it stands, whatever its state.
    ///
    /// # Errors
    /// [`Failure::NotFound`], [`Failure::Unavailable`].
    pub async fn hold(&self, tenant: &Name, id: &Name) -> Result<Hold, Failure> {
        let attrs = self
            .item(table::hold(tenant, id))
            .await?
            .ok_or(Failure::NotFound("hold"))?;
        Hold::from_attrs(&attrs).ok_or_else(damaged)
    }

    /// The tenant's open holds by expiry, then id, after the position `after`;
    /// the position behind them, if there are more. What is over by now is not
    /// open.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn open_holds(
        &self,
        tenant: &Name,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Hold>, Option<String>), Failure> {
        let from = after
            .map(|after| format!("{after}\0"))
            .unwrap_or_default()
            .max(table::holds_after(self.now()));
        let mut query = Query::of(table::open_holds(tenant)).from(from);
        query.limit = limit;
        let slice = self.store.query(&query).await?;
        let next = slice
            .items
            .last()
            .filter(|_| slice.more)
            .map(|(entry, _)| entry.clone());
        let entries = slice.items.into_iter().map(|(entry, _)| entry).collect();
        let mut holds = self.listed(tenant, entries).await?;
        holds.retain(|hold| hold.closing.is_none());
        Ok((holds, next))
    }

    /// The holds of these entries.
    pub(crate) async fn listed(
        &self,
        tenant: &Name,
        entries: Vec<String>,
    ) -> Result<Vec<Hold>, Failure> {
        let ids = entries
            .iter()
            .filter_map(|entry| table::open_hold_id(entry));
        let keys: Vec<_> = ids.map(|id| table::hold(tenant, &id)).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let items = self.store.read(&keys).await?.into_iter().flatten();
        items
            .map(|attrs| Hold::from_attrs(&attrs).ok_or_else(damaged))
            .collect()
    }
}

impl Course<'_> {
    /// What a request is answered whose hold stands: its own, if the answer to
    /// one of its commits was lost.
    fn repeated(&self, hold: Hold) -> HoldOutcome {
        if !hold.answers(&self.asked, self.request.estimate.event.timestamp) {
            return HoldOutcome::Reused;
        }
        if self.lost.contains(&hold.created) {
            return HoldOutcome::Taken(Box::new(hold), Box::new(self.ruling.clone()));
        }
        HoldOutcome::Replayed(Box::new(hold))
    }
}

/// The plan for what was asked, cut to what is affordable where that was asked.
fn planned(
    course: &Course<'_>,
    snapshot: &Snapshot,
    draft: &Draft,
    at: Circumstances<'_>,
) -> Result<Taking, PlanError> {
    let pack = &snapshot.pack;
    let Some(standing) = at.standing.filter(|_| course.request.max_affordable) else {
        return take(pack, draft, course.asked, None, at);
    };
    let catalog = &snapshot.catalog;
    let price = |event: &tollgate_core::Event| catalog.price_for(pack.config(), event);
    let most = affordable(pack, standing, at.received, draft, price)?;
    let wanted = draft.event.quantities.tokens_out;
    let mut event = draft.event.clone();
    event.quantities.tokens_out = match most {
        // Not even one: what one would cost is refused.
        Some(0) => wanted.max(1),
        Some(most) => wanted.min(most),
        None => wanted,
    };
    let timestamp_given = draft.timestamp_given;
    let cut = price(&event).map_or_else(
        |_| draft.clone(),
        |priced| Draft::new(event, priced, timestamp_given),
    );
    take(pack, &cut, course.asked, most, at)
}

/// Whether anything is held, or may be, of what refuses or bounds.
fn is_held(ruling: &Ruling) -> bool {
    if ruling.lacks_credit() {
        return true;
    }
    let refusing = if ruling.decision == Decision::Deny {
        &ruling.violations
    } else {
        &ruling.limits
    };
    refusing.iter().any(|at| at.count.held > 0)
}

fn damaged() -> Failure {
    Failure::Broken("a stored hold cannot be read".to_owned())
}
