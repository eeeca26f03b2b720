//! Checking an event without recording it.

use crate::engine::service::Service;
use crate::engine::submission::{Options, Rejection, Submission, timely};
use crate::store::failure::Failure;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_core::{Answer, Draft, Event, Marker, Mode, Name, Priced, Ruling, decide, table};

/// What an event would cost and how it would be decided now.
#[derive(Clone, Debug)]
pub struct Estimate {
    /// Its price.
    pub priced: Priced,
    /// The decision, against what the counters stand at.
    pub ruling: Ruling,
    /// Whether the store was out of reach: then no counter was read.
    pub degraded: bool,
}

impl Service {
    /// Whether each submission would be accepted for its content, time and
    /// price, limits apart: its price, or why not. An event recorded before is
    /// accepted for what it was then.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn judge(
        &self,
        tenant: &Name,
        submissions: &[Submission],
        options: Options,
    ) -> Result<Vec<Result<Priced, Rejection>>, Failure> {
        let now = self.now();
        let events = submissions.iter().map(|of| &of.event);
        let snapshot = self.snapshot(tenant).await?;
        let ages = (now, options.age_seconds_max);
        let snapshot = self.reach(snapshot, events, ages).await?;
        let ids: BTreeSet<&Name> = submissions
            .iter()
            .map(|submission| &submission.event.id)
            .collect();
        let keys: Vec<_> = ids.iter().map(|id| table::marker(tenant, id)).collect();
        let markers = self
            .store
            .read(&keys)
            .await?
            .into_iter()
            .map(|attrs| attrs.as_ref().and_then(Marker::from_attrs));
        let markers: BTreeMap<&Name, Option<Marker>> = ids.into_iter().zip(markers).collect();
        let judge = |submission: &Submission| match markers.get(&submission.event.id) {
            Some(Some(marker)) if marker.matches(&submission.event, submission.timestamp_given) => {
                let Answer {
                    cost,
                    currency,
                    card,
                    ..
                } = marker.answer.clone();
                Ok(Priced {
                    cost,
                    currency,
                    card,
                })
            }
            Some(Some(_)) => Err(Rejection::Reused),
            _ => timely(submission.event.timestamp, now, options.age_seconds_max)
                .and_then(|()| snapshot.accept(&submission.event, options.mode)),
        };
        Ok(submissions.iter().map(judge).collect())
    }

    /// Prices and decides `event` as [`Service::record`] would, reading only.
    /// While the store is out of reach, limits that are open then let it pass.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach and any limit
    /// that applies is closed then.
    pub async fn check(
        &self,
        tenant: &Name,
        event: Event,
        age_seconds_max: i64,
    ) -> Result<Result<Estimate, Rejection>, Failure> {
        match self.check_by_store(tenant, &event, age_seconds_max).await {
            Err(Failure::Unavailable(why)) => {
                let passed = self.decide_in_outage(tenant, &event, age_seconds_max)?;
                let estimate = |(draft, ruling): (Draft, Ruling)| Estimate {
                    priced: draft.priced,
                    ruling,
                    degraded: true,
                };
                Ok(passed.ok_or(Failure::Unavailable(why))?.map(estimate))
            }
            answer => answer,
        }
    }

    async fn check_by_store(
        &self,
        tenant: &Name,
        event: &Event,
        age_seconds_max: i64,
    ) -> Result<Result<Estimate, Rejection>, Failure> {
        let received = self.now();
        let (snapshot, ages) = (self.snapshot(tenant).await?, (received, age_seconds_max));
        let snapshot = self.reach(snapshot, std::iter::once(event), ages).await?;
        let timely = timely(event.timestamp, received, age_seconds_max);
        let draft = match timely.and_then(|()| snapshot.draft(event, true, Mode::Enforce)) {
            Ok(draft) => draft,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let (rules, drafts) = (&snapshot.rules, std::slice::from_ref(&draft));
        let counters = rules.counters(drafts, Mode::Enforce, received);
        let standing = self.read_standing(tenant, &counters, received).await?;
        let decided = decide(rules, &standing, Mode::Enforce, received, drafts)?;
        let verdict = decided.verdicts.into_iter().next().unwrap_or_default();
        Ok(Ok(Estimate {
            priced: draft.priced,
            ruling: verdict.ruling,
            degraded: false,
        }))
    }
}
