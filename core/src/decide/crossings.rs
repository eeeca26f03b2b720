//! Alerts: which thresholds of a limit a write crosses.
//!
//! A counter remembers, per limit, the highest percent that was announced. The
//! write that crosses sets it, guarded by what was read, and puts the alert
//! into the outbox in the same transaction: so each is announced once. What is
//! used crosses; what is held does not, as it may come to nothing.

use crate::decide::postings::{Amounts, Postings};
use crate::decide::rules::{Rules, Track};
use crate::decide::watch::Watch;
use crate::event::name::Name;
use crate::ledger::alert::Crossing;
use crate::ledger::attribute::Figure;
use crate::ledger::item::{ACTIONS_MAX, Change, Guard, Value, Write};
use crate::ledger::standing::Standing;
use crate::ledger::table;
use crate::limit::counter::{Count, CounterKey};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// What `postings` cross of what is watched, thresholds ascending; and bounds
/// them so that they cross nothing else.
pub(crate) fn find_crossings(
    rules: &Rules,
    standing: &Standing,
    postings: &mut Postings,
) -> Vec<Crossing> {
    let mut crossings = Vec::new();
    if rules.config().alerts.is_none() {
        return crossings;
    }
    for (counter, figure, amounts) in postings.iter_mut().filter(|(.., of)| of.is_use()) {
        let stood = standing.count(counter, figure);
        let after = Count {
            used: stood.used.saturating_add(amounts.used),
            held: stood.held.saturating_add(amounts.held),
        };
        for watch in watches(rules.tracks(), counter, figure) {
            let announced = watch.announced(standing, counter);
            let open = watch
                .steps
                .iter()
                .filter(|(percent, _)| *percent > announced);
            for (threshold, value) in open.copied() {
                if value > after.used {
                    bound(amounts, value);
                    continue;
                }
                crossings.push(Crossing {
                    counter: counter.clone(),
                    attribute: Arc::clone(&watch.attribute),
                    threshold,
                    announced,
                    limit: Arc::clone(&watch.limit),
                    count: after,
                });
            }
        }
    }
    crossings.sort_by_key(|crossing| crossing.threshold);
    crossings
}

/// Whether a threshold may be crossed by what `postings` post on `counter`.
pub(crate) fn may_cross(rules: &Rules, postings: &Postings, counter: &CounterKey) -> bool {
    let mut rising = postings
        .iter()
        .filter(|(of, _, amounts)| *of == counter && amounts.is_use());
    rising.any(|(_, figure, _)| watches(rules.tracks(), counter, figure).next().is_some())
}

/// Lets the figure stay below `value`.
fn bound(amounts: &mut Amounts, value: i128) {
    let most = value.saturating_sub(1).saturating_sub(amounts.used);
    amounts.used_max = Some(amounts.used_max.unwrap_or(i128::MAX).min(most));
}

fn watches<'a>(
    tracks: &'a [Track],
    counter: &'a CounterKey,
    figure: &'a Figure,
) -> impl Iterator<Item = &'a Watch> {
    let counts = move |track: &&Track| {
        let series = &track.series;
        let here = series.scope == counter.scope && series.window == counter.window.kind;
        let named = series.scope_id.as_ref();
        here && track.figure == *figure && named.is_none_or(|named| *named == counter.scope_id)
    };
    tracks
        .iter()
        .filter(counts)
        .flat_map(|track| &track.watches)
}

/// Keeps as many crossings as a transaction of `actions` other writes takes,
/// the lowest first. The next write that counts there announces the rest.
pub(crate) fn fit(crossings: &mut Vec<Crossing>, actions: usize) {
    let room = ACTIONS_MAX.saturating_sub(actions);
    crossings.truncate(room.checked_div(2).unwrap_or(0));
}

/// Lets the writes of counters remember what of `crossings` is announced.
pub(crate) fn mark_announced(tenant: &Name, crossings: &[Crossing], writes: &mut [Write]) {
    let mut highest: BTreeMap<(&CounterKey, &Arc<str>), &Crossing> = BTreeMap::new();
    for crossing in crossings {
        highest.insert((&crossing.counter, &crossing.attribute), crossing);
    }
    for ((counter, attribute), crossing) in highest {
        let key = table::counter(tenant, counter);
        let Some(write) = writes.iter_mut().find(|write| write.key == key) else {
            continue;
        };
        let percent = |percent: u8| Value::N(i128::from(percent));
        write.guards.push(match crossing.announced {
            0 => Guard::Lacks(Arc::clone(attribute)),
            announced => Guard::Equals(Arc::clone(attribute), percent(announced)),
        });
        if let Change::Update { set, .. } = &mut write.change {
            set.push((Arc::clone(attribute), percent(crossing.threshold)));
        }
    }
}
