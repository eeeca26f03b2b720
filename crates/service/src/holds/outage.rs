//! Holds while the store is out of reach.

use crate::engine::service::Service;
use crate::holds::holds::{HoldOutcome, HoldRequest};
use crate::store::failure::Failure;
use tollgate_core::{Asked, Circumstances, Decision, Mode, Name, Standing, take};

impl Service {
    /// What a request to hold is answered without the store; `None` = nothing
    /// that may pass.
    pub(crate) fn degraded_hold(
        &self,
        tenant: &Name,
        request: &HoldRequest,
    ) -> Result<Option<HoldOutcome>, Failure> {
        let (event, age) = (&request.estimate.event, request.age_seconds_max);
        let (draft, ruling) = match self.decide_in_outage(tenant, event, age)? {
            None => return Ok(None),
            Some(Err(rejection)) => return Ok(Some(HoldOutcome::Rejected(rejection))),
            Some(Ok(passed)) => passed,
        };
        let passes = ruling.decision != Decision::Deny;
        let Some(snapshot) = self.last_read(tenant).filter(|_| passes) else {
            return Ok(Some(HoldOutcome::Denied(Box::new(ruling))));
        };
        let given = request.estimate.timestamp_given;
        let (ttl, max_affordable) = (request.ttl_seconds, request.max_affordable);
        let asked = Asked::new(&draft.event, given, ttl, max_affordable);
        let (mode, received, standing) = (Mode::Enforce, self.now(), &Standing::new());
        let at = Circumstances {
            tenant,
            mode,
            received,
            page_id: "",
            seed: [0; 32],
            standing,
        };
        let taking = take(&snapshot.rules, &draft, asked, None, at)?;
        Ok(taking
            .taken
            .map(|taken| HoldOutcome::Degraded(Box::new(taken.hold))))
    }
}
