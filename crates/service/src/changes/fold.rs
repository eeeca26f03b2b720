//! Everything recorded, event by event: pages, and full rollup rows of the
//! receipt hours whose pages are purged.

use crate::engine::service::Service;
use crate::store::failure::Failure;
use crate::store::store::Query;
use crate::usage::range::Range;
use crate::usage::scan::{rows_of, spans};
use std::collections::{BTreeMap, BTreeSet};
use tollgate_core::{
    Dimensions, HOUR_SECONDS, Instant, Name, Overflow, Page, Place, Roster, Stored, Totals, View,
    table,
};

/// One piece of what was recorded.
pub(crate) enum Part<'a> {
    /// An event, from its page.
    Event(&'a Stored, &'a Page),
    /// Totals of an hour, from the rollup of a purged receipt hour.
    Row {
        /// The hour in which the events happened.
        hour: Instant,
        /// Where the use belongs.
        at: &'a Dimensions,
        /// What it adds up to.
        totals: &'a Totals,
    },
}

impl Part<'_> {
    /// Where the use belongs and what it adds up to.
    pub(crate) fn totals(&self) -> (&Dimensions, Totals) {
        match self {
            Self::Event(stored, _) => (&stored.event.dimensions, stored.totals()),
            Self::Row { at, totals, .. } => (at, **totals),
        }
    }
}

/// How often a fold starts anew because a purge passed by.
const PASSES_MAX: usize = 5;

impl Service {
    /// Folds all events of `tenant` in `range` into an `A`; of purged hours,
    /// whole ones that `range` holds something of. A purge that passes
    /// by makes it start anew.
    pub(crate) async fn fold<A, F>(
        &self,
        tenant: &Name,
        range: Range,
        visit: F,
    ) -> Result<A, Failure>
    where
        A: Default,
        F: Fn(&mut A, Part<'_>) -> Result<(), Overflow>,
    {
        let Some(created) = self.snapshot(tenant).await?.pack.config().created else {
            return Ok(A::default());
        };
        // Nothing is received before the tenant, nor an hour before its time.
        let first = range
            .start
            .map_or(created, |start| start.max(created))
            .plus_seconds(-HOUR_SECONDS);
        for _ in 0..PASSES_MAX {
            let purged = self.purged_hours(tenant).await?;
            let mut sum = A::default();
            self.visit_pages(tenant, first, range, |page| {
                let inside = page
                    .events
                    .iter()
                    .filter(|stored| range.holds(stored.event.timestamp));
                let kept = !purged.contains(&page.received.hour());
                Ok(inside
                    .filter(|_| kept)
                    .try_for_each(|stored| visit(&mut sum, Part::Event(stored, &page)))?)
            })
            .await?;
            self.fold_purged(tenant, (first, range), &purged, |part| {
                visit(&mut sum, part)
            })
            .await?;
            if self.purged_hours(tenant).await? == purged {
                return Ok(sum);
            }
        }
        Err(Failure::Unavailable("a purge is going on".to_owned()))
    }

    async fn fold_purged<F>(
        &self,
        tenant: &Name,
        (first, range): (Instant, Range),
        purged: &BTreeSet<String>,
        mut visit: F,
    ) -> Result<(), Failure>
    where
        F: FnMut(Part<'_>) -> Result<(), Overflow>,
    {
        let first = first.day();
        let days: BTreeSet<&str> = purged
            .iter()
            .filter_map(|hour| hour.get(..10))
            .filter(|day| *day >= first.as_str())
            .collect();
        let mut rosters: BTreeMap<String, Roster> = BTreeMap::new();
        for day in days {
            for (sk, attrs) in self
                .all(Query::of(table::hour_rollups(tenant, View::Full, day)))
                .await?
            {
                let (hour, received) = spans(&sk, ":00:00Z")?;
                let end = hour.plus_seconds(HOUR_SECONDS);
                let inside = range.start.is_none_or(|start| start < end)
                    && range.end.is_none_or(|limit| hour < limit);
                if !inside || !purged.contains(&received.hour()) {
                    continue;
                }
                let month = received.month();
                if !rosters.contains_key(&month) {
                    rosters.insert(
                        month.clone(),
                        self.roster(tenant, &month, self.now()).await?,
                    );
                }
                for (place, tally) in rows_of(&attrs)? {
                    let at = rosters
                        .get(&month)
                        .and_then(|roster| dimensions(place, roster));
                    let at = at.ok_or_else(|| {
                        Failure::Broken("a rollup row has no operation".to_owned())
                    })?;
                    visit(Part::Row {
                        hour,
                        at: &at,
                        totals: &tally.totals,
                    })?;
                }
            }
        }
        Ok(())
    }
}

/// The place of a full row with names again.
fn dimensions(place: Place, roster: &Roster) -> Option<Dimensions> {
    Some(Dimensions {
        operation: place.operation?,
        tier: place.tier?,
        agent: place
            .agent
            .and_then(|agent| roster.agent_of(agent))
            .cloned(),
        consumer: place
            .consumer
            .and_then(|consumer| roster.consumer_of(consumer))
            .cloned(),
        session: place.session,
        tool_server: place.tool_server,
        tool_name: place.tool_name,
        model: place.model,
        node: place.node,
    })
}
