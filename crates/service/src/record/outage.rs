//! What is answered while the store is out of reach: checks and holds, from
//! what was last read, and only where every limit that applies is open then.

use crate::engine::service::Service;
use crate::engine::submission::{Rejection, timely};
use crate::holds::holds::{HoldOutcome, HoldRequest};
use crate::store::failure::Failure;
use tollgate_core::{
    Asked, Circumstances, Decision, Draft, Event, Mode, Name, Ruling, Standing, take,
};

/// An event that may pass, with its price and the ruling on it, or why not.
type Passed = Result<(Draft, Ruling), Rejection>;

impl Service {
    /// The event with its price, and the ruling on it by the configuration that
    /// was last read, as if nothing had been used: refused where it would be in
    /// any case. `None` = a limit that applies, or credit, is closed, or nothing
    /// was ever read.
    pub(crate) fn in_outage(
        &self,
        tenant: &Name,
        event: Event,
        age_seconds_max: i64,
    ) -> Result<Option<Passed>, Failure> {
        let Some(snapshot) = self.last_read(tenant) else {
            return Ok(None);
        };
        let now = self.now();
        let priced =
            timely(event.timestamp, now, age_seconds_max).and_then(|()| snapshot.accept(&event));
        let draft = match priced {
            Ok(priced) => Draft::new(event, priced, true),
            Err(rejection) => return Ok(Some(Err(rejection))),
        };
        let decided = snapshot.pack.decide(
            &Standing::new(),
            Mode::Enforce,
            now,
            std::slice::from_ref(&draft),
        )?;
        let mut ruling = decided.rulings.into_iter().next().unwrap_or_default();
        let needs_credit = snapshot.pack.config().is_prepaid() && draft.priced.cost.units() > 0;
        let closed = needs_credit || !snapshot.pack.is_open_in_outage(&draft, now);
        if closed && ruling.decision != Decision::Deny {
            return Ok(None);
        }
        // Where they stand is not known.
        ruling.limits.clear();
        Ok(Some(Ok((draft, ruling))))
    }

    /// What a request to hold is answered without the store.
    pub(crate) fn degraded_hold(
        &self,
        tenant: &Name,
        request: &HoldRequest,
    ) -> Result<Option<HoldOutcome>, Failure> {
        let event = request.estimate.event.clone();
        let (draft, ruling) = match self.in_outage(tenant, event, request.age_seconds_max)? {
            None => return Ok(None),
            Some(Err(rejection)) => return Ok(Some(HoldOutcome::Rejected(rejection))),
            Some(Ok(passed)) => passed,
        };
        let Some(snapshot) = self
            .last_read(tenant)
            .filter(|_| ruling.decision != Decision::Deny)
        else {
            return Ok(Some(HoldOutcome::Denied(Box::new(ruling))));
        };
        let asked = Asked::new(
            &draft.event,
            request.estimate.timestamp_given,
            request.ttl_seconds,
            request.max_affordable,
        );
        let nothing = Standing::new();
        let at = Circumstances {
            tenant,
            mode: Mode::Enforce,
            received: self.now(),
            page_id: "",
            standing: Some(&nothing),
        };
        let taking = take(&snapshot.pack, &draft, asked, None, at)?;
        Ok(taking
            .taken
            .map(|taken| HoldOutcome::Degraded(Box::new(taken.hold))))
    }
}
