//! A configuration made ready to decide under.

use crate::decide::ruling::Decided;
use crate::event::totals::Overflow;
use crate::ledger::item::{Attrs, Value};
use crate::limit::alerts::Watch;
use crate::limit::config::Config;
use crate::limit::counter::{CounterKey, Standing};
use crate::limit::credit::{credit_attribute, credit_held_attribute};
use crate::limit::decision::Mode;
use crate::limit::limit::{Limit, OnUnavailable};
use crate::limit::series::Series;
use crate::price::draft::Draft;
use crate::time::instant::Instant;
use crate::time::window::WindowKind;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A configuration made ready to plan under.
#[derive(Clone, Debug)]
pub struct Pack {
    config: Arc<Config>,
    tracks: Vec<Track>,
    /// The attribute of credit, made once.
    credit: Arc<str>,
}

impl Pack {
    /// Makes `config` ready.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        let tracks = config.tracks();
        Self {
            config,
            tracks,
            credit: credit_attribute(),
        }
    }

    /// Decides `drafts` in order against `standing`.
    ///
    /// # Errors
    /// [`Overflow`] where a counter would leave its 38 digits.
    pub fn decide(
        &self,
        standing: &Standing,
        mode: Mode,
        received: Instant,
        drafts: &[Draft],
    ) -> Result<Decided, Overflow> {
        crate::decide::decide::decide(self, standing, mode, received, drafts)
    }

    /// The attribute of what is taken of a source of credit.
    pub(crate) fn credit(&self) -> &Arc<str> {
        &self.credit
    }

    pub(crate) fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The counters and attributes that `drafts` touch, for reading.
    #[must_use]
    pub fn counters(&self, drafts: &[Draft], mode: Mode, received: Instant) -> Vec<CounterKey> {
        let mut keys = alloc::collections::BTreeSet::new();
        for track in &self.tracks {
            if track.series.window == WindowKind::Second && mode == Mode::Observe {
                continue;
            }
            for draft in drafts {
                let (at, timestamp) = (&draft.event.dimensions, draft.event.timestamp);
                if let Some((scope_id, window)) =
                    track
                        .series
                        .place(self.config.tree.as_ref(), at, timestamp, received)
                {
                    keys.insert(CounterKey {
                        scope: track.series.scope,
                        scope_id,
                        window,
                    });
                }
            }
        }
        keys.extend(
            drafts
                .iter()
                .flat_map(|draft| self.sources(draft, received)),
        );
        keys.into_iter().collect()
    }

    /// Whether checks and holds pass while the store is out of reach: some limit
    /// of the tenant says so, and every one that applies to `draft`, tested yet
    /// or not.
    #[must_use]
    pub fn is_open_in_outage(&self, draft: &Draft, received: Instant) -> bool {
        let (at, timestamp, tree) = (
            &draft.event.dimensions,
            draft.event.timestamp,
            self.config.tree.as_ref(),
        );
        let is_open =
            |limit: &Arc<crate::limit::limit::Limit>| limit.on_unavailable == OnUnavailable::Allow;
        if !self
            .tracks
            .iter()
            .flat_map(|track| &track.limits)
            .any(is_open)
        {
            return false;
        }
        let applying = self
            .tracks
            .iter()
            .filter(|track| track.series.place(tree, at, timestamp, received).is_some());
        applying.flat_map(|track| &track.limits).all(is_open)
    }

    /// The sources of credit that `draft` may be drawn from.
    #[must_use]
    pub fn sources(&self, draft: &Draft, received: Instant) -> Vec<CounterKey> {
        if !self.config.is_prepaid() {
            return Vec::new();
        }
        self.config
            .sources(draft.event.timestamp, received)
            .into_iter()
            .map(|source| source.counter)
            .collect()
    }

    /// The counts that a counter item holds, and the percents announced.
    #[must_use]
    pub fn counts(&self, attrs: &Attrs) -> BTreeMap<Arc<str>, crate::limit::counter::Count> {
        let number = |name: &Arc<str>| attrs.get(name).and_then(Value::as_number).unwrap_or(0);
        let counts = self.tracks.iter().map(|track| {
            let count = crate::limit::counter::Count {
                taken: number(&track.taken),
                held: number(&track.held),
            };
            (Arc::clone(&track.taken), count)
        });
        let announced = self
            .tracks
            .iter()
            .flat_map(|track| &track.watches)
            .map(|watch| {
                let count = crate::limit::counter::Count {
                    taken: number(&watch.attribute),
                    held: 0,
                };
                (Arc::clone(&watch.attribute), count)
            });
        let credit = crate::limit::counter::Count {
            taken: number(&credit_attribute()),
            held: number(&credit_held_attribute()),
        };
        counts
            .chain(announced)
            .chain([(credit_attribute(), credit)])
            .collect()
    }
}

/// A series with the limits that test it.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    pub(crate) series: Series,
    pub(crate) limits: Vec<Arc<Limit>>,
    pub(crate) taken: Arc<str>,
    pub(crate) held: Arc<str>,
    /// What of it is watched for alerts.
    pub(crate) watches: Vec<Watch>,
}
