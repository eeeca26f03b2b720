//! Alerts: which thresholds of a limit a write crosses.
//!
//! A counter remembers, per limit, the highest percent that was announced. The
//! write that crosses sets it, guarded by what was read, and puts the alert
//! into the outbox in the same transaction: so each is announced once.

use crate::decide::rules::Track;
use crate::ledger::alert::Crossing;
use crate::ledger::item::{ACTIONS_MAX, Change, Guard, Value, Write};
use crate::limit::counter::{Count, CounterKey, Standing};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

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
        let here = !track.watches.is_empty()
            && series.scope == key.scope
            && series.window == key.window.kind
            && track.taken == *taken;
        here && series
            .scope_id
            .as_ref()
            .is_none_or(|named| *named == key.scope_id)
    };
    for watch in tracks
        .iter()
        .filter(counted)
        .flat_map(|track| &track.watches)
    {
        let announced = watch.announced(standing, key);
        for (threshold, value) in watch
            .steps
            .iter()
            .copied()
            .filter(|(percent, _)| i128::from(*percent) > announced)
        {
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
    crossings.truncate(
        ACTIONS_MAX
            .saturating_sub(actions)
            .checked_div(2)
            .unwrap_or(0),
    );
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
            set.push((
                Arc::clone(attribute),
                Value::N(i128::from(crossing.threshold)),
            ));
        }
    }
    write
}

/// By counter, then attribute, what is added without testing a limit.
type Changes = BTreeMap<CounterKey, BTreeMap<Arc<str>, i128>>;

/// Whether adding `counts` to `key` may cross a threshold.
pub(crate) fn may_cross(
    tracks: &[Track],
    key: &CounterKey,
    counts: &BTreeMap<Arc<str>, i128>,
) -> bool {
    let adds = |track: &Track| counts.get(&track.taken).is_some_and(|amount| *amount > 0);
    tracks
        .iter()
        .any(|track| track.series.scope == key.scope && adds(track) && !track.watches.is_empty())
}

/// What `changes` cross, and the guards under which they cross nothing else.
pub(crate) fn booked(
    tracks: &[Track],
    standing: Option<&Standing>,
    changes: &Changes,
) -> (Vec<Crossing>, Vec<(CounterKey, Guard)>) {
    let (mut crossings, mut guards) = (Vec::new(), Vec::new());
    for (key, counts) in changes
        .iter()
        .filter(|(key, counts)| may_cross(tracks, key, counts))
    {
        for (taken, amount) in counts.iter().filter(|(_, amount)| **amount > 0) {
            let Some(track) = tracks.iter().find(|track| track.taken == *taken) else {
                continue;
            };
            let stood = standing
                .and_then(|standing| standing.get(key)?.get(taken))
                .copied()
                .unwrap_or_default();
            let held = stood
                .held
                .saturating_add(counts.get(&track.held).copied().unwrap_or(0));
            let after = Count {
                taken: stood.taken.saturating_add(*amount),
                held,
            };
            let (crossed, most) = crossed(tracks, standing, key, taken, after);
            crossings.extend(crossed);
            guards.extend(most.map(|most| {
                (
                    key.clone(),
                    Guard::AtMost(Arc::clone(taken), most.saturating_sub(*amount)),
                )
            }));
        }
    }
    (crossings, guards)
}
