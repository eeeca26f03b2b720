//! Holds: taken before a call whose cost is unknown, and looked at.

use crate::engine::attempt::{Attempt, Committed};
use crate::engine::service::Service;
use crate::engine::snapshot::Snapshot;
use crate::engine::submission::{Rejection, Submission, timely};
use crate::record::record::refusing;
use crate::record::state::standing_of;
use crate::store::clock::{random, ulid};
use crate::store::failure::Failure;
use crate::store::store::Query;
use tollgate_core::{
    Asked, Circumstances, Draft, Event, HOUR_SECONDS, Hold, Instant, Key, Mode, Name, PlanError,
    PriceError, Ruling, Standing, Standpoint, Taking, affordable, table, take, with_tokens_out,
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
    /// The id is that of a recorded event.
    Recorded(Name),
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
    attempt: Attempt,
    /// Whether what was over was freed for it already.
    freed: bool,
    /// Whether what it is decided on is read as it stood at one instant.
    together: bool,
    /// When its commits of unknown outcome were made.
    lost: Vec<Instant>,
    ruling: Ruling,
}

/// What a decision on a hold rests on.
struct Sight {
    draft: Draft,
    standing: Standing,
    received: Instant,
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
        match self.take_hold_of_store(tenant, request.clone()).await {
            Err(Failure::Unavailable(why)) => self
                .degraded_hold(tenant, &request)?
                .ok_or(Failure::Unavailable(why)),
            outcome => outcome,
        }
    }

    async fn take_hold_of_store(
        &self,
        tenant: &Name,
        request: HoldRequest,
    ) -> Result<HoldOutcome, Failure> {
        let _passage = self.enter(tenant).await?;
        let Submission {
            event,
            timestamp_given,
        } = &request.estimate;
        let (ttl, max_affordable) = (request.ttl_seconds, request.max_affordable);
        let mut course = Course {
            tenant,
            asked: Asked::new(event, *timestamp_given, ttl, max_affordable),
            request,
            attempt: Attempt::new(),
            freed: false,
            together: false,
            lost: Vec::new(),
            ruling: Ruling::default(),
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
        let asked = std::iter::once(&course.request.estimate.event);
        let ages = (self.now(), course.request.age_seconds_max);
        let snapshot = self.reach(self.snapshot(tenant).await?, asked, ages);
        let snapshot = snapshot.await?;
        let sight = match self.look(course, &snapshot).await? {
            Ok(sight) => sight,
            Err(outcome) => return Ok(Some(outcome)),
        };
        let page = ulid(sight.received);
        let (mode, received, standing) = (Mode::Enforce, sight.received, &sight.standing);
        let at = Circumstances {
            tenant,
            mode,
            received,
            page_id: &page,
            seed: random(),
            standing,
        };
        let taking = match plan_hold(course, &snapshot, &sight.draft, at) {
            Err(PlanError::Overflow(_)) => {
                return Ok(Some(HoldOutcome::Rejected(PriceError::Range.into())));
            }
            taking => taking?,
        };
        if self.reads_again(course, &snapshot, &sight, &taking).await? {
            return Ok(None);
        }
        let Taking { ruling, taken } = taking;
        let Some(taken) = taken else {
            return Ok(Some(HoldOutcome::Denied(Box::new(ruling))));
        };
        if snapshot.rules.config().currency.is_none() {
            // The first hold or event of a tenant fixes its currency.
            self.register(tenant, snapshot, sight.draft.priced.currency)
                .await?;
            return Ok(None);
        }
        // Whoever frees what is over by a clock asks what was received last.
        self.note_receipt(received.floor_to(HOUR_SECONDS)).await?;
        self.note_holding(tenant, taken.hold.expires).await?;
        course.ruling = ruling;
        let lost = course.attempt.lost;
        match self
            .commit_planned(&mut course.attempt, &snapshot, &taken.writes)
            .await?
        {
            Committed::Done => {
                let ruling = std::mem::take(&mut course.ruling);
                Ok(Some(HoldOutcome::Taken(
                    Box::new(taken.hold),
                    Box::new(ruling),
                )))
            }
            Committed::Refused(_) | Committed::Again => {
                course
                    .lost
                    .extend((course.attempt.lost > lost).then_some(received));
                Ok(None)
            }
        }
    }

    /// Whether the decision may not stand yet: before a refusal, or a cut, what
    /// is over is freed; and a refusal for want of credit rests on sources that
    /// all stood so at one instant.
    async fn reads_again(
        &self,
        course: &mut Course<'_>,
        snapshot: &Snapshot,
        sight: &Sight,
        taking: &Taking,
    ) -> Result<bool, Failure> {
        let wanted = &sight.draft.event.quantities;
        let taken = taking.taken.as_ref();
        let is_cut = taken.is_some_and(|taken| taken.hold.estimate.event.quantities != *wanted);
        if (taken.is_none() || is_cut) && !course.freed {
            course.freed = true;
            let mut refusing = refusing(std::iter::once(&taking.ruling));
            if is_cut {
                refusing.credit = true;
                refusing
                    .counters
                    .extend(taking.ruling.limits.iter().map(Standpoint::counter));
            }
            let held = taking.ruling.is_held() || is_cut && sight.standing.holds_any();
            if held && self.free_due(course.tenant, snapshot, &refusing).await? {
                return Ok(true);
            }
        }
        let lacks = taken.is_none() && taking.ruling.lacks_credit();
        let apart = sight.standing.sources() > 1 && !course.together;
        course.together |= lacks;
        Ok(lacks && apart)
    }

    /// Reads the counters, then the hold and the marker of an event of its id:
    /// what is to be decided, on what, and when; or the outcome, if the id is
    /// taken or the estimate no good. A hold that is absent then was absent, and
    /// not on its way, when the counters were read.
    async fn look(
        &self,
        course: &mut Course<'_>,
        snapshot: &Snapshot,
    ) -> Result<Result<Sight, HoldOutcome>, Failure> {
        let received = self.stamp(snapshot).await?;
        let Submission {
            event,
            timestamp_given,
        } = &course.request.estimate;
        let timely = timely(event.timestamp, received, course.request.age_seconds_max);
        let draft = timely.and_then(|()| snapshot.draft(event, *timestamp_given, Mode::Enforce));
        let drafts = draft.as_ref().map(std::slice::from_ref).unwrap_or_default();
        let counters = snapshot.rules.counters(drafts, Mode::Enforce, received);
        let own = [
            table::hold(course.tenant, &event.id),
            table::marker(course.tenant, &event.id),
        ];
        let (standing, found) = if course.together {
            let keys = counters
                .iter()
                .map(|key| table::counter(course.tenant, key));
            let keys: Vec<Key> = own.into_iter().chain(keys).collect();
            let mut found = self.read_at_once(&mut course.attempt, &keys).await?;
            let readings = found.split_off(2);
            (standing_of(counters, readings), found)
        } else {
            let standing = self.read_counters(course.tenant, &counters).await?;
            (
                standing,
                self.read_at_once(&mut course.attempt, &own).await?,
            )
        };
        let mut found = found.into_iter();
        // A duplicate wins over any other refusal.
        if let Some(attrs) = found.next().flatten() {
            let hold = Hold::from_attrs(&attrs).ok_or(Failure::damaged("a hold"))?;
            return Ok(Err(course.repeated(hold)));
        }
        // It was used already.
        if found.next().flatten().is_some() {
            return Ok(Err(HoldOutcome::Recorded(event.id.clone())));
        }
        self.cache.note_readings(course.tenant, &standing);
        let sight = |draft| Sight {
            draft,
            standing,
            received,
        };
        Ok(draft.map(sight).map_err(HoldOutcome::Rejected))
    }

    /// A hold as it stands, whatever its state.
    ///
    /// # Errors
    /// [`Failure::NotFound`], [`Failure::Unavailable`].
    pub async fn read_hold(&self, tenant: &Name, id: &Name) -> Result<Hold, Failure> {
        let attrs = self
            .read_item(table::hold(tenant, id))
            .await?
            .ok_or(Failure::NotFound("hold"))?;
        Hold::from_attrs(&attrs).ok_or(Failure::damaged("a hold"))
    }

    /// The tenant's open holds by expiry, then id, after the position `after`;
    /// the position behind them, if there are more. What is over by now is not
    /// open.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn list_open_holds(
        &self,
        tenant: &Name,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Hold>, Option<String>), Failure> {
        let from = after
            .map(|after| format!("{after}\0"))
            .unwrap_or_default()
            .max(table::due_by(self.now()));
        let mut query = Query::of(table::open_holds(tenant)).from(from);
        query.limit = limit;
        let slice = self.store.query(&query).await?;
        let next = slice
            .items
            .last()
            .filter(|_| slice.more)
            .map(|(entry, _)| entry.clone());
        let entries = slice.items.into_iter().map(|(entry, _)| entry).collect();
        let mut holds = self.list_holds(tenant, entries).await?;
        holds.retain(|hold| hold.closing.is_none());
        Ok((holds, next))
    }

    /// The holds of these entries.
    async fn list_holds(&self, tenant: &Name, entries: Vec<String>) -> Result<Vec<Hold>, Failure> {
        let ids = entries
            .iter()
            .filter_map(|entry| table::open_hold_id(entry));
        let keys: Vec<_> = ids.map(|id| table::hold(tenant, &id)).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let items = self.store.read(&keys).await?.into_iter().flatten();
        items
            .map(|attrs| Hold::from_attrs(&attrs).ok_or(Failure::damaged("a hold")))
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
fn plan_hold(
    course: &Course<'_>,
    snapshot: &Snapshot,
    draft: &Draft,
    at: Circumstances<'_>,
) -> Result<Taking, PlanError> {
    let rules = &snapshot.rules;
    if !course.request.max_affordable {
        return take(rules, draft, course.asked, None, at);
    }
    let config = rules.config();
    let (cards, own) = (&config.rate_cards, config.currency);
    let price = |event: &Event| snapshot.catalog.price(cards, own, event);
    let most = affordable(rules, at.standing, at.received, draft, price)?;
    let wanted = draft.event.quantities.tokens_out;
    let tokens_out = match most {
        // Not even one: what one would cost is refused.
        Some(0) => wanted.max(1),
        Some(most) => wanted.min(most),
        None => wanted,
    };
    let event = with_tokens_out(&draft.event, tokens_out);
    let given = draft.timestamp_given;
    let cut =
        price(&event).map_or_else(|_| draft.clone(), |priced| Draft::new(event, priced, given));
    take(rules, &cut, course.asked, most, at)
}
