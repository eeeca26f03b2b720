//! A configuration made ready to decide under.

use crate::decide::watch::{Watch, watches};
use crate::event::event::Event;
use crate::ledger::attribute::Figure;
use crate::limit::config::Config;
use crate::limit::counter::CounterKey;
use crate::limit::decision::Mode;
use crate::limit::limit::{Limit, OnUnavailable};
use crate::limit::series::Series;
use crate::price::draft::Draft;
use crate::time::instant::{DAY_SECONDS, Instant};
use crate::time::window::WindowKind;
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Seconds that markers and counters outlive the retention.
const GRACE_SECONDS: i64 = DAY_SECONDS;

/// A configuration made ready to decide under.
#[derive(Clone, Debug)]
pub struct Rules {
    config: Arc<Config>,
    tracks: Vec<Track>,
    credit: Figure,
}

/// A series with the limits that test it.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    pub(crate) series: Series,
    pub(crate) figure: Figure,
    pub(crate) limits: Vec<Arc<Limit>>,
    /// Their soft and hard values, ascending.
    pub(crate) steps: Vec<i128>,
    /// What of it is watched for alerts.
    pub(crate) watches: Vec<Watch>,
}

impl Track {
    /// The counter in which it counts `event`; `None` = it does not.
    pub(crate) fn counter(&self, event: &Event, received: Instant) -> Option<CounterKey> {
        self.series
            .counter(&event.dimensions, event.timestamp, received)
    }

    /// Whether it counts by second of receipt: what passes with its second, is
    /// never held, and given back by nobody.
    pub(crate) fn is_rate(&self) -> bool {
        self.series.window == WindowKind::Second
    }
}

impl Rules {
    /// Whether anything is limited by second.
    #[must_use]
    pub fn has_rates(&self) -> bool {
        self.tracks.iter().any(Track::is_rate)
    }

    /// Makes `config` ready.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        let limits: Vec<Arc<Limit>> = config.all_limits().into_iter().map(Arc::new).collect();
        let track = |series: &Series| {
            let of_series = |limit: &&Arc<Limit>| series.is_for(limit);
            let limits: Vec<Arc<Limit>> = limits.iter().filter(of_series).cloned().collect();
            let values = limits.iter().flat_map(|limit| [limit.soft, limit.hard]);
            let mut steps: Vec<i128> = values.flatten().collect();
            steps.sort_unstable();
            Track {
                watches: watches(config.alerts.as_ref(), series, &limits),
                limits,
                steps,
                figure: Figure::new(series.measure.clone(), series.since),
                series: series.clone(),
            }
        };
        let tracks = config.series.iter().map(track).collect();
        Self {
            config,
            tracks,
            credit: Figure::credit(),
        }
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// What sources of credit count, made once.
    pub(crate) fn credit(&self) -> &Figure {
        &self.credit
    }

    pub(crate) fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// The counters that `drafts` touch, sources of credit among them, for
    /// reading.
    #[must_use]
    pub fn counters(&self, drafts: &[Draft], mode: Mode, received: Instant) -> Vec<CounterKey> {
        let mut keys = BTreeSet::new();
        let tested = |track: &&Track| !(track.is_rate() && mode == Mode::Observe);
        for track in self.tracks.iter().filter(tested) {
            keys.extend(
                drafts
                    .iter()
                    .filter_map(|draft| track.counter(&draft.event, received)),
            );
        }
        keys.extend(
            drafts
                .iter()
                .flat_map(|draft| self.sources(draft, received)),
        );
        keys.into_iter().collect()
    }

    /// The sources of credit that `draft` may be drawn from, in order.
    #[must_use]
    pub fn sources(&self, draft: &Draft, received: Instant) -> Vec<CounterKey> {
        if !self.config.is_prepaid() {
            return Vec::new();
        }
        let sources = self.config.sources(draft.event.timestamp, received);
        sources.into_iter().map(|source| source.counter).collect()
    }

    /// Whether checks and holds pass while the store is out of reach: some limit
    /// of the tenant says so, and every one that applies to `draft`, tested yet
    /// or not.
    #[must_use]
    pub fn is_open_in_outage(&self, draft: &Draft, received: Instant) -> bool {
        let is_open = |limit: &Arc<Limit>| limit.on_unavailable == OnUnavailable::Allow;
        if !self
            .tracks
            .iter()
            .flat_map(|track| &track.limits)
            .any(is_open)
        {
            return false;
        }
        let applies = |track: &&Track| track.counter(&draft.event, received).is_some();
        let mut applying = self
            .tracks
            .iter()
            .filter(applies)
            .flat_map(|track| &track.limits);
        applying.all(is_open)
    }

    /// When what belongs to `from` may be forgotten.
    #[must_use]
    pub fn expiry(&self, from: Instant) -> Instant {
        let kept = i64::from(self.config.retention()).saturating_mul(DAY_SECONDS);
        from.plus_seconds(kept.saturating_add(GRACE_SECONDS))
    }

    /// When a counter written at `received` may be forgotten; `None` = never.
    #[must_use]
    pub fn counter_expiry(&self, key: &CounterKey, received: Instant) -> Option<Instant> {
        let end = key.window.end()?;
        Some(match key.window.kind {
            WindowKind::Second => end.plus_seconds(DAY_SECONDS.saturating_mul(2)),
            _ => self.expiry(end.max(received)),
        })
    }
}
