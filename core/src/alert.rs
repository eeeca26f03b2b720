//! Alerts: which thresholds of a limit a write crosses.
//!
//! A counter remembers, per limit, the highest percent that was announced. The
//! write that crosses sets it, guarded by what was read, and puts the alert
//! into the outbox in the same transaction: so each is announced once.

use crate::config::{Series, State, Track};
use crate::limit::Limit;
use crate::plan::ACTIONS_MAX;
use crate::{Change, Count, CounterKey, Guard, Standing, Value, WindowKind, Write};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// When a tenant is told how far its limits are used, and where.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Alerts {
    /// Percents from 1 to 100 of a limit's hard value (else its soft one),
    /// 1 to 10 of them, ascending, none twice.
    pub thresholds: Vec<u8>,
    /// Where alerts are sent; absent = nowhere, they are only shown.
    pub url: Option<String>,
    /// What signs them; there is one where there is a `url`.
    pub secret: Option<Secret>,
}

/// What signs alerts. It is never shown by formatting.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Alerts {
    /// The thresholds that hold where none are named.
    pub const THRESHOLDS: [u8; 3] = [50, 80, 100];
}

/// The first value that is `percent` of `value` or more.
fn share(value: i128, percent: u8) -> i128 {
    let percent = i128::from(percent);
    let (hundreds, rest) = (value.checked_div(100).unwrap_or(0), value.checked_rem(100).unwrap_or(0));
    let rest = rest.saturating_mul(percent).saturating_add(99).checked_div(100).unwrap_or(0);
    hundreds.saturating_mul(percent).saturating_add(rest)
}

/// One limit's thresholds, as a series' counters are tested for them.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    limit: Arc<Limit>,
    /// The counter attribute that holds the highest percent announced.
    pub(crate) attribute: Arc<str>,
    /// Percents and the values that reach them, ascending.
    steps: Vec<(u8, i128)>,
}

/// What is watched of a series: a rate by second is not, as it would alert
/// every second, nor is a series that is still being filled.
pub(crate) fn watches(alerts: Option<&Alerts>, series: &Series, limits: &[Arc<Limit>]) -> Vec<Watch> {
    let Some(alerts) = alerts.filter(|_| series.state == State::Active && series.window != WindowKind::Second) else {
        return Vec::new();
    };
    let watch = |limit: &Arc<Limit>| {
        let value = limit.hard.or(limit.soft).filter(|value| *value > 0)?;
        let steps = alerts.thresholds.iter().map(|percent| (*percent, share(value, *percent))).collect();
        let attribute = Arc::from(format!("a:{}:{}", limit.layer.as_str(), limit.id));
        Some(Watch { limit: Arc::clone(limit), attribute, steps })
    };
    limits.iter().filter_map(watch).collect()
}

impl Watch {
    /// The highest percent announced, as far as `standing` knows.
    fn announced(&self, standing: Option<&Standing>, key: &CounterKey) -> i128 {
        standing.and_then(|standing| standing.get(key)?.get(&self.attribute)).map_or(0, |count| count.taken)
    }

    /// How many thresholds going from `before` to `after` adds to those that a
    /// transaction announces; `first` = it counts nothing there yet.
    pub(crate) fn more(&self, standing: Option<&Standing>, key: &CounterKey, (before, after): (i128, i128), first: bool) -> usize {
        let announced = self.announced(standing, key);
        let is_new = |(percent, value): &&(u8, i128)| i128::from(*percent) > announced && *value <= after && (first || *value > before);
        self.steps.iter().filter(is_new).count()
    }
}

/// One threshold of one limit, crossed by a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// The counter.
    pub counter: CounterKey,
    /// Its attribute that remembers the highest percent announced.
    pub attribute: Arc<str>,
    /// The threshold, in percent.
    pub threshold: u8,
    /// The highest percent announced before; 0 = none.
    announced: i128,
    /// The attribute that was added to.
    pub(crate) taken: Arc<str>,
    pub(crate) limit: Arc<Limit>,
    /// What the counter holds after the write, as far as was read.
    pub(crate) count: Count,
}

/// What adding to the attribute `taken` of `key` crosses, where it leaves
/// `after`; and the most that it may be left at for nothing else to be.
pub(crate) fn crossed(
    tracks: &[Track],
    standing: Option<&Standing>,
    key: &CounterKey,
    taken: &Arc<str>,
    after: Count,
) -> (Vec<Crossing>, Option<i128>) {
    let (mut crossings, mut most) = (Vec::new(), None::<i128>);
    let counted = |track: &&Track| {
        let series = &track.series;
        let here = !track.watches.is_empty() && series.scope == key.scope && series.window == key.window.kind && track.taken == *taken;
        here && series.scope_id.as_ref().is_none_or(|named| *named == key.scope_id)
    };
    for watch in tracks.iter().filter(counted).flat_map(|track| &track.watches) {
        let announced = watch.announced(standing, key);
        for (threshold, value) in watch.steps.iter().copied().filter(|(percent, _)| i128::from(*percent) > announced) {
            if value > after.taken {
                most = Some(most.unwrap_or(i128::MAX).min(value.saturating_sub(1)));
                continue;
            }
            crossings.push(Crossing {
                counter: key.clone(),
                attribute: Arc::clone(&watch.attribute),
                threshold,
                announced,
                taken: Arc::clone(taken),
                limit: Arc::clone(&watch.limit),
                count: after,
            });
        }
    }
    (crossings, most)
}

/// Keeps as many crossings as a transaction of `actions` other writes takes.
/// The next write that counts there announces the rest.
pub(crate) fn fit(crossings: &mut Vec<Crossing>, actions: usize) {
    crossings.truncate(ACTIONS_MAX.saturating_sub(actions).checked_div(2).unwrap_or(0));
}

/// The counter's write that also remembers what of `crossings` is announced.
pub(crate) fn marked(mut write: Write, key: &CounterKey, crossings: &[Crossing]) -> Write {
    let mut highest: BTreeMap<&Arc<str>, &Crossing> = BTreeMap::new();
    for crossing in crossings.iter().filter(|crossing| crossing.counter == *key) {
        let held = highest.entry(&crossing.attribute).or_insert(crossing);
        if crossing.threshold > held.threshold {
            *held = crossing;
        }
    }
    for (attribute, crossing) in highest {
        write.guards.push(match crossing.announced {
            0 => Guard::Lacks(Arc::clone(attribute)),
            announced => Guard::Equals(Arc::clone(attribute), Value::N(announced)),
        });
        if let Change::Update { set, .. } = &mut write.change {
            set.push((Arc::clone(attribute), Value::N(i128::from(crossing.threshold))));
        }
    }
    write
}

/// By counter, then attribute, what is added without testing a limit.
type Changes = BTreeMap<CounterKey, BTreeMap<Arc<str>, i128>>;

/// Whether adding `counts` to `key` may cross a threshold.
pub(crate) fn may_cross(tracks: &[Track], key: &CounterKey, counts: &BTreeMap<Arc<str>, i128>) -> bool {
    let adds = |track: &Track| counts.get(&track.taken).is_some_and(|amount| *amount > 0);
    tracks.iter().any(|track| track.series.scope == key.scope && adds(track) && !track.watches.is_empty())
}

/// What `changes` cross, and the guards under which they cross nothing else.
pub(crate) fn booked(tracks: &[Track], standing: Option<&Standing>, changes: &Changes) -> (Vec<Crossing>, Vec<(CounterKey, Guard)>) {
    let (mut crossings, mut guards) = (Vec::new(), Vec::new());
    for (key, counts) in changes.iter().filter(|(key, counts)| may_cross(tracks, key, counts)) {
        for (taken, amount) in counts.iter().filter(|(_, amount)| **amount > 0) {
            let Some(track) = tracks.iter().find(|track| track.taken == *taken) else { continue };
            let stood = standing.and_then(|standing| standing.get(key)?.get(taken)).copied().unwrap_or_default();
            let held = stood.held.saturating_add(counts.get(&track.held).copied().unwrap_or(0));
            let after = Count { taken: stood.taken.saturating_add(*amount), held };
            let (crossed, most) = crossed(tracks, standing, key, taken, after);
            crossings.extend(crossed);
            guards.extend(most.map(|most| (key.clone(), Guard::AtMost(Arc::clone(taken), most.saturating_sub(*amount)))));
        }
    }
    (crossings, guards)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_the_first_whole_value_that_reaches_it() {
        for (value, percent, first) in [
            (100, 50, 50),
            (3, 50, 2),
            (1, 1, 1),
            (7, 80, 6),
            (7, 100, 7),
            (199, 99, 198),
            (crate::amount::BOUND, 100, crate::amount::BOUND),
        ] {
            assert_eq!(share(value, percent), first, "{percent} % of {value}");
        }
    }

    #[test]
    fn a_secret_is_not_shown_by_formatting() {
        let alerts = Alerts { thresholds: Alerts::THRESHOLDS.to_vec(), url: None, secret: Some(Secret("hidden".into())) };
        assert!(!format!("{alerts:?}").contains("hidden"));
    }
}
