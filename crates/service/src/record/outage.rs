//! What is answered while the store is out of reach: from what was last read,
//! and only where every limit that applies is open then.

use crate::engine::service::Service;
use crate::engine::submission::{Rejection, timely};
use crate::store::failure::Failure;
use tollgate_core::{Decision, Draft, Event, Mode, Name, Ruling, Standing, decide};

/// An event that may pass, with its price and the ruling on it, or why not.
type Passed = Result<(Draft, Ruling), Rejection>;

impl Service {
    /// The event with its price, and the ruling on it by the configuration that
    /// was last read, as if nothing had been used: refused where it would be in
    /// any case. `None` = a limit that applies, or credit, is closed, or nothing
    /// was ever read.
    pub(crate) fn decide_in_outage(
        &self,
        tenant: &Name,
        event: &Event,
        age_seconds_max: i64,
    ) -> Result<Option<Passed>, Failure> {
        let Some(snapshot) = self.last_read(tenant) else {
            return Ok(None);
        };
        let (now, rules) = (self.now(), &snapshot.rules);
        let timely = timely(event.timestamp, now, age_seconds_max);
        let draft = match timely.and_then(|()| snapshot.draft(event, true, Mode::Enforce)) {
            Ok(draft) => draft,
            Err(rejection) => return Ok(Some(Err(rejection))),
        };
        let drafts = std::slice::from_ref(&draft);
        let decided = decide(rules, &Standing::new(), Mode::Enforce, now, drafts)?;
        let mut ruling = decided
            .verdicts
            .into_iter()
            .next()
            .map(|verdict| verdict.ruling)
            .unwrap_or_default();
        let needs_credit = rules.config().is_prepaid() && draft.priced.cost.units() > 0;
        let closed = needs_credit || !rules.is_open_in_outage(&draft, now);
        if closed && ruling.decision != Decision::Deny {
            return Ok(None);
        }
        // Where they stand is not known.
        ruling.limits.clear();
        Ok(Some(Ok((draft, ruling))))
    }
}
