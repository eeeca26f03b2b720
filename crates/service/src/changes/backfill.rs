//! Completing new counters with what their open windows already hold.

use crate::changes::fold::Part;
use crate::engine::service::Service;
use crate::engine::submission::AHEAD_SECONDS_MAX;
use crate::store::failure::Failure;
use crate::usage::range::Range;
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_core::{
    Attrs, Change, Config, CounterKey, Guard, Instant, Name, Overflow, Series, State, Tree, Value,
    WindowKind, Write, table,
};

type Sums = BTreeMap<CounterKey, BTreeMap<Arc<str>, i128>>;

impl Service {
    /// Adds to every counter of the series that `config` is still counting
    /// what pages planned before the series began hold of its open windows.
    /// Pages planned since have added themselves. Each counter takes its sum
    /// once, under a mark in the counter itself, so repeats change nothing.
    pub(crate) async fn backfill(&self, tenant: &Name, config: &Config) -> Result<(), Failure> {
        let tree = config.tree.as_ref();
        let series: Vec<Series> = config
            .series
            .iter()
            .filter(|series| series.state == State::Counting)
            .cloned()
            .collect();
        let start = series.iter().map(first_event).min().flatten();
        let sums: Sums = self
            .fold(
                tenant,
                Range { start, end: None },
                |sums: &mut Sums, part| add(sums, (&series, tree), &part),
            )
            .await?;
        for (key, counts) in &sums {
            self.add_once(tenant, config, key, counts).await?;
        }
        Ok(())
    }

    async fn add_once(
        &self,
        tenant: &Name,
        config: &Config,
        key: &CounterKey,
        counts: &BTreeMap<Arc<str>, i128>,
    ) -> Result<(), Failure> {
        for (attribute, amount) in counts {
            let mark: Arc<str> = Arc::from(format!("f:{attribute}"));
            let mut set = vec![(Arc::clone(&mark), Value::N(1))];
            if let Some(end) = key.window.end() {
                let kept = i64::from(config.retention()).saturating_mul(86_400);
                set.push((
                    table::TTL.into(),
                    Value::N(i128::from(end.plus_seconds(kept).unix_seconds())),
                ));
            }
            let change = Change::Update {
                add: vec![(Arc::clone(attribute), *amount)],
                set,
            };
            // Refused = this sum is already in.
            self.settle(&[Write {
                key: table::counter(tenant, key),
                change,
                guards: vec![Guard::Lacks(mark)],
            }])
            .await?;
        }
        Ok(())
    }

    /// What counters stand at, by counter.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub(crate) async fn counters(
        &self,
        tenant: &Name,
        keys: &[CounterKey],
    ) -> Result<Vec<Attrs>, Failure> {
        let keys: Vec<_> = keys.iter().map(|key| table::counter(tenant, key)).collect();
        Ok(self
            .store
            .read(&keys)
            .await?
            .into_iter()
            .map(Option::unwrap_or_default)
            .collect())
    }
}

/// The earliest event time that a series' open windows can hold; `None` = any.
fn first_event(series: &Series) -> Option<Instant> {
    match series.window {
        WindowKind::Total => None,
        kind => Some(
            series
                .calendar
                .holding(kind, series.from)
                .start
                .plus_seconds(AHEAD_SECONDS_MAX.saturating_neg()),
        ),
    }
}

fn add(
    sums: &mut Sums,
    (series, tree): (&[Series], Option<&Tree>),
    part: &Part<'_>,
) -> Result<(), Overflow> {
    let (at, totals) = part.totals();
    let (timestamp, received, version) = match part {
        Part::Event(stored, page) => (stored.event.timestamp, page.received, page.config_version),
        // Purged hours were received long before any series being filled.
        Part::Row { hour, .. } => (*hour, *hour, 0),
    };
    let mut counted: Vec<(CounterKey, Arc<str>)> = Vec::new();
    for series in series.iter().filter(|series| version < series.since) {
        let Some((scope_id, window)) = series.place(tree, at, timestamp, received) else {
            continue;
        };
        let key = CounterKey {
            scope: series.scope,
            scope_id,
            window,
        };
        let attribute: Arc<str> = Arc::from(series.taken_attribute());
        // A named and an "each" series since one version share the attribute.
        let place = (key.clone(), Arc::clone(&attribute));
        if counted.contains(&place) {
            continue;
        }
        counted.push(place);
        let amount = series.measure.of_totals(at, &totals);
        let sum = sums.entry(key).or_default().entry(attribute).or_insert(0);
        *sum = sum.checked_add(amount).ok_or(Overflow)?;
    }
    Ok(())
}
